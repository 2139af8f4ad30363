//! What a driver can do wrong, a few instructions each, comes to the bug check that Windows' documentation
//! has for it. The instructions are put together by hand.

use ringfence_fixture::{RWX, driver};
use ringfence_image::Image;
use ringfence_verifier::{End, Environment, Kind, Options, Run};

/// Instructions of DriverEntry, which lies in INIT, with the slots of its imports.
struct Code {
    bytes: Vec<u8>,
    start: u32,
    slots: Vec<(&'static str, u32)>,
}

/// Where drivers that the emulated kernel moves lie: what it is, their own base tells.
const SYSTEM: u64 = 0xFFFF_8000_0000_0000;
/// No memory is there.
const NOWHERE: u64 = 0xFFFF_9000_1234_5000;

impl Code {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// `mov register, imm64`, with the number of a low register.
    fn set(&mut self, register: u8, value: u64) {
        self.put(&[0x48, 0xB8 + register]);
        self.put(&value.to_le_bytes());
    }

    /// `mov r8, imm64` or `mov r9, imm64`.
    fn set_high(&mut self, register: u8, value: u64) {
        self.put(&[0x49, 0xB8 + register - 8]);
        self.put(&value.to_le_bytes());
    }

    /// `call [rip + slot]`
    fn call(&mut self, name: &str) {
        let slot = self.slots.iter().find(|(known, _)| *known == name).expect("an import").1;
        let next = self.start + self.bytes.len() as u32 + 6;
        self.put(&[0xFF, 0x15]);
        self.put(&slot.wrapping_sub(next).to_le_bytes());
    }

    /// `lea register, [rip + place]` with a place of the image.
    fn address(&mut self, register: u8, rva: u32) {
        let next = self.start + self.bytes.len() as u32 + 7;
        self.put(&[0x48, 0x8D, 0x05 | register << 3]);
        self.put(&rva.wrapping_sub(next).to_le_bytes());
    }

    /// `xor eax, eax; add rsp, 28h; ret`
    fn succeed(&mut self) {
        self.put(&[0x31, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]);
    }
}

const RAX: u8 = 0;
const RCX: u8 = 1;
const RDX: u8 = 2;

/// A driver with these imports, whose DriverEntry is what `write` writes.
fn driver_of(imports: &[&'static str], write: impl Fn(&mut Code)) -> Vec<u8> {
    let plain = driver().no_imports().import("ntoskrnl.exe", imports);
    let with = |bytes: Vec<u8>| plain.clone().edit_section("INIT", |init| init.bytes(bytes));
    // The layout is the same whatever the code, as long as it stays within a page.
    let built = with(vec![0; 512]).build();
    let slots = imports.iter().map(|name| (*name, built.thunk_rva("ntoskrnl.exe", name))).collect();
    let start = built.rva_of_section("INIT");
    // sub rsp, 28h: room for callees, and the stack is aligned.
    let mut code = Code { bytes: vec![0x48, 0x83, 0xEC, 0x28], start, slots };
    write(&mut code);
    code.bytes.resize(512, 0xCC);
    with(code.bytes).bytes()
}

fn run(bytes: &[u8], environment: Environment) -> Run {
    let image = Image::read(bytes).expect("an image");
    let mut options = Options::new(environment, "hazard.sys");
    options.budget.instructions = 2_000_000;
    ringfence_verifier::run(&image, &options)
}

const BOTH: [Environment; 2] = [Environment::Verifier, Environment::Hvci];

/// The run ends with one bug check, in both environments alike; its parameters.
fn crashes(bytes: &[u8], code: u32) -> [u64; 4] {
    let [verifier, hvci] = BOTH.map(|environment| run(bytes, environment));
    for run in [&verifier, &hvci] {
        assert_eq!(run.end, End::Fault, "{:?}", run.violations);
        let last = run.violations.last().expect("a violation");
        assert_eq!((last.kind, last.bug_check.code), (Kind::Crash, code), "{:x?}", last.bug_check);
        assert!(!last.under_assumption);
    }
    assert_eq!(verifier.bug_check(), hvci.bug_check());
    verifier.bug_check().expect("a bug check").parameters
}

#[test]
fn a_driver_that_does_nothing_returns() {
    let bytes = driver_of(&["ExFreePoolWithTag"], Code::succeed);
    for environment in BOTH {
        let run = run(&bytes, environment);
        assert_eq!((run.end, run.status, run.calls), (End::Returned, Some(0), 0));
    }
}

/// PAGE_FAULT_IN_NONPAGED_AREA: the address, 0 for a read or 2 for a write, the instruction.
#[test]
fn memory_that_is_not_there_is_a_page_fault() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        code.set(RAX, NOWHERE);
        code.put(&[0x48, 0x8B, 0x00]); // mov rax, [rax]
    });
    let [address, access, instruction, _] = crashes(&bytes, 0x50);
    assert_eq!((address, access), (NOWHERE, 0));
    assert!(instruction > SYSTEM);
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        code.set(RAX, NOWHERE);
        code.put(&[0x48, 0x89, 0x00]); // mov [rax], rax
    });
    assert_eq!(crashes(&bytes, 0x50)[..2], [NOWHERE, 2]);
}

