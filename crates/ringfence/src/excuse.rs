//! What the user knows about already: acceptances and baseline, applied to a driver under its name.

use crate::Settings;
use crate::accept::Accepting;
use ringfence_container::Input;
use ringfence_finding::{Answer, Examination, IdleAcceptances, Question, excused};
use std::borrow::Cow;

/// Excuses findings, of one driver after the other.
pub(crate) struct Excusing<'a> {
    settings: &'a Settings,
    accepting: Accepting<'a>,
}

impl<'a> Excusing<'a> {
    /// For a scan of `inputs`; none for a driver that has no name.
    pub(crate) fn new(settings: &'a Settings, inputs: &[Input]) -> Excusing<'a> {
        let mut accepting = Accepting::new(&settings.acceptances, settings.today);
        accepting.expect(inputs);
        Excusing { settings, accepting }
    }

    /// Excuses what is known of `driver`, which is copied only then: equal files share it.
    pub(crate) fn excuse(&mut self, driver: &mut Cow<'_, Examination>) {
        let mut excuses = self.accepting.excuses(driver);
        if let Some(baseline) = &self.settings.baseline {
            baseline.excuse(driver, &mut excuses);
        }
        if excuses.iter().any(Option::is_some) {
            let driver = driver.to_mut();
            for (finding, excuse) in driver.findings.iter_mut().zip(excuses) {
                finding.excuse = excuse;
            }
            let Settings { targets, code_analysis, .. } = *self.settings;
            driver.excused = excused(&driver.findings, &driver.verdict, targets, code_analysis);
        }
        let left_open = |question: &Question| self.was_left_open(driver, *question);
        let known: Vec<_> = Question::ALL.into_iter().filter(left_open).collect();
        if !known.is_empty() {
            let driver = driver.to_mut();
            driver.excused.extend(known);
            driver.excused.sort();
        }
    }

    /// Whether `question` is open as it was in the baseline, and nothing new objects: to it, or to loading, which
    /// goes before.
    fn was_left_open(&self, driver: &Examination, question: Question) -> bool {
        let Some(baseline) = &self.settings.baseline else { return false };
        let is_refused = question != Question::Load && driver.counted(Question::Load) == Answer::No;
        driver.counted(question) == Answer::Unknown
            && !is_refused
            && baseline.left_open(driver, question)
    }

    /// The acceptances that accepted nothing.
    pub(crate) fn idle(&self) -> IdleAcceptances {
        self.accepting.idle()
    }
}

/// The examination with what `settings` excuse.
pub(crate) fn with_excuses(examination: Examination, settings: &Settings) -> Examination {
    let mut examination = Cow::Owned(examination);
    Excusing::new(settings, &[]).excuse(&mut examination);
    examination.into_owned()
}
