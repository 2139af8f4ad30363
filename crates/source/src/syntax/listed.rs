//! What structures are given in braces, member after member.

use super::{ByField, Field, Reader};
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
        let value = declarator.field(Field::Value);
        let of = declarator.parent().and_then(|around| around.field(Field::Type));
        if let (Some(value), Some(of)) = (value, of) {
            self.push_listed(of, value);
        }
    }

    /// `(T){ … }`, and in C++ `T{ … }`.
    pub(super) fn listed_literal(&mut self, node: Node<'_>) {
        let of = node.field(Field::Type);
        let of = of.map(|of| of.field(Field::Type).unwrap_or(of));
        if let (Some(of), Some(value)) = (of, node.field(Field::Value)) {
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
    let part = of.field(Field::Body).or_else(|| of.field(Field::Name));
    part.unwrap_or(of).byte_range()
}
