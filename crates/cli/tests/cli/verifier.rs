//! `ringfence verifier`: the real tool's command line, and what is kept of the last run.

use crate::run::{Ran, clean, file_name, folder, ringfence, run, workspace};
use std::fs;
use std::path::Path;

/// Runs `ringfence verifier` with words as one writes them, its state in `state`.
fn verifier(state: &Path, line: &str) -> Ran {
    let mut command = ringfence();
    command.env("RINGFENCE_STATE", state).arg("verifier").args(line.split_whitespace());
    command.output().expect("the binary starts").into()
}

fn example(name: &str) -> String {
    workspace("examples/drivers").join(name).to_string_lossy().into_owned()
}

/// One is told in full, several in a table of one set-up: it is Driver Verifier that was asked for.
#[test]
fn several_drivers_are_told_in_a_table() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let (pool, clean) = (example("executable-pool-x64.sys"), example("clean-x64.sys"));
    let several = verifier(&state, &format!("/flags 0x02000000 /driver {pool} {clean}"));
    assert_eq!(several.code, Some(1));
    assert!(several.line("stopped ").ends_with("Driver Verifier"), "{}", several.stdout);
    assert!(several.stdout.contains("0xC4:0x2000"));
    assert!(
        !several.stdout.contains("memory integrity") && !several.stdout.contains("DriverEntry")
    );
    let one = verifier(&state, &format!("/flags 0x02000000 /driver {pool}"));
    assert!(one.stdout.contains("DriverEntry"));
}

#[test]
fn a_run_reads_like_the_tool_it_stands_for() {
    let folder = folder([]);
    let state = folder.path().join("state/verifier.json");
    let driver = example("executable-pool-x64.sys");
    let ran = verifier(&state, &format!("/FLAGS 0x02000000 -driver {driver}"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with("Driver Verifier, emulated: nothing is set on this machine"));
    assert!(ran.stdout.contains("  [X] 0x02000000 Code integrity checks.\n"));
    // Windows would stop at the first violation, and the switch that lets it go on is named.
    assert!(
        ran.words()
            .contains("Windows would stop at the first violation, with bug check 0xC4 (0x2000, "),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("/log.code_integrity"), "{ran:?}");
    assert!(ran.stdout.contains("bug check 0xC4 (0x2000, "), "{ran:?}");
    assert!(ran.stdout.contains("error[executable-pool-type]"));
    assert_eq!(
        ran.last_line(),
        "On Windows: verifier.exe /flags 0x02000000 /driver executable-pool-x64.sys"
    );
    assert!(!ran.stdout.contains("Code Integrity Statistics"));

    let query = verifier(&state, "/query");
    assert_eq!(query.code, Some(0));
    assert_eq!(query.line("MODULE:"), "MODULE: executable-pool-x64.sys (load: 1 / unload: 1)");
    assert_eq!(query.line("Pool Type"), "    Execute Pool Type Count:                1");
    assert_eq!(query.line("Alignment"), "    Section Alignment Failures:             0");
    let settings = verifier(&state, "/querysettings");
    assert_eq!(settings.last_line(), "  executable-pool-x64.sys");
    assert_eq!(settings.line("Verifier Flags"), "Verifier Flags: 0x02000000");

    assert_eq!(verifier(&state, "/reset").code, Some(0));
    let nothing = verifier(&state, "/query");
    assert_eq!((nothing.code, &*nothing.stdout), (Some(0), "No drivers are currently verified.\n"));
}

/// The counter of each subcode, from the example that is made for it.
#[test]
fn each_violation_raises_the_counter_of_windows() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    for (name, counter) in [
        ("executable-pool-x64.sys", "Execute Pool Type Count"),
        ("executable-page-protection-x64.sys", "Execute Page Protection Count"),
        ("executable-mdl-mapping-x64.sys", "Execute Page Mapping Count"),
        ("rwx-text-x64.sys", "Execute-Write Section Count"),
        ("unaligned-512-x64.sys", "Section Alignment Failures"),
        ("import-table-in-text-x64.sys", "IAT in Executable Section Count"),
    ] {
        let line = format!("/rc 26 /driver {} /log.code_integrity", example(name));
        let ran = verifier(&state, &line);
        assert_eq!(ran.code, Some(1), "{name}: {ran:?}");
        let raised = |line: &str| line.contains("Count:") || line.contains("Failures:");
        let counters = ran.stdout.lines().filter(|line| raised(line));
        let raised: Vec<&str> = counters.filter(|line| !line.ends_with(" 0")).collect();
        assert_eq!(raised.len(), 1, "{name}: {raised:?}");
        assert!(raised[0].trim().starts_with(counter), "{name}: {raised:?}");
    }
}

