//! `*(T *)&name = …`, which sets a variable of another type, as addresses that were looked up often are kept.

use super::field::{ByField, Field};
use tree_sitter::Node;

/// The variable that such a place is; none for any other.
pub(super) fn variable(left: Node<'_>) -> Option<Node<'_>> {
    let cast = bare(of(left, "*")?);
    let value = cast.field(Field::Value).filter(|_| cast.kind() == "cast_expression")?;
    let name = bare(of(bare(value), "&")?);
    (name.kind() == "identifier").then_some(name)
}

/// What an operator for pointers is applied to.
fn of<'t>(node: Node<'t>, operator: &str) -> Option<Node<'t>> {
    let is_it = node.kind() == "pointer_expression"
        && node.field(Field::Operator).is_some_and(|one| one.kind() == operator);
    node.field(Field::Argument).filter(|_| is_it)
}

/// An expression without parentheses around it.
fn bare(mut node: Node<'_>) -> Node<'_> {
    while node.kind() == "parenthesized_expression"
        && let Some(inner) = node.named_child(0)
    {
        node = inner;
    }
    node
}
