//! Runs for people: a line for each part that was run, then what was seen.

use super::parts::{Alike, alike};
use super::status;
use crate::Sink;
use crate::answers::answers;
use crate::full::Full;
use crate::layout::{counted, grouped};
use crate::seen_calls;
use crate::style::{Line, Meaning, Terminal};
use ringfence_finding::{
    Answer, Asking, BugCheck, Closing, DriverRun, Examination, RunEnd, RunEnvironment, RunPhase,
    Targets, Tool,
};
use std::collections::BTreeMap;
use std::io;

/// Lines of parts of a run; what is between the first of them and the last is counted.
const MOST_PARTS: usize = 24;
const FIRST_PARTS: usize = 16;
/// What is invented that is named; the rest is counted.
const MOST_INVENTED: usize = 8;

pub(super) struct Text<'a> {
    full: Full<'a>,
    ends: BTreeMap<RunEnd, usize>,
    drivers: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(terminal: Terminal<'a>) -> Text<'a> {
        let full = Full::new(terminal).with_stacks();
        Text { full, ends: BTreeMap::new(), drivers: 0 }
    }

    fn run(&mut self, examination: &Examination, run: &DriverRun) -> io::Result<()> {
        let terminal = &mut self.full.terminal;
        let title = Line::new().colored(Meaning::Strong, &examination.path);
        terminal.folded(title.plain(format!(": {}", run.environment.described())))?;
        let checks = checks(examination, run);
        let last = run.phases.len().wrapping_sub(1);
        let parts =
            alike(&run.phases, |at| at == last || checks.contains_key(&*run.phases[at].name));
        let width = parts.iter().map(|part| part.name().chars().count()).max().unwrap_or(0);
        // The first and the last are told: how it began, and how it ended.
        let left_out = parts.len().saturating_sub(MOST_PARTS);
        let hidden = FIRST_PARTS..FIRST_PARTS + left_out;
        for (index, part) in parts.iter().enumerate() {
            let phase = &part.phases[0];
            if index == hidden.start && left_out > 0 {
                let more = format!("… {}", counted(left_out, "more part"));
                terminal.line(Line::indented(2).plain(more))?;
            }
            if hidden.contains(&index) && !checks.contains_key(&*phase.name) {
                continue;
            }
            let stop = if part.at == last { last_check(run, &checks, phase) } else { None };
            let is_first = !run.phases[..part.at].iter().any(|one| one.name == phase.name);
            let found = checks.get(&*phase.name).filter(|_| is_first);
            terminal.folded(part_line(part, width, part.at == last && ends_there(run)))?;
            for check in found.into_iter().flatten().copied().chain(stop) {
                let lead = Line::indented(4).colored(Meaning::Bad, "stop").plain("  bug check ");
                terminal.folded(lead.plain(check.to_string()))?;
            }
        }
        for (meaning, lead, text) in ends(run) {
            terminal.wrapped(Line::indented(2).colored(meaning, lead), &text)?;
        }
        terminal.blank()
    }
}

/// The bug checks that were seen in each part of a run.
fn checks<'e>(
    examination: &'e Examination,
    run: &DriverRun,
) -> BTreeMap<&'e str, Vec<&'e BugCheck>> {
    let mut checks: BTreeMap<&str, Vec<&BugCheck>> = BTreeMap::new();
    let seen = examination.findings.iter().flat_map(|finding| &finding.seen);
    for seen in seen.filter(|seen| seen.environment == run.environment) {
        checks.entry(&seen.phase).or_default().extend(&seen.bugcheck);
    }
    checks
}

/// The bug check that no finding is about: a crash for another reason, in the part that did not return.
fn last_check<'r>(
    run: &'r DriverRun,
    checks: &BTreeMap<&str, Vec<&BugCheck>>,
    phase: &RunPhase,
) -> Option<&'r BugCheck> {
    let check = run.bugcheck.as_ref().filter(|_| run.end == RunEnd::Fault)?;
    let is_told = checks.get(&*phase.name).is_some_and(|all| all.contains(&check));
    (!is_told).then_some(check)
}

/// Whether the last part did not come to its end.
fn ends_there(run: &DriverRun) -> bool {
    match run.end {
        RunEnd::Fault | RunEnd::Budget | RunEnd::NotEmulated => true,
        // Driver Verifier's objections are noted down, and the run goes on; the system is down with the others.
        RunEnd::Violation => run.environment == RunEnvironment::Hvci,
        RunEnd::Returned | RunEnd::Refused => false,
    }
}

fn part_line(part: &Alike<'_>, width: usize, is_cut: bool) -> Line {
    let phase = &part.phases[0];
    let line = Line::indented(2).plain(part.name()).filled_to(width + 4);
    let calls = match part.calls() {
        0 => String::new(),
        calls => format!(", {}", counted(calls as usize, "call")),
    };
    match &phase.status {
        Some(value) => {
            let meaning = if status::is_error(value) { Meaning::Open } else { Meaning::Good };
            line.colored(meaning, status::name(value)).plain(calls)
        }
        None if is_cut => line.colored(Meaning::Bad, "did not return").plain(calls),
        None if phase.name == "load" => line.colored(Meaning::Good, "ok").plain(calls),
        None => line.colored(Meaning::Good, "returned").plain(calls),
    }
}

