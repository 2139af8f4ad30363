//! What GitHub and SARIF ask for, on everything there are samples of.
//!
//! The rules are those of GitHub's page "SARIF support for code scanning" and of the specification;
//! `cargo xtask reports` has the official schema and Microsoft's validator check the same files.

use crate::sample::{self, closing, written, written_with};
use crate::{Format, Options};
use ringfence_finding::{
    Closing, Examination, Excuse, Fault, Level, RuleCard, Unread, set_fingerprints,
};
use serde_json::{Value, json};
use std::collections::HashSet;

static CARD: RuleCard = RuleCard {
    id: "executable-pool-type",
    summary: "memory is requested from an executable pool",
    level: Level::Error,
    since: "0.1.0",
    senses: &[],
    also_known_as: &["0xC4:0x2000", "C30030"],
    docs: " ## What it does\n\n Finds pool.\n\n ## References\n\n - https://example.org\n",
    file: "",
};

const INT_MAX: i64 = i32::MAX as i64;

fn options() -> Options {
    let docs = Some("https://example.org/docs".to_owned());
    Options { cards: vec![&CARD], docs, root: Some(r"D:\src".to_owned()), ..Options::default() }
}

fn run(drivers: &[Examination], options: Options) -> Value {
    run_with(drivers, &closing(drivers), options)
}

fn run_with(drivers: &[Examination], closing: &Closing, options: Options) -> Value {
    let text = written_with(Format::Sarif, drivers, closing, options);
    let mut log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["$schema"], "https://json.schemastore.org/sarif-2.1.0.json");
    let runs = log["runs"].as_array_mut().unwrap();
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

fn array<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Panics where GitHub would reject the run, or show a result badly.
fn assert_taken_by_github(run: &Value) {
    let driver = &run["tool"]["driver"];
    let rules = array(driver, "rules");
    assert_eq!(text(&driver["name"]), "ringfence");
    assert!(!text(&driver["semanticVersion"]).is_empty());
    rules.iter().for_each(assert_rule);
    let ids: HashSet<&str> = rules.iter().map(|rule| text(&rule["id"])).collect();
    assert_eq!(ids.len(), rules.len(), "an id is there twice");
    let results = array(run, "results");
    assert!(run["results"].is_array() && results.len() <= 25_000);
    let artifacts = array(run, "artifacts");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&text(&result["level"])));
        assert!(!text(&result["message"]["text"]).is_empty());
        let hash = text(&result["partialFingerprints"]["primaryLocationLineHash"]);
        let (hash, number) = hash.split_once(':').unwrap();
        assert!(hash.len() == 16 && u64::from_str_radix(hash, 16).is_ok(), "{hash}");
        assert!(number.parse::<usize>().unwrap() > 0);
        assert_eq!(array(result, "locations").len(), 1, "one, unless all must be mended");
        let related = array(result, "relatedLocations");
        let flows = array(result, "codeFlows").iter();
        let steps = flows.flat_map(|flow| array(&flow["threadFlows"][0], "locations"));
        let steps: Vec<&Value> = steps.map(|step| &step["location"]).collect();
        assert!(related.len() <= 100 && steps.len() <= 1_000);
        for location in array(result, "locations").iter().chain(related).chain(steps) {
            assert_physical(&location["physicalLocation"], artifacts);
        }
        assert_links(text(&result["message"]["text"]), related);
    }
}

fn assert_rule(rule: &Value) {
    let limits = [("shortDescription", 1_024), ("fullDescription", 1_024), ("help", usize::MAX)];
    for (name, longest) in limits {
        let text = text(&rule[name]["text"]);
        assert!(!text.is_empty() && text.chars().count() <= longest, "{name} of {rule}");
    }
    assert!(!text(&rule["help"]["markdown"]).is_empty());
    assert!((1..=255).contains(&text(&rule["name"]).len()));
    let level = text(&rule["defaultConfiguration"]["level"]);
    assert!(["note", "warning", "error"].contains(&level));
    let properties = &rule["properties"];
    let severity = text(&properties["security-severity"]).parse::<f64>().unwrap();
    assert!((0.1..=10.0).contains(&severity));
    assert!(["very-high", "high", "medium", "low"].contains(&text(&properties["precision"])));
    let tags: HashSet<&str> = array(properties, "tags").iter().map(text).collect();
    assert!(tags.contains("security") && tags.len() <= 10);
    assert_eq!(tags.len(), array(properties, "tags").len());
}

