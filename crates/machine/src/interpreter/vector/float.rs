//! Floating-point arithmetic, rounded to nearest.
//!
//! What is no number is treated as the processor does: the first operand that is none becomes the result,
//! made quiet, and what has no result is the negative quiet NaN without payload.

mod element;
mod fused;
mod predicate;

use super::lane::{both, fill, pick, put};
use super::{immediate, is_new, plain_operands};
use crate::interpreter::core::{Core, Outcome, Stop};
use crate::interpreter::family::Family;
pub(super) use element::Number;
use iced_x86::{Instruction, Mnemonic};

/// What is done to elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Least,
    Greatest,
    Root,
    Compare,
    Round,
}

/// To which elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Singles,
    Doubles,
    Single,
    Double,
}

pub(super) fn family(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    if meaning(i.mnemonic()).is_some() {
        return Some(arithmetic);
    }
    Some(match i.mnemonic() {
        M::Haddps | M::Vhaddps | M::Hsubps | M::Vhsubps | M::Addsubps | M::Vaddsubps => across,
        M::Haddpd | M::Vhaddpd | M::Hsubpd | M::Vhsubpd | M::Addsubpd | M::Vaddsubpd => across,
        M::Dpps | M::Vdpps | M::Dppd | M::Vdppd => dot,
        _ => return fused::family(i),
    })
}

/// What a mnemonic does to what.
#[rustfmt::skip]
fn meaning(mnemonic: Mnemonic) -> Option<(Operation, Shape)> {
    use Mnemonic as M;
    use Operation as O;
    use Shape as S;
    Some(match mnemonic {
        M::Addps | M::Vaddps => (O::Add, S::Singles),
        M::Addpd | M::Vaddpd => (O::Add, S::Doubles),
        M::Addss | M::Vaddss => (O::Add, S::Single),
        M::Addsd | M::Vaddsd => (O::Add, S::Double),
        M::Subps | M::Vsubps => (O::Subtract, S::Singles),
        M::Subpd | M::Vsubpd => (O::Subtract, S::Doubles),
        M::Subss | M::Vsubss => (O::Subtract, S::Single),
        M::Subsd | M::Vsubsd => (O::Subtract, S::Double),
        M::Mulps | M::Vmulps => (O::Multiply, S::Singles),
        M::Mulpd | M::Vmulpd => (O::Multiply, S::Doubles),
        M::Mulss | M::Vmulss => (O::Multiply, S::Single),
        M::Mulsd | M::Vmulsd => (O::Multiply, S::Double),
        M::Divps | M::Vdivps => (O::Divide, S::Singles),
        M::Divpd | M::Vdivpd => (O::Divide, S::Doubles),
        M::Divss | M::Vdivss => (O::Divide, S::Single),
        M::Divsd | M::Vdivsd => (O::Divide, S::Double),
        M::Minps | M::Vminps => (O::Least, S::Singles),
        M::Minpd | M::Vminpd => (O::Least, S::Doubles),
        M::Minss | M::Vminss => (O::Least, S::Single),
        M::Minsd | M::Vminsd => (O::Least, S::Double),
        M::Maxps | M::Vmaxps => (O::Greatest, S::Singles),
        M::Maxpd | M::Vmaxpd => (O::Greatest, S::Doubles),
        M::Maxss | M::Vmaxss => (O::Greatest, S::Single),
        M::Maxsd | M::Vmaxsd => (O::Greatest, S::Double),
        M::Sqrtps | M::Vsqrtps => (O::Root, S::Singles),
        M::Sqrtpd | M::Vsqrtpd => (O::Root, S::Doubles),
        M::Sqrtss | M::Vsqrtss => (O::Root, S::Single),
        M::Sqrtsd | M::Vsqrtsd => (O::Root, S::Double),
        M::Cmpps | M::Vcmpps => (O::Compare, S::Singles),
        M::Cmppd | M::Vcmppd => (O::Compare, S::Doubles),
        M::Cmpss | M::Vcmpss => (O::Compare, S::Single),
        M::Cmpsd | M::Vcmpsd => (O::Compare, S::Double),
        M::Roundps | M::Vroundps => (O::Round, S::Singles),
        M::Roundpd | M::Vroundpd => (O::Round, S::Doubles),
        M::Roundss | M::Vroundss => (O::Round, S::Single),
        M::Roundsd | M::Vroundsd => (O::Round, S::Double),
        _ => return None,
    })
}

impl Core {
    /// Leaves where MXCSR asks for more than is modelled: another rounding than to nearest, denormals
    /// as zero, or an exception that is not masked.
    pub(super) fn plain_arithmetic(&mut self, i: &Instruction) -> Outcome {
        if self.rounding(i)? == 0 { Ok(()) } else { self.unsupported(i) }
    }

    /// How MXCSR asks to round: to nearest, down, up, towards zero. Leaves where it asks for more.
    pub(super) fn rounding(&mut self, i: &Instruction) -> Result<u8, Stop> {
        const ROUNDING: u32 = 0x6000;
        const MATTERS: u32 = 0xFFC0 & !ROUNDING;
        let mxcsr = self.registers.mxcsr;
        if mxcsr & MATTERS == 0x1F80 { Ok((mxcsr >> 13 & 3) as u8) } else { self.unsupported(i) }
    }
}

