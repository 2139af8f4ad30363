//! Templates: their parameters, and what is passed to them.

use super::{ByField, DEEPEST, Field, declared_name};
use std::ops::Range;
use tree_sitter::Node;

/// A parameter of a template.
#[derive(Clone, Debug)]
pub(crate) struct TemplateParameter {
    /// Its name; empty for one without.
    pub(crate) name: Range<usize>,
    /// What it is where nothing is passed.
    pub(crate) default: Option<Range<usize>>,
}

/// The parameters of a template.
pub(super) fn template_parameters(template: Node<'_>) -> Vec<TemplateParameter> {
    let Some(list) = template.field(Field::Parameters) else { return Vec::new() };
    let mut cursor = list.walk();
    let all = list.named_children(&mut cursor).filter(|one| one.kind() != "comment");
    let parameter = |one: Node<'_>| TemplateParameter {
        name: declared_name(one).map_or(0..0, |name| name.byte_range()),
        default: one.field(Field::DefaultValue).map(|value| value.byte_range()),
    };
    all.map(parameter).collect()
}

/// What stands between the angle brackets of a callee.
pub(super) fn template_arguments(mut callee: Node<'_>) -> Vec<Range<usize>> {
    for _ in 0..DEEPEST {
        match (callee.kind(), callee.field(Field::Name)) {
            ("qualified_identifier", Some(name)) => callee = name,
            _ => break,
        }
    }
    listed(callee)
}

/// The name of the class that a callee stands behind, and what stands between the angle brackets of that and of what is
/// around it.
pub(super) fn class_arguments(mut callee: Node<'_>) -> Option<(Range<usize>, Vec<Range<usize>>)> {
    let mut class = None;
    let mut all = Vec::new();
    for _ in 0..DEEPEST {
        if callee.kind() != "qualified_identifier" {
            break;
        }
        if let Some(scope) = callee.field(Field::Scope) {
            all.extend(listed(scope));
            let name = scope.field(Field::Name).filter(|_| scope.kind() == "template_type");
            class = Some(name.unwrap_or(scope).byte_range());
        }
        callee = callee.field(Field::Name)?;
    }
    Some((class?, all))
}

/// The arguments of a template that a node names.
fn listed(node: Node<'_>) -> Vec<Range<usize>> {
    let list = node.field(Field::Arguments);
    let Some(list) = list.filter(|list| list.kind() == "template_argument_list") else {
        return Vec::new();
    };
    let mut cursor = list.walk();
    let all = list.named_children(&mut cursor).filter(|one| one.kind() != "comment");
    all.map(|one| one.byte_range()).collect()
}