#[test]
fn a_clean_driver_is_fine_also_where_allocations_fail() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("clean-x64.sys");
    for faults in ["", "/faults", "/faults 10000"] {
        let ran = verifier(&state, &format!("/flags 0x02000000 {faults} /driver {driver}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stdout.contains("allocations fail"), !faults.is_empty());
    }
    let kept = fs::read_to_string(&state).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!((&kept["flags"], &kept["faults"]), (&0x0200_0004.into(), &10_000.into()));
}

/// What `/faults` says, and the seed, decides; the last run tells it, and what became of it.
#[test]
fn allocations_that_fail_are_counted_and_told() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("wdm-x64.sys");
    let run = |seed: &str, faults: &[&str]| {
        let mut command = ringfence();
        command.env("RINGFENCE_STATE", &state).env("RINGFENCE_SEED", seed);
        command.args(["verifier", "/flags", "0x02000000", "/faults"]).args(faults);
        Ran::from(command.args(["/driver", &driver]).output().unwrap())
    };
    let told = |ran: &Ran| ran.line("made to fail: ").trim().to_owned();
    let late = run("", &["10000"]);
    // Each of those that can fail does, and DriverEntry's one cannot: its C allocates once, a work item.
    let words = told(&late);
    let words: Vec<&str> = words.split([' ', ';']).collect();
    assert_eq!((words[3], words[4], words[6]), (words[5], "of", "allocations"), "{late:?}");
    assert!(told(&late).ends_with("; 1 more could not fail: DriverEntry had not returned yet"));
    assert!(
        late.stdout.contains("all allocations fail, once DriverEntry has returned"),
        "{late:?}"
    );
    let other = run("", &["10000", "Else", "Notepad.exe"]);
    assert!(told(&other).starts_with("made to fail: none of "), "{other:?}");
    assert!(other.words().contains("all allocations of pool with the tag Else fail, once"));
    assert!(
        other
            .words()
            .contains("Notepad.exe: on Windows allocations for other programs do not fail")
    );
    // Of 32 seeds some let DriverEntry fail, and each does the same twice.
    let outcome = |seed: usize| {
        let ran = run(&seed.to_string(), &["3000", "", "", "0"]);
        assert!(ran.stdout.contains(&format!("seed {seed};")), "{ran:?}");
        (told(&ran), ran.stdout.contains("DriverEntry failed"))
    };
    let outcomes: Vec<_> = (0..8).map(outcome).collect();
    assert_eq!(outcomes, (0..8).map(outcome).collect::<Vec<_>>());
    assert!(outcomes.iter().any(|one| one != &outcomes[0]), "{outcomes:?}");
    // What /query tells of one that fails at once.
    let failed = run("7", &["10000", "", "", "0"]);
    assert_eq!(failed.code, Some(0), "{failed:?}");
    let query = verifier(&state, "/query");
    assert!(query.line("Seed:").ends_with(" 7"), "{query:?}");
    assert!(query.line("Faults Injected:").ends_with(" 1"), "{query:?}");
    let module = query.line("MODULE: wdm-x64.sys");
    assert!(
        module.ends_with("(load: 1 / unload: 1): 0 as far as DriverEntry, which failed"),
        "{query:?}"
    );
    assert!(
        query.stdout.contains("  DriverEntry failed (STATUS_INSUFFICIENT_RESOURCES)"),
        "{query:?}"
    );
    let all = verifier(&state, "/query /all");
    assert!(all.line("Pool Allocations Failed Deliberately:").ends_with(" 1"), "{all:?}");
    assert!(all.line("Delay Minutes:").ends_with(" 0"), "{all:?}");
    let wrong = run("seven", &[]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("RINGFENCE_SEED is `seven`, which is no number"), "{wrong:?}");
}

