//! What is asked about an image's code, and what the answers leave open.

use super::*;
use crate::memory::tests::{constant, either, masked};
use ringfence_code::{
    Argument, Callee, Doubt, Fate, Possible, Reason, Reference, Site, Value, Via,
};
use ringfence_ddi::{
    Certainty, Grant, Parameter, Reach, Role, Verifier, VerifierBehaviour, Warning, named,
};
use ringfence_finding::{CallAnswer, CodeCoverage, UnknownCalls};
use ringfence_fixture::{Driver, driver};
use ringfence_image::Rva;

/// A DDI with one parameter, whose value decides.
const ALLOCATE: Ddi = Ddi {
    name: "PlainAllocate",
    aliases: &[],
    header: "wdm",
    modules: &["ntoskrnl.exe"],
    reach: Reach::Import,
    grant: Grant::Argument,
    parameters: &[Parameter { name: "PoolType", role: Some(Role::PoolType) }],
    verifier: Verifier {
        subcode: Some(0x2000),
        behaviour: VerifierBehaviour::Report,
        unsure: false,
        note: None,
    },
    warning: None,
    replacement: None,
    since: None,
    nx_since: None,
    listed: false,
    certainty: Certainty::High,
    docs: None,
    note: None,
};
static PLAIN: Ddi = ALLOCATE;
/// A DDI that has nothing to do with executable memory.
static HARMLESS: Ddi = Ddi { name: "Harmless", grant: Grant::Nothing, parameters: &[], ..ALLOCATE };
/// DDIs that Driver Verifier makes safe or does not look at; Code Analysis warns of the first.
static SUBSTITUTED: Ddi = Ddi {
    name: "Substituted",
    verifier: Verifier {
        subcode: None,
        behaviour: VerifierBehaviour::SubstituteNx,
        unsure: false,
        note: None,
    },
    warning: Some(Warning { id: "C30030", documented: true, note: None }),
    ..ALLOCATE
};
static IGNORED: Ddi = Ddi {
    name: "Ignored",
    verifier: Verifier {
        subcode: None,
        behaviour: VerifierBehaviour::None,
        unsure: false,
        note: None,
    },
    ..ALLOCATE
};

fn site(at: u32, wanted: usize, value: Value) -> Site {
    let arguments = vec![Argument { index: 0, value }];
    Site {
        at: Rva(at),
        function: None,
        wanted,
        via: Via::Slot,
        arguments,
        always: true,
        reached: true,
        routes: Vec::new(),
        alike: 0,
    }
}

fn because(reason: Reason) -> Value {
    let unknown = Some(reason);
    Value { possible: vec![Possible { ones: 0, zeros: 0, unknown, ..Possible::default() }] }
}

fn judged(survey: Survey) -> Calls {
    Calls::judged(survey, &[&PLAIN, &HARMLESS], Judging::default())
}

/// What leaves *certify* open.
fn reasons(calls: &Calls) -> Vec<String> {
    reasons_of(calls, Question::Certify, false)
}

fn reasons_of(calls: &Calls, question: Question, code_analysis: bool) -> Vec<String> {
    let gaps = calls.gaps(code_analysis).into_iter();
    let open = gaps.filter(|gap| gap.questions.contains(&question));
    open.map(|gap| gap.reason.into_owned()).collect()
}

fn of(driver: Driver) -> Calls {
    let bytes = driver.bytes();
    Calls::of(&Image::read(&bytes).unwrap(), Judging::default())
}

#[test]
fn unknown_calls_are_counted_by_reason() {
    let unknown = [
        because(Reason::Returned),
        because(Reason::Global(Rva(0x3000))),
        because(Reason::Global(Rva(0x3010))),
        // The second value decides nothing any more, but the call is counted once.
        Value {
            possible: [because(Reason::Returned), because(Reason::Stack)]
                .into_iter()
                .flat_map(|value| value.possible)
                .collect(),
        },
    ];
    let sites = (0..).zip(unknown).map(|(at, value)| site(at, 0, value)).collect();
    let calls = judged(Survey { sites, ..Survey::default() });
    let unknown = |because: &str| UnknownCalls { because: because.to_owned(), calls: 2 };
    let Code::Examined(coverage) = calls.code() else { panic!() };
    assert_eq!((coverage.calls, coverage.known), (4, 0));
    assert_eq!(
        coverage.unknown,
        [unknown("it is read from a writable variable"), unknown("it is what a call returned")]
    );
    assert_eq!(
        reasons(&calls),
        ["the deciding argument of some DDI calls is not known: for several reasons"]
    );
}

