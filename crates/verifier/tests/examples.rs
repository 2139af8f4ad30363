//! The example drivers come to what Windows would show. Expected values are those of the specification and
//! of the drivers' sources in `examples/drivers/src`; none is copied from a run.

mod example;

use example::{BOTH, bytes, folder, run, run_with};
use ringfence_image::Image;
use ringfence_verifier::{Cleared, End, Environment, HVCI_ENABLED, Happening, Kind, Run, Touched};

/// The tag of the examples as a number.
const TAG: u64 = 0x706D_6153;
/// Where the kernel's part of the address space begins.
const SYSTEM: u64 = 0xFFFF_8000_0000_0000;

/// Names of the phases, without the codes of device control and without repetitions.
fn phases(run: &Run) -> Vec<&str> {
    let names = run.phases.iter().map(|phase| phase.name.split(' ').next().unwrap_or_default());
    let mut names: Vec<_> = names.collect();
    names.dedup();
    names
}

/// The last phase, but for threads of the driver that it waits for.
fn last_but_threads(run: &Run) -> &str {
    let names = run.phases.iter().map(|phase| phase.name.as_str());
    names.rev().find(|name| *name != "system thread").unwrap_or_default()
}

/// Windows gives INIT back once DriverEntry is done, and what is called later finds it gone.
#[test]
fn initialisation_code_goes_at_the_end_of_driver_entry() {
    let run = run("wdm-runs-discarded-code-x64.sys", Environment::Hvci);
    let gone = run.events.iter().filter(|event| {
        matches!(event.what, Happening::Rights { rights: None, what: "initialisation code", .. })
    });
    let gone: Vec<_> = gone.map(|event| run.phases[event.phase].name.as_str()).collect();
    assert!(!gone.is_empty() && gone.iter().all(|name| *name == "DriverEntry"), "{gone:?}");
    let last = run.events.last().unwrap();
    assert!(
        matches!(last.what, Happening::BugCheck { check, .. } if Some(check) == run.bug_check())
    );
    assert_eq!(last.phase, run.violations[0].phase);
}

