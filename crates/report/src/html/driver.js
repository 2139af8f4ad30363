// One driver's page, drawn when it is opened.

function driverPage(row, driver) {
  const version = driver.facts.version || {};
  const words = [version.description, version.company, version.file, driver.machine, driver.facts.hybrid, grouped(driver.size) + " bytes"];
  return [
    driverNav(row),
    element("h1", { id: "driver-title", tabindex: "-1" }, row.name || "(no name)"),
    element("p", { class: "path" }, element("code", null, driver.path)),
    element("p", { class: "facts-line" }, words.filter(Boolean).join(" \u00b7 ")),
    element("div", { class: "questions" }, QUESTIONS.map((question, index) => answerCard(driver, question, ANSWERS[row.answers[index]], driver.answers[index]))),
    memoryMap(driver),
    findingsOf(driver),
    defectsOf(driver),
    element("section", { "aria-labelledby": "examined-title" },
      element("h2", { id: "examined-title" }, "What was looked at"),
      element("ul", { class: "examined" }, driver.examined.concat(driver.symbols || [], "asked about " + report.about.targets).map((line) => element("li", null, sentence(line))))),
    factsOf(driver),
    importsOf(driver),
  ];
}

function sentence(fragment) {
  return fragment.charAt(0).toUpperCase() + fragment.slice(1);
}

function driverNav(row) {
  const place = table.shown.indexOf(row);
  const link = (to, words) => (to ? element("a", { href: "#driver-" + to.id }, words) : element("span", { class: "off" }, words));
  const back = element("a", { class: "back", href: filterAddress(), on: { click: (event) => { event.preventDefault(); goBack(); } } },
    "\u2190 All drivers ", element("kbd", null, "Esc"));
  if (place < 0) return element("nav", { class: "driver-nav", "aria-label": "Driver" }, back);
  return element("nav", { class: "driver-nav", "aria-label": "Driver" }, back,
    element("span", { class: "step" },
      link(table.shown[place - 1], "Previous"), element("span", null, grouped(place + 1) + " of " + grouped(table.shown.length)),
      link(table.shown[place + 1], "Next")));
}

/** An answer with what decided it. */
function answerCard(driver, question, answer, { because = [] }) {
  const reasons = because.map(({ rule, text, times, likely }) => element("li", null,
    rule ? [ruleLink(rule), times > 1 ? " \u00d7" + grouped(times) : "", likely ? " (likely)" : "", ": "] : "",
    withCode(said(text))));
  const excused = driver.excused.includes(question)
    ? element("p", { class: "excused" }, "Fails nothing: all that decided it is excused.") : null;
  return element("section", { class: "question is-" + classOf(answer) },
    element("h2", null, question, " ", answerMark(answer)),
    element("p", null, ASKED[question]),
    reasons.length ? element("ul", { class: "reasons" }, reasons) : element("p", { class: "reasons" }, "All that is relevant was examined, and nothing objects."),
    excused);
}

function findingsOf(driver) {
  const { findings } = driver;
  return element("section", { class: findings.length > 30 ? "findings many" : "findings", "aria-labelledby": "findings-title" },
    element("h2", { id: "findings-title" }, "Findings ", element("span", { class: "tally" }, grouped(findings.length))),
    findings.length ? findings.map(finding) : element("p", null, "None."));
}

function finding(one, index) {
  const remarks = one.remarks.map(([name, text]) => [
    element("dt", { class: name === "help" ? "help" : null }, name === "help" ? "What to change" : sentence(name)),
    element("dd", { class: name === "help" ? "help" : null }, withCode(said(text))),
  ]);
  const place = [
    element("code", null, one.place),
    one.section ? [" in ", element("code", null, one.section)] : null,
    one.within ? ", " + one.within : null,
  ];
  return element("article", { class: "finding " + one.level, id: "finding-" + index, tabindex: "-1", "aria-labelledby": "finding-title-" + index },
    element("p", { class: "finding-lead" },
      element("span", { class: "number" }, String(index + 1)), " ",
      element("span", { class: "level " + one.level }, one.level), " ", ruleLink(one.rule)),
    element("h3", { id: "finding-title-" + index }, withCode(sentence(one.message))),
    element("p", { class: "place" }, place),
    (one.origin || []).map((line) => element("p", { class: "origin" }, line)),
    one.evidence ? evidence(one.evidence) : null,
    element("dl", { class: "remarks" },
      one.excuse ? [element("dt", null, "Excused"), element("dd", null, excuseWords(one.excuse))] : null,
      one.ddi ? [element("dt", null, "Call"), element("dd", null, element("code", null, ddiName(one.ddi)), one.argument ? ", " + one.argument : "")] : null,
      one.questions.length ? [element("dt", null, one.level === "error" ? "Says no to" : "About"), element("dd", null, one.questions.join(", "))] : null,
      remarks,
      element("dt", null, "Fingerprint"), element("dd", null, element("code", { class: "whole" }, one.fingerprint))));
}

