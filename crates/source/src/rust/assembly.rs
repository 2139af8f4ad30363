//! Writes of control register 0 by Rust's assembly: `asm!("mov cr0, {}", in(reg) value)`.
//!
//! What the operands hold is followed through the statements before, as far as these run one after the other.

mod variables;

use super::kit::{crate_of, drivers};
use crate::assembly::{Bit, Dialect, Machine, plain};
use crate::control::{bit, value};
use crate::syntax::parse;
use crate::{ControlWrite, FileId, FileKind, SourceTree, Span, WrittenBy};
use rayon::prelude::*;
use std::ops::Range;
use tree_sitter::Node;
use variables::Variables;

/// More operands than any template has.
const MOST_OPERANDS: usize = 64;

/// All writes in crates that are plainly drivers, in the order of the files.
pub(super) fn writes(tree: &SourceTree) -> Vec<ControlWrite> {
    let may_write = |text: &str| text.contains("asm!") && text.to_ascii_lowercase().contains("cr0");
    let of_rust = tree.files().filter(|(_, file)| file.kind == FileKind::Rust);
    let files: Vec<FileId> =
        of_rust.filter(|(_, file)| may_write(file.text.as_str())).map(|(id, _)| id).collect();
    if files.is_empty() {
        return Vec::new();
    }
    let drivers = drivers(tree);
    let is_driver = |file: &FileId| drivers.contains(&crate_of(&tree.file(*file).path));
    let found = files.into_par_iter().filter(is_driver).flat_map_iter(|file| of_file(tree, file));
    found.collect()
}

fn of_file(tree: &SourceTree, file: FileId) -> Vec<ControlWrite> {
    let text = tree.file(file).text.as_str();
    let Some(parsed) = parse(text.as_bytes(), FileKind::Rust) else { return Vec::new() };
    let mut found = Vec::new();
    let mut cursor = parsed.walk();
    loop {
        let node = cursor.node();
        if node.kind() == "function_item"
            && let Some(body) = node.child_by_field_name("body")
        {
            let name =
                node.child_by_field_name("name").map(|name| text[name.byte_range()].to_owned());
            let mut function = Function { text, file, name, variables: Variables::new(text) };
            function.block(body, &mut found);
            if !cursor.goto_next_sibling() && !climb(&mut cursor) {
                return found;
            }
            continue;
        }
        if !cursor.goto_first_child() && !cursor.goto_next_sibling() && !climb(&mut cursor) {
            return found;
        }
    }
}

/// To what comes next outside; whether there is any.
fn climb(cursor: &mut tree_sitter::TreeCursor<'_>) -> bool {
    while cursor.goto_parent() {
        if cursor.goto_next_sibling() {
            return true;
        }
    }
    false
}

struct Function<'t> {
    text: &'t str,
    file: FileId,
    name: Option<String>,
    variables: Variables<'t>,
}

/// How deep blocks stand in one another.
const DEEPEST: usize = 64;

