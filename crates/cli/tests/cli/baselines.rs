//! `--baseline`: what an earlier run found fails nothing.

use crate::run::{FORMATS, bad, clean, folder, immovable, workspace};
use crate::settings::run_in;
use ringfence_fixture::driver;
use serde_json::json;
use std::fs;

#[test]
fn only_what_is_new_fails() {
    let files = folder([("d/a.sys", bad()), ("d/b.sys", clean())]);
    for format in ["json", "jsonl"] {
        assert_eq!(run_in(&files, &format!("scan --report {format}=old d")).code, Some(1));
        for told in FORMATS {
            let ran = run_in(&files, &format!("scan --baseline old --format {told} d"));
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{format} {told}");
        }
    }
    let report = run_in(&files, "scan --baseline old --format json d").json();
    let known = &report["drivers"][0];
    assert_eq!(
        (&known["verdict"]["load"], &known["verdict"]["certify"]),
        (&json!("no"), &json!("no"))
    );
    assert_eq!(known["findings"][0]["excuse"], json!({ "by": "baseline" }));
    assert_eq!(known["excused"], json!(["load", "run", "certify"]));
    // Another driver, with what another one had.
    fs::write(files.path().join("d/c.sys"), bad()).unwrap();
    fs::remove_file(files.path().join("d/a.sys")).unwrap();
    assert_eq!(run_in(&files, "scan --baseline old --no-hash d").code, Some(1));
    // The same content is the same driver, moved.
    assert_eq!(run_in(&files, "scan --baseline old d").code, Some(0));
    fs::write(files.path().join("d/b.sys"), immovable()).unwrap();
    assert_eq!(run_in(&files, "scan --baseline old d").code, Some(1));
    assert_eq!(run_in(&files, "scan --baseline old --exit-zero d").code, Some(0));
}

#[test]
fn a_new_build_with_the_old_findings_is_fine() {
    let rebuilt = |first: u8| {
        use ringfence_fixture::RWX;
        let data = |data: ringfence_fixture::Section| data.bytes(vec![first; 0x40]);
        driver().edit_section(".text", |text| text.rights(RWX)).edit_section(".data", data)
    };
    let files = folder([("build/1/a.sys", rebuilt(1).bytes())]);
    run_in(&files, "scan --report json=old.json build/1");
    fs::create_dir_all(files.path().join("build/2")).unwrap();
    fs::write(files.path().join("build/2/a.sys"), rebuilt(2).bytes()).unwrap();
    assert_eq!(run_in(&files, "scan --baseline old.json build/2").code, Some(0));
    fs::write(files.path().join("build/2/a.sys"), rebuilt(2).relocs_stripped().bytes()).unwrap();
    let ran = run_in(&files, "scan --baseline old.json --format json build/2");
    assert_eq!(ran.code, Some(1));
    let report = ran.json();
    let findings = report["drivers"][0]["findings"].as_array().unwrap();
    let new: Vec<_> = findings.iter().filter(|finding| finding["excuse"].is_null()).collect();
    assert_eq!(new.len(), 1);
    assert_eq!(new[0]["rule"], "stripped-relocations");
}

#[test]
fn what_was_open_before_is_not_new() {
    let files = folder([("a.sys", clean()), ("b.sys", driver().arm64().bytes())]);
    run_in(&files, "scan --report json=old.json a.sys b.sys");
    assert_eq!(run_in(&files, "scan --fail-unknown b.sys").code, Some(1));
    assert_eq!(run_in(&files, "scan --fail-unknown --baseline old.json b.sys").code, Some(0));
    // It was known, and is not any more.
    fs::write(files.path().join("a.sys"), driver().arm64().bytes()).unwrap();
    let options = "scan --fail-unknown --baseline old.json --no-hash";
    assert_eq!(run_in(&files, &format!("{options} a.sys")).code, Some(1));
}

/// A driver that does not load hides what *run* would object to; new objections count all the same.
#[test]
fn what_load_hides_is_new_too() {
    let hopeless = || driver().relocs_stripped();
    let files = folder([("a.sys", hopeless().bytes())]);
    run_in(&files, "scan --report json=old.json a.sys");
    fs::write(files.path().join("a.sys"), hopeless().entry_point(0x00F0_0000).bytes()).unwrap();
    let ran = run_in(&files, "scan --baseline old.json --format json a.sys");
    assert_eq!(ran.code, Some(1));
    let report = ran.json();
    assert_eq!(report["drivers"][0]["verdict"]["run"], "unknown");
    assert_eq!(report["drivers"][0]["excused"], json!(["load", "certify"]));
}

