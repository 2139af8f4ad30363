//! `ringfence.toml`: which one is used, what is wrong with one, and `ringfence list settings`.

use crate::run::{Ran, bad, clean, folder, immovable, ringfence, run};
use serde_json::json;
use tempfile::TempDir;

/// Runs ringfence in the folder `root`.
pub(crate) fn run_in(root: &TempDir, arguments: &str) -> Ran {
    let mut command = ringfence();
    command.args(arguments.split_whitespace()).current_dir(root.path());
    command.output().expect("the binary starts").into()
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn the_nearest_file_is_used_alone() {
    let files = folder([
        ("ringfence.toml", text("gate = \"run\"\nformat = \"jsonl\"\n")),
        ("near/ringfence.toml", text("gate = \"load\"\n")),
        ("near/deep/a.sys", immovable()),
        ("far/a.sys", immovable()),
        ("ringfence/odd/a.sys", immovable()),
    ]);
    // It does not load, but the gate of the outer file does not ask that.
    let far = run_in(&files, "scan far/a.sys");
    assert_eq!((far.code, far.drivers()), (Some(0), vec!["a.sys".to_owned()]));
    assert_eq!(run_in(&files, "scan ringfence/odd").code, Some(0));
    let near = run_in(&files, "scan near/deep");
    assert_eq!(near.code, Some(1));
    assert!(!near.stdout.starts_with('{'), "the outer format is not merged: {near:?}");
    // The first input decides.
    assert_eq!(run_in(&files, "scan far near").code, Some(0));
    assert_eq!(run_in(&files, "scan near far").code, Some(1));
}

#[test]
fn the_working_directory_comes_after_the_input() {
    let elsewhere = folder([("a.sys", immovable())]);
    let here = folder([("ringfence.toml", text("gate = \"run\"\n"))]);
    let input = elsewhere.path().join("a.sys");
    let ran = run_in(&here, &format!("scan {}", input.display()));
    assert_eq!(ran.code, Some(0));
    assert_eq!(run_in(&elsewhere, "scan a.sys").code, Some(1));
}

#[test]
fn a_file_is_named_or_none_is_used() {
    let files = folder([
        ("ringfence.toml", text("gate = \"run\"\n")),
        ("ci/strict.toml", text("gate = \"load\"\n")),
        ("a.sys", immovable()),
    ]);
    assert_eq!(run_in(&files, "scan a.sys").code, Some(0));
    assert_eq!(run_in(&files, "scan --isolated a.sys").code, Some(1));
    assert_eq!(run_in(&files, "scan --config ci/strict.toml a.sys").code, Some(1));
    assert_eq!(run_in(&files, "scan --config ci/strict.toml --gate run a.sys").code, Some(0));
    assert_eq!(run_in(&files, "scan --isolated --config ringfence.toml a.sys").code, Some(2));
    let gone = run_in(&files, "scan --config gone.toml a.sys");
    assert_eq!(gone.code, Some(2));
    assert!(gone.stderr.contains("cannot read gone.toml: no such file"), "{gone:?}");
}

#[test]
fn mistakes_are_usage_errors_with_their_place() {
    for (settings, message) in [
        (
            "\nfail_unknown = true\n",
            "error: ringfence.toml:2:1: no setting is called `fail_unknown`, did you mean `fail-unknown`?\n",
        ),
        ("format = \"xml\"", "error: ringfence.toml:1:10: `format`: no format is called `xml`"),
        ("strict = maybe", "error: ringfence.toml:1:10: "),
        ("report = [\"csv=../../x\"]", "error: ringfence.toml:1: `report`: ../../x is not below"),
        (
            "baseline = \"gone.json\"",
            "error: ringfence.toml:1: cannot use the baseline gone.json: no such file",
        ),
    ] {
        let files = folder([("ringfence.toml", text(settings)), ("a.sys", clean())]);
        let ran = run_in(&files, "scan a.sys");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{settings}");
        assert!(ran.stderr.starts_with(message), "{settings}: {}", ran.stderr);
    }
}

#[test]
fn nothing_in_a_file_can_steer_the_terminal() {
    let files = folder([("ringfence.toml", text("\"a\\u001b[31m\" = 1")), ("a.sys", clean())]);
    let ran = run_in(&files, "scan a.sys");
    assert!(ran.stderr.contains("`a\\u{1b}[31m`"), "{ran:?}");
}

#[test]
fn each_setting_does_what_its_option_does() {
    let drivers = || vec![("d/a.sys", immovable()), ("d/b.sys", clean())];
    for (settings, options) in [
        ("format = \"jsonl\"", "--format jsonl"),
        ("format = \"json\"\ntarget = \"win10-1607\"", "--format json --target win10-1607"),
        ("format = \"json\"\nno-hash = true\nthreads = 2", "--format json --no-hash --threads 2"),
        (
            "format = \"json\"\nstrict = true\ncode-analysis = true",
            "--format json --strict --code-analysis",
        ),
        (
            "format = \"concise\"\ngate = \"certify\"\nfail-unknown = true",
            "--format concise --gate certify --fail-unknown",
        ),
    ] {
        let with = folder([("ringfence.toml", text(settings))].into_iter().chain(drivers()));
        let without = folder(drivers());
        let (file, line) =
            (run_in(&with, "scan d"), run_in(&without, &format!("scan {options} d")));
        // Formats for people say that there was a file, and how long it took.
        let untimed = |ran: &Ran| {
            let told = ran.stdout.replace("settings from ringfence.toml\n", "");
            told.rsplit_once(" (").map_or(told.clone(), |(rest, _)| rest.to_owned())
        };
        assert_eq!((untimed(&file), file.code), (untimed(&line), line.code), "{settings}");
        assert!(!file.stdout.is_empty());
    }
}

#[test]
fn reports_and_symbols_are_relative_to_the_file() {
    let files = folder([
        ("sub/ringfence.toml", text("report = [\"jsonl=out.jsonl\"]\nsymbols = [\"pdb\"]\n")),
        ("sub/pdb/x", Vec::new()),
        ("sub/a.sys", clean()),
    ]);
    assert_eq!(run_in(&files, "scan sub").code, Some(0));
    let report = std::fs::read_to_string(files.path().join("sub/out.jsonl")).unwrap();
    assert!(report.starts_with("{\"path\":"), "{report}");
}

#[test]
fn settings_are_listed_with_their_origin() {
    let files = folder([
        (
            "ringfence.toml",
            text(
                "strict = true\n\ngate = [\"load\", \"run\"]\n[[accept]]\nrule = \"writes-to-code\"\npath = \"a.sys\"\nreason = \"known\"\nuntil = 2099-12-31\n",
            ),
        ),
        ("a.sys", bad()),
    ]);
    let listed =
        run_in(&files, "list settings a.sys --fail-unknown --target win11-24h2,server-2025");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.starts_with("settings file: ringfence.toml\n\n"), "{listed:?}");
    let words = |name: &str| listed.line(name).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words("target "), "target win11-24h2, server-2025 command line");
    assert_eq!(words("gate "), "gate load, run ringfence.toml:3");
    assert_eq!(words("fail-unknown "), "fail-unknown true command line");
    assert_eq!(words("strict "), "strict true ringfence.toml:1");
    assert_eq!(words("threads "), "threads 0 default");
    assert_eq!(
        words("accept "),
        "accept writes-to-code in a.sys, until 2099-12-31 ringfence.toml:4"
    );
    assert_eq!(listed.last_line().trim(), "because: known");

    let listed = run_in(&files, "list settings a.sys --format json --no-hash").json();
    assert_eq!(listed["settings_file"], "ringfence.toml");
    let setting = |name: &str| {
        let all = listed["settings"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(setting("target")["value"], json!(["win10-1703+"]));
    assert_eq!(setting("target")["origin"], json!({ "from": "default" }));
    assert_eq!(setting("strict")["origin"], json!({ "from": "file", "place": "ringfence.toml:1" }));
    assert_eq!(setting("no-hash")["origin"], json!({ "from": "command-line" }));
    assert_eq!(listed["accept"][0]["origin"]["place"], "ringfence.toml:4");
    let none = run_in(&files, "list settings --isolated");
    assert!(none.stdout.starts_with("settings file: none\n"), "{none:?}");
}

#[test]
fn what_can_be_listed_is_listed() {
    let listed = run(["list"]);
    assert_eq!(listed.code, Some(0));
    let names: Vec<_> =
        listed.stdout.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(names, ["rules", "ddis", "targets", "settings"]);
    let json = run(["list", "--format", "json"]).json();
    assert_eq!(json.as_array().unwrap().len(), 4);
    // Both places of the option are taken.
    assert_eq!(
        run(["list", "--format", "json", "targets"]).json(),
        run(["list", "targets", "--format", "json"]).json()
    );
}
