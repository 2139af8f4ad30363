//! What options do to the runs of the example drivers.

mod example;

use example::{BOTH, bytes, run, run_with};
use ringfence_verifier::{
    Admission, Budget, End, Environment, Faults, LowResources, Run, TagPattern, Version, Violation,
};
use std::time::Duration;

/// opt_in.c with FX_1809 opts in from build 17763 on.
#[test]
fn the_version_asked_about_is_what_the_driver_is_told() {
    let subcodes = |build| -> Vec<u64> {
        let run = run_with("nx-opt-in-1809-x64.sys", Environment::Verifier, |options| {
            options.windows = Version { major: 10, minor: 0, build };
        });
        run.violations.iter().map(|violation| violation.bug_check.parameters[0]).collect()
    };
    assert_eq!(subcodes(17763), [0; 0]);
    assert_eq!(subcodes(15063), [0x2000, 0x2002]);
}

/// Subcodes and the image rules by era: rights and alignment at first; then relocations as 0x2005 and the import table
/// as 0x2006; from 1703 on the import table as 0x2005. MmMapIoSpaceEx was not looked at in the first version.
#[test]
fn what_is_checked_depends_on_the_version() {
    let of = |name, build| -> Vec<(u64, u64)> {
        let run = run_with(name, Environment::Verifier, |options| {
            options.windows = Version { major: 10, minor: 0, build };
        });
        let told = |violation: &Violation| (violation.bug_check.parameters[0], violation.count);
        run.violations.iter().map(told).collect()
    };
    assert_eq!(of("import-table-in-text-x64.sys", 10240), []);
    assert_eq!(of("import-table-in-text-x64.sys", 14393), [(0x2006, 1)]);
    assert_eq!(of("import-table-in-text-x64.sys", 15063), [(0x2005, 1)]);
    assert_eq!(of("straddling-relocations-x64.sys", 14393), [(0x2005, 1)]);
    assert_eq!(of("straddling-relocations-x64.sys", 15063), []);
    assert_eq!(of("rwx-text-x64.sys", 10240), [(0x2003, 1)]);
    assert_eq!(of("executable-page-protection-x64.sys", 10240), []);
    assert_eq!(of("executable-page-protection-x64.sys", 10586).len(), 1);
}

/// P3 is the block and P4 the entry: the README of the examples has the pointer at offset 0xFFC of its page.
#[test]
fn a_relocation_is_reported_with_its_block_and_entry() {
    let name = "straddling-relocations-x64.sys";
    let run = run_with(name, Environment::Verifier, |options| options.windows.build = 14393);
    let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
    let [_, _, block, entry] = violation.bug_check.parameters;
    let bytes = bytes(name);
    let image = ringfence_image::Image::read(&bytes).unwrap();
    let at = violation.rva.unwrap();
    let block_bytes = image.bytes_from(ringfence_image::Rva(at)).unwrap();
    let skip = usize::try_from(entry - block).unwrap();
    assert_eq!(block_bytes[skip..skip + 2], [0xFC, 0xAF], "DIR64 at offset 0xFFC");
    assert_eq!(violation.image, Some(ringfence_verifier::ImageFault::StraddlingRelocation));
}

#[test]
fn what_is_refused_is_not_run() {
    let run_in = |environment| {
        run_with("import-table-in-text-x64.sys", environment, |options| {
            options.admission = Admission::Refused { why: "import table in .text".to_owned() };
        })
    };
    let refused = run_in(Environment::Hvci);
    assert_eq!(refused.end, End::Refused("import table in .text".to_owned()));
    assert!(refused.phases.is_empty());
    // Driver Verifier's checks run with memory integrity off, where it is let in.
    assert_eq!(run_in(Environment::Verifier).status, Some(0));
    // What the loader of any Windows rejects is let in nowhere.
    for environment in BOTH {
        let rejected = run_with("wdm-x64.sys", environment, |options| {
            options.admission = Admission::Rejected { why: "cut short".to_owned() };
        });
        assert_eq!(rejected.end, End::Refused("cut short".to_owned()));
        assert!(rejected.phases.is_empty());
    }
}

#[test]
fn the_same_bytes_and_options_give_the_same_run() {
    for environment in BOTH {
        let told = |run: Run| (run.phases, run.events, run.leaks, run.end, run.instructions);
        assert_eq!(told(run("wdm-x64.sys", environment)), told(run("wdm-x64.sys", environment)));
    }
}

