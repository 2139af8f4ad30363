//! Elements that change places, by themselves or between registers.

use super::lane::{Element, fill, pick, put};
use super::{Work, immediate, is_new};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::family::Family;
use iced_x86::{Instruction, Mnemonic, OpKind};

/// Two bits of an immediate.
fn two(by: u8, number: usize) -> usize {
    usize::from(by >> (2 * number) & 3)
}

fn bit(by: u8, number: usize) -> usize {
    usize::from(by >> number & 1)
}

/// What happens within each lane.
pub(super) fn work(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(match mnemonic {
        M::Pshufd | M::Vpshufd => {
            Work::OneBy(|a, by| fill(|number| pick::<u32>(a, two(by, number))))
        }
        M::Pshuflw | M::Vpshuflw => {
            Work::OneBy(|a, by| fill(|n| pick::<u16>(a, if n < 4 { two(by, n) } else { n })))
        }
        M::Pshufhw | M::Vpshufhw => Work::OneBy(|a, by| {
            fill(|n| pick::<u16>(a, if n < 4 { n } else { 4 + two(by, n - 4) }))
        }),
        M::Shufps | M::Vshufps => {
            Work::TwoBy(|a, b, by| fill(|n| pick::<u32>(if n < 2 { a } else { b }, two(by, n))))
        }
        M::Pblendw | M::Vpblendw => {
            Work::TwoBy(|a, b, by| fill(|n| pick::<u16>(if bit(by, n) == 1 { b } else { a }, n)))
        }
        M::Blendps => {
            Work::TwoBy(|a, b, by| fill(|n| pick::<u32>(if bit(by, n) == 1 { b } else { a }, n)))
        }
        M::Blendpd => {
            Work::TwoBy(|a, b, by| fill(|n| pick::<u64>(if bit(by, n) == 1 { b } else { a }, n)))
        }
        M::Movddup | M::Vmovddup => Work::One(|a| fill(|_| pick::<u64>(a, 0))),
        M::Movsldup | M::Vmovsldup => Work::One(|a| fill(|n| pick::<u32>(a, n & !1))),
        M::Movshdup | M::Vmovshdup => Work::One(|a| fill(|n| pick::<u32>(a, n | 1))),
        _ => return None,
    })
}

/// What crosses lanes, or reads or writes other operands.
pub(super) fn family(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Shufpd | M::Vshufpd | M::Vblendps | M::Vblendpd | M::Vpblendd => by_bits,
        M::Vpermilps | M::Vpermilpd => permute_in_lanes,
        M::Vperm2f128 | M::Vperm2i128 | M::Vpermq | M::Vpermpd | M::Vpermd | M::Vpermps => permute,
        M::Pblendvb | M::Blendvps | M::Blendvpd => blend_by_sign,
        M::Vpblendvb | M::Vblendvps | M::Vblendvpd => blend_by_sign,
        M::Pinsrb | M::Pinsrw | M::Pinsrd | M::Pinsrq => insert,
        M::Vpinsrb | M::Vpinsrw | M::Vpinsrd | M::Vpinsrq => insert,
        M::Insertps | M::Vinsertps => insert_float,
        M::Pextrb | M::Pextrw | M::Pextrd | M::Pextrq | M::Extractps => extract,
        M::Vpextrb | M::Vpextrw | M::Vpextrd | M::Vpextrq | M::Vextractps => extract,
        M::Vextractf128 | M::Vextracti128 => extract_lane,
        M::Vinsertf128 | M::Vinserti128 => insert_lane,
        M::Vbroadcastss | M::Vbroadcastsd | M::Vbroadcastf128 | M::Vbroadcasti128 => broadcast,
        M::Vpbroadcastb | M::Vpbroadcastw | M::Vpbroadcastd | M::Vpbroadcastq => broadcast,
        _ if widening(i.mnemonic()).is_some() => widen,
        _ => return None,
    })
}

/// Elements of 32 or 64 bits, chosen by one bit each, over both lanes.
fn by_bits(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let by = immediate(i);
    let last = i.op_count() - 2;
    let b = core.vector(i, last)?;
    let a = core.vector(i, last - 1)?;
    let lane = |lane: usize| match i.mnemonic() {
        M::Shufpd | M::Vshufpd => {
            let (low, high) = (bit(by, lane * 2), bit(by, lane * 2 + 1));
            u128::from(pick::<u64>(a[lane], low)) | u128::from(pick::<u64>(b[lane], high)) << 64
        }
        M::Vblendpd => blend::<u64>(a[lane], b[lane], by >> (lane * 2)),
        _ => blend::<u32>(a[lane], b[lane], by >> (lane * 4)),
    };
    core.set_vector(i, [lane(0), lane(1)]);
    Ok(())
}