#[test]
fn all_is_a_folder_without_what_is_excluded() {
    let folder = folder([
        ("in/a.sys", clean()),
        ("in/deep/B.sys", clean()),
        ("in/c.sys", clean()),
        ("in/readme.txt", b"text".to_vec()),
    ]);
    let state = folder.path().join("verifier.json");
    let all = folder.path().join("in");
    let line = format!("/flags 0x2000000 /all {} /driver.exclude b.SYS c.sys", all.display());
    let ran = verifier(&state, &line);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let real = "On Windows: verifier.exe /flags 0x02000000 /all /driver.exclude b.SYS c.sys";
    assert_eq!(ran.last_line(), real);
    let query = verifier(&state, "/query");
    let modules: Vec<_> = query.stdout.lines().filter(|line| line.starts_with("MODULE:")).collect();
    assert_eq!(modules, ["MODULE: a.sys (load: 1 / unload: 0): all seven counters are 0"]);

    // Without a folder it is the current one.
    let mut command = ringfence();
    command.env("RINGFENCE_STATE", &state).current_dir(&all);
    command.args(["verifier", "/flags", "0x02000000", "/all"]);
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.stdout.contains("3 drivers, emulated"), "{ran:?}");
}

/// Whoever names drivers expects them to be examined.
#[test]
fn what_is_not_emulated_is_told_and_nothing_is_kept() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("clean-x64.sys");
    let ran = verifier(&state, &format!("/standard /driver {driver} /bootmode oneboot"));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("[X] 0x00000001 Special pool.\n      not emulated; on Windows "));
    assert!(ran.stdout.contains("/bootmode: On Windows it says"));
    assert!(ran.words().contains(
        "Nothing was run: of the flags the emulated kernel has the code integrity checks"
    ));
    let real = "On Windows: verifier.exe /flags 0x000209BB /driver clean-x64.sys /bootmode oneboot";
    assert_eq!(ran.last_line(), real);
    assert!(ran.line("To run them here").ends_with(&format!("/flags 0x020209BB /driver {driver}")));
    for line in ["/flags 0x209BB /driver", "/rc 34 /driver", "/dif 2 /driver"] {
        let ran = verifier(&state, &format!("{line} {driver}"));
        assert_eq!(ran.code, Some(3), "{line}: {ran:?}");
    }
    let undocumented = verifier(&state, &format!("/flags 0x40 /driver {driver}"));
    assert!(
        undocumented
            .stdout
            .contains("0x00000040 Enhanced I/O verification, a flag of older Windows"),
        "{undocumented:?}"
    );
    assert!(!state.exists());
    // None is named, and the one that is not there cannot be run on Windows either.
    assert_eq!(verifier(&state, "/bootmode oneboot").code, Some(0));
    let missing = verifier(&state, "/standard /driver /no/such.sys");
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("cannot read /no/such.sys"), "{missing:?}");
    assert!(!missing.stdout.contains("On Windows: "), "{missing:?}");
}

