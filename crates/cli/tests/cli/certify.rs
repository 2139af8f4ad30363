//! `ringfence certify`

use crate::run::{
    Ran, bad, blemished, clean, folder, immovable, malformed, run, straddling, workspace,
};
use serde_json::{Value, json};
use std::path::Path;

/// Runs `ringfence certify` with options as one writes them, and one input.
fn certify(options: &str, input: impl AsRef<Path>) -> Ran {
    let input = input.as_ref().to_str().unwrap();
    run(["certify"].into_iter().chain(options.split_whitespace()).chain([input]))
}

fn examples() -> std::path::PathBuf {
    workspace("examples/drivers")
}

#[test]
fn codes_come_in_the_documented_order() {
    let code = |files: &[(&str, Vec<u8>)], options: &str| {
        let files = folder(files.iter().cloned());
        let code = |format| certify(&format!("--format {format} {options}"), files.path()).code;
        let codes = ["text", "json", "markdown", "script"].map(code);
        assert!(codes.iter().all(|one| *one == codes[0]), "{codes:?}");
        codes[0].unwrap()
    };
    let cut = || malformed("truncated-in-file-header");
    let arm64 = || ringfence_fixture::driver().arm64().bytes();
    assert_eq!(code(&[("a.sys", clean())], ""), 0);
    assert_eq!(code(&[("a.sys", clean())], "--fail-unknown"), 0);
    assert_eq!(code(&[("a.sys", bad()), ("b.sys", cut())], ""), 1);
    assert_eq!(code(&[("a.sys", arm64())], ""), 0);
    assert_eq!(code(&[("a.sys", arm64())], "--fail-unknown"), 1);
    // It does not load, which nobody is certified by, but fails no counter.
    assert_eq!(code(&[("a.sys", immovable())], ""), 0);
    assert_eq!(code(&[("a.sys", immovable())], "--fail-unknown"), 1);
    assert_eq!(code(&[("a.sys", clean()), ("b.sys", cut())], ""), 2);
    assert_eq!(code(&[("a.sys", blemished())], ""), 2);
    assert_eq!(code(&[("notes.txt", b"text".to_vec())], ""), 3);
    assert_eq!(code(&[], ""), 3);
    assert_eq!(run(["certify"]).code, Some(2));
    assert_eq!(run(["certify", "--sku", "phone", "x"]).code, Some(2));
    assert_eq!(certify("", folder([]).path().join("gone.sys")).code, Some(2));
}

/// Windows 10 1607 and Windows Server 2016 count such relocations, and both editions have one of them.
#[test]
fn the_edition_and_the_versions_decide() {
    let files = folder([("a.sys", straddling())]);
    for (options, code, first) in [
        ("", 1, "win10-1607"),
        ("--sku desktop", 1, "win10-1607"),
        ("--sku SERVER", 1, "server-2016"),
        ("--sku server --target server-2019", 0, "server-2019"),
        ("--target win10-1703+", 0, "win10-1703"),
        // What names versions of one edition names the edition.
        ("--target server-2019,server-2022", 0, "server-2019"),
        ("--target server", 1, "server-2016"),
        ("--target Server-2019+", 0, "server-2019"),
        ("--target all", 1, "win10-1607"),
        ("--sku desktop,desktop --target win10-1607", 1, "win10-1607"),
    ] {
        let ran = certify(&format!("{options} --format json"), files.path());
        assert_eq!(ran.code, Some(code), "{options}");
        assert_eq!(ran.json()["targets"][0], first, "{options}");
        assert_eq!(ran.json()["drivers"][0]["counters"][5]["count"], code, "{options}");
    }
    let text = certify("--sku server", files.path()).stdout;
    assert!(text.contains("Assurance"), "{text}");
    assert!(!certify("", files.path()).stdout.contains("Assurance"));
}

/// An edition's test is asked about its own versions only, from the first that it is required on.
#[test]
fn editions_and_versions_that_do_not_go_together() {
    let files = folder([("a.sys", clean())]);
    for (options, told) in [
        ("--sku server --target win11", "win11 is of the edition desktop, not server"),
        ("--sku desktop --target server-2025", "server-2025 is of the edition server, not desktop"),
        ("--target win11,server-2025", "server-2025 is of the edition server, not desktop"),
        ("--target win10-1507", "not required on win10-1507"),
        ("--sku server --target win10-1507", "not required on win10-1507"),
        ("--sku desktop,server", "run it twice"),
    ] {
        let ran = certify(options, files.path());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{options}");
        assert!(ran.stderr.contains(told), "{options}: {ran:?}");
    }
    let targets = |options: &str| {
        let report = certify(&format!("{options} --format json"), files.path()).json();
        report["targets"].as_array().unwrap().len()
    };
    assert_eq!(targets("--target all"), targets(""));
    assert_eq!(targets("--target all --sku server"), 4);
}

#[test]
fn json_follows_the_schema() {
    let path = workspace("schemas/certify-v1.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for options in ["", "--sku server --target all"] {
        let report = certify(&format!("--format json {options}"), examples()).json();
        let errors: Vec<_> =
            validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(report["drivers"].as_array().unwrap().len(), 50);
        assert_eq!(report["basis"]["seen_running"], Value::Null);
    }
    assert!(!validator.is_valid(&json!({ "report_version": 1 })));
}

/// The answers that the examples' own list has for *certify*; older versions of Windows count one more.
#[test]
fn examples_are_as_their_list_says() {
    let text = std::fs::read_to_string(examples().join("expected.toml")).unwrap();
    let expected: toml::Table = text.parse().unwrap();
    let report = certify("--format json --target win10-1703+", examples()).json();
    for driver in report["drivers"].as_array().unwrap() {
        let name = crate::run::file_name(driver["path"].as_str().unwrap()).to_owned();
        let result = match expected[&name]["certify"].as_str().unwrap() {
            "yes" => "pass",
            "no" => "fail",
            _ => "undecided",
        };
        assert_eq!(driver["result"], result, "{name}");
    }
}

#[test]
fn a_file_is_written_beside_the_text() {
    let files = folder([("a.sys", bad())]);
    let file = files.path().join("out.json");
    let options = format!("--format json --output {}", file.display());
    let ran = certify(&options, files.path().join("a.sys"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    assert!(ran.line("Execute-Write Section Count").ends_with("1  fail"), "{ran:?}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(report["totals"], json!({ "drivers": 1, "pass": 0, "fail": 1, "undecided": 0 }));
    let nowhere = files.path().join("no/such/folder/out.json");
    let ran = certify(&format!("--output {}", nowhere.display()), files.path().join("a.sys"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.starts_with("error: cannot write the report "), "{ran:?}");
}

/// With its PDB beside it, the driver's functions are named.
#[test]
fn functions_are_named() {
    let ran = certify("", examples().join("library-pool-x64.sys"));
    assert_eq!(ran.line("Execute Pool Type Count").trim_end().chars().last(), Some('l'));
    assert!(ran.stdout.contains("HelperOpenLog"), "{ran:?}");
    assert!(ran.stdout.contains(
        "\n      Module: library-pool-x64.sys\n          Reason: execute pool type count: 2\n"
    ));
}

#[test]
fn what_could_not_be_read_is_told_to_programs_on_standard_error() {
    let files = folder([("a.sys", clean()), ("cut.sys", malformed("truncated-in-file-header"))]);
    let ran = certify("--format script", files.path());
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with("error: cannot read "), "{ran:?}");
}
