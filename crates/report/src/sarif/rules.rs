//! Rules as SARIF describes them, from their cards.
//!
//! GitHub takes a rule's severity for all its results, whatever their own level. A finding graded below
//! its rule, as a section that Windows itself makes harmless, would stand among the grave ones; so it
//! has a rule of its own, a level below: `writable-executable-section/note`. Ids with such an ending are
//! SARIF's way to tell a rule more closely.

use super::model::{Configuration, Descriptor, Help, Message, Properties, RuleReference};
use super::text::sentence;
use crate::Options;
use ringfence_finding::{Level, RuleCard};
use serde_json::json;

/// GitHub shows no more tags of a rule.
const MOST_TAGS: usize = 10;

/// GitHub takes descriptions of 1,024 characters.
const LONGEST_DESCRIPTION: usize = 1_000;

/// The rules of a run: all those with a card, then what findings needed beside them.
pub(crate) struct Rules {
    cards: Vec<&'static RuleCard>,
    more: Vec<(&'static str, Level)>,
    docs: Option<String>,
}

impl Rules {
    pub(crate) fn new(options: &Options) -> Rules {
        Rules { cards: options.cards.clone(), more: Vec::new(), docs: options.docs.clone() }
    }

    /// The id and the index of the rule for findings of `rule` with this level.
    pub(crate) fn of(&mut self, rule: &'static str, level: Level) -> (String, usize) {
        let card = self.cards.iter().position(|card| card.id == rule);
        if let Some(index) = card.filter(|&index| self.cards[index].level <= level) {
            return (rule.to_owned(), index);
        }
        let wanted = (rule, level);
        let place = self.more.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            self.more.push(wanted);
            self.more.len() - 1
        });
        (self.id(wanted), self.cards.len() + place)
    }

    /// Where the pages about rules and DDIs are.
    pub(crate) fn docs(&self) -> Option<&str> {
        self.docs.as_deref()
    }

    /// How a notification refers to `rule`, which need not have a card.
    pub(crate) fn reference(&self, rule: &'static str) -> RuleReference {
        RuleReference { id: rule, index: self.cards.iter().position(|card| card.id == rule) }
    }

    /// The descriptions of all of them, by index.
    pub(crate) fn described(&self) -> Vec<Descriptor> {
        let cards = self.cards.iter().map(|card| self.carded(card, card.level, card.id.to_owned()));
        let more = self.more.iter().map(|&(rule, level)| {
            let id = self.id((rule, level));
            match self.card(rule) {
                Some(card) => self.carded(card, level, id),
                None => bare(id, level),
            }
        });
        cards.chain(more).collect()
    }

    fn card(&self, rule: &str) -> Option<&'static RuleCard> {
        self.cards.iter().copied().find(|card| card.id == rule)
    }

    fn id(&self, (rule, level): (&'static str, Level)) -> String {
        // Without a card nobody knows the rule's own level, and each finding's is the best there is.
        match self.card(rule) {
            None if level == Level::Error => rule.to_owned(),
            _ => format!("{rule}/{level}"),
        }
    }

    fn carded(&self, card: &'static RuleCard, level: Level, id: String) -> Descriptor {
        let help_uri = self.docs.as_ref().map(|docs| format!("{docs}/rules/{}.html", card.id));
        let mut markdown = card.markdown();
        if let Some(page) = &help_uri {
            markdown += &format!("\n[{} in the documentation]({page})\n", card.id);
        }
        Descriptor {
            name: Some(pascal(&id)),
            short_description: Message::new(sentence(card.summary)),
            full_description: Message::new(introduction(card)),
            help: Some(Help { text: readable(card), markdown }),
            help_uri,
            default_configuration: Configuration { level: level_name(level) },
            properties: properties(level, card.also_known_as),
            id,
        }
    }
}

/// What can be said of a rule without a card.
fn bare(id: String, level: Level) -> Descriptor {
    let about = || {
        Message::new(format!("See `ringfence explain {}`.", id.split('/').next().unwrap_or(&id)))
    };
    Descriptor {
        name: Some(pascal(&id)),
        short_description: about(),
        full_description: about(),
        help: Some(Help { text: about().text, markdown: about().text }),
        help_uri: None,
        default_configuration: Configuration { level: level_name(level) },
        properties: properties(level, &[]),
        id,
    }
}

