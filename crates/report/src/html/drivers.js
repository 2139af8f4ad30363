// The table of all drivers: filters, order, and as many rows as somebody has scrolled to.

/** Rows that are made at a time: a browser lays out a few hundred at once without a pause. */
const PORTION = 100;
/** Letters of a folder in the table. */
const LONGEST_FOLDER = 64;
/** The company of those that name none; no version resource says this. */
const UNNAMED = "\u0000";
const FIRST_ORDER = { sort: "load", down: "" };
const FILTERS = ["q", ...QUESTIONS, "rule", "level", "excused", "company", "machine"];

const filters = { ...FIRST_ORDER };
for (const name of FILTERS) filters[name] = "";

const table = { shown: [], made: 0, body: null, more: null, status: null, controls: {}, heads: {}, current: 0 };
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

const COLUMNS = [
  { key: "name", title: "Driver", of: (row) => row.name },
  { key: "version", title: "Version", of: (row) => row.version || "" },
  { key: "company", title: "Company", of: (row) => row.company || "" },
  { key: "machine", title: "Machine", of: (row) => row.machine },
  ...QUESTIONS.map((question, index) => ({ key: question, title: question, of: (row) => row.answers[index] })),
  { key: "findings", title: "Findings", of: (row) => -row.findings },
];

/** Whether a row passes all filters. */
function passes(row) {
  if (filters.q && !filters.q.toLowerCase().split(/\s+/).every((word) => row.text.includes(word))) return false;
  for (let index = 0; index < QUESTIONS.length; index += 1) {
    const wanted = filters[QUESTIONS[index]];
    if (wanted && ANSWERS[row.answers[index]] !== wanted) return false;
  }
  if ((filters.rule || filters.level || filters.excused) && !row.fired.some(isWanted)) return false;
  if (filters.company && (row.company || UNNAMED) !== filters.company) return false;
  return !filters.machine || row.machine === filters.machine;
}

/** Whether a rule that fired is of the wanted id, level and excuse. */
function isWanted({ rule, level, accepted, baseline }) {
  if (filters.rule && rule !== filters.rule) return false;
  if (filters.level && LEVELS[level] !== filters.level) return false;
  return !filters.excused || (filters.excused === "baseline" ? baseline : accepted) > 0;
}

/** Compares by the chosen column; what is equal there, worst first and then in the order of the scan. */
function compare(column) {
  const worst = (row) => row.answers[0] * 16 + row.answers[2] * 4 + row.answers[1];
  const sign = filters.down ? -1 : 1;
  return (one, other) => {
    const [left, right] = [column.of(one), column.of(other)];
    const order = typeof left === "number" ? left - right : collator.compare(left, right);
    return sign * order || worst(one) - worst(other) || one.index - other.index;
  };
}

/** Draws the table anew, from its first portion on. */
function refresh() {
  const column = COLUMNS.find((one) => one.key === filters.sort) || COLUMNS[4];
  table.shown = rows.filter(passes).sort(compare(column));
  table.made = 0;
  table.current = 0;
  table.body.replaceChildren();
  makeMore(PORTION);
  for (const { key } of COLUMNS) {
    const order = key === column.key ? (filters.down ? "descending" : "ascending") : "none";
    table.heads[key].setAttribute("aria-sort", order);
  }
  const some = table.shown.length < rows.length;
  table.status.textContent = some
    ? grouped(table.shown.length) + " of " + counted(rows.length, "driver")
    : counted(rows.length, "driver");
  table.reset.hidden = FILTERS.every((name) => !filters[name]);
  markCharts();
}

function makeMore(count) {
  const end = Math.min(table.shown.length, table.made + count);
  const made = document.createDocumentFragment();
  for (; table.made < end; table.made += 1) made.append(driverRow(table.shown[table.made], table.made));
  table.body.append(made);
  const left = table.shown.length - table.made;
  table.more.hidden = left === 0;
  table.more.textContent = "Show " + grouped(Math.min(left, PORTION)) + " more of " + grouped(left);
  table.empty.hidden = table.shown.length > 0;
}

