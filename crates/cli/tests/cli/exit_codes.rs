//! The exit code: documented order, and the same for every format.

use crate::run::{
    FORMATS, bad, blemished, clean, folder, immovable, malformed, ringfence, run, scan, straddling,
};
use std::process::Stdio;
use tempfile::TempDir;

/// Asserts the exit code of a scan in every format.
#[track_caller]
fn code(files: &TempDir, options: &str, expected: i32) {
    for format in FORMATS {
        let ran = scan(&format!("--format {format} {options}"), files.path());
        assert_eq!(ran.code, Some(expected), "{format} {options}: {ran:?}");
    }
}

fn truncated() -> Vec<u8> {
    malformed("truncated-in-file-header")
}

#[test]
fn codes_come_in_the_documented_order() {
    let text = || b"no driver".to_vec();
    code(&folder([("clean.sys", clean())]), "", 0);
    code(&folder([("clean.sys", clean()), ("notes.txt", text())]), "", 0);
    code(&folder([("clean.sys", clean()), ("bad.sys", bad())]), "", 1);
    code(&folder([("bad.sys", bad()), ("cut.sys", truncated())]), "", 1);
    code(&folder([("bad.sys", bad()), ("dent.sys", blemished())]), "", 1);
    code(&folder([("clean.sys", clean()), ("cut.sys", truncated())]), "", 2);
    code(&folder([("clean.sys", clean()), ("dent.sys", blemished())]), "", 2);
    code(&folder([("cut.sys", truncated())]), "", 2);
    code(&folder([("notes.txt", text())]), "", 3);
    code(&folder([]), "", 3);
}

#[test]
fn only_gated_questions_count() {
    let immovable = folder([("immovable.sys", immovable())]);
    code(&immovable, "", 1);
    code(&immovable, "--gate load", 1);
    code(&immovable, "--gate run", 0);
    code(&immovable, "--gate certify,run", 0);
    code(&immovable, "--gate certify --gate load", 1);
}

#[test]
fn unknown_counts_when_asked() {
    let clean = folder([("clean.sys", clean())]);
    code(&clean, "--fail-unknown", 0);
    let arm64 = folder([("arm64.sys", ringfence_fixture::driver().arm64().bytes())]);
    code(&arm64, "", 0);
    code(&arm64, "--fail-unknown", 1);
    code(&arm64, "--fail-unknown --gate load", 0);
    code(&arm64, "--fail-unknown --gate run", 1);
    // Still nothing to examine.
    code(&folder([]), "--fail-unknown", 3);
}

#[test]
fn targets_decide_what_is_gated() {
    let straddling = folder([("straddling.sys", straddling())]);
    code(&straddling, "", 0);
    code(&straddling, "--target win10-1607", 1);
    code(&straddling, "--target all", 1);
    code(&straddling, "--target win10-1703+", 0);
}

#[test]
fn a_command_line_that_cannot_be_meant() {
    let clean = folder([("clean.sys", clean())]);
    let path = clean.path().to_str().unwrap();
    let bad: [&[&str]; 8] = [
        &[],
        &["scan"],
        &["scan", "--format", "xml", path],
        &["scan", "--gate", "boot", path],
        &["scan", "--target", "win95", path],
        &["scan", "--threads", "many", path],
        &["scan", "--bogus", path],
        &["list", "drivers"],
    ];
    for arguments in bad {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(run(["explain", "no such rule"]).code, Some(2));
}

#[test]
fn typos_are_answered_with_what_was_meant() {
    for (arguments, hint) in [
        (&["scan", "--format", "sumary", "x"][..], "'summary'"),
        (&["scan", "--gate", "laod", "x"], "'load'"),
        (&["scan", "--target", "win10-1073", "x"], "did you mean win10-1703?"),
        (&["scan", "--target", "win11-24h3+", "x"], "did you mean win11-24h2?"),
        (&["scan", "--target", "win10-1706", "x"], "did you mean win10-1703?"),
        (&["scan", "--target", "windows11", "x"], "did you mean win11?"),
        (&["scan", "--report", "srif=x", "x"], "did you mean sarif?"),
        (&["scan", "--sarif", "x"], "--report sarif=FILE; to print it: --format sarif"),
        (&["scan", "--output", "x", "y"], "tip: to write a report to a file: --report FORMAT=FILE"),
        (&["scan", "--format", "xml", "x"], "'junit'"),
        (&["scan", "--targt", "all", "x"], "'--target'"),
        (&["explain", "executable-pool"], "mean executable-pool-type, executable-pool-flags?"),
        (&["explain", "ExAllocatePoolWithTagg"], "did you mean ExAllocatePoolWithTag?"),
        (&["calls", "--ddi", "POOL_NX_OPTI", "x"], "called so; `ringfence list ddis`"),
        (&["man", "scann"], "did you mean scan?"),
        (&["completions", "bsh"], "'bash'"),
        (&[env!("CARGO_MANIFEST_DIR")], "to examine it: ringfence scan"),
        (&["scan", "--target", "vista", "x"], "`ringfence list targets`"),
        (&["scan", "--formats", "json", "x"], "'--format'"),
        (&["scam", "x"], "'scan'"),
        (&["list", "rule"], "'rules'"),
        (&["explain", "writeable-executable-section"], "did you mean writable-executable-section"),
        (&["explain", "0xC4:0x2009"], "did you mean 0xC4:0x200"),
        (&["explain", "zzz"], "`ringfence list rules` and `ringfence list ddis`"),
        (&["explain", "ExAlocatePoolWithTag"], "did you mean ExAllocatePoolWithTag"),
        (&["list", "ddi"], "'ddis'"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(hint), "{arguments:?}: {}", ran.stderr);
    }
}

/// A report nobody could read is worse than any answer in it.
#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written() {
    let folder = folder([("bad.sys", bad())]);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for format in FORMATS {
        let mut command = ringfence();
        command.args(["scan", "--format", format]).arg(folder.path());
        let ran = crate::run::Ran::from(command.stdout(full()).output().unwrap());
        assert_eq!(ran.code, Some(2), "{format}");
        assert!(ran.stderr.starts_with("error: cannot write the report\n"), "{ran:?}");
        assert!(ran.stderr.contains("No space left on device"), "{ran:?}");
    }
    let path = folder.path().to_str().unwrap();
    for arguments in [
        &["explain", "wrong-machine"][..],
        &["explain", "MmMapIoSpace"],
        &["list", "rules"],
        &["list", "ddis"],
        &["list", "targets"],
        &["calls", path],
        &["calls", "--format", "json", path],
    ] {
        let output = ringfence().args(arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

/// `ringfence scan … | head -1` ends in silence.
#[test]
fn a_reader_who_has_read_enough() {
    use std::io::{BufRead, BufReader};
    // Too much for a pipe to hold, and all of it fine: a report cut short makes no other code.
    let files = ringfence_fixture::clean_corpus(60, 2).filter(|(name, _)| !name.contains("-bad-"));
    let files = files.collect::<Vec<_>>();
    let folder = folder(files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    for format in ["json", "jsonl", "full", "concise"] {
        let mut command = ringfence();
        command.args(["scan", "--format", format]).arg(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ran = crate::run::Ran::from(child.wait_with_output().unwrap());
        assert!(!first.is_empty(), "{format}");
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{format}");
    }
    for arguments in [&["explain", "wrong-machine"][..], &["list", "rules"], &["scan", "--help"]] {
        let mut command = ringfence();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let ran = crate::run::Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
