//! A file whose macros are opened: what they are given, and what they are made of, is read as code.
//!
//! A parser leaves the insides of a macro as they are. Where they name anything that is looked for, the text is changed so that
//! it reads as a call, a block or a function, and every byte stays in its place.

use std::ops::Range;
use tree_sitter::{Node, Tree, TreeCursor};

/// The text of a file with macros opened, as long as it was.
pub(crate) struct Opened {
    pub(crate) text: String,
    /// Where the functions begin that are macros.
    macros: Vec<usize>,
}

impl Opened {
    /// Whether the function that begins at a byte is a macro.
    pub(crate) fn is_macro(&self, start: usize) -> bool {
        self.macros.binary_search(&start).is_ok()
    }
}

/// Opens the macros of a file that have, or are called by, a name that is looked for.
pub(crate) fn opened(tree: &Tree, text: &str, is_named: impl Fn(&str) -> bool) -> Opened {
    let mut opener = Opener { text, bytes: text.as_bytes().to_vec(), macros: Vec::new(), is_named };
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        match node.kind() {
            "macro_invocation" => opener.invocation(node),
            "macro_definition" => opener.definition(node),
            _ => {}
        }
        if cursor.goto_first_child() || cursor.goto_next_sibling() {
            continue;
        }
        loop {
            if !cursor.goto_parent() {
                return opener.done();
            }
            if cursor.goto_next_sibling() {
                break;
            }
        }
    }
}

struct Opener<'t, N> {
    text: &'t str,
    bytes: Vec<u8>,
    macros: Vec<usize>,
    is_named: N,
}

impl<N: Fn(&str) -> bool> Opener<'_, N> {
    fn done(mut self) -> Opened {
        self.macros.sort_unstable();
        // Only whole letters were replaced, by letters of one byte.
        let text = String::from_utf8(self.bytes).unwrap_or_else(|_| self.text.to_owned());
        Opened { text, macros: self.macros }
    }

    fn words(&self, range: Range<usize>) -> impl Iterator<Item = &str> {
        let text = self.text.get(range).unwrap_or_default();
        text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
    }

    /// Whether something has a name that is looked for, other than to declare it.
    fn is_wanted(&self, range: Range<usize>) -> bool {
        let mut before = "";
        self.words(range).filter(|word| !word.is_empty()).any(|word| {
            let is_declared = before == "fn";
            before = word;
            !is_declared && (self.is_named)(word)
        })
    }

    fn blank(&mut self, range: Range<usize>) {
        if let Some(bytes) = self.bytes.get_mut(range) {
            bytes
                .iter_mut()
                .filter(|byte| !byte.is_ascii_whitespace())
                .for_each(|byte| *byte = b' ');
        }
    }

    fn invocation(&mut self, node: Node<'_>) {
        let Some(name) = node.child_by_field_name("macro") else { return };
        let mut cursor = node.walk();
        let Some(tokens) = node.named_children(&mut cursor).find(|one| one.kind() == "token_tree")
        else {
            return;
        };
        let last = self.words(name.byte_range()).last().unwrap_or_default();
        if last == "cfg" || !self.is_wanted(node.byte_range()) {
            return;
        }
        self.open(name.byte_range(), tokens);
        self.open_within(tokens);
    }

    /// Makes `name!(...)` a call, and `name! { ... }` a block. An array stays closed.
    fn open(&mut self, name: Range<usize>, tokens: Node<'_>) {
        match self.bytes.get(tokens.start_byte()) {
            Some(b'(') => self.blank(name.end..tokens.start_byte()),
            Some(b'{') => self.blank(name.start..tokens.start_byte()),
            _ => {}
        }
    }

    /// Opens the macros that are called among the tokens of another.
    fn open_within(&mut self, tokens: Node<'_>) {
        let mut cursor = tokens.walk();
        let mut depth = 0usize;
        let mut before: [Option<Range<usize>>; 2] = [None, None];
        loop {
            let node = cursor.node();
            if depth > 0
                && node.kind() == "token_tree"
                && let [Some(name), Some(mark)] = &before
                && mark.len() == 1
                && self.text.get(name.clone()) != Some("cfg")
            {
                self.open(name.clone(), node);
            }
            before = match node.kind() {
                "identifier" => [Some(node.byte_range()), None],
                "!" => [before[0].take(), Some(node.byte_range())],
                _ => [None, None],
            };
            if !step(&mut cursor, &mut depth) {
                return;
            }
        }
    }

    /// Makes `macro_rules! name { ($a:expr) => { ... } }` a function of that name with those parameters; of several rules
    /// the parameters are not told apart.
    fn definition(&mut self, node: Node<'_>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        if !self.is_wanted(node.byte_range()) {
            return;
        }
        let mut cursor = node.walk();
        let rules: Vec<Node<'_>> =
            node.named_children(&mut cursor).filter(|one| one.kind() == "macro_rule").collect();
        let Some(first) = rules.first() else { return };
        let name = self.text.get(name.byte_range()).unwrap_or_default();
        let Some(pattern) = first.child_by_field_name("left") else { return };
        let head = format!("fn {name}");
        let whole = node.byte_range();
        let (start, inside) = (whole.start, pattern.start_byte());
        if start + head.len() + 3 > inside {
            return;
        }
        self.blank(start..inside);
        self.write(start, head.as_bytes());
        if rules.len() == 1 {
            self.parameters(pattern);
        } else {
            self.write(inside - 3, b"(){");
        }
        for rule in &rules {
            if let (Some(left), Some(right)) =
                (rule.child_by_field_name("left"), rule.child_by_field_name("right"))
            {
                if rules.len() > 1 {
                    self.blank(left.byte_range());
                }
                self.blank(left.end_byte()..right.start_byte());
                self.body(right);
            }
        }
        let last = rules.last().map_or(whole.end, Node::end_byte);
        self.blank(last..whole.end);
        if rules.len() > 1 {
            self.write(whole.end - 1, b"}");
        }
        self.macros.push(start);
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// `($a:expr, $b:expr)` without its dollars is what a function has.
    fn parameters(&mut self, pattern: Node<'_>) {
        self.write(pattern.start_byte(), b"(");
        self.write(pattern.end_byte() - 1, b")");
        self.without_dollars(pattern.byte_range());
    }

    /// What a macro becomes is a block, whatever brackets it is written in.
    fn body(&mut self, right: Node<'_>) {
        self.write(right.start_byte(), b"{");
        self.write(right.end_byte() - 1, b"}");
        self.without_dollars(right.byte_range());
        self.open_within(right);
    }

    fn without_dollars(&mut self, range: Range<usize>) {
        if let Some(bytes) = self.bytes.get_mut(range) {
            bytes.iter_mut().filter(|byte| **byte == b'$').for_each(|byte| *byte = b' ');
        }
    }
}

