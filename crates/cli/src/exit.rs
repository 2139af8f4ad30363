//! The exit codes. They are the same for every format.

use crate::terminal;
use ringfence::{Closing, LintReport, Question, Scan, SourceFinding};
use std::io::ErrorKind;
use std::process::ExitCode;

/// None of the others.
pub(crate) const FINE: u8 = 0;
/// A gated answer that is not excused is no, or unknown with `--fail-unknown`.
pub(crate) const OBJECTION: u8 = 1;
/// Usage error, a report that could not be written, or something that could not be read.
pub(crate) const TROUBLE: u8 = 2;
/// Nothing to examine.
pub(crate) const NOTHING: u8 = 3;

/// The exit code of a scan whose report was written.
pub(crate) fn of_scan(scan: &Scan, gate: &[Question], fail_unknown: bool) -> u8 {
    match of_report(&scan.closing, gate, fail_unknown) {
        // Who names a file expects it to be examined.
        FINE if !scan.left_out_by_name.is_empty() => TROUBLE,
        code => code,
    }
}

/// The exit code of a comparison: something is worse, or as of a scan of either side that was scanned.
pub(crate) fn of_comparison(worse: bool, drivers: usize, scans: &[Scan]) -> u8 {
    let troubled =
        |scan: &Scan| of_scan(scan, &[], false) == TROUBLE || !scan.left_out_by_name.is_empty();
    if worse {
        OBJECTION
    } else if scans.iter().any(troubled) {
        TROUBLE
    } else if drivers == 0 {
        NOTHING
    } else {
        FINE
    }
}

/// The exit code of a look at source whose report was written; `left_out` says whether something was named that is no
/// source.
pub(crate) fn of_lint(report: &LintReport, exit_zero: bool, left_out: bool) -> u8 {
    if !exit_zero && report.findings.iter().any(SourceFinding::fails) {
        OBJECTION
    } else if !report.unread.is_empty() || !report.faults.is_empty() || left_out {
        TROUBLE
    } else if report.examined.is_nothing() {
        NOTHING
    } else {
        FINE
    }
}

fn of_report(closing: &Closing, gate: &[Question], fail_unknown: bool) -> u8 {
    let totals = &closing.totals;
    // What is excused counts as yes here.
    let counted = Question::ALL.into_iter().zip(totals.counted);
    let mut gated = counted.filter(|(question, _)| gate.contains(question));
    let unread = !closing.unread.is_empty() || !closing.faults.is_empty() || totals.malformed > 0;
    if gated.any(|(_, tally)| tally.no > 0 || (fail_unknown && tally.unknown > 0)) {
        OBJECTION
    } else if unread {
        TROUBLE
    } else if totals.drivers == 0 {
        NOTHING
    } else {
        FINE
    }
}

/// Ends the program: says what went wrong, if anything did.
pub(crate) fn code(result: anyhow::Result<u8>) -> ExitCode {
    let error = match result {
        Ok(code) => return ExitCode::from(code),
        Err(error) => error,
    };
    // Whoever reads our output has read enough.
    if error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    {
        return ExitCode::from(FINE);
    }
    terminal::complain(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        terminal::complain(&format!("  caused by: {cause}"));
    }
    ExitCode::from(TROUBLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Answer::{No, Unknown, Yes};
    use Question::{Certify, Load};
    use ringfence::Answer;
    use ringfence::Unread;

    fn closing(answers: &[[Answer; 3]]) -> Closing {
        let mut closing = Closing::default();
        for [load, run, certify] in answers {
            let totals = &mut closing.totals;
            totals.drivers += 1;
            for (tally, answer) in totals.counted.iter_mut().zip([load, run, certify]) {
                match answer {
                    Yes => tally.yes += 1,
                    No => tally.no += 1,
                    Unknown => tally.unknown += 1,
                }
            }
        }
        closing
    }

    fn unread(mut closing: Closing) -> Closing {
        closing.unread.push(Unread { path: "x".to_owned(), reason: "gone".to_owned() });
        closing
    }

    #[test]
    fn codes_come_in_the_documented_order() {
        let all = Question::ALL;
        assert_eq!(of_report(&closing(&[[Yes, Yes, Yes]]), &all, true), FINE);
        assert_eq!(of_report(&closing(&[]), &all, false), NOTHING);
        assert_eq!(of_report(&unread(closing(&[])), &all, false), TROUBLE);
        assert_eq!(of_report(&unread(closing(&[[No, Unknown, No]])), &all, false), OBJECTION);
        assert_eq!(of_report(&unread(closing(&[[Yes, Unknown, Unknown]])), &all, false), TROUBLE);
    }

    /// The answers are no, but what counts is that they are excused.
    #[test]
    fn what_is_excused_fails_nothing() {
        let mut excused = closing(&[[Yes, Yes, Yes]]);
        excused.totals.load.no = 1;
        assert_eq!(of_report(&excused, &Question::ALL, true), FINE);
    }

    #[test]
    fn only_gated_questions_count() {
        let one = closing(&[[Yes, Unknown, No]]);
        assert_eq!(of_report(&one, &[Load], false), FINE);
        assert_eq!(of_report(&one, &[Load, Certify], false), OBJECTION);
        assert_eq!(of_report(&one, &[Question::Run], false), FINE);
        assert_eq!(of_report(&one, &[Question::Run], true), OBJECTION);
    }
}
