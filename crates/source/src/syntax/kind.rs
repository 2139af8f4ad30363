//! What nodes of a syntax tree are, as far as it matters here: told by their numbers, as a tree has many of them and names
//! would have to be compared.

use crate::FileKind;
use std::sync::LazyLock;
use tree_sitter::Node;

macro_rules! kinds {
    ($($kind:ident $($name:literal)|+,)*) => {
        /// What a node is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)*
            /// Nothing is told by it.
            Other,
        }

        impl Kind {
            fn of(name: &str) -> Kind {
                match name {
                    $($($name)|+ => Kind::$kind,)*
                    _ => Kind::Other,
                }
            }

            #[cfg(test)]
            const NAMES: &[&str] = &[$($($name),+),*];
        }
    };
}

kinds! {
    Assignment "assignment_expression",
    Binary "binary_expression",
    Break "break_statement",
    Call "call_expression",
    Case "case_statement",
    Comma "comma_expression",
    CompoundLiteral "compound_literal_expression",
    Compound "compound_statement",
    Conditional "conditional_expression",
    Continue "continue_statement",
    Catch "catch_clause",
    Declaration "declaration",
    Do "do_statement",
    Else "else_clause",
    Enumerators "enumerator_list",
    Field "field_declaration",
    Fields "field_declaration_list",
    For "for_statement",
    ForRange "for_range_loop",
    Function "function_definition",
    FunctionDeclarator "function_declarator",
    Goto "goto_statement",
    If "if_statement",
    InitDeclarator "init_declarator",
    InitializerPair "initializer_pair",
    Labeled "labeled_statement",
    Lambda "lambda_expression",
    Leave "seh_leave_statement",
    New "new_expression",
    Pointer "pointer_expression",
    Return "return_statement",
    Switch "switch_statement",
    Template "template_declaration",
    // Out of the function as well.
    Throw "throw_statement" | "co_return_statement",
    Try "seh_try_statement" | "try_statement",
    Update "update_expression",
    While "while_statement",
    // Nothing but tokens is in these. Not so in a qualifier of a type: `alignas` has an expression.
    Token "char_literal" | "raw_string_literal" | "storage_class_specifier" | "string_literal",
}

impl Kind {
    /// Whether it is a statement that moves control, or a block.
    pub(crate) fn is_statement(self) -> bool {
        matches!(
            self,
            Kind::Compound
                | Kind::If
                | Kind::While
                | Kind::For
                | Kind::ForRange
                | Kind::Do
                | Kind::Switch
                | Kind::Try
                | Kind::Break
                | Kind::Continue
                | Kind::Leave
                | Kind::Return
                | Kind::Throw
                | Kind::Goto
        )
    }
}

/// What the nodes of a grammar are, by their numbers.
pub(crate) struct Kinds(Vec<Kind>);

impl Kinds {
    /// Those of the grammar for a kind of file.
    pub(crate) fn of(kind: FileKind) -> &'static Kinds {
        static C: LazyLock<Kinds> = LazyLock::new(|| Kinds::new(FileKind::C));
        static CPP: LazyLock<Kinds> = LazyLock::new(|| Kinds::new(FileKind::Cpp));
        if kind == FileKind::Cpp { &CPP } else { &C }
    }

    fn new(kind: FileKind) -> Kinds {
        let language = super::language(kind);
        let numbers = 0..u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
        let kind = |number| language.node_kind_for_id(number).map_or(Kind::Other, Kind::of);
        Kinds(numbers.map(kind).collect())
    }

    /// What a node is.
    pub(crate) fn kind(&self, node: Node<'_>) -> Kind {
        self.0.get(usize::from(node.kind_id())).copied().unwrap_or(Kind::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::language;

    /// A name that no grammar has would never be told.
    #[test]
    fn every_name_is_that_of_a_node() {
        let languages = [FileKind::C, FileKind::Cpp].map(language);
        for name in Kind::NAMES {
            let has_name = |language: &tree_sitter::Language| {
                (0..language.node_kind_count() as u16)
                    .any(|id| language.node_kind_for_id(id) == Some(name))
            };
            assert!(languages.iter().any(has_name), "{name}");
        }
    }
}
