//! From the values of an argument to what the call asks for.

use ringfence_code::Possible;
use ringfence_ddi::{Bits, Ddi, Role, Ruling};
use ringfence_finding::{CallAnswer, Targets};

/// The DDIs that the page of warning C30029 calls executable whatever cache type they are given.
const EXECUTABLE_BY_DOCUMENTATION: [&str; 2] =
    ["MmMapIoSpace", "MmAllocateContiguousMemorySpecifyCache"];

/// How calls are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judging {
    /// Where sources disagree, whether Microsoft's documentation weighs more than observation.
    pub strict: bool,
    /// The Windows versions asked about.
    pub targets: Targets,
}

impl Default for Judging {
    fn default() -> Judging {
        Judging { strict: false, targets: Targets::DEFAULT }
    }
}

/// What one possible value asks for.
pub(super) fn ruling(ddi: &Ddi, role: Role, possible: &Possible, strict: bool) -> Ruling {
    ruled(ddi, role, Bits { ones: possible.ones, zeros: possible.zeros }, strict)
}

/// What a value asks for of which these bits are known.
pub(crate) fn ruled(ddi: &Ddi, role: Role, bits: Bits, strict: bool) -> Ruling {
    let ruling = role.rule(bits);
    match ruling {
        Ruling::NotExecutable | Ruling::Undecided
            if strict && EXECUTABLE_BY_DOCUMENTATION.contains(&ddi.name) =>
        {
            Ruling::Executable
        }
        _ => ruling,
    }
}

/// Bits of which one that is set settles what an argument asks for, whoever looks and however strictly.
pub(super) fn enough(ddi: &Ddi, role: Role) -> u64 {
    if EXECUTABLE_BY_DOCUMENTATION.contains(&ddi.name) { 0 } else { role.enough() }
}

/// What follows from all possible values together.
pub(crate) fn answer(rulings: &[Ruling]) -> CallAnswer {
    let asks = |ruling: &&Ruling| matches!(ruling, Ruling::Executable | Ruling::WritableExecutable);
    let asking = rulings.iter().filter(asks).count();
    if rulings.is_empty() {
        CallAnswer::Unknown
    } else if asking == rulings.len() {
        CallAnswer::Violation
    } else if asking > 0 {
        CallAnswer::Mixed
    } else if rulings.contains(&Ruling::Undecided) {
        CallAnswer::Unknown
    } else {
        CallAnswer::Fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_counts() {
        use Ruling::{Executable, NotExecutable, Refused, Undecided, WritableExecutable};
        for (rulings, expected) in [
            (&[Executable, WritableExecutable][..], CallAnswer::Violation),
            (&[Executable, NotExecutable], CallAnswer::Mixed),
            (&[Executable, Undecided], CallAnswer::Mixed),
            (&[NotExecutable, Undecided], CallAnswer::Unknown),
            (&[NotExecutable, Refused], CallAnswer::Fine),
            (&[], CallAnswer::Unknown),
        ] {
            assert_eq!(answer(rulings), expected, "{rulings:?}");
        }
    }
}
