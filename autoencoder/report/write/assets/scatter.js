// Points on a canvas: drawn, pointed at, walked over with arrow keys, zoomed, and caught by a lasso.
class Scatter {
  // `options`: label, axes(scatter, context), picked(i), caught([i, ...]), told(i) and lasso.
  constructor(parent, options) {
    this.options = options;
    this.points = [];
    this.view = { scale: 1, x: 0, y: 0 };
    this.current = null;
    this.path = null;
    this.drawn = document.createElement("canvas");
    this.canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": options.label });
    parent.append(this.canvas);
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointerup", (event) => this.released(event));
    this.canvas.addEventListener("pointercancel", () => { this.path = null; this.draw(); });
    this.canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && !this.path && this.look(null));
    this.canvas.addEventListener("blur", () => this.look(null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("wheel", (event) => {
      if (!options.lasso || !(event.ctrlKey || document.activeElement === this.canvas)) return;
      event.preventDefault();
      const [x, y] = this.place(event);
      this.zoom(Math.exp(-event.deltaY / 400), x, y);
    }, { passive: false });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    redrawn.add(() => this.draw());
  }

  // Points are {x, y} from 0 to 1 with y upward, a color, and whether they are drawn large.
  show(points) { this.points = points; this.current = null; this.draw(); }

  // Of the canvas as it was last drawn: asking the browser for every point would take long.
  side() { return Math.min(this.wide, this.high) - 2 * Scatter.PAD; }
  spot(point) {
    const side = this.side(), { scale, x, y } = this.view;
    return [Scatter.PAD + (this.wide - 2 * Scatter.PAD - side) / 2 + (point.x - x) * scale * side, Scatter.PAD + side - (point.y - y) * scale * side];
  }
  size() { return 2 * (this.side() < 450 ? 1.8 : 2.3) * Math.min(2, Math.sqrt(this.view.scale)); }
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  draw() {
    const ratio = devicePixelRatio || 1, canvas = this.canvas, context = canvas.getContext("2d");
    [this.wide, this.high] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = this.wide * ratio;
    canvas.height = this.high * ratio;
    context.scale(ratio, ratio);
    this.options.axes?.(this, context);
    const size = this.size();
    for (const large of [false, true]) {
      const byColor = new Map();
      for (const p of this.points) {
        if (!p.large !== !large) continue;
        if (!byColor.has(p.color)) byColor.set(p.color, []);
        byColor.get(p.color).push(p);
      }
      for (const [color, points] of byColor) {
        context.fillStyle = color;
        context.globalAlpha = large ? 0.9 : this.options.faint || 0.9;
        context.beginPath();
        for (const p of points) {
          const [x, y] = this.spot(p), radius = (p.chosen ? 1.6 : 1) * size / 2;
          context.moveTo(x + radius, y);
          context.arc(x, y, radius, 0, 2 * Math.PI);
        }
        context.fill();
      }
    }
    this.drawn.width = canvas.width;
    this.drawn.height = canvas.height;
    if (canvas.width && canvas.height) this.drawn.getContext("2d").drawImage(canvas, 0, 0);
    this.ring();
  }

  // What changes with the pointer, over the points as they were drawn.
  ring() {
    const ratio = devicePixelRatio || 1, canvas = this.canvas, context = canvas.getContext("2d");
    const size = this.size();
    if (!canvas.width || !canvas.height) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.drawn, 0, 0);
    context.scale(ratio, ratio);
    context.setLineDash([]);
    context.strokeStyle = style("ink");
    for (const [p, width] of [...this.points.filter((one) => one.chosen || one.linked).map((one) => [one, 1]), ...(this.current ? [[this.current, 2]] : [])]) {
      const [x, y] = this.spot(p);
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, width === 2 ? size + 4 : size / 2 + 2.5, 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.path) {
      context.setLineDash([4, 3]);
      context.lineWidth = 1.5;
      context.beginPath();
      this.path.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.stroke();
    }
  }

  nearest(x, y, within, accept) {
    let best = null, least = within * within;
    for (const p of this.points) {
      const [left, top] = this.spot(p), square = (left - x) ** 2 + (top - y) ** 2;
      if (square < least && (!accept || accept(p, left, top))) [best, least] = [p, square];
    }
    return best;
  }

  look(point) {
    if (this.current === point) return;
    this.current = point;
    this.ring();
    if (!point) { hideTip(); return; }
    const box = this.canvas.getBoundingClientRect(), [x, y] = this.spot(point);
    showTip(box.left + x, box.top + y, ...this.options.told(point));
    say(tip.textContent);
  }