impl Function<'_> {
    fn block(&mut self, block: Node<'_>, found: &mut Vec<ControlWrite>) {
        self.within(block, found, 0);
    }

    /// Goes through what stands in a node, in the order of the text.
    fn within(&mut self, node: Node<'_>, found: &mut Vec<ControlWrite>, depth: usize) {
        if depth > DEEPEST {
            self.variables.forget();
            return;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        match node.kind() {
            "macro_invocation" if self.is_assembly(node) => return self.assembly(node, found),
            // It has variables of its own, and runs by itself.
            "function_item" | "closure_expression" => return self.variables.forget(),
            "if_expression" => {
                let is_arm = |one: &Node<'_>| matches!(one.kind(), "block" | "else_clause");
                let (arms, conditions): (Vec<_>, Vec<_>) = children.into_iter().partition(is_arm);
                conditions.into_iter().for_each(|one| self.within(one, found, depth + 1));
                let is_passed = node.child_by_field_name("alternative").is_none();
                return self.arms(&arms, is_passed, found, depth);
            }
            "match_block" => return self.arms(&children, false, found, depth),
            // Another round may have changed anything.
            "loop_expression" | "while_expression" | "for_expression" => {
                self.variables.forget();
                children.into_iter().for_each(|one| self.within(one, found, depth + 1));
                return self.variables.forget();
            }
            _ => {}
        }
        children.into_iter().for_each(|one| self.within(one, found, depth + 1));
        self.variables.statement(node);
    }

    /// Goes through what control takes one of, or none where it `is_passed`.
    fn arms(
        &mut self,
        arms: &[Node<'_>],
        is_passed: bool,
        found: &mut Vec<ControlWrite>,
        depth: usize,
    ) {
        let before = self.variables.clone();
        let mut all = is_passed.then(|| before.clone());
        for arm in arms {
            self.variables = before.clone();
            self.within(*arm, found, depth + 1);
            match &mut all {
                Some(all) => all.meet(&self.variables),
                None => all = Some(self.variables.clone()),
            }
        }
        self.variables = all.unwrap_or(before);
    }

    fn is_assembly(&self, node: Node<'_>) -> bool {
        let name = node.child_by_field_name("macro").map_or(0..0, |name| name.byte_range());
        self.text[name].rsplit("::").next() == Some("asm")
    }

    fn assembly(&mut self, node: Node<'_>, found: &mut Vec<ControlWrite>) {
        let mut cursor = node.walk();
        let Some(tokens) = node.named_children(&mut cursor).find(|one| one.kind() == "token_tree")
        else {
            return;
        };
        let parts = parts(self.text, tokens);
        let is_text = |range: &Range<usize>| self.text[range.clone()].trim_start().starts_with('"');
        let (lines, rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_text);
        let Some((first, last)) = lines.first().zip(lines.last()) else { return };
        let range = first.start..last.end;
        let operands: Vec<Operand<'_>> = rest
            .iter()
            .take(MOST_OPERANDS)
            .filter_map(|range| Operand::read(&self.text[range.clone()]))
            .collect();
        let options = rest.iter().map(|range| &self.text[range.clone()]);
        let is_att = options.clone().any(|one| one.contains("att_syntax"));
        let dialect = if is_att { Dialect::AtAndT } else { Dialect::Intel };
        let mut machine = Machine::new();
        for (index, operand) in operands.iter().enumerate() {
            let holds = operand.read.and_then(|read| bit(&self.variables.value_of(read)));
            operand.places(index).into_iter().for_each(|place| machine.set(&place, holds));
        }
        for line in &lines {
            let written = self.text[line.clone()].trim().trim_matches('"');
            let code = written.replace("\\n", "\n").replace("\\t", " ");
            for one in code.split(['\n', ';']).filter(|one| !one.trim().is_empty()) {
                if let Some(bit) = machine.step(&with_places(one, &operands), dialect) {
                    found.push(self.write(range.clone(), bit));
                }
            }
        }
        for (index, operand) in operands.iter().enumerate() {
            if let Some(name) = operand.written {
                let place = operand.places(index).into_iter().next();
                let holds = place.and_then(|place| machine.holds(&place));
                self.variables.set(name, value(holds));
            }
        }
    }

    fn write(&self, range: Range<usize>, bit: Bit) -> ControlWrite {
        ControlWrite {
            span: Span::new(self.file, range),
            function: self.name.clone(),
            value: value(bit),
            by: WrittenBy::Template,
        }
    }
}

/// What commas part in a list of tokens.
fn parts(text: &str, tokens: Node<'_>) -> Vec<Range<usize>> {
    let (mut start, end) = (tokens.start_byte() + 1, tokens.end_byte().saturating_sub(1));
    let mut found = Vec::new();
    let mut cursor = tokens.walk();
    for child in tokens.children(&mut cursor).filter(|one| one.kind() == ",") {
        found.push(start..child.start_byte());
        start = child.end_byte();
    }
    found.push(start..end.max(start));
    found.retain(|range| !text[range.clone()].trim().is_empty());
    found
}

/// An operand: `in(reg) value`, `name = inout(reg) value => place`, `out("rax") place`.
struct Operand<'t> {
    name: Option<&'t str>,
    register: Option<&'t str>,
    /// What it holds before.
    read: Option<&'t str>,
    /// The variable that gets what it holds behind.
    written: Option<&'t str>,
}

