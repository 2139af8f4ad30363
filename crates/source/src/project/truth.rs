//! Conditions of build files: some hold, some do not, and of some nobody here can tell.

use std::ops::Not;

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It may.
    Unknown,
}

impl Truth {
    /// Both hold.
    pub(super) fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::No, _) | (_, Truth::No) => Truth::No,
            (Truth::Yes, Truth::Yes) => Truth::Yes,
            _ => Truth::Unknown,
        }
    }

    /// One of them holds.
    pub(super) fn or(self, other: Truth) -> Truth {
        !(!self).and(!other)
    }
}

impl Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Truth {
        if holds { Truth::Yes } else { Truth::No }
    }
}

/// The branches of one `if`: the first whose condition holds is taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Branches {
    taken: bool,
    perhaps: bool,
}

impl Branches {
    /// Whether the next branch, with this condition, is taken.
    pub(super) fn next(&mut self, condition: Truth) -> Truth {
        if self.taken {
            return Truth::No;
        }
        match condition {
            Truth::No => Truth::No,
            Truth::Unknown => {
                self.perhaps = true;
                Truth::Unknown
            }
            Truth::Yes => {
                self.taken = true;
                if self.perhaps { Truth::Unknown } else { Truth::Yes }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{No, Unknown, Yes};
    use super::*;

    #[test]
    fn what_is_unknown_spreads_only_where_it_matters() {
        assert_eq!(
            (No.and(Unknown), Yes.and(Unknown), Unknown.and(Unknown)),
            (No, Unknown, Unknown)
        );
        assert_eq!((No.or(Unknown), Yes.or(Unknown), No.or(No)), (Unknown, Yes, No));
        assert_eq!(!Unknown, Unknown);
    }

    #[test]
    fn of_branches_the_first_is_taken() {
        let taken = |conditions: [Truth; 3]| {
            let mut branches = Branches::default();
            conditions.map(|condition| branches.next(condition))
        };
        assert_eq!(taken([No, Yes, Yes]), [No, Yes, No]);
        assert_eq!(taken([Unknown, No, Yes]), [Unknown, No, Unknown]);
        assert_eq!(taken([Yes, Unknown, Yes]), [Yes, No, No]);
    }
}
