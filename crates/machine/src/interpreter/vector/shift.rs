//! Shifts of elements.

use super::lane::{Element, both, each};
use super::{immediate, plain_operands};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::family::Family;
use iced_x86::{Instruction, Mnemonic, OpKind};

/// What a shift does to a lane, all elements by the same count.
type Shift = fn(u128, u64) -> u128;

pub(super) fn family(i: &Instruction) -> Option<Family> {
    if uniform(i.mnemonic()).is_some() {
        return Some(by_one_count);
    }
    each_by_its_own(i.mnemonic()).map(|_| by_counts as Family)
}

fn left<T: Element>(lane: u128, by: u64) -> u128 {
    each::<T, T>(lane, |x| T::of(if by < T::BITS as u64 { x.word() << by } else { 0 }))
}

fn right<T: Element>(lane: u128, by: u64) -> u128 {
    each::<T, T>(lane, |x| T::of(if by < T::BITS as u64 { x.word() >> by } else { 0 }))
}

fn uniform(mnemonic: Mnemonic) -> Option<Shift> {
    use Mnemonic as M;
    Some(match mnemonic {
        M::Psllw | M::Vpsllw => left::<u16>,
        M::Pslld | M::Vpslld => left::<u32>,
        M::Psllq | M::Vpsllq => left::<u64>,
        M::Psrlw | M::Vpsrlw => right::<u16>,
        M::Psrld | M::Vpsrld => right::<u32>,
        M::Psrlq | M::Vpsrlq => right::<u64>,
        M::Psraw | M::Vpsraw => |lane, by| each::<i16, i16>(lane, |x| x >> by.min(15)),
        M::Psrad | M::Vpsrad => |lane, by| each::<i32, i32>(lane, |x| x >> by.min(31)),
        _ => return None,
    })
}

/// The count is the immediate, or the lower 64 bits of a vector.
fn by_one_count(core: &mut Core, i: &Instruction) -> Outcome {
    let Some(shift) = uniform(i.mnemonic()) else { return core.unsupported(i) };
    let last = i.op_count() - 1;
    let (count, of) = if i.op_kind(last) == OpKind::Immediate8 {
        (immediate(i).into(), plain_operands(i) - 1)
    } else {
        (core.vector(i, last)?[0] as u64, last - 1)
    };
    let a = core.vector(i, of)?;
    core.set_vector(i, a.map(|lane| shift(lane, count)));
    Ok(())
}

fn each_by_its_own(mnemonic: Mnemonic) -> Option<fn(u128, u128) -> u128> {
    use Mnemonic as M;
    Some(match mnemonic {
        M::Vpsllvd => |a, b| both::<u32, u32>(a, b, |x, by| x.checked_shl(by).unwrap_or(0)),
        M::Vpsrlvd => |a, b| both::<u32, u32>(a, b, |x, by| x.checked_shr(by).unwrap_or(0)),
        M::Vpsravd => |a, b| both::<u32, u32>(a, b, |x, by| (x as i32 >> by.min(31)) as u32),
        M::Vpsllvq => |a, b| both::<u64, u64>(a, b, |x, by| if by < 64 { x << by } else { 0 }),
        M::Vpsrlvq => |a, b| both::<u64, u64>(a, b, |x, by| if by < 64 { x >> by } else { 0 }),
        _ => return None,
    })
}

fn by_counts(core: &mut Core, i: &Instruction) -> Outcome {
    let Some(shift) = each_by_its_own(i.mnemonic()) else { return core.unsupported(i) };
    let a = core.vector(i, 1)?;
    let b = core.vector(i, 2)?;
    core.set_vector(i, [shift(a[0], b[0]), shift(a[1], b[1])]);
    Ok(())
}
