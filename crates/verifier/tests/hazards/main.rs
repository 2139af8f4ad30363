//! What a driver can do wrong, a few instructions each, comes to the bug check that Windows' documentation
//! has for it. The instructions are put together by hand.

#[path = "../assembled/mod.rs"]
mod assembled;
mod faults;
mod finds;
mod levels;
mod unfinished;

use assembled::{BOTH, Code, RCX, RDX, driver_like, driver_of, run};
use ringfence_fixture::{READ, RW, driver, section};
use ringfence_verifier::{End, Environment, Kind, Options, Touched};

/// The number of RAX in instructions.
const RAX: u8 = 0;
/// Where drivers that the emulated kernel moves lie: what it is, their own base tells.
const SYSTEM: u64 = 0xFFFF_8000_0000_0000;
/// No memory is there.
const NOWHERE: u64 = 0xFFFF_9000_1234_5000;

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

/// Nothing about an exception can be put on a stack that may only be read: UNEXPECTED_KERNEL_MODE_TRAP, a double fault.
#[test]
fn a_stack_that_cannot_be_written_to_is_a_double_fault() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        code.put(&[0x48, 0x8D, 0x25, 0x00, 0x0E, 0x00, 0x00]); // lea rsp, [rip + 0xE00], in the code's page
        code.put(&[0x31, 0xC0, 0x48, 0x8B, 0x00]); // xor eax, eax; mov rax, [rax]
    });
    assert_eq!(crashes(&bytes, 0x7F)[0], 8);
    let run = run(&bytes, Environment::Hvci);
    assert_eq!(run.violations.len(), 1, "{:x?}", run.violations);
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
    let image = ringfence_image::Image::read(&bytes).expect("an image");
    let mut options = Options::new(Environment::Hvci, "hazard.sys");
    options.budget.time = std::time::Duration::ZERO;
    assert_eq!(ringfence_verifier::run(&image, &options).end, End::Budget("time"));
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
    for environment in BOTH {
        let run = run(&bytes, environment);
        let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
        let [address, access, instruction, _] = violation.bug_check.parameters;
        assert_eq!((violation.bug_check.code, access, address), (0x50, 0x10, instruction));
        assert_eq!(violation.kind, Kind::MemoryIntegrity);
        assert_eq!(violation.touched, Some(Touched::Discarded));
        assert_eq!(run.phases[violation.phase].name, "DriverUnload");
    }
}

