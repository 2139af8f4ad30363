use super::*;
use Counter::{ExecutePoolType, ExecuteWriteSection, SectionAlignment};

fn modules(text: &str) -> Vec<(String, Vec<(Counter, u64)>)> {
    let query = VerifierQuery::read(text).unwrap();
    let plain = |one: QueriedModule| (one.name, one.counters.into_iter().collect());
    query.modules.into_iter().map(plain).collect()
}

/// The labels and their order are those of Microsoft's page on memory integrity.
#[test]
fn counters_belong_to_the_module_before_them() {
    let text = "\
Time Stamp: 11/29/2026 06:10:21.123\r\n\r\nVerifier Flags: 0x02000000\r\n\r\n  Standard Flags:\r\n
Driver Verification List\r\n\r\nMODULE: ntfs.sys (load: 1 / unload: 0)\r\n\r\n\
    Pool Allocation Statistics: ( NonPagedPool / PagedPool )\r\n\r\n\
      Current Pool Allocations:     (     33 /      0 )\r\n\r\n\
    Code Integrity Statistics:\r\n\r\n\
        Execute Pool Type Count:                3\r\n\
        Execute Page Protection Count:          0\r\n\
        Section Alignment Failures:             9\r\n\r\n\
MODULE: My Driver.sys (load: 0 / unload: 0)\r\n";
    assert_eq!(VerifierQuery::read(text).unwrap().flags, Some(0x0200_0000));
    let counted =
        vec![(ExecutePoolType, 3), (Counter::ExecutePageProtection, 0), (SectionAlignment, 9)];
    let expected = [("ntfs.sys".to_owned(), counted), ("My Driver.sys".to_owned(), vec![])];
    assert_eq!(modules(text), expected);
}

#[test]
fn others_who_print_the_counters_are_read_too() {
    let log = "Module: TestDriver1.sys\n\tReason: section alignment failures:             9\n\
                   Module: TestDriver2.sys\n\tReason: execute pool type count:                3\n";
    let expected = [
        ("TestDriver1.sys".to_owned(), vec![(SectionAlignment, 9)]),
        ("TestDriver2.sys".to_owned(), vec![(ExecutePoolType, 3)]),
    ];
    assert_eq!(modules(log), expected);
    let debugger =
        "  MODULE: 0x84226b28 MyDriver.sys (Loaded)\n  Execute-Write Section Count: 0x1\n";
    let expected = [("MyDriver.sys".to_owned(), vec![(ExecuteWriteSection, 1)])];
    assert_eq!(modules(debugger), expected);
}

#[test]
fn where_nothing_is_verified_there_is_nothing() {
    assert_eq!(modules("\r\nNo drivers are currently verified.\r\n"), []);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let why = |text: &str| VerifierQuery::read(text).unwrap_err();
    assert_eq!(why(""), BadQuery::NotAQuery);
    assert_eq!(why("Verifier Flags: 0x1\n"), BadQuery::NotAQuery);
    let bad = why("Module: a.sys\nExecute Pool Type Count: many\n");
    let told = "line 2: the counter has no number: `Execute Pool Type Count: many`";
    assert_eq!(bad.to_string(), told);
    for number in ["", "-1", "0x", "99999999999999999999", "1 2"] {
        let text = format!("Module: a.sys\nExecute Pool Type Count: {number}");
        assert!(matches!(why(&text), BadQuery::NoNumber { line: 2, .. }), "{number}");
    }
    assert!(matches!(why("Section Alignment Failures: 1"), BadQuery::NoModule { line: 1, .. }));
    assert_eq!(why("x\nMODULE: (load: 1)"), BadQuery::NoName { line: 2 });
    let long = format!("module: {}", "x".repeat(2_000));
    assert_eq!(why(&long), BadQuery::NoName { line: 1 });
}

/// As Windows 2000 to 8.1 print it: the flags in eight digits, and no counter of code integrity.
#[test]
fn the_older_layout_is_read_as_far_as_it_goes() {
    let text = "2/3/2015, 10:21:19 AM\r\nLevel: 000009BB\r\nRaiseIrqls: 0\r\nAcquireSpinLocks: 2850\r\n\r\n\
                Verified drivers:\r\n\r\nName: sample.sys, loads: 1, unloads: 0\r\n\
                CurrentPagedPoolAllocations: 0\r\n\r\nName: other.sys, loads: 0, unloads: 0\r\n";
    let query = VerifierQuery::read(text).unwrap();
    assert_eq!((query.kind, query.flags), (ImportKind::OlderVerifierQuery, Some(0x9BB)));
    assert_eq!(
        modules(text),
        [("sample.sys".to_owned(), vec![]), ("other.sys".to_owned(), vec![])]
    );
    assert_eq!(VerifierQuery::read("Name: Bob\nLevel: 3\n").unwrap_err(), BadQuery::NotAQuery);
}

#[test]
fn who_printed_it_is_told() {
    let kind = |text: &str| VerifierQuery::read(text).unwrap().kind;
    assert_eq!(kind("MODULE: a.sys (load: 1 / unload: 0)"), ImportKind::VerifierQuery);
    let log = "InCompatible HVCI Kernel Driver Modules found\n\nModule: a.sys\n";
    assert_eq!(kind(log), ImportKind::ReadinessLog);
    assert_eq!(
        kind("Module: a.sys\n\tReason: execute pool type count: 3"),
        ImportKind::ReadinessLog
    );
    let debugger = "Verify Flags Level 0x02000000\n MODULE: 0x84226b28 a.sys (Loaded)\n";
    assert_eq!(kind(debugger), ImportKind::Debugger);
    assert_eq!(VerifierQuery::read(debugger).unwrap().flags, Some(0x0200_0000));
}

/// Only where ringfence wrote it; a driver's name must not bring counters of its own.
#[test]
fn the_own_words_count_in_the_own_text_only() {
    let line = format!("MODULE: a (1).sys (load: 1 / unload: 1): {}\n", own::ALL_ZERO);
    assert_eq!(modules(&line), [("a (1).sys".to_owned(), vec![])]);
    let text = format!(
        "Emulated: the last run\n{line}MODULE: b.sys (load: 1 / unload: 0): {}\n\
         MODULE: c.sys (load: 1 / unload: 0)\n  Execute Pool Type Count: ?\n",
        own::OF_IMAGE_ZERO
    );
    let query = VerifierQuery::read(&text).unwrap();
    let counted: Vec<usize> = query.modules.iter().map(|module| module.counters.len()).collect();
    assert_eq!((query.is_emulated, counted), (true, vec![7, 4, 0]));
}

#[test]
fn other_languages_and_other_texts_are_told_apart() {
    let german =
        "Treiberüberprüfungskennzeichen: 0x02000000\r\n\r\n  [X] 0x02000000 Codeintegrität.\r\n";
    assert_eq!(VerifierQuery::read(german).unwrap_err(), BadQuery::NotEnglish);
    let modul = "MODUL: ntfs.sys (Laden: 1 / Entladen: 0)\r\n";
    assert_eq!(VerifierQuery::read(modul).unwrap_err(), BadQuery::NotEnglish);
    let settings = "Verifier Flags: 0x02000000\n\n[X] 0x02000000 Code integrity checks.\n\nVerified Drivers:\n\na.sys\n";
    assert_eq!(VerifierQuery::read(settings).unwrap_err(), BadQuery::Settings);
}
