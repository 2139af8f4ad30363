//! Drivers whose machine code was examined. Addresses and instructions are those of the house
//! rules' example; numbers and names are those of the Windows headers.

use super::{examination, finding};
use ringfence_finding::{
    Argument, Call, CallAnswer, Code, CodeCoverage, Evidence, Examination, Finding, Gap,
    Instruction, Level, Listing, Pointer, Question, UnknownCalls, Via, decide,
};

/// One of each.
pub(crate) fn with_code() -> Vec<Examination> {
    vec![
        executable_pool("acmedisk.sys"),
        all_known("usbacme.sys"),
        unknown_arguments("hpumps.sys"),
        no_ddi_calls("quiet.sys"),
        hostile_listing(),
    ]
}

pub(crate) fn instruction(rva: u32, text: &str) -> Instruction {
    Instruction { rva, text: text.to_owned(), after_gap: false, enters: None }
}

/// A primary mark.
pub(crate) fn pointer(line: usize, start: usize, length: usize, text: &str) -> Pointer {
    Pointer { line, start, length, text: text.to_owned(), primary: true }
}

pub(crate) fn unknown_calls(reasons: &[(&str, usize)]) -> Vec<UnknownCalls> {
    let reason =
        |&(because, calls): &(&str, usize)| UnknownCalls { because: because.into(), calls };
    reasons.iter().map(reason).collect()
}

/// A call whose argument has `values`.
fn call(rva: u32, ddi: &'static str, argument: (u8, &'static str), values: &[(u64, &str)]) -> Call {
    let (index, name) = argument;
    Call {
        rva,
        function: Some(rva & !0xff),
        source: None,
        ddi,
        via: Via::Import,
        argument: Some(Argument { index, name }),
        values: values.iter().map(|(value, _)| *value).collect(),
        words: values.iter().map(|(_, words)| words.to_string()).collect(),
        unknown: None,
        answer: CallAnswer::Fine,
        chosen_by: Vec::new(),
        chosen_alike: 0,
    }
}

const POOL_TYPE: (u8, &str) = (0, "PoolType");
const PRIORITY: (u8, &str) = (5, "Priority");

/// A call for each answer, and one without an argument that decides.
fn calls() -> Vec<Call> {
    const WITH_TAG: &str = "ExAllocatePoolWithTag";
    const MAP: &str = "MmMapLockedPagesSpecifyCache";
    let nx = (0x200, "NonPagedPoolNx (0x200)");
    let executable = (0, "NonPagedPool (0x0)");
    vec![
        Call { answer: CallAnswer::Violation, ..call(0x1a45, WITH_TAG, POOL_TYPE, &[executable]) },
        call(0x1c0f, WITH_TAG, POOL_TYPE, &[nx]),
        call(0x1d20, "ExAllocatePool2", (0, "Flags"), &[(0x40, "POOL_FLAG_NON_PAGED (0x40)")]),
        Call {
            answer: CallAnswer::FineByOptIn,
            ..call(0x1e3a, WITH_TAG, POOL_TYPE, &[executable])
        },
        Call { answer: CallAnswer::Mixed, ..call(0x2013, WITH_TAG, POOL_TYPE, &[executable, nx]) },
        Call {
            answer: CallAnswer::Violation,
            ..call(0x2c2b, MAP, PRIORITY, &[(0x10, "NormalPagePriority (0x10)")])
        },
        Call {
            unknown: Some("it is read from memory that a pointer leads to".to_owned()),
            answer: CallAnswer::Unknown,
            ..call(
                0x2d47,
                MAP,
                PRIORITY,
                &[(0x4000_0010, "NormalPagePriority | MdlMappingNoExecute (0x40000010)")],
            )
        },
        Call {
            unknown: Some("it is the function's own parameter 2".to_owned()),
            answer: CallAnswer::Unknown,
            function: None,
            via: Via::TailCall,
            ..call(0x12_3456, WITH_TAG, POOL_TYPE, &[])
        },
        Call {
            argument: None,
            answer: CallAnswer::Violation,
            ..call(0x12_3500, "MmMapLockedPages", (0, ""), &[])
        },
    ]
}

fn coded(path: &str, findings: Vec<Finding>, gaps: &[Gap], coverage: CodeCoverage) -> Examination {
    let mut driver = examination(path, findings, vec![]);
    driver.verdict = decide(&driver.findings, gaps, super::TARGETS, false);
    driver.coverage.code = Code::Examined(coverage);
    driver
}

fn gap() -> Gap {
    Gap::new(&[Question::Run, Question::Certify], "some DDI calls have an unknown argument")
}

fn certify_error(rule: &'static str, rva: u32, message: &str, listing: Listing) -> Finding {
    let mut bad = finding(rule, Level::Error, message);
    bad.questions = vec![Question::Certify];
    bad.rva = Some(rva);
    bad.section = Some(".text".to_owned());
    bad.evidence = Some(Evidence::Listing(listing));
    bad
}