/// Windows takes 0x00000004 and /faults without other flags. Then nothing is said about executable memory.
#[test]
fn allocations_can_fail_without_code_integrity_checks() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("executable-pool-x64.sys");
    for line in ["/faults 1 /driver", "/flags 4 /driver", "/dif 3 /driver"] {
        let ran = verifier(&state, &format!("{line} {driver} /log.code_integrity"));
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
        assert!(ran.stdout.contains("Driver Verifier without code integrity checks"), "{ran:?}");
        assert!(!ran.stdout.contains("would stop") && !ran.stdout.contains("0xC4 (0x2"), "{ran:?}");
        assert!(ran.stdout.contains("made to fail: "), "{ran:?}");
        assert!(!ran.stdout.contains("Code Integrity Statistics"), "{ran:?}");
    }
    let query = verifier(&state, "/query");
    let module = query.line("MODULE: executable-pool-x64.sys").to_owned();
    assert!(module.ends_with(": no counter is known"), "{query:?}");
    assert!(
        query.stdout.contains("0x02000000, the code integrity checks, is not among"),
        "{query:?}"
    );
    let both = verifier(&state, &format!("/flags 0x02000004 /driver {driver}"));
    assert_eq!(both.code, Some(1), "{both:?}");
}

/// A store to code ends the system, and no counter counts it: a 0 holds as far as the run came.
#[test]
fn what_stops_the_system_and_is_not_counted_is_told() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("patches-itself-x64.sys");
    let ran = verifier(&state, &format!("/flags 0x02000000 /driver {driver}"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.words().contains("the system is down; what comes later was not run"), "{ran:?}");
    // That is no objection of Driver Verifier's, which Windows would go on after with a switch.
    assert!(!ran.words().contains("With /log.code_integrity Windows goes on"), "{ran:?}");
    let query = verifier(&state, "/query");
    let module = query.line("MODULE: patches-itself-x64.sys");
    assert!(module.ends_with(": 0 as far as it ran until it was stopped"), "{query:?}");
    assert!(query.words().contains("where it was stopped with bug check 0xBE"), "{query:?}");
    let text = folder.path().join("query.txt");
    fs::write(&text, &query.stdout).unwrap();
    let import = run(["import", &text.to_string_lossy()]);
    assert!(import.stdout.contains("patches-itself-x64.sys: not known, "), "{import:?}");
}

/// Its C writes to pool of the tag `Samp` whether there is any or not.
#[test]
fn a_driver_that_does_not_expect_failures_is_found() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("wdm-unchecked-x64.sys");
    let fine = verifier(&state, &format!("/faults 10000 Else /driver {driver}"));
    assert_eq!(fine.code, Some(0), "{fine:?}");
    let ran = verifier(&state, &format!("/faults 10000 Samp /driver {driver}"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    // SYSTEM_SERVICE_EXCEPTION, for an access violation.
    assert!(ran.stdout.contains("stopped: bug check 0x3B (0xc0000005, "), "{ran:?}");
    assert!(ran.words().contains("where none is made to fail, it does not crash"), "{ran:?}");
    let query = verifier(&state, "/query");
    assert!(query.words().contains("where none is made to fail, it does not crash"), "{query:?}");
    // One that crashes anyway is no evidence of that.
    let driver = example("wdm-thread-left-x64.sys");
    let ran = verifier(&state, &format!("/faults 10000 /driver {driver}"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.words().contains("it crashes where no allocation fails too"), "{ran:?}");
}

/// Microsoft's page on volatile settings has no code integrity checks among them.
#[test]
fn volatile_settings_are_told_from_those_that_need_a_restart() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("clean-x64.sys");
    let ran = verifier(&state, &format!("/volatile /flags 0x02000000 /driver {driver}"));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let told = ran.line("/volatile cannot set").to_owned();
    assert!(told.contains("0x02000000 (Code integrity checks)"), "{ran:?}");
    assert!(ran.line("To run them here").ends_with(&format!("/flags 0x02000000 /driver {driver}")));
    assert_eq!(
        ran.last_line(),
        "On Windows, with a restart: verifier.exe /flags 0x02000000 /driver clean-x64.sys"
    );
    let fits = verifier(&state, "/volatile /flags 4");
    assert_eq!(fits.code, Some(0), "{fits:?}");
    assert_eq!(fits.last_line(), "On Windows: verifier.exe /volatile /flags 0x00000004");
    let added = verifier(&state, "/volatile /adddriver x.sys");
    assert_eq!(added.code, Some(3), "{added:?}");
    assert!(added.stdout.contains("/adddriver: On Windows"));
    assert_eq!(added.last_line(), "On Windows: verifier.exe /volatile /adddriver x.sys");
}

/// The real tool takes the words apart as they were.
#[test]
fn the_line_for_windows_is_whole() {
    let folder = folder([("my driver.sys", clean())]);
    let state = folder.path().join("verifier.json");
    let driver = folder.path().join("my driver.sys");
    let mut command = ringfence();
    command.env("RINGFENCE_STATE", &state).args(["verifier", "/faults", "600", "", "", "10"]);
    command.args(["/flags", "0x02000000", "/driver"]).arg(&driver);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.last_line(),
        "On Windows: verifier.exe /flags 0x02000000 /faults 600 \"\" \"\" 10 /driver \"my driver.sys\""
    );
    assert!(ran.stdout.contains("      600 of 10 000 allocations fail by chance, once"), "{ran:?}");
    assert!(ran.stdout.contains("      10 minutes: the emulated run has no clock"), "{ran:?}");
    let missing = verifier(&state, "/flags 0x02000000 /driver gone.sys");
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(!missing.stdout.contains("On Windows: "), "{missing:?}");
    assert!(
        missing
            .words()
            .contains("the bare name of a driver that is installed; here it takes the path"),
        "{missing:?}"
    );
}

