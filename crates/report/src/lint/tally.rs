//! Counts over a report about source.

use super::excuse::level;
use crate::excuse::Excused;
use crate::layout::counted;
use ringfence_finding::{Level, LintReport, Safety, SourceFinding};

/// Findings by level and by how they are mended; what is excused is counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
    /// Findings with a fix that may be made without a person looking.
    pub(super) safe: usize,
    /// Those with a fix that a person should look at.
    pub(super) risky: usize,
    pub(super) excused: Excused,
    /// Excused findings that would fail.
    pub(super) excused_errors: usize,
}

impl Tally {
    /// Those of all findings.
    pub(super) fn of(report: &LintReport) -> Tally {
        Tally::over(&report.findings)
    }

    /// Those of `findings`.
    pub(super) fn over<'f>(findings: impl IntoIterator<Item = &'f SourceFinding>) -> Tally {
        let mut tally = Tally::default();
        findings.into_iter().for_each(|finding| tally.count(finding));
        tally
    }

    /// Counts one finding in.
    pub(super) fn count(&mut self, finding: &SourceFinding) {
        if let Some(excuse) = &finding.excuse {
            self.excused.add_source(excuse);
            self.excused_errors += usize::from(level(finding) == Level::Error);
            return;
        }
        match level(finding) {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
            Level::Note => self.notes += 1,
        }
        let safety = finding.fix.as_ref().filter(|_| !finding.open).map(|fix| fix.safety);
        self.safe += usize::from(safety == Some(Safety::Safe));
        self.risky += usize::from(safety == Some(Safety::Unsafe));
    }

    /// All that are not excused.
    pub(super) fn findings(&self) -> usize {
        self.errors + self.warnings + self.notes
    }

    /// `3 errors, 1 warning`; none where there is nothing.
    pub(super) fn levels(&self) -> Option<String> {
        let levels = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let told: Vec<String> = levels
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, level)| counted(count, level))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// `2 can be fixed with --fix, 1 more with --fix --unsafe-fixes`; none where none can.
    pub(super) fn fixes(&self) -> Option<String> {
        use crate::layout::grouped;
        match (self.safe, self.risky) {
            (0, 0) => None,
            (safe, 0) => Some(format!("{} can be fixed with --fix", grouped(safe))),
            (0, risky) => {
                Some(format!("{} can be fixed with --fix --unsafe-fixes", grouped(risky)))
            }
            (safe, risky) => Some(format!(
                "{} can be fixed with --fix, {} more with --fix --unsafe-fixes",
                grouped(safe),
                grouped(risky)
            )),
        }
    }
}
