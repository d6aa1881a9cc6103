// The map of a latent: its points, the images that a lasso catches, and the neighbours of one.
function buildMap(root) {
  const runs = explored.runs;
  const chosen = element("select", {}), method = element("select", {}, option("t-SNE", "tsne"), option("PCA", "pca"));
  runs.forEach((run, i) => chosen.add(option(run.label, i)));
  const trust = element("span", { class: "quiet" });
  const plot = element("div", { class: "square" });
  const legend = element("div", { class: "legend", role: "group", "aria-label": "Classes that are shown" });
  const side = element("div", { class: "aside" }), sheet = element("div", {});
  const zoom = (text, label, click) => element("button", { type: "button", "aria-label": label, onclick: click }, text);
  root.append(
    element("div", { class: "tools" }, element("label", {}, "Run", chosen), element("label", {}, "Map", method), trust,
      element("span", { class: "end" }, zoom("+", "Zoom in", () => scatter.zoom(1.6)), zoom("\u2212", "Zoom out", () => scatter.zoom(1 / 1.6)), zoom("Whole", "Show the whole map", () => scatter.zoom(0)))),
    element("div", { class: "beside" }, element("div", {}, plot, legend), side), sheet);
  let run, set, points = [], hidden = new Set(), caught = [];

  const scatter = new Scatter(plot, {
    label: "Map of the latent. Arrow keys go from image to image, Enter shows the neighbours of one, space adds it to the sheet, plus and minus zoom.",
    lasso: true,
    told: (point) => [tile(set.sprite, point.place, "", 96), element("br"), element("strong", {}, className(set, point.label) || "image " + set.indices[point.place]),
      `\n${point.label === null ? "" : "image " + set.indices[point.place] + "\n"}error ${written(errorAt(run, point.place))}`],
    picked: (point) => neighbours(point),
    caught: (found) => gather(found),
    added: (point) => gather(caught.includes(point) ? caught.filter((one) => one !== point) : [...caught, point]),
  });

  const card = (place, alt, size = 56) => element("figure", {}, tile(set.sprite, place, imageName(set, place), size), reconstruction(run, place, size) || "", element("span", {}, alt));

  function neighbours(point) {
    const near = Array.from({ length: explored.of }, (_, i) => run.neighbours[explored.of * point.place + i]).filter((place) => place !== explored.none);
    const same = near.filter((place) => labelAt(set, place) === point.label).length;
    points.forEach((one) => { one.linked = near.includes(one.place); });
    scatter.draw();
    side.replaceChildren(
      element("h3", {}, imageName(set, point.place)),
      element("div", { class: "tiles large" }, element("figure", {}, tile(set.sprite, point.place, "The clean image", 112), element("span", {}, "clean")),
        ...(set.pictureOf.has(point.place) ? [element("figure", {}, reconstruction(run, point.place, 112), element("span", {}, "reconstruction"))] : [])),
      element("p", {}, `Error ${written(errorAt(run, point.place))}.` + (set.pictureOf.has(point.place) ? "" : " Its reconstruction is not among those that this page carries.")),
      element("h3", {}, "Nearest in the latent"),
      element("p", { class: "quiet" }, near.length ? `Ringed on the map, where they may lie elsewhere.${point.label === null ? "" : ` ${same} of ${near.length} are of its class.`}` : "Unknown."),
      element("div", { class: "sheet" }, ...near.map((place) => card(place, className(set, labelAt(set, place)) || String(set.indices[place])))));
    say(`${near.length} neighbours of ${imageName(set, point.place)}`);
  }

  function gather(found) {
    caught.forEach((point) => { point.chosen = false; });
    caught = found;
    caught.forEach((point) => { point.chosen = true; });
    scatter.draw();
    if (!caught.length) { sheet.replaceChildren(); return; }
    const counts = new Map();
    caught.forEach((point) => counts.set(point.label, (counts.get(point.label) || 0) + 1));
    const classes = set.classes.length ? ": " + [...counts].sort((x, y) => y[1] - x[1]).map(([label, n]) => `${n} ${className(set, label)}`).join(", ") : "";
    const errors = caught.map((point) => errorAt(run, point.place));
    const order = [...caught].sort((x, y) => errorAt(run, y.place) - errorAt(run, x.place));
    const text = `${caught.length} image${caught.length > 1 ? "s" : ""}${classes}; mean error ${written(errors.reduce((sum, one) => sum + one, 0) / errors.length)}`;
    sheet.replaceChildren(element("div", { class: "tools" }, element("h3", {}, text), element("span", { class: "end" }, element("button", { type: "button", onclick: () => gather([]) }, "Clear"))),
      element("div", { class: "sheet" }, ...order.slice(0, 96).map((point) => element("figure", {}, tile(set.sprite, point.place, imageName(set, point.place), 56), element("span", {}, written(errorAt(run, point.place)))))),
      order.length > 96 ? element("p", { class: "quiet" }, `The ${96} of largest error are shown.`) : "");
    say(text);
  }

  function draw() {
    const coordinates = run[method.value];
    caught = [];
    sheet.replaceChildren();
    points = [];
    for (let place = 0; place < set.indices.length; place++) {
      const [x, y] = [coordinates[2 * place], coordinates[2 * place + 1]], label = labelAt(set, place);
      if (x === explored.none || hidden.has(label)) continue;
      points.push({ place, label, x: x / explored.span, y: y / explored.span, color: inked(set.colors[label ?? 0] || set.colors[0]) });
    }
    scatter.show(points);
    const value = run.trustworthiness[method.value];
    trust.textContent = value === undefined ? "" : `Map trustworthiness ${value.toFixed(2)}`;
    side.replaceChildren(element("p", { class: "quiet" }, "Click a point for its reconstruction and its neighbours. Draw around points to see their images. Zoom with + and \u2212, or the wheel once the map is clicked."));
  }

  function classes() {
    legend.replaceChildren();
    if (!set.classes.length) return;
    const present = [...new Set(set.labels)].sort((x, y) => x - y);
    const buttons = present.map((label) => {
      const dot = element("i", {});
      dot.style.background = inked(set.colors[label]);
      const button = element("button", { type: "button", "aria-pressed": "true", onclick: () => { if (!hidden.delete(label)) hidden.add(label); update(); } }, dot, className(set, label));
      return [label, button];
    });
    const update = () => { buttons.forEach(([label, button]) => button.setAttribute("aria-pressed", String(!hidden.has(label)))); draw(); };
    legend.append(...buttons.map(([, button]) => button),
      element("button", { type: "button", onclick: () => { hidden.clear(); update(); } }, "all"),
      element("button", { type: "button", onclick: () => { hidden = new Set(present); update(); } }, "none"));
  }

  function choose() {
    run = runs[chosen.value];
    if (set !== run.data) { set = run.data; hidden = new Set(); classes(); }
    draw();
  }
  chosen.addEventListener("change", choose);
  method.addEventListener("change", draw);
  darkly.addEventListener("change", () => { classes(); draw(); });
  chosen.value = 0;
  choose();
}

const builders = { compare: buildCompare, map: buildMap };
const exploring = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    exploring.unobserve(entry.target);
    builders[entry.target.id](entry.target);
  }
}, { rootMargin: "500px" });
document.querySelectorAll(".explore").forEach((root) => exploring.observe(root));
