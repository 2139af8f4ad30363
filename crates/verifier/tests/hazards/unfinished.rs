//! What the emulated kernel cannot give or does not wait for, and what did not return.

use super::assembled::{Code, RCX, RDX, driver_like, driver_of, run};
use super::{BOTH, RAX};
use ringfence_fixture::{RW, driver, section};
use ringfence_verifier::End;

/// Windows may have a gigabyte: that the emulated kernel has none decides nothing.
#[test]
fn memory_that_the_emulation_does_not_have_is_an_assumption() {
    let asks_for = |bytes: u64| {
        driver_of(&["ExAllocatePoolWithTag"], move |code| {
            code.set(RCX, 0x200);
            code.set(RDX, bytes);
            code.set_high(8, 0x3131_3131);
            code.call("ExAllocatePoolWithTag");
            code.succeed();
        })
    };
    let section_of = |bytes: u64| {
        driver_of(&["ZwCreateSection"], move |code| {
            code.put(&[0x48, 0x83, 0xEC, 0x58]); // sub rsp, 58h
            code.set(RAX, bytes);
            code.put(&[0x48, 0x89, 0x44, 0x24, 0x48]); // mov [rsp + 48h], rax
            code.put(&[0x48, 0x8D, 0x4C, 0x24, 0x40]); // lea rcx, [rsp + 40h]
            code.set(RDX, 0xF_001F);
            code.set_high(8, 0);
            code.put(&[0x4C, 0x8D, 0x4C, 0x24, 0x48]); // lea r9, [rsp + 48h]
            code.put(&[0xC7, 0x44, 0x24, 0x20, 4, 0, 0, 0]); // PAGE_READWRITE
            code.put(&[0xC7, 0x44, 0x24, 0x28, 0, 0, 0, 8]); // SEC_COMMIT
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x30, 0, 0, 0, 0]);
            code.call("ZwCreateSection");
            code.put(&[0x48, 0x83, 0xC4, 0x58]);
            code.succeed();
        })
    };
    for environment in BOTH {
        let assumed = |bytes: &[u8]| {
            let run = run(bytes, environment);
            assert_eq!(run.end, End::Returned);
            run.assumptions.keys().any(|what| what.contains("memory"))
        };
        assert!(assumed(&asks_for(1 << 30)) && !assumed(&asks_for(0x1000)));
        assert!(assumed(&section_of(1 << 40)) && !assumed(&section_of(0x1000)));
    }
}

/// A driver whose DriverEntry queues a deferred procedure call of `routine`, and the call of a routine that queues itself.
fn queues_a_call(unloads: bool, of_data: bool) -> Vec<u8> {
    let imports = ["KeInitializeDpc", "KeInsertQueueDpc"];
    let resident = driver().edit_section("INIT", |init| init.resident());
    let like = resident.section(section("calls").data().rights(RW).bytes([0; 128]));
    let built = like.clone().no_imports().import("ntoskrnl.exe", &imports).build();
    let call = built.rva_of_section("calls");
    let no_arguments: [u8; 5] = [0x31, 0xD2, 0x45, 0x31, 0xC0]; // xor edx, edx; xor r8d, r8d
    driver_like(like, &imports, |code: &mut Code| {
        code.put(&[0xEB, 20]); // jmp over the routine
        let routine = code.here();
        code.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
        code.put(&no_arguments);
        code.call("KeInsertQueueDpc");
        code.put(&[0x48, 0x83, 0xC4, 0x28, 0xC3]); // add rsp, 28h; ret
        assert_eq!(code.here(), routine + 20, "where the jump goes");
        if unloads {
            code.address(RAX, routine + 19);
            code.put(&[0x48, 0x89, 0x41, 0x68]); // mov [rcx + 68h], rax: DriverUnload
        }
        code.address(RCX, call);
        code.address(RDX, if of_data { call } else { routine });
        code.put(&[0x45, 0x31, 0xC0]); // xor r8d, r8d
        code.call("KeInitializeDpc");
        code.address(RCX, call);
        code.put(&no_arguments);
        code.call("KeInsertQueueDpc");
        code.succeed();
    })
}

/// A call that is queued again each time it is run goes on for ever. Not all of that is run, which is told; and what was not
/// is not left behind by the driver's fault.
#[test]
fn what_goes_on_for_ever_is_cut_and_told() {
    for unloads in [false, true] {
        let bytes = queues_a_call(unloads, false);
        for environment in BOTH {
            let run = run(&bytes, environment);
            assert_eq!(run.end, End::Returned, "{:?}", run.violations);
            assert_eq!(run.not_run.iter().collect::<Vec<_>>(), ["further DPCs"]);
            assert!(run.phases.iter().all(|phase| phase.returned));
            assert_eq!(run.phases.iter().any(|phase| phase.name == "DriverUnload"), unloads);
        }
    }
}

/// A deferred call is run as soon as it is queued, here in the middle of DriverEntry. It executes data (0xFC): neither returned.
#[test]
fn a_phase_within_another_one_leaves_both_open() {
    let bytes = queues_a_call(false, true);
    for environment in BOTH {
        let run = run(&bytes, environment);
        assert_eq!(run.bug_check().expect("a bug check").code, 0xFC);
        let phases: Vec<_> =
            run.phases.iter().map(|phase| (phase.name.as_str(), phase.returned)).collect();
        assert_eq!(phases, [("load", true), ("DriverEntry", false), ("DPC", false)]);
        assert_eq!(run.status, None);
    }
}
