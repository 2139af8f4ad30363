//! Memory of each kind, asked for as executable and not: whether code in it runs, in each environment.

use crate::assembled::{Code, RCX, RDX, driver_of, run};
use ringfence_verifier::{BugCheck, End, Environment, Touched};

const TAG: u64 = 0x3131_3131;

/// Writes `ret` to where RAX points, and calls it.
fn run_there(code: &mut Code) {
    code.put(&[0xC6, 0x00, 0xC3, 0xFF, 0xD0]);
    code.succeed();
}

/// Whether code runs in the memory that `ask` leaves in RAX: with Driver Verifier, and with memory integrity.
fn runs(imports: &[&'static str], ask: impl Fn(&mut Code)) -> [bool; 2] {
    let bytes = driver_of(imports, |code| {
        ask(code);
        run_there(code);
    });
    [Environment::Verifier, Environment::Hvci].map(|environment| {
        let run = run(&bytes, environment);
        let last = run.violations.last().map(|violation| violation.bug_check.code);
        match run.status {
            Some(status) => {
                assert_eq!(status, 0);
                true
            }
            None => {
                assert_eq!((run.end, last), (End::Violation, Some(0xFC)));
                false
            }
        }
    })
}

/// A call with up to four arguments, whose result is the memory.
fn memory(name: &'static str, arguments: [u64; 4]) -> [bool; 2] {
    runs(&[name], |code| call(code, name, arguments))
}

fn call(code: &mut Code, name: &str, [first, second, third, fourth]: [u64; 4]) {
    code.set(RCX, first);
    code.set(RDX, second);
    code.set_high(8, third);
    code.set_high(9, fourth);
    code.call(name);
}

const GRANTED: [bool; 2] = [true, false];
const NEVER: [bool; 2] = [false, false];

#[test]
fn pool() {
    // NonPagedPool, NonPagedPoolNx, PagedPool; of a few bytes and of pages.
    for size in [16, 0x3000] {
        assert_eq!(memory("ExAllocatePoolWithTag", [0, size, TAG, 0]), GRANTED);
        assert_eq!(memory("ExAllocatePoolWithTag", [0x200, size, TAG, 0]), NEVER);
        assert_eq!(memory("ExAllocatePoolWithTag", [1, size, TAG, 0]), NEVER);
        assert_eq!(memory("ExAllocatePoolWithQuotaTag", [0, size, TAG, 0]), GRANTED);
        // POOL_FLAG_NON_PAGED_EXECUTE, POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED.
        assert_eq!(memory("ExAllocatePool2", [0x80, size, TAG, 0]), GRANTED);
        assert_eq!(memory("ExAllocatePool2", [0x40, size, TAG, 0]), NEVER);
        assert_eq!(memory("ExAllocatePool2", [0x100, size, TAG, 0]), NEVER);
    }
}

#[test]
fn device_and_contiguous_memory() {
    // PAGE_EXECUTE_READWRITE and PAGE_READWRITE.
    assert_eq!(memory("MmMapIoSpaceEx", [0xA_0000, 0x1000, 0x40, 0]), GRANTED);
    assert_eq!(memory("MmMapIoSpaceEx", [0xA_0000, 0x1000, 4, 0]), NEVER);
    // Driver Verifier makes these non-executable, whatever the cache type.
    assert_eq!(memory("MmMapIoSpace", [0xA_0000, 0x1000, 0, 0]), NEVER);
    assert_eq!(memory("MmMapIoSpace", [0xA_0000, 0x1000, 1, 0]), NEVER);
    assert_eq!(memory("MmAllocateContiguousMemory", [0x1000, u64::MAX, 0, 0]), NEVER);
}

/// The priority is the sixth argument: MdlMappingNoExecute is bit 30.
#[test]
fn mappings_of_mdls() {
    let imports = [
        "ExAllocatePoolWithTag",
        "IoAllocateMdl",
        "MmBuildMdlForNonPagedPool",
        "MmMapLockedPagesSpecifyCache",
    ];
    let mapped = |priority: u32| {
        runs(&imports, |code| {
            code.put(&[0x48, 0x83, 0xEC, 0x20]); // sub rsp, 20h
            call(code, "ExAllocatePoolWithTag", [0x200, 0x1000, TAG, 0]);
            code.put(&[0x48, 0x89, 0xC1]); // mov rcx, rax
            code.set(RDX, 0x1000);
            code.set_high(8, 0);
            code.set_high(9, 0);
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x20, 0, 0, 0, 0]); // no IRP
            code.call("IoAllocateMdl");
            code.put(&[0x48, 0x89, 0xC3, 0x48, 0x89, 0xD9]); // mov rbx, rax; mov rcx, rbx
            code.call("MmBuildMdlForNonPagedPool");
            code.put(&[0x48, 0x89, 0xD9]);
            code.set(RDX, 0);
            code.set_high(8, 1);
            code.set_high(9, 0);
            code.put(&[0xC7, 0x44, 0x24, 0x28]); // mov dword [rsp + 28h], priority
            code.put(&priority.to_le_bytes());
            code.call("MmMapLockedPagesSpecifyCache");
            code.put(&[0x48, 0x83, 0xC4, 0x20]);
        })
    };
    assert_eq!(mapped(16), GRANTED);
    assert_eq!(mapped(32), GRANTED);
    assert_eq!(mapped(0x4000_0010), NEVER);
}

