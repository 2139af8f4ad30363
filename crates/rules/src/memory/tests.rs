//! The one way memory rules are tested: a DDI and its arguments in, what is said of the call out.

use crate::calls::Calls;
use crate::image::tests::line;
use crate::{Driver, Judging, check};
use ringfence_code::{
    Argument, Fate, Origin, Possible, Reader, Reason, Reference, SetUp, Site, Stored, Survey,
    Value, Variable, VariableStore, Via,
};
use ringfence_ddi::{Ddi, named};
use ringfence_finding::{
    Answer, CallAnswer, Code, Finding, Question, TARGETS, Target, Targets, Verdict, decide,
};
use ringfence_image::{Image, Rva};

/// What is left open where the only call's value is [`unknown`].
pub(crate) const UNKNOWN_GAP: &str = "the deciding argument of some DDI calls is not known: it is \
                                      worked out in a way that is not followed";
/// What is left open where the only call asks for executable memory on some paths.
pub(crate) const MIXED_GAP: &str = "some DDI calls ask for executable memory on some paths only";

/// What is said of a driver whose only call is the one asked about.
pub(crate) struct Told {
    pub(crate) answer: CallAnswer,
    pub(crate) findings: Vec<Finding>,
    /// What leaves *certify* open.
    pub(crate) gaps: Vec<String>,
    pub(crate) verdict: Verdict,
}

/// What is said of a call of the DDI with these arguments.
pub(crate) fn asked(name: &str, arguments: &[(u8, Value)]) -> Told {
    told(ddi(name), arguments, false)
}

/// As [`asked`], where documentation weighs more than observation.
pub(crate) fn strictly(name: &str, arguments: &[(u8, Value)]) -> Told {
    told(ddi(name), arguments, true)
}

/// What is said of a call of the DDI with these arguments in a driver of which `readers` are known.
pub(crate) fn asked_with(name: &str, arguments: &[(u8, Value)], readers: Vec<Reader>) -> Told {
    let built = ringfence_fixture::driver().build();
    let image = Image::read(&built.bytes).unwrap();
    let survey = Survey { readers, ..survey(Rva(built.rva_of_section(".text")), arguments) };
    said(&image, Calls::judged(survey, &[ddi(name)], Judging::default()))
}

fn ddi(name: &str) -> &'static Ddi {
    named(name).unwrap_or_else(|| panic!("the table lacks {name}"))
}

/// What is said of a call of `ddi` with these arguments.
pub(crate) fn told(ddi: &'static Ddi, arguments: &[(u8, Value)], strict: bool) -> Told {
    let built = ringfence_fixture::driver().build();
    let image = Image::read(&built.bytes).unwrap();
    let survey = survey(Rva(built.rva_of_section(".text")), arguments);
    let calls = Calls::judged(survey, &[ddi], Judging { strict, ..Judging::default() });
    said(&image, calls)
}

fn said(image: &Image<'_>, calls: Calls) -> Told {
    let answer = calls.all()[0].answer;
    let outcome = check(&Driver::new(image).making(calls), Targets::ALL);
    assert_eq!(outcome.crashes, []);
    let certify = outcome.gaps.iter().filter(|gap| gap.questions.contains(&Question::Certify));
    let gaps = certify.map(|gap| gap.reason.clone().into_owned()).collect();
    let verdict = decide(&outcome.findings, &outcome.gaps, Targets::ALL, false);
    Told { answer, findings: outcome.findings, gaps, verdict }
}

fn survey(at: Rva, arguments: &[(u8, Value)]) -> Survey {
    let arguments = arguments
        .iter()
        .map(|(index, value)| Argument { index: *index, value: value.clone() })
        .collect();
    let site = Site {
        at,
        function: None,
        wanted: 0,
        via: Via::Slot,
        arguments,
        always: true,
        reached: true,
        routes: Vec::new(),
        alike: 0,
    };
    let reference = Reference { at, wanted: 0, fate: Fate::Call };
    Survey { sites: vec![site], references: vec![reference], ..Survey::default() }
}

