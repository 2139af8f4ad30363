//! What an expression may be: every value it can have, and the words of the source that chose it.

mod windows;

use crate::Span;
use crate::expression::{Binary, Unary};
use ringfence_ddi::Bits;
use windows::Limits;

/// What an expression may be. Of several choices each is possible; what is not known is a choice as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The choices; never empty.
    pub choices: Vec<Choice>,
    /// Whether it is the build alone that decides which of them it is.
    is_by_build: bool,
}

/// One value that an expression may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is known of its bits.
    pub bits: Bits,
    /// The constants that it is made of, in the order they were met.
    pub terms: Vec<Term>,
    /// Why some bits are not known.
    pub unknown: Option<Unknown>,
}

/// A constant in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// Where it is written; none for what the project or the kit defines.
    pub span: Option<Span>,
    /// As it is written.
    pub name: Box<str>,
    /// Its value.
    pub value: u64,
    /// Whether an opt-in to no-execute pools decides about its value.
    pub by_opt_in: bool,
    /// What has to stand before the name of another constant of the kit that takes its place: nothing in C, the way to it in
    /// Rust. None where it is not known how the other one could be named there.
    pub path: Option<Box<str>>,
}

/// Why a value is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// Callers choose it, by the parameter of that name.
    Parameter(Box<str>),
    /// A variable holds it that is changed in ways that are not followed.
    Variable(Box<str>),
    /// It is read from a structure, an array, or through a pointer.
    Memory,
    /// A function returns it.
    Call(Box<str>),
    /// A name that nothing in the tree explains.
    Name(Box<str>),
    /// The expression is not understood.
    Text,
    /// There are more possibilities than are followed.
    TooMuch,
    /// The function is called by an address that goes where it is not followed.
    Address,
    /// It is not plain whether the driver that the code becomes part of opts in.
    OptIn,
    /// Conditions before keep control from coming there with what the callers pass.
    Never,
    /// It is a number of the version of Windows that the code runs on, or is computed from one: at least so much.
    Windows(i64),
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unknown::Parameter(name) => write!(f, "callers choose it by the parameter `{name}`"),
            Unknown::Variable(name) => write!(f, "the variable `{name}` holds it"),
            Unknown::Memory => f.write_str("it is read from memory"),
            Unknown::Call(name) => write!(f, "`{name}` returns it"),
            Unknown::Name(name) => write!(f, "nothing here says what `{name}` is"),
            Unknown::Text => f.write_str("the expression is not understood"),
            Unknown::TooMuch => f.write_str("there are more possibilities than are followed"),
            Unknown::Address => {
                f.write_str("its address is taken here and calls by that are not followed")
            }
            Unknown::OptIn => {
                f.write_str("it is not known whether the driver that this is linked into opts in")
            }
            Unknown::Never => f.write_str("no path is seen that leads there"),
            Unknown::Windows(_) => f.write_str("the version of Windows decides"),
        }
    }
}

/// More choices than this are not told apart.
const MOST: usize = 16;
const MOST_TERMS: usize = 16;

impl Choice {
    /// A known value that no constant of the source names.
    pub(crate) fn of(value: u64) -> Choice {
        Choice { bits: Bits::of(value), terms: Vec::new(), unknown: None }
    }

    fn open(unknown: Unknown) -> Choice {
        Choice { bits: Bits { ones: 0, zeros: 0 }, terms: Vec::new(), unknown: Some(unknown) }
    }

    fn with(mut self, other: &Choice, bits: Bits) -> Choice {
        self.terms.extend(other.terms.iter().cloned());
        self.terms.truncate(MOST_TERMS);
        self.settled(bits, other.unknown.clone())
    }

    fn settled(mut self, bits: Bits, other: Option<Unknown>) -> Choice {
        // What never comes about makes nothing else.
        if self.is_never() || other == Some(Unknown::Never) {
            return Choice::open(Unknown::Never);
        }
        self.bits = bits;
        self.unknown = match bits.constant() {
            Some(_) => None,
            None => self.unknown.or(other),
        };
        self
    }