#[test]
fn the_settings_file_names_a_baseline_beside_it() {
    let files =
        folder([("d/ringfence.toml", b"baseline = \"old.json\"".to_vec()), ("d/a.sys", bad())]);
    let missing = run_in(&files, "scan d");
    assert_eq!(missing.code, Some(2));
    assert_eq!(run_in(&files, "scan --no-baseline --report json=d/old.json d").code, Some(1));
    assert_eq!(run_in(&files, "scan d").code, Some(0));
    assert_eq!(run_in(&files, "scan --no-baseline d").code, Some(1));
    assert_eq!(run_in(&files, "scan --report json=d/old.json d").code, Some(2));
    assert_eq!(run_in(&files, "scan d").code, Some(0));
}

/// A scan that fails for what is new must not make it known.
#[test]
fn a_report_is_not_written_over_the_baseline() {
    let files = folder([("a.sys", clean()), ("d/x", Vec::new())]);
    assert_eq!(run_in(&files, "scan --report json=old.json .").code, Some(0));
    fs::write(files.path().join("a.sys"), bad()).unwrap();
    let before = fs::read(files.path().join("old.json")).unwrap();
    let absolute = files.path().join("old.json");
    for path in ["old.json", "./d/../old.json", absolute.to_str().unwrap()] {
        let ran = run_in(&files, &format!("scan --baseline old.json --report json={path} ."));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{path}");
        assert!(ran.stderr.contains("would be written over the baseline"), "{ran:?}");
        assert!(ran.stderr.contains("\n  help: write it to another file"), "{ran:?}");
    }
    assert_eq!(fs::read(files.path().join("old.json")).unwrap(), before);
    let other = "scan --baseline old.json --report json=new.json .";
    assert_eq!(run_in(&files, other).code, Some(1));
    assert_eq!(run_in(&files, "scan --baseline old.json .").code, Some(1));
}

#[test]
fn what_is_no_report_is_a_usage_error() {
    for (text, reason) in [
        (
            "{\"report_version\": 2, \"drivers\": []}",
            "report_version 2 is not understood by this version of ringfence, only 1",
        ),
        ("{\"version\": \"2.1.0\"}", "no report of ringfence: it has neither"),
        ("{\"report_version\": 1,\n \"drivers\": [", "line 2, column 13: EOF while parsing"),
        ("load yes", "line 1, column 1: "),
    ] {
        let files = folder([("old.json", text.as_bytes().to_vec()), ("a.sys", bad())]);
        let ran = run_in(&files, "scan --baseline old.json a.sys");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{text}");
        assert!(ran.stderr.starts_with("error: cannot use the baseline old.json: "), "{ran:?}");
        assert!(ran.stderr.contains(reason), "{text}: {ran:?}");
        assert!(ran.stderr.contains("\n  help: "), "{ran:?}");
    }
}

/// All that the example drivers have, read back.
#[test]
fn the_examples_are_their_own_baseline() {
    let files = folder([]);
    let examples = workspace("examples/drivers");
    let examples = examples.to_str().unwrap();
    assert_eq!(run_in(&files, &format!("scan --report json=old.json {examples}")).code, Some(1));
    let ran = run_in(
        &files,
        &format!("scan --baseline old.json --fail-unknown --format json {examples}"),
    );
    assert_eq!(ran.code, Some(0));
    let report = ran.json();
    let totals = &report["totals"];
    assert_eq!(totals["excused"]["findings"], totals["findings"]);
}

fn example(name: &str) -> Vec<u8> {
    fs::read(workspace("examples/drivers").join(name)).unwrap()
}

