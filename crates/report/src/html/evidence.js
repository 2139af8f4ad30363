// What a finding shows so that a person can check it: rows of a structure, or disassembled code, with marks.

function evidence(shown) {
  return shown.table ? tableEvidence(shown.table) : listingEvidence(shown.listing);
}

/** Rows of a structure; what a mark says stands below its cell. */
function tableEvidence({ structure, columns, rows: lines, marks }) {
  const body = element("tbody", null);
  lines.forEach(([label, cells], index) => {
    const own = marks.filter(([row]) => row === index);
    body.append(element("tr", null,
      element("th", { scope: "row" }, label),
      cells.map((cell, column) => element("td", { class: own.some((mark) => mark[1] === column) ? "marked" : null }, cell))));
    for (const [, column, text] of own) {
      body.append(element("tr", { class: "says" },
        element("td", { colspan: column + 1 }),
        element("td", { colspan: Math.max(1, columns.length - column) }, element("span", { "aria-hidden": "true" }, "^ "), text)));
    }
  });
  return element("div", { class: "evidence", role: "group", tabindex: "0", "aria-label": structure },
    element("table", null,
      element("caption", null, structure),
      element("thead", null, element("tr", null, element("td", null), columns.map((name) => element("th", { scope: "col" }, name)))),
      body));
}

/** Instructions, each with its marks below. */
function listingEvidence({ lines, marks }) {
  const list = element("ol", { class: "listing" });
  const row = (kind, label, ...children) =>
    list.append(element("li", { class: kind }, element("span", { class: "at" }, label), children));
  lines.forEach((line, index) => {
    if (line.enters) row("enters", ":::", element("span", { class: "says" }, line.enters.join(", ")));
    if (line.gap) row("gap", "...", element("span", { class: "unseen" }, "instructions left out"));
    const own = marks.filter(([at]) => at === index).sort((one, other) => one[1] - other[1]);
    row("code", hex(line.at), markedCode(line.text, own));
    for (const [, start, length, text, primary] of own) {
      // The same text, unseen, puts the mark below what it points at whatever the letters' widths.
      row("pointer " + (primary ? "primary" : "led"), "",
        element("span", { class: "room", "aria-hidden": "true" }, line.text.slice(0, start)),
        element("span", { class: "carets", "aria-hidden": "true" }, (primary ? "^" : "-").repeat(Math.max(1, length))),
        element("span", { class: "says" }, text));
    }
  });
  return element("div", { class: "evidence", role: "group", tabindex: "0", "aria-label": "machine code" }, list);
}

/** An instruction with what is pointed at marked; marks may meet and overlap. */
function markedCode(text, marks) {
  const cuts = [...new Set([0, text.length, ...marks.flatMap(([, start, length]) => [start, start + length])])]
    .filter((cut) => cut <= text.length).sort((one, other) => one - other);
  const code = element("code", null);
  for (let index = 0; index + 1 < cuts.length; index += 1) {
    const covering = marks.filter(([, start, length]) => start <= cuts[index] && cuts[index + 1] <= start + length);
    const part = text.slice(cuts[index], cuts[index + 1]);
    if (covering.length === 0) code.append(part);
    else code.append(element("mark", { class: covering.some((mark) => mark[4]) ? "primary" : "led" }, part));
  }
  return code;
}

