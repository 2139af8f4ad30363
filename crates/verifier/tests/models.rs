//! What functions of the kernel answer, as their documentation has it.

#[path = "assembled/mod.rs"]
mod assembled;
#[path = "models/formats.rs"]
mod formats;

use assembled::{BOTH, Code, RCX, RDX, driver_like, driver_of, run, status};
use ringfence_fixture::{RX, driver, section};
use ringfence_verifier::{End, Environment, Run};

#[test]
fn a_device_s_memory_has_the_physical_address_it_was_mapped_by() {
    let physical = status(&["MmMapIoSpace", "MmGetPhysicalAddress"], |code| {
        code.set(RCX, 0xF000_0010);
        code.set(RDX, 0x100);
        code.set_high(8, 0);
        code.call("MmMapIoSpace");
        code.put(&[0x48, 0x89, 0xC1]); // mov rcx, rax
        code.call("MmGetPhysicalAddress");
    });
    assert_eq!(physical, 0xF000_0010);
}

/// MmMapIoSpaceEx gives nothing for a protection that is none; PAGE_NOCACHE alone is none.
#[test]
fn memory_is_mapped_by_a_protection_that_there_is() {
    let maps = |protection: u64| {
        let low = status(&["MmMapIoSpaceEx"], |code| {
            code.set(RCX, 0xF000_0000);
            code.set(RDX, 0x1000);
            code.set_high(8, protection);
            code.call("MmMapIoSpaceEx");
            code.put(&[0x48, 0x85, 0xC0, 0x0F, 0x95, 0xC0, 0x0F, 0xB6, 0xC0]); // setne al; movzx eax, al
        });
        low == 1
    };
    assert_eq!([4, 0x204, 2].map(maps), [true; 3]);
    assert_eq!([0, 0x200, 6].map(maps), [false; 3]);
}

/// STATUS_INVALID_FILE_FOR_SECTION: SEC_IMAGE is asked for, and there is no file.
#[test]
fn an_image_section_needs_a_file() {
    let create = |attributes: u32| {
        status(&["ZwCreateSection"], |code| {
            code.put(&[0x48, 0x83, 0xEC, 0x58]); // sub rsp, 58h
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x48, 0, 0x10, 0, 0]); // mov qword [rsp + 48h], 1000h
            code.put(&[0x48, 0x8D, 0x4C, 0x24, 0x40]); // lea rcx, [rsp + 40h]
            code.set(RDX, 0xF_001F);
            code.set_high(8, 0);
            code.put(&[0x4C, 0x8D, 0x4C, 0x24, 0x48]); // lea r9, [rsp + 48h]
            code.put(&[0xC7, 0x44, 0x24, 0x20, 4, 0, 0, 0]); // PAGE_READWRITE
            code.put(&[0xC7, 0x44, 0x24, 0x28]);
            code.put(&attributes.to_le_bytes());
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x30, 0, 0, 0, 0]);
            code.call("ZwCreateSection");
            code.put(&[0x48, 0x83, 0xC4, 0x58]);
        })
    };
    assert_eq!(create(0x0100_0000), 0xC000_0020);
    assert_eq!(create(0x0800_0000), 0);
}

/// SYSTEM_CODEINTEGRITY_INFORMATION.Length is what the caller puts there; else STATUS_INFO_LENGTH_MISMATCH.
#[test]
fn the_state_of_code_integrity_is_told_to_who_states_the_length() {
    let ask = |stated: u8, room: u64| {
        status(&["ZwQuerySystemInformation"], |code| {
            code.put(&[0x48, 0x83, 0xEC, 0x58]);
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x40, stated, 0, 0, 0]); // mov qword [rsp + 40h], stated
            code.set(RCX, 103);
            code.put(&[0x48, 0x8D, 0x54, 0x24, 0x40]); // lea rdx, [rsp + 40h]
            code.set_high(8, room);
            code.set_high(9, 0);
            code.call("ZwQuerySystemInformation");
            code.put(&[0x48, 0x83, 0xC4, 0x58]);
        })
    };
    assert_eq!(ask(8, 8), 0);
    assert_eq!(ask(0, 8), 0xC000_0004);
    assert_eq!(ask(8, 4), 0xC000_0004);
}

