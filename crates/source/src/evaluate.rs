//! The value of an expression at a place: macros, constants, variables and parameters looked up.

use crate::entry::{self, Before};
use crate::expression::{Binary, Expression, Opaque};
use crate::opt_in::Initialised;
use crate::syntax::{Happens, Turn, Variable};
use crate::value::{Term, Unknown, Value};
use crate::world::{FunctionId, World};
use crate::{FileId, OptIn, Span, target, vocabulary, windows_version};
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

/// What names are bound to by a call: the parameters of a macro, or of a function.
pub(crate) type Bindings<'b> = [(&'b str, Value)];

/// A place in a file, from which names are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Place<'w, 't> {
    pub(crate) world: &'w World<'t>,
    pub(crate) parsed: usize,
    pub(crate) function: Option<usize>,
    /// The byte of the file.
    pub(crate) at: usize,
    /// What the parameters of the function are, where callers were asked.
    pub(crate) given: &'w Bindings<'w>,
    /// What the parameters of the macro are whose body this is.
    pub(crate) macro_given: &'w Bindings<'w>,
    /// What is left of the budget.
    pub(crate) budget: &'w Cell<u32>,
    /// Whether it may be looked at what a driver does first when it starts: not while that is being looked at.
    pub(crate) asks_start: bool,
    /// How many times more it may be asked, on the way to an answer, which versions of Windows code is for: what decides
    /// about that may be a variable that a function sets under such a condition, and so on.
    pub(crate) asks_versions: u8,
    /// Whether names count only for what they are in every build and at all times: no variable that may change does.
    pub(crate) only_constants: bool,
}

/// How many names and operators an evaluation goes through.
pub(crate) const BUDGET: u32 = 20_000;
/// With what a place begins.
pub(crate) const ASKS_VERSIONS: u8 = 3;
const DEEPEST: usize = 40;

impl<'w, 't> Place<'w, 't> {
    pub(crate) fn value(&self, of: &Expression, depth: usize) -> Value {
        let left = self.budget.get();
        if depth > DEEPEST || left == 0 {
            return Value::open(Unknown::TooMuch);
        }
        self.budget.set(left - 1);
        let inner = |of: &Expression| self.value(of, depth + 1);
        match of {
            Expression::Number(value, span) => Value::term(self.literal(*value, *span)),
            Expression::Name(name, span) => self.name(name, *span, depth),
            Expression::Unary(operator, of) => inner(of).unary(*operator),
            Expression::Binary(operator, left, right) => {
                let of_left = inner(left);
                of_left.binary(*operator, &inner(right))
            }
            Expression::Choice(of) => {
                let condition = inner(&of[0]);
                match condition.truth() {
                    None if self.only_constants => Value::either([inner(&of[1]), inner(&of[2])]),
                    None => {
                        self.world.ask_for_functions(&condition);
                        self.chosen(of, depth)
                    }
                    Some(_) => condition.choose(|| inner(&of[1]), || inner(&of[2])),
                }
            }
            Expression::Cast(bits, of) => inner(of).cast(*bits),
            Expression::Call(..) | Expression::Part(..) | Expression::Pointed(_)
                if self.only_constants =>
            {
                Value::open(Unknown::Memory)
            }
            Expression::Call(name, arguments, _) => self.call(name, arguments, depth),
            Expression::Part(name, steps) => self.part(name, steps, depth),
            Expression::Pointed(name) => self.version_at(name),
            Expression::Opaque(Opaque::Memory) => Value::open(Unknown::Memory),
            Expression::Opaque(Opaque::Text) => Value::open(Unknown::Text),
            Expression::Opaque(Opaque::TooLong) => Value::open(Unknown::TooMuch),
        }
    }

    fn literal(&self, value: u64, span: Span) -> Term {
        let written = self.world.tree.text(span);
        let name = if written.is_empty() { value.to_string().into() } else { written.into() };
        Term { span: written_at(span), name, value, by_opt_in: false, path: Some("".into()) }
    }

    fn name(&self, name: &str, span: Span, depth: usize) -> Value {
        if let Some((_, value)) = self.macro_given.iter().find(|(known, _)| *known == name) {
            return value.clone();
        }
        if self.only_constants {
            return self.constant_name(name, depth);
        }
        if let Some(value) = self.local(name, depth) {
            return value;
        }
        self.plain_name(name, span, depth)
    }

    /// What a name is that is no macro and no local variable.
    fn plain_name(&self, name: &str, span: Span, depth: usize) -> Value {
        if let Some(value) = vocabulary::constant(name) {
            return self.constant(name, value, span);
        }
        if let Some(value) = self.own_member(name, depth) {
            return value;
        }
        if let Some(all) = self.world.enumerators.get(name) {
            return Value::either(
                all.iter().map(|&(parsed, index)| self.enumerator(parsed, index, depth)),
            );
        }
        if let Some(version) = target::version(name) {
            return Value::of(version);
        }
        self.world.ask(name);
        match self.world.globals.get(name) {
            Some(events) => self.global(name, events, depth),
            None => {
                self.version_named(name).unwrap_or_else(|| Value::open(Unknown::Name(name.into())))
            }
        }
    }

