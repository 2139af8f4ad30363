//! What a run showed, put to the rules: each violation is evidence of a finding that is known, or a finding of its own.

mod jumped;
mod known;
mod new;

use crate::code::{MapsOwnCode, WriteProtectionCleared};
use crate::{Driver, Rule, rules};
use known::known;
use new::{cleared_finding, new};
use ringfence_ddi::Ddi;
use ringfence_finding::{
    Authority, BugCheck, Confidence, Finding, Gap, Level, Question, RuleCard, RunEnvironment, Seen,
    StackFrame,
};
use ringfence_image::Rva;
use ringfence_verifier::{Environment, Kind, Register, Run, Touched, Violation};
use std::collections::BTreeSet;

pub(crate) use jumped::{KernelCall, jumps};
pub(crate) use new::call_before;

/// DRIVER_VERIFIER_DETECTED_VIOLATION
const VERIFIER: u32 = 0xC4;

/// SECURE_FAULT_UNHANDLED
const SECURE_FAULT_UNHANDLED: u32 = 0x18D;

/// Adds what a run showed to the findings about the driver: those that are known are seen, others are added. What follows
/// from results that were invented decides nothing; it is left open.
///
/// A crash that has nothing to do with executable memory is no finding; the run tells it.
pub fn witness(driver: &Driver<'_>, run: &Run, findings: &mut Vec<Finding>, gaps: &mut Vec<Gap>) {
    for violation in run.violations.iter().filter(|one| one.kind != Kind::Crash) {
        let of_it: Vec<_> =
            rules().filter_map(|rule| Some((rule, rule.witnesses(violation)?))).collect();
        let seen = seen(run, violation);
        let mut places = places(driver, run, violation);
        let mut is_known = false;
        for (rule, _) in &of_it {
            if let Some(finding) = known(driver, *rule, violation, &places, findings) {
                finding.seen.push(seen.clone());
                decided(finding, violation);
                if violation.touched == Some(Touched::ImportPage) {
                    note_page(finding);
                }
                // That CR0.WP is clear tells how memory was written to. Where a rule tells what was, that is told too.
                is_known |= rule.card().id != WriteProtectionCleared.card().id || of_it.len() == 1;
            }
        }
        if !is_known && !of_it.is_empty() {
            let jumps = jumped(driver, violation);
            is_known = of_it
                .iter()
                .any(|(rule, _)| seen_at_jumps(*rule, violation, &jumps, &seen, findings));
            places.extend(jumps.first().filter(|_| jumps.len() == 1).map(|only| only.0));
            is_known |= seen_by_mapping(violation, &seen, findings)
                || seen_in_routine(driver, violation, (&of_it, &seen), findings);
            if let Some((rule, said)) = of_it.first().filter(|_| !is_known) {
                let at = jumps.first().filter(|_| jumps.len() == 1).map(|only| only.0);
                let new = new(driver, *rule, said.clone(), violation, at);
                findings.push(Finding { seen: vec![seen.clone()], ..new });
            }
        }
        also_seen(violation, &places, &seen, findings);
        if violation.under_assumption {
            leave_open(violation, gaps);
        }
    }
    if run.environment == Environment::Hvci {
        witness_cleared(driver, run, findings, gaps);
    }
}

/// Tells that own code was described by an MDL, if reading the code shows one such place, that it was seen: a write to
/// code at another address than its own came by way of it.
fn seen_by_mapping(violation: &Violation, seen: &Seen, findings: &mut [Finding]) -> bool {
    let is_by_mapping = violation.touched == Some(Touched::Code)
        && violation.bug_check.code == SECURE_FAULT_UNHANDLED
        && !violation.unprotected;
    let is_of_rule = |finding: &&mut Finding| finding.rule == MapsOwnCode.card().id;
    let mut all = findings.iter_mut().filter(is_of_rule);
    let (Some(only), None, true) = (all.next(), all.next(), is_by_mapping) else { return false };
    only.seen.push(seen.clone());
    decided(only, violation);
    if let Some(at) = violation.rva {
        only.notes.push(format!("the store that was stopped is at {at:x}"));
    }
    true
}

