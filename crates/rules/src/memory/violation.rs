//! From a call that asks for executable memory to a finding about it.

use super::drawing;
use crate::calls::{counters, in_words, is_initial};
use crate::{DdiCall, Driver, Findings, OptIn};
use ringfence_ddi::{Certainty, Ddi, Grant, Role, VerifierBehaviour, Warning};
use ringfence_finding::{
    Authority, CallAnswer, Confidence, Finding, Gap, Level, Question, RuleCard, Targets,
};

/// Whether an argument of one of `roles` decides about the memory that `ddi` gives.
pub(super) fn decided_by(ddi: &Ddi, roles: &[Role]) -> bool {
    ddi.grant == Grant::Argument
        && ddi
            .deciding()
            .and_then(|(_, parameter)| parameter.role)
            .is_some_and(|r| roles.contains(&r))
}

/// Whether a call may ask for executable memory by an argument of one of `roles`.
pub(super) fn asks_by(call: &DdiCall, roles: &[Role]) -> bool {
    asks(call) && call.deciding().is_some_and(|deciding| roles.contains(&deciding.role))
}

/// Whether a call asks for executable memory, on some path at least.
pub(super) fn asks(call: &DdiCall) -> bool {
    matches!(call.answer, CallAnswer::Violation | CallAnswer::Mixed)
}

/// A finding about a call that asks for executable memory, graded by what Driver Verifier does about
/// it. `what` says in a fragment what is asked for.
pub(super) fn violation(
    card: &RuleCard,
    call: &DdiCall,
    driver: &Driver<'_>,
    findings: &mut Findings,
    what: &str,
) -> Finding {
    let mixed = call.answer == CallAnswer::Mixed;
    let behaviour = call.ddi.verifier.behaviour;
    let finding = Finding::new(card, graded(behaviour, mixed), message(call, what, mixed));
    let finding = match denial(call.ddi).filter(|_| !mixed) {
        Some((authorities, confidence)) => {
            Finding { confidence, ..finding.denying(&[Question::Certify], &authorities) }
        }
        None => finding,
    };
    if behaviour == VerifierBehaviour::Unknown && !mixed {
        let reason = format!("whether Driver Verifier objects to {} is not known", call.ddi.name);
        let gap = Gap::new(&[Question::Certify], reason);
        findings.leave_open(gap.about(&counters(&[call.ddi])));
    }
    let finding = match &call.opt_in {
        Some(opt_in) => finding.on(opt_in.violates_on()).note(opt_in_note(opt_in)),
        None => finding,
    };
    let finding = [verifier_note(call.ddi, mixed), warning_note(call.ddi.warning)]
        .into_iter()
        .flatten()
        .fold(finding, Finding::note);
    placed(finding, call, driver, findings)
}

/// A finding about a call, with its place and the code that shows it.
pub(super) fn placed(
    finding: Finding,
    call: &DdiCall,
    driver: &Driver<'_>,
    findings: &Findings,
) -> Finding {
    let at = call.chosen_at();
    let section = driver.image().section_at(at).map(|section| section.name());
    let finding = finding.at(at.0, section).about(call.ddi.name, argument(call));
    let room = findings.has_room(finding.level);
    match room.then(|| drawing::call(call, driver)).flatten() {
        Some(evidence) => finding.because(evidence),
        None => finding,
    }
}

/// The level of a call that asks for executable memory, by what Driver Verifier does about it.
pub(crate) fn graded(behaviour: VerifierBehaviour, mixed: bool) -> Level {
    match behaviour {
        VerifierBehaviour::Report
        | VerifierBehaviour::ViaModule
        | VerifierBehaviour::ViaFramework
            if !mixed =>
        {
            Level::Error
        }
        _ => Level::Warning,
    }
}

/// Who objects to a call of `ddi` that asks for executable memory, and how sure that is; none where nobody does.
pub(crate) fn denial(ddi: &Ddi) -> Option<(Vec<Authority>, Confidence)> {
    let verifier = match ddi.verifier.behaviour {
        VerifierBehaviour::Report
        | VerifierBehaviour::ViaModule
        | VerifierBehaviour::ViaFramework => Some(Authority::DriverVerifier),
        VerifierBehaviour::SubstituteNx
        | VerifierBehaviour::ViaCallee
        | VerifierBehaviour::None
        | VerifierBehaviour::Unknown => None,
    };
    let analysis = ddi.warning.map(|_| Authority::CodeAnalysis);
    let authorities: Vec<Authority> = verifier.into_iter().chain(analysis).collect();
    // That the module hands its caller on is not equally well known of all.
    let by_others = matches!(
        ddi.verifier.behaviour,
        VerifierBehaviour::ViaModule | VerifierBehaviour::ViaFramework
    );
    let is_likely = ddi.verifier.unsure || by_others && ddi.certainty != Certainty::High;
    let confidence = if is_likely { Confidence::Likely } else { Confidence::Certain };
    (!authorities.is_empty()).then_some((authorities, confidence))
}

