// Opens the two reports beside this file and checks them. The arguments are the folder of the example drivers,
// whose bytes and expected.json say what must be shown, and Chromium.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const [examples, executablePath] = process.argv.slice(2);
const names = readdirSync(examples).filter((name) => name.endsWith(".sys"));
const expected = JSON.parse(readFileSync(join(here, "expected.json"), "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const EXAMPLES = pathToFileURL(join(here, "examples.html")).href;
const MANY = pathToFileURL(join(here, "many.html")).href;
const LINT = pathToFileURL(join(here, "lint.html")).href;
const QUESTIONS = ["load", "run", "certify"];

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

/** A page that fails the check when it complains, or asks for anything but itself. */
async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => page.complaints.push(message.type() + ": " + message.text()));
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("dialog", (dialog) => { page.complaints.push("dialog"); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith(url.split("#")[0])) page.complaints.push("asks for " + request.url());
  });
  await page.goto(url);
  return page;
}

async function close(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

const shownRows = (page) => page.$$eval(".drivers tbody tr", (rows) => rows.map((row) => ({
  id: row.dataset.id,
  name: row.querySelector("th a").textContent,
  answers: [...row.querySelectorAll(".answer")].map((answer) => answer.textContent),
})));

/** Waits for the page's answer to a changed address. */
const settled = (page, selector) => page.waitForSelector(selector, { state: "visible", timeout: 10_000 });

const checks = {
  async "the table says what is expected of each driver"() {
    const page = await open(EXAMPLES);
    const rows = await shownRows(page);
    assert.deepEqual(rows.map((row) => row.name).sort(), [...names].sort());
    for (const row of rows) assertAnswers(row.answers, row.name);
    for (const [index, question] of QUESTIONS.entries()) {
      const told = await page.$$eval(`.question:nth-child(${index + 1}) .count`, (counts) =>
        Object.fromEntries(counts.map((count) => [count.querySelector(".answer").textContent, Number(count.querySelector("b").textContent)])));
      const of = (answer) => names.filter((name) => expected[name][question] === answer).length;
      const reached = { no: told.no, unknown: told.unknown + (told["not reached"] ?? 0), yes: told.yes };
      assert.deepEqual(reached, { no: of("no"), unknown: of("unknown"), yes: of("yes") }, question);
      // What does not load is never run.
      if (question === "run") assert.equal(told["not reached"], names.filter((name) => expected[name].load === "no").length);
    }
    const answers = names.map((name) => QUESTIONS.map((question) => expected[name][question]));
    const yes = answers.filter((all) => all.every((answer) => answer === "yes")).length;
    const no = answers.filter((all) => all.includes("no")).length;
    assert.equal(await page.textContent(".conclusion"), `Load, run and certify are all yes for ${yes} of ${names.length} drivers; ` +
      `${no} have at least one no; for ${names.length - yes - no} nothing objects, but an answer is unknown.`);
    await close(page);
  },

  async "filters narrow, alone and together"() {
    const page = await open(EXAMPLES);
    await page.fill("#filter-q", "RWX");
    assert.deepEqual((await shownRows(page)).map((row) => row.name).sort(), names.filter((name) => name.includes("rwx")).sort());
    await page.selectOption("#filter-certify", "no");
    const both = names.filter((name) => name.includes("rwx") && expected[name].certify === "no");
    assert.deepEqual((await shownRows(page)).map((row) => row.name).sort(), both.sort());
    assert.ok(both.length > 0 && (await page.textContent(".status")).startsWith(both.length + " of " + names.length));
    assert.match(page.url(), /#\?q=RWX&certify=no$/);
    await page.reload();
    assert.equal((await shownRows(page)).length, both.length, "the address keeps the filters");
    await page.click(".reset");
    assert.equal((await shownRows(page)).length, names.length);
    await page.selectOption("#filter-rule", "unaligned-section");
    const unaligned = names.filter((name) => [...expected[name].rules, ...expected[name].notes].includes("unaligned-section"));
    assert.deepEqual((await shownRows(page)).map((row) => row.name).sort(), unaligned.sort());
    await page.selectOption("#filter-rule", "");
    await page.click(".question:nth-child(2) .count.no");
    assert.deepEqual((await shownRows(page)).map((row) => row.name).sort(), names.filter((name) => expected[name].run === "no").sort());
    await page.fill("#filter-q", "there is no such driver");
    assert.ok(await page.isVisible(".empty"));
    await close(page);
  },

  async "each bar leads to as many drivers as it says"() {
    for (const url of [EXAMPLES, MANY]) {
      const page = await open(url);
      const bars = await page.locator(".charts button.bar, .counts button:enabled").all();
      assert.ok(bars.length > 20);
      for (const one of bars) {
        const said = (await one.locator(".bar-count, b").textContent()).replaceAll("\u00a0", "");
        await one.click();
        assert.equal((await page.textContent(".status")).replaceAll("\u00a0", "").split(" ")[0], said, await one.textContent());
        assert.equal(await one.getAttribute("aria-pressed"), "true");
        await one.click();
      }
      await close(page);
    }
  },

  async "a rule's notes are not counted as errors"() {
    const page = await open(EXAMPLES);
    const told = await page.$$eval(".chart.rules h3.error + .bars small", (ids) => ids.map((id) => id.textContent));
    const errors = new Set(names.flatMap((name) => expected[name].rules));
    assert.ok(told.length > 0 && told.every((rule) => errors.has(rule)), told.join());
    const notes = await page.$$eval(".chart.rules h3.note + .bars small", (ids) => ids.map((id) => id.textContent));
    assert.ok(notes.includes("nx-opt-in") && !told.includes("nx-opt-in"));
    await close(page);
  },

  async "what is excused is told and can be filtered"() {
    const page = await open(MANY);
    assert.match(await page.textContent(".scope"), /findings \(\d[\d ]* accepted, \d[\d ]* in the baseline\)/);
    assert.match(await page.textContent(".question:nth-child(3)"), /of these answers fail nothing/);
    for (const [kind, words] of [["accepted", " accepted"], ["baseline", " in the baseline"]]) {
      await page.selectOption("#filter-excused", kind);
      const fired = await page.$$eval(".drivers tbody tr", (all) => all.map((row) => row.querySelector(".fired").textContent));
      assert.ok(fired.length > 0 && fired.every((text) => text.includes(words)), fired[0]);
    }
    await close(page);
    const none = await open(EXAMPLES);
    assert.equal(await none.locator("#filter-excused").count(), 0);
    await close(none);
  },

  async "columns sort both ways and say so"() {
    const page = await open(EXAMPLES);
    const sorted = [...names].sort(new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare);
    await page.click(".column-name button");
    assert.deepEqual((await shownRows(page)).map((row) => row.name), sorted);
    assert.equal(await page.getAttribute(".column-name", "aria-sort"), "ascending");
    await page.click(".column-name button");
    assert.deepEqual((await shownRows(page)).map((row) => row.name), sorted.reverse());
    assert.equal(await page.getAttribute(".column-name", "aria-sort"), "descending");
    await page.click(".column-certify button");
    const order = (await shownRows(page)).map((row) => ["no", "unknown", "not reached", "yes"].indexOf(row.answers[2]));
    assert.deepEqual(order, [...order].sort());
    await close(page);
  },

  async "a deep link opens its driver, with its digest and a map of its sections"() {
    const page = await open(EXAMPLES);
    for (const { id, name } of await shownRows(page)) {
      await page.goto(EXAMPLES + "#driver-" + id);
      await page.waitForFunction((wanted) => document.getElementById("driver-title")?.textContent === wanted, name);
      const bytes = readFileSync(join(examples, name));
      const digest = createHash("sha256").update(bytes).digest("hex");
      assert.equal(await page.textContent(".facts .whole"), digest, name);
      // IMAGE_FILE_HEADER.NumberOfSections, behind the signature that e_lfanew leads to.
      const sections = bytes.readUInt16LE(bytes.readUInt32LE(0x3c) + 6);
      assert.equal(await page.locator(".region").count(), sections, name);
      assert.equal(await page.locator(".sections tbody tr").count(), sections, name);
      const rules = await page.$$eval(".finding", (all) => all.map((one) => one.querySelector(".rule").textContent));
      assert.deepEqual([...new Set(rules)].sort(), [...new Set([...expected[name].rules, ...expected[name].notes])].sort(), name);
      assertAnswers(await page.$$eval("#driver .question .answer", (answers) => answers.map((answer) => answer.textContent)), name);
    }
    await close(page);
  },

  async "the map tells of sections and pins, and leads to findings"() {
    const page = await open(EXAMPLES);
    await openByName(page, "executable-pool-x64.sys");
    const header = readFileSync(join(examples, "executable-pool-x64.sys"));
    const at = header.readUInt32LE(0x3c);
    const first = at + 24 + header.readUInt16LE(at + 20);
    const start = header.readUInt32LE(first + 12);
    await page.focus(".region button");
    const detail = await page.textContent(".map-detail");
    assert.ok(detail.startsWith(".text r-x: " + start.toString(16) + " to "), detail);
    await page.focus(".pin");
    assert.match(await page.textContent(".map-detail"), /^Finding 1 at 50af: /);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "finding-0");
    const listing = await page.$$eval(".listing li", (lines) => lines.map((line) => line.textContent));
    assert.ok(listing.some((line) => line.startsWith("50af") && line.includes("ExAllocatePoolWithTag")), listing.join("\n"));
    // A mark stands under what it points at.
    const off = await page.$eval(".pointer.primary", (pointer) => {
      const marked = pointer.previousElementSibling.querySelector("mark").getBoundingClientRect();
      return Math.abs(pointer.querySelector(".carets").getBoundingClientRect().left - marked.left);
    });
    assert.ok(off < 1, "a mark is " + off + " pixels off");
    await close(page);
  },

  async "everything can be reached by keyboard"() {
    const page = await open(EXAMPLES);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "filter-q");
    for (let presses = 0; !(await page.evaluate(() => document.activeElement.matches(".drivers tbody tr"))); presses += 1) {
      assert.ok(presses < 40, "the table cannot be reached");
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const third = (await shownRows(page))[2];
    await page.keyboard.press("Enter");
    await settled(page, "#driver-title");
    assert.equal(await page.textContent("#driver-title"), third.name);
    assert.equal(await page.evaluate(() => document.activeElement.id), "driver-title");
    await page.keyboard.press("Escape");
    await settled(page, ".drivers");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.id), third.id);
    assert.ok(await page.isHidden("#driver"));
    await page.goBack();
    await settled(page, "#driver-title");
    await close(page);
  },

  async "rules are explained on the page"() {
    const page = await open(EXAMPLES);
    await openByName(page, "executable-pool-x64.sys");
    await page.click(".finding .rule");
    await settled(page, "#rule-executable-pool-type");
    assert.match(await page.textContent("#rule-executable-pool-type h2"), /^executable-pool-type: /);
    assert.ok(await page.isHidden("#overview"));
    await close(page);
  },

  async "there are two themes, and one can be chosen"() {
    const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await open(EXAMPLES, { colorScheme: "light" });
    const dark = await open(EXAMPLES, { colorScheme: "dark" });
    assert.notEqual(await ground(light), await ground(dark));
    await light.click("#theme");
    assert.equal(await ground(light), await ground(dark));
    await light.reload();
    assert.equal(await ground(light), await ground(dark), "the choice is kept");
    await close(light);
    await close(dark);
  },

  async "nothing is wider than a narrow screen"() {
    for (const [url, many] of [[EXAMPLES, false], [MANY, true]]) {
      const page = await open(url, { viewport: { width: 400, height: 800 } });
      const ids = (await shownRows(page)).map((row) => row.id);
      const opened = many ? [await page.evaluate(() => rows[0].id)] : ids;
      for (const hash of ["", "#rules", ...opened.map((id) => "#driver-" + id)]) {
        await page.goto(url + hash);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 400, hash + " is " + width + " pixels wide");
      }
      await close(page);
    }
  },

  async "nothing stands on anything else"() {
    for (const width of [1280, 1161, 1024, 900, 760, 700, 400]) {
      for (const url of [EXAMPLES, MANY]) {
        const page = await open(url, { viewport: { width, height: 900 } });
        assert.deepEqual(await page.evaluate(collisions, ".questions, .charts, .drivers"), [], "the overview at " + width);
        const columns = await page.evaluate(() => [1, 2, 3].map((column) => new Set([...document.querySelectorAll(
          `.verdict-heads span:nth-child(${column}), .verdicts .verdict:nth-child(${column})`)].map((one) => Math.round(one.getBoundingClientRect().left))).size));
        assert.deepEqual(columns, [1, 1, 1], "answers stand below their questions at " + width);
        // No card is left over: all in a row, or all in a column.
        const lines = await page.$$eval(".questions > *", (cards) => ["left", "top"].map((side) => new Set(cards.map((card) => Math.round(card.getBoundingClientRect()[side]))).size));
        assert.deepEqual([...lines].sort(), [1, 3], "cards at " + width);
        await close(page);
      }
      const page = await open(EXAMPLES, { viewport: { width, height: 900 } });
      for (const { id, name } of await shownRows(page)) {
        await page.goto(EXAMPLES + "#driver-" + id);
        await page.waitForFunction((wanted) => document.getElementById("driver-title")?.textContent === wanted, name);
        for (const paper of [false, true]) {
          if (paper) await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
          // Pins are drawn when the map has its width.
          else await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          assert.deepEqual(await page.evaluate(crowdedPins, paper), [], name + " at " + (paper ? "paper" : width));
        }
      }
      await close(page);
    }
  },

  async "nobody is kept out"() {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 400]) {
        const page = await open(EXAMPLES, { colorScheme, viewport: { width, height: 900 } });
        for (const place of ["", "library-pool-x64.sys", "rwx-init-x64.sys", "#rules"]) {
          if (place.endsWith(".sys")) await openByName(page, place);
          else await page.goto(EXAMPLES + place);
          await assertOpen(page, place + " " + colorScheme + " " + width);
        }
        await close(page);
      }
    }
  },

  async "it can be printed"() {
    const page = await open(EXAMPLES);
    for (const place of ["", "library-pool-x64.sys"]) {
      if (place) await openByName(page, place);
      const pdf = await page.pdf({ format: "A4", path: join(here, place ? "driver.pdf" : "overview.pdf") });
      assert.ok(pdf.subarray(0, 5).equals(Buffer.from("%PDF-")) && pdf.length > 10_000);
    }
    await page.goto(EXAMPLES);
    await settled(page, ".drivers");
    await page.emulateMedia({ media: "print" });
    assert.ok(await page.isHidden(".filters") && !(await page.locator("#overview").innerText()).includes("filters"));
    assert.match(await page.textContent("footer"), new RegExp(`^ringfence [\\d.]+ . \\d+ files?, ${names.length} drivers . asked about Windows`));
    assert.ok(await page.isVisible("footer"));
    await openByName(page, "library-pool-x64.sys");
    assert.ok(await page.isHidden(".driver-nav") && await page.isVisible(".finding .evidence"));
    await close(page);
  },

  async "without scripts there is a table"() {
    const page = await open(EXAMPLES, { javaScriptEnabled: false });
    const rows = page.locator(".still tbody tr[id^=driver-]");
    assert.equal(await rows.count(), names.length);
    assert.ok(await rows.first().isVisible() && await page.isHidden("#theme"));
    const row = await page.locator(".still tr", { hasText: "executable-pool-x64.sys" }).first().textContent();
    assert.ok(row.includes("ExAllocatePoolWithTag"), row);
    await close(page);
  },

  async "5,000 drivers stay usable"() {
    const start = performance.now();
    const page = await open(MANY);
    const opened = performance.now() - start;
    assert.equal(await page.textContent("#overview-title"), "5\u00a0000 drivers".replace("\u00a0", " "));
    assert.ok((await shownRows(page)).length <= 300, "not all rows are made at once");
    const timed = await page.evaluate(() => {
      const took = (act) => { const from = performance.now(); act(); document.body.offsetHeight; return performance.now() - from; };
      return {
        sort: Math.max(...["name", "company", "findings", "load"].map((key) => took(() => sortBy(key)))),
        filter: took(() => setFilters({ q: "company 1" })),
        cleared: took(() => setFilters({ q: "" })),
        opened: took(() => { location.hash = "driver-" + rows[4999].id; route(); }),
        back: took(() => { location.hash = ""; route(); }),
        all: took(() => dispatchEvent(new Event("beforeprint"))),
      };
    });
    // Printed, not held to a limit that a busy machine would break; a page that hangs fails all the same.
    console.log("   milliseconds: open " + opened.toFixed() + ", " + Object.entries(timed).map(([name, took]) => name + " " + took.toFixed()).join(", "));
    for (const [name, took] of Object.entries(timed)) assert.ok(took < 30_000, name + " takes " + took + " ms");
    assert.equal((await shownRows(page)).length, 5000, "paper gets all rows");
    await close(page);
    const scrolled = await open(MANY);
    await scrolled.focus(".drivers tbody tr");
    await scrolled.keyboard.press("End");
    assert.equal(await scrolled.evaluate(() => document.activeElement === document.querySelector(".drivers tbody").lastElementChild), true);
    await close(scrolled);
  },

  async "a hostile driver is only shown"() {
    const page = await open(MANY);
    await page.goto(MANY + "#driver-" + await page.evaluate(() => rows[0].id));
    await settled(page, "#driver-title");
    const title = await page.textContent("#driver-title");
    assert.ok(title.includes("]]>\\u{1b}[2J\\u{202e}gpj.\\u{2028}"), title);
    assert.equal(await page.evaluate(() => document.querySelectorAll("main img, main script").length), 0);
    for (const button of await page.locator(".region button, .pin").all()) await button.focus();
    assert.equal(await page.evaluate(() => typeof window.hacked), "undefined");
    await close(page);
  },

  async "where documentation is published, rules and DDIs lead there"() {
    const page = await open(MANY);
    const wanted = await page.evaluate(() => rows.find((row) => row.name.startsWith("executable-pool-x64")).id);
    await page.goto(MANY + "#driver-" + wanted);
    await settled(page, "#driver-title");
    assert.equal(await page.getAttribute(".finding .rule", "href"), "https://docs.test/ringfence/rules/executable-pool-type.html");
    assert.equal(await page.getAttribute(".remarks code a", "href"), "https://docs.test/ringfence/ddis/ExAllocatePoolWithTag.html");
    assert.equal(await page.getAttribute("#rule-executable-pool-type > p:last-child a", "href"), "https://docs.test/ringfence/rules/executable-pool-type.html");
    await close(page);
  },

  async "findings in source are filtered, and read without a script too"() {
    const page = await open(LINT);
    const shown = () => page.evaluate(() => [".findings tbody tr", "article.finding"].map((what) =>
      [...document.querySelectorAll(what)].filter((one) => one.checkVisibility()).length));
    const [all] = await shown();
    assert.ok(all > 10);
    assert.deepEqual(await shown(), [all, all]);
    const warnings = await page.locator(".findings td.level.warning").count();
    await page.selectOption("#filter-of-level", "warning");
    assert.deepEqual(await shown(), [warnings, warnings]);
    assert.equal(await page.textContent(".status"), `${warnings} of ${all} findings`);
    await page.fill("#filter-of-q", "table.c straddling");
    assert.deepEqual(await shown(), [1, 1]);
    await page.selectOption("#filter-of-level", "");
    await page.fill("#filter-of-q", "");
    await page.selectOption("#filter-of-state", "excused");
    assert.deepEqual(await shown(), [3, 3]);
    await page.goto(LINT + "#finding-1");
    await page.waitForFunction(() => document.getElementById("finding-1").checkVisibility());
    assert.equal(await page.textContent("#finding-1 .diff .new"), "+    buffer = ExAllocatePoolWithTag(NonPagedPoolNx, size, POOL_TAG);");
    // The mark stands below what it points at.
    const [mark, carets] = await page.evaluate(() => ["mark.primary", ".primary .carets"].map((what) =>
      document.querySelector("#finding-1 " + what).getBoundingClientRect()).map(({ left, right }) => [left, right]));
    assert.ok(Math.abs(mark[0] - carets[0]) < 2 && Math.abs(mark[1] - carets[1]) < 12, mark + " and " + carets);
    await close(page);
    const still = await open(LINT, { javaScriptEnabled: false });
    assert.equal(await still.locator(".findings tbody tr:visible").count(), all);
    await close(still);
  },

  async "findings in source keep nobody out"() {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 400]) {
        const page = await open(LINT, { colorScheme, viewport: { width, height: 900 } });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, "the page is " + wide + " pixels wide");
        await assertOpen(page, "lint " + colorScheme + " " + width);
        await close(page);
      }
    }
  },

  async "what is smuggled in does not run"() {
    const page = await open(EXAMPLES);
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.hacked = 1";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<img src='data:,' onerror='window.hacked = 2'><button id=evil onclick='window.hacked = 3'>x</button>");
      document.getElementById("evil").click();
    });
    await page.waitForTimeout(100);
    assert.equal(await page.evaluate(() => typeof window.hacked), "undefined");
    assert.ok(page.complaints.some((complaint) => complaint.includes("Content Security Policy")));
    await page.context().close();
  },
};

