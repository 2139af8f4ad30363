//! What the HLK test would object to: findings as Driver Verifier counts them.

use crate::{Settings, TOOL, scan};
use ringfence_container::Input;
use ringfence_finding::{
    Certification, CertificationReport, Closing, Confidence, Counted, Counter, Examination,
    Finding, Level, Objection, Outcome, Question, Reason, Sku, Targets, Tool,
};
use ringfence_report::{CertificationSink, Sink};
use ringfence_rules::MOST_OF_A_KIND;
use std::io;

/// What the HLK test would object to in a driver that was examined for `targets`.
///
/// What Driver Verifier does not report is not counted, whatever else is held against the driver; nor
/// is it excused what the user accepts, as Windows does not ask.
///
/// ```
/// use ringfence::{Counter, Outcome, Settings, Sku, certification, examine};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers/executable-pool-x64.sys");
/// let settings = Settings { targets: Sku::Desktop.targets(), ..Settings::default() };
/// let examination = examine(&std::fs::read(path)?, &settings)?;
/// let certification = certification(&examination, settings.targets);
///
/// assert_eq!(certification.result, Outcome::Fail);
/// let pool = &certification.counters[0];
/// assert_eq!((pool.counter, pool.count), (Counter::ExecutePoolType, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn certification(examination: &Examination, targets: Targets) -> Certification {
    let open: Vec<&Reason> =
        examination.verdict.because.certify_open.iter().filter(|reason| counts(reason)).collect();
    let counters: Vec<_> = Counter::ALL
        .into_iter()
        .map(|counter| counted(counter, &examination.findings, &open, targets))
        .collect();
    let any = |outcome| counters.iter().any(|counted| counted.result == outcome);
    let result = match () {
        () if any(Outcome::Fail) => Outcome::Fail,
        () if open.is_empty() => Outcome::Pass,
        () => Outcome::Undecided,
    };
    Certification {
        path: examination.path.clone(),
        sha256: examination.sha256.clone(),
        machine: examination.machine.clone(),
        result,
        counters,
        open: texts(&open),
    }
}

/// Whether Driver Verifier could count what is open: that the driver does not load leaves open whether
/// it is tested at all, and what only Code Analysis would object to is no matter here.
fn counts(reason: &Reason) -> bool {
    !reason.counters.is_empty() || reason.is_not_reached()
}

fn counted(counter: Counter, findings: &[Finding], open: &[&Reason], targets: Targets) -> Counted {
    let found: Vec<_> = findings
        .iter()
        .filter(|finding| finding.denies(Question::Certify, targets, false))
        .filter(|finding| finding.aliases.iter().any(|name| Counter::named(name) == Some(counter)))
        .collect();
    let open: Vec<_> =
        open.iter().copied().filter(|reason| reason.counters.contains(&counter)).collect();
    let objections: Vec<_> = found.iter().map(|finding| objection(finding, targets)).collect();
    let sum = |of: &dyn Fn(&&Objection) -> bool| -> usize {
        objections.iter().filter(of).map(|objection| objection.count).sum()
    };
    Counted {
        counter,
        result: match (objections.is_empty(), open.is_empty()) {
            (false, _) => Outcome::Fail,
            (true, true) => Outcome::Pass,
            (true, false) => Outcome::Undecided,
        },
        count: sum(&|_| true),
        at_least: found.iter().any(|finding| is_cut(finding.rule, findings)),
        likely: sum(&|objection| objection.confidence == Confidence::Likely),
        objections,
        open: texts(&open),
    }
}

/// Whether so much was found by a rule that there may be more of it than is told.
fn is_cut(rule: &str, findings: &[Finding]) -> bool {
    let told = findings.iter().filter(|one| one.rule == rule && one.level == Level::Error);
    told.count() >= MOST_OF_A_KIND
}

fn objection(finding: &Finding, asked: Targets) -> Objection {
    Objection {
        rule: finding.rule,
        rva: finding.rva,
        function: finding.source.as_ref().and_then(|source| source.function.clone()),
        confidence: finding.confidence_on(Question::Certify),
        targets: finding.targets.intersection(asked),
        count: finding.verifier_count.unwrap_or(1),
        message: finding.message.clone(),
        fingerprint: finding.fingerprint.clone(),
    }
}

/// The reasons in words, each once.
fn texts(reasons: &[&Reason]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for reason in reasons {
        if !texts.iter().any(|known| *known == reason.text) {
            texts.push(reason.text.to_string());
        }
    }
    texts
}

/// Tells `sink` of each driver that is scanned what the HLK test would object to.
pub fn certifying<'a>(sku: Sku, sink: Box<dyn CertificationSink + 'a>) -> Box<dyn Sink + 'a> {
    Box::new(Certifying { sku, targets: Targets::NONE, sink })
}

struct Certifying<'a> {
    sku: Sku,
    targets: Targets,
    sink: Box<dyn CertificationSink + 'a>,
}

impl Sink for Certifying<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        self.sink.begin(tool, self.sku, targets)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.sink.driver(certification(examination, self.targets))
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.sink.finish(closing)
    }
}

/// Scans everything behind `inputs` and tells what the HLK test would object to; the report is what
/// `ringfence certify --format json` writes. [`Settings::targets`] are the Windows versions asked about:
/// [`Sku::targets`] are those that the test is required on.
pub fn certify(inputs: &[Input], sku: Sku, settings: &Settings) -> CertificationReport {
    let mut drivers = Vec::new();
    let keep = Keep(&mut drivers);
    let mut sink = certifying(sku, Box::new(keep));
    let closing = match scan(inputs, settings, &mut *sink, |_| ()) {
        Ok(scan) => scan.closing,
        // Nothing is written, so nothing can fail.
        Err(_) => Closing::default(),
    };
    drop(sink);
    CertificationReport::new(TOOL, sku, settings.targets, drivers, closing)
}

struct Keep<'a>(&'a mut Vec<Certification>);

impl CertificationSink for Keep<'_> {
    fn begin(&mut self, _: &Tool, _: Sku, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, certification: Certification) -> io::Result<()> {
        self.0.push(certification);
        Ok(())
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
