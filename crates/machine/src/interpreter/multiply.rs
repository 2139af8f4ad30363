//! Products and quotients.

use super::arithmetic::wide;
use super::core::{Core, Outcome, Stop};
use super::operand::{gap, mask, signed};
use crate::Exit;
use iced_x86::{Instruction, Mnemonic};

impl Core {
    /// The upper and the lower half of what `mul` and `div` use: AH:AL, DX:AX, EDX:EAX or RDX:RAX.
    fn halves(&self, size: usize) -> (u64, u64) {
        match size {
            1 => (self.general[0] >> 8 & 0xFF, self.general[0] & 0xFF),
            _ => (self.general[2] & mask(size), self.general[0] & mask(size)),
        }
    }

    fn set_halves(&mut self, high: u64, low: u64, size: usize) {
        use iced_x86::Register as R;
        let (upper, lower) = match size {
            1 => (R::AH, R::AL),
            2 => (R::DX, R::AX),
            4 => (R::EDX, R::EAX),
            _ => (R::RDX, R::RAX),
        };
        self.set(upper, high);
        self.set(lower, low);
    }

    /// The flags of a product; sign, zero and parity are those of its lower half, as processors do.
    fn product(&mut self, low: u64, matters: bool, size: usize) {
        self.flags.explicit(low << gap(size), gap(size), wide(matters));
    }
}

/// `mul`, and `imul` with one operand.
pub(crate) fn one(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let bits = size * 8;
    let b = core.read(i, 0)?;
    let (_, a) = core.halves(size);
    let (r, matters) = if i.mnemonic() == Mnemonic::Mul {
        let r = u128::from(a) * u128::from(b);
        (r, r >> bits != 0)
    } else {
        let r = i128::from(signed(a, size)) * i128::from(signed(b, size));
        (r as u128, r != i128::from(signed(r as u64, size)))
    };
    let (high, low) = ((r >> bits) as u64 & mask(size), r as u64 & mask(size));
    core.set_halves(high, low, size);
    core.product(low, matters, size);
    Ok(())
}

/// `imul` with two or three operands.
pub(crate) fn signed_many(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let first = i.op_count() - 2;
    let a = core.read(i, first)?;
    let b = core.read(i, first + 1)?;
    let r = i128::from(signed(a, size)) * i128::from(signed(b, size));
    let matters = r != i128::from(signed(r as u64, size));
    core.write(i, 0, r as u64 & mask(size))?;
    core.product(r as u64, matters, size);
    Ok(())
}

/// `div` and `idiv`.
pub(crate) fn divide(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let bits = size * 8;
    let divisor = core.read(i, 0)?;
    let (high, low) = core.halves(size);
    let dividend = u128::from(high) << bits | u128::from(low);
    let fits = if i.mnemonic() == Mnemonic::Div {
        unsigned_quotient(dividend, divisor, size)
    } else {
        let spread = (dividend << (128 - 2 * bits)) as i128 >> (128 - 2 * bits);
        signed_quotient(spread, signed(divisor, size), size)
    };
    let Some((quotient, rest)) = fits else {
        return core.raise(Exit::DivideError);
    };
    core.set_halves(rest, quotient, size);
    Ok(())
}

fn unsigned_quotient(dividend: u128, divisor: u64, size: usize) -> Option<(u64, u64)> {
    let quotient = dividend.checked_div(divisor.into())?;
    let rest = dividend % u128::from(divisor);
    (quotient <= mask(size).into()).then_some((quotient as u64, rest as u64))
}

fn signed_quotient(dividend: i128, divisor: i64, size: usize) -> Option<(u64, u64)> {
    let quotient = dividend.checked_div(divisor.into())?;
    let rest = dividend.checked_rem(divisor.into())?;
    let fits = quotient == i128::from(signed(quotient as u64, size));
    fits.then_some((quotient as u64, rest as u64))
}

/// `mulx`: a product that leaves the flags alone.
pub(crate) fn without_flags(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let b = core.read(i, 2)?;
    let r = u128::from(core.general[2] & mask(size)) * u128::from(b);
    // Where both are one register, it gets the upper half.
    core.write(i, 1, r as u64 & mask(size))?;
    core.write(i, 0, (r >> (size * 8)) as u64)
}

/// `cbw`, `cwde`, `cdqe`: the accumulator's sign is spread over itself. `cwd`, `cdq`, `cqo`: over RDX.
pub(crate) fn spread(core: &mut Core, i: &Instruction) -> Result<(), Stop> {
    use iced_x86::Register as R;
    let a = core.general[0];
    match i.mnemonic() {
        Mnemonic::Cbw => core.set(R::AX, signed(a, 1) as u64),
        Mnemonic::Cwde => core.set(R::EAX, signed(a, 2) as u64),
        Mnemonic::Cdqe => core.set(R::RAX, signed(a, 4) as u64),
        Mnemonic::Cwd => core.set(R::DX, (signed(a, 2) >> 63) as u64),
        Mnemonic::Cdq => core.set(R::EDX, (signed(a, 4) >> 63) as u64),
        _ => core.set(R::RDX, (signed(a, 8) >> 63) as u64),
    }
    Ok(())
}