    fn is_never(&self) -> bool {
        self.unknown == Some(Unknown::Never)
    }

    fn truth(&self) -> Option<bool> {
        self.bits.any(u64::MAX).or_else(|| self.at_least().map(|least| least > 0).filter(|is| *is))
    }

    /// The least that it is, as far as the version of Windows decides.
    fn at_least(&self) -> Option<i64> {
        match self.unknown {
            Some(Unknown::Windows(least)) => Some(least),
            _ => None,
        }
    }

    /// The same, where the version of Windows decides how much it is at least.
    fn least(mut self, least: i64) -> Choice {
        if let Some(Unknown::Windows(known)) = &mut self.unknown {
            *known = least;
        }
        self
    }

    /// What it is as a number: known, or at least so much.
    fn limits(&self) -> Option<Limits> {
        let known = self.bits.constant().map(|value| Limits::Is(value.cast_signed()));
        known.or_else(|| self.at_least().map(Limits::AtLeast))
    }

    /// Whether nothing is known of it.
    pub(crate) fn is_open(&self) -> bool {
        self.bits == Bits { ones: 0, zeros: 0 }
    }
}

impl From<Vec<Choice>> for Value {
    fn from(choices: Vec<Choice>) -> Value {
        Value { choices, is_by_build: false }
    }
}

impl Value {
    pub(crate) fn of(value: u64) -> Value {
        Value::from(vec![Choice::of(value)])
    }

    pub(crate) fn open(unknown: Unknown) -> Value {
        Value::from(vec![Choice::open(unknown)])
    }

    /// A value of which only some bits are known to be set.
    pub(crate) fn with_ones(ones: u64, unknown: Unknown) -> Value {
        let bits = Bits { ones, zeros: 0 };
        Value::from(vec![Choice { bits, ..Choice::open(unknown) }])
    }

    pub(crate) fn term(term: Term) -> Value {
        let bits = Bits::of(term.value);
        Value::from(vec![Choice { bits, terms: vec![term], unknown: None }])
    }

    /// The value, if there is only one.
    pub fn constant(&self) -> Option<u64> {
        let mut values = self.choices.iter().map(|choice| choice.bits.constant());
        let first = values.next()??;
        values.all(|value| value == Some(first)).then_some(first)
    }

    /// Whether conditions keep control from coming where it would be used.
    pub(crate) fn is_never(&self) -> bool {
        self.choices.iter().all(Choice::is_never)
    }

    /// Whether it is certainly true, or certainly false.
    pub(crate) fn truth(&self) -> Option<bool> {
        let mut all = self.choices.iter().map(Choice::truth);
        let first = all.next()??;
        all.all(|truth| truth == Some(first)).then_some(first)
    }

    /// Only the choices that `stays` says so of; none where there are none.
    pub(crate) fn only(&self, mut stays: impl FnMut(&Choice) -> bool) -> Option<Value> {
        let choices: Vec<Choice> = self.choices.iter().filter(|one| stays(one)).cloned().collect();
        let is_by_build = self.is_by_build && choices.len() > 1;
        (!choices.is_empty()).then_some(Value { choices, is_by_build })
    }

    /// Whether a caller's argument decides about a part of it.
    pub(crate) fn depends_on_parameter(&self) -> bool {
        self.choices.iter().any(|choice| matches!(choice.unknown, Some(Unknown::Parameter(_))))
    }

    /// What the variable called `name` holds: one of these values, or one to which the gains, each by its operator, were
    /// added. Not known where nothing gives it one.
    pub(crate) fn gained(name: &str, mut values: Vec<Value>, gains: Vec<(Binary, Value)>) -> Value {
        if values.is_empty() {
            values.push(Value::open(Unknown::Variable(name.into())));
        }
        gains.into_iter().fold(Value::either(values), |value, (operator, with)| {
            let gained = value.clone().binary(operator, &with);
            Value::either([value, gained])
        })
    }

