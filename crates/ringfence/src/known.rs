//! Contents that were examined a short while ago.

use crate::Examined;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Examinations remembered. Each takes some kilobytes, and memory must not grow with the number of
/// drivers; beyond this distance an equal file is examined again, with the same result.
const MOST: usize = 1024;

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
    use crate::{Settings, Subject, examine};

    #[test]
    fn only_the_latest_are_kept() {
        let bytes = ringfence_fixture::driver().bytes();
        let Subject::Driver(examined) = examine("a.sys", &bytes, &Settings::default()) else {
            panic!()
        };
        let examined = Arc::new(*examined);
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
