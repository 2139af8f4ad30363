//! Shifts and rotations of registers by an immediate.

use super::{Choice, Form};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::flags::{CF, OF, when};
use crate::interpreter::op::{Handler, Op};
use crate::interpreter::width::{B4, B8, Width};
use iced_x86::{Instruction, Mnemonic};

pub(super) fn choose(i: &Instruction, form: Form) -> Option<Choice> {
    use Mnemonic as M;
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
    let (run, without_flags): (Handler, Handler) = match (i.mnemonic(), most) {
        (M::Shl | M::Sal, 31) => (left::<B4>, left_only::<B4>),
        (M::Shl | M::Sal, _) => (left::<B8>, left_only::<B8>),
        (M::Shr, 31) => (right::<B4>, right_only::<B4>),
        (M::Shr, _) => (right::<B8>, right_only::<B8>),
        (M::Sar, 31) => (signed::<B4>, signed_only::<B4>),
        (M::Sar, _) => (signed::<B8>, signed_only::<B8>),
        (M::Rol, 31) => (rotate::<B4, true>, rotate_only::<B4, true>),
        (M::Rol, _) => (rotate::<B8, true>, rotate_only::<B8, true>),
        (M::Ror, 31) => (rotate::<B4, false>, rotate_only::<B4, false>),
        (M::Ror, _) => (rotate::<B8, false>, rotate_only::<B8, false>),
        _ => return None,
    };
    Some(Choice { run, without_flags: Some(without_flags), with_branch: None })
}

/// The count. Five bits of it matter, or six for 64 bits.
#[inline(always)]
fn count<W: Width>(op: &Op) -> u32 {
    op.value as u32 & (W::BYTES as u32 * 8 - 1)
}

fn left<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let a = W::get(core, op.to) << W::GAP;
    let r = a << count::<W>(op);
    let carry = a << (count::<W>(op) - 1) >> 63 != 0;
    let overflow = (r >> 63 != 0) != carry;
    core.flags.explicit(r, W::GAP, when(carry, CF) | when(overflow, OF));
    W::put(core, op.to, r >> W::GAP);
    Ok(())
}

fn left_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = core.number(op.to) << count::<W>(op);
    W::put(core, op.to, r);
    Ok(())
}

fn right<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let a = W::get(core, op.to);
    let r = a >> count::<W>(op);
    let carry = a >> (count::<W>(op) - 1) & 1 != 0;
    let overflow = a << W::GAP >> 63 != 0;
    core.flags.explicit(r << W::GAP, W::GAP, when(carry, CF) | when(overflow, OF));
    W::put(core, op.to, r);
    Ok(())
}

fn right_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = W::get(core, op.to) >> count::<W>(op);
    W::put(core, op.to, r);
    Ok(())
}

fn signed<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let a = (W::get(core, op.to) << W::GAP) as i64 >> W::GAP;
    let r = (a >> count::<W>(op)) as u64;
    let carry = a >> (count::<W>(op) - 1) & 1 != 0;
    core.flags.explicit(r << W::GAP, W::GAP, when(carry, CF));
    W::put(core, op.to, r);
    Ok(())
}

fn signed_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let a = (W::get(core, op.to) << W::GAP) as i64 >> W::GAP;
    W::put(core, op.to, (a >> count::<W>(op)) as u64);
    Ok(())
}

#[inline(always)]
fn rotated<W: Width, const LEFT: bool>(core: &mut Core, op: &Op) -> u64 {
    let a = core.number(op.to);
    let by = if LEFT { count::<W>(op) } else { W::BYTES as u32 * 8 - count::<W>(op) };
    let r = if W::BYTES == 4 { u64::from((a as u32).rotate_left(by)) } else { a.rotate_left(by) };
    W::put(core, op.to, r);
    r
}

/// Changes carry and overflow alone.
fn rotate<W: Width, const LEFT: bool>(core: &mut Core, op: &Op) -> Outcome {
    let r = rotated::<W, LEFT>(core, op) << W::GAP;
    let (top, next, low) = (r >> 63, (r >> 62) & 1, (r >> W::GAP) & 1);
    let (carry, overflow) = if LEFT { (low, top ^ low) } else { (top, top ^ next) };
    core.flags.change(CF | OF, when(carry != 0, CF) | when(overflow != 0, OF));
    Ok(())
}

fn rotate_only<W: Width, const LEFT: bool>(core: &mut Core, op: &Op) -> Outcome {
    rotated::<W, LEFT>(core, op);
    Ok(())
}
