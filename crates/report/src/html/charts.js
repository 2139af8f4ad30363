// The three questions with their counts, and how drivers spread over answers, rules and companies. Whatever is
// drawn filters the table when it is pressed.

/** Bars of a chart; the table's filters reach the rest. */
const MOST_BARS = 10;
/** Bars of each level, the gravest first. */
const MOST_RULES = { error: 8, warning: 4, note: 4 };

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
    const counts = ANSWERS.map(() => 0);
    for (const row of rows) counts[row.answers[index]] += 1;
    const excused = rows.filter((row) => row.excused.includes(index)).length;
    return element("section", { class: "question" },
      element("h2", null, question),
      element("p", null, ASKED[question]),
      bar(ANSWERS.map((answer, number) => [classOf(answer), counts[number]]), rows.length),
      element("div", { class: "counts", role: "group", "aria-label": question }, ANSWERS.map((answer, number) =>
        counts[number] === 0 && answer === NOT_REACHED ? null
          : filterButton({ [question]: answer }, { class: "count " + classOf(answer), disabled: counts[number] === 0 },
            element("b", null, grouped(counts[number])), " ", answerMark(answer)))),
      counts[ANSWERS.indexOf(NOT_REACHED)] > 0 ? element("p", { class: "aside" }, "Not reached: the driver does not load.") : null,
      excused > 0 ? element("p", { class: "aside" }, grouped(excused) + " of these answers " + (excused === 1 ? "fails" : "fail") + " nothing, as all that decided " + (excused === 1 ? "it" : "them") + " is accepted or in the baseline.") : null);
  }));
}

/** A list of bars: each has a label, the filters it sets, its parts and a total. The longest would be `most`. */
function bars(entries, most) {
  return element("ol", { class: "bars" }, entries.map((entry) =>
    element("li", null, filterButton(entry.wanted, { class: "bar" },
      element("span", { class: "bar-label" }, entry.label),
      element("span", { class: "bar-count" }, grouped(entry.total)),
      bar(entry.parts, most),
      entry.words ? element("span", { class: "unseen" }, entry.words) : null))));
}

/** How many bars there is no room for. Paper has no filters. */
function more(left) {
  if (left <= 0) return null;
  return element("p", { class: "more" }, "and " + grouped(left) + " more", element("span", { class: "screen-only" }, ", in the filters below"));
}

function chart(kind, title, entries, left, heads) {
  if (entries.length === 0) return null;
  const most = Math.max(...entries.map((entry) => entry.total));
  return element("section", { class: "chart " + kind }, element("h2", null, title), heads, bars(entries, most), more(left));
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
        element("span", { class: "verdict" }, element("span", { class: "unseen" }, question + " "), answerMark(answers[index]), " ")),
      wanted: Object.fromEntries(QUESTIONS.map((question, index) => [question, answers[index]])),
      parts: [[classOf(gravest(those[0])), those.length]],
      total: those.length,
    };
  });
  const heads = element("p", { class: "verdict-heads", "aria-hidden": "true" }, QUESTIONS.map((question) => element("span", null, question)));
  return chart("verdicts", "Verdicts", entries, groups.length - entries.length, heads);
}

/** Drivers by rule, apart by the gravest level that the rule's findings have in them: a note denies nothing. */
function byRule() {
  const groups = LEVELS.map((level, number) => [level, tallied((row) => row.fired.filter((one) => one.level === number).map((one) => one.rule))]);
  const told = groups.filter(([, those]) => those.length > 0).reverse();
  if (told.length === 0) return null;
  const most = Math.max(...told.flatMap(([, those]) => those.map((one) => one.rows.length)));
  return element("section", { class: "chart rules" }, element("h2", null, "Drivers by rule"), told.map(([level, those]) => {
    const entries = those.slice(0, MOST_RULES[level]).map(({ key, rows: of }) => ({
      label: ruleLabel(key), wanted: { rule: key, level }, parts: [[level, of.length]], total: of.length,
    }));
    return [
      element("h3", { class: "level " + level }, LEVEL_WORDS[level]),
      bars(entries, most), more(those.length - entries.length),
    ];
  }));
}

/** What a rule finds, and its id. */
function ruleLabel(rule) {
  const summary = report.about.cards[rule];
  return summary ? [sentence(summary), " ", element("small", null, rule)] : rule;
}

function byCompany() {
  const groups = tallied((row) => [row.company || UNNAMED]);
  const entries = groups.slice(0, MOST_BARS).map(({ key, rows: those }) => {
    const parts = ANSWERS.map((answer) => [classOf(answer), those.filter((row) => gravest(row) === answer).length]);
    const words = parts.filter(([, count]) => count > 0).map(([answer, count]) => grouped(count) + " with " + answer);
    return {
      label: key === UNNAMED ? "no company named" : key, wanted: { company: key }, parts, total: those.length,
      words: " drivers; by their gravest answer " + words.join(", "),
    };
  });
  return chart("companies", "Drivers by company", entries, groups.length - entries.length);
}

function drawCharts() {
  if (rows.length === 0) return;
  document.getElementById("charts").append(
    questionCards(), element("div", { class: "charts" }, byAnswers(), byRule(), byCompany()));
}