/// Tells the one finding of a rule in the function that the kernel called that it was seen, where a jump out of that
/// function left no address on the stack.
fn seen_in_routine(
    driver: &Driver<'_>,
    violation: &Violation,
    (of_it, seen): (&[(&dyn Rule, String)], &Seen),
    findings: &mut [Finding],
) -> bool {
    let Some(routine) = new::routine_left(driver, violation) else { return false };
    let is_meant = |finding: &&mut Finding| {
        of_it.iter().any(|(rule, _)| rule.card().id == finding.rule)
            && finding.rva.is_some_and(|at| routine.contains(&at))
    };
    let mut all = findings.iter_mut().filter(is_meant);
    let (Some(only), None) = (all.next(), all.next()) else { return false };
    only.seen.push(seen.clone());
    decided(only, violation);
    true
}

/// What is written to is none of the table, and kept all the same.
fn note_page(finding: &mut Finding) {
    const NOTE: &str = "the store that was stopped is to a page that holds some of the import address table; the \
                        hypervisor keeps whole pages";
    if !finding.notes.iter().any(|note| note == NOTE) {
        finding.notes.push(NOTE.to_owned());
    }
}

/// The jumps that may stand for the call that a violation is about.
fn jumped(driver: &Driver<'_>, violation: &Violation) -> BTreeSet<Rva> {
    let Some(ddi) = violation.ddi else { return BTreeSet::new() };
    let is_of = |one: &'static Ddi| one.name == ddi.name;
    let (value, back, routine) = (violation.value, violation.rva, violation.routine);
    jumps(driver, KernelCall { is_of: &is_of, value, back, routine })
}

/// Tells a rule's findings at these jumps that they were seen. Which of several it was is not known; then it is told of
/// each, and decides nothing.
fn seen_at_jumps(
    rule: &dyn Rule,
    violation: &Violation,
    jumps: &BTreeSet<Rva>,
    seen: &Seen,
    findings: &mut [Finding],
) -> bool {
    let is_meant = |finding: &&mut Finding| {
        finding.rule == rule.card().id
            && violation.ddi.is_some_and(|ddi| finding.ddi == Some(ddi.name))
            && finding.rva.is_some_and(|at| jumps.contains(&Rva(at)))
    };
    let mut is_known = false;
    for finding in findings.iter_mut().filter(is_meant) {
        is_known = true;
        finding.seen.push(seen.clone());
        if jumps.len() == 1 {
            decided(finding, violation);
            continue;
        }
        let note = format!(
            "the call is a jump, which leaves no address: {} of the driver may be the one that was seen",
            jumps.len()
        );
        if !finding.notes.contains(&note) {
            finding.notes.push(note);
        }
    }
    is_known
}

/// The question that a violation answers with no.
fn question(violation: &Violation) -> Question {
    match violation.kind {
        Kind::CodeIntegrity => Question::Certify,
        Kind::MemoryIntegrity | Kind::Crash => Question::Run,
    }
}

/// What is likely, or known to happen on some paths only, is certain once it was seen.
fn decided(finding: &mut Finding, violation: &Violation) {
    if violation.under_assumption {
        return;
    }
    let question = question(violation);
    if is_unsure(violation) {
        finding.confidence = Confidence::Likely;
    } else {
        finding.confidence = Confidence::Certain;
        finding.only_likely_for.retain(|known| *known != question);
    }
    if finding.questions.contains(&question) {
        return;
    }
    finding.questions.push(question);
    let by = Authority::DriverVerifier;
    if question == Question::Certify && !finding.reported_by.contains(&by) {
        finding.reported_by.push(by);
    }
    finding.level = Level::Error;
    finding.notes.insert(0, "a run came to it".to_owned());
}

/// Whether it is open on which builds of Windows Driver Verifier stops the call: that the emulated one does settles nothing.
fn is_unsure(violation: &Violation) -> bool {
    violation.ddi.is_some_and(|ddi| ddi.verifier.unsure)
}

/// Findings of other rules about the same call are seen too.
fn also_seen(violation: &Violation, places: &[u32], seen: &Seen, findings: &mut [Finding]) {
    let Some(ddi) = violation.ddi else { return };
    let is_about = |finding: &&mut Finding| {
        finding.ddi == Some(ddi.name)
            && finding.rva.is_some_and(|rva| places.contains(&rva))
            && !finding.seen.contains(seen)
    };
    findings.iter_mut().filter(is_about).for_each(|finding| finding.seen.push(seen.clone()));
}

