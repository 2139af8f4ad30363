//! What a run showed, put to the rules: each violation is evidence of a finding that is known, or a finding of its own.

use crate::code::WriteProtectionCleared;
use crate::listing::drawn;
use crate::{Driver, Rule, rules};
use ringfence_code::listing;
use ringfence_finding::{
    Authority, BugCheck, Evidence, Finding, Level, Question, RuleCard, RunEnvironment, Seen,
    StackFrame,
};
use ringfence_image::Rva;
use ringfence_verifier::{Environment, Kind, Register, Run, Violation};

/// DRIVER_VERIFIER_DETECTED_VIOLATION
const VERIFIER: u32 = 0xC4;

/// Adds what a run showed to the findings about the driver: those that are known are seen, others are added.
///
/// A crash that has nothing to do with executable memory is no finding; the run tells it.
pub fn witness(driver: &Driver<'_>, run: &Run, findings: &mut Vec<Finding>) {
    for violation in run.violations.iter().filter(|one| one.kind != Kind::Crash) {
        let of_it: Vec<_> =
            rules().filter_map(|rule| Some((rule, rule.witnesses(violation)?))).collect();
        let seen = seen(run, violation);
        let places = places(driver, run, violation);
        let mut is_known = false;
        for (rule, _) in &of_it {
            if let Some(finding) = known(*rule, violation, &places, findings, seen.environment) {
                finding.seen.push(seen.clone());
                is_known = true;
            }
        }
        if let Some((rule, said)) = of_it.into_iter().next().filter(|_| !is_known) {
            let new = new(driver, rule.card(), said, violation);
            findings.push(Finding { seen: vec![seen], ..new });
        }
    }
    if run.environment == Environment::Hvci {
        witness_cleared(driver, run, findings);
    }
}

/// Adds where the driver cleared CR0.WP and was not stopped for it.
fn witness_cleared(driver: &Driver<'_>, run: &Run, findings: &mut Vec<Finding>) {
    let card = WriteProtectionCleared.card();
    for cleared in &run.protection_cleared {
        let is_it =
            |finding: &&mut Finding| finding.rule == card.id && finding.rva == Some(cleared.rva);
        let seen = Seen {
            environment: RunEnvironment::Hvci,
            phase: name_of_phase(run, cleared.phase),
            bugcheck: None,
            rva: Some(cleared.rva),
            registers: Vec::new(),
            stack: Vec::new(),
            under_assumption: cleared.under_assumption,
        };
        match findings.iter_mut().find(is_it) {
            Some(known) if known.seen.iter().any(|one| one.environment == seen.environment) => {}
            Some(known) => known.seen.push(seen),
            None => {
                let finding = Finding::new(card, Level::Error, card.summary);
                let finding = finding.denying(&[Question::Run], &[]).note(SEEN_ONLY);
                let finding = doubted(finding, cleared.under_assumption);
                let new = placed(driver, finding, cleared.rva);
                findings.push(Finding { seen: vec![seen], ..new });
            }
        }
    }
}

/// A violation that a rule's card names; for calls the rule has to judge the DDI.
pub(crate) fn by_card(rule: &(impl Rule + ?Sized), violation: &Violation) -> Option<String> {
    let card = rule.card();
    let BugCheckName { with_subcode, plain } = BugCheckName::of(violation);
    let is_named =
        |name: &str| card.also_known_as.iter().any(|known| known.eq_ignore_ascii_case(name));
    let judges = violation.ddi.is_none_or(|ddi| rule.judges(ddi));
    let is_it = match violation.bug_check.code {
        VERIFIER => is_named(&with_subcode) && judges,
        _ => is_named(&plain),
    };
    is_it.then(|| said(card, violation))
}

/// What a run shows of a rule, in words.
fn said(card: &RuleCard, violation: &Violation) -> String {
    match (violation.ddi, violation.value) {
        (Some(ddi), Some(value)) => {
            let parameter = ddi.deciding().map_or("argument", |(_, parameter)| parameter.name);
            format!("{}: {parameter} = {value:#x} at {}", card.summary, ddi.name)
        }
        (Some(ddi), None) => format!("{}: {}", card.summary, ddi.name),
        (None, _) => card.summary.to_owned(),
    }
}

/// What a violation is known by: `0xC4:0x2000`, and without the first parameter.
struct BugCheckName {
    with_subcode: String,
    plain: String,
}

