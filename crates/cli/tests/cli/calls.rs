//! `ringfence calls`, and `--calls` of a scan.

use crate::run::{Ran, bad, blemished, clean, folder, malformed, run, scan};
use serde_json::json;
use std::path::Path;

/// Runs `ringfence calls` with options as one writes them, and one input.
fn calls(options: &str, input: &Path) -> Ran {
    let input = input.to_str().unwrap();
    run(["calls"].into_iter().chain(options.split_whitespace()).chain([input]))
}

#[test]
fn it_judges_nothing() {
    let code = |files: &[(&str, Vec<u8>)]| {
        let files = folder(files.iter().cloned());
        ["", "--format json", "--only violation"]
            .map(|options| calls(options, files.path()).code.unwrap())
    };
    let truncated = || malformed("truncated-in-file-header");
    assert_eq!(code(&[("clean.sys", clean())]), [0; 3]);
    assert_eq!(code(&[("bad.sys", bad())]), [0; 3]);
    assert_eq!(code(&[("bad.sys", bad()), ("cut.sys", truncated())]), [2; 3]);
    assert_eq!(code(&[("dent.sys", blemished())]), [2; 3]);
    assert_eq!(code(&[("notes.txt", b"no driver".to_vec())]), [3; 3]);
    assert_eq!(code(&[]), [3; 3]);
}

#[test]
fn what_could_not_be_read_is_told() {
    let files =
        folder([("clean.sys", clean()), ("cut.sys", malformed("truncated-in-file-header"))]);
    let text = calls("", files.path());
    assert!(text.line("cut.sys").contains(": unread: "), "{text:?}");
    assert!(text.last_line().starts_with("2 files, 1 driver"), "{text:?}");
    assert!(text.last_line().contains("; 1 unread ("), "{text:?}");
    assert_eq!(text.stderr, "");
    let json = calls("--format json", files.path());
    assert_eq!(json.json()["unread"].as_array().unwrap().len(), 1);
    assert!(json.stderr.starts_with("error: cannot read "), "{json:?}");
}

#[test]
fn every_driver_is_told_in_json() {
    let files = folder([("a.sys", clean()), ("b.sys", bad())]);
    let ran = calls("--format json", files.path());
    assert_eq!(ran.drivers(), ["a.sys", "b.sys"]);
    let document = ran.json();
    let report = scan("--format json --calls", files.path()).json();
    for (told, driver) in
        document["drivers"].as_array().unwrap().iter().zip(report["drivers"].as_array().unwrap())
    {
        assert!(told["calls"].is_array(), "{told}");
        assert_eq!(told["calls"], driver["calls"]);
        assert_eq!(told["sha256"], driver["sha256"]);
        assert_eq!(told["code"], driver["coverage"]["code"]);
    }
}

#[test]
fn calls_are_listed_only_when_asked_for() {
    let files = folder([("a.sys", clean())]);
    for format in ["json", "jsonl"] {
        for (options, listed) in [("", false), ("--calls", true)] {
            let ran = scan(&format!("--format {format} {options}"), files.path().join("a.sys"));
            let parsed = ran.json();
            let driver = if format == "json" { &parsed["drivers"][0] } else { &parsed };
            assert_eq!(driver.get("calls").is_some(), listed, "{format} {options}");
        }
    }
}

#[test]
fn formats_for_people_list_no_calls_and_say_what_to_do() {
    let files = folder([("a.sys", clean())]);
    for options in ["", "--format full", "--format concise", "--format summary"] {
        let ran = scan(&format!("{options} --calls"), files.path());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{options}");
        assert!(ran.stderr.contains("--format json or jsonl"), "{options}: {ran:?}");
        assert!(ran.stderr.contains("`ringfence calls DRIVER`"), "{options}: {ran:?}");
    }
}

#[test]
fn filters_are_read() {
    let files = folder([("a.sys", clean())]);
    let ran = calls(
        "--only violation,Mixed --only unknown --ddi MmMapIoSpace,exallocatepool2 --format json",
        files.path(),
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.json()["drivers"][0]["calls"], json!([]));
    let ran = calls("--only violations", files.path());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("'violation'"), "{ran:?}");
    assert_eq!(run(["calls"]).code, Some(2));
}

#[test]
fn a_ddi_that_nobody_knows_is_a_usage_error() {
    let files = folder([("clean.sys", clean())]);
    let ran = calls("--ddi ExAllocPool", files.path());
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("did you mean ExAllocatePool?"), "{ran:?}");
}