/// A timer that is set when the driver is unloaded is due some time, however late: its DPC finds nothing.
/// DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS: the address of the DPC, 10h for execution, the same.
#[test]
fn a_timer_that_is_left_set_ends_the_system() {
    // Units of 100 ns: 1 ms, 10 seconds, a day.
    for due in [10_000_i64, 100_000_000, 864_000_000_000] {
        let like = driver().section(section("timers").data().rights(RW).bytes([0; 256]));
        let imports = ["KeInitializeTimer", "KeInitializeDpc", "KeSetTimer"];
        let at = like.clone().no_imports().import("ntoskrnl.exe", &imports);
        let at = at.build().rva_of_section("timers");
        let bytes = driver_like(like, &imports, |code| {
            code.address(RCX, at);
            code.call("KeInitializeTimer");
            code.address(RCX, at + 0x80);
            code.address(RDX, at); // any place of the driver
            code.set_high(8, 0);
            code.call("KeInitializeDpc");
            code.address(RCX, at);
            code.set(RDX, due.wrapping_neg() as u64);
            code.put(&[0x4C, 0x8D, 0x81, 0x80, 0, 0, 0]); // lea r8, [rcx + 80h]
            code.call("KeSetTimer");
            code.put(&[0xB8, 1, 0, 0, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]); // STATUS_UNSUCCESSFUL
        });
        let [routine, access, same, _] = crashes(&bytes, 0xCE);
        assert!(routine > SYSTEM && routine == same);
        assert_eq!(access, 0x10);
    }
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
    // The guest's page tables let it through, and the hypervisor's do not: 4 for a write, and the address.
    let stopped = run(&once, Environment::Hvci).bug_check().expect("a bug check");
    assert_eq!((stopped.code, stopped.parameters[0]), (0x18D, 4));
    assert!(stopped.parameters[1] > SYSTEM);
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

/// A mapping that was asked for as read-only is so whether memory integrity is on or not: to write to it is a fault of the
/// driver. 0xBE: the address, and its entry, which is not writable.
#[test]
fn a_store_to_a_read_only_mapping_is_a_crash() {
    let bytes = driver_of(&["MmMapIoSpaceEx"], |code| {
        code.set(RCX, 0xF000_0000);
        code.set(RDX, 0x1000);
        code.set_high(8, 2); // PAGE_READONLY
        code.call("MmMapIoSpaceEx");
        code.put(&[0x48, 0x89, 0x00]); // mov [rax], rax
    });
    for environment in BOTH {
        let run = run(&bytes, environment);
        assert_eq!(run.end, End::Fault);
        let [only] = &run.violations[..] else { panic!("{:?}", run.violations) };
        assert_eq!((only.kind, only.bug_check.code), (Kind::Crash, 0xBE));
        assert!(only.bug_check.parameters[0] > SYSTEM);
        assert_eq!(only.bug_check.parameters[1] & 3, 1);
    }
}

/// A page that is not executable is executed on no Windows, whatever is on it: data of the image, or its headers.
#[test]
fn data_of_the_image_is_not_executed() {
    let like = driver().section(section("values").data().rights(RW).bytes([0xC3; 16]));
    let values = like.clone().no_imports().import("ntoskrnl.exe", &["ExFreePoolWithTag"]);
    let values = values.build().rva_of_section("values");
    let bytes = driver_like(like, &["ExFreePoolWithTag"], |code| {
        code.address(RCX, values);
        code.put(&[0xFF, 0xD1]); // call rcx
    });
    let headers = driver_of(&["ExFreePoolWithTag"], |code| {
        code.address(RCX, 0);
        code.put(&[0xFF, 0xD1]); // call rcx
    });
    for (bytes, at) in [(&bytes, values), (&headers, 0)] {
        for environment in BOTH {
            let run = run(bytes, environment);
            assert_eq!(run.end, End::Violation);
            let [only] = &run.violations[..] else { panic!("{:?}", run.violations) };
            let [address, entry, ..] = only.bug_check.parameters;
            assert_eq!((only.kind, only.bug_check.code), (Kind::MemoryIntegrity, 0xFC));
            assert_eq!((only.touched, only.rva), (Some(Touched::Image), Some(at)));
            assert!(address > SYSTEM && entry >> 63 == 1 && entry & 4 == 0);
        }
    }
}

/// The page table says of a program's pages what the program may do with them: bit 2 is for it, and bit 63 is set where it
/// may not execute. The kernel is kept from executing them all the same.
#[test]
fn pages_of_a_program_are_told_as_such() {
    let called = |protection: u8| {
        driver_of(&["ZwAllocateVirtualMemory"], move |code| {
            code.put(&[0x48, 0x83, 0xEC, 0x40]); // sub rsp, 40h
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x30, 0, 0, 0, 0]); // mov qword [rsp + 30h], 0
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x38, 0, 0x10, 0, 0]); // mov qword [rsp + 38h], 1000h
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x20, 0, 0x30, 0, 0]); // mov qword [rsp + 20h], 3000h
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x28, protection, 0, 0, 0]); // mov qword [rsp + 28h], ..
            code.set(RCX, u64::MAX);
            code.put(&[0x48, 0x8D, 0x54, 0x24, 0x30]); // lea rdx, [rsp + 30h]
            code.set_high(8, 0);
            code.put(&[0x4C, 0x8D, 0x4C, 0x24, 0x38]); // lea r9, [rsp + 38h]
            code.call("ZwAllocateVirtualMemory");
            code.put(&[0x48, 0x8B, 0x44, 0x24, 0x30]); // mov rax, [rsp + 30h]
            code.put(&[0xC6, 0x00, 0xC3, 0xFF, 0xD0]); // mov byte [rax], C3h; call rax
        })
    };
    for (protection, not_executable) in [(0x40, 0), (0x04, 1)] {
        let bytes = called(protection);
        for environment in BOTH {
            let run = run(&bytes, environment);
            let last = run.violations.last().expect("a violation");
            let [address, entry, ..] = last.bug_check.parameters;
            assert_eq!((last.kind, last.bug_check.code), (Kind::MemoryIntegrity, 0xFC));
            assert!(address < SYSTEM);
            assert_eq!((entry >> 63, entry & 7), (not_executable, 7), "{entry:x}");
        }
    }
}

