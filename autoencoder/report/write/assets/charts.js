// Charts that answer: uPlot draws the axes and zooms, this draws the lines and says what is pointed at.
const DASHES = { "-": [], "--": [6, 4], ":": [2, 3], "-.": [7, 3, 2, 3] };

function buildChart(figure) {
  const chart = report.charts[figure.dataset.chart];
  const logs = { x: chart.log_x, y: chart.log_y };
  const curves = chart.curves.map((curve) => ({ ...curve, group: groups.find((group) => group.name === curve.of) }));
  const hiddenFloors = new Set();
  let focus = null, zoomed = null, plot = null;
  const visible = (curve) => (curve.of ? !off.has(curve.of) : !hiddenFloors.has(curve.label));
  const usable = (x, y) => x !== null && y !== null && (!logs.x || x > 0) && (!logs.y || y > 0);

  function range(scale) {
    let [low, high] = [Infinity, -Infinity];
    const take = (value) => { if (value !== null && (!logs[scale] || value > 0)) { low = Math.min(low, value); high = Math.max(high, value); } };
    for (const curve of curves) if (visible(curve)) curve[scale].forEach((value, i) => usable(curve.x[i], curve.y[i]) && take(value));
    if (scale === "y" && chart.level) take(chart.level[0]);
    if (scale === "x" && chart.overcomplete_from) take(chart.overcomplete_from * 1.6);
    if (low > high) return logs[scale] ? [1, 10] : [0, 1];
    if (logs[scale]) { const pad = Math.max((high / low) ** 0.06, 1.06); return [low / pad, high * pad]; }
    const pad = 0.05 * (high - low) || 0.05 * Math.abs(high) || 0.5;
    return [low - pad, high + pad];
  }

  // Ticks at 1, 2 and 5 of each decade, fewer where there are many decades.
  function logTicks(low, high) {
    const ratio = high / low;
    if (ratio < 3) return linearTicks(low, high);
    const steps = ratio > 2000 ? [1] : ratio > 10 ? [1, 2, 5] : [1, 2, 3, 5, 7];
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) {
        const value = Number(`${step}e${power}`);
        if (value >= low && value <= high) found.push(value);
      }
    }
    return found;
  }
  function linearTicks(low, high, whole = false) {
    const rough = (high - low) / 6, size = 10 ** Math.floor(Math.log10(rough));
    let step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough);
    if (whole) step = Math.max(1, Math.round(step));
    const found = [];
    for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(Number((n * step).toPrecision(12)));
    return found;
  }

  function drawCurve(u, index) {
    const curve = curves[index - 1], context = u.ctx, ratio = devicePixelRatio || 1;
    if (!visible(curve)) return null;
    const dim = focus && curve.of !== focus.of;
    const color = inked(curve.color);
    context.save();
    context.beginPath();
    context.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    context.clip();
    context.globalAlpha = dim ? 0.22 : 1;
    const places = [];
    curve.x.forEach((x, i) => { if (usable(x, curve.y[i])) places.push([u.valToPos(x, "x", true), u.valToPos(curve.y[i], "y", true)]); });
    if (curve.linestyle) {
      context.strokeStyle = color;
      context.lineWidth = (curve.of ? 1.8 : 1.4) * ratio;
      context.setLineDash(DASHES[curve.linestyle].map((n) => n * ratio));
      context.beginPath();
      places.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.stroke();
    }
    // A run is known by its mark as well: on every point, or on some where there are many.
    if (curve.of && curve.linestyle !== "--") {
      const every = Math.max(1, Math.ceil(places.length / 12));
      const size = (curve.linestyle ? 8 : curve.filled ? 11 : 13) * ratio;
      places.forEach(([x, y], i) => { if (i % every === 0 || i === places.length - 1) drawMark(context, curve.group?.marker, x, y, size, color, curve.filled); });
    }
    context.restore();
    return null;
  }

  function drawBehind(u) {
    const context = u.ctx, ratio = devicePixelRatio || 1, box = u.bbox;
    context.save();
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.fillStyle = style("soft");
    if (chart.overcomplete_from) {
      const start = Math.max(box.left, u.valToPos(chart.overcomplete_from, "x", true));
      if (start < box.left + box.width) {
        context.fillStyle = style("tint");
        context.fillRect(start, box.top, box.left + box.width - start, box.height);
        context.fillStyle = style("soft");
        context.translate(box.left + box.width - 14 * ratio, box.top + 8 * ratio);
        context.rotate(Math.PI / 2);
        context.fillText("overcomplete", 0, 0);
        context.setTransform(1, 0, 0, 1, 0, 0);
      }
    }
    if (chart.level) {
      const height = u.valToPos(chart.level[0], "y", true);
      if (height > box.top && height < box.top + box.height) {
        context.strokeStyle = style("soft");
        context.setLineDash([2 * ratio, 3 * ratio]);
        context.beginPath();
        context.moveTo(box.left, height);
        context.lineTo(box.left + box.width, height);
        context.stroke();
        context.fillText(chart.level[1], box.left + 4 * ratio, height - 4 * ratio);
      }
    }
    context.restore();
  }

  function drawFocus(u) {
    if (!focus) return;
    const { curve, i } = focus, ratio = devicePixelRatio || 1, context = u.ctx;
    context.save();
    context.strokeStyle = style("ink");
    context.lineWidth = 1.6 * ratio;
    context.beginPath();
    context.arc(u.valToPos(curve.x[i], "x", true), u.valToPos(curve.y[i], "y", true), 8 * ratio, 0, 2 * Math.PI);
    context.stroke();
    context.restore();
  }

  const axis = (scale, label) => ({
    scale, label, labelSize: 20, labelGap: scale === "x" ? -4 : 0, size: scale === "x" ? 30 : 52, gap: 4, labelFont: "12px system-ui, sans-serif", font: "11.5px system-ui, sans-serif",
    stroke: () => style("soft"), grid: { stroke: () => style("line"), width: 1 }, ticks: { show: false }, border: { show: true, stroke: () => style("line"), width: 1 },
    splits: (u, index, low, high) => (logs[scale] ? logTicks(low, high) : linearTicks(low, high, scale === "x" && chart.whole_x)),
    filter: (u, splits) => splits,
    values: (u, splits) => splits.map((value) => written(value)),
  });
  const scale = (name) => ({ time: false, distr: logs[name] ? 3 : 1, log: 10, range: () => range(name) });

  const place = element("div", { class: "plot" });
  const height = () => Math.max(240, Math.min(figure.dataset.height ? Number(figure.dataset.height) : 380, innerHeight * 0.7));
  function build() {
    plot?.destroy();
    plot = new uPlot({
      mode: 2, width: place.clientWidth || 600, height: height(), legend: { show: false }, padding: [10, 12, 0, 0],
      scales: { x: scale("x"), y: scale("y") },
      axes: [axis("x", chart.x_label), axis("y", chart.y_label)],
      series: [{}, ...curves.map(() => ({ facets: [{ scale: "x", auto: true }, { scale: "y", auto: true }], paths: drawCurve, points: { show: false } }))],
      cursor: { x: false, y: false, points: { show: false }, dataIdx: () => null, drag: { x: true, y: true, uni: 20, setScale: true } },
      hooks: { drawClear: [drawBehind], draw: [drawFocus], setSelect: [(u) => { if (u.select.width > 0) { zoomed = true; back.hidden = false; } }] },
    }, [null, ...curves.map((curve) => [curve.x, curve.y])], place);
    const over = plot.over;
    over.tabIndex = 0;
    over.setAttribute("role", "application");
    over.setAttribute("aria-label", `${figure.dataset.said} Arrow keys go from point to point, up and down from line to line.`);
    over.addEventListener("pointermove", point);
    over.addEventListener("pointerdown", point);
    over.addEventListener("pointerleave", () => look(null));
    over.addEventListener("blur", () => look(null));
    over.addEventListener("keydown", walk);
    zoomed = null;
    back.hidden = true;
  }

  function look(found) {
    const before = focus;
    focus = found;
    if (found?.curve === before?.curve && found?.i === before?.i) return;
    plot.redraw(false, false);
    if (!found) { hideTip(); return; }
    const { curve, i } = found, box = plot.over.getBoundingClientRect();
    const name = curve.of || curve.label;
    const text = `\n${curve.what ? curve.what + "\n" : ""}${chart.x_label} ${written(curve.x[i], 4)}\n${chart.y_label} ${written(curve.y[i], 4)}`;
    showTip(box.left + plot.valToPos(curve.x[i], "x"), box.top + plot.valToPos(curve.y[i], "y"), curve.group ? swatch(curve.group) : "", element("strong", {}, name), text);
    say(`${name}. ${text}`);
  }

  function point(event) {
    const box = plot.over.getBoundingClientRect(), [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let best = null, least = 32 ** 2;
    for (const curve of curves) {
      if (!visible(curve)) continue;
      curve.x.forEach((x, i) => {
        if (!usable(x, curve.y[i])) return;
        const square = (plot.valToPos(x, "x") - left) ** 2 + (plot.valToPos(curve.y[i], "y") - top) ** 2;
        if (square < least) [best, least] = [{ curve, i, of: curve.of }, square];
      });
    }
    look(best);
  }

  function walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") look(null);
    if (!step) return;
    event.preventDefault();
    const shown = curves.filter((curve) => visible(curve) && curve.x.some((x, i) => usable(x, curve.y[i])));
    if (!shown.length) return;
    let curve = focus?.curve || shown[0], i = focus ? focus.i : -1;
    if (focus && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      curve = shown[(shown.indexOf(curve) + step + shown.length) % shown.length];
      i = Math.min(i, curve.x.length - 1) - step;
    }
    for (let tries = 0; tries < curve.x.length; tries++) {
      i = (i + step + curve.x.length) % curve.x.length;
      if (usable(curve.x[i], curve.y[i])) break;
    }
    look({ curve, i, of: curve.of });
  }

  const back = element("button", { type: "button", hidden: true, onclick: build }, "Whole");
  const switches = ["x", "y"].filter((name) => chart[`log_${name}`] || curves.every((curve) => curve[name].every((value) => value === null || value > 0))).map((name) =>
    element("button", { type: "button", class: "switch", "aria-pressed": String(logs[name]), onclick: (event) => {
      logs[name] = !logs[name];
      event.currentTarget.setAttribute("aria-pressed", String(logs[name]));
      build();
    } }, `log ${name}`));

  const legend = element("div", { class: "legend", role: "group", "aria-label": "Lines that are shown" });
  const shownGroups = groups.filter((group) => curves.some((curve) => curve.of === group.name));
  for (const group of shownGroups) {
    // A legend may say more than the name: what the line's label adds to it.
    const label = curves.find((curve) => curve.of === group.name && curve.label)?.label || group.name;
    const button = element("button", { type: "button", "aria-pressed": "true", onclick: () => toggleGroup(group.name) }, swatch(group), element("span", {}, label));
    button.addEventListener("mouseenter", () => { focus = null; emphasise(group.name); });
    button.addEventListener("mouseleave", () => emphasise(null));
    legend.append(button);
    switched.add(() => button.setAttribute("aria-pressed", String(!off.has(group.name))));
  }
  for (const curve of curves.filter((one) => !one.of)) {
    const line = element("canvas", { class: "dash", width: 44, height: 22, "aria-hidden": true });
    const draw = () => {
      const context = line.getContext("2d");
      context.clearRect(0, 0, 44, 22);
      context.strokeStyle = inked(curve.color);
      context.lineWidth = 3;
      context.setLineDash(DASHES[curve.linestyle].map((n) => 2 * n));
      context.beginPath();
      context.moveTo(0, 11);
      context.lineTo(44, 11);
      context.stroke();
    };
    draw();
    redrawn.add(draw);
    const button = element("button", { type: "button", "aria-pressed": "true", onclick: () => {
      if (!hiddenFloors.delete(curve.label)) hiddenFloors.add(curve.label);
      button.setAttribute("aria-pressed", String(!hiddenFloors.has(curve.label)));
      build();
    } }, line, element("span", {}, curve.label));
    legend.append(button);
  }
  function emphasise(name) {
    focus = null;
    if (name) { focus = { of: name, curve: { x: [], y: [] }, i: -1 }; }
    plot.redraw(false, false);
    focus = null;
  }

  const stage = element("div", { class: "stage" }, element("div", { class: "bar" }, element("h3", {}, figure.dataset.title), element("span", { class: "tools-small" }, back, " ", ...switches.flatMap((one) => [one, " "]))), place, legend);
  figure.prepend(stage);
  build();
  switched.add(build);
  redrawn.add(() => plot.redraw(false, true));
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth !== width) { width = place.clientWidth; plot.setSize({ width, height: height() }); }
  }).observe(place);
}

