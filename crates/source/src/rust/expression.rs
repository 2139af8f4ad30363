//! Expressions of Rust, as far as they can matter for the value of a constant.

use super::conditions;
use super::number::{number, type_bits};
use super::path::{Path, path};
use crate::expression::{Binary, Opaque, Unary};
use std::ops::Range;
use tree_sitter::Node;

/// An expression. Ranges are bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// A literal.
    Number(u64, Range<usize>),
    /// A truth value.
    Truth(bool),
    Name(Path),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// A conversion to a type with so many bits.
    Cast(u8, Box<Expression>),
    /// `if`: the condition, and both ways.
    Choice(Box<[Expression; 3]>),
    /// One of several, such as the arms of a `match`.
    Either(Vec<Expression>),
    /// What a function of that name returns, and the call of it.
    Call(Box<str>, Range<usize>),
    /// It does not come back with a value: `return`, `panic!`.
    Never,
    Opaque(Opaque),
}

/// Longer expressions are no constants.
const LONGEST: usize = 4096;
const DEEPEST: usize = 40;

/// Reads the expression that is `node`.
pub(crate) fn read(node: Node<'_>, text: &str) -> Expression {
    if node.byte_range().len() > LONGEST {
        return Expression::Opaque(Opaque::TooLong);
    }
    inner(node, text, 0)
}

fn inner(node: Node<'_>, text: &str, depth: usize) -> Expression {
    if depth > DEEPEST {
        return Expression::Opaque(Opaque::TooLong);
    }
    let read = |node: Option<Node<'_>>| match node {
        Some(node) => inner(node, text, depth + 1),
        None => Expression::Opaque(Opaque::Text),
    };
    let field = |name: &str| read(node.child_by_field_name(name));
    let written = text.get(node.byte_range()).unwrap_or_default();
    match node.kind() {
        "integer_literal" => match number(written) {
            Some(value) => Expression::Number(value, node.byte_range()),
            None => Expression::Opaque(Opaque::Text),
        },
        "boolean_literal" => Expression::Truth(written == "true"),
        "identifier" | "scoped_identifier" => {
            path(node, text).map_or(Expression::Opaque(Opaque::Text), Expression::Name)
        }
        "parenthesized_expression" | "try_expression" | "await_expression" => {
            read(first_named(node))
        }
        "block" | "unsafe_block" | "const_block" => read(tail(node)),
        "unary_expression" => unary(written, read(first_named(node))),
        "binary_expression" => {
            let operator = node.child_by_field_name("operator").and_then(|one| binary(one.kind()));
            match operator {
                Some(operator) => {
                    Expression::Binary(operator, Box::new(field("left")), Box::new(field("right")))
                }
                None => Expression::Opaque(Opaque::Text),
            }
        }
        "type_cast_expression" => {
            let target = node.child_by_field_name("type");
            let target = target.and_then(|of| path(of, text));
            let bits = target.map_or(64, |of| type_bits(of.name()));
            Expression::Cast(bits, Box::new(field("value")))
        }
        "if_expression" => {
            let no = node.child_by_field_name("alternative").and_then(first_named);
            Expression::Choice(Box::new([field("condition"), field("consequence"), read(no)]))
        }
        "match_expression" => arms(node, text, depth),
        "call_expression" => call(node, text, depth),
        "generic_function" => field("function"),
        "field_expression" => match node.child_by_field_name("field") {
            // What a newtype wraps.
            Some(of) if of.kind() == "integer_literal" => field("value"),
            _ => Expression::Opaque(Opaque::Memory),
        },
        "macro_invocation" => of_macro(node, text),
        "return_expression" | "break_expression" | "continue_expression" => Expression::Never,
        "index_expression" | "reference_expression" | "self" => Expression::Opaque(Opaque::Memory),
        _ => Expression::Opaque(Opaque::Text),
    }
}

impl Expression {
    /// Whether it is a comparison, or made of truth values: all these bind weaker than `|`.
    pub(crate) fn is_loose(&self) -> bool {
        matches!(
            self,
            Expression::Binary(
                Binary::Equal
                    | Binary::NotEqual
                    | Binary::Less
                    | Binary::LessOrEqual
                    | Binary::Greater
                    | Binary::GreaterOrEqual
                    | Binary::BothTrue
                    | Binary::EitherTrue,
                ..
            )
        )
    }
}

/// `!x` is the complement of a number, and the opposite of a truth value.
fn unary(written: &str, of: Expression) -> Expression {
    let is_truth =
        of.is_loose() || matches!(of, Expression::Truth(_) | Expression::Unary(Unary::Not, _));
    let operator = match written.as_bytes().first() {
        Some(b'-') => Unary::Minus,
        Some(b'!') if is_truth => Unary::Not,
        Some(b'!') => Unary::Complement,
        _ => return Expression::Opaque(Opaque::Memory),
    };
    Expression::Unary(operator, Box::new(of))
}

