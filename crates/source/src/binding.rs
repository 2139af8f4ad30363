//! How tightly an argument holds together, once what its names stand for is put in.

use crate::FileId;
use crate::evaluate::Place;
use crate::lex::{Kind, tokens};
use std::ops::Range;

/// How many tokens are looked at, and how many macros one into another.
const MOST_TOKENS: u32 = 2000;
const DEEPEST: usize = 8;

impl<'t> Place<'_, 't> {
    /// Whether what stands in `range` of a file has to be put in parentheses before `| x` may stand behind it: some
    /// operator in it binds weaker, or a macro's parameter may bring one.
    pub(crate) fn is_loose(&self, file: FileId, range: Range<usize>) -> bool {
        let text = self.world.tree.file(file).text.as_str();
        let given: Vec<&str> = self.macro_given.iter().map(|(name, _)| *name).collect();
        let mut left = MOST_TOKENS;
        self.binds_weakly(text, range, &given, 0, &mut left)
    }

    fn binds_weakly(
        &self,
        text: &str,
        range: Range<usize>,
        given: &[&str],
        depth: usize,
        left: &mut u32,
    ) -> bool {
        let mut open = 0_usize;
        for token in tokens(text, range.start, range.end) {
            if *left == 0 {
                return true;
            }
            *left -= 1;
            match (token.kind, token.text(text)) {
                (Kind::Operator, "(" | "[" | "{") => open += 1,
                (Kind::Operator, ")" | "]" | "}") => open = open.saturating_sub(1),
                _ if open > 0 => {}
                (Kind::Operator, "?" | ":" | "," | "&&" | "||") => return true,
                (Kind::Operator, "==" | "!=" | "<=" | ">=") => {}
                (Kind::Operator, operator) if operator.ends_with('=') => return true,
                (Kind::Word, name)
                    if given.contains(&name) || self.stands_for_weak(name, depth, left) =>
                {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// Whether `name` is a macro whose body binds weakly.
    fn stands_for_weak(&self, name: &str, depth: usize, left: &mut u32) -> bool {
        let parsed = &self.world.parsed[self.parsed];
        let meanings = parsed.unit.meanings(name, parsed.time(self.at));
        meanings.macros.iter().any(|one| {
            let body = one.text(self.world.tree);
            let given = one.parameters.as_deref().unwrap_or_default();
            depth > DEEPEST || self.binds_weakly(body, 0..body.len(), given, depth + 1, left)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{SourceText, SourceTree, analyse};

    /// Whether the priority of the only call is loose.
    fn is_loose(before: &str, priority: &str) -> bool {
        let text = format!(
            "#include <wdm.h>\n{before}\nvoid F(int x) {{ MmGetSystemAddressForMdlSafe(m, {priority}); }}"
        );
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(text)).unwrap();
        analyse(&tree, &[], &[]).calls[0].arguments[1].is_loose
    }

    /// The order of C's operators.
    #[test]
    fn what_binds_weaker_than_or_is_loose() {
        for tight in
            ["NormalPagePriority", "(x ? 16 : 32)", "x ^ 1", "(int)x & 2", "F(1, 2)", "x == 1"]
        {
            assert!(!is_loose("", tight), "{tight}");
        }
        for loose in ["x ? 16 : 32", "x && 1", "x || 1", "x = 16", "x += 1", "x *= 2"] {
            assert!(is_loose("", loose), "{loose}");
        }
    }

    #[test]
    fn macros_are_looked_into() {
        assert!(!is_loose("#define P NormalPagePriority", "P"));
        assert!(!is_loose("#define P (x ? 16 : 32)", "P"));
        assert!(is_loose("#define P x ? 16 : 32", "P"));
        assert!(is_loose("#define Q x ? 16 : 32\n#define P Q", "P"));
        assert!(!is_loose("#define P(a) ((a) | 2)", "P(1)"));
        assert!(is_loose("#define P(a) a", "P(1)"));
        assert!(is_loose("#define P P\n#define Q R\n#define R Q", "P"));
        let map =
            "#define MAP(m, p) MmGetSystemAddressForMdlSafe(m, p)\nvoid G(void) { MAP(m, 16); }";
        assert!(is_loose(map, "16"));
    }
}
