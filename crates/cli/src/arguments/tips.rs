//! What is meant by options and formats that ringfence has under another name. Likeness of letters would suggest
//! what merely looks like them.

use clap::Error;
use clap::error::{ContextKind, ContextValue};
use ringfence::report::Format;
use ringfence::similar;

/// What formats are called elsewhere.
const ELSEWHERE: [(&str, Format); 6] = [
    ("xml", Format::Junit),
    ("md", Format::Markdown),
    ("text", Format::Full),
    ("msbuild", Format::Msvc),
    ("annotations", Format::Github),
    ("ndjson", Format::Jsonl),
];

/// Options by which other programs take the file to write.
const OUTPUTS: [&str; 4] = ["--output", "--output-file", "--out", "--report-file"];

/// Puts better tips into an error about `ringfence scan`.
pub(super) fn mend(error: &mut Error) {
    sort_by_likeness(error);
    let is_scan = error
        .get(ContextKind::Usage)
        .is_some_and(|usage| usage.to_string().contains("ringfence scan"));
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let Some(argument) = text(ContextKind::InvalidArg) else { return };
    if let Some(value) = text(ContextKind::InvalidValue) {
        if argument.starts_with("--format ")
            && let Some(meant) = elsewhere(&value)
            && possible(error, meant)
        {
            let meant = ContextValue::String(meant.to_string());
            error.insert(ContextKind::SuggestedValue, meant);
        }
    } else if is_scan && let Some(tip) = option(&argument) {
        if error.remove(ContextKind::SuggestedArg).is_some() {
            // It is about the option that only looks like what was typed.
            error.remove(ContextKind::Usage);
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
}

/// Puts the command that is most like the one typed first, where clap has it last, and drops those that are far behind.
fn sort_by_likeness(error: &mut Error) {
    let (Some(ContextValue::String(typed)), Some(ContextValue::Strings(known))) =
        (error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::SuggestedSubcommand))
    else {
        return;
    };
    let sorted: Vec<String> =
        similar(typed, known.iter().map(String::as_str)).into_iter().map(str::to_owned).collect();
    let sorted = match sorted.is_empty() {
        true => known.iter().rev().cloned().collect(),
        false => sorted,
    };
    error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(sorted));
}

fn elsewhere(name: &str) -> Option<Format> {
    let known = ELSEWHERE.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, format)| format)
}

/// Whether the option takes this format: `calls` and `list` have others.
fn possible(error: &Error, format: Format) -> bool {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => values.iter().any(|value| value == format.name()),
        _ => false,
    }
}

/// What to say instead of an option that there is not.
fn option(argument: &str) -> Option<String> {
    let name = argument.split('=').next().unwrap_or(argument);
    if OUTPUTS.contains(&name) || name == "-o" {
        return Some("to write a report to a file: --report FORMAT=FILE".to_owned());
    }
    let name = name.strip_prefix("--")?;
    let format = name.parse::<Format>().ok().or_else(|| elsewhere(name))?;
    Some(format!("to write a file: --report {format}=FILE; to print it: --format {format}"))
}
