//! Conversions between integers and floating-point numbers, and between those of two widths.

use super::float::Number;
use super::lane::{each, fill, pick, put};
use crate::interpreter::core::{Core, Outcome, Stop};
use crate::interpreter::family::Family;
use iced_x86::{Instruction, Mnemonic, OpKind};

pub(super) fn family(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Cvtsi2ss | M::Vcvtsi2ss | M::Cvtsi2sd | M::Vcvtsi2sd => from_integer,
        M::Cvtss2si | M::Vcvtss2si | M::Cvtsd2si | M::Vcvtsd2si => to_integer,
        M::Cvttss2si | M::Vcvttss2si | M::Cvttsd2si | M::Vcvttsd2si => to_integer,
        M::Cvtss2sd | M::Vcvtss2sd | M::Cvtsd2ss | M::Vcvtsd2ss => width,
        M::Cvtdq2ps | M::Vcvtdq2ps | M::Cvtps2dq | M::Vcvtps2dq | M::Cvttps2dq | M::Vcvttps2dq => {
            same_width
        }
        M::Cvtdq2pd | M::Vcvtdq2pd | M::Cvtps2pd | M::Vcvtps2pd => wider,
        M::Cvtpd2dq | M::Vcvtpd2dq | M::Cvttpd2dq | M::Vcvttpd2dq | M::Cvtpd2ps | M::Vcvtpd2ps => {
            narrower
        }
        _ => return None,
    })
}

/// `cvtsi2ss` and `cvtsi2sd`.
fn from_integer(core: &mut Core, i: &Instruction) -> Outcome {
    core.plain_arithmetic(i)?;
    let last = i.op_count() - 1;
    let size = match i.op_kind(last) {
        OpKind::Register => i.op_register(last).size(),
        _ => i.memory_size().size(),
    };
    let value = core.read(i, last)?;
    let value = if size == 4 { i64::from(value as i32) } else { value as i64 };
    let rest = core.vector(i, last - 1)?[0];
    let r = match i.mnemonic() {
        Mnemonic::Cvtsi2ss | Mnemonic::Vcvtsi2ss => put(rest, 0, value as f32),
        _ => put(rest, 0, value as f64),
    };
    core.set_vector(i, [r, 0]);
    Ok(())
}

/// How an instruction rounds: those with two `t` cut off, the others do what MXCSR says.
fn mode(core: &mut Core, i: &Instruction) -> Result<u8, Stop> {
    use Mnemonic as M;
    let cuts = matches!(
        i.mnemonic(),
        M::Cvttss2si
            | M::Vcvttss2si
            | M::Cvttsd2si
            | M::Vcvttsd2si
            | M::Cvttps2dq
            | M::Vcvttps2dq
            | M::Cvttpd2dq
            | M::Vcvttpd2dq
    );
    let usual = core.rounding(i)?;
    Ok(if cuts { 3 } else { usual })
}

/// A rounded number as an integer; what does not fit is the least one.
fn word(value: f64) -> i32 {
    let fits = value >= f64::from(i32::MIN) && value <= f64::from(i32::MAX);
    if fits { value as i32 } else { i32::MIN }
}

fn long(value: f64) -> i64 {
    let fits = value >= i64::MIN as f64 && value < -(i64::MIN as f64);
    if fits { value as i64 } else { i64::MIN }
}

/// `cvtss2si` and its like.
fn to_integer(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let mode = mode(core, i)?;
    let lane = core.vector(i, 1)?[0];
    let value = match i.mnemonic() {
        M::Cvtss2si | M::Vcvtss2si | M::Cvttss2si | M::Vcvttss2si => {
            f64::from(pick::<f32>(lane, 0))
        }
        _ => pick(lane, 0),
    };
    let value = value.rounded(mode);
    let r = match i.op0_register().size() {
        4 => u64::from(word(value) as u32),
        _ => long(value) as u64,
    };
    core.set(i.op0_register().full_register(), r);
    Ok(())
}

/// To 64 bits. What is no number keeps the upper bits of its payload and becomes quiet.
fn widened(value: f32) -> f64 {
    if !value.is_nan() {
        return f64::from(value);
    }
    let bits = u64::from(value.to_bits());
    f64::from_bits(bits >> 31 << 63 | 0x7FF8 << 48 | (bits & 0x7F_FFFF) << 29)
}

/// To 32 bits.
fn narrowed(value: f64) -> f32 {
    if !value.is_nan() {
        return value as f32;
    }
    let bits = value.to_bits();
    f32::from_bits(((bits >> 63 << 31) | 0x7FC0_0000 | (bits >> 29 & 0x3F_FFFF)) as u32)
}

/// `cvtss2sd` and `cvtsd2ss`.
fn width(core: &mut Core, i: &Instruction) -> Outcome {
    core.plain_arithmetic(i)?;
    let last = i.op_count() - 1;
    let value = core.vector(i, last)?[0];
    let rest = core.vector(i, last - 1)?[0];
    let r = match i.mnemonic() {
        Mnemonic::Cvtss2sd | Mnemonic::Vcvtss2sd => put(rest, 0, widened(pick(value, 0))),
        _ => put(rest, 0, narrowed(pick(value, 0))),
    };
    core.set_vector(i, [r, 0]);
    Ok(())
}

/// Between integers and numbers of 32 bits.
fn same_width(core: &mut Core, i: &Instruction) -> Outcome {
    let to_float = matches!(i.mnemonic(), Mnemonic::Cvtdq2ps | Mnemonic::Vcvtdq2ps);
    if to_float {
        core.plain_arithmetic(i)?;
    }
    let mode = mode(core, i)?;
    let a = core.vector(i, 1)?;
    let r = match i.mnemonic() {
        Mnemonic::Cvtdq2ps | Mnemonic::Vcvtdq2ps => a.map(|lane| each(lane, |x: i32| x as f32)),
        _ => a.map(|lane| each(lane, |x: f32| word(f64::from(x).rounded(mode)))),
    };
    core.set_vector(i, r);
    Ok(())
}

/// From 32 bits to 64: one lane becomes two.
fn wider(core: &mut Core, i: &Instruction) -> Outcome {
    core.plain_arithmetic(i)?;
    let a = core.vector(i, 1)?[0];
    let element = |n: usize| match i.mnemonic() {
        Mnemonic::Cvtdq2pd | Mnemonic::Vcvtdq2pd => f64::from(pick::<i32>(a, n)),
        _ => widened(pick(a, n)),
    };
    core.set_vector(i, [fill(element), fill(|n| element(n + 2))]);
    Ok(())
}

/// From 64 bits to 32: two lanes become one.
fn narrower(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    if matches!(i.mnemonic(), M::Cvtpd2ps | M::Vcvtpd2ps) {
        core.plain_arithmetic(i)?;
    }
    let mode = mode(core, i)?;
    let both = i.op_kind(1) != OpKind::Register || i.op_register(1).is_ymm();
    let a = core.vector(i, 1)?;
    let count = if both && i.memory_size().size() != 16 { 4 } else { 2 };
    let r = fill(|n| {
        if n >= count {
            return 0;
        }
        let value: f64 = pick(a[n / 2], n % 2);
        match i.mnemonic() {
            M::Cvtpd2ps | M::Vcvtpd2ps => narrowed(value).to_bits(),
            _ => word(value.rounded(mode)) as u32,
        }
    });
    core.set_vector(i, [r, 0]);
    Ok(())
}
