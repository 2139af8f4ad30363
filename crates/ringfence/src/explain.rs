//! From any name of a hazard to what there is to say about it.

use ringfence_finding::RuleCard;

/// The cards of all rules, in the order their findings are told.
pub fn rule_cards() -> impl Iterator<Item = &'static RuleCard> {
    ringfence_rules::rules().map(|rule| rule.card())
}

/// A name that no rule has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKnown {
    /// What was asked for.
    pub name: String,
    /// Names that look like it, best first; at most three.
    pub similar: Vec<&'static str>,
}

impl std::fmt::Display for NotKnown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nothing is known by the name `{}`", self.name)
    }
}

impl std::error::Error for NotKnown {}

/// Finds the rules called `name`: by id, bug-check subcode, or readiness-tool counter.
///
/// # Errors
///
/// Where no rule is called so; with names that look like it.
pub fn explain(name: &str) -> Result<Vec<&'static RuleCard>, NotKnown> {
    let found: Vec<_> = rule_cards().filter(|card| card.is_called(name)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    Err(NotKnown { name: name.to_owned(), similar: similar(name) })
}

/// Below this likeness a name is not worth suggesting.
const ALIKE: f64 = 0.7;

fn similar(name: &str) -> Vec<&'static str> {
    let wanted = name.to_lowercase();
    let mut ranked: Vec<_> = rule_cards()
        .flat_map(RuleCard::names)
        .map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &wanted), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().map(|(_, known)| known).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(name: &str) -> Vec<&'static str> {
        explain(name).unwrap().iter().map(|card| card.id).collect()
    }

    /// Subcodes and counter names as Windows' own tools print them.
    #[test]
    fn names_of_windows_tools_lead_to_rules() {
        for (name, id) in [
            ("writable-executable-section", "writable-executable-section"),
            ("0xC4:0x2003", "writable-executable-section"),
            ("Execute-Write Section", "writable-executable-section"),
            ("execute-write section count", "writable-executable-section"),
            ("0x2004", "unaligned-section"),
            ("Section Alignment Failures", "unaligned-section"),
            ("C4 2005", "executable-import-table"),
            ("IAT in Executable Section Count", "executable-import-table"),
        ] {
            assert_eq!(ids(name), [id], "{name}");
        }
        let relocations = ["straddling-relocation", "unsupported-relocation-type"];
        assert_eq!(ids("Unsupported Relocs"), relocations);
    }

    #[test]
    fn a_typo_gets_a_suggestion() {
        let unknown = explain("writeable-executable-sections").unwrap_err();
        assert_eq!(unknown.similar[0], "writable-executable-section");
        assert_eq!(explain("zzz").unwrap_err().similar, [""; 0]);
    }
}