    /// A constant of the kit, with what an opt-in makes of it.
    fn constant(&self, name: &str, value: u64, span: Span) -> Value {
        let by_opt_in = vocabulary::is_opted_in(name);
        let term = |value| {
            let (span, name) = (written_at(span), name.into());
            Value::term(Term { span, name, value, by_opt_in, path: Some("".into()) })
        };
        if !by_opt_in {
            return term(value);
        }
        const NX: u64 = 0x200;
        let opt_in = self.opt_in();
        match opt_in.adds() {
            Some(true) => term(value | NX),
            Some(false) => term(value),
            None if opt_in.is_by_build() => Value::by_build([term(value), term(value | NX)]),
            None if matches!(&*opt_in, OptIn::Runtime(one) if one.is_unproven()) => {
                Value::either([term(value), term(value | NX)])
            }
            None => Value::open(Unknown::OptIn),
        }
    }

    /// What `NonPagedPool` means here.
    pub(crate) fn opt_in(&self) -> Cow<'w, OptIn> {
        let said = &self.world.parsed[self.parsed].opt_in;
        let is_unproven = matches!(said, OptIn::Runtime(one) if one.is_unproven());
        let is_made = is_unproven
            || matches!(
                said,
                OptIn::Runtime(Initialised::InEntry(_) | Initialised::InHelper { .. })
            );
        let here = self.function.filter(|_| is_made);
        let here = here.map(|function| FunctionId { parsed: self.parsed, function });
        let early = here.and_then(|here| self.world.early.get(&here));
        Cow::Owned(OptIn::Runtime(match early.and_then(|all| entry::before(all, self)) {
            Some((Before::Never, call)) => Initialised::Later(call),
            Some((Before::Sometimes, call)) if said.is_by_build() => Initialised::ByBuild(call),
            Some((Before::Sometimes, call)) => Initialised::Unproven(call),
            Some((Before::Always, call)) if is_unproven => Initialised::InEntry(call),
            _ => return Cow::Borrowed(said),
        }))
    }

    pub(crate) fn enumerator(&self, parsed: usize, index: usize, depth: usize) -> Value {
        let one = &self.world.parsed[parsed].syntax.enumerators[index];
        let place = Place {
            parsed,
            function: None,
            at: one.name.start,
            given: &[],
            macro_given: &[],
            ..*self
        };
        let start = match &one.value {
            Some(value) => {
                place.value_at_depth(self.world.parsed[parsed].file, value.clone(), depth + 4)
            }
            None => Value::of(0),
        };
        if one.behind == 0 { start } else { start.binary(Binary::Add, &Value::of(one.behind)) }
    }

    fn call(&self, name: &str, arguments: &[Expression], depth: usize) -> Value {
        if matches!(name, "NtCurrentProcess" | "ZwCurrentProcess" | "NtCurrentThread")
            && arguments.is_empty()
        {
            return Value::of(u64::MAX);
        }
        // The kernel runs with write protection on.
        if name == "__readcr0" && arguments.is_empty() {
            return Value::with_ones(vocabulary::CR0_WP, Unknown::Call(name.into()));
        }
        let returned = self.returned(name, arguments, depth);
        let is_decided = returned.as_ref().is_some_and(|value| value.truth().is_some());
        if !is_decided && windows_version::answers(name) {
            // The tree may have a function of that name that says otherwise.
            self.world.ask(name);
            let arguments: Vec<Value> =
                arguments.iter().map(|one| self.value(one, depth + 4)).collect();
            if windows_version::is_there(name, &arguments) {
                return Value::of(1);
            }
            if let Some(value) = windows_version::succeeds(name, &arguments) {
                return value;
            }
        }
        let returned = returned.or_else(|| self.flag_on(name, arguments, depth));
        returned.unwrap_or_else(|| Value::open(Unknown::Call(name.into())))
    }

    /// What the kit's macros make of flags, where the tree has nothing of their names.
    fn flag_on(&self, name: &str, arguments: &[Expression], depth: usize) -> Option<Value> {
        let [of, flags] = arguments else { return None };
        let is_asked = match name {
            "FlagOn" => false,
            "BooleanFlagOn" => true,
            _ => return None,
        };
        // The tree may have a function of that name that was not read yet.
        self.world.ask(name);
        let value = |one| self.value(one, depth + 4);
        let flags = value(of).binary(Binary::And, &value(flags));
        Some(if is_asked { flags.binary(Binary::NotEqual, &Value::of(0)) } else { flags })
    }

    /// The value of a variable or a parameter of the function around; none where it has none of that name.
    pub(crate) fn local(&self, name: &str, depth: usize) -> Option<Value> {
        let index = self.function?;
        let function = &self.world.parsed[self.parsed].syntax.functions[index];
        let text = |range: &Range<usize>| self.world.text(self.parsed, range);
        let shadows = |(whole, parameters): &(Range<usize>, Vec<Range<usize>>)| {
            whole.contains(&self.at) && parameters.iter().any(|one| text(one) == name)
        };
        if function.lambdas.iter().any(shadows) {
            return Some(self.lambda_parameter(name, depth));
        }
        let local = self.reaching(name)?;
        let begin = local.is_given.then(|| {
            let given = self.given.iter().find(|(known, _)| *known == name);
            given.map_or_else(
                || Value::open(Unknown::Parameter(name.into())),
                |(_, value)| value.clone(),
            )
        });
        if local.is_loose {
            return Some(self.history(name, begin, local.events, depth));
        }
        let each: Vec<Value> =
            local.events.iter().map(|event| self.after(name, event, depth)).collect();
        let mut values = self.narrowed(name, &local, begin, each, depth);
        if function.hidden.iter().any(|one| **one == *name) {
            values.push(Value::open(Unknown::Variable(name.into())));
        }
        Some(match values.is_empty() {
            true => Value::open(Unknown::Variable(name.into())),
            false => Value::either(values),
        })
    }

    /// The value of a variable after something happened to it.
    fn after(&self, name: &str, event: &Variable, depth: usize) -> Value {
        let place = Place { at: event.name.start, ..*self };
        let open = || Value::open(Unknown::Variable(name.into()));
        let before = |with: &dyn Fn(Value, &Value) -> Value, range| {
            let before = match depth < DEEPEST {
                true => place.local(name, depth + 4).unwrap_or_else(open),
                false => Value::open(Unknown::TooMuch),
            };
            if before.is_never() {
                return before;
            }
            with(before, &place.ranged(range, depth))
        };
        let by = |operator| move |before: Value, with: &Value| before.binary(operator, with);
        match &event.happens {
            Happens::Begins(range) | Happens::Becomes(range) => place.ranged(range, depth),
            Happens::Gains(range) => before(&by(Binary::Or), range),
            Happens::Keeps(range) => before(&by(Binary::And), range),
            Happens::Turns(Turn::To(None), _) => open(),
            Happens::Turns(turn, range) => before(&|before, with| turn.turned(before, with), range),
            Happens::Told(least) => Value::open(Unknown::Windows(*least)),
            Happens::Declared | Happens::Changes => open(),
        }
    }

    /// The value of a variable to which `events` happen, in any order.
    fn history(
        &self,
        name: &str,
        begin: Option<Value>,
        events: Vec<&Variable>,
        depth: usize,
    ) -> Value {
        let mut values: Vec<Value> = begin.into_iter().collect();
        let mut gains = Vec::new();
        for event in events {
            let place = Place { at: event.name.start, ..*self };
            match &event.happens {
                // Whether the zero that it begins as is still there is not followed.
                Happens::Declared if event.is_static => {
                    values.push(Value::open(Unknown::Variable(name.into())))
                }
                Happens::Declared => {}
                Happens::Begins(range) | Happens::Becomes(range) => {
                    values.push(place.ranged(range, depth))
                }
                Happens::Gains(range) => gains.push((Binary::Or, place.ranged(range, depth))),
                Happens::Keeps(range) => gains.push((Binary::And, place.ranged(range, depth))),
                Happens::Told(least) => values.push(Value::open(Unknown::Windows(*least))),
                Happens::Turns(..) | Happens::Changes => {
                    values.push(Value::open(Unknown::Variable(name.into())));
                }
            }
        }
        Value::gained(name, values, gains)
    }

    pub(crate) fn ranged(&self, range: &Range<usize>, depth: usize) -> Value {
        let file = self.world.parsed[self.parsed].file;
        Place { macro_given: &[], ..*self }.value_at_depth(file, range.clone(), depth + 4)
    }
}

