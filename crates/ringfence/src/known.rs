//! Contents that were examined a short while ago.

use crate::examine::Examined;
use ringfence_finding::Examination;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Examinations remembered. Each takes some kilobytes, and memory must not grow with the number of
/// drivers; beyond this distance an equal file is examined again, with the same result.
const MOST: usize = 1024;

/// An examination with more findings and calls than these is not remembered: a hostile file has room
/// for many, and so would take megabytes.
const LARGEST: usize = 1_000;

/// The latest examinations by SHA-256 of the file, so that equal files are examined once.
#[derive(Default)]
pub(crate) struct Known(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    by_digest: HashMap<[u8; 32], Arc<Examined>>,
    oldest_first: VecDeque<[u8; 32]>,
}

impl Known {
    pub(crate) fn get(&self, digest: &[u8; 32]) -> Option<Arc<Examined>> {
        self.lock().by_digest.get(digest).map(Arc::clone)
    }

    pub(crate) fn insert(&self, digest: [u8; 32], examined: &Arc<Examined>) {
        let Examination { findings, calls, .. } = &examined.examination;
        if findings.len() + calls.as_ref().map_or(0, Vec::len) > LARGEST {
            return;
        }
        let mut latest = self.lock();
        // Two threads may have met equal files at the same time.
        if latest.by_digest.insert(digest, Arc::clone(examined)).is_none() {
            latest.oldest_first.push_back(digest);
        }
        if latest.oldest_first.len() > MOST
            && let Some(oldest) = latest.oldest_first.pop_front()
        {
            latest.by_digest.remove(&oldest);
        }
    }

    /// The lock, also after another thread panicked: what it guards is whole at every moment.
    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, examine};
    use ringfence_finding::{Call, CallAnswer, Via};

    fn examined() -> Examined {
        let bytes = ringfence_fixture::driver().bytes();
        let examination = examine(&bytes, &Settings::default()).unwrap();
        Examined { examination, faults: Vec::new() }
    }

    #[test]
    fn what_takes_much_memory_is_not_kept() {
        let call = Call {
            rva: 0x1000,
            function: None,
            source: None,
            ddi: "MmMapLockedPages",
            via: Via::Import,
            argument: None,
            values: vec![],
            words: vec![],
            unknown: None,
            answer: CallAnswer::Violation,
            chosen_by: Vec::new(),
            chosen_alike: 0,
        };
        for (calls, kept) in [(LARGEST, true), (LARGEST + 1, false)] {
            let mut examined = examined();
            examined.examination.calls = Some(vec![call.clone(); calls]);
            let known = Known::default();
            known.insert([1; 32], &Arc::new(examined));
            assert_eq!(known.get(&[1; 32]).is_some(), kept, "{calls}");
        }
    }

    #[test]
    fn only_the_latest_are_kept() {
        let examined = Arc::new(examined());
        let digest = |number: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_le_bytes());
            digest
        };
        let known = Known::default();
        for number in 0..MOST + 10 {
            known.insert(digest(number), &examined);
        }
        assert!(known.get(&digest(9)).is_none());
        assert!(known.get(&digest(10)).is_some());
        assert!(known.get(&digest(MOST + 9)).is_some());
    }
}