  moved(event) {
    const [x, y] = this.place(event);
    if (this.path) {
      this.path.push([x, y]);
      if (this.path.length > 4) hideTip();
      this.ring();
      return;
    }
    const reach = event.pointerType === "mouse" ? 14 : 30;
    this.look(this.nearest(x, y, reach, (p) => p.large) || this.nearest(x, y, reach / 2));
  }
  pressed(event) {
    this.canvas.focus({ preventScroll: true });
    if (!this.options.lasso) { this.moved(event); return; }
    if (event.pointerType === "mouse") this.canvas.setPointerCapture(event.pointerId);
    this.path = [this.place(event)];
  }
  released(event) {
    const path = this.path || [], [x, y] = this.place(event);
    this.path = null;
    const far = path.some(([left, top]) => Math.hypot(left - x, top - y) > 8);
    if (far && path.length > 3) {
      this.options.caught(this.points.filter((p) => within(this.spot(p), path)));
    } else {
      const found = this.nearest(x, y, 20);
      if (found) { this.look(found); this.options.picked?.(found); }
    }
    this.draw();
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const view = this.view, side = this.side(), scale = Math.max(1, Math.min(40, view.scale * factor));
    const left = Scatter.PAD + (this.canvas.clientWidth - 2 * Scatter.PAD - side) / 2, bottom = Scatter.PAD + side;
    // What is under the pointer stays there.
    const at = { x: view.x + (x - left) / side / view.scale, y: view.y + (bottom - y) / side / view.scale };
    this.view = scale === 1 ? { scale: 1, x: 0, y: 0 } : { scale, x: at.x - (x - left) / side / scale, y: at.y - (bottom - y) / side / scale };
    hideTip();
    this.draw();
  }

  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Escape") this.look(null);
    if (event.key === "Enter" && this.current) this.options.picked?.(this.current);
    if (event.key === " " && this.current && this.options.added) { event.preventDefault(); this.options.added(this.current); }
    if (this.options.lasso && (event.key === "+" || event.key === "-")) this.zoom(event.key === "+" ? 1.5 : 1 / 1.5, ...(this.current ? this.spot(this.current) : []));
    if (!way) return;
    event.preventDefault();
    const [x, y] = this.current ? this.spot(this.current) : [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
    // The nearest within 45 degrees of the arrow's direction.
    const next = this.nearest(x, y, Infinity, this.current ? (p, left, top) => {
      const along = (left - x) * way[0] + (top - y) * way[1];
      return along > 0.5 && Math.abs((left - x) * way[1]) + Math.abs((top - y) * way[0]) <= along;
    } : null);
    if (next) this.look(next);
  }
}
Scatter.PAD = 14;

// Whether a place is inside of a path, by the number of its edges that a ray crosses.
function within([x, y], path) {
  let inside = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [x1, y1] = path[i], [x2, y2] = path[j];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

// A sprite's picture, loaded once, and an image out of it.
const sheets = new Map();
function tile(sprite, index, alt = "", size = 56) {
  if (!sheets.has(sprite)) {
    const image = new Image();
    image.src = sprite.address;
    sheets.set(sprite, image);
  }
  const image = sheets.get(sprite), [width, height] = sprite.size;
  const canvas = element("canvas", { class: "tile", width, height, role: alt ? "img" : null, "aria-label": alt || null, "aria-hidden": !alt });
  canvas.style.width = `${size}px`;
  canvas.style.height = `${(size * height) / width}px`;
  const draw = () => canvas.getContext("2d").drawImage(image, (index % sprite.columns) * width, Math.floor(index / sprite.columns) * height, width, height, 0, 0, width, height);
  if (image.complete) draw();
  else image.addEventListener("load", draw);
  return canvas;
}

// Runs and data sets as the explorer has them, unpacked when they are first asked for.
const explored = report.explorer || {};
function lazy(object, name, make) {
  Object.defineProperty(object, name, { configurable: true, get() { const value = make(); Object.defineProperty(object, name, { value }); return value; } });
}
for (const set of explored.sets || []) {
  const packed = { labels: set.labels, pictured: set.pictured };
  lazy(set, "labels", () => (packed.labels ? unpacked(packed.labels) : null));
  lazy(set, "pictured", () => unpacked(packed.pictured));
  // Where an image is among those of the maps, and among the pictured ones.
  lazy(set, "placeOf", () => new Map(set.indices.map((index, place) => [index, place])));
  lazy(set, "pictureOf", () => new Map([...set.pictured].map((place, i) => [place, i])));
}
for (const run of explored.runs || []) {
  const packed = { errors: run.errors, pca: run.pca, tsne: run.tsne, neighbours: run.neighbours };
  run.data = explored.sets[run.set];
  run.style = groups.find((group) => group.name === run.group);
  lazy(run, "errors", () => Float64Array.from(unpacked(packed.errors), (step) => (step === explored.none ? NaN : 10 ** ((step / (explored.none - 1)) * explored.decades + explored.least))));
  for (const name of ["pca", "tsne", "neighbours"]) lazy(run, name, () => unpacked(packed[name]));
}
// By the place of an image among those of the maps.
const errorAt = (run, place) => run.errors[run.data.every ? run.data.indices[place] : place];
const labelAt = (set, place) => (set.labels ? set.labels[set.every ? set.indices[place] : place] : null);
const className = (set, label) => (label === null ? "" : set.classes[label] ?? String(label));
const imageName = (set, place) => ["image " + set.indices[place], className(set, labelAt(set, place))].filter(Boolean).join(", ");
const reconstruction = (run, place, size) => { const at = run.data.pictureOf.get(place); return at === undefined ? null : tile(run.sprite, at, `What ${run.label} makes of it`, size); };
const option = (text, value) => new Option(text, value);