#[test]
fn every_driver_comes_to_a_reasoned_end() {
    let mut drivers = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".sys") {
            continue;
        }
        drivers += 1;
        for environment in BOTH {
            let run = run(&name, environment);
            match &run.end {
                End::Returned => assert_eq!(run.status, Some(0), "{name}"),
                End::Violation => assert!(!run.violations.is_empty(), "{name}"),
                End::Fault => assert!(name.starts_with("wdm-thread-left"), "{name}"),
                End::Refused(_) => {
                    assert!(name.starts_with("stripped") || name.starts_with("wrong"), "{name}");
                }
                End::NotEmulated(_) => {
                    assert!(name.starts_with("kmdf") || name.contains("arm64"), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
    assert!(drivers >= 48);
}

#[test]
fn clean_drivers_reach_their_end_without_violation_and_leak() {
    let clean = [
        "clean-x64.sys",
        "aligned-8192-x64.sys",
        "rwx-init-x64.sys",
        "wdm-x64.sys",
        "nx-opt-in-x64.sys",
        "code-x64.sys",
        "mdl-mapping-x64.sys",
    ];
    for name in clean {
        for environment in BOTH {
            let run = run(name, environment);
            assert_eq!(run.end, End::Returned, "{name}");
            assert_eq!(run.violations.len(), 0, "{name}");
            assert_eq!(run.leaks, [], "{name}");
            assert!(!run.under_assumption(), "{name}: {:?} {:?}", run.stand_ins, run.assumptions);
            assert_eq!(last_but_threads(&run), "DriverUnload", "{name}");
            // Codes that the driver does not know are refused by it; all else succeeds.
            let others =
                run.phases.iter().filter(|phase| !phase.name.starts_with("IRP_MJ_DEVICE_CONTROL"));
            for phase in others {
                assert!(phase.status.is_none_or(|status| status == 0), "{name}: {phase:?}");
            }
        }
    }
}

/// What wdm.c does, in the order in which it is asked for.
#[test]
fn requests_and_what_they_set_going_are_run() {
    let run = run("wdm-x64.sys", Environment::Verifier);
    assert_eq!(
        phases(&run),
        [
            "load",
            "DriverEntry",
            "system",
            "IRP_MJ_CREATE",
            "IRP_MJ_DEVICE_CONTROL",
            // What the first of the requests queues, sets and waits for.
            "DPC",
            "work",
            "DPC",
            "IRP_MJ_DEVICE_CONTROL",
            "IRP_MJ_READ",
            "IRP_MJ_WRITE",
            "IRP_MJ_CLEANUP",
            "IRP_MJ_CLOSE",
            "process",
            "DriverUnload",
            // The thread is told to stop, and waited for.
            "system",
        ]
    );
    // METHOD_BUFFERED, METHOD_OUT_DIRECT and METHOD_NEITHER each succeed: the last one only if both of its
    // exceptions are handled and the inner `__finally` is run.
    for code in ["0x222000", "0x222006", "0x22200b"] {
        let name = format!("IRP_MJ_DEVICE_CONTROL {code}");
        let phase = run.phases.iter().rfind(|phase| phase.name.starts_with(&name)).unwrap();
        assert_eq!(phase.status, Some(0), "{code}");
    }
    let other = run.phases.iter().find(|phase| phase.name.contains("0x222001")).unwrap();
    assert_eq!(other.status, Some(0xC000_0010), "STATUS_INVALID_DEVICE_REQUEST");
}

/// Subcode, which argument stands in the third parameter, and the fourth: `[subcode.*]` of the
/// specification. The second is the address behind the call.
#[test]
fn calls_are_reported_with_all_parameters() {
    let cases = [
        // NonPagedPool and the tag.
        ("executable-pool-x64.sys", 0x2000, 0, TAG, "ExAllocatePoolWithTag"),
        // PAGE_EXECUTE_READWRITE.
        ("executable-page-protection-x64.sys", 0x2001, 0x40, 0, "MmMapIoSpaceEx"),
        // NormalPagePriority.
        ("executable-mdl-mapping-x64.sys", 0x2002, 16, 0, "MmMapLockedPagesSpecifyCache"),
        ("wdm-runs-mapping-x64.sys", 0x2002, 16, 0, "MmMapLockedPagesSpecifyCache"),
        ("routine-by-name-x64.sys", 0x2000, 0, TAG, "ExAllocatePoolWithTag"),
        ("wrapper-x64.sys", 0x2000, 0, TAG, "ExAllocatePoolWithTag"),
        ("runs-pool-x64.sys", 0x2000, 0, TAG, "ExAllocatePoolWithTag"),
        ("wdm-pool-in-dpc-x64.sys", 0x2000, 0, TAG, "ExAllocatePoolWithTag"),
    ];
    for (name, subcode, third, fourth, ddi) in cases {
        let run = run(name, Environment::Verifier);
        assert_eq!(run.end, End::Violation, "{name}");
        let [violation] = &run.violations[..] else { panic!("{name}: {:?}", run.violations) };
        let [first, second, p3, p4] = violation.bug_check.parameters;
        let told = (violation.bug_check.code, first, p3, p4);
        assert_eq!(told, (0xC4, subcode, third, fourth), "{name}");
        assert_eq!(second, violation.address, "{name}");
        assert!(violation.rva.is_some(), "{name}: the caller is the driver");
        assert_eq!(violation.kind, Kind::CodeIntegrity);
        assert_eq!(violation.ddi.unwrap().name, ddi, "{name}");
        // The run went on, up to the driver's end.
        assert_eq!(last_but_threads(&run), "DriverUnload", "{name}");
    }
    let run = run("wdm-pool-in-dpc-x64.sys", Environment::Verifier);
    assert_eq!(run.phases[run.violations[0].phase].name, "DPC");
}

/// The README shows that 50af is the call in executable-pool-x64.sys. A call through a slot has six bytes.
#[test]
fn the_caller_is_the_address_behind_the_call() {
    let run = run("executable-pool-x64.sys", Environment::Verifier);
    let violation = &run.violations[0];
    assert_eq!(violation.rva, Some(0x50AF + 6));
    assert_eq!(violation.stack[0].rva, violation.rva);
    assert_eq!(run.phases[violation.phase].name, "DriverEntry");
}

/// Once for each section that is against the rule; alignment once for every section.
#[test]
fn images_are_reported_when_they_are_loaded() {
    let subcodes = |name: &str| -> Vec<u64> {
        let run = run(name, Environment::Verifier);
        assert!(run.violations.iter().all(|violation| run.phases[violation.phase].name == "load"));
        run.violations.iter().map(|violation| violation.bug_check.parameters[0]).collect()
    };
    assert_eq!(subcodes("rwx-text-x64.sys"), [0x2003]);
    assert_eq!(subcodes("rwx-init-x64.sys"), [0; 0]);
    assert_eq!(subcodes("import-table-in-text-x64.sys"), [0x2005]);
    let bytes = bytes("unaligned-512-x64.sys");
    let sections = Image::read(&bytes).unwrap().sections().len();
    assert_eq!(subcodes("unaligned-512-x64.sys"), vec![0x2004; sections]);
}

/// Parameters 2 to 4 point to the name of the image, to the section's header or the directory's entry, and
/// to the section's name, which is the header's first field.
#[test]
fn image_reports_point_into_the_headers() {
    let told = |name: &str| {
        let run = run(name, Environment::Verifier);
        let [_, image_name, third, fourth] = run.violations[0].bug_check.parameters;
        assert_ne!(image_name, 0);
        (run.violations[0].rva.unwrap(), third, fourth)
    };
    let headers = |name: &str| *Image::read(&bytes(name)).unwrap().headers();
    // .text is the first section in both.
    let (rva, header, section) = told("rwx-text-x64.sys");
    assert_eq!(u64::from(rva), headers("rwx-text-x64.sys").section_table().0);
    assert_eq!(header, section);
    let (rva, entry, section) = told("import-table-in-text-x64.sys");
    let headers = headers("import-table-in-text-x64.sys");
    let base = section - headers.section_table().0;
    assert_eq!(u64::from(rva), entry - base);
    assert_eq!(entry - base, headers.data_directories().0 + 8 * 12);
}

/// What memory integrity does not let happen ends the run. Where the guest's own page tables forbid it, P1 is the
/// address and P2 the page table's entry; where they allow it and the hypervisor's do not, P1 is 4 for a write, P2 the
/// address.
#[test]
fn memory_integrity_stops_the_system() {
    // Executable pool is not executable; code is not writable, by no address of it.
    let cases = [
        ("runs-pool-x64.sys", 0xFC, Touched::Memory),
        ("patches-itself-x64.sys", 0xBE, Touched::Code),
        ("wdm-code-by-mdl-x64.sys", 0x18D, Touched::Code),
        ("wdm-runs-mapping-x64.sys", 0xFC, Touched::Memory),
        ("writes-import-table-x64.sys", 0xBE, Touched::ImportTable),
    ];
    for (name, code, touched) in cases {
        let run = run(name, Environment::Hvci);
        assert_eq!(run.end, End::Violation, "{name}");
        let [violation] = &run.violations[..] else { panic!("{name}: {:?}", run.violations) };
        assert_eq!(violation.bug_check.code, code, "{name}");
        assert_eq!(violation.kind, Kind::MemoryIntegrity, "{name}");
        assert_eq!(violation.touched, Some(touched), "{name}");
        let [first, second, third, fourth] = violation.bug_check.parameters;
        match code {
            // Present, and not executable.
            0xFC => {
                assert_eq!((first, second >> 63, second & 1), (violation.address, 1, 1), "{name}");
                assert!(violation.call_site.is_some(), "who called is on the stack");
            }
            // Present, and not writable.
            0xBE => assert_eq!(second & 3, 1, "{name}"),
            // The exception record and the context are on the stack.
            _ => {
                assert_eq!(first, 4, "{name}");
                assert!(second > SYSTEM && third > SYSTEM && fourth > SYSTEM, "{name}");
            }
        }
        assert_eq!(run.phases.last().unwrap().name, "DriverEntry", "{name}");
        assert_eq!(run.status, None, "{name}");
    }
}

/// INIT is thrown away on every Windows, after DriverEntry: PAGE_FAULT_IN_NONPAGED_AREA, 0x10 for execution, and twice
/// the address. wdm.c has its callback for processes there.
#[test]
fn code_of_init_is_not_there_later() {
    for environment in BOTH {
        let run = run("wdm-runs-discarded-code-x64.sys", environment);
        let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
        let [address, access, instruction, _] = violation.bug_check.parameters;
        assert_eq!((violation.bug_check.code, access, address), (0x50, 0x10, instruction));
        assert_eq!(violation.touched, Some(Touched::Discarded));
        assert_eq!(run.phases[violation.phase].name, "process callback");
    }
}

/// DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS: the address, 0x10 for execution, the instruction. It goes on
/// behind the call that waits, which wdm.c makes in SampleThread.
#[test]
fn a_thread_that_outlives_the_driver_stops_the_system() {
    for environment in BOTH {
        let run = run("wdm-thread-left-x64.sys", environment);
        assert_eq!(run.end, End::Fault);
        let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
        let [address, access, instruction, fourth] = violation.bug_check.parameters;
        let told = (violation.bug_check.code, access, address, fourth);
        assert_eq!(told, (0xCE, 0x10, instruction, 0));
        assert_eq!((violation.kind, violation.address), (Kind::Crash, address));
        assert!(violation.rva.is_some());
        assert_eq!(run.phases[violation.phase].name, "system thread");
        // It is told as what is left behind too.
        assert!(run.leaks.iter().any(|leak| leak.what == "system thread"), "{:?}", run.leaks);
    }
}

/// Without memory integrity the same drivers get what they ask for, where Windows gives it.
#[test]
fn without_memory_integrity_requests_are_granted() {
    let run_of = |name| run(name, Environment::Verifier);
    // Code of drivers is read-only there too.
    assert_eq!(run_of("patches-itself-x64.sys").bug_check().unwrap().code, 0xBE);
    for name in ["clears-write-protection-x64.sys", "wdm-code-by-mdl-x64.sys"] {
        assert_eq!(run_of(name).end, End::Returned, "{name}");
    }
    for name in ["runs-pool-x64.sys", "wdm-runs-mapping-x64.sys"] {
        let run = run_of(name);
        assert_eq!((run.status, run.violations.len()), (Some(0), 1), "{name}");
    }
}

/// A request alone does no harm with memory integrity: the memory is not executable, and that is all.
#[test]
fn with_memory_integrity_requests_succeed_without_the_right() {
    let names = [
        "executable-pool-x64.sys",
        "executable-mdl-mapping-x64.sys",
        "executable-page-protection-x64.sys",
    ];
    for name in names {
        let rights = |environment| -> Vec<String> {
            let run = run(name, environment);
            let rights = run.events.into_iter().filter_map(|event| match event.what {
                Happening::Rights { rights, .. } => rights,
                _ => None,
            });
            rights.collect()
        };
        let both = |rights: &str| rights.contains('w') && rights.contains('x');
        assert!(rights(Environment::Verifier).iter().any(|rights| both(rights)), "{name}");
        assert!(!rights(Environment::Hvci).iter().any(|rights| both(rights)), "{name}");
        let run = run(name, Environment::Hvci);
        assert_eq!((run.end, run.violations.len()), (End::Returned, 0), "{name}");
    }
}

#[test]
fn what_is_silently_made_non_executable_is_told() {
    let run = run("map-io-space-x64.sys", Environment::Verifier);
    assert_eq!(run.end, End::Returned);
    let [fixed] = &run.fixed[..] else { panic!("{:?}", run.fixed) };
    assert_eq!(fixed.ddi, "MmMapIoSpace");
    assert!(fixed.rva.is_some());
    // What a device answers is invented.
    assert!(run.under_assumption());
}

#[test]
fn leaks_are_told_with_size_tag_and_place() {
    for environment in BOTH {
        let run = run("wdm-leak-x64.sys", environment);
        let [leak] = &run.leaks[..] else { panic!("{:?}", run.leaks) };
        assert_eq!((leak.what, leak.size, u64::from(leak.tag)), ("pool", 64, TAG));
        assert!(leak.rva.is_some());
    }
}

/// The driver makes its device only where it is told that memory integrity is off.
#[test]
fn a_driver_that_asks_and_behaves_differently_is_seen() {
    let told = |name, bits| {
        run_with(name, Environment::Hvci, |options| options.code_integrity = Some(bits))
    };
    let (on, off) = (told("wdm-asks-x64.sys", 1 | HVCI_ENABLED), told("wdm-asks-x64.sys", 1));
    assert_eq!((on.asked.len(), on.asked[0].told), (1, 0x401));
    assert_eq!((off.asked.len(), off.asked[0].told), (1, 1));
    assert!(!on.behaves_like(&off));
    assert!(on.behaves_like(&told("wdm-asks-x64.sys", 1 | HVCI_ENABLED)));
    // By default it is told what is so.
    let default = |environment| run("wdm-asks-x64.sys", environment).asked[0].told & HVCI_ENABLED;
    assert_eq!(default(Environment::Hvci), HVCI_ENABLED);
    assert_eq!(default(Environment::Verifier), 0);
    let other = told("wdm-x64.sys", 1);
    assert!(other.behaves_like(&told("wdm-x64.sys", 1 | HVCI_ENABLED)));
    assert!(other.asked.is_empty());
}

/// code.c clears the bit once and sets it once.
#[test]
fn clearing_write_protection_is_told() {
    for environment in BOTH {
        let run = run("clears-write-protection-x64.sys", environment);
        let bytes = bytes("clears-write-protection-x64.sys");
        let image = Image::read(&bytes).unwrap();
        let [Cleared { rva, under_assumption: false, .. }] = run.protection_cleared[..] else {
            panic!("{:?}", run.protection_cleared)
        };
        // mov cr0, reg
        let code = image.bytes_from(ringfence_image::Rva(rva)).unwrap();
        assert_eq!((code[0], code[1], code[2] >> 3), (0x0F, 0x22, 0x18));
        let written = run.events.iter().filter(
            |event| matches!(&event.what, Happening::Register { name, .. } if name == "CR0"),
        );
        // It is a constant that is written between the two. It shares its page with the import address table, so with
        // memory integrity the store ends the run, and the bit is not set again.
        let expected = match environment {
            Environment::Verifier => (2, End::Returned, None),
            Environment::Hvci => (1, End::Violation, Some(0x18D)),
        };
        let code = run.bug_check().map(|check| check.code);
        assert_eq!((written.count(), run.end.clone(), code), expected);
    }
    assert!(run("wdm-x64.sys", Environment::Verifier).protection_cleared.is_empty());
}
