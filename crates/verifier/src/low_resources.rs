//! Low resources simulation: allocations that are made to fail by chance, as Driver Verifier does it.

use crate::chance::Chance;
use crate::kernel::Kernel;
use crate::{Faults, LowResources};

/// What decides which allocations fail.
pub(crate) struct Failing {
    chance: Chance,
    /// Whether it is time. Windows fails nothing in the first minutes after it started, so that drivers load.
    has_begun: bool,
}

impl Failing {
    pub(crate) fn new(faults: Option<&Faults>) -> Failing {
        Failing {
            chance: Chance::new(faults.map_or(0, |faults| faults.seed)),
            has_begun: faults.is_some_and(|faults| faults.at_once),
        }
    }
}

impl Kernel<'_> {
    /// DriverEntry has returned: there is no clock of minutes here, and this is what Windows waits for.
    pub(crate) fn begin_to_fail(&mut self) {
        self.failing.has_begun = true;
    }

    /// Whether an allocation that has no pool tag is made to fail. Asked by the functions that Microsoft's page on low
    /// resources simulation names, and those of their kind.
    pub(crate) fn fails_by_chance(&mut self) -> bool {
        self.pool_fails_by_chance(0)
    }

    /// Whether an allocation of pool is made to fail; 0 stands for no tag.
    pub(crate) fn pool_fails_by_chance(&mut self, tag: u32) -> bool {
        let Some(faults) = &self.options.faults else { return false };
        let LowResources { asked, exposed, failed } = &mut self.run.low_resources;
        *asked += 1;
        let is_meant = faults.tags.is_empty() || faults.tags.iter().any(|one| one.matches(tag));
        if !self.failing.has_begun || !is_meant {
            return false;
        }
        *exposed += 1;
        let fails = self.failing.chance.next() % Faults::ALL < u64::from(faults.probability);
        *failed += u64::from(fails);
        fails
    }
}
