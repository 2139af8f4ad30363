//! The committed example drivers get exactly the answers that `expected.toml` promises.

use crate::run::{Ran, file_name, run, scan, workspace};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is said of one driver: the answers, error-level rules and others.
type Said = (Vec<String>, Vec<String>, Vec<String>);

fn strings(list: &toml::Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|rule| rule.as_str().expect("a rule").to_owned()).collect()
}

fn expected() -> toml::Table {
    let path = workspace("examples/drivers/expected.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn promised() -> BTreeMap<String, (String, Said)> {
    let entry = |(name, driver): (String, toml::Value)| {
        let text = |key: &str| driver[key].as_str().unwrap().to_owned();
        let answers = ["load", "run", "certify"].map(text).to_vec();
        let said = (answers, strings(&driver["rules"]), strings(&driver["notes"]));
        (name, (text("sha256"), said))
    };
    expected().into_iter().map(entry).collect()
}

fn rules(driver: &Value, keep: impl Fn(&str) -> bool) -> Vec<String> {
    let findings = driver["findings"].as_array().unwrap().iter();
    let kept = findings.filter(|finding| keep(finding["level"].as_str().unwrap()));
    let mut rules: Vec<_> =
        kept.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect();
    rules.dedup();
    rules
}

fn said(report: &Ran) -> BTreeMap<String, (String, Said)> {
    let report = report.json();
    let drivers = report["drivers"].as_array().unwrap().iter();
    let entry = |driver: &Value| {
        let answers = ["load", "run", "certify"]
            .map(|question| driver["verdict"][question].as_str().unwrap().to_owned());
        let errors = rules(driver, |level| level == "error");
        let others = rules(driver, |level| level != "error");
        let name = file_name(driver["path"].as_str().unwrap()).to_owned();
        let sha256 = driver["sha256"].as_str().unwrap().to_owned();
        (name, (sha256, (answers.to_vec(), errors, others)))
    };
    drivers.map(entry).collect()
}

#[test]
fn every_example_gets_the_promised_answers() {
    let ran = scan("--format json", workspace("examples/drivers"));
    let (promised, said) = (promised(), said(&ran));
    assert!(promised.len() >= 20);
    for (name, promise) in &promised {
        assert_eq!(said.get(name), Some(promise), "{name}");
    }
    assert_eq!(said.len(), promised.len(), "{:?}", said.keys());
    // Some do not load.
    assert_eq!(ran.code, Some(1));
}

/// Drivers that are not told apart by what the image rules look at give the same exit code too.
#[test]
fn each_example_alone_gives_the_code_that_its_answers_ask_for() {
    for (name, (_, (answers, ..))) in promised() {
        let code = i32::from(answers.iter().any(|answer| answer == "no"));
        let path = workspace("examples/drivers").join(&name);
        assert_eq!(scan("--format concise", path).code, Some(code), "{name}");
    }
}

#[test]
fn the_straddling_example_is_refused_by_old_windows_only() {
    let path = workspace("examples/drivers/straddling-relocations-x64.sys");
    for (target, load, code) in [
        ("win10-1607", "no", 1),
        ("server-2016", "no", 1),
        ("all", "no", 1),
        ("win10-1703", "yes", 0),
        ("win11-24h2,server-2025", "yes", 0),
    ] {
        let ran = scan(&format!("--format jsonl --target {target}"), &path);
        assert_eq!(ran.jsonl()[0]["verdict"]["load"], load, "{target}");
        assert_eq!(ran.code, Some(code), "{target}");
    }
}

#[test]
fn every_rule_an_example_breaks_can_be_explained() {
    for (_, (_, (_, rules, notes))) in promised() {
        for rule in rules.iter().chain(&notes) {
            let explained = run(["explain", rule]);
            assert_eq!(explained.code, Some(0), "{rule}");
            assert!(explained.stdout.starts_with(&format!("{rule}: ")), "{rule}");
        }
    }
}
