//! What stands outside of functions: constants, modules, types, and what is brought in or declared.

use super::super::expression::{self, Expression};
use super::super::path::path;
use super::super::syntax::{Constant, Declared, Import, Module};
use super::super::uses;
use super::Reader;
use std::ops::Range;
use tree_sitter::Node;

impl Reader<'_> {
    pub(super) fn constant(&mut self, node: Node<'_>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let mut cursor = node.walk();
        let is_mutable =
            node.named_children(&mut cursor).any(|child| child.kind() == "mutable_specifier");
        let value = node.child_by_field_name("value");
        let value = value.map(|value| expression::read(value, self.text));
        self.push_constant(name, self.owners.last().map(|(name, ..)| name.clone()), value, 0);
        if let Some(constant) = self.found.constants.last_mut() {
            constant.is_mutable = is_mutable;
        }
    }

    pub(super) fn push_constant(
        &mut self,
        name: Node<'_>,
        owner: Option<Box<str>>,
        value: Option<Expression>,
        behind: u64,
    ) {
        self.found.constants.push(Constant {
            name: self.written(Some(name)).into(),
            owner,
            value,
            behind,
            is_mutable: false,
            at: name.start_byte(),
            module: self.module_number(),
        });
    }

    pub(super) fn enumeration(&mut self, node: Node<'_>) {
        let owner: Box<str> = self.written(node.child_by_field_name("name")).into();
        let Some(list) = node.child_by_field_name("body") else { return };
        let (mut last, mut behind) = (None, 0);
        let mut cursor = list.walk();
        for one in list.named_children(&mut cursor).filter(|one| one.kind() == "enum_variant") {
            let Some(name) = one.child_by_field_name("name") else { continue };
            if let Some(value) = one.child_by_field_name("value") {
                last = Some(expression::read(value, self.text));
                behind = 0;
            }
            let value = last.clone().unwrap_or(Expression::Number(0, 0..0));
            self.push_constant(name, Some(owner.clone()), Some(value), behind);
            behind += 1;
        }
    }

    pub(super) fn import(&mut self, node: Node<'_>) {
        let Some(argument) = node.child_by_field_name("argument") else { return };
        let scope = self.import_scope();
        let module = self.module_number();
        for (path, name) in uses::brought_in(argument, self.text) {
            self.found.imports.push(Import { path, name, scope: scope.clone(), module });
        }
    }

    pub(super) fn import_crate(&mut self, node: Node<'_>) {
        let name = self.written(node.child_by_field_name("name"));
        let alias = node.child_by_field_name("alias");
        let alias = if alias.is_some() { self.written(alias) } else { name };
        self.found.imports.push(Import {
            path: vec![name.into()],
            name: alias.into(),
            scope: self.import_scope(),
            module: self.module_number(),
        });
    }

    /// The block around, or the module.
    pub(super) fn import_scope(&self) -> Range<usize> {
        let module = &self.found.modules[self.module_number()].range;
        match self.scopes.last() {
            Some(scope) if scope.start >= module.start => scope.clone(),
            _ => module.clone(),
        }
    }

    pub(super) fn declare(&mut self, node: Node<'_>, attributes: &[Range<usize>]) {
        let attribute = |of: &[Range<usize>], name: &str| {
            let mut all = of.iter().filter_map(|range| self.text.get(range.clone()));
            all.find_map(|written| of_attribute(written, name).map(str::to_owned))
        };
        let library = attribute(attributes, "name");
        let is_of_programs = library.is_some_and(|name| is_of_programs(&name));
        let Some(list) = node.child_by_field_name("body") else { return };
        let mut declared = Vec::new();
        let mut before = Vec::new();
        let mut cursor = list.walk();
        for one in list.named_children(&mut cursor) {
            match one.kind() {
                "attribute_item" => before.push(one.byte_range()),
                "function_signature_item" => {
                    let name = self.written(one.child_by_field_name("name"));
                    let links_to = attribute(&before, "link_name");
                    let links_to = links_to.unwrap_or_else(|| name.to_owned()).into();
                    declared.push(Declared { name: name.into(), links_to, is_of_programs });
                    before.clear();
                }
                _ => before.clear(),
            }
        }
        self.found.declared.extend(declared);
    }

    pub(super) fn module(&mut self, node: Node<'_>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let parent = Some(self.module_number());
        self.modules.push(self.found.modules.len());
        self.found.modules.push(Module { range: body.byte_range(), parent });
        self.owner(node, "name", true);
    }

    pub(super) fn module_left_out(&mut self, node: Node<'_>, attributes: &[Range<usize>]) {
        if node.child_by_field_name("body").is_some() {
            return;
        }
        let name = self.written(node.child_by_field_name("name")).into();
        let mut written = attributes.iter().filter_map(|range| self.text.get(range.clone()));
        let path = written.find_map(|one| of_attribute(one, "path")).map(Into::into);
        self.found.left_out.push((name, path));
    }

    pub(super) fn owner(&mut self, node: Node<'_>, field: &str, is_module: bool) {
        let path = node.child_by_field_name(field).and_then(|of| path(of, self.text));
        let name = path.map_or_else(Box::default, |path| path.name().into());
        self.owners.push((name, node.end_byte(), is_module));
    }
}

/// The string that an attribute gives for `name`.
fn of_attribute<'t>(attribute: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = attribute;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].chars().next_back();
        let behind = rest[at + name.len()..].trim_start();
        let value = behind.strip_prefix('=').map(str::trim_start);
        let is_whole = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_');
        match value.and_then(|value| value.strip_prefix('"')) {
            Some(value) if is_whole => return value.split('"').next(),
            _ => rest = &rest[at + name.len()..],
        }
    }
    None
}

/// Whether a library has functions for programs rather than for drivers.
fn is_of_programs(library: &str) -> bool {
    let library = library.to_ascii_lowercase();
    let name = library.strip_suffix(".dll").unwrap_or(&library);
    matches!(name, "ntdll" | "kernel32" | "kernelbase" | "onecore" | "windowsapp" | "user32")
}

#[cfg(test)]
mod tests {
    use super::super::syntax;
    use super::*;
    use crate::rust::syntax::Syntax;

    fn of(text: &str) -> Syntax {
        syntax(text, |word| word == "Alloc")
    }

    #[test]
    fn extern_blocks_say_what_they_link_to() {
        let found = of("#[link(name = \"ntdll\")] extern \"system\" { fn A(); }
             unsafe extern \"C\" { #[link_name = \"Alloc\"] fn take(n: usize); fn B(); }");
        let told = |one: &Declared| format!("{} {} {}", one.name, one.links_to, one.is_of_programs);
        let all: Vec<_> = found.declared.iter().map(told).collect();
        assert_eq!(all, ["A A true", "take Alloc false", "B B false"]);
    }

    #[test]
    fn enumerations_count_on() {
        let found =
            of("enum P { A, B = 5, C } impl P { const D: u8 = 1; } mod m { pub const E: u8 = 2; }");
        let told = |one: &Constant| {
            (one.owner.clone().unwrap_or_default().to_string() + "." + &one.name, one.behind)
        };
        let all: Vec<_> = found.constants.iter().map(told).collect();
        let of = |name: &str, behind| (name.to_owned(), behind);
        assert_eq!(all, [of("P.A", 0), of("P.B", 0), of("P.C", 1), of("P.D", 0), of("m.E", 0)]);
    }
}
