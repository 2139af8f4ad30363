//! Children of nodes by their fields: told by numbers, as names would have to be compared with all that a grammar has.

use super::language;
use crate::FileKind;
use std::num::NonZeroU16;
use std::sync::LazyLock;
use tree_sitter::{Language, Node};

macro_rules! fields {
    ($($field:ident $name:literal,)*) => {
        /// A field of a node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field {
            $($field,)*
        }

        impl Field {
            const NAMES: &[&str] = &[$($name),*];
        }
    };
}

fields! {
    Alternative "alternative",
    Argument "argument",
    Arguments "arguments",
    Base "base",
    Body "body",
    Captures "captures",
    Condition "condition",
    Consequence "consequence",
    Declarator "declarator",
    DefaultValue "default_value",
    Designator "designator",
    Member "field",
    Function "function",
    Initializer "initializer",
    Label "label",
    Left "left",
    Name "name",
    Operator "operator",
    Parameters "parameters",
    Placement "placement",
    Right "right",
    Scope "scope",
    Size "size",
    Type "type",
    UnderlyingType "underlying_type",
    Update "update",
    Value "value",
}

/// A node's children by their fields.
pub(crate) trait ByField<'t> {
    /// The first child that a field has, as [`Node::child_by_field_name`] gives it.
    fn field(&self, field: Field) -> Option<Node<'t>>;
}

impl<'t> ByField<'t> for Node<'t> {
    fn field(&self, field: Field) -> Option<Node<'t>> {
        static C: LazyLock<Numbers> = LazyLock::new(|| Numbers::new(FileKind::C));
        static CPP: LazyLock<Numbers> = LazyLock::new(|| Numbers::new(FileKind::Cpp));
        let own = self.language();
        let numbers: &Numbers = if *own == C.of { &C } else { &CPP };
        self.child_by_field_id(numbers.all[field as usize]?.get())
    }
}

/// The numbers of all fields in a grammar; none for those that it does not have.
struct Numbers {
    of: Language,
    all: [Option<NonZeroU16>; Field::NAMES.len()],
}

impl Numbers {
    fn new(kind: FileKind) -> Numbers {
        let of = language(kind);
        let mut all = [None; Field::NAMES.len()];
        for (number, name) in all.iter_mut().zip(Field::NAMES) {
            *number = of.field_id_for_name(name);
        }
        Numbers { of, all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    /// A name that no grammar has would never be found.
    #[test]
    fn every_name_is_that_of_a_field() {
        let languages = [FileKind::C, FileKind::Cpp].map(language);
        for name in Field::NAMES {
            assert!(languages.iter().any(|one| one.field_id_for_name(name).is_some()), "{name}");
        }
    }

    #[test]
    fn a_field_is_that_of_the_name_in_both_languages() {
        for kind in [FileKind::C, FileKind::Cpp] {
            let tree = parse(b"int f(int a) { return a + 1; }", kind).unwrap();
            let function = tree.root_node().child(0).unwrap();
            for (field, name) in
                [(Field::Type, "type"), (Field::Declarator, "declarator"), (Field::Body, "body")]
            {
                assert!(function.field(field).is_some());
                assert_eq!(function.field(field), function.child_by_field_name(name));
            }
            assert_eq!(function.field(Field::Placement), None);
        }
    }
}