/// DRIVER_IRQL_NOT_LESS_OR_EQUAL: the address, the level, 0 for a read, the instruction.
#[test]
fn at_dispatch_level_it_is_another_bug_check() {
    let bytes = driver_of(&["KeRaiseIrqlToDpcLevel"], |code| {
        code.call("KeRaiseIrqlToDpcLevel");
        code.set(RAX, NOWHERE);
        code.put(&[0x48, 0x8B, 0x00]);
    });
    assert_eq!(crashes(&bytes, 0xD1)[..3], [NOWHERE, 2, 0]);
    // mov cr8, rax does the same as the function.
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        code.set(RAX, 2);
        code.put(&[0x44, 0x0F, 0x22, 0xC0]);
        code.put(&[0x31, 0xC0, 0x48, 0x8B, 0x00]); // xor eax, eax; mov rax, [rax]
    });
    assert_eq!(crashes(&bytes, 0xD1)[..3], [0, 2, 0]);
}

/// SYSTEM_THREAD_EXCEPTION_NOT_HANDLED: the exception, the instruction.
#[test]
fn exceptions_that_nobody_handles_end_the_system() {
    let status = |bytes: &[u8]| crashes(bytes, 0x7E)[0] as u32;
    let of = |instructions: &'static [u8]| {
        driver_of(&["ExRaiseStatus"], move |code| code.put(instructions))
    };
    // xor eax, eax; mov rax, [rax]
    assert_eq!(status(&of(&[0x31, 0xC0, 0x48, 0x8B, 0x00])), 0xC000_0005);
    // xor ecx, ecx; div ecx
    assert_eq!(status(&of(&[0x31, 0xC9, 0xF7, 0xF1])), 0xC000_0094);
    // ud2
    assert_eq!(status(&of(&[0x0F, 0x0B])), 0xC000_001D);
    // int 3
    assert_eq!(status(&of(&[0xCC])), 0x8000_0003);
    let raised = driver_of(&["ExRaiseStatus"], |code| {
        code.set(RCX, 0xC000_009A);
        code.call("ExRaiseStatus");
    });
    assert_eq!(status(&raised), 0xC000_009A);
}

/// KERNEL_SECURITY_CHECK_FAILURE, with what is in ECX.
#[test]
fn a_fast_failure_is_told_with_its_reason() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        code.set(RCX, 2);
        code.put(&[0xCD, 0x29]);
    });
    assert_eq!(crashes(&bytes, 0x139)[0], 2);
}

#[test]
fn the_driver_s_own_bug_check_is_told_as_it_is() {
    let bytes = driver_of(&["KeBugCheckEx"], |code| {
        code.set(RCX, 0xE2);
        code.set(RDX, 1);
        code.set_high(8, 2);
        code.set_high(9, 3);
        // mov qword [rsp + 20h], 4
        code.put(&[0x48, 0xC7, 0x44, 0x24, 0x20, 4, 0, 0, 0]);
        code.call("KeBugCheckEx");
    });
    assert_eq!(crashes(&bytes, 0xE2), [1, 2, 3, 4]);
}

/// BAD_POOL_CALLER: 7 for what was freed already, 0x46 for what is no pool.
#[test]
fn pool_is_given_back_once() {
    let imports = ["ExAllocatePoolWithTag", "ExFreePoolWithTag"];
    let bytes = driver_of(&imports, |code| {
        code.set(RCX, 0x200);
        code.set(RDX, 64);
        code.set_high(8, 0x3131_3131);
        code.call("ExAllocatePoolWithTag");
        code.put(&[0x48, 0x89, 0xC3]); // mov rbx, rax
        for _ in 0..2 {
            code.put(&[0x48, 0x89, 0xD9]); // mov rcx, rbx
            code.set(RDX, 0x3131_3131);
            code.call("ExFreePoolWithTag");
        }
    });
    assert_eq!(crashes(&bytes, 0xC2)[0], 7);
    let bytes = driver_of(&imports, |code| {
        code.set(RCX, NOWHERE);
        code.call("ExFreePoolWithTag");
    });
    assert_eq!(crashes(&bytes, 0xC2)[..2], [0x46, NOWHERE]);
}

