//! Compares what ringfence says with what the manifest expects.

use super::manifest::{Driver, Expected};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What ringfence said about one file, as far as it is compared.
#[derive(Default)]
pub struct Answer {
    file_name: String,
    sha256: String,
    /// Absent where the file got no verdict.
    verdict: Option<Expected>,
    rules: BTreeSet<String>,
    warnings: BTreeSet<String>,
    notes: BTreeSet<String>,
    /// How many calls of DDIs got each answer. Absent where the scan lists no calls.
    calls: Option<BTreeMap<String, usize>>,
}

/// One difference, a row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    pub driver: String,
    pub what: &'static str,
    pub expected: String,
    pub got: String,
}

/// Reads the JSON lines of a scan. Lines that are about no file, such as a summary, are passed over.
pub fn answers(text: &str) -> Result<Vec<Answer>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut answers = Vec::new();
    for (number, line) in lines {
        let value: Value = serde_json::from_str(line)
            .with_context(|| format!("line {} of the scan is no JSON: {line}", number + 1))?;
        if value.get("path").is_some() || value.get("sha256").is_some() {
            answers.push(answer(&value));
        }
    }
    Ok(answers)
}

fn answer(value: &Value) -> Answer {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let verdict = value.get("verdict").filter(|verdict| verdict.is_object()).map(|verdict| {
        let answer = |question| text(verdict.get(question)).to_ascii_lowercase();
        Expected { load: answer("load"), run: answer("run"), certify: answer("certify") }
    });
    let path = text(value.get("path"));
    let mut answer = Answer {
        file_name: path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
        sha256: text(value.get("sha256")).to_ascii_lowercase(),
        verdict,
        ..Answer::default()
    };
    for finding in value.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let list = match finding.get("level").and_then(Value::as_str) {
            Some("note") => &mut answer.notes,
            Some("warning") => &mut answer.warnings,
            _ => &mut answer.rules,
        };
        list.insert(text(finding.get("rule")));
    }
    answer.calls = value.get("calls").and_then(Value::as_array).map(|calls| {
        let mut counts = BTreeMap::new();
        for call in calls {
            *counts.entry(text(call.get("answer"))).or_default() += 1;
        }
        counts
    });
    answer
}

/// All differences between `drivers` and `answers`, in the order of the drivers.
pub fn differences<'a>(
    drivers: impl Iterator<Item = &'a Driver>,
    answers: &[Answer],
) -> Vec<Difference> {
    drivers.flat_map(|driver| of_driver(driver, answers)).collect()
}

fn of_driver(driver: &Driver, answers: &[Answer]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut differ = |what, expected: &str, got: &str| {
        if expected != got {
            let (driver, expected) = (driver.name.clone(), expected.to_owned());
            differences.push(Difference { driver, what, expected, got: got.to_owned() });
        }
    };
    // By digest: the path may be one inside a container. By name only where no digest is given.
    let answer = answers.iter().find(|answer| match answer.sha256.is_empty() {
        true => answer.file_name == driver.name,
        false => answer.sha256 == driver.sha256,
    });
    let verdict = answer.and_then(|answer| answer.verdict.as_ref());
    let Some(expected) = &driver.expected else {
        let got = verdict.map_or("none".to_owned(), |got| format!("load {}", got.load));
        differ("verdict", "none", &got);
        return differences;
    };
    let (Some(answer), Some(got)) = (answer, verdict) else {
        differ("verdict", "one", "none");
        return differences;
    };
    differ("load", &expected.load, &got.load);
    differ("run", &expected.run, &got.run);
    differ("certify", &expected.certify, &got.certify);
    differ("rules", &list(&driver.rules, driver), &list(&answer.rules, driver));
    differ("warnings", &list(&driver.warnings, driver), &list(&answer.warnings, driver));
    differ("notes", &list(&driver.notes, driver), &list(&answer.notes, driver));
    if let Some(expected) = &driver.calls {
        let got = answer.calls.as_ref().map_or("not listed".to_owned(), counts);
        differ("calls", &counts(expected), &got);
    }
    differences
}