/// Goes to the next node below the one where `depth` was 0; false at the end.
fn step(cursor: &mut TreeCursor<'_>, depth: &mut usize) -> bool {
    if cursor.goto_first_child() {
        *depth += 1;
        return true;
    }
    while *depth > 0 {
        if cursor.goto_next_sibling() {
            return true;
        }
        if !cursor.goto_parent() {
            return false;
        }
        *depth -= 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileKind;
    use crate::syntax::parse;

    fn of(text: &str) -> String {
        let tree = parse(text.as_bytes(), FileKind::Rust).unwrap();
        let opened = opened(&tree, text, |word| matches!(word, "Alloc" | "take"));
        assert_eq!(opened.text.len(), text.len());
        opened.text
    }

    #[test]
    fn what_macros_are_given_is_read_as_code() {
        assert_eq!(
            of("fn f() { w::call!(Alloc, 1); a!(b!(take!(x))); }"),
            "fn f() { w::call (Alloc, 1); a (b (take (x))); }"
        );
        assert_eq!(of("fn f() { on! { Alloc(1) } }"), "fn f() {     { Alloc(1) } }");
        // Nothing else is touched.
        for text in [
            "fn f() { call!(Other, 1); cfg!(Alloc); x!(\"y\") }",
            "a! { b => c }",
            "link!(\"x\" fn Alloc(n: u64));",
        ] {
            assert_eq!(of(text), text);
        }
    }

    #[test]
    fn a_macro_is_read_as_a_function() {
        assert_eq!(
            of("macro_rules! m { ($n:expr) => { Alloc($n) }; }"),
            "fn m             ( n:expr)    { Alloc( n) }   "
        );
        assert_eq!(
            of("macro_rules! m { () => {Alloc(1)}; (two) => (Alloc(2)); }"),
            "fn m          (){      {Alloc(1)};          {Alloc(2)}  }"
        );
    }

    #[test]
    fn what_is_made_to_be_hard_ends() {
        of(&format!("fn f() {{ {}Alloc{} }}", "a!(".repeat(3000), ")".repeat(3000)));
        of(&format!("a!({}Alloc{});", "(".repeat(30_000), ")".repeat(30_000)));
        of(&format!("macro_rules! m {{ {} }}", "($a:expr) => (Alloc($a));".repeat(5000)));
    }
}
