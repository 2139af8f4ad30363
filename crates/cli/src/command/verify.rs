//! `ringfence verify`

use crate::arguments::{Color, Environments, Verify, VerifyFormat};
use crate::report_file::{self, Guarded};
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use ringfence::report::{
    entry_failure, has_violation, verify_json, verify_json_lines, verify_summary, verify_text,
    verify_trace,
};
use ringfence::{
    Closing, Examination, Faults, Finding, Input, RunEnd, RunEnvironment, RunSettings, Settings,
    Sink, Targets, Tool,
};
use std::cell::Cell;
use std::io;
use std::rc::Rc;

pub(crate) fn run(arguments: &Verify, color: Color) -> anyhow::Result<u8> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    if let Some(path) = &arguments.trace {
        if path.as_os_str() == "-" {
            anyhow::bail!("a trace goes to a file; standard output has the report");
        }
        report_file::spare(path, None)?;
    }
    let settings = settings(arguments);
    let options = terminal::options(color);
    let format = format_of(arguments, &inputs);
    let is_for_machines = matches!(format, VerifyFormat::Json | VerifyFormat::Jsonl);
    let manner = Manner { streams: format != VerifyFormat::Summary, is_for_machines };
    let ended = Rc::new(Ended::default());
    let report = |out| {
        let sink = match format {
            VerifyFormat::Text => verify_text(out, options),
            VerifyFormat::Summary => verify_summary(out, options, "ringfence verify --format text"),
            VerifyFormat::Json => verify_json(out),
            VerifyFormat::Jsonl => verify_json_lines(out),
        };
        Box::new(Watching { sink, ended: Rc::clone(&ended) }) as Box<dyn Sink>
    };
    let trace = arguments.trace.as_deref().map(|path| Guarded::in_file(path, verify_trace));
    let scan = scanning::run(&inputs, &settings, &manner, report, trace.into_iter().collect())?;
    let fails = ended.objected.get() || arguments.fail_unknown && ended.open.get();
    Ok(if fails { exit::OBJECTION } else { exit::of_scan(&scan, &[], false) })
}

/// Where none is asked for: everything about one driver, a summary of more.
fn format_of(arguments: &Verify, inputs: &[Input]) -> VerifyFormat {
    let is_short = is_of_several(inputs);
    arguments.format.unwrap_or(if is_short { VerifyFormat::Summary } else { VerifyFormat::Text })
}

/// Whether there may be more drivers than anyone reads in full.
pub(super) fn is_of_several(inputs: &[Input]) -> bool {
    !matches!(inputs, [only] if only.is_one_file())
}

fn settings(arguments: &Verify) -> Settings {
    let environments = match arguments.environment {
        Environments::Verifier => vec![RunEnvironment::Verifier],
        Environments::Hvci => vec![RunEnvironment::Hvci],
        Environments::Both => RunEnvironment::ALL.to_vec(),
    };
    let run = RunSettings {
        environments,
        instructions: arguments.instructions,
        faults: arguments.faults.map(|probability| Faults {
            seed: arguments.seed.into(),
            probability,
            tags: Vec::new(),
            at_once: false,
        }),
        trace: arguments.trace.is_some(),
        ..RunSettings::default()
    };
    let targets = match &arguments.target[..] {
        [] => Targets::DEFAULT,
        named => named.iter().fold(Targets::NONE, |all, one| all.union(one.targets)),
    };
    let symbols = arguments.symbols.clone();
    Settings { targets, symbols, run: Some(run), ..Settings::default() }
}

/// How the runs ended.
#[derive(Default)]
struct Ended {
    /// Whether any showed a violation, what else a finding denies or a crash that allocations which fail are to blame for,
    /// or a driver was not let in.
    objected: Cell<bool>,
    /// Whether any did not come to its end.
    open: Cell<bool>,
}

/// A report that remembers how the runs ended.
struct Watching<'a> {
    sink: Box<dyn Sink + 'a>,
    ended: Rc<Ended>,
}

impl Sink for Watching<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.sink.begin(tool, targets)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        for run in &examination.runs {
            match run.end {
                _ if has_violation(run) || run.lacks_what_failed() => self.ended.objected.set(true),
                RunEnd::Returned if entry_failure(run).is_some() => self.ended.open.set(true),
                RunEnd::Returned => {}
                RunEnd::Violation | RunEnd::Refused => self.ended.objected.set(true),
                RunEnd::Fault | RunEnd::Budget | RunEnd::NotEmulated => self.ended.open.set(true),
            }
        }
        // Memory integrity watches CR0.WP: the run goes on, and the driver is no good.
        let is_denied =
            |finding: &Finding| !finding.seen.is_empty() && !finding.questions.is_empty();
        if examination.findings.iter().any(is_denied) {
            self.ended.objected.set(true);
        }
        self.sink.driver(examination)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.sink.finish(closing)
    }
}