    /// One of several values.
    pub(crate) fn either(values: impl IntoIterator<Item = Value>) -> Value {
        let mut choices: Vec<Choice> = Vec::new();
        // Where others can come about, it is not the build alone that decides.
        let mut is_by_build = true;
        for value in values {
            // What never comes about adds nothing to what may.
            if choices.iter().all(Choice::is_never) {
                choices.clear();
            } else if value.is_never() {
                continue;
            }
            is_by_build &= value.is_by_build && choices.is_empty();
            for choice in value.choices {
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
        }
        Value { choices, is_by_build }.limited()
    }

    /// One of several values, as the build has it.
    pub(crate) fn by_build(values: impl IntoIterator<Item = Value>) -> Value {
        let values: Vec<Value> = values.into_iter().collect();
        let is_one = |value: &Value| value.choices.len() == 1 || value.is_by_build;
        let is_by_build = values.iter().all(is_one);
        let either = Value::either(values);
        Value { is_by_build: is_by_build && either.choices.len() > 1, ..either }
    }

    /// Whether it is the build alone that decides which of the choices it is.
    pub fn is_by_build(&self) -> bool {
        self.is_by_build
    }

    fn limited(mut self) -> Value {
        if self.choices.len() > MOST || self.choices.is_empty() {
            self.choices.truncate(MOST - 1);
            self.choices.push(Choice::open(Unknown::TooMuch));
        }
        self
    }

    pub(crate) fn mapped(self, of: impl Fn(Choice) -> Choice) -> Value {
        Value { choices: self.choices.into_iter().map(of).collect(), ..self }
    }

    /// Cut to a type of so many bits.
    pub(crate) fn cast(self, bits: u8) -> Value {
        let kept = u64::MAX >> (64 - u32::from(bits.clamp(1, 64)));
        self.mapped(|choice| {
            let cut = Bits { ones: choice.bits.ones & kept, zeros: choice.bits.zeros | !kept };
            let least = windows::masked(choice.at_least().unwrap_or(windows::ANY), kept);
            choice.settled(cut, None).least(least)
        })
    }

    pub(crate) fn unary(self, operator: Unary) -> Value {
        self.mapped(|choice| {
            let bits = match operator {
                Unary::Complement => Bits { ones: choice.bits.zeros, zeros: choice.bits.ones },
                Unary::Minus => known(choice.bits.constant().map(u64::wrapping_neg)),
                Unary::Not => known(choice.truth().map(|is| u64::from(!is))),
            };
            choice.settled(bits, None).least(windows::ANY)
        })
    }

    pub(crate) fn binary(self, operator: Binary, right: &Value) -> Value {
        let mut choices = Vec::new();
        for one in &self.choices {
            for other in &right.choices {
                let bits = combined(operator, one, other);
                let least = windows::combined(operator, one.limits(), other.limits());
                let choice = one.clone().with(other, bits).least(least);
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
        }
        let is_plain = |value: &Value| value.choices.len() == 1 || value.is_by_build;
        let is_by_build =
            (self.is_by_build || right.is_by_build) && is_plain(&self) && is_plain(right);
        Value { choices, is_by_build }.limited()
    }

    /// `self ? yes : no`
    pub(crate) fn choose(&self, yes: impl FnOnce() -> Value, no: impl FnOnce() -> Value) -> Value {
        match self.truth() {
            Some(true) => yes(),
            Some(false) => no(),
            None => Value::either([yes(), no()]),
        }
    }
}

fn known(value: Option<u64>) -> Bits {
    value.map_or(Bits { ones: 0, zeros: 0 }, Bits::of)
}

fn combined(operator: Binary, left: &Choice, right: &Choice) -> Bits {
    let (a, b) = (left.bits, right.bits);
    let both = a.constant().zip(b.constant());
    let number = |of: fn(u64, u64) -> Option<u64>| known(both.and_then(|(a, b)| of(a, b)));
    let compare = |of: fn(&i64, &i64) -> bool| {
        let is = both.map(|(a, b)| of(&a.cast_signed(), &b.cast_signed()));
        known(
            is.or_else(|| windows::compared(operator, left.limits()?, right.limits()?))
                .map(u64::from),
        )
    };
    match operator {
        Binary::Or => Bits { ones: a.ones | b.ones, zeros: a.zeros & b.zeros },
        Binary::And => Bits { ones: a.ones & b.ones, zeros: a.zeros | b.zeros },
        Binary::Xor => Bits {
            ones: (a.ones & b.zeros) | (a.zeros & b.ones),
            zeros: (a.ones & b.ones) | (a.zeros & b.zeros),
        },
        Binary::Add => number(|a, b| Some(a.wrapping_add(b))),
        Binary::Subtract => number(|a, b| Some(a.wrapping_sub(b))),
        Binary::Multiply => number(|a, b| Some(a.wrapping_mul(b))),
        Binary::Divide => number(u64::checked_div),
        Binary::Remainder => number(u64::checked_rem),
        Binary::ShiftLeft => number(|a, b| a.checked_shl(u32::try_from(b).ok()?)),
        Binary::ShiftRight => number(|a, b| a.checked_shr(u32::try_from(b).ok()?)),
        Binary::Equal => compare(i64::eq),
        Binary::NotEqual => compare(i64::ne),
        Binary::Less => compare(i64::lt),
        Binary::LessOrEqual => compare(i64::le),
        Binary::Greater => compare(i64::gt),
        Binary::GreaterOrEqual => compare(i64::ge),
        Binary::BothTrue => known(match (left.truth(), right.truth()) {
            (Some(false), _) | (_, Some(false)) => Some(0),
            (Some(true), Some(true)) => Some(1),
            _ => None,
        }),
        Binary::EitherTrue => known(match (left.truth(), right.truth()) {
            (Some(true), _) | (_, Some(true)) => Some(1),
            (Some(false), Some(false)) => Some(0),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_or_ed_in_is_known_though_the_rest_is_not() {
        let open = Value::open(Unknown::Memory);
        let or = open.clone().binary(Binary::Or, &Value::of(0x200));
        assert_eq!(or.choices[0].bits, Bits { ones: 0x200, zeros: 0 });
        assert_eq!(or.choices[0].unknown, Some(Unknown::Memory));
        let and = open.binary(Binary::And, &Value::of(0));
        assert_eq!((and.constant(), and.choices[0].unknown.clone()), (Some(0), None));
    }

    #[test]
    fn an_open_condition_leaves_both() {
        let both = Value::open(Unknown::Memory).choose(|| Value::of(0), || Value::of(512));
        assert_eq!(both.choices.len(), 2);
        assert_eq!(Value::of(1).choose(|| Value::of(0), || Value::of(512)).constant(), Some(0));
        assert_eq!(both.cast(8).constant(), Some(0));
    }

    #[test]
    fn what_the_build_decides_is_told_from_what_a_path_does() {
        let builds = || Value::by_build([Value::of(0), Value::of(512)]);
        assert!(builds().is_by_build());
        assert!(builds().binary(Binary::Or, &Value::of(1)).is_by_build());
        assert!(Value::either([builds()]).is_by_build());
        assert!(!Value::by_build([Value::of(1)]).is_by_build());
        assert!(!Value::either([builds(), Value::of(1)]).is_by_build());
        let paths = || Value::either([Value::of(0), Value::of(512)]);
        assert!(!Value::by_build([paths(), Value::of(1)]).is_by_build());
        assert!(!builds().binary(Binary::Or, &paths()).is_by_build());
    }

    #[test]
    fn too_many_choices_end_in_one_that_is_not_known() {
        let many = Value::either((0..40).map(Value::of));
        assert_eq!(many.choices.len(), MOST);
        assert_eq!(many.choices[MOST - 1].unknown, Some(Unknown::TooMuch));
    }

    #[test]
    fn arithmetic_is_c_s() {
        let minus = Value::of(1).unary(Unary::Minus).cast(32);
        assert_eq!(minus.constant(), Some(0xFFFF_FFFF));
        assert_eq!(Value::of(7).binary(Binary::Divide, &Value::of(0)).constant(), None);
        assert_eq!(Value::of(7).binary(Binary::Xor, &Value::of(5)).constant(), Some(2));
        assert_eq!(Value::of(0).unary(Unary::Not).constant(), Some(1));
    }
}
