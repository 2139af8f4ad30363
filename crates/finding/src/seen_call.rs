//! What runs saw of a call.

use schemars::JsonSchema;
use serde::Serialize;

/// A call of a DDI of which reading the code does not tell what it asks for, as a run saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeenCall {
    /// Where the call instruction is, relative to the image base.
    pub rva: u32,
    /// The DDI.
    pub ddi: &'static str,
    /// Times that it was called.
    pub calls: u64,
    /// Times of those that it did not ask for executable memory.
    pub fine: u64,
    /// Whether something before one of them was invented, so that it may be otherwise on Windows.
    pub under_assumption: bool,
}

impl SeenCall {
    /// What several runs of one driver saw, by address.
    pub fn together<'a>(runs: impl IntoIterator<Item = &'a SeenCall>) -> Vec<SeenCall> {
        let mut all: Vec<SeenCall> = Vec::new();
        for seen in runs {
            match all.iter_mut().find(|one| (one.rva, one.ddi) == (seen.rva, seen.ddi)) {
                Some(one) => {
                    one.calls = one.calls.saturating_add(seen.calls);
                    one.fine = one.fine.saturating_add(seen.fine);
                    one.under_assumption |= seen.under_assumption;
                }
                None => all.push(seen.clone()),
            }
        }
        all.sort_by_key(|seen| (seen.rva, seen.ddi));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_added_up_by_call() {
        let seen = |rva, calls, fine, under_assumption| SeenCall {
            rva,
            ddi: "ExAllocatePoolWithTag",
            calls,
            fine,
            under_assumption,
        };
        let runs = [seen(0x2000, 1, 1, false), seen(0x1000, 3, 3, false), seen(0x2000, 2, 1, true)];
        let together = SeenCall::together(&runs);
        assert_eq!(together, [seen(0x1000, 3, 3, false), seen(0x2000, 3, 2, true)]);
    }
}