fn assert_physical(place: &Value, artifacts: &[Value]) {
    let location = &place["artifactLocation"];
    let uri = text(&location["uri"]);
    assert!(!uri.is_empty());
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+,=@()/%:".contains(c);
    assert!(uri.chars().all(allowed), "{uri}");
    for (index, _) in uri.match_indices('%') {
        assert!(uri[index + 1..index + 3].bytes().all(|byte| byte.is_ascii_hexdigit()), "{uri}");
    }
    match location["uriBaseId"].as_str() {
        Some(_) => {
            assert!(!uri.starts_with('/') && !uri.contains(':'), "{uri}");
            assert!(uri.split('/').all(|part| !["", ".", ".."].contains(&part)), "{uri}");
        }
        None => assert!(uri.starts_with("file://"), "{uri}"),
    }
    for side in ["startLine", "startColumn", "endLine", "endColumn"] {
        assert!((1..=INT_MAX).contains(&place["region"][side].as_i64().unwrap()));
    }
    if let Some(address) = place["address"]["relativeAddress"].as_i64() {
        assert!((0..=INT_MAX).contains(&address), "Microsoft's library reads 32 bits");
    }
    if let Some(index) = location["index"].as_u64() {
        let artifact = &artifacts[usize::try_from(index).unwrap()];
        assert_eq!(artifact["location"]["uri"], location["uri"]);
    }
}

/// Every link in `message` is ours, by the specification's grammar: to a related location or a page.
fn assert_links(message: &str, related: &[Value]) {
    let mut rest = message;
    let mut is_escaped = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c == ']' && !is_escaped && after.starts_with('(') {
            let target = after[1..].split(')').next().unwrap();
            if target.starts_with("https://example.org/docs/ddis/") {
                rest = after;
                continue;
            }
            let id = target.parse::<u64>().unwrap_or_else(|_| panic!("{target} in {message}"));
            assert!(related.iter().any(|location| location["id"].as_u64() == Some(id)));
        }
        is_escaped = c == '\\' && !is_escaped;
        rest = after;
    }
}

#[test]
fn github_takes_everything() {
    let mut drivers = sample::all();
    drivers.extend(sample::excused_and_new());
    drivers.push(sample::writable_executable("../up and away/a'\"%#?.sys"));
    drivers.push(sample::writable_executable(r"\\server\share\b.sys"));
    drivers.push(sample::writable_executable(""));
    let mut far = sample::writable_executable("far.sys");
    far.findings[0].rva = Some(u32::MAX);
    drivers.push(far);
    // Samples share names, which drivers of one scan do only with another content.
    for (index, driver) in drivers.iter_mut().enumerate() {
        driver.sha256 = Some(format!("{index:064x}"));
    }
    for options in [Options::default(), options()] {
        let run = run(&drivers, options);
        assert_taken_by_github(&run);
        let findings: usize = drivers.iter().map(|driver| driver.findings.len()).sum();
        assert_eq!(array(&run, "results").len(), findings);
        assert_eq!(array(&run, "artifacts").len(), drivers.len());
    }
    assert_taken_by_github(&run(&[], Options::default()));
}

#[test]
fn nothing_in_it_steers_a_terminal() {
    let text = written(Format::Sarif, &sample::all(), Options::default());
    let raw = text.chars().find(|&c| c != '\n' && crate::safe::is_harmful(c));
    assert_eq!(raw, None);
}

/// Placeholders would be filled in, braces that stand for themselves are doubled.
#[test]
fn no_message_has_a_placeholder() {
    let mut drivers = sample::all();
    drivers.extend(sample::excused_and_new());
    fn check(value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let is_message = ["message", "rendered"].contains(&name.as_str());
                    if is_message && let Some(text) = member["text"].as_str() {
                        let rest = text.replace("{{", "").replace("}}", "");
                        assert!(!rest.contains(['{', '}']), "{text}");
                    }
                    check(member);
                }
            }
            Value::Array(elements) => elements.iter().for_each(check),
            _ => {}
        }
    }
    check(&run(&drivers, Options::default()));
}

