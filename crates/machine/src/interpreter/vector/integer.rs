//! Integer arithmetic, comparison and logic on lanes.

use super::Work;
use super::lane::{Element, both, each, fill, pick};
use iced_x86::Mnemonic;

/// All ones where something holds.
macro_rules! ones {
    ($type:ident, $holds:expr) => {
        |a, b| both::<$type, $type>(a, b, |x, y| if $holds(&x, &y) { !0 } else { 0 })
    };
}

/// The same for each pair of elements.
macro_rules! pairs {
    ($type:ident, $f:expr) => {
        |a, b| both::<$type, $type>(a, b, $f)
    };
}

pub(super) fn work(mnemonic: Mnemonic) -> Option<Work> {
    sums(mnemonic).or_else(|| products(mnemonic)).or_else(|| compared(mnemonic))
}

fn sums(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(Work::Two(match mnemonic {
        M::Paddb | M::Vpaddb => pairs!(u8, u8::wrapping_add),
        M::Paddw | M::Vpaddw => pairs!(u16, u16::wrapping_add),
        M::Paddd | M::Vpaddd => pairs!(u32, u32::wrapping_add),
        M::Paddq | M::Vpaddq => pairs!(u64, u64::wrapping_add),
        M::Psubb | M::Vpsubb => pairs!(u8, u8::wrapping_sub),
        M::Psubw | M::Vpsubw => pairs!(u16, u16::wrapping_sub),
        M::Psubd | M::Vpsubd => pairs!(u32, u32::wrapping_sub),
        M::Psubq | M::Vpsubq => pairs!(u64, u64::wrapping_sub),
        M::Paddsb | M::Vpaddsb => pairs!(i8, i8::saturating_add),
        M::Paddsw | M::Vpaddsw => pairs!(i16, i16::saturating_add),
        M::Paddusb | M::Vpaddusb => pairs!(u8, u8::saturating_add),
        M::Paddusw | M::Vpaddusw => pairs!(u16, u16::saturating_add),
        M::Psubsb | M::Vpsubsb => pairs!(i8, i8::saturating_sub),
        M::Psubsw | M::Vpsubsw => pairs!(i16, i16::saturating_sub),
        M::Psubusb | M::Vpsubusb => pairs!(u8, u8::saturating_sub),
        M::Psubusw | M::Vpsubusw => pairs!(u16, u16::saturating_sub),
        M::Pavgb | M::Vpavgb => pairs!(u8, |x, y| (u16::from(x) + u16::from(y)).div_ceil(2) as u8),
        M::Pavgw | M::Vpavgw => {
            pairs!(u16, |x, y| (u32::from(x) + u32::from(y)).div_ceil(2) as u16)
        }
        M::Phaddw | M::Vphaddw => |a, b| neighbours::<u16>(a, b, u16::wrapping_add),
        M::Phaddd | M::Vphaddd => |a, b| neighbours::<u32>(a, b, u32::wrapping_add),
        M::Phaddsw | M::Vphaddsw => |a, b| neighbours::<i16>(a, b, i16::saturating_add),
        M::Phsubw | M::Vphsubw => |a, b| neighbours::<u16>(a, b, u16::wrapping_sub),
        M::Phsubd | M::Vphsubd => |a, b| neighbours::<u32>(a, b, u32::wrapping_sub),
        M::Phsubsw | M::Vphsubsw => |a, b| neighbours::<i16>(a, b, i16::saturating_sub),
        _ => return None,
    }))
}

/// Each element from two neighbours, first of `a`, then of `b`.
fn neighbours<T: Element>(a: u128, b: u128, f: fn(T, T) -> T) -> u128 {
    let half = 64 / T::BITS;
    fill(|number| {
        let (from, number) = if number < half { (a, number) } else { (b, number - half) };
        f(pick(from, number * 2), pick(from, number * 2 + 1))
    })
}

