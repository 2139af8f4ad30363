//! Variables that are changed in a way that is not followed, or whose addresses are given away.

use super::{ByField, Field, Happens, Reader, Turn};
use crate::windows_version;
use tree_sitter::Node;

impl Reader<'_> {
    pub(super) fn changes(&mut self, node: Node<'_>) {
        if let Some(of) = node.field(Field::Argument).filter(|of| of.kind() == "identifier") {
            let happens = self.handed(node).unwrap_or(Happens::Changes);
            self.variable(of, happens);
        }
    }

    /// `(TYPE)&x`, which without knowing types looks like bits of `x`: as it is written, it is an address.
    pub(super) fn converted_address(&mut self, node: Node<'_>) {
        let field = |field| node.field(field);
        let (Some(left), Some(right)) = (field(Field::Left), field(Field::Right)) else { return };
        let is_it = right.kind() == "identifier"
            && left.kind() == "parenthesized_expression"
            && left.end_byte() + 1 == right.start_byte()
            && self.bytes.get(left.end_byte()) == Some(&b'&')
            && left.named_child(0).is_some_and(|only| only.kind() == "identifier");
        if is_it {
            let happens = self.handed(node).unwrap_or(Happens::Changes);
            self.variable(right, happens);
        }
    }

    /// What a function does to what an argument points to: it puts a number of the version of Windows there, or changes a bit
    /// of it.
    fn handed(&self, mut argument: Node<'_>) -> Option<Happens> {
        let mut list = argument.parent()?;
        if list.kind() == "cast_expression" {
            (argument, list) = (list, list.parent()?);
        }
        if list.kind() != "argument_list" {
            return None;
        }
        let callee = list.parent()?.field(Field::Function)?;
        let callee = std::str::from_utf8(self.bytes.get(callee.byte_range())?).ok()?;
        let mut cursor = list.walk();
        let mut all = list.named_children(&mut cursor).filter(|one| one.kind() != "comment");
        let at = all.position(|one| one.id() == argument.id())?;
        match Turn::by(callee).filter(|_| at == 0) {
            Some(turn) => all.next().map(|number| Happens::Turns(turn, number.byte_range())),
            None => windows_version::told_by(callee, at).map(Happens::Told),
        }
    }
}
