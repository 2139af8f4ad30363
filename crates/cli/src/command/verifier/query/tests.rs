use super::*;
use ringfence::report::Options;

fn state() -> State {
    let mut state = State::new(0x0200_0004, vec![34], 1_764_396_621);
    let counters = [
        (Counter::ExecutePoolType.name().to_owned(), 2),
        (Counter::ExecutableImportTable.name().to_owned(), 1),
    ];
    state.keep(Verified {
        path: "out/Sample.sys".to_owned(),
        loaded: true,
        unloaded: true,
        counters: counters.into(),
        ..Verified::default()
    });
    state.keep(Verified {
        path: "C:\\x\\kmdf.sys".to_owned(),
        loaded: true,
        not_counted: Counter::OF_CALLS.map(|one| one.name().to_owned()).to_vec(),
        told: vec!["Not run: KMDF".to_owned()],
        ..Verified::default()
    });
    for path in ["clean.sys", "quiet.sys"] {
        let path = path.to_owned();
        state.keep(Verified { path, loaded: true, unloaded: true, ..Verified::default() });
    }
    state
}

/// What is told.
fn text(tell: impl FnOnce(&mut Prose)) -> String {
    let mut prose = Prose::new(&Options::default());
    tell(&mut prose);
    prose.into_text()
}

fn query(state: &State, all: bool) -> String {
    text(|prose| tell(prose, state, all))
}

#[test]
fn query_reads_as_the_tools_own() {
    let expected = "\
Emulated: the last run of `ringfence verifier`. Nothing is set on this machine.

Time Stamp: 2025-11-29 06:10:21 UTC

Verifier Flags: 0x02000004

  Standard Flags:

    [ ] 0x00000001 Special pool.
    [ ] 0x00000002 Force IRQL checking.
    [ ] 0x00000008 Pool tracking.
    [ ] 0x00000010 I/O verification.
    [ ] 0x00000020 Deadlock detection.
    [ ] 0x00000080 DMA checking.
    [ ] 0x00000100 Security checks.
    [ ] 0x00000800 Miscellaneous checks.
    [ ] 0x00020000 DDI compliance checking.

  Additional Flags:

    [X] 0x00000004 Randomized low resources simulation.
    [ ] 0x00000200 Force pending I/O requests.
    [ ] 0x00000400 IRP logging.
    [ ] 0x00002000 Invariant MDL checking for stack.
    [ ] 0x00004000 Invariant MDL checking for driver.
    [ ] 0x00008000 Power framework delay fuzzing.
    [ ] 0x00010000 Port/miniport interface checking.
    [ ] 0x00040000 Systematic low resources simulation.
    [ ] 0x00080000 DDI compliance checking (additional).
    [ ] 0x00200000 NDIS/WIFI verification.
    [ ] 0x00800000 Kernel synchronization delay fuzzing.
    [ ] 0x01000000 VM switch verification.
    [X] 0x02000000 Code integrity checks.

    [X] Indicates flag is enabled.

  Rule class 34 is enabled too. It has no flag.

Driver Verification List

MODULE: Sample.sys (load: 1 / unload: 1)

  Code Integrity Statistics:

    Execute Pool Type Count:                2
    Execute Page Protection Count:          0
    Execute Page Mapping Count:             0
    Execute-Write Section Count:            0
    Section Alignment Failures:             0
    Unsupported Relocs Count:               0
    IAT in Executable Section Count:        1

MODULE: kmdf.sys (load: 1 / unload: 0): 0 for its image, calls not known
  Not run: KMDF
MODULE: clean.sys (load: 1 / unload: 1): all seven counters are 0
MODULE: quiet.sys (load: 1 / unload: 1): all seven counters are 0

`/query /all` shows all seven counters of each driver
";
    assert_eq!(query(&state(), false), expected);
    let all = query(&state(), true);
    assert_eq!(all.matches("Code Integrity Statistics:").count(), 4);
    let kmdf = &all[all.find("kmdf.sys").unwrap()..all.find("clean.sys").unwrap()];
    let counters: Vec<&str> = kmdf.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(counters.iter().filter(|count| count.trim() == "?").count(), 3, "{kmdf}");
    assert_eq!(counters.iter().filter(|count| count.trim() == "0").count(), 4, "{kmdf}");
}

