//! What GitHub and SARIF ask for, on a finding of each shape.

use crate::lint::sample::{self, POOL, finding, mark};
use crate::{Format, Options};
use ringfence_finding::{Fix, Level, LintReport, Region, Safety, SourceEdit};
use serde_json::{Value, json};

fn run(report: &LintReport) -> Value {
    let options = Options { root: Some("/home/me/repo".to_owned()), ..sample::options() };
    let text = sample::written(Format::Sarif, report, &options);
    let mut log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    log["runs"][0].take()
}

fn array<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn regions_and_fixes_are_exact() {
    let run = run(&sample::report());
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    let results = array(&run, "results");
    let result = results
        .iter()
        .find(|one| one["locations"][0]["physicalLocation"]["region"]["startLine"] == 57)
        .unwrap();
    // `    buffer = ExAllocatePoolWithTag(NonPagedPool,`: 13, 22 and 12 characters.
    let region = json!({ "startLine": 57, "startColumn": 36, "endLine": 57, "endColumn": 48 });
    let mut own = region.clone();
    own["snippet"] = json!({ "text": "NonPagedPool" });
    let location = &result["locations"][0];
    assert_eq!(location["physicalLocation"]["region"], own);
    assert_eq!(
        location["physicalLocation"]["artifactLocation"],
        json!({ "uri": "src/pool.c", "uriBaseId": "%SRCROOT%" })
    );
    assert_eq!(location["logicalLocations"][0]["name"], "AcmeAllocate");
    assert_eq!(result["ruleId"], POOL.id);
    assert_eq!(result["partialFingerprints"]["primaryLocationLineHash"], "00f1e2d3c4b5a697:1");
    assert_eq!(
        result["fixes"],
        json!([{
            "description": { "text": "Pass `NonPagedPoolNx` (safe)." },
            "artifactChanges": [{
                "artifactLocation": { "uri": "src/pool.c", "uriBaseId": "%SRCROOT%" },
                "replacements": [{
                    "deletedRegion": region,
                    "insertedContent": { "text": "NonPagedPoolNx" },
                }],
            }],
        }])
    );
    let related = array(result, "relatedLocations");
    assert_eq!(related[0]["id"], 1);
    assert_eq!(related[0]["message"]["text"], "Memory is requested here.");
    assert!(result["message"]["text"].as_str().unwrap().contains("See [src/pool.c:57:14](1)."));
}

/// What is inserted arrives as it was, whatever is in it, and is harmless on a terminal all the same.
#[test]
fn what_is_inserted_is_not_changed() {
    let replacement = "\tx {0} [a](b)\r\n\u{202e}\u{9b}31m\u{e0041}";
    let region = Region { line: 3, column: 1, end_line: 3, end_column: 1 };
    let edit = |path: &str, region| SourceEdit {
        path: path.to_owned(),
        region,
        replacement: replacement.to_owned(),
        start: 0,
        end: 0,
    };
    let later = Region { line: 9, ..Region { end_line: 9, ..region } };
    let edits = vec![edit("b.h", region), edit("a.c", later), edit("a.c", region)];
    let fix = Fix { title: "mend it".to_owned(), safety: Safety::Unsafe, because: None, edits };
    let own = mark("a.c", 3, "f(x)", "x", "");
    let report = sample::clean(vec![finding(Level::Error, "it is bad", own).fixed_by(Some(fix))]);
    let text = sample::written(Format::Sarif, &report, &Options::default());
    assert!(!text.contains(|c| c != '\n' && crate::safe::is_harmful(c)));
    let run = run(&report);
    let changes = array(&run["results"][0]["fixes"][0], "artifactChanges");
    let files: Vec<&Value> = changes.iter().map(|one| &one["artifactLocation"]["uri"]).collect();
    assert_eq!(files, ["a.c", "b.h"]);
    let replacements = array(&changes[0], "replacements");
    let lines: Vec<&Value> =
        replacements.iter().map(|one| &one["deletedRegion"]["startLine"]).collect();
    assert_eq!(lines, [3, 9]);
    assert_eq!(replacements[0]["insertedContent"]["text"], replacement);
}

/// Section 3.27.23 of the specification: as soon as one result has suppressions, all do; so for the baseline.
#[test]
fn what_the_user_knows_is_suppressed() {
    let report = sample::report();
    let run = run(&report);
    let results = array(&run, "results");
    assert_eq!(results.len(), report.findings.len());
    assert!(results.iter().all(|one| one["suppressions"].is_array()));
    let kinds: Vec<&Value> =
        results.iter().flat_map(|one| array(one, "suppressions")).map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["inSource", "external"]);
    let own = results.iter().flat_map(|one| array(one, "suppressions")).next().unwrap();
    assert_eq!(own["justification"], "a JIT compiler [1](x) {needs} it");
    let unchanged = results.iter().filter(|one| one["baselineState"] == "unchanged").count();
    assert_eq!(unchanged, 1);
}

#[test]
fn what_is_not_known_is_a_note() {
    let run = run(&sample::report());
    let open: Vec<&Value> =
        array(&run, "results").iter().filter(|one| one["properties"]["open"] == true).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["level"], "note");
    assert_eq!(open[0]["ruleId"], "executable-pool-type/note");
}

/// Numbers that no file has, and that a library would refuse the whole log for.
#[test]
fn numbers_are_those_that_readers_take() {
    let mut odd = sample::safe();
    odd.mark.region = Region { line: 0, column: 0, end_line: 0, end_column: u32::MAX };
    odd.related[0].region = Region { line: 9, column: 7, end_line: 2, end_column: 1 };
    let run = run(&sample::clean(vec![odd]));
    let result = &run["results"][0];
    let own = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(own["startLine"], 1);
    assert_eq!(own["endColumn"], i32::MAX);
    let related = &result["relatedLocations"][0]["physicalLocation"]["region"];
    assert_eq!((&related["endLine"], &related["endColumn"]), (&json!(9), &json!(7)));
}

#[test]
fn troubles_are_notices() {
    let run = run(&sample::report());
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let kinds: Vec<&Value> = array(invocation, "toolExecutionNotifications")
        .iter()
        .map(|notice| &notice["descriptor"]["id"])
        .collect();
    assert_eq!(kinds, ["unread-file", "unread-file", "rule-fault", "idle-acceptance"]);
    let rules = array(&run["tool"]["driver"], "rules");
    assert_eq!(
        rules[0]["help"]["markdown"].as_str().map(|text| text.contains("What it does")),
        Some(true)
    );
    for result in array(&run, "results") {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}