#[test]
fn a_number_without_its_mark_is_told() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let ran = verifier(&state, &format!("/flags 2000000 /driver {}", example("clean-x64.sys")));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.line("help: ").ends_with("did you mean 0x2000000?"), "{ran:?}");
}

/// A 0 would say that something was looked at.
#[test]
fn counters_of_drivers_that_did_not_run_are_not_known() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let of = |names: &[&str], more: &str| {
        let names: Vec<String> = names.iter().map(|name| example(name)).collect();
        verifier(&state, &format!("/flags 0x02000000 /driver {} {more}", names.join(" ")))
    };
    let counters = |text: &str, count: &str| {
        let is_counter = |line: &&str| line.contains("Count: ") || line.contains("Failures: ");
        text.lines().filter(is_counter).filter(|line| line.ends_with(count)).count()
    };
    let arm = of(&["clean-arm64.sys"], "/log.code_integrity");
    assert_eq!((arm.code, counters(&arm.stdout, " ?")), (Some(3), 7), "{arm:?}");
    assert!(arm.stdout.contains("  Not run: ARM64 code is not emulated yet\n"), "{arm:?}");
    assert!(arm.stdout.contains("The driver was not run, so what its calls "), "{arm:?}");
    // The image was checked before the framework was called.
    let kmdf = of(&["kmdf-x64.sys"], "/log.code_integrity");
    let told = (kmdf.code, counters(&kmdf.stdout, " ?"), counters(&kmdf.stdout, " 0"));
    assert_eq!(told, (Some(3), 3, 4), "{kmdf:?}");
    let kept = fs::read_to_string(&state).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["drivers"][0]["not_counted"].as_array().unwrap().len(), 3);
    // An image that is not let in is an objection, and its counters are not known either.
    let x86 = of(&["wrong-machine-x86.sys"], "");
    assert_eq!(x86.code, Some(1), "{x86:?}");
    let query = verifier(&state, "/query");
    assert!(
        query.line("MODULE:").ends_with("(load: 0 / unload: 0): no counter is known"),
        "{query:?}"
    );
    assert!(
        query.stdout.contains("  Not run, as it is not loaded: the image is for x86"),
        "{query:?}"
    );
    // One that ran is enough.
    assert_eq!(of(&["clean-arm64.sys", "clean-x64.sys"], "").code, Some(0));
}