/// What is said of a driver whose only call takes its pool type from a variable that is 0 until 0x200
/// is stored there.
pub(crate) fn asked_from(stored: Stored, call_is_first: bool) -> Told {
    asked_from_variable(stored, call_is_first, constant(0x200))
}

/// As [`asked_from`], where something else is stored.
pub(crate) fn asked_from_variable(stored: Stored, call_is_first: bool, content: Value) -> Told {
    let built = ringfence_fixture::driver().build();
    let image = Image::read(&built.bytes).unwrap();
    let at = Rva(built.rva_of_section(".text"));
    let (variable, store) = (Rva(0x3000), Rva(at.0 + 8));
    let possible = |value: u64, origin| Possible {
        ones: value,
        zeros: !value,
        origin: Some(origin),
        ..Possible::default()
    };
    let value = Value {
        possible: vec![
            possible(0, Origin::Initial(variable)),
            Possible {
                origin: Some(Origin::Stored { variable, at: store }),
                ..content.possible[0]
            },
        ],
    };
    let mut survey = survey(at, &[(0, value)]);
    let set_up = |target: &Target| SetUp {
        build: target.build,
        stored,
        before: if call_is_first { vec![at] } else { Vec::new() },
        perhaps_before: Vec::new(),
    };
    let stores = vec![VariableStore { at: store, function: at, value: content }];
    let set_up = TARGETS.iter().map(set_up).collect();
    survey.variables =
        vec![Variable { at: variable, bytes: 4, initial: Some(0), stores, open: false, set_up }];
    let ddi = ddi("ExAllocatePoolWithTag");
    let calls = Calls::judged(survey, &[ddi], Judging::default());
    said(&image, calls)
}

/// One line a finding: the call's answer, then as [`line`].
pub(crate) fn says(told: &Told) -> Vec<String> {
    let answer = format!("{:?}", told.answer).to_lowercase();
    told.findings.iter().map(|finding| format!("{answer} {}", line(finding))).collect()
}

/// The only finding.
pub(crate) fn finding(told: &Told) -> &Finding {
    assert_eq!(told.findings.len(), 1);
    &told.findings[0]
}

/// The notes of the only finding.
pub(crate) fn notes(told: &Told) -> String {
    finding(told).notes.join("\n")
}

/// A value that is known whole.
pub(crate) fn constant(value: u64) -> Value {
    either(&[value])
}

/// One of several values, by the path.
pub(crate) fn either(values: &[u64]) -> Value {
    let possible = |value: &u64| Possible { ones: *value, zeros: !value, ..Possible::default() };
    Value { possible: values.iter().map(possible).collect() }
}

/// A value of which some bits are set, some clear and the others unknown.
pub(crate) fn masked(ones: u64, zeros: u64) -> Value {
    let unknown = Some(Reason::Arithmetic);
    Value { possible: vec![Possible { ones, zeros, unknown, ..Possible::default() }] }
}

/// A value of which nothing is known.
pub(crate) fn unknown() -> Value {
    masked(0, 0)
}

/// The address of something in the image.
pub(crate) fn address() -> Value {
    let unknown = Some(Reason::Address);
    Value { possible: vec![Possible { ones: 0, zeros: 0, unknown, ..Possible::default() }] }
}

/// Spec case 100, and others that never ask for executable memory.
#[test]
fn functions_without_a_say_are_fine() {
    for name in
        ["MmCopyMemory", "IoAllocateMdl", "MmAllocatePagesForMdlEx", "MmProtectDriverSection"]
    {
        let told = asked(name, &[]);
        assert_eq!((told.answer, says(&told)), (CallAnswer::Fine, vec![]), "{name}");
        assert_eq!(told.verdict.certify, Answer::Yes, "{name}");
    }
}

/// Certify is yes where every call is fine, no where one is not, and unknown in between. Run is yes in
/// the first case only: what code does with executable memory is not seen.
#[test]
fn calls_decide_certify() {
    for (value, certify, run) in [
        (constant(512), Answer::Yes, Answer::Yes),
        (constant(0), Answer::No, Answer::Unknown),
        (either(&[0, 512]), Answer::Unknown, Answer::Unknown),
        (unknown(), Answer::Unknown, Answer::Unknown),
    ] {
        let verdict = asked("ExAllocatePoolWithTag", &[(0, value.clone())]).verdict;
        assert_eq!((verdict.certify, verdict.run), (certify, run), "{value:?}");
        assert_eq!(verdict.load, Answer::Yes);
    }
}

