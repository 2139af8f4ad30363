//! A call of a kernel function, and how its functions are listed.

use crate::kernel::Kernel;
use crate::stop::Answer;
use std::sync::Arc;

/// Arguments that are looked at, at most.
pub(crate) const MOST_ARGUMENTS: usize = 14;

/// A call of a kernel function.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The function's name.
    pub name: Arc<str>,
    /// Where it returns to.
    pub caller: u64,
    arguments: [u64; MOST_ARGUMENTS],
}

impl Call {
    pub(crate) fn new(name: Arc<str>, caller: u64, arguments: [u64; MOST_ARGUMENTS]) -> Call {
        Call { name, caller, arguments }
    }

    /// The argument at `index`, from 0.
    pub(crate) fn at(&self, index: usize) -> u64 {
        self.arguments.get(index).copied().unwrap_or(0)
    }

    /// The low half of an argument, for types of 32 bits: what stands above it is rubbish.
    pub(crate) fn u32(&self, index: usize) -> u32 {
        self.at(index) as u32
    }

    /// The low 16 bits of an argument.
    pub(crate) fn u16(&self, index: usize) -> u16 {
        self.at(index) as u16
    }

    /// The low byte of an argument.
    pub(crate) fn u8(&self, index: usize) -> u8 {
        self.at(index) as u8
    }

    /// The first `count` arguments.
    pub(crate) fn first(&self, count: usize) -> &[u64] {
        &self.arguments[..count.min(MOST_ARGUMENTS)]
    }
}

/// What stands behind the name of a kernel function.
pub(crate) type Routine = fn(&mut Kernel<'_>, &Call) -> Answer;

/// A modelled kernel function: a line in the list of its family.
pub(crate) struct Entry {
    /// Its exported name.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arguments: u8,
    /// What it does.
    pub routine: Routine,
}

/// A line of a family's list.
pub(crate) const fn entry(name: &'static str, arguments: u8, routine: Routine) -> Entry {
    Entry { name, arguments, routine }
}
