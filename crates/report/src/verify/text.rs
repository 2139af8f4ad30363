//! Runs for people: what was run, then what was seen.

use super::run;
use super::tally::Tally;
use crate::Sink;
use crate::answers::{answers, whys};
use crate::full::Full;
use crate::layout::counted;
use crate::style::{Line, Meaning, Terminal};
use ringfence_finding::{Closing, Examination, Finding, Level, Question, RunEnd, Targets, Tool};
use std::io;

pub(super) struct Text<'a> {
    full: Full<'a>,
    targets: Targets,
    tally: Tally,
}

impl<'a> Text<'a> {
    pub(super) fn new(terminal: Terminal<'a>) -> Text<'a> {
        let full = Full::new(terminal).with_stacks();
        Text { full, targets: Targets::DEFAULT, tally: Tally::default() }
    }

    fn verdict(&mut self, examination: &Examination, unseen: &[&Finding]) -> io::Result<()> {
        let terminal = &mut self.full.terminal;
        let header = Line::new().colored(Meaning::Strong, &examination.path).plain(": ");
        terminal.folded(header.then(answers(&examination.verdict)))?;
        for why in whys(&examination.verdict) {
            terminal.wrapped(Line::indented(2).then(why.lead()), &why.text)?;
        }
        let (fixed, unseen): (Vec<_>, Vec<_>) =
            unseen.iter().partition(|finding| is_fixed(examination, finding));
        let texts = [
            not_shown("reading the file shows, and Driver Verifier fixed", &fixed),
            not_shown("only reading the file shows", &unseen),
        ];
        let mut is_any = false;
        for text in texts.into_iter().flatten() {
            is_any = true;
            terminal.wrapped(Line::indented(2), &text)?;
        }
        if is_any {
            terminal.line(Line::indented(2).plain("for that:"))?;
            terminal
                .line(Line::indented(4).plain(format!("ringfence scan {}", examination.path)))?;
        }
        let build = examination.runs.first().map(|run| run.windows_build);
        let on = build.map(|build| format!("; ran as Windows build {build}")).unwrap_or_default();
        terminal.wrapped(Line::indented(2), &format!("asked about {}{on}", self.targets))?;
        terminal.blank()
    }
}

/// `only reading the file shows: 2 errors (executable-pool-type)`.
fn not_shown(what: &str, unseen: &[&Finding]) -> Option<String> {
    let count = |level| unseen.iter().filter(|finding| finding.level == level).count();
    let kinds: Vec<String> = [(Level::Error, "error"), (Level::Warning, "warning")]
        .into_iter()
        .filter(|(level, _)| count(*level) > 0)
        .map(|(level, name)| counted(count(level), name))
        .collect();
    let mut rules: Vec<&str> =
        unseen.iter().filter(|one| one.level > Level::Note).map(|one| one.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    (!kinds.is_empty()).then(|| format!("{what}: {} ({})", kinds.join(" and "), rules.join(", ")))
}

/// Whether a run made such a call and Driver Verifier had nothing to object, as it had already mended it.
fn is_fixed(examination: &Examination, finding: &Finding) -> bool {
    let fixed = |ddi| examination.runs.iter().any(|run| run.silently_fixed.contains_key(ddi));
    finding.ddi.is_some_and(fixed)
}

/// Whether a finding is told in full: it was seen, or it is why the driver is not let in.
fn is_told(examination: &Examination, finding: &Finding) -> bool {
    let is_refused = examination.runs.iter().any(|run| run.end == RunEnd::Refused);
    !finding.seen.is_empty() || is_refused && finding.questions.contains(&Question::Load)
}

impl Sink for Text<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        self.full.begin(tool, targets)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.tally.count(examination);
        let terminal = &mut self.full.terminal;
        terminal.folded(Line::new().colored(Meaning::Strong, &examination.path))?;
        for run in &examination.runs {
            run::tell(terminal, &examination.path, run)?;
        }
        terminal.blank()?;
        let (told, untold): (Vec<_>, Vec<_>) =
            examination.findings.iter().partition(|finding| is_told(examination, finding));
        self.full.begin_driver();
        for finding in told {
            self.full.finding(&examination.path, finding)?;
        }
        self.verdict(examination, &untold)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let terminal = &mut self.full.terminal;
        self.tally.finish(terminal, closing)
    }
}