/// The hypervisor keeps code and import tables. A constant, or a mapping that the driver asked for as read-only, can be
/// written to by who clears CR0.WP.
#[test]
fn only_code_and_import_tables_are_kept_by_the_hypervisor() {
    let like = driver().section(section("limits").data().rights(READ).bytes([1; 16]));
    let limits = like.clone().no_imports().import("ntoskrnl.exe", &["ExFreePoolWithTag"]);
    let limits = limits.build().rva_of_section("limits");
    let written = driver_like(like, &["ExFreePoolWithTag"], |code| {
        code.address(RCX, limits);
        code.put(&[0x0F, 0x20, 0xC0, 0x25, 0xFF, 0xFF, 0xFE, 0xFF, 0x0F, 0x22, 0xC0]);
        code.put(&[0x48, 0x89, 0x09]); // mov [rcx], rcx
        code.succeed();
    });
    for environment in BOTH {
        assert_eq!(run(&written, environment).end, End::Returned);
    }
    let bytes = driver_of(&["MmMapIoSpaceEx"], |code| {
        code.set(RCX, 0xF000_0000);
        code.set(RDX, 0x1000);
        code.set_high(8, 2); // PAGE_READONLY
        code.call("MmMapIoSpaceEx");
        code.put(&[0x48, 0x89, 0xC1]); // mov rcx, rax
        code.put(&[0x0F, 0x20, 0xC0, 0x25, 0xFF, 0xFF, 0xFE, 0xFF, 0x0F, 0x22, 0xC0]);
        code.put(&[0x48, 0x89, 0x09]); // mov [rcx], rcx
        code.succeed();
    });
    for environment in BOTH {
        assert_eq!(run(&bytes, environment).end, End::Returned);
    }
}

/// The hypervisor knows pages only: one that holds some of the import address table is kept as a whole, from stores
/// with CR0.WP clear and from stores by another mapping. 0x18D: 4 for a write, the address.
#[test]
fn a_page_with_imports_is_kept_as_a_whole() {
    let imports = ["MmGetPhysicalAddress", "MmMapIoSpace"];
    let clearing = |offset: u32| {
        driver_of(&imports, |code| {
            let slot = code.slot("MmMapIoSpace");
            code.address(RCX, if offset == 0 { slot } else { (slot & !0xFFF) + offset });
            code.put(&[0x0F, 0x20, 0xC0, 0x25, 0xFF, 0xFF, 0xFE, 0xFF, 0x0F, 0x22, 0xC0]);
            code.put(&[0x48, 0x89, 0x09]); // mov [rcx], rcx
            code.succeed();
        })
    };
    let mapping = |offset: u32| {
        driver_of(&imports, |code| {
            let slot = code.slot("MmMapIoSpace");
            code.address(RCX, if offset == 0 { slot } else { (slot & !0xFFF) + offset });
            code.call("MmGetPhysicalAddress");
            code.put(&[0x48, 0x89, 0xC1]); // mov rcx, rax
            code.set(RDX, 8);
            code.set_high(8, 1); // MmCached
            code.call("MmMapIoSpace");
            code.put(&[0x48, 0x89, 0x00]); // mov [rax], rax
            code.succeed();
        })
    };
    let stopped = |bytes: &[u8]| {
        assert_eq!(run(bytes, Environment::Verifier).end, End::Returned);
        let run = run(bytes, Environment::Hvci);
        let [only] = &run.violations[..] else { panic!("{:?}", run.violations) };
        let [access, address, ..] = only.bug_check.parameters;
        assert_eq!((only.kind, only.bug_check.code, access), (Kind::MemoryIntegrity, 0x18D, 4));
        (only.touched.expect("a kind of memory"), only.unprotected, address & 0xFFF)
    };
    assert_eq!(
        (stopped(&clearing(0)).0, stopped(&mapping(0)).0),
        (Touched::ImportTable, Touched::ImportTable)
    );
    assert_eq!(stopped(&clearing(0xFF0)), (Touched::ImportPage, true, 0xFF0));
    assert_eq!(stopped(&mapping(0xFF0)), (Touched::ImportPage, false, 0xFF0));
}

/// A table that stands among data which the driver may write to is not kept: the page has to stay writable.
#[test]
fn imports_among_data_are_not_kept() {
    let like = driver().iat_in(".data");
    let bytes = driver_like(like, &["MmGetPhysicalAddress", "MmMapIoSpace"], |code| {
        let slot = code.slot("MmMapIoSpace");
        code.address(RCX, slot & !0xFFF);
        code.put(&[0x48, 0x8B, 0x01]); // mov rax, [rcx]
        code.put(&[0x48, 0x89, 0x01]); // mov [rcx], rax
        code.call("MmGetPhysicalAddress");
        code.put(&[0x48, 0x89, 0xC1]); // mov rcx, rax
        code.set(RDX, 8);
        code.set_high(8, 1); // MmCached
        code.call("MmMapIoSpace");
        code.put(&[0x48, 0x8B, 0x08, 0x48, 0x89, 0x08]); // mov rcx, [rax]; mov [rax], rcx
        code.succeed();
    });
    let run = run(&bytes, Environment::Hvci);
    assert_eq!((run.end, run.violations.len()), (End::Returned, 0));
}

