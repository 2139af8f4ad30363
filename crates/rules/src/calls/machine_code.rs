//! From bytes of machine code to findings and gaps. Encodings are those of Intel's manual.

use crate::{Asked, Driver, check};
use ringfence_finding::{Answer, Call, Code, Level, Question, Targets, decide};
use ringfence_fixture::driver;
use ringfence_image::Image;

/// A piece of a function.
enum Piece {
    Bytes(&'static [u8]),
    /// An instruction that ends in the distance to the import's slot.
    Import(&'static [u8], &'static str),
}
use Piece::{Bytes, Import};

const SUB_RSP_48: Piece = Bytes(&[0x48, 0x83, 0xEC, 0x48]);
const ADD_RSP_48: Piece = Bytes(&[0x48, 0x83, 0xC4, 0x48]);
const XOR_ECX_ECX: Piece = Bytes(&[0x33, 0xC9]);
const XOR_R9D_R9D: Piece = Bytes(&[0x45, 0x33, 0xC9]);
const MOV_R9D_200: Piece = Bytes(&[0x41, 0xB9, 0, 2, 0, 0]);
const MOV_R8D_EAX: Piece = Bytes(&[0x44, 0x8B, 0xC0]);
const RET: Piece = Bytes(&[0xC3]);
const INT3: Piece = Bytes(&[0xCC]);

fn call(name: &'static str) -> Piece {
    Import(&[0xFF, 0x15], name)
}

/// `mov rdx, [slot]`: the second argument is the import's address.
fn load_rdx(name: &'static str) -> Piece {
    Import(&[0x48, 0x8B, 0x15], name)
}

/// What is said of a driver whose `.text` is one function of these pieces.
struct Told {
    findings: Vec<(Level, String)>,
    certify: Answer,
    because: Vec<String>,
    calls: Vec<Call>,
    /// Calls, those known, uses of an address as a value, Allocate routines, and what is unreached.
    counts: [usize; 5],
}

fn told(pieces: &[Piece], code_analysis: bool) -> Told {
    let mut names: Vec<&str> = Vec::new();
    for piece in pieces {
        if let Import(_, name) = piece
            && !names.contains(name)
        {
            names.push(name);
        }
    }
    let plain = driver().no_imports().import("ntoskrnl.exe", &names);
    let built = plain.build();
    let mut code: Vec<u8> = Vec::new();
    for piece in pieces {
        match piece {
            Bytes(bytes) => code.extend(*bytes),
            Import(opcode, name) => {
                code.extend(*opcode);
                let next = built.rva_of_section(".text") + code.len() as u32 + 4;
                let distance = built.thunk_rva("ntoskrnl.exe", name).wrapping_sub(next);
                code.extend(distance.to_le_bytes());
            }
        }
    }
    let bytes = plain.edit_section(".text", |text| text.bytes(code)).bytes();
    let image = Image::read(&bytes).unwrap();
    let asked = Asked { targets: Targets::ALL, calls: true, code_analysis };
    let outcome = check(&Driver::new(&image), asked);
    let verdict = decide(&outcome.findings, &outcome.gaps, Targets::ALL, code_analysis);
    let Code::Examined(coverage) = outcome.code else { panic!() };
    let reasons = verdict.reasons(Question::Certify);
    Told {
        findings: outcome.findings.into_iter().map(|found| (found.level, found.message)).collect(),
        certify: verdict.certify,
        because: reasons.iter().map(|reason| reason.text.clone().into_owned()).collect(),
        calls: outcome.calls.unwrap(),
        counts: [
            coverage.calls,
            coverage.known,
            coverage.data_uses,
            coverage.allocate_routines,
            coverage.unreached,
        ],
    }
}

/// Spec cases 45 and 46: a call behind one that never returns, and bytes that read as a call.
#[test]
fn what_no_path_leads_to_is_open_and_no_finding() {
    const NEVER: [Piece; 2] = [SUB_RSP_48, Import(&[0xFF, 0x15], "KeBugCheckEx")];
    const RETURNS: [Piece; 3] = [SUB_RSP_48, ADD_RSP_48, RET];
    let behind = [XOR_ECX_ECX, call("ExAllocatePoolWithTag"), INT3];
    let dead: Vec<_> = NEVER.into_iter().chain(behind).collect();
    let behind = [XOR_ECX_ECX, call("ExAllocatePoolWithTag"), INT3];
    let data: Vec<_> = RETURNS.into_iter().chain(behind).collect();
    for pieces in [dead, data] {
        let told = told(&pieces, false);
        assert_eq!(told.findings, []);
        assert_eq!(told.certify, Answer::Unknown);
        assert_eq!(
            told.because,
            [
                "code that no known path leads to names ExAllocatePoolWithTag: whether it ever runs is not known"
            ]
        );
        assert_eq!(told.counts, [0, 0, 0, 0, 1]);
        let reasons: Vec<_> =
            told.calls.iter().map(|call| (call.answer.name(), call.unknown.as_deref())).collect();
        let unreached = ("unknown", Some("no known path leads to this call"));
        assert_eq!(reasons, [unreached]);
    }
}

/// Driver Verifier makes such a mapping non-executable and reports nothing, so it can deny nothing.
#[test]
fn an_unknown_cache_type_is_open_for_code_analysis_alone() {
    let random = call("KeQueryActiveProcessorCount");
    let pieces = [SUB_RSP_48, random, MOV_R8D_EAX, call("MmMapIoSpace"), ADD_RSP_48, RET];
    let usual = told(&pieces, false);
    assert_eq!((usual.certify, usual.because), (Answer::Yes, vec![]));
    assert_eq!(usual.counts, [1, 0, 0, 0, 0]);
    assert_eq!(usual.calls[0].answer.name(), "unknown");
    let analysed = told(&pieces, true);
    assert_eq!(analysed.certify, Answer::Unknown);
    assert_eq!(
        analysed.because,
        ["the deciding argument of some DDI calls is not known: it is what a call returned"]
    );
}

/// Windows calls the Allocate routine with the list's own pool type, which the flags make.
#[test]
fn a_list_that_allocates_by_a_ddi_is_judged_by_its_flags() {
    let list = |name, flags| {
        let pieces =
            [SUB_RSP_48, flags, load_rdx("ExAllocatePoolWithTag"), call(name), ADD_RSP_48, RET];
        let told = told(&pieces, false);
        assert_eq!(told.counts, [1, 1, 1, 1, 0], "{name}");
        (told.certify, told.findings)
    };
    let fine = (Answer::Yes, vec![]);
    assert_eq!(list("ExInitializePagedLookasideList", XOR_R9D_R9D), fine);
    assert_eq!(list("ExInitializeNPagedLookasideList", MOV_R9D_200), fine);
    assert_eq!(list("ExInitializeLookasideListEx", MOV_R9D_200), fine);
    let message = "lookaside list takes its entries from an executable pool: Flags = 0 at \
                   ExInitializeNPagedLookasideList";
    assert_eq!(
        list("ExInitializeNPagedLookasideList", XOR_R9D_R9D),
        (Answer::No, vec![(Level::Error, message.to_owned())])
    );
}

/// Elsewhere an address that is passed on may be called with anything.
#[test]
fn other_uses_of_an_address_stay_open() {
    let pieces = [
        SUB_RSP_48,
        load_rdx("ExAllocatePoolWithTag"),
        call("PsSetLoadImageNotifyRoutine"),
        ADD_RSP_48,
        RET,
    ];
    let told = told(&pieces, false);
    assert_eq!((told.certify, told.counts), (Answer::Unknown, [0, 0, 1, 0, 0]));
    assert_eq!(
        told.because,
        [
            "the address of ExAllocatePoolWithTag is used as a value: calls through it are not followed"
        ]
    );
}

/// The address that one load gives is kept in a variable as well as given to the list, and what calls
/// it from there is not known.
#[test]
fn a_second_use_of_an_allocate_routine_is_seen() {
    const STORE_RDX_AT_RAX: Piece = Bytes(&[0x48, 0x89, 0x10]);
    let pieces = [
        SUB_RSP_48,
        call("KeQueryActiveProcessorCount"),
        load_rdx("ExAllocatePoolWithTag"),
        STORE_RDX_AT_RAX,
        call("ExInitializePagedLookasideList"),
        ADD_RSP_48,
        RET,
    ];
    let told = told(&pieces, false);
    assert_eq!((told.certify, told.counts), (Answer::Unknown, [1, 1, 1, 0, 0]));
}

/// Spec case 39: a name that is not in the image as it is given.
#[test]
fn a_name_that_is_not_known_may_be_that_of_any_ddi() {
    let pieces = [SUB_RSP_48, call("MmGetSystemRoutineAddress"), ADD_RSP_48, RET];
    let told = told(&pieces, false);
    assert_eq!(told.certify, Answer::Unknown);
    assert_eq!(
        told.because,
        ["a function is found by name when the driver runs, and its name is not known"]
    );
}
