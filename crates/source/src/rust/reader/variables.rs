//! Variables of functions: where they begin and what is done to them.

use super::super::expression::{self, is_remark};
use super::super::syntax::{Begin, Binding, Change, How, Variables};
use super::Reader;
use std::ops::Range;
use tree_sitter::Node;

impl Reader<'_> {
    /// The parameters of the function around, whose body is `body`.
    pub(super) fn parameters(&mut self, list: Node<'_>, body: &Range<usize>) {
        let Some((function, _)) = self.within.last().copied() else { return };
        let mut cursor = list.walk();
        for one in list.named_children(&mut cursor).filter(|one| !is_remark(*one)) {
            if one.kind() == "self_parameter" {
                self.found.functions[function].takes_self = true;
                continue;
            }
            let pattern = one.child_by_field_name("pattern").map(without_mut);
            let name = pattern.filter(|pattern| pattern.kind() == "identifier");
            match name {
                Some(name) => self.bind(name, body.clone(), Begin::Parameter, false),
                None => self.take_apart(pattern, body),
            }
            let name = self.written(name).into();
            self.found.functions[function].parameters.push(name);
        }
    }

    pub(super) fn declaration(&mut self, node: Node<'_>, is_open: bool) {
        let scope = node.end_byte()..self.scope_end();
        let Some(pattern) = node.child_by_field_name("pattern").map(without_mut) else { return };
        if pattern.kind() != "identifier" {
            return self.take_apart(Some(pattern), &scope);
        }
        let begin = match node.child_by_field_name("value") {
            Some(value) => Begin::Value(expression::read(value, self.text)),
            None => Begin::Declared,
        };
        self.bind(pattern, scope, begin, is_open);
    }

    pub(super) fn bind(
        &mut self,
        name: Node<'_>,
        scope: Range<usize>,
        begin: Begin,
        is_open: bool,
    ) {
        let text = self.written(Some(name));
        if let Some(variables) = self.variables(text) {
            let at = name.start_byte();
            variables.bindings.push(Binding { at, scope, begin, is_open });
        }
    }

    /// What has that name in the function around.
    pub(super) fn variables(&mut self, name: &str) -> Option<&mut Variables> {
        let (function, _) = self.within.last()?;
        Some(self.found.functions[*function].variables.entry(name.into()).or_default())
    }

    /// Binds all names of a pattern to what is not known.
    pub(super) fn take_apart(&mut self, pattern: Option<Node<'_>>, scope: &Range<usize>) {
        let Some(pattern) = pattern else { return };
        let mut cursor = pattern.walk();
        let mut depth = 0usize;
        loop {
            let node = cursor.node();
            // A loud name in a pattern is a constant that is compared with.
            let is_name = matches!(node.kind(), "identifier" | "shorthand_field_identifier")
                && !self.written(Some(node)).starts_with(|first: char| first.is_ascii_uppercase());
            if is_name {
                self.bind(node, scope.clone(), Begin::Open, false);
            }
            if cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            while !cursor.goto_next_sibling() {
                if depth == 0 || !cursor.goto_parent() {
                    return;
                }
                depth -= 1;
            }
            if depth == 0 {
                return;
            }
        }
    }

    pub(super) fn assignment(&mut self, node: Node<'_>, is_plain: bool) {
        let (Some(left), Some(right)) =
            (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return;
        };
        let operator = node.child_by_field_name("operator").map_or("=", |operator| operator.kind());
        let value = || expression::read(right, self.text);
        let how = match operator {
            "=" if is_plain => How::Becomes(value()),
            "|=" => How::Gains(value()),
            _ => How::Changes,
        };
        self.change(left, how);
    }

    pub(super) fn reference(&mut self, node: Node<'_>) {
        let Some(value) = node.child_by_field_name("value") else { return };
        let before = self.text.get(node.start_byte()..value.start_byte()).unwrap_or_default();
        if before.split_whitespace().any(|word| word.trim_start_matches('&') == "mut") {
            self.change(value, How::Changes);
        }
    }

    pub(super) fn change(&mut self, of: Node<'_>, how: How) {
        if of.kind() != "identifier" {
            return;
        }
        let block = self.blocks.last().cloned().unwrap_or(0..self.text.len());
        let name = self.written(Some(of));
        if let Some(variables) = self.variables(name) {
            variables.changes.push(Change { at: of.start_byte(), how, block });
        }
    }
}

/// `mut x` is `x`.
pub(super) fn without_mut(pattern: Node<'_>) -> Node<'_> {
    let mut cursor = pattern.walk();
    match pattern.kind() {
        "mut_pattern" => {
            let name = pattern.named_children(&mut cursor).last();
            name.unwrap_or(pattern)
        }
        _ => pattern,
    }
}
