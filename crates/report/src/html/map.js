// The memory map: sections to scale as the loader places them, with findings pinned where they are.

/** Pixels that a letter on a pin takes at the most, and what is around them. */
const PIN = { letter: 9, around: 18 };
/** A sheet of paper between its margins, in the pixels of style sheets: A4 at 96 to the inch. */
const PAPER = 680;

const PAGE = 4096;

/** Where the pages end that a section takes: rights are given to whole pages. A next section may begin sooner. */
function pagesEnd(sections, index) {
  const { rva, virtual_size: size } = sections[index];
  const next = Math.min(...sections.map((one) => one.rva).filter((start) => start >= rva + Math.max(1, size)));
  return Math.min(next, Math.ceil((rva + Math.max(1, size)) / PAGE) * PAGE);
}

/** The kind of a section by its rights, for colour and pattern. */
function kindOf(rights) {
  const [reads, writes, runs] = ["r", "w", "x"].map((right) => rights.includes(right));
  if (writes && runs) return "wx";
  if (runs) return "x";
  if (writes) return "w";
  return reads ? "r" : "none";
}

const KINDS = { x: "executable", w: "writable", wx: "writable and executable", r: "read only", none: "no access" };

function memoryMap(driver) {
  const { sections, findings } = driver;
  if (sections.length === 0) return null;
  const size = Math.max(driver.facts.size_of_image, ...sections.map((_, index) => pagesEnd(sections, index)));
  const detail = element("p", { class: "map-detail", "aria-hidden": "true" }, "Point at a section or a pin to read about it.");
  const tells = (text) => ({ focus: () => { detail.textContent = text; }, pointerenter: () => { detail.textContent = text; } });
  const part = (bytes, of = size) => (100 * Math.max(0, bytes) / of).toFixed(4) + "%";
  const strip = element("ol", { class: "strip", "aria-label": "Sections in memory" }, sections.map((section, index) => {
    const pages = Math.max(1, pagesEnd(sections, index) - section.rva);
    const region = element("li", { class: "region kind-" + kindOf(section.rights) + (section.discardable ? " discardable" : "") },
      sized(element("span", { class: "used" }), { width: part(Math.min(section.virtual_size, pages), pages) }),
      element("button", { type: "button", "aria-label": sectionWords(section), on: { ...tells(sectionWords(section)), click: () => show("section-" + index) } },
        element("span", { class: "region-name" }, section.name), " ", element("span", { class: "region-rights" }, section.rights)));
    return sized(region, { left: part(section.rva), width: part(pages) });
  }));
  const pins = element("ol", { class: "pins", "aria-label": "Findings in memory" });
  drawPins(pins, findings, size, tells);
  return element("section", { class: "map", "aria-labelledby": "map-title" },
    element("h2", { id: "map-title" }, "Memory map"),
    element("div", { class: "map-frame" }, pins, strip,
      element("p", { class: "axis" }, element("span", null, "0"), element("span", null, hex(size)))),
    legend(sections), detail, sectionTable(driver));
}

/** Draws the pins, and anew when there is another room for them; the one with the focus keeps it. */
function drawPins(pins, findings, size, tells) {
  let drawn = null;
  const draw = (width) => {
    const groups = clusters(findings, size, width);
    if (width === 0 || JSON.stringify([width, groups]) === drawn) return;
    drawn = JSON.stringify([width, groups]);
    const focused = [...pins.children].findIndex((pin) => pin.contains(document.activeElement));
    pins.replaceChildren(...groups.map((group) => pinOf(group, width, findings, tells)));
    if (focused >= 0) pins.children[Math.min(focused, groups.length - 1)].firstChild.focus({ preventScroll: true });
  };
  new ResizeObserver(() => draw(pins.clientWidth)).observe(pins);
  pins.drawFor = draw;
}

