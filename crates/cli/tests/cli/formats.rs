//! The formats against each other and against the committed schema.

use crate::run::{
    Ran, bad, blemished, clean, folder, immovable, ringfence, scan, straddling, workspace,
};
use serde_json::{Value, json};
use tempfile::TempDir;

fn schema() -> Value {
    let path = workspace("schemas/report-v1.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Files that make every part of a report show up.
fn assorted() -> TempDir {
    let version = |info: ringfence_fixture::VersionInfo| {
        info.file_version([1, 2, 3, 4]).string("CompanyName", "Größe 株式会社 \"\\")
    };
    let mut files = vec![
        ("a.sys".to_owned(), clean()),
        ("b.sys".to_owned(), bad()),
        ("c.sys".to_owned(), straddling()),
        ("d.sys".to_owned(), blemished()),
        ("e.sys".to_owned(), immovable()),
        ("f.sys".to_owned(), ringfence_fixture::driver().version_info(version).bytes()),
        ("g.sys".to_owned(), b"MZ".to_vec()),
        ("h.txt".to_owned(), b"text".to_vec()),
        ("twin.sys".to_owned(), bad()),
    ];
    let shapes = ringfence_fixture::malformed().into_iter();
    // Headers of 65,535 sections make a line of many megabytes; the folder of all shapes has them.
    let shapes = shapes.filter(|(name, _)| !name.contains("65535"));
    files.extend(shapes.map(|(name, bytes)| (format!("odd/{name}.sys"), bytes)));
    folder(files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())))
}

#[track_caller]
fn validate(validator: &jsonschema::Validator, instance: &Value) {
    let errors: Vec<_> = validator.iter_errors(instance).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", instance["path"]);
}

#[test]
fn json_and_jsonl_follow_the_schema_and_agree() {
    let files = assorted();
    let schema = schema();
    for options in ["", "--no-hash --target all --code-analysis --calls"] {
        let json = scan(&format!("--format json {options}"), files.path());
        let jsonl = scan(&format!("--format jsonl {options}"), files.path());
        let report = json.json();
        validate(&jsonschema::validator_for(&schema).unwrap(), &report);
        let mut driver = json!({ "$ref": "#/$defs/Examination" });
        driver["$defs"] = schema["$defs"].clone();
        driver["$schema"] = schema["$schema"].clone();
        let driver = jsonschema::validator_for(&driver).unwrap();
        let lines = jsonl.jsonl();
        lines.iter().for_each(|line| validate(&driver, line));
        assert_eq!(report["drivers"], Value::Array(lines));
        assert_eq!(report["faults"], json!([]));
        assert_eq!(json.stderr, jsonl.stderr);
    }
}

/// The counts of the JSON, of the drivers in it and of the last line are the same.
#[test]
fn totals_add_up() {
    let files = assorted();
    let report = scan("--format json", files.path()).json();
    let drivers = report["drivers"].as_array().unwrap();
    let totals = &report["totals"];
    let count =
        |keep: &dyn Fn(&Value) -> bool| drivers.iter().filter(|driver| keep(driver)).count();
    for question in ["load", "run", "certify"] {
        for answer in ["yes", "no", "unknown"] {
            let counted = count(&|driver| driver["verdict"][question] == answer);
            assert_eq!(totals[question][answer], counted, "{question} {answer}");
        }
    }
    assert_eq!(totals["drivers"], drivers.len());
    assert_eq!(totals["malformed"], count(&|driver| driver["defects"] != json!([])));
    let left_out: u64 =
        report["left_out"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    let unread = report["unread"].as_array().unwrap().len();
    let files_seen = drivers.len() + unread + left_out as usize;
    assert_eq!(totals["files"], files_seen);
    let last = scan("", files.path());
    let (load, certify) = (&totals["load"], &totals["certify"]);
    for part in [
        format!("{files_seen} files, {} drivers", drivers.len()),
        format!("load {} yes {} no {} unknown · ", load["yes"], load["no"], load["unknown"]),
        format!(
            "certify {} yes {} no {} unknown; ",
            certify["yes"], certify["no"], certify["unknown"]
        ),
        format!("; {unread} unread, {left_out} left out ("),
    ] {
        assert!(last.last_line().contains(&part), "{part}: {}", last.last_line());
    }
}

#[test]
fn machine_formats_write_nothing_else_to_standard_output() {
    let files = folder([("cut.sys", b"MZ".to_vec())]);
    let ran = scan("--format jsonl", files.path());
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with("error: cannot read "), "{ran:?}");
    assert!(ran.stderr.contains("cut.sys: truncated: "), "{ran:?}");
    let unread = &scan("--format json", files.path()).json()["unread"][0];
    assert!(unread["reason"].as_str().unwrap().starts_with("truncated: "), "{unread}");
}

