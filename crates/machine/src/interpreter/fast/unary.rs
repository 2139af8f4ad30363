//! One more, one less, and the negative and the complement of a register.

use super::{AtHand, Choice, Form, by_condition, by_width};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::input::{First, Given, Input};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handed, Handler, Hands, ending, handing};
use crate::interpreter::width::{B4, B8, Width};
use iced_x86::{Instruction, Mnemonic};

pub(super) fn choose(i: &Instruction, form: Form, at_hand: AtHand) -> Option<Choice> {
    match form {
        Form::Register if at_hand.is_first(i) => of::<Given<First>>(i),
        Form::Register => of::<First>(i),
        _ => None,
    }
}

fn of<A: Input>(i: &Instruction) -> Option<Choice> {
    use Mnemonic as M;
    let size = Core::size(i, 0);
    let (run, without_flags): (Handler, Handler) = match i.mnemonic() {
        M::Inc => {
            (by_width!(handing, size, step, true, A), by_width!(handing, size, step_only, true, A))
        }
        M::Dec => (
            by_width!(handing, size, step, false, A),
            by_width!(handing, size, step_only, false, A),
        ),
        M::Neg => (by_width!(handing, size, negate, A), by_width!(handing, size, negate_only, A)),
        M::Not => {
            let run = by_width!(handing, size, complement, A);
            (run, run)
        }
        _ => return None,
    };
    let with_branch: Option<super::WithBranch> = match (i.mnemonic(), size) {
        (M::Inc, 4) => Some(step_and_branch::<true, A, B4>),
        (M::Inc, 8) => Some(step_and_branch::<true, A, B8>),
        (M::Dec, 4) => Some(step_and_branch::<false, A, B4>),
        (M::Dec, 8) => Some(step_and_branch::<false, A, B8>),
        _ => None,
    };
    Some(Choice { run, hands: Hands::Result, without_flags: Some(without_flags), with_branch })
}

/// A handler of a step with a branch behind it, by the branch's condition.
fn step_and_branch<const UP: bool, A: Input, W: Width>(condition: u8) -> Handler {
    by_condition!(ending, condition, and_branch, UP, A, W)
}

pub(super) fn and_branch<const C: u8, const UP: bool, A: Input, W: Width>(
    core: &mut Core,
    op: &Op,
    given: u64,
) -> Outcome {
    let r = stepped::<UP, A, W>(core, op, given);
    W::put(core, op.to, r >> W::GAP);
    op.branch::<C>(core, |flags| flags.stepped(r, W::GAP, UP))
}

/// One more or one less at the upper end of the word.
#[inline(always)]
pub(super) fn stepped<const UP: bool, A: Input, W: Width>(core: &Core, op: &Op, given: u64) -> u64 {
    let (a, one) = (A::get(core, op, given) << W::GAP, 1 << W::GAP);
    if UP { a.wrapping_add(one) } else { a.wrapping_sub(one) }
}

/// One more or one less, which leaves the carry alone.
#[inline(always)]
fn step<const UP: bool, A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let r = stepped::<UP, A, W>(core, op, given);
    core.flags.stepped(r, W::GAP, UP);
    Ok(W::put(core, op.to, r >> W::GAP))
}

fn step_only<const UP: bool, A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let a = A::get(core, op, given);
    let r = if UP { a.wrapping_add(1) } else { a.wrapping_sub(1) };
    Ok(W::put(core, op.to, r))
}

fn negate<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let b = A::get(core, op, given) << W::GAP;
    let r = b.wrapping_neg();
    core.flags.subtracted(0, b, r, W::GAP);
    Ok(W::put(core, op.to, r >> W::GAP))
}

fn negate_only<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let r = A::get(core, op, given).wrapping_neg();
    Ok(W::put(core, op.to, r))
}

fn complement<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let r = !A::get(core, op, given);
    Ok(W::put(core, op.to, r))
}