/// What is to be said below the parts: why the run ended, and what it is worth.
fn ends(run: &DriverRun) -> Vec<(Meaning, &'static str, String)> {
    let mut told = Vec::new();
    let because = run.because.clone().unwrap_or_default();
    match run.end {
        RunEnd::Refused => told.push((Meaning::Bad, "not loaded: ", because)),
        RunEnd::NotEmulated => told.push((Meaning::Open, "not emulated: ", because)),
        RunEnd::Budget => told.push((Meaning::Open, "ended: ", because)),
        RunEnd::Fault => {
            let why = "it crashed, which has nothing to do with memory integrity; the emulated kernel may lack what it needs";
            told.push((Meaning::Open, "ended: ", why.to_owned()));
        }
        RunEnd::Returned | RunEnd::Violation => {}
    }
    if !run.invented.is_empty() {
        let mut names: Vec<String> = run
            .invented
            .iter()
            .take(MOST_INVENTED)
            .map(
                |(name, count)| {
                    if *count == 1 { name.clone() } else { format!("{name} ×{count}") }
                },
            )
            .collect();
        if run.invented.len() > MOST_INVENTED {
            names.push(format!("{} more", run.invented.len() - MOST_INVENTED));
        }
        let text = format!("{}: on Windows it may go another way", names.join(", "));
        told.push((Meaning::Open, "under assumption: ", text));
    }
    if !run.silently_fixed.is_empty() {
        let names: Vec<String> =
            run.silently_fixed.iter().map(|(name, count)| format!("{name} ×{count}")).collect();
        let text =
            format!("{}: Driver Verifier makes it non-executable without a word", names.join(", "));
        told.push((Meaning::Structure, "silently fixed: ", text));
    }
    for call in seen_calls::lines(&run.open_calls) {
        told.push((Meaning::Structure, "seen: ", call));
    }
    match run.asks_code_integrity {
        Some(Asking::BehavesDifferently) => told.push((
            Meaning::Open,
            "asks: ",
            "whether memory integrity is on, and does something else where it is told otherwise"
                .to_owned(),
        )),
        Some(Asking::BehavesAlike) => told.push((
            Meaning::Structure,
            "asks: ",
            "whether memory integrity is on, and does the same whatever it is told".to_owned(),
        )),
        None => {}
    }
    for leak in &run.leaks {
        told.push((Meaning::Open, "left behind: ", leak.clone()));
    }
    if run.pending > 0 {
        told.push((Meaning::Open, "pending: ", counted(run.pending as usize, "request")));
    }
    if !run.not_run.is_empty() {
        told.push((Meaning::Open, "not run: ", run.not_run.join("; ")));
    }
    let examined = format!(
        "{}, {} instructions",
        counted(run.calls as usize, "call"),
        grouped(run.instructions as usize)
    );
    told.push((Meaning::Structure, "ran: ", examined));
    told
}

impl Sink for Text<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.full.begin(tool, targets)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.drivers += 1;
        for run in &examination.runs {
            *self.ends.entry(run.end).or_default() += 1;
            self.run(examination, run)?;
        }
        let (seen, unseen): (Vec<_>, Vec<_>) =
            examination.findings.iter().partition(|finding| !finding.seen.is_empty());
        self.full.begin_driver();
        for finding in seen {
            self.full.finding(&examination.path, finding)?;
        }
        let terminal = &mut self.full.terminal;
        let header = Line::new().colored(Meaning::Strong, &examination.path).plain(": ");
        terminal.folded(header.then(answers(&examination.verdict)))?;
        let unseen = unseen.iter().filter(|one| one.level > ringfence_finding::Level::Note).count();
        if unseen > 0 {
            let text = format!(
                "{} by reading the code that no run came to: ringfence scan tells",
                counted(unseen, "more finding")
            );
            terminal.wrapped(Line::indented(2), &text)?;
        }
        terminal.blank()
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let terminal = &mut self.full.terminal;
        for unread in &closing.unread {
            terminal.folded(crate::scoreboard::unread(unread))?;
        }
        for fault in &closing.faults {
            terminal.folded(crate::scoreboard::fault(fault))?;
        }
        let mut line =
            Line::new().plain(format!("{}, emulated: ", counted(self.drivers, "driver")));
        for (index, (end, count)) in self.ends.iter().enumerate() {
            let meaning = match end {
                RunEnd::Returned => Answer::Yes,
                RunEnd::Violation | RunEnd::Refused => Answer::No,
                RunEnd::Fault | RunEnd::Budget | RunEnd::NotEmulated => Answer::Unknown,
            };
            let separator = if index == 0 { "" } else { " · " };
            line = line
                .plain(separator)
                .colored(meaning, format!("{} {}", grouped(*count), end.name()));
        }
        terminal.last_line(line.then(crate::scoreboard::ending(closing)))?;
        terminal.flush()
    }
}