#[test]
fn what_becomes_of_references_is_counted_and_told() {
    let reference = |at, wanted, fate| Reference { at: Rva(at), wanted, fate };
    let references = vec![
        reference(0x1000, 0, Fate::Call),
        reference(0x1010, 0, Fate::Thunk),
        reference(0x1020, 0, Fate::DeadThunk),
        reference(0x1a40, 0, Fate::Data),
        reference(0x1a50, 0, Fate::Data),
        reference(0x1b00, 0, Fate::Unreached),
        reference(0x1c00, 1, Fate::Data),
        reference(0x1c10, 1, Fate::Unreached),
    ];
    let calls = judged(Survey { references, functions: 3, instructions: 40, ..Survey::default() });
    let expected = CodeCoverage {
        references: 8,
        dead_thunks: 1,
        data_uses: 3,
        unreached: 2,
        functions: 3,
        instructions: 40,
        ..CodeCoverage::default()
    };
    assert_eq!(*calls.code(), Code::Examined(expected));
    // Where a DDI that cannot ask for executable memory goes does not matter.
    assert_eq!(
        reasons(&calls),
        [
            "the address of PlainAllocate is used as a value: calls through it are not followed",
            "code that no known path leads to names PlainAllocate: whether it ever runs is not known"
        ]
    );
}

/// A function that nothing calls and that gives a number itself: what would call it does not matter.
#[test]
fn an_unreached_call_that_does_no_harm_leaves_nothing_open() {
    let open = |value: u64, set_at: Option<u32>| {
        let mut given = constant(value);
        given.possible[0].set_at = set_at.map(Rva);
        let sites = vec![Site { reached: false, ..site(0x1110, 0, given) }];
        let calls = judged(Survey { sites, ..Survey::default() });
        let Code::Examined(coverage) = calls.code() else { panic!() };
        assert_eq!((coverage.calls, coverage.unreached), (0, 1));
        reasons(&calls)
    };
    let is_open =
        ["code that no known path leads to names PlainAllocate: whether it ever runs is not known"];
    assert_eq!(open(0x200, Some(0x1103)), [""; 0]);
    // What leads there may bring something else, or it asks for executable memory.
    assert_eq!(open(0x200, None), is_open);
    assert_eq!(open(0x200, Some(0x1003)), is_open);
    assert_eq!(open(0, Some(0x1103)), is_open);
}

/// Who holds the framework's table may call whatever is in it.
#[test]
fn a_table_that_others_hold_is_told_as_one() {
    let in_table = |ddi: &&Ddi| matches!(ddi.reach, Reach::WdfTable { .. });
    let entries: Vec<&'static Ddi> = ringfence_ddi::all().iter().filter(in_table).collect();
    let stored = |wanted| Reference { at: Rva(0x30), wanted, fate: Fate::Stored };
    let reasons = |count: usize| {
        let references = (0..count).map(stored).collect();
        let survey = Survey { references, ..Survey::default() };
        reasons(&Calls::judged(survey, &entries, Judging::default()))
    };
    let told = |name: &str| {
        vec![format!("the address of {name} is used as a value: calls through it are not followed")]
    };
    assert_eq!(reasons(entries.len()), told("the framework's function table"));
    assert_eq!(reasons(1), told(entries[0].name));
}

