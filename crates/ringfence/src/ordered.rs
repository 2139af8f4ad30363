//! Work shared among threads, with the results told in order by one of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

/// Items taken at a time by a worker: few enough to share the work evenly, enough not to spend it
/// on sharing.
const BATCH: usize = 8;
/// Batches that may be ahead of the one that is told next.
const AHEAD: usize = 64;

/// Does `work` for each number below `count`, on `threads` threads, each with a state of its own, and
/// tells the results in the order of the numbers, on this thread. `work` must not panic.
///
/// # Errors
///
/// The first that `tell` returns; the rest of the work is dropped then.
pub(crate) fn for_each<T: Send, S>(
    count: usize,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(usize, &mut S) -> T + Sync,
    mut tell: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    let threads = threads.min(count.div_ceil(BATCH));
    if threads <= 1 {
        let mut state = state();
        return (0..count).try_for_each(|number| tell(work(number, &mut state)));
    }
    let line = Line::new(count);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(threads * 2);
        for _ in 0..threads {
            let (sender, line, state, work) = (sender.clone(), &line, &state, &work);
            scope.spawn(move || {
                let mut state = state();
                while let Some(first) = line.next_batch() {
                    let numbers = first..count.min(first + BATCH);
                    let results: Vec<T> = numbers.map(|number| work(number, &mut state)).collect();
                    if sender.send((first, results)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let result = tell_in_order(&receiver, &line, &mut tell);
        line.stop();
        result
    })
}

fn tell_in_order<T>(
    receiver: &mpsc::Receiver<(usize, Vec<T>)>,
    line: &Line,
    tell: &mut impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (first, batch) in receiver {
        waiting.insert(first, batch);
        while let Some(batch) = waiting.remove(&next) {
            next += BATCH;
            batch.into_iter().try_for_each(&mut *tell)?;
        }
        line.told_up_to(next);
    }
    Ok(())
}

/// Who does what next, and how far the telling is.
struct Line {
    count: usize,
    next: AtomicUsize,
    /// The number told next; `None` once nobody listens any more.
    told: Mutex<Option<usize>>,
    moved: Condvar,
}

impl Line {
    fn new(count: usize) -> Line {
        Line { count, next: AtomicUsize::new(0), told: Mutex::new(Some(0)), moved: Condvar::new() }
    }

    /// The first number of the next batch, once it is no more than [`AHEAD`] batches ahead of what is
    /// told: so what waits to be told stays small when one item takes long. `None` at the end.
    fn next_batch(&self) -> Option<usize> {
        let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
        if first >= self.count {
            return None;
        }
        let mut told = self.lock();
        while first > (*told)? + AHEAD * BATCH {
            told = self.moved.wait(told).unwrap_or_else(PoisonError::into_inner);
        }
        told.map(|_| first)
    }

    fn told_up_to(&self, next: usize) {
        *self.lock() = Some(next);
        self.moved.notify_all();
    }

    fn stop(&self) {
        *self.lock() = None;
        self.moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<usize>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_takes_long() {
        for threads in [1, 2, 7] {
            let mut told = Vec::new();
            let work = |number: usize, _: &mut ()| {
                if number.is_multiple_of(97) {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                number
            };
            for_each(
                3000,
                threads,
                || (),
                work,
                |number| {
                    told.push(number);
                    Ok(())
                },
            )
            .unwrap();
            assert!(told.iter().copied().eq(0..3000), "{threads}");
        }
    }

    /// Most of the work is far ahead and waiting when the telling fails; nobody may wait for ever.
    #[test]
    fn an_error_ends_the_work() {
        let done = AtomicUsize::new(0);
        let work = |number: usize, _: &mut ()| {
            done.fetch_add(1, Ordering::Relaxed);
            number
        };
        let tell = |number: usize| match number {
            100 => Err(io::Error::other("enough")),
            _ => Ok(()),
        };
        let error = for_each(1_000_000, 4, || (), work, tell).unwrap_err();
        assert_eq!(error.to_string(), "enough");
        assert!(done.load(Ordering::Relaxed) < 10_000);
    }
}
