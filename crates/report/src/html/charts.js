// The three questions with their counts, and how drivers spread over answers, rules and companies. Whatever is
// drawn filters the table when it is pressed.

/** Bars of a chart; the table's filters reach the rest. */
const MOST_BARS = 10;

const chartButtons = [];

/** A button that sets filters, and unsets them when it is pressed again. */
function filterButton(wanted, attributes, ...children) {
  const press = () => {
    const unset = Object.fromEntries(Object.keys(wanted).map((name) => [name, ""]));
    setFilters(isSet(wanted) ? unset : wanted);
  };
  const made = element("button", { type: "button", "aria-pressed": "false", ...attributes, on: { click: press } }, children);
  chartButtons.push([made, wanted]);
  return made;
}

function isSet(wanted) {
  return Object.entries(wanted).every(([name, value]) => filters[name] === value);
}

function markCharts() {
  for (const [button, wanted] of chartButtons) button.setAttribute("aria-pressed", String(isSet(wanted)));
}

/** A bar of parts, each a class and a count, as wide as its share of `all`. */
function bar(parts, all) {
  return element("span", { class: "bar-track", "aria-hidden": "true" },
    parts.filter(([, count]) => count > 0).map(([name, count]) =>
      sized(element("span", { class: "bar-part " + name }), { width: (100 * count / all).toFixed(3) + "%" })));
}

function questionCards() {
  return element("div", { class: "questions" }, QUESTIONS.map((question, index) => {
    const counts = [0, 0, 0];
    for (const row of rows) counts[row.answers[index]] += 1;
    return element("section", { class: "question" },
      element("h2", null, question),
      element("p", null, ASKED[question]),
      bar(ANSWERS.map((answer, number) => [answer, counts[number]]), rows.length),
      element("div", { class: "counts", role: "group", "aria-label": question }, ANSWERS.map((answer, number) =>
        filterButton({ [question]: answer }, { class: "count " + answer, disabled: counts[number] === 0 },
          element("b", null, grouped(counts[number])), " ", answerMark(answer)))));
  }));
}

/** A list of bars: each has a label, the filters it sets, its parts and a total. */
function chart(title, entries, left, heads) {
  if (entries.length === 0) return null;
  const most = Math.max(...entries.map((entry) => entry.total));
  const list = element("ol", { class: "bars" }, entries.map((entry) =>
    element("li", null, filterButton(entry.wanted, { class: "bar" },
      element("span", { class: "bar-label" }, entry.label),
      element("span", { class: "bar-count" }, grouped(entry.total)),
      bar(entry.parts, most),
      entry.words ? element("span", { class: "unseen" }, entry.words) : null))));
  const more = left > 0 ? element("p", { class: "more" }, "and " + grouped(left) + " more, in the filters below") : null;
  return element("section", { class: "chart" }, element("h2", null, title), heads, list, more);
}

/** What the rows have most of, by a key; none for null. */
function tallied(keys) {
  const groups = new Map();
  for (const row of rows) {
    for (const key of keys(row)) {
      if (!groups.has(key)) groups.set(key, { key, rows: [] });
      groups.get(key).rows.push(row);
    }
  }
  return [...groups.values()].sort((one, other) => other.rows.length - one.rows.length);
}

/** The gravest answer of a driver. */
function gravest(row) {
  return ANSWERS[Math.min(...row.answers)];
}

function byAnswers() {
  const groups = tallied((row) => [row.answers.join("")]);
  const entries = groups.slice(0, MOST_BARS).map(({ key, rows: those }) => {
    const answers = [...key].map((digit) => ANSWERS[digit]);
    return {
      label: QUESTIONS.map((question, index) =>
        element("span", { class: "pair" }, element("span", { class: "unseen" }, question + " "), answerMark(answers[index]), " ")),
      wanted: Object.fromEntries(QUESTIONS.map((question, index) => [question, answers[index]])),
      parts: [[gravest(those[0]), those.length]],
      total: those.length,
    };
  });
  const heads = element("p", { class: "pair-heads", "aria-hidden": "true" }, QUESTIONS.map((question) => element("span", { class: "pair" }, question)));
  return chart("Verdicts", entries, groups.length - entries.length, heads);
}

function byRule() {
  const groups = tallied((row) => row.fired.map((one) => one.rule));
  const entries = groups.slice(0, MOST_BARS).map(({ key, rows: those }) => ({
    label: key, wanted: { rule: key }, parts: [["structure", those.length]], total: those.length,
  }));
  return chart("Drivers by rule", entries, groups.length - entries.length);
}

function byCompany() {
  const groups = tallied((row) => [row.company || UNNAMED]);
  const entries = groups.slice(0, MOST_BARS).map(({ key, rows: those }) => {
    const parts = ANSWERS.map((answer) => [answer, those.filter((row) => gravest(row) === answer).length]);
    const words = parts.filter(([, count]) => count > 0).map(([answer, count]) => grouped(count) + " with a " + answer);
    return {
      label: key === UNNAMED ? "no company named" : key, wanted: { company: key }, parts, total: those.length,
      words: " drivers; by their gravest answer " + words.join(", "),
    };
  });
  return chart("Drivers by company", entries, groups.length - entries.length);
}

function drawCharts() {
  if (rows.length === 0) return;
  document.getElementById("charts").append(
    questionCards(), element("div", { class: "charts" }, byAnswers(), byRule(), byCompany()));
}

