//! Arithmetic on values of which some bits may be unknown.

use crate::Reason;
use crate::domain::{Atom, Base, Most};
use crate::ir::{Binary, Width};

/// The result of `what` at instruction `at`, within `width`; the bits above are zero.
pub(crate) fn binary(what: Binary, width: Width, left: Atom, right: Atom, at: u32) -> Atom {
    if let (Some(a), Some(b)) = (left.number(), right.number())
        && let Some(number) = of_numbers(what, a, b)
    {
        let origin = origin(&left, &right);
        return Atom { origin, ..Atom::constant(number & width.mask(), at) };
    }
    if let Some(moved) = displaced(what, width, &left, &right, at) {
        return moved;
    }
    let (a, b) = (known(&left, width), known(&right, width));
    let mask = width.mask();
    let origin = origin(&left, &right);
    let (ones, zeros) = match what {
        Binary::And => (a.0 & b.0, a.1 | b.1),
        Binary::Or => (a.0 | b.0, a.1 & b.1),
        Binary::Xor => (a.0 & b.1 | a.1 & b.0, a.0 & b.0 | a.1 & b.1),
        Binary::Add => low_bits(a, b, u64::wrapping_add),
        Binary::Sub => low_bits(a, b, u64::wrapping_sub),
        Binary::Mul => low_bits(a, b, u64::wrapping_mul),
        Binary::Shl | Binary::Shr | Binary::Sar => match right.number() {
            // Processors look at the low five or six bits of the count only.
            Some(count) => shifted(what, a, count as u32 & (width.bits().max(32) - 1), width),
            None => (0, 0),
        },
    };
    let (ones, zeros) = (ones & mask, zeros & mask | !mask);
    let kept = match (what, left.base, right.base) {
        // Bits that are neither set nor cleared stay where they were.
        (Binary::And | Binary::Or, Base::Given(_), Base::Constant) => Some(left),
        (Binary::And | Binary::Or, Base::Constant, Base::Given(_)) => Some(right),
        _ => None,
    };
    match kept {
        Some(kept) => Atom { at, ..kept.with_bits(ones, zeros) },
        None => Atom { origin, ..Atom::of_bits(ones, zeros, reason(&left, &right), at) },
    }
}

/// What is put into a variable that the result goes back to.
fn origin(left: &Atom, right: &Atom) -> u16 {
    match (left.origin, right.origin) {
        (0, origin) | (origin, 0) => origin,
        // What stands in a variable at first has the lower numbers, and counts for more.
        (one, other) => one.min(other),
    }
}

/// The result where all bits are known, but for shifts; of narrow ones the low bits count.
fn of_numbers(what: Binary, a: u64, b: u64) -> Option<u64> {
    match what {
        Binary::Add => Some(a.wrapping_add(b)),
        Binary::Sub => Some(a.wrapping_sub(b)),
        Binary::Mul => Some(a.wrapping_mul(b)),
        Binary::And => Some(a & b),
        Binary::Or => Some(a | b),
        Binary::Xor => Some(a ^ b),
        Binary::Shl | Binary::Shr | Binary::Sar => None,
    }
}

/// Zero- or sign-extends the low `narrow` bits to `width`.
pub(crate) fn extend(atom: Atom, narrow: Width, width: Width, signed: bool, at: u32) -> Atom {
    if narrow == Width::W64 {
        return atom;
    }
    let (ones, zeros) = (atom.ones & narrow.mask(), atom.zeros & narrow.mask());
    let above = width.mask() & !narrow.mask();
    let sign = 1 << (narrow.bits() - 1);
    let (ones, zeros) = match (signed, ones & sign != 0, zeros & sign != 0) {
        (false, ..) | (true, _, true) => (ones, zeros | above),
        (true, true, _) => (ones | above, zeros),
        (true, false, false) => (ones, zeros),
    };
    let at = if atom.at == 0 { at } else { atom.at };
    let zeros = zeros | !width.mask();
    // With zeros above it is no larger than it was.
    let most = if zeros & above == above { atom.most } else { Most::NONE };
    if matches!(atom.base, Base::Given(_)) && (ones | zeros) & above == above {
        return Atom { at, ..atom.with_bits(ones, zeros) }.no_more_than(most);
    }
    Atom { origin: atom.origin, ..Atom::of_bits(ones, zeros, atom.reason(), at) }.no_more_than(most)
}

