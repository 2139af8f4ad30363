//! What rules see of source code, and how all of them are put to it.

mod building;
mod choices;
mod constants;
mod counting;
mod in_rust;
mod judging;
mod linking;
mod looked_at;
mod marks;
mod mending;
mod older;
mod once;
pub(crate) mod pool_flags;
mod running;
#[cfg(test)]
pub(crate) mod tests;

use crate::rule::panic_message;
use crate::{Crash, rules};
pub(crate) use judging::{
    about, always, answer, argument, asks, asks_by, depends_on_opt_in, every, given, terms,
    violation,
};
pub(crate) use linking::{aligned_to_pages, changed, code_sections, linked, without};
pub(crate) use mending::{
    ELSEWHERE, Mend, all_have_pool2, contains, edit, fix, inserted, is_only_for_calls, or_ed,
    own_name, replaced_terms, stands_in_argument, taken_out,
};
pub(crate) use older::too_new_for;
use ringfence_finding::{CallAnswer, Level, Question, SourceFinding, Targets};
use ringfence_source::{Analysis, Project, SourceCall, SourceTree};
use running::Running;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What rules see of source code.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// The files.
    pub tree: &'s SourceTree,
    /// What builds them.
    pub projects: &'s [Project],
    /// The calls in them.
    pub analysis: &'s Analysis,
    /// The Windows versions that findings are graded for.
    pub targets: Targets,
    /// Where sources disagree, whether Microsoft's documentation weighs more than observation.
    pub strict: bool,
    /// Whether what only Code Analysis objects to counts against *certify*.
    pub code_analysis: bool,
}

impl Source<'_> {
    /// Whether everything is known that decides what a call asks for.
    pub fn knows(&self, call: &SourceCall) -> bool {
        answer(call, self) != CallAnswer::Unknown
    }
}

/// Where a rule puts what it found in source.
#[derive(Debug, Default)]
pub struct SourceFindings {
    found: Vec<SourceFinding>,
}

impl SourceFindings {
    /// Adds a finding.
    pub fn report(&mut self, finding: SourceFinding) {
        self.found.push(finding);
    }
}

/// What all rules together have to say about source.
#[derive(Debug, Default)]
pub struct SourceOutcome {
    /// Findings by file in the order of the tree, then by place, then in the order of the rules.
    pub findings: Vec<SourceFinding>,
    /// Rules that panicked.
    pub crashes: Vec<Crash>,
}

/// Puts every rule to source. Findings that hold for none of the targets become notes.
pub fn check_source(source: &Source<'_>) -> SourceOutcome {
    let mut outcome = SourceOutcome::default();
    let running = Running::new(source);
    for rule in rules() {
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let mut findings = SourceFindings::default();
            for call in source.analysis.calls.iter().filter(|call| rule.judges(call.ddi)) {
                let known = findings.found.len();
                rule.check_source_call(call, source, &mut findings);
                let found = &mut findings.found[known..];
                if call.shares_arguments {
                    found.iter_mut().for_each(unfixed);
                }
                looked_at::look_at(call, found, source);
                running.look_at(call, found);
            }
            rule.check_source(source, &mut findings);
            findings.found
        }));
        match checked {
            Ok(found) => outcome.findings.extend(found),
            Err(panic) => outcome
                .crashes
                .push(Crash { rule: rule.card().id, message: panic_message(panic.as_ref()) }),
        }
    }
    for finding in &mut outcome.findings {
        if !finding.targets.intersects(source.targets) {
            finding.level = Level::Note;
        }
        let denies =
            |question: &Question| finding.denies(*question, source.targets, source.code_analysis);
        if Question::ALL.iter().any(denies) {
            finding.level = Level::Error;
        }
    }
    let mut constants = constants::Constants::new(source);
    outcome.findings.iter_mut().for_each(|finding| constants.keep(finding));
    let editable = in_rust::Editable::new(source);
    outcome.findings.iter_mut().for_each(|finding| editable.fit(finding));
    outcome.findings.iter_mut().for_each(|finding| counting::look_at(finding, source));
    outcome.findings.iter_mut().for_each(|finding| choices::look_at(finding, source));
    let mut older = older::Older::new(source);
    outcome.findings.iter_mut().for_each(|finding| older.look_at(finding));
    for call in &source.analysis.calls {
        if !source.knows(call) {
            outcome.findings.extend(not_known(call, source));
        }
    }
    let place = |path: &str| source.tree.at(path);
    outcome.findings.sort_by_key(|finding| (place(&finding.path), finding.mark.region));
    outcome.findings = once::told_once(outcome.findings, source);
    running::spread(&mut outcome.findings);
    looked_at::spread(&mut outcome.findings);
    outcome
}

/// Takes the fixes from a finding.
fn unfixed(finding: &mut SourceFinding) {
    finding.fix = None;
    finding.other_fixes.clear();
}

/// That it is not known what a call asks for, as the rule has it that judges the call.
fn not_known(call: &SourceCall, source: &Source<'_>) -> Option<SourceFinding> {
    let rule = rules().find(|rule| rule.judges(call.ddi))?;
    Some(judging::open(rule.card(), call, source))
}