/// What Microsoft's readiness script does with the text: lower case, split at `module:`, the name before the
/// parenthesis, and the first line from the first counter on whose number is not 0.
fn as_the_script_reads(text: &str) -> Vec<(String, Option<String>)> {
    let text = text.to_lowercase();
    let from = text.find("module:").expect("there are modules");
    let modules = text[from..].split("module:").filter(|part| !part.trim().is_empty());
    let reason = |module: &str| {
        let counters = &module[module.find("code integrity statistics:")?..];
        let counters = &counters[counters.find("execute pool type count:")?..];
        let mut failing = counters.lines().filter(|line| {
            let parts: Vec<_> = line.split(':').collect();
            parts.len() == 2 && parts[1].trim() != "0"
        });
        failing.next().map(|line| line.split(':').next().unwrap_or(line).trim().to_owned())
    };
    let name = |module: &str| module.split('(').next().unwrap_or(module).trim().to_owned();
    modules.map(|module| (name(module), reason(module))).collect()
}

#[test]
fn programs_that_read_the_tools_text_read_it() {
    let mut state = state();
    state.drivers_left_out = 3;
    let failing = ("sample.sys".to_owned(), Some("execute pool type count".to_owned()));
    let fine = |name: &str| (name.to_owned(), None);
    let expected = [failing, fine("kmdf.sys"), fine("clean.sys"), fine("quiet.sys")];
    assert_eq!(as_the_script_reads(&query(&state, false)), expected);
    // The one that is told last is read no further than its counters.
    state.drivers.truncate(1);
    state.drivers_left_out = 0;
    assert_eq!(as_the_script_reads(&query(&state, false)), expected[..1]);
}

/// A name from a file must not bring lines of its own.
#[test]
fn a_hostile_name_is_one_line() {
    let path = "a\nMODULE: b.sys (".to_owned();
    let told = vec!["no module: x".to_owned()];
    let driver = Verified { path, told, ..Verified::default() };
    for text in [text(|prose| module(prose, &driver)), text(|prose| in_a_line(prose, &driver))] {
        assert_eq!(text.to_lowercase().matches("module:").count(), 1, "{text}");
    }
}

/// The names are those that Windows prints; what `verifier /query` has of drivers stands in their block.
#[test]
fn allocations_that_were_made_to_fail_are_told() {
    let mut state = state();
    let words = ["", "Tag1 S*", "Notepad.exe", "5"].map(std::ffi::OsString::from);
    let words: Vec<_> = std::iter::once("/faults".into()).chain(words).collect();
    let given = super::super::words::split(&words).unwrap();
    let failing = super::super::faults::Failing::read(&given[0]).unwrap();
    state.set_faults(Some((&failing, 9)));
    state.drivers[0].failed_deliberately = Some(3);
    state.drivers[2].failed_deliberately = Some(2);
    state.drivers[2].entry_failed = Some("0xC000009A".to_owned());
    let told = query(&state, false);
    let settings_part = "\
  Low Resources Simulation:

    Probability:    600
    Pool Tags:      Tag1 S*
    Applications:   Notepad.exe
    Delay Minutes:  5, here until DriverEntry has returned
    Seed:           9
";
    assert!(told.contains(settings_part), "{told}");
    assert!(text(|prose| settings(prose, &state)).contains(settings_part));
    assert!(told.contains("  Faults Injected:                          5\n"), "{told}");
    assert!(
        told.contains(
            "    Pool Allocations Failed Deliberately:   3\n\n  Code Integrity Statistics:"
        ),
        "{told}"
    );
    let line = "MODULE: clean.sys (load: 1 / unload: 1): 0 as far as DriverEntry, which failed\n";
    assert!(told.contains(line), "{told}");
    // It is no counter of the code integrity checks to those who read the text.
    let failing = ("sample.sys".to_owned(), Some("execute pool type count".to_owned()));
    assert_eq!(as_the_script_reads(&told)[0], failing);
    let read = ringfence::import::VerifierQuery::read(&told).unwrap();
    assert_eq!(read.modules[0].counters[&Counter::ExecutePoolType], 2);
    // Of calls that DriverEntry did not come to nothing is known.
    let counted: Vec<Counter> = read.modules[2].counters.keys().copied().collect();
    assert_eq!(counted.len(), Counter::ALL.len() - Counter::OF_CALLS.len());
}

#[test]
fn settings_name_drivers_and_what_there_is_not() {
    let told = text(|prose| settings(prose, &state()));
    assert!(
        told.starts_with("Verifier Flags: 0x02000004\n\n  Standard Flags:\n\n    [ ] 0x00000001")
    );
    let end = "Verified Drivers:\n\n  Sample.sys\n  kmdf.sys\n  clean.sys\n  quiet.sys\n";
    assert!(
        told.contains("Boot Mode:") && told.contains("Rules:") && told.ends_with(end),
        "{told}"
    );
    let none = text(|prose| settings(prose, &State::default()));
    assert!(none.ends_with("Verified Drivers:\n\n  None\n"));
}
