//! One driver and its seven counters.

use crate::answers::is_for_64_bit_windows;
use crate::layout::{columns, file_name, grouped};
use crate::safe::safe;
use crate::source;
use crate::style::{Line, Meaning, hanging};
use ringfence_finding::{Certification, Confidence, Counted, Counter, Objection, Outcome, Targets};

impl From<Outcome> for Meaning {
    fn from(outcome: Outcome) -> Meaning {
        match outcome {
            Outcome::Pass => Meaning::Good,
            Outcome::Fail => Meaning::Bad,
            Outcome::Undecided => Meaning::Open,
        }
    }
}

/// Objections of one counter that are told of each of several drivers on a terminal; the rest is counted.
pub(super) const MOST: usize = 8;

/// Columns before a counter's name and before what it counts.
const INDENT: usize = 2;
const DEEPER: usize = 6;

/// The driver, its counters with what raises them, what is open, and what the readiness script would say.
/// `most` objections of each counter are told.
pub(super) fn lines(
    driver: &Certification,
    asked: Targets,
    most: usize,
    width: usize,
) -> Vec<Line> {
    let title = Line::new().colored(Meaning::Strong, &driver.path).plain(": ");
    let title = title.colored(driver.result, driver.result.to_string()).plain(doubt(driver));
    let title = title.plain(elsewhere(driver));
    let mut lines = title.folded(width);
    let longest = Counter::ALL.map(|counter| columns(counter.name())).into_iter().max();
    let numbers: Vec<_> = driver.counters.iter().map(number).collect();
    let widest = numbers.iter().map(|number| columns(number)).max().unwrap_or(0);
    for (counted, number) in driver.counters.iter().zip(&numbers) {
        let line = Line::indented(INDENT).plain(counted.counter.name());
        let right = INDENT + longest.unwrap_or(0) + 2 + widest - columns(number);
        let line = line.filled_to(right).plain(number).plain("  ");
        lines.push(line.colored(counted.result, counted.result.to_string()).plain(likely(counted)));
        lines.extend(
            by_rule(counted)
                .iter()
                .flat_map(|text| hanging(Line::indented(DEEPER).plain("of which "), text, width)),
        );
        lines.extend(objections(counted, asked, most, width));
    }
    let open = match driver.result {
        Outcome::Fail => "open beside that: ",
        _ => "undecided: ",
    };
    for reason in &driver.open {
        let lead = Line::indented(INDENT).colored(Outcome::Undecided, open);
        lines.extend(hanging(lead, &format!("{reason}{}", left_open(driver, reason)), width));
    }
    let script = script(driver);
    if !script.is_empty() {
        lines.push(Line::indented(INDENT).plain("in the words of the readiness script:"));
        let indent = |(deeper, text): (bool, String)| {
            Line::indented(if deeper { DEEPER + 4 } else { DEEPER }).plain(text)
        };
        lines.extend(script.into_iter().map(indent));
    }
    lines
}

/// The count, with a mark where it is no more than a least one; or that it is not known.
pub(super) fn number(counted: &Counted) -> String {
    match counted.result {
        Outcome::Undecided => "?".to_owned(),
        _ => format!("{}{}", grouped(counted.count), if counted.at_least { "+" } else { "" }),
    }
}

/// Whether all that fails the driver is likely only.
fn doubt(driver: &Certification) -> &'static str {
    let failing = || driver.counters.iter().filter(|one| one.result == Outcome::Fail);
    let doubtful = failing().next().is_some() && failing().all(|one| one.likely == one.count);
    if doubtful { " (likely)" } else { "" }
}

fn likely(counted: &Counted) -> String {
    match counted.likely {
        0 => String::new(),
        all if all == counted.count => " (likely)".to_owned(),
        some => format!(" ({} of them likely)", grouped(some)),
    }
}

/// `executable-pool-type ×17, executable-lookaside-list ×1`, where not one rule raised it all.
fn by_rule(counted: &Counted) -> Option<String> {
    let mut rules: Vec<(&str, usize)> = Vec::new();
    for Objection { rule, count, .. } in &counted.objections {
        match rules.iter_mut().find(|(known, _)| known == rule) {
            Some((_, sum)) => *sum += count,
            None => rules.push((rule, *count)),
        }
    }
    let told = rules.iter().map(|(rule, sum)| format!("{rule} ×{}", grouped(*sum)));
    (rules.len() > 1).then(|| told.collect::<Vec<_>>().join(", "))
}

/// Which counters a reason leaves open: ` (Execute Pool Type Count)`.
fn left_open(driver: &Certification, reason: &String) -> String {
    let open = driver.counters.iter().filter(|counted| counted.open.contains(reason));
    let names: Vec<_> = open.map(|counted| counted.counter.name()).collect();
    match names[..] {
        [] => String::new(),
        _ => format!(" ({})", names.join(", ")),
    }
}

/// Whether the test never comes to the driver.
fn elsewhere(driver: &Certification) -> &'static str {
    match is_for_64_bit_windows(&driver.machine) {
        true => "",
        false => "; not for 64-bit Windows, which does not load it",
    }
}

fn objections(counted: &Counted, asked: Targets, most: usize, width: usize) -> Vec<Line> {
    let told = counted.objections.iter().take(most);
    let mut lines: Vec<_> = told
        .flat_map(|objection| hanging(place(objection), &text(objection, asked), width))
        .collect();
    if counted.objections.len() > most {
        let more = grouped(counted.objections.len() - most);
        lines.push(Line::indented(DEEPER).plain(format!("… {more} more, with --output FILE")));
    }
    lines
}

/// `+1a45  `: the driver's name stands above.
fn place(objection: &Objection) -> Line {
    let place = Line::indented(DEEPER);
    match objection.rva {
        Some(rva) => place.plain(format!("+{rva:x}  ")),
        None => place,
    }
}

fn text(objection: &Objection, asked: Targets) -> String {
    let function = objection.function.as_deref().map(source::shown);
    let function = function.map(|name| format!(", in {name}")).unwrap_or_default();
    let likely = match objection.confidence {
        Confidence::Likely => "likely: ",
        Confidence::Certain => "",
    };
    let versions = match objection.targets == asked {
        true => String::new(),
        false => format!("; on {}", objection.targets),
    };
    format!("{likely}{}{function}{versions}", objection.message)
}

/// What the readiness script writes to its log, a line each, and whether the line is indented. It stops
/// at the first counter that is not 0; here all of them are told.
pub(super) fn script(driver: &Certification) -> Vec<(bool, String)> {
    let raised = driver.counters.iter().filter(|counted| counted.count > 0);
    let reasons = raised.map(|counted| {
        (true, format!("Reason: {}: {}", counted.counter.name().to_lowercase(), counted.count))
    });
    // It reads the names in lower case out of what `verifier /query` prints.
    let module = safe(file_name(&driver.path)).to_lowercase();
    let mut lines: Vec<_> =
        std::iter::once((false, format!("Module: {module}"))).chain(reasons).collect();
    if lines.len() == 1 {
        lines.clear();
    }
    lines
}