/// Each call pushes an address until the stack ends: UNEXPECTED_KERNEL_MODE_TRAP, a double fault.
#[test]
fn the_stack_ends() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        code.put(&[0xE8, 0xFB, 0xFF, 0xFF, 0xFF]); // call to itself
    });
    assert_eq!(crashes(&bytes, 0x7F)[0], 8);
}

#[test]
fn a_loop_ends_with_the_budget() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| code.put(&[0xEB, 0xFE]));
    for environment in BOTH {
        assert_eq!(run(&bytes, environment).end, End::Budget("instructions"));
    }
    let bytes = driver_of(&["DbgPrint"], |code| {
        code.call("DbgPrint");
        code.put(&[0xEB, 0xF8]); // back to the call
    });
    assert!(matches!(run(&bytes, Environment::Hvci).end, End::Budget(_)));
}

/// INIT is thrown away after DriverEntry: what still calls it finds nothing. P2 is 0x10 for execution.
#[test]
fn initialisation_code_is_gone_after_driver_entry() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        let here = code.start;
        code.address(RAX, here);
        code.put(&[0x48, 0x89, 0x41, 0x68]); // mov [rcx + 68h], rax: DriverUnload
        code.succeed();
    });
    let [address, access, instruction, _] = crashes(&bytes, 0x50);
    assert_eq!((access, address), (0x10, instruction));
}

/// Contiguous memory is not executable: Driver Verifier makes it so without a word, and memory integrity does.
#[test]
fn contiguous_memory_is_not_executed() {
    let bytes = driver_of(&["MmAllocateContiguousMemory"], |code| {
        code.set(RCX, 0x1000);
        code.set(RDX, u64::from(u32::MAX));
        code.call("MmAllocateContiguousMemory");
        code.put(&[0xC6, 0x00, 0xC3]); // mov byte [rax], C3h
        code.put(&[0xFF, 0xD0]); // call rax
        code.succeed();
    });
    for environment in BOTH {
        let run = run(&bytes, environment);
        assert_eq!(run.end, End::Violation);
        let bug_check = run.bug_check().expect("a bug check");
        assert_eq!((bug_check.code, bug_check.parameters[1] >> 63), (0xFC, 1));
        assert_eq!(run.fixed.len(), usize::from(environment == Environment::Verifier));
    }
}

/// Without memory integrity CR0.WP decides; once it is set again, code is read-only again.
#[test]
fn write_protection_is_what_control_register_0_says() {
    let write_code = |code: &mut Code| {
        let here = code.start;
        code.address(RDX, here);
        code.put(&[0xC6, 0x02, 0x48]); // mov byte [rdx], 48h
    };
    let clear = |code: &mut Code| {
        code.put(&[0x0F, 0x20, 0xC0]); // mov rax, cr0
        code.put(&[0x25, 0xFF, 0xFF, 0xFE, 0xFF]); // and eax, ~10000h
        code.put(&[0x0F, 0x22, 0xC0]); // mov cr0, rax
    };
    let set = |code: &mut Code| {
        code.put(&[0x0F, 0x20, 0xC0]);
        code.put(&[0x0D, 0x00, 0x00, 0x01, 0x00]); // or eax, 10000h
        code.put(&[0x0F, 0x22, 0xC0]);
    };
    let once = driver_of(&["ExFreePoolWithTag"], |code| {
        clear(code);
        write_code(code);
        set(code);
        code.succeed();
    });
    assert_eq!(run(&once, Environment::Verifier).end, End::Returned);
    assert_eq!(run(&once, Environment::Hvci).bug_check().expect("a bug check").code, 0xBE);
    let twice = driver_of(&["ExFreePoolWithTag"], |code| {
        clear(code);
        write_code(code);
        set(code);
        write_code(code);
        code.succeed();
    });
    let run = run(&twice, Environment::Verifier);
    assert_eq!(run.bug_check().expect("a bug check").code, 0xBE);
}

