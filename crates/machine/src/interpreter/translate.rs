//! From bytes to operations.

use super::block::{Block, Source};
use super::core::{Core, Stop};
use super::family;
use super::fast::{self, AtHand, Choice};
use super::flags::STATUS;
use super::op::Op;
use super::threaded::Hands;
use super::transfer;
use crate::memory::canonical;
use crate::{Access, Exit, PAGE};
use iced_x86::{Decoder, DecoderError, DecoderOptions, FlowControl, Instruction, RflagsBits};
use std::ops::Range;

/// The longest instruction.
const LONGEST: usize = 15;
/// The longest block.
pub(crate) const LONGEST_BLOCK: usize = 64;
/// No block is longer.
const MOST_BYTES: usize = LONGEST * LONGEST_BLOCK;
/// The longest block of a frame whose code has been written to this often: it would be written to again
/// before most of a longer one has run.
const OFTEN: u32 = 256;
const SHORT_BLOCK: usize = 2;

/// How much to translate.
pub(crate) struct Limits<'a> {
    /// Instructions at most.
    pub(crate) most: usize,
    /// Whether all flags are to be worked out, since someone may look at them behind any instruction.
    pub(crate) exact: bool,
    /// Where not to go on.
    pub(crate) gates: &'a Range<u64>,
}

/// An instruction that was decoded, with its operation.
struct Decoded {
    i: Instruction,
    op: Op,
    choice: Option<Choice>,
}

impl Decoded {
    /// What is at hand behind it.
    fn hands_on(&self, at_hand: AtHand) -> AtHand {
        let hands = self.choice.as_ref().map_or(Hands::Nothing, |choice| choice.hands);
        at_hand.behind(&self.op, hands)
    }
}

/// Where code is fetched from.
struct Fetched {
    bytes: [u8; MOST_BYTES],
    length: usize,
    source: Source,
}

impl Core {
    /// The rest of a page that may be executed.
    fn fetch(&mut self, at: u64) -> Result<Fetched, Stop> {
        if !canonical(at) {
            return self.raise(Exit::GeneralProtection);
        }
        let located = match self.memory.locate(at / PAGE, Access::Execute) {
            Ok(located) => located,
            Err(fault) => {
                let (access, mapped) = (Access::Execute, fault.mapped);
                return self.raise(Exit::PageFault { address: at, access, mapped });
            }
        };
        let rest = &self.memory.bytes(located.data)[(at % PAGE) as usize..];
        let rest = &rest[..rest.len().min(MOST_BYTES)];
        let mut bytes = [0; MOST_BYTES];
        bytes[..rest.len()].copy_from_slice(rest);
        let source = (located.frame, self.memory.version(located.frame));
        Ok(Fetched { bytes, length: rest.len(), source })
    }

    /// Remembers which bytes were decoded, so that writes to them are noticed.
    fn decoded(&mut self, source: Source, address: u64, length: usize) {
        if self.memory.decoded(source.0, (address % PAGE) as usize, length) {
            self.watch_writes();
        }
    }

    /// Whether the bytes of a block are still those that it was made from, and may be executed.
    pub(crate) fn is_current(&mut self, block: &Block) -> bool {
        let (first, second) = block.sources;
        let mut holds = |address: u64, (frame, version): Source| {
            let located = self.memory.locate(address / PAGE, Access::Execute);
            located.is_ok_and(|located| located.frame == frame)
                && self.memory.version(frame) == version
        };
        let last = block.end.wrapping_sub(1);
        holds(block.address, first) && second.is_none_or(|second| holds(last, second))
    }

    /// Makes the instructions at an address ready to run.
    pub(crate) fn translate(&mut self, at: u64, limits: &Limits<'_>) -> Result<Block, Stop> {
        let page = self.fetch(at)?;
        let often = page.source.1 >= OFTEN;
        let most = if often { limits.most.min(SHORT_BLOCK) } else { limits.most };
        let code = &page.bytes[..page.length];
        let mut decoder = Decoder::with_ip(64, code, at, DecoderOptions::NONE);
        let mut all: Vec<Decoded> = Vec::new();
        let mut at_hand = AtHand::NOTHING;
        while all.len() < most && decoder.can_decode() {
            if !all.is_empty() && limits.gates.contains(&decoder.ip()) {
                break;
            }
            let i = decoder.decode();
            if i.is_invalid() {
                if !all.is_empty() {
                    break;
                }
                let cut = decoder.last_error() == DecoderError::NoMoreBytes;
                return if cut { self.across(at, &page) } else { self.raise(Exit::InvalidOpcode) };
            }
            let Some(decoded) = decode(&i, at, at_hand) else {
                if all.is_empty() {
                    return self.unsupported(&i);
                }
                break;
            };
            at_hand = decoded.hands_on(at_hand);
            all.push(decoded);
            if i.flow_control() != FlowControl::Next {
                break;
            }
        }
        if !limits.exact {
            drop_flags(&mut all);
        }
        let instructions = all.len() as u64;
        let end = all.last().map_or(at, |last| last.i.next_ip());
        self.decoded(page.source, at, end.wrapping_sub(at) as usize);
        if !limits.exact {
            fuse(&mut all, end);
        }
        let ops = all.into_iter().map(|decoded| decoded.op).collect();
        let mut block = Block::new(at, end, ops, (page.source, None));
        block.instructions = instructions;
        Ok(block)
    }

