//! The value of an expression at a place in Rust: constants, variables and parameters looked up.

use super::expression::Expression;
use super::kit::{of_language, returned};
use super::path::Path;
use super::reaching::reaching;
use super::syntax::{Begin, Binding, Function, How, Variables};
use super::world::{Spot, World};
use crate::Span;
use crate::expression::{Binary, Opaque};
use crate::value::{Term, Unknown, Value};
use foldhash::HashSet;
use std::cell::Cell;
use std::ops::Range;
use std::sync::Mutex;

/// What the parameters of a function are, where callers were asked.
pub(crate) type Given = [(Box<str>, Value)];

/// Names that were looked for and are not in what was read.
pub(crate) type Wanted = Mutex<HashSet<Box<str>>>;

/// A place in a file, from which names are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Place<'w, 't> {
    pub(crate) world: &'w World<'t>,
    pub(crate) spot: Spot,
    pub(crate) function: Option<usize>,
    pub(crate) given: &'w Given,
    pub(crate) wanted: &'w Wanted,
    /// What is left of the budget.
    pub(crate) budget: &'w Cell<u32>,
}

/// How many names and operators an evaluation goes through.
pub(crate) const BUDGET: u32 = 20_000;
const DEEPEST: usize = 64;
/// More loops than a function has.
const MOST_LOOPS: usize = 512;
/// More changes of a variable than are told apart.
const MOST_CHANGES: usize = 32;
/// How many bindings and changes of a variable are compared for a part of the budget.
const COMPARED_AT_ONCE: usize = 16;

impl<'w, 't> Place<'w, 't> {
    /// The value of an expression.
    pub(crate) fn value(&self, of: &Expression) -> Value {
        self.inner(of, 0).unwrap_or_else(|| Value::open(Unknown::Text))
    }

    /// None where it does not come back with a value.
    fn inner(&self, of: &Expression, depth: usize) -> Option<Value> {
        let left = self.budget.get();
        if depth > DEEPEST || left == 0 {
            return Some(Value::open(Unknown::TooMuch));
        }
        self.budget.set(left - 1);
        let inner = |of: &Expression| self.inner(of, depth + 1);
        Some(match of {
            Expression::Number(value, range) => Value::term(self.literal(*value, range)),
            Expression::Truth(truth) => Value::of(u64::from(*truth)),
            Expression::Name(path) => self.name(path, depth),
            Expression::Unary(operator, of) => inner(of)?.unary(*operator),
            Expression::Binary(operator, left, right) => {
                inner(left)?.binary(*operator, &inner(right)?)
            }
            Expression::Cast(bits, of) => inner(of)?.cast(*bits),
            Expression::Choice(of) => return self.choice(of, depth),
            Expression::Either(all) => {
                let values: Vec<Value> = all.iter().filter_map(inner).collect();
                if values.is_empty() {
                    return None;
                }
                Value::either(values)
            }
            Expression::Call(name, _) => match returned(name) {
                Some(value) => Value::of(value),
                None => Value::open(Unknown::Call(name.clone())),
            },
            Expression::Never => return None,
            Expression::Opaque(Opaque::Memory) => Value::open(Unknown::Memory),
            Expression::Opaque(Opaque::Text) => Value::open(Unknown::Text),
            Expression::Opaque(Opaque::TooLong) => Value::open(Unknown::TooMuch),
        })
    }

    fn choice(&self, of: &[Expression; 3], depth: usize) -> Option<Value> {
        let [condition, yes, no] = of;
        let condition = match condition {
            // `if a { .. }` with `a` a variable says nothing of what it was made of.
            Expression::Opaque(_) => Value::open(Unknown::Text),
            condition => self.inner(condition, depth + 1)?,
        };
        let (yes, no) = (self.inner(yes, depth + 1), self.inner(no, depth + 1));
        match (yes, no) {
            (Some(yes), Some(no)) => Some(condition.choose(|| yes, || no)),
            (yes, no) => yes.or(no),
        }
    }

    pub(crate) fn span(&self, range: &Range<usize>) -> Option<Span> {
        let file = self.world.files[self.spot.parsed].file;
        (!range.is_empty()).then(|| Span::new(file, range.clone()))
    }

    fn literal(&self, value: u64, range: &Range<usize>) -> Term {
        let span = self.span(range);
        let name = match span.map(|span| self.world.tree.text(span)) {
            Some(written) if !written.is_empty() => written.into(),
            _ => value.to_string().into(),
        };
        Term { span, name, value, by_opt_in: false, path: None }
    }