/// A function that nobody modelled succeeds, is counted, and what follows is under assumption.
#[test]
fn unknown_functions_are_counted() {
    let bytes = driver_of(&["ZwFrobnicate", "ExAllocatePoolWithTag"], |code| {
        code.call("ZwFrobnicate");
        code.set(RCX, 0);
        code.set(RDX, 16);
        code.call("ExAllocatePoolWithTag");
        code.succeed();
    });
    let run = run(&bytes, Environment::Verifier);
    assert_eq!(run.stand_ins.get("ZwFrobnicate"), Some(&1));
    assert_eq!(run.status, Some(0));
    let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
    assert_eq!(violation.bug_check.parameters[0], 0x2000);
    assert!(violation.under_assumption);
}

/// Each value as the predicate of the specification has it: bits 0 and 9 alone decide.
#[test]
fn pool_types_are_judged_by_two_bits() {
    let cases = [
        (0, true),
        (1, false),
        (2, true),
        (4, true),
        (0x10, true),
        (0x20, true),
        (0x200, false),
        (0x401, false),
        (0x600, false),
    ];
    for (pool_type, reported) in cases {
        let bytes = driver_of(&["ExAllocatePoolWithTag"], |code| {
            // The upper half is rubbish to the function.
            code.set(RCX, 0xDEAD_0000_0000_0000 | pool_type);
            code.set(RDX, 16);
            code.set_high(8, 0x3131_3131);
            code.call("ExAllocatePoolWithTag");
            code.succeed();
        });
        let run = run(&bytes, Environment::Verifier);
        let told: Vec<_> =
            run.violations.iter().map(|violation| violation.bug_check.parameters).collect();
        let told: Vec<_> =
            told.iter().map(|[first, _, third, fourth]| (*first, *third, *fourth)).collect();
        let expected = if reported { vec![(0x2000, pool_type, 0x3131_3131)] } else { vec![] };
        assert_eq!(told, expected, "{pool_type:#x}");
    }
}

/// ExAllocatePool2: the converted type and no tag; flags that ask for no pool, or for two, give none.
#[test]
fn pool_flags_are_converted() {
    let run_with = |flags| {
        let bytes = driver_of(&["ExAllocatePool2"], |code| {
            code.set(RCX, flags);
            code.set(RDX, 16);
            code.set_high(8, 0x3131_3131);
            code.call("ExAllocatePool2");
            // The status is whether there is memory: setz al; movzx eax, al
            code.put(&[0x48, 0x85, 0xC0, 0x0F, 0x94, 0xC0, 0x0F, 0xB6, 0xC0]);
            code.put(&[0x48, 0x83, 0xC4, 0x28, 0xC3]);
        });
        let run = run(&bytes, Environment::Verifier);
        let third =
            run.violations.iter().map(|violation| violation.bug_check.parameters[2]).collect();
        let fourth = run.violations.iter().all(|violation| violation.bug_check.parameters[3] == 0);
        assert!(fourth, "no tag");
        (run.status, third)
    };
    let none: Vec<u64> = vec![];
    // POOL_FLAG_NON_PAGED_EXECUTE, alone and cache-aligned; then NON_PAGED and PAGED.
    assert_eq!(run_with(0x80), (Some(0), vec![0]));
    assert_eq!(run_with(0x88), (Some(0), vec![4]));
    assert_eq!(run_with(0x40), (Some(0), none.clone()));
    assert_eq!(run_with(0x100), (Some(0), none.clone()));
    // NonPagedPool, PagedPool and NonPagedPoolNx passed by mistake.
    for flags in [0, 1, 512, 0x140] {
        assert_eq!(run_with(flags), (Some(1), none.clone()), "{flags:#x}");
    }
}

/// A writable and executable section of a driver that Windows lets in: INIT, which it makes read-only.
#[test]
fn init_is_not_writable_with_memory_integrity() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        let here = code.start;
        code.address(RDX, here);
        code.put(&[0xC6, 0x02, 0x48]);
        code.succeed();
    });
    let image = Image::read(&bytes).expect("an image");
    let at = image.sections().iter().position(|section| section.is_named("INIT")).expect("INIT");
    let header = image.headers().section_table().0 as usize + 40 * at + 36;
    let mut bytes = bytes.clone();
    let rights =
        u32::from_le_bytes(bytes[header..header + 4].try_into().expect("four bytes")) | RWX;
    bytes[header..header + 4].copy_from_slice(&rights.to_le_bytes());
    assert_eq!(run(&bytes, Environment::Verifier).end, End::Returned);
    assert_eq!(run(&bytes, Environment::Hvci).bug_check().expect("a bug check").code, 0xBE);
}