/// `new` written over the low `width` bits of `old`.
pub(crate) fn merge(old: Atom, new: Atom, width: Width) -> Atom {
    let mask = width.mask();
    let ones = old.ones & !mask | new.ones & mask;
    let zeros = old.zeros & !mask | new.zeros & mask;
    if matches!(old.base, Base::Given(_))
        && (matches!(new.base, Base::Constant) || new.base == old.base)
    {
        return Atom { at: new.at, ..old.with_bits(ones, zeros) };
    }
    let reason = if matches!(new.base, Base::Constant) { old.reason() } else { new.reason() };
    Atom { origin: new.origin, ..Atom::of_bits(ones, zeros, reason, new.at) }
}

/// Bits of an address within a page: images are loaded at whole pages.
const IN_PAGE: u64 = 0xFFF;

/// Known ones and zeros within `width`; of an address no more than where in its page it is.
fn known(atom: &Atom, width: Width) -> (u64, u64) {
    let mask = width.mask();
    match atom.base {
        Base::Image(rva) => (u64::from(rva) & IN_PAGE & mask, !u64::from(rva) & IN_PAGE & mask),
        _ if atom.is_number() => (atom.ones & mask, atom.zeros & mask),
        _ => (0, 0),
    }
}

/// An address and a number added up; somewhere in the frame, where the number is not known.
fn displaced(what: Binary, width: Width, left: &Atom, right: &Atom, at: u32) -> Option<Atom> {
    if width != Width::W64 {
        return None;
    }
    match (what, left.number(), right.number()) {
        (Binary::Add, None, Some(number)) => moved(left, number.cast_signed(), at),
        (Binary::Add, Some(number), None) => moved(right, number.cast_signed(), at),
        (Binary::Sub, None, Some(number)) => moved(left, number.cast_signed().wrapping_neg(), at),
        (Binary::Add, None, None) => near(left).or(near(right)).map(|base| Atom::address(base, at)),
        (Binary::Sub, None, None) if near(right).is_none() => {
            near(left).map(|base| Atom::address(base, at))
        }
        // An address aligned.
        (Binary::And, None, Some(mask)) if is_image(left) => aligned(left, mask, at),
        (Binary::And, Some(mask), None) if is_image(right) => aligned(right, mask, at),
        (Binary::And, ..) => near(left).map(|base| Atom::address(base, at)),
        _ => None,
    }
}

fn is_image(atom: &Atom) -> bool {
    matches!(atom.base, Base::Image(_))
}

/// An address in the image, aligned down to no more than a page.
fn aligned(atom: &Atom, mask: u64, at: u32) -> Option<Atom> {
    let Base::Image(rva) = atom.base else { return None };
    let cleared = !mask;
    let aligns = cleared <= IN_PAGE && cleared & (cleared + 1) == 0;
    aligns.then(|| Atom::address(Base::Image(rva & mask as u32), at))
}

/// Somewhere in the region of the stack that an address lies in, or in the same memory.
fn near(atom: &Atom) -> Option<Base> {
    match atom.base {
        Base::Stack { region, .. } | Base::Frame { region } => Some(Base::Frame { region }),
        Base::Returned { .. } | Base::Imported { .. } => Some(atom.base),
        _ => None,
    }
}