/// What Windows does at DISPATCH_LEVEL is not carried out, and said to be invented.
#[test]
fn what_must_not_be_done_at_dispatch_level_is_told() {
    let said = |imports: &[&'static str], write: fn(&mut Code)| -> Run {
        let bytes = driver_of(imports, |code| {
            code.call("KeRaiseIrqlToDpcLevel");
            write(code);
            code.succeed();
        });
        let run = run(&bytes, Environment::Hvci);
        assert_eq!(run.end, End::Returned, "{:?}", run.violations);
        run
    };
    let paged = said(&["KeRaiseIrqlToDpcLevel", "ExAllocatePoolWithTag"], |code| {
        code.set(RCX, 1);
        code.set(RDX, 64);
        code.call("ExAllocatePoolWithTag");
    });
    assert!(paged.assumptions.keys().any(|what| what.contains("paged pool")), "{paged:?}");
    let waits = said(&["KeRaiseIrqlToDpcLevel", "KeDelayExecutionThread"], |code| {
        code.put(&[0x48, 0x83, 0xEC, 0x30]); // sub rsp, 30h
        code.put(&[0x48, 0xC7, 0x44, 0x24, 0x20, 0, 0xFF, 0xFF, 0xFF]); // mov qword [rsp + 20h], -100h
        code.set(RCX, 0);
        code.set(RDX, 0);
        code.put(&[0x4C, 0x8D, 0x44, 0x24, 0x20]); // lea r8, [rsp + 20h]
        code.call("KeDelayExecutionThread");
        code.put(&[0x48, 0x83, 0xC4, 0x30]);
    });
    assert!(waits.assumptions.keys().any(|what| what.contains("wait")), "{waits:?}");
}

/// A call to where nothing is, from a function whose unwind information has a handler that takes everything: where
/// execution went astray there is nothing but the return address on the stack.
#[test]
fn a_call_into_nowhere_is_caught_by_its_caller() {
    // The handler is asked with RCX = EXCEPTION_RECORD and R8 = CONTEXT. It sets CONTEXT.Rip to what CONTEXT.Rsp
    // points to, the return address, takes that off the stack, and continues: ExceptionContinueExecution is 0.
    let handler = [
        &[0x49, 0x8B, 0x80, 0x98, 0, 0, 0][..], // mov rax, [r8 + 98h]
        &[0x48, 0x8B, 0x10],                    // mov rdx, [rax]
        &[0x49, 0x89, 0x90, 0xF8, 0, 0, 0],     // mov [r8 + 0F8h], rdx
        &[0x48, 0x83, 0xC0, 0x08],              // add rax, 8
        &[0x49, 0x89, 0x80, 0x98, 0, 0, 0],     // mov [r8 + 98h], rax
        &[0x31, 0xC0, 0xC3],                    // xor eax, eax; ret
    ]
    .concat();
    let like = |init: u32, catch: u32, unwind: u32| {
        // UNWIND_INFO: version 1 with UNW_FLAG_EHANDLER, a prolog of four bytes that allocates 28h; then the handler.
        let mut information = vec![9, 4, 1, 0, 4, 0x42, 0, 0];
        information.extend(catch.to_le_bytes());
        driver()
            .section(section(".catch").rights(RX).bytes(handler.clone()))
            .section(section(".unwind").bytes(information))
            .pdata([[init, init + 512, unwind]])
    };
    let imports = ["ExFreePoolWithTag"];
    let calls_nowhere = |code: &mut Code| {
        code.put(&[0xB8, 0, 0, 1, 0, 0xFF, 0xD0]); // mov eax, 10000h; call rax
        code.succeed();
    };
    let first = like(0, 0, 0).no_imports().import("ntoskrnl.exe", &imports);
    let built = first.edit_section("INIT", |init| init.bytes(vec![0; 512])).build();
    let place = |name: &str| built.rva_of_section(name);
    let known = like(place("INIT"), place(".catch"), place(".unwind"));
    let bytes = driver_like(known, &imports, calls_nowhere);
    for environment in BOTH {
        let run = run(&bytes, environment);
        assert_eq!((run.end, run.status), (End::Returned, Some(0)), "{:?}", run.violations);
    }
    // Without the handler nobody takes it.
    let bytes = driver_of(&imports, calls_nowhere);
    let last = run(&bytes, Environment::Hvci).bug_check().expect("a bug check");
    assert_eq!((last.code, last.parameters[0] as u32), (0x7E, 0xC000_0005));
}
