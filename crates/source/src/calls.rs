//! From a call in the source to the DDI that comes of it: through macros, other names and wrappers.

use crate::evaluate::{ASKS_VERSIONS, BUDGET, Place};
use crate::macros::{Body, Macro};
use crate::own::Called;
use crate::syntax::{Call, Manner, Syntax};
use crate::value::{Unknown, Value};
use crate::world::{FunctionId, World};
use crate::{FileId, FileKind, LookedAt, OptIn, Span, dead, pointer, vocabulary};
use foldhash::{HashMap, HashSet, HashSetExt};
use ringfence_ddi::{Ddi, Reach, Role};
use std::cell::Cell;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// A call of a DDI, told where the value was chosen that decides.
#[derive(Clone, Debug)]
pub struct SourceCall {
    /// What is called in the end.
    pub ddi: &'static Ddi,
    /// The call, as it stands where the value was chosen: of the DDI, of a wrapper, or of a macro.
    pub span: Span,
    /// The name that is called there.
    pub callee: Span,
    /// The function around it.
    pub function: Option<String>,
    /// The body of that function.
    pub around: Option<Span>,
    /// One for each parameter of the DDI; those that source does not pass have no span.
    pub arguments: Vec<SourceArgument>,
    /// The ways between `span` and the DDI, outermost first; empty where the DDI itself is called there.
    pub via: Vec<Hop>,
    /// The call of the DDI itself.
    pub innermost: Span,
    /// What `NonPagedPool` means there.
    pub opt_in: OptIn,
    /// Where the pointers that are called were given what they point to.
    pub pointed: Vec<Span>,
    /// Whether something else may be called there instead, as a pointer or a condition has it.
    pub is_maybe: bool,
    /// Whether the arguments may go to something else instead, to which they may mean something else.
    pub shares_arguments: bool,
    /// What becomes of what decides, on the way to the DDI.
    pub looked_at: LookedAt,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub struct SourceArgument {
    /// Where it is written, in the innermost call.
    pub span: Option<Span>,
    /// What it may be.
    pub value: Value,
    /// Whether it has to be put in parentheses before `| x` may stand behind it.
    pub is_loose: bool,
    /// Where it is read from memory: what the variable was last given through which it is read, then what the variable in
    /// that was given, and so on.
    pub read_through: Vec<Span>,
}

impl SourceArgument {
    /// What source does not pass.
    pub(crate) fn not_passed() -> SourceArgument {
        SourceArgument {
            span: None,
            value: Value::open(Unknown::Text),
            is_loose: true,
            read_through: Vec::new(),
        }
    }
}

/// A wrapper or macro on the way to a DDI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Its name.
    pub name: String,
    /// Whether it is a macro.
    pub is_macro: bool,
    /// The call in it that leads on.
    pub span: Span,
}

impl SourceCall {
    /// The argument that decides whether memory is executable, with its role; none where nothing does.
    pub fn deciding(&self) -> Option<(Role, &SourceArgument)> {
        let (index, parameter) = self.ddi.deciding()?;
        Some((parameter.role?, self.arguments.get(usize::from(index))?))
    }

    /// The argument with this role.
    pub fn argument(&self, role: Role) -> Option<&SourceArgument> {
        let (index, _) = self.ddi.parameter(|known| known == role)?;
        self.arguments.get(usize::from(index))
    }

    /// The argument of this name.
    pub fn named(&self, name: &str) -> Option<&SourceArgument> {
        let index = self.ddi.parameters.iter().position(|parameter| parameter.name == name)?;
        self.arguments.get(index)
    }
}

/// A call on the way: of the files that were parsed, and of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallId {
    pub(crate) parsed: usize,
    pub(crate) call: usize,
}

/// Functions that hand a parameter on to what decides, with the calls in them that do.
pub(crate) type Wrappers = HashMap<FunctionId, Vec<CallId>>;

/// What a call comes to.
pub(crate) struct Reached {
    pub(crate) call: SourceCall,
    /// Whether a parameter of the function around decides.
    pub(crate) depends: bool,
}

/// Follows calls.
pub(crate) struct Follower<'w, 't> {
    pub(crate) world: &'w World<'t>,
    pub(crate) wrappers: &'w Wrappers,
    bodies: Mutex<HashMap<(FileId, usize, bool), Arc<Syntax>>>,
}

