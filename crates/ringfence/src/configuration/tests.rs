use super::*;
use crate::{Acceptance, Date, Function};

fn parse(text: &str) -> Configuration {
    Configuration::parse(text).unwrap_or_else(|wrong| panic!("{wrong}: {text}"))
}

fn wrong(text: &str) -> String {
    Configuration::parse(text).unwrap_err().to_string()
}

#[test]
fn nothing_said_is_nothing_set() {
    assert_eq!(parse(""), Configuration::default());
    assert_eq!(parse("# only a remark\r\n"), Configuration::default());
}

#[test]
fn each_setting_is_read_with_its_line() {
    let configuration = parse(
        "target = [\"win10-1607\", \"win11-24h2+\"]\n\
         gate = \"load\"\n\
         fail-unknown = true\n\
         strict = false\n\
         code-analysis = true\n\
         format = \"concise\"\n\
         report = [\"sarif=out/a.sarif\"]\n\
         symbols = [\"C:/symbols\", \"pdb\"]\n\
         no-hash = true\n\
         threads = 0x10\n\
         docs-url = \"https://example.org/rules\"\n\
         baseline = \"old.json\"\n\
         lint-report = \"csv=a.csv\"\n\
         lint-baseline = \"lint.json\"\n",
    );
    let Configuration { target, gate, fail_unknown, strict, code_analysis, format, .. } =
        configuration;
    let Configuration { lint_report, lint_baseline, .. } = configuration;
    assert_eq!(lint_report, Some(Located { value: vec!["csv=a.csv".to_owned()], line: 13 }));
    assert_eq!(lint_baseline, Some(Located { value: "lint.json".to_owned(), line: 14 }));
    let targets =
        Targets::named("win10-1607").unwrap().union(Targets::named("win11-24h2+").unwrap());
    assert_eq!(target, Some(Located { value: targets, line: 1 }));
    assert_eq!(gate, Some(Located { value: vec![Question::Load], line: 2 }));
    assert_eq!(fail_unknown, Some(Located { value: true, line: 3 }));
    assert_eq!(strict, Some(Located { value: false, line: 4 }));
    assert_eq!(code_analysis, Some(Located { value: true, line: 5 }));
    assert_eq!(format, Some(Located { value: Format::Concise, line: 6 }));
    let Configuration { report, symbols, no_hash, threads, docs_url, baseline, .. } = configuration;
    assert_eq!(report, Some(Located { value: vec!["sarif=out/a.sarif".to_owned()], line: 7 }));
    let folders = ["C:/symbols", "pdb"].map(str::to_owned).to_vec();
    assert_eq!(symbols, Some(Located { value: folders, line: 8 }));
    assert_eq!(no_hash, Some(Located { value: true, line: 9 }));
    assert_eq!(threads, Some(Located { value: 16, line: 10 }));
    let url = "https://example.org/rules".to_owned();
    assert_eq!(docs_url, Some(Located { value: url, line: 11 }));
    assert_eq!(baseline, Some(Located { value: "old.json".to_owned(), line: 12 }));
}

#[test]
fn acceptances_are_read() {
    let digest = "AB".repeat(32);
    let configuration = parse(&format!(
        "strict = true\n\n[[accept]]\nrule = \"executable-pool-type\"\npath = \"old/*.sys\"\n\
         ddi = \"exallocatepool\"\nreason = \" to be replaced \"\nuntil = 2027-03-31\n\
         [[accept]]\nrule = \"writes-to-code\"\nsha256 = \"{digest}\"\nfunction = \"0x1A2b\"\nreason = \"x\"\n"
    ));
    let [first, second] = &configuration.accept[..] else { panic!("{configuration:?}") };
    assert_eq!(
        *first,
        Acceptance {
            rule: "executable-pool-type",
            sha256: None,
            path: Some(crate::PathPattern::new("old/*.sys").unwrap()),
            function: None,
            ddi: Some("ExAllocatePool"),
            reason: "to be replaced".to_owned(),
            until: Date::new(2027, 3, 31),
            line: Some(3),
        }
    );
    assert_eq!(second.sha256, Some(digest.to_lowercase()));
    assert_eq!((&second.function, second.line), (&Some(Function::At(0x1A2B)), Some(9)));
}

