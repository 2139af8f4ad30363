//! Numbers of the version of Windows: how much they are at least, and what follows from that.

use crate::expression::Binary;

/// Less than anything that is compared with: nothing is known.
pub(super) const ANY: i64 = i64::MIN;
/// No number of a version, and nothing that code puts together of some, is larger: it does not overflow.
const MOST: i64 = i32::MAX as i64;
/// What is kept of a number by a mask with these bits: of a build, and of a major version.
const BUILD_MASK: u64 = 0x7FFF;
const SMALL_MASK: u64 = 0x7F;

/// What is known of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limits {
    Is(i64),
    AtLeast(i64),
}

/// How much is left at least where only these bits are kept.
pub(super) fn masked(least: i64, kept: u64) -> i64 {
    let is_kept = |mask: u64| kept & mask == mask;
    let is_small = u64::try_from(least).is_ok_and(|least| least <= SMALL_MASK);
    if is_kept(BUILD_MASK) || is_small && is_kept(SMALL_MASK) { least } else { ANY }
}

/// How much the outcome of an operator is at least.
pub(super) fn combined(operator: Binary, left: Option<Limits>, right: Option<Limits>) -> i64 {
    use Limits::{AtLeast, Is};
    let within = |least: Option<i64>| least.filter(|least| *least <= MOST).unwrap_or(ANY);
    let Some((left, right)) = left.zip(right) else { return ANY };
    match (operator, left, right) {
        (Binary::And, AtLeast(least), Is(mask)) | (Binary::And, Is(mask), AtLeast(least)) => {
            masked(least, mask.cast_unsigned())
        }
        (Binary::Add, AtLeast(one), AtLeast(other) | Is(other))
        | (Binary::Add, Is(one), AtLeast(other)) => within(one.checked_add(other)),
        (Binary::Subtract, AtLeast(one), Is(other)) => within(one.checked_sub(other)),
        // Bits that are added make nothing smaller.
        (Binary::Or, AtLeast(one), AtLeast(other) | Is(other))
        | (Binary::Or, Is(one), AtLeast(other))
            if one >= 0 && other >= 0 =>
        {
            one.max(other)
        }
        (Binary::Multiply, AtLeast(one), Is(by)) | (Binary::Multiply, Is(by), AtLeast(one))
            if one >= 0 && by >= 0 =>
        {
            within(one.checked_mul(by))
        }
        (Binary::ShiftLeft, AtLeast(one), Is(by)) if one >= 0 && (0..32).contains(&by) => {
            within(one.checked_mul(1 << by))
        }
        _ => ANY,
    }
}

/// What a comparison gives, where that is so whatever the version.
pub(super) fn compared(operator: Binary, left: Limits, right: Limits) -> Option<bool> {
    let (operator, least, with) = match (left, right) {
        (Limits::AtLeast(least), Limits::Is(with)) => (operator, least, with),
        (Limits::Is(with), Limits::AtLeast(least)) => (turned(operator), least, with),
        _ => return None,
    };
    match operator {
        Binary::Greater | Binary::NotEqual => (with < least).then_some(true),
        Binary::LessOrEqual | Binary::Equal => (with < least).then_some(false),
        Binary::GreaterOrEqual => (with <= least).then_some(true),
        Binary::Less => (with <= least).then_some(false),
        _ => None,
    }
}

/// The comparison that says the same with its sides exchanged.
fn turned(operator: Binary) -> Binary {
    match operator {
        Binary::Less => Binary::Greater,
        Binary::LessOrEqual => Binary::GreaterOrEqual,
        Binary::Greater => Binary::Less,
        Binary::GreaterOrEqual => Binary::LessOrEqual,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::Limits::{AtLeast, Is};
    use super::*;

    #[test]
    fn what_is_at_least_so_much_compares() {
        let build = AtLeast(10_240);
        for (operator, with, expected) in [
            (Binary::GreaterOrEqual, 9200, Some(true)),
            (Binary::GreaterOrEqual, 10_240, Some(true)),
            (Binary::GreaterOrEqual, 22_000, None),
            (Binary::Greater, 10_240, None),
            (Binary::Less, 9200, Some(false)),
            (Binary::Less, 22_000, None),
            (Binary::Equal, 7601, Some(false)),
            (Binary::Equal, 19_041, None),
            (Binary::NotEqual, 7601, Some(true)),
        ] {
            assert_eq!(compared(operator, build, Is(with)), expected, "{operator:?} {with}");
        }
        assert_eq!(compared(Binary::LessOrEqual, Is(9200), build), Some(true));
        assert_eq!(compared(Binary::Less, build, build), None);
    }

    #[test]
    fn what_is_made_of_it_is_known_as_far_as_that_is_plain() {
        let of = |operator, left, right| combined(operator, Some(left), Some(right));
        assert_eq!(of(Binary::And, AtLeast(10_240), Is(0xFFFF)), 10_240);
        assert_eq!(of(Binary::And, AtLeast(10_240), Is(0xFFF)), ANY);
        assert_eq!(of(Binary::And, AtLeast(10), Is(0xFF)), 10);
        assert_eq!(of(Binary::Add, AtLeast(100), AtLeast(0)), 100);
        assert_eq!(of(Binary::Multiply, AtLeast(10), Is(10)), 100);
        assert_eq!(of(Binary::ShiftLeft, AtLeast(10), Is(8)), 0xA00);
        assert_eq!(of(Binary::ShiftLeft, AtLeast(10), Is(30)), ANY);
        assert_eq!(of(Binary::Or, AtLeast(0xA00), AtLeast(0)), 0xA00);
        assert_eq!(of(Binary::ShiftRight, AtLeast(10_240), Is(4)), ANY);
        assert_eq!(combined(Binary::Or, Some(AtLeast(1)), None), ANY);
    }
}
