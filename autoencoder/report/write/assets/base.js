// What every part of the page uses: the data of the report, elements, colours, marks, one tooltip.
const report = JSON.parse(document.getElementById("report-data").textContent);
const page = document.documentElement;
const groups = report.groups;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true && !key.startsWith("aria-") ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A style of the sheet by its name; it changes with dark mode.
const style = (name) => getComputedStyle(page).getPropertyValue("--" + name).trim();
// Black would not be seen on a dark page, and dark blue hardly: they are mixed with white.
const darkly = matchMedia("(prefers-color-scheme: dark)");
function inked(color) {
  if (color === "#000000") return style("ink");
  const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const light = 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2];
  if (!darkly.matches || !(light < 90)) return color;
  return `rgb(${parts.map((part) => Math.round(part + (255 - part) * 0.4))})`;
}
const redrawn = new Set();
for (const query of ["(prefers-color-scheme: dark)", "print"]) {
  matchMedia(query).addEventListener("change", () => redrawn.forEach((draw) => draw()));
}

const marks = Object.fromEntries(Object.entries(report.marks).map(([name, path]) => [name, new Path2D(path)]));
function drawMark(context, name, x, y, size, color, filled = true) {
  context.save();
  context.translate(x - size / 2, y - size / 2);
  context.scale(size / 12, size / 12);
  context.setLineDash([]);
  if (filled) {
    context.fillStyle = color;
    context.fill(marks[name] || marks.o);
  } else {
    context.strokeStyle = color;
    context.lineWidth = 1.8;
    context.stroke(marks[name] || marks.o);
  }
  context.restore();
}

function swatch(group) {
  const svg = document.createElementNS("http:" + "//www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", report.marks[group.marker] || report.marks.o);
  path.setAttribute("fill", group.color === "#000000" ? "currentColor" : group.color);
  svg.append(path);
  return svg;
}

// Numbers as people write them: four digits, no exponent where it can be helped.
function written(value, digits = 3) {
  if (value === null || !Number.isFinite(value)) return "\u2013";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size !== 0 && size < 1e-5) return value.toExponential(1);
  return String(Number(value.toPrecision(digits)));
}

// Whole numbers of 16 bits, as the report packs them.
function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
}

const tip = element("div", { class: "tip", role: "tooltip", id: "tip", hidden: true });
document.body.append(tip);
// Shows a text or elements beside a place on the screen, where there is room.
function showTip(x, y, ...content) {
  tip.replaceChildren(...content);
  tip.hidden = false;
  const box = tip.getBoundingClientRect(), wide = page.clientWidth;
  const left = x + 14 + box.width < wide ? x + 14 : Math.max(4, x - 14 - box.width);
  const top = Math.max(4, Math.min(y + 12, innerHeight - box.height - 4));
  tip.style.transform = `translate(${Math.min(left, Math.max(4, wide - box.width - 4))}px, ${top}px)`;
}
function hideTip() { tip.hidden = true; }
addEventListener("scroll", hideTip, { passive: true, capture: true });
addEventListener("keydown", (event) => event.key === "Escape" && hideTip());

// A choice that is kept over a reload, where the browser lets a file keep something.
function remembered(key, value) {
  try {
    const name = "report:" + key;
    if (value !== undefined) localStorage.setItem(name, JSON.stringify(value));
    return JSON.parse(localStorage.getItem(name));
  } catch { return null; }
}

const status = element("div", { class: "unseen", role: "status" });
document.body.append(status);
function say(text) { status.textContent = text; }

async function copy(text, what) {
  try { await navigator.clipboard.writeText(text); } catch {
    const field = element("textarea", { class: "unseen", "aria-hidden": true });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  say(what + " copied");
}

// Runs that the reader has switched off, in every chart.
const off = new Set();
const switched = new Set();
function toggleGroup(name) {
  if (!off.delete(name)) off.add(name);
  switched.forEach((update) => update());
}

addEventListener("beforeprint", () => document.querySelectorAll("main details:not(.choice)").forEach((one) => { one.open = true; }));
