//! Single bits, counts of bits, and instructions that pick bits.

use super::core::{Core, Outcome};
use super::flags::{CF, SF, STATUS, ZF, when};
use super::operand::{gap, mask, signed};
use iced_x86::{Instruction, Mnemonic, OpKind};

/// `bt`, `btc`, `btr`, `bts`. A register as bit number reaches beyond a memory operand.
pub(crate) fn test(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let number = core.read(i, 1)?;
    let bit = number & (size as u64 * 8 - 1);
    let writes = i.mnemonic() != Mnemonic::Bt;
    let place = (i.op0_kind() == OpKind::Memory).then(|| {
        let beyond = match i.op1_kind() {
            OpKind::Register => (signed(number, size) >> (size * 8).trailing_zeros()) * size as i64,
            _ => 0,
        };
        core.address(i).wrapping_add(beyond as u64)
    });
    let a = match place {
        Some(address) => {
            if writes {
                core.check_write(address, size)?;
            }
            core.load_integer(address, size)?
        }
        None => core.read(i, 0)?,
    };
    let r = match i.mnemonic() {
        Mnemonic::Btc => a ^ 1 << bit,
        Mnemonic::Btr => a & !(1 << bit),
        _ => a | 1 << bit,
    };
    if writes {
        match place {
            Some(address) => core.store_integer(address, size, r)?,
            None => core.write(i, 0, r)?,
        }
    }
    core.flags.change(CF, a >> bit & 1);
    Ok(())
}

/// `bsf` and `bsr`: of zero, the destination stays as it was.
pub(crate) fn scan(core: &mut Core, i: &Instruction) -> Outcome {
    let a = core.read(i, 1)?;
    if a == 0 {
        core.flags.change(STATUS, ZF);
        return Ok(());
    }
    let r = match i.mnemonic() {
        Mnemonic::Bsf => a.trailing_zeros(),
        _ => 63 - a.leading_zeros(),
    };
    core.write(i, 0, r.into())?;
    core.flags.change(ZF, 0);
    Ok(())
}

/// `tzcnt`, `lzcnt`, `popcnt`.
pub(crate) fn count(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let bits = size as u32 * 8;
    let a = core.read(i, 1)?;
    let zeros = when(a == 0, CF);
    let (r, carry) = match i.mnemonic() {
        Mnemonic::Tzcnt => (a.trailing_zeros().min(bits), zeros),
        Mnemonic::Lzcnt => (a.leading_zeros() - gap(size), zeros),
        _ => (a.count_ones(), 0),
    };
    core.write(i, 0, r.into())?;
    core.flags.set_status(carry | when(r == 0, ZF));
    Ok(())
}

/// `bswap`.
pub(crate) fn swap_bytes(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let a = core.read(i, 0)?;
    // Of 16 bits it is undefined, and zero on processors.
    let r = if size == 2 { 0 } else { a.swap_bytes() >> gap(size) };
    core.write(i, 0, r)
}

/// `movbe`.
pub(crate) fn move_swapped(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let a = core.read(i, 1)?;
    core.write(i, 0, a.swap_bytes() >> gap(size))
}

/// `crc32`: the Castagnoli polynomial, bits reversed.
pub(crate) fn checksum(core: &mut Core, i: &Instruction) -> Outcome {
    let bytes = core.read(i, 1)?.to_le_bytes();
    let mut sum = core.general[i.op0_register().full_register().number() & 15] as u32;
    for byte in &bytes[..Core::size(i, 1)] {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 != 0 { 0x82F6_3B78 } else { 0 };
        }
    }
    core.write(i, 0, sum.into())
}

/// `andn`, `blsi`, `blsmsk`, `blsr`, `bextr`, `bzhi`.
pub(crate) fn pick(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let bits = size as u64 * 8;
    let a = core.read(i, 1)?;
    let b = if i.op_count() > 2 { core.read(i, 2)? } else { 0 };
    let below = a.wrapping_sub(1);
    let (r, carry) = match i.mnemonic() {
        Mnemonic::Andn => (!a & b, false),
        Mnemonic::Blsi => (a & a.wrapping_neg(), a != 0),
        Mnemonic::Blsmsk => (a ^ below, a == 0),
        Mnemonic::Blsr => (a & below, a == 0),
        Mnemonic::Bextr => (extract(a, b & 0xFF, b >> 8 & 0xFF), false),
        _ => (extract(a, 0, b & 0xFF), b & 0xFF >= bits),
    };
    let r = r & mask(size);
    core.write(i, 0, r)?;
    let sign = when(r >> (bits - 1) != 0, SF);
    core.flags.set_status(when(carry, CF) | when(r == 0, ZF) | sign);
    Ok(())
}

/// So many bits from a bit on.
fn extract(value: u64, from: u64, count: u64) -> u64 {
    let moved = if from < 64 { value >> from } else { 0 };
    if count < 64 { moved & ((1 << count) - 1) } else { moved }
}

/// `pdep` and `pext`.
pub(crate) fn scatter(core: &mut Core, i: &Instruction) -> Outcome {
    let a = core.read(i, 1)?;
    let mut mask = core.read(i, 2)?;
    let (mut r, mut next) = (0, 0);
    while mask != 0 {
        let place = mask.trailing_zeros();
        let (from, to) = if i.mnemonic() == Mnemonic::Pdep { (next, place) } else { (place, next) };
        r |= (a >> from & 1) << to;
        mask &= mask - 1;
        next += 1;
    }
    core.write(i, 0, r)
}
