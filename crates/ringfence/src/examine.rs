//! One file, from bytes to verdict: the whole arrow in one screen.

use crate::excuse::with_excuses;
use crate::timing::{Stage, Timings};
use crate::{Settings, digest, properties, running, source_lines};
use ringfence_finding::{
    Code, Coverage, DebugSymbols, Defect, Digests, Examination, Fault, Trust, decide,
    set_fingerprints,
};
use ringfence_image::{Image, NotAnImage, Place};
use ringfence_rules::{Asked, Driver, NotADriver};
use std::cmp::Reverse;

/// Why there is no examination.
#[derive(Clone, Debug)]
pub enum NotExamined {
    /// It is no driver.
    LeftOut(LeftOutBecause),
    /// It begins as a PE image, but its headers cannot be read.
    Unread(NotAnImage),
}

impl std::fmt::Display for NotExamined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotExamined::LeftOut(because) => because.fmt(f),
            NotExamined::Unread(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for NotExamined {}

/// A driver, examined.
#[derive(Clone, Debug)]
pub(crate) struct Examined {
    /// What was learnt.
    pub(crate) examination: Examination,
    /// Rules that panicked.
    pub(crate) faults: Vec<Fault>,
}

/// Why a file is passed over.
#[derive(Clone, Debug)]
pub enum LeftOutBecause {
    /// It is no PE image.
    NotPe(NotAnImage),
    /// It is an image, but no driver.
    NotADriver(NotADriver),
}

impl std::fmt::Display for LeftOutBecause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LeftOutBecause::NotPe(reason) => reason.fmt(f),
            LeftOutBecause::NotADriver(reason) => reason.fmt(f),
        }
    }
}

/// Examines a driver. Never panics, whatever the bytes. [`Examination::path`] is empty: bytes have no
/// name.
/// So acceptances by path accept nothing, and a baseline knows it by its content alone.
///
/// A rule that panics leaves the answers unknown, with itself as the reason.
///
/// ```
/// use ringfence::{Answer, Settings, examine};
///
/// # let bytes = ringfence_fixture::driver().bytes();
/// let examination = examine(&bytes, &Settings::default())?;
/// assert_eq!(examination.verdict.load, Answer::Yes);
/// # Ok::<(), ringfence::NotExamined>(())
/// ```
///
/// # Errors
///
/// Where the bytes are no driver, or begin as an image that cannot be read.
pub fn examine(bytes: &[u8], settings: &Settings) -> Result<Examination, NotExamined> {
    let (examination, _) = examine_image(bytes, settings)?;
    Ok(with_excuses(examination, settings))
}

/// Examines a driver as [`examine`] does, and tells functions and source lines from its PDB.
/// [`Examination::symbols`] says whether that was used; the verdict does not depend on it.
///
/// ```
/// use ringfence::{DebugSymbols, Settings, examine_with_symbols};
///
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers");
/// let driver = std::fs::read(format!("{folder}/library-pool-x64.sys"))?;
/// let pdb = std::fs::read(format!("{folder}/library-pool-x64.pdb"))?;
/// let examination = examine_with_symbols(&driver, &pdb, &Settings::default())?;
///
/// assert!(matches!(examination.symbols, Some(DebugSymbols::Used { .. })));
/// let source = examination.findings[0].source.as_ref().ok_or("no source")?;
/// assert_eq!(source.function.as_deref(), Some("SampleMakeBuffer"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`examine`]. A PDB that is not the driver's is no error.
pub fn examine_with_symbols(
    bytes: &[u8],
    pdb: &[u8],
    settings: &Settings,
) -> Result<Examination, NotExamined> {
    let (mut examination, image) = examine_image(bytes, settings)?;
    let path = String::new();
    examination.symbols = match image.debug().codeview {
        Some(wanted) => Some(match source_lines::tell(&mut examination, pdb, &wanted) {
            Ok(()) => DebugSymbols::Used { path },
            Err(reason) => DebugSymbols::Refused { path, reason },
        }),
        None => {
            let reason = "the driver names no debug file to compare it with".to_owned();
            Some(DebugSymbols::Refused { path, reason })
        }
    };
    Ok(with_excuses(examination, settings))
}

fn examine_image<'data>(
    bytes: &'data [u8],
    settings: &Settings,
) -> Result<(Examination, Image<'data>), NotExamined> {
    let timings = Timings::default();
    let image = open(bytes, &timings)?;
    let digests = match settings.hash {
        true => digest::compute(bytes, image.signed_ranges()).digests,
        false => Digests::default(),
    };
    Ok((judge("", &image, digests, settings, &timings).examination, image))
}

/// Reads the image and tells whether it is a driver.
pub(crate) fn open<'data>(
    bytes: &'data [u8],
    timings: &Timings,
) -> Result<Image<'data>, NotExamined> {
    let image =
        timings.during(Stage::Image, || Image::read(bytes)).map_err(|reason| match reason {
            NotAnImage::NotPe | NotAnImage::OldExecutable(_) | NotAnImage::Empty => {
                NotExamined::LeftOut(LeftOutBecause::NotPe(reason))
            }
            NotAnImage::Truncated { .. } | NotAnImage::UnknownMagic(_) => {
                NotExamined::Unread(reason)
            }
        })?;
    match ringfence_rules::kind(&image) {
        Ok(()) => Ok(image),
        Err(reason) => Err(NotExamined::LeftOut(LeftOutBecause::NotADriver(reason))),
    }
}