/// What is done through a mapping of code, whose address `code_in_rcx` leaves in RCX, with memory integrity: the bug check
/// and what it is about.
fn through_mapping(
    code_in_rcx: impl Fn(&mut Code),
    then: &[u8],
) -> (Option<BugCheck>, Option<Touched>) {
    let imports =
        ["IoAllocateMdl", "MmProbeAndLockPages", "MmMapLockedPagesSpecifyCache", "KeBugCheckEx"];
    let bytes = driver_of(&imports, |code| {
        code.put(&[0x48, 0x83, 0xEC, 0x20]); // sub rsp, 20h
        code_in_rcx(code);
        code.set(RDX, 16);
        code.set_high(8, 0);
        code.set_high(9, 0);
        code.put(&[0x48, 0xC7, 0x44, 0x24, 0x20, 0, 0, 0, 0]); // no IRP
        code.call("IoAllocateMdl");
        code.put(&[0x48, 0x89, 0xC3, 0x48, 0x89, 0xD9]); // mov rbx, rax; mov rcx, rbx
        code.set(RDX, 0);
        code.set_high(8, 0); // IoReadAccess
        code.call("MmProbeAndLockPages");
        code.put(&[0x48, 0x89, 0xD9]);
        code.set(RDX, 0);
        code.set_high(8, 1);
        code.set_high(9, 0);
        code.put(&[0xC7, 0x44, 0x24, 0x28, 16, 0, 0, 0x40]); // MdlMappingNoExecute
        code.call("MmMapLockedPagesSpecifyCache");
        code.put(then);
        code.put(&[0x48, 0x83, 0xC4, 0x20]);
        code.succeed();
    });
    let run = run(&bytes, Environment::Hvci);
    let last = run.violations.last();
    (run.bug_check(), last.and_then(|violation| violation.touched))
}

/// The kernel's own page tables let the write through, and the hypervisor's do not: access 4 is a write.
#[test]
fn code_is_not_written_by_way_of_a_mapping() {
    let mov_byte = [0xC6, 0x00, 0xC3]; // mov byte [rax], C3h
    let own = |code: &mut Code| {
        let place = code.start;
        code.address(RCX, place);
    };
    let kernels = |code: &mut Code| {
        let slot = code.slot("KeBugCheckEx");
        code.address(RCX, slot);
        code.put(&[0x48, 0x8B, 0x09]); // mov rcx, [rcx]
    };
    for (check, touched) in [through_mapping(own, &mov_byte), through_mapping(kernels, &mov_byte)] {
        let check = check.expect("a bug check");
        assert_eq!((check.code, check.parameters[0]), (0x18D, 4));
        assert_eq!(touched, Some(Touched::Code));
    }
}

/// By its mapping code is data: what is executed there is mapped memory, as if it had been allocated.
#[test]
fn code_is_not_executed_by_way_of_a_mapping() {
    let own = |code: &mut Code| {
        let place = code.start;
        code.address(RCX, place);
    };
    let (check, touched) = through_mapping(own, &[0xFF, 0xD0]); // call rax
    assert_eq!(check.expect("a bug check").code, 0xFC);
    assert_eq!(touched, Some(Touched::Memory));
}

