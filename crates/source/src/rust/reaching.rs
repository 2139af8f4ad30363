//! What was put into a variable by the time it is read.

use super::syntax::{Binding, Change, How, Variables};
use std::ops::Range;

impl Variables {
    /// The binding that the name means at a byte: of those that are seen there and begin before another byte, the last.
    pub(crate) fn at(&self, at: usize, before: usize) -> Option<&Binding> {
        let is_seen = |one: &&Binding| one.scope.contains(&at) && one.at < before;
        self.bindings.iter().filter(is_seen).max_by_key(|one| one.at)
    }
}

/// What may have happened to a variable when code at a byte runs.
pub(crate) struct Reaching<'f> {
    /// Whether it may still be as it began.
    pub(crate) begins: bool,
    /// The changes, each with whether it was made last, whatever way led to the place.
    pub(crate) changes: Vec<(&'f Change, bool)>,
}

/// The last change whose block is around the place ends what was before it. What comes behind the place counts where a
/// loop leads back to it.
pub(crate) fn reaching<'f>(
    all: &'f Variables,
    of: &Binding,
    loops: &[Range<usize>],
    at: usize,
) -> Reaching<'f> {
    let is_its = |one: &&Change| all.at(one.at, usize::MAX).is_some_and(|known| known.at == of.at);
    let changes: Vec<&Change> = all.changes.iter().filter(is_its).collect();
    let settles = |one: &&&Change| {
        one.at < at && matches!(one.how, How::Becomes(_)) && one.block.contains(&at)
    };
    let settled = changes.iter().filter(settles).map(|one| one.at).max();
    let from = settled.unwrap_or(of.at);
    let leads_back = |one: &Change| {
        loops
            .iter()
            .any(|range| range.contains(&at) && range.contains(&one.at) && range.start > from)
    };
    let reaches = |one: &&Change| one.at >= from && one.at < at || one.at >= at && leads_back(one);
    let changes: Vec<&Change> = changes.into_iter().filter(reaches).collect();
    let is_set = |one: &&&Change| !matches!(one.how, How::Gains(_));
    let last_set = changes.iter().filter(is_set).map(|one| one.at).max().unwrap_or(0);
    let is_certain = |one: &Change| one.at >= last_set && one.at < at && one.block.contains(&at);
    let changes = changes.into_iter().map(|one| (one, is_certain(one))).collect();
    Reaching { begins: settled.is_none(), changes }
}