/// An argument that the survey gives no value for is unknown, not fine.
#[test]
fn a_missing_argument_is_unknown() {
    let told = asked("ExAllocatePoolWithTag", &[]);
    assert_eq!((told.answer, told.verdict.certify), (CallAnswer::Unknown, Answer::Unknown));
}

/// What Driver Verifier does about a call decides how grave it is.
#[test]
fn violations_are_graded_by_what_driver_verifier_does() {
    for (name, index, expected, certify) in [
        ("ExAllocatePool", 0, "error[executable-pool-type] certify: ", Answer::No),
        // The filter manager is known to hand its caller on.
        ("FltAllocatePoolAlignedWithTag", 1, "error[executable-pool-type] certify: ", Answer::No),
        // Of the changer class driver that is inferred.
        ("ChangerClassAllocatePool", 0, "error[executable-pool-type] certify?: ", Answer::No),
        ("FsRtlAllocatePool", 0, "warning[executable-pool-type] nothing: ", Answer::Yes),
        ("FsRtlAllocatePoolWithTag", 0, "warning[executable-pool-type] nothing: ", Answer::Unknown),
    ] {
        let told = asked(name, &[(index, constant(0))]);
        assert!(line(finding(&told)).starts_with(expected), "{}", line(finding(&told)));
        assert_eq!(told.verdict.certify, certify, "{name}");
    }
    assert_eq!(
        asked("FsRtlAllocatePoolWithTag", &[(0, constant(0))]).gaps,
        ["whether Driver Verifier objects to FsRtlAllocatePoolWithTag is not known"]
    );
}

/// The bug check's first parameter is the one that Windows shows.
#[test]
fn the_bug_check_is_named() {
    for (name, index, value, subcode) in [
        ("ExAllocatePoolWithTag", 0, 0, "0x2000"),
        ("MmMapIoSpaceEx", 2, 0x40, "0x2001"),
        ("MmMapLockedPagesSpecifyCache", 5, 0x10, "0x2002"),
    ] {
        let note =
            format!("Driver Verifier stops this call with bug check 0xC4, parameter {subcode}");
        let notes = notes(&asked(name, &[(index, constant(value))]));
        assert!(notes.contains(&note), "{name}: {notes}");
    }
}

/// Spec cases 45 and 46: what no known path leads to may be dead code, or data that looks like a call.
/// Nothing is said against it, but it is not overlooked either.
#[test]
fn what_no_path_leads_to_is_no_finding() {
    let built = ringfence_fixture::driver().build();
    let image = Image::read(&built.bytes).unwrap();
    for (name, index, value) in [
        ("ExAllocatePoolWithTag", 0, 0),
        ("ExAllocatePoolWithTag", 0, 512),
        ("ExAllocatePool2", 0, 0),
        ("ZwProtectVirtualMemory", 3, 0x40),
    ] {
        let mut survey = survey(Rva(built.rva_of_section(".text")), &[(index, constant(value))]);
        survey.sites[0].reached = false;
        survey.references[0].fate = Fate::Unreached;
        let calls = Calls::judged(survey, &[ddi(name)], Judging::default());
        let data = calls.all()[0].data();
        assert_eq!(data.answer, CallAnswer::Unknown);
        assert_eq!(data.unknown.as_deref(), Some("no known path leads to this call"));
        let Code::Examined(coverage) = calls.code() else { panic!() };
        assert_eq!((coverage.calls, coverage.unreached), (0, 1));
        let outcome = check(&Driver::new(&image).making(calls), Targets::ALL);
        assert_eq!(outcome.findings, [], "{name} {value}");
        let verdict = decide(&outcome.findings, &outcome.gaps, Targets::ALL, false);
        let [because] = &verdict.because.certify[..] else { panic!("{verdict:?}") };
        let expected = format!(
            "code that no known path leads to names {name}: whether it ever runs is not known"
        );
        assert_eq!(because.text, expected);
    }
}