/// HyperGuard looks at registers and tables now and then: the run goes on, and says so.
#[test]
fn hooks_of_the_processor_are_told() {
    let said = |bytes: &[u8], environment| {
        let run = run(bytes, environment);
        assert_eq!(run.end, End::Returned, "{:?}", run.violations);
        run.assumptions.keys().filter(|key| key.contains("0x18C")).cloned().collect::<Vec<_>>()
    };
    type Hook = (&'static str, fn(&mut Code));
    let hooks: [Hook; 4] = [
        // mov ecx, IA32_LSTAR; wrmsr
        ("LSTAR", |code| code.put(&[0xB9, 0x82, 0, 0, 0xC0, 0x0F, 0x30])),
        // sub rsp, 16; sidt [rsp]; lidt [rsp]; add rsp, 16
        ("replaced", |code| {
            code.put(&[0x48, 0x83, 0xEC, 0x10, 0x0F, 0x01, 0x0C, 0x24, 0x0F, 0x01, 0x1C, 0x24]);
            code.put(&[0x48, 0x83, 0xC4, 0x10]);
        }),
        // sub rsp, 16; sidt [rsp]; mov rax, [rsp + 2]; mov [rax], al; add rsp, 16
        ("written", |code| {
            code.put(&[0x48, 0x83, 0xEC, 0x10, 0x0F, 0x01, 0x0C, 0x24, 0x48, 0x8B, 0x44, 0x24, 2]);
            code.put(&[0x88, 0x00, 0x48, 0x83, 0xC4, 0x10]);
        }),
        // mov rax, cr4; and eax, ~100000h; mov cr4, rax
        ("SMEP", |code| {
            code.put(&[0x0F, 0x20, 0xE0, 0x25, 0xFF, 0xFF, 0xEF, 0xFF, 0x0F, 0x22, 0xE0]);
        }),
    ];
    for (what, hook) in hooks {
        let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
            hook(code);
            code.succeed();
        });
        let told = said(&bytes, Environment::Hvci);
        assert!(told.len() == 1 && told[0].contains(what), "{what}: {told:?}");
        assert!(said(&bytes, Environment::Verifier).is_empty(), "{what}");
    }
}

/// The import address table is read-only once it is filled in.
#[test]
fn imports_are_not_changed_by_the_driver() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        let slot = code.slot("ExFreePoolWithTag");
        code.address(RDX, slot);
        code.put(&[0x48, 0x89, 0x02]); // mov [rdx], rax
    });
    for environment in BOTH {
        let run = run(&bytes, environment);
        assert_eq!(run.bug_check().expect("a bug check").code, 0xBE);
    }
}

/// A section of nothing but imports is read-only once they are bound, though its header says that it is writable.
#[test]
fn imports_are_not_writable_with_memory_integrity() {
    let like = driver().section(section(".idata").data().rights(RW)).iat_in(".idata");
    let bytes = driver_like(like, &["ExFreePoolWithTag"], |code| {
        let slot = code.slot("ExFreePoolWithTag");
        code.address(RCX, slot);
        code.put(&[0x48, 0x89, 0x09]); // mov [rcx], rcx
        code.succeed();
    });
    let without = run(&bytes, Environment::Verifier);
    assert_eq!(without.end, End::Returned, "{:?}", without.violations);
    let run = run(&bytes, Environment::Hvci);
    let last = run.violations.last().expect("a violation");
    assert_eq!((last.kind, last.bug_check.code), (Kind::MemoryIntegrity, 0xBE));
    assert_eq!(last.touched, Some(Touched::ImportTable));
}

/// Constants are read-only with memory integrity or without: a store to them is an ordinary crash.
#[test]
fn a_store_to_constants_is_a_crash() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        code.put(&[0x48, 0x8D, 0x0D]); // lea rcx, [the headers]
        let next = code.here() + 4;
        code.put(&0u32.wrapping_sub(next).to_le_bytes());
        code.put(&[0x48, 0x89, 0x09]);
    });
    assert_eq!(crashes(&bytes, 0xBE)[1] & 2, 0);
}
