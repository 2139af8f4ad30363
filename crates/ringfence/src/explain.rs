//! From any name of a hazard to what there is to say about it.

use ringfence_finding::{RuleCard, same_name};

/// The cards of all rules, in the order their findings are told.
pub fn rule_cards() -> impl Iterator<Item = &'static RuleCard> {
    ringfence_rules::rules().map(|rule| rule.card())
}

/// What Driver Verifier and the readiness tool find in machine code, by their names for it. No rule
/// covers it yet.
const IN_MACHINE_CODE: [([&str; 2], &str); 3] = [
    (["0xC4:0x2000", "Execute Pool Type Count"], "memory is requested from an executable pool"),
    (
        ["0xC4:0x2001", "Execute Page Protection Count"],
        "an executable page protection is requested",
    ),
    (["0xC4:0x2002", "Execute Page Mapping Count"], "memory is mapped executable through an MDL"),
];

/// A name that no rule has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKnown {
    /// What was asked for.
    pub name: String,
    /// What it means where it is the name of something in machine code, which is not examined yet.
    pub in_machine_code: Option<&'static str>,
    /// Names that look like it, best first; at most three.
    pub similar: Vec<&'static str>,
}

impl std::fmt::Display for NotKnown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.in_machine_code {
            Some(meaning) => write!(
                f,
                "`{}` means that {meaning}; that shows in machine code, which is not examined yet",
                self.name
            ),
            None => write!(f, "nothing is known by the name `{}`", self.name),
        }
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
    let named = |names: &[&str]| names.iter().any(|known| same_name(known, name));
    let in_machine_code =
        IN_MACHINE_CODE.iter().find(|(names, _)| named(names)).map(|(_, meaning)| *meaning);
    let similar = if in_machine_code.is_some() { Vec::new() } else { similar(name) };
    Err(NotKnown { name: name.to_owned(), in_machine_code, similar })
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
            ("IAT in Executable Section Count", "executable-import-table"),
        ] {
            assert_eq!(ids(name), [id], "{name}");
        }
        // Some early versions of Windows 10 gave this number to relocations.
        let of_2005 = ids("C4 2005");
        assert_eq!(of_2005[0], "executable-import-table");
        assert_eq!(of_2005[1..], ids("Unsupported Relocs"));
        let relocations = ["straddling-relocation", "unsupported-relocation-type"];
        assert_eq!(ids("Unsupported Relocs"), relocations);
    }

    #[test]
    fn what_is_not_examined_yet_is_not_taken_for_a_typo() {
        for name in ["0xC4:0x2001", "C4 2001", "Execute Page Protection"] {
            let unknown = explain(name).unwrap_err();
            assert_eq!(unknown.in_machine_code, Some("an executable page protection is requested"));
            assert_eq!(unknown.similar, [""; 0]);
        }
    }

    #[test]
    fn a_typo_gets_a_suggestion() {
        let unknown = explain("writeable-executable-sections").unwrap_err();
        assert_eq!(unknown.similar[0], "writable-executable-section");
        assert_eq!(explain("zzz").unwrap_err().similar, [""; 0]);
    }
}
