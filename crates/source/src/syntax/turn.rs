//! Bits of a variable that are flipped, set or cleared, by an operator or an intrinsic.

use crate::expression::{Binary, Unary};
use crate::value::{Unknown, Value};

/// What is done to bits of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It becomes this number, or what is not followed where there is none.
    To(Option<u64>),
    /// These bits are flipped.
    Bits,
    /// These bits are cleared.
    Without,
    /// The bit of this number is set.
    Set,
    /// The bit of this number is cleared.
    Clear,
    /// The bit of this number is flipped.
    Flip,
}

/// Further on an intrinsic changes what lies behind the variable.
const MOST_BITS: u64 = 64;

impl Turn {
    /// What an intrinsic does to the bit of what its first argument points to that its second one is the number of.
    pub(crate) fn by(callee: &str) -> Option<Turn> {
        Some(match callee {
            "_bittestandset"
            | "_bittestandset64"
            | "_interlockedbittestandset"
            | "_interlockedbittestandset64"
            | "InterlockedBitTestAndSet"
            | "InterlockedBitTestAndSet64"
            | "BitTestAndSet"
            | "BitTestAndSet64" => Turn::Set,
            "_bittestandreset"
            | "_bittestandreset64"
            | "_interlockedbittestandreset"
            | "_interlockedbittestandreset64"
            | "InterlockedBitTestAndReset"
            | "InterlockedBitTestAndReset64"
            | "BitTestAndReset"
            | "BitTestAndReset64" => Turn::Clear,
            "_bittestandcomplement"
            | "_bittestandcomplement64"
            | "BitTestAndComplement"
            | "BitTestAndComplement64" => Turn::Flip,
            _ => return None,
        })
    }

    /// The value of a variable that was `before`, once it is done with `given`.
    pub(crate) fn turned(self, before: Value, given: &Value) -> Value {
        if let Turn::To(number) = self {
            return number.map_or_else(|| Value::open(Unknown::Text), Value::of);
        }
        if self == Turn::Bits {
            return before.binary(Binary::Xor, given);
        }
        if self == Turn::Without {
            return before.binary(Binary::And, &given.clone().unary(Unary::Complement));
        }
        match given.constant().filter(|number| *number < MOST_BITS) {
            None => Value::open(Unknown::Text),
            Some(number) => {
                let bit = Value::of(1 << number);
                match self {
                    Turn::Clear => before.binary(Binary::And, &bit.unary(Unary::Complement)),
                    Turn::Set => before.binary(Binary::Or, &bit),
                    _ => before.binary(Binary::Xor, &bit),
                }
            }
        }
    }
}
