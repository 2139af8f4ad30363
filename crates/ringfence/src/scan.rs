//! Many files: in parallel and in a stable order.

use crate::examine::{Examined, LeftOutBecause, Subject, judge, open};
use crate::timing::{Stage, Timings};
use crate::{Settings, TOOL, digest};
use ringfence_container::{Contents, Input, Source, Unreadable, expand, read};
use ringfence_finding::{Closing, Digests, Examination, Fault, Report, Targets, Tool, Unread};
use ringfence_report::Sink;
use ringfence_rules::NotADriver;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
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
    let sources = timings.during(Stage::Find, || expand(inputs));
    let shared = Shared {
        sources: &sources,
        settings,
        timings: &timings,
        next: AtomicUsize::new(0),
        told: Mutex::new(0),
        moved: Condvar::new(),
        stopped: AtomicBool::new(false),
    };
    let mut teller = Teller {
        sink,
        timings: &timings,
        closing: Closing::default(),
        left_out_by_name: Vec::new(),
        distinct: HashSet::new(),
        progress: &mut progress,
        total: sources.len(),
    };
    teller.sink.begin(&TOOL, settings.targets)?;
    shared.run(&mut teller)?;
    let mut closing = teller.closing;
    closing.totals.distinct = settings.hash.then_some(teller.distinct.len());
    closing.elapsed = start.elapsed();
    timings.during(Stage::Report, || teller.sink.finish(&closing))?;
    Ok(Scan { closing, left_out_by_name: teller.left_out_by_name, timings })
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

/// Files taken at a time by a worker: few enough to share the work evenly, enough not to spend it
/// on sharing.
const BATCH: usize = 8;
/// Batches that may be ahead of the one that is told next.
const AHEAD: usize = 64;

/// What one file came to.
enum Told {
    Driver { examined: Box<Examined>, sha256: Option<[u8; 32]> },
    LeftOut { name: String, because: LeftOutBecause, named: bool },
    Unread(Unread),
    Fault(Fault),
}

/// What the workers share.
struct Shared<'a> {
    sources: &'a [Result<Source, Unreadable>],
    settings: &'a Settings,
    timings: &'a Timings,
    /// The next file to take.
    next: AtomicUsize,
    /// The next file to tell.
    told: Mutex<usize>,
    moved: Condvar,
    stopped: AtomicBool,
}

