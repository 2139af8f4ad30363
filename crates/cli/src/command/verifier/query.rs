//! The last run in the layout of Windows' own tool, so that what reads its text reads this.

use super::flags::FLAGS;
use super::shown::line;
use super::state::{Failing, State, Verified};
use ringfence::import::own;
use ringfence::report::{Prose, grouped, safe};
use ringfence::{Counter, Date};

/// What the tool says where nothing is verified.
pub(super) const NOTHING_VERIFIED: &str = "No drivers are currently verified.";

/// Where the numbers begin in the tool's own text.
const WIDTH: usize = 40;

/// What `/query` prints: the flags, then each driver with its counters, or with all of them in a few words where none
/// is raised and not `all` is asked for.
///
/// Programs look for `module:` in lower case, take the name before the parenthesis, and of the lines from the first
/// counter on every one with a colon as a counter. So whatever else is told stands before, or has no colon.
pub(super) fn tell(prose: &mut Prose, state: &State, all: bool) {
    prose.verbatim(format!(
        "{} the last run of `ringfence verifier`. Nothing is set on this machine.",
        own::BEGINNING
    ));
    prose.blank();
    prose.verbatim(format!("Time Stamp: {}", time_stamp(state.time)));
    prose.blank();
    flags(prose, state);
    if let Some(injected) = state.faults_injected() {
        prose.verbatim(format!("  {:<WIDTH$}  {injected}", "Faults Injected:"));
        prose.blank();
    }
    prose.verbatim("Driver Verification List");
    prose.blank();
    let mut is_open = false;
    let mut has_more = false;
    for driver in &state.drivers {
        if all || !driver.counters.is_empty() {
            if std::mem::take(&mut is_open) {
                prose.blank();
            }
            module(prose, driver);
        } else {
            in_a_line(prose, driver);
            is_open = true;
            has_more |= driver.not_counted.len() < Counter::ALL.len();
        }
    }
    if is_open {
        prose.blank();
    }
    if state.drivers_left_out > 0 {
        let more = grouped(state.drivers_left_out);
        prose.verbatim(format!("… {more} more drivers were run and are not kept"));
    }
    if has_more {
        prose.verbatim("`/query /all` shows all seven counters of each driver");
    }
}

/// A driver without a counter that is raised.
fn in_a_line(prose: &mut Prose, driver: &Verified) {
    let what = match driver.not_counted.len() {
        0 if driver.entry_failed.is_some() => own::OF_ENTRY_ZERO,
        0 if driver.stopped => own::OF_STOPPED_ZERO,
        0 => own::ALL_ZERO,
        some if some < Counter::ALL.len() => own::OF_IMAGE_ZERO,
        _ => own::NONE_KNOWN,
    };
    prose.verbatim(format!("{}: {what}", heading(driver)));
    for told in &driver.told {
        prose.folded(format!("  {}", unmistakable(told)));
    }
}

/// A driver and its counters.
pub(super) fn module(prose: &mut Prose, driver: &Verified) {
    prose.verbatim(heading(driver));
    prose.blank();
    for told in &driver.told {
        prose.folded(format!("  {}", unmistakable(told)));
    }
    if !driver.told.is_empty() {
        prose.blank();
    }
    if let Some(failed) = driver.failed_deliberately {
        prose.verbatim("  Pool Allocation Statistics:");
        prose.blank();
        let label = "Pool Allocations Failed Deliberately:";
        prose.verbatim(format!("    {label:<WIDTH$}{failed}"));
        prose.blank();
    }
    counters(prose, driver);
}

fn heading(driver: &Verified) -> String {
    let (loads, unloads) = (u8::from(driver.loaded), u8::from(driver.unloaded));
    format!("MODULE: {} (load: {loads} / unload: {unloads})", unmistakable(driver.name()))
}

/// Text that does not look like the beginning of another driver.
fn unmistakable(text: &str) -> String {
    const MARK: &str = "module:";
    let mut text = safe(text).into_owned();
    while let Some(at) = text.to_ascii_lowercase().find(MARK) {
        text.replace_range(at + MARK.len() - 1..at + MARK.len(), ";");
    }
    text
}

/// The seven counters, each with its number, or a mark where that is not known.
fn counters(prose: &mut Prose, driver: &Verified) {
    prose.verbatim("  Code Integrity Statistics:");
    prose.blank();
    for counter in Counter::ALL {
        let label = format!("{}:", counter.name());
        let count = match driver.is_counted(counter) {
            true => driver.count(counter).to_string(),
            false => own::UNKNOWN.to_owned(),
        };
        prose.verbatim(format!("    {label:<WIDTH$}{count}"));
    }
    prose.blank();
}

/// What `/querysettings` prints.
pub(super) fn settings(prose: &mut Prose, state: &State) {
    flags(prose, state);
    for (title, text) in [
        ("Boot Mode:", "None: the run was emulated, nothing boots"),
        ("Rules:", "None: rules of DDI compliance checking are not emulated"),
    ] {
        prose.verbatim(title);
        prose.blank();
        prose.folded(format!("  {text}"));
        prose.blank();
    }
    prose.verbatim("Verified Drivers:");
    prose.blank();
    for driver in &state.drivers {
        prose.verbatim(format!("  {}", driver.name()));
    }
    if state.drivers.is_empty() {
        prose.verbatim("  None");
    }
}

/// All flags, with a mark at those that are set.
fn flags(prose: &mut Prose, state: &State) {
    prose.verbatim(format!("Verifier Flags: 0x{:08X}", state.flags));
    prose.blank();
    for (title, standard) in [("Standard Flags:", true), ("Additional Flags:", false)] {
        prose.verbatim(format!("  {title}"));
        prose.blank();
        for flag in FLAGS.iter().filter(|flag| flag.is_standard() == standard) {
            prose.verbatim(format!("    {}", line(flag, state.flags)));
        }
        prose.blank();
    }
    prose.verbatim("    [X] Indicates flag is enabled.");
    prose.blank();
    if let Some((probability, failing)) = state.faults.zip(state.failing.as_ref()) {
        low_resources(prose, probability, failing);
    }
    for class in &state.classes {
        prose.verbatim(format!("  Rule class {class} is enabled too. It has no flag."));
        prose.blank();
    }
}

/// Which allocations were to fail, by the names that the tool has for it.
fn low_resources(prose: &mut Prose, probability: u32, failing: &Failing) {
    let all = |names: &[String]| match names {
        [] => "All".to_owned(),
        names => names.join(" "),
    };
    let delay = match failing.minutes {
        Some(0) => "0".to_owned(),
        Some(minutes) => format!("{minutes}, here until DriverEntry has returned"),
        None => "Default, here until DriverEntry has returned".to_owned(),
    };
    prose.verbatim("  Low Resources Simulation:");
    prose.blank();
    for (label, value) in [
        ("Probability:", probability.to_string()),
        ("Pool Tags:", all(&failing.pool_tags)),
        ("Applications:", all(&failing.applications)),
        ("Delay Minutes:", delay),
        ("Seed:", failing.seed.to_string()),
    ] {
        prose.verbatim(format!("    {label:<16}{value}"));
    }
    prose.blank();
}

/// A moment, in UTC.
fn time_stamp(seconds: u64) -> String {
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", Date::of_unix_time(seconds))
}

#[cfg(test)]
mod tests;