/// An address some bytes further on; `None` for what is no address.
pub(crate) fn moved(atom: &Atom, bytes: i64, at: u32) -> Option<Atom> {
    let base = match atom.base {
        Base::Image(rva) => {
            let moved = i64::from(rva).checked_add(bytes)?;
            Base::Image(u32::try_from(moved).ok()?)
        }
        Base::Stack { region, offset } => {
            let moved = i64::from(offset).checked_add(bytes)?;
            Base::Stack { region, offset: i32::try_from(moved).ok()? }
        }
        Base::Frame { .. } | Base::Returned { .. } | Base::Imported { .. } => atom.base,
        Base::Table { pointer, offset, from } => {
            let moved = i64::from(offset).checked_add(bytes)?;
            Base::Table { pointer, offset: i32::try_from(moved).ok()?, from }
        }
        _ => return None,
    };
    Some(Atom::address(base, at))
}

/// The low bits up to the first unknown one, which sums, differences and products preserve.
#[inline]
fn low_bits(a: (u64, u64), b: (u64, u64), with: impl Fn(u64, u64) -> u64) -> (u64, u64) {
    let certain = (a.0 | a.1) & (b.0 | b.1);
    let low = match (!certain).trailing_zeros() {
        64 => u64::MAX,
        bits => (1 << bits) - 1,
    };
    let result = with(a.0, b.0);
    (result & low, !result & low)
}

fn shifted(what: Binary, (ones, zeros): (u64, u64), count: u32, width: Width) -> (u64, u64) {
    let mask = width.mask();
    // A byte or word can be shifted by more than its width.
    let out = count >= width.bits();
    match what {
        Binary::Shl if out => (0, mask),
        Binary::Shr if out => (0, mask),
        Binary::Shl => (ones << count & mask, (zeros << count | ((1 << count) - 1)) & mask),
        Binary::Shr => (ones >> count, zeros >> count | !(mask >> count)),
        _ => {
            let sign = 1_u64 << (width.bits() - 1);
            let count = count.min(width.bits() - 1);
            let fill = mask & !(mask >> count);
            let (up, down) = (ones & sign != 0, zeros & sign != 0);
            (
                ones >> count | if up { fill } else { 0 },
                (zeros & mask) >> count & !fill | if down { fill } else { 0 },
            )
        }
    }
}

