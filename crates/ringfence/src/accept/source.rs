//! Acceptances that are applied to findings in source.

use super::{Acceptance, Acceptances, Function, is_over, plain, relative, told};
use crate::Date;
use ringfence_finding::{IdleAcceptances, SourceExcuse, SourceFinding};
use std::path::PathBuf;

/// Acceptances that are applied to findings in source, and what became of them.
///
/// One settings file serves drivers and sources. What may be meant for drivers is not told as useless here.
pub(crate) struct AcceptingSource<'a> {
    acceptances: &'a Acceptances,
    today: Option<Date>,
    /// The absolute path of the folder that paths are relative to.
    folder: Option<PathBuf>,
    /// Of each, whether a file was looked at that it plainly is for, and whether it has accepted anything.
    states: Vec<(bool, bool)>,
}

impl<'a> AcceptingSource<'a> {
    pub(crate) fn new(acceptances: &'a Acceptances, today: Option<Date>) -> AcceptingSource<'a> {
        let folder = plain(&acceptances.folder);
        let states = vec![(false, false); acceptances.each.len()];
        AcceptingSource { acceptances, today, folder, states }
    }

    /// Notes which files are looked at.
    pub(crate) fn expect<'p>(&mut self, files: impl Iterator<Item = &'p str>) {
        if !self.acceptances.each.iter().any(is_for_source) {
            return;
        }
        for file in files {
            let Some(path) = self.relative(file) else { continue };
            for (acceptance, state) in self.acceptances.each.iter().zip(&mut self.states) {
                let is_for_it = || is_for_source(acceptance) && selects(acceptance, Some(&path));
                state.0 = state.0 || is_for_it();
            }
        }
    }

    /// Excuses the findings that are accepted. What the source itself accepts stays as it is.
    pub(crate) fn excuse(&mut self, findings: &mut [SourceFinding]) {
        if self.acceptances.each.is_empty() {
            return;
        }
        for in_file in findings.chunk_by_mut(|one, next| one.path == next.path) {
            let path = in_file.first().and_then(|finding| self.relative(&finding.path));
            for (acceptance, state) in self.acceptances.each.iter().zip(&mut self.states) {
                if is_over(acceptance, self.today) || !selects(acceptance, path.as_deref()) {
                    continue;
                }
                for finding in in_file.iter_mut().filter(|finding| accepts(acceptance, finding)) {
                    state.1 = true;
                    let excuse = || SourceExcuse::Settings(acceptance.excuse());
                    finding.excuse.get_or_insert_with(excuse);
                }
            }
        }
    }

    /// Those that accepted nothing, and those that have ended.
    pub(crate) fn idle(&self) -> IdleAcceptances {
        let mut idle = IdleAcceptances::default();
        let file = self.acceptances.file.as_deref();
        for (acceptance, (was_asked, has_accepted)) in
            self.acceptances.each.iter().zip(&self.states)
        {
            if is_over(acceptance, self.today) && *was_asked {
                idle.expired.push(told(acceptance, file));
            } else if *was_asked && !has_accepted {
                idle.unused.push(told(acceptance, file));
            }
        }
        idle
    }

    fn relative(&self, path: &str) -> Option<String> {
        self.folder.as_ref().and_then(|folder| relative(folder, path))
    }
}

/// Whether it can be for nothing but source.
fn is_for_source(acceptance: &Acceptance) -> bool {
    let is_of_source = acceptance.path.as_ref().is_some_and(super::PathPattern::is_of_source);
    is_of_source && acceptance.sha256.is_none()
}

/// Whether it is for the file `path`, which is relative to the settings file. Digests are those of drivers.
fn selects(acceptance: &Acceptance, path: Option<&str>) -> bool {
    let pattern = acceptance.path.as_ref();
    acceptance.sha256.is_none()
        && pattern.is_none_or(|pattern| path.is_some_and(|path| pattern.matches(path)))
}

fn accepts(acceptance: &Acceptance, finding: &SourceFinding) -> bool {
    let in_function = match &acceptance.function {
        None => true,
        Some(Function::Named(name)) => finding.function.as_ref() == Some(name),
        // It is of one build.
        Some(Function::At(_)) => false,
    };
    let about = acceptance.ddi.is_none() || acceptance.ddi == finding.ddi;
    acceptance.rule == finding.rule && about && in_function
}
