// Which page is shown: the address says it, so that every one can be linked to.

const pages = {
  overview: document.getElementById("overview"),
  driver: document.getElementById("driver"),
  rules: document.getElementById("rules"),
};
const now = { page: null, driver: null, scrolled: 0 };

/** What an address asks for. */
function asked() {
  const hash = location.hash.slice(1);
  if (hash.startsWith("driver-")) {
    const row = rowOf.get(hash.slice("driver-".length));
    if (row) return { page: "driver", row };
  }
  if (pages.rules && hash === "rules") return { page: "rules" };
  if (pages.rules && hash.startsWith("rule-") && document.getElementById(hash)) return { page: "rules", card: hash };
  return { page: "overview", filters: hash.startsWith("?") ? hash.slice(1) : "" };
}

function route() {
  const wanted = asked();
  const from = now.page;
  if (from === "overview" && wanted.page !== "overview") now.scrolled = scrollY;
  for (const [name, section] of Object.entries(pages)) if (section) section.hidden = name !== wanted.page;
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.dataset.page === wanted.page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  now.page = wanted.page;
  if (wanted.page === "driver") openDriver(wanted.row, from);
  else if (wanted.page === "rules") openRules(wanted.card, from);
  else openOverview(wanted.filters, from);
}

function openDriver(row, from) {
  const data = document.getElementById("data-" + row.id);
  pages.driver.replaceChildren(...driverPage(row, JSON.parse(data.textContent)).filter(Boolean));
  now.driver = row;
  document.title = row.name + ": memory integrity report";
  scrollTo(0, 0);
  if (from !== null) document.getElementById("driver-title").focus({ preventScroll: true });
}

function openRules(card, from) {
  document.title = "Rules: memory integrity report";
  const place = card ? document.getElementById(card) : null;
  if (place) place.scrollIntoView();
  else scrollTo(0, 0);
  if (from !== null && !place) document.getElementById("rules-title").focus({ preventScroll: true });
}

function openOverview(address, from) {
  document.title = "Memory integrity report";
  const read = readFilters(address);
  const changed = Object.keys(read).some((name) => read[name] !== filters[name]);
  if (changed || from === null) {
    Object.assign(filters, read);
    for (const [name, control] of Object.entries(table.controls)) control.value = filters[name];
    refresh();
  }
  pages.driver.replaceChildren();
  if (from === "driver" || from === "rules") {
    const place = now.driver ? table.shown.indexOf(now.driver) : -1;
    // One that was linked to may be far below; the way there is not made for it.
    if (place >= 0 && place < table.made + 5 * PORTION) moveTo(place);
    scrollTo(0, now.scrolled);
  }
}

function rememberFilters() {
  history.replaceState(history.state, "", filterAddress());
}

/** Back to the table, as it was left. */
function goBack() {
  location.hash = filterAddress();
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "Escape") {
    if (now.page !== "overview") goBack();
    else if (typing === table.controls.q && filters.q) setFilters({ q: "" });
    else return;
    event.preventDefault();
  } else if (event.key === "/" && !typing && now.page === "overview") {
    event.preventDefault();
    table.controls.q.focus();
  }
}

function isDark() {
  return (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
}

/** Storage may be refused to a file; then the choice holds until the page is closed. */
function stored(theme) {
  try {
    if (theme) localStorage.setItem("ringfence-theme", theme);
    return localStorage.getItem("ringfence-theme");
  } catch {
    return theme;
  }
}

function setTheme(theme) {
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  document.getElementById("theme").setAttribute("aria-pressed", String(isDark()));
}

function start() {
  document.documentElement.classList.add("js");
  drawCharts();
  drawDrivers();
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => setTheme(stored(isDark() ? "light" : "dark") || (isDark() ? "light" : "dark")));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(null));
  setTheme(stored(null));
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  addEventListener("hashchange", route);
  addEventListener("keydown", onKey);
  // Paper has no scrolling: all rows are made, and all that is folded is opened.
  addEventListener("beforeprint", () => {
    if (now.page === "overview") makeMore(table.shown.length);
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const pins of document.querySelectorAll(".pins")) pins.drawFor(PAPER);
  });
  addEventListener("afterprint", () => {
    for (const pins of document.querySelectorAll(".pins")) pins.drawFor(pins.clientWidth);
  });
  route();
}

start();
