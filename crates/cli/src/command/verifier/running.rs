//! Drivers that are run, as the real tool would have them checked.

use super::asked::{Check, Line};
use super::state::{self, State};
use super::verified::{has_run, verified};
use super::{faults, query, real, shown};
use crate::command::verify::is_of_several;
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use ringfence::report::{
    Options, Prose, counted, grouped, has_violation, verify_summary, verify_text,
};
use ringfence::{
    Closing, Examination, Faults, Input, RunEnd, RunEnvironment, RunSettings, Settings, Sink,
    Targets, Tool,
};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What tells all of drivers that were left out of the table.
const WHOLE: &str = "ringfence verify --environment verifier --format text FILE...";

/// Runs the drivers, tells what was seen, and keeps it for `/query`.
pub(super) fn run(check: &Check, line: &Line, options: &Options) -> anyhow::Result<u8> {
    let seed = check.faults.is_some().then(faults::seed).transpose()?;
    let mut prose = Prose::new(options);
    shown::beginning(&mut prose);
    shown::asked(&mut prose, check, seed);
    shown::sentences(&mut prose, line);
    super::write(prose)?;

    let faults = check.faults.as_ref().zip(seed);
    let mut state = State::new(check.flags, check.classes.clone(), now());
    state.set_faults(faults);
    let faults = faults.map(|(failing, seed)| failing.with_seed(seed));
    let course = Rc::new(RefCell::new(Course { state, ..Course::default() }));
    let inputs = inputs(check);
    let several = is_of_several(&inputs);
    let report = |out| {
        let sink = match several {
            true => verify_summary(out, options.clone(), WHOLE),
            false => verify_text(out, options.clone()),
        };
        let course = Rc::clone(&course);
        Box::new(Keeping { sink, course }) as Box<dyn Sink>
    };
    let manner = Manner { streams: !several, is_for_machines: false };
    let scan = scanning::run(&inputs, &settings(check, faults), &manner, report, Vec::new())?;

    let course = course.take();
    let mut prose = Prose::new(options);
    prose.blank();
    end(&mut prose, check, line, &course);
    unread(&mut prose, check, &scan.closing);
    super::write(prose)?;
    if let Err(error) = state::place().and_then(|place| course.state.write(&place)) {
        terminal::complain(&format!("warning: {error}"));
    }
    Ok(match exit::of_scan(&scan, &[], false) {
        _ if course.objected => exit::OBJECTION,
        exit::FINE if !course.has_run => exit::NOTHING,
        code => code,
    })
}

/// What is said below the report.
fn end(prose: &mut Prose, check: &Check, line: &Line, course: &Course) {
    let drivers = &course.state.drivers;
    if check.log_code_integrity && check.checks_code_integrity() {
        for driver in drivers {
            query::module(prose, driver);
        }
    } else if let Some(stop) = &course.stop {
        prose.folded(format!(
            "Windows would stop at the first violation, with {stop}, and show no more; the emulation goes on. With \
             /log.code_integrity Windows goes on too, and counts."
        ));
        prose.blank();
    }
    if let (Some(injected), true) = (course.state.faults_injected(), drivers.len() > 1) {
        let of = drivers.iter().filter(|driver| driver.failed_deliberately > Some(0)).count();
        prose.folded(format!(
            "Allocations made to fail: {}, in {} of {}; `ringfence verifier /query` tells each.",
            grouped(injected as usize),
            grouped(of),
            counted(drivers.len(), "driver")
        ));
        prose.blank();
    }
    if drivers.len() > 1 {
        prose.folded(
            "All of one, with instruction and stack: ringfence verify --environment verifier FILE",
        );
        prose.blank();
    }
    if !drivers.is_empty() && !course.has_run && check.checks_code_integrity() {
        prose.folded(match &drivers[..] {
            // Its DriverEntry was left off.
            [only] if only.loaded => {
                "DriverEntry was not run to its end, so what the driver's calls would be counted for is not known."
            }
            [_] => "The driver was not run, so what its calls would be counted for is not known.",
            _ if drivers.iter().any(|driver| driver.loaded) => {
                "None of the drivers was run to the end of DriverEntry, so what their calls would be counted for is not known."
            }
            _ => "None of the drivers was run, so what their calls would be counted for is not known.",
        });
        prose.blank();
    }
    if !drivers.is_empty() {
        let names = real::names(drivers.iter().map(|driver| &*driver.path));
        prose.verbatim(format!("On Windows: {}", real::line(check, line, &names)));
    }
}

/// What is behind bare names that are no files here. On Windows they would be names of drivers.
pub(super) fn unread(prose: &mut Prose, check: &Check, closing: &Closing) {
    let is_bare = |name: &str| !name.contains(['/', '\\', '*', '?']);
    let given = |name: &str| check.inputs.iter().any(|input| input.to_string_lossy() == name);
    for unread in &closing.unread {
        let name = &*unread.path;
        if !check.all && is_bare(name) && given(name) && !std::path::Path::new(name).exists() {
            prose.folded(format!(
                "{name}: on Windows /driver takes the bare name of a driver that is installed; here it takes the path \
                 of a file, such as /driver build/{name}"
            ));
        }
    }
}

pub(super) fn inputs(check: &Check) -> Vec<Input> {
    check.inputs.iter().map(|input| Input::parse(input)).collect()
}

fn settings(check: &Check, faults: Option<Faults>) -> Settings {
    let run = RunSettings {
        environments: vec![RunEnvironment::Verifier],
        faults,
        code_integrity_checks: check.checks_code_integrity(),
        ..RunSettings::default()
    };
    Settings { run: Some(run), excluded: check.excluded.clone(), ..Settings::default() }
}

fn now() -> u64 {
    // A clock before 1970 is wrong anyway.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What was seen of all drivers.
#[derive(Default)]
struct Course {
    state: State,
    /// Whether the code of any driver came to run.
    has_run: bool,
    /// Whether any run showed a violation or a crash that allocations which fail are to blame for, or an image was not
    /// let in.
    objected: bool,
    /// The first bug check that Windows would show.
    stop: Option<String>,
}

/// A report that keeps what was seen.
struct Keeping<'a> {
    sink: Box<dyn Sink + 'a>,
    course: Rc<RefCell<Course>>,
}

impl Sink for Keeping<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.sink.begin(tool, targets)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        if let Some(run) = examination.runs.first() {
            let mut course = self.course.borrow_mut();
            course.objected |=
                has_violation(run) || run.lacks_what_failed() || run.end == RunEnd::Refused;
            // The others end the emulation too.
            if let Some(stop) = run.stops.first().filter(|stop| !stop.ends_the_run) {
                let check = &stop.bugcheck;
                course.stop.get_or_insert_with(|| {
                    let name = examination.path.rsplit(['/', '\\']).next().unwrap_or_default();
                    format!("bug check {check} for {name}")
                });
            }
            course.has_run |= has_run(run);
            course.state.keep(verified(examination, run));
        }
        self.sink.driver(examination)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.sink.finish(closing)
    }
}