/// HEAP_CREATE_ENABLE_EXECUTE.
#[test]
fn heaps() {
    let heap = |flags| {
        runs(&["RtlCreateHeap", "RtlAllocateHeap"], |code| {
            call(code, "RtlCreateHeap", [flags, 0, 0, 0]);
            code.put(&[0x48, 0x89, 0xC1]);
            code.set(RDX, 0);
            code.set_high(8, 64);
            code.call("RtlAllocateHeap");
        })
    };
    assert_eq!(heap(0x4_0000), GRANTED);
    assert_eq!(heap(0), NEVER);
}

/// A list hands on what its own flags, or its pool type, ask for.
#[test]
fn lookaside_lists() {
    let list = |name: &'static str, places: [u64; 2], value: u64| {
        runs(&[name, "ExAllocateFromNPagedLookasideList"], |code| {
            // The list lies on the stack, behind the arguments.
            code.put(&[0x48, 0x81, 0xEC, 0x00, 0x01, 0, 0]); // sub rsp, 100h
            let [size_at, tag_at] = places;
            for (at, value) in [(size_at, 64), (tag_at, TAG as u32)] {
                code.put(&[0xC7, 0x44, 0x24, at as u8]);
                code.put(&value.to_le_bytes());
            }
            code.put(&[0x48, 0x8D, 0x4C, 0x24, 0x60]); // lea rcx, [rsp + 60h]
            code.put(&[0x48, 0x89, 0xCB]); // mov rbx, rcx
            code.set(RDX, 0);
            code.set_high(8, 0);
            code.set_high(9, value);
            code.call(name);
            code.put(&[0x48, 0x89, 0xD9]);
            code.call("ExAllocateFromNPagedLookasideList");
            code.put(&[0x48, 0x81, 0xC4, 0x00, 0x01, 0, 0]);
        })
    };
    // Size and tag are the fifth and sixth argument, in the newer form the sixth and seventh.
    assert_eq!(list("ExInitializeNPagedLookasideList", [0x20, 0x28], 0), GRANTED);
    assert_eq!(list("ExInitializeNPagedLookasideList", [0x20, 0x28], 0x200), NEVER);
    assert_eq!(list("ExInitializeLookasideListEx", [0x28, 0x30], 0), GRANTED);
    assert_eq!(list("ExInitializeLookasideListEx", [0x28, 0x30], 0x200), NEVER);
    assert_eq!(list("ExInitializeLookasideListEx", [0x28, 0x30], 1), NEVER);
}

/// A view in system space has what its section was made with: the protection is the fifth argument.
#[test]
fn views_of_sections() {
    let view = |protection: u32| {
        runs(&["MmCreateSection", "MmMapViewInSystemSpace"], |code| {
            code.put(&[0x48, 0x81, 0xEC, 0x80, 0, 0, 0]); // sub rsp, 80h
            // The section, its size, the view and its size, each a variable on the stack.
            for (at, value) in [(0x50, 0_u32), (0x58, 0x1000), (0x60, 0), (0x68, 0)] {
                code.put(&[0x48, 0xC7, 0x44, 0x24, at]);
                code.put(&value.to_le_bytes());
            }
            for (at, value) in [(0x20, protection), (0x28, 0x800_0000), (0x30, 0), (0x38, 0)] {
                code.put(&[0x48, 0xC7, 0x44, 0x24, at]);
                code.put(&value.to_le_bytes());
            }
            code.put(&[0x48, 0x8D, 0x4C, 0x24, 0x50]); // lea rcx, [rsp + 50h]
            code.set(RDX, 0xF_001F);
            code.set_high(8, 0);
            code.put(&[0x4C, 0x8D, 0x4C, 0x24, 0x58]); // lea r9, [rsp + 58h]
            code.call("MmCreateSection");
            code.put(&[0x48, 0x8B, 0x4C, 0x24, 0x50]); // mov rcx, [rsp + 50h]
            code.put(&[0x48, 0x8D, 0x54, 0x24, 0x60]); // lea rdx, [rsp + 60h]
            code.put(&[0x4C, 0x8D, 0x44, 0x24, 0x68]); // lea r8, [rsp + 68h]
            code.call("MmMapViewInSystemSpace");
            code.put(&[0x48, 0x8B, 0x44, 0x24, 0x60]); // mov rax, [rsp + 60h]
            code.put(&[0x48, 0x81, 0xC4, 0x80, 0, 0, 0]);
        })
    };
    assert_eq!(view(0x40), GRANTED);
    assert_eq!(view(4), NEVER);
}
