//! Numbers of 32 and 64 bits, with what processors make of what is no number.

use super::super::lane::Element;
use std::cmp::Ordering;

/// A floating-point element.
pub(in super::super) trait Number: Element {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn over(self, other: Self) -> Self;
    fn root(self) -> Self;
    /// `self * factor + term`, rounded once.
    fn fused(self, factor: Self, term: Self) -> Self;
    fn negated(self) -> Self;
    fn order(self, other: Self) -> Option<Ordering>;
    /// All ones, or zeros.
    fn ones(on: bool) -> Self;
    /// Itself, but quiet where it is no number.
    fn quiet(self) -> Self;
    fn rounded(self, mode: u8) -> Self;

    fn below(self, other: Self) -> bool {
        self.order(other) == Some(Ordering::Less)
    }
}

macro_rules! number {
    ($type:ident $bits:ident $quiet:expr, $none:expr) => {
        impl Number for $type {
            fn plus(self, other: Self) -> Self {
                of_two(self, other, self + other)
            }
            fn minus(self, other: Self) -> Self {
                of_two(self, other, self - other)
            }
            fn times(self, other: Self) -> Self {
                of_two(self, other, self * other)
            }
            fn over(self, other: Self) -> Self {
                of_two(self, other, self / other)
            }
            fn root(self) -> Self {
                of_two(self, self, self.sqrt())
            }
            fn fused(self, factor: Self, term: Self) -> Self {
                let r = self.mul_add(factor, term);
                match [self, factor, term].into_iter().find(|x| x.is_nan()) {
                    Some(none) => none.quiet(),
                    None if r.is_nan() => Self::from_bits($none),
                    None => r,
                }
            }
            fn negated(self) -> Self {
                -self
            }
            fn order(self, other: Self) -> Option<Ordering> {
                self.partial_cmp(&other)
            }
            fn ones(on: bool) -> Self {
                Self::from_bits(if on { $bits::MAX } else { 0 })
            }
            fn quiet(self) -> Self {
                if self.is_nan() { Self::from_bits(self.to_bits() | $quiet) } else { self }
            }
            fn rounded(self, mode: u8) -> Self {
                match mode & 3 {
                    _ if self.is_nan() => self.quiet(),
                    0 => self.round_ties_even(),
                    1 => self.floor(),
                    2 => self.ceil(),
                    _ => self.trunc(),
                }
            }
        }

        impl OfTwo for $type {
            fn made_of(a: Self, b: Self, r: Self) -> Self {
                match () {
                    () if !r.is_nan() => r,
                    () if a.is_nan() => a.quiet(),
                    () if b.is_nan() => b.quiet(),
                    () => Self::from_bits($none),
                }
            }
        }
    };
}

/// Which number a result of two is.
trait OfTwo {
    fn made_of(a: Self, b: Self, r: Self) -> Self;
}

fn of_two<T: OfTwo>(a: T, b: T, r: T) -> T {
    T::made_of(a, b, r)
}

number!(f32 u32 1 << 22, 0xFFC0_0000);
number!(f64 u64 1 << 51, 0xFFF8_0000_0000_0000);
