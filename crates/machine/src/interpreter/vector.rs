//! SSE and AVX: registers of 128 and 256 bits.
//!
//! Nearly all of it works on lanes of 128 bits, each by itself, so that one function serves the old
//! encoding and both widths of the new one. The old encoding leaves the upper half of a register alone,
//! the new one clears it.
//!
//! MMX registers, AVX-512 and x87 are not supported. Conversions to integers round as MXCSR says; arithmetic with
//! another rounding than to nearest is not supported, nor is anything with denormals as zero or with exceptions
//! unmasked. The status flags of MXCSR stay as they are.

mod bytes;
mod compare;
mod convert;
mod crypto;
mod float;
mod integer;
mod lane;
mod moves;
mod shift;
mod shuffle;
mod state;

use super::core::{Core, Outcome, Stop};
use super::family::Family;
use crate::Exit;
use iced_x86::{EncodingKind, Instruction, Mnemonic, OpKind};

/// What an instruction does to each lane.
#[derive(Clone, Copy)]
enum Work {
    /// From one operand.
    One(fn(u128) -> u128),
    /// From two.
    Two(fn(u128, u128) -> u128),
    /// From one and the immediate.
    OneBy(fn(u128, u8) -> u128),
    /// From two and the immediate.
    TwoBy(fn(u128, u128, u8) -> u128),
}

/// Which function carries out a vector instruction.
pub(crate) fn family(i: &Instruction) -> Option<Family> {
    if i.encoding() != EncodingKind::Legacy && i.encoding() != EncodingKind::VEX {
        return None;
    }
    let foreign = |operand| {
        let register = i.op_register(operand);
        i.op_kind(operand) == OpKind::Register && (register.is_mm() || register.is_st())
    };
    if (0..i.op_count()).any(foreign) {
        return None;
    }
    if work(i.mnemonic()).is_some() {
        return Some(lanes);
    }
    moves::family(i)
        .or_else(|| shift::family(i))
        .or_else(|| shuffle::family(i))
        .or_else(|| float::family(i))
        .or_else(|| compare::family(i))
        .or_else(|| convert::family(i))
        .or_else(|| state::family(i))
}

fn work(mnemonic: Mnemonic) -> Option<Work> {
    integer::work(mnemonic)
        .or_else(|| bytes::work(mnemonic))
        .or_else(|| shuffle::work(mnemonic))
        .or_else(|| crypto::work(mnemonic))
}

/// Whether the encoding is VEX, which clears what it does not write.
fn is_new(i: &Instruction) -> bool {
    i.encoding() == EncodingKind::VEX
}

/// The immediate at the end, or zero.
fn immediate(i: &Instruction) -> u8 {
    match i.op_count() {
        0 => 0,
        count if i.op_kind(count - 1) == OpKind::Immediate8 => i.immediate8(),
        _ => 0,
    }
}

/// How many operands are no immediate.
fn plain_operands(i: &Instruction) -> u32 {
    let last = i.op_count() - 1;
    if i.op_kind(last) == OpKind::Immediate8 { last } else { last + 1 }
}

/// All instructions that do the same to each lane.
fn lanes(core: &mut Core, i: &Instruction) -> Outcome {
    let Some(work) = work(i.mnemonic()) else { return core.unsupported(i) };
    let by = immediate(i);
    let last = plain_operands(i) - 1;
    let b = core.vector(i, last)?;
    let first = |core: &mut Core| core.vector(i, last - 1);
    let r = match work {
        Work::One(f) => b.map(f),
        Work::OneBy(f) => b.map(|b| f(b, by)),
        Work::Two(f) => {
            let a = first(core)?;
            [f(a[0], b[0]), f(a[1], b[1])]
        }
        Work::TwoBy(f) => {
            let a = first(core)?;
            [f(a[0], b[0], by), f(a[1], b[1], by)]
        }
    };
    core.set_vector(i, r);
    Ok(())
}

