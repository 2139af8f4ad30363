//! Faults in routines of the kernel, and what is on the stack where a function ends with the instruction.

use super::assembled::{Code, RCX, RDX, driver_like, driver_of, run};
use super::{BOTH, NOWHERE, SYSTEM, crashes};
use ringfence_fixture::{RX, driver, section};
use ringfence_verifier::Environment;

/// What calls `memset`, `memcpy` or the like with three arguments.
fn calling(name: &'static str, arguments: [u64; 3]) -> impl Fn(&mut Code) {
    move |code| {
        code.set(RCX, arguments[0]);
        code.set(RDX, arguments[1]);
        code.set_high(8, arguments[2]);
        code.call(name);
    }
}

/// PAGE_FAULT_IN_NONPAGED_AREA: the address, 0 for a read or 2 for a write, the instruction, which is one of the kernel. The
/// driver's part is the call, and what it returns to is on the stack.
#[test]
fn a_fault_in_a_routine_of_the_kernel_is_of_its_kind() {
    let set = driver_of(&["memset"], calling("memset", [NOWHERE, 0, 16]));
    assert_eq!(crashes(&set, 0x50)[..2], [NOWHERE, 2]);
    for environment in BOTH {
        let run = run(&set, environment);
        let [only] = &run.violations[..] else { panic!("{:?}", run.violations) };
        assert_eq!((only.address, only.rva), (only.bug_check.parameters[2], None));
        assert!(only.address > SYSTEM);
        let back = only.call_site.expect("a call");
        assert_eq!(only.stack[1].rva, Some(back));
    }
    let copied = driver_of(&["memcpy"], calling("memcpy", [NOWHERE, NOWHERE + 0x10_0000, 16]));
    assert_eq!(crashes(&copied, 0x50)[..2], [NOWHERE + 0x10_0000, 0]);
}

/// DRIVER_IRQL_NOT_LESS_OR_EQUAL: the address, the level, 1 for a write, the instruction.
#[test]
fn at_dispatch_level_a_write_of_the_kernel_is_one_too() {
    let set = driver_of(&["KeRaiseIrqlToDpcLevel", "memset"], |code| {
        code.call("KeRaiseIrqlToDpcLevel");
        calling("memset", [NOWHERE, 0, 16])(code);
    });
    assert_eq!(crashes(&set, 0xD1)[..3], [NOWHERE, 2, 1]);
}

/// Memory is written to as far as it is there, however much is asked for: two pages of pool are, of 64 MB.
#[test]
fn a_write_goes_on_to_the_end_of_memory() {
    let bytes = driver_of(&["ExAllocatePoolWithTag", "memset"], |code| {
        code.set(RCX, 0x200);
        code.set(RDX, 0x2000);
        code.set_high(8, 0x3131_3131);
        code.call("ExAllocatePoolWithTag");
        code.put(&[0x48, 0x89, 0xC1]); // mov rcx, rax
        code.set(RDX, 1);
        code.set_high(8, 64 << 20);
        code.call("memset");
    });
    let [address, access, ..] = crashes(&bytes, 0x50);
    assert_eq!((address & 0xFFF, access), (0, 2));
}

/// The address behind `int 29h` may be another function's: a compiler knows that it does not return.
#[test]
fn a_fast_failure_at_the_end_of_a_function_has_its_stack() {
    // Of DriverEntry and of what it calls: where each begins, and where the last one ends.
    const CALLED: u32 = 16;
    const END: u32 = CALLED + 6;
    let like = |init: u32, unwind: u32| {
        // UNWIND_INFO: version 1, a prolog of four bytes that allocates 28h.
        let information = vec![1, 4, 1, 0, 4, 0x42, 0, 0];
        driver()
            .section(section(".more").rights(RX).bytes([0xC3; 16]))
            .section(section(".unwind").bytes(information))
            .pdata([[init, init + CALLED, unwind], [init + CALLED, init + END, unwind]])
    };
    let imports = ["ExFreePoolWithTag"];
    let first = like(0, 0).no_imports().import("ntoskrnl.exe", &imports);
    let built = first.edit_section("INIT", |init| init.bytes(vec![0; 512])).build();
    let known = like(built.rva_of_section("INIT"), built.rva_of_section(".unwind"));
    let bytes = driver_like(known, &imports, |code| {
        code.put(&[0xE8, 7, 0, 0, 0]); // call over what follows
        code.succeed();
        assert_eq!(code.here(), code.start + CALLED);
        code.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
        code.put(&[0xCD, 0x29]);
        assert_eq!(code.here(), code.start + END);
    });
    crashes(&bytes, 0x139);
    let run = run(&bytes, Environment::Hvci);
    let stack: Vec<_> = run.violations[0].stack.iter().map(|frame| frame.rva).collect();
    let init = built.rva_of_section("INIT");
    assert_eq!(stack, [Some(init + END - 2), Some(init + 9)]);
}
