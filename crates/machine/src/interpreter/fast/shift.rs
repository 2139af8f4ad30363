//! Shifts and rotations of registers by an immediate.

use super::{AtHand, Choice, Form};
use crate::interpreter::core::Core;
use crate::interpreter::flags::{CF, OF, when};
use crate::interpreter::input::{First, Given, Input};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handed, Hands, handing};
use crate::interpreter::width::{B4, B8, Width};
use iced_x86::{Instruction, Mnemonic};

pub(super) fn choose(i: &Instruction, form: Form, at_hand: AtHand) -> Option<Choice> {
    if form != Form::RegisterImmediate {
        return None;
    }
    let most = match Core::size(i, 0) {
        4 => 31,
        8 => 63,
        _ => return None,
    };
    // By nothing, flags stay as they are: the family knows.
    if i.try_immediate(1).unwrap_or(0) & most == 0 {
        return None;
    }
    Some(if at_hand.is_first(i) { of::<Given<First>>(i, most)? } else { of::<First>(i, most)? })
}

fn of<A: Input>(i: &Instruction, most: u64) -> Option<Choice> {
    use Mnemonic as M;
    macro_rules! both {
        ($run:ident, $only:ident, $width:ty $(, $left:literal)?) => {
            (handing!($run::<A, $width $(, $left)?>), handing!($only::<A, $width $(, $left)?>))
        };
    }
    let (run, without_flags) = match (i.mnemonic(), most) {
        (M::Shl | M::Sal, 31) => both!(left, left_only, B4),
        (M::Shl | M::Sal, _) => both!(left, left_only, B8),
        (M::Shr, 31) => both!(right, right_only, B4),
        (M::Shr, _) => both!(right, right_only, B8),
        (M::Sar, 31) => both!(signed, signed_only, B4),
        (M::Sar, _) => both!(signed, signed_only, B8),
        (M::Rol, 31) => both!(rotate, rotate_only, B4, true),
        (M::Rol, _) => both!(rotate, rotate_only, B8, true),
        (M::Ror, 31) => both!(rotate, rotate_only, B4, false),
        (M::Ror, _) => both!(rotate, rotate_only, B8, false),
        _ => return None,
    };
    Some(Choice {
        run,
        hands: Hands::Result,
        without_flags: Some(without_flags),
        with_branch: None,
    })
}

/// The count. Five bits of it matter, or six for 64 bits.
#[inline(always)]
fn count<W: Width>(op: &Op) -> u32 {
    op.value as u32 & (W::BYTES as u32 * 8 - 1)
}

fn left<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let a = A::get(core, op, given) << W::GAP;
    let r = a << count::<W>(op);
    let carry = a << (count::<W>(op) - 1) >> 63 != 0;
    let overflow = (r >> 63 != 0) != carry;
    core.flags.explicit(r, W::GAP, when(carry, CF) | when(overflow, OF));
    Ok(W::put(core, op.to, r >> W::GAP))
}

pub(super) fn left_only<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let r = A::get(core, op, given) << count::<W>(op);
    Ok(W::put(core, op.to, r))
}

fn right<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let a = A::get(core, op, given) & W::MASK;
    let r = a >> count::<W>(op);
    let carry = a >> (count::<W>(op) - 1) & 1 != 0;
    let overflow = a << W::GAP >> 63 != 0;
    core.flags.explicit(r << W::GAP, W::GAP, when(carry, CF) | when(overflow, OF));
    Ok(W::put(core, op.to, r))
}

pub(super) fn right_only<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let r = (A::get(core, op, given) & W::MASK) >> count::<W>(op);
    Ok(W::put(core, op.to, r))
}

fn signed<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let a = (A::get(core, op, given) << W::GAP) as i64 >> W::GAP;
    let r = (a >> count::<W>(op)) as u64;
    let carry = a >> (count::<W>(op) - 1) & 1 != 0;
    core.flags.explicit(r << W::GAP, W::GAP, when(carry, CF));
    Ok(W::put(core, op.to, r))
}

fn signed_only<A: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let a = (A::get(core, op, given) << W::GAP) as i64 >> W::GAP;
    Ok(W::put(core, op.to, (a >> count::<W>(op)) as u64))
}

#[inline(always)]
fn rotated<A: Input, W: Width, const LEFT: bool>(core: &Core, op: &Op, given: u64) -> u64 {
    let a = A::get(core, op, given);
    let by = if LEFT { count::<W>(op) } else { W::BYTES as u32 * 8 - count::<W>(op) };
    if W::BYTES == 4 { u64::from((a as u32).rotate_left(by)) } else { a.rotate_left(by) }
}

/// Changes carry and overflow alone.
fn rotate<A: Input, W: Width, const LEFT: bool>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let r = rotated::<A, W, LEFT>(core, op, given);
    let (top, next, low) = (r << W::GAP >> 63, r << W::GAP >> 62 & 1, r & 1);
    let (carry, overflow) = if LEFT { (low, top ^ low) } else { (top, top ^ next) };
    core.flags.change(CF | OF, when(carry != 0, CF) | when(overflow != 0, OF));
    Ok(W::put(core, op.to, r))
}

pub(super) fn rotate_only<A: Input, W: Width, const LEFT: bool>(
    core: &mut Core,
    op: &Op,
    given: u64,
) -> Handed {
    let r = rotated::<A, W, LEFT>(core, op, given);
    Ok(W::put(core, op.to, r))
}
