//! Calls behind a macro without a semicolon, which look like declarations: `TRACE_ENTER F(a);`.

use super::{ByField, Field, Manner, Reader, is_looked_for};
use crate::kit_types;
use crate::lex::{Kind, Token, tokens};
use std::ops::Range;
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
        // With an argument, which to a parser of C is a type.
        let of =
            of.field(Field::Name).filter(|_| of.kind() == "macro_type_specifier").unwrap_or(of);
        let list = match declarator.kind() {
            "function_declarator" => declarator.field(Field::Parameters),
            // What a variable is made of in C++.
            "init_declarator" => {
                declarator.field(Field::Value).filter(|value| value.kind() == "argument_list")
            }
            _ => None,
        };
        let (Some(name), Some(list)) = (declarator.field(Field::Declarator), list) else {
            return false;
        };
        if !matches!(of.kind(), "type_identifier" | "identifier") {
            return false;
        }
        let text = |node: Node<'_>| self.bytes.get(node.byte_range()).unwrap_or_default();
        let is_macro = |name: &[u8]| {
            let is_capital =
                |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
            name.iter().all(is_capital) && !is_type(name)
        };
        // In C++ a variable may be made so.
        let is_named = name.kind() == "identifier" && (self.is_c || is_looked_for(text(name)));
        if !is_named || !is_macro(text(of)) {
            return false;
        }
        let written = str::from_utf8(text(list)).unwrap_or_default();
        if has_values(written) {
            let arguments = arguments(written, list.start_byte());
            self.push_call(name.byte_range(), Manner::Plain, declarator, list);
            if let Some(call) = self.found.calls.last_mut() {
                call.arguments = arguments;
            }
            return true;
        }
        let mut cursor = list.walk();
        let mut all = list.named_children(&mut cursor).filter(|one| one.kind() != "comment");
        let is_value = |one: Node<'_>| {
            let of = one.field(Field::Type).filter(|of| of.kind() == "type_identifier");
            one.kind() == "parameter_declaration"
                && one.named_child_count() == 1
                && of.is_some_and(|of| !is_type(text(of)))
        };
        if !all.all(is_value) {
            return false;
        }
        self.push_call(name.byte_range(), Manner::Plain, declarator, list);
        true
    }
}

/// Whether what stands in parentheses has something in it that no parameter is declared with.
fn has_values(list: &str) -> bool {
    let is_value = |token: Token| {
        matches!(token.kind, Kind::Number | Kind::String | Kind::Character)
            || matches!(token.text(list), "sizeof" | "->" | "|" | "+")
    };
    !list.contains('[') && tokens(list, 0, list.len()).any(is_value)
}

/// The arguments in a list that begins at a byte with its parenthesis.
fn arguments(list: &str, from: usize) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut depth = 0_usize;
    let mut current: Option<Range<usize>> = None;
    for token in tokens(list, 0, list.len()) {
        let word = token.text(list);
        match word {
            "(" | "{" => depth += 1,
            ")" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 1 && word == "," || depth == 0 {
            all.extend(current.take());
        } else if depth > 1 || word != "(" {
            let start = current.as_ref().map_or(from + token.start, |range| range.start);
            current = Some(start..from + token.end);
        }
    }
    all
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

    /// Numbers, strings and sizes stand in no declaration, which a parser makes of it nevertheless.
    #[test]
    fn values_are_passed_to_calls_alone() {
        let all = |path: &str, code: &str| {
            let text = format!("#include <ntddk.h>\nvoid F(int c) {{ c = 1;\n{code} }}");
            told(&tree(&[(path, &text)]), &[])
        };
        for code in [
            "END_BLOCK\nExAllocatePoolWithTag(NonPagedPool, 1, 6);",
            "END_BLOCK ExAllocatePoolWithTag(NonPagedPool, sizeof(int), 'a');",
            "END_BLOCK(c)\nExAllocatePoolWithTag(NonPagedPool, (c + 1), TAG);",
        ] {
            for path in ["a.c", "a.cpp"] {
                let found = all(path, code);
                let is_it = |one: &String| one.ends_with("ExAllocatePoolWithTag 0x0");
                assert!(found.len() == 1 && found.iter().all(is_it), "{path} {code} {found:?}");
            }
        }
        for code in ["MY_TYPE ExAllocatePool(POOL_TYPE t, int a[4]);", "MY_TYPE f(int, char *);"] {
            assert_eq!(all("a.c", code), [""; 0], "{code}");
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
