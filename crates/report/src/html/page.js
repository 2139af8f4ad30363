"use strict";
// What all parts of the page use. Text is only ever put into text nodes and attributes: nothing that a driver
// says is read as markup.

const QUESTIONS = ["load", "run", "certify"];
/** By the numbers that rows have; what is not reached, as the driver does not load, is a kind of unknown. */
const ANSWERS = ["no", "unknown", "not reached", "yes"];
const ASKED = {
  load: "Does the image meet what the loader and memory integrity demand of it?",
  run: "Does nothing listed break it once it is loaded?",
  certify: "Have Driver Verifier and the HLK readiness test no objection?",
};
const NOT_REACHED = ANSWERS[2];
const LEVELS = ["note", "warning", "error"];
const LEVEL_WORDS = { error: "Errors: they make an answer no", warning: "Warnings", note: "Notes: they make no answer no" };

const report = JSON.parse(document.getElementById("report").textContent);

/** The drivers, with what the table filters and sorts by. */
const rows = report.rows.map(([id, folder, name, version, company, machine, answers, rules, excused], index) => {
  const fired = rules.map(([rule, findings, level, [accepted, baseline] = [0, 0]]) =>
    ({ rule: report.rules[rule], findings, level, accepted, baseline }));
  return {
    index, id, folder, name, version, company, machine, answers, fired, excused,
    findings: fired.reduce((sum, one) => sum + one.findings, 0),
    text: [folder + name, version, company, machine, ...fired.map((one) => one.rule)].join("\n").toLowerCase(),
  };
});
const rowOf = new Map(rows.map((row) => [row.id, row]));

/** An element. `on` holds listeners; children may be nested lists, and what is null is left out. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** 1731 as "1 731", with a space that does not break. */
function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
}

function counted(count, thing) {
  return grouped(count) + " " + thing + (count === 1 ? "" : "s");
}

function hex(number) {
  return number.toString(16);
}

/** A text that may be one of those written once. */
function said(text) {
  return typeof text === "number" ? report.texts[text] : text;
}

/** An answer as a word; its colour and sign only repeat it. */
function answerMark(answer) {
  return element("span", { class: "answer " + classOf(answer) }, answer);
}

/** The class of an answer, whose words it has. */
function classOf(answer) {
  return answer.replace(" ", "-");
}

/** "3 accepted, 1 in the baseline"; empty where nothing is excused. */
function excusedWords({ accepted, baseline }) {
  const kinds = [[accepted, "accepted"], [baseline, "in the baseline"]];
  return kinds.filter(([count]) => count > 0).map(([count, kind]) => grouped(count) + " " + kind).join(", ");
}

/** Where a rule is explained: published, or on this page. */
function ruleLink(rule) {
  const docs = report.about.docs;
  if (docs) return element("a", { class: "rule", href: docs + "/rules/" + rule + ".html" }, rule);
  if (rule in report.about.cards) {
    return element("a", { class: "rule", href: "#rule-" + rule, title: report.about.cards[rule] }, rule);
  }
  return element("span", { class: "rule" }, rule);
}

function ddiName(ddi) {
  const docs = report.about.docs;
  return docs ? element("a", { href: docs + "/ddis/" + ddi + ".html" }, ddi) : ddi;
}

/** A width in percent; by the object model, as the page's policy allows no style in markup. */
function sized(made, properties) {
  for (const [name, value] of Object.entries(properties)) made.style[name] = value;
  return made;
}

