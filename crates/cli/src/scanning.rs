//! A scan whose report goes to standard output: progress meanwhile, troubles on standard error.

use crate::progress::ProgressLine;
use crate::report_file::{Guarded, Several, reason};
use crate::terminal;
use anyhow::Context;
use ringfence::report::{idle_acceptances, safe};
use ringfence::{
    Closing, Examination, Fault, Input, Progress, Scan, Settings, Sink, Targets, Tool,
};
use std::cell::RefCell;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::rc::Rc;

/// How a report is written.
pub(crate) struct Manner {
    /// Whether it is written while the scan goes on, rather than at its end.
    pub(crate) streams: bool,
    /// Whether programs read it, so that it keeps to drivers.
    pub(crate) is_for_machines: bool,
}

/// Scans `inputs` into the report that `sink` makes for standard output, and into files beside it.
///
/// A file that cannot be written leaves the others whole; the failure is returned at the end.
pub(crate) fn run<'a>(
    inputs: &[Input],
    settings: &Settings,
    manner: &Manner,
    sink: impl FnOnce(Box<dyn Write + 'a>) -> Box<dyn Sink + 'a>,
    files: Vec<Guarded<'a>>,
) -> anyhow::Result<Scan> {
    let stdout = io::stdout();
    let progress = Rc::new(RefCell::new(ProgressLine::new(stdout.is_terminal() && manner.streams)));
    let report = sink(Box::new(BufWriter::with_capacity(1 << 16, stdout)));
    let show = |now: Progress<'_>| progress.borrow_mut().show(now);
    let scan = if files.is_empty() {
        let mut sink = AfterProgress { report, progress: Rc::clone(&progress) };
        match ringfence::scan(inputs, settings, &mut sink, show) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(error.into()),
            other => other.context("cannot write the report")?,
        }
    } else {
        let report = Box::new(AfterProgress { report, progress: Rc::clone(&progress) });
        let mut several = Several(vec![Guarded::new("standard output".to_owned(), report)]);
        several.0.extend(files);
        let scan = ringfence::scan(inputs, settings, &mut several, show)?;
        complain(&scan, manner.is_for_machines);
        return written(several).map(|()| scan);
    };
    complain(&scan, manner.is_for_machines);
    Ok(scan)
}

/// Whether all reports were written. Whoever closed standard output has read enough of it.
fn written(reports: Several<'_>) -> anyhow::Result<()> {
    let failures = reports.0.into_iter().filter_map(Guarded::failure);
    let mut failures = failures.filter(|(_, error)| error.kind() != ErrorKind::BrokenPipe);
    let Some((name, error)) = failures.next() else { return Ok(()) };
    let mut stderr = io::stderr().lock();
    for (name, error) in failures {
        let _ = writeln!(
            stderr,
            "error: cannot write the report {}: {}",
            safe(&name),
            safe(&reason(&error))
        );
    }
    Err(anyhow::anyhow!("{}", safe(&reason(&error)))
        .context(format!("cannot write the report {}", safe(&name))))
}

/// A report that ends below where the progress line was, not behind it.
struct AfterProgress<'a> {
    report: Box<dyn Sink + 'a>,
    progress: Rc<RefCell<ProgressLine>>,
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

/// Says on standard error what the report itself does not tell: machine formats keep to drivers, and
/// no format lists what was left out.
pub(crate) fn complain(scan: &Scan, is_for_machines: bool) {
    let say = |text: String| terminal::complain(&text);
    if is_for_machines {
        for unread in &scan.closing.unread {
            say(format!("error: cannot read {}: {}", safe(&unread.path), safe(&unread.reason)));
        }
        for Fault { path, rule, message } in &scan.closing.faults {
            let (path, message) = (safe(path), safe(message));
            say(format!("internal: {rule} failed on {path}, please report: {message}"));
        }
    }
    for idle in idle_acceptances(&scan.closing.acceptances) {
        say(format!("warning: {idle}"));
    }
    for left_out in &scan.left_out_by_name {
        say(format!("left out {}: {}", safe(&left_out.path), safe(&left_out.reason)));
    }
}
