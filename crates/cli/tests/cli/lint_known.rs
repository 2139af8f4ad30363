//! What `ringfence lint` knows of already: settings, acceptances, a baseline.

use crate::run::{Ran, folder, ringfence};
use std::fs;
use std::path::Path;

const BAD: &str = "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePool(NonPagedPool, 1); }\n";

fn run_in(folder: &Path, arguments: &str) -> Ran {
    let mut command = ringfence();
    command.args(arguments.split_whitespace()).current_dir(folder);
    command.output().unwrap().into()
}

fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    folder(files.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())))
}

const ACCEPT: &str =
    "[[accept]]\nrule = \"executable-pool-type\"\nreason = \"kept for the old firmware\"\n";

#[test]
fn what_the_settings_accept_fails_nothing() {
    for (of, code) in [
        ("path = \"src/*.c\"", Some(0)),
        ("path = \"src\"", Some(0)),
        ("function = \"f\"", Some(0)),
        ("path = \"src/*.c\"\nddi = \"ExAllocatePool\"", Some(0)),
        ("path = \"src/*.c\"\nuntil = 2099-12-31", Some(0)),
        ("path = \"src/*.c\"\nddi = \"ExAllocatePoolWithTag\"", Some(1)),
        ("path = \"src/*.c\"\nuntil = 2020-12-31", Some(1)),
        ("path = \"other/*.c\"", Some(1)),
        ("function = \"g\"", Some(1)),
    ] {
        let all = files(&[("ringfence.toml", &format!("{ACCEPT}{of}\n")), ("src/a.c", BAD)]);
        let ran = run_in(all.path(), "lint");
        assert_eq!(ran.code, code, "{of}: {ran:?}");
        assert_eq!(ran.last_line().contains("; 1 accepted"), code == Some(0), "{of}: {ran:?}");
        assert_eq!(run_in(all.path(), "lint --isolated").code, Some(1));
    }
}

#[test]
fn an_acceptance_of_source_that_accepts_nothing_is_told() {
    let said = |of: &str, command: &str| {
        let all = files(&[("ringfence.toml", &format!("{ACCEPT}{of}\n")), ("src/b.c", "")]);
        run_in(all.path(), command).stderr
    };
    let told = "warning: ringfence.toml:1: accepts nothing: no executable-pool-type in src/*.c\n";
    assert_eq!(said("path = \"src/*.c\"", "lint"), told);
    let over = said("path = \"src/*.c\"\nuntil = 2020-12-31", "lint");
    assert!(over.contains("ended on 2020-12-31"), "{over}");
    // These may be for drivers.
    for of in ["path = \"src/*.sys\"", "path = \"src\"", "function = \"f\""] {
        assert_eq!(said(of, "lint"), "", "{of}");
    }
    assert!(!said("path = \"src/*.c\"", "scan src").contains("accepts nothing"));
}

/// The line is one of the project, so the project is named.
#[test]
fn what_a_project_switches_off_is_told_with_its_place() {
    let command = "cl /c /wd30030 a.c";
    let entry = format!(r#"[{{"directory": ".", "file": "a.c", "command": "{command}"}}]"#);
    let all = files(&[("a.c", BAD), ("compile_commands.json", &entry)]);
    let ran = run_in(all.path(), "lint --format csv");
    let told = "accepted in compile_commands.json, line 1: `/wd30030` switches C30030 off";
    assert!(ran.stdout.contains(told), "{ran:?}");
    assert_eq!(ran.code, Some(0));
    let ran = run_in(all.path(), "lint --format json");
    assert!(ran.stdout.contains("\"path\": \"compile_commands.json\""), "{ran:?}");
}

#[test]
fn a_baseline_lets_only_what_is_new_fail() {
    for format in ["json", "jsonl"] {
        let all = files(&[("src/a.c", BAD), ("src/b.c", BAD)]);
        let made = run_in(all.path(), &format!("lint --report {format}=old.{format}"));
        assert_eq!(made.code, Some(1));
        let known = format!("lint --baseline old.{format}");
        let ran = run_in(all.path(), &known);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.last_line().contains("; 2 in the baseline"), "{ran:?}");
        // Lines move, a file does, and one more of the same is new.
        fs::write(all.path().join("src/a.c"), BAD.replacen('\n', "\n\n\n", 1)).unwrap();
        fs::create_dir(all.path().join("new")).unwrap();
        fs::rename(all.path().join("src/b.c"), all.path().join("new/b.c")).unwrap();
        assert_eq!(run_in(all.path(), &known).code, Some(0));
        fs::write(all.path().join("src/c.c"), BAD).unwrap();
        let ran = run_in(all.path(), &format!("{known} --format concise"));
        assert_eq!(ran.code, Some(1));
        assert!(ran.stdout.starts_with("src/c.c:2:39: error["), "{ran:?}");
        assert_eq!(run_in(all.path(), &format!("{known} --no-baseline")).code, Some(2));
    }
}

#[test]
fn a_baseline_that_is_none_is_refused() {
    let all = files(&[("a.c", BAD), ("old.json", "{\"report_version\": 1, \"drivers\": []}")]);
    let ran = run_in(all.path(), "lint --baseline old.json");
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    assert!(ran.stderr.contains("it is a report about drivers"), "{ran:?}");
    assert!(ran.stderr.contains("`ringfence lint --no-baseline --report json=FILE`"), "{ran:?}");
    let ran = run_in(all.path(), "lint --baseline old.json --report json=old.json");
    assert_eq!(ran.code, Some(2));
}

#[test]
fn the_settings_file_holds() {
    let text = "format = \"jsonl\"\nreport = [\"csv=drivers.csv\"]\nbaseline = \"gone.json\"\n\
                lint-report = [\"json=lint.json\"]\n";
    let all = files(&[("sub/ringfence.toml", text), ("sub/a.c", BAD)]);
    let ran = run_in(all.path(), "lint sub");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.jsonl()[0]["path"], "sub/a.c");
    assert!(all.path().join("sub/lint.json").exists());
    // They are of drivers.
    assert!(!all.path().join("sub/drivers.csv").exists());
    // It is its own baseline from now on; the command line goes before.
    let text = "lint-baseline = \"lint.json\"\n";
    fs::write(all.path().join("sub/ringfence.toml"), text).unwrap();
    assert_eq!(run_in(all.path(), "lint sub").code, Some(0));
    assert_eq!(run_in(all.path(), "lint sub --no-baseline").code, Some(1));
    let listed = run_in(all.path(), "list settings sub");
    let words: Vec<_> = listed.line("lint-baseline").split_whitespace().collect();
    let path = Path::new("sub").join("lint.json");
    assert_eq!(words, ["lint-baseline", path.to_str().unwrap(), "ringfence.toml:1"]);
}