impl BugCheckName {
    fn of(violation: &Violation) -> BugCheckName {
        let plain = format!("0x{:X}", violation.bug_check.code);
        let with_subcode = format!("{plain}:{:#x}", violation.bug_check.parameters[0]);
        BugCheckName { with_subcode, plain }
    }
}

/// The finding of a rule that the violation shows: in code by the instruction, or a call on the stack; else the next one
/// of the rule that is not seen yet in this set-up.
fn known<'f>(
    rule: &dyn Rule,
    violation: &Violation,
    places: &[u32],
    findings: &'f mut [Finding],
    environment: RunEnvironment,
) -> Option<&'f mut Finding> {
    let is_known = |finding: &Finding| {
        let is_in_code = matches!(finding.evidence, Some(Evidence::Listing(_)));
        let is_seen = finding.seen.iter().any(|seen| seen.environment == environment);
        finding.rule == rule.card().id
            && match is_of_image(violation) {
                false => finding.rva.is_some_and(|rva| places.contains(&rva)),
                true => !is_in_code && !is_seen,
            }
    };
    findings.iter_mut().find(|finding| is_known(finding))
}

/// Whether a violation is told of the image as it is loaded, before anything of it runs.
fn is_of_image(violation: &Violation) -> bool {
    violation.bug_check.code == VERIFIER && violation.function.is_none()
}

