// Two runs beside each other: every test image is a point, its error with one against the other's.
function buildCompare(root) {
  const runs = explored.runs;
  const one = element("select", {}), two = element("select", {}), only = element("select", {});
  runs.forEach((run, i) => { one.add(option(run.label, i)); two.add(option(run.label, i)); });
  const verdict = element("p", { class: "verdict" });
  const plot = element("div", { class: "square" });
  const side = element("div", { class: "aside" });
  const strips = element("div", { class: "strips" });
  const swap = element("button", { type: "button", onclick: () => { [one.value, two.value] = [two.value, one.value]; choose(); } }, "Swap");
  root.append(
    element("div", { class: "tools" }, element("label", {}, "Run A", one), element("label", {}, "Run B", two), swap, element("label", {}, "Class", only)),
    verdict, element("div", { class: "beside" }, plot, side), strips);
  let a, b, set, low, high, points;

  const scatter = new Scatter(plot, {
    label: "Error of each test image, of run A across and of run B upward, on logarithmic axes. Arrow keys go from image to image.",
    faint: 0.3,
    told: (point) => [...told(point)],
    picked: (point) => detail(point),
    axes(scatter, context) {
      const [x0, y0] = scatter.spot({ x: 0, y: 0 }), [x1, y1] = scatter.spot({ x: 1, y: 1 });
      context.font = "11.5px system-ui, sans-serif";
      context.lineWidth = 1;
      for (let power = Math.floor(low); power <= high; power++) {
        for (const step of [1, 2, 5]) {
          const at = (Math.log10(step) + power - low) / (high - low);
          if (at < 0 || at > 1) continue;
          const [x, y] = scatter.spot({ x: at, y: at });
          context.strokeStyle = style("line");
          context.beginPath();
          context.moveTo(x, y0); context.lineTo(x, y1); context.moveTo(x0, y); context.lineTo(x1, y);
          context.stroke();
          context.fillStyle = style("soft");
          context.textAlign = "left";
          const text = written(step * 10 ** power);
          if (x < x1 - 30) context.fillText(text, x + 3, y0 - 4);
          if (y > y1 + 14 && y < y0 - 16) context.fillText(text, x0 + 3, y - 3);
        }
      }
      context.strokeStyle = style("soft");
      context.setLineDash([4, 4]);
      context.beginPath();
      context.moveTo(x0, y0); context.lineTo(x1, y1);
      context.stroke();
      context.setLineDash([]);
      context.fillStyle = style("soft");
      context.textAlign = "right";
      context.fillText("error of A \u2192", x1 - 4, y0 - 18);
      context.save();
      context.translate(x0 + 42, y1 + 6);
      context.rotate(-Math.PI / 2);
      context.fillText("error of B \u2192", 0, 0);
      context.restore();
      context.textAlign = "left";
      context.fillText("A is better", x0 + 56, y1 + 18);
      context.textAlign = "right";
      context.fillText("B is better", x1 - 6, y0 - 40);
    },
  });

  function images(point, size) {
    if (point.place === undefined) return [];
    const tiles = [["clean", tile(set.sprite, point.place, imageName(set, point.place), size)], ["A", reconstruction(a, point.place, size)], ["B", reconstruction(b, point.place, size)]];
    return tiles.filter(([, canvas]) => canvas).map(([name, canvas]) => element("figure", {}, canvas, element("span", {}, name)));
  }
  function name(point) { return ["image " + point.index, className(set, point.label)].filter(Boolean).join(", "); }
  function* told(point) {
    yield element("div", { class: "tiles" }, ...images(point, 64));
    yield element("strong", {}, name(point));
    yield `\nA ${written(point.a)}\nB ${written(point.b)}`;
  }
  function detail(point) {
    side.replaceChildren(
      element("p", { class: "quiet" }, "Point at an image to see it through both runs; click to keep it here. Above the dashed line A has less error, below it B."),
      element("h3", {}, name(point)), element("div", { class: "tiles large" }, ...images(point, 112)),
      element("p", {}, `A ${written(point.a)}, B ${written(point.b)}: B makes ${written(point.b / point.a)} times A's error.`),
      point.large ? "" : element("p", { class: "quiet" }, "This image is not pictured; the darker points are."));
  }

  function choose() {
    [a, b] = [runs[one.value], runs[two.value]];
    if (b.set !== a.set) { b = runs.find((run) => run.set === a.set && run !== a) || a; two.value = runs.indexOf(b); }
    [...two.options].forEach((item, i) => { item.disabled = runs[i].set !== a.set; });
    if (set !== a.data) {
      set = a.data;
      only.replaceChildren(option("all", ""), ...set.classes.map((text, i) => option(text, i)));
      only.parentElement.hidden = !set.classes.length;
    }
    const label = only.value === "" ? null : Number(only.value);
    points = [];
    [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < a.errors.length; i++) {
      const index = set.every ? i : set.indices[i], of = set.labels ? set.labels[i] : null;
      const [ea, eb] = [a.errors[i], b.errors[i]];
      if (!(ea > 0 && eb > 0) || (label !== null && of !== label)) continue;
      const place = set.every ? set.placeOf.get(i) : i;
      low = Math.min(low, ea, eb);
      high = Math.max(high, ea, eb);
      points.push({ index, place, a: ea, b: eb, label: of, large: place !== undefined && set.pictureOf.has(place) });
    }
    [low, high] = points.length ? [Math.log10(low) - 0.05, Math.log10(high) + 0.05] : [-3, -1];
    const color = style("accent");
    for (const point of points) {
      point.x = (Math.log10(point.a) - low) / (high - low);
      point.y = (Math.log10(point.b) - low) / (high - low);
      point.color = color;
    }
    scatter.show(points);
    const better = points.filter((point) => point.a < point.b).length;
    const ratios = points.map((point) => point.b / point.a).sort((x, y) => x - y);
    const mean = (key) => points.reduce((sum, point) => sum + point[key], 0) / points.length;
    verdict.textContent = !points.length ? "No image has an error with both." : a === b ? "Choose two runs." :
      `A has less error on ${((100 * better) / points.length).toFixed(1)} % of ${points.length.toLocaleString("en")} test images; the mean is ${written(mean("a"))} with A and ${written(mean("b"))} with B; at the median B makes ${written(ratios[ratios.length >> 1])} times A's error.` + (a.noisy !== b.noisy ? " One of them is tested on noisy images, the other on clean ones." : "");
    const pictured = points.filter((point) => point.large).sort((x, y) => y.b / y.a - x.b / x.a);
    const kept = pictured.filter((point) => point.a < point.b).slice(0, 8), lost = pictured.filter((point) => point.a > point.b).slice(-8).reverse();
    strips.replaceChildren(strip("A keeps, B loses", kept), strip("B keeps, A loses", lost));
    if (kept.length || lost.length) detail(kept[0] || lost[0]);
  }
  function strip(title, chosen) {
    if (!chosen.length) return element("section", {}, element("h3", {}, title), element("p", { class: "quiet" }, "No pictured image."));
    return element("section", {}, element("h3", {}, title), element("p", { class: "quiet" }, "The image, A, and B below each other."), element("div", { class: "sheet" }, ...chosen.map((point) =>
      element("button", { type: "button", "aria-label": `${name(point)}: A ${written(point.a)}, B ${written(point.b)}`, onclick: () => { scatter.current = point; scatter.draw(); detail(point); } },
        ...images(point, 52), element("small", {}, point.b > point.a ? `B ${written(point.b / point.a, 2)}\u00d7` : `A ${written(point.a / point.b, 2)}\u00d7`)))));
  }
  for (const select of [one, two, only]) select.addEventListener("change", choose);
  redrawn.add(() => { const color = style("accent"); points.forEach((point) => { point.color = color; }); scatter.draw(); });
  one.value = 0;
  // The first run of another design, as seeds of one differ little.
  two.value = Math.max(0, runs.findIndex((run) => run.group !== runs[0].group && run.set === runs[0].set));
  if (two.value === "0" && runs[1]?.set === runs[0].set) two.value = 1;
  choose();
}
