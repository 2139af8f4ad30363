//! Where a parser may not have understood: what stands where no statement may, and what is no plain C.

use super::Reader;
use tree_sitter::Node;

impl Reader<'_> {
    /// Whether a statement stands where one may: behind another one, or as what belongs to one. Else there is something before
    /// it that a parser does not know, such as a macro that decides about it.
    pub(super) fn is_plainly_placed(&mut self, node: Node<'_>) -> bool {
        const AROUND: [&str; 2] = ["seh_except_clause", "seh_finally_clause"];
        let start = node.start_byte();
        while self.bodies.last().is_some_and(|body| *body < start) {
            self.bodies.pop();
        }
        let before = self.bytes[..start].trim_ascii_end().last();
        matches!(before, Some(b';' | b'{' | b'}' | b':'))
            || self.bodies.last() == Some(&start)
            || node.parent().is_some_and(|around| AROUND.contains(&around.kind()))
    }
}

/// How many places of a function are told that are no plain C.
pub(crate) const MOST_MISREAD: usize = 64;

/// Where a parser did not know what it read.
pub(super) fn misread(body: Node<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    if !body.has_error() {
        return found;
    }
    let mut cursor = body.walk();
    loop {
        let node = cursor.node();
        let is_it = node.is_error() || node.is_missing();
        if is_it {
            found.push(node.start_byte());
        }
        if !is_it && node.has_error() && cursor.goto_first_child() || cursor.goto_next_sibling() {
            continue;
        }
        loop {
            if !cursor.goto_parent() || found.len() >= MOST_MISREAD {
                return found;
            }
            if cursor.goto_next_sibling() {
                break;
            }
        }
    }
}
