//! The interpreter: portable, and the same on every machine.
//!
//! Code is decoded once into blocks of operations, each with a function made for its width and the kinds of
//! its operands. A block remembers which blocks came next. It is dropped when bytes it was made from are
//! written to, through whatever page; rights and mappings are looked at again whenever any has changed.

mod arithmetic;
mod bits;
mod block;
mod control;
mod core;
mod draft;
mod family;
mod fast;
mod flags;
mod input;
mod multiply;
mod op;
mod operand;
mod shift;
mod string;
mod system;
#[cfg(test)]
mod tests;
mod threaded;
mod transfer;
mod translate;
mod vector;
mod width;
mod x87;

use crate::{Exit, Memory, Processor, Registers};
use block::{Block, Blocks, Turns};
use core::{BLOCK, Core, Outcome, Stop};
use std::hint::cold_path;
use std::ops::Range;
use translate::{LONGEST_BLOCK, Limits};

/// A processor in software.
pub struct Interpreter {
    core: Core,
    blocks: Blocks,
    gates: Range<u64>,
    executed: u64,
    /// The memory that the blocks are of.
    of: u64,
}

impl Interpreter {
    /// A processor with this memory. All registers are as [`Registers::default`] has them.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        let of = memory.identity();
        Self { core: Core::new(memory), blocks: Blocks::new(), gates: 0..0, executed: 0, of }
    }

    /// The block at RIP, made if need be.
    fn find(&mut self) -> Result<u32, Stop> {
        let at = self.core.rip;
        let generation = self.core.memory.generation();
        if let Some(block) = self.blocks.recent(at, generation) {
            return Ok(block);
        }
        if self.gates.contains(&at) {
            return self.core.raise(Exit::Gate { address: at });
        }
        let block = match self.blocks.at(at) {
            Some(block) if self.is_good(block) => block,
            _ => {
                let limits = Limits { most: LONGEST_BLOCK, exact: false, gates: &self.gates };
                let block = self.core.translate(at, &limits)?;
                self.blocks.add(block)
            }
        };
        self.blocks.is_good(at, block, self.core.memory.generation());
        Ok(block)
    }

    fn is_good(&mut self, number: u32) -> bool {
        let block = self.blocks.get(number);
        let through = block.address < self.gates.end && block.end > self.gates.start;
        !through && self.core.is_current(block)
    }

    /// Runs blocks until something happens.
    fn run_blocks(&mut self, mut left: u64) -> Exit {
        let mut last: Option<u32> = None;
        while left > 0 {
            let at = self.core.rip;
            let Ok(number) = self.find() else { return self.exit() };
            let generation = self.core.memory.generation();
            if let Some(last) = last {
                self.blocks.link(last, at, number, generation);
            }
            let (ran, behind) = run_linked(&mut self.core, &self.blocks, number, left);
            self.executed += left - behind;
            left = behind;
            match ran {
                Ran::Unlinked(number) => last = Some(number),
                Ran::Short => return self.run_rest(left),
                Ran::Stopped(number, done, stop) => {
                    let block = self.blocks.get(number);
                    let op = &block.ops[done];
                    let (address, is_last) = (block.address, done + 1 == block.ops.len());
                    let (here, length) = (address.wrapping_add(op.offset.into()), op.length);
                    left = left.saturating_sub(u64::from(op.before) + 1);
                    self.executed += u64::from(op.before);
                    if self.stopped(stop, here, length, is_last) {
                        return self.exit();
                    }
                    last = None;
                }
            }
        }
        self.run_rest(0)
    }

    /// Runs so many instructions, which end within a block.
    fn run_rest(&mut self, mut left: u64) -> Exit {
        while left > 0 {
            let most = left.min(LONGEST_BLOCK as u64) as usize;
            let at = self.core.rip;
            if self.gates.contains(&at) {
                self.core.exit = Some(Exit::Gate { address: at });
                return self.exit();
            }
            let limits = Limits { most, exact: true, gates: &self.gates };
            let Ok(block) = self.core.translate(at, &limits) else { return self.exit() };
            match run_block(&mut self.core, &block) {
                Ok(()) => {
                    self.executed += block.ops.len() as u64;
                    left -= block.ops.len() as u64;
                }
                Err(stop) => {
                    let done = block.ops.len() - self.core.unfinished;
                    let op = &block.ops[done];
                    let here = block.address.wrapping_add(op.offset.into());
                    left -= done as u64 + 1;
                    self.executed += done as u64;
                    if self.stopped(stop, here, op.length, done + 1 == block.ops.len()) {
                        return self.exit();
                    }
                }
            }
        }
        self.core.exit = Some(Exit::Budget);
        self.exit()
    }

    /// Sets RIP after an instruction that stopped its block. True when the run ends.
    fn stopped(&mut self, stop: Stop, here: u64, length: u8, is_last: bool) -> bool {
        self.core.changed = false;
        match stop {
            Stop::Exit | Stop::Unfinished => self.core.rip = here,
            Stop::Done | Stop::Changed | Stop::Again => {
                // A branch at the end of a block has said where to go on.
                if !is_last {
                    self.core.rip = here.wrapping_add(length.into());
                }
                self.executed += 1;
            }
        }
        matches!(stop, Stop::Exit | Stop::Done)
    }

    /// Ends the run.
    fn exit(&mut self) -> Exit {
        self.core.leave();
        self.core.exit.take().unwrap_or(Exit::Budget)
    }
}