/// What may have happened to a variable when code at a byte runs.
pub(crate) struct Reaching<'v> {
    pub(crate) events: Vec<&'v Variable>,
    /// Whether it may still be as it was when the function began.
    pub(crate) begins: bool,
}

/// The events of one variable, in the order of the text, that may be the last before the byte `at`.
///
/// The last one whose block is around the place ends what was before it. What comes behind the place counts where a loop
/// leads back to it, unless that event lies between.
pub(crate) fn reaching<'v>(
    events: &[&'v Variable],
    loops: &[Range<usize>],
    at: usize,
) -> Reaching<'v> {
    let is_set = |one: &Variable| {
        matches!(one.happens, Happens::Begins(_) | Happens::Becomes(_) | Happens::Told(_))
    };
    let before = |one: &Variable| one.name.start < at;
    let settles = |one: &&&Variable| before(one) && is_set(one) && one.block.contains(&at);
    let settled = events.iter().rev().find(settles).map(|one| one.name.start);
    let from = settled.unwrap_or(0);
    let leads_back = |one: &Variable| {
        loops.iter().any(|range| {
            range.contains(&at) && range.contains(&one.name.start) && range.start > from
        }) || settled.is_none()
            && loops.iter().any(|range| range.contains(&at) && range.contains(&one.name.start))
    };
    let reaches =
        |one: &&&Variable| one.name.start >= from && before(one) || !before(one) && leads_back(one);
    Reaching { events: events.iter().filter(reaches).copied().collect(), begins: settled.is_none() }
}

fn written_at(span: Span) -> Option<Span> {
    (span.file != FileId::NONE).then_some(span)
}