/// The instruction, the calls that led there, from the inside out, and where write protection was cleared before.
fn places(driver: &Driver<'_>, run: &Run, violation: &Violation) -> Vec<u32> {
    let at = violation.rva.into_iter().chain(violation.call_site);
    let calls = violation.stack.iter().filter_map(|frame| frame.rva);
    let calls = calls.filter_map(|back| call_before(driver, back));
    let cleared = run.protection_cleared.iter().filter(|_| violation.unprotected);
    at.chain(calls).chain(cleared.map(|cleared| cleared.rva)).collect()
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

/// What is told of a finding that the code alone did not show.
const SEEN_ONLY: &str = "it was seen when the driver ran, not by reading its code";

/// A finding that machine code alone did not show.
fn new(
    driver: &Driver<'_>,
    card: &'static RuleCard,
    said: String,
    violation: &Violation,
) -> Finding {
    let finding = Finding::new(card, Level::Error, said);
    let finding = match violation.kind {
        Kind::CodeIntegrity => finding.denying(&[Question::Certify], &[Authority::DriverVerifier]),
        _ => finding.denying(&[Question::Run], &[]),
    };
    let finding = match violation.ddi {
        Some(ddi) => finding.about(ddi.name, None),
        None => finding,
    };
    let finding = doubted(finding.note(SEEN_ONLY), violation.under_assumption);
    let inner = violation.stack.iter().filter_map(|frame| frame.rva).next();
    let place = violation.call_site.or_else(|| inner.and_then(|back| call_before(driver, back)));
    let at = violation.rva.filter(|_| violation.ddi.is_none()).or(place).or(violation.rva);
    match at {
        None => finding,
        Some(at) if is_of_image(violation) => finding.at(at, None),
        Some(at) => placed(driver, finding, at),
    }
}

fn doubted(finding: Finding, under_assumption: bool) -> Finding {
    if !under_assumption {
        return finding;
    }
    finding.likely().note(
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

fn name_of_phase(run: &Run, phase: usize) -> String {
    run.phases.get(phase).map(|phase| phase.name.clone()).unwrap_or_default()
}

fn seen(run: &Run, violation: &Violation) -> Seen {
    let frames = violation.stack.iter().map(|frame| StackFrame {
        address: format!("{:#x}", frame.address),
        rva: frame.rva,
        source: None,
    });
    Seen {
        environment: match run.environment {
            Environment::Verifier => RunEnvironment::Verifier,
            Environment::Hvci => RunEnvironment::Hvci,
        },
        phase: name_of_phase(run, violation.phase),
        bugcheck: Some(BugCheck::new(violation.bug_check.code, violation.bug_check.parameters)),
        rva: violation.rva,
        registers: if is_of_image(violation) { Vec::new() } else { registers(violation) },
        stack: frames.collect(),
        under_assumption: violation.under_assumption,
    }
}

/// Registers in the order that debuggers print them.
fn registers(violation: &Violation) -> Vec<(&'static str, String)> {
    const NAMES: [(&str, Register); 16] = [
        ("rax", Register::Rax),
        ("rbx", Register::Rbx),
        ("rcx", Register::Rcx),
        ("rdx", Register::Rdx),
        ("rsi", Register::Rsi),
        ("rdi", Register::Rdi),
        ("rsp", Register::Rsp),
        ("rbp", Register::Rbp),
        ("r8", Register::R8),
        ("r9", Register::R9),
        ("r10", Register::R10),
        ("r11", Register::R11),
        ("r12", Register::R12),
        ("r13", Register::R13),
        ("r14", Register::R14),
        ("r15", Register::R15),
    ];
    let all = &violation.registers;
    let general = NAMES.into_iter().map(|(name, register)| (name, all.get(register)));
    let rest = [("rip", all.rip), ("rflags", all.rflags)];
    general.chain(rest).map(|(name, value)| (name, format!("{value:016x}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use ringfence_finding::{Confidence, Targets};
    use ringfence_image::Image;
    use ringfence_verifier::{Options, run};

    /// The findings about an example, read and then run.
    fn found(name: &str, environment: Environment) -> Vec<Finding> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers");
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let mut findings = check(&driver, Targets::DEFAULT).findings;
        witness(&driver, &run(&image, &Options::new(environment, name)), &mut findings);
        findings
    }

    fn told(findings: &[Finding]) -> Vec<(&'static str, Option<u32>, usize)> {
        findings.iter().map(|one| (one.rule, one.rva, one.seen.len())).collect()
    }

    /// By the example's own list: the call at 50af asks for NonPagedPool.
    #[test]
    fn what_was_read_is_seen_at_its_call() {
        let findings = found("executable-pool-x64.sys", Environment::Verifier);
        assert_eq!(told(&findings), [("executable-pool-type", Some(0x50AF), 1)]);
        assert_eq!(findings[0].seen[0].stack[0].rva, Some(0x50B5));
        let findings = found("executable-pool-x64.sys", Environment::Hvci);
        assert_eq!(told(&findings), [("executable-pool-type", Some(0x50AF), 0)]);
    }

    /// The finding stands at the call that chose the value; on the stack it is not the innermost one.
    #[test]
    fn a_wrapper_is_seen_through() {
        let findings = found("wrapper-x64.sys", Environment::Verifier);
        let seen: Vec<_> = findings.iter().filter(|one| !one.seen.is_empty()).collect();
        assert_eq!(seen.len(), 1, "{:?}", told(&findings));
        assert!(!seen[0].notes.iter().any(|note| note.contains("not by reading")));
    }

    #[test]
    fn sections_are_seen_as_the_image_is_loaded() {
        let findings = found("rwx-text-x64.sys", Environment::Verifier);
        assert_eq!(told(&findings), [("writable-executable-section", Some(0x1000), 1)]);
        assert!(findings[0].seen[0].registers.is_empty());
    }

    /// Machine code alone shows that CR0.WP is cleared. The read-only data that is written to next is no code.
    #[test]
    fn where_write_protection_is_cleared_is_seen() {
        let findings = found("clears-write-protection-x64.sys", Environment::Hvci);
        let [only] = &findings[..] else { panic!("{:?}", told(&findings)) };
        assert_eq!(only.rule, "write-protection-cleared");
        let [seen] = &only.seen[..] else { panic!("{:?}", only.seen) };
        assert_eq!(seen.bugcheck.as_ref().unwrap().code, "0xBE");
        // Without memory integrity nothing stops it.
        let findings = found("clears-write-protection-x64.sys", Environment::Verifier);
        assert_eq!(findings.iter().flat_map(|one| &one.seen).count(), 0);
    }

    /// The mapping is written to, and it is code that lies behind it: reading alone does not show it.
    #[test]
    fn what_only_a_run_shows_is_a_finding_of_its_own() {
        let findings = found("wdm-code-by-mdl-x64.sys", Environment::Hvci);
        let new = findings.iter().find(|one| one.rule == "writes-to-code").unwrap();
        assert_eq!(
            (&new.questions[..], new.confidence),
            (&[Question::Run][..], Confidence::Certain)
        );
        assert!(new.notes.iter().any(|note| note.contains("when the driver ran")));
        assert!(matches!(new.evidence, Some(Evidence::Listing(_))));
        assert_eq!(new.seen[0].bugcheck.as_ref().unwrap().code, "0xBE");
    }
}
