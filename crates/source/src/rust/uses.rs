//! What a `use` brings in.

use super::path::path;
use tree_sitter::Node;

/// A path, and the name that stands for it; `*` for all that are in it.
type BroughtIn = (Vec<Box<str>>, Box<str>);

/// Deeper lists than any `use` has.
const DEEPEST: usize = 16;
/// More names than a single `use` has.
const MOST: usize = 4096;

/// The paths that the argument of a `use` brings in.
pub(crate) fn brought_in(argument: Node<'_>, text: &str) -> Vec<BroughtIn> {
    let mut found = Vec::new();
    let mut left = vec![(argument, Vec::new())];
    while let Some((node, before)) = left.pop() {
        if found.len() >= MOST || before.len() > DEEPEST {
            break;
        }
        let below = |of: Option<Node<'_>>| -> Option<Vec<Box<str>>> {
            let own = match of {
                Some(of) => path(of, text)?.segments,
                None => Vec::new(),
            };
            Some(before.iter().cloned().chain(own).collect())
        };
        match node.kind() {
            "scoped_use_list" | "use_list" => {
                let is_scoped = node.kind() == "scoped_use_list";
                let list = if is_scoped { node.child_by_field_name("list") } else { Some(node) };
                let of = node.child_by_field_name("path").filter(|_| is_scoped);
                let (Some(list), Some(before)) = (list, below(of)) else { continue };
                let mut cursor = list.walk();
                left.extend(list.named_children(&mut cursor).map(|one| (one, before.clone())));
            }
            "use_as_clause" => {
                let alias = node.child_by_field_name("alias");
                let alias = alias.and_then(|alias| text.get(alias.byte_range()));
                if let (Some(whole), Some(alias)) = (below(node.child_by_field_name("path")), alias)
                {
                    found.push((without_self(whole), alias.into()));
                }
            }
            "use_wildcard" => found.extend(below(node.named_child(0)).map(|all| (all, "*".into()))),
            _ => {
                let whole = below(Some(node)).map(without_self);
                let name = whole.as_ref().and_then(|whole| whole.last().cloned());
                found.extend(whole.zip(name));
            }
        }
    }
    found
}

/// `a::{self}` is `a`.
fn without_self(mut path: Vec<Box<str>>) -> Vec<Box<str>> {
    if path.len() > 1 && path.last().is_some_and(|last| &**last == "self") {
        path.pop();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileKind;
    use crate::syntax::parse;

    fn of(text: &str) -> Vec<String> {
        let tree = parse(text.as_bytes(), FileKind::Rust).unwrap();
        let argument = tree.root_node().named_child(0).unwrap().child_by_field_name("argument");
        let mut all: Vec<_> = brought_in(argument.unwrap(), text)
            .into_iter()
            .map(|(path, name)| format!("{name} = {}", path.join("::")))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn every_form_brings_in_its_names() {
        assert_eq!(of("use wdk_sys::ntddk;"), ["ntddk = wdk_sys::ntddk"]);
        assert_eq!(of("use wdk_sys::ntddk::*;"), ["* = wdk_sys::ntddk"]);
        assert_eq!(
            of("use wdk_sys::{self, ntddk::{ExAllocatePool2 as take, *}, POOL_FLAG_NON_PAGED};"),
            [
                "* = wdk_sys::ntddk",
                "POOL_FLAG_NON_PAGED = wdk_sys::POOL_FLAG_NON_PAGED",
                "take = wdk_sys::ntddk::ExAllocatePool2",
                "wdk_sys = wdk_sys",
            ]
        );
        assert_eq!(of("use {a::b, self::c};"), ["b = a::b", "c = self::c"]);
    }

    #[test]
    fn what_is_made_to_be_hard_ends() {
        of(&format!("use {}a{};", "a::{".repeat(2000), "}".repeat(2000)));
        of(&format!("use a::{{{}}};", "b, ".repeat(20_000)));
    }
}
