//! What keeps *run* open: calls that may give executable kernel memory, as code in that is not seen, and
//! code that may never run.

use super::coverage::{Loose, data_reason, unreached_reason};
use super::inquiry::can_ask;
use super::{DdiCall, USER_MODE};
use ringfence_code::{Possible, Sight, Sighting};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{CallAnswer, Gap, Question};

/// `SEC_IMAGE` of a section's attributes: its pages are checked before they are executable.
const SEC_IMAGE: u64 = 0x0100_0000;

/// What is open of a driver that makes these calls.
pub(super) fn gaps(calls: &[DdiCall], loose: &[Loose], sightings: &[Sighting]) -> Vec<Gap> {
    let answers: Vec<_> =
        calls.iter().filter(|call| gives_kernel_memory(call)).map(|call| call.answer).collect();
    let of = |value: bool| -> Vec<&Ddi> {
        let found = loose.iter().filter(|loose| loose.is_open(value) && can_give(loose.ddi));
        found.map(|loose| loose.ddi).collect()
    };
    let found = [
        asked_reason(&answers),
        data_reason(&of(true)),
        unreached_reason(&of(false)),
        unreached_sighting(sightings).map(str::to_owned),
    ];
    let run = |reason| Gap::new(&[Question::Run], reason);
    found.into_iter().flatten().map(run).collect()
}

fn asked_reason(answers: &[CallAnswer]) -> Option<String> {
    let asks = |answer: &CallAnswer| matches!(answer, CallAnswer::Violation | CallAnswer::Mixed);
    let reason = if answers.iter().any(asks) {
        "executable memory is asked for: whether code runs in it is not known"
    } else if answers.contains(&CallAnswer::Unknown) {
        "some calls may ask for executable memory, and whether code runs in it is not known"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

/// Whether what a call asks for is memory that the kernel can execute.
fn gives_kernel_memory(call: &DdiCall) -> bool {
    let image = |possible: &Possible| possible.ones & SEC_IMAGE != 0;
    // A call that no known path leads to is among the loose references.
    call.site.reached
        && can_give(call.ddi)
        && !call.always(Role::ProcessorMode, USER_MODE)
        && !call.every(Role::SectionAttributes, image)
}

/// Whether a DDI can give such memory: those that are told a process give its own, which memory integrity
/// does not govern.
fn can_give(ddi: &Ddi) -> bool {
    can_ask(ddi) && ddi.parameter(|role| role == Role::ProcessHandle).is_none()
}

/// What no path leads to may be data that looks like code, and is no finding.
fn unreached_sighting(sightings: &[Sighting]) -> Option<&'static str> {
    let what = |sighting: &Sighting| match sighting.what {
        Sight::CodeWritten { .. } | Sight::Cr0Set { .. } | Sight::MemoryRun { .. } => true,
        Sight::ImportTouched { writes, .. } => writes,
    };
    sightings.iter().any(|sighting| !sighting.reached && what(sighting)).then_some(
        "code that no known path leads to may change or build code: whether it ever runs is not \
         known",
    )
}
