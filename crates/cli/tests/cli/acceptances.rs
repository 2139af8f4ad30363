//! `[[accept]]`: what is accepted fails nothing, and what accepts nothing is told.

use crate::run::{Ran, bad, clean, folder, immovable, ringfence, workspace};
use crate::settings::run_in;
use serde_json::json;
use tempfile::TempDir;

fn settings(acceptances: &[&str]) -> Vec<u8> {
    acceptances
        .iter()
        .map(|lines| format!("[[accept]]\n{lines}\n"))
        .collect::<String>()
        .into_bytes()
}

const BY_PATH: &str =
    "rule = \"writable-executable-section\"\npath = \"old/*.sys\"\nreason = \"known\"";

/// The settings, a bad driver in `old` and one in `new`.
fn two(acceptances: &[&str]) -> TempDir {
    folder([("ringfence.toml", settings(acceptances)), ("old/a.sys", bad()), ("new/a.sys", bad())])
}

#[test]
fn a_path_is_accepted_and_its_copy_is_not() {
    let files = two(&[BY_PATH]);
    assert_eq!(run_in(&files, "scan old").code, Some(0));
    assert_eq!(run_in(&files, "scan --fail-unknown old").code, Some(0));
    assert_eq!(run_in(&files, "scan new").code, Some(1));
    assert_eq!(run_in(&files, "scan --exit-zero new").code, Some(0));
    let report = run_in(&files, "scan --format json old new").json();
    let [old, new] = [&report["drivers"][0], &report["drivers"][1]];
    assert_eq!(old["sha256"], new["sha256"]);
    assert_eq!(old["verdict"], new["verdict"]);
    assert_eq!(old["verdict"]["load"], "no");
    assert_eq!(
        old["findings"][0]["excuse"],
        json!({ "by": "accepted", "reason": "known", "until": null })
    );
    assert_eq!(old["excused"], json!(["load", "run", "certify"]));
    assert_eq!((&new["findings"][0]["excuse"], &new["excused"]), (&json!(null), &json!(null)));
    assert_eq!(
        report["totals"]["excused"],
        json!({ "findings": 1, "load": 1, "run": 1, "certify": 1 })
    );
    assert_eq!(report["acceptances"], json!(null));
}

#[test]
fn the_report_keeps_its_schema() {
    let over = BY_PATH.to_owned() + "\nuntil = 2000-01-01";
    let unused = BY_PATH.replace("old", "gone");
    let files = two(&[BY_PATH, &over, &unused]);
    let ran = run_in(&files, "scan --format json .");
    let schema = std::fs::read(workspace("schemas/report-v1.json")).unwrap();
    let schema = serde_json::from_slice(&schema).unwrap();
    let report = ran.json();
    jsonschema::validate(&schema, &report).unwrap();
    assert_eq!(report["acceptances"]["expired"][0]["until"], "2000-01-01");
    assert_eq!(report["acceptances"]["unused"][0]["path"], "gone/*.sys");
}

#[test]
fn a_digest_is_accepted_wherever_the_file_lies() {
    let plain = folder([("a.sys", bad())]);
    let report = run_in(&plain, "scan --format json a.sys").json();
    let digest = report["drivers"][0]["sha256"].as_str().unwrap().to_uppercase();
    let by_digest = format!(
        "rule = \"writable-executable-section\"\nsha256 = \"{digest}\"\nreason = \"known\""
    );
    let files = two(&[&by_digest]);
    assert_eq!(run_in(&files, "scan old new").code, Some(0));
    // Without digests nothing is known by one.
    assert_eq!(run_in(&files, "scan --no-hash old").code, Some(1));
    let other = folder([("ringfence.toml", settings(&[&by_digest])), ("b.sys", immovable())]);
    let ran = run_in(&other, "scan .");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("warning: ringfence.toml:1: accepts nothing: no writable-executable-section in a driver with the SHA-256"), "{ran:?}");
}