    /// The one instruction that begins on a page and ends on the next.
    fn across(&mut self, at: u64, page: &Fetched) -> Result<Block, Stop> {
        let first = page.length;
        if first >= LONGEST {
            return self.raise(Exit::InvalidOpcode);
        }
        let next = self.fetch(at.wrapping_add(first as u64))?;
        let mut bytes = [0; LONGEST];
        bytes[..first].copy_from_slice(&page.bytes[..first]);
        bytes[first..].copy_from_slice(&next.bytes[..LONGEST - first]);
        let i = Decoder::with_ip(64, &bytes, at, DecoderOptions::NONE).decode();
        if i.is_invalid() {
            return self.raise(Exit::InvalidOpcode);
        }
        let Some(decoded) = decode(&i, at, AtHand::NOTHING) else { return self.unsupported(&i) };
        self.decoded(page.source, at, first);
        self.decoded(next.source, at.wrapping_add(first as u64), i.len() - first);
        Ok(Block::new(at, i.next_ip(), vec![decoded.op], (page.source, Some(next.source))))
    }
}

fn decode(i: &Instruction, block: u64, at_hand: AtHand) -> Option<Decoded> {
    if let Some((op, choice)) = fast::choose(i, block, at_hand) {
        return Some(Decoded { i: *i, op, choice: Some(choice) });
    }
    let op = Op::whole(family::family(i)?, i, block);
    Some(Decoded { i: *i, op, choice: None })
}

/// Leaves out flags that are set again before anyone can see them.
fn drop_flags(all: &mut [Decoded]) {
    let mut needed = STATUS;
    for decoded in all.iter_mut().rev() {
        let i = &decoded.i;
        let quiet = decoded.choice.as_ref().and_then(|choice| choice.without_flags);
        if let Some(quiet) = quiet
            && bits(i.rflags_modified()) & needed == 0
        {
            decoded.op.run = quiet;
        }
        // What has such a handler can neither fault nor leave. Behind anything else, all may be seen.
        needed = match quiet {
            Some(_) => needed & !bits(i.rflags_modified()) | bits(i.rflags_read()),
            None if is_register_only(i) && decoded.choice.is_some() => {
                needed & !bits(i.rflags_modified()) | bits(i.rflags_read())
            }
            None => STATUS,
        };
    }
}

/// Makes one operation of a comparison and the branch behind it.
fn fuse(all: &mut Vec<Decoded>, end: u64) {
    let [.., first, branch] = &mut all[..] else { return };
    if !branch.i.is_jcc_short_or_near() {
        return;
    }
    let Some(with_branch) = first.choice.as_ref().and_then(|choice| choice.with_branch) else {
        return;
    };
    let run = with_branch(transfer::condition(&branch.i));
    if first.op.takes_branch(run, branch.i.near_branch_target(), end) {
        all.pop();
    }
}

/// Whether an instruction cannot fault: nothing of it is in memory, and it goes nowhere.
fn is_register_only(i: &Instruction) -> bool {
    let in_memory = (0..i.op_count()).any(|n| i.op_kind(n) == iced_x86::OpKind::Memory);
    (!in_memory || i.mnemonic() == iced_x86::Mnemonic::Lea)
        && i.flow_control() == FlowControl::Next
        && !i.is_stack_instruction()
}

/// The status flags of a set of iced-x86's.
fn bits(of: u32) -> u64 {
    use super::flags::{AF, CF, OF, PF, SF, ZF};
    [
        (RflagsBits::OF, OF),
        (RflagsBits::SF, SF),
        (RflagsBits::ZF, ZF),
        (RflagsBits::AF, AF),
        (RflagsBits::CF, CF),
        (RflagsBits::PF, PF),
    ]
    .into_iter()
    .filter(|(theirs, _)| of & theirs != 0)
    .fold(0, |all, (_, ours)| all | ours)
}
