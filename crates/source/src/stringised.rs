//! What looks like a call in an argument of a macro that only makes a string of it, or nothing.

use crate::lex::{Kind, tokens};
use crate::macros::Macro;
use crate::syntax::Call;
use crate::world::World;

impl World<'_> {
    /// Whether a call in a parsed file is none, as it is handed to a macro that has its text at most.
    pub(crate) fn is_text(&self, parsed: usize, call: &Call) -> bool {
        let one = &self.parsed[parsed];
        let is_inside = |outer: &&Call| {
            outer.whole.start < call.whole.start && call.whole.end <= outer.whole.end
        };
        one.syntax.calls.iter().filter(is_inside).any(|outer| {
            let holds = |range: &std::ops::Range<usize>| {
                range.start <= call.whole.start && call.whole.end <= range.end
            };
            let Some(index) = outer.arguments.iter().position(holds) else { return false };
            let name = self.text(parsed, &outer.callee);
            let meanings = one.unit.meanings(name, one.time(outer.callee.start));
            !meanings.macros.is_empty()
                && !meanings.maybe_undefined
                && meanings.macros.iter().all(|of| drops(of, index, of.text(self.tree)))
        })
    }
}

/// Whether the body of a macro has a parameter only where it makes a string of it, if at all.
fn drops(of: &Macro<'_>, index: usize, body: &str) -> bool {
    let Some(parameters) = &of.parameters else { return false };
    let Some(name) = parameters.get(index).filter(|name| !name.ends_with("...")) else {
        return false;
    };
    let mut before = "";
    tokens(body, 0, body.len()).all(|token| {
        let word = token.text(body);
        let is_used = token.kind == Kind::Word && word == *name && !matches!(before, "#" | "#@");
        before = word;
        !is_used
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::of;

    /// `#` makes a string of the argument as it is written: C11, 6.10.3.2.
    #[test]
    fn what_is_made_a_string_of_is_not_called() {
        const CALL: &str = "ExAllocatePoolWithTag(PagedPool, 1, 'x')";
        for (define, expected) in [
            ("#define LOG(c) DbgPrint(\"%s\", #c)", 0),
            ("#define LOG(c) DbgPrint(\"\")", 0),
            ("#define LOG(c) DbgPrint(\"%s %p\", #c, c)", 1),
            ("#define LOG(c) Keep(c)", 1),
            ("#ifdef X\n#define LOG(c) Keep(c)\n#else\n#define LOG(c) Keep(#c)\n#endif", 1),
        ] {
            let found = of(&format!("{define}\nvoid F(void) {{ LOG({CALL}); }}"));
            assert_eq!(found.len(), expected, "{define}: {found:?}");
        }
    }

    /// In C++ the object is no argument; in C it is the first.
    #[test]
    fn methods_are_called_with_and_without_their_object() {
        for (call, expected) in [
            ("n->AllocNotificationBuffer(PagedPool, 4096, &b)", Some("0x1")),
            ("n->lpVtbl->AllocNotificationBuffer(n, PagedPool, 4096, &b)", Some("0x1")),
            (
                "p->NewMasterDmaChannel(&c, NULL, PagedPool, NULL, TRUE, TRUE, FALSE, FALSE, Width32Bits, TypeF, 1, 0)",
                Some("0x1"),
            ),
            (
                "p->lpVtbl->NewMasterDmaChannel(p, &c, NULL, PagedPool, NULL, TRUE, TRUE, FALSE, FALSE, Width32Bits, TypeF, 1, 0)",
                Some("0x1"),
            ),
            // Of IPortWaveCyclic, which has no pool type.
            ("p->NewMasterDmaChannel(&c, NULL, r, 4096, FALSE, Width32Bits, Compatible)", None),
        ] {
            let found = of(&format!("void F(void) {{ {call}; }}"));
            let ends = |one: &String| one.ends_with(expected.unwrap_or_default());
            assert_eq!(found.len(), usize::from(expected.is_some()), "{call}: {found:?}");
            assert!(found.iter().all(ends), "{call}: {found:?}");
        }
    }
}
