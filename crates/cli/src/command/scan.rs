//! `ringfence scan`

use crate::arguments::{Color, Scan};
use crate::progress::ProgressLine;
use crate::{exit, terminal};
use anyhow::Context;
use ringfence::report::{Format, safe, sink};
use ringfence::{Closing, Examination, Input, Progress, Settings, Sink, Stage, Targets, Tool};
use std::cell::RefCell;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

pub(crate) fn run(arguments: &Scan, color: Color) -> anyhow::Result<u8> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    let settings = Settings {
        targets: arguments.target.iter().copied().fold(Targets::NONE, Targets::union),
        code_analysis: arguments.code_analysis,
        hash: !arguments.no_hash,
        threads: usize::from(arguments.threads),
    };
    let format = arguments.format.unwrap_or_else(|| default_format(&inputs));
    let stdout = io::stdout();
    let streams = stdout.is_terminal() && !matches!(format, Format::Summary);
    let progress = RefCell::new(ProgressLine::new(streams));
    let scan = {
        let out = BufWriter::with_capacity(1 << 16, stdout);
        let report = sink(format, Box::new(out), terminal::options(color));
        let mut sink = AfterProgress { report, progress: &progress };
        let show = |now: Progress<'_>| progress.borrow_mut().show(now);
        match ringfence::scan(&inputs, &settings, &mut sink, show) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(error.into()),
            other => other.context("cannot write the report")?,
        }
    };
    complain(&scan, format);
    if arguments.timings {
        tell_timings(&scan);
    }
    Ok(exit::of_scan(&scan.closing, &arguments.gate, arguments.fail_unknown))
}

/// A report that ends below where the progress line was, not behind it.
struct AfterProgress<'a> {
    report: Box<dyn Sink + 'a>,
    progress: &'a RefCell<ProgressLine>,
}

impl Sink for AfterProgress<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.report.begin(tool, targets)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.report.driver(examination)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.progress.borrow_mut().clear();
        self.report.finish(closing)
    }
}

/// One file is told in full, more of them in tables.
fn default_format(inputs: &[Input]) -> Format {
    match inputs {
        [only] if only.is_one_file() => Format::Full,
        _ => Format::Summary,
    }
}

/// Says on standard error what the report itself does not tell: machine formats keep to drivers, and
/// no format lists what was left out.
fn complain(scan: &ringfence::Scan, format: Format) {
    let mut stderr = io::stderr().lock();
    // Where standard error is gone nobody is left to tell; the exit code still says it.
    if format.is_for_machines() {
        for unread in &scan.closing.unread {
            let _ = writeln!(
                stderr,
                "error: cannot read {}: {}",
                safe(&unread.path),
                safe(&unread.reason)
            );
        }
        for fault in &scan.closing.faults {
            let _ = writeln!(
                stderr,
                "internal: {} failed on {}, please report: {}",
                fault.rule,
                safe(&fault.path),
                safe(&fault.message)
            );
        }
    }
    for left_out in &scan.left_out_by_name {
        let _ = writeln!(stderr, "left out {}: {}", safe(&left_out.path), safe(&left_out.reason));
    }
}

fn tell_timings(scan: &ringfence::Scan) {
    let mut stderr = io::stderr().lock();
    for stage in Stage::ALL {
        let milliseconds = scan.timings.of(stage).as_secs_f64() * 1e3;
        let _ = writeln!(stderr, "{:<7} {milliseconds:>10.2} ms", stage.name());
    }
    let elapsed = scan.closing.elapsed.as_secs_f64() * 1e3;
    let _ = writeln!(stderr, "elapsed {elapsed:>10.2} ms (stages add up over all threads)");
}
