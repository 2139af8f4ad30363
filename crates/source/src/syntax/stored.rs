//! What members are given, and what functions return.

use super::{ByField, Field, Happens, Reader, parameters};
use std::ops::Range;
use tree_sitter::Node;

/// What a member of something is given: `a.b = …`, `p->b = …`.
#[derive(Debug)]
pub(crate) struct Stored {
    /// All of its left side.
    pub(crate) path: Range<usize>,
    /// The name of the member.
    pub(crate) member: Range<usize>,
    /// None where it is changed otherwise.
    pub(crate) value: Option<Range<usize>>,
    /// The innermost statement around whose parts run together or not at all.
    pub(crate) block: Range<usize>,
}

impl Reader<'_> {
    /// Notes what a member is given, if it is one.
    pub(super) fn stored(&mut self, assignment: Node<'_>, left: Node<'_>, right: Node<'_>) {
        let Some((function, _)) = self.within.last() else { return };
        let member = left.field(Field::Member);
        let Some(member) = member.filter(|_| left.kind() == "field_expression") else { return };
        let operator = assignment.field(Field::Operator);
        let is_given = operator.is_none_or(|operator| operator.kind() == "=");
        self.found.functions[*function].stored.push(Stored {
            path: left.byte_range(),
            member: member.byte_range(),
            value: is_given.then(|| right.byte_range()),
            block: self.blocks.last().cloned().unwrap_or(0..usize::MAX),
        });
    }

    /// Notes a function without a name.
    pub(super) fn lambda(&mut self, node: Node<'_>) {
        let declarator = node.field(Field::Declarator);
        if let Some((function, _)) = self.within.last() {
            let lambda = (node.byte_range(), declarator.map_or_else(Vec::new, parameters));
            self.found.functions[*function].lambdas.push(lambda);
            self.captures(node);
        }
    }

    /// `[name = value]` declares a variable of the function without a name.
    fn captures(&mut self, lambda: Node<'_>) {
        let Some(list) = lambda.field(Field::Captures) else { return };
        let mut cursor = list.walk();
        for one in list.named_children(&mut cursor) {
            let (name, value) = (one.field(Field::Left), one.field(Field::Right));
            if let (Some(name), Some(value)) = (name, value) {
                self.variable(name, Happens::Begins(value.byte_range()));
            }
        }
    }

    /// Notes what the function around returns; functions without a name in it have their own.
    pub(super) fn returned(&mut self, node: Node<'_>) {
        let Some((function, _)) = self.within.last() else { return };
        let function = &mut self.found.functions[*function];
        let is_within = function.lambdas.iter().any(|(of, _)| of.contains(&node.start_byte()));
        if let Some(value) = node.named_child(0).filter(|value| value.kind() != "comment")
            && !is_within
        {
            function.returns.push(value.byte_range());
        }
    }
}
