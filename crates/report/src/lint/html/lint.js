"use strict";
// Filters the table of findings, and the findings with it. Nothing that a finding says is read as markup.

const found = [...document.querySelectorAll("tr[data-of]")].map((row) => ({
  row,
  article: document.getElementById(row.dataset.of),
  text: row.textContent.toLowerCase(),
}));
const STATES = { fails: "fails", other: "fails nothing", open: "not known", excused: "excused" };
const controls = {};

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function passes({ row, text }) {
  const words = controls.q.value.toLowerCase().split(/\s+/);
  if (!words.every((word) => text.includes(word))) return false;
  return ["level", "rule", "fix", "state"].every((key) => !controls[key].value || row.dataset[key] === controls[key].value);
}

function refresh() {
  let shown = 0;
  for (const one of found) {
    const passed = passes(one);
    one.row.hidden = !passed;
    one.article.hidden = !passed;
    shown += passed ? 1 : 0;
  }
  const all = found.length + (found.length === 1 ? " finding" : " findings");
  controls.status.textContent = shown === found.length ? all : shown + " of " + all;
}

/** A list of what there is, in the order of the rows, with how often. */
function choice(key, title, words = {}) {
  const counts = new Map();
  for (const { row } of found) counts.set(row.dataset[key], (counts.get(row.dataset[key]) || 0) + 1);
  const options = [...counts].map(([value, count]) => element("option", { value }, (words[value] || value) + " (" + count + ")"));
  controls[key] = element("select", { id: "filter-of-" + key }, element("option", { value: "" }, "all"), ...options);
  controls[key].addEventListener("change", refresh);
  return element("div", { class: "field" }, element("label", { for: "filter-of-" + key }, title), controls[key]);
}

function drawFilters() {
  const place = document.getElementById("filters");
  if (!place) return;
  controls.q = element("input", { id: "filter-of-q", type: "search", autocomplete: "off", spellcheck: "false", placeholder: "path, rule, words" });
  controls.q.addEventListener("input", refresh);
  controls.status = element("p", { class: "status", role: "status" });
  const form = element("form", { class: "filters", role: "search", "aria-label": "Findings" },
    element("div", { class: "field wide" }, element("label", { for: "filter-of-q" }, "Search"), controls.q),
    choice("level", "Level"), choice("rule", "Rule"), choice("fix", "Fix"), choice("state", "State", STATES));
  form.addEventListener("submit", (event) => event.preventDefault());
  place.append(form, controls.status);
  refresh();
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

function isDark() {
  return (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
}

function setTheme(theme) {
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  document.getElementById("theme").setAttribute("aria-pressed", String(isDark()));
}

const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const wanted = isDark() ? "light" : "dark";
  setTheme(stored(wanted) || wanted);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(null));
setTheme(stored(null));
drawFilters();
// A link to a finding shows it, whatever is filtered.
addEventListener("hashchange", () => {
  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted && wanted.hidden) {
    wanted.hidden = false;
    wanted.scrollIntoView();
  }
});