impl<'t> Operand<'t> {
    fn read(text: &'t str) -> Option<Operand<'t>> {
        let text = text.trim();
        let (head, rest) = text.split_once('(')?;
        let (of, value) = rest.split_once(')')?;
        let (name, way) = match head.split_once('=') {
            Some((name, way)) => (Some(name.trim()), way.trim()),
            None => (None, head.trim()),
        };
        let (before, behind) = match value.split_once("=>") {
            Some((before, behind)) => (before.trim(), behind.trim()),
            None => (value.trim(), value.trim()),
        };
        let is_in = matches!(way, "in" | "inout" | "inlateout");
        let is_out = matches!(way, "out" | "lateout" | "inout" | "inlateout");
        let register = of.trim().strip_prefix('"').map(|of| of.trim_end_matches('"'));
        (is_in || is_out).then_some(Operand {
            name,
            register,
            read: is_in.then_some(before),
            written: is_out.then_some(behind),
        })
    }

    /// What instructions call it, of so many operands that come before.
    fn places(&self, index: usize) -> Vec<String> {
        match self.register {
            Some(register) => vec![plain(register)],
            None => vec![place(index)],
        }
    }
}

fn place(index: usize) -> String {
    format!("operand {index}")
}

/// An instruction with operands in place of what stands for them: `{}`, `{0}`, `{name:e}`.
fn with_places(line: &str, operands: &[Operand<'_>]) -> String {
    let mut given = String::new();
    let mut next = 0;
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((inner, after)) = behind.split_once('}') else { break };
        let name = inner.split(':').next().unwrap_or_default().trim();
        let index = match (name.is_empty(), name.parse::<usize>()) {
            (true, _) => {
                next += 1;
                Some(next - 1)
            }
            (false, Ok(index)) => Some(index),
            (false, Err(_)) => operands.iter().position(|one| one.name == Some(name)),
        };
        given.push_str(before);
        // A name without an operand is a variable that is in sight; what it holds is not followed.
        given.push_str(&index.map_or_else(|| name.to_owned(), place));
        rest = after;
    }
    given.push_str(rest);
    given
}

#[cfg(test)]
mod tests {
    use crate::control::bit;
    use crate::{SourceText, SourceTree, analyse};

    /// Bit 16 of each write in a driver's function.
    fn bits(code: &str) -> Vec<Option<bool>> {
        let mut tree = SourceTree::default();
        let text = format!(
            "use wdk_sys::*;\nuse core::arch::asm;\nconst WP: u64 = 1 << 16;\nfn f(x: u64, c: bool) {{ {code} }}"
        );
        let cargo = "[package]\nname = \"d\"\n[dependencies]\nwdk-sys = \"0.3\"\n";
        for (path, text) in [("d/src/lib.rs", &*text), ("d/Cargo.toml", cargo)] {
            tree.add(path, SourceText::of(text));
        }
        analyse(&tree, &[], &[]).control.iter().map(|one| bit(&one.value)).collect()
    }

    /// As the reference of Rust's inline assembly has operands.
    #[test]
    fn operands_are_written_in_many_ways() {
        for (code, expected) in [
            ("asm!(\"mov cr0, {}\", in(reg) x & !0x10000);", Some(false)),
            ("asm!(\"mov cr0, {0}\", in(reg) x | 0x1_0000u64);", Some(true)),
            ("core::arch::asm!(\"mov cr0, {v:r}\", v = in(reg) x & !(1 << 16));", Some(false)),
            ("unsafe { asm!(\"mov cr0, rax\", in(\"rax\") x & !WP) };", Some(false)),
            ("asm!(\"mov {0}, %cr0\", in(reg) x & !WP, options(att_syntax));", Some(false)),
            (
                "asm!(\"mov rax, cr0\", \"btr rax, 16\", \"mov cr0, rax\", out(\"rax\") _);",
                Some(false),
            ),
            ("asm!(\"mov rax, cr0; or eax, 0x10000; mov cr0, rax\");", Some(true)),
            ("asm!(\"mov cr0, {}\", in(reg) x);", None),
        ] {
            assert_eq!(bits(code), [expected], "{code}");
        }
        assert_eq!(bits("asm!(\"mov {}, cr0\", out(reg) x);"), []);
    }

    #[test]
    fn variables_are_followed_from_statement_to_statement() {
        let read = "let mut v: u64; unsafe { asm!(\"mov {}, cr0\", out(reg) v) };";
        let write = "unsafe { asm!(\"mov cr0, {}\", in(reg) v, options(nostack)); }";
        for (code, expected) in [
            ("v &= !(1u64 << 16);", Some(false)),
            ("v = v & !WP;", Some(false)),
            ("", Some(true)),
            ("v |= WP;", Some(true)),
            ("if c { v &= !WP; }", None),
            ("if c { v &= !WP; } else { v = 0; }", Some(false)),
            ("loop { v &= !WP; break; }", None),
            ("change(&mut v);", None),
            ("v &= !WP; let v = v | WP;", Some(true)),
            ("v ^= WP;", None),
        ] {
            assert_eq!(bits(&format!("{read} {code} {write}")), [expected], "{code}");
        }
    }

    #[test]
    fn programs_do_not_count() {
        let mut tree = SourceTree::default();
        let text = "fn f(x: u64) { asm!(\"mov cr0, {}\", in(reg) x & !0x10000); }";
        tree.add("d/src/lib.rs", SourceText::of(text));
        assert_eq!(analyse(&tree, &[], &[]).control, []);
    }
}
