//! What the variables of a function hold, as far as its statements run one after the other.

use crate::expression::{self, Binary, Expression};
use crate::value::{Unknown, Value};
use crate::vocabulary::CR0_WP;
use crate::{FileId, control};
use foldhash::HashMap;
use tree_sitter::Node;

/// How deep expressions are followed.
const DEEPEST: usize = 32;

/// What variables hold; nothing is known of others.
#[derive(Clone)]
pub(super) struct Variables<'t> {
    text: &'t str,
    values: HashMap<String, Value>,
}

impl<'t> Variables<'t> {
    pub(super) fn new(text: &'t str) -> Variables<'t> {
        Variables { text, values: HashMap::default() }
    }

    pub(super) fn forget(&mut self) {
        self.values.clear();
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// Keeps what is so on another way as well.
    pub(super) fn meet(&mut self, other: &Variables<'_>) {
        let is_same = |name: &String, value: &Value| {
            let other = other.values.get(name);
            other.is_some_and(|other| control::bit(other) == control::bit(value))
        };
        self.values.retain(|name, value| is_same(name, value));
    }

    /// What a statement does to variables.
    pub(super) fn statement(&mut self, node: Node<'_>) {
        let field = |name| node.child_by_field_name(name);
        let written = |node: Node<'_>| &self.text[node.byte_range()];
        match node.kind() {
            "let_declaration" => {
                let Some(name) = field("pattern").map(written) else { return };
                let name = name.trim_start_matches("mut ").trim().to_owned();
                let value = field("value").map(|value| self.value_of(written(value)));
                match value {
                    Some(value) => drop(self.values.insert(name, value)),
                    None => drop(self.values.remove(&name)),
                }
            }
            "assignment_expression" | "compound_assignment_expr" => {
                let (Some(left), Some(right)) = (field("left"), field("right")) else { return };
                let name = written(left).to_owned();
                let right = self.value_of(written(right));
                let operator = field("operator").map_or("=", written);
                let before = self.value_of(&name);
                let value = match operator {
                    "=" => right,
                    "&=" => before.binary(Binary::And, &right),
                    "|=" => before.binary(Binary::Or, &right),
                    _ => Value::open(Unknown::Text),
                };
                self.values.insert(name, value);
            }
            // Whoever gets it may change it.
            "reference_expression" if written(node).starts_with("&mut") => {
                let name = field("value").map(written).unwrap_or_default().to_owned();
                self.values.remove(&name);
            }
            _ => {}
        }
    }

    /// The value of an expression of numbers, constants of the file and variables.
    pub(super) fn value_of(&self, text: &str) -> Value {
        let written = as_c(text);
        let read = expression::read(&written, 0..written.len(), FileId::NONE);
        self.value(&read, 0)
    }

    fn value(&self, of: &Expression, depth: usize) -> Value {
        let inner = |of: &Expression| self.value(of, depth + 1);
        match of {
            _ if depth > DEEPEST => Value::open(Unknown::TooMuch),
            Expression::Number(value, _) => Value::of(*value),
            Expression::Unary(operator, of) => inner(of).unary(*operator),
            Expression::Binary(operator, left, right) => {
                inner(left).binary(*operator, &inner(right))
            }
            Expression::Name(name, _) => {
                let known = self.values.get(&**name).cloned();
                known.or_else(|| self.constant(name)).unwrap_or_else(|| open(name))
            }
            Expression::Call(name, ..) if &**name == "__readcr0" => {
                Value::with_ones(CR0_WP, Unknown::Call("__readcr0".into()))
            }
            _ => Value::open(Unknown::Text),
        }
    }

    /// A constant that the file defines once, as a number.
    fn constant(&self, name: &str) -> Option<Value> {
        let mut all = self.text.match_indices("const ").filter_map(|(at, word)| {
            let rest = self.text[at + word.len()..].trim_start();
            let rest = rest.strip_prefix(name)?.trim_start().strip_prefix(':')?;
            let (_, value) = rest.split_once('=')?;
            Some(value.split_once(';')?.0)
        });
        let only = all.next().filter(|_| all.next().is_none())?;
        let written = as_c(only);
        match expression::read(&written, 0..written.len(), FileId::NONE) {
            Expression::Name(..) => None,
            of => Some(Variables::new("").value(&of, 0)),
        }
    }
}

fn open(name: &str) -> Value {
    Value::open(Unknown::Variable(name.into()))
}

/// An expression as C has it: `~` for the complement, numbers without marks between digits, no conversions.
fn as_c(text: &str) -> String {
    let mut given = String::new();
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut skips = false;
    for word in text.split_inclusive(|letter| !is_part(letter)) {
        let (stem, behind) =
            word.split_at(word.find(|letter| !is_part(letter)).unwrap_or(word.len()));
        if stem == "as" {
            skips = true;
            continue;
        }
        if !skips || stem.is_empty() {
            given.push_str(&number(stem));
        }
        skips &= stem.is_empty();
        given.push_str(&behind.replace('!', "~"));
    }
    given
}

/// A number without the marks and the type that Rust lets it have; what is none stays.
fn number(word: &str) -> String {
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return word.to_owned();
    }
    let types = ["u64", "usize", "u32", "u128", "i64", "i32", "isize"];
    let stem = types.iter().find_map(|of| word.strip_suffix(of)).unwrap_or(word);
    stem.replace('_', "")
}