/// What a run came to after an invented result may be otherwise on Windows.
fn leave_open(violation: &Violation, gaps: &mut Vec<Gap>) {
    let reason = "what a run came to rests on results that are invented, as kernel functions that the driver calls are \
                  not modelled";
    let gap = Gap::new(&[question(violation)], reason);
    if !gaps.contains(&gap) {
        gaps.push(gap);
    }
}

/// Adds where the driver cleared CR0.WP and was not stopped for it.
fn witness_cleared(
    driver: &Driver<'_>,
    run: &Run,
    findings: &mut Vec<Finding>,
    gaps: &mut Vec<Gap>,
) {
    let card = WriteProtectionCleared.card();
    for cleared in &run.protection_cleared {
        let is_it =
            |finding: &&mut Finding| finding.rule == card.id && finding.rva == Some(cleared.rva);
        let seen = Seen {
            environment: RunEnvironment::Hvci,
            phase: name_of_phase(run, cleared.phase),
            bugcheck: None,
            count: 1,
            rva: Some(cleared.rva),
            registers: Vec::new(),
            stack: Vec::new(),
            under_assumption: cleared.under_assumption,
            depends_on_build: false,
        };
        match findings.iter_mut().find(is_it) {
            Some(known) if known.seen.iter().any(|one| one.environment == seen.environment) => {}
            Some(known) => known.seen.push(seen),
            None => {
                let new = cleared_finding(driver, card, cleared);
                if cleared.under_assumption {
                    let reason = "whether write protection is switched off rests on results that are invented";
                    gaps.push(Gap::new(&[Question::Run], reason));
                }
                findings.push(Finding { seen: vec![seen], ..new });
            }
        }
    }
}

