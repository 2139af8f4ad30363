//! Where a function is named and not called: something else gets its address.

use super::{ByField, DEEPEST, Field};
use crate::lex::{skip_blank, word_end};
use std::ops::Range;
use tree_sitter::{Node, Tree};

/// Of the `named` places those where an address is taken, as what is named there.
pub(super) fn of(tree: &Tree, bytes: &[u8], named: &[usize]) -> Vec<Range<usize>> {
    let root = tree.root_node();
    let taken = |at: &usize| {
        if !may_be(bytes, *at) {
            return None;
        }
        let end = word_end(bytes, *at);
        let node = root.named_descendant_for_byte_range(*at, end)?;
        let is_given = match node.kind() {
            "identifier" => is_taken(node),
            "type_identifier" => is_argument(node),
            _ => false,
        };
        (is_given && node.byte_range() == (*at..end)).then_some(*at..end)
    };
    named.iter().filter_map(taken).collect()
}

/// Whether a name may have its address taken where it stands, by what is around it. Most are calls, declarations and members,
/// which need no tree to be told.
pub(super) fn may_be(bytes: &[u8], at: usize) -> bool {
    let end = word_end(bytes, at);
    let before = bytes[..at].trim_ascii_end();
    let is_member = before.ends_with(b".") && !before.ends_with(b"...") || before.ends_with(b"->");
    let next = bytes.get(skip_blank(bytes, end));
    let is_more = next.is_some_and(|next| b"(=.-+/%^!?<|{".contains(next));
    end > at && !is_member && !is_more
}

/// Whether a name that reads like a type is handed to what `T f(name);` makes, or to a template: no function is a type.
fn is_argument(node: Node<'_>) -> bool {
    let around = node.parent();
    let outer = around.and_then(|around| around.parent());
    matches!(
        (around.map(|node| node.kind()), outer.map(|node| node.kind())),
        (Some("parameter_declaration"), Some("parameter_list"))
            | (Some("type_descriptor"), Some("template_argument_list"))
    )
}

/// Whether a name is a value that goes somewhere, rather than what is called, declared, compared or measured.
fn is_taken(mut node: Node<'_>) -> bool {
    for _ in 0..DEEPEST {
        let Some(around) = node.parent() else { return false };
        let is = |field| around.field(field) == Some(node);
        match around.kind() {
            "parenthesized_expression"
            | "pointer_expression"
            | "cast_expression"
            | "qualified_identifier"
            | "comma_expression" => node = around,
            "conditional_expression" if !is(Field::Condition) => node = around,
            "init_declarator" | "initializer_pair" => return is(Field::Value),
            "assignment_expression" => return is(Field::Right),
            "optional_parameter_declaration" => return is(Field::DefaultValue),
            "field_declaration" => return is(Field::DefaultValue),
            "argument_list" | "initializer_list" | "return_statement" => return true,
            "template_argument_list" | "lambda_capture_initializer" => return true,
            _ => return false,
        }
    }
    true
}
