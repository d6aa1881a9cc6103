// The table of results: sorted, filtered, its columns chosen, its rows opened, its numbers copied.
function buildTable(table) {
  const heads = [...table.tHead.rows[1].cells];
  const topics = [...table.tHead.rows[0].cells].slice(1);
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const columns = report.table.columns;
  const usual = columns.filter((column) => column.shown).map((column) => column.name);
  let shown = new Set((remembered("columns") || usual).filter((name) => columns.some((column) => column.name === name)));
  if (!shown.size) shown = new Set(usual);
  let sorted = null;

  // The bar of a cell is its share of the largest number of its column, from zero.
  columns.forEach((_, place) => {
    const values = rows.map((row) => Number(row.cells[place + 1].dataset.v));
    const largest = Math.max(...values.filter(Number.isFinite));
    if (!(largest > 0) || values.some((value) => value < 0)) return;
    rows.forEach((row, i) => values[i] > 0 && row.cells[place + 1].style.setProperty("--share", `${(100 * values[i]) / largest}%`));
  });

  function show() {
    table.classList.add("chosen");
    columns.forEach((column, place) => {
      const hidden = !shown.has(column.name);
      [heads[place + 1], ...rows.map((row) => row.cells[place + 1])].forEach((cell) => { cell.hidden = hidden; });
    });
    for (const cell of topics) {
      const some = columns.filter((column) => column.topic === cell.dataset.topic && shown.has(column.name));
      cell.hidden = !some.length;
      cell.colSpan = some.length || 1;
    }
    body.querySelectorAll("tr.opened > td").forEach((cell) => { cell.colSpan = shown.size + 1; });
    document.querySelectorAll(".choice input").forEach((box) => { box.checked = shown.has(box.value); });
  }

  function detail(row) { return row.nextElementSibling?.classList.contains("opened") ? row.nextElementSibling : null; }

  function sort(place) {
    const head = heads[place];
    const better = place ? columns[place - 1].better : -1;
    const down = sorted === place ? head.getAttribute("aria-sort") === "ascending" : better > 0;
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    sorted = place;
    const value = (row) => (place ? Number(row.cells[place].dataset.v || NaN) : row.dataset.name);
    const order = [...rows].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (!place) return (down ? -1 : 1) * a.localeCompare(b, "en", { numeric: true });
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return down ? b - a : a - b;
    });
    for (const row of order) {
      const opened = detail(row);
      body.append(row);
      if (opened) body.append(opened);
    }
    say(`Sorted by ${head.textContent.trim()}, ${down ? "descending" : "ascending"}`);
  }

  function open(row, button) {
    const opened = detail(row);
    button.setAttribute("aria-expanded", String(!opened));
    if (opened) { opened.remove(); return; }
    const group = groups[row.dataset.group];
    const facts = ["seed", ...report.table.seeds.map((column) => column.title)];
    const lines = group.runs.map((run) => element("tr", {}, ...[run.seed, ...run.numbers].map((text) => element("td", {}, text))));
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...facts.map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...lines));
    const first = group.runs[0];
    const list = element("dl", {});
    const add = (name, text, copied) => text && list.append(element("dt", {}, name), element("dd", {}, element("code", {}, text), copied ? element("button", { type: "button", class: "small", onclick: () => copy(text, name) }, "Copy") : ""));
    add("Trained by", first.command, true);
    add("To run it again", first.again, true);
    group.runs.forEach((run) => add(group.runs.length > 1 ? `Folder, seed ${run.seed}` : "Folder", run.folder));
    const cell = element("td", { colspan: shown.size + 1 }, element("div", { class: "inner" }, element("div", { class: "scroll" }, table), list));
    row.after(element("tr", { class: "opened" }, cell));
  }

  const field = element("input", { type: "search", placeholder: "Filter designs", "aria-label": "Filter designs" });
  const count = element("span", { class: "quiet" });
  function filter() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of rows) {
      const group = groups[row.dataset.group];
      const text = [row.dataset.name, ...group.runs.flatMap((run) => [run.folder, `seed ${run.seed}`])].join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      const opened = detail(row);
      if (opened) opened.hidden = row.hidden;
      n += !row.hidden;
    }
    count.textContent = words.length ? `${n} of ${rows.length}` : "";
    if (words.length) say(`${n} of ${rows.length} designs`);
  }
  field.addEventListener("input", filter);

  const names = [...new Set(columns.map((column) => column.topic))];
  const sets = names.map((topic) => element("fieldset", {}, element("legend", {}, topic), ...columns.filter((column) => column.topic === topic).map((column) =>
    element("label", {}, element("input", { type: "checkbox", value: column.name, onchange: (event) => {
      if (event.target.checked) shown.add(column.name); else shown.delete(column.name);
      remembered("columns", [...shown]);
      show();
    } }), column.title))));
  const all = (chosen) => () => { shown = new Set(chosen); remembered("columns", [...shown]); show(); };
  const choice = element("details", { class: "choice" }, element("summary", {}, "Columns"),
    element("div", {}, element("fieldset", {}, element("button", { type: "button", onclick: all(columns.map((column) => column.name)) }, "All"), " ", element("button", { type: "button", onclick: all(usual) }, "The usual")), ...sets));
  document.addEventListener("click", (event) => { if (!choice.contains(event.target)) choice.open = false; });
  choice.addEventListener("keydown", (event) => { if (event.key === "Escape") { choice.open = false; choice.firstChild.focus(); } });

  const buttons = Object.entries(formats).map(([name, format]) => element("button", { type: "button", onclick: () => copy(format(cells()), `Table as ${name}`) }, name));
  table.closest(".scroll").before(element("div", { class: "tools" }, field, count, choice, element("span", { class: "end" }, element("span", { class: "quiet" }, "Copy as"), ...buttons)));

  // What is seen: headings, then a line a row; a cell is its text, and whether it is the best.
  function cells() {
    const places = columns.map((_, place) => place).filter((place) => shown.has(columns[place].name));
    const lines = [...body.rows].filter((row) => row.dataset.group && !row.hidden).map((row) => [
      { text: row.dataset.name },
      ...places.map((place) => ({ text: row.cells[place + 1].dataset.text, best: row.cells[place + 1].classList.contains("best"), v: row.cells[place + 1].dataset.v, sd: row.cells[place + 1].dataset.sd })),
    ]);
    return { titles: ["run", ...places.map((place) => columns[place].title)], lines };
  }

  heads.forEach((head, place) => {
    const button = head.querySelector("button");
    button.addEventListener("click", () => sort(place));
    const meaning = head.dataset.meaning;
    if (!meaning) return;
    const told = () => { const box = head.getBoundingClientRect(); showTip(box.left - 14, box.bottom - 6, meaning); };
    head.addEventListener("mouseenter", told);
    // After the page has scrolled to what has the focus, which hides a tip.
    head.addEventListener("focusin", () => setTimeout(() => head.contains(document.activeElement) && told(), 100));
    for (const event of ["mouseleave", "focusout"]) head.addEventListener(event, hideTip);
  });
  rows.forEach((row) => { const button = row.cells[0].querySelector("button"); button.addEventListener("click", () => open(row, button)); });
  show();
}

