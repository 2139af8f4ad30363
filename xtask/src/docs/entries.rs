//! What the search of the website finds.

use super::names::{ddi_path, rule_path};
use ringfence::{Explanation, ddi, rule_cards};
use serde::Serialize;

/// The program that searches; [`super::oracle`] holds it to what `explain` finds.
pub const SCRIPT: &str = include_str!("search.js");

/// Something that is found.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    kind: &'static str,
    /// Its page, from the root.
    path: String,
    summary: String,
    also: &'static [&'static str],
    /// Words that it is found by where its names and summary have them not.
    text: &'static str,
}

/// All rules and DDIs as JSON that may stand in a page: no `<` is in it.
pub fn json() -> String {
    let rules = rule_cards().map(|card| Entry {
        name: card.id,
        kind: "rule",
        path: rule_path(card.id),
        summary: card.summary.to_owned(),
        also: card.also_known_as,
        text: card.docs,
    });
    let ddis = ddi::all().iter().map(|ddi| {
        let markdown = Explanation::Ddi(ddi).markdown();
        let title = markdown.lines().next().unwrap_or_default();
        Entry {
            name: ddi.name,
            kind: "DDI",
            path: ddi_path(ddi.name),
            summary: title.rsplit_once(": ").map_or("", |(_, summary)| summary).to_owned(),
            also: ddi.aliases,
            text: ddi.note.unwrap_or_default(),
        }
    });
    let all: Vec<_> = rules.chain(ddis).collect();
    // Strings and lists of them cannot fail to be written.
    serde_json::to_string(&all).unwrap_or_default().replace('<', "\\u003c")
}
