use super::*;
use crate::arguments::{Arguments, Command};
use clap::Parser;

fn chosen(options: &str) -> Chosen {
    let words = ["ringfence", "scan", "x.sys"].into_iter().chain(options.split_whitespace());
    match Arguments::parse_from(words).command {
        Command::Scan(scan) => scan.chosen,
        _ => panic!("it is a scan"),
    }
}

fn effective(options: &str, text: &str) -> anyhow::Result<Effective> {
    let file = File { path: "sub/ringfence.toml".into() };
    Effective::merged(&chosen(options), None, Some(file), Configuration::parse(text)?)
}

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ringfence.example.toml");
    std::fs::read_to_string(path).unwrap()
}

/// The values without where they come from.
fn values(effective: Effective) -> Effective {
    fn plain<T>(setting: Setting<T>) -> Setting<T> {
        Setting { origin: Origin::Default, ..setting }
    }
    Effective {
        file: None,
        target: plain(effective.target),
        gate: plain(effective.gate),
        fail_unknown: plain(effective.fail_unknown),
        strict: plain(effective.strict),
        code_analysis: plain(effective.code_analysis),
        format: plain(effective.format),
        report: plain(effective.report),
        symbols: plain(effective.symbols),
        no_hash: plain(effective.no_hash),
        threads: plain(effective.threads),
        docs_url: plain(effective.docs_url),
        baseline: plain(effective.baseline),
        lint_report: plain(effective.lint_report),
        lint_baseline: plain(effective.lint_baseline),
        acceptances: Acceptances { file: None, folder: PathBuf::new(), ..effective.acceptances },
    }
}

/// The example says what holds without it.
#[test]
fn the_example_has_the_defaults() {
    let none = Effective::merged(&chosen(""), None, None, Configuration::default()).unwrap();
    assert_eq!(values(effective("", &example()).unwrap()), none);
    let settings = none.settings().unwrap();
    assert_eq!(settings, Settings::default());
}

/// Every setting is there, those without a default as a remark, and each remark is one that is taken.
#[test]
fn the_example_has_every_setting() {
    let is_setting = |line: &&str| line.contains(" = ") || line.starts_with("[[");
    let remarks = |line: &'_ str| line.strip_prefix("# ").unwrap_or(line).to_owned();
    let text = example();
    let all: Vec<String> = text.lines().map(remarks).filter(|line| is_setting(&&**line)).collect();
    let configuration = Configuration::parse(&all.join("\n")).unwrap();
    let Configuration {
        target: Some(_),
        gate: Some(_),
        fail_unknown: Some(_),
        strict: Some(_),
        code_analysis: Some(_),
        format: Some(_),
        report: Some(_),
        symbols: Some(_),
        no_hash: Some(_),
        threads: Some(_),
        docs_url: Some(_),
        baseline: Some(_),
        lint_report: Some(_),
        lint_baseline: Some(_),
        accept,
    } = configuration
    else {
        panic!("the example lacks a setting: {configuration:?}")
    };
    let [accept] = &accept[..] else { panic!("{accept:?}") };
    assert!(accept.sha256.is_some() && accept.path.is_some() && accept.function.is_some());
    assert!(accept.ddi.is_some() && accept.until.is_some());
}

#[test]
fn the_command_line_goes_before_the_file() {
    let text = "gate = \"load\"\nfail-unknown = true\nbaseline = \"old.json\"\nthreads = 3\n";
    let from_file = effective("", text).unwrap();
    assert_eq!(from_file.gate, Setting { value: vec![Question::Load], origin: Origin::File(1) });
    assert_eq!(from_file.fail_unknown, Setting { value: true, origin: Origin::File(2) });
    let old = Some(Path::new("sub").join("old.json"));
    assert_eq!(from_file.baseline, Setting { value: old, origin: Origin::File(3) });
    let options = "--gate run --gate certify --fail-unknown=false --no-baseline --threads 0";
    let from_line = effective(options, text).unwrap();
    let gate = vec![Question::Run, Question::Certify];
    assert_eq!(from_line.gate, Setting { value: gate, origin: Origin::CommandLine });
    assert_eq!(from_line.fail_unknown, Setting { value: false, origin: Origin::CommandLine });
    assert_eq!(from_line.baseline, Setting { value: None, origin: Origin::CommandLine });
    assert_eq!(from_line.threads, Setting { value: 0, origin: Origin::CommandLine });
    assert!(effective("--fail-unknown", "").unwrap().fail_unknown.value);
}

#[test]
fn reports_of_a_file_stay_below_it() {
    let report = |text: &str| effective("", text).map(|effective| effective.report.value);
    let inside = report("report = [\"csv=out/a.csv\"]").unwrap();
    assert_eq!(inside[0].path, Path::new("sub").join("out/a.csv"));
    for outside in ["csv=../a.csv", "csv=/elsewhere/a.csv", "csv=out/../../a.csv"] {
        let error =
            report(&format!("strict = true\nreport = [\"{outside}\"]")).unwrap_err().to_string();
        assert!(error.starts_with("sub/ringfence.toml:2: `report`: "), "{error}");
        assert!(error.contains("is not below the folder of the settings file"), "{error}");
    }
    let error = report("report = [\"xml=a\"]").unwrap_err().to_string();
    assert!(error.contains("no format is called `xml`"), "{error}");
}

#[test]
fn what_only_the_command_line_knows_is_checked_in_the_file_too() {
    let wrong = |text: &str| effective("", text).unwrap_err().to_string();
    assert!(
        wrong("docs-url = \"example.org\"").contains(":1: it takes an address that begins with")
    );
    let missing = wrong("symbols = [\"no-such-folder\"]");
    assert!(missing.starts_with("sub/ringfence.toml:1: `symbols`: no-such-folder: "), "{missing}");
    // The command line says otherwise, so it does not matter.
    let symbols = effective("--symbols .", "symbols = [\"no-such-folder\"]").unwrap().symbols;
    assert_eq!((symbols.value.len(), symbols.origin), (1, Origin::CommandLine));
}