fn apply<T: Number>(operation: Operation, a: T, b: T, by: u8) -> T {
    match operation {
        Operation::Add => a.plus(b),
        Operation::Subtract => a.minus(b),
        Operation::Multiply => a.times(b),
        Operation::Divide => a.over(b),
        Operation::Least => {
            if a.below(b) {
                a
            } else {
                b
            }
        }
        Operation::Greatest => {
            if b.below(a) {
                a
            } else {
                b
            }
        }
        Operation::Root => b.root(),
        Operation::Compare => T::ones(predicate::holds(a.order(b), by)),
        Operation::Round => b.rounded(by),
    }
}

fn arithmetic(core: &mut Core, i: &Instruction) -> Outcome {
    let Some((operation, shape)) = meaning(i.mnemonic()) else { return core.unsupported(i) };
    let by = immediate(i);
    if operation == Operation::Round {
        let by = rounding(core, i, by)?;
        return elements(core, i, (operation, shape), by);
    }
    core.plain_arithmetic(i)?;
    // The old encoding has eight predicates.
    let predicate = by & if is_new(i) { 15 } else { 7 };
    elements(core, i, (operation, shape), predicate)
}

/// How the immediate of `roundps` and its like asks to round; bit 2 asks for what MXCSR says.
fn rounding(core: &mut Core, i: &Instruction, by: u8) -> Result<u8, Stop> {
    let usual = core.rounding(i)?;
    Ok(if by & 4 != 0 { usual } else { by & 3 })
}

fn elements(
    core: &mut Core,
    i: &Instruction,
    (operation, shape): (Operation, Shape),
    by: u8,
) -> Outcome {
    let last = plain_operands(i) - 1;
    let b = core.vector(i, last)?;
    let a = core.vector(i, last.saturating_sub(1))?;
    let lane = |lane: usize| match shape {
        Shape::Singles => both::<f32, f32>(a[lane], b[lane], |x, y| apply(operation, x, y, by)),
        Shape::Doubles => both::<f64, f64>(a[lane], b[lane], |x, y| apply(operation, x, y, by)),
        Shape::Single => {
            put(a[lane], 0, apply::<f32>(operation, pick(a[lane], 0), pick(b[lane], 0), by))
        }
        Shape::Double => {
            put(a[lane], 0, apply::<f64>(operation, pick(a[lane], 0), pick(b[lane], 0), by))
        }
    };
    core.set_vector(i, [lane(0), lane(1)]);
    Ok(())
}

/// Operations between neighbours, and those that subtract and add in turns.
fn across(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    core.plain_arithmetic(i)?;
    let last = i.op_count() - 1;
    let b = core.vector(i, last)?;
    let a = core.vector(i, last - 1)?;
    let lane = |n: usize| match i.mnemonic() {
        M::Haddps | M::Vhaddps => neighbours::<f32>(a[n], b[n], f32::plus),
        M::Haddpd | M::Vhaddpd => neighbours::<f64>(a[n], b[n], f64::plus),
        M::Hsubps | M::Vhsubps => neighbours::<f32>(a[n], b[n], f32::minus),
        M::Hsubpd | M::Vhsubpd => neighbours::<f64>(a[n], b[n], f64::minus),
        M::Addsubps | M::Vaddsubps => in_turns::<f32>(a[n], b[n]),
        _ => in_turns::<f64>(a[n], b[n]),
    };
    core.set_vector(i, [lane(0), lane(1)]);
    Ok(())
}

fn neighbours<T: Number>(a: u128, b: u128, f: fn(T, T) -> T) -> u128 {
    let half = 64 / T::BITS;
    fill(|number| {
        let (from, number) = if number < half { (a, number) } else { (b, number - half) };
        f(pick(from, number * 2), pick(from, number * 2 + 1))
    })
}

fn in_turns<T: Number>(a: u128, b: u128) -> u128 {
    fill(|number| {
        let (x, y): (T, T) = (pick(a, number), pick(b, number));
        if number % 2 == 0 { x.minus(y) } else { x.plus(y) }
    })
}

/// Products of the elements that the immediate's upper bits choose, summed up in pairs, to where its lower
/// bits say.
///
/// Which of several that are no numbers comes out differs from element to element of the result, so that is
/// not supported.
fn dot(core: &mut Core, i: &Instruction) -> Outcome {
    core.plain_arithmetic(i)?;
    let by = immediate(i);
    let last = plain_operands(i) - 1;
    let b = core.vector(i, last)?;
    let a = core.vector(i, last - 1)?;
    let single = matches!(i.mnemonic(), Mnemonic::Dpps | Mnemonic::Vdpps);
    let lane = |n: usize| {
        if single {
            let sum = |from| summed::<f32>(a[n], b[n], by, from);
            spread(sum(0).plus(sum(2)), by)
        } else {
            spread(summed::<f64>(a[n], b[n], by, 0), by)
        }
    };
    match (lane(0), lane(1)) {
        (Some(low), Some(high)) => {
            core.set_vector(i, [low, high]);
            Ok(())
        }
        _ => core.unsupported(i),
    }
}

/// The sum of two products.
fn summed<T: Number>(a: u128, b: u128, by: u8, from: usize) -> T {
    let product = |n: usize| match by >> (4 + n) & 1 {
        0 => T::ones(false),
        _ => pick::<T>(a, n).times(pick(b, n)),
    };
    product(from).plus(product(from + 1))
}

fn spread<T: Number>(sum: T, by: u8) -> Option<u128> {
    sum.order(sum)?;
    Some(fill(|n| if by >> n & 1 != 0 { sum } else { T::ones(false) }))
}