/// How many macros and wrappers are followed one into another.
const DEEPEST: usize = 8;
/// How many ways a single call is followed, and how many steps are taken on all of them.
const MOST_WAYS: usize = 64;
const MOST_STEPS: u32 = 2_000;

/// What a call passes to templates.
#[derive(Debug, Default)]
pub(crate) struct Passed<'a> {
    /// To that of the function.
    pub(crate) own: Vec<Value>,
    /// The class that the function is one of, as far as the call names it.
    pub(crate) class: Option<&'a str>,
    /// To that of the class.
    pub(crate) of_class: Vec<Value>,
}

/// A call on the way to a DDI.
pub(crate) struct Step<'a> {
    pub(crate) name: &'a str,
    pub(crate) manner: Manner,
    pub(crate) arguments: &'a [SourceArgument],
    /// What is passed to templates.
    pub(crate) template: &'a Passed<'a>,
    pub(crate) span: Span,
    pub(crate) via: &'a [Hop],
    /// Whether the name stands behind that of a namespace.
    pub(crate) is_scoped: bool,
    /// How many steps are left on all ways.
    pub(crate) left: &'a Cell<u32>,
}

impl<'w, 't> Follower<'w, 't> {
    pub(crate) fn new(world: &'w World<'t>, wrappers: &'w Wrappers) -> Follower<'w, 't> {
        Follower { world, wrappers, bodies: Mutex::default() }
    }

    /// What a call of one of the parsed files comes to.
    pub(crate) fn reach(&self, id: CallId) -> Vec<Reached> {
        let parsed = &self.world.parsed[id.parsed];
        let call = &parsed.syntax.calls[id.call];
        let budget = Cell::new(BUDGET);
        let place = Place {
            world: self.world,
            parsed: id.parsed,
            function: call.function,
            at: call.callee.start,
            given: &[],
            macro_given: &[],
            budget: &budget,
            asks_start: true,
            asks_versions: ASKS_VERSIONS,
            only_constants: false,
        };
        // What lies behind where a name points is nothing that is known by the name.
        let is_other = call.manner == Manner::Behind || place.is_of_result(call);
        if is_other
            || place.is_dead()
            || place.is_for_older_windows()
            || self.world.is_text(id.parsed, call)
        {
            return Vec::new();
        }
        let span = Span::new(parsed.file, call.whole.clone());
        let name = self.world.text(id.parsed, &call.callee);
        let mut found = Vec::new();
        let left = Cell::new(MOST_STEPS);
        if let Some(ddi) = pointer::called_at_once(self.world, id.parsed, call) {
            let arguments = self.arguments(&place, call, parsed.file);
            let (manner, arguments, template) = (call.manner, &*arguments, &Passed::default());
            let (is_scoped, via, left) = (call.is_scoped, &[][..], &left);
            let step = Step { name, manner, arguments, template, span, via, is_scoped, left };
            let mut reached = self.of_ddi(&place, ddi, &step);
            reached.call.pointed.push(Span::new(parsed.file, call.callee.clone()));
            found.push(reached);
        } else if !self.through_text(&place, call, (parsed.file, &[], &left), 0, &mut found) {
            let arguments = self.arguments(&place, call, parsed.file);
            let template = self.passed(&place, call, parsed.file);
            let (manner, arguments, template) = (call.manner, &*arguments, &template);
            let (is_scoped, via, left) = (call.is_scoped, &[][..], &left);
            let step = Step { name, manner, arguments, template, span, via, is_scoped, left };
            self.follow(&place, step, 0, &mut found);
        }
        if left.get() == 0 {
            let known = found.first().map(|one| one.call.ddi);
            let ddi = known.or_else(|| self.led_to(id.parsed, name));
            found.extend(ddi.map(|ddi| self.too_much(&place, ddi, span, &left)));
        }
        let around = call.function.map(|function| &parsed.syntax.functions[function]);
        let function = around.map(|function| self.world.text(id.parsed, &function.name).to_owned());
        let around = around.map(|function| Span::new(parsed.file, function.body.clone()));
        let callee = Span::new(parsed.file, call.callee.clone());
        for reached in &mut found {
            let looked_at = self.looked_at(&place, call, parsed.file, reached);
            let is_chosen = call.is_chosen;
            let call = &mut reached.call;
            call.looked_at = looked_at;
            call.function.clone_from(&function);
            (call.span, call.callee, call.around) = (span, callee, around);
            call.is_maybe |= is_chosen;
            call.shares_arguments |= is_chosen && self.is_for_others(id, call.ddi);
            chosen_in_macro(call);
            reached.depends =
                call.deciding().is_some_and(|(_, argument)| argument.value.depends_on_parameter());
        }
        found
    }

