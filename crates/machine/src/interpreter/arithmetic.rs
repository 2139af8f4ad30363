//! Addition, subtraction, logic, and what is made of them.

use super::core::{Core, Outcome};
use super::flags::{CF, OF};
use super::operand::{gap, mask};
use iced_x86::{Instruction, Mnemonic, OpKind};

impl Core {
    /// `a + b + carry`, with its flags. Operands may have anything above their width.
    pub(crate) fn add(&mut self, a: u64, b: u64, carry: bool, size: usize) -> u64 {
        let shift = gap(size);
        let (a, b) = (a << shift, b << shift);
        let r = a.wrapping_add(b).wrapping_add(u64::from(carry) << shift);
        self.flags.added(a, b, r, shift);
        if carry {
            // The carry is not seen in operands and result alone.
            self.flags.set_status(self.flags.status());
        }
        r >> shift
    }

    /// `a - b - borrow`, with its flags.
    pub(crate) fn subtract(&mut self, a: u64, b: u64, borrow: bool, size: usize) -> u64 {
        let shift = gap(size);
        let (a, b) = (a << shift, b << shift);
        let r = a.wrapping_sub(b).wrapping_sub(u64::from(borrow) << shift);
        self.flags.subtracted(a, b, r, shift);
        if borrow {
            self.flags.set_status(self.flags.status());
        }
        r >> shift
    }

    /// The flags of a logical operation.
    pub(crate) fn logical(&mut self, r: u64, size: usize) -> u64 {
        self.flags.logical(r << gap(size), gap(size));
        r & mask(size)
    }

    /// One more or one less, which leaves the carry alone.
    pub(crate) fn step(&mut self, a: u64, up: bool, size: usize) -> u64 {
        let carry = u64::from(self.flags.carry()) * CF;
        let r = if up { self.add(a, 1, false, size) } else { self.subtract(a, 1, false, size) };
        self.flags.change(CF, carry);
        r
    }
}

/// `add`, `adc`, `sub`, `sbb`, `and`, `or`, `xor`: two operands, and the result in the first.
pub(crate) fn two(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let b = core.read(i, 1)?;
    let a = core.read_to_write(i, 0)?;
    let before = core.flags;
    let carry = core.flags.carry();
    let r = match i.mnemonic() {
        Mnemonic::Add => core.add(a, b, false, size),
        Mnemonic::Adc => core.add(a, b, carry, size),
        Mnemonic::Sub => core.subtract(a, b, false, size),
        Mnemonic::Sbb => core.subtract(a, b, carry, size),
        Mnemonic::And => core.logical(a & b, size),
        Mnemonic::Or => core.logical(a | b, size),
        _ => core.logical(a ^ b, size),
    };
    core.write(i, 0, r).inspect_err(|_| core.flags = before)
}

/// `cmp` and `test`, which change flags alone.
pub(crate) fn compare(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let a = core.read(i, 0)?;
    let b = core.read(i, 1)?;
    match i.mnemonic() {
        Mnemonic::Cmp => core.subtract(a, b, false, size),
        _ => core.logical(a & b, size),
    };
    Ok(())
}

/// `inc`, `dec`, `neg`, `not`.
pub(crate) fn one(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let a = core.read_to_write(i, 0)?;
    let before = core.flags;
    let r = match i.mnemonic() {
        Mnemonic::Inc => core.step(a, true, size),
        Mnemonic::Dec => core.step(a, false, size),
        Mnemonic::Neg => core.subtract(0, a, false, size),
        _ => !a & mask(size),
    };
    core.write(i, 0, r).inspect_err(|_| core.flags = before)
}

/// `adcx` and `adox`, which carry in one flag and leave the others.
pub(crate) fn carry_apart(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let flag = if i.mnemonic() == Mnemonic::Adcx { CF } else { OF };
    let a = core.read(i, 0)?;
    let b = core.read(i, 1)?;
    let carry = u128::from(core.flags.status() & flag != 0);
    let r = u128::from(a) + u128::from(b) + carry;
    let out = if r >> (size * 8) != 0 { flag } else { 0 };
    core.write(i, 0, r as u64)?;
    core.flags.change(flag, out);
    Ok(())
}

/// `xadd`: the sum goes to the first operand, what was there to the second.
pub(crate) fn exchange_add(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let a = core.read_to_write(i, 0)?;
    let b = core.read(i, 1)?;
    let r = core.add(a, b, false, size);
    if i.op0_kind() == OpKind::Memory {
        // The address may be made of the register that is written.
        core.write(i, 0, r)?;
        return core.write(i, 1, a);
    }
    // Where both are one register, the sum is written last.
    core.write(i, 1, a)?;
    core.write(i, 0, r)
}

/// `cmpxchg`.
pub(crate) fn compare_exchange(core: &mut Core, i: &Instruction) -> Outcome {
    let size = Core::size(i, 0);
    let old = core.read_to_write(i, 0)?;
    let expected = core.general[0] & mask(size);
    let new = core.read(i, 1)?;
    core.subtract(expected, old, false, size);
    if old == expected {
        return core.write(i, 0, new);
    }
    // Memory is written in either case, a register is not.
    if i.op0_kind() == OpKind::Memory {
        core.write(i, 0, old)?;
    }
    core.set(accumulator(size), old);
    Ok(())
}

/// AL, AX, EAX or RAX.
pub(crate) fn accumulator(size: usize) -> iced_x86::Register {
    match size {
        1 => iced_x86::Register::AL,
        2 => iced_x86::Register::AX,
        4 => iced_x86::Register::EAX,
        _ => iced_x86::Register::RAX,
    }
}

/// `lahf` and `sahf`, `clc`, `stc`, `cmc`, `cld`, `std`, `clac`, `stac`.
pub(crate) fn flags(core: &mut Core, i: &Instruction) -> Outcome {
    const LOW: u64 = 0xFF & super::flags::STATUS;
    let ah = iced_x86::Register::AH;
    match i.mnemonic() {
        Mnemonic::Lahf => core.set(ah, core.flags.word()),
        Mnemonic::Sahf => core.flags.change(LOW, core.get(ah)),
        Mnemonic::Clc => core.flags.change(CF, 0),
        Mnemonic::Stc => core.flags.change(CF, CF),
        Mnemonic::Cmc => core.flags.change(CF, u64::from(!core.flags.carry())),
        Mnemonic::Stac => core.flags.set_other(super::flags::AC, true),
        Mnemonic::Clac => core.flags.set_other(super::flags::AC, false),
        Mnemonic::Cld => core.flags.set_other(super::flags::DF, false),
        _ => core.flags.set_other(super::flags::DF, true),
    }
    Ok(())
}

/// The flags of a product: carry and overflow say whether its upper half matters.
pub(crate) const fn wide(matters: bool) -> u64 {
    if matters { CF | OF } else { 0 }
}