#[test]
fn a_report_is_told_whole() {
    let mut sourced = sample::with_sources().remove(0);
    sourced.findings[0].ddi = Some("ExAllocatePoolWithTag");
    sourced.findings[0].argument = Some("PoolType = NonPagedPool (0)".to_owned());
    let drivers = [sourced, sample::writable_executable("acmedisk2.sys")];
    let run = run(&drivers, options());
    let text = serde_json::to_string_pretty(&run).unwrap();
    insta::with_settings!({ snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("sarif", text);
    });
}

/// Sources at another place on the build machine cannot be matched with files of a repository.
#[test]
fn a_source_elsewhere_is_related_only() {
    let drivers = [sample::with_sources().remove(0)];
    let places = |options| {
        let run = run(&drivers, options);
        let result = &run["results"][0];
        let uri = |location: &Value| {
            text(&location["physicalLocation"]["artifactLocation"]["uri"]).to_owned()
        };
        let related: Vec<_> = array(result, "relatedLocations").iter().map(uri).collect();
        (uri(&result["locations"][0]), related)
    };
    let source = "file:///D:/src/helper/pool.cpp".to_owned();
    assert_eq!(places(Options::default()), ("acmedisk.sys".to_owned(), vec![source]));
    let driver = "acmedisk.sys".to_owned();
    assert_eq!(places(options()), ("helper/pool.cpp".to_owned(), vec![driver]));
}

/// Rebuilt, the code has moved; another driver with the same finding is another alert.
#[test]
fn fingerprints_outlive_a_build() {
    let hashes = |path: &str, moved: u32| {
        let mut driver = sample::certify_only(path);
        driver
            .findings
            .iter_mut()
            .for_each(|finding| finding.rva = finding.rva.map(|rva| rva + moved));
        set_fingerprints(&mut driver.findings);
        let run = run(&[driver], Options::default());
        let hash = |result: &Value| {
            text(&result["partialFingerprints"]["primaryLocationLineHash"]).to_owned()
        };
        array(&run, "results").iter().map(hash).collect::<Vec<_>>()
    };
    let first = hashes("build/1/acme.sys", 0);
    assert_eq!(first, hashes(r"C:\other\ACME.SYS", 0x2000));
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), first.len());
    assert!(hashes("build/1/acme2.sys", 0).iter().all(|hash| !first.contains(hash)));
}

#[test]
fn what_the_user_knows_about_is_marked_on_every_result() {
    let run = run(&sample::excused_and_new(), Options::default());
    let count = |name: &str, wanted: Value| {
        array(&run, "results").iter().filter(|result| result[name] == wanted).count()
    };
    let states = ["unchanged", "new"].map(|state| count("baselineState", json!(state)));
    assert_eq!(states, [1, 9]);
    let accepted = json!([{
        "kind": "external",
        "status": "accepted",
        "justification": "the vendor mends it in [1.5](https://example.org) {soon} (until 2027-03-31)",
    }]);
    assert_eq!([count("suppressions", accepted), count("suppressions", json!([]))], [1, 9]);
    let last = array(&run, "results").last().unwrap();
    assert_eq!(last["level"], "note", "what is excused comes before what is less grave");
    let plain = self::run(&sample::all(), Options::default());
    assert!(array(&plain, "results").iter().all(|result| result["baselineState"].is_null()));
    assert!(array(&plain, "results").iter().all(|result| result["suppressions"].is_null()));
}

