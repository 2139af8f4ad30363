"use strict";

// A name as it is compared: letters and digits alone, no "0x", no closing "count" or plural, as
// `explain` reads names; and a subcode of bug check 0xC4 with the bug check before it.
function key(name) {
  const plain = name.replace(/^.*!/, "").toLowerCase().replace(/0x/g, "").replace(/[^a-z0-9]/g, "");
  const singular = plain.replace(/s$/, "").replace(/count$/, "").replace(/s$/, "");
  return /^200[0-6]$/.test(singular) ? "c4" + singular : singular;
}

// How many letters have to be put in, left out, changed or swapped with the next; at most `most` + 1.
function distance(one, other, most) {
  if (Math.abs(one.length - other.length) > most) return most + 1;
  let before = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const now = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      now[column] = Math.min(
        last[column] + 1,
        now[column - 1] + 1,
        last[column - 1] + (same ? 0 : 1),
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
          ? before[column - 2] + 1
          : Infinity,
      );
    }
    before = last;
    last = now;
  }
  return last[other.length];
}

function score(entry, typed, words) {
  let best = 0;
  for (const name of [entry.name, ...entry.also]) {
    const known = key(name);
    if (known === typed) return 100;
    const mistakes = distance(known, typed, Math.floor(typed.length / 5));
    if (known.startsWith(typed)) best = Math.max(best, 80 - (known.length - typed.length) / 10);
    else if (mistakes <= Math.floor(typed.length / 5)) best = Math.max(best, 70 - mistakes);
    else if (typed.length > 2 && known.includes(typed)) best = Math.max(best, 60);
  }
  const text = [entry.name, ...entry.also, entry.summary].join(" ").toLowerCase();
  if (words.every((word) => text.includes(word))) return Math.max(best, 50);
  const whole = text + " " + entry.text.toLowerCase();
  if (best === 0 && typed.length > 2 && words.every((word) => whole.includes(word))) return 20;
  return best;
}

// The entries that `text` may mean, best first, each with its score; 100 where it is a name.
function search(entries, text) {
  const typed = key(text);
  if (!typed) return [];
  const words = text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);
  return entries
    .map((entry) => ({ entry, score: score(entry, typed, words) }))
    .filter((found) => found.score > 0)
    .sort((one, other) => other.score - one.score);
}

function show(found, typed) {
  const most = 30;
  const results = document.getElementById("results");
  results.replaceChildren(
    ...found.slice(0, most).map(({ entry }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const name = document.createElement("code");
      link.href = entry.path;
      name.textContent = entry.name;
      link.append(name);
      const also = entry.also.length ? " (" + entry.also.join(", ") + ")" : "";
      item.append(link, " " + entry.kind + ": " + entry.summary + also);
      return item;
    }),
  );
  const more = found.length > most ? ", the best " + most + " of them here" : "";
  const count = found.length === 1 ? "1 is found" : found.length + " are found";
  document.getElementById("found").textContent = typed ? (found.length ? count : "Nothing is found") + more : "";
}

if (typeof document !== "undefined") {
  const entries = JSON.parse(document.getElementById("entries").textContent);
  const field = document.getElementById("q");
  const look = () => {
    const found = search(entries, field.value);
    show(found, field.value.trim());
    return found;
  };
  const go = () => {
    const found = look();
    const exact = found.filter(({ score }) => score === 100);
    if (exact.length === 1) location.assign(exact[0].entry.path);
  };
  field.addEventListener("input", look);
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) {
    field.value = asked;
    const exact = look().filter(({ score }) => score === 100);
    // A question from another page that has one answer leads there; going back leads to that page.
    if (exact.length === 1) location.replace(exact[0].entry.path);
  }
}