/// Puts the rules to a driver and draws the verdict.
pub(crate) fn judge(
    name: &str,
    image: &Image<'_>,
    digests: Digests,
    settings: &Settings,
    timings: &Timings,
) -> Examined {
    timings.during(Stage::Rules, || {
        let driver = Driver::new(image)
            .strict(settings.strict)
            .for_targets(settings.targets)
            .showing_code(settings.code);
        let Settings { targets, calls, code_analysis, .. } = *settings;
        let asked = Asked { targets, calls, code_analysis };
        let mut outcome = ringfence_rules::check(&driver, asked);
        let mut verdict = decide(&outcome.findings, &outcome.gaps, targets, code_analysis);
        let runs = settings.run.as_ref().map(|asked| {
            let told = (&mut outcome.findings, &mut outcome.gaps);
            running::runs(&driver, name, (asked, targets), &verdict, told)
        });
        if let Some(shown) = &settings.reported {
            ringfence_rules::reported(&driver, shown, &mut outcome.findings);
        }
        if runs.is_some() || settings.reported.is_some() {
            outcome.findings.sort_by_key(|finding| Reverse(finding.level));
            verdict = decide(&outcome.findings, &outcome.gaps, targets, code_analysis);
        }
        set_fingerprints(&mut outcome.findings);
        let faults = outcome
            .crashes
            .into_iter()
            .map(|crash| Fault { path: name.to_owned(), rule: crash.rule, message: crash.message })
            .collect();
        let examination = Examination {
            path: name.to_owned(),
            size: image.file_length() as u64,
            sha256: digests.sha256,
            authentihash: digests.authentihash,
            machine: image.machine().to_string(),
            verdict,
            coverage: coverage(image, outcome.rules, outcome.code),
            findings: outcome.findings,
            excused: Vec::new(),
            calls: outcome.calls,
            runs: runs.unwrap_or_default(),
            symbols: None,
            defects: image.defects().iter().map(defect).collect(),
            properties: properties::properties(image),
        };
        Examined { examination, faults }
    })
}

fn coverage(image: &Image<'_>, rules: usize, code: Code) -> Coverage {
    Coverage {
        rules,
        sections: image.sections().len(),
        imports: image.imports().len(),
        relocations: image.relocations().len(),
        functions: image.functions().len(),
        code,
        trust: Trust::NotExamined,
    }
}

fn defect(defect: &ringfence_image::Defect) -> Defect {
    let (file_offset, rva) = match defect.place {
        Place::File(offset) => (Some(offset.0), None),
        Place::Image(rva) => (None, Some(rva.0)),
    };
    Defect {
        kind: defect.problem.slug(),
        structure: defect.structure.name(),
        file_offset,
        rva,
        message: defect.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_finding::Answer;
    use ringfence_fixture::driver;

    fn examined(bytes: &[u8], settings: &Settings) -> Examination {
        examine(bytes, settings).unwrap()
    }

    #[test]
    fn a_driver_without_calls_would_be_certified() {
        let examination = examined(&driver().bytes(), &Settings::default());
        let Examination { verdict, sha256, authentihash, machine, .. } = examination;
        assert_eq!(
            (verdict.load, verdict.run, verdict.certify),
            (Answer::Yes, Answer::Yes, Answer::Yes)
        );
        assert!(sha256.is_some() && authentihash.is_some());
        assert_eq!(machine, "x64");
    }

    #[test]
    fn machine_code_of_other_processors_is_left_open() {
        let examination = examined(&driver().arm64().bytes(), &Settings::default());
        let because = "ARM64 machine code is not examined yet";
        assert_eq!(examination.verdict.certify, Answer::Unknown);
        assert_eq!(examination.verdict.because.certify[0].text, because);
        let not_examined = Code::NotExamined { because: "not for ARM64 yet".to_owned() };
        assert_eq!(examination.coverage.code, not_examined);
    }

    #[test]
    fn calls_are_listed_where_asked_for() {
        let settings = Settings { calls: true, ..Settings::default() };
        assert_eq!(examined(&driver().bytes(), &settings).calls, Some(Vec::new()));
        assert_eq!(examined(&driver().bytes(), &Settings::default()).calls, None);
    }

    #[test]
    fn without_hashing_there_are_no_digests() {
        let settings = Settings { hash: false, ..Settings::default() };
        let examination = examined(&driver().bytes(), &settings);
        assert_eq!((examination.sha256, examination.authentihash), (None, None));
    }

    #[test]
    fn other_files_are_left_out_or_unread() {
        let why = |bytes: &[u8]| examine(bytes, &Settings::default()).unwrap_err();
        assert!(matches!(why(b"text"), NotExamined::LeftOut(LeftOutBecause::NotPe(_))));
        assert!(matches!(why(&driver().bytes()[..0x90]), NotExamined::Unread(_)));
        let program = driver().import("ntdll.dll", &["NtClose"]).bytes();
        assert!(matches!(why(&program), NotExamined::LeftOut(LeftOutBecause::NotADriver(_))));
        assert!(!why(&program).to_string().is_empty());
    }
}
