// A page that is written again while runs are trained: it loads itself again, and is as it was left.
// Nothing can be fetched by a page that was opened from a disk, so all of it is loaded.
const left = "report:left:" + location.pathname;
const pressed = (button) => button.getAttribute("aria-pressed") || button.getAttribute("aria-expanded");
const order = (button) => button.closest("th").getAttribute("aria-sort");
// Each kind of control: how its state is read, and how it is set by what a reader would do.
const controls = [
  ["select", (select) => select.selectedOptions[0]?.text, (select, text) => {
    const wanted = [...select.options].find((option) => option.text === text);
    if (wanted && !wanted.selected) { wanted.selected = true; select.dispatchEvent(new Event("change")); }
  }],
  ["input[type=search]", (field) => field.value, (field, text) => { field.value = text; field.dispatchEvent(new Event("input")); }],
  ["table.results thead button", order, (button, wanted) => {
    for (let clicks = 0; wanted && order(button) !== wanted && clicks < 2; clicks++) button.click();
  }],
  ["button[aria-pressed], button[aria-expanded]", pressed, (button, wanted) => pressed(button) !== wanted && button.click()],
  ["details", (folded) => folded.open, (folded, open) => { folded.open = open; }],
];

// The controls of a kind by what they are called, which stays when runs are added. A choice is called
// by its place among those of its part of the page: its text is that of all its options.
function named(kind) {
  const found = new Map();
  for (const one of document.querySelectorAll(kind)) {
    const part = one.closest("[id]")?.id || "";
    const name = one.getAttribute("aria-label") || (kind === "select" ? "" : (one.querySelector("summary") || one).textContent.trim());
    let key = `${part}/${name}`;
    while (found.has(key)) key += "+";
    found.set(key, one);
  }
  return found;
}

// What is to be set once it is there: charts are built when they are about to be seen.
let waiting = [];
const top = (one) => one.getBoundingClientRect().top;

function keep() {
  const states = controls.flatMap(([kind, read], i) => [...named(kind)].map(([key, one]) => [i, key, read(one)]));
  const there = new Set(states.map(([i, key]) => `${i} ${key}`));
  states.push(...waiting.filter(([i, key]) => !there.has(`${i} ${key}`)));
  const passed = [...document.querySelectorAll("main [id]")].filter((one) => one.offsetHeight && top(one) <= 100).at(-1);
  sessionStorage.setItem(left, JSON.stringify({ states, id: passed?.id, top: passed && top(passed) }));
}

function set() {
  const states = waiting;
  waiting = [];
  controls.forEach(([kind, , change], i) => {
    const found = named(kind);
    for (const [of, key, state] of states) {
      if (of !== i) continue;
      if (found.has(key)) change(found.get(key), state);
      else waiting.push([of, key, state]);
    }
  });
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(left));
  if (!kept) return;
  sessionStorage.removeItem(left);
  waiting = kept.states;
  history.scrollRestoration = "manual";
  // The page is as long as before once all is built that a reader has come past.
  const place = kept.id && document.getElementById(kept.id);
  const go = () => {
    if (waiting.length) set();
    if (place) scrollBy(0, top(place) - kept.top);
  };
  go();
  const added = new MutationObserver(go);
  added.observe(document.querySelector("main"), { childList: true, subtree: true });
  // What a reader does from now on counts.
  for (const kind of ["pointerdown", "keydown", "wheel"]) addEventListener(kind, () => { added.disconnect(); waiting = []; }, { once: true, capture: true });
}

// Where the browser keeps nothing for a file, the page begins anew.
try { restore(); } catch { }

const again = document.querySelector("[data-again]");
if (again) {
  const wait = 1000 * again.dataset.again;
  again.append("; this page loads itself again");
  let touched = Date.now();
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "scroll"]) addEventListener(kind, () => { touched = Date.now(); }, { passive: true, capture: true });
  // Not under the hands of a reader.
  setInterval(() => {
    if (document.hidden || Date.now() - touched < wait) return;
    try { keep(); } catch { }
    location.reload();
  }, 1000);
}
