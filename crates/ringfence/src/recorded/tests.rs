use super::*;
use crate::report::{Format, Options, sink};
use crate::{Settings, Targets, examine};
use ringfence_finding::{Closing, Examination, Excuse};
use ringfence_fixture::{RWX, driver};

fn read(report: &[u8]) -> Result<(RecordedScan, Vec<RecordedDriver>), NotRecorded> {
    let mut drivers = Vec::new();
    let scan = read_recorded(report, |driver| drivers.push(driver))?;
    Ok((scan, drivers))
}

fn why(report: &str) -> String {
    read(report.as_bytes()).unwrap_err().to_string()
}

fn examined() -> Vec<Examination> {
    let bad = driver().edit_section(".text", |text| text.rights(RWX)).bytes();
    let named = |bytes: &[u8], path: &str| {
        let examination = examine(bytes, &Settings::default()).unwrap();
        Examination { path: path.to_owned(), ..examination }
    };
    vec![named(&driver().bytes(), "clean.sys"), named(&bad, "sub/bad.sys")]
}

fn written(format: Format, drivers: &[Examination]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sink = sink(format, Box::new(&mut out), Options::default());
    sink.begin(&crate::TOOL, Targets::named("win11").unwrap()).unwrap();
    drivers.iter().for_each(|driver| sink.driver(driver).unwrap());
    sink.finish(&Closing::default()).unwrap();
    drop(sink);
    out
}

/// What is read back is what the examination says, field by field.
#[test]
fn what_is_written_is_read_back() {
    let drivers = examined();
    for format in [Format::Json, Format::Jsonl] {
        let (scan, recorded) = read(&written(format, &drivers)).unwrap();
        assert_eq!(scan.drivers, 2);
        let targets = Targets::named("win11").unwrap().iter().map(|target| target.id.to_owned());
        assert_eq!(scan.targets, (format == Format::Json).then(|| targets.collect()));
        for (one, was) in drivers.iter().zip(&recorded) {
            assert_eq!(
                (&one.path, &one.sha256, &one.machine),
                (&was.path, &was.sha256, &was.machine)
            );
            for question in Question::ALL {
                assert_eq!(one.verdict.answer(question), was.verdict.answer(question));
            }
            assert_eq!(one.findings.len(), was.findings.len());
            for (finding, was) in one.findings.iter().zip(&was.findings) {
                assert_eq!((finding.rule, finding.level), (was.rule.as_str(), was.level));
                assert_eq!(
                    (&finding.fingerprint, &finding.message),
                    (&was.fingerprint, &was.message)
                );
                assert_eq!((&finding.questions, finding.rva), (&was.questions, was.rva));
                assert_eq!((&finding.section, finding.ddi), (&was.section, was.ddi.as_deref()));
            }
            let section = &one.properties.sections[0];
            let was_section = &was.properties.sections[0];
            assert_eq!((&section.name, &section.rights), (&was_section.name, &was_section.rights));
            assert_eq!(section.virtual_size, was_section.virtual_size);
            assert_eq!(one.properties.imports[0].functions, was.properties.imports[0].functions);
        }
        assert!(!recorded[1].findings.is_empty());
    }
}

/// Excuses are written where there are any.
#[test]
fn excuses_are_read_back() {
    let mut drivers = examined();
    let accepted = Excuse::Accepted { reason: "known".to_owned(), until: None };
    let bad = &mut drivers[1];
    bad.findings.push(bad.findings[0].clone());
    bad.findings.push(bad.findings[0].clone());
    bad.findings[0].excuse = Some(accepted);
    bad.findings[1].excuse = Some(Excuse::Baseline);
    bad.excused = vec![Question::Load, Question::Certify];
    for format in [Format::Json, Format::Jsonl] {
        let (_, recorded) = read(&written(format, &drivers)).unwrap();
        let excuses: Vec<_> = recorded[1].findings.iter().map(|finding| finding.excuse).collect();
        let expected = [Some(RecordedExcuse::Accepted), Some(RecordedExcuse::Baseline), None];
        assert_eq!(excuses, expected);
        assert_eq!(recorded[1].excused, [Question::Load, Question::Certify]);
        assert_eq!((recorded[0].findings.len(), recorded[0].excused.len()), (0, 0));
        assert_eq!(recorded[1], RecordedDriver::from(&drivers[1]));
    }
}

#[test]
fn reports_that_tools_rewrote_are_read() {
    let drivers = examined();
    let json = written(Format::Json, &drivers);
    let expected = read(&json).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    // serde_json's map is sorted, so this is what `jq -cS` makes of it: `drivers` first.
    let compact = serde_json::to_string(&value).unwrap();
    assert!(compact.starts_with("{\"drivers\""));
    assert_eq!(read(compact.as_bytes()).unwrap(), expected);
    let text = String::from_utf8(json).unwrap();
    let utf16: Vec<u8> =
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&utf16).unwrap(), expected);
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let report = r#"{"report_version": 1, "new": {"a": [1]}, "drivers": [
        {"path": "a.sys", "new": null, "verdict": {"load": "yes", "run": "yes", "certify": "no", "sign": "no"},
         "findings": [{"rule": "r", "level": "note", "fingerprint": "1:1", "cost": 1e9}]}]}"#;
    let (_, drivers) = read(report.as_bytes()).unwrap();
    assert_eq!(drivers[0].findings[0].fingerprint, "1:1");
}

#[test]
fn no_driver_at_all_is_a_report() {
    assert_eq!(read(b"").unwrap().0, RecordedScan::default());
    assert_eq!(read(&written(Format::Json, &[])).unwrap().0.drivers, 0);
}

#[test]
fn what_is_no_report_is_refused_with_its_place() {
    let newer = why("{\n \"report_version\": 2}");
    let reason = "report_version 2 is not understood by this version of ringfence, only 1";
    assert!(newer.starts_with("line 2, column ") && newer.ends_with(reason), "{newer}");
    assert!(why("{\"drivers\": []}").ends_with("missing field `report_version`"));
    let sarif = why("{\"version\": \"2.1.0\", \"runs\": []}");
    assert!(sarif.contains("neither `drivers` nor a driver's `path`"), "{sarif}");
    assert!(why("[]").contains("expected a report of ringfence"));
    assert!(why("load yes").starts_with("line 1, column 1: "));
    let cut = "{\"path\": \"a\", \"verdict\": {\"load\": \"maybe\"";
    assert!(why(cut).contains("unknown variant `maybe`"));
    assert!(why("{\"path\": \"a\"}\n{").starts_with("line 1, column 13: missing field `verdict`"));
    let deep = format!("{{\"new\": {}", "[".repeat(100_000));
    assert!(why(&deep).contains("EOF while parsing"));
    let deep = format!("{{\"findings\": {}", "[".repeat(100_000));
    assert!(why(&deep).contains("invalid type: sequence"));
}
