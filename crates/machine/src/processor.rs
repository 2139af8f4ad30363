//! What every processor does, however it does it.

use crate::{Exit, Memory, Registers};
use std::ops::Range;

/// A processor with its memory.
pub trait Processor {
    /// The memory, as the host sees it.
    fn memory(&self) -> &Memory;

    /// The memory, to be changed. Code that is written so runs as written.
    fn memory_mut(&mut self) -> &mut Memory;

    /// The registers as the last exit left them.
    fn registers(&self) -> &Registers;

    /// The registers, to be changed.
    fn registers_mut(&mut self) -> &mut Registers;

    /// Makes execution at an address in the range leave with [`Exit::Gate`], before rights or mapping are
    /// looked at.
    fn set_gates(&mut self, range: Range<u64>);

    /// Runs until something happens, at most so many instructions. RIP is then at the instruction that
    /// did not complete.
    ///
    /// A repeated string operation takes as many of them as it needs, one for each page or each 256 of its steps.
    fn run(&mut self, instructions: u64) -> Exit;

    /// Instructions completed since the processor was made.
    fn executed(&self) -> u64;
}
