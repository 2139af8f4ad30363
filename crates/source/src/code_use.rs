//! What is plainly done to functions of the tree, and with memory that is run: no more than names say.

pub(crate) mod held;
pub(crate) mod kept;
mod kernel;
mod named;
mod pointing;
#[cfg(test)]
mod tests;

use crate::FEW_FILES;
use crate::Span;
use crate::evaluate::reaching;
use crate::lex::{Kind, Token, tokens};
use crate::own::Called;
use crate::syntax::{Call, Function, Happens, Manner, Variable};
use crate::vocabulary;
use crate::world::{FunctionId, World, declares};
use kept::Kept;
pub(crate) use kernel::is_function as is_of_kernel;
pub(crate) use named::may_use;
use pointing::{Pointing, only_name, through};
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Something that is done to code, or with memory that becomes code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUse {
    /// What is done.
    pub kind: CodeUseKind,
    /// Where: the argument, the target of the store, or the call.
    pub span: Span,
    /// The function around it.
    pub function: Option<String>,
    /// The function that it is done to, or the variable that is called.
    pub name: String,
    /// Where that function is defined, or where the variable is given its values.
    pub from: Vec<Span>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeUseKind {
    /// The function is written to: by a function of this name, or by a store.
    Written(Option<String>),
    /// Likewise, and it is one of the kernel.
    KernelWritten(Option<String>),
    /// An MDL is made for the function, by this DDI.
    Described(&'static str),
    /// Memory that this DDI gave is called.
    Run(&'static str),
    /// Memory that this DDI gave may be called: a member keeps it, or it is handed to what calls it.
    MayRun(&'static str),
}

/// Functions that write to what their first argument points to, whatever its type.
const WRITERS: [&str; 9] = [
    "RtlCopyMemory",
    "RtlMoveMemory",
    "RtlFillMemory",
    "RtlZeroMemory",
    "RtlCopyBytes",
    "RtlZeroBytes",
    "memcpy",
    "memmove",
    "memset",
];

/// Likewise, of pointers to numbers: no function is given to them without a conversion.
const TYPED_WRITERS: [&str; 28] = [
    "__movsb",
    "__movsw",
    "__movsd",
    "__movsq",
    "__stosb",
    "__stosw",
    "__stosd",
    "__stosq",
    "InterlockedExchange",
    "InterlockedExchange8",
    "InterlockedExchange16",
    "InterlockedExchange64",
    "InterlockedExchangePointer",
    "InterlockedExchangeAdd",
    "InterlockedExchangeAdd64",
    "InterlockedCompareExchange",
    "InterlockedCompareExchange64",
    "InterlockedCompareExchangePointer",
    "InterlockedAnd",
    "InterlockedAnd64",
    "InterlockedOr",
    "InterlockedOr64",
    "InterlockedXor",
    "InterlockedXor64",
    "InterlockedIncrement",
    "InterlockedIncrement64",
    "InterlockedDecrement",
    "InterlockedDecrement64",
];

/// What is plainly done in files that count, each place once.
pub(crate) fn uses(world: &World<'_>, counts: &(dyn Fn(usize) -> bool + Sync)) -> Vec<CodeUse> {
    let kept = kept::kept(world);
    let members = held::members(world);
    let of_file = |parsed: usize| {
        let mut found = Vec::new();
        let finder = Finder { world, parsed, left: Cell::new(MOST_LOOKED_AT) };
        let syntax = &world.parsed[parsed].syntax;
        let held = finder.held();
        let pointing = finder.pointing();
        for call in &syntax.calls {
            let mut of_call = Vec::new();
            of_call.extend(finder.writing(call, &pointing));
            let name = finder.text(&call.callee);
            if let Some(function) = call.function {
                if held.variables.contains(&(function, name)) {
                    of_call.extend(finder.running(call));
                }
                of_call.extend(finder.running_member(call, &members));
                of_call.extend(finder.handing(call, &held));
                if kept.contains_key(&(world.parsed[parsed].file, name)) {
                    of_call.extend(finder.running_kept(call, &kept));
                }
            }
            if !of_call.is_empty() && !world.is_dead(parsed, call.function, call.callee.start) {
                found.extend(of_call);
            }
        }
        for (range, function) in &syntax.stores {
            let target = finder.target(range.clone(), By::Store, *function, &pointing);
            let target = target.filter(|_| !world.is_dead(parsed, *function, range.start));
            found.extend(target.map(|target| {
                finder.of_function(target.written(None), range.clone(), *function, target.name)
            }));
        }
        found
    };
    let files = (0..world.parsed.len())
        .into_par_iter()
        .with_min_len(FEW_FILES)
        .filter(|parsed| counts(*parsed));
    let mut found: Vec<CodeUse> = files.flat_map_iter(of_file).collect();
    found.sort_by_key(|one| one.span);
    found.dedup_by_key(|one| one.span);
    found
}

/// How many names and calls of a file are looked at closely; plain code has a handful.
const MOST_LOOKED_AT: u32 = 1_000;

/// How a function is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// By its address.
    Address,
    /// By its address as a pointer of another type.
    Conversion,
    /// Likewise, in what is stored to.
    Store,
}

/// Code that an address leads to.
#[derive(Clone, Copy, Debug)]
struct Target<'t> {
    /// The name of the function.
    name: &'t str,
    /// Whether it is one of the kernel.
    is_of_kernel: bool,
}

impl Target<'_> {
    fn written(self, by: Option<String>) -> CodeUseKind {
        match self.is_of_kernel {
            true => CodeUseKind::KernelWritten(by),
            false => CodeUseKind::Written(by),
        }
    }
}

struct Finder<'w, 't> {
    world: &'w World<'t>,
    parsed: usize,
    left: Cell<u32>,
}

impl<'t> Finder<'_, 't> {
    fn text(&self, range: &Range<usize>) -> &'t str {
        self.world.text(self.parsed, range)
    }

    /// Whether something may still be looked at closely.
    fn may_look(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    fn function(&self, index: Option<usize>) -> Option<&Function> {
        self.world.parsed[self.parsed].syntax.functions.get(index?)
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.world.parsed[self.parsed].file, range)
    }

    fn of_function(
        &self,
        kind: CodeUseKind,
        range: Range<usize>,
        function: Option<usize>,
        name: &str,
    ) -> CodeUse {
        let defined = self.world.called(self.parsed, name).into_iter().take(1).map(|id| {
            let parsed = &self.world.parsed[id.parsed];
            Span::new(parsed.file, parsed.syntax.functions[id.function].name.clone())
        });
        let around = self.function(function).map(|one| self.text(&one.name).to_owned());
        CodeUse {
            kind,
            span: self.span(range),
            function: around,
            name: name.to_owned(),
            from: defined.collect(),
        }
    }

    /// A call that writes to a function, or describes it.
    fn writing(&self, call: &Call, pointing: &Pointing<'t>) -> Option<CodeUse> {
        let name = self.text(&call.callee);
        let is_typed = TYPED_WRITERS.contains(&name);
        if name != "IoAllocateMdl" && !is_typed && !WRITERS.contains(&name) {
            return None;
        }
        let by = if is_typed { By::Conversion } else { By::Address };
        let argument = call.arguments.first()?.clone();
        let target = self.target(argument.clone(), by, call.function, pointing)?;
        let kind = match name {
            // Reading through one is a way to look at the kernel's code.
            "IoAllocateMdl"
                if target.is_of_kernel
                    || self.world.called_ddi(self.parsed, call) != Called::Ddi =>
            {
                return None;
            }
            "IoAllocateMdl" => CodeUseKind::Described("IoAllocateMdl"),
            _ => target.written(Some(name.to_owned())),
        };
        Some(self.of_function(kind, argument, call.function, target.name))
    }

    /// The function of the tree or the kernel that an expression is the address of, by its name with nothing but conversions
    /// before and a distance behind; of what is stored to, behind a `*` or before `[…]`. A variable that points to it is as
    /// good.
    fn target(
        &self,
        range: Range<usize>,
        by: By,
        function: Option<usize>,
        pointing: &Pointing<'t>,
    ) -> Option<Target<'t>> {
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let all: Vec<Token> = tokens(text, range.start, range.end).take(64).collect();
        let address = if by == By::Store { through(&all, text)? } else { &all[..] };
        let at = only_name(address, text)?;
        let name = address[at].text(text);
        if let Some(pointed_to) = function.and_then(|function| pointing.get(&(function, name))) {
            return Some(*pointed_to);
        }
        if let Some(name) = self.looked_up(name, function, range.start) {
            return Some(Target { name, is_of_kernel: true });
        }
        // Without a conversion the name is of something else, that is not in sight.
        let is_converted = address[..at].iter().any(|token| token.text(text) == ")");
        let may_be = is_converted || by == By::Address;
        let target = |is_of_kernel| Target { name, is_of_kernel };
        match may_be {
            true if self.is_function(name, function, range.start) => Some(target(false)),
            true if self.is_of_kernel(name, function, range.start) => Some(target(true)),
            _ => None,
        }
    }

    /// Whether a name means a function that the tree defines, and nothing else.
    fn is_function(&self, name: &str, around: Option<usize>, at: usize) -> bool {
        self.world.functions.contains_key(name)
            && self.may_look()
            && self.world.called(self.parsed, name).into_iter().any(|id| !self.is_method(id))
            && !self.means_another(name, around, at)
    }

    /// Whether a name means a variable, a parameter or a macro.
    fn means_another(&self, name: &str, around: Option<usize>, at: usize) -> bool {
        let parsed = &self.world.parsed[self.parsed];
        self.is_global(name)
            || self.function(around).is_some_and(|function| self.is_local(function, name))
            || !parsed.unit.meanings(name, parsed.time(at)).macros.is_empty()
    }

    /// Whether a function is of a class: the name alone means something else outside of it.
    fn is_method(&self, id: FunctionId) -> bool {
        let parsed = &self.world.parsed[id.parsed];
        let name = &parsed.syntax.functions[id.function].name;
        let before = self.world.text(id.parsed, &(name.start.saturating_sub(2)..name.start));
        before == "::" || parsed.syntax.records.iter().any(|one| one.body.contains(&name.start))
    }

    /// Whether a variable outside of functions has that name.
    fn is_global(&self, name: &str) -> bool {
        let mut events = self.world.globals.get(name).into_iter().flatten();
        events.any(|event| {
            let syntax = &self.world.parsed[event.parsed].syntax;
            event.function.is_none() && declares(&syntax.variables[event.event])
        })
    }

    fn events<'f>(&self, function: &'f Function, name: &str) -> Vec<&'f Variable> {
        function.variables.iter().filter(|one| self.text(&one.name) == name).collect()
    }

    /// Whether a call is of what a variable holds, rather than of what is read where that points to.
    fn is_of_value(&self, call: &Call) -> bool {
        match call.manner {
            Manner::Plain => true,
            // Of `(*(FN **)f)()` the conversion is seen alone.
            Manner::Converted | Manner::Behind => {
                let before = self.text(&(call.whole.start..call.callee.start));
                !before.trim_start_matches(['(', ' ', '\t']).starts_with('*')
            }
            _ => false,
        }
    }

    /// A call of a variable of the function that holds what a DDI gave, whatever path is taken.
    fn running(&self, call: &Call) -> Option<CodeUse> {
        if !self.is_of_value(call) || !self.may_look() {
            return None;
        }
        let name = self.text(&call.callee);
        let (by, given) = self.memory(call.function?, name, call.whole.start)?;
        Some(self.of_memory(CodeUseKind::Run(by), call, name, vec![self.span(given)]))
    }

    /// A call of a variable of the file that holds nothing but what a DDI gave.
    fn running_kept(&self, call: &Call, kept: &Kept<'_>) -> Option<CodeUse> {
        if !self.is_of_value(call) || !self.may_look() {
            return None;
        }
        let parsed = &self.world.parsed[self.parsed];
        let name = self.text(&call.callee);
        let given = kept.get(&(parsed.file, name))?;
        let function = self.function(call.function)?;
        let is_macro = !parsed.unit.meanings(name, parsed.time(call.whole.start)).macros.is_empty();
        if is_macro || self.is_local(function, name) {
            return None;
        }
        let mut from = given.at.clone();
        from.sort();
        from.dedup();
        Some(self.of_memory(CodeUseKind::Run(given.by), call, name, from))
    }

    /// Whether a name means a parameter or variable of a function.
    fn is_local(&self, function: &Function, name: &str) -> bool {
        function.parameters.iter().any(|one| self.text(one) == name)
            || self.events(function, name).iter().any(|one| declares(one))
    }

    /// The DDI that gives memory whose result an expression is, behind nothing but conversions.
    fn given(&self, range: Range<usize>) -> Option<&'static str> {
        self.memory_of(self.result(range)?)
    }

    /// The DDI that gives memory which a call is of, if it is of one.
    fn memory_of(&self, call: &Call) -> Option<&'static str> {
        let ddi = vocabulary::function(self.text(&call.callee));
        let ddi = ddi.filter(|ddi| gives_memory(ddi.name))?;
        (self.world.called_ddi(self.parsed, call) == Called::Ddi).then_some(ddi.name)
    }

    /// The call whose result an expression is, likewise; none where what is called is a macro.
    fn result(&self, range: Range<usize>) -> Option<&Call> {
        let parsed = &self.world.parsed[self.parsed];
        let text = self.world.tree.file(parsed.file).text.as_str();
        let all: Vec<Token> = tokens(text, range.start, range.end).take(64).collect();
        let mut at = 0;
        while let Some(end) = conversion_end(&all, text, at) {
            at = end;
        }
        let start = all.get(at)?.start;
        let is_it = |call: &&Call| call.whole.start == start && call.whole.end == range.end;
        let call = parsed.syntax.calls.iter().find(is_it)?;
        let name = self.text(&call.callee);
        parsed.unit.meanings(name, parsed.time(start)).macros.is_empty().then_some(call)
    }
}

