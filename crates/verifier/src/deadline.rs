//! How long a run may take by the clock. It only ends runs on machines that are much slower than they should be:
//! everything else is bounded by counts, so that runs are the same everywhere.

use std::time::Duration;

/// Instructions between two looks at the clock.
pub(crate) const STRIDE: u64 = 1_000_000;

/// When a run has to be over.
pub(crate) struct Deadline {
    clock: Clock,
    most: Duration,
    /// The count of instructions at which the clock is looked at next.
    next: u64,
}

impl Deadline {
    /// From now on, for `most`.
    pub(crate) fn after(most: Duration) -> Deadline {
        Deadline { clock: Clock::start(), most, next: STRIDE }
    }

    /// Whether time is up, once `used` instructions are.
    pub(crate) fn is_over(&mut self, used: u64) -> bool {
        if used < self.next {
            return false;
        }
        self.next = used.saturating_add(STRIDE);
        self.clock.elapsed() > self.most
    }
}

#[cfg(not(target_arch = "wasm32"))]
struct Clock(std::time::Instant);

#[cfg(not(target_arch = "wasm32"))]
impl Clock {
    fn start() -> Clock {
        Clock(std::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// There is no clock: whoever runs the module bounds its time.
#[cfg(target_arch = "wasm32")]
struct Clock;

#[cfg(target_arch = "wasm32")]
impl Clock {
    fn start() -> Clock {
        Clock
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::{Deadline, STRIDE};
    use std::time::Duration;

    #[test]
    fn the_clock_is_looked_at_now_and_then() {
        let mut none = Deadline::after(Duration::ZERO);
        assert!(!none.is_over(STRIDE - 1));
        std::thread::sleep(Duration::from_millis(1));
        assert!(none.is_over(STRIDE));
        assert!(!none.is_over(STRIDE + 1));
        assert!(!Deadline::after(Duration::from_hours(1)).is_over(u64::MAX));
    }
}