/// How a run of blocks ended.
enum Ran {
    /// Behind this block, of which it is not known what follows.
    Unlinked(u32),
    /// Before a block that has more instructions than are left.
    Short,
    /// Within this block: the number of the operation, and why.
    Stopped(u32, usize, Stop),
}

/// Runs a block and those that are known to follow, for as long as instructions are left. Tells how many are
/// left then, those of the last block not counted where it did not come to its end.
// By itself, so that what it works with stays in registers of this processor.
#[inline(never)]
fn run_linked(core: &mut Core, blocks: &Blocks, first: u32, mut left: u64) -> (Ran, u64) {
    let mut number = first;
    loop {
        let block = blocks.get(number);
        let Some(behind) = left.checked_sub(block.instructions) else {
            cold_path();
            return (Ran::Short, left);
        };
        left = behind;
        let ran = if block.turns == Turns::None {
            run_block(core, block)
        } else {
            let ran;
            (ran, left) = run_turns(core, block, left);
            ran
        };
        if let Err(stop) = ran {
            cold_path();
            let done = block.ops.len() - core.unfinished;
            return (Ran::Stopped(number, done, stop), left + block.instructions);
        }
        let Some(next) = block.follower(core.rip, core.memory.generation()) else {
            cold_path();
            return (Ran::Unlinked(number), left);
        };
        number = next;
    }
}

/// Runs a block that may lead to its own beginning, for as long as it does and instructions are left, which are
/// counted without those of its first turn. Tells how many are left.
#[inline(never)]
fn run_turns(core: &mut Core, block: &Block, mut left: u64) -> (Outcome, u64) {
    enter(core, block);
    core.again = block.turns == Turns::WithoutFlags;
    loop {
        let enough = left >= block.instructions;
        if !enough {
            core.again = false;
        }
        match (block.first)(core, &block.ops, 0) {
            Err(Stop::Again) => {}
            Ok(()) if enough && core.rip == block.address => core.rip = block.end,
            ran => {
                core.again = false;
                return (ran, left);
            }
        }
        left -= block.instructions;
    }
}

/// Runs the operations of a block.
#[inline(always)]
fn run_block(core: &mut Core, block: &Block) -> Outcome {
    enter(core, block);
    (block.first)(core, &block.ops, 0)
}

#[inline(always)]
fn enter(core: &mut Core, block: &Block) {
    core.rip = block.end;
    core.general[usize::from(BLOCK)] = block.address;
}

impl Processor for Interpreter {
    fn memory(&self) -> &Memory {
        &self.core.memory
    }

    fn memory_mut(&mut self) -> &mut Memory {
        &mut self.core.memory
    }

    fn registers(&self) -> &Registers {
        &self.core.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.core.registers
    }

    fn set_gates(&mut self, range: Range<u64>) {
        self.gates = range;
        self.core.memory.forget();
    }

    fn run(&mut self, instructions: u64) -> Exit {
        if self.of != self.core.memory.identity() {
            // The host put another in its place.
            self.of = self.core.memory.identity();
            self.blocks = Blocks::new();
        }
        self.core.enter();
        self.run_blocks(instructions)
    }

    fn executed(&self) -> u64 {
        self.executed
    }
}
