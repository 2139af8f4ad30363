//! The instructions that were read one behind the other: where the last of them stand.

/// Instructions before an indirect jump that are looked at for its table, the jump included.
pub(super) const REMEMBERED: usize = 24;
/// Room for those.
const ROOM: usize = 32;

/// Where the last instructions stand.
#[derive(Clone, Default)]
pub(super) struct Chain {
    /// A ring of addresses, and how many were ever put there.
    at: [u32; ROOM],
    count: usize,
    /// How many there were behind the last one that may read an entry of a table.
    selected: usize,
}

impl Chain {
    pub(super) fn clear(&mut self) {
        (self.count, self.selected) = (0, 0);
    }

    /// Adds the instruction at `at`; `selects` tells whether it may read an entry of a table.
    #[inline]
    pub(super) fn push(&mut self, at: u32, selects: bool) {
        self.at[self.count % ROOM] = at;
        self.count += 1;
        if selects {
            self.selected = self.count;
        }
    }

    /// Whether one of them may read an entry of a table.
    pub(super) fn selects(&self) -> bool {
        self.selected > 0 && self.count - self.selected < REMEMBERED
    }

    /// Where they stand, the newest last.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> + use<> {
        let (at, count) = (self.at, self.count);
        (count.saturating_sub(REMEMBERED)..count).map(move |index| at[index % ROOM])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered() {
        let mut chain = Chain::default();
        for at in 0..100 {
            chain.push(at, at == 70);
            assert_eq!(chain.selects(), (70..94).contains(&at), "{at}");
        }
        assert!(chain.places().eq(76..100));
        chain.clear();
        assert!(!chain.selects());
        assert_eq!(chain.places().count(), 0);
    }
}
