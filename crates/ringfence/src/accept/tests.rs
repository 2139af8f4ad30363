use super::*;
use crate::{Answer, Question, Settings, collect, examine};
use ringfence_fixture::{RWX, driver};
use std::fs;

const RULE: &str = "writable-executable-section";

fn bad() -> Vec<u8> {
    driver().edit_section(".text", |text| text.rights(RWX)).bytes()
}

fn acceptance(edit: impl FnOnce(&mut Acceptance)) -> Acceptance {
    let mut acceptance = Acceptance {
        rule: RULE,
        sha256: None,
        path: None,
        function: None,
        ddi: None,
        reason: "known".to_owned(),
        until: None,
        line: Some(7),
    };
    edit(&mut acceptance);
    acceptance
}

fn path(pattern: &str) -> Option<PathPattern> {
    Some(PathPattern::new(pattern).unwrap())
}

/// Settings whose file lies in `folder`.
fn settings(folder: &Path, each: Vec<Acceptance>) -> Settings {
    let file = Some("ringfence.toml".to_owned());
    let acceptances = Acceptances { each, file, folder: folder.to_owned() };
    Settings { acceptances, ..Settings::default() }
}

fn tree(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    root
}

#[test]
fn patterns_match_files_and_folders() {
    let matches = |pattern: &str, path: &str| PathPattern::new(pattern).unwrap().matches(path);
    for (pattern, path, expected) in [
        ("drivers/old/*.sys", "drivers/old/a.sys", true),
        ("drivers/old/*.sys", "Drivers/OLD/A.SYS", true),
        ("drivers/old/*.sys", "drivers/old/x/a.sys", false),
        ("drivers/old", "drivers/old/x/a.sys", true),
        ("./drivers/old/", "drivers/old/x/a.sys", true),
        ("drivers/old", "drivers/older/a.sys", false),
        ("*.sys", "a.sys", true),
        ("*.sys", "x/a.sys", false),
        ("**/a.sys", "x/y/a.sys", true),
        ("**/a.sys", "a.sys", true),
        ("../other/*.sys", "../other/a.sys", true),
        ("a[12].sys", "a2.sys", true),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn paths_are_relative_to_the_settings_file() {
    let folder = plain(Path::new("base/settings")).unwrap();
    let told = |driver: &str| relative(&folder, driver);
    assert_eq!(told("base/settings/a.sys").as_deref(), Some("a.sys"));
    assert_eq!(told("./base/x/../settings/y/a.sys").as_deref(), Some("y/a.sys"));
    assert_eq!(told("base/other/a.sys").as_deref(), Some("../other/a.sys"));
    assert_eq!(told("-"), None);
    assert_eq!(told(""), None);
}

#[test]
fn an_accepted_finding_fails_nothing_and_changes_no_answer() {
    let bytes = bad();
    let sha256 = examine(&bytes, &Settings::default()).unwrap().sha256;
    let plain = examine(&bytes, &Settings::default()).unwrap();
    let accepted = acceptance(|acceptance| {
        acceptance.sha256 = sha256;
        acceptance.until = Date::new(2027, 3, 31);
    });
    let found = examine(&bytes, &settings(Path::new(""), vec![accepted])).unwrap();
    assert_eq!(found.verdict, plain.verdict);
    assert_eq!((found.verdict.load, found.verdict.certify), (Answer::No, Answer::No));
    let until = Some("2027-03-31".to_owned());
    let excuse = Excuse::Accepted { reason: "known".to_owned(), until };
    assert_eq!(found.findings[0].excuse, Some(excuse));
    assert_eq!(found.excused, Question::ALL);
    for question in Question::ALL {
        assert_eq!(found.counted(question), Answer::Yes);
    }
    assert!(plain.excused.is_empty() && plain.findings[0].excuse.is_none());
}

#[test]
fn an_objection_that_load_hid_counts() {
    // Does not load, and its entry point cannot run.
    let bytes =
        driver().edit_section(".text", |text| text.rights(RWX)).entry_point(0x00F0_0000).bytes();
    let found = examine(&bytes, &Settings::default()).unwrap();
    let rules: Vec<_> = found.findings.iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&"non-executable-entry-point"), "{rules:?}");
    let accepted = acceptance(|acceptance| acceptance.sha256 = found.sha256.clone());
    let found = examine(&bytes, &settings(Path::new(""), vec![accepted])).unwrap();
    assert_eq!(found.verdict.run, Answer::Unknown);
    assert_eq!(found.excused, [Question::Load, Question::Certify]);
    assert_eq!(found.counted(Question::Run), Answer::No);
}

