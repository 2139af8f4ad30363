//! What was examined of the machine code, and what that leaves open.

use super::DdiCall;
use super::data::kind_of_reason;
use super::inquiry::can_ask;
use ringfence_code::{Doubt, Fate, Reference, Survey};
use ringfence_ddi::Ddi;
use ringfence_finding::{CallAnswer, CodeCoverage, Gap, Question, UnknownCalls};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn coverage(survey: &Survey, calls: &[DdiCall]) -> CodeCoverage {
    let unknown = unknown_calls(calls);
    let fate = |fate: Fate| survey.references.iter().filter(|found| found.fate == fate).count();
    CodeCoverage {
        calls: calls.len(),
        known: calls.len() - unknown.iter().map(|unknown| unknown.calls).sum::<usize>(),
        unknown,
        references: survey.references.len(),
        dead_thunks: fate(Fate::DeadThunk),
        data_uses: fate(Fate::Data),
        unreached: fate(Fate::Unreached),
        functions: survey.functions,
        instructions: survey.instructions,
    }
}

/// The calls of which some deciding value is not known, each counted once, by reason.
fn unknown_calls(calls: &[DdiCall]) -> Vec<UnknownCalls> {
    let mut by_reason: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls {
        let first = call.undecided().next();
        if first.is_some() || call.answer == CallAnswer::Unknown {
            *by_reason.entry(kind_of_reason(first.flatten())).or_default() += 1;
        }
    }
    let mut unknown: Vec<_> =
        by_reason.into_iter().map(|(because, calls)| UnknownCalls { because, calls }).collect();
    unknown.sort_by_key(|unknown| Reverse(unknown.calls));
    unknown
}

/// What keeps *certify* open.
pub(super) fn gaps(
    survey: &Survey,
    calls: &[DdiCall],
    coverage: &CodeCoverage,
    ddis: &[&'static Ddi],
) -> Vec<Gap> {
    let certify = |reason| Gap::new(&[Question::Certify], reason);
    let of = |fate: Fate| -> Vec<&Reference> {
        // Where a DDI that cannot ask for executable memory goes does not matter.
        let matters = |found: &&Reference| {
            found.fate == fate && ddis.get(found.wanted).is_none_or(|ddi| can_ask(ddi))
        };
        survey.references.iter().filter(matters).collect()
    };
    let mixed = calls.iter().filter(|call| call.answer == CallAnswer::Mixed).count();
    let found = [
        unknown_reason(coverage),
        mixed_reason(mixed),
        data_reason(&of(Fate::Data), ddis),
        unreached_reason(&of(Fate::Unreached)),
    ];
    let doubts = survey
        .doubts
        .iter()
        .map(|doubt| Gap::new(&[Question::Run, Question::Certify], doubt_reason(doubt)));
    found.into_iter().flatten().map(certify).chain(doubts).collect()
}

fn unknown_reason(coverage: &CodeCoverage) -> Option<String> {
    let reasons = match &coverage.unknown[..] {
        [] => return None,
        [only] => only.because.clone(),
        several => several
            .iter()
            .map(|unknown| format!("{} ({})", unknown.because, unknown.calls))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let unknown = coverage.calls - coverage.known;
    let calls = if coverage.calls == 1 { "call" } else { "calls" };
    Some(format!(
        "the deciding argument of {unknown} of {} DDI {calls} is not known: {reasons}",
        coverage.calls
    ))
}

fn mixed_reason(mixed: usize) -> Option<String> {
    let verb = if mixed == 1 { "call asks" } else { "calls ask" };
    (mixed > 0).then(|| format!("{mixed} DDI {verb} for executable memory on some paths only"))
}

// Reasons name no addresses: a summary of many drivers counts those that are alike.

fn data_reason(uses: &[&Reference], ddis: &[&'static Ddi]) -> Option<String> {
    let names: BTreeSet<_> =
        uses.iter().filter_map(|found| ddis.get(found.wanted)).map(|ddi| ddi.name).collect();
    let names = match names.len() {
        0 => return None,
        1..=3 => names.into_iter().collect::<Vec<_>>().join(", "),
        more => format!("{more} DDIs"),
    };
    let places = match uses.len() {
        1 => String::new(),
        more => format!(" in {more} places"),
    };
    Some(format!(
        "the address of {names} is used as a value{places}: calls through it are not followed"
    ))
}

fn unreached_reason(unreached: &[&Reference]) -> Option<String> {
    let references = match unreached.len() {
        0 => return None,
        1 => "one reference to a DDI stands".to_owned(),
        more => format!("{more} references to DDIs stand"),
    };
    Some(format!("{references} in code that no known path reaches"))
}

/// Compiled code stays well below this many hundredths of a bit in a byte, so a section that is told
/// as packed with less has the name of a packer's.
const DENSE: u16 = 700;

fn doubt_reason(doubt: &Doubt) -> String {
    let unseen = "code that is unpacked when the driver runs is not seen";
    match doubt {
        Doubt::Packed { section, entropy } if *entropy < DENSE => {
            format!("section `{section}` has the name of a packer's: {unseen}")
        }
        Doubt::Packed { section, entropy } => format!(
            "section `{section}` looks packed ({}.{:02} bits of entropy in a byte): {unseen}",
            entropy / 100,
            entropy % 100
        ),
        Doubt::EntryOutsideCode { section } => format!(
            "the entry point lies in section `{section}`, as that of a packed driver does: {unseen}"
        ),
        Doubt::FilledAtRunTime { section } => format!(
            "section `{section}` is writable and executable and most of it is not in the file: \
             {unseen}"
        ),
        Doubt::Budget => "there is too much code to read it to its end".to_owned(),
    }
}