#[test]
fn troubles_are_notices_and_no_success() {
    let drivers = [sample::clean("a.sys")];
    let mut closing = closing(&drivers);
    let successful = |closing: &Closing| {
        run_with(&drivers, closing, Options::default())["invocations"][0].clone()
    };
    assert_eq!(successful(&closing)["executionSuccessful"], true);
    closing.unread =
        vec![Unread { path: "../x [1](2)".to_owned(), reason: "\u{1b}[2J denied".to_owned() }];
    closing.faults =
        vec![Fault { path: "a.sys".to_owned(), rule: "some-rule", message: "index 3".to_owned() }];
    let invocation = successful(&closing);
    assert_eq!(invocation["executionSuccessful"], false);
    let notices = array(&invocation, "toolExecutionNotifications");
    let told: Vec<_> = notices
        .iter()
        .map(|notice| (text(&notice["level"]), text(&notice["message"]["text"])))
        .collect();
    assert_eq!(
        told,
        [
            ("error", r"Cannot read ../x \[1\](2): \\u001b\[2J denied."),
            ("error", "Rule some-rule failed, please report: index 3."),
            ("note", "Unknown for 1 driver, run, certify: machine code not examined."),
        ]
    );
    assert_eq!(notices[1]["associatedRule"]["id"], "some-rule");
}

#[test]
fn unknown_answers_are_with_the_driver_and_no_results() {
    let run = run(&[sample::unreadable_imports("a.sys")], Options::default());
    assert_eq!(array(&run, "results").len(), 0);
    let properties = &run["artifacts"][0]["properties"];
    assert_eq!(properties["load"], "unknown");
    assert_eq!(properties["because"][0], "load unknown: the import table points outside the image");
}

#[test]
fn a_file_named_twice_is_told_once() {
    let drivers = ["a/b.sys", "./a/b.sys"].map(sample::writable_executable);
    let run = run(&drivers, Options::default());
    assert_eq!((array(&run, "artifacts").len(), array(&run, "results").len()), (1, 2));
}

/// 30,000 notes, then 1,000 errors: the errors are kept, and it is told how many notes are not.
#[test]
fn the_gravest_are_kept() {
    let mut noted = sample::straddling("noted.sys");
    noted.findings = vec![noted.findings[0].clone(); 10];
    noted.findings.iter_mut().for_each(|finding| finding.evidence = None);
    let mut drivers: Vec<_> = (0..3_000)
        .map(|index| Examination { path: format!("{index}/noted.sys"), ..noted.clone() })
        .collect();
    drivers.extend((0..125).map(|index| sample::certify_only(&format!("{index}/bad.sys"))));
    // A result a line, so that nobody need read all of it as JSON.
    let text = written(Format::Sarif, &drivers, Options::default());
    let results = text.lines().filter(|line| line.starts_with("{\"ruleId\""));
    let level = |line: &str| {
        line.split("\"level\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let levels: Vec<String> = results.map(level).collect();
    assert_eq!(levels.len(), 25_000);
    assert!(levels[..1_000].iter().all(|level| level == "error"));
    assert!(levels[1_000..].iter().all(|level| level == "note"));
    assert!(text.contains("Left out: 6 000 results, the least grave (6 000 notes). GitHub takes"));
}

/// Names that no compressor makes smaller: what is written stays below GitHub's 10 MB when gzip, as
/// anybody has it, compresses it.
#[test]
fn it_is_never_larger_than_github_takes() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = || {
        let letters = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            char::from_u32(u32::try_from(0x4E00 + (seed >> 32) % 0x5000).unwrap()).unwrap()
        });
        letters.take(1_500).collect::<String>()
    };
    let drivers: Vec<_> = (0..4_000)
        .map(|index| {
            let mut driver = sample::writable_executable(&format!("{index}.sys"));
            driver.findings.truncate(1);
            driver.findings[0].message = noise();
            driver.findings[0].excuse = (index % 2 == 1).then_some(Excuse::Baseline);
            driver
        })
        .collect();
    let text = written(Format::Sarif, &drivers, Options::default());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    let size = gzip.finish().unwrap().len();
    assert!((8_000_000..10_000_000).contains(&size), "{size}");
    let log: Value = serde_json::from_str(&text).unwrap();
    let results = array(&log["runs"][0], "results");
    assert!((2_000..4_000).contains(&results.len()), "{}", results.len());
    let new = results.iter().filter(|result| result["baselineState"] == "new").count();
    assert_eq!(new, 2_000, "what is new goes before what is known");
}
