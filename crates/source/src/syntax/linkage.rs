//! What the names of functions mean to others.

use super::{ByField, DEEPEST, Field, Reader};
use tree_sitter::Node;

/// What the name of a function means to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// It stands in a class, a namespace or a template, or it is not plain what it stands in.
    Inner,
    /// It is a function of C++ that stands in nothing.
    Free,
    /// It is one of C.
    OfC,
}

impl Reader<'_> {
    /// What the name of a function means to others.
    pub(super) fn linkage(&self, function: Node<'_>) -> Linkage {
        let mut found = if self.is_c { Linkage::OfC } else { Linkage::Free };
        let mut node = function;
        for _ in 0..DEEPEST {
            let Some(around) = node.parent() else { return found };
            match around.kind() {
                "translation_unit" | "declaration_list" => {}
                "linkage_specification" => {
                    let language = around.field(Field::Value).map(|value| value.byte_range());
                    if language.and_then(|range| self.bytes.get(range)) == Some(b"\"C\"") {
                        found = Linkage::OfC;
                    }
                }
                _ => return Linkage::Inner,
            }
            node = around;
        }
        Linkage::Inner
    }
}