/// Very different drivers may have the same finding; one that is known does not make its namesakes known.
#[test]
fn a_namesake_of_a_known_driver_is_new() {
    let files = folder([("p/vendorA/filter.sys", example("wrapper-x64.sys"))]);
    assert_eq!(run_in(&files, "scan p/vendorA --report json=base.json").code, Some(1));
    let at = |vendor: &str| files.path().join(format!("p/{vendor}/filter.sys"));
    for vendor in ["vendorB", "vendorC"] {
        fs::create_dir_all(at(vendor).parent().unwrap()).unwrap();
        fs::write(at(vendor), example("runs-pool-x64.sys")).unwrap();
        for inputs in ["p", "./p", "p/vendorA p/vendorB", "p/vendorB p/vendorA"] {
            let scan = format!("scan {inputs} --gate certify --baseline base.json");
            assert_eq!(run_in(&files, &scan).code, Some(1), "{vendor} {inputs}");
        }
    }
    let report = run_in(&files, "scan p --baseline base.json --format json").json();
    let excused = [0, 1, 2].map(|driver| !report["drivers"][driver]["excused"].is_null());
    assert_eq!(excused, [true, false, false]);
    assert_eq!(run_in(&files, "scan p/vendorA --baseline base.json").code, Some(0));
}

/// The same for what is only unknown.
#[test]
fn an_unknown_namesake_is_new() {
    let files = folder([("p/vendorA/filter.sys", driver().arm64().bytes())]);
    run_in(&files, "scan p --report json=base.json");
    let options = "--fail-unknown --baseline base.json";
    assert_eq!(run_in(&files, &format!("scan p {options}")).code, Some(0));
    fs::create_dir_all(files.path().join("p/vendorB")).unwrap();
    let other = driver().arm64().edit_section(".data", |data| data.bytes(vec![7; 0x40]));
    fs::write(files.path().join("p/vendorB/filter.sys"), other.bytes()).unwrap();
    assert_eq!(run_in(&files, &format!("scan p {options}")).code, Some(1));
}

/// A report that was written while an acceptance held does not make it hold for ever.
#[test]
fn what_was_accepted_is_no_part_of_a_baseline() {
    let accept = "[[accept]]\nrule = \"writable-executable-section\"\npath = \"a.sys\"\n\
                  reason = \"soon\"\nuntil = ";
    let files = folder([
        ("holds.toml", format!("{accept}2099-12-31").into_bytes()),
        ("ended.toml", format!("{accept}2000-01-01").into_bytes()),
        ("a.sys", bad()),
    ]);
    let recording = "scan --config holds.toml --report json=old.json a.sys";
    assert_eq!(run_in(&files, recording).code, Some(0));
    let scan = |settings: &str| {
        run_in(&files, &format!("scan --config {settings} --baseline old.json a.sys")).code
    };
    assert_eq!(scan("holds.toml"), Some(0));
    assert_eq!(scan("ended.toml"), Some(1));
}

/// A PDB that is there in one run alone changes no finding, as `diff` has it too.
#[test]
fn a_pdb_makes_nothing_new() {
    let files = folder([("d/library-pool-x64.sys", example("library-pool-x64.sys"))]);
    let pdb = files.path().join("d/library-pool-x64.pdb");
    run_in(&files, "scan --report json=bare.json d");
    fs::write(&pdb, example("library-pool-x64.pdb")).unwrap();
    run_in(&files, "scan --report json=named.json d");
    assert_eq!(run_in(&files, "scan --baseline bare.json --fail-unknown d").code, Some(0));
    fs::remove_file(&pdb).unwrap();
    assert_eq!(run_in(&files, "scan --baseline named.json --fail-unknown d").code, Some(0));
}

/// What is open behind a no that is accepted is new where nothing was open before.
#[test]
fn a_new_gap_behind_an_accepted_no_is_new() {
    let accept = |rule: &str| {
        format!("[[accept]]\nrule = \"{rule}\"\npath = \"*.sys\"\nreason = \"known\"\n")
    };
    let rules = ["executes-allocated-memory", "executable-pool-type", "stripped-relocations"];
    let files = folder([
        ("ringfence.toml", rules.map(accept).concat().into_bytes()),
        ("a.sys", immovable()),
    ]);
    let scan = |options: &str| run_in(&files, &format!("scan --fail-unknown {options} a.sys")).code;
    assert_eq!(scan("--report json=old.json"), Some(0));
    assert_eq!(scan("--baseline old.json"), Some(0));
    fs::write(files.path().join("a.sys"), example("runs-pool-x64.sys")).unwrap();
    assert_eq!(scan("--baseline old.json"), Some(1));
    assert_eq!(scan("--report json=new.json"), Some(1));
    assert_eq!(scan("--baseline new.json"), Some(0));
}
