//! Flags, drivers and counters in the layout of Windows' own tool, so that what reads its text reads this.

use super::flags::{FLAGS, Flag, WDF_CLASS};
use super::state::{State, Verified};
use super::switches::SWITCHES;
use ringfence::report::safe;
use ringfence::{Counter, Date};

/// What the tool says where nothing is verified.
pub(super) const NOTHING_VERIFIED: &str = "No drivers are currently verified.";

/// What `/query` prints: the flags, then each driver with its counters.
///
/// Programs look for `module:` in lower case, take the name before the parenthesis, and of the lines from the first
/// counter on every one with a colon as a counter. So whatever else is told stands before.
pub(super) fn query(state: &State) -> String {
    let mut text = format!(
        "Emulated: the last run of `ringfence verifier`. Nothing is set on this machine.\n\n\
         Time Stamp: {}\n\n",
        time_stamp(state.time)
    );
    text += &flags(state);
    text += "Driver Verification List\n\n";
    for driver in &state.drivers {
        text += &module(driver);
    }
    if state.drivers_left_out > 0 {
        text += &format!("… {} more drivers were run and are not kept\n", state.drivers_left_out);
    }
    text
}

/// A driver and its counters.
pub(super) fn module(driver: &Verified) -> String {
    let (loads, unloads) = (u8::from(driver.loaded), u8::from(driver.unloaded));
    let name = unmistakable(driver.name());
    let mut text = format!("MODULE: {name} (load: {loads} / unload: {unloads})\n\n");
    if let Some(why) = &driver.incomplete {
        text += &format!("  The run says less than all: {}\n\n", unmistakable(why));
    }
    text += &counters(driver);
    text
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

/// The seven counters, each with its number.
fn counters(driver: &Verified) -> String {
    /// Where the numbers begin in the tool's own text.
    const WIDTH: usize = 40;
    let mut text = "  Code Integrity Statistics:\n\n".to_owned();
    for counter in Counter::ALL {
        let label = format!("{}:", counter.name());
        text += &format!("    {label:<WIDTH$}{}\n", driver.count(counter));
    }
    text.push('\n');
    text
}

/// What `/querysettings` prints.
pub(super) fn settings(state: &State) -> String {
    let mut text = flags(state);
    text += "Boot Mode:\n\n  None: the run was emulated, nothing boots\n\n";
    text += "Rules:\n\n  None: rules of DDI compliance checking are not emulated\n\n";
    text += "Verified Drivers:\n\n";
    match &state.drivers[..] {
        [] => text += "  None\n",
        drivers => {
            for driver in drivers {
                text += &format!("  {}\n", safe(driver.name()));
            }
        }
    }
    text
}

/// All flags, with a mark at those that are set.
pub(super) fn flags(state: &State) -> String {
    let mut text = format!("Verifier Flags: 0x{:08X}\n\n", state.flags);
    for (title, standard) in [("Standard Flags:", true), ("Additional Flags:", false)] {
        text += &format!("  {title}\n\n");
        for flag in FLAGS.iter().filter(|flag| flag.is_standard() == standard) {
            text += &format!("    {}\n", line(flag, state.flags));
        }
        text.push('\n');
    }
    text += "    [X] Indicates flag is enabled.\n\n";
    if state.classes.contains(&WDF_CLASS) {
        text += &format!("  Rule class {WDF_CLASS} is enabled too. It has no flag.\n\n");
    }
    text
}

/// A flag as the tool lists it.
pub(super) fn line(flag: &Flag, flags: u32) -> String {
    let mark = if flags & flag.mask() != 0 { 'X' } else { ' ' };
    format!("[{mark}] 0x{:08X} {}.", flag.mask(), flag.name)
}

/// A moment, in UTC.
fn time_stamp(seconds: u64) -> String {
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", Date::of_unix_time(seconds))
}

/// What `/?` prints: every switch with what becomes of it.
pub(super) fn help() -> String {
    let mut text = "\
SYNTAX:

    ringfence verifier {/? | /help}
    ringfence verifier {/standard | /flags VALUE... | /ruleclasses ID...} /driver FILE...
    ringfence verifier {/standard | /flags VALUE... | /ruleclasses ID...} /all [FOLDER...]
    ringfence verifier /query
    ringfence verifier /querysettings
    ringfence verifier /reset

Drivers run in an emulated kernel: nothing is set on this machine, and nothing of a driver
runs on it. To check the code integrity of a driver:

    ringfence verifier /flags 0x02000000 /driver example.sys

PARAMETERS:

"
    .to_owned();
    for switch in &SWITCHES {
        let takes = if switch.takes.is_empty() { "" } else { " " };
        text += &format!("    /{}{takes}{}\n", switch.name, switch.takes);
        for line in filled(switch.about, 80) {
            text += &format!("        {line}\n");
        }
        text.push('\n');
    }
    text += "FLAGS, with those that are emulated marked:\n\n";
    for flag in &FLAGS {
        let mark = if flag.is_emulated() { '*' } else { ' ' };
        text +=
            &format!("  {mark} 0x{:08X} (class {:>2}) {}\n", flag.mask(), flag.bit + 1, flag.name);
    }
    text
}

/// `text` in lines of at most `width` columns, broken at spaces.
pub(super) fn filled(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if last == 0 => line.push_str(word),
            Some(line) if last + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new(0x0200_0004, vec![34], Some(600), 1_764_396_621);
        let counters = [
            (Counter::ExecutePoolType.name().to_owned(), 2),
            (Counter::ExecutableImportTable.name().to_owned(), 1),
        ];
        state.keep(Verified {
            path: "out/Sample.sys".to_owned(),
            loaded: true,
            unloaded: true,
            counters: counters.into(),
            ..Verified::default()
        });
        state.keep(Verified {
            path: "C:\\x\\kmdf.sys".to_owned(),
            loaded: true,
            incomplete: Some("not emulated: KMDF".to_owned()),
            ..Verified::default()
        });
        state
    }

    #[test]
    fn query_reads_as_the_tools_own() {
        let expected = "\
Emulated: the last run of `ringfence verifier`. Nothing is set on this machine.

Time Stamp: 2025-11-29 06:10:21 UTC

Verifier Flags: 0x02000004

  Standard Flags:

    [ ] 0x00000001 Special pool.
    [ ] 0x00000002 Force IRQL checking.
    [ ] 0x00000008 Pool tracking.
    [ ] 0x00000010 I/O verification.
    [ ] 0x00000020 Deadlock detection.
    [ ] 0x00000080 DMA checking.
    [ ] 0x00000100 Security checks.
    [ ] 0x00000800 Miscellaneous checks.
    [ ] 0x00020000 DDI compliance checking.

  Additional Flags:

    [X] 0x00000004 Randomized low resources simulation.
    [ ] 0x00000200 Force pending I/O requests.
    [ ] 0x00000400 IRP logging.
    [ ] 0x00002000 Invariant MDL checking for stack.
    [ ] 0x00004000 Invariant MDL checking for driver.
    [ ] 0x00008000 Power framework delay fuzzing.
    [ ] 0x00010000 Port/miniport interface checking.
    [ ] 0x00040000 Systematic low resources simulation.
    [ ] 0x00080000 DDI compliance checking (additional).
    [ ] 0x00200000 NDIS/WIFI verification.
    [ ] 0x00800000 Kernel synchronization delay fuzzing.
    [ ] 0x01000000 VM switch verification.
    [X] 0x02000000 Code integrity checks.

    [X] Indicates flag is enabled.

  Rule class 34 is enabled too. It has no flag.

Driver Verification List

MODULE: Sample.sys (load: 1 / unload: 1)

  Code Integrity Statistics:

    Execute Pool Type Count:                2
    Execute Page Protection Count:          0
    Execute Page Mapping Count:             0
    Execute-Write Section Count:            0
    Section Alignment Failures:             0
    Unsupported Relocs Count:               0
    IAT in Executable Section Count:        1

MODULE: kmdf.sys (load: 1 / unload: 0)

  The run says less than all: not emulated: KMDF

  Code Integrity Statistics:

    Execute Pool Type Count:                0
    Execute Page Protection Count:          0
    Execute Page Mapping Count:             0
    Execute-Write Section Count:            0
    Section Alignment Failures:             0
    Unsupported Relocs Count:               0
    IAT in Executable Section Count:        0

";
        assert_eq!(query(&state()), expected);
    }

    /// What Microsoft's readiness script does with the text: lower case, split at `module:`, the name before the
    /// parenthesis, and the first line from the first counter on whose number is not 0.
    fn as_the_script_reads(text: &str) -> Vec<(String, Option<String>)> {
        let text = text.to_lowercase();
        let from = text.find("module:").expect("there are modules");
        let modules = text[from..].split("module:").filter(|part| !part.trim().is_empty());
        let reason = |module: &str| {
            let counters = &module[module.find("code integrity statistics:")?..];
            let counters = &counters[counters.find("execute pool type count:")?..];
            let mut failing = counters.lines().filter(|line| {
                let parts: Vec<_> = line.split(':').collect();
                parts.len() == 2 && parts[1].trim() != "0"
            });
            failing.next().map(|line| line.split(':').next().unwrap_or(line).trim().to_owned())
        };
        let name = |module: &str| module.split('(').next().unwrap_or(module).trim().to_owned();
        modules.map(|module| (name(module), reason(module))).collect()
    }

    #[test]
    fn programs_that_read_the_tools_text_read_it() {
        let mut state = state();
        state.drivers_left_out = 3;
        let failing = ("sample.sys".to_owned(), Some("execute pool type count".to_owned()));
        assert_eq!(as_the_script_reads(&query(&state)), [failing, ("kmdf.sys".to_owned(), None)]);
    }

    /// A name from a file must not bring lines of its own.
    #[test]
    fn a_hostile_name_is_one_line() {
        let path = "a\nMODULE: b.sys (".to_owned();
        let incomplete = Some("no module: x".to_owned());
        let text = module(&Verified { path, incomplete, ..Verified::default() });
        assert_eq!(text.to_lowercase().matches("module:").count(), 1, "{text}");
    }

    #[test]
    fn settings_name_drivers_and_what_there_is_not() {
        let text = settings(&state());
        assert!(
            text.starts_with(
                "Verifier Flags: 0x02000004\n\n  Standard Flags:\n\n    [ ] 0x00000001"
            )
        );
        let end = "Verified Drivers:\n\n  Sample.sys\n  kmdf.sys\n";
        assert!(
            text.contains("Boot Mode:") && text.contains("Rules:") && text.ends_with(end),
            "{text}"
        );
        assert!(settings(&State::default()).ends_with("Verified Drivers:\n\n  None\n"));
    }

    #[test]
    fn help_tells_every_switch_within_the_width() {
        let help = help();
        for switch in &SWITCHES {
            assert!(help.contains(&format!("    /{}", switch.name)), "{}", switch.name);
        }
        assert!(help.contains("* 0x02000000 (class 26) Code integrity checks\n"));
        assert!(help.lines().all(|line| line.chars().count() <= 90), "{help}");
    }
}