/// A driver whose DriverEntry asks for executable pool, or does not, and goes on to fld1, which is not emulated.
fn that_is_left_off(asks: bool) -> Vec<u8> {
    let like =
        ringfence_fixture::driver().no_imports().import("ntoskrnl.exe", &["ExAllocatePoolWithTag"]);
    let with = |code: Vec<u8>| like.clone().edit_section("INIT", |init| init.bytes(code));
    let built = with(vec![0xCC; 64]).build();
    let slot = built.thunk_rva("ntoskrnl.exe", "ExAllocatePoolWithTag");
    let start = built.rva_of_section("INIT");
    let mut code = vec![0x48, 0x83, 0xEC, 0x28]; // sub rsp, 28h
    if asks {
        code.extend([0x31, 0xC9]); // xor ecx, ecx: NonPagedPool
        code.extend([0xBA, 0x40, 0, 0, 0]); // mov edx, 40h
        code.extend([0x41, 0xB8, b'S', b'a', b'm', b'p']); // mov r8d, tag
        let behind = start + code.len() as u32 + 6;
        code.extend([0xFF, 0x15]); // call [slot]
        code.extend(slot.wrapping_sub(behind).to_le_bytes());
    }
    code.extend([0xD9, 0xE8]); // fld1
    code.resize(64, 0xCC);
    with(code).bytes()
}

/// Windows stops at the violation, and never comes to what is not emulated.
#[test]
fn a_violation_counts_also_where_the_run_is_left_off() {
    let folder = folder([
        ("stopped.sys", that_is_left_off(true)),
        ("open.sys", that_is_left_off(false)),
        ("fine.sys", clean()),
    ]);
    let state = folder.path().join("verifier.json");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (stopped, open, fine) = (path("stopped.sys"), path("open.sys"), path("fine.sys"));
    let one = verifier(&state, &format!("/flags 0x02000000 /driver {stopped}"));
    assert_eq!(one.code, Some(1), "{one:?}");
    assert!(one.words().contains("not emulated: the instruction d9 e8 at +"), "{one:?}");
    assert!(one.words().contains("at the first violation, with bug check 0xC4 (0x2000, "));
    assert!(one.stdout.contains("1 driver, emulated: 1 stopped"), "{one:?}");
    assert!(!one.stdout.contains("was not run"), "{one:?}");
    let query = verifier(&state, "/query");
    assert!(query.line("Pool Type").ends_with(" 1"), "{query:?}");
    let as_far =
        "Run as far as DriverEntry, where something is not emulated: the instruction d9 e8";
    assert!(query.words().contains(as_far), "{query:?}");

    let several = verifier(&state, &format!("/flags 0x02000000 /driver {stopped} {fine}"));
    assert_eq!(several.code, Some(1), "{several:?}");
    assert!(several.words().contains("stopped.sys 0xC4:0x2000"), "{several:?}");
    assert!(several.words().contains(&format!("fail: {stopped}")), "{several:?}");

    // Where nothing was seen nothing is known.
    let nothing = verifier(&state, &format!("/flags 0x02000000 /driver {open}"));
    assert_eq!(nothing.code, Some(3), "{nothing:?}");
    assert!(nothing.stdout.contains("DriverEntry was not run to its end, so"), "{nothing:?}");

    let summary = run(["verify", "--format", "summary", &stopped, &open]);
    assert_eq!(summary.code, Some(1), "{summary:?}");
    assert!(summary.words().contains("stopped.sys 0xC4:0x2000 not emulated"), "{summary:?}");
    assert!(summary.words().contains("open.sys not emulated not emulated"), "{summary:?}");
    assert!(summary.stdout.contains("emulated: 1 stopped · 1 not run to the end"), "{summary:?}");
    // What ended the run is told as it is.
    let line = &run(["verify", "--format", "jsonl", &stopped]).jsonl()[0];
    assert_eq!(
        (&line["run"]["end"], &line["bugcheck"]["code"]),
        (&"not-emulated".into(), &"0xC4".into())
    );
}