fn arms(node: Node<'_>, text: &str, depth: usize) -> Expression {
    let Some(body) = node.child_by_field_name("body") else {
        return Expression::Opaque(Opaque::Text);
    };
    let mut cursor = body.walk();
    let arms = body.named_children(&mut cursor).filter(|arm| arm.kind() == "match_arm");
    let arms = arms.filter(|arm| !super::reader::is_left_out_inside(*arm, text));
    let values = arms.filter_map(|arm| arm.child_by_field_name("value"));
    let values: Vec<_> = values.map(|value| inner(value, text, depth + 1)).collect();
    if values.is_empty() { Expression::Never } else { Expression::Either(values) }
}

/// Methods and functions that hand on the value they are given.
const HANDING_ON: [&str; 21] = [
    "into",
    "try_into",
    "unwrap",
    "expect",
    "map_err",
    "ok",
    "ok_or",
    "ok_or_else",
    "unwrap_unchecked",
    "clone",
    "to_owned",
    "bits",
    "from",
    "try_from",
    "identity",
    "cast_signed",
    "cast_unsigned",
    "from_bits_retain",
    "cast",
    "cast_mut",
    "cast_const",
];

fn call(node: Node<'_>, text: &str, depth: usize) -> Expression {
    let Some(mut function) = node.child_by_field_name("function") else {
        return Expression::Opaque(Opaque::Text);
    };
    if let Some(of) = function.child_by_field_name("function") {
        function = of;
    }
    let argument = node.child_by_field_name("arguments").and_then(only_named);
    if function.kind() == "field_expression" {
        let name = function.child_by_field_name("field").and_then(|of| text.get(of.byte_range()));
        return match (name, function.child_by_field_name("value")) {
            (Some(name), Some(value)) if HANDING_ON.contains(&name) => {
                inner(value, text, depth + 1)
            }
            (Some("unwrap_or"), Some(value)) => {
                let value = inner(value, text, depth + 1);
                let other = argument.map(|one| inner(one, text, depth + 1));
                Expression::Either(std::iter::once(value).chain(other).collect())
            }
            (name, _) => Expression::Call(name.unwrap_or_default().into(), node.byte_range()),
        };
    }
    let Some(path) = path(function, text) else { return Expression::Opaque(Opaque::Text) };
    let name = path.name();
    match argument {
        Some(argument) if is_wrapping(name) || path.owner().is_some() && is_handing_on(&path) => {
            let value = inner(argument, text, depth + 1);
            match path.owner().map(type_bits) {
                Some(bits @ ..64) => Expression::Cast(bits, Box::new(value)),
                _ => value,
            }
        }
        _ => Expression::Call(name.into(), node.byte_range()),
    }
}

fn is_handing_on(path: &Path) -> bool {
    HANDING_ON.contains(&path.name())
}

/// Whether a call of that name makes a newtype of the kit's, such as `POOL_TYPE(512)`, or a value that is there: `Some(1)`.
fn is_wrapping(name: &str) -> bool {
    let ends = |end: &str| name.ends_with(end);
    matches!(name, "Some" | "Ok" | "transmute")
        || ends("_TYPE")
        || ends("_FLAGS")
        || ends("_PRIORITY")
}

fn of_macro(node: Node<'_>, text: &str) -> Expression {
    let name = node.child_by_field_name("macro").and_then(|of| path(of, text));
    let Some(name) = name else { return Expression::Opaque(Opaque::Text) };
    match name.name() {
        "panic" | "unreachable" | "todo" | "unimplemented" => Expression::Never,
        "cfg" => {
            let written = text.get(node.byte_range()).unwrap_or_default();
            let inside = written.split_once(['(', '[', '{']).map_or("", |(_, inside)| inside);
            match conditions::holds(inside) {
                Some(truth) => Expression::Truth(truth),
                None => Expression::Opaque(Opaque::Text),
            }
        }
        name => Expression::Call(name.into(), node.byte_range()),
    }
}

/// The expression that a block comes to; that of `unsafe { ... }` is its block's.
fn tail(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    let last = node.named_children(&mut cursor).filter(|one| !is_remark(*one)).last()?;
    match last.kind() {
        // `return x;`, or an `if` that stands last.
        "expression_statement" => first_named(last),
        _ => Some(last),
    }
}

fn first_named(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).find(|one| !is_remark(*one))
}

fn only_named(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    let mut all = node.named_children(&mut cursor).filter(|one| !is_remark(*one));
    let only = all.next()?;
    all.next().is_none().then_some(only)
}

/// Whether a node is a comment or an attribute.
pub(crate) fn is_remark(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "line_comment" | "block_comment" | "attribute_item" | "inner_attribute_item" | "label"
    )
}

