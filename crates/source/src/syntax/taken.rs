//! Where a function is named and not called: something else gets its address.

use super::DEEPEST;
use crate::lex::{skip_blank, word_end};
use std::ops::Range;
use tree_sitter::{Node, Tree};

/// Of the `named` places those where an address is taken, as what is named there.
pub(super) fn of(tree: &Tree, bytes: &[u8], named: &[usize]) -> Vec<Range<usize>> {
    let root = tree.root_node();
    let taken = |at: &usize| {
        let end = word_end(bytes, *at);
        // Most are calls and declarations, which need no tree to be told.
        let next = bytes.get(skip_blank(bytes, end));
        if end == *at || next == Some(&b'(') {
            return None;
        }
        let node = root.named_descendant_for_byte_range(*at, end)?;
        let is_name = node.kind() == "identifier" && node.byte_range() == (*at..end);
        (is_name && is_taken(node)).then_some(*at..end)
    };
    named.iter().filter_map(taken).collect()
}

/// Whether a name is a value that goes somewhere, rather than what is called, declared, compared or measured.
fn is_taken(mut node: Node<'_>) -> bool {
    for _ in 0..DEEPEST {
        let Some(around) = node.parent() else { return false };
        let is = |field| around.child_by_field_name(field) == Some(node);
        match around.kind() {
            "parenthesized_expression"
            | "pointer_expression"
            | "cast_expression"
            | "qualified_identifier"
            | "comma_expression" => node = around,
            "conditional_expression" if !is("condition") => node = around,
            "init_declarator" | "initializer_pair" => return is("value"),
            "assignment_expression" => return is("right"),
            "optional_parameter_declaration" => return is("default_value"),
            "field_declaration" => return is("default_value"),
            "argument_list" | "initializer_list" | "return_statement" => return true,
            "template_argument_list" | "lambda_capture_initializer" => return true,
            _ => return false,
        }
    }
    true
}