    /// Whether a condition may choose something else for a call than what takes the argument that decides about a DDI as
    /// that does.
    fn is_for_others(&self, id: CallId, ddi: &Ddi) -> bool {
        let syntax = &self.world.parsed[id.parsed].syntax;
        let whole = &syntax.calls[id.call].whole;
        let mut arms = syntax.calls.iter().filter(|one| one.is_chosen && one.whole == *whole);
        let decides = |ddi: &Ddi| ddi.deciding().map(|(index, parameter)| (index, parameter.role));
        let takes_it = |one: &Call| {
            let other = vocabulary::function(self.world.text(id.parsed, &one.callee));
            other.is_some_and(|other| decides(other) == decides(ddi))
        };
        let all = arms.clone().count();
        all < 2 || !arms.all(takes_it)
    }

    /// A call of a DDI of which more ways than are followed lead to it.
    fn too_much(
        &self,
        place: &Place<'_, 't>,
        ddi: &'static Ddi,
        span: Span,
        left: &Cell<u32>,
    ) -> Reached {
        let argument =
            SourceArgument { value: Value::open(Unknown::TooMuch), ..SourceArgument::not_passed() };
        let arguments = vec![argument; ddi.parameters.len()];
        let (manner, arguments) = (Manner::Plain, &arguments);
        let (template, via, is_scoped) = (&Passed::default(), &[][..], false);
        let step = Step { name: "", manner, arguments, template, span, via, is_scoped, left };
        self.of_ddi(place, ddi, &step)
    }

