//! `SetFlag` and `ClearFlag`, macros of `ntifs.h`, `fltKernel.h` and others of the kit that change what they are handed:
//! `((_F) |= (_SF))` and `((_F) &= ~(_SF))`.

use crate::SourceTree;
use crate::lex::{is_word, skip_blank, word_end};
use crate::preprocess::Unit;
use crate::syntax::{Call, Happens, Turn, Variable};
use foldhash::{HashMap, HashMapExt};
use memchr::memmem;
use std::ops::Range;

/// What the kit's macros do in a file.
pub(super) struct Flags<'a, 't> {
    tree: &'a SourceTree,
    unit: &'a Unit<'t>,
    /// Which of the names a file of the unit has a function of.
    own: HashMap<&'static str, bool>,
}

impl<'a, 't> Flags<'a, 't> {
    pub(super) fn new(tree: &'a SourceTree, unit: &'a Unit<'t>) -> Flags<'a, 't> {
        Flags { tree, unit, own: HashMap::new() }
    }

    /// What a call does to the variable that it is handed; none where it is none of the kit's macros.
    pub(super) fn set(&mut self, text: &str, call: &Call, time: u32) -> Option<Variable> {
        let name = match text.get(call.callee.clone())? {
            "SetFlag" => "SetFlag",
            "ClearFlag" => "ClearFlag",
            _ => return None,
        };
        let [of, flags] = &call.arguments[..] else { return None };
        let variable = variable(text, of.clone())?;
        if self.unit.meanings(name, time).mentioned || self.is_own(name) {
            return None;
        }
        let happens = match name {
            "SetFlag" => Happens::Gains(flags.clone()),
            _ => Happens::Turns(Turn::Without, flags.clone()),
        };
        let (block, scope) = (call.whole.clone(), 0..usize::MAX);
        Some(Variable { name: variable, happens, block, scope, is_static: false })
    }

    /// Whether a file of the unit declares a function of that name.
    fn is_own(&mut self, name: &'static str) -> bool {
        let (tree, unit) = (self.tree, self.unit);
        let any = || unit.visits.keys().any(|file| declares(tree.file(*file).text.as_str(), name));
        *self.own.entry(name).or_insert_with(any)
    }
}

/// The variable that an argument is.
fn variable(text: &str, mut range: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    while bytes.get(range.clone())?.starts_with(b"(") && bytes[range.clone()].ends_with(b")") {
        range = range.start + 1..range.end - 1;
    }
    let is_plain = !range.is_empty() && bytes[range.clone()].iter().all(|byte| is_word(*byte));
    is_plain.then_some(range)
}

/// Whether a text has a declaration of a function of that name: behind its type, and not behind what begins a statement.
fn declares(text: &str, name: &str) -> bool {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, name).any(|at| {
        let end = at + name.len();
        let before = text[..at].trim_end_matches([' ', '\t', '\r', '\n', '*']);
        let start = before.bytes().rposition(|byte| !is_word(byte)).map_or(0, |last| last + 1);
        word_end(bytes, at) == end
            && before.len() < at
            && bytes.get(skip_blank(bytes, end)) == Some(&b'(')
            && !matches!(&before[start..], "" | "return" | "else" | "do" | "define")
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::of;

    fn values(head: &str, code: &str) -> String {
        let found = of(&format!(
            "{head}\nvoid F(int c) {{ POOL_TYPE t = NonPagedPool; {code} ExAllocatePool(t, 1); }}"
        ));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].split_once("Pool ").unwrap().1.to_owned()
    }

    #[test]
    fn flags_are_set_and_cleared() {
        for (code, expected) in [
            ("SetFlag(t, POOL_NX_ALLOCATION);", "0x200"),
            ("SetFlag((t), 512); ClearFlag(t, 512);", "0x0"),
            ("t = 513; ClearFlag(t, 1);", "0x200"),
            ("if (c) SetFlag(t, 512);", "0x0 or 0x200"),
            ("t = 513; if (c) ClearFlag(t, 512);", "0x201 or 0x1"),
            ("t = FlagOn(513, 512);", "0x200"),
            ("t = BooleanFlagOn(513, 512);", "0x1"),
        ] {
            assert_eq!(values("", code), expected, "{code}");
        }
    }

    /// What the tree has under that name is what the tree says.
    #[test]
    fn what_the_tree_defines_counts() {
        let other = "#define SetFlag(F, SF) ((F) |= 2 * (SF))";
        assert!(values(other, "SetFlag(t, 256);").contains('?'));
        let function = "VOID SetFlag(ULONG F, ULONG SF);\nint FlagOn(int a, int b) { return 1; }";
        assert_eq!(values(function, "SetFlag(t, 512);"), "0x0");
        assert_eq!(values(function, "t = FlagOn(513, 512);"), "0x1");
    }

    /// Bit 30 is `MdlMappingNoExecute`.
    #[test]
    fn flags_of_mappings_are_followed() {
        let priority = |code: &str| {
            of(&format!(
                "void F(PMDL m) {{ ULONG p = NormalPagePriority; {code} MmGetSystemAddressForMdlSafe(m, p); }}"
            ))
        };
        let told = |value: &str| format!("a.c:2 MmGetSystemAddressForMdlSafe {value}");
        assert_eq!(priority("SetFlag(p, MdlMappingNoExecute);"), [told("0x40000010")]);
        let cleared =
            "p = NormalPagePriority | MdlMappingNoExecute; ClearFlag(p, MdlMappingNoExecute);";
        assert_eq!(priority(cleared), [told("0x10")]);
    }

    /// Bit 16 of the register is its write protection.
    #[test]
    fn a_cleared_write_protection_is_seen() {
        let text =
            "void F(void) { ULONG64 c = __readcr0(); ClearFlag(c, 0x10000); __writecr0(c); }";
        let mut tree = crate::SourceTree::default();
        tree.add("a.c", crate::SourceText::of(text)).unwrap();
        let all = crate::analyse(&tree, &[], &[]).control;
        assert_eq!(crate::control::bit(&all[0].value), Some(false));
    }
}