/// What is not known of a DDI matters only where knowing it could deny certify.
#[test]
fn what_could_deny_nothing_leaves_nothing_open() {
    const UNKNOWN: &str =
        "the deciding argument of some DDI calls is not known: it is what a call returned";
    const MIXED: &str = "some DDI calls ask for executable memory on some paths only";
    let open = |ddi: &'static Ddi, code_analysis: bool| {
        let sites = vec![site(0x10, 0, because(Reason::Returned)), site(0x20, 0, either(&[0, 1]))];
        let references = [Fate::Data, Fate::Unreached]
            .map(|fate| Reference { at: Rva(0x30), wanted: 0, fate })
            .to_vec();
        let survey = Survey { sites, references, ..Survey::default() };
        let calls = Calls::judged(survey, &[ddi], Judging::default());
        let Code::Examined(coverage) = calls.code() else { panic!() };
        // What is not known is counted all the same.
        assert_eq!((coverage.calls, coverage.known), (2, 1), "{}", ddi.name);
        assert_eq!((coverage.data_uses, coverage.unreached), (1, 1), "{}", ddi.name);
        reasons_of(&calls, Question::Certify, code_analysis)
    };
    let all = |name: &str| {
        vec![
            UNKNOWN.to_owned(),
            MIXED.to_owned(),
            format!("the address of {name} is used as a value: calls through it are not followed"),
            format!(
                "code that no known path leads to names {name}: whether it ever runs is not known"
            ),
        ]
    };
    for (ddi, code_analysis, expected) in [
        (&PLAIN, false, all("PlainAllocate")),
        (&PLAIN, true, all("PlainAllocate")),
        (&SUBSTITUTED, false, vec![]),
        (&SUBSTITUTED, true, all("Substituted")),
        (&IGNORED, false, vec![]),
        (&IGNORED, true, vec![]),
    ] {
        assert_eq!(open(ddi, code_analysis), expected, "{} {code_analysis}", ddi.name);
    }
}

/// Windows calls the routine with the pool type that the list was made with.
#[test]
fn a_list_that_allocates_by_a_ddi_leaves_nothing_open() {
    let ddi = |name: &str| named(name).unwrap();
    let ddis = [ddi("ExInitializePagedLookasideList"), ddi("ExAllocatePoolWithTag")];
    let loaded = |at| {
        let unknown = Some(Reason::Address);
        Possible { ones: 0, zeros: 0, set_at: Some(Rva(at)), unknown, ..Possible::default() }
    };
    let null =
        Possible { ones: 0, zeros: u64::MAX, set_at: Some(Rva(0x10)), ..Possible::default() };
    let judged = |possible: Vec<Possible>, load: u32| {
        let arguments = vec![Argument { index: 1, value: Value { possible } }];
        let at = Rva(0x40);
        let sites = vec![Site {
            at,
            function: None,
            wanted: 0,
            via: Via::Slot,
            arguments,
            always: true,
            reached: true,
            routes: Vec::new(),
            alike: 0,
        }];
        let references = vec![
            Reference { at, wanted: 0, fate: Fate::Call },
            Reference { at: Rva(load), wanted: 1, fate: Fate::Data },
        ];
        let calls = Calls::judged(
            Survey { sites, references, ..Survey::default() },
            &ddis,
            Judging::default(),
        );
        let Code::Examined(coverage) = calls.code() else { panic!() };
        assert_eq!((coverage.data_uses, calls.all()[0].answer), (1, CallAnswer::Fine));
        let by = calls.all()[0].allocates_by.map(|ddi| ddi.name);
        (coverage.allocate_routines, by, reasons(&calls).len())
    };
    let by = Some("ExAllocatePoolWithTag");
    assert_eq!(judged(vec![loaded(0x20)], 0x20), (1, by, 0));
    // On one path the list has no routine, and allocates by itself.
    assert_eq!(judged(vec![null, loaded(0x20)], 0x20), (1, None, 0));
    // Another address is given, and where the DDI's goes is not known.
    assert_eq!(judged(vec![loaded(0x30)], 0x20), (0, None, 1));
    assert_eq!(judged(vec![null], 0x20), (0, None, 1));
}