    /// A DDI that wrappers of that name lead to.
    pub(crate) fn led_to(&self, parsed: usize, name: &str) -> Option<&'static Ddi> {
        let mut seen: HashSet<FunctionId> = HashSet::new();
        let mut open = self.world.called(parsed, name);
        while let Some(id) = open.pop() {
            for call in self.wrappers.get(&id).filter(|_| seen.insert(id)).into_iter().flatten() {
                let syntax = &self.world.parsed[call.parsed].syntax;
                let one = &syntax.calls[call.call];
                let name = self.world.text(call.parsed, &one.callee);
                let is_own = self.world.called_ddi(call.parsed, one) == Called::Own;
                match vocabulary::function(name).filter(|_| !is_own) {
                    Some(ddi) => return Some(ddi),
                    None => open.extend(self.world.called(call.parsed, name)),
                }
            }
        }
        None
    }

    /// What a call of a pointer comes to; whether the name may be that of one.
    pub(crate) fn through_pointer(
        &self,
        place: &Place<'_, 't>,
        name: &str,
        step: &Step<'_>,
        depth: usize,
        found: &mut Vec<Reached>,
    ) -> bool {
        let Some(pointed) = place.pointed(name, step.manner) else { return false };
        let mut all = Vec::new();
        for one in &pointed.functions {
            let is_here = (one.parsed, one.function) == (place.parsed, place.function);
            let given = if is_here { place.given } else { &[] };
            let (parsed, function) = (one.parsed, one.function);
            let at = Place { parsed, function, at: one.at, given, ..*place };
            let mut reached = Vec::new();
            let manner = Manner::Plain;
            let step = Step { name: one.name, manner, is_scoped: false, ..*step };
            self.follow(&at, step, depth + 1, &mut reached);
            for reached in &mut reached {
                reached.call.pointed.insert(0, one.given);
                reached.call.is_maybe |= pointed.is_several;
            }
            all.append(&mut reached);
        }
        // A member of the same name may be another function's.
        let takes = |ddi: &Ddi| ddi.parameters.len() - vocabulary::hidden_parameters(ddi);
        all.retain(|one| !one.call.via.is_empty() || takes(one.call.ddi) == step.arguments.len());
        all.iter_mut().for_each(|one| one.call.opt_in = place.opt_in().into_owned());
        found.append(&mut all);
        true
    }

    fn arguments(&self, place: &Place<'_, 't>, call: &Call, file: FileId) -> Vec<SourceArgument> {
        let argument = |range: &Range<usize>| {
            let value = place.value_in(file, range.clone());
            SourceArgument {
                span: Some(Span::new(file, range.clone())),
                is_loose: place.is_loose(file, range.clone()),
                read_through: place.read_through(file, range.clone(), &value),
                value,
            }
        };
        call.arguments.iter().map(argument).collect()
    }

    fn follow(
        &self,
        place: &Place<'_, 't>,
        step: Step<'_>,
        depth: usize,
        found: &mut Vec<Reached>,
    ) {
        if depth > DEEPEST {
            return;
        }
        if !takes_step(step.left, found) {
            return;
        }
        let parsed = &self.world.parsed[place.parsed];
        let meanings = parsed.unit.meanings(step.name, parsed.time(place.at));
        for one in &meanings.macros {
            self.through_macro(place, one, &step, depth, found);
        }
        if meanings.macros.is_empty() || meanings.maybe_undefined {
            let name = step.manner.operator().unwrap_or(step.name);
            let is_it = |ddi: &&Ddi| {
                is_called_so(ddi, step.manner)
                    && vocabulary::before_arguments(ddi, step.arguments.len()).is_some()
            };
            match vocabulary::function(name).filter(is_it) {
                Some(ddi) => self.of_name(place, ddi, &step, depth, found),
                None if self.through_pointer(place, name, &step, depth, found) => {}
                None if self.through_kit_body(place, &step, found).is_some() => {}
                // Where nobody defines it, the kit does.
                None if step.manner.operator().is_some()
                    && self.world.called(place.parsed, name).is_empty() =>
                {
                    self.through_kit_new(place, &step, found)
                }
                None => self.through_function(place, name, &step, depth, found),
            }
        }
    }

    /// A call of a DDI's name, which may be that of a function of the tree.
    pub(crate) fn of_name(
        &self,
        place: &Place<'_, 't>,
        ddi: &'static Ddi,
        step: &Step<'_>,
        depth: usize,
        found: &mut Vec<Reached>,
    ) {
        let called = place.called_ddi(step.name, step);
        if called != Called::Own {
            let mut reached = self.of_ddi(place, ddi, step);
            reached.call.is_maybe |= called == Called::Either;
            reached.call.shares_arguments |= called == Called::Either;
            found.push(reached);
        }
        if called != Called::Ddi {
            self.through_function(place, step.name, step, depth, found);
        }
    }

    pub(crate) fn of_ddi(
        &self,
        place: &Place<'_, 't>,
        ddi: &'static Ddi,
        step: &Step<'_>,
    ) -> Reached {
        let hidden = vocabulary::before_arguments(ddi, step.arguments.len()).unwrap_or(0);
        let argument = |index: usize| {
            let passed = index.checked_sub(hidden).and_then(|index| step.arguments.get(index));
            passed.cloned().unwrap_or_else(SourceArgument::not_passed)
        };
        let call = SourceCall {
            ddi,
            span: step.span,
            callee: step.span,
            function: None,
            around: None,
            arguments: (0..ddi.parameters.len()).map(argument).collect(),
            via: step.via.to_vec(),
            innermost: step.span,
            opt_in: place.opt_in().into_owned(),
            pointed: Vec::new(),
            is_maybe: false,
            shares_arguments: false,
            looked_at: LookedAt::No,
        };
        Reached { call, depends: false }
    }

    fn through_macro(
        &self,
        place: &Place<'_, 't>,
        one: &Macro<'t>,
        step: &Step<'_>,
        depth: usize,
        found: &mut Vec<Reached>,
    ) {
        if one.parameters.is_none() {
            // Another name for the same thing.
            let text = one.text(self.world.tree).trim().trim_matches(['(', ')']).trim();
            if text.bytes().all(crate::lex::is_word) {
                if !text.is_empty() && text != step.name {
                    self.follow(place, Step { name: text, ..*step }, depth + 1, found);
                }
                return;
            }
        }
        let parameters = one.parameters.as_deref().unwrap_or_default();
        let Body::Written(file, range) = &one.body else { return };
        let given: Vec<_> = parameters
            .iter()
            .zip(step.arguments)
            .map(|(name, argument)| (*name, argument.value.clone()))
            .collect();
        let inner = Place { macro_given: &given, ..*place };
        let kind = self.world.parsed[place.parsed].kind(self.world.tree);
        let body = self.body(*file, range.clone(), kind);
        let constant = Place { only_constants: true, ..inner };
        let truth = |of: &Range<usize>| constant.value_in(*file, of.clone()).truth();
        let dead = dead::by_conditions(&body, &truth);
        let runs = |call: &&Call| !dead.iter().any(|range| range.contains(&call.callee.start));
        for call in body.calls.iter().filter(runs) {
            let name = self.world.tree.text(Span::new(*file, call.callee.clone()));
            // The macro's own name is the function there.
            let is_own = name == step.name;
            let arguments = self.arguments(&inner, call, *file);
            let span = Span::new(*file, call.whole.clone());
            let hop = Hop { name: step.name.to_owned(), is_macro: true, span };
            let via: Vec<_> = step.via.iter().cloned().chain([hop]).collect();
            let template = self.passed(&inner, call, *file);
            let (manner, arguments, template) = (call.manner, &*arguments, &template);
            let (via, is_scoped, left) = (&*via, call.is_scoped, step.left);
            let next = Step { name, manner, arguments, template, span, via, is_scoped, left };
            match vocabulary::function(name).filter(|_| is_own) {
                Some(ddi) => self.of_name(place, ddi, &next, depth, found),
                None if is_own => {}
                None => self.follow(&inner, next, depth + 1, found),
            }
        }
    }

    /// The calls in the body of a macro, with ranges of its file.
    fn body(&self, file: FileId, range: Range<usize>, kind: FileKind) -> Arc<Syntax> {
        let key = (file, range.start, kind == FileKind::Cpp);
        if let Some(known) = self.bodies.lock().ok().and_then(|bodies| bodies.get(&key).cloned()) {
            return known;
        }
        let syntax = Arc::new(body_syntax(
            self.world.tree.text(Span::new(file, range.clone())),
            range.start,
            kind,
        ));
        if let Ok(mut bodies) = self.bodies.lock() {
            bodies.insert(key, Arc::clone(&syntax));
        }
        syntax
    }

    pub(crate) fn through_function(
        &self,
        place: &Place<'_, 't>,
        name: &str,
        step: &Step<'_>,
        depth: usize,
        found: &mut Vec<Reached>,
    ) {
        if self.wrappers.is_empty() || place.names_no_function(name, step.manner) {
            return;
        }
        // `new (a, b) T` passes the size first.
        let skipped = usize::from(step.manner.operator().is_some());
        let takes = |id: &FunctionId| {
            self.world.parsed[id.parsed].syntax.functions[id.function].parameters.len()
        };
        let mut called = self.world.called(place.parsed, name);
        // Of overloads it is the one that takes so many.
        if called.iter().any(|id| takes(id) == step.arguments.len() + skipped) {
            called.retain(|id| takes(id) == step.arguments.len() + skipped);
        }
        self.keep_of_class(&mut called, step.template);
        let is_special = self.is_any_special(&called)
            || self.is_class_special(&called, step)
            || called.iter().any(|id| self.wrappers.contains_key(id))
                && place.may_name_other(&called, step);
        let first = found.len();
        for id in called {
            let Some(calls) = self.wrappers.get(&id) else { continue };
            let parsed = &self.world.parsed[id.parsed];
            let given = self.given(place, id, step, skipped);
            for inner in calls {
                let call = &parsed.syntax.calls[inner.call];
                let place = Place {
                    parsed: id.parsed,
                    function: Some(id.function),
                    at: call.callee.start,
                    given: &given,
                    macro_given: &[],
                    ..*place
                };
                let span = Span::new(parsed.file, call.whole.clone());
                let hop = Hop { name: name.to_owned(), is_macro: false, span };
                let via: Vec<_> = step.via.iter().cloned().chain([hop]).collect();
                if depth > DEEPEST
                    || place.is_for_older_windows()
                    || self.through_text(
                        &place,
                        call,
                        (parsed.file, &via, step.left),
                        depth + 1,
                        found,
                    )
                {
                    continue;
                }
                let arguments = self.arguments(&place, call, parsed.file);
                let name = self.world.text(id.parsed, &call.callee);
                let template = self.passed(&place, call, parsed.file);
                let (manner, arguments, template) = (call.manner, &*arguments, &template);
                let (via, is_scoped, left) = (&*via, call.is_scoped, step.left);
                let next = Step { name, manner, arguments, template, span, via, is_scoped, left };
                self.follow(&place, next, depth + 1, found);
            }
        }
        for reached in &mut found[first..] {
            reached.call.is_maybe |= is_special;
        }
    }

    /// What a call passes to templates.
    fn passed(&self, place: &Place<'_, 't>, call: &Call, file: FileId) -> Passed<'t> {
        let value = |range: &Range<usize>| place.value_in(file, range.clone());
        let class = call.class.as_ref();
        Passed {
            own: call.template.iter().map(value).collect(),
            class: class.map(|(name, _)| self.world.tree.text(Span::new(file, name.clone()))),
            of_class: class.into_iter().flat_map(|(_, all)| all).map(value).collect(),
        }
    }

    /// Whether one of some functions is what a template is for certain arguments only: `template <> void F<A>() { … }`.
    fn is_any_special(&self, all: &[FunctionId]) -> bool {
        all.iter().any(|id| {
            let parsed = &self.world.parsed[id.parsed];
            let end = parsed.syntax.functions[id.function].name.end;
            let text = self.world.tree.file(parsed.file).text.as_str();
            text.get(end..).is_some_and(|behind| behind.trim_start().starts_with('<'))
        })
    }
}