/// What is wrong, and where: line and column are counted by hand.
#[test]
fn mistakes_are_told_with_their_place() {
    for (text, message) in [
        (
            "strict = true\n fail_unknown = true",
            "2:2: no setting is called `fail_unknown`, did you mean `fail-unknown`?",
        ),
        (
            "zzz = 1",
            "1:1: no setting is called `zzz`; there are target, gate, fail-unknown, strict, code-analysis, format, report, symbols, no-hash, threads, docs-url, baseline, lint-report, lint-baseline, accept",
        ),
        ("[scan]\nstrict = true", "1:2: no setting is called `scan`; there are target, gate"),
        ("strict = \"yes\"", "1:10: `strict` takes true or false, not text"),
        (
            "target = \"win10-1073\"",
            "1:10: `target`: no Windows version is called `win10-1073`, did you mean `win10-1703`?",
        ),
        ("target = []", "1:10: it takes one Windows version at least"),
        (
            "gate = [\"load\",\n  \"laod\"]",
            "2:3: `gate`: no question is called `laod`, did you mean `load`?",
        ),
        ("gate = [\"load\", 7]", "1:17: `gate` takes a question as text, not a number"),
        (
            "format = \"sumary\"",
            "1:10: `format`: no format is called `sumary`, did you mean `summary`?",
        ),
        ("threads = 1025", "1:11: `threads` takes a number from 0 to 1024"),
        ("threads = -1", "1:11: `threads` takes a number from 0 to 1024"),
        ("baseline = \"\"", "1:12: `baseline`: it cannot be empty"),
        ("accept = true", "1:1: `accept` takes tables: [[accept]] on a line of its own"),
        ("accept = [1]", "1:11: `accept` takes tables: [[accept]] on a line of its own"),
        ("ä = 1", "1:1: "),
        ("\"ä\" = [tru]", "1:8: "),
        ("strict = true\nstrict = false", "2:1: duplicate key"),
    ] {
        let told = wrong(text);
        assert!(told.starts_with(message), "{text}: {told}");
    }
}

#[test]
fn acceptances_need_rule_reason_and_place() {
    let rest = "path = \"a.sys\"\nreason = \"x\"\n";
    for (lines, message) in [
        ("path = \"a.sys\"\nreason = \"x\"", "2:1: this acceptance names no `rule`"),
        ("rule = \"writes-to-code\"\npath = \"a.sys\"", "2:1: this acceptance gives no `reason`"),
        (
            "rule = \"writes-to-code\"\nreason = \"x\"",
            "2:1: this acceptance is for every driver; say which by",
        ),
        ("rule = \"writes-to-code\"\nreason = \" \"", "4:10: `reason`: a reason cannot be empty"),
        (
            "rule = \"write-to-code\"",
            "3:8: `rule`: no rule is called `write-to-code`, did you mean `writes-to-code`?",
        ),
        (
            "rule = \"0xC4:0x2003\"",
            "3:8: `rule`: no rule is called `0xC4:0x2003`, did you mean `writable-executable-section`?",
        ),
        (
            "rule = \"writes-to-code\"\nresaon = \"x\"",
            "4:1: an acceptance has no `resaon`, did you mean `reason`?",
        ),
        ("sha256 = \"ab\"", "3:10: `sha256`: a SHA-256 has 64 hexadecimal digits"),
        ("path = 'old\\a.sys'", "3:8: `path`: paths have forward slashes here, on Windows too"),
        (
            "path = \"/old/a.sys\"",
            "3:8: `path`: paths are relative to the folder of the settings file",
        ),
        ("path = \"a[.sys\"", "3:8: `path`: not a valid pattern: "),
        (
            "ddi = \"ExAlocatePool\"",
            "3:7: `ddi`: no DDI is called `ExAlocatePool`, did you mean `ExAllocatePool`?",
        ),
        ("until = \"2027-03-31\"", "3:9: `until` takes a day without quotes, such as 2027-03-31"),
        (
            "until = 2027-03-31T12:00:00",
            "3:9: `until` takes a day without quotes, such as 2027-03-31",
        ),
        ("until = 2027-02-29", "3:9: "),
        ("function = \"0xfoo\"", "3:12: `function`: not an address such as 0x1a2b"),
    ] {
        let told = wrong(&format!("\n[[accept]]\n{lines}\n"));
        assert!(told.starts_with(message), "{lines}: {told}");
    }
    let address = format!("[[accept]]\nrule = \"writes-to-code\"\nfunction = \"0x10\"\n{rest}");
    assert!(wrong(&address).starts_with("3:12: a function's address needs the driver's `sha256`"));
}

/// Deep nesting and long texts end in an answer.
#[test]
fn whatever_the_text_it_ends() {
    wrong(&"[".repeat(100_000));
    wrong(&format!("a{} = 1", ".a".repeat(50_000)));
    wrong(&"x = 1\n".repeat(10_000));
    parse(&"# remark\n".repeat(50_000));
}

#[test]
fn what_people_write_instead_is_answered_with_how_it_is_written() {
    let day = "2:14: `until` takes a day without quotes, such as 2027-03-31";
    assert_eq!(wrong("[[accept]]\nuntil = 31.03.2027"), day);
    assert_eq!(
        wrong("gate = \"load,certify\""),
        "1:8: `gate`: several are written [\"load\", \"certify\"]"
    );
    assert_eq!(
        wrong("report = [\"sarif\"]"),
        "1:11: `report`: it takes FORMAT=FILE, such as sarif=report.sarif"
    );
}