/** The end of a long folder, which tells more than its beginning; the driver's page has all of it. */
function shortFolder(folder) {
  if (folder.length <= LONGEST_FOLDER) return folder;
  const rest = folder.slice(-LONGEST_FOLDER);
  const cut = rest.search(/[\\/]/);
  return "\u2026" + (cut >= 0 && cut < rest.length - 1 ? rest.slice(cut) : rest);
}

function driverRow(row, place) {
  const cell = (title, ...children) => element("td", { role: "cell", "data-title": title }, children);
  const fired = row.fired.map((one) => {
    const aside = [one.level < 2 ? LEVELS[one.level] : "", excusedWords(one)].filter(Boolean).join(", ");
    return element("li", { class: LEVELS[one.level] },
      one.rule, one.findings > 1 ? " \u00d7" + grouped(one.findings) : "", aside ? element("small", null, " " + aside) : null);
  });
  return element("tr", { role: "row", tabindex: place === table.current ? "0" : "-1", "data-id": row.id },
    element("th", { scope: "row", role: "rowheader" },
      element("a", { href: "#driver-" + row.id, tabindex: "-1" }, row.name || "(no name)"),
      row.folder ? element("small", { title: row.folder + row.name }, shortFolder(row.folder)) : null),
    cell("Version", row.version || ""),
    cell("Company", row.company || ""),
    cell("Machine", row.machine),
    QUESTIONS.map((question, index) => element("td", { role: "cell", "data-title": question },
      answerMark(ANSWERS[row.answers[index]]), row.excused.includes(index) ? element("small", { class: "excuse" }, "excused") : null)),
    cell("Findings", fired.length ? element("ul", { class: "fired" }, fired) : element("span", { class: "none" }, "none")));
}

/** Moves the one row that the tabulator key reaches. */
function moveTo(place) {
  const wanted = Math.max(0, Math.min(table.shown.length - 1, place));
  while (table.made <= wanted && table.made < table.shown.length) makeMore(PORTION);
  const old = table.body.children[table.current];
  if (old) old.tabIndex = -1;
  table.current = wanted;
  const row = table.body.children[wanted];
  if (!row) return;
  row.tabIndex = 0;
  row.focus();
}

function onRowKey(event) {
  const row = event.target.closest("tr");
  if (!row || event.ctrlKey || event.altKey || event.metaKey) return;
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
  if (event.key === "Enter" && event.target === row) location.hash = "driver-" + row.dataset.id;
  else if (event.key in steps) moveTo(table.current + steps[event.key]);
  else if (event.key === "Home") moveTo(0);
  else if (event.key === "End") moveTo(table.shown.length - 1);
  else return;
  event.preventDefault();
}

/** A click anywhere in a row opens it, unless it ends a selection or meets a link. */
function onRowClick(event) {
  const row = event.target.closest("tr");
  if (!row || event.target.closest("a") || !getSelection().isCollapsed) return;
  location.hash = "driver-" + row.dataset.id;
}

/** Changes filters, shows what follows and keeps it in the address. */
function setFilters(changed) {
  Object.assign(filters, changed);
  for (const [name, control] of Object.entries(table.controls)) control.value = filters[name];
  refresh();
  rememberFilters();
}

/** The filters as an address has them; empty where all is as it was first. */
function filterAddress() {
  const told = new URLSearchParams();
  for (const name of FILTERS) if (filters[name]) told.set(name, filters[name]);
  for (const [name, first] of Object.entries(FIRST_ORDER)) if (filters[name] !== first) told.set(name, filters[name]);
  return told.size ? "#?" + told : "#";
}

function readFilters(address) {
  const told = new URLSearchParams(address);
  const read = { ...FIRST_ORDER };
  for (const name of [...FILTERS, "sort", "down"]) {
    if (told.has(name)) read[name] = told.get(name);
    else if (!(name in read)) read[name] = "";
  }
  return read;
}

