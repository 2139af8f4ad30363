use super::*;
use crate::{Answer, Examination, Question, Settings, collect, examine};
use ringfence_container::Input;
use ringfence_finding::{DebugSymbols, Excuse, Finding, Level, SourcePlace};
use ringfence_fixture::RWX;
use std::fs;
use std::sync::Arc;

/// Drivers with different contents and the same finding.
fn bad(content: u8) -> Vec<u8> {
    let data = |data: ringfence_fixture::Section| data.bytes(vec![content; 0x40]);
    ringfence_fixture::driver()
        .edit_section(".text", |text| text.rights(RWX))
        .edit_section(".data", data)
        .bytes()
}

fn examined() -> Examination {
    examine(&bad(0), &Settings::default()).unwrap()
}

fn recorded(driver: &Examination) -> RecordedDriver {
    serde_json::from_value(serde_json::to_value(driver).unwrap()).unwrap()
}

/// A baseline of drivers with these paths, contents and processors.
fn baseline(drivers: &[(&str, u8, &str)]) -> Arc<Baseline> {
    let mut baseline = Baseline::default();
    for (path, content, machine) in drivers {
        let examination = examine(&bad(*content), &Settings::default()).unwrap();
        let recorded = recorded(&examination);
        let (path, machine) = ((*path).to_owned(), (*machine).to_owned());
        baseline.add(RecordedDriver { path, machine, ..recorded });
    }
    Arc::new(baseline)
}

/// The files of a folder whose finding the baseline excuses, and those that have a new one.
fn told(baseline: &Arc<Baseline>, files: &[(&str, u8)], settings: Settings) -> [Vec<String>; 2] {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bad(*content)).unwrap();
    }
    let settings = Settings { baseline: Some(Arc::clone(baseline)), ..settings };
    let report = collect(&[Input::Path(root.path().to_owned())], &settings);
    assert_eq!(report.drivers.len(), files.len());
    [true, false].map(|is_known| {
        let known = report.drivers.iter();
        let known = known.filter(|driver| driver.findings[0].excuse.is_some() == is_known);
        let path = |driver: &Examination| {
            let path = Path::new(&driver.path).strip_prefix(root.path()).unwrap();
            path.to_str().unwrap().replace('\\', "/")
        };
        known.map(path).collect()
    })
}

fn known(baseline: &Arc<Baseline>, files: &[(&str, u8)]) -> Vec<String> {
    let [known, _] = told(baseline, files, Settings::default());
    known
}

/// The folders are others on every run, so names and the folders nearest to them decide.
#[test]
fn one_driver_stands_in_for_one() {
    let both =
        baseline(&[("old/x64/a.sys", 1, "x64"), ("old/arm/a.sys", 2, "x64"), ("b.sys", 3, "x64")]);
    assert_eq!(known(&both, &[("new/x64/A.SYS", 11)]), ["new/x64/A.SYS"]);
    assert_eq!(
        known(&both, &[("new/arm/a.sys", 11), ("new/x64/a.sys", 12), ("z/b.sys", 13)]),
        ["new/arm/a.sys", "new/x64/a.sys", "z/b.sys"]
    );
    assert_eq!(known(&both, &[("new/mips/a.sys", 11), ("c.sys", 12)]), [""; 0]);
    // With a namesake nobody can say which of both it is.
    assert_eq!(known(&both, &[("x/b.sys", 11), ("z/b.sys", 12)]), [""; 0]);
    assert_eq!(
        known(&both, &[("1/x64/a.sys", 11), ("2/x64/a.sys", 12), ("z/b.sys", 13)]),
        ["z/b.sys"]
    );
    let other = baseline(&[("b.sys", 1, "arm64")]);
    assert_eq!(known(&other, &[("z/b.sys", 11)]), [""; 0]);
}

