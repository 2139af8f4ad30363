//! Shifts and rotations.

use super::core::{Core, Outcome};
use super::flags::{CF, OF, when};
use super::operand::{gap, mask, signed};
use iced_x86::{Instruction, Mnemonic};

/// A result, and the last bit that fell out.
type Shifted = (u64, bool);

/// How often to shift: five bits of the count matter, or six for 64 bits.
fn count(raw: u64, size: usize) -> u32 {
    (raw & if size == 8 { 63 } else { 31 }) as u32
}

const fn bit(value: u64, number: u32) -> bool {
    value >> number & 1 != 0
}

/// Carry and overflow as flags.
fn carries(carry: bool, overflow: bool) -> u64 {
    when(carry, CF) | when(overflow, OF)
}

/// `shl`, `shr`, `sar`.
pub(crate) fn shift(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let n = count(core.read(i, 1)?, size);
    let a = core.read_to_write(i, 0)?;
    if n == 0 {
        return core.write(i, 0, a);
    }
    let top = size as u32 * 8 - 1;
    let ((r, carry), overflow) = match i.mnemonic() {
        Mnemonic::Shl | Mnemonic::Sal => {
            let (r, carry) = left(a, n, size);
            ((r, carry), bit(r, top) != carry)
        }
        Mnemonic::Shr => (right(a, n), bit(a, top)),
        _ => {
            let a = signed(a, size);
            let n = n.min(63);
            (((a >> n) as u64 & mask(size), bit((a >> (n - 1)) as u64, 0)), false)
        }
    };
    core.write(i, 0, r)?;
    core.flags.explicit(r << gap(size), gap(size), carries(carry, overflow));
    Ok(())
}

fn left(a: u64, n: u32, size: usize) -> Shifted {
    let wide = u128::from(a) << n;
    (wide as u64 & mask(size), wide >> (size * 8) & 1 != 0)
}

fn right(a: u64, n: u32) -> Shifted {
    (a.checked_shr(n).unwrap_or(0), bit(a.checked_shr(n - 1).unwrap_or(0), 0))
}

/// `shld` and `shrd`: bits come in from another register.
pub(crate) fn double(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let bits = size as u32 * 8;
    let n = count(core.read(i, 2)?, size);
    let filler = core.read(i, 1)?;
    let a = core.read_to_write(i, 0)?;
    if n == 0 {
        return core.write(i, 0, a);
    }
    // A count above the width is undefined; of 16 bits the operands are taken as a ring then.
    let n = if n > bits { n - bits } else { n };
    let (r, carry) = if i.mnemonic() == Mnemonic::Shld {
        let wide = (u128::from(a) << bits | u128::from(filler)) << n;
        ((wide >> bits) as u64 & mask(size), bit(a, bits - n))
    } else {
        let wide = u128::from(filler) << bits | u128::from(a);
        ((wide >> n) as u64 & mask(size), wide >> (n - 1) & 1 != 0)
    };
    core.write(i, 0, r)?;
    let overflow = bit(a ^ r, bits - 1);
    core.flags.explicit(r << gap(size), gap(size), carries(carry, overflow));
    Ok(())
}

/// `rol` and `ror`, which change carry and overflow alone.
pub(crate) fn rotate(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let bits = size as u32 * 8;
    let n = count(core.read(i, 1)?, size);
    let a = core.read_to_write(i, 0)?;
    let wide = u128::from(a) << bits | u128::from(a);
    let by = n % bits;
    let (r, carry, overflow) = if i.mnemonic() == Mnemonic::Rol {
        let r = (wide << by >> bits) as u64 & mask(size);
        (r, bit(r, 0), bit(r, bits - 1) != bit(r, 0))
    } else {
        let r = (wide >> by) as u64 & mask(size);
        (r, bit(r, bits - 1), bit(r, bits - 1) != bit(r, bits - 2))
    };
    core.write(i, 0, r)?;
    if n != 0 {
        core.flags.change(CF | OF, carries(carry, overflow));
    }
    Ok(())
}

/// `rcl` and `rcr`, which rotate through the carry.
pub(crate) fn rotate_carry(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let bits = size as u32 * 8;
    let n = count(core.read(i, 1)?, size) % (bits + 1);
    let a = core.read_to_write(i, 0)?;
    if n == 0 {
        return core.write(i, 0, a);
    }
    let whole = u128::from(core.flags.carry()) << bits | u128::from(a);
    let by = if i.mnemonic() == Mnemonic::Rcl { n } else { bits + 1 - n };
    let turned = whole << by | whole >> (bits + 1 - by);
    let (r, carry) = (turned as u64 & mask(size), turned >> bits & 1 != 0);
    let overflow = if i.mnemonic() == Mnemonic::Rcl {
        bit(r, bits - 1) != carry
    } else {
        bit(r, bits - 1) != bit(r, bits - 2)
    };
    core.write(i, 0, r)?;
    core.flags.change(CF | OF, carries(carry, overflow));
    Ok(())
}

/// `rorx`, `sarx`, `shlx`, `shrx`, which leave the flags alone.
pub(crate) fn without_flags(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let a = core.read(i, 1)?;
    let n = count(core.read(i, 2)?, size);
    let r = match (i.mnemonic(), size) {
        (Mnemonic::Rorx, 4) => u64::from((a as u32).rotate_right(n)),
        (Mnemonic::Rorx, _) => a.rotate_right(n),
        (Mnemonic::Sarx, _) => (signed(a, size) >> n) as u64,
        (Mnemonic::Shlx, _) => a << n,
        _ => a >> n,
    };
    core.write(i, 0, r & mask(size))
}
