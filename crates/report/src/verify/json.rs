//! Runs for programs: one document, a line for each driver and set-up, or a line for each event.

use crate::Sink;
use crate::json::{Json, escaped};
use ringfence_finding::{
    BugCheck, Closing, DriverRun, Examination, Fault, Finding, LeftOut, RunEnvironment, Targets,
    Tool, TraceLine, Unread, Verdict,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};

/// All that `verify` says.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "its schema is made from it; it is written field by field")]
pub(crate) struct VerifyReport<'a> {
    /// The version of this format: 1.
    report_version: u32,
    /// What wrote it.
    tool: Tool,
    /// The Windows versions that the answers are about.
    #[schemars(with = "Vec<String>")]
    targets: Targets,
    /// The runs: each driver in each set-up.
    runs: Vec<Ran<'a>>,
    /// What could not be read.
    unread: Vec<Unread>,
    /// What went wrong in ringfence itself.
    faults: Vec<Fault>,
    /// Files that are no drivers, counted.
    left_out: LeftOut,
}

/// One driver in one set-up.
#[derive(Serialize, JsonSchema)]
struct Ran<'a> {
    /// The name it was found under.
    path: &'a str,
    /// The set-up.
    environment: RunEnvironment,
    /// SHA-256 of the whole file in lower-case hexadecimal.
    sha256: Option<&'a str>,
    /// `x64`, `arm64` and so on.
    machine: &'a str,
    /// What became of it.
    run: &'a DriverRun,
    /// What is seen in this set-up.
    findings: Vec<&'a Finding>,
    /// The bug check that Windows would show; null where there is none.
    bugcheck: Option<&'a BugCheck>,
    /// What follows from all that is known of the driver.
    verdict: &'a Verdict,
}

fn ran(examination: &Examination) -> impl Iterator<Item = Ran<'_>> {
    examination.runs.iter().map(|run| {
        let is_seen = |finding: &&Finding| {
            finding.seen.iter().any(|seen| seen.environment == run.environment)
        };
        Ran {
            path: &examination.path,
            environment: run.environment,
            sha256: examination.sha256.as_deref(),
            machine: &examination.machine,
            run,
            findings: examination.findings.iter().filter(is_seen).collect(),
            bugcheck: run.bugcheck.as_ref(),
            verdict: &examination.verdict,
        }
    })
}

pub(super) struct Document<'a>(Json<'a>);

impl<'a> Document<'a> {
    pub(super) fn new(out: Box<dyn Write + 'a>) -> Document<'a> {
        Document(Json::new(out))
    }
}

impl Sink for Document<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.0.open(tool)?;
        self.0.more("targets", &targets)?;
        self.0.list("runs")
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        ran(examination).try_for_each(|ran| self.0.element(&ran))
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.0.end_list()?;
        self.0.more("unread", &closing.unread)?;
        self.0.more("faults", &closing.faults)?;
        self.0.more("left_out", &closing.left_out)?;
        self.0.close()
    }
}

pub(super) struct Lines<'a>(Box<dyn Write + 'a>);

impl<'a> Lines<'a> {
    pub(super) fn new(out: Box<dyn Write + 'a>) -> Lines<'a> {
        Lines(out)
    }
}

/// Writes one line that is harmless on a terminal.
fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    out.write_all(escaped(&text).as_bytes())?;
    out.write_all(b"\n")
}

impl Sink for Lines<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        ran(examination).try_for_each(|ran| line(&mut self.0, &ran))
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        self.0.flush()
    }
}

/// One event of a run: a line of a trace.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Traced<'a> {
    /// The driver, as it was named.
    path: &'a str,
    /// The set-up.
    environment: RunEnvironment,
    /// What happened.
    #[serde(flatten)]
    line: &'a TraceLine,
}

pub(super) struct Trace<'a>(Box<dyn Write + 'a>);

impl<'a> Trace<'a> {
    pub(super) fn new(out: Box<dyn Write + 'a>) -> Trace<'a> {
        Trace(out)
    }
}

impl Sink for Trace<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let path = &*examination.path;
        for run in &examination.runs {
            let environment = run.environment;
            for one in &run.trace {
                line(&mut self.0, &Traced { path, environment, line: one })?;
            }
            if run.trace_left_out > 0 {
                let left_out = TraceLine::LeftOut { events: run.trace_left_out };
                line(&mut self.0, &Traced { path, environment, line: &left_out })?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        self.0.flush()
    }
}
