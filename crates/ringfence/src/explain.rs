//! From any name of a hazard to what there is to say about it.

use crate::ddi_page;
use ringfence_ddi::Ddi;
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

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Explanation {
    /// A rule.
    Rule(&'static RuleCard),
    /// A DDI.
    Ddi(&'static Ddi),
}

impl Explanation {
    /// Everything there is to say about it, heading first.
    pub fn markdown(&self) -> String {
        match self {
            Explanation::Rule(card) => card.markdown(),
            Explanation::Ddi(ddi) => ddi_page::markdown(ddi),
        }
    }
}

/// A name that nothing has.
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

/// Finds what is called `name`: rules by id, bug-check subcode, or readiness-tool counter, and DDIs.
///
/// # Errors
///
/// Where nothing is called so; with names that look like it.
pub fn explain(name: &str) -> Result<Vec<Explanation>, NotKnown> {
    let found = rule_cards().filter(|card| card.is_called(name)).map(Explanation::Rule);
    let found: Vec<_> = found.chain(ddi(name).map(Explanation::Ddi)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let named = |names: &[&str]| names.iter().any(|known| same_name(known, name));
    let in_machine_code =
        IN_MACHINE_CODE.iter().find(|(names, _)| named(names)).map(|(_, meaning)| *meaning);
    let similar = if in_machine_code.is_some() { Vec::new() } else { similar(name) };
    Err(NotKnown { name: name.to_owned(), in_machine_code, similar })
}

/// The DDI called `name`, also where it stands as debuggers (`nt!MmMapIoSpace`) and prose
/// (`MmMapIoSpace()`) write it.
fn ddi(name: &str) -> Option<&'static Ddi> {
    let name = name.rsplit('!').next().unwrap_or(name);
    ringfence_ddi::named(name.trim_end_matches("()").trim())
}

/// Below this likeness a rule's name is not worth suggesting.
const ALIKE: f64 = 0.7;

/// Below this likeness a DDI's name is not: many begin with the same words.
const ALIKE_DDI: f64 = 0.85;

/// Fewer letters are part of too many names to mean one of them.
const TELLING_PART: usize = 5;

fn similar(name: &str) -> Vec<&'static str> {
    let wanted = name.to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &wanted);
    let rules = rule_cards()
        .flat_map(RuleCard::names)
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness >= ALIKE);
    // `NewStream` is what everyone calls the DDIs whose whole names have the interface in front.
    let part = |known: &str| wanted.len() >= TELLING_PART && known.to_lowercase().contains(&wanted);
    let ddis = ringfence_ddi::all()
        .iter()
        .flat_map(|ddi| std::iter::once(&ddi.name).chain(ddi.aliases))
        .map(|known| (likeness(known).max(if part(known) { ALIKE_DDI } else { 0.0 }), *known))
        .filter(|(likeness, _)| *likeness >= ALIKE_DDI);
    let mut ranked: Vec<_> = rules.chain(ddis).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().map(|(_, known)| known).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(name: &str) -> Vec<&'static str> {
        let id = |found: &Explanation| match found {
            Explanation::Rule(card) => card.id,
            Explanation::Ddi(ddi) => ddi.name,
        };
        explain(name).unwrap().iter().map(id).collect()
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
    fn ddis_are_found_however_they_are_written() {
        for name in ["MmMapIoSpace", "mmmapiospace", "nt!MmMapIoSpace", "MmMapIoSpace()"] {
            assert_eq!(ids(name), ["MmMapIoSpace"], "{name}");
        }
        assert_eq!(ids("NtAllocateVirtualMemory"), ["ZwAllocateVirtualMemory"]);
        let page = explain("MmMapIoSpace").unwrap()[0].markdown();
        assert!(
            page.starts_with("# MmMapIoSpace: whether memory is executable depends on CacheType"),
            "{page}"
        );
    }

    #[test]
    fn a_typo_in_a_ddi_gets_a_suggestion() {
        for (typed, meant) in [
            ("ExAlocatePoolWithTag", "ExAllocatePoolWithTag"),
            ("MmMapIOSpce", "MmMapIoSpace"),
            ("NtAlocateVirtualMemory", "NtAllocateVirtualMemory"),
        ] {
            assert_eq!(explain(typed).unwrap_err().similar[0], meant, "{typed}");
        }
        let streams = explain("NewStream").unwrap_err().similar;
        assert!(streams.len() == 3 && streams.iter().all(|name| name.ends_with("::NewStream")));
    }

    #[test]
    fn a_typo_gets_a_suggestion() {
        let unknown = explain("writeable-executable-sections").unwrap_err();
        assert_eq!(unknown.similar[0], "writable-executable-section");
        assert_eq!(explain("zzz").unwrap_err().similar, [""; 0]);
    }
}
