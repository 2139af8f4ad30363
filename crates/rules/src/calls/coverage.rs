//! What was examined of the machine code, and what that leaves open.

use super::DdiCall;
use super::data::kind_of_reason;
use super::inquiry::can_ask;
use ringfence_code::{Doubt, Fate, Reference, Survey};
use ringfence_ddi::{Ddi, Reach, VerifierBehaviour};
use ringfence_finding::{CallAnswer, CodeCoverage, Counter, Gap, Question, UnknownCalls};
use ringfence_image::Rva;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A reference to a DDI that is no call which is known to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loose {
    pub(super) ddi: &'static Ddi,
    /// Whether the address is used as a value; else no known path leads there.
    pub(super) value: bool,
    /// Whether it asks for nothing harmful, whatever leads there.
    pub(super) harmless: bool,
}

impl Loose {
    /// Whether it is a use as a value, or else code that no known path leads to, of which something is open.
    pub(super) fn is_open(&self, value: bool) -> bool {
        self.value == value && !self.harmless
    }
}

/// The references of which nothing is known but that they are there. `routines` are those that are
/// known to be Allocate routines.
pub(super) fn loose(
    survey: &Survey,
    ddis: &[&'static Ddi],
    calls: &[DdiCall],
    routines: &BTreeSet<(Rva, usize)>,
) -> Vec<Loose> {
    let unreached: BTreeSet<_> = calls
        .iter()
        .filter(|call| !call.site.reached)
        .map(|call| (call.site.at, call.site.wanted))
        .collect();
    let known = |found: &&Reference| {
        let place = (found.at, found.wanted);
        !(routines.contains(&place) || unreached.contains(&place))
    };
    let of_references = survey.references.iter().filter(known).filter_map(|found| {
        let value = match found.fate {
            Fate::Data | Fate::Stored => true,
            Fate::Unreached => false,
            Fate::Call | Fate::Thunk | Fate::DeadThunk => return None,
        };
        Some(Loose { ddi: ddis.get(found.wanted)?, value, harmless: false })
    });
    let of_calls = calls.iter().filter(|call| !call.site.reached);
    let of_calls = of_calls.map(|call| {
        let harmless = call.is_harmless_wherever_from();
        Loose { ddi: call.ddi, value: false, harmless }
    });
    of_references.chain(of_calls).collect()
}

pub(super) fn coverage(
    survey: &Survey,
    calls: &[DdiCall],
    loose: &[Loose],
    allocate_routines: usize,
) -> CodeCoverage {
    let unknown = unknown_calls(calls.iter());
    let reached = calls.iter().filter(|call| call.site.reached).count();
    let fate = |fate: Fate| survey.references.iter().filter(|found| found.fate == fate).count();
    CodeCoverage {
        calls: reached,
        known: reached - sum(&unknown),
        unknown,
        references: survey.references.len(),
        dead_thunks: fate(Fate::DeadThunk),
        data_uses: fate(Fate::Data) + fate(Fate::Stored),
        allocate_routines,
        unreached: loose.iter().filter(|loose| !loose.value).count(),
        functions: survey.functions,
        instructions: survey.instructions,
    }
}

fn sum(unknown: &[UnknownCalls]) -> usize {
    unknown.iter().map(|unknown| unknown.calls).sum()
}

/// The calls of which some deciding value is not known, each counted once, by reason. What no path
/// leads to is no call to count.
fn unknown_calls<'a>(calls: impl Iterator<Item = &'a DdiCall>) -> Vec<UnknownCalls> {
    let mut by_reason: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls.filter(|call| call.site.reached) {
        // What several callers leave open is told of one call once.
        if let Some(reason) = call.as_asked().find_map(open_reason) {
            *by_reason.entry(reason).or_default() += 1;
        }
    }
    let mut unknown: Vec<_> =
        by_reason.into_iter().map(|(because, calls)| UnknownCalls { because, calls }).collect();
    unknown.sort_by_key(|unknown| Reverse(unknown.calls));
    unknown
}

/// Why it is open what a call asks for, if it is.
fn open_reason(call: &DdiCall) -> Option<String> {
    let first = call.undecided().next();
    let opts_in = call.opt_in.as_ref().is_some_and(|opt_in| opt_in.opts_in);
    if opts_in && call.answer == CallAnswer::Unknown {
        return Some("it comes from a variable that may not be set up before".to_owned());
    }
    (first.is_some() || call.answer == CallAnswer::Unknown).then(|| kind_of_reason(first.flatten()))
}

