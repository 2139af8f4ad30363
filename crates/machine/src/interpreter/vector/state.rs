//! Saving and restoring of the vector registers.
//!
//! x87 is not supported, so what stands in its part of a saved state is what a reset leaves, but for the control
//! word.

use crate::Exit;
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::family::Family;
use crate::interpreter::x87::RESET;
use iced_x86::{Instruction, Mnemonic};

/// Components of an extended state, as XCR0 names them.
const SSE: u64 = 2;
const AVX: u64 = 4;
const ALL: u64 = 7;

/// Where things stand in a saved state.
const MXCSR: u64 = 24;
const REGISTERS: u64 = 160;
const HEADER: u64 = 512;
const UPPER_HALVES: u64 = 576;

/// The bits of MXCSR that may be set.
const MXCSR_BITS: u32 = 0xFFFF;

pub(super) fn family(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Ldmxcsr | M::Vldmxcsr => load_control,
        M::Stmxcsr | M::Vstmxcsr => store_control,
        M::Fxsave | M::Fxsave64 => save,
        M::Fxrstor | M::Fxrstor64 => restore,
        M::Xsave | M::Xsave64 | M::Xsaveopt | M::Xsaveopt64 => save_extended,
        M::Xrstor | M::Xrstor64 => restore_extended,
        _ => return None,
    })
}

fn load_control(core: &mut Core, i: &Instruction) -> Outcome {
    let value = core.read(i, 0)? as u32;
    if value & !MXCSR_BITS != 0 {
        return core.raise(Exit::GeneralProtection);
    }
    core.registers.mxcsr = value;
    Ok(())
}

fn store_control(core: &mut Core, i: &Instruction) -> Outcome {
    core.write(i, 0, core.registers.mxcsr.into())
}

/// The address of a state, which must be aligned, and may be written as a whole.
fn place(
    core: &mut Core,
    i: &Instruction,
    align: u64,
    length: usize,
    writes: bool,
) -> Result<u64, super::Stop> {
    let address = core.address(i);
    if !address.is_multiple_of(align) {
        return core.raise(Exit::GeneralProtection);
    }
    if writes {
        core.check_write(address, length)?;
    } else {
        core.load::<1>(address)?;
        core.load::<1>(address.wrapping_add(length as u64 - 1))?;
    }
    Ok(address)
}

fn save(core: &mut Core, i: &Instruction) -> Outcome {
    let address = place(core, i, 16, 512, true)?;
    let at = |offset: u64| address.wrapping_add(offset);
    core.store_integer(address, 8, core.x87_control.into())?;
    for offset in [8, 16] {
        core.store_integer(at(offset), 8, 0)?;
    }
    let control = u64::from(core.registers.mxcsr) | u64::from(MXCSR_BITS) << 32;
    core.store_integer(at(MXCSR), 8, control)?;
    for offset in (32..160).step_by(8) {
        core.store_integer(at(offset), 8, 0)?;
    }
    store_lower_halves(core, address)
}

fn store_lower_halves(core: &mut Core, address: u64) -> Outcome {
    for number in 0..16 {
        let lane = core.lanes_of(number)[0];
        core.store(address.wrapping_add(REGISTERS + number as u64 * 16), lane.to_le_bytes())?;
    }
    Ok(())
}

fn restore(core: &mut Core, i: &Instruction) -> Outcome {
    let address = place(core, i, 16, 512, false)?;
    load_mxcsr(core, address)?;
    let control = core.load_integer(address, 2)?;
    core.set_x87_control(control as u16);
    load_lower_halves(core, address)
}

fn load_mxcsr(core: &mut Core, address: u64) -> Outcome {
    let value = core.load_integer(address.wrapping_add(MXCSR), 4)? as u32;
    if value & !MXCSR_BITS != 0 {
        return core.raise(Exit::GeneralProtection);
    }
    core.registers.mxcsr = value;
    Ok(())
}

fn load_lower_halves(core: &mut Core, address: u64) -> Outcome {
    for number in 0..16 {
        let bytes = core.load(address.wrapping_add(REGISTERS + number as u64 * 16))?;
        let high = core.lanes_of(number)[1];
        core.set_lanes(number, [u128::from_le_bytes(bytes), high]);
    }
    Ok(())
}

/// The components that EDX:EAX asks for.
fn asked(core: &Core) -> u64 {
    (core.general[0] & 0xFFFF_FFFF | core.general[2] << 32) & ALL
}

fn save_extended(core: &mut Core, i: &Instruction) -> Outcome {
    let asked = asked(core);
    let address = place(core, i, 64, 832, true)?;
    let at = |offset: u64| address.wrapping_add(offset);
    if asked & 1 != 0 {
        core.store_integer(address, 8, core.x87_control.into())?;
        for offset in (8..24).chain(32..160).step_by(8) {
            core.store_integer(at(offset), 8, 0)?;
        }
    }
    if asked & (SSE | AVX) != 0 {
        let control = u64::from(core.registers.mxcsr) | u64::from(MXCSR_BITS) << 32;
        core.store_integer(at(MXCSR), 8, control)?;
    }
    if asked & SSE != 0 {
        store_lower_halves(core, address)?;
    }
    if asked & AVX != 0 {
        for number in 0..16 {
            let lane = core.lanes_of(number)[1];
            core.store(at(UPPER_HALVES + number as u64 * 16), lane.to_le_bytes())?;
        }
    }
    let old = core.load_integer(at(HEADER), 8)?;
    core.store_integer(at(HEADER), 8, old & !asked | asked)
}

fn restore_extended(core: &mut Core, i: &Instruction) -> Outcome {
    let asked = asked(core);
    let address = place(core, i, 64, 832, false)?;
    let at = |offset: u64| address.wrapping_add(offset);
    let saved = core.load_integer(at(HEADER), 8)?;
    let compact = core.load_integer(at(HEADER + 8), 8)?;
    if saved & !ALL != 0 || compact != 0 {
        return core.raise(Exit::GeneralProtection);
    }
    if asked & (SSE | AVX) != 0 {
        load_mxcsr(core, address)?;
    }
    if asked & 1 != 0 {
        let control = core.load_integer(address, 2)?;
        core.set_x87_control(if saved & 1 != 0 { control as u16 } else { RESET });
    }
    if asked & saved & SSE != 0 {
        load_lower_halves(core, address)?;
    }
    for number in 0..16 {
        let [low, high] = core.lanes_of(number);
        let low = if asked & SSE != 0 && saved & SSE == 0 { 0 } else { low };
        let high = match (asked & AVX != 0, saved & AVX != 0) {
            (false, _) => high,
            (true, false) => 0,
            (true, true) => u128::from_le_bytes(core.load(at(UPPER_HALVES + number as u64 * 16))?),
        };
        core.set_lanes(number, [low, high]);
    }
    Ok(())
}
