//! Many files: in parallel, in a stable order, each content examined once as far as it is remembered.

use crate::examine::{Examined, LeftOutBecause};
use crate::excuse::Excusing;
use crate::known::Known;
use crate::look::{Looker, Seen};
use crate::timing::{Stage, Timings};
use crate::{Settings, TOOL, ordered};
use ringfence_container::{Input, Source, Unreadable, expand};
use ringfence_finding::{Closing, Examination, Fault, Report, Targets, Tool, Unread};
use ringfence_report::Sink;
use ringfence_rules::NotADriver;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::time::Instant;

/// How far a scan is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Files looked at.
    pub done: usize,
    /// Files in all.
    pub total: usize,
    /// The file told last.
    pub current: &'a str,
}

/// A scan that has ended.
#[derive(Debug)]
pub struct Scan {
    /// What it said at its end.
    pub closing: Closing,
    /// Where its time went.
    pub timings: Timings,
    /// Files the user named that are no drivers, with the reason.
    pub left_out_by_name: Vec<Unread>,
}

/// Scans everything behind `inputs` and tells `sink`, in the order of the inputs and by name within
/// folders, whatever the number of threads. Files that cannot be read are told in [`Closing`]; the
/// scan goes on.
///
/// # Errors
///
/// Those of the stream that `sink` writes to.
pub fn scan(
    inputs: &[Input],
    settings: &Settings,
    sink: &mut dyn Sink,
    mut progress: impl FnMut(Progress<'_>),
) -> io::Result<Scan> {
    let start = Instant::now();
    let timings = Timings::default();
    let sources = timings.during(Stage::Find, || sources(inputs, &settings.excluded));
    let looker = Looker { settings, timings: &timings, known: Known::default() };
    let mut teller = Teller {
        sink,
        timings: &timings,
        excusing: timings.during(Stage::Find, || Excusing::new(settings, inputs, &sources)),
        closing: Closing::default(),
        left_out_by_name: Vec::new(),
        distinct: HashSet::new(),
    };
    teller.sink.begin(&TOOL, settings.targets)?;
    let look = |number: usize, buffer: &mut Vec<u8>| looker.look(&sources[number], buffer);
    let total = sources.len();
    ordered::for_each(total, threads(settings), Vec::new, look, |seen| {
        let done = teller.closing.totals.files + 1;
        progress(Progress { done, total, current: seen.name() });
        teller.tell(seen)
    })?;
    let mut closing = teller.closing;
    closing.acceptances = teller.excusing.idle();
    closing.totals.distinct = settings.hash.then_some(teller.distinct.len());
    closing.elapsed = start.elapsed();
    timings.during(Stage::Report, || teller.sink.finish(&closing))?;
    Ok(Scan { closing, left_out_by_name: teller.left_out_by_name, timings })
}

/// The files behind `inputs` without those that are called as one of `excluded`.
fn sources(inputs: &[Input], excluded: &[String]) -> Vec<Result<Source, Unreadable>> {
    let mut sources = expand(inputs);
    if !excluded.is_empty() {
        let excluded: HashSet<String> = excluded.iter().map(|name| name.to_lowercase()).collect();
        sources.retain(|source| {
            let Ok(source) = source else { return true };
            let path = source.name();
            let name = path.rsplit(['/', '\\']).next().unwrap_or(&path);
            !excluded.contains(&name.to_lowercase())
        });
    }
    sources
}

pub(crate) fn threads(settings: &Settings) -> usize {
    threads_or_all(settings.threads)
}

/// As many threads as asked for; for 0 one for each processor.
pub(crate) fn threads_or_all(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// Scans everything behind `inputs` into one [`Report`]. Memory grows with the number of drivers;
/// [`scan`] with a sink of one's own does without.
pub fn collect(inputs: &[Input], settings: &Settings) -> Report {
    let mut drivers = Drivers(Vec::new());
    let closing = match scan(inputs, settings, &mut drivers, |_| ()) {
        Ok(scan) => scan.closing,
        // Nothing is written, so nothing can fail.
        Err(_) => Closing::default(),
    };
    Report::new(TOOL, settings.targets, drivers.0, closing)
}

struct Drivers(Vec<Examination>);

impl Sink for Drivers {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.0.push(examination.clone());
        Ok(())
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        Ok(())
    }
}

/// Tells the sink, and counts.
struct Teller<'a> {
    sink: &'a mut dyn Sink,
    timings: &'a Timings,
    excusing: Excusing<'a>,
    closing: Closing,
    left_out_by_name: Vec<Unread>,
    distinct: HashSet<[u8; 32]>,
}

impl Teller<'_> {
    fn tell(&mut self, seen: Seen) -> io::Result<()> {
        self.closing.totals.files += 1;
        match seen {
            Seen::Driver { examined, name, sha256 } => {
                self.distinct.extend(sha256);
                self.driver(&examined, name)?;
            }
            Seen::LeftOut { name, because, named } => self.left_out(name, &because, named),
            Seen::Unread(unread) => self.closing.unread.push(unread),
            Seen::Fault(fault) => self.closing.faults.push(fault),
        }
        Ok(())
    }

    /// Tells a driver under the name of this very file; an equal one may have been examined before.
    fn driver(&mut self, examined: &Examined, name: String) -> io::Result<()> {
        let faults = examined.faults.iter();
        self.closing
            .faults
            .extend(faults.map(|fault| Fault { path: name.clone(), ..fault.clone() }));
        let mut examination = Cow::Borrowed(&examined.examination);
        if examination.path != name {
            examination.to_mut().path = name;
        }
        // Paths count here, so what equal files share cannot have it.
        self.excusing.excuse(&mut examination);
        self.closing.totals.count(&examination);
        self.timings.during(Stage::Report, || self.sink.driver(&examination))
    }

    fn left_out(&mut self, name: String, because: &LeftOutBecause, named: bool) {
        let counts = &mut self.closing.left_out;
        match because {
            LeftOutBecause::NotPe(_) => counts.not_pe += 1,
            LeftOutBecause::NotADriver(NotADriver::UserMode(_)) => counts.user_mode += 1,
            LeftOutBecause::NotADriver(NotADriver::NotNative(_)) => counts.not_native += 1,
        }
        if named {
            self.left_out_by_name.push(Unread { path: name, reason: because.to_string() });
        }
    }
}
