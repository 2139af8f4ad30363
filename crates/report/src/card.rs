//! Pages on a terminal: `ringfence explain` and `ringfence list rules`.
//!
//! A page is Markdown, but of a kind: headings, paragraphs, lists, fenced code, inline code, links.
//! That much is told line by line here; anything else is shown as it is written.

use crate::format::Options;
use crate::layout::columns;
use crate::style::{Line, Meaning, hanging};
use ringfence_finding::RuleCard;
use serde::Serialize;

/// `text`, the Markdown of a rule's card or a DDI's page, for a terminal.
pub fn page(text: &str, options: &Options) -> String {
    let mut page =
        Page { lines: Vec::new(), block: Block::None, body: 0, width: options.columns() };
    for line in text.lines() {
        page.take(line);
    }
    page.end_block();
    rendered(page.lines, options)
}

/// What is being collected until a line ends it.
#[derive(Debug, Default, PartialEq, Eq)]
enum Block {
    #[default]
    None,
    /// A paragraph or a list entry: the columns it is indented, its bullet, its words so far.
    Words { indent: usize, bullet: String, text: String },
    /// Fenced code.
    Code,
}

struct Page {
    lines: Vec<Line>,
    block: Block,
    /// The columns that what stands below a heading is indented; nothing is below the title.
    body: usize,
    width: usize,
}

impl Page {
    fn take(&mut self, line: &str) {
        let trimmed = line.trim();
        let fence = trimmed.starts_with("```");
        if self.block == Block::Code {
            if fence {
                self.block = Block::None;
            } else {
                self.lines.push(Line::indented(self.body + 4).plain(line));
            }
        } else if fence {
            self.end_block();
            self.block = Block::Code;
        } else if trimmed.is_empty() {
            self.end_block();
            self.blank();
        } else if let Some(title) = heading(trimmed) {
            self.end_block();
            self.blank();
            self.body = if trimmed.starts_with("##") { 2 } else { 0 };
            self.lines.extend(strong(&inline(title), self.width));
        } else if let Some((bullet, rest)) = list_entry(trimmed) {
            self.end_block();
            // A list within a list is indented in the source, by as much as its parent's text.
            let indent = (line.len() - line.trim_start().len()).min(8);
            let (bullet, text) = (bullet.to_owned(), inline(rest));
            self.block = Block::Words { indent, bullet, text };
        } else if trimmed.starts_with('|') {
            self.end_block();
            self.lines.push(Line::indented(self.body).plain(line));
        } else {
            self.words(&inline(trimmed));
        }
    }

    fn words(&mut self, words: &str) {
        if let Block::Words { text, .. } = &mut self.block {
            text.push(' ');
            text.push_str(words);
        } else {
            let (bullet, text) = (String::new(), words.to_owned());
            self.block = Block::Words { indent: 0, bullet, text };
        }
    }

    fn end_block(&mut self) {
        if let Block::Words { indent, bullet, text } = std::mem::take(&mut self.block) {
            let lead = Line::indented(self.body + indent).plain(bullet);
            self.lines.extend(hanging(lead, &text, self.width));
        }
    }

    /// An empty line, but never two and never at the top.
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| line.columns() > 0) {
            self.lines.push(Line::new());
        }
    }
}

fn rendered(mut lines: Vec<Line>, options: &Options) -> String {
    while lines.last().is_some_and(|line| line.columns() == 0) {
        lines.pop();
    }
    lines.iter().map(|line| line.render(options.color) + "\n").collect()
}

fn strong(title: &str, width: usize) -> Vec<Line> {
    let pieces = crate::layout::wrap(title, width);
    pieces.into_iter().map(|piece| Line::new().colored(Meaning::Strong, piece)).collect()
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    if title.len() < line.len() { title.strip_prefix(' ') } else { None }
}

/// A list entry's bullet or number with the space after it, and its text.
fn list_entry(line: &str) -> Option<(&str, &str)> {
    let mark = line.find(' ')? + 1;
    let (bullet, text) = line.split_at(mark);
    let number = bullet.strip_suffix(". ").unwrap_or("");
    let numbered = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    (matches!(bullet, "- " | "* " | "+ ") || numbered).then_some((bullet, text))
}

/// Text with its links told as `words (address)` and without emphasis marks. Inline code keeps its
/// backticks: they say the same with and without colours. Nothing inside them is changed.
fn inline(text: &str) -> String {
    let mut told = String::new();
    for (index, piece) in text.split('`').enumerate() {
        if index > 0 {
            told.push('`');
        }
        if index % 2 == 1 { told.push_str(piece) } else { told.push_str(&prose(piece)) }
    }
    told
}

/// A piece of text without code in it.
fn prose(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('<').filter(|&open| rest[open..].starts_with("<http")) {
        let Some(close) = rest[open..].find('>') else { break };
        told.push_str(&rest[..open]);
        told.push_str(&rest[open + 1..open + close]);
        rest = &rest[open + close + 1..];
    }
    told.push_str(rest);
    let told = told.replace("**", "");
    match link(&told) {
        Some((before, words, address, after)) if words == address => {
            format!("{before}{address}{}", prose(after))
        }
        Some((before, words, address, after)) => {
            format!("{before}{words} ({address}){}", prose(after))
        }
        None => told,
    }
}

