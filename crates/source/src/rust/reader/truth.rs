//! What constants decide: `if false`, `if cfg!(test)`.

use super::conditions;
use tree_sitter::Node;

/// Deepest nesting of conditions.
const DEEPEST: usize = 16;

/// The block of a condition or a loop that control never comes to, in any build for x64.
pub(super) fn never_run<'t>(node: Node<'t>, text: &str) -> Option<Node<'t>> {
    let is_loop = match node.kind() {
        "if_expression" => false,
        "while_expression" => true,
        _ => return None,
    };
    let holds = truth(node.child_by_field_name("condition")?, text, DEEPEST)?;
    match (holds, is_loop) {
        (false, true) => node.child_by_field_name("body"),
        (false, false) => node.child_by_field_name("consequence"),
        (true, false) => node.child_by_field_name("alternative"),
        (true, true) => None,
    }
}

/// Whether a condition holds; none where that is not constant.
fn truth(node: Node<'_>, text: &str, left: usize) -> Option<bool> {
    let left = left.checked_sub(1)?;
    let written = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    match node.kind() {
        "boolean_literal" => Some(written(node) == "true"),
        "parenthesized_expression" => truth(node.named_child(0)?, text, left),
        "unary_expression" if written(node).starts_with('!') => {
            truth(node.named_child(0)?, text, left).map(|is| !is)
        }
        "binary_expression" => {
            let side = |name| truth(node.child_by_field_name(name)?, text, left);
            // One side alone may decide.
            let decides = match written(node.child_by_field_name("operator")?) {
                "&&" => false,
                "||" => true,
                _ => return None,
            };
            match (side("left"), side("right")) {
                (Some(one), _) | (_, Some(one)) if one == decides => Some(decides),
                (Some(_), Some(_)) => Some(!decides),
                _ => None,
            }
        }
        "macro_invocation" if written(node.child_by_field_name("macro")?) == "cfg" => {
            let (_, predicate) = written(node).split_once('!')?;
            conditions::holds(predicate.trim().strip_prefix(['(', '[', '{'])?)
        }
        _ => None,
    }
}
