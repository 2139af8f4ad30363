//! A run as `/query` tells it: the counters, and how far they are known.

use super::state::Verified;
use ringfence::report::{
    NOT_EXPECTED, counted, entry_failure, failed_allocations, grouped, has_failed_allocations,
};
use ringfence::{Counter, DriverRun, Examination, RunEnd};
use std::collections::BTreeMap;

/// What is invented that is named; the rest is counted.
const MOST_NAMED: usize = 8;

/// What is kept of a run.
pub(super) fn verified(examination: &Examination, run: &DriverRun) -> Verified {
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    for finding in &examination.findings {
        let seen = finding.seen.iter().filter(|seen| seen.environment == run.environment);
        let times: u64 = seen.map(|seen| seen.count).sum();
        let counter = finding.aliases.iter().find_map(|name| Counter::named(name));
        if let (Some(counter), 1..) = (counter, times) {
            *counters.entry(counter.name().to_owned()).or_default() += times;
        }
    }
    let not_counted = not_counted(run).iter().filter(|one| !counters.contains_key(one.name()));
    Verified {
        path: examination.path.clone(),
        loaded: run.phases.iter().any(|phase| phase.name == "DriverEntry"),
        unloaded: entry_failure(run).is_some()
            || run.phases.iter().any(|phase| phase.name == "DriverUnload" && phase.returned),
        entry_failed: entry_failure(run).and_then(|_| run.status.clone()),
        stopped: run.stops.last().is_some_and(|stop| stop.ends_the_run),
        failed_deliberately: run.low_resources.as_ref().map(|low| low.failed_deliberately),
        not_counted: not_counted.map(|one| one.name().to_owned()).collect(),
        told: told(run),
        counters,
    }
}

/// Whether the driver's code came to run: to the end of DriverEntry, or to a violation before that.
pub(super) fn has_run(run: &DriverRun) -> bool {
    has_begun(run) && (!is_left_off_at_once(run) || run.stops.iter().any(|stop| stop.phase > 0))
}

/// Whether anything of DriverEntry was run.
fn has_begun(run: &DriverRun) -> bool {
    run.phases.iter().any(|phase| phase.name == "DriverEntry")
}

/// Whether DriverEntry did not come to its end, as something in it is not emulated.
fn is_left_off_at_once(run: &DriverRun) -> bool {
    run.end == RunEnd::NotEmulated && run.status.is_none()
}

/// The counters of which a run that did not come to it says nothing.
fn not_counted(run: &DriverRun) -> &'static [Counter] {
    if run.unchecked {
        return &Counter::ALL;
    }
    let is_checked = run.phases.iter().any(|phase| phase.name == "load");
    // What was not seen before DriverEntry was left off may come after it.
    match (has_begun(run) && !is_left_off_at_once(run), is_checked) {
        (true, _) => &[],
        (false, true) => &Counter::OF_CALLS,
        (false, false) => &Counter::ALL,
    }
}

/// What the counters are worth, a sentence each, where that is less than all.
fn told(run: &DriverRun) -> Vec<String> {
    let because = run.because.as_deref().unwrap_or_default();
    let last = run.phases.last().map_or("load", |phase| &*phase.name);
    let mut told = Vec::new();
    if run.unchecked {
        told.push(
            "Not counted: 0x02000000, the code integrity checks, is not among the flags".to_owned(),
        );
    }
    match run.end {
        RunEnd::Refused => told.push(format!("Not run, as it is not loaded: {because}")),
        RunEnd::NotEmulated if !has_begun(run) => told.push(format!("Not run: {because}")),
        RunEnd::NotEmulated => {
            told.push(format!("Run as far as {last}, where something is not emulated: {because}"));
        }
        RunEnd::Budget => told.push(format!("Run as far as {last}: {because}")),
        RunEnd::Fault if run.lacks_what_failed() => {
            told.push(format!(
                "Run as far as {last}, where it crashed{}: {NOT_EXPECTED}",
                crash(run)
            ));
        }
        RunEnd::Fault => {
            let lacks = match has_failed_allocations(run) {
                true => {
                    "allocations had been made to fail, or the emulated kernel lacks what it needs"
                }
                false => "the emulated kernel may lack what it needs",
            };
            told.push(format!(
                "Run as far as {last}, where it crashed{}; that has nothing to do with memory integrity, and {lacks}",
                crash(run)
            ));
        }
        RunEnd::Returned | RunEnd::Violation => told.extend(entry_failure(run)),
    }
    if let (RunEnd::Violation, Some(stop)) = (run.end, run.stops.last())
        && stop.ends_the_run
    {
        let why = match run.lacks_what_failed() {
            true => format!(": {NOT_EXPECTED}"),
            false => ", which no counter counts".to_owned(),
        };
        told.push(format!(
            "Run as far as {last}, where it was stopped with bug check {}{why}",
            stop.bugcheck
        ));
    }
    told.extend(failed_allocations(run).map(|what| format!("Made to fail: {what}")));
    if !run.invented.is_empty() {
        told.push(format!(
            "Under assumption: {}; on Windows it may go another way",
            invented(&run.invented)
        ));
    }
    if !run.not_run.is_empty() {
        let not_run: Vec<&str> = run.not_run.iter().map(String::as_str).collect();
        told.push(format!("Not run: {}", not_run.join("; ")));
    }
    told
}

/// The bug check of a crash.
fn crash(run: &DriverRun) -> String {
    run.bugcheck.as_ref().map(|check| format!(" with bug check {check}")).unwrap_or_default()
}

fn invented(all: &BTreeMap<String, u64>) -> String {
    let times = |count: u64| match count {
        1 => String::new(),
        count => format!(" ×{}", grouped(count as usize)),
    };
    let named = all.iter().take(MOST_NAMED);
    let mut names: Vec<String> =
        named.map(|(name, &count)| format!("{name}{}", times(count))).collect();
    if all.len() > MOST_NAMED {
        names.push(counted(all.len() - MOST_NAMED, "more assumption"));
    }
    names.join(", ")
}