/// The example driver's two findings are in SampleMakeBuffer and in HelperOpenLog, as its README says.
#[test]
fn a_function_is_accepted_by_name_or_place() {
    let example = |name: &str| std::fs::read(workspace("examples/drivers").join(name)).unwrap();
    let with = |acceptances: &[&str], pdb: bool| {
        let pdb = pdb.then(|| ("library-pool-x64.pdb", example("library-pool-x64.pdb")));
        let files = [
            ("ringfence.toml", settings(acceptances)),
            ("library-pool-x64.sys", example("library-pool-x64.sys")),
        ];
        run_in(&folder(files.into_iter().chain(pdb)), "scan library-pool-x64.sys --format json")
    };
    let named = |function: &str| {
        format!("rule = \"executable-pool-type\"\nfunction = \"{function}\"\nreason = \"known\"")
    };
    let (first, second) = (named("SampleMakeBuffer"), named("HelperOpenLog"));
    let excused = |ran: &Ran| {
        let report = ran.json();
        let findings = report["drivers"][0]["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["excuse"].is_object()).collect::<Vec<_>>()
    };
    let one = with(&[&first], true);
    assert_eq!((one.code, excused(&one)), (Some(1), vec![true, false]));
    let both = with(&[&first, &second], true);
    assert_eq!((both.code, excused(&both), both.stderr.as_str()), (Some(0), vec![true, true], ""));
    // No name is known without the PDB, so it is not missed either.
    let nameless = with(&[&first], false);
    assert_eq!(
        (nameless.code, excused(&nameless), nameless.stderr.as_str()),
        (Some(1), vec![false, false], "")
    );
    let report = nameless.json();
    let driver = &report["drivers"][0];
    let begins = driver["findings"][0]["evidence"]["function"].as_u64().unwrap();
    let by_place = format!("{}\nsha256 = {}", named(&format!("{begins:#x}")), driver["sha256"]);
    assert_eq!(excused(&with(&[&by_place], false)), [true, false]);
    let ddi = format!("{first}\nddi = \"ExAllocatePool2\"");
    let other = with(&[&ddi], true);
    assert_eq!(excused(&other), [false, false]);
    assert!(
        other.stderr.contains(
            "no executable-pool-type about ExAllocatePool2 in the function SampleMakeBuffer"
        ),
        "{other:?}"
    );
}

#[test]
fn an_acceptance_needs_its_reason() {
    let files = two(&["rule = \"writable-executable-section\"\npath = \"old/*.sys\""]);
    let ran = run_in(&files, "scan old");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(ran.stderr, "error: ringfence.toml:1:1: this acceptance gives no `reason`\n");
}

#[test]
fn an_acceptance_ends_with_its_day() {
    let files = two(&[&(BY_PATH.to_owned() + "\nuntil = 2027-03-31")]);
    let on = |epoch: &str| -> Ran {
        let mut command = ringfence();
        command.args(["scan", "old"]).current_dir(files.path()).env("SOURCE_DATE_EPOCH", epoch);
        command.output().unwrap().into()
    };
    // 2027-03-31 23:59:59 and a second later, by `date -u`.
    let last = on("1806537599");
    assert_eq!((last.code, last.stderr.as_str()), (Some(0), ""));
    let over = on("1806537600");
    assert_eq!(over.code, Some(1));
    assert_eq!(
        over.stderr,
        "warning: ringfence.toml:1: ended on 2027-03-31 and accepts no writable-executable-section any more: known\n"
    );
    let nonsense = on("tomorrow");
    assert_eq!(nonsense.code, Some(2));
    assert!(nonsense.stderr.contains("SOURCE_DATE_EPOCH is no number of seconds"), "{nonsense:?}");
}

#[test]
fn what_accepts_nothing_is_told_in_every_format() {
    let unused = BY_PATH.replace("writable-executable-section", "writes-to-code");
    let files = two(&[BY_PATH, &unused]);
    let warning = "warning: ringfence.toml:5: accepts nothing: no writes-to-code in old/*.sys\n";
    for format in ["full", "concise", "summary", "json", "jsonl"] {
        let ran = run_in(&files, &format!("scan --format {format} old"));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), warning), "{format}");
    }
    // A scan that looked elsewhere says nothing of it.
    assert_eq!(run_in(&files, "scan new").stderr, "");
}

/// What another finding decides is not accepted with the first.
#[test]
fn only_the_named_rule_is_accepted() {
    let both = || {
        use ringfence_fixture::{RWX, driver};
        driver().edit_section(".text", |text| text.rights(RWX)).relocs_stripped().bytes()
    };
    let files = folder([
        ("ringfence.toml", settings(&[BY_PATH])),
        ("old/a.sys", both()),
        ("old/b.sys", clean()),
    ]);
    assert_eq!(run_in(&files, "scan --gate load old").code, Some(1));
    assert_eq!(run_in(&files, "scan --gate certify old").code, Some(0));
}

/// An acceptance is for what was found; what could not be told is behind it.
#[test]
fn what_is_open_behind_an_accepted_finding_counts() {
    let accept = |rule: &str| format!("rule = \"{rule}\"\npath = \"*.sys\"\nreason = \"known\"");
    let accept = [accept("executes-allocated-memory"), accept("executable-pool-type")];
    let example = |name: &str| std::fs::read(workspace("examples/drivers").join(name)).unwrap();
    let files = folder([
        ("ringfence.toml", settings(&[&accept[0], &accept[1]])),
        ("asks.sys", example("executable-pool-x64.sys")),
        ("runs.sys", example("runs-pool-x64.sys")),
    ]);
    let report = run_in(&files, "scan --format json .").json();
    for (driver, run) in [(0, "unknown"), (1, "no")] {
        let driver = &report["drivers"][driver];
        assert_eq!(
            (&driver["verdict"]["run"], &driver["excused"]),
            (&json!(run), &json!(["certify"]))
        );
    }
    for name in ["asks.sys", "runs.sys"] {
        assert_eq!(run_in(&files, &format!("scan {name}")).code, Some(0), "{name}");
        let ran = run_in(&files, &format!("scan --fail-unknown {name}"));
        assert_eq!(ran.code, Some(1), "{name}");
    }
    let why = "executable memory is asked for: whether code runs in it is not known";
    let told = run_in(&files, "scan --fail-unknown runs.sys").stdout;
    assert!(told.contains("run is unknown without what is excused: "), "{told}");
    for format in ["junit", "msvc", "github"] {
        let ran = run_in(&files, &format!("scan --fail-unknown --format {format} runs.sys"));
        assert_eq!(ran.code, Some(1), "{format}");
        assert!(ran.stdout.contains(why), "{format}: {}", ran.stdout);
    }
}
