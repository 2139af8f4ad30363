//! From a parsed file to what stands in it.

mod items;
mod truth;
mod variables;

use super::conditions;
use super::expression::{self, Expression, is_remark};
use super::opened::{Opened, opened};
use super::path::{Path, path};
use super::syntax::{Call, Function, Manner, Module, Syntax};
use crate::FileKind;
use crate::syntax::parse;
use foldhash::HashMap;
use std::ops::Range;
use tree_sitter::{Node, Tree};

/// The macro of the kit that calls functions of the framework.
pub(crate) const FRAMEWORK_MACRO: &str = "call_unsafe_wdf_function_binding";

/// Reads a file; what macros hide is seen where it has one of the names that `is_named` knows.
pub(crate) fn syntax(text: &str, is_named: impl Fn(&str) -> bool) -> Syntax {
    let cut = Syntax { is_cut: true, ..Syntax::default() };
    let Some(tree) = parse(text.as_bytes(), FileKind::Rust) else { return cut };
    let opened = opened(&tree, text, is_named);
    if opened.text == text {
        return read(&tree, &opened);
    }
    match parse(opened.text.as_bytes(), FileKind::Rust) {
        Some(tree) => read(&tree, &opened),
        None => cut,
    }
}

fn read(tree: &Tree, opened: &Opened) -> Syntax {
    let whole = Module { range: 0..opened.text.len(), parent: None };
    let mut reader = Reader {
        opened,
        text: &opened.text,
        found: Syntax { modules: vec![whole], ..Syntax::default() },
        within: Vec::new(),
        modules: vec![0],
        owners: Vec::new(),
        scopes: Vec::new(),
        blocks: Vec::new(),
        attributes: Vec::new(),
        never: Vec::new(),
    };
    reader.walk(tree);
    reader.found
}

struct Reader<'o> {
    opened: &'o Opened,
    text: &'o str,
    found: Syntax,
    /// The functions around, innermost last, each with where it ends.
    within: Vec<(usize, usize)>,
    /// The modules around, innermost last.
    modules: Vec<usize>,
    /// The types and modules around, innermost last, each with where it ends, and whether it is a module.
    owners: Vec<(Box<str>, usize, bool)>,
    /// What is around that names are seen in, innermost last.
    scopes: Vec<Range<usize>>,
    /// What is around that may not run, innermost last.
    blocks: Vec<Range<usize>>,
    /// The attributes before what comes next.
    attributes: Vec<Range<usize>>,
    /// The blocks that constants keep control away from and that were not reached yet.
    never: Vec<usize>,
}

