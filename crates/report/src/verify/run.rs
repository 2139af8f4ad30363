//! One run for people: a line for each part, with what Windows would stop the system for below it, and what the run is
//! worth.

use super::low_resources::{NOT_EXPECTED, failed_allocations, has_failed_allocations};
use super::parts::{Alike, alike};
use super::status;
use crate::layout::{counted, grouped};
use crate::style::{Line, Meaning, Terminal};
use crate::{seen_calls, witness};
use ringfence_finding::{Asking, DriverRun, RunEnd, Stop};
use std::io;

/// Lines of parts of a run; what is between the first of them and the last is counted.
const MOST_PARTS: usize = 24;
const FIRST_PARTS: usize = 16;
/// What is invented that is named; the rest is counted.
const MOST_INVENTED: usize = 8;
/// What a stop leaves open.
const NOT_RUN: &str = "what comes later was not run";
/// Stops in one part that are told; the rest is counted.
const MOST_STOPS: usize = 4;

/// Tells a run of the driver at `path`.
pub(super) fn tell(terminal: &mut Terminal<'_>, path: &str, run: &DriverRun) -> io::Result<()> {
    terminal.folded(Line::indented(2).colored(Meaning::Strong, run.set_up()).plain(":"))?;
    let last = run.phases.len().wrapping_sub(1);
    let stands_alone = |at: usize| at == last || run.stops.iter().any(|stop| stop.phase == at);
    let parts = alike(&run.phases, stands_alone);
    let width = parts.iter().map(|part| part.name().chars().count()).max().unwrap_or(0);
    // The first and the last are told: how it began, and how it ended.
    let left_out = parts.len().saturating_sub(MOST_PARTS);
    let hidden = FIRST_PARTS..FIRST_PARTS + left_out;
    for (index, part) in parts.iter().enumerate() {
        if index == hidden.start && left_out > 0 {
            let more = format!("… {}", counted(left_out, "more part"));
            terminal.line(Line::indented(4).plain(more))?;
        }
        let stops: Vec<&Stop> = run.stops.iter().filter(|stop| stop.phase == part.at).collect();
        if hidden.contains(&index) && stops.is_empty() {
            continue;
        }
        terminal.folded(part_line(part, width, run))?;
        tell_stops(terminal, path, &stops)?;
    }
    for (meaning, lead, text) in worth(run) {
        terminal.wrapped(Line::indented(4).colored(meaning, lead), &text)?;
    }
    Ok(())
}

fn tell_stops(terminal: &mut Terminal<'_>, path: &str, stops: &[&Stop]) -> io::Result<()> {
    let ending = stops.iter().filter(|stop| stop.ends_the_run);
    let noted = stops.iter().filter(|stop| !stop.ends_the_run);
    let left_out = noted.clone().count().saturating_sub(MOST_STOPS);
    for stop in noted.take(MOST_STOPS) {
        let lead = Line::indented(6).colored(Meaning::Bad, "would stop: ");
        let where_known = if stop.depends_on_build { ", on builds that look at it" } else { "" };
        terminal.wrapped(lead, &format!("bug check {}{where_known}", stop.bugcheck))?;
    }
    if left_out > 0 {
        let more = format!("… and {} here", counted(left_out, "more stop"));
        terminal.line(Line::indented(6).plain(more))?;
    }
    for stop in ending {
        let lead = Line::indented(6).colored(Meaning::Bad, "stopped: ");
        let stack = witness::stack(path, &stop.stack);
        let stack = stack.map(|stack| format!(", at {stack}")).unwrap_or_default();
        terminal.wrapped(lead, &format!("bug check {}{stack}", stop.bugcheck))?;
    }
    Ok(())
}

fn part_line(part: &Alike<'_>, width: usize, run: &DriverRun) -> Line {
    let phase = &part.phases[0];
    let line = Line::indented(4).plain(part.name()).filled_to(width + 6);
    let calls = match part.calls() {
        0 => String::new(),
        calls => format!(", {}", counted(calls as usize, "call")),
    };
    match &phase.status {
        Some(value) => {
            let meaning = if status::is_error(value) { Meaning::Open } else { Meaning::Good };
            line.colored(meaning, status::name(value)).plain(calls)
        }
        None if !phase.returned && run.end == RunEnd::NotEmulated => {
            line.colored(Meaning::Open, "left off").plain(calls)
        }
        None if !phase.returned => line.colored(Meaning::Bad, "did not return").plain(calls),
        None if phase.name == "load" => line.colored(Meaning::Good, "ok").plain(calls),
        None => line.colored(Meaning::Good, "returned").plain(calls),
    }
}

