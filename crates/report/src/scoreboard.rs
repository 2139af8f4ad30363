//! The last line: counts that add up, and seconds.

use crate::excuse::Excused;
use crate::layout::{counted, grouped};
use crate::style::Line;
use ringfence_finding::{Answer, Closing, Fault, Question, Tally, Totals, Unread};
use std::time::Duration;

/// `1 driver, 3 findings (2 accepted): load 1 no · run 1 unknown · certify 1 no (0.02 s)`.
pub(crate) fn scoreboard(closing: &Closing, excused: Excused) -> Line {
    counts(closing, excused).plain(format!(" ({})", seconds(closing.elapsed)))
}

/// The same without the seconds, for formats that are the same each time.
pub(crate) fn counts(closing: &Closing, excused: Excused) -> Line {
    let totals = &closing.totals;
    let mut line = drivers(totals, None);
    if totals.drivers > 0 {
        let aside = excused.told().map(|told| format!(" ({told})")).unwrap_or_default();
        line = line.plain(format!(", {}{aside}: ", counted(totals.findings, "finding")));
        line = line.then(tallies(totals));
    }
    line.then(rest(closing))
}

/// `9 files, 3 drivers (2 distinct, 1 malformed, and what else is to be said of some)`.
pub(crate) fn drivers(totals: &Totals, more: Option<(usize, &str)>) -> Line {
    let mut line = Line::new();
    if totals.files != totals.drivers {
        line = line.plain(format!("{}, ", counted(totals.files, "file")));
    }
    line = line.plain(counted(totals.drivers, "driver"));
    let distinct = totals.distinct.filter(|&distinct| distinct != totals.drivers);
    let malformed = Some(totals.malformed).filter(|&malformed| malformed > 0);
    let asides: Vec<_> = [distinct.zip(Some("distinct")), malformed.zip(Some("malformed")), more]
        .into_iter()
        .flatten()
        .map(|(count, what)| format!("{} {what}", grouped(count)))
        .collect();
    match asides[..] {
        [] => line,
        _ => line.plain(format!(" ({})", asides.join(", "))),
    }
}

/// `; 3 unread, 12 left out (4.1 s)`.
pub(crate) fn ending(closing: &Closing) -> Line {
    rest(closing).plain(format!(" ({})", seconds(closing.elapsed)))
}

/// `; 3 unread, 12 left out`.
fn rest(closing: &Closing) -> Line {
    let mut line = Line::new();
    let rest = [
        (closing.unread.len(), "unread"),
        (closing.left_out.total(), "left out"),
        (closing.faults.len(), if closing.faults.len() == 1 { "fault" } else { "faults" }),
    ];
    let mut before = "; ";
    for (count, what) in rest.into_iter().filter(|(count, _)| *count > 0) {
        line = line.plain(format!("{before}{} {what}", grouped(count)));
        before = ", ";
    }
    line
}

fn tallies(totals: &Totals) -> Line {
    let mut line = Line::new();
    for (index, question) in Question::ALL.into_iter().enumerate() {
        line = line.plain(format!("{}{question}", if index == 0 { "" } else { " · " }));
        let Tally { yes, no, unknown } = totals.tally(question);
        for (count, answer) in [(yes, Answer::Yes), (no, Answer::No), (unknown, Answer::Unknown)] {
            if count > 0 {
                line = line.plain(" ").colored(answer, format!("{} {answer}", grouped(count)));
            }
        }
    }
    line
}

/// `0.02 s`, `4.1 s`, `1 234 s`.
pub(crate) fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    match seconds {
        _ if seconds < 1.0 => format!("{seconds:.2} s"),
        _ if seconds < 100.0 => format!("{seconds:.1} s"),
        _ => format!("{} s", grouped(elapsed.as_secs() as usize)),
    }
}

/// `gone.sys: unread: access denied`.
pub(crate) fn unread(unread: &Unread) -> Line {
    Line::new()
        .plain(format!("{}: ", unread.path))
        .colored(Answer::Unknown, "unread")
        .plain(format!(": {}", unread.reason))
}

/// `acme.sys: fault[some-rule]: …; please report it`.
pub(crate) fn fault(fault: &Fault) -> Line {
    Line::new()
        .plain(format!("{}: ", fault.path))
        .colored(Answer::No, format!("fault[{}]", fault.rule))
        .plain(format!(": ringfence failed here, please report it: {}", fault.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_as_exact_as_is_useful() {
        for (milliseconds, text) in [(20, "0.02 s"), (4_130, "4.1 s"), (1_234_000, "1 234 s")] {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), text);
        }
    }
}