/// A finding is the same in every format: rule, place and message.
#[test]
fn all_formats_tell_the_same_finding() {
    let files = folder([("bad.sys", bad())]);
    let path = files.path().join("bad.sys");
    let message = "section `.text` is writable and executable";
    let rule = "writable-executable-section";
    let full = scan("", &path);
    assert_eq!(full.line("error["), format!("error[{rule}]: {message}"));
    assert!(full.line("--> ").contains("bad.sys+1000  (.text)  section table"));
    assert!(full.line("for more: ").ends_with(&format!("ringfence explain {rule}")));
    let concise = scan("--format concise", &path);
    let line = concise.line("error[");
    assert!(line.contains(&format!("bad.sys+1000: error[{rule}] {message}")), "{line}");
    let summary = scan("--format summary", &path);
    assert!(summary.stdout.contains(rule), "{summary:?}");
    let finding = scan("--format jsonl", &path).jsonl()[0]["findings"][0].clone();
    assert_eq!(
        (&finding["rule"], &finding["rva"], &finding["section"], &finding["message"]),
        (&json!(rule), &json!(0x1000), &json!(".text"), &json!(message))
    );
}

#[test]
fn timings_go_to_standard_error() {
    let files = folder([("a.sys", clean())]);
    let ran = scan("--format jsonl --timings", files.path());
    assert_eq!(ran.stdout, scan("--format jsonl", files.path()).stdout);
    for stage in ["find", "read", "image", "hash", "rules", "report", "elapsed"] {
        assert!(ran.stderr.lines().any(|line| line.starts_with(stage)), "{stage}: {ran:?}");
    }
}

#[test]
fn what_is_listed() {
    let list = |what: &str| crate::run::run(["list", what, "--format", "json"]);
    let rules = list("rules").json();
    let rules: Vec<_> = rules.as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert!(rules.len() >= 11, "{rules:?}");
    for rule in rules {
        let explained: Ran = crate::run::run(["explain", rule.as_str().unwrap()]);
        assert_eq!(explained.code, Some(0), "{rule}");
    }
    let targets = list("targets").json();
    for target in targets.as_array().unwrap() {
        let files = folder([]);
        let target = target["id"].as_str().unwrap();
        assert_eq!(scan(&format!("--target {target}+"), files.path()).code, Some(3));
    }
}

/// GitHub matches relative paths with files of a repository: those below the folder ringfence ran in.
#[test]
fn sarif_tells_paths_from_where_it_ran() {
    let files = assorted();
    let elsewhere = folder([("x y.sys", bad())]);
    let mut command = ringfence();
    command.current_dir(files.path()).args(["scan", "--format", "sarif"]);
    // Some systems have temporary folders behind a link, and a process knows only where that leads.
    let whole = files.path().canonicalize().unwrap();
    let log = Ran::from(
        command.arg(whole.join("odd")).args(["b.sys"]).arg(elsewhere.path()).output().unwrap(),
    );
    let log = log.json();
    let run = &log["runs"][0];
    assert!(run["tool"]["driver"]["rules"].as_array().unwrap().len() > 20);
    let results = run["results"].as_array().unwrap();
    let places = results.iter().map(|result| {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        (place["uri"].as_str().unwrap(), place["uriBaseId"].as_str())
    });
    let places: Vec<_> = places.collect();
    let below = Some("%SRCROOT%");
    assert!(places.contains(&("b.sys", below)));
    assert!(places.iter().any(|(uri, base)| uri.starts_with("odd/") && *base == below));
    let other: Vec<_> = places.iter().filter(|(_, base)| base.is_none()).collect();
    assert!(!other.is_empty());
    assert!(
        other.iter().all(|(uri, _)| uri.starts_with("file:///") && uri.ends_with("/x%20y.sys"))
    );
}
