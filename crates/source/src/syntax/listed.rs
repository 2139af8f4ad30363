//! What structures are given in braces, member after member.

use super::Reader;
use std::ops::Range;
use tree_sitter::Node;

/// What a structure, or an array of them, is given in braces.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The word that names its type, or the braces of the structure that it is declared with.
    pub(crate) of: Range<usize>,
    pub(crate) value: Range<usize>,
    pub(crate) function: Option<usize>,
}

impl Reader<'_> {
    /// A variable that begins as values in braces.
    pub(super) fn listed(&mut self, declarator: Node<'_>) {
        let value = declarator.child_by_field_name("value");
        let of = declarator.parent().and_then(|around| around.child_by_field_name("type"));
        if let (Some(value), Some(of)) = (value, of) {
            self.push_listed(of, value);
        }
    }

    /// `(T){ … }`, and in C++ `T{ … }`.
    pub(super) fn listed_literal(&mut self, node: Node<'_>) {
        let of = node.child_by_field_name("type");
        let of = of.map(|of| of.child_by_field_name("type").unwrap_or(of));
        if let (Some(of), Some(value)) = (of, node.child_by_field_name("value")) {
            self.push_listed(of, value);
        }
    }

    fn push_listed(&mut self, of: Node<'_>, value: Node<'_>) {
        if value.kind() != "initializer_list" || value.named_child_count() == 0 {
            return;
        }
        let function = self.within.last().map(|(function, _)| *function);
        self.found.listed.push(Listed { of: named(of), value: value.byte_range(), function });
    }
}

/// The word that names a type, or the braces of a structure that is declared along.
fn named(of: Node<'_>) -> Range<usize> {
    let part = of.child_by_field_name("body").or_else(|| of.child_by_field_name("name"));
    part.unwrap_or(of).byte_range()
}