/// What keeps *certify* open: what is not known of DDIs that could deny it.
pub(super) fn gaps(calls: &[DdiCall], loose: &[Loose], code_analysis: bool) -> Vec<Gap> {
    let matters = |ddi: &Ddi| can_deny_certify(ddi, code_analysis);
    let matter = || calls.iter().filter(|call| matters(call.ddi));
    let ddis = |which: fn(&DdiCall) -> bool| -> Vec<&Ddi> {
        matter().filter(|call| call.site.reached && which(call)).map(|call| call.ddi).collect()
    };
    let unknown = ddis(|call| call.as_asked().any(|asked| open_reason(asked).is_some()));
    let mixed = ddis(|call| call.answer == CallAnswer::Mixed);
    let of = |value: bool| -> Vec<&Ddi> {
        let found = loose.iter().filter(|loose| loose.is_open(value) && matters(loose.ddi));
        found.map(|loose| loose.ddi).collect()
    };
    let (values, unreached) = (of(true), of(false));
    let paths = "some DDI calls ask for executable memory on some paths only";
    let found = [
        (unknown_reason(&unknown_calls(matter())), &unknown),
        ((!mixed.is_empty()).then(|| paths.to_owned()), &mixed),
        (data_reason(&values), &values),
        (unreached_reason(&unreached), &unreached),
    ];
    let certify = |(reason, ddis): (Option<String>, &Vec<&Ddi>)| {
        Some(Gap::new(&[Question::Certify], reason?).about(&counters(ddis)))
    };
    found.into_iter().filter_map(certify).collect()
}

/// The counters that calls of these DDIs may raise.
pub(crate) fn counters(ddis: &[&Ddi]) -> Vec<Counter> {
    let raised = |ddi: &&Ddi| match (ddi.verifier.behaviour, ddi.verifier.subcode) {
        (VerifierBehaviour::SubstituteNx | VerifierBehaviour::None, _) => Vec::new(),
        (_, subcode) => match subcode.and_then(Counter::of_call) {
            Some(counter) => vec![counter],
            // Which one is not known.
            None => Counter::OF_CALLS.to_vec(),
        },
    };
    let raised: BTreeSet<_> = ddis.iter().flat_map(raised).collect();
    raised.into_iter().collect()
}

/// Whether a call of the DDI can be what *certify* is denied for.
fn can_deny_certify(ddi: &Ddi, code_analysis: bool) -> bool {
    let verifier = match ddi.verifier.behaviour {
        VerifierBehaviour::SubstituteNx | VerifierBehaviour::None => false,
        VerifierBehaviour::Report
        | VerifierBehaviour::ViaModule
        | VerifierBehaviour::ViaFramework
        | VerifierBehaviour::ViaCallee
        | VerifierBehaviour::Unknown => true,
    };
    can_ask(ddi) && (verifier || code_analysis && ddi.warning.is_some())
}

/// What makes the survey as a whole doubtful.
pub(super) fn doubts(survey: &Survey) -> Vec<Gap> {
    let open = |doubt| Gap::new(&[Question::Run, Question::Certify], doubt_reason(doubt));
    survey.doubts.iter().map(open).collect()
}

// Reasons name no addresses and no numbers: a summary of many drivers counts those that are alike.
// The numbers are in the coverage.

fn unknown_reason(unknown: &[UnknownCalls]) -> Option<String> {
    let because = match unknown {
        [] => return None,
        [only] => &only.because,
        _ => "for several reasons",
    };
    Some(format!("the deciding argument of some DDI calls is not known: {because}"))
}

pub(super) fn data_reason(uses: &[&Ddi]) -> Option<String> {
    let names = names(uses)?;
    Some(format!("the address of {names} is used as a value: calls through it are not followed"))
}

pub(super) fn unreached_reason(unreached: &[&Ddi]) -> Option<String> {
    let names = names(unreached)?;
    Some(format!(
        "code that no known path leads to names {names}: whether it ever runs is not known"
    ))
}

/// Functions of the framework from which on it is its table that they were found by, and not one of its entries.
const WHOLE_TABLE: usize = 5;

/// `ExAllocatePool or MmMapIoSpaceEx`.
fn names(ddis: &[&Ddi]) -> Option<String> {
    let in_table = |ddi: &&&Ddi| matches!(ddi.reach, Reach::WdfTable { .. });
    let of_table: BTreeSet<_> = ddis.iter().filter(in_table).map(|ddi| ddi.name).collect();
    let mut names: BTreeSet<_> = ddis.iter().map(|ddi| ddi.name).collect();
    if of_table.len() >= WHOLE_TABLE {
        names.retain(|name| !of_table.contains(name));
        names.insert("the framework's function table");
    }
    match names.len() {
        0 => None,
        1..=3 => Some(names.into_iter().collect::<Vec<_>>().join(" or ")),
        _ => Some("several DDIs".to_owned()),
    }
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
