//! Products without carries, and AES.

use super::Work;
use super::lane::{fill, pick};
use iced_x86::Mnemonic;

pub(super) fn work(mnemonic: Mnemonic) -> Option<Work> {
    use Mnemonic as M;
    Some(match mnemonic {
        M::Pclmulqdq | M::Vpclmulqdq => Work::TwoBy(|a, b, by| {
            carryless(pick(a, usize::from(by & 1)), pick(b, usize::from(by >> 4 & 1)))
        }),
        M::Aesenc | M::Vaesenc => Work::Two(|a, key| mix(substitute(rows(a), false)) ^ key),
        M::Aesenclast | M::Vaesenclast => Work::Two(|a, key| substitute(rows(a), false) ^ key),
        M::Aesdec | M::Vaesdec => Work::Two(|a, key| unmix(substitute(back(a), true)) ^ key),
        M::Aesdeclast | M::Vaesdeclast => Work::Two(|a, key| substitute(back(a), true) ^ key),
        M::Aesimc | M::Vaesimc => Work::One(unmix),
        M::Aeskeygenassist | M::Vaeskeygenassist => Work::OneBy(|a, by| {
            let s = |n| pick::<u32>(substitute(a, false), n);
            let by = u32::from(by);
            fill(|n| match n {
                0 => s(1),
                1 => s(1).rotate_right(8) ^ by,
                2 => s(3),
                _ => s(3).rotate_right(8) ^ by,
            })
        }),
        _ => return None,
    })
}

fn carryless(a: u64, b: u64) -> u128 {
    (0..64).filter(|n| b >> n & 1 != 0).fold(0, |sum, n| sum ^ u128::from(a) << n)
}

/// The product in the field of 256 elements that AES uses.
fn product(mut a: u8, mut b: u8) -> u8 {
    let mut r = 0;
    while b != 0 {
        if b & 1 != 0 {
            r ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1B } else { 0 };
        b >>= 1;
    }
    r
}

/// The inverse in that field: the 254th power.
fn inverse(a: u8) -> u8 {
    let square = |x| product(x, x);
    let (mut r, mut power) = (1, a);
    for _ in 0..7 {
        power = square(power);
        r = product(r, power);
    }
    r
}

/// The S-box of AES.
fn box_of(a: u8) -> u8 {
    let x = inverse(a);
    x ^ x.rotate_left(1) ^ x.rotate_left(2) ^ x.rotate_left(3) ^ x.rotate_left(4) ^ 0x63
}

/// The S-box backwards.
fn unbox(a: u8) -> u8 {
    inverse(a.rotate_left(1) ^ a.rotate_left(3) ^ a.rotate_left(6) ^ 5)
}

fn substitute(a: u128, backwards: bool) -> u128 {
    fill(|n| if backwards { unbox(pick(a, n)) } else { box_of(pick(a, n)) })
}

/// Each row of the state moved to the left by its number. Byte n is in row n % 4 of column n / 4.
fn rows(a: u128) -> u128 {
    fill(|n| pick::<u8>(a, (n + 4 * (n % 4)) % 16))
}

fn back(a: u128) -> u128 {
    fill(|n| pick::<u8>(a, (n + 16 - 4 * (n % 4)) % 16))
}

fn columns(a: u128, factors: [u8; 4]) -> u128 {
    fill(|n| {
        let (column, row) = (n / 4 * 4, n % 4);
        (0..4).fold(0, |sum, k| sum ^ product(pick(a, column + k), factors[(k + 4 - row) % 4]))
    })
}

fn mix(a: u128) -> u128 {
    columns(a, [2, 3, 1, 1])
}

fn unmix(a: u128) -> u128 {
    columns(a, [14, 11, 13, 9])
}

#[cfg(test)]
mod tests {
    use super::{box_of, unbox};

    #[test]
    fn the_box_is_that_of_the_standard() {
        // FIPS 197, figure 7.
        assert_eq!([0x00, 0x01, 0x53, 0xFF].map(box_of), [0x63, 0x7C, 0xED, 0x16]);
        assert!((0..=255).all(|a| unbox(box_of(a)) == a));
    }
}