/** Nothing on the page keeps anybody out, as far as axe can tell. */
async function assertOpen(page, place) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const told = grave.map((one) => one.id + ": " + one.nodes.map((node) => node.target + " " + node.failureSummary).slice(0, 3).join("; "));
  assert.deepEqual(told, [], place);
}

/** What does not load is unknown to *run*, which is told apart. */
function assertAnswers(answers, name) {
  const wanted = QUESTIONS.map((question) => expected[name][question]);
  assert.deepEqual(answers.map((answer) => (answer === "not reached" ? "unknown" : answer)), wanted, name);
  for (const answer of answers) assert.ok(answer !== "not reached" || wanted[0] === "no", name);
}

/** In the page: texts that meet others, or stick out of their cell or card. */
function collisions(places) {
  const boxes = [];
  for (const place of document.querySelectorAll(places)) {
    const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node && boxes.length < 1_500; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!node.data.trim() || parent.closest(".unseen") || !parent.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const badge = parent.closest(".answer");
      for (const box of badge ? [badge.getBoundingClientRect()] : range.getClientRects()) boxes.push({ node, box, parent });
    }
  }
  const told = [];
  for (const { node, box, parent } of boxes) {
    const frame = parent.closest("td, th, .chart, .question")?.getBoundingClientRect();
    if (frame && (box.left < frame.left - 1 || box.right > frame.right + 1)) told.push(node.data + " sticks out");
  }
  boxes.sort((one, other) => one.box.top - other.box.top);
  boxes.forEach((one, index) => {
    for (let next = index + 1; next < boxes.length && boxes[next].box.top < one.box.bottom - 1; next += 1) {
      const other = boxes[next];
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
      // Lines of one paragraph may share a few pixels.
      if (other.node !== one.node && across > 1 && down > 5) told.push(one.node.data + " meets " + other.node.data);
    }
  });
  return told.slice(0, 5);
}