impl<'o> Reader<'o> {
    fn walk(&mut self, tree: &Tree) {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            self.leave(node.start_byte());
            let goes_in = self.enter(node);
            if goes_in && cursor.goto_first_child() || cursor.goto_next_sibling() {
                continue;
            }
            loop {
                if !cursor.goto_parent() {
                    return;
                }
                self.attributes.clear();
                if cursor.goto_next_sibling() {
                    break;
                }
            }
        }
    }

    /// Leaves what ends before byte `at`.
    fn leave(&mut self, at: usize) {
        let modules = &self.found.modules;
        while self.modules.last().is_some_and(|one| *one != 0 && modules[*one].range.end <= at) {
            self.modules.pop();
        }
        while self.within.last().is_some_and(|(_, end)| at >= *end) {
            self.within.pop();
        }
        while self.owners.last().is_some_and(|(_, end, _)| at >= *end) {
            self.owners.pop();
        }
        while self.scopes.last().is_some_and(|scope| at >= scope.end) {
            self.scopes.pop();
        }
        while self.blocks.last().is_some_and(|block| at >= block.end) {
            self.blocks.pop();
        }
    }

    /// Takes in a node; whether what is in it is looked at too.
    fn enter(&mut self, node: Node<'_>) -> bool {
        match node.kind() {
            "attribute_item" => {
                self.attributes.push(node.byte_range());
                return false;
            }
            "inner_attribute_item" | "line_comment" | "block_comment" => return false,
            _ if !node.is_named() => return true,
            _ => {}
        }
        if let Some(at) = self.never.iter().rposition(|never| *never == node.id()) {
            self.never.truncate(at);
            return false;
        }
        self.never.extend(truth::never_run(node, self.text).map(|block| block.id()));
        let attributes = std::mem::take(&mut self.attributes);
        let written = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        if attributes.iter().any(|one| conditions::leaves_out(written(one))) {
            if node.kind() == "mod_item" {
                self.module_left_out(node, &attributes);
            }
            return false;
        }
        let has_inside = matches!(
            node.kind(),
            "source_file" | "declaration_list" | "block" | "match_arm" | "enum_variant_list"
        );
        if has_inside && is_left_out_inside(node, self.text) {
            return false;
        }
        if attributes.iter().any(|one| conditions::is_open(written(one))) {
            self.blocks.push(node.byte_range());
        }
        self.visit(node, &attributes);
        // What a macro was given stays closed where it names nothing that is looked for.
        !matches!(node.kind(), "token_tree" | "use_declaration" | "macro_definition")
    }

    fn visit(&mut self, node: Node<'_>, attributes: &[Range<usize>]) {
        match node.kind() {
            "function_item" => self.function(node),
            "call_expression" => self.call(node),
            "let_declaration" => {
                let written =
                    |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
                let is_open = attributes.iter().any(|one| conditions::is_open(written(one)));
                self.declaration(node, is_open)
            }
            "assignment_expression" => self.assignment(node, true),
            "compound_assignment_expr" => self.assignment(node, false),
            "reference_expression" => self.reference(node),
            "const_item" | "static_item" => self.constant(node),
            "enum_item" => self.enumeration(node),
            "use_declaration" => self.import(node),
            "extern_crate_declaration" => self.import_crate(node),
            "foreign_mod_item" => self.declare(node, attributes),
            "mod_item" => self.module(node),
            "impl_item" => self.owner(node, "type", false),
            "trait_item" => self.owner(node, "name", false),
            "block" => self.scopes.push(node.byte_range()),
            _ => self.branch(node),
        }
    }

    /// What may not run, or again, and the names that it brings.
    fn branch(&mut self, node: Node<'_>) {
        let range = match node.kind() {
            "if_expression" => {
                let end = node.child_by_field_name("consequence").map(|block| block.end_byte());
                node.start_byte()..end.unwrap_or(node.end_byte())
            }
            "else_clause" | "match_arm" | "closure_expression" | "async_block" => node.byte_range(),
            "while_expression" | "for_expression" | "loop_expression" => {
                if let Some((function, _)) = self.within.last() {
                    self.found.functions[*function].loops.push(node.byte_range());
                }
                node.byte_range()
            }
            "let_condition" => {
                let scope = node.end_byte()..self.scope_end();
                return self.take_apart(node.child_by_field_name("pattern"), &scope);
            }
            _ => return,
        };
        self.blocks.push(range.clone());
        self.scopes.push(range.clone());
        let pattern = match node.kind() {
            "closure_expression" => node.child_by_field_name("parameters"),
            "match_arm" | "for_expression" => node.child_by_field_name("pattern"),
            _ => return,
        };
        self.take_apart(pattern, &range);
    }

    fn scope_end(&self) -> usize {
        self.scopes.last().map_or(self.text.len(), |scope| scope.end)
    }

    fn module_number(&self) -> usize {
        self.modules.last().copied().unwrap_or(0)
    }

    fn written(&self, node: Option<Node<'_>>) -> &'o str {
        node.and_then(|node| self.text.get(node.byte_range())).unwrap_or_default()
    }

    fn type_owner(&self) -> Option<Box<str>> {
        let (name, _, is_module) = self.owners.last()?;
        (!is_module).then(|| name.clone())
    }

    fn function(&mut self, node: Node<'_>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let name = node.child_by_field_name("name");
        self.within.push((self.found.functions.len(), node.end_byte()));
        self.found.functions.push(Function {
            name: self.written(name).into(),
            owner: self.type_owner(),
            body: body.byte_range(),
            parameters: Vec::new(),
            takes_self: false,
            is_macro: self.opened.is_macro(node.start_byte()),
            variables: HashMap::default(),
            loops: Vec::new(),
        });
        self.blocks.push(body.byte_range());
        if let Some(list) = node.child_by_field_name("parameters") {
            self.parameters(list, &body.byte_range());
        }
    }

    fn call(&mut self, node: Node<'_>) {
        let Some(mut callee) = node.child_by_field_name("function") else { return };
        for _ in 0..4 {
            callee = match callee.kind() {
                "parenthesized_expression" => callee.named_child(0).unwrap_or(callee),
                "generic_function" => callee.child_by_field_name("function").unwrap_or(callee),
                _ => break,
            };
        }
        let (path, manner) = if callee.kind() == "field_expression" {
            let Some(field) = callee.child_by_field_name("field") else { return };
            let segments = vec![self.written(Some(field)).into()];
            (Path { segments, last: field.byte_range() }, Manner::Method)
        } else {
            let Some(path) = path(callee, self.text) else { return };
            (path, Manner::Plain)
        };
        // A macro that declares functions looks as if it called them.
        let before = self.text.get(..callee.start_byte()).unwrap_or_default();
        if before.trim_end().ends_with("fn") {
            return;
        }
        let Some(list) = node.child_by_field_name("arguments") else { return };
        let mut cursor = list.walk();
        let all = list.named_children(&mut cursor).filter(|one| !is_remark(*one));
        let mut arguments: Vec<(Range<usize>, Expression)> =
            all.map(|one| (one.byte_range(), expression::read(one, self.text))).collect();
        let mut call = Call {
            path,
            manner,
            whole: node.byte_range(),
            arguments: Vec::new(),
            function: self.within.last().map(|(function, _)| *function),
            module: self.module_number(),
        };
        if call.path.name() == FRAMEWORK_MACRO && !arguments.is_empty() {
            let (_, function) = arguments.remove(0);
            let Expression::Name(path) = function else { return };
            (call.path, call.manner) = (path, Manner::Framework);
        }
        call.arguments = arguments;
        self.found.calls.push(call);
    }
}