function excuseWords(excuse) {
  if (excuse.by === "baseline") return "the baseline has it; it is not new";
  return "accepted" + (excuse.until ? " until " + excuse.until : "") + ": " + excuse.reason;
}

/** What stands between backticks is code. */
function withCode(text) {
  return text.split("`").map((piece, index) => (index % 2 ? element("code", null, piece) : piece));
}

function defectsOf({ defects = [], defect_count: all }) {
  if (all === 0) return null;
  const where = (one) => [
    one.structure,
    one.file_offset !== null ? "file offset " + hex(one.file_offset) : null,
    one.rva !== null ? "address " + hex(one.rva) : null,
  ].filter(Boolean).join(", ");
  const left = all - defects.length;
  return element("section", { class: "defects", "aria-labelledby": "defects-title" },
    element("h2", { id: "defects-title" }, "Malformed parts ", element("span", { class: "tally" }, grouped(all))),
    element("ul", null, defects.map((one) => element("li", null, sentence(one.message), element("small", null, one.kind + ": " + where(one))))),
    left > 0 ? element("p", null, "and " + grouped(left) + " more") : null);
}

function factsOf(driver) {
  const { facts } = driver;
  const version = facts.version || {};
  const date = () => new Date(facts.timestamp * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";
  const whole = (text) => (text ? element("code", { class: "whole" }, text) : null);
  const entries = [
    ["SHA-256", whole(driver.sha256)],
    ["Authentihash, SHA-1", driver.authentihash ? whole(driver.authentihash[0]) : null],
    ["Authentihash, SHA-256", driver.authentihash ? whole(driver.authentihash[1]) : null],
    ["Product", version.product],
    ["Original file name", version.original_filename],
    ["Format", [facts.format, facts.subsystem, facts.hybrid].filter(Boolean).join(", ")],
    ["Linker", facts.linker + (facts.toolset ? ", " + facts.toolset : "")],
    ["Time stamp", hex(facts.timestamp) + (facts.reproducible ? ", a hash of the content" : ", " + date())],
    ["Entry point", facts.entry_point === undefined ? "none" : hex(facts.entry_point)],
    ["Alignment", "sections " + hex(facts.section_alignment) + ", file " + hex(facts.file_alignment)],
    ["Size in memory", hex(facts.size_of_image)],
    ["Debug file", facts.debug_file ? element("span", null, element("code", null, facts.debug_file.path), " " + facts.debug_file.guid + ", age " + facts.debug_file.age) : null],
    ["Certificate table", facts.certificate_table ? grouped(facts.certificate_table) + " bytes, not checked" : "none"],
    ["Exports", grouped(facts.exports)],
    ["Mitigations", said(driver.mitigations).replace(/^mitigations /, "")],
  ];
  return element("section", { "aria-labelledby": "facts-title" },
    element("h2", { id: "facts-title" }, "Facts"),
    element("dl", { class: "facts" }, entries.filter(([, value]) => value).map(([name, value]) => [element("dt", null, name), element("dd", null, value)])));
}

function importsOf({ imports, import_count: all }) {
  if (imports.length === 0) return null;
  const left = all - imports.length;
  return element("section", { "aria-labelledby": "imports-title" },
    element("h2", { id: "imports-title" }, "Imports ", element("span", { class: "tally" }, counted(all, "module"))),
    element("ul", { class: "imports" }, imports.map(([module, functions, delayed]) => element("li", null,
      element("code", null, module), " " + counted(functions, "function") + (delayed ? ", bound on first use" : "")))),
    left > 0 ? element("p", null, "and " + grouped(left) + " more") : null);
}