#[test]
fn what_is_scanned_itself_stands_in_for_no_other() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path).to_str().unwrap().to_owned();
    let mut one = Baseline::default();
    one.add(RecordedDriver { path: at("vendorA/filter.sys"), ..recorded(&examined()) });
    let one = Arc::new(one);
    let excused = |contents: [u8; 2], inputs: &[&str]| {
        for (vendor, content) in ["vendorA", "vendorB"].into_iter().zip(contents) {
            fs::create_dir_all(root.path().join(vendor)).unwrap();
            fs::write(at(vendor) + "/filter.sys", bad(content)).unwrap();
        }
        let inputs: Vec<_> = inputs.iter().map(|input| Input::Path(at(input).into())).collect();
        let settings = Settings { baseline: Some(Arc::clone(&one)), ..Settings::default() };
        collect(&inputs, &settings).totals.excused.findings
    };
    // Its own path is scanned, whatever came there by now.
    for content in [0, 1] {
        assert_eq!(excused([content, 2], &["vendorA", "vendorB"]), 1);
        assert_eq!(excused([content, 2], &["vendorB", "vendorA"]), 1);
    }
    assert_eq!(excused([0, 2], &["vendorB"]), 1);
    // What has the same content is known all the same.
    assert_eq!(excused([0, 0], &["vendorB", "vendorA"]), 2);
}

/// Its content is scanned elsewhere, under another name and after the one that has its own.
#[test]
fn what_has_moved_stands_in_for_no_other() {
    let one = baseline(&[("old/a.sys", 1, "x64")]);
    assert_eq!(known(&one, &[("new/a.sys", 2), ("new/b.sys", 1)]), ["new/b.sys"]);
    assert_eq!(known(&one, &[("new/a.sys", 2), ("new/b.sys", 3)]), ["new/a.sys"]);
    // Without digests the one that has moved is new, so the scan fails anyway.
    let unhashed = Settings { hash: false, ..Settings::default() };
    let [_, new] = told(&one, &[("new/a.sys", 2), ("new/b.sys", 1)], unhashed);
    assert_eq!(new, ["new/b.sys"]);
}

#[test]
fn only_windows_takes_a_backslash_for_a_slash() {
    let mut baseline = Baseline::default();
    baseline.add(RecordedDriver { path: r".\old\a.sys".to_owned(), ..recorded(&examined()) });
    let itself = |path: &str| baseline.itself(&scanned(path), None).is_some();
    assert!(itself("old/a.sys") && itself("./old/a.sys"));
    assert_eq!(itself(r".\old\a.sys"), cfg!(windows));
    assert!(!itself(""));
}

/// Which findings of `now` are known where `was` was found before.
fn has(was: &Examination, now: &Examination) -> Vec<bool> {
    Known::from(recorded(was)).has(now)
}

#[test]
fn what_is_graver_or_denies_more_is_new() {
    let now = examined();
    let with = |edit: &dyn Fn(&mut Finding)| {
        let mut was = now.clone();
        edit(&mut was.findings[0]);
        has(&was, &now)
    };
    assert_eq!(with(&|_| ()), [true]);
    assert_eq!(with(&|was| was.level = Level::Warning), [false]);
    assert_eq!(with(&|was| was.fingerprint.replace_range(..1, "x")), [false]);
    assert_eq!(with(&|was| was.rule = "wrong-machine"), [false]);
    assert_eq!(with(&|was| was.questions = vec![Question::Certify]), [false]);
    assert_eq!(with(&|was| was.questions.push(Question::Run)), [true]);
}

/// An acceptance has an end; a report that was written before must not lengthen it.
#[test]
fn what_was_accepted_is_not_known() {
    let now = examined();
    let with = |excuse: Excuse| {
        let mut was = now.clone();
        was.findings[0].excuse = Some(excuse);
        has(&was, &now)
    };
    let until = Some("2027-03-31".to_owned());
    assert_eq!(with(Excuse::Accepted { reason: "later".to_owned(), until }), [false]);
    assert_eq!(with(Excuse::Baseline), [true]);
    let mut later = serde_json::to_value(&now).unwrap();
    later["findings"][0]["excuse"] = serde_json::json!({ "by": "vote", "votes": 3 });
    let later: RecordedDriver = serde_json::from_value(later).unwrap();
    assert_eq!(Known::from(later).has(&now), [false]);
}

