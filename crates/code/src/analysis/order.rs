//! In which order blocks come: which are reached at all, and which lead to which.

use crate::flow::{Entry, Graph};

/// Blocks that code reaches from the function's start or after an exception.
pub(super) fn reachable(graph: &Graph) -> Vec<bool> {
    let mut reached = vec![false; graph.blocks.len()];
    let known = |entry| matches!(entry, Some(Entry::Start | Entry::Resumed));
    let entries = (0..graph.blocks.len()).filter(|&block| known(graph.blocks[block].entry));
    let mut pending: Vec<usize> = Vec::with_capacity(graph.blocks.len());
    pending.extend(entries);
    while let Some(block) = pending.pop() {
        if !std::mem::replace(&mut reached[block], true) {
            pending.extend(graph.successors(block));
        }
    }
    reached
}

/// The blocks that lead to each block.
pub(crate) struct Predecessors {
    /// Where those of each block begin in `blocks`; one more than there are blocks.
    starts: Vec<usize>,
    blocks: Vec<usize>,
}

impl Predecessors {
    pub(crate) fn of(graph: &Graph) -> Predecessors {
        let count = graph.blocks.len();
        let mut starts = vec![0; count + 1];
        for block in 0..count {
            for &next in graph.successors(block) {
                starts[next + 1] += 1;
            }
        }
        for block in 0..count {
            starts[block + 1] += starts[block];
        }
        let mut blocks = vec![0; starts[count]];
        let mut filled = starts.clone();
        for block in 0..count {
            for &next in graph.successors(block) {
                blocks[filled[next]] = block;
                filled[next] += 1;
            }
        }
        Predecessors { starts, blocks }
    }

    /// Those of one block.
    pub(crate) fn before(&self, block: usize) -> &[usize] {
        &self.blocks[self.starts[block]..self.starts[block + 1]]
    }
}
