//! One side of a comparison: drivers that are examined now, or a report of earlier ones.

use super::paths;
use crate::recorded::{NotRecorded, RecordedDriver, open_recorded};
use crate::recorded::{
    RecordedCode, RecordedCoverage, RecordedExcuse, RecordedFinding, RecordedImport,
    RecordedProperties, RecordedSection, RecordedSource, RecordedVerdict,
};
use crate::{Progress, Scan, Settings, scan};
use ringfence_container::{Input, open_report};
use ringfence_finding::{
    Closing, Code, Examination, Excuse, Fault, Finding, Properties, Targets, Tool, Unread,
};
use ringfence_report::Sink;
use std::io::{self, Read};
use std::path::Path;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Side {
    /// What the user named.
    pub(super) name: String,
    pub(super) recorded: bool,
    pub(super) targets: Option<Vec<String>>,
    pub(super) drivers: Vec<RecordedDriver>,
    /// The path of each driver within the side.
    pub(super) within: Vec<String>,
    pub(super) unread: Vec<Unread>,
    pub(super) faults: Vec<Fault>,
}

impl Side {
    /// The drivers of the report `path`, as `--format json` or `jsonl` wrote it.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or is no report.
    pub fn of_report(path: &Path) -> Result<Side, NotRecorded> {
        let mut drivers = Vec::new();
        let report = open_recorded(path, |driver| drivers.push(driver))?;
        let within = paths::below_common(drivers.iter().map(|driver| driver.path.as_str()));
        let name = path.to_string_lossy().into_owned();
        let targets = report.targets;
        let (unread, faults) = (Vec::new(), Vec::new());
        Ok(Side { name, recorded: true, targets, drivers, within, unread, faults })
    }

    /// The drivers behind `input`, examined now. What the scan says at its end comes along.
    pub fn of_drivers(
        name: &str,
        input: &Input,
        settings: &Settings,
        progress: impl FnMut(Progress<'_>),
    ) -> (Side, io::Result<Scan>) {
        let mut recording = Recording(Vec::new());
        let scan = scan(std::slice::from_ref(input), settings, &mut recording, progress);
        let drivers = recording.0;
        let paths = drivers.iter().map(|driver| driver.path.as_str());
        let within = match input {
            Input::Path(root) if root.is_dir() => paths::below(&root.to_string_lossy(), paths),
            _ => paths::below_common(paths),
        };
        let (unread, faults) = match &scan {
            Ok(scan) => (scan.closing.unread.clone(), scan.closing.faults.clone()),
            // Nothing is written, so nothing can fail.
            Err(_) => (Vec::new(), Vec::new()),
        };
        let targets = settings.targets.iter().map(|target| target.id.to_owned()).collect();
        let name = name.to_owned();
        (
            Side { name, recorded: false, targets: Some(targets), drivers, within, unread, faults },
            scan,
        )
    }

    /// The Windows versions that a report was asked about, of those that are known; none where it does not
    /// say.
    pub fn targets(&self) -> Option<Targets> {
        let named = self.targets.iter().flatten().filter_map(|id| Targets::named(id).ok());
        Some(named.fold(Targets::NONE, Targets::union)).filter(|known| *known != Targets::NONE)
    }

    /// How many drivers.
    pub fn len(&self) -> usize {
        self.drivers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.drivers.is_empty()
    }
}

/// Whether `path` is a file that begins as a report does, rather than as a driver: its first letter is `{`,
/// in UTF-8 or in the UTF-16 that PowerShell writes.
pub fn is_report(path: &Path) -> bool {
    let Ok(file) = open_report(path) else { return false };
    let mut start = Vec::new();
    if file.take(LOOKED_AT).read_to_end(&mut start).is_err() {
        return false;
    }
    let text = match &start[..] {
        [0xEF, 0xBB, 0xBF, rest @ ..] => rest,
        [0xFF, 0xFE, rest @ ..] | [0xFE, 0xFF, rest @ ..] => rest,
        all => all,
    };
    let first = text.iter().find(|byte| !(byte.is_ascii_whitespace() || **byte == 0));
    first == Some(&b'{')
}

/// Bytes looked at; nobody indents a report further.
const LOOKED_AT: u64 = 256;

/// Keeps of each driver what a report would have kept.
struct Recording(Vec<RecordedDriver>);

impl Sink for Recording {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.0.push(RecordedDriver::from(examination));
        Ok(())
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        Ok(())
    }
}

