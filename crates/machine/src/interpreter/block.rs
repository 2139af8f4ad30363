//! Code that was decoded, and where it is.

use super::op::Op;
use super::threaded::{self, Handler};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::ops::Range;

/// Operations that are kept. With more, all are dropped and made anew as they are needed.
const MOST_OPS: usize = 1 << 19;

/// Blocks that are found without a look into the table.
const RECENT: usize = 1024;

/// A frame, and the version of its code that was decoded.
pub(crate) type Source = (u32, u32);

/// Whether a block ends in a branch to its own beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turns {
    None,
    WithFlags,
    /// It does, and nobody sees the flags of its last operations there.
    WithoutFlags,
}

/// Instructions that are run one after the other.
// Of a size whose multiples are found by a shift, since the way to the next block is what a mispredicted branch
// waits for.
#[repr(align(64))]
pub(crate) struct Block {
    pub(crate) address: u64,
    /// Where the last instruction ends.
    pub(crate) end: u64,
    /// The handler of the first operation.
    pub(crate) first: Handler,
    pub(crate) ops: Box<[Op]>,
    /// How many instructions it has: an operation may be two.
    pub(crate) instructions: u64,
    /// Where the bytes came from: the frame of its page, and that of the next when its only instruction
    /// reaches there.
    pub(crate) sources: (Source, Option<Source>),
    pub(crate) turns: Turns,
    /// The blocks that came next, for as long as nothing that matters to them has changed.
    next: [(u64, u32); 2],
    linked: u64,
    turn: u8,
}

/// No block has this address: it is not canonical.
const NOWHERE: u64 = 0x8000_0000_0000_0000;

impl Block {
    pub(crate) fn new(
        range: Range<u64>,
        mut ops: Vec<Op>,
        instructions: u64,
        sources: (Source, Option<Source>),
        turns: Turns,
    ) -> Self {
        let first = threaded::link(&mut ops);
        Self {
            first,
            address: range.start,
            end: range.end,
            instructions,
            ops: ops.into_boxed_slice(),
            sources,
            turns,
            next: [(NOWHERE, 0); 2],
            linked: 0,
            turn: 0,
        }
    }

    /// The block at an address, if it came after this one before.
    #[inline(always)]
    pub(crate) fn follower(&self, address: u64, generation: u64) -> Option<u32> {
        if self.linked != generation {
            return None;
        }
        match self.next {
            [(first, block), _] if first == address => Some(block),
            [_, (second, block)] if second == address => Some(block),
            _ => None,
        }
    }

    /// Remembers what came next.
    fn link(&mut self, address: u64, block: u32, generation: u64) {
        if self.linked != generation {
            self.next = [(NOWHERE, 0); 2];
            self.linked = generation;
        }
        self.next[usize::from(self.turn & 1)] = (address, block);
        self.turn ^= 1;
    }
}

/// All blocks.
pub(crate) struct Blocks {
    all: Vec<Block>,
    at: HashMap<u64, u32, FixedState>,
    /// Addresses, their blocks, and the generations in which those were good.
    recent: Box<[(u64, u32, u64)]>,
    ops: usize,
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Self { all: Vec::new(), at: HashMap::default(), recent: Box::new([]), ops: 0 }
    }

    #[inline(always)]
    pub(crate) fn get(&self, block: u32) -> &Block {
        &self.all[block as usize]
    }

    /// Remembers that one block came after another. Either may have been dropped since.
    pub(crate) fn link(&mut self, last: u32, address: u64, block: u32, generation: u64) {
        if let Some(last) = self.all.get_mut(last as usize) {
            last.link(address, block, generation);
        }
    }

    /// The block at an address that was checked in this generation.
    #[inline]
    pub(crate) fn recent(&self, address: u64, generation: u64) -> Option<u32> {
        let (known, block, good) = *self.recent.get(address as usize % RECENT)?;
        (known == address && good == generation).then_some(block)
    }

    /// The block at an address, which may be out of date.
    pub(crate) fn at(&self, address: u64) -> Option<u32> {
        self.at.get(&address).copied()
    }

    /// Remembers that the block at an address is good in this generation.
    pub(crate) fn is_good(&mut self, address: u64, block: u32, generation: u64) {
        if self.recent.is_empty() {
            self.recent = vec![(NOWHERE, 0, 0); RECENT].into_boxed_slice();
        }
        self.recent[address as usize % RECENT] = (address, block, generation);
    }

    /// Adds a block, in place of the one that was at its address.
    pub(crate) fn add(&mut self, block: Block) -> u32 {
        if self.ops + block.ops.len() > MOST_OPS {
            *self = Self::new();
        }
        self.ops += block.ops.len();
        let address = block.address;
        match self.at.get(&address) {
            Some(&old) => {
                self.ops -= self.all[old as usize].ops.len();
                self.all[old as usize] = block;
                old
            }
            None => {
                self.all.push(block);
                let number = self.all.len() as u32 - 1;
                self.at.insert(address, number);
                number
            }
        }
    }
}