/// Code in executable memory is not seen, so to ask for it leaves *run* open, whoever objects to that;
/// memory of a process, or mapped into one, is none that the kernel executes.
#[test]
fn what_may_give_executable_memory_leaves_run_open() {
    const ASKED: &str = "executable memory is asked for: whether code runs in it is not known";
    const MAY: &str =
        "some calls may ask for executable memory, and whether code runs in it is not known";
    let constant = |value| either(&[value]);
    let unknown = || because(Reason::Returned);
    for (name, arguments, expected) in [
        ("ExAllocatePoolWithTag", vec![(0, constant(0))], vec![ASKED]),
        ("ExAllocatePoolWithTag", vec![(0, constant(0x200))], vec![]),
        ("ExAllocatePoolWithTag", vec![(0, either(&[0, 0x200]))], vec![ASKED]),
        ("ExAllocatePoolWithTag", vec![(0, unknown())], vec![MAY]),
        ("MmAllocateContiguousMemory", vec![], vec![ASKED]),
        ("MmMapIoSpace", vec![(2, constant(0))], vec![ASKED]),
        ("MmMapLockedPages", vec![(1, constant(0))], vec![ASKED]),
        ("MmMapLockedPages", vec![(1, constant(1))], vec![]),
        ("MmMapLockedPagesSpecifyCache", vec![(1, constant(0)), (5, constant(0x10))], vec![ASKED]),
        ("MmMapLockedPagesSpecifyCache", vec![(1, constant(1)), (5, constant(0x10))], vec![]),
        ("ZwProtectVirtualMemory", vec![(3, constant(0x40))], vec![]),
        ("ZwCreateSection", vec![(4, constant(0x40)), (5, constant(0x0800_0000))], vec![ASKED]),
        ("ZwCreateSection", vec![(4, constant(0x10)), (5, constant(0x0100_0000))], vec![]),
        ("NdisAllocateMemory", vec![], vec![]),
    ] {
        let arguments =
            arguments.into_iter().map(|(index, value)| Argument { index, value }).collect();
        let site = Site { arguments, ..site(0x10, 0, constant(0)) };
        let survey = Survey { sites: vec![site], ..Survey::default() };
        let calls = Calls::judged(survey, &[named(name).unwrap()], Judging::default());
        assert_eq!(reasons_of(&calls, Question::Run, false), expected, "{name}");
    }
}

#[test]
fn doubts_leave_run_and_certify_open() {
    let doubts = vec![
        Doubt::Packed { section: ".text".to_owned(), entropy: 795 },
        Doubt::Packed { section: "UPX0".to_owned(), entropy: 0 },
        Doubt::EntryOutsideCode { section: "UPX1".to_owned() },
        Doubt::FilledAtRunTime { section: ".acme".to_owned() },
        Doubt::Budget,
    ];
    let calls = judged(Survey { doubts, ..Survey::default() });
    assert_eq!(
        reasons(&calls),
        [
            "section `.text` looks packed (7.95 bits of entropy in a byte): code that is unpacked \
             when the driver runs is not seen",
            "section `UPX0` has the name of a packer's: code that is unpacked when the driver runs is \
             not seen",
            "the entry point lies in section `UPX1`, as that of a packed driver does: code that is \
             unpacked when the driver runs is not seen",
            "section `.acme` is writable and executable and most of it is not in the file: code that \
             is unpacked when the driver runs is not seen",
            "there is too much code to read it to its end"
        ]
    );
    assert!(
        calls.gaps(false).iter().all(|gap| gap.questions == [Question::Run, Question::Certify])
    );
}

#[test]
fn a_call_is_data() {
    let mut call =
        DdiCall::judged(&PLAIN, site(0x1a45, 0, masked(0x10, 0)), Judging::default(), &[]);
    call.site.via = Via::TailCall;
    let data = call.data();
    assert_eq!((data.rva, data.ddi, data.answer), (0x1a45, "PlainAllocate", CallAnswer::Unknown));
    assert_eq!(data.via, ringfence_finding::Via::TailCall);
    assert_eq!((data.values, data.words), (vec![], vec![]));
    let reason = "it is worked out in a way that is not followed";
    assert_eq!(data.unknown.as_deref(), Some(reason));
    let data =
        DdiCall::judged(&PLAIN, site(0, 0, either(&[0, 512])), Judging::default(), &[]).data();
    assert_eq!((data.values, data.words.len(), data.unknown), (vec![0, 512], 2, None));
    // Without an argument there is nothing to know.
    let data = DdiCall::judged(&HARMLESS, site(0, 1, constant(0)), Judging::default(), &[]).data();
    assert_eq!((data.argument, data.answer), (None, CallAnswer::Fine));
}

#[test]
fn code_of_other_processors_is_not_examined() {
    for (driver, machine) in [
        (driver().arm64(), "ARM64"),
        (driver().x86(), "x86"),
        (driver().ia64(), "Itanium"),
        (driver().arm32(), "32-bit ARM"),
        (driver().pe32(), "PE32"),
        (driver().arm64x().amd64(), "ARM64EC"),
    ] {
        let calls = of(driver);
        assert_eq!(*calls.code(), Code::NotExamined { because: format!("not for {machine} yet") });
        assert_eq!(reasons(&calls), [format!("{machine} machine code is not examined yet")]);
    }
}

