//! String operations, alone and repeated.
//!
//! A fault leaves the registers as they are after the steps that were done, so that the instruction can
//! go on where it stopped.

use super::core::{Core, Outcome, Stop};
use super::operand::mask;
use crate::PAGE;
use iced_x86::{Instruction, Mnemonic, OpKind};

/// Steps that a repeated operation takes before the run looks at its budget again. A page that is filled or
/// copied as a whole counts as many.
const SLICE: u64 = 256;

/// What the operation does in each step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Move,
    Compare,
    Store,
    Load,
    Scan,
}

/// The operation, and bytes of each step.
fn step_of(i: &Instruction) -> (Step, usize) {
    match i.mnemonic() {
        Mnemonic::Movsb => (Step::Move, 1),
        Mnemonic::Movsw => (Step::Move, 2),
        Mnemonic::Movsd => (Step::Move, 4),
        Mnemonic::Movsq => (Step::Move, 8),
        Mnemonic::Cmpsb => (Step::Compare, 1),
        Mnemonic::Cmpsw => (Step::Compare, 2),
        Mnemonic::Cmpsd => (Step::Compare, 4),
        Mnemonic::Cmpsq => (Step::Compare, 8),
        Mnemonic::Stosb => (Step::Store, 1),
        Mnemonic::Stosw => (Step::Store, 2),
        Mnemonic::Stosd => (Step::Store, 4),
        Mnemonic::Stosq => (Step::Store, 8),
        Mnemonic::Lodsb => (Step::Load, 1),
        Mnemonic::Lodsw => (Step::Load, 2),
        Mnemonic::Lodsd => (Step::Load, 4),
        Mnemonic::Lodsq => (Step::Load, 8),
        Mnemonic::Scasb => (Step::Scan, 1),
        Mnemonic::Scasw => (Step::Scan, 2),
        Mnemonic::Scasd => (Step::Scan, 4),
        _ => (Step::Scan, 8),
    }
}

/// Whether addresses are of 32 bits.
fn short(i: &Instruction) -> bool {
    (0..i.op_count())
        .any(|operand| matches!(i.op_kind(operand), OpKind::MemoryESEDI | OpKind::MemorySegESI))
}

/// All string operations.
pub(crate) fn string(core: &mut Core, i: &Instruction) -> Outcome {
    let (step, size) = step_of(i);
    let width = if short(i) { 0xFFFF_FFFF } else { u64::MAX };
    if !i.has_rep_prefix() && !i.has_repne_prefix() {
        once(core, i, step, size, width)?;
        return core.finish();
    }
    for _ in 0..SLICE {
        if core.general[1] & width == 0 {
            return core.finish();
        }
        if width == u64::MAX && core.at_once(i, step, size) {
            break;
        }
        once(core, i, step, size, width)?;
        core.general[1] = core.general[1].wrapping_sub(1) & width;
        let compares = matches!(step, Step::Compare | Step::Scan);
        if compares && core.flags.holds(4) == i.has_repne_prefix() {
            return core.finish();
        }
        if core.changed {
            break;
        }
    }
    if core.general[1] & width == 0 { core.finish() } else { Err(Stop::Unfinished) }
}

impl Core {
    /// Takes as many steps upwards as stay on the pages where the next one is, where a fill or copy can be
    /// done as a whole. False where it cannot, or where nothing is gained.
    fn at_once(&mut self, i: &Instruction, step: Step, size: usize) -> bool {
        let (left, from, to) = (self.general[1], self.general[6], self.general[7]);
        let from = from.wrapping_add(self.segment(i.memory_segment()));
        let room = |address: u64| (PAGE - address % PAGE) / size as u64;
        let count = match step {
            Step::Store => left.min(room(to)),
            Step::Move => left.min(room(to)).min(room(from)),
            _ => 0,
        };
        let length = count as usize * size;
        if count < 4 || self.flags.backwards() {
            return false;
        }
        let value = self.general[0].to_le_bytes();
        let done = match step {
            Step::Store => self.fill(to, length, &value[..size]),
            _ => self.copy(from, to, length),
        };
        if done {
            self.general[1] = left - count;
            self.general[7] = to.wrapping_add(length as u64);
            if step == Step::Move {
                self.general[6] = self.general[6].wrapping_add(length as u64);
            }
        }
        done
    }
}

/// One step.
fn once(core: &mut Core, i: &Instruction, step: Step, size: usize, width: u64) -> Outcome {
    let source = core.general[6] & width;
    let target = core.general[7] & width;
    let from = source.wrapping_add(core.segment(i.memory_segment()));
    match step {
        Step::Move => {
            let value = core.load_integer(from, size)?;
            core.store_integer(target, size, value)?;
        }
        Step::Compare => {
            let a = core.load_integer(from, size)?;
            let b = core.load_integer(target, size)?;
            core.subtract(a, b, false, size);
        }
        Step::Store => core.store_integer(target, size, core.general[0])?,
        Step::Load => {
            let value = core.load_integer(from, size)?;
            core.set(super::arithmetic::accumulator(size), value);
        }
        Step::Scan => {
            let b = core.load_integer(target, size)?;
            core.subtract(core.general[0] & mask(size), b, false, size);
        }
    }
    let by = if core.flags.backwards() { (size as u64).wrapping_neg() } else { size as u64 };
    if matches!(step, Step::Move | Step::Compare | Step::Load) {
        core.general[6] = source.wrapping_add(by) & width;
    }
    if step != Step::Load {
        core.general[7] = target.wrapping_add(by) & width;
    }
    Ok(())
}