/// What is read back of an examination that was written.
impl From<&Examination> for RecordedDriver {
    fn from(examination: &Examination) -> RecordedDriver {
        let verdict = &examination.verdict;
        RecordedDriver {
            path: examination.path.clone(),
            sha256: examination.sha256.clone(),
            machine: examination.machine.clone(),
            verdict: RecordedVerdict {
                load: verdict.load,
                run: verdict.run,
                certify: verdict.certify,
            },
            findings: examination.findings.iter().map(RecordedFinding::from).collect(),
            excused: examination.excused.clone(),
            coverage: RecordedCoverage {
                code: RecordedCode {
                    state: match examination.coverage.code {
                        Code::Examined(_) => "examined".to_owned(),
                        Code::NotExamined { .. } => "not-examined".to_owned(),
                    },
                },
            },
            properties: RecordedProperties::from(&examination.properties),
        }
    }
}

impl From<&Finding> for RecordedFinding {
    fn from(finding: &Finding) -> RecordedFinding {
        RecordedFinding {
            rule: finding.rule.to_owned(),
            level: finding.level,
            fingerprint: finding.fingerprint.clone(),
            message: finding.message.clone(),
            questions: finding.questions.clone(),
            rva: finding.rva,
            section: finding.section.clone(),
            ddi: finding.ddi.map(str::to_owned),
            argument: finding.argument.clone(),
            source: finding.source.as_ref().map(|source| RecordedSource {
                function: source.function.clone(),
                file: source.file.clone(),
                line: source.line,
                library: source.library.clone(),
            }),
            excuse: finding.excuse.as_ref().map(|excuse| match excuse {
                Excuse::Accepted { .. } => RecordedExcuse::Accepted,
                Excuse::Baseline => RecordedExcuse::Baseline,
            }),
        }
    }
}

impl From<&Properties> for RecordedProperties {
    fn from(properties: &Properties) -> RecordedProperties {
        let sections = properties.sections.iter().map(|section| RecordedSection {
            name: section.name.clone(),
            rights: section.rights.clone(),
            virtual_size: section.virtual_size,
            raw_size: section.raw_size,
        });
        let imports = properties.imports.iter().map(|imported| RecordedImport {
            module: imported.module.clone(),
            functions: imported.functions,
        });
        RecordedProperties { sections: sections.collect(), imports: imports.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Format, Options, sink};
    use crate::{TOOL, examine};
    use ringfence_fixture::{RWX, driver};

    /// Reading back what was written gives the same as not writing it.
    #[test]
    fn an_examination_is_recorded_as_it_is_read_back() {
        let example =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers/library-pool-x64.sys");
        let pdb = example.replace(".sys", ".pdb");
        let bytes = std::fs::read(example).unwrap();
        let pdb = std::fs::read(pdb).unwrap();
        let bad = driver().edit_section(".text", |text| text.rights(RWX)).bytes();
        let settings = Settings::default();
        for examination in [
            crate::examine_with_symbols(&bytes, &pdb, &settings).unwrap(),
            examine(&bad, &settings).unwrap(),
        ] {
            assert!(!examination.findings.is_empty());
            let mut written = Vec::new();
            let mut report = sink(Format::Json, Box::new(&mut written), Options::default());
            report.begin(&TOOL, settings.targets).unwrap();
            report.driver(&examination).unwrap();
            report.finish(&Closing::default()).unwrap();
            drop(report);
            let mut read = Vec::new();
            crate::read_recorded(&written[..], |driver| read.push(driver)).unwrap();
            assert_eq!(read, [RecordedDriver::from(&examination)]);
        }
    }

    #[test]
    fn a_report_is_told_from_a_driver_by_its_first_letter() {
        let folder = tempfile::tempdir().unwrap();
        let told = |bytes: &[u8]| {
            let path = folder.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            is_report(&path)
        };
        let utf16 = |text: &str| -> Vec<u8> {
            let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
            units.flat_map(u16::to_le_bytes).collect()
        };
        assert!(
            told(b"{\"report_version\": 1}")
                && told(b"\xEF\xBB\xBF\r\n  {")
                && told(&utf16("\r\n{}"))
        );
        assert!(!(told(b"MZ{") || told(b"") || told(b"\x00\x00MZ") || told(&utf16("MZ"))));
        assert!(!is_report(folder.path()) && !is_report(&folder.path().join("gone")));
    }
}