/// `fine 2, violation 1`
fn counts(calls: &BTreeMap<String, usize>) -> String {
    let counts: Vec<_> = calls.iter().map(|(answer, count)| format!("{answer} {count}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// The rules as text, without those that are open for this driver.
fn list(rules: &BTreeSet<String>, driver: &Driver) -> String {
    let rules: Vec<_> = rules.difference(&driver.open).map(String::as_str).collect();
    if rules.is_empty() { "none".to_owned() } else { rules.join(", ") }
}

/// The differences as a table with a heading.
pub fn table(differences: &[Difference]) -> String {
    let row =
        |d: &Difference| [d.driver.clone(), d.what.to_owned(), d.expected.clone(), d.got.clone()];
    let heading = ["driver", "what", "expected", "got"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heading).chain(differences.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (driver, what, expected) = (width(0), width(1), width(2));
    let line = |row: &[String; 4]| {
        format!("{:driver$}  {:what$}  {:expected$}  {}\n", row[0], row[1], row[2], row[3])
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "00000000000000000000000000000000000000000000000000000000000000ab";

    fn driver(extra: &str) -> Driver {
        let text = format!(
            "name = 'a.sys'\nfrom = ['byte-array']\nsha256 = '{DIGEST}'\nmachine = 'x64'\n\
             framework = 'wdm'\n{extra}"
        );
        toml::from_str(&text).unwrap()
    }

    fn refused() -> Driver {
        driver(
            "expected = { load = 'no', run = 'unknown', certify = 'no' }\n\
             rules = ['unaligned-section']\nnotes = ['writable-executable-section']\n\
             open = ['non-executable-entry-point']\nreason = 'made up'",
        )
    }

    fn compare(driver: &Driver, scan: &str) -> Vec<(&'static str, String, String)> {
        let found = differences(std::iter::once(driver), &answers(scan).unwrap());
        found.into_iter().map(|d| (d.what, d.expected, d.got)).collect()
    }

    fn line(load: &str, certify: &str, findings: &str) -> String {
        format!(
            r#"{{"path": "/x/a.sys", "sha256": "{}", "unknown": [1], "verdict": {{"load": "{load}",
            "run": "unknown", "certify": "{certify}", "why": ""}}, "findings": [{findings}]}}"#,
            DIGEST.to_uppercase()
        )
        .replace('\n', " ")
    }

    const FINDINGS: &str = r#"{"rule": "unaligned-section", "level": "error", "more": {}},
        {"rule": "writable-executable-section", "level": "note"}"#;

    #[test]
    fn the_expected_answer_makes_no_difference() {
        let scan = format!("{{\"summary\": 1}}\n\n{}\n", line("no", "no", FINDINGS));
        assert_eq!(compare(&refused(), &scan), []);
    }

    #[test]
    fn an_open_rule_may_be_reported() {
        let open = r#", {"rule": "non-executable-entry-point", "level": "error"}"#;
        assert_eq!(compare(&refused(), &line("no", "no", &format!("{FINDINGS}{open}"))), []);
    }

    #[test]
    fn answers_and_rules_that_differ_are_told_one_by_one() {
        let noted = r#"{"rule": "unaligned-section", "level": "note"}"#;
        let told = compare(&refused(), &line("yes", "no", noted));
        let row = |what, expected: &str, got: &str| (what, expected.to_owned(), got.to_owned());
        assert_eq!(
            told,
            [
                row("load", "no", "yes"),
                row("rules", "unaligned-section", "none"),
                row("notes", "writable-executable-section", "unaligned-section"),
            ]
        );
    }

    #[test]
    fn a_warning_is_neither_an_error_nor_a_note() {
        let warned = r#"{"rule": "unaligned-section", "level": "warning"},
            {"rule": "writable-executable-section", "level": "note"}"#;
        let told = compare(&refused(), &line("no", "no", &warned.replace('\n', " ")));
        let row = |what, expected: &str, got: &str| (what, expected.to_owned(), got.to_owned());
        assert_eq!(
            told,
            [
                row("rules", "unaligned-section", "none"),
                row("warnings", "none", "unaligned-section")
            ]
        );
    }

    #[test]
    fn calls_are_counted_by_answer() {
        let asks = driver(
            "expected = { load = 'yes', run = 'unknown', certify = 'yes' }\n\
             calls = { fine = 2, violation = 1 }\nreason = 'made up'",
        );
        let scan = |calls: &str| {
            let calls = format!(r#""findings": [], "calls": [{calls}]}}"#);
            line("yes", "yes", "").replace(r#""findings": []}"#, &calls)
        };
        let (fine, bad) = (r#"{"answer": "fine", "rva": 1}"#, r#"{"answer": "violation"}"#);
        assert_eq!(compare(&asks, &scan(&[fine, bad, fine].join(","))), []);
        let row = |got: &str| ("calls", "fine 2, violation 1".to_owned(), got.to_owned());
        assert_eq!(
            compare(&asks, &scan(&[fine, bad, bad].join(","))),
            [row("fine 1, violation 2")]
        );
        assert_eq!(compare(&asks, &scan("")), [row("none")]);
        assert_eq!(compare(&asks, &line("yes", "yes", "")), [row("not listed")]);
    }

    #[test]
    fn a_driver_without_an_answer_and_a_look_alike_with_one_are_told() {
        let look_alike = driver("left_out = 'no kernel image'");
        assert_eq!(compare(&refused(), "").len(), 1);
        assert_eq!(compare(&look_alike, ""), []);
        assert_eq!(
            compare(&look_alike, &format!(r#"{{"path": "a.sys", "sha256": "{DIGEST}"}}"#)),
            []
        );
        assert_eq!(compare(&look_alike, &line("no", "no", FINDINGS)).len(), 1);
    }

    #[test]
    fn the_table_lines_up() {
        let difference = Difference {
            driver: "a.sys".into(),
            what: "load",
            expected: "yes".into(),
            got: "no".into(),
        };
        assert_eq!(
            table(&[difference]),
            "driver  what  expected  got\na.sys   load  yes       no\n"
        );
    }

    #[test]
    fn a_broken_line_is_an_error() {
        assert!(answers("{\"path\": ").is_err());
    }
}