function pinOf({ at, shown, of }, width, findings, tells) {
  const words = of.map((index) => "Finding " + (index + 1) + " at " + hex(findings[index].rva) + ": " + findings[index].message);
  const level = LEVELS[Math.max(...of.map((index) => LEVELS.indexOf(findings[index].level)))];
  const label = of.length > 1 ? "Findings " + pinWords(of) + ". " + words.join(". ") : words[0];
  const button = element("button", { type: "button", class: "pin " + level, "aria-label": label, on: { ...tells(label), click: () => show("finding-" + of[0]) } }, pinWords(of));
  return sized(element("li", { class: level }, sized(button, { left: shown - at + "px" })), { left: (100 * at / width).toFixed(4) + "%" });
}

/**
 * Findings with a place, by address, those together whose pins would meet in a map of `width` pixels. Each group
 * has the place of its needle and, as no pin shall stick out, that of its middle.
 */
function clusters(findings, size, width) {
  const placed = findings.map((_, index) => index).filter((index) => findings[index].rva !== undefined)
    .sort((one, other) => findings[one].rva - findings[other].rva);
  // "12, 13" and "12 +99" are the longest that a pin says.
  const widest = PIN.letter * (2 + 2 * String(findings.length).length) + PIN.around;
  const groups = [];
  for (const index of placed) {
    const at = width * Math.min(1, findings[index].rva / size);
    const shown = Math.max(widest / 2, Math.min(width - widest / 2, at));
    const last = groups[groups.length - 1];
    if (last && shown - last.shown < widest) last.of.push(index);
    else groups.push({ at, shown, of: [index] });
  }
  return groups;
}

/** "3", "3, 4", or "3 +2" where there is no room for all numbers. */
function pinWords(cluster) {
  const numbers = cluster.map((index) => index + 1);
  return numbers.length < 3 ? numbers.join(", ") : numbers[0] + " +" + (numbers.length - 1);
}

function sectionWords(section) {
  const end = section.rva + section.virtual_size;
  return section.name + " " + section.rights + ": " + hex(section.rva) + " to " + hex(end) + ", " + grouped(section.virtual_size) +
    " bytes, " + KINDS[kindOf(section.rights)] + (section.discardable ? ", discardable" : "");
}

function legend(sections) {
  const kinds = [...new Set(sections.map((section) => kindOf(section.rights)))];
  const entry = (name, words) => element("li", null, element("span", { class: "swatch " + name, "aria-hidden": "true" }), words);
  return element("ul", { class: "legend" }, kinds.map((kind) => entry("kind-" + kind, KINDS[kind])),
    sections.some((section) => section.discardable) ? entry("discardable", "discardable: thrown away after initialisation") : null);
}

function sectionTable({ sections, section_count: all, findings }) {
  const within = (section) => findings.filter((one) =>
    one.rva !== undefined && one.rva >= section.rva && one.rva < section.rva + Math.max(1, section.virtual_size)).length;
  const body = sections.map((section, index) => element("tr", { id: "section-" + index, tabindex: "-1" },
    element("th", { scope: "row" }, element("span", { class: "swatch kind-" + kindOf(section.rights), "aria-hidden": "true" }), section.name),
    element("td", { class: "number" }, hex(section.rva)),
    element("td", { class: "number" }, hex(section.virtual_size)),
    element("td", { class: "number" }, hex(section.raw_offset)),
    element("td", { class: "number" }, hex(section.raw_size)),
    element("td", null, element("code", null, section.rights), " " + KINDS[kindOf(section.rights)] + (section.discardable ? ", discardable" : "")),
    element("td", { class: "number" }, within(section) || "")));
  const heads = ["section", "address", "size", "in file at", "size in file", "rights", "findings"];
  const left = all - sections.length;
  return element("details", { class: "sections", open: true }, element("summary", null, "Section table"),
    element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Section table" },
      element("table", null,
        element("thead", null, element("tr", null, heads.map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", null, body))),
    left > 0 ? element("p", null, "and " + counted(left, "more section header") + " that is not shown") : null);
}

/** Goes to a part of the driver's page without changing the address. */
function show(id) {
  const place = document.getElementById(id);
  if (!place) return;
  const details = place.closest("details");
  if (details) details.open = true;
  place.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  place.focus({ preventScroll: true });
  for (const old of document.querySelectorAll(".shown")) old.classList.remove("shown");
  place.classList.add("shown");
}