/// Takes the first `[words](address)` out of `text`.
fn link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let open = text[..middle].rfind('[')?;
    let close = middle + text[middle..].find(')')?;
    Some((&text[..open], &text[open + 1..middle], &text[middle + 2..close], &text[close + 1..]))
}

/// The table that `ringfence list rules` prints.
pub fn rules_table(cards: &[&RuleCard], options: &Options) -> String {
    let heading = Line::new().colored(Meaning::Structure, "rule");
    let id = cards.iter().map(|card| columns(card.id)).max().unwrap_or(0) + 4;
    let level = id + columns("warning") + 2;
    let heading = heading.filled_to(id).colored(Meaning::Structure, "level");
    let heading = heading.filled_to(level).colored(Meaning::Structure, "what it finds");
    let mut lines = vec![heading];
    for card in cards {
        let lead = Line::indented(2).plain(card.id).filled_to(id);
        let lead = lead.colored(card.level, card.level.to_string()).filled_to(level);
        lines.extend(hanging(lead, card.summary, options.columns()));
        if !card.senses.is_empty() {
            let senses = senses(card).join(", ");
            lines.extend(hanging(Line::indented(level).plain("in "), &senses, options.columns()));
        }
        if !card.also_known_as.is_empty() {
            let names = card.also_known_as.join(", ");
            lines.extend(hanging(Line::indented(level).plain("also "), &names, options.columns()));
        }
    }
    rendered(lines, options)
}

/// What a rule looks at: `image`, `code`, `source`, `run`.
fn senses(card: &RuleCard) -> Vec<&'static str> {
    card.senses.iter().map(|sense| sense.name()).collect()
}

/// A rule as `ringfence list rules --format json` tells it.
#[derive(Serialize)]
struct Rule {
    id: &'static str,
    summary: &'static str,
    level: String,
    since: &'static str,
    senses: Vec<&'static str>,
    also_known_as: &'static [&'static str],
    markdown: String,
}

/// The rules as a JSON array of objects with `id`, `summary`, `level`, `since`, `senses`, `also_known_as`
/// and `markdown`, the whole card.
pub fn rules_json(cards: &[&RuleCard]) -> String {
    let rules: Vec<Rule> = cards
        .iter()
        .map(|card| Rule {
            id: card.id,
            summary: card.summary,
            level: card.level.to_string(),
            since: card.since,
            senses: senses(card),
            also_known_as: card.also_known_as,
            markdown: card.markdown(),
        })
        .collect();
    // Strings and lists of them cannot fail to be written.
    serde_json::to_string_pretty(&rules).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_finding::{Level, Sense};

    static CARDS: [RuleCard; 2] = [
        RuleCard {
            id: "writable-executable-section",
            summary: "section is writable and executable",
            level: Level::Error,
            since: "0.1.0",
            senses: &[Sense::Image, Sense::Source, Sense::Run],
            also_known_as: &["0xC4:0x2003", "Execute-Write Section Count", "Execute-Write Section"],
            docs: " ## What it does\n Finds sections whose header asks for **both** rights, \
                   `IMAGE_SCN_MEM_WRITE` and\n `IMAGE_SCN_MEM_EXECUTE`.\n\n ## Why it matters\n - \
                   With memory integrity on, no page of the kernel may be writable and executable, \
                   so\n   the image is refused.\n - Driver Verifier counts it:\n   1. first\n   2. \
                   second\n\n ## Example\n ```c,fires\n #pragma section(\"x\", read, write, execute)\n\n \
                   int a **b;\n ```\n ## References\n - [Memory integrity](https://learn.microsoft.com/x_y)\n \
                   - <https://example.com/>\n",
            file: "x.rs",
        },
        RuleCard {
            id: "unaligned-section",
            summary: "a section does not start at a page, or its name is so long that this goes on",
            level: Level::Warning,
            since: "0.1.0",
            senses: &[],
            also_known_as: &[],
            docs: "",
            file: "y.rs",
        },
    ];

    fn options(color: bool) -> Options {
        Options { color, width: 72, ..Options::default() }
    }

    #[test]
    fn a_card_is_told_on_a_terminal() {
        insta::assert_snapshot!(page(&CARDS[0].markdown(), &options(false)));
    }

    #[test]
    fn headings_are_bold() {
        let told = page("# a `b`\ntext\n", &options(true));
        assert_eq!(told, "\u{1b}[1ma `b`\u{1b}[0m\ntext\n");
    }

    #[test]
    fn code_keeps_what_looks_like_markup() {
        assert_eq!(inline("**a** `**b** [c](d)` [e](https://f)"), "a `**b** [c](d)` e (https://f)");
    }

    #[test]
    fn rules_are_listed() {
        let cards: Vec<&RuleCard> = CARDS.iter().collect();
        insta::assert_snapshot!(rules_table(&cards, &options(false)));
        let parsed: serde_json::Value = serde_json::from_str(&rules_json(&cards)).unwrap();
        assert_eq!(parsed[1]["id"], "unaligned-section");
        assert_eq!(parsed[1]["level"], "warning");
        assert_eq!(parsed[0]["senses"], serde_json::json!(["image", "source", "run"]));
    }
}
