//! Waiting: a thread of the driver is put aside; anything else waits by letting others run.

use crate::kernel::Kernel;
use crate::schedule::{State, offset};
use crate::stop::{Answer, Stop, status};

/// No time is later: some fifty years.
pub(crate) const LATEST: u64 = 1 << 54;

impl Kernel<'_> {
    /// Which of `objects` ends a wait of `thread`: the place of the first, or 0 for all of them.
    pub(crate) fn satisfied(&self, objects: &[u64], all: bool, thread: u64) -> Option<usize> {
        let signalled = |&object: &u64| {
            let kind = self.u8(object).unwrap_or(0) & 0x7F;
            let state = self.u32(object.wrapping_add(offset::SIGNAL_STATE)).unwrap_or(0) as i32;
            /// MutantObject: who has it may have it again.
            const MUTANT: u8 = 2;
            let mine =
                kind == MUTANT && self.u64(object.wrapping_add(offset::MUTANT_OWNER)) == Ok(thread);
            state > 0 || mine
        };
        if all {
            return objects.iter().all(signalled).then_some(0);
        }
        objects.iter().position(signalled)
    }

    /// What ending a wait does to the object waited for.
    fn acquire(&mut self, object: u64, thread: u64) -> Result<(), Stop> {
        let kind = self.u8(object)? & 0x7F;
        let state = self.u32(object.wrapping_add(offset::SIGNAL_STATE))?;
        match kind {
            // A synchronisation event or timer.
            1 | 9 => self.put_u32(object.wrapping_add(offset::SIGNAL_STATE), 0),
            2 => {
                self.put_u64(object.wrapping_add(offset::MUTANT_OWNER), thread)?;
                self.put_u32(object.wrapping_add(offset::SIGNAL_STATE), state.wrapping_sub(1))
            }
            5 => self.put_u32(object.wrapping_add(offset::SIGNAL_STATE), state.wrapping_sub(1)),
            _ => Ok(()),
        }
    }

    /// Waits; `timeout` is where a time stands, or 0. The status.
    pub(crate) fn wait(&mut self, objects: &[u64], all: bool, timeout: u64) -> Answer {
        let thread = self.thread();
        let limit = if timeout == 0 { None } else { Some(self.u64(timeout)? as i64) };
        let kept = self.parked_deadline();
        let deadline = kept.or_else(|| limit.map(|limit| self.deadline(limit)));
        loop {
            if !objects.is_empty()
                && let Some(index) = self.satisfied(objects, all, thread)
            {
                self.forget_deadline();
                let taken = if all { objects } else { &objects[index..=index] };
                for &object in taken {
                    self.acquire(object, thread)?;
                }
                return Ok(index as u64);
            }
            if deadline.is_some_and(|deadline| deadline <= self.clock) {
                self.forget_deadline();
                return Stop::status(status::TIMEOUT);
            }
            if self.irql >= crate::faults::DISPATCH {
                self.assume("a wait at DISPATCH_LEVEL ends, where Windows would stop the system");
            }
            if self.can_park() {
                return Err(self.park(objects.to_vec(), all, deadline));
            }
            self.charge(100)?;
            if self.advance(deadline.unwrap_or(u64::MAX))? {
                continue;
            }
            let Some(deadline) = deadline else {
                // Hardware or another driver would signal it.
                self.assume("an object is signalled that nobody signals");
                return Stop::status(status::SUCCESS);
            };
            self.clock = deadline;
            self.tick();
        }
    }

    fn park(&mut self, objects: Vec<u64>, all: bool, deadline: Option<u64>) -> Stop {
        if let Some(thread) = self.schedule.current.and_then(|at| self.schedule.threads.get_mut(at))
        {
            thread.state = State::Waiting { objects, all };
            thread.deadline = deadline;
        }
        Stop::Parked
    }

    fn parked_deadline(&self) -> Option<u64> {
        if !self.can_park() {
            return None;
        }
        self.schedule.threads.get(self.schedule.current?)?.deadline
    }

    fn forget_deadline(&mut self) {
        if self.can_park()
            && let Some(thread) =
                self.schedule.current.and_then(|at| self.schedule.threads.get_mut(at))
        {
            thread.deadline = None;
        }
    }

    /// When a time is: negative from now on, else in system time.
    pub(crate) fn deadline(&self, time: i64) -> u64 {
        let from_now = match time {
            ..0 => time.unsigned_abs(),
            _ => (time as u64).saturating_sub(self.system_time()),
        };
        self.clock.saturating_add(from_now).min(LATEST)
    }
}
