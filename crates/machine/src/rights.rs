//! What may be done with a page.

use std::ops::BitOr;

/// What may be done with a page: [`Rights::READ`], [`Rights::WRITE`], [`Rights::EXECUTE`] and their unions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rights(u8);

impl Rights {
    /// Nothing: the page is there, and every access faults.
    pub const NONE: Self = Self(0);
    /// To be read.
    pub const READ: Self = Self(1);
    /// To be written, and so to be read.
    pub const WRITE: Self = Self(2);
    /// To be executed.
    pub const EXECUTE: Self = Self(4);
    /// To be read and written.
    pub const READ_WRITE: Self = Self(3);
    /// To be read and executed.
    pub const READ_EXECUTE: Self = Self(5);
    /// All three.
    pub const ALL: Self = Self(7);

    /// Whether all of `other` is allowed.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These rights without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Rights;

    #[test]
    fn unions_hold_their_parts_and_no_more() {
        assert_eq!(Rights::READ | Rights::WRITE, Rights::READ_WRITE);
        assert!(Rights::READ_EXECUTE.contains(Rights::EXECUTE));
        assert!(!Rights::READ_EXECUTE.contains(Rights::READ_WRITE));
        assert_eq!(Rights::ALL.without(Rights::WRITE), Rights::READ_EXECUTE);
        assert!(Rights::NONE.contains(Rights::NONE));
    }
}
