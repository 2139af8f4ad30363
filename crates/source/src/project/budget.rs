//! How much work a tree of build files may cause.

use super::traced::Traced;
use crate::{SourceTree, Span};
use std::cell::Cell;

/// What one project may cost: bytes that are put together, and elements that are looked at.
const PROJECT: u64 = 16 << 20;
/// What all together may cost, beside what their size allows.
const TREE: u64 = 64 << 20;
/// What a byte of the tree adds to that.
const PER_BYTE: u64 = 16;
/// What a word of a list or command line costs.
const WORD: u64 = 128;
/// Doubts that are kept of one project. Further ones would not be read.
const DOUBTS: usize = 64;

/// The work that is left.
#[derive(Debug)]
pub(super) struct Budget {
    tree: Cell<u64>,
    project: Cell<u64>,
}

impl Budget {
    /// The budget for a tree.
    pub(super) fn new(tree: &SourceTree) -> Budget {
        let bytes: u64 = tree.files().map(|(_, file)| file.text.as_str().len() as u64).sum();
        Budget { tree: Cell::new(TREE + PER_BYTE * bytes), project: Cell::new(0) }
    }

    /// Begins another project, of which the file has `bytes`.
    pub(super) fn begin(&self, bytes: usize) {
        self.project.set(PROJECT + PER_BYTE * bytes as u64);
    }

    /// Whether `cost` can be afforded. Once something cannot, nothing of this project can.
    pub(super) fn spend(&self, cost: u64) -> bool {
        let left = (self.project.get().checked_sub(cost), self.tree.get().checked_sub(cost));
        if let (Some(project), Some(tree)) = left {
            self.project.set(project);
            self.tree.set(tree);
            return true;
        }
        self.project.set(0);
        false
    }

    /// Whether it can be afforded to take `list` apart.
    pub(super) fn afford_words(&self, list: &Traced) -> bool {
        let separates = |byte: &u8| *byte == b';' || *byte == b',' || byte.is_ascii_whitespace();
        let words = 1 + list.as_str().bytes().filter(separates).count() as u64;
        self.spend(WORD * words)
    }

    /// Whether nothing is left for this project.
    pub(super) fn is_spent(&self) -> bool {
        self.project.get() == 0
    }
}

/// What a doubt says where something may define macros that was not read.
pub(crate) const UNREAD: [&str; 4] =
    ["is imported", "may define macros", "not read further", "was not read"];

/// What of a project was not understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts(Vec<(Span, String)>);

impl Doubts {
    /// Adds one, unless it is known.
    pub(super) fn add(&mut self, span: Span, what: impl Into<String>) {
        let doubt = (span, what.into());
        if self.0.len() < DOUBTS && !self.0.contains(&doubt) {
            self.0.push(doubt);
        }
    }

    /// Adds those of another.
    pub(super) fn extend(&mut self, other: Doubts) {
        other.0.into_iter().for_each(|(span, what)| self.add(span, what));
    }

    /// Those by which macros may be defined.
    pub(super) fn unread(&self) -> Doubts {
        let is_open = |(_, doubt): &&(Span, String)| UNREAD.iter().any(|what| doubt.contains(what));
        Doubts(self.0.iter().filter(is_open).cloned().collect())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells that a project was not read to its end.
    pub(super) fn exhausted(&mut self, span: Span) {
        self.add(span, "this is too much to evaluate; what follows was not read");
    }

    /// All of them, in the order of the places.
    pub(super) fn into_vec(mut self) -> Vec<(Span, String)> {
        self.0.sort();
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_project_does_not_take_what_others_need() {
        let budget = Budget::new(&SourceTree::default());
        budget.begin(0);
        assert!(budget.spend(PROJECT - 1) && !budget.is_spent());
        assert!(!budget.spend(2) && budget.is_spent() && !budget.spend(1));
        budget.begin(0);
        assert!(budget.spend(PROJECT));
    }
}