/// Why the result is not known: the first operand that is not a number.
fn reason(left: &Atom, right: &Atom) -> Reason {
    match (left.base, right.base) {
        (Base::Unknown(_) | Base::Given(_), _) => left.reason(),
        (Base::Constant, _) => right.reason(),
        (_, Base::Unknown(_) | Base::Given(_)) => right.reason(),
        _ => left.reason(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Atom = Atom::unknown(Reason::Memory, 1);

    fn of(what: Binary, width: Width, left: Atom, right: u64) -> Atom {
        binary(what, width, left, Atom::constant(right, 2), 3)
    }

    #[test]
    fn numbers_are_worked_out_within_their_width() {
        let number = |what, width, left, right| {
            of(what, width, Atom::constant(left, 1), right).number().unwrap()
        };
        assert_eq!(number(Binary::Add, Width::W32, 0xFFFF_FFFF, 1), 0);
        assert_eq!(number(Binary::Sub, Width::W32, 0, 1), 0xFFFF_FFFF);
        assert_eq!(number(Binary::Sub, Width::W64, 0, 1), u64::MAX);
        assert_eq!(number(Binary::Mul, Width::W32, 0x100, 2), 0x200);
        assert_eq!(number(Binary::Shl, Width::W32, 1, 9), 0x200);
        assert_eq!(number(Binary::Shl, Width::W32, 1, 33), 2);
        assert_eq!(number(Binary::Shr, Width::W64, 0x400, 1), 0x200);
        assert_eq!(number(Binary::Sar, Width::W32, 0x8000_0000, 31), 0xFFFF_FFFF);
        assert_eq!(number(Binary::Sar, Width::W8, 0x40, 3), 8);
        assert_eq!(number(Binary::Xor, Width::W32, 0x600, 0x400), 0x200);
    }

    #[test]
    fn some_bits_are_known_of_a_sum_with_the_unknown() {
        let or = of(Binary::Or, Width::W32, UNKNOWN, 0x200);
        assert_eq!((or.ones, or.zeros & 0xFFFF_FFFF), (0x200, 0));
        assert_eq!(or.base, Base::Unknown(Reason::Memory));
        let and = of(Binary::And, Width::W32, UNKNOWN, 1);
        assert_eq!((and.ones, and.zeros), (0, !1));
        let shifted = of(Binary::Shl, Width::W32, and, 9);
        assert_eq!((shifted.ones, shifted.zeros), (0, !0x200));
        let added = of(Binary::Add, Width::W32, of(Binary::Shl, Width::W32, UNKNOWN, 4), 3);
        assert_eq!((added.ones, added.zeros & 0xF), (3, 0xC));
        assert_eq!(of(Binary::And, Width::W32, UNKNOWN, 0).number(), Some(0));
    }

    #[test]
    fn narrow_values_are_extended() {
        let byte = Atom::constant(0x80, 1);
        let number = |signed, width| extend(byte, Width::W8, width, signed, 2).number();
        assert_eq!(number(false, Width::W32), Some(0x80));
        assert_eq!(number(true, Width::W32), Some(0xFFFF_FF80));
        assert_eq!(number(true, Width::W64), Some(0xFFFF_FFFF_FFFF_FF80));
        let zeroed = extend(UNKNOWN, Width::W8, Width::W32, false, 2);
        assert_eq!((zeroed.ones, zeroed.zeros), (0, !0xFF));
    }

    #[test]
    fn a_byte_written_leaves_the_rest() {
        let merged = merge(Atom::constant(0x1234, 1), Atom::constant(0xFF, 2), Width::W8);
        assert_eq!(merged.number(), Some(0x12FF));
        let merged = merge(UNKNOWN, Atom::constant(1, 2), Width::W8);
        assert_eq!((merged.ones, merged.zeros), (1, 0xFE));
    }

    #[test]
    fn addresses_move() {
        let stack = Atom::address(Base::Stack { region: 0, offset: -8 }, 1);
        let moved = of(Binary::Sub, Width::W64, stack, 0x20);
        assert_eq!(moved.base, Base::Stack { region: 0, offset: -0x28 });
        assert_eq!(of(Binary::Add, Width::W32, stack, 1).base, Base::Unknown(Reason::Address));
    }

    /// Every op on every pair of three-bit patterns with unknown bits, against all numbers they
    /// stand for.
    #[test]
    fn known_bits_hold_for_every_number_they_stand_for() {
        let patterns: Vec<Atom> = (0..64)
            .map(|bits: u64| (bits & 7, bits >> 3 & 7))
            .filter(|(ones, zeros)| ones & zeros == 0)
            .map(|(ones, zeros)| Atom::of_bits(ones, zeros | !7, Reason::Memory, 1))
            .collect();
        let numbers = |atom: &Atom| {
            let (ones, zeros) = (atom.ones, atom.zeros);
            (0..8).filter(move |n| n & ones == ones && n & zeros & 7 == 0).collect::<Vec<u64>>()
        };
        let all = [Binary::Add, Binary::Sub, Binary::And, Binary::Or, Binary::Xor, Binary::Mul];
        for what in all {
            for left in &patterns {
                for right in &patterns {
                    let result = binary(what, Width::W32, *left, *right, 1);
                    for a in numbers(left) {
                        for &b in &numbers(right) {
                            let exact = match what {
                                Binary::Add => a.wrapping_add(b),
                                Binary::Sub => a.wrapping_sub(b),
                                Binary::And => a & b,
                                Binary::Or => a | b,
                                Binary::Xor => a ^ b,
                                _ => a.wrapping_mul(b),
                            } & 0xFFFF_FFFF;
                            assert_eq!(exact & result.ones, result.ones, "{what:?} {a} {b}");
                            assert_eq!(exact & result.zeros, 0, "{what:?} {a} {b}");
                        }
                    }
                }
            }
        }
    }
}