// A chart is built when it is about to be seen.
const charts = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    charts.unobserve(entry.target);
    buildChart(entry.target);
  }
}, { rootMargin: "400px" });
document.querySelectorAll("figure[data-chart]").forEach((figure) => charts.observe(figure));
addEventListener("beforeprint", () => document.querySelectorAll("figure[data-chart]").forEach((figure) => {
  if (!figure.querySelector(".stage")) { charts.unobserve(figure); buildChart(figure); }
}));

// Errors by class: a table whose colours are the heat, sorted by a class.
const HEAT = [[84, 39, 136], [153, 142, 195], [216, 218, 235], [247, 247, 247], [254, 224, 182], [241, 163, 64], [179, 88, 6]];
function heatColor(ratio) {
  const at = (Math.max(-1.6, Math.min(1.6, Math.log2(ratio))) + 1.6) / 3.2 * (HEAT.length - 1);
  const low = Math.min(HEAT.length - 2, Math.floor(at)), part = at - low;
  return HEAT[low].map((value, i) => Math.round(value + part * (HEAT[low + 1][i] - value)));
}
function buildHeat(figure) {
  const heat = report.charts[figure.dataset.heat];
  const body = element("tbody", {});
  const lines = heat.row_names.map((name, row) => {
    const group = groups.find((one) => one.name === name);
    const line = element("tr", {}, element("th", { scope: "row" }, group ? swatch(group) : "", name));
    heat.column_names.forEach((column, place) => {
      const ratio = heat.values[row][place];
      const cell = element("td", {}, heat.texts[row][place]);
      if (ratio !== null && ratio > 0) {
        const color = heatColor(ratio);
        cell.style.background = `rgb(${color})`;
        cell.style.color = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140 ? "#000" : "#fff";
        cell.addEventListener("mouseenter", (event) => showTip(event.clientX, event.clientY, element("strong", {}, column), `, ${name}\n${heat.texts[row][place]} thousandths, ${written(ratio)} times the run's mean`));
        cell.addEventListener("mouseleave", hideTip);
      }
      line.append(cell);
    });
    body.append(line);
    return line;
  });
  let sorted = -1, down = true;
  const heads = heat.column_names.map((name, place) => element("th", { scope: "col" }, element("button", { type: "button", onclick: () => {
    down = sorted === place ? !down : false;
    sorted = place;
    heads.forEach((head, i) => (i === place ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    const value = (line) => Number(heat.texts[lines.indexOf(line)][place]);
    body.append(...[...lines].sort((one, other) => (down ? -1 : 1) * (value(one) - value(other))));
  } }, name)));
  const table = element("table", { class: "heat" }, element("thead", {}, element("tr", {}, element("td", {}), ...heads)), body);
  figure.prepend(element("div", { class: "stage" }, element("div", { class: "bar" }, element("h3", {}, figure.dataset.title), element("span", { class: "quiet" }, heat.bar_label)), element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": figure.dataset.title }, table)));
  const shown = () => lines.forEach((line, row) => { line.hidden = off.has(heat.row_names[row]); });
  switched.add(shown);
  shown();
}
document.querySelectorAll("figure[data-heat]").forEach(buildHeat);