/// What is to be said below the parts: why the run ended, and what it is worth.
fn worth(run: &DriverRun) -> Vec<(Meaning, &'static str, String)> {
    let mut told = Vec::new();
    told.extend(ending(run));
    if let Some(text) = failed_allocations(run) {
        told.push((Meaning::Structure, "made to fail: ", text));
    }
    told.extend(invented(run));
    if !run.silently_fixed.is_empty() {
        let names: Vec<String> =
            run.silently_fixed.iter().map(|(name, count)| times(name, *count)).collect();
        let text = format!(
            "{}: on builds that look at it Driver Verifier makes it non-executable without a word",
            names.join(", ")
        );
        told.push((Meaning::Structure, "silently fixed: ", text));
    }
    let seen = seen_calls::lines(&run.open_calls).into_iter();
    told.extend(seen.map(|call| (Meaning::Structure, "seen: ", call)));
    told.extend(run.asks_code_integrity.map(asking));
    for leak in &run.leaks {
        told.push((Meaning::Open, "left behind: ", leak.clone()));
    }
    if run.pending > 0 {
        let text = format!("{} that it did not complete", counted(run.pending as usize, "request"));
        told.push((Meaning::Open, "pending: ", text));
    }
    if !run.not_run.is_empty() {
        told.push((Meaning::Open, "not run: ", run.not_run.join("; ")));
    }
    if run.calls > 0 || run.instructions > 0 {
        let examined = format!(
            "{}, {} instructions",
            counted(run.calls as usize, "call"),
            grouped(run.instructions as usize)
        );
        told.push((Meaning::Structure, "ran: ", examined));
    }
    told
}

fn ending(run: &DriverRun) -> Option<(Meaning, &'static str, String)> {
    let because = run.because.clone().unwrap_or_default();
    if run.lacks_what_failed() {
        return Some((Meaning::Bad, "crashed: ", format!("{NOT_EXPECTED}; {NOT_RUN}")));
    }
    match run.end {
        RunEnd::Refused => Some((Meaning::Bad, "not loaded: ", because)),
        RunEnd::NotEmulated => Some((Meaning::Open, "not emulated: ", because)),
        RunEnd::Budget => Some((Meaning::Open, "ended: ", because)),
        RunEnd::Fault => {
            let low = run.low_resources.as_ref();
            let driver = match has_failed_allocations(run) {
                true if low.and_then(|low| low.crashes_without) == Some(true) => {
                    "the driver has a fault, as it crashes where no allocation fails too"
                }
                true => {
                    "allocations had been made to fail, and the driver may use what it did not get, have another fault"
                }
                false => "the driver has a fault",
            };
            let why = format!(
                "by itself this is no matter of memory integrity: {driver}, or lacks something that the emulated \
                 kernel does not have; {NOT_RUN}"
            );
            Some((Meaning::Open, "crashed: ", why))
        }
        RunEnd::Violation if run.stops.last().is_some_and(|stop| stop.ends_the_run) => {
            Some((Meaning::Open, "ended: ", format!("the system is down; {NOT_RUN}")))
        }
        RunEnd::Returned | RunEnd::Violation => {
            status::entry_failure(run).map(|why| (Meaning::Open, "ended: ", why))
        }
    }
}

fn invented(run: &DriverRun) -> Option<(Meaning, &'static str, String)> {
    if run.invented.is_empty() {
        return None;
    }
    let few = run.invented.iter().take(MOST_INVENTED);
    let mut names: Vec<String> = few.map(|(name, count)| times(name, *count)).collect();
    if run.invented.len() > MOST_INVENTED {
        names.push(format!("{} more", run.invented.len() - MOST_INVENTED));
    }
    let text = format!("{}: on Windows it may go another way", names.join(", "));
    Some((Meaning::Open, "under assumption: ", text))
}

fn asking(asking: Asking) -> (Meaning, &'static str, String) {
    let (meaning, what) = match asking {
        Asking::BehavesDifferently => {
            (Meaning::Open, "and does something else when it is told otherwise")
        }
        Asking::BehavesAlike => (Meaning::Structure, "and does the same whatever it is told"),
    };
    (meaning, "asks: ", format!("whether memory integrity is on, {what}"))
}

/// `ExAllocatePoolWithTag ×3`.
fn times(name: &str, count: u64) -> String {
    if count == 1 { name.to_owned() } else { format!("{name} ×{}", grouped(count as usize)) }
}