/// The value that a variable has at a byte of a function, whatever path is taken; `events` are all that happens to it.
fn only_value<'f>(
    events: &[&'f Variable],
    function: &Function,
    at: usize,
) -> Option<&'f Range<usize>> {
    let reached = reaching(events, &function.loops, at);
    let [only] = &reached.events[..] else { return None };
    let (Happens::Begins(range) | Happens::Becomes(range)) = &only.happens else { return None };
    (!reached.begins && only.name.start <= at).then_some(range)
}

/// Where the name is whose address an expression begins with.
fn pointed_to(all: &[Token], text: &str) -> Option<usize> {
    let word = |index: usize| all.get(index).map_or("", |token| token.text(text));
    let mut at = 0;
    // `*(T *)((PUCHAR)F + 1)`: conversions, and parentheses that open.
    loop {
        match conversion_end(all, text, at) {
            Some(end) => at = end,
            None if word(at) == "(" || word(at) == "&" => at += 1,
            None => break,
        }
    }
    all.get(at).is_some_and(|token| token.kind == Kind::Word).then_some(at)
}

/// How the names of DDIs begin that give memory.
const FAMILIES: [&str; 5] = [
    "ExAllocatePool",
    "MmAllocateContiguous",
    "MmAllocateNonCached",
    "MmMapIoSpace",
    "MmMapLockedPages",
];

/// Whether a DDI gives memory that no check of the code has passed, as its result.
pub(crate) fn gives_memory(name: &str) -> bool {
    FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Behind the conversion that begins at a token: a type in parentheses before something that can be converted.
pub(crate) fn conversion_end(all: &[Token], text: &str, open: usize) -> Option<usize> {
    let word = |index: usize| all.get(index).map(|token| token.text(text));
    let mut at = open;
    let (mut depth, mut words) = (0_usize, 0);
    // Only a type of functions has parentheses of its own: `(void (*)(int))`.
    let (mut is_nested, mut is_of_functions) = (false, false);
    loop {
        match word(at)? {
            "(" => {
                is_nested |= depth > 0;
                is_of_functions |= depth > 0 && word(at + 1) == Some("*");
                depth += 1;
            }
            ")" if depth > 0 => depth -= 1,
            "*" | "," if depth > 0 => {}
            _ if depth > 0 && all[at].kind == Kind::Word => words += 1,
            _ => return None,
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    let follows = all.get(at)?.kind == Kind::Word || matches!(word(at), Some("(" | "&"));
    (words > 0 && is_nested == is_of_functions && follows).then_some(at)
}