/// Takes one of the steps that are left; whether there was one, and there is room for what comes of it.
pub(crate) fn takes_step(left: &Cell<u32>, found: &[Reached]) -> bool {
    let is_left = found.len() < MOST_WAYS && left.get() > 0;
    left.set(if is_left { left.get() - 1 } else { 0 });
    is_left
}

/// Whether a DDI is called in that manner: slots of interfaces are members, all else is not.
fn is_called_so(ddi: &Ddi, manner: Manner) -> bool {
    matches!(ddi.reach, Reach::Interface { .. }) == (manner == Manner::Member)
}

/// Moves a call to the macro in which its value was chosen, if it was: there it is the same for every use.
fn chosen_in_macro(call: &mut SourceCall) {
    let Some((_, argument)) = call.deciding() else { return };
    let terms = || argument.value.choices.iter().flat_map(|choice| &choice.terms);
    let is_known = argument.value.choices.iter().all(|choice| choice.unknown.is_none());
    let within = |hop: &Hop| {
        let inside = |span: &Span| {
            span.file == hop.span.file && hop.span.range().contains(&(span.start as usize))
        };
        hop.is_macro && terms().all(|term| term.span.as_ref().is_some_and(inside))
    };
    let Some(index) =
        call.via.iter().rposition(within).filter(|_| is_known && terms().next().is_some())
    else {
        return;
    };
    // From there on it is the same; what led there are uses.
    let hop = call.via[index].clone();
    if call.via[..index].iter().all(|hop| hop.is_macro) {
        call.via.drain(..=index);
        (call.span, call.callee) = (hop.span, hop.span);
    }
}

