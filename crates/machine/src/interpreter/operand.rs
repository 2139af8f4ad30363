//! The operands of an instruction as iced-x86 describes it: what every instruction can use.

use super::core::{Core, FS, GS, Outcome, Stop};
use iced_x86::{Instruction, OpKind, Register};

/// The bits of a value of so many bytes.
pub(crate) const fn mask(size: usize) -> u64 {
    if size >= 8 { u64::MAX } else { (1 << (size * 8)) - 1 }
}

/// How far a value of so many bytes is from the upper end of a word.
pub(crate) const fn gap(size: usize) -> u32 {
    64 - size as u32 * 8
}

/// A value of so many bytes with its sign spread to 64 bits.
pub(crate) const fn signed(value: u64, size: usize) -> i64 {
    (value << gap(size)) as i64 >> gap(size)
}

/// The number of a general register, and by how many bits its value is moved (8 for AH and its like).
pub(crate) fn number(register: Register) -> (usize, u32) {
    match register {
        Register::AH => (0, 8),
        Register::CH => (1, 8),
        Register::DH => (2, 8),
        Register::BH => (3, 8),
        _ => (register.full_register().number() & 15, 0),
    }
}

impl Core {
    /// What a general register of any size holds.
    pub(crate) fn get(&self, register: Register) -> u64 {
        let (number, shift) = number(register);
        self.general[number] >> shift & mask(register.size())
    }

    /// Sets a general register. A write of 32 bits clears the rest, smaller ones leave it.
    pub(crate) fn set(&mut self, register: Register, value: u64) {
        let (number, shift) = number(register);
        let old = self.general[number];
        self.general[number] = match register.size() {
            8 => value,
            4 => value & 0xFFFF_FFFF,
            size => old & !(mask(size) << shift) | (value & mask(size)) << shift,
        };
    }

    /// The address of the memory operand without its segment.
    pub(crate) fn offset(&self, i: &Instruction) -> u64 {
        let mut address = i.memory_displacement64();
        let base = i.memory_base();
        if base != Register::None && base != Register::RIP && base != Register::EIP {
            address = address.wrapping_add(self.get(base));
        }
        let index = i.memory_index();
        if index != Register::None && index.is_gpr() {
            let index = self.get(index);
            address = address.wrapping_add(index.wrapping_mul(u64::from(i.memory_index_scale())));
        }
        let short = |register: Register| register.is_gpr32() || register == Register::EIP;
        if short(base)
            || short(index)
            || i.memory_displ_size() == 4 && base == Register::None && index == Register::None
        {
            address & 0xFFFF_FFFF
        } else {
            address
        }
    }

    /// The address of the memory operand.
    pub(crate) fn address(&self, i: &Instruction) -> u64 {
        self.offset(i).wrapping_add(self.segment(i.memory_segment()))
    }

    /// Where a segment begins.
    pub(crate) fn segment(&self, segment: Register) -> u64 {
        match segment {
            Register::GS => self.general[GS as usize],
            Register::FS => self.general[FS as usize],
            _ => 0,
        }
    }

    /// Bytes of an operand.
    pub(crate) fn size(i: &Instruction, operand: u32) -> usize {
        match i.op_kind(operand) {
            OpKind::Register => i.op_register(operand).size(),
            OpKind::Memory => i.memory_size().size(),
            _ => Self::size(i, 0),
        }
    }

    /// Reads an integer of so many bytes.
    pub(crate) fn load_integer(&mut self, address: u64, size: usize) -> Result<u64, Stop> {
        Ok(match size {
            1 => u64::from(self.load::<1>(address)?[0]),
            2 => u64::from(u16::from_le_bytes(self.load(address)?)),
            4 => u64::from(u32::from_le_bytes(self.load(address)?)),
            _ => u64::from_le_bytes(self.load(address)?),
        })
    }

    /// Writes an integer of so many bytes.
    pub(crate) fn store_integer(&mut self, address: u64, size: usize, value: u64) -> Outcome {
        match size {
            1 => self.store(address, [value as u8]),
            2 => self.store(address, (value as u16).to_le_bytes()),
            4 => self.store(address, (value as u32).to_le_bytes()),
            _ => self.store(address, value.to_le_bytes()),
        }
    }

    /// The value of an operand, zeros above it.
    pub(crate) fn read(&mut self, i: &Instruction, operand: u32) -> Result<u64, Stop> {
        match i.op_kind(operand) {
            OpKind::Register => Ok(self.get(i.op_register(operand))),
            OpKind::Memory => self.load_integer(self.address(i), i.memory_size().size()),
            _ => Ok(i.immediate(operand) & mask(Self::size(i, 0))),
        }
    }

    /// The value of an operand that is written after: a fault is one of writing then.
    pub(crate) fn read_to_write(&mut self, i: &Instruction, operand: u32) -> Result<u64, Stop> {
        if i.op_kind(operand) == OpKind::Memory {
            self.check_write(self.address(i), i.memory_size().size())?;
        }
        self.read(i, operand)
    }

    /// Sets an operand.
    pub(crate) fn write(&mut self, i: &Instruction, operand: u32, value: u64) -> Outcome {
        match i.op_kind(operand) {
            OpKind::Register => {
                self.set(i.op_register(operand), value);
                Ok(())
            }
            _ => self.store_integer(self.address(i), i.memory_size().size(), value),
        }
    }

    /// Pushes 2 or 8 bytes.
    pub(crate) fn push(&mut self, value: u64, size: usize) -> Outcome {
        let top = self.general[4].wrapping_sub(size as u64);
        self.store_integer(top, size, value)?;
        self.general[4] = top;
        Ok(())
    }

    /// What stands at the top of the stack.
    pub(crate) fn top(&mut self, size: usize) -> Result<u64, Stop> {
        self.load_integer(self.general[4], size)
    }
}
