//! Routines that return with the interrupt request level raised.

use super::assembled::{Code, RCX, RDX, driver_like, driver_of, run};
use super::{BOTH, RAX, SYSTEM};
use ringfence_fixture::{RW, driver, section};
use ringfence_verifier::{End, Kind};

/// IRQL_GT_ZERO_AT_SYSTEM_SERVICE: the address of the system service, the level, 0, 0.
#[test]
fn a_request_of_a_program_ends_at_passive_level() {
    let imports = ["IoCreateDevice", "IofCompleteRequest", "KeRaiseIrqlToDpcLevel"];
    // What is called later must not lie in a section that is discarded.
    let resident = driver().edit_section("INIT", |init| init.resident());
    let bytes = driver_like(resident, &imports, |code| {
        code.put(&[0xEB, 35]); // jmp over the dispatch routine
        let dispatch = code.here();
        code.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
        code.put(&[0x48, 0x89, 0x54, 0x24, 0x20]); // mov [rsp + 20h], rdx
        code.call("KeRaiseIrqlToDpcLevel");
        code.put(&[0x48, 0x8B, 0x4C, 0x24, 0x20]); // mov rcx, [rsp + 20h]
        code.put(&[0x31, 0xD2]); // xor edx, edx
        code.call("IofCompleteRequest");
        code.succeed();
        assert_eq!(code.here(), dispatch + 35, "where the jump goes");
        code.put(&[0x48, 0x83, 0xEC, 0x40]); // sub rsp, 40h
        code.address(RAX, dispatch);
        code.put(&[0x48, 0x89, 0x41, 0x70]); // mov [rcx + MajorFunction[IRP_MJ_CREATE]], rax
        code.put(&[0x31, 0xD2, 0x45, 0x31, 0xC0]); // xor edx, edx; xor r8d, r8d
        code.set_high(9, 0x22); // FILE_DEVICE_UNKNOWN
        code.put(&[0x4C, 0x89, 0x44, 0x24, 0x20, 0x4C, 0x89, 0x44, 0x24, 0x28]); // and two zeros
        code.put(&[0x48, 0x8D, 0x44, 0x24, 0x38, 0x48, 0x89, 0x44, 0x24, 0x30]); // lea rax, [rsp + 38h]
        code.call("IoCreateDevice");
        code.put(&[0x48, 0x83, 0xC4, 0x40]); // add rsp, 40h
        code.succeed();
    });
    for environment in BOTH {
        let run = run(&bytes, environment);
        assert_eq!(run.end, End::Fault, "{run:?}");
        let [only] = &run.violations[..] else { panic!("{:?}", run.violations) };
        let [service, level, third, fourth] = only.bug_check.parameters;
        assert_eq!((only.kind, only.bug_check.code), (Kind::Crash, 0x4A));
        assert_eq!((level, third, fourth), (2, 0, 0));
        // The service is the kernel's, and what is told as the place is the driver's routine.
        assert!(service > SYSTEM && service != only.address);
        assert!(only.rva.is_some() && only.rva == only.routine);
        assert_eq!(run.phases[only.phase].name, "IRP_MJ_CREATE");
        assert!(!run.phases[only.phase].returned);
        assert!(!only.under_assumption);
    }
}

/// WORKER_THREAD_RETURNED_AT_BAD_IRQL: the routine, the level, what it was given, the work item.
#[test]
fn a_work_item_ends_below_dispatch_level() {
    let imports = ["ExQueueWorkItem", "KeRaiseIrqlToDpcLevel"];
    let resident = driver().edit_section("INIT", |init| init.resident());
    let like = resident.section(section("items").data().rights(RW).bytes([0; 64]));
    let built = like.clone().no_imports().import("ntoskrnl.exe", &imports).build();
    let item = built.rva_of_section("items");
    let bytes = driver_like(like, &imports, |code| {
        code.put(&[0xEB, 15]); // jmp over the routine
        let routine = code.here();
        code.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
        code.call("KeRaiseIrqlToDpcLevel");
        code.put(&[0x48, 0x83, 0xC4, 0x28, 0xC3]); // add rsp, 28h; ret
        assert_eq!(code.here(), routine + 15, "where the jump goes");
        code.address(RCX, item);
        code.address(RAX, routine);
        code.put(&[0x48, 0x89, 0x41, 0x10]); // mov [rcx + 10h], rax
        code.put(&[0x48, 0xC7, 0x41, 0x18, 0x34, 0x12, 0, 0]); // mov qword [rcx + 18h], 1234h
        code.set(RDX, 1);
        code.call("ExQueueWorkItem");
        code.succeed();
    });
    for environment in BOTH {
        let run = run(&bytes, environment);
        let [only] = &run.violations[..] else { panic!("{run:?}") };
        let [routine, level, parameter, at] = only.bug_check.parameters;
        assert_eq!((only.kind, only.bug_check.code), (Kind::Crash, 0xE1));
        assert_eq!((level, parameter), (2, 0x1234));
        assert_eq!(only.address, routine);
        let base = routine - u64::from(only.rva.expect("a place in the driver"));
        assert_eq!(at, base + u64::from(item));
        assert_eq!(run.phases[only.phase].name, "work item");
    }
}

/// What Windows does then is not documented: the run goes on, and says so.
#[test]
fn driver_entry_that_leaves_the_level_raised_is_told() {
    let bytes = driver_of(&["KeRaiseIrqlToDpcLevel"], |code| {
        code.call("KeRaiseIrqlToDpcLevel");
        code.succeed();
    });
    let plain = driver_of(&["KeRaiseIrqlToDpcLevel"], Code::succeed);
    for environment in BOTH {
        let raised = run(&bytes, environment);
        assert_eq!((&raised.end, raised.violations.len()), (&End::Returned, 0));
        assert!(raised.assumptions.keys().any(|what| what.contains("IRQL")), "{raised:?}");
        assert!(run(&plain, environment).assumptions.is_empty());
    }
}
