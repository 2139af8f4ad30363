//! From any name of a hazard to what there is to say about it.

use crate::bug_check_page::{self, BugCheckPage};
use crate::ddi_page;
use crate::similar::similar;
use ringfence_ddi::Ddi;
use ringfence_finding::RuleCard;

/// The cards of all rules, in the order their findings are told.
pub fn rule_cards() -> impl Iterator<Item = &'static RuleCard> {
    ringfence_rules::rules().map(|rule| rule.card())
}

/// The cards of the rules that look at what calls of `ddi` ask for.
pub fn rules_judging(ddi: &Ddi) -> impl Iterator<Item = &'static RuleCard> {
    ringfence_rules::rules().filter(|rule| rule.judges(ddi)).map(|rule| rule.card())
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Explanation {
    /// A rule.
    Rule(&'static RuleCard),
    /// A DDI.
    Ddi(&'static Ddi),
    /// A bug check that a run can end with and that has nothing to do with memory integrity.
    BugCheck(&'static BugCheckPage),
}

impl Explanation {
    /// Everything there is to say about it, heading first.
    pub fn markdown(&self) -> String {
        match self {
            Explanation::Rule(card) => card.markdown(),
            Explanation::Ddi(ddi) => ddi_page::markdown(ddi),
            Explanation::BugCheck(page) => page.markdown(),
        }
    }
}

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKnown {
    /// What was asked for.
    pub name: String,
    /// Names that look like it, best first, at most three; of a bug check without its subcode all that it has.
    pub similar: Vec<&'static str>,
}

impl std::fmt::Display for NotKnown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nothing is known by the name `{}`", self.name)
    }
}

impl std::error::Error for NotKnown {}

/// Finds what is called `name`: rules by id, bug-check subcode, or readiness-tool counter, DDIs, and bug checks by number
/// or name.
///
/// # Errors
///
/// Where nothing is called so; with names that look like it.
pub fn explain(name: &str) -> Result<Vec<Explanation>, NotKnown> {
    let found = rule_cards().filter(|card| card.is_called(name)).map(Explanation::Rule);
    let mut found: Vec<_> = found.chain(ddi(name).map(Explanation::Ddi)).collect();
    if found.is_empty() {
        found.extend(of_bug_check(name));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let subcodes = subcodes(name);
    if !subcodes.is_empty() {
        return Err(NotKnown { name: name.to_owned(), similar: subcodes });
    }
    let rules = rule_cards().flat_map(RuleCard::names);
    let ddis = ringfence_ddi::all()
        .iter()
        .flat_map(|ddi| std::iter::once(&ddi.name).chain(ddi.aliases).copied());
    Err(NotKnown { name: name.to_owned(), similar: similar(name, rules.chain(ddis)) })
}

/// Bug checks that stand for several things, or for others as well, so that no card bears their names: the rules that
/// find what they are shown for where it is memory integrity that is meant.
const BUG_CHECKS: [(u32, &[&str]); 4] = [
    (0x50, &["executes-discarded-code", "writes-to-code"]),
    (0xD1, &["executes-discarded-code"]),
    (0x18C, &["write-protection-cleared"]),
    (
        0x18D,
        &[
            "writes-to-code",
            "write-protection-cleared",
            "writes-to-import-table",
            "executes-allocated-memory",
        ],
    ),
];

/// What `name`, such as `0x18D`, `18d` or `SECURE_FAULT_UNHANDLED`, stands for as a bug check without a subcode.
fn of_bug_check(name: &str) -> Vec<Explanation> {
    let digits = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X")).unwrap_or(name);
    let is_called = |known: &&(u32, &str)| known.1.eq_ignore_ascii_case(name);
    let by_name = || ringfence_verifier::BUG_CHECKS.iter().find(is_called).map(|known| known.0);
    let Some(code) = u32::from_str_radix(digits, 16).ok().or_else(by_name) else {
        return Vec::new();
    };
    if let Some(page) = bug_check_page::of(code) {
        return vec![Explanation::BugCheck(page)];
    }
    let alias = format!("0x{code:X}");
    let ids = BUG_CHECKS.iter().find(|(known, _)| *known == code).map(|(_, ids)| *ids);
    let is_meant = |card: &&RuleCard| {
        ids.map_or_else(|| card.also_known_as.contains(&&*alias), |ids| ids.contains(&card.id))
    };
    let mut cards: Vec<_> = rule_cards().filter(is_meant).collect();
    let place = |card: &RuleCard| ids.and_then(|ids| ids.iter().position(|id| *id == card.id));
    cards.sort_by_key(|card| place(card));
    cards.into_iter().map(Explanation::Rule).collect()
}

/// The bug checks with a subcode that `name`, such as `0xC4` or `C4`, begins; in their order.
fn subcodes(name: &str) -> Vec<&'static str> {
    let digits = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X")).unwrap_or(name);
    let is_of = |known: &&str| {
        let check = known.strip_prefix("0x").and_then(|known| known.split_once(':'));
        check.is_some_and(|(check, _)| check.eq_ignore_ascii_case(digits))
    };
    let mut found: Vec<&str> = rule_cards().flat_map(RuleCard::names).filter(is_of).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The DDI called `name`, also where it stands as debuggers (`nt!MmMapIoSpace`) and prose
/// (`MmMapIoSpace()`) write it.
fn ddi(name: &str) -> Option<&'static Ddi> {
    let name = name.rsplit('!').next().unwrap_or(name);
    ringfence_ddi::named(name.trim_end_matches("()").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(name: &str) -> Vec<&'static str> {
        let id = |found: &Explanation| match found {
            Explanation::Rule(card) => card.id,
            Explanation::Ddi(ddi) => ddi.name,
            Explanation::BugCheck(page) => page.name,
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

    /// Several rules find what one bug check stops.
    #[test]
    fn names_of_what_code_asks_for_lead_to_rules() {
        for name in ["0xC4:0x2000", "C4 2000", "Execute Pool Type"] {
            assert_eq!(
                ids(name),
                ["executable-pool-type", "executable-pool-flags", "executable-lookaside-list"]
            );
        }
        assert_eq!(ids("0x2001"), ["executable-page-protection"]);
        assert_eq!(ids("Execute Page Protection Count"), ["executable-page-protection"]);
        assert_eq!(ids("C4 2002"), ["executable-mdl-mapping"]);
        assert_eq!(ids("Execute Page Mapping"), ["executable-mdl-mapping"]);
        assert_eq!(ids("C30029"), ["always-executable-memory"]);
        assert_eq!(ids("c30034"), ["executable-lookaside-list"]);
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

    /// Microsoft's page on bug check 0xC4 has six of code integrity; 0x2006 is of early Windows 10.
    #[test]
    fn a_bug_check_without_its_subcode_gets_all_of_them() {
        for name in ["0xC4", "c4", "0XC4"] {
            let all = explain(name).unwrap_err().similar;
            for subcode in ["0x2000", "0x2001", "0x2002", "0x2003", "0x2004", "0x2005"] {
                assert!(all.contains(&&*format!("0xC4:{subcode}")), "{name}: {all:?}");
            }
        }
        assert_eq!(explain("0x").unwrap_err().similar, [""; 0]);
    }

    /// Those that `verify` and memory dumps show for what the rules find.
    #[test]
    fn bug_checks_of_several_meanings_lead_to_rules() {
        for name in ["0x18D", "0x18d", "18D"] {
            assert_eq!(ids(name).len(), 4, "{name}");
            assert_eq!(ids(name)[0], "writes-to-code");
        }
        assert_eq!(ids("0x18C"), ["write-protection-cleared"]);
        assert_eq!(ids("0x50"), ["executes-discarded-code", "writes-to-code"]);
        assert_eq!(ids("0xD1"), ["executes-discarded-code"]);
        for (_, named) in BUG_CHECKS {
            assert!(named.iter().all(|id| rule_cards().any(|card| card.id == *id)), "{named:?}");
        }
        assert!(explain("0x1234").is_err());
    }

    /// Whatever bug check a run ends with, `explain` has a page of it, or the subcodes that have one.
    #[test]
    fn every_bug_check_of_a_run_is_known() {
        assert!(ringfence_verifier::BUG_CHECKS.len() > 10);
        for (code, name) in ringfence_verifier::BUG_CHECKS {
            for typed in [format!("0x{code:X}"), format!("{code:x}"), (*name).to_owned()] {
                match explain(&typed) {
                    Ok(found) => assert!(!found.is_empty(), "{typed}"),
                    Err(unknown) => {
                        assert_eq!(*code, 0xC4, "{typed}");
                        assert!(typed == *name || unknown.similar.len() > 5, "{unknown:?}");
                    }
                }
            }
        }
        assert_eq!(ids("0xCE"), ["DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS"]);
        assert_eq!(ids("secure_fault_unhandled"), ids("0x18D"));
        assert_eq!(ids("ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY"), ids("0xFC"));
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