fn blend<T: Element>(a: u128, b: u128, by: u8) -> u128 {
    fill(|n| pick::<T>(if bit(by, n) == 1 { b } else { a }, n))
}

/// `vpermilps` and `vpermilpd`, by an immediate or by the second source.
fn permute_in_lanes(core: &mut Core, i: &Instruction) -> Outcome {
    let single = i.mnemonic() == Mnemonic::Vpermilps;
    let fixed = i.op_kind(2) == OpKind::Immediate8;
    let a = core.vector(i, 1)?;
    let by = if fixed { [0; 2] } else { core.vector(i, 2)? };
    let lane = |lane: usize| {
        let imm = immediate(i);
        match (single, fixed) {
            (true, true) => fill(|n| pick::<u32>(a[lane], two(imm, n))),
            (true, false) => fill(|n| pick::<u32>(a[lane], pick::<u32>(by[lane], n) as usize & 3)),
            (false, true) => fill(|n| pick::<u64>(a[lane], bit(imm, lane * 2 + n))),
            (false, false) => {
                fill(|n| pick::<u64>(a[lane], (pick::<u64>(by[lane], n) >> 1) as usize & 1))
            }
        }
    };
    core.set_vector(i, [lane(0), lane(1)]);
    Ok(())
}

/// Permutations over both lanes.
fn permute(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let by = immediate(i);
    let r = match i.mnemonic() {
        M::Vperm2f128 | M::Vperm2i128 => {
            let (a, b) = (core.vector(i, 1)?, core.vector(i, 2)?);
            let all = [a[0], a[1], b[0], b[1]];
            let lane = |by: u8| if by & 8 != 0 { 0 } else { all[usize::from(by & 3)] };
            [lane(by), lane(by >> 4)]
        }
        M::Vpermq | M::Vpermpd => {
            let a = core.vector(i, 1)?;
            let element = |n: usize| pick::<u64>(a[two(by, n) / 2], two(by, n) % 2);
            [fill(element), fill(|n| element(n + 2))]
        }
        _ => {
            let (order, a) = (core.vector(i, 1)?, core.vector(i, 2)?);
            let place = |lane: usize, n: usize| pick::<u32>(order[lane], n) as usize & 7;
            let element =
                |lane: usize, n: usize| pick::<u32>(a[place(lane, n) / 4], place(lane, n) % 4);
            [fill(|n| element(0, n)), fill(|n| element(1, n))]
        }
    };
    core.set_vector(i, r);
    Ok(())
}

/// Elements chosen by the sign of another register's: XMM0 in the old encoding, the last operand in the new.
fn blend_by_sign(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let (a, b, by) = if is_new(i) {
        (core.vector(i, 1)?, core.vector(i, 2)?, core.vector(i, 3)?)
    } else {
        (core.vector(i, 0)?, core.vector(i, 1)?, core.lanes_of(0))
    };
    let lane = |lane: usize| {
        let (a, b, by) = (a[lane], b[lane], by[lane]);
        match i.mnemonic() {
            M::Pblendvb | M::Vpblendvb => {
                fill(|n| pick::<u8>(if pick::<i8>(by, n) < 0 { b } else { a }, n))
            }
            M::Blendvps | M::Vblendvps => {
                fill(|n| pick::<u32>(if pick::<i32>(by, n) < 0 { b } else { a }, n))
            }
            _ => fill(|n| pick::<u64>(if pick::<i64>(by, n) < 0 { b } else { a }, n)),
        }
    };
    core.set_vector(i, [lane(0), lane(1)]);
    Ok(())
}

/// An integer into an element.
fn insert(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let at = usize::from(immediate(i));
    let from = i.op_count() - 2;
    let value = match i.op_kind(from) {
        OpKind::Memory => core.load_integer(core.address(i), i.memory_size().size())?,
        _ => core.get(i.op_register(from).full_register()),
    };
    let a = core.vector(i, from.saturating_sub(1))?[0];
    let r = match i.mnemonic() {
        M::Pinsrb | M::Vpinsrb => put(a, at & 15, value as u8),
        M::Pinsrw | M::Vpinsrw => put(a, at & 7, value as u16),
        M::Pinsrd | M::Vpinsrd => put(a, at & 3, value as u32),
        _ => put(a, at & 1, value),
    };
    core.set_vector(i, [r, 0]);
    Ok(())
}

/// `insertps`.
fn insert_float(core: &mut Core, i: &Instruction) -> Outcome {
    let by = immediate(i);
    let from = i.op_count() - 2;
    let source = core.vector(i, from)?[0];
    let number = if i.op_kind(from) == OpKind::Memory { 0 } else { usize::from(by >> 6) };
    let a = core.vector(i, from - 1)?[0];
    let r = put(a, usize::from(by >> 4 & 3), pick::<u32>(source, number));
    let r = fill(|n| if bit(by, n) == 1 { 0 } else { pick::<u32>(r, n) });
    core.set_vector(i, [r, 0]);
    Ok(())
}