/// Whether an attribute in a node takes the whole of it out of the driver.
pub(crate) fn is_left_out_inside(node: Node<'_>, text: &str) -> bool {
    let mut cursor = node.walk();
    let is_inner = |kind| match node.kind() {
        "match_arm" => matches!(kind, "attribute_item" | "inner_attribute_item"),
        _ => kind == "inner_attribute_item",
    };
    node.named_children(&mut cursor)
        .take_while(|one| is_remark(*one))
        .filter(|one| is_inner(one.kind()))
        .any(|one| conditions::leaves_out(text.get(one.byte_range()).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Syntax {
        syntax(text, |word| word == "Alloc")
    }

    fn calls(text: &str) -> Vec<String> {
        let found = of(text);
        let told = |call: &Call| {
            let around = call.function.map_or("-", |one| &*found.functions[one].name);
            let arguments: Vec<_> =
                call.arguments.iter().map(|(range, _)| &text[range.clone()]).collect();
            let path = call.path.segments.join("::");
            format!("{around}: {path}({}) {:?}", arguments.join("; "), call.manner)
        };
        found.calls.iter().map(told).collect()
    }

    #[test]
    fn calls_know_their_function_and_arguments() {
        assert_eq!(
            calls(
                "unsafe fn f() { let p = unsafe { a::Alloc::<u8>(X /* c */, s.len()) }; (Alloc)(1); }"
            ),
            ["f: a::Alloc(X; s.len()) Plain", "f: len() Method", "f: Alloc(1) Plain"]
        );
        assert_eq!(
            calls(
                "fn f() { let s = call_unsafe_wdf_function_binding!(Alloc, NULL, &mut m as *mut _); }"
            ),
            ["f: Alloc(NULL; &mut m as *mut _) Framework"]
        );
        assert_eq!(
            calls(
                "macro_rules! take { ($n:expr) => { Alloc($n, 1) } }\nfn f() { g(|| h!(Alloc(2))); }"
            ),
            [
                "take: Alloc(n; 1) Plain",
                "f: g(|| h!(Alloc(2))) Plain",
                "f: h(Alloc(2)) Plain",
                "f: Alloc(2) Plain"
            ]
        );
    }

    /// `cfg!` is a constant: what it keeps away never runs, though it is compiled.
    #[test]
    fn what_constants_keep_away_is_left_out() {
        for code in [
            "if false { Alloc(1); }",
            "if true { } else { Alloc(1); }",
            "if (false) { g(); } else if !true { Alloc(1); }",
            "if cfg!(test) { Alloc(1); }",
            "if cfg!(target_arch = \"x86\") && x { Alloc(1); }",
            "if x && !cfg!(windows) { if x { Alloc(1); } }",
            "if cfg!(windows) || x { } else { Alloc(1); }",
            "while false { Alloc(1); }",
            "let a = if false { Alloc(1) } else { 0 };",
        ] {
            let found = calls(&format!("fn f(x: bool) {{ {code} }}"));
            assert!(!found.iter().any(|one| one.contains("Alloc")), "{code} {found:?}");
        }
        for code in [
            "if true { Alloc(1); }",
            "if false { } else { Alloc(1); }",
            "if cfg!(feature = \"a\") { Alloc(1); }",
            "if cfg!(debug_assertions) { Alloc(1); }",
            "if cfg!(not(test)) { Alloc(1); }",
            "if x || false { Alloc(1); }",
            "if x && true { } else { Alloc(1); }",
            "if false & x == y { Alloc(1); }",
            "if Alloc(1) && false { }",
            "if my::cfg!(test) { Alloc(1); }",
            "while true { Alloc(1); }",
        ] {
            let found = calls(&format!("fn f(x: bool) {{ {code} }}"));
            assert!(found.iter().any(|one| one.contains("Alloc")), "{code} {found:?}");
        }
    }

    #[test]
    fn what_is_no_part_of_the_driver_is_left_out() {
        for text in [
            "#[cfg(test)] mod tests { fn f() { Alloc(1); } }",
            "mod tests { #![cfg(test)] fn f() { Alloc(1); } }",
            "#![cfg(test)] fn f() { Alloc(1); }",
            "#[cfg(target_arch = \"x86\")] #[inline] /* old */ fn f() { Alloc(1); }",
            "fn f() { #[cfg(test)] { Alloc(1); } }",
            "fn f() { match x { #[cfg(test)] 1 => Alloc(1), _ => 0 } }",
            "#[test] fn f() { Alloc(1); }",
            "// Alloc(1)\n const S: &str = \"Alloc(1)\";",
        ] {
            assert_eq!(calls(text), [""; 0], "{text}");
        }
        let kept = "#[cfg(test)] mod a {} fn f() { #[cfg(test)] g(); Alloc(1); }";
        assert_eq!(calls(kept), ["f: Alloc(1) Plain"]);
        assert_eq!(
            of("#[cfg(test)] #[path = \"x.rs\"] mod t;").left_out,
            [("t".into(), Some("x.rs".into()))]
        );
    }

    #[test]
    fn functions_know_their_type_and_parameters() {
        let found = of(
            "impl<T> Pool<T> { fn new(mut flags: u64, (a, b): (u8, u8)) {} fn take(&self, n: usize) {} } mod m { fn g() {} }",
        );
        let told = |one: &Function| (one.owner.clone(), one.parameters.join(","), one.takes_self);
        let all: Vec<_> = found.functions.iter().map(told).collect();
        let pool = || Some("Pool".into());
        assert_eq!(
            all,
            [
                (pool(), "flags,".to_owned(), false),
                (pool(), "n".to_owned(), true),
                (None, String::new(), false)
            ]
        );
    }

    #[test]
    fn broken_and_hard_files_end() {
        assert!(calls("fn f( { ] Alloc(1); } }} fn g() { Alloc(2); ").len() <= 2);
        for text in [
            "(".repeat(50_000),
            "mod a {".repeat(30_000),
            "fn f() { Alloc(".repeat(4000),
            "Alloc!(".repeat(20_000),
            "#[cfg(test)]".repeat(20_000),
            format!("fn f() {{ Alloc!({}); }}", "1, ".repeat(100_000)),
        ] {
            of(&text);
        }
    }
}
