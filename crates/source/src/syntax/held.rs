//! The name behind the conversions of a callee: of a pointer, of one that a member keeps, or of memory that begins before.

use super::{ByField, DEEPEST, Field, Manner};
use tree_sitter::Node;

/// What a conversion in a callee is of, and what calling that is, where more than a name stands behind it.
pub(super) fn converted(mut node: Node<'_>) -> Option<(Node<'_>, Manner)> {
    let mut manner = Manner::Converted;
    for _ in 0..DEEPEST {
        node = match node.kind() {
            "parenthesized_expression" => node.named_child(0)?,
            "cast_expression" => node.field(Field::Value)?,
            // Without knowing types, `(T)(p)` is a call.
            "call_expression" => {
                let of = node.field(Field::Function)?;
                let list = node.field(Field::Arguments)?;
                (of.kind() == "parenthesized_expression" && list.named_child_count() == 1)
                    .then(|| list.named_child(0))??
            }
            "binary_expression" => {
                node.field(Field::Operator).filter(|operator| operator.kind() == "+")?;
                manner = Manner::Behind;
                node.field(Field::Left)?
            }
            "identifier" => return Some((node, manner)),
            // What lies behind what a member keeps is no value of the member.
            "field_expression" if manner == Manner::Converted => {
                return Some((node.field(Field::Member)?, Manner::Member));
            }
            _ => return None,
        };
    }
    None
}

/// The name of what is called to get what a conversion in a callee is of: `((T)F(a))(b)`, `reinterpret_cast<T>(F(a))(b)`.
pub(super) fn given(mut node: Node<'_>) -> Option<Node<'_>> {
    let mut is_converted = false;
    for _ in 0..DEEPEST {
        node = match node.kind() {
            "parenthesized_expression" => node.named_child(0)?,
            "cast_expression" => {
                is_converted = true;
                node.field(Field::Value)?
            }
            "call_expression" => {
                let of = node.field(Field::Function)?;
                match of.kind() {
                    "identifier" | "qualified_identifier" => return is_converted.then_some(of),
                    // `(T)(F(a))` and `reinterpret_cast<T>(F(a))`, which are calls to a parser.
                    "parenthesized_expression" | "template_function" => {
                        is_converted = true;
                        let list = node.field(Field::Arguments)?;
                        (list.named_child_count() == 1).then(|| list.named_child(0))??
                    }
                    _ => return None,
                }
            }
            _ => return None,
        };
    }
    None
}
