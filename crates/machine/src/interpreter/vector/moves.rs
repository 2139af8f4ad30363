//! Moves of vectors and of parts of them.

use super::is_new;
use super::lane::{pick, put};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::family::Family;
use iced_x86::{Code, Instruction, Mnemonic, OpKind};

pub(super) fn family(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Movsd if i.code() == Code::Movsd_m32_m32 => return None,
        M::Movaps | M::Movapd | M::Movups | M::Movupd | M::Movdqa | M::Movdqu | M::Lddqu => whole,
        M::Movntps | M::Movntpd | M::Movntdq | M::Movntdqa => whole,
        M::Vmovaps | M::Vmovapd | M::Vmovups | M::Vmovupd | M::Vmovdqa | M::Vmovdqu => whole,
        M::Vlddqu | M::Vmovntps | M::Vmovntpd | M::Vmovntdq | M::Vmovntdqa => whole,
        M::Movss | M::Movsd | M::Vmovss | M::Vmovsd => scalar,
        M::Movd | M::Movq | M::Vmovd | M::Vmovq => between,
        M::Movhps | M::Movhpd | M::Movlps | M::Movlpd | M::Movhlps | M::Movlhps => half,
        M::Vmovhps | M::Vmovhpd | M::Vmovlps | M::Vmovlpd | M::Vmovhlps | M::Vmovlhps => half,
        M::Movmskps | M::Movmskpd | M::Pmovmskb => signs,
        M::Vmovmskps | M::Vmovmskpd | M::Vpmovmskb => signs,
        M::Vmaskmovps | M::Vmaskmovpd | M::Vpmaskmovd | M::Vpmaskmovq => masked,
        M::Vzeroupper | M::Vzeroall => zero,
        _ => return None,
    })
}

/// A whole register.
fn whole(core: &mut Core, i: &Instruction) -> Outcome {
    let value = core.vector(i, 1)?;
    if i.op0_kind() == OpKind::Memory {
        return core.store_vector(i, value);
    }
    core.set_vector(i, value);
    Ok(())
}

/// `movss` and `movsd`: a load clears the rest of the lane, a move between registers takes it from the first.
fn scalar(core: &mut Core, i: &Instruction) -> Outcome {
    let last = i.op_count() - 1;
    let value = core.vector(i, last)?;
    if i.op0_kind() == OpKind::Memory {
        return core.store_vector(i, value);
    }
    if i.op_kind(last) == OpKind::Memory {
        core.set_vector(i, value);
        return Ok(());
    }
    let rest = core.vector(i, last - 1)?[0];
    let r = match i.mnemonic() {
        Mnemonic::Movss | Mnemonic::Vmovss => put(rest, 0, pick::<u32>(value[0], 0)),
        _ => put(rest, 0, pick::<u64>(value[0], 0)),
    };
    core.set_vector(i, [r, 0]);
    Ok(())
}

/// `movd` and `movq`, between vectors, general registers and memory.
fn between(core: &mut Core, i: &Instruction) -> Outcome {
    let general =
        |operand| i.op_kind(operand) == OpKind::Register && i.op_register(operand).is_gpr();
    if general(0) || i.op0_kind() == OpKind::Memory {
        let value = core.lanes_of(i.op1_register().number())[0] as u64;
        return core.write(i, 0, value);
    }
    let value = if general(1) || i.op1_kind() == OpKind::Memory {
        core.read(i, 1)?
    } else {
        core.lanes_of(i.op1_register().number())[0] as u64
    };
    core.set_vector(i, [value.into(), 0]);
    Ok(())
}

/// Half a lane, of which the other half stays.
fn half(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let last = i.op_count() - 1;
    let into_high = matches!(
        i.mnemonic(),
        M::Movhps | M::Movhpd | M::Movlhps | M::Vmovhps | M::Vmovhpd | M::Vmovlhps
    );
    if i.op0_kind() == OpKind::Memory {
        let lane = core.lanes_of(i.op1_register().number())[0];
        return core.store_vector(i, [if into_high { lane >> 64 } else { lane }, 0]);
    }
    let from_high = matches!(i.mnemonic(), M::Movhlps | M::Vmovhlps);
    let value = core.vector(i, last)?[0] >> if from_high { 64 } else { 0 };
    let rest = if is_new(i) { core.vector(i, 1)?[0] } else { core.vector(i, 0)?[0] };
    let r = put(rest, usize::from(into_high), pick::<u64>(value, 0));
    core.set_vector(i, [r, 0]);
    Ok(())
}

/// The signs of all elements as bits.
fn signs(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let bits = match i.mnemonic() {
        M::Movmskps | M::Vmovmskps => 32,
        M::Movmskpd | M::Vmovmskpd => 64,
        _ => 8,
    };
    let a = core.vector(i, 1)?;
    let each = 128 / bits;
    let mut r = 0_u64;
    for number in 0..each * 2 {
        let lane = a[number / each];
        let sign = lane >> ((number % each + 1) * bits - 1) & 1;
        r |= (sign as u64) << number;
    }
    core.set(i.op0_register().full_register(), r);
    Ok(())
}

/// `vmaskmovps` and its like: elements whose mask has no sign are neither read nor written.
fn masked(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let bytes = if matches!(i.mnemonic(), M::Vmaskmovps | M::Vpmaskmovd) { 4 } else { 8 };
    let stores = i.op0_kind() == OpKind::Memory;
    let mask = core.vector(i, 1)?;
    let count = if i.op_register(1).is_ymm() { 32 } else { 16 } / bytes;
    let address = core.address(i);
    let each = 16 / bytes;
    let chosen = |n: usize| mask[n / each] >> ((n % each + 1) * bytes * 8 - 1) & 1 != 0;
    let place = |n: usize| address.wrapping_add((n * bytes) as u64);
    if stores {
        let value = core.vector(i, 2)?;
        for n in (0..count).filter(|n| chosen(*n)) {
            core.check_write(place(n), bytes)?;
        }
        for n in (0..count).filter(|n| chosen(*n)) {
            let element = value[n / each] >> (n % each * bytes * 8);
            core.store_integer(place(n), bytes, element as u64)?;
        }
        return Ok(());
    }
    let mut r = [0; 2];
    for n in (0..count).filter(|n| chosen(*n)) {
        let element = core.load_integer(place(n), bytes)?;
        r[n / each] |= u128::from(element) << (n % each * bytes * 8);
    }
    core.set_vector(i, r);
    Ok(())
}

/// `vzeroupper` and `vzeroall`.
fn zero(core: &mut Core, i: &Instruction) -> Outcome {
    for number in 0..16 {
        let low = core.lanes_of(number)[0];
        let kept = if i.mnemonic() == Mnemonic::Vzeroall { 0 } else { low };
        core.set_lanes(number, [kept, 0]);
    }
    Ok(())
}