#[test]
fn equal_files_are_excused_by_their_own_paths() {
    let root = tree(&[("old/a.sys", bad()), ("new/a.sys", bad())]);
    let old = vec![acceptance(|acceptance| acceptance.path = path("old/*.sys"))];
    let report = collect(&[Input::Path(root.path().to_owned())], &settings(root.path(), old));
    let excused: Vec<_> = report.drivers.iter().map(|driver| driver.excused.len()).collect();
    assert_eq!(excused, [0, 3]);
    assert_eq!((report.totals.excused.load, report.totals.excused.findings), (1, 1));
    assert_eq!(report.totals.counted.map(|tally| tally.no), [1, 0, 1]);
    assert_eq!(report.totals.load.no, 2);
    assert!(report.acceptances.is_empty());
}

#[test]
fn what_has_ended_accepts_nothing_and_is_told() {
    let root = tree(&[("a.sys", bad())]);
    let ends = || {
        acceptance(|acceptance| {
            acceptance.path = path("a.sys");
            acceptance.until = Date::new(2027, 3, 31);
        })
    };
    let on = |today: Option<Date>| {
        let settings = Settings { today, ..settings(root.path(), vec![ends()]) };
        collect(&[Input::Path(root.path().to_owned())], &settings)
    };
    for today in [None, Date::new(2027, 3, 31), Date::new(2026, 12, 1)] {
        assert_eq!(on(today).totals.excused.load, 1, "{today:?}");
        assert!(on(today).acceptances.is_empty());
    }
    let late = on(Date::new(2027, 4, 1));
    assert_eq!(late.totals.excused.load, 0);
    assert_eq!(late.acceptances.unused, []);
    let [idle] = &late.acceptances.expired[..] else { panic!("{late:?}") };
    assert_eq!(idle.place.as_deref(), Some("ringfence.toml:7"));
    assert_eq!(idle.until.as_deref(), Some("2027-03-31"));
}

/// Unused is what could have been used: a scan of one driver says nothing of the others.
#[test]
fn what_accepts_nothing_is_told_where_the_scan_looked() {
    let root = tree(&[
        ("x/bad.sys", bad()),
        ("x/clean.sys", driver().bytes()),
        ("y/clean.sys", driver().bytes()),
    ]);
    let unused = |input: &str, edit: &dyn Fn(&mut Acceptance)| {
        let settings = settings(root.path(), vec![acceptance(edit)]);
        let inputs = [Input::Path(root.path().join(input))];
        collect(&inputs, &settings).acceptances.unused.len()
    };
    let by_path = |pattern: &'static str| move |one: &mut Acceptance| one.path = path(pattern);
    let by_digest = |one: &mut Acceptance| one.sha256 = Some("00".repeat(32));
    let by_function = |one: &mut Acceptance| one.function = Some(Function::Named("F".to_owned()));
    for (input, edit, expected) in [
        ("", &by_path("x/*.sys") as &dyn Fn(&mut Acceptance), 0),
        ("", &by_path("x/clean.sys"), 1),
        ("x/bad.sys", &by_path("x/clean.sys"), 0),
        ("x/clean.sys", &by_path("x/*.sys"), 1),
        ("", &by_path("x/gone.sys"), 1),
        ("x", &by_path("x/gone.sys"), 1),
        ("y", &by_path("x/gone.sys"), 0),
        ("x", &by_path("**/gone.sys"), 0),
        ("", &by_path("**/gone.sys"), 1),
        ("", &by_digest, 1),
        ("x/bad.sys", &by_digest, 0),
        ("x/bad.sys", &by_function, 1),
    ] {
        assert_eq!(unused(input, edit), expected, "{input}");
    }
}
