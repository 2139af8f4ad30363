//! Vector instructions that set flags.

use super::lane::pick;
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::family::Family;
use crate::interpreter::flags::{CF, PF, ZF, when};
use iced_x86::{Instruction, Mnemonic};
use std::cmp::Ordering;

pub(super) fn family(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Ptest | M::Vptest | M::Vtestps | M::Vtestpd => test,
        M::Comiss | M::Ucomiss | M::Vcomiss | M::Vucomiss => single,
        M::Comisd | M::Ucomisd | M::Vcomisd | M::Vucomisd => double,
        _ => return None,
    })
}

/// Whether two vectors share bits, and whether the first has all of the second's.
fn test(core: &mut Core, i: &Instruction) -> Outcome {
    let which = match i.mnemonic() {
        Mnemonic::Vtestps => 0x8000_0000_8000_0000_8000_0000_8000_0000,
        Mnemonic::Vtestpd => 0x8000_0000_0000_0000_8000_0000_0000_0000,
        _ => u128::MAX,
    };
    let b = core.vector(i, 1)?;
    let a = core.vector(i, 0)?;
    let common = (a[0] & b[0] | a[1] & b[1]) & which;
    let lacking = (!a[0] & b[0] | !a[1] & b[1]) & which;
    core.flags.set_status(when(common == 0, ZF) | when(lacking == 0, CF));
    Ok(())
}

fn ordered(core: &mut Core, order: Option<Ordering>) {
    core.flags.set_status(match order {
        None => ZF | PF | CF,
        Some(Ordering::Equal) => ZF,
        Some(Ordering::Less) => CF,
        Some(Ordering::Greater) => 0,
    });
}

fn single(core: &mut Core, i: &Instruction) -> Outcome {
    core.plain_arithmetic(i)?;
    let b: f32 = pick(core.vector(i, 1)?[0], 0);
    let a: f32 = pick(core.vector(i, 0)?[0], 0);
    ordered(core, a.partial_cmp(&b));
    Ok(())
}

fn double(core: &mut Core, i: &Instruction) -> Outcome {
    core.plain_arithmetic(i)?;
    let b: f64 = pick(core.vector(i, 1)?[0], 0);
    let a: f64 = pick(core.vector(i, 0)?[0], 0);
    ordered(core, a.partial_cmp(&b));
    Ok(())
}