/** In the page: pins that meet or stick out of the map, and findings with a place that have none. */
function crowdedPins(paper) {
  const pins = [...document.querySelectorAll(".pin")].map((pin) => ({ words: pin.textContent, box: pin.getBoundingClientRect() }));
  const told = [];
  const frame = document.querySelector(".pins")?.getBoundingClientRect();
  pins.forEach(({ words, box }, index) => {
    if (!paper && (box.left < frame.left - 1 || box.right > frame.right + 1)) told.push(words + " sticks out");
    if (index > 0 && box.left < pins[index - 1].box.right && (!paper || frame.width >= 680)) told.push(words + " meets " + pins[index - 1].words);
  });
  const placed = JSON.parse(document.getElementById("data-" + location.hash.slice("#driver-".length)).textContent).findings.filter((one) => one.rva !== undefined).length;
  const said = pins.reduce((sum, { words }) => sum + (words.includes("+") ? 1 + Number(words.split("+")[1]) : words.split(",").length), 0);
  if (said !== placed) told.push(said + " of " + placed + " findings are pinned");
  return told;
}

async function openByName(page, name) {
  const id = await page.evaluate((wanted) => rows.find((row) => row.name === wanted).id, name);
  await page.goto(EXAMPLES + "#driver-" + id);
  await page.waitForFunction((wanted) => document.getElementById("driver-title")?.textContent === wanted, name);
}

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log("ok " + name);
  } catch (error) {
    failed += 1;
    console.log("FAILED " + name + "\n   " + String(error.message || error).replaceAll("\n", "\n   "));
  }
}
await browser.close();
process.exit(failed > 0 ? 1 : 0);