fn binary(operator: &str) -> Option<Binary> {
    Some(match operator {
        "|" => Binary::Or,
        "&" => Binary::And,
        "^" => Binary::Xor,
        "+" => Binary::Add,
        "-" => Binary::Subtract,
        "*" => Binary::Multiply,
        "/" => Binary::Divide,
        "%" => Binary::Remainder,
        "<<" => Binary::ShiftLeft,
        ">>" => Binary::ShiftRight,
        "==" => Binary::Equal,
        "!=" => Binary::NotEqual,
        "<" => Binary::Less,
        "<=" => Binary::LessOrEqual,
        ">" => Binary::Greater,
        ">=" => Binary::GreaterOrEqual,
        "&&" => Binary::BothTrue,
        "||" => Binary::EitherTrue,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileKind;
    use crate::syntax::parse;

    fn of(expression: &str) -> Expression {
        let text = format!("const X: T = {expression};");
        let tree = parse(text.as_bytes(), FileKind::Rust).unwrap();
        let item = tree.root_node().named_child(0).unwrap();
        read(item.child_by_field_name("value").unwrap(), &text)
    }

    /// As C would write it, casts as `bits:of`.
    fn told(of: &Expression) -> String {
        match of {
            Expression::Number(value, _) => value.to_string(),
            Expression::Truth(truth) => truth.to_string(),
            Expression::Name(path) => path.segments.join("."),
            Expression::Unary(operator, of) => format!("{operator:?}({})", told(of)),
            Expression::Binary(operator, left, right) => {
                format!("({} {operator:?} {})", told(left), told(right))
            }
            Expression::Cast(bits, of) => format!("{bits}:{}", told(of)),
            Expression::Choice(of) => {
                format!("[{} ? {} : {}]", told(&of[0]), told(&of[1]), told(&of[2]))
            }
            Expression::Either(all) => all.iter().map(told).collect::<Vec<_>>().join(" or "),
            Expression::Call(name, _) => format!("{name}()"),
            Expression::Never => "never".to_owned(),
            Expression::Opaque(why) => format!("{why:?}"),
        }
    }

    #[test]
    fn operators_bind_as_in_rust() {
        // Unlike in C, `&` binds before `==`.
        assert_eq!(told(&of("a & b == c")), "((a And b) Equal c)");
        assert_eq!(told(&of("A | B as ULONG")), "(A Or 32:B)");
        assert_eq!(told(&of("!(1 << 3) | -1")), "(Complement((1 ShiftLeft 3)) Or Minus(1))");
        assert_eq!(told(&of("if !(a == b) { 1 } else { 2 }")), "[Not((a Equal b)) ? 1 : 2]");
    }

    #[test]
    fn conversions_hand_on_what_they_are_given() {
        for text in [
            "u64::from(FLAGS)",
            "FLAGS.into()",
            "FLAGS.try_into().unwrap()",
            "unsafe { FLAGS }",
            "(POOL_FLAGS(FLAGS)).0",
            "u64::try_from(FLAGS).expect(\"fits\")",
            "u64::try_from(FLAGS).map_err(|_| Error)?",
            "core::convert::identity(FLAGS)",
            "Into::<u64>::into(FLAGS)",
        ] {
            assert_eq!(told(&of(text)), "FLAGS", "{text}");
        }
        assert_eq!(told(&of("u32::from(FLAGS)")), "32:FLAGS");
        assert_eq!(told(&of("flags_of(FLAGS)")), "flags_of()");
        assert_eq!(told(&of("self.flags")), "Memory");
    }

    #[test]
    fn every_way_is_a_choice() {
        assert_eq!(told(&of("match x { 1 => A, #[cfg(test)] 2 => B, _ => return }")), "A or never");
        assert_eq!(
            told(&of("if cfg!(target_arch = \"x86_64\") { A } else { B }")),
            "[true ? A : B]"
        );
        assert_eq!(
            told(&of("if let Some(f) = y { f } else if z { B } else { panic!() }")),
            "[Text ? f : [z ? B : never]]"
        );
    }

    #[test]
    fn paths_end_in_a_name() {
        let Expression::Name(path) = of("wdk_sys::_POOL_TYPE::NonPagedPool") else { panic!() };
        assert_eq!((path.name(), path.owner()), ("NonPagedPool", Some("_POOL_TYPE")));
        assert_eq!(path.last, 34..46);
        assert_eq!(told(&of("<Pool as Flags>::EXEC")), "Pool.EXEC");
    }

    #[test]
    fn what_is_made_to_be_hard_ends() {
        for text in ["(".repeat(1000) + "1" + &")".repeat(1000), "1|".repeat(2000) + "1"] {
            assert!(told(&of(&text)).contains("TooLong"));
        }
        assert_eq!(told(&of(&format!("a{}", "::a".repeat(100)))), "Text");
    }
}
