//! Trees of what was parsed before, for looks at a tree again and again: after an edit of one file the others that it
//! needs are what they were.

use super::parse;
use crate::FileKind;
use foldhash::HashMap;
use std::sync::Mutex;
use tree_sitter::Tree;

/// Bytes of parsed text that are remembered; their trees take about thirty times as much.
const MOST_BYTES: usize = 1 << 20;

/// Trees by what was parsed, to the byte.
#[derive(Default)]
pub(crate) struct Trees(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    trees: HashMap<(FileKind, Box<[u8]>), Tree>,
    bytes: usize,
}

impl Trees {
    /// What parsing the bytes gives, as [`parse`] says it.
    pub(crate) fn parse(&self, bytes: &[u8], kind: FileKind) -> Option<Tree> {
        let key = (kind, Box::from(bytes));
        if let Ok(kept) = self.0.lock()
            && let Some(tree) = kept.trees.get(&key)
        {
            return Some(tree.clone());
        }
        let tree = parse(bytes, kind)?;
        if let Ok(mut kept) = self.0.lock() {
            kept.keep(key, &tree);
        }
        Some(tree)
    }
}

impl Kept {
    fn keep(&mut self, key: (FileKind, Box<[u8]>), tree: &Tree) {
        let bytes = key.1.len();
        if self.bytes + bytes > MOST_BYTES {
            // What is needed still is soon parsed again.
            self.trees.clear();
            self.bytes = 0;
        }
        if bytes <= MOST_BYTES && self.trees.insert(key, tree.clone()).is_none() {
            self.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sexp(tree: Option<Tree>) -> String {
        tree.unwrap().root_node().to_sexp()
    }

    #[test]
    fn a_tree_is_that_of_its_text_and_language() {
        let trees = Trees::default();
        for (text, kind) in [
            ("int f(void) { return 1; }", FileKind::C),
            ("int f(void) { return g(); }", FileKind::C),
            ("int f(void) { return 1; }", FileKind::Cpp),
            ("class A { int b; };", FileKind::Cpp),
            ("class A { int b; };", FileKind::C),
        ] {
            for _ in 0..2 {
                let remembered = sexp(trees.parse(text.as_bytes(), kind));
                assert_eq!(remembered, sexp(parse(text.as_bytes(), kind)), "{text}");
            }
        }
        assert_eq!(trees.0.lock().unwrap().trees.len(), 5);
    }

    #[test]
    fn no_more_than_so_much_is_remembered() {
        let trees = Trees::default();
        for number in 0..40 {
            let text = format!("int a{number};{}", " ".repeat(MOST_BYTES / 16));
            assert!(trees.parse(text.as_bytes(), FileKind::C).is_some());
        }
        let large = " ".repeat(MOST_BYTES + 1);
        assert!(trees.parse(large.as_bytes(), FileKind::C).is_some());
        let kept = trees.0.lock().unwrap();
        assert!(kept.bytes <= MOST_BYTES && kept.trees.len() <= 16, "{}", kept.bytes);
        assert_eq!(kept.trees.keys().map(|(_, text)| text.len()).sum::<usize>(), kept.bytes);
    }
}