const formats = {
  CSV({ titles, lines }) {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text);
    const head = titles.flatMap((title, i) => (i ? [title, `${title} std`] : [title]));
    return [head, ...lines.map((line) => line.flatMap((cell, i) => (i ? [cell.v || "", cell.sd || ""] : [cell.text])))].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  },
  Markdown({ titles, lines }) {
    const plain = (text) => text.replace(/([\\`*<\[\]$|])/g, "\\$1").replace(/\s+/g, " ");
    const rows = lines.map((line) => line.map((cell) => (cell.best ? `**${plain(cell.text)}**` : plain(cell.text))));
    return [titles.map(plain), titles.map((_, i) => (i ? "---:" : "---")), ...rows].map((line) => `| ${line.join(" | ")} |`).join("\n") + "\n";
  },
  LaTeX({ titles, lines }) {
    const signs = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\u00b1": "$\\pm$", "\u2013": "--", "<": "$<$", ">": "$>$" };
    const plain = (text) => text.replace(/[\\~^&%$#_{}<>\u00b1\u2013]/g, (sign) => signs[sign] || `\\${sign}`).replace(/\s+/g, " ");
    const rows = lines.map((line) => line.map((cell) => (cell.best ? `\\textbf{${plain(cell.text)}}` : plain(cell.text))));
    const written = (line) => `  ${line.join(" & ")} \\\\`;
    return ["% needs \\usepackage{booktabs}", `\\begin{tabular}{l${"r".repeat(titles.length - 1)}}`, "  \\toprule", written(titles.map(plain)), "  \\midrule", ...rows.map(written), "  \\bottomrule", "\\end{tabular}"].join("\n") + "\n";
  },
};

document.querySelectorAll("table.results").forEach(buildTable);