/// What GitHub sorts and filters by.
///
/// A finding of level error makes memory integrity, or a test that asks for it, say no: *high*. A warning
/// is a weakness that fails nothing: *medium*. A note is *low*. None is *critical*, as none is a hole by
/// itself. Rules see bytes, and where sources leave room the finding says so: precision is *high*.
fn properties(level: Level, names: &[&str]) -> Properties {
    let severity = match level {
        Level::Error => "8.0",
        Level::Warning => "5.0",
        Level::Note => "2.0",
    };
    let problem = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "recommendation",
    };
    let mut tags = vec!["security", "memory-integrity", "hvci"];
    tags.extend(names);
    tags.truncate(MOST_TAGS);
    Properties::from([
        ("precision", json!("high")),
        ("problem.severity", json!(problem)),
        ("security-severity", json!(severity)),
        ("tags", json!(tags)),
    ])
}

pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

/// `WritableExecutableSectionNote` for `writable-executable-section/note`.
pub(crate) fn pascal(id: &str) -> String {
    let words = id.split(['-', '/']).filter_map(|word| {
        let (first, rest) = word.split_at_checked(1)?;
        Some(first.to_ascii_uppercase() + rest)
    });
    words.collect()
}

/// The first paragraph below "What it does".
fn introduction(card: &RuleCard) -> String {
    let markdown = card.markdown();
    let lines = markdown.lines().skip_while(|line| !line.starts_with("## ")).skip(1);
    let paragraph = lines.map(str::trim).skip_while(|line| line.is_empty());
    let words: Vec<&str> = paragraph.take_while(|line| !line.is_empty()).collect();
    match words.join(" ") {
        nothing if nothing.is_empty() => sentence(card.summary),
        text => text.chars().take(LONGEST_DESCRIPTION).collect(),
    }
}

/// The card for viewers that show no Markdown, a line a paragraph, as SARIF wants plain text.
fn readable(card: &RuleCard) -> String {
    let unbroken = Options { width: 100_000, ..Options::default() };
    let page = crate::page(&card.markdown(), &unbroken);
    page.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    static CARD: RuleCard = RuleCard {
        id: "odd-thing",
        summary: "a thing is odd",
        level: Level::Warning,
        since: "0.1.0",
        senses: &[],
        also_known_as: &["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8"],
        docs: " ## What it does\n\n Finds\n things.\n\n More.\n\n ## References\n\n - <https://example.org>\n",
        file: "",
    };

    fn rules(docs: Option<&str>) -> Rules {
        let docs = docs.map(str::to_owned);
        Rules::new(&Options { cards: vec![&CARD], docs, ..Options::default() })
    }

    #[test]
    fn a_finding_below_its_rule_has_a_rule_of_its_own() {
        let mut rules = rules(None);
        assert_eq!(rules.of("odd-thing", Level::Warning), ("odd-thing".to_owned(), 0));
        assert_eq!(rules.of("odd-thing", Level::Error), ("odd-thing".to_owned(), 0));
        assert_eq!(rules.of("odd-thing", Level::Note), ("odd-thing/note".to_owned(), 1));
        assert_eq!(rules.of("uncarded", Level::Error), ("uncarded".to_owned(), 2));
        assert_eq!(rules.of("odd-thing", Level::Note), ("odd-thing/note".to_owned(), 1));
        let described = rules.described();
        let told: Vec<_> = described
            .iter()
            .map(|rule| {
                let severity = rule.properties["security-severity"].as_str().unwrap().to_owned();
                (rule.id.as_str(), rule.default_configuration.level, severity)
            })
            .collect();
        let expected = [
            ("odd-thing", "warning", "5.0".to_owned()),
            ("odd-thing/note", "note", "2.0".to_owned()),
            ("uncarded", "error", "8.0".to_owned()),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_card_is_told_in_parts() {
        let described = rules(Some("https://example.org/docs")).described();
        let rule = &described[0];
        let page = "https://example.org/docs/rules/odd-thing.html";
        assert_eq!(rule.name.as_deref(), Some("OddThing"));
        assert_eq!(rule.short_description.text, "A thing is odd.");
        assert_eq!(rule.full_description.text, "Finds things.");
        assert_eq!(rule.help_uri.as_deref(), Some(page));
        let help = rule.help.as_ref().unwrap();
        assert!(help.markdown.contains("## What it does\n") && help.markdown.contains(page));
        assert!(help.text.contains("\nFinds things.\n") && !help.text.contains('#'));
        assert_eq!(rule.properties["tags"].as_array().unwrap().len(), MOST_TAGS);
        assert_eq!(rules(None).described()[0].help_uri, None);
    }
}
