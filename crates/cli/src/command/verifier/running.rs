//! Drivers that are run, as the real tool would have them checked.

use super::asked::{Check, Line};
use super::flags::{FLAGS, undocumented};
use super::shown;
use super::state::{self, State, Verified};
use crate::arguments::Color;
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use ringfence::report::{safe, verify_text};
use ringfence::{
    Closing, Counter, DriverRun, Examination, Input, RunEnd, RunEnvironment, RunSettings, Settings,
    Sink, Targets, Tool,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What every answer begins with.
pub(super) const EMULATED: &str = "Driver Verifier, emulated: nothing is set on this machine, and nothing of a driver runs on it.\n";

/// Which allocations fail follows from it, so that each run is like the last.
const SEED: u64 = 0x5EED;
/// Names of drivers in the line for the real tool; with more of them it says so.
const MOST_NAMED: usize = 100;

/// Runs the drivers, tells what was seen, and keeps it for `/query`.
pub(super) fn run(check: &Check, line: &Line, color: Color) -> anyhow::Result<u8> {
    let mut text = format!("{EMULATED}\n{}", asked_flags(check));
    text += &sentences(line);
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    drop(stdout);

    let inputs: Vec<_> = check.inputs.iter().map(|input| Input::parse(input)).collect();
    let options = terminal::options(color);
    let kept =
        Rc::new(RefCell::new(State::new(check.flags, check.classes.clone(), check.faults, now())));
    let ended = Rc::new(RefCell::new(false));
    let report = |out| {
        let (kept, ended) = (Rc::clone(&kept), Rc::clone(&ended));
        Box::new(Keeping { sink: verify_text(out, options), kept, ended }) as Box<dyn Sink>
    };
    let manner = Manner { streams: true, is_for_machines: false };
    let scan = scanning::run(&inputs, &settings(check), &manner, report, Vec::new())?;

    let state = kept.take();
    let mut text = "\n".to_owned();
    if check.log_code_integrity {
        for driver in &state.drivers {
            text += &shown::module(driver);
        }
    }
    text += &format!("On Windows: {}\n", real_line(check, line, &state));
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    if let Err(error) = state::place().and_then(|place| state.write(&place)) {
        terminal::complain(&format!("warning: {error}"));
    }
    let objected = *ended.borrow();
    Ok(if objected { exit::OBJECTION } else { exit::of_scan(&scan, &[], false) })
}

fn settings(check: &Check) -> Settings {
    let run = RunSettings {
        environments: vec![RunEnvironment::Verifier],
        faults: check.faults.map(|probability| (SEED, probability)),
        ..RunSettings::default()
    };
    Settings { run: Some(run), excluded: check.excluded.clone(), ..Settings::default() }
}

fn now() -> u64 {
    // A clock before 1970 is wrong anyway.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What is said where the flags ask for nothing that is emulated.
pub(super) fn not_emulated(check: &Check, line: &Line) -> String {
    let mut text = format!("{EMULATED}\n{}", asked_flags(check));
    text += &sentences(line);
    text += "Nothing was run: without the code integrity checks (0x02000000) there is nothing to see in the emulated \
             kernel.\nTo run them: ringfence verifier /flags ";
    let named = if check.all { "/all" } else { "/driver" };
    let inputs = check.inputs.iter().map(|input| safe(&input.to_string_lossy()).into_owned());
    let inputs: Vec<_> = inputs.collect();
    text += &format!("0x{:08X} {named} {}\n", check.flags | 0x0200_0000, inputs.join(" "));
    text += &format!("On Windows: {}\n", real_line(check, line, &State::default()));
    text
}

/// The flags that were given, with what becomes of each.
fn asked_flags(check: &Check) -> String {
    let mut text = format!("Verifier Flags: 0x{:08X}\n\n", check.flags);
    for flag in FLAGS.iter().filter(|flag| check.flags & flag.mask() != 0) {
        text += &format!("  {}\n", shown::line(flag, check.flags));
        if !flag.is_emulated() {
            text += &format!("      not emulated; on Windows {}\n", flag.checks);
        }
    }
    for bit in undocumented(check.flags) {
        text += &format!("  bit {bit} is not documented, and not emulated\n");
    }
    for class in &check.classes {
        text += &format!("  rule class {class}, WDF verification, is not emulated\n");
    }
    if let Some(probability) = check.faults {
        text += &format!("  {probability} of 10,000 allocations fail, the same ones in each run\n");
    }
    text.push('\n');
    text
}

/// What is said of switches that do nothing here.
pub(super) fn sentences(line: &Line) -> String {
    let mut text = String::new();
    for told in &line.told {
        for one in shown::filled(told, 100) {
            text += &format!("{one}\n");
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The line for the real tool: flags in one form, bare names, and what else was given.
fn real_line(check: &Check, line: &Line, state: &State) -> String {
    let mut words = vec!["verifier.exe".to_owned()];
    if check.classes.is_empty() {
        words.push(format!("/flags 0x{:08X}", check.flags));
    } else {
        let of_flags = FLAGS.iter().filter(|flag| check.flags & flag.mask() != 0);
        let classes = of_flags.map(|flag| flag.bit + 1).chain(check.classes.iter().copied());
        let classes: Vec<String> = classes.map(|class| class.to_string()).collect();
        words.push(format!("/ruleclasses {}", classes.join(" ")));
    }
    if check.all {
        words.push("/all".to_owned());
        if !check.excluded.is_empty() {
            words.push(format!("/driver.exclude {}", check.excluded.join(" ")));
        }
    } else {
        words.push("/driver".to_owned());
        words.extend(names(check, state));
    }
    words.extend(line.others.iter().cloned());
    words.join(" ")
}

/// The names of the drivers, each once: of those that were run, or else of those given.
fn names(check: &Check, state: &State) -> Vec<String> {
    let given = check.inputs.iter().map(|input| input.to_string_lossy().into_owned());
    let run: Vec<String> = state.drivers.iter().map(|driver| driver.path.clone()).collect();
    let paths = if run.is_empty() { given.collect() } else { run };
    let mut names: Vec<String> = Vec::new();
    for path in &paths {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let name = match safe(name).into_owned() {
            spaced if spaced.contains(' ') => format!("\"{spaced}\""),
            name => name,
        };
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() == MOST_NAMED {
            names.push("…".to_owned());
            break;
        }
    }
    names
}

/// A report that keeps what was seen.
struct Keeping<'a> {
    sink: Box<dyn Sink + 'a>,
    kept: Rc<RefCell<State>>,
    /// Whether any run showed a violation.
    ended: Rc<RefCell<bool>>,
}

impl Sink for Keeping<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.sink.begin(tool, targets)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        if let Some(run) = examination.runs.first() {
            if matches!(run.end, RunEnd::Violation | RunEnd::Refused) {
                *self.ended.borrow_mut() = true;
            }
            self.kept.borrow_mut().keep(verified(examination, run));
        }
        self.sink.driver(examination)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.sink.finish(closing)
    }
}

fn verified(examination: &Examination, run: &DriverRun) -> Verified {
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    for finding in &examination.findings {
        let seen = finding.seen.iter().filter(|seen| seen.environment == run.environment);
        let times: u64 = seen.map(|seen| seen.count).sum();
        let counter = finding.aliases.iter().find_map(|name| Counter::named(name));
        if let (Some(counter), 1..) = (counter, times) {
            *counters.entry(counter.name().to_owned()).or_default() += times;
        }
    }
    let returned = |name: &str| run.phases.iter().any(|phase| phase.name == name);
    let ended_there = run.phases.last().is_some_and(|phase| phase.name == "DriverUnload")
        && matches!(run.end, RunEnd::Fault | RunEnd::Budget | RunEnd::NotEmulated);
    Verified {
        path: examination.path.clone(),
        loaded: returned("DriverEntry"),
        unloaded: returned("DriverUnload") && !ended_there,
        incomplete: incomplete(run),
        counters,
    }
}

/// Why a run says less than all there would be to say.
fn incomplete(run: &DriverRun) -> Option<String> {
    let because = || run.because.as_deref().unwrap_or_default();
    match run.end {
        RunEnd::Refused => Some(format!("not loaded: {}", because())),
        RunEnd::NotEmulated => Some(format!("not emulated: {}", because())),
        RunEnd::Budget => Some(format!("it ended before its end, {}", because())),
        RunEnd::Fault => Some("the driver stopped the system for another reason".to_owned()),
        RunEnd::Returned | RunEnd::Violation if !run.invented.is_empty() => {
            Some("results of kernel functions that are not modelled were invented".to_owned())
        }
        RunEnd::Returned | RunEnd::Violation => None,
    }
}