#[test]
fn query_is_short_where_nothing_was_counted() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let names =
        ["clean-x64.sys", "executable-pool-x64.sys", "map-io-space-x64.sys", "kmdf-x64.sys"];
    let names = names.map(example).join(" ");
    verifier(&state, &format!("/flags 0x02000000 /driver {names}"));
    let short = verifier(&state, "/query");
    assert_eq!(short.stdout.matches("Code Integrity Statistics:").count(), 1, "{short:?}");
    assert!(short.line("clean-x64").ends_with("(load: 1 / unload: 1): all seven counters are 0"));
    // What was assumed is told, and nothing that was not.
    let assumed = short.line("Under assumption: ");
    assert!(
        assumed.contains("a device's memory is mapped ×")
            && assumed.contains("; on Windows it may go"),
        "{short:?}"
    );
    let all = verifier(&state, "/query /all");
    assert_eq!(all.stdout.matches("Code Integrity Statistics:").count(), 4, "{all:?}");
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let folder = folder([("broken.json", b"{\"state_version\": 9}".to_vec())]);
    let state = folder.path().join("verifier.json");
    for (line, part) in [
        ("", "opens a window"),
        ("/flgs 1 /all", "did you mean /flags?"),
        ("/flags 0x02000000", "which drivers"),
        ("/flags 0xG /all", "takes numbers"),
    ] {
        let ran = verifier(&state, line);
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{line}: {ran:?}");
        assert!(ran.stderr.contains(part), "{line}: {ran:?}");
    }
    let class = verifier(&state, "/ruleclasses 99 /all");
    assert!(
        class.stderr.contains(", 26, 33, 34, 35, 36; 26 is the code integrity checks"),
        "{class:?}"
    );
    let missing = verifier(&state, "/flags 0x02000000 /driver /no/such.sys");
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stdout.contains("/no/such.sys"));
    let broken = folder.path().join("broken.json");
    let ran = verifier(&broken, "/query");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("of version 9, and this ringfence knows 1"), "{ran:?}");
    assert_eq!(verifier(&broken, "/reset").code, Some(0));
    assert_eq!(verifier(&broken, "/query").code, Some(0));
}

/// A file that is none of ours is left alone, whatever the variable says.
#[test]
fn what_is_no_state_is_never_lost() {
    let driver = example("executable-pool-x64.sys");
    let folder = folder([("v.sys", fs::read(&driver).unwrap()), ("notes.txt", b"mine".to_vec())]);
    for name in ["v.sys", "notes.txt"] {
        let path = folder.path().join(name);
        let before = fs::read(&path).unwrap();
        let ran = verifier(&path, &format!("/flags 0x02000000 /driver {driver}"));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.words().contains("Windows would stop"), "{ran:?}");
        assert!(ran.stderr.contains("neither replaced nor removed"), "{ran:?}");
        let reset = verifier(&path, "/reset");
        assert_eq!(reset.code, Some(2), "{reset:?}");
        assert!(reset.stderr.contains("neither replaced nor removed"), "{reset:?}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_state_that_cannot_be_kept_is_told_beside_the_report() {
    let folder = folder([("file", Vec::new())]);
    let state = folder.path().join("file/verifier.json");
    let driver = example("executable-pool-x64.sys");
    let ran = verifier(&state, &format!("/flags 0x02000000 /driver {driver}"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.starts_with("warning: cannot keep this run in "), "{ran:?}");
    assert!(ran.stdout.contains(&format!("/driver {}", file_name(&driver))));
}

#[test]
fn help_is_that_of_clap_and_that_of_the_tool() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    for switch in ["/?", "-help", "/HELP"] {
        let ran = verifier(&state, switch);
        assert_eq!(ran.code, Some(0), "{switch}");
        if switch != "-help" {
            assert!(ran.stdout.contains("    /log.code_integrity\n"), "{ran:?}");
        }
    }
    let help = verifier(&state, "--help").stdout;
    assert!(help.contains("Usage: ringfence verifier {/standard"));
    assert!(help.contains("`ringfence verify --environment verifier --format json`"));
}
