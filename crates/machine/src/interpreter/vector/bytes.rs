//! Packing, unpacking and moving of bytes within lanes.

use super::Work;
use super::lane::{Element, fill, pick};
use iced_x86::Mnemonic;

pub(super) fn work(mnemonic: Mnemonic) -> Option<Work> {
    pairs(mnemonic).or_else(|| by_immediate(mnemonic))
}

fn pairs(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(Work::Two(match mnemonic {
        M::Punpcklbw | M::Vpunpcklbw => |a, b| weave::<u8>(a, b),
        M::Punpcklwd | M::Vpunpcklwd => |a, b| weave::<u16>(a, b),
        M::Punpckldq | M::Vpunpckldq | M::Unpcklps | M::Vunpcklps => |a, b| weave::<u32>(a, b),
        M::Punpcklqdq | M::Vpunpcklqdq | M::Unpcklpd | M::Vunpcklpd => |a, b| weave::<u64>(a, b),
        M::Punpckhbw | M::Vpunpckhbw => |a, b| weave::<u8>(a >> 64, b >> 64),
        M::Punpckhwd | M::Vpunpckhwd => |a, b| weave::<u16>(a >> 64, b >> 64),
        M::Punpckhdq | M::Vpunpckhdq | M::Unpckhps | M::Vunpckhps => {
            |a, b| weave::<u32>(a >> 64, b >> 64)
        }
        M::Punpckhqdq | M::Vpunpckhqdq | M::Unpckhpd | M::Vunpckhpd => {
            |a, b| weave::<u64>(a >> 64, b >> 64)
        }
        M::Packsswb | M::Vpacksswb => {
            |a, b| pack::<i16, i8>(a, b, |x| x.clamp(i8::MIN.into(), i8::MAX.into()) as i8)
        }
        M::Packuswb | M::Vpackuswb => |a, b| pack::<i16, u8>(a, b, |x| x.clamp(0, 255) as u8),
        M::Packssdw | M::Vpackssdw => {
            |a, b| pack::<i32, i16>(a, b, |x| x.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
        }
        M::Packusdw | M::Vpackusdw => |a, b| pack::<i32, u16>(a, b, |x| x.clamp(0, 65535) as u16),
        M::Pshufb | M::Vpshufb => |a, b| {
            fill(|number| {
                let from: u8 = pick(b, number);
                if from & 0x80 != 0 { 0 } else { pick::<u8>(a, from as usize & 15) }
            })
        },
        _ => return None,
    }))
}

/// Elements of the lower halves, in turns.
fn weave<T: Element>(a: u128, b: u128) -> u128 {
    fill(|number| pick::<T>(if number % 2 == 0 { a } else { b }, number / 2))
}

/// Elements of half the width, first those of `a`.
fn pack<T: Element, R: Element>(a: u128, b: u128, narrow: fn(T) -> R) -> u128 {
    let half = 128 / T::BITS;
    fill(|number| {
        let (from, number) = if number < half { (a, number) } else { (b, number - half) };
        narrow(pick(from, number))
    })
}

fn by_immediate(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(match mnemonic {
        M::Palignr | M::Vpalignr => Work::TwoBy(|a, b, by| {
            let by = usize::from(by);
            fill(|number| match number + by {
                at if at < 16 => pick::<u8>(b, at),
                at if at < 32 => pick::<u8>(a, at - 16),
                _ => 0,
            })
        }),
        M::Mpsadbw => Work::TwoBy(differences),
        M::Pslldq | M::Vpslldq => {
            Work::OneBy(|a, by| if by > 15 { 0 } else { a << (u32::from(by) * 8) })
        }
        M::Psrldq | M::Vpsrldq => {
            Work::OneBy(|a, by| if by > 15 { 0 } else { a >> (u32::from(by) * 8) })
        }
        _ => return None,
    })
}

/// Sums of differences of four bytes of `b` and each four neighbours of `a`.
fn differences(a: u128, b: u128, by: u8) -> u128 {
    let (from, with) = (usize::from(by >> 2 & 1) * 4, usize::from(by & 3) * 4);
    fill(|number| {
        (0..4)
            .map(|n| {
                let x: u8 = pick(a, from + number + n);
                u16::from(x.abs_diff(pick(b, with + n)))
            })
            .sum::<u16>()
    })
}