#[test]
fn imports_alone_leave_some_things_open() {
    let plain = || driver().no_imports().import("ntoskrnl.exe", &["KeBugCheckEx"]);
    assert_eq!(reasons(&of(plain())), [""; 0]);
    assert_eq!(
        reasons(&of(plain().import_ordinal("ntoskrnl.exe", &[12]))),
        [
            "imports ntoskrnl.exe by ordinal 12: which function that is depends on the Windows version"
        ]
    );
    assert_eq!(
        reasons(&of(plain().import_ordinal("HAL.dll", &[3, 4, 5]))),
        [
            "imports HAL.dll by ordinal 3 and 2 more functions: which function that is depends on the \
          Windows version"
        ]
    );
    // A companion driver of the vendor's own.
    assert_eq!(reasons(&of(plain().import_ordinal("acmelib.sys", &[1]))), [""; 0]);
    assert_eq!(
        reasons(&of(plain().import("WDFLDR.SYS", &["WdfVersionBind"]))),
        ["calls through the framework's function table are not followed: nothing in the image \
             says what it is bound to"]
    );
    // What is found by name shows in the code.
    assert_eq!(
        reasons(&of(plain().import("ntoskrnl.exe", &["MmGetSystemRoutineAddress"]))),
        [""; 0]
    );
}

/// A call may stand in what the file lacks.
#[test]
fn a_file_cut_short_leaves_calls_open() {
    let built = driver().build();
    for name in [".text", ".rdata", "INIT"] {
        let end = built.offset_of_rva(built.rva_of_section(name)) as usize;
        let image = Image::read(&built.bytes[..end]).unwrap();
        assert_eq!(
            reasons(&Calls::of(&image, Judging::default())).last().unwrap(),
            &format!("the file ends before section `{name}` does")
        );
    }
    let image = Image::read(&built.bytes).unwrap();
    assert_eq!(cut_short(&image), None);
    let bytes = driver().number_of_sections(99).bytes();
    let image = Image::read(&bytes).unwrap();
    assert_eq!(cut_short(&image).as_deref(), Some("the section table could not be read whole"));
}

/// The widths are those of the types: POOL_TYPE is 32 bits, KPROCESSOR_MODE 8, a handle 64.
#[test]
fn what_decides_and_what_qualifies_is_asked_for() {
    let names = [
        "KeBugCheckEx",
        "MmMapLockedPagesSpecifyCache",
        "ZwProtectVirtualMemory",
        "IoAllocateMdl",
        "ExInitializePagedLookasideList",
        "ExInitializeNPagedLookasideList",
        "ExInitializeLookasideListEx",
    ];
    let built = driver().no_imports().import("ntoskrnl.exe", &names).build();
    let image = Image::read(&built.bytes).unwrap();
    let inquiry = Inquiry::of(&image);
    let slot = |name| Rva(built.thunk_rva("ntoskrnl.exe", name));
    assert_eq!(inquiry.query.never_return, [slot("KeBugCheckEx")]);
    let expected = [
        ("MmMapLockedPagesSpecifyCache", vec![(1, 8), (5, 32)]),
        ("ZwProtectVirtualMemory", vec![(0, 64), (3, 32)]),
        ("IoAllocateMdl", vec![(0, 64)]),
        ("ExInitializePagedLookasideList", vec![(1, 64)]),
        ("ExInitializeNPagedLookasideList", vec![(1, 64), (3, 32)]),
        ("ExInitializeLookasideListEx", vec![(1, 64), (3, 32)]),
    ];
    assert_eq!(inquiry.query.wanted.len(), expected.len());
    for (index, (name, arguments)) in expected.into_iter().enumerate() {
        let wanted = &inquiry.query.wanted[index];
        assert_eq!(wanted.callee, Callee::Slot(slot(name)));
        let asked: Vec<_> =
            wanted.arguments.iter().map(|argument| (argument.index, argument.bits)).collect();
        assert_eq!(asked, arguments, "{name}");
        assert!(std::ptr::eq(inquiry.ddis[index], named(name).unwrap()));
    }
}