/// The calls in the body of a macro that begins at byte `start` of its file and is used in a file of that kind.
pub(crate) fn body_syntax(body: &str, start: usize, kind: FileKind) -> Syntax {
    const HEAD: &str = "void f(){";
    let mut text = format!("{HEAD}{body};}}").into_bytes();
    // The joined lines of a macro are one to a parser.
    for at in memchr::memchr_iter(b'\\', &text.clone()) {
        text[at] = b' ';
    }
    let blanked = crate::blank::Blanked::plain(text);
    // Macros are plain C, but for the operators that allocate.
    let is_new = kind == FileKind::Cpp && memchr::memmem::find(body.as_bytes(), b"new").is_some();
    let kind = if is_new { FileKind::Cpp } else { FileKind::C };
    let mut syntax = crate::syntax::syntax(blanked, kind, &[]);
    let moved = |range: &Range<usize>| {
        let by = |at: usize| (at + start).saturating_sub(HEAD.len());
        by(range.start)..by(range.end)
    };
    for fork in syntax.functions.iter_mut().flat_map(|function| &mut function.forks) {
        fork.each_range(&mut |range| *range = moved(range));
    }
    for call in &mut syntax.calls {
        call.callee = moved(&call.callee);
        call.whole = moved(&call.whole);
        call.arguments.iter_mut().for_each(|argument| *argument = moved(argument));
        call.function = None;
    }
    syntax
}