function choice(name, title, options) {
  const select = element("select", { id: "filter-" + name, on: { change: () => setFilters({ [name]: select.value }) } },
    element("option", { value: "" }, "any"),
    options.map(([value, words]) => element("option", { value }, words)));
  table.controls[name] = select;
  return element("div", { class: "field" }, element("label", { for: select.id }, title), select);
}

function filterBar() {
  const options = (keys, shown) => tallied(keys).map(({ key, rows: those }) => [key, shown(key) + " (" + grouped(those.length) + ")"]);
  const byName = (list) => list.sort((one, other) => collator.compare(one[1], other[1]));
  const excuses = [["accepted", "accepted"], ["baseline", "in the baseline"]]
    .filter(([kind]) => rows.some((row) => row.fired.some((one) => one[kind] > 0)));
  const search = element("input", {
    id: "filter-q", type: "search", placeholder: "name, path, company, rule", autocomplete: "off", spellcheck: "false",
    on: { input: () => setFilters({ q: search.value }) },
  });
  table.controls.q = search;
  table.reset = element("button", { type: "button", class: "reset", hidden: true, on: { click: clearFilters } }, "Clear filters");
  return element("form", { class: "filters", role: "search", "aria-label": "Drivers", on: { submit: (event) => event.preventDefault() } },
    element("div", { class: "field wide" }, element("label", { for: "filter-q" }, "Search ", element("kbd", null, "/")), search),
    QUESTIONS.map((question, index) => choice(question, question, ANSWERS
      .filter((answer, number) => answer !== NOT_REACHED || rows.some((row) => row.answers[index] === number))
      .map((answer) => [answer, answer]))),
    choice("rule", "Rule", byName(options((row) => row.fired.map((one) => one.rule), (key) => key))),
    choice("level", "Level", [...LEVELS].reverse().map((level) => [level, level])),
    excuses.length > 0 ? choice("excused", "Excused", excuses) : null,
    choice("company", "Company", byName(options((row) => [row.company || UNNAMED], (key) => (key === UNNAMED ? "none named" : key)))),
    choice("machine", "Machine", options((row) => [row.machine], (key) => key)),
    table.reset);
}

function clearFilters() {
  setFilters(Object.fromEntries(FILTERS.map((name) => [name, ""])));
  table.controls.q.focus();
}

function sortBy(key) {
  setFilters({ sort: key, down: filters.sort === key && !filters.down ? "1" : "" });
}

function drawDrivers() {
  const heads = COLUMNS.map(({ key, title }) => {
    const sort = () => sortBy(key);
    table.heads[key] = element("th", { scope: "col", role: "columnheader", "aria-sort": "none", class: "column-" + key },
      element("button", { type: "button", on: { click: sort } }, title),
      // Browsers repeat headings on each sheet of paper, but no buttons.
      element("span", { class: "paper-only", "aria-hidden": "true" }, title));
    return table.heads[key];
  });
  table.body = element("tbody", { role: "rowgroup", on: { keydown: onRowKey, click: onRowClick } });
  table.more = element("button", { type: "button", class: "show-more", on: { click: () => makeMore(PORTION) } });
  table.status = element("p", { class: "status", role: "status" });
  table.empty = element("p", { class: "empty", hidden: true }, "No driver passes these filters.");
  document.getElementById("drivers").append(
    element("h2", { id: "drivers-title" }, "Drivers"),
    filterBar(),
    table.status,
    element("p", { class: "unseen", id: "drivers-hint" }, "Arrow keys move between drivers, Enter opens one, Escape comes back."),
    element("table", { class: "drivers", role: "table", "aria-labelledby": "drivers-title", "aria-describedby": "drivers-hint" },
      element("colgroup", null, COLUMNS.map(({ key }) => element("col", { class: "wide-" + key }))),
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, heads)), table.body),
    table.empty, table.more);
  new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && !table.more.hidden) makeMore(PORTION);
  }, { rootMargin: "600px" }).observe(table.more);
}

