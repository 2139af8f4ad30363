//! A function's instructions, blocks and edges, as far as they can be reached.

mod reader;

pub(crate) use reader::read;

use crate::decode::{Decoder, Flow};
use crate::function::{Extent, Finder, Frame};
use crate::ir::{Condition, Op};
use crate::places::Places;
use crate::scan::Field;
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of the longest instruction there is.
const LONGEST: u32 = 15;

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insn {
    pub(crate) at: u32,
    pub(crate) length: u8,
    /// Its operations once its block is lifted: indices into those of the graph.
    ops: (u32, u32),
    pub(crate) flow: Flow,
    /// When it jumps, if it does so on a condition; told once its block is lifted.
    pub(crate) when: Condition,
    /// The place in the image that it names.
    pub(crate) names: Option<u32>,
}

impl Insn {
    /// One that names no place and is not lifted, with the next behind it.
    pub(crate) fn passing(at: u32, length: u8) -> Insn {
        let (flow, when) = (Flow::Next, Condition::Other);
        Insn { at, length, ops: (0, 0), flow, when, names: None }
    }

    pub(crate) fn end(&self) -> u32 {
        self.at.saturating_add(u32::from(self.length))
    }
}

/// How code gets to a block other than from another block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry {
    /// It is the function's first instruction.
    Start,
    /// By an exception, or from a fragment before it.
    Resumed,
    /// By no known path; it was read because of what it holds.
    Unknown,
}

/// What a block does with registers, a bit for each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passes {
    /// Those that it reads as they were before.
    pub(crate) read: u64,
    /// Those that it leaves as they are, where it does not call who nobody knows.
    pub(crate) left: u64,
    /// Those of which it is not known here whether it leaves them so.
    pub(crate) unclear: u64,
}

/// Instructions that run one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Indices into [`Graph::insns`].
    pub(crate) insns: Range<usize>,
    /// Where code may go on: indices into the edges of the graph.
    edges: Range<usize>,
    pub(crate) entry: Option<Entry>,
    /// Whether its instructions have their operations.
    lifted: bool,
    /// What it does with registers, once that was asked.
    pub(crate) registers: Option<Passes>,
    /// Whether it goes somewhere else, if only to come back, and whether it changes memory, once that was asked
    /// of it and its instructions have their operations.
    pub(crate) acts: Option<(bool, bool)>,
}

/// A function, decoded.
pub(crate) struct Graph {
    pub(crate) begin: u32,
    pub(crate) frame: Option<Frame>,
    /// By address.
    pub(crate) insns: Vec<Insn>,
    pub(crate) blocks: Vec<Block>,
    /// Indices into [`Graph::blocks`], those of one block behind those of the one before.
    edges: Vec<usize>,
    ops: Vec<Op>,
    /// The addresses on the stack that its instructions take, in bytes above the stack pointer behind the
    /// prolog; `None` where they may take any.
    pub(crate) taken: Option<BTreeSet<i32>>,
    /// Whether some jump in it goes where nobody knows.
    pub(crate) unresolved: bool,
    /// Whether it was too large to be read to its end.
    pub(crate) spent: bool,
}

/// Decodes the function of `extent`, and whatever of it holds one of the fields `wanted` though no path
/// leads there.
pub(crate) fn graph(
    decoder: &mut dyn Decoder,
    places: &Places<'_>,
    finder: &Finder<'_>,
    extent: Extent,
    wanted: &[Field],
) -> Graph {
    decoder.graph(places, finder, extent, wanted)
}

impl Graph {
    /// Makes sure that the instructions of a block have their operations: most blocks are never asked.
    pub(crate) fn lift(&mut self, decoder: &mut dyn Decoder, block: usize) {
        if std::mem::replace(&mut self.blocks[block].lifted, true) {
            return;
        }
        let insns = &mut self.insns[self.blocks[block].insns.clone()];
        self.ops.reserve(2 * insns.len());
        // Most of what is said of the flags nobody asks: the next instruction says something else.
        let mut flags = Vec::with_capacity(insns.len());
        for insn in &mut *insns {
            let branches = matches!(insn.flow, Flow::Branch(_));
            let (does, when) = decoder.flags(insn.at, branches);
            insn.when = when;
            flags.push(does);
        }
        let mut live =
            insns.last().is_some_and(|last| matches!(last.flow, Flow::Next | Flow::Branch(_)));
        for flags in flags.iter_mut().rev() {
            let asked = live && flags.written;
            live = flags.read || live && !flags.written;
            flags.written = asked;
        }
        for (insn, flags) in insns.iter_mut().zip(flags) {
            let first = self.ops.len() as u32;
            if let Some(frame) = self.frame.filter(|frame| frame.from == insn.at) {
                self.ops.push(frame.op());
            }
            decoder.lift(insn.at, flags.written, &mut self.ops);
            insn.ops = (first, self.ops.len() as u32);
        }
    }

    /// Whether a block's instructions have their operations.
    pub(crate) fn is_lifted(&self, block: usize) -> bool {
        self.blocks[block].lifted
    }

    /// The blocks that may follow a block.
    pub(crate) fn successors(&self, block: usize) -> &[usize] {
        &self.edges[self.blocks[block].edges.clone()]
    }

    /// The operations of an instruction in a lifted block.
    pub(crate) fn ops(&self, insn: &Insn) -> &[Op] {
        &self.ops[insn.ops.0 as usize..insn.ops.1 as usize]
    }

    /// The instruction that `field` is part of, and whether it is the field that names the place. Where
    /// instructions overlap, one that does is preferred.
    pub(crate) fn insn_with(&self, field: Field) -> Option<(usize, bool)> {
        let after = self.insns.partition_point(|insn| insn.at < field.at);
        let near = self.insns[..after].iter().enumerate().rev();
        let near = near.take_while(|(_, insn)| insn.at.saturating_add(LONGEST) > field.at);
        let mut holding = None;
        for (index, insn) in near.filter(|(_, insn)| insn.end() > field.at) {
            if insn.names == Some(field.place) && insn.end() >= field.at.saturating_add(4) {
                return Some((index, true));
            }
            holding = holding.or(Some((index, false)));
        }
        holding
    }

    /// The block that an instruction is in.
    pub(crate) fn block_of(&self, insn: usize) -> Option<usize> {
        let after = self.blocks.partition_point(|block| block.insns.start <= insn);
        after.checked_sub(1).filter(|&index| self.blocks[index].insns.contains(&insn))
    }
}
