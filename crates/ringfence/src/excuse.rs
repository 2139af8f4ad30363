//! What the user knows about already: acceptances and baseline, applied to a driver under its name.

use crate::Settings;
use crate::accept::Accepting;
use crate::baseline::Pairing;
use ringfence_container::{Input, Source, Unreadable};
use ringfence_finding::{Answer, Examination, Excuse, IdleAcceptances, Question, excused};
use std::borrow::Cow;

/// Excuses findings, of one driver after the other.
pub(crate) struct Excusing<'a> {
    settings: &'a Settings,
    accepting: Accepting<'a>,
    pairing: Option<Pairing<'a>>,
}

impl<'a> Excusing<'a> {
    /// For a scan of `inputs`, behind which `found` is; none for a driver that has no name.
    pub(crate) fn new(
        settings: &'a Settings,
        inputs: &[Input],
        found: &[Result<Source, Unreadable>],
    ) -> Excusing<'a> {
        let mut accepting = Accepting::new(&settings.acceptances, settings.today);
        accepting.expect(inputs);
        let baseline = settings.baseline.as_deref();
        let pairing = baseline.map(|baseline| Pairing::new(baseline, found, settings));
        Excusing { settings, accepting, pairing }
    }

    /// Excuses what is known of `driver`, which is copied only then: equal files share it.
    pub(crate) fn excuse(&mut self, driver: &mut Cow<'_, Examination>) {
        let mut excuses = self.accepting.excuses(driver);
        let known = self.pairing.as_ref().and_then(|pairing| pairing.of(driver));
        if let Some(known) = known {
            for (excuse, is_known) in excuses.iter_mut().zip(known.has(driver)) {
                // What is accepted is told as such.
                if is_known && excuse.is_none() {
                    *excuse = Some(Excuse::Baseline);
                }
            }
        }
        if excuses.iter().any(Option::is_some) {
            let driver = driver.to_mut();
            for (finding, excuse) in driver.findings.iter_mut().zip(excuses) {
                finding.excuse = excuse;
            }
            let Settings { targets, code_analysis, .. } = *self.settings;
            driver.excused = excused(&driver.findings, &driver.verdict, targets, code_analysis);
        }
        let Some(known) = known else { return };
        let left_open =
            |question: &Question| is_open(driver, *question) && known.left_open(driver, *question);
        let left_open: Vec<_> = Question::ALL.into_iter().filter(left_open).collect();
        if !left_open.is_empty() {
            let driver = driver.to_mut();
            driver.excused.extend(left_open);
            driver.excused.sort();
        }
    }

    /// The acceptances that accepted nothing.
    pub(crate) fn idle(&self) -> IdleAcceptances {
        self.accepting.idle()
    }
}

/// Whether `question` is open and nothing new objects: to it, or to loading, which goes before.
fn is_open(driver: &Examination, question: Question) -> bool {
    let is_refused = question != Question::Load && driver.counted(Question::Load) == Answer::No;
    driver.counted(question) == Answer::Unknown && !is_refused
}

/// The examination with what `settings` excuse.
pub(crate) fn with_excuses(examination: Examination, settings: &Settings) -> Examination {
    let mut examination = Cow::Owned(examination);
    Excusing::new(settings, &[], &[]).excuse(&mut examination);
    examination.into_owned()
}
