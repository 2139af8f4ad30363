//! A value of which some bits may be unknown.

/// A value of which some bits may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// Bits that are certainly 1.
    pub ones: u64,
    /// Bits that are certainly 0.
    pub zeros: u64,
}

impl Bits {
    /// A value of which every bit is known.
    pub const fn of(value: u64) -> Bits {
        Bits { ones: value, zeros: !value }
    }

    /// The value, if every bit is known.
    pub const fn constant(self) -> Option<u64> {
        if self.ones | self.zeros == u64::MAX { Some(self.ones) } else { None }
    }

    /// Whether any bit of `mask` is set: `None` where that depends on unknown bits.
    pub const fn any(self, mask: u64) -> Option<bool> {
        if self.ones & mask != 0 {
            Some(true)
        } else if self.zeros & mask == mask {
            Some(false)
        } else {
            None
        }
    }
}