fn executable_pool_type() -> Finding {
    let call = "call  ExAllocatePoolWithTag";
    let set = "PoolType = NonPagedPool (0x0), which is executable";
    let listing = Listing {
        function: Some(0x1a10),
        source: None,
        lines: vec![
            instruction(0x1a38, "xor   ecx, ecx"),
            instruction(0x1a3a, "mov   edx, 240h"),
            instruction(0x1a3f, "mov   r8d, 6B736944h"),
            instruction(0x1a45, call),
        ],
        marks: vec![
            Pointer { primary: false, ..pointer(0, 6, 8, set) },
            pointer(3, 0, call.len(), "asked for here"),
        ],
    };
    let message = "memory is requested from an executable pool";
    let mut bad = certify_error("executable-pool-type", 0x1a45, message, listing);
    bad.aliases = &["0xC4:0x2000", "C30030", "Execute Pool Type"];
    bad.notes =
        vec!["Driver Verifier stops this call with bug check 0xC4, parameter 0x2000".to_owned()];
    bad.help = Some(
        "pass `NonPagedPoolNx` (Windows 8), or call `ExAllocatePool2` with `POOL_FLAG_NON_PAGED` \
         (Windows 10 2004)"
            .to_owned(),
    );
    bad
}

fn executable_mdl_mapping() -> Finding {
    let call = "call  MmMapLockedPagesSpecifyCache";
    let priority = "Priority = NormalPagePriority (0x10), without MdlMappingNoExecute";
    let mode = "AccessMode = KernelMode (a user-mode mapping would not be executable)";
    let listing = Listing {
        function: None,
        source: None,
        lines: vec![
            instruction(0x2c12, "mov   dword ptr [rsp+28h], 10h"),
            Instruction { after_gap: true, ..instruction(0x2c26, "xor   edx, edx") },
            instruction(0x2c28, "mov   rcx, rbx"),
            instruction(0x2c2b, call),
        ],
        marks: vec![
            Pointer { primary: false, ..pointer(0, 27, 3, priority) },
            Pointer { primary: false, ..pointer(1, 6, 8, mode) },
            pointer(3, 0, call.len(), "mapped here"),
        ],
    };
    let message = "memory described by an MDL is mapped executable";
    certify_error("executable-mdl-mapping", 0x2c2b, message, listing)
}

/// A driver that asks for executable memory twice.
pub(crate) fn executable_pool(path: &str) -> Examination {
    let coverage = CodeCoverage {
        calls: 9,
        known: 7,
        unknown: unknown_calls(&[
            ("it is read from memory that a pointer leads to", 1),
            ("it is the function's own parameter 2", 1),
        ]),
        references: 13,
        dead_thunks: 1,
        data_uses: 2,
        allocate_routines: 1,
        unreached: 1,
        functions: 31,
        instructions: 1_900,
    };
    let findings = vec![executable_pool_type(), executable_mdl_mapping()];
    let mut driver = coded(path, findings, &[gap()], coverage);
    driver.calls = Some(calls());
    driver
}

/// A driver that asks for executable memory at three places alike, and at one in another way.
pub(crate) fn alike(path: &str) -> Examination {
    let at = |rva| Finding { rva: Some(rva), evidence: None, ..executable_pool_type() };
    let other = Finding { notes: vec!["another note".to_owned()], ..at(0x1c00) };
    examination(path, vec![at(0x1a45), at(0x1b00), other, at(0x1d00)], vec![])
}

/// A driver with nothing to object to and everything known.
pub(crate) fn all_known(path: &str) -> Examination {
    let coverage = CodeCoverage { calls: 2, known: 2, references: 2, ..CodeCoverage::default() };
    let mut driver = coded(path, vec![], &[], coverage);
    driver.calls = Some(calls()[1..3].to_vec());
    driver
}

/// A driver with nothing to object to, but not everything known.
pub(crate) fn unknown_arguments(path: &str) -> Examination {
    let because = "it is read from memory that a pointer leads to";
    let coverage = CodeCoverage {
        calls: 61,
        known: 58,
        unknown: unknown_calls(&[(because, 2), ("it is what a call returned", 1)]),
        references: 61,
        ..CodeCoverage::default()
    };
    let mut driver = coded(path, vec![], &[gap()], coverage);
    driver.calls = Some(calls()[6..8].to_vec());
    driver
}

/// A driver that calls no DDI that matters.
pub(crate) fn no_ddi_calls(path: &str) -> Examination {
    let mut driver = coded(path, vec![], &[], CodeCoverage::default());
    driver.calls = Some(vec![]);
    driver
}

/// Imports with names made to fool a terminal, and too long for one.
fn hostile_listing() -> Examination {
    let mut driver = executable_pool("evil\u{1b}[2J.sys");
    let Some(Evidence::Listing(listing)) = &mut driver.findings[0].evidence else { unreachable!() };
    listing.lines[0].text = "call  \u{1b}[31m\u{202e}".to_owned();
    listing.lines[3].text = format!("call  {}", "LongName".repeat(20));
    listing.marks[0].text = "\u{9b}2J".repeat(30);
    listing.marks[1].length = 200;
    let calls = driver.calls.as_mut().unwrap();
    calls[0].unknown = Some("\u{1b}[2J".repeat(20));
    calls[1].words[0] = "\u{202e}".repeat(20);
    driver
}
