//! What is different between two sets of drivers, each examined now or told by a report.

mod findings;
mod image;
mod matching;
mod paths;
mod side;

pub use side::{Side, is_report};

use crate::TOOL;
use crate::recorded::RecordedDriver;
use matching::matched;
use ringfence_finding::{
    Answer, AnswerChange, Change, Compared, Difference, DifferenceTally, DriverDifference, Level,
    LoneDriver, Question, REPORT_VERSION,
};

/// What is different between two sets of drivers.
///
/// ```
/// use ringfence::{Change, Input, Settings, Side, compare};
///
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers");
/// let examined = |name: &str| {
///     let path = format!("{folder}/{name}");
///     Side::of_drivers(name, &Input::Path(path.into()), &Settings::default(), |_| ()).0
/// };
/// let difference = compare(&examined("clean-x64.sys"), &examined("rwx-text-x64.sys"));
///
/// assert!(difference.worse);
/// assert_eq!(difference.drivers[0].change, Change::Worse);
/// assert_eq!(difference.drivers[0].new[0].rule, "writable-executable-section");
/// ```
pub fn compare(old: &Side, new: &Side) -> Difference {
    let matched = matched(old, new);
    let mut totals = DifferenceTally {
        matched: matched.pairs.len(),
        added: matched.added.len(),
        gone: matched.gone.len(),
        ..DifferenceTally::default()
    };
    let mut drivers = Vec::new();
    for &(before, after) in &matched.pairs {
        let driver = driver((old, before), (new, after));
        count(&driver, &mut totals);
        if driver.change != Change::Unchanged {
            drivers.push(driver);
        }
    }
    drivers.sort_by(|one, other| one.path.cmp(&other.path));
    let lone = |side: &Side, places: &[usize]| -> Vec<LoneDriver> {
        places.iter().map(|&index| lone(&side.within[index], &side.drivers[index])).collect()
    };
    let (added, gone) = (lone(new, &matched.added), lone(old, &matched.gone));
    Difference {
        report_version: REPORT_VERSION,
        tool: TOOL,
        old: compared(old),
        new: compared(new),
        remarks: remarks(old, new),
        worse: totals.worse > 0 || added.iter().any(|driver| !driver.errors.is_empty()),
        drivers,
        added,
        gone,
        totals,
        unread: old.unread.iter().chain(&new.unread).cloned().collect(),
        faults: old.faults.iter().chain(&new.faults).cloned().collect(),
    }
}

fn compared(side: &Side) -> Compared {
    Compared {
        name: side.name.clone(),
        recorded: side.recorded,
        targets: side.targets.clone(),
        drivers: side.len(),
    }
}

/// What makes the comparison less sure.
fn remarks(old: &Side, new: &Side) -> Vec<String> {
    let mut remarks = Vec::new();
    match (&old.targets, &new.targets) {
        (Some(before), Some(after)) if before != after => remarks.push(
            "the sides were asked about different Windows versions, so answers may differ for that alone"
                .to_owned(),
        ),
        (None, _) | (_, None) => remarks.push(
            "a report of lines does not say which Windows versions it was asked about; if they are others, \
             answers may differ for that alone"
                .to_owned(),
        ),
        _ => {}
    }
    remarks
}

fn driver((old, before): (&Side, usize), (new, after): (&Side, usize)) -> DriverDifference {
    let (old_path, path) = (old.within[before].clone(), new.within[after].clone());
    let (old, new) = (&old.drivers[before], &new.drivers[after]);
    let answers = answers(old, new);
    let mut found = findings::compare(&old.findings, &new.findings);
    // What nobody looked at is not fixed.
    let unexamined = old.coverage.has_code() && !new.coverage.has_code();
    let unseen = found
        .fixed
        .extract_if(.., |finding| unexamined && ringfence_rules::looks_at_code(&finding.rule));
    let unseen: Vec<_> = unseen.collect();
    let (sections, imports) = image::compare(&old.properties, &new.properties);
    let any_answer = |change| answers.iter().any(|answer| answer.change == change);
    let is_error = |level: Level| level == Level::Error;
    let worse = any_answer(Change::Worse)
        || found.new.iter().any(|finding| is_error(finding.level))
        || found.regraded.iter().any(|one| is_error(one.finding.level));
    let better = any_answer(Change::Better)
        || found.fixed.iter().any(|finding| is_error(finding.level))
        || found.regraded.iter().any(|one| is_error(one.old));
    let other = !(answers.is_empty()
        && found.new.is_empty()
        && found.fixed.is_empty()
        && unseen.is_empty()
        && found.regraded.is_empty()
        && sections.is_empty()
        && imports.is_empty());
    DriverDifference {
        path,
        old_path,
        change: match (worse, better, other) {
            (true, ..) => Change::Worse,
            (_, true, _) => Change::Better,
            (.., true) => Change::Changed,
            _ => Change::Unchanged,
        },
        same_file: old.sha256.as_ref().zip(new.sha256.as_ref()).map(|(old, new)| old == new),
        answers,
        new: found.new,
        fixed: found.fixed,
        unseen,
        regraded: found.regraded,
        unchanged: found.unchanged,
        sections,
        imports,
    }
}

fn answers(old: &RecordedDriver, new: &RecordedDriver) -> Vec<AnswerChange> {
    let unexamined = old.coverage.has_code() && !new.coverage.has_code();
    let changed = Question::ALL.into_iter().filter_map(|question| {
        let (before, after) = (old.verdict.answer(question), new.verdict.answer(question));
        // Of a driver that did not load, the other answers said nothing: to have one is no change for the worse,
        // and an error behind it is told by itself if it is new.
        let unasked = question != Question::Load
            && old.verdict.load == Answer::No
            && new.verdict.load != Answer::No
            && before == Answer::Unknown;
        let change = match rank(after).cmp(&rank(before)) {
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Less if unasked => Change::Changed,
            std::cmp::Ordering::Less => Change::Worse,
            // Not to know is no progress where it is for not having looked.
            std::cmp::Ordering::Greater if after == Answer::Unknown && unexamined => {
                Change::Changed
            }
            std::cmp::Ordering::Greater => Change::Better,
        };
        Some(AnswerChange { question, old: before, new: after, change })
    });
    changed.collect()
}

/// The more, the better.
fn rank(answer: Answer) -> u8 {
    match answer {
        Answer::No => 0,
        Answer::Unknown => 1,
        Answer::Yes => 2,
    }
}

fn lone(path: &str, driver: &RecordedDriver) -> LoneDriver {
    let errors = driver.findings.iter().filter(|finding| finding.level == Level::Error);
    LoneDriver {
        path: path.to_owned(),
        load: driver.verdict.load,
        run: driver.verdict.run,
        certify: driver.verdict.certify,
        errors: errors.map(findings::told).collect(),
    }
}

fn count(driver: &DriverDifference, totals: &mut DifferenceTally) {
    match driver.change {
        Change::Worse => totals.worse += 1,
        Change::Better => totals.better += 1,
        Change::Changed => totals.changed += 1,
        Change::Unchanged => totals.unchanged += 1,
    }
    totals.new_findings += driver.new.len();
    totals.fixed_findings += driver.fixed.len();
    totals.unchanged_findings += driver.unchanged + driver.regraded.len();
}

#[cfg(test)]
mod tests;
