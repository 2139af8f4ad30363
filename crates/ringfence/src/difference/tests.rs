use super::*;
use crate::Settings;
use ringfence_container::Input;
use ringfence_finding::Targets;
use ringfence_fixture::{DIR64, RWX, driver, section};
use std::path::Path;
use tempfile::TempDir;

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn examined_for(targets: Targets, path: &Path) -> Side {
    let settings = Settings { targets, ..Settings::default() };
    Side::of_drivers("side", &Input::Path(path.to_owned()), &settings, |_| ()).0
}

fn examined(path: &Path) -> Side {
    examined_for(Targets::DEFAULT, path)
}

fn clean() -> Vec<u8> {
    driver().bytes()
}

fn rwx() -> Vec<u8> {
    driver().edit_section(".text", |text| text.rights(RWX)).bytes()
}

/// One driver of each side.
fn of_two(old: Vec<u8>, new: Vec<u8>) -> Difference {
    let (old, new) = (folder(&[("a.sys", old)]), folder(&[("a.sys", new)]));
    compare(&examined(old.path()), &examined(new.path()))
}

/// `load yes → no (worse)`
fn told(changes: &[AnswerChange]) -> Vec<String> {
    let told =
        |one: &AnswerChange| format!("{} {} → {} ({})", one.question, one.old, one.new, one.change);
    changes.iter().map(told).collect()
}

#[test]
fn what_became_incompatible_is_worse_and_back_again_better() {
    let worse = of_two(clean(), rwx());
    let [driver] = &worse.drivers[..] else { panic!("{worse:?}") };
    assert!(worse.worse);
    assert_eq!(driver.change, Change::Worse);
    assert_eq!(
        told(&driver.answers),
        ["load yes → no (worse)", "run yes → unknown (worse)", "certify yes → no (worse)"]
    );
    assert_eq!(driver.new[0].rule, "writable-executable-section");
    let rights: Vec<_> = driver
        .sections
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                &*one.old.as_ref().unwrap().rights,
                &*one.new.as_ref().unwrap().rights,
            )
        })
        .collect();
    assert_eq!(rights, [(".text", "r-x", "rwx")]);
    assert_eq!(driver.same_file, Some(false));

    let better = of_two(rwx(), clean());
    assert!(!better.worse);
    assert_eq!(better.drivers[0].change, Change::Better);
    assert_eq!(better.drivers[0].fixed[0].rule, "writable-executable-section");
    assert_eq!((better.totals.better, better.totals.fixed_findings), (1, 1));
}

#[test]
fn equal_drivers_are_unchanged() {
    let same = of_two(rwx(), rwx());
    assert_eq!(same.drivers, []);
    let totals =
        DifferenceTally { matched: 1, unchanged: 1, unchanged_findings: 1, ..Default::default() };
    assert_eq!((same.totals, same.worse), (totals, false));
}

/// One more error is worse, though the answers are as bad as they were.
#[test]
fn a_new_error_is_worse_without_an_answer() {
    let more = driver()
        .edit_section(".text", |text| text.rights(RWX))
        .section(section("HOOK").rights(RWX).bytes(vec![0xC3; 16]))
        .bytes();
    let difference = of_two(rwx(), more);
    let driver = &difference.drivers[0];
    assert_eq!((driver.change, driver.answers.len()), (Change::Worse, 0));
    assert_eq!((driver.new.len(), driver.fixed.len(), driver.unchanged), (1, 0, 1));
    let added: Vec<_> = driver.sections.iter().filter(|one| one.old.is_none()).collect();
    assert_eq!(added[0].name, "HOOK");
}

#[test]
fn other_changes_are_neither() {
    let imports = driver().import("hal.dll", &["HalGetBusData"]).bytes();
    let difference = of_two(clean(), imports);
    let driver = &difference.drivers[0];
    assert_eq!((driver.change, difference.worse), (Change::Changed, false));
    assert_eq!(
        driver.imports.iter().map(|one| (&*one.module, one.old, one.new)).collect::<Vec<_>>(),
        [("hal.dll", 0, 1)]
    );
}

/// A driver that did not load was never asked whether it runs.
#[test]
fn to_be_asked_at_all_is_no_change_for_the_worse() {
    let verdict = |load, run, certify| {
        let drivers = [crate::RecordedVerdict { load, run, certify }];
        drivers.map(|verdict| RecordedDriver {
            path: "a.sys".to_owned(),
            sha256: None,
            machine: "x64".to_owned(),
            verdict,
            findings: vec![],
            excused: vec![],
            coverage: Default::default(),
            properties: Default::default(),
        })
    };
    use Answer::{No, Unknown, Yes};
    let told = |old, new| {
        let ([old], [new]): ([RecordedDriver; 1], [RecordedDriver; 1]) = (old, new);
        told(&answers(&old, &new))
    };
    assert_eq!(
        told(verdict(No, Unknown, Unknown), verdict(Yes, No, Yes)),
        ["load no → yes (better)", "run unknown → no (changed)", "certify unknown → yes (better)"]
    );
    assert_eq!(
        told(verdict(Yes, Unknown, Yes), verdict(Yes, No, Yes)),
        ["run unknown → no (worse)"]
    );
    assert_eq!(
        told(verdict(Yes, Yes, Yes), verdict(Yes, Unknown, Yes)),
        ["run yes → unknown (worse)"]
    );
    assert_eq!(
        told(verdict(No, Unknown, No), verdict(Yes, Unknown, No)),
        ["load no → yes (better)"]
    );
}

#[test]
fn drivers_of_one_side_are_new_or_gone() {
    let old = folder(&[("a.sys", clean()), ("sub/gone.sys", rwx())]);
    let new = folder(&[("a.sys", clean()), ("sub/fine.sys", clean())]);
    let difference = compare(&examined(old.path()), &examined(new.path()));
    assert_eq!(difference.gone[0].path.replace('\\', "/"), "sub/gone.sys");
    assert_eq!(difference.added[0].path.replace('\\', "/"), "sub/fine.sys");
    // That a bad driver is gone is no harm, and neither is a new one without errors.
    assert!(!difference.worse);
    std::fs::write(new.path().join("sub/bad.sys"), rwx()).unwrap();
    let difference = compare(&examined(old.path()), &examined(new.path()));
    assert!(difference.worse);
    assert_eq!(difference.added[0].errors[0].rule, "writable-executable-section");
}

#[test]
fn the_windows_versions_are_compared_too() {
    let data = |data: ringfence_fixture::Section| data.bytes(vec![0; 0x1100]);
    let straddling = driver().edit_section(".data", data).relocation_in(".data", 0xffc, DIR64);
    let files = folder(&[("a.sys", straddling.bytes())]);
    let difference = compare(&examined(files.path()), &examined_for(Targets::ALL, files.path()));
    assert!(difference.remarks[0].contains("different Windows versions"));
    // The finding is the same, and an error where old versions are asked about.
    let regraded = &difference.drivers[0].regraded[0];
    assert_eq!((regraded.old, regraded.finding.level), (Level::Note, Level::Error));
    assert!(difference.worse);
    let same = compare(&examined(files.path()), &examined(files.path()));
    assert_eq!(same.remarks, [""; 0]);
}
