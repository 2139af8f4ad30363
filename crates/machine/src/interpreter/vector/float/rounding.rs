//! Rounding to integers.

use super::Number;

/// By the immediate of `roundps` and its like: bit 2 asks for the rounding of MXCSR, which is to nearest
/// wherever arithmetic is supported.
pub(super) fn by_immediate<T: Number>(value: T, by: u8) -> T {
    value.rounded(if by & 4 != 0 { 0 } else { by & 3 })
}
