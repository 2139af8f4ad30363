//! What runs saw, in words: how each ended, and what was asked for by calls that reading the code leaves open.

use crate::layout::{counted, grouped};
use ringfence_finding::{DriverRun, RunEnd, RunEnvironment, SeenCall};

/// Calls that are told; the rest is counted.
const MOST_CALLS: usize = 8;

/// How the runs of a driver ended and what they saw, a line each.
pub(crate) fn of_runs(runs: &[DriverRun]) -> Vec<String> {
    let mut told: Vec<String> = runs.iter().map(ending).collect();
    let seen = SeenCall::together(runs.iter().flat_map(|run| &run.open_calls));
    told.extend(lines(&seen));
    told
}

/// `ran under the emulated Driver Verifier: returned, 23 calls, 2 of them answered by stand-ins`.
fn ending(run: &DriverRun) -> String {
    let under = match run.environment {
        RunEnvironment::Verifier => "the emulated Driver Verifier",
        RunEnvironment::Hvci => "emulated memory integrity",
    };
    let because = run.because.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let calls = counted(run.calls as usize, "call");
    let stand_ins = match run.stand_ins {
        0 => String::new(),
        some => format!(", {} of them answered by stand-ins", grouped(some as usize)),
    };
    let end = match (run.end, &run.bugcheck) {
        (RunEnd::Fault, Some(check)) => format!("crashed with bug check {check}"),
        (RunEnd::Fault, None) => "crashed".to_owned(),
        (RunEnd::Budget, _) => "not finished".to_owned(),
        (RunEnd::Refused, _) => "not let in".to_owned(),
        (RunEnd::NotEmulated, _) => "not emulated".to_owned(),
        (RunEnd::Returned | RunEnd::Violation, _) => run.end.name().to_owned(),
    };
    format!("ran under {under}: {end}{because}, {calls}{stand_ins}")
}

/// How those runs ended that did not come to their end, so that they say less; what is not let in says so itself.
pub(crate) fn of_open_runs(runs: &[DriverRun]) -> impl Iterator<Item = String> {
    let is_open =
        |run: &&DriverRun| matches!(run.end, RunEnd::Fault | RunEnd::Budget | RunEnd::NotEmulated);
    runs.iter().filter(is_open).map(ending)
}

/// `ExAllocatePoolWithTag at 5064, not known by reading the code: fine in 3 of 3 calls seen`, a line each.
pub(crate) fn lines(seen: &[SeenCall]) -> Vec<String> {
    let line = |call: &SeenCall| {
        let doubt = if call.under_assumption { ", under assumption" } else { "" };
        format!(
            "{} at {:x}, not known by reading the code: fine in {} of {} seen{doubt}",
            call.ddi,
            call.rva,
            grouped(call.fine as usize),
            counted(call.calls as usize, "call")
        )
    };
    let mut told: Vec<String> = seen.iter().take(MOST_CALLS).map(line).collect();
    if seen.len() > MOST_CALLS {
        told.push(format!("{} seen", counted(seen.len() - MOST_CALLS, "more such call")));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_of_a_call_is_one_line() {
        let seen = |calls, fine, under_assumption| SeenCall {
            rva: 0x5064,
            ddi: "ExAllocatePoolWithTag",
            calls,
            fine,
            under_assumption,
        };
        assert_eq!(
            lines(&[seen(3, 3, false), seen(1, 0, true)]),
            [
                "ExAllocatePoolWithTag at 5064, not known by reading the code: fine in 3 of 3 calls seen",
                "ExAllocatePoolWithTag at 5064, not known by reading the code: fine in 0 of 1 call seen, \
                 under assumption"
            ]
        );
        let many = vec![seen(1, 1, false); MOST_CALLS + 2];
        assert_eq!(lines(&many).last().unwrap(), "2 more such calls seen");
    }
}
