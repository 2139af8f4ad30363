//! One file, from bytes to verdict: the whole arrow in one screen.

use crate::timing::{Stage, Timings};
use crate::{Settings, digest, properties};
use ringfence_finding::{Code, Coverage, Defect, Digests, Examination, Fault, Trust, decide};
use ringfence_image::{Image, NotAnImage, Place};
use ringfence_rules::{Asked, Driver, NotADriver};

/// What some bytes turned out to be.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A driver, examined.
    Driver(Box<Examined>),
    /// Something else, and why.
    LeftOut(LeftOutBecause),
    /// It begins as a PE image, but its headers cannot be read.
    Unread(NotAnImage),
}

impl Subject {
    /// What was learnt, if it is a driver. A rule that panicked has left its answers unknown in it;
    /// [`Examined::faults`] says which.
    pub fn examination(self) -> Option<Examination> {
        match self {
            Subject::Driver(driver) => Some(driver.examination),
            Subject::LeftOut(_) | Subject::Unread(_) => None,
        }
    }
}

/// A driver, examined.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What was learnt.
    pub examination: Examination,
    /// Rules that panicked; please report them.
    pub faults: Vec<Fault>,
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

/// Why there is no image to judge.
pub(crate) enum Closed {
    LeftOut(LeftOutBecause),
    Unread(NotAnImage),
}

/// Examines some bytes under a name, which reports and [`Examination::path`] repeat. Never fails and
/// never panics, whatever the bytes; what is no driver is told as such.
///
/// ```
/// use ringfence::{Answer, Settings, Subject, examine};
///
/// # let bytes = ringfence_fixture::driver().bytes();
/// match examine("acme.sys", &bytes, &Settings::default()) {
///     Subject::Driver(driver) => assert_eq!(driver.examination.verdict.load, Answer::Yes),
///     Subject::LeftOut(because) => println!("no driver: {because}"),
///     Subject::Unread(reason) => println!("cannot be read: {reason}"),
/// }
/// ```
pub fn examine(name: &str, bytes: &[u8], settings: &Settings) -> Subject {
    let timings = Timings::default();
    match open(bytes, &timings) {
        Err(Closed::LeftOut(because)) => Subject::LeftOut(because),
        Err(Closed::Unread(reason)) => Subject::Unread(reason),
        Ok(image) => {
            let digests = match settings.hash {
                true => digest::compute(bytes, image.signed_ranges()).digests,
                false => Digests::default(),
            };
            Subject::Driver(Box::new(judge(name, &image, digests, settings, &timings)))
        }
    }
}

/// Reads the image and tells whether it is a driver.
pub(crate) fn open<'data>(bytes: &'data [u8], timings: &Timings) -> Result<Image<'data>, Closed> {
    let image =
        timings.during(Stage::Image, || Image::read(bytes)).map_err(|reason| match reason {
            NotAnImage::NotPe | NotAnImage::OldExecutable(_) | NotAnImage::Empty => {
                Closed::LeftOut(LeftOutBecause::NotPe(reason))
            }
            NotAnImage::Truncated { .. } | NotAnImage::UnknownMagic(_) => Closed::Unread(reason),
        })?;
    match ringfence_rules::kind(&image) {
        Ok(()) => Ok(image),
        Err(reason) => Err(Closed::LeftOut(LeftOutBecause::NotADriver(reason))),
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
        let driver = Driver::new(image).strict(settings.strict);
        let Settings { targets, calls, code_analysis, .. } = *settings;
        let asked = Asked { targets, calls, code_analysis };
        let outcome = ringfence_rules::check(&driver, asked);
        let verdict = decide(&outcome.findings, &outcome.gaps, targets, code_analysis);
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
            calls: outcome.calls,
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
        let Subject::Driver(driver) = examine("clean.sys", bytes, settings) else { panic!() };
        assert_eq!(driver.faults, []);
        driver.examination
    }

    #[test]
    fn a_driver_without_calls_would_be_certified() {
        let examination = examined(&driver().bytes(), &Settings::default());
        let Examination { verdict, sha256, authentihash, machine, .. } = examination;
        assert_eq!(
            (verdict.load, verdict.run, verdict.certify),
            (Answer::Yes, Answer::Unknown, Answer::Yes)
        );
        let because = "code that changes or builds code is not looked for yet";
        assert_eq!(verdict.because.run[0].text, because);
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
        let Subject::Driver(driver) = examine("a.sys", &driver().bytes(), &settings) else {
            panic!()
        };
        assert_eq!((driver.examination.sha256, driver.examination.authentihash), (None, None));
    }

    #[test]
    fn calls_are_there_only_when_asked_for() {
        let calls = |calls| {
            let settings = Settings { calls, ..Settings::default() };
            let Subject::Driver(driver) = examine("a.sys", &driver().bytes(), &settings) else {
                panic!()
            };
            driver.examination.calls
        };
        assert_eq!(calls(false), None);
        assert!(calls(true).is_some());
    }

    #[test]
    fn other_files_are_left_out_or_unread() {
        let subject = |bytes: &[u8]| examine("x", bytes, &Settings::default());
        assert!(subject(&driver().bytes()).examination().is_some());
        assert!(subject(b"text").examination().is_none());
        assert!(matches!(subject(b"text"), Subject::LeftOut(LeftOutBecause::NotPe(_))));
        assert!(matches!(subject(&driver().bytes()[..0x90]), Subject::Unread(_)));
        let program = driver().import("ntdll.dll", &["NtClose"]).bytes();
        assert!(matches!(subject(&program), Subject::LeftOut(LeftOutBecause::NotADriver(_))));
    }
}
