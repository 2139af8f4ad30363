//! `ringfence verifier`: the real tool's command line, and what is kept of the last run.

use crate::run::{Ran, clean, file_name, folder, ringfence, workspace};
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

#[test]
fn a_run_reads_like_the_tool_it_stands_for() {
    let folder = folder([]);
    let state = folder.path().join("state/verifier.json");
    let driver = example("executable-pool-x64.sys");
    let ran = verifier(&state, &format!("/FLAGS 0x02000000 -driver {driver}"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with("Driver Verifier, emulated: nothing is set on this machine"));
    assert!(ran.stdout.contains("  [X] 0x02000000 Code integrity checks.\n"));
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
    assert_eq!(modules, ["MODULE: a.sys (load: 1 / unload: 0)"]);

    // Without a folder it is the current one.
    let mut command = ringfence();
    command.env("RINGFENCE_STATE", &state).current_dir(&all);
    command.args(["verifier", "/flags", "0x02000000", "/all"]);
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.stdout.contains("3 drivers, emulated"), "{ran:?}");
}

#[test]
fn what_is_not_emulated_is_told_and_nothing_is_kept() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let driver = example("clean-x64.sys");
    let ran = verifier(&state, &format!("/standard /driver {driver} /bootmode oneboot"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("[X] 0x00000001 Special pool.\n      not emulated; on Windows "));
    assert!(ran.stdout.contains("/bootmode: On Windows it says"));
    assert!(ran.stdout.contains("Nothing was run: without the code integrity checks"));
    let real = "On Windows: verifier.exe /flags 0x000209BB /driver clean-x64.sys /bootmode oneboot";
    assert_eq!(ran.last_line(), real);
    assert!(!state.exists());
    let volatile = verifier(&state, "/volatile /adddriver x.sys");
    assert_eq!(volatile.code, Some(0), "{volatile:?}");
    assert!(volatile.stdout.contains("/adddriver: On Windows"));
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
    assert!(verifier(&state, "--help").stdout.contains("Usage: ringfence verifier {/standard"));
}
