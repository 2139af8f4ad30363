//! Findings that only a run shows.

use super::known::section;
use super::{is_of_image, is_unsure, question};
use crate::listing::drawn;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_code::{Argument, Possible, Site, Value, Via, listing};
use ringfence_ddi::Ddi;
use ringfence_finding::{Authority, Finding, Level, Question, RuleCard};
use ringfence_image::Rva;
use ringfence_verifier::{Cleared, Violation};
use std::ops::Range;

/// What is told of a finding that the code alone did not show.
const SEEN_ONLY: &str = "it was seen when the driver ran, not by reading its code";

/// A finding that reading alone did not show; `jump` is the call where that is a jump.
pub(super) fn new(
    driver: &Driver<'_>,
    rule: &dyn Rule,
    said: String,
    violation: &Violation,
    jump: Option<u32>,
) -> Finding {
    if let Some(ddi) = violation.ddi
        && let Some(at) = jump.or_else(|| violation.rva.and_then(|back| call_before(driver, back)))
        && let Some(finding) = of_call(driver, rule, ddi, violation.value, at)
    {
        return doubted(finding.note(SEEN_ONLY), violation.under_assumption);
    }
    let finding = Finding::new(rule.card(), Level::Error, said);
    let finding = match question(violation) {
        Question::Certify => finding.denying(&[Question::Certify], &[Authority::DriverVerifier]),
        question => finding.denying(&[question], &[]),
    };
    let finding = if is_unsure(violation) { finding.likely() } else { finding };
    let finding = match violation.ddi {
        Some(ddi) => finding.about(ddi.name, None),
        None => finding,
    };
    let finding = doubted(finding, violation.under_assumption);
    if is_of_image(violation) {
        let section = section(driver, violation);
        let at = section.map(|section| section.rva().0).or(violation.rva);
        return match at {
            Some(at) => finding.at(at, section.map(|section| section.name())),
            None => finding,
        };
    }
    let inner = violation.stack.iter().filter_map(|frame| frame.rva).next();
    let called = |back: Option<u32>| back.and_then(|back| call_before(driver, back));
    let at = match violation.ddi {
        Some(_) => jump.or_else(|| called(violation.rva)).or(violation.rva),
        None => violation.rva.or_else(|| called(violation.call_site)).or_else(|| called(inner)),
    };
    let finding = finding.note(SEEN_ONLY);
    match (at, routine_left(driver, violation)) {
        (Some(at), _) => placed(driver, finding, at),
        (None, Some(routine)) => {
            let section = driver.image().section_at(Rva(routine.start)).map(|one| one.name());
            finding.at(routine.start, section).note(
                "a jump left no address: it comes from the function that begins there, which the kernel called",
            )
        }
        (None, None) => finding,
    }
}

/// The function that the kernel called, where nothing on the stack tells more of what led to a violation.
pub(super) fn routine_left(driver: &Driver<'_>, violation: &Violation) -> Option<Range<u32>> {
    let is_told =
        violation.rva.is_some() || violation.stack.iter().any(|frame| frame.rva.is_some());
    let begin = violation.routine.filter(|_| !is_told && violation.ddi.is_none())?;
    let listed = driver.image().functions().containing(Rva(begin));
    Some(begin..listed.and_then(|function| function.end).map_or(begin + 1, |end| end.0))
}

/// What the rule itself says of a call with the value that was seen.
fn of_call(
    driver: &Driver<'_>,
    rule: &dyn Rule,
    ddi: &'static Ddi,
    value: Option<u64>,
    at: u32,
) -> Option<Finding> {
    let exact = |value: u64| Possible {
        ones: value,
        zeros: !value,
        set_at: None,
        unknown: None,
        points_to: None,
        origin: None,
    };
    let argument =
        |(index, _)| Some(Argument { index, value: Value { possible: vec![exact(value?)] } });
    let function = driver.image().functions().containing(Rva(at));
    let site = Site {
        at: Rva(at),
        function: function.map(|function| function.begin),
        wanted: 0,
        via: Via::Slot,
        arguments: ddi.deciding().and_then(argument).into_iter().collect(),
        always: true,
        reached: true,
        routes: Vec::new(),
        alike: 0,
    };
    let call = DdiCall::judged(ddi, site, driver.asked(), &[]);
    let mut findings = Findings::default();
    rule.check_call(&call, driver, &mut findings);
    findings.into_first()
}

/// The finding that the driver clears CR0.WP.
pub(super) fn cleared_finding(
    driver: &Driver<'_>,
    card: &'static RuleCard,
    cleared: &Cleared,
) -> Finding {
    let finding = Finding::new(card, Level::Error, card.summary);
    let finding = finding.denying(&[Question::Run], &[]).note(SEEN_ONLY);
    placed(driver, doubted(finding, cleared.under_assumption), cleared.rva)
}

/// What comes after an invented result is told, and denies nothing.
fn doubted(finding: Finding, under_assumption: bool) -> Finding {
    if !under_assumption {
        return finding;
    }
    let finding = Finding {
        level: Level::Warning,
        questions: Vec::new(),
        reported_by: Vec::new(),
        ..finding.likely()
    };
    finding.note(
        "before it the driver was given results that are invented, as the kernel functions it \
         called are not modelled: on Windows it may not come here",
    )
}

/// The finding with its place and the instruction there.
fn placed(driver: &Driver<'_>, finding: Finding, at: u32) -> Finding {
    let section = driver.image().section_at(Rva(at)).map(|section| section.name());
    let finding = finding.at(at, section);
    match drawn(driver, None, &[], &(Rva(at), "seen here".to_owned())) {
        Some(evidence) => finding.because(evidence),
        None => finding,
    }
}

/// The call that returns to a place.
pub(crate) fn call_before(driver: &Driver<'_>, back: u32) -> Option<u32> {
    /// Bytes that a call has.
    const LENGTHS: [u32; 7] = [5, 6, 7, 3, 2, 4, 8];
    LENGTHS.into_iter().filter_map(|length| back.checked_sub(length)).find(|at| {
        let lines = listing(driver.image(), Rva(*at), Rva(*at), 1, &|_| None);
        lines.first().is_some_and(|line| at + line.length == back && line.text.starts_with("call"))
    })
}
