//! Calls behind a macro without a semicolon, which look like declarations: `TRACE_ENTER F(a);`.

use super::{ByField, Field, Manner, Reader, is_looked_for};
use crate::kit_types;
use tree_sitter::Node;

impl Reader<'_> {
    /// Takes in a declaration in a function that is a call to the compiler; whether it is one. What is declared has types
    /// of parameters and not values, and names of macros are written in capitals.
    pub(super) fn declared_call(&mut self, node: Node<'_>) -> bool {
        if self.within.is_empty() || node.child_count() != 3 {
            return false;
        }
        let (Some(of), Some(declarator)) = (node.field(Field::Type), node.field(Field::Declarator))
        else {
            return false;
        };
        if of.kind() != "type_identifier" || declarator.kind() != "function_declarator" {
            return false;
        }
        let (Some(name), Some(list)) =
            (declarator.field(Field::Declarator), declarator.field(Field::Parameters))
        else {
            return false;
        };
        let text = |node: Node<'_>| self.bytes.get(node.byte_range()).unwrap_or_default();
        let is_macro = |name: &[u8]| {
            let is_capital =
                |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
            name.iter().all(is_capital) && !is_type(name)
        };
        // In C++ a variable may be made so.
        let is_named = name.kind() == "identifier" && (self.is_c || is_looked_for(text(name)));
        let mut cursor = list.walk();
        let mut all = list.named_children(&mut cursor).filter(|one| one.kind() != "comment");
        let is_value = |one: Node<'_>| {
            let of = one.field(Field::Type).filter(|of| of.kind() == "type_identifier");
            one.kind() == "parameter_declaration"
                && one.named_child_count() == 1
                && of.is_some_and(|of| !is_type(text(of)))
        };
        if !is_named || !is_macro(text(of)) || !all.all(is_value) {
            return false;
        }
        self.push_call(name.byte_range(), Manner::Plain, declarator, list);
        true
    }
}

/// Whether the kit has a type of that name.
fn is_type(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).unwrap_or_default();
    name == "VOID" || kit_types::of(name).is_some()
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{of, told, tree};

    #[test]
    fn a_macro_without_a_semicolon_hides_no_call() {
        let all = |code: &str| {
            of(&format!(
                "PVOID W(POOL_TYPE t) {{ return ExAllocatePool(t, 1); }}\nvoid F(POOL_TYPE kind, SIZE_T n) {{ kind = PagedPool;\n{code} }}"
            ))
        };
        assert!(
            all("TRACE_ENTER\nExAllocatePool(kind, n);")
                .contains(&"a.c:5 ExAllocatePool 0x1".to_owned())
        );
        assert!(
            all("TRACE_ENTER\nW(NonPagedPool);")
                .contains(&"a.c:5 ExAllocatePool 0x0 < W".to_owned())
        );
        // These declare functions.
        let nothing = all("");
        for code in [
            "PVOID W(POOL_TYPE);",
            "MY_TYPE W(POOL_TYPE t);",
            "MY_TYPE W(void);",
            "extern MY_TYPE W(T);",
        ] {
            assert_eq!(all(code), nothing, "{code}");
        }
    }

    #[test]
    fn a_macro_without_a_semicolon_hides_no_opt_in() {
        let text = "#define POOL_NX_OPTIN 1\n#include <wdm.h>\n\
            PVOID W(void) { return ExAllocatePool(NonPagedPool, 1); }\n\
            NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) {\nTRACE_ENTER\n\
            ExInitializeDriverRuntime(DrvRtPoolNxOptIn);\nW(); return 0; }";
        assert_eq!(told(&tree(&[("a.c", text)]), &[]), ["a.c:3 ExAllocatePool 0x200"]);
    }
}
