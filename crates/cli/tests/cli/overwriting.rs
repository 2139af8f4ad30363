//! What a report must not be written over.

use crate::run::{Ran, bad, folder, ringfence};
use std::fs;
use std::path::Path;

fn run_in(folder: &Path, arguments: &[&str]) -> Ran {
    ringfence().args(arguments).current_dir(folder).output().unwrap().into()
}

#[test]
fn drivers_debug_files_and_settings_are_not_written_over() {
    let folder = folder([("a.sys", bad()), ("b.sys", bad())]);
    fs::write(folder.path().join("a.pdb"), b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0").unwrap();
    fs::write(folder.path().join("ringfence.toml"), "strict = true\n").unwrap();
    fs::write(folder.path().join("old.json"), "{}").unwrap();
    for (arguments, lost) in [
        (&["scan", "a.sys", "--report", "json=a.sys"][..], "a program or driver: a.sys"),
        (&["scan", ".", "--report", "csv=./b.sys"], "a program or driver: ./b.sys"),
        (&["scan", "a.sys", "--report", "html=a.pdb"], "a debug file: a.pdb"),
        (&["scan", "a.sys", "--report", "sarif=ringfence.toml"], "the settings file"),
        (&["certify", "a.sys", "--output", "a.sys"], "a program or driver: a.sys"),
        (&["diff", "b.sys", "b.sys", "--output", "a.sys"], "a program or driver: a.sys"),
        (&["diff", "old.json", "a.sys", "--output", "./old.json"], "over what is compared"),
    ] {
        let before = fs::read(folder.path().join("a.sys")).unwrap();
        let ran = run_in(folder.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(lost), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert_eq!(fs::read(folder.path().join("a.sys")).unwrap(), before);
    }
}

#[test]
fn a_missing_folder_is_named_and_the_others_are_written() {
    let folder = folder([("a.sys", bad())]);
    let reports = ["--report", "json=no/where.json", "--report", "csv=a.csv"];
    let ran = run_in(folder.path(), &[&["scan", "a.sys"][..], &reports].concat());
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("there is no folder no\n"), "{}", ran.stderr);
    assert!(fs::read_to_string(folder.path().join("a.csv")).unwrap().contains("a.sys"));
}

/// A folder of foreign drivers brings its own settings, and links to what is not its own.
#[cfg(unix)]
#[test]
fn settings_write_no_report_by_a_link() {
    let folder = folder([("foreign/a.sys", bad())]);
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("mine")).unwrap();
    fs::write(at("mine/precious"), "precious").unwrap();
    std::os::unix::fs::symlink(at("mine/precious"), at("foreign/r.csv")).unwrap();
    std::os::unix::fs::symlink(at("mine"), at("foreign/reports")).unwrap();
    for report in ["csv=r.csv", "json=reports/new.json"] {
        fs::write(at("foreign/ringfence.toml"), format!("report = [\"{report}\"]")).unwrap();
        let ran = run_in(folder.path(), &["scan", "foreign"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("ringfence.toml:1: `report`"), "{}", ran.stderr);
    }
    assert_eq!(fs::read_to_string(at("mine/precious")).unwrap(), "precious");
    assert_eq!(fs::read_dir(at("mine")).unwrap().count(), 1);
}