fn products(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(Work::Two(match mnemonic {
        M::Pmullw | M::Vpmullw => pairs!(i16, i16::wrapping_mul),
        M::Pmulld | M::Vpmulld => pairs!(i32, i32::wrapping_mul),
        M::Pmulhw | M::Vpmulhw => pairs!(i16, |x, y| ((i32::from(x) * i32::from(y)) >> 16) as i16),
        M::Pmulhuw | M::Vpmulhuw => {
            pairs!(u16, |x, y| ((u32::from(x) * u32::from(y)) >> 16) as u16)
        }
        M::Pmulhrsw | M::Vpmulhrsw => {
            pairs!(i16, |x, y| ((((i32::from(x) * i32::from(y)) >> 14) + 1) >> 1) as i16)
        }
        M::Pmuludq | M::Vpmuludq => {
            pairs!(u64, |x, y| u64::from(x as u32) * u64::from(y as u32))
        }
        M::Pmuldq | M::Vpmuldq => pairs!(i64, |x, y| i64::from(x as i32) * i64::from(y as i32)),
        M::Pmaddwd | M::Vpmaddwd => |a, b| {
            fill(|number| {
                let product = |n| i32::from(pick::<i16>(a, n)) * i32::from(pick::<i16>(b, n));
                product(number * 2).wrapping_add(product(number * 2 + 1))
            })
        },
        M::Pmaddubsw | M::Vpmaddubsw => |a, b| {
            fill(|number| {
                let product = |n| i32::from(pick::<u8>(a, n)) * i32::from(pick::<i8>(b, n));
                let sum = product(number * 2) + product(number * 2 + 1);
                sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
            })
        },
        M::Psadbw | M::Vpsadbw => |a, b| {
            fill(|half| {
                let difference = |n| pick::<u8>(a, half * 8 + n).abs_diff(pick(b, half * 8 + n));
                (0..8).map(|n| u64::from(difference(n))).sum::<u64>()
            })
        },
        _ => return None,
    }))
}

fn compared(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(Work::Two(match mnemonic {
        M::Pcmpeqb | M::Vpcmpeqb => ones!(u8, u8::eq),
        M::Pcmpeqw | M::Vpcmpeqw => ones!(u16, u16::eq),
        M::Pcmpeqd | M::Vpcmpeqd => ones!(u32, u32::eq),
        M::Pcmpeqq | M::Vpcmpeqq => ones!(u64, u64::eq),
        M::Pcmpgtb | M::Vpcmpgtb => ones!(i8, i8::gt),
        M::Pcmpgtw | M::Vpcmpgtw => ones!(i16, i16::gt),
        M::Pcmpgtd | M::Vpcmpgtd => ones!(i32, i32::gt),
        M::Pcmpgtq | M::Vpcmpgtq => ones!(i64, i64::gt),
        M::Pminub | M::Vpminub => pairs!(u8, u8::min),
        M::Pminuw | M::Vpminuw => pairs!(u16, u16::min),
        M::Pminud | M::Vpminud => pairs!(u32, u32::min),
        M::Pminsb | M::Vpminsb => pairs!(i8, i8::min),
        M::Pminsw | M::Vpminsw => pairs!(i16, i16::min),
        M::Pminsd | M::Vpminsd => pairs!(i32, i32::min),
        M::Pmaxub | M::Vpmaxub => pairs!(u8, u8::max),
        M::Pmaxuw | M::Vpmaxuw => pairs!(u16, u16::max),
        M::Pmaxud | M::Vpmaxud => pairs!(u32, u32::max),
        M::Pmaxsb | M::Vpmaxsb => pairs!(i8, i8::max),
        M::Pmaxsw | M::Vpmaxsw => pairs!(i16, i16::max),
        M::Pmaxsd | M::Vpmaxsd => pairs!(i32, i32::max),
        M::Pand | M::Vpand | M::Andps | M::Vandps | M::Andpd | M::Vandpd => |a, b| a & b,
        M::Pandn | M::Vpandn | M::Andnps | M::Vandnps | M::Andnpd | M::Vandnpd => |a, b| !a & b,
        M::Por | M::Vpor | M::Orps | M::Vorps | M::Orpd | M::Vorpd => |a, b| a | b,
        M::Pxor | M::Vpxor | M::Xorps | M::Vxorps | M::Xorpd | M::Vxorpd => |a, b| a ^ b,
        M::Psignb | M::Vpsignb => pairs!(i8, |x, y: i8| x.wrapping_mul(y.signum())),
        M::Psignw | M::Vpsignw => pairs!(i16, |x, y: i16| x.wrapping_mul(y.signum())),
        M::Psignd | M::Vpsignd => pairs!(i32, |x, y: i32| x.wrapping_mul(y.signum())),
        _ => return single(mnemonic),
    }))
}

fn single(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(Work::One(match mnemonic {
        M::Pabsb | M::Vpabsb => |a| each(a, i8::unsigned_abs),
        M::Pabsw | M::Vpabsw => |a| each(a, i16::unsigned_abs),
        M::Pabsd | M::Vpabsd => |a| each(a, i32::unsigned_abs),
        M::Phminposuw | M::Vphminposuw => |a| {
            let least = (0..8).min_by_key(|n| pick::<u16>(a, *n)).unwrap_or(0);
            u128::from(pick::<u16>(a, least)) | (least as u128) << 16
        },
        _ => return None,
    }))
}