/// A driver with these calls: argument, function and address of each.
fn calls(calls: &[(&str, Option<&str>)], has_pdb: bool) -> Examination {
    let mut driver = examined();
    let template = driver.findings.remove(0);
    for (at, (argument, function)) in (0..).zip(calls) {
        let source = function.map(|function| SourcePlace {
            function: Some(function.to_owned()),
            file: None,
            line: None,
            inlined: vec![],
            object: None,
            library: None,
        });
        let finding = Finding { rva: Some(at), source, ..template.clone() };
        driver.findings.push(finding.about("ExAllocatePool", Some((*argument).to_owned())));
    }
    ringfence_finding::set_fingerprints(&mut driver.findings);
    driver.symbols = has_pdb.then(|| DebugSymbols::Used { path: "a.pdb".to_owned() });
    driver
}

#[test]
fn a_pdb_that_one_run_had_does_not_matter() {
    let named = calls(&[("p", Some("Read")), ("p", Some("Write")), ("q", Some("Read"))], true);
    let bare = calls(&[("p", None), ("p", None), ("q", None)], false);
    assert_eq!(has(&named, &bare), [true; 3]);
    assert_eq!(has(&bare, &named), [true; 3]);
    // No more than there were, and none of another argument.
    let more = calls(&[("p", None), ("p", None), ("p", None), ("r", None)], false);
    assert_eq!(has(&named, &more), [true, true, false, false]);
    let mut graver = named.clone();
    graver.findings[0].level = Level::Note;
    assert_eq!(has(&graver, &bare), [false, true, true]);
    // What was accepted stands for none.
    let mut accepted = named.clone();
    accepted.findings[0].excuse = Some(Excuse::Accepted { reason: String::new(), until: None });
    assert_eq!(has(&accepted, &bare), [true, false, true]);
}

/// With PDBs on both sides the function counts, also where the PDB does not know one.
#[test]
fn pdbs_that_both_runs_had_count() {
    let was = calls(&[("p", Some("Read"))], true);
    assert_eq!(has(&was, &calls(&[("p", Some("Write"))], true)), [false]);
    assert_eq!(has(&was, &calls(&[("p", None)], true)), [false]);
    // What is about no call has only rule and section left.
    let mut code = was.clone();
    code.findings[0].ddi = None;
    let mut bare = calls(&[("p", None)], false);
    bare.findings[0].ddi = None;
    assert_eq!(has(&code, &bare), [false]);
}

/// A driver with these answers to *load* and *run*.
fn answered(load: Answer, run: Answer) -> Examination {
    let mut driver = examined();
    driver.findings[0].questions = vec![Question::Load, Question::Run];
    (driver.verdict.load, driver.verdict.run) = (load, run);
    driver
}

#[test]
fn what_was_open_or_no_is_open_still() {
    use Answer::{No, Unknown, Yes};
    let left = |was: &Examination, now: &Examination| {
        Known::from(recorded(was)).left_open(now, Question::Run)
    };
    let open = answered(Yes, Unknown);
    assert!(!left(&answered(Yes, Yes), &open));
    assert!(left(&open, &open));
    assert!(left(&answered(Yes, No), &open));
    // It was not reached, and is now.
    assert!(!left(&answered(No, Unknown), &open));
    assert!(left(&answered(No, Unknown), &answered(No, Unknown)));
    // Only what was accepted said no; then nothing was open where it was excused.
    let accepted = |excused: &[Question], load, run| {
        let mut was = answered(load, run);
        was.findings[0].excuse = Some(Excuse::Accepted { reason: String::new(), until: None });
        was.excused = excused.to_vec();
        was
    };
    assert!(!left(&accepted(&[Question::Run], Yes, No), &open));
    assert!(left(&accepted(&[], Yes, No), &open));
    let refused = answered(No, Unknown);
    assert!(!left(&accepted(&[Question::Load, Question::Run], No, Unknown), &refused));
    assert!(left(&accepted(&[Question::Load], No, Unknown), &refused));
}