/// Operations that read 16 bytes wherever they are; all others of the old encoding want them aligned.
fn may_be_anywhere(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Movups | M::Movupd | M::Movdqu | M::Lddqu | M::Pcmpestri | M::Pcmpestrm | M::Pcmpistri
    )
}

/// Operations of the new encoding that want their memory aligned.
fn must_be_aligned(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Vmovaps
            | M::Vmovapd
            | M::Vmovdqa
            | M::Vmovntps
            | M::Vmovntpd
            | M::Vmovntdq
            | M::Vmovntdqa
    )
}

impl Core {
    /// Ends the run at an instruction whose effect is not modelled.
    #[cold]
    pub(crate) fn unsupported<T>(&mut self, i: &Instruction) -> Result<T, Stop> {
        let mut bytes = [0; 15];
        // It was fetched from there a moment ago.
        let _ = self.memory.read(i.ip(), &mut bytes[..i.len()]);
        self.raise(Exit::Unsupported { bytes, length: i.len() as u8 })
    }

    /// Both lanes of a vector register.
    fn lanes_of(&self, number: usize) -> [u128; 2] {
        let bytes = &self.registers.vectors[number & 15];
        let (low, high) = bytes.split_at(16);
        let lane = |bytes: &[u8]| u128::from_le_bytes(bytes.try_into().unwrap_or_default());
        [lane(low), lane(high)]
    }

    /// Sets both lanes of a vector register.
    fn set_lanes(&mut self, number: usize, lanes: [u128; 2]) {
        let bytes = &mut self.registers.vectors[number & 15];
        bytes[..16].copy_from_slice(&lanes[0].to_le_bytes());
        bytes[16..].copy_from_slice(&lanes[1].to_le_bytes());
    }

    /// The value of a vector operand, zeros above it.
    fn vector(&mut self, i: &Instruction, operand: u32) -> Result<[u128; 2], Stop> {
        if i.op_kind(operand) == OpKind::Register {
            let register = i.op_register(operand);
            let lanes = self.lanes_of(register.number());
            return Ok(if register.is_ymm() { lanes } else { [lanes[0], 0] });
        }
        let address = self.aligned(i)?;
        Ok(match i.memory_size().size() {
            32 => {
                let bytes: [u8; 32] = self.load(address)?;
                let (low, high) = bytes.split_at(16);
                let lane = |bytes: &[u8]| u128::from_le_bytes(bytes.try_into().unwrap_or_default());
                [lane(low), lane(high)]
            }
            16 => [u128::from_le_bytes(self.load(address)?), 0],
            size => [self.load_integer(address, size)?.into(), 0],
        })
    }

    /// The address of the memory operand, which may have to be aligned.
    fn aligned(&mut self, i: &Instruction) -> Result<u64, Stop> {
        let address = self.address(i);
        let size = i.memory_size().size() as u64;
        let wanted = if is_new(i) {
            must_be_aligned(i.mnemonic())
        } else {
            size == 16 && !may_be_anywhere(i.mnemonic())
        };
        if wanted && size >= 16 && !address.is_multiple_of(size) {
            return self.raise(Exit::GeneralProtection);
        }
        Ok(address)
    }

    /// Sets the first operand, a register.
    fn set_vector(&mut self, i: &Instruction, value: [u128; 2]) {
        let register = i.op0_register();
        let number = register.number();
        let high = match () {
            () if register.is_ymm() => value[1],
            () if is_new(i) => 0,
            () => self.lanes_of(number)[1],
        };
        self.set_lanes(number, [value[0], high]);
    }

    /// Writes so many bytes of a vector to the memory operand.
    fn store_vector(&mut self, i: &Instruction, value: [u128; 2]) -> Outcome {
        let address = self.aligned(i)?;
        match i.memory_size().size() {
            32 => {
                let mut bytes = [0; 32];
                bytes[..16].copy_from_slice(&value[0].to_le_bytes());
                bytes[16..].copy_from_slice(&value[1].to_le_bytes());
                self.store(address, bytes)
            }
            16 => self.store(address, value[0].to_le_bytes()),
            size => self.store_integer(address, size, value[0] as u64),
        }
    }
}
