//! An instruction made ready to run.

use super::core::{BLOCK, Core, FS, GS, NONE, Outcome, Stop};
use super::family::Family;
use super::flags::Flags;
use super::input::{Base, Index, Input};
use super::threaded::{self, Handler, handler};
use iced_x86::{Instruction, Register};

/// An instruction made ready to run: a function that knows width and kinds of the operands, and what is left
/// to know.
pub(crate) struct Op {
    pub(crate) run: Handler,
    /// The handler of the operation behind it.
    pub(crate) then: Handler,
    /// An immediate, or where a branch leads.
    pub(crate) value: u64,
    /// The instruction as a whole, where no handler of its own is made for it.
    whole: Option<Box<(Family, Instruction)>>,
    displacement: i32,
    pub(crate) base: u8,
    pub(crate) index: u8,
    scale: u8,
    segment: u8,
    /// Numbers of general registers.
    pub(crate) to: u8,
    /// What the first operand is read from: `to`, but where a copy came before and is part of this.
    pub(crate) first: u8,
    pub(crate) from: u8,
    pub(crate) length: u8,
    /// How many instructions of its block come before.
    pub(crate) before: u8,
    /// Where it is in its block.
    pub(crate) offset: u16,
}

impl Op {
    /// An operation without operands.
    pub(crate) fn new(run: Handler, i: &Instruction, block: u64) -> Self {
        Self {
            run,
            then: threaded::nothing,
            value: 0,
            whole: None,
            displacement: 0,
            base: NONE,
            index: NONE,
            scale: 0,
            segment: NONE,
            to: NONE,
            first: NONE,
            from: NONE,
            before: 0,
            length: i.len() as u8,
            offset: i.ip().wrapping_sub(block) as u16,
        }
    }

    /// An instruction that its family carries out.
    pub(crate) fn whole(family: Family, i: &Instruction, block: u64) -> Self {
        Self { whole: Some(Box::new((family, *i))), ..Self::new(handler!(by_family), i, block) }
    }

    /// Takes over the memory operand. False where that needs more than an operation holds.
    #[must_use]
    pub(crate) fn takes_memory(&mut self, i: &Instruction, block: u64) -> bool {
        let base = i.memory_base();
        let displacement = i.memory_displacement64() as i64;
        let (base, displacement) = match base {
            Register::RIP => (BLOCK, displacement.wrapping_sub(block as i64)),
            Register::None => (NONE, displacement),
            _ if base.is_gpr64() => (base.number() as u8, displacement),
            _ => return false,
        };
        let index = i.memory_index();
        let index = match index {
            Register::None => NONE,
            _ if index.is_gpr64() => index.number() as u8,
            _ => return false,
        };
        let short = i.memory_displ_size() == 4 && base == NONE && index == NONE;
        let Ok(displacement) = i32::try_from(displacement) else { return false };
        self.segment = match i.memory_segment() {
            Register::GS => GS,
            Register::FS => FS,
            _ => NONE,
        };
        (self.base, self.index, self.displacement) = (base, index, displacement);
        self.scale = i.memory_index_scale().trailing_zeros() as u8;
        !short
    }

    /// Makes this a comparison with the branch behind it, which leads to `target` from this block. False where
    /// it leads too far.
    #[must_use]
    pub(crate) fn takes_branch(&mut self, run: Handler, target: u64, block: u64) -> bool {
        let Ok(distance) = i32::try_from(target.wrapping_sub(block) as i64) else { return false };
        (self.run, self.displacement) = (run, distance);
        true
    }

    /// Carries out the branch that it has taken, behind what changes the flags.
    #[inline(always)]
    pub(crate) fn branch<const C: u8>(
        &self,
        core: &mut Core,
        change: impl Fn(&mut Flags),
    ) -> Outcome {
        let mut flags = core.flags;
        change(&mut flags);
        let holds = flags.holds(C);
        if holds && core.again {
            return Err(Stop::Again);
        }
        // Not the copy, which would be stored as a whole.
        change(&mut core.flags);
        if holds {
            core.rip = core.number(BLOCK).wrapping_add(self.displacement as i64 as u64);
        }
        Ok(())
    }

    /// The address of the memory operand without its segment.
    #[inline(always)]
    pub(crate) fn offset<B: Input, I: Input>(&self, core: &Core, given: u64) -> u64 {
        B::get(core, self, given)
            .wrapping_add(I::get(core, self, given) << (self.scale & 3))
            .wrapping_add(self.displacement as i64 as u64)
    }

    /// The address of the memory operand.
    #[inline(always)]
    pub(crate) fn address(&self, core: &Core) -> u64 {
        self.offset::<Base, Index>(core, 0).wrapping_add(core.number(self.segment))
    }
}

/// Lets the family carry out the instruction.
fn by_family(core: &mut Core, op: &Op) -> Outcome {
    match op.whole.as_deref() {
        Some((family, i)) => {
            family(core, i)?;
            core.finish()
        }
        None => Ok(()),
    }
}