/// A violation that a rule's card names; for calls the rule has to judge the DDI.
pub(crate) fn by_card(rule: &(impl Rule + ?Sized), violation: &Violation) -> Option<String> {
    let card = rule.card();
    let plain = format!("0x{:X}", violation.bug_check.code);
    let with_subcode = format!("{plain}:{:#x}", violation.bug_check.parameters[0]);
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
    match violation.ddi {
        Some(ddi) => format!("{}: {}", card.summary, ddi.name),
        None => card.summary.to_owned(),
    }
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

fn name_of_phase(run: &Run, phase: usize) -> String {
    run.phases.get(phase).map(|phase| phase.name.clone()).unwrap_or_default()
}

/// Who called whom, from the inside out, without the source.
pub fn frames(violation: &Violation) -> Vec<StackFrame> {
    let frame = |frame: &ringfence_verifier::Frame| StackFrame {
        address: format!("{:#x}", frame.address),
        rva: frame.rva,
        source: None,
    };
    violation.stack.iter().map(frame).collect()
}

fn seen(run: &Run, violation: &Violation) -> Seen {
    Seen {
        environment: match run.environment {
            Environment::Verifier => RunEnvironment::Verifier,
            Environment::Hvci => RunEnvironment::Hvci,
        },
        phase: name_of_phase(run, violation.phase),
        bugcheck: Some(BugCheck::new(violation.bug_check.code, violation.bug_check.parameters)),
        count: violation.count,
        rva: violation.rva,
        registers: if is_of_image(violation) { Vec::new() } else { registers(violation) },
        stack: frames(violation),
        under_assumption: violation.under_assumption,
        depends_on_build: violation.ddi.is_some_and(|ddi| ddi.verifier.unsure),
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
    use ringfence_finding::{Answer, Confidence, Evidence, Targets, decide};
    use ringfence_image::Image;
    use ringfence_verifier::{Options, run};

    fn example(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers");
        std::fs::read(format!("{folder}/{name}")).unwrap()
    }

    /// The findings about an example, read and then run.
    fn found(name: &str, environment: Environment) -> Vec<Finding> {
        let bytes = example(name);
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let mut findings = check(&driver, Targets::DEFAULT).findings;
        let run = run(&image, &Options::new(environment, name));
        witness(&driver, &run, &mut findings, &mut Vec::new());
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

    /// Machine code alone shows that CR0.WP is cleared. The constant that is written to next is on
    /// a page with the import address table.
    #[test]
    fn where_write_protection_is_cleared_is_seen() {
        let findings = found("clears-write-protection-x64.sys", Environment::Hvci);
        let [only] = &findings[..] else { panic!("{:?}", told(&findings)) };
        assert_eq!(only.rule, "write-protection-cleared");
        let [seen] = &only.seen[..] else { panic!("{:?}", only.seen) };
        let code = seen.bugcheck.as_ref().map(|check| check.code.as_str());
        assert_eq!((code, &only.questions[..]), (Some("0x18D"), &[Question::Run][..]));
        // Without memory integrity nothing stops it.
        let findings = found("clears-write-protection-x64.sys", Environment::Verifier);
        assert_eq!(findings.iter().flat_map(|one| &one.seen).count(), 0);
    }

    /// The mapping is written to, and it is code that lies behind it: that is what the MDL was for. Without the finding of
    /// the MDL the write is one of its own, as reading alone does not show it.
    #[test]
    fn a_write_by_way_of_a_mapping_is_evidence_of_the_mapping() {
        let findings = found("wdm-code-by-mdl-x64.sys", Environment::Hvci);
        let [only] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((only.rule, only.confidence), ("maps-own-code", Confidence::Certain));
        assert_eq!(only.seen[0].bugcheck.as_ref().unwrap().code, "0x18D");
        assert!(only.notes.iter().any(|note| note == "the store that was stopped is at 5080"));

        let bytes = example("wdm-code-by-mdl-x64.sys");
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let run = run(&image, &Options::new(Environment::Hvci, "a.sys"));
        let mut findings = Vec::new();
        witness(&driver, &run, &mut findings, &mut Vec::new());
        let [new] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((new.rule, &new.questions[..]), ("writes-to-code", &[Question::Run][..]));
        assert_eq!(new.confidence, Confidence::Certain);
        assert!(new.notes.iter().any(|note| note.contains("when the driver ran")));
        assert!(matches!(new.evidence, Some(Evidence::Listing(_))));
    }

    /// What the call asks for is not known by reading; once it was seen the rule says of it what it says of a known one.
    #[test]
    fn a_value_that_only_a_run_shows_is_told_at_its_call() {
        let findings = found("pool-type-from-ioctl-x64.sys", Environment::Verifier);
        let new = findings.iter().find(|one| one.rule == "executable-pool-type").unwrap();
        assert_eq!(new.rva, Some(0x1057));
        assert!(new.message.ends_with("PoolType = NonPagedPool (0) at ExAllocatePoolWithTag"));
        assert!(new.help.is_some());
        // That the request chooses the type is seen as well.
        let chosen =
            findings.iter().find(|one| one.rule == "caller-controlled-protection").unwrap();
        assert_eq!((chosen.rva, chosen.seen.len()), (Some(0x1057), 1));
    }

    /// Driver Verifier stops at each section; the rule tells it once.
    #[test]
    fn sections_that_are_stopped_at_are_one_finding() {
        let findings = found("unaligned-512-x64.sys", Environment::Verifier);
        let [only] = &findings[..] else { panic!("{:?}", told(&findings)) };
        assert_eq!(only.seen.len(), 8);
    }

    /// The function is none of the kernel's: what it returns is invented, and so is that it cannot be called.
    #[test]
    fn what_follows_from_an_invented_result_denies_nothing() {
        let like = ringfence_fixture::driver()
            .no_imports()
            .import("ntoskrnl.exe", &["MysteryAllocateRoutine"]);
        // sub rsp, 28h; call [MysteryAllocateRoutine]; call rax
        let built = like.clone().edit_section("INIT", |init| init.bytes([0xCC; 64])).build();
        let slot = built.thunk_rva("ntoskrnl.exe", "MysteryAllocateRoutine");
        let start = built.rva_of_section("INIT");
        let mut code = vec![0x48, 0x83, 0xEC, 0x28, 0xFF, 0x15];
        code.extend((slot.wrapping_sub(start + 10)).to_le_bytes());
        code.extend([0xFF, 0xD0, 0xCC]);
        code.resize(64, 0xCC);
        let bytes = like.edit_section("INIT", |init| init.bytes(code)).bytes();
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let (mut findings, mut gaps) = (Vec::new(), Vec::new());
        let run = run(&image, &Options::new(Environment::Hvci, "a.sys"));
        assert!(run.violations.iter().any(|one| one.under_assumption), "{:?}", run.end);
        witness(&driver, &run, &mut findings, &mut gaps);
        let verdict = decide(&findings, &gaps, Targets::DEFAULT, false);
        assert_eq!((findings.len(), verdict.run), (1, Answer::Unknown));
    }
}
