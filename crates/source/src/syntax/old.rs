//! Functions as C had them first: with the types of the parameters behind all of them.

use super::{ByField, Field, Reader, function_declarator, last_name};
use std::ops::Range;
use tree_sitter::Node;

/// How many parameters are looked back over whose types stand behind all of them.
const MOST_OLD_PARAMETERS: usize = 64;

impl Reader<'_> {
    /// `T *F(a, b) A a; B b; { … }`: a parser takes it for a declaration of F, variables and a block. The types of parameters may
    /// stand behind all of them in C.
    pub(super) fn old_function(&mut self, body: Node<'_>) {
        let mut before = body.prev_named_sibling();
        for _ in 0..MOST_OLD_PARAMETERS {
            let Some(one) = before.filter(|one| one.kind() == "declaration") else { return };
            let declarator = one.field(Field::Declarator).and_then(function_declarator);
            let Some(declarator) = declarator else {
                before = one.prev_named_sibling();
                continue;
            };
            let (Some(name), Some(list)) =
                (declarator.field(Field::Declarator), declarator.field(Field::Parameters))
            else {
                return;
            };
            let mut cursor = list.walk();
            let is_name = |one: &Node<'_>| {
                one.named_child_count() <= 1 && one.field(Field::Declarator).is_none()
            };
            let names = list.named_children(&mut cursor).filter(is_name);
            let names: Vec<Range<usize>> = names.map(|one| one.byte_range()).collect();
            // What stands behind the parentheses is the type of the first parameter that is told.
            if names.is_empty() || declarator.end_byte() == list.end_byte() {
                return;
            }
            let start = name.start_byte();
            self.found.variables.retain(|one| one.name.start < start);
            self.add_function((last_name(name), names, body), one, body.end_byte());
            return;
        }
    }
}