fn message(call: &DdiCall, what: &str, mixed: bool) -> String {
    let path = if mixed { ", depending on the path" } else { "" };
    let by_way_of = match call.route.as_ref().map_or(0, |route| route.calls.len()) {
        0 => String::new(),
        1 => ", by way of a function that passes it on".to_owned(),
        more => format!(", by way of {more} functions that pass it on"),
    };
    match argument(call) {
        Some(argument) => format!("{what}{path}: {argument} at {}{by_way_of}", call.called),
        None => format!("{what}{path}: {}", call.called),
    }
}

/// Why the variable that the argument comes from is not what it should be.
fn opt_in_note(opt_in: &OptIn) -> String {
    let at = opt_in.variable.0;
    let first = opt_in.stores.first().map_or(0, |store| store.0);
    if opt_in.after != Targets::NONE {
        return format!(
            "the value comes from the variable at {at:x}, which the driver sets at {first:x}: later \
             than this call"
        );
    }
    match opt_in.stores.is_empty() {
        true => format!(
            "the value comes from the variable at {at:x}, which nothing sets: built with \
             POOL_NX_OPTIN, a driver has to call ExInitializeDriverRuntime(DrvRtPoolNxOptIn) first"
        ),
        false => format!(
            "the value comes from the variable at {at:x}, which the driver sets at {first:x} on other \
             Windows versions only"
        ),
    }
}

/// `PoolType = NonPagedPool (0) or NonPagedPoolNx (0x200)`
pub(super) fn argument(call: &DdiCall) -> Option<String> {
    let deciding = call.deciding()?;
    let mut values = Vec::new();
    for possible in &deciding.value.possible {
        // What is stored later is not what is asked for here.
        if call.opt_in.is_some() && !is_initial(possible) {
            continue;
        }
        let words = in_words(deciding.role, possible);
        if !values.contains(&words) {
            values.push(words);
        }
    }
    Some(format!("{} = {}", deciding.name, values.join(" or ")))
}

/// What Driver Verifier does about it, in words.
pub(crate) fn verifier_note(ddi: &Ddi, mixed: bool) -> Option<String> {
    let stop = match ddi.verifier.subcode {
        Some(subcode) => format!("bug check 0xC4, parameter {subcode:#x}"),
        None => "bug check 0xC4".to_owned(),
    };
    let when = if mixed { " where it asks for executable memory" } else { "" };
    let note = match ddi.verifier.behaviour {
        VerifierBehaviour::Report => format!("Driver Verifier stops this call{when} with {stop}"),
        VerifierBehaviour::ViaModule => format!(
            "the module behind {} names its caller to Driver Verifier, which stops this call{when} \
             with {stop}",
            ddi.name
        ),
        VerifierBehaviour::ViaFramework => format!(
            "the framework's own verifier names its caller to Driver Verifier, which stops this \
             call{when} with {stop}"
        ),
        VerifierBehaviour::SubstituteNx => "Driver Verifier does not report this call: it quietly \
            makes the memory non-executable, so a test run does not show it"
            .to_owned(),
        VerifierBehaviour::None => "Driver Verifier does not look at this call".to_owned(),
        VerifierBehaviour::Unknown | VerifierBehaviour::ViaCallee => {
            "whether Driver Verifier objects to this call is not known".to_owned()
        }
    };
    Some(match ddi.verifier.note {
        Some(condition) => format!("{note}; {condition}"),
        None => note,
    })
}

/// What Code Analysis says about it, in words.
fn warning_note(warning: Option<Warning>) -> Option<String> {
    let Warning { id, documented, note } = warning?;
    let reports = if documented { "reports" } else { "is expected to report" };
    Some(match note {
        Some(note) => format!("Code Analysis {reports} {id} ({note})"),
        None => format!("Code Analysis {reports} {id}"),
    })
}