/// A run of which allocations fail: `tags` of them, from the start or once DriverEntry has returned.
fn failing(name: &str, (seed, probability): (u64, u32), tags: &[&str], at_once: bool) -> Run {
    run_with(name, Environment::Verifier, |options| {
        // Without tags that are some nothing fails, which each test would see.
        let tags: Result<_, _> = tags.iter().map(|tag| TagPattern::parse(tag)).collect();
        options.faults = tags.ok().map(|tags| Faults { seed, probability, tags, at_once });
    })
}

/// A driver that checks what it gets survives without memory, whatever fails.
#[test]
fn allocations_fail_by_chance() {
    let mut failed = 0;
    for seed in 0..64 {
        let run = failing("wdm-x64.sys", (seed, 3_000), &[], true);
        assert_eq!(run.end, End::Returned, "seed {seed}: {:?}", run.violations);
        assert_eq!(run.leaks, [], "seed {seed}");
        failed += usize::from(run.status != Some(0));
        let again = failing("wdm-x64.sys", (seed, 3_000), &[], true);
        assert_eq!((run.phases, run.low_resources), (again.phases, again.low_resources));
    }
    assert!(
        (1..64).contains(&failed),
        "DriverEntry fails with some seeds, and not with all: {failed}"
    );
    let always = failing("clean-x64.sys", (0, 10_000), &[], true);
    assert_eq!(always.status, Some(0xC000_009A), "STATUS_INSUFFICIENT_RESOURCES");
    assert_eq!(always.low_resources.failed, always.low_resources.asked);
}

/// On Windows nothing fails in the first minutes after the start, when drivers load.
#[test]
fn allocations_fail_once_driver_entry_has_returned() {
    let quiet = run("wdm-x64.sys", Environment::Verifier);
    assert_eq!(quiet.low_resources, LowResources::default());
    let run = failing("wdm-x64.sys", (0, 10_000), &[], false);
    assert_eq!((run.status, run.end), (Some(0), End::Returned));
    assert_eq!(run.phases[..2], quiet.phases[..2], "load and DriverEntry");
    let LowResources { asked, exposed, failed } = run.low_resources;
    assert!(0 < exposed && exposed < asked, "{asked} asked for, {exposed} of them later");
    assert_eq!(failed, exposed, "each of 10,000 of 10,000 fails");
}

/// The pool of the examples has the tag `Samp`; IRPs, MDLs and work items have none.
#[test]
fn allocations_fail_by_their_tag() {
    let of = |tags: &[&str]| failing("clean-x64.sys", (0, 10_000), tags, true).low_resources;
    let (all, pool) = (of(&[]), of(&["Samp"]));
    assert_eq!((all.exposed, all.failed), (all.asked, all.asked));
    assert!(pool.failed > 0);
    assert_eq!(of(&["Else", "S*p"]), pool);
    for other in ["samp", "pmaS", "Else"] {
        let none = of(&[other]);
        assert!(none.asked > 0, "{other}");
        assert_eq!((none.exposed, none.failed), (0, 0), "{other}");
    }
}

/// Each budget ends the run when it is used up, and is said to.
#[test]
fn budgets_hold() {
    let with = |change: &dyn Fn(&mut Budget)| {
        run_with("wdm-x64.sys", Environment::Verifier, |options| change(&mut options.budget))
    };
    assert_eq!(with(&|budget| budget.instructions = 200).end, End::Budget("instructions"));
    assert_eq!(with(&|budget| budget.calls = 5).end, End::Budget("calls"));
    assert_eq!(with(&|budget| budget.phases = 3).end, End::Budget("phases"));
    // The clock is looked at once in a million instructions: wdm-x64.sys is through before.
    assert_eq!(with(&|budget| budget.time = Duration::ZERO).end, End::Returned);
    let run = with(&|budget| budget.events = 10);
    assert_eq!((run.end, run.events.len()), (End::Returned, 10));
    assert!(run.events_left_out > 0);
    // Without memory there is an end too, and never one that blames the driver.
    for count in 0..48 {
        for run in [
            with(&|budget| budget.frames = count),
            with(&|budget| budget.pages = 8 * count as u64),
            with(&|budget| budget.entries = count),
        ] {
            assert!(!matches!(run.end, End::Violation), "{count}: {:?}", run.end);
        }
    }
}
