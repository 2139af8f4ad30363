//! A block that is being made, and what makes its operations fewer.

use super::block::{Block, Source, Turns};
use super::core::Core;
use super::family;
use super::fast::pairs::{self, Pairable};
use super::fast::{self, AtHand, Choice};
use super::flags::STATUS;
use super::op::Op;
use super::threaded::{Handler, Hands};
use super::transfer;
use iced_x86::{Code, FlowControl, Instruction, RflagsBits};

/// An instruction that was decoded, with its operation.
struct Decoded {
    i: Instruction,
    op: Op,
    choice: Option<Choice>,
    /// What was at hand before it.
    at_hand: AtHand,
    /// Whether its flags are left out.
    quiet: bool,
    /// The condition of the branch that it carries out as well.
    branch: Option<u8>,
}

impl Decoded {
    const fn new(i: &Instruction, op: Op, choice: Option<Choice>, at_hand: AtHand) -> Self {
        Self { i: *i, op, choice, at_hand, quiet: false, branch: None }
    }

    /// A handler of this and of the operation behind it.
    fn with(&self, second: &Self) -> Option<Handler> {
        let counts_down = second.branch == Some(pairs::NOT_ZERO)
            && matches!(second.i.code(), Code::Dec_rm64 | Code::Dec_rm32);
        if counts_down {
            return pairs::with_count_down(&self.pairable()?, Core::size(&second.i, 0));
        }
        pairs::both(&self.pairable()?, &second.pairable()?)
    }

    /// What it is beside another, unless it ends the block or its family carries it out.
    fn pairable(&self) -> Option<Pairable<'_>> {
        let Self { i, at_hand, quiet, .. } = self;
        let fits = self.choice.is_some() && self.branch.is_none();
        fits.then_some(Pairable { i, at_hand: *at_hand, quiet: *quiet })
    }
}

/// A block that is being made.
pub(crate) struct Draft {
    address: u64,
    /// Whether all flags are to be worked out, and every instruction is to be an operation of its own.
    exact: bool,
    all: Vec<Decoded>,
    at_hand: AtHand,
    instructions: u8,
}

impl Draft {
    pub(crate) const fn new(address: u64, exact: bool) -> Self {
        Self { address, exact, all: Vec::new(), at_hand: AtHand::NOTHING, instructions: 0 }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.instructions == 0
    }

    /// How many instructions it has.
    pub(crate) fn instructions(&self) -> usize {
        self.instructions.into()
    }

    /// Adds an instruction. False where it is not supported.
    pub(crate) fn push(&mut self, i: &Instruction) -> bool {
        let copying = self.with_copy(i);
        let decoded =
            if copying.is_some() { copying } else { decode(i, self.address, self.at_hand) };
        let Some(mut decoded) = decoded else { return false };
        decoded.op.before = self.instructions;
        self.instructions += 1;
        let hands = decoded.choice.as_ref().map_or(Hands::Nothing, |choice| choice.hands);
        self.at_hand = decoded.at_hand.behind(&decoded.op, hands);
        self.all.push(decoded);
        true
    }

    /// The instruction together with the copy before it, which is taken out then, where that is possible.
    fn with_copy(&mut self, i: &Instruction) -> Option<Decoded> {
        let copy = self.all.last().filter(|last| !self.exact && fast::takes_copy(&last.i, i))?;
        let at_hand = copy.at_hand.copying(copy.op.from);
        let (op, choice) = fast::choose(i, self.address, at_hand)?;
        self.all.pop();
        Some(Decoded::new(i, op, Some(choice), at_hand))
    }

    /// The block.
    pub(crate) fn finish(mut self, sources: (Source, Option<Source>)) -> Block {
        let end = self.all.last().map_or(self.address, |last| last.i.next_ip());
        let mut turns = Turns::None;
        if !self.exact {
            let leads_back = self.all.last().is_some_and(|last| {
                last.i.is_jcc_short_or_near() && last.i.near_branch_target() == self.address
            });
            let needed = drop_flags(&mut self.all);
            fuse(&mut self.all, self.address);
            pair(&mut self.all);
            turns = match leads_back {
                true if left_out(&self.all) & needed == 0 => Turns::WithoutFlags,
                true => Turns::WithFlags,
                false => Turns::None,
            };
        }
        let ops = self.all.into_iter().map(|decoded| decoded.op).collect();
        Block::new(self.address..end, ops, self.instructions.into(), sources, turns)
    }
}

fn decode(i: &Instruction, block: u64, at_hand: AtHand) -> Option<Decoded> {
    if let Some((op, choice)) = fast::choose(i, block, at_hand) {
        return Some(Decoded::new(i, op, Some(choice), at_hand));
    }
    let op = Op::whole(family::family(i)?, i, block);
    Some(Decoded::new(i, op, None, at_hand))
}

/// Leaves out flags that are set again before anyone can see them. Tells which can be seen that were set before.
fn drop_flags(all: &mut [Decoded]) -> u64 {
    let mut needed = STATUS;
    for decoded in all.iter_mut().rev() {
        let i = &decoded.i;
        let quiet = decoded.choice.as_ref().and_then(|choice| choice.without_flags);
        if let Some(quiet) = quiet
            && bits(i.rflags_modified()) & needed == 0
        {
            decoded.op.run = quiet;
            decoded.quiet = true;
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
    needed
}

/// Makes one operation of a comparison and the branch behind it, where that is possible.
fn fuse(all: &mut Vec<Decoded>, block: u64) {
    let [.., first, branch] = &mut all[..] else { return };
    if !branch.i.is_jcc_short_or_near() {
        return;
    }
    let Some(with_branch) = first.choice.as_ref().and_then(|choice| choice.with_branch) else {
        return;
    };
    let condition = transfer::condition(&branch.i);
    let run = with_branch(condition);
    if first.op.takes_branch(run, branch.i.near_branch_target(), block) {
        first.branch = Some(condition);
        all.pop();
    }
}

/// Lets handlers carry out the next operation as well.
fn pair(mut rest: &mut [Decoded]) {
    while let [first, second, ..] = rest {
        let both = first.with(second);
        if let Some(run) = both {
            first.op.run = run;
        }
        rest = &mut rest[if both.is_some() { 2 } else { 1 }..];
    }
}

/// The flags that the last operations leave out when their block is run again.
fn left_out(all: &[Decoded]) -> u64 {
    let last_two = all.iter().rev().take(2);
    last_two.fold(0, |flags, decoded| flags | bits(decoded.i.rflags_modified()))
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