/// An element into a general register or memory.
fn extract(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let at = usize::from(immediate(i));
    let a = core.vector(i, 1)?[0];
    let (value, size) = match i.mnemonic() {
        M::Pextrb | M::Vpextrb => (pick::<u8>(a, at & 15).into(), 1),
        M::Pextrw | M::Vpextrw => (pick::<u16>(a, at & 7).into(), 2),
        M::Pextrq | M::Vpextrq => (pick::<u64>(a, at & 1), 8),
        _ => (pick::<u32>(a, at & 3).into(), 4),
    };
    match i.op0_kind() {
        OpKind::Memory => core.store_integer(core.address(i), size, value),
        _ => {
            core.set(i.op0_register().full_register(), value);
            Ok(())
        }
    }
}

fn extract_lane(core: &mut Core, i: &Instruction) -> Outcome {
    let lane = core.lanes_of(i.op1_register().number())[usize::from(immediate(i) & 1)];
    if i.op0_kind() == OpKind::Memory {
        return core.store_vector(i, [lane, 0]);
    }
    core.set_vector(i, [lane, 0]);
    Ok(())
}

fn insert_lane(core: &mut Core, i: &Instruction) -> Outcome {
    let mut r = core.vector(i, 1)?;
    r[usize::from(immediate(i) & 1)] = core.vector(i, 2)?[0];
    core.set_vector(i, r);
    Ok(())
}

fn broadcast(core: &mut Core, i: &Instruction) -> Outcome {
    use Mnemonic as M;
    let a = core.vector(i, 1)?[0];
    let lane = match i.mnemonic() {
        M::Vpbroadcastb => fill(|_| pick::<u8>(a, 0)),
        M::Vpbroadcastw => fill(|_| pick::<u16>(a, 0)),
        M::Vpbroadcastd | M::Vbroadcastss => fill(|_| pick::<u32>(a, 0)),
        M::Vpbroadcastq | M::Vbroadcastsd => fill(|_| pick::<u64>(a, 0)),
        _ => a,
    };
    core.set_vector(i, [lane, lane]);
    Ok(())
}

/// Elements that become wider: how from a lane, from an element on.
fn widening(mnemonic: Mnemonic) -> Option<fn(u128, usize) -> u128> {
    use Mnemonic as M;
    Some(match mnemonic {
        M::Pmovsxbw | M::Vpmovsxbw => |a, from| fill(|n| i16::from(pick::<i8>(a, from * 8 + n))),
        M::Pmovsxbd | M::Vpmovsxbd => |a, from| fill(|n| i32::from(pick::<i8>(a, from * 4 + n))),
        M::Pmovsxbq | M::Vpmovsxbq => |a, from| fill(|n| i64::from(pick::<i8>(a, from * 2 + n))),
        M::Pmovsxwd | M::Vpmovsxwd => |a, from| fill(|n| i32::from(pick::<i16>(a, from * 4 + n))),
        M::Pmovsxwq | M::Vpmovsxwq => |a, from| fill(|n| i64::from(pick::<i16>(a, from * 2 + n))),
        M::Pmovsxdq | M::Vpmovsxdq => |a, from| fill(|n| i64::from(pick::<i32>(a, from * 2 + n))),
        M::Pmovzxbw | M::Vpmovzxbw => |a, from| fill(|n| u16::from(pick::<u8>(a, from * 8 + n))),
        M::Pmovzxbd | M::Vpmovzxbd => |a, from| fill(|n| u32::from(pick::<u8>(a, from * 4 + n))),
        M::Pmovzxbq | M::Vpmovzxbq => |a, from| fill(|n| u64::from(pick::<u8>(a, from * 2 + n))),
        M::Pmovzxwd | M::Vpmovzxwd => |a, from| fill(|n| u32::from(pick::<u16>(a, from * 4 + n))),
        M::Pmovzxwq | M::Vpmovzxwq => |a, from| fill(|n| u64::from(pick::<u16>(a, from * 2 + n))),
        M::Pmovzxdq | M::Vpmovzxdq => |a, from| fill(|n| u64::from(pick::<u32>(a, from * 2 + n))),
        _ => return None,
    })
}

fn widen(core: &mut Core, i: &Instruction) -> Outcome {
    let Some(widen) = widening(i.mnemonic()) else { return core.unsupported(i) };
    let a = core.vector(i, 1)?[0];
    core.set_vector(i, [widen(a, 0), widen(a, 1)]);
    Ok(())
}