impl Shared<'_> {
    fn run(&self, teller: &mut Teller<'_>) -> io::Result<()> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.settings.threads == 0 { processors } else { self.settings.threads };
        let threads = threads.min(self.sources.len().div_ceil(BATCH));
        if threads <= 1 {
            let mut buffer = Vec::new();
            return self
                .sources
                .iter()
                .try_for_each(|source| teller.tell(self.look(source, &mut buffer)));
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(threads * 2);
            for _ in 0..threads {
                let sender = sender.clone();
                scope.spawn(move || self.work(&sender));
            }
            drop(sender);
            let result = self.tell_in_order(&receiver, teller);
            self.stopped.store(true, Ordering::Relaxed);
            self.moved.notify_all();
            result
        })
    }

    /// Takes batches and sends what they came to, until there is nothing left or nobody listens.
    fn work(&self, sender: &mpsc::SyncSender<(usize, Vec<Told>)>) {
        let mut buffer = Vec::new();
        loop {
            let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= self.sources.len() || !self.wait_for_turn(first) {
                return;
            }
            let batch = &self.sources[first..self.sources.len().min(first + BATCH)];
            let told = batch.iter().map(|source| self.look(source, &mut buffer)).collect();
            if sender.send((first, told)).is_err() {
                return;
            }
        }
    }

    /// Waits until `first` is no more than [`AHEAD`] batches ahead, so that what waits to be told
    /// stays small when one file takes long. False when the scan was stopped.
    fn wait_for_turn(&self, first: usize) -> bool {
        let mut told = lock(&self.told);
        while first > *told + AHEAD * BATCH && !self.stopped.load(Ordering::Relaxed) {
            told = self.moved.wait(told).unwrap_or_else(PoisonError::into_inner);
        }
        !self.stopped.load(Ordering::Relaxed)
    }

    fn tell_in_order(
        &self,
        receiver: &mpsc::Receiver<(usize, Vec<Told>)>,
        teller: &mut Teller<'_>,
    ) -> io::Result<()> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (first, batch) in receiver {
            waiting.insert(first, batch);
            while let Some(batch) = waiting.remove(&next) {
                next += BATCH;
                if let Err(error) = batch.into_iter().try_for_each(|told| teller.tell(told)) {
                    self.stopped.store(true, Ordering::Relaxed);
                    self.moved.notify_all();
                    return Err(error);
                }
            }
            *lock(&self.told) = next;
            self.moved.notify_all();
        }
        Ok(())
    }

    fn look(&self, source: &Result<Source, Unreadable>, buffer: &mut Vec<u8>) -> Told {
        let source = match source {
            Ok(source) => source,
            Err(unreadable) => return Told::Unread(unread(unreadable)),
        };
        match self.timings.during(Stage::Read, || read(source, buffer)) {
            Err(unreadable) => Told::Unread(unread(&unreadable)),
            Ok(Contents::Executable) => {
                // Reading and judging an image never panics; if it does all the same, that is one
                // file, not the scan.
                catch_unwind(AssertUnwindSafe(|| self.examine(source, buffer)))
                    .unwrap_or_else(|_| Told::Fault(fault(source)))
            }
            Ok(contents) => self.no_executable(source, contents),
        }
    }

    fn no_executable(&self, source: &Source, contents: Contents) -> Told {
        use ringfence_image::NotAnImage;
        let name = source.name();
        let reason = match contents {
            Contents::Empty => NotAnImage::Empty,
            _ => NotAnImage::NotPe,
        };
        // An empty file holds nothing to decide by, so here alone the name does: a driver is missing.
        let driver_missing = contents == Contents::Empty && name.to_lowercase().ends_with(".sys");
        if source.named || driver_missing {
            return Told::Unread(Unread { path: name, reason: reason.to_string() });
        }
        Told::LeftOut { name, because: LeftOutBecause::NotPe(reason), named: false }
    }

    fn examine(&self, source: &Source, bytes: &[u8]) -> Told {
        let name = source.name();
        let image = match open(bytes, self.timings) {
            Ok(image) => image,
            Err(Subject::LeftOut(because)) => {
                let not_pe = matches!(because, LeftOutBecause::NotPe(_));
                return match not_pe && source.named {
                    true => Told::Unread(Unread { path: name, reason: because.to_string() }),
                    false => Told::LeftOut { name, because, named: source.named },
                };
            }
            Err(Subject::Unread(reason)) => {
                return Told::Unread(Unread { path: name, reason: reason.to_string() });
            }
            Err(Subject::Driver(_)) => return Told::Fault(fault(source)),
        };
        let (digests, sha256) = match self.settings.hash {
            false => (Digests::default(), None),
            true => {
                let signed = image.signed_ranges();
                let computed = self.timings.during(Stage::Hash, || digest::compute(bytes, signed));
                (computed.digests, Some(computed.sha256))
            }
        };
        // A file that was seen before is examined again: remembering the results takes more memory
        // than this takes time, once the digests are there.
        let examined = judge(&name, &image, digests, self.settings, self.timings);
        Told::Driver { examined: Box::new(examined), sha256 }
    }
}

/// Tells the sink, and counts.
struct Teller<'a> {
    sink: &'a mut dyn Sink,
    timings: &'a Timings,
    closing: Closing,
    left_out_by_name: Vec<Unread>,
    distinct: HashSet<[u8; 32]>,
    progress: &'a mut dyn FnMut(Progress<'_>),
    total: usize,
}

impl Teller<'_> {
    fn tell(&mut self, told: Told) -> io::Result<()> {
        self.closing.totals.files += 1;
        let done = self.closing.totals.files;
        match told {
            Told::Driver { examined, sha256 } => {
                let current = &examined.examination.path;
                (self.progress)(Progress { done, total: self.total, current });
                self.distinct.extend(sha256);
                self.driver(*examined)?;
            }
            Told::LeftOut { name, because, named } => self.left_out(name, &because, named),
            Told::Unread(unread) => self.closing.unread.push(unread),
            Told::Fault(fault) => self.closing.faults.push(fault),
        }
        Ok(())
    }

    fn driver(&mut self, examined: Examined) -> io::Result<()> {
        self.closing.totals.count(&examined.examination);
        self.closing.faults.extend(examined.faults);
        self.timings.during(Stage::Report, || self.sink.driver(&examined.examination))
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

fn unread(unreadable: &Unreadable) -> Unread {
    Unread { path: unreadable.name.clone(), reason: unreadable.to_string() }
}

fn fault(source: &Source) -> Fault {
    let message = "the examination panicked".to_owned();
    Fault { path: source.name(), rule: "examination", message }
}

/// The lock, also after another thread panicked: what it guards is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
