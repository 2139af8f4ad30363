//! Paths such as `wdk_sys::_POOL_TYPE::NonPagedPool`.

use std::ops::Range;
use tree_sitter::Node;

/// A path such as `wdk_sys::_POOL_TYPE::NonPagedPool`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Its segments; never empty. The last one counts.
    pub(crate) segments: Vec<Box<str>>,
    /// Where the last one is written.
    pub(crate) last: Range<usize>,
}

impl Path {
    /// The last segment.
    pub(crate) fn name(&self) -> &str {
        self.segments.last().map_or("", |name| name)
    }

    /// The segment before the last.
    pub(crate) fn owner(&self) -> Option<&str> {
        let before = self.segments.len().checked_sub(2)?;
        self.segments.get(before).map(|name| &**name)
    }
}
/// More segments than any path has.
const MOST_SEGMENTS: usize = 24;

/// The path that is `node`; none for what is no path.
pub(crate) fn path(node: Node<'_>, text: &str) -> Option<Path> {
    let mut segments = Vec::new();
    let mut next = Some(node);
    let mut last = node.byte_range();
    while let Some(node) = next {
        if segments.len() == MOST_SEGMENTS {
            return None;
        }
        match node.kind() {
            "scoped_identifier" | "scoped_type_identifier" => {
                let name = node.child_by_field_name("name")?;
                if segments.is_empty() {
                    last = name.byte_range();
                }
                segments.push(text.get(name.byte_range())?.into());
                next = node.child_by_field_name("path");
            }
            "generic_type" => next = node.child_by_field_name("type"),
            "bracketed_type" => next = node.named_child(0),
            // `<T as Trait>::NAME`
            "qualified_type" => next = node.child_by_field_name("type"),
            "identifier" | "type_identifier" | "self" | "super" | "crate" | "primitive_type"
            | "metavariable" => {
                segments.push(text.get(node.byte_range())?.into());
                next = None;
            }
            _ => return None,
        }
    }
    segments.reverse();
    (!segments.is_empty()).then_some(Path { segments, last })
}
