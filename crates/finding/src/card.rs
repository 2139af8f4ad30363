//! What a rule says of itself: the one source of the words users see about it.

use crate::Level;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// The layout of the image.
    Image,
    /// The machine code in it.
    Code,
    /// The driver's source, with what builds it.
    Source,
    /// What the driver does when it runs.
    Run,
}

impl Sense {
    /// Its name, such as `image`.
    pub fn name(self) -> &'static str {
        match self {
            Sense::Image => "image",
            Sense::Code => "code",
            Sense::Source => "source",
            Sense::Run => "run",
        }
    }

    /// What it is, in words that follow "looks at".
    fn told(self) -> &'static str {
        match self {
            Sense::Image => "the layout of images",
            Sense::Code => "machine code",
            Sense::Source => "source",
            Sense::Run => "what drivers do when they run",
        }
    }
}

/// Everything there is to say about a rule, written once beside the rule's code.
///
/// `explain`, `list rules`, the JSON aliases and every later help page are made from this.
#[derive(Debug)]
pub struct RuleCard {
    /// The slug, such as `writable-executable-section`; the only kind of rule id there is.
    pub id: &'static str,
    /// A lower-case fragment without a full stop, such as "section is writable and executable".
    pub summary: &'static str,
    /// The level of the rule's main finding; a finding may be graded below it.
    pub level: Level,
    /// The ringfence version that brought the rule.
    pub since: &'static str,
    /// What it looks at; what it does not look at it says nothing about.
    pub senses: &'static [Sense],
    /// Other names of the hazard: `0xC4:0x2003`, `C30030`, "Execute-Write Section Count".
    pub also_known_as: &'static [&'static str],
    /// Markdown with the headings "What it does", "Why it matters", "Example", "What it cannot see"
    /// and "References", in this order.
    pub docs: &'static str,
    /// The source file of the rule, relative to the workspace.
    pub file: &'static str,
}

impl RuleCard {
    /// Whether `name` is the rule's id or one of its other names, in any spelling users type:
    /// letter case, `_`, `-` and spaces are one, a trailing "count(s)" may be missing, and a
    /// bug-check subcode may be written `0xC4:0x2003`, `C4 2003`, `0x2003` or `2003`.
    pub fn is_called(&self, name: &str) -> bool {
        self.names().any(|known| same_name(known, name))
    }

    /// The id and all other names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.id).chain(self.also_known_as.iter().copied())
    }

    /// The whole card as Markdown, heading first. What examples are is told in words before them.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}: {}\n\n", self.id, self.summary);
        text += &format!("Level {}, since ringfence {}.", self.level, self.since);
        if !self.also_known_as.is_empty() {
            text += &format!(" Also known as {}.", self.also_known_as.join(", "));
        }
        let told: Vec<_> = self.senses.iter().map(|sense| sense.told()).collect();
        match &told[..] {
            [] => {}
            [only] => text += &format!(" It looks at {only}."),
            [rest @ .., last] => {
                text += &format!(" It looks at {} and {last}.", rest.join(", "));
            }
        }
        text += "\n\n";
        for line in self.docs.lines() {
            let line = line.strip_prefix(' ').unwrap_or(line);
            // The marks are for tests; readers get words.
            text += match line {
                "```c,fires" => "Objected to:\n\n```c",
                "```c,fixed" => "Mended:\n\n```c",
                line => line,
            };
            text.push('\n');
        }
        text
    }
}

/// Whether two names of a hazard mean the same, however they are spelled; see [`RuleCard::is_called`].
pub fn same_name(known: &str, typed: &str) -> bool {
    match (bug_check_subcode(known), bug_check_subcode(typed)) {
        (Some(known), Some(typed)) => known == typed,
        _ => folded(known) == folded(typed),
    }
}

/// Letters and digits only, lower case, without a closing "count", "counts" or plural s.
fn folded(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let plain = plain.strip_suffix('s').unwrap_or(&plain);
    let plain = plain.strip_suffix("count").unwrap_or(plain);
    plain.strip_suffix('s').unwrap_or(plain).to_owned()
}

/// Reads parameter 1 of bug check 0xC4 out of `0xC4:0x2003`, `C4 2003`, `0xC4 (0x2003, ...)`,
/// `0x2003` or `2003`.
/// Driver Verifier's code-integrity stops are 0x2000 to 0x2006, so nothing else is taken for one.
pub fn bug_check_subcode(name: &str) -> Option<u32> {
    let mut numbers = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.strip_prefix("0x").or(word.strip_prefix("0X")).unwrap_or(word))
        .map(|word| u32::from_str_radix(word, 16).ok());
    let first = numbers.next()??;
    let subcode = if first == 0xC4 { numbers.next()?? } else { first };
    (0x2000..=0x2006).contains(&subcode).then_some(subcode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_spell_names_in_many_ways() {
        for typed in
            ["0xC4:0x2003", "0xc4 0x2003", "C4 2003", "0x2003", "2003", "0xC4 (0x2003, 1, 2, 3)"]
        {
            assert!(same_name("0xC4:0x2003", typed), "{typed}");
        }
        for typed in
            ["Execute-Write Section", "execute-write section count", "execute_write_sections"]
        {
            assert!(same_name("Execute-Write Section Count", typed), "{typed}");
        }
        assert!(!same_name("0xC4:0x2003", "0xC4:0x2004"));
        assert!(!same_name("0xC4:0x2003", "0xC4"));
    }

    #[test]
    fn examples_say_what_they_are() {
        let card = RuleCard {
            id: "a",
            summary: "b",
            level: Level::Note,
            since: "0.1.0",
            senses: &[Sense::Image, Sense::Source, Sense::Run],
            also_known_as: &[],
            docs: " ## Example\n\n ```c,fires\n x;\n ```\n\n ```c,fixed\n y;\n ```\n",
            file: "a.rs",
        };
        let looks_at =
            "It looks at the layout of images, source and what drivers do when they run.";
        assert!(card.markdown().contains(looks_at), "{}", card.markdown());
        let example = card.markdown().split_once("## Example\n\n").unwrap().1.to_owned();
        assert_eq!(example, "Objected to:\n\n```c\nx;\n```\n\nMended:\n\n```c\ny;\n```\n");
    }

    #[test]
    fn only_code_integrity_stops_are_subcodes() {
        assert_eq!(bug_check_subcode("0xC4:0x2005"), Some(0x2005));
        assert_eq!(bug_check_subcode("0xC4:0x91"), None);
        assert_eq!(bug_check_subcode("unaligned-section"), None);
    }
}