    fn function(&self) -> Option<&'w Function> {
        let world = self.world;
        world.files[self.spot.parsed].syntax.functions.get(self.function?)
    }

    fn name(&self, path: &Path, depth: usize) -> Value {
        if let ([name], Some(function)) = (&path.segments[..], self.function())
            && let Some(value) = self.variable(function, name, depth)
        {
            return value;
        }
        let resolved = self.world.resolved(self.spot, path);
        let own_type = self.function().and_then(|function| function.owner.as_deref());
        let constants = self.world.constants(self.spot, &resolved, own_type);
        if !constants.is_empty() {
            let values =
                constants.into_iter().map(|(file, index)| self.constant(file, index, depth));
            return Value::either(values);
        }
        if let Some(term) = self.of_kit(path, &resolved) {
            return Value::term(term);
        }
        if let Some(value) = of_language(path) {
            return Value::of(value);
        }
        if let Ok(mut wanted) = self.wanted.lock() {
            wanted.insert(resolved.name().into());
        }
        Value::open(Unknown::Name(path.name().into()))
    }

    fn constant(&self, file: usize, index: usize, depth: usize) -> Value {
        let one = &self.world.files[file].syntax.constants[index];
        if one.is_mutable {
            return Value::open(Unknown::Variable(one.name.clone()));
        }
        let spot = Spot { parsed: file, module: one.module, at: one.at };
        let place = Place { spot, function: None, given: &[], ..*self };
        let value = one.value.as_ref().and_then(|value| place.inner(value, depth + 4));
        let value = value.unwrap_or_else(|| Value::open(Unknown::Name(one.name.clone())));
        if one.behind == 0 { value } else { value.binary(Binary::Add, &Value::of(one.behind)) }
    }

    /// The value of a variable of the function around; none where it has none of that name.
    fn variable(&self, function: &'w Function, name: &str, depth: usize) -> Option<Value> {
        let all = function.variables.get(name)?;
        let cost =
            all.bindings.len() * all.changes.len().max(1) / COMPARED_AT_ONCE + all.changes.len();
        let left = self.budget.get();
        if cost >= left as usize || function.loops.len() > MOST_LOOPS {
            return Some(Value::open(Unknown::TooMuch));
        }
        self.budget.set(left - u32::try_from(cost).unwrap_or(left));
        let mut binding = all.at(self.spot.at, usize::MAX)?;
        let mut values = vec![self.of_binding(function, name, all, binding, depth)];
        // What the build may leave out hides nothing for certain.
        while binding.is_open && values.len() < MOST_CHANGES {
            let Some(before) = all.at(self.spot.at, binding.at) else { break };
            binding = before;
            values.push(self.of_binding(function, name, all, binding, depth));
        }
        Some(Value::either(values))
    }

    fn of_binding(
        &self,
        function: &Function,
        name: &str,
        all: &Variables,
        binding: &Binding,
        depth: usize,
    ) -> Value {
        let open = || Value::open(Unknown::Variable(name.into()));
        let at = |at: usize, of: &Expression| {
            let place = Place { spot: Spot { at, ..self.spot }, ..*self };
            place.inner(of, depth + 4)
        };
        let reaching = reaching(all, binding, &function.loops, self.spot.at);
        if reaching.changes.len() > MOST_CHANGES {
            return Value::open(Unknown::TooMuch);
        }
        let mut values: Vec<Value> = Vec::new();
        let mut gains = Vec::new();
        if reaching.begins {
            values.extend(match &binding.begin {
                Begin::Declared => None,
                Begin::Open => Some(open()),
                Begin::Parameter => Some(self.parameter(name)),
                Begin::Value(of) => at(binding.at, of),
            });
        }
        for (change, is_certain) in reaching.changes {
            match &change.how {
                How::Becomes(of) => values.extend(at(change.at, of)),
                How::Gains(of) => gains.extend(at(change.at, of).map(|gain| (gain, is_certain))),
                How::Changes => values.push(open()),
            }
        }
        if values.is_empty() {
            values.push(open());
        }
        let mut value = Value::either(values);
        for (gain, is_certain) in gains {
            let gained = value.clone().binary(Binary::Or, &gain);
            value = if is_certain { gained } else { Value::either([value, gained]) };
        }
        value
    }

    fn parameter(&self, name: &str) -> Value {
        let given = self.given.iter().find(|(known, _)| **known == *name);
        given.map_or_else(
            || Value::open(Unknown::Parameter(name.into())),
            |(_, value)| value.clone(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::values;

    /// The flags of a single ExAllocatePool2 behind some code.
    fn of(before: &str, flags: &str) -> String {
        values(&format!(
            "fn f(p: bool, q: u32) {{ {before} unsafe {{ ExAllocatePool2({flags}, 8, 1); }} }}"
        ))
    }

    #[test]
    fn constants_are_what_the_kit_says() {
        for (flags, value) in [
            ("POOL_FLAG_NON_PAGED", "0x40"),
            ("wdk_sys::POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_UNINITIALIZED", "0x82"),
            ("u64::from(0x40_u32) | 1 << 1", "0x42"),
            ("(POOL_FLAG_PAGED & !0) as u64", "0x100"),
            ("POOL_FLAG_PAGED.into()", "0x100"),
            ("if p { POOL_FLAG_PAGED } else { POOL_FLAG_NON_PAGED }", "0x100 or 0x40"),
            ("match q { 0 => 0x40, 1 => 0x80, _ => return }", "0x40 or 0x80"),
            ("if cfg!(target_arch = \"x86\") { 0x80 } else { 0x40 }", "0x40"),
            ("self.flags | 0x80", "0x80? it is read from memory"),
            ("core::ptr::null_mut::<u8>() as u64", "0x0"),
            ("None", "0x0"),
            ("u32::MAX as u64", "0xffffffff"),
            ("flags_of(q)", "0x0? `flags_of` returns it"),
            ("SOMETHING", "0x0? nothing here says what `SOMETHING` is"),
        ] {
            assert_eq!(of("", flags), value, "{flags}");
        }
    }

    #[test]
    fn variables_are_what_was_put_in_last() {
        for (before, value) in [
            ("let f = POOL_FLAG_NON_PAGED;", "0x40"),
            ("let f; if p { f = 0x40; } else { f = 0x80; }", "0x40 or 0x80"),
            ("let mut f = 0x80; f = 0x40;", "0x40"),
            ("let mut f = 0x40; f |= 2;", "0x42"),
            ("let mut f = 0x40; if p { f |= 2; }", "0x40 or 0x42"),
            ("let mut f = 0x40; unsafe { f = 0x80; }", "0x80"),
            ("let mut f = 0x40; if p { f = 0x80; }", "0x40 or 0x80"),
            ("let f = 0x40; { let f = 0x80; g(f); }", "0x40"),
            ("let f = 0x40; let f = f | 2;", "0x42"),
            ("let mut f = 0x40; g(&mut f);", "0x40 or 0x0? the variable `f` holds it"),
            ("let mut f = 0x40; f += 0x40;", "0x40 or 0x0? the variable `f` holds it"),
            (
                "#[cfg(feature = \"a\")] let f = 0x40; #[cfg(not(feature = \"a\"))] let f = 0x80;",
                "0x80 or 0x40",
            ),
            ("let mut f = 0x40; #[cfg(feature = \"a\")] { f = 0x80; }", "0x40 or 0x80"),
            ("let f = 0x40; #[cfg(test)] let f = 0x80;", "0x40"),
            ("let (f, g) = h();", "0x0? the variable `f` holds it"),
            ("let Some(f) = h() else { return };", "0x0? the variable `f` holds it"),
        ] {
            assert_eq!(of(before, "f"), value, "{before}");
        }
    }

    #[test]
    fn loops_lead_back() {
        let text =
            "fn f() { let mut f = 0x40; loop { unsafe { ExAllocatePool2(f, 8, 1); } f = 0x80; } }";
        assert_eq!(values(text), "0x40 or 0x80");
        let anew = "fn f() { loop { let mut f = 0x40; unsafe { ExAllocatePool2(f, 8, 1); } f = 0x80; g(f); } }";
        assert_eq!(values(anew), "0x40");
        let closure = "fn f() { let f = 0x80; g(|f| unsafe { ExAllocatePool2(f, 8, 1) }); }";
        assert_eq!(values(closure), "0x0? the variable `f` holds it");
    }

    #[test]
    fn names_of_the_tree_are_followed() {
        for (items, flags, value) in [
            (
                "const FLAGS: POOL_FLAGS = POOL_FLAG_NON_PAGED | MORE; const MORE: u64 = 2;",
                "FLAGS",
                "0x42",
            ),
            ("static FLAGS: u64 = 0x80;", "FLAGS", "0x80"),
            ("static mut FLAGS: u64 = 0x80;", "FLAGS", "0x0? the variable `FLAGS` holds it"),
            (
                "struct P; impl P { const FLAGS: u64 = 0x80; } struct Q; impl Q { const FLAGS: u64 = 0x40; }",
                "P::FLAGS",
                "0x80",
            ),
            ("#[repr(u64)] enum P { Nx = 0x40, Next }", "P::Next as u64", "0x41"),
            ("mod kinds { pub const FLAGS: u64 = 0x80; }", "kinds::FLAGS", "0x80"),
            (
                "const LOOP: u64 = LOOP | 1;",
                "LOOP",
                "0x1? there are more possibilities than are followed",
            ),
            (
                "#[cfg(target_arch = \"x86\")] const F: u64 = 0x80; #[cfg(target_arch = \"x86_64\")] const F: u64 = 0x40;",
                "F",
                "0x40",
            ),
            (
                "#[cfg(feature = \"a\")] const F: u64 = 0x80; #[cfg(not(feature = \"a\"))] const F: u64 = 0x40;",
                "F",
                "0x80 or 0x40",
            ),
        ] {
            let text = format!("{items} fn f() {{ unsafe {{ ExAllocatePool2({flags}, 8, 1); }} }}");
            assert_eq!(values(&text), value, "{items}");
        }
    }
}
