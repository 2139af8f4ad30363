//! What is plainly done to functions of the tree, and with memory that is run: no more than names say.

use crate::Span;
use crate::evaluate::reaching;
use crate::interest::{places, searcher};
use crate::lex::{Kind, Token, tokens, word_end};
use crate::syntax::{Call, Function, Happens, Manner, Variable};
use crate::vocabulary;
use crate::world::{Parsed, World, declares};
use aho_corasick::AhoCorasick;
use foldhash::{HashSet, HashSetExt};
use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;

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
    /// Where that function is defined, or where the variable is given its value.
    pub from: Option<Span>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeUseKind {
    /// The function is written to: by a function of this name, or by a store.
    Written(Option<String>),
    /// An MDL is made for the function, by this DDI.
    Described(&'static str),
    /// Memory that this DDI gave is called.
    Run(&'static str),
}

/// Functions that write to what their first argument points to.
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

/// What is plainly done in files that count, each place once.
pub(crate) fn uses(world: &World<'_>, counts: &dyn Fn(&Parsed<'_>) -> bool) -> Vec<CodeUse> {
    let mut found = Vec::new();
    for parsed in (0..world.parsed.len()).filter(|index| counts(&world.parsed[*index])) {
        let finder = Finder { world, parsed, left: Cell::new(MOST_LOOKED_AT) };
        let syntax = &world.parsed[parsed].syntax;
        let filled = finder.filled();
        for call in &syntax.calls {
            found.extend(finder.writing(call));
            let name = call.function.map(|function| (function, finder.text(&call.callee)));
            if name.is_some_and(|name| filled.contains(&name)) {
                found.extend(finder.running(call));
            }
        }
        for (range, function) in &syntax.stores {
            let name = finder.target(range.clone(), true, *function);
            found.extend(name.map(|name| {
                finder.of_function(CodeUseKind::Written(None), range.clone(), *function, name)
            }));
        }
    }
    found.sort_by_key(|one| one.span);
    found.dedup_by_key(|one| one.span);
    found
}

/// How many names and calls of a file are looked at closely; plain code has a handful.
const MOST_LOOKED_AT: u32 = 1_000;

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

    /// The variables of functions that are given memory somewhere.
    fn filled(&self) -> HashSet<(usize, &'t str)> {
        let syntax = &self.world.parsed[self.parsed].syntax;
        let mut filled = HashSet::new();
        let gives = |call: &&Call| {
            let ddi = vocabulary::function(self.text(&call.callee));
            ddi.is_some_and(|ddi| gives_memory(ddi.name))
        };
        let ends: HashSet<usize> =
            syntax.calls.iter().filter(gives).map(|call| call.whole.end).collect();
        for (index, function) in syntax.functions.iter().enumerate() {
            for variable in &function.variables {
                if let Happens::Begins(value) | Happens::Becomes(value) = &variable.happens
                    && ends.contains(&value.end)
                {
                    filled.insert((index, self.text(&variable.name)));
                }
            }
        }
        filled
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
        let defined = self.world.called(self.parsed, name).first().map(|id| {
            let parsed = &self.world.parsed[id.parsed];
            Span::new(parsed.file, parsed.syntax.functions[id.function].name.clone())
        });
        let around = self.function(function).map(|one| self.text(&one.name).to_owned());
        CodeUse {
            kind,
            span: self.span(range),
            function: around,
            name: name.to_owned(),
            from: defined,
        }
    }

    /// A call that writes to a function, or describes it.
    fn writing(&self, call: &Call) -> Option<CodeUse> {
        let name = self.text(&call.callee);
        let kind = match name {
            "IoAllocateMdl" => CodeUseKind::Described("IoAllocateMdl"),
            _ if WRITERS.contains(&name) => CodeUseKind::Written(Some(name.to_owned())),
            _ => return None,
        };
        let argument = call.arguments.first()?.clone();
        let target = self.target(argument.clone(), false, call.function)?;
        Some(self.of_function(kind, argument, call.function, target))
    }

    /// The function of the tree that an expression is the address of, by its name with nothing but conversions before and
    /// a distance behind; of what is stored to, behind a `*`.
    fn target(
        &self,
        range: Range<usize>,
        stored: bool,
        function: Option<usize>,
    ) -> Option<&'t str> {
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let all: Vec<Token> = tokens(text, range.start, range.end).take(64).collect();
        let at = pointed_to(&all, text, stored)?;
        let name = all[at].text(text);
        let rest = &all[at + 1..];
        let is_plain = |token: &Token| {
            matches!(token.kind, Kind::Number) || matches!(token.text(text), "+" | ")")
        };
        (rest.iter().all(is_plain) && self.is_function(name, function, range.start)).then_some(name)
    }

    /// Whether a name means a function that the tree defines, and nothing else.
    fn is_function(&self, name: &str, around: Option<usize>, at: usize) -> bool {
        let parsed = &self.world.parsed[self.parsed];
        let is_macro = || !parsed.unit.meanings(name, parsed.time(at)).macros.is_empty();
        let is_local = |function: &Function| {
            function.parameters.iter().any(|one| self.text(one) == name)
                || self.events(function, name).iter().any(|one| declares(one))
        };
        self.world.functions.contains_key(name)
            && self.may_look()
            && !self.world.called(self.parsed, name).is_empty()
            && !self.is_global(name)
            && !self.function(around).is_some_and(is_local)
            && !is_macro()
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

    /// A call of a variable of the function that holds what a DDI gave, whatever path is taken.
    fn running(&self, call: &Call) -> Option<CodeUse> {
        if !matches!(call.manner, Manner::Plain | Manner::Converted) || !self.may_look() {
            return None;
        }
        let function = self.function(call.function)?;
        let name = self.text(&call.callee);
        let events = self.events(function, name);
        if !events.iter().any(|one| declares(one)) {
            return None;
        }
        let reached = reaching(&events, &function.loops, call.whole.start);
        let [only] = &reached.events[..] else { return None };
        let (Happens::Begins(range) | Happens::Becomes(range)) = &only.happens else { return None };
        if reached.begins || only.name.start > call.whole.start {
            return None;
        }
        let given = self.given(range.clone())?;
        Some(CodeUse {
            kind: CodeUseKind::Run(given),
            span: self.span(call.whole.clone()),
            function: Some(self.text(&function.name).to_owned()),
            name: name.to_owned(),
            from: Some(self.span(range.clone())),
        })
    }

    /// The DDI whose result an expression is, behind nothing but conversions.
    fn given(&self, range: Range<usize>) -> Option<&'static str> {
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
        if !parsed.unit.meanings(name, parsed.time(start)).macros.is_empty() {
            return None;
        }
        let ddi = vocabulary::function(name).filter(|ddi| gives_memory(ddi.name))?;
        Some(ddi.name)
    }
}

/// Where the name is whose address an expression begins with; of what is stored to, behind a `*`.
fn pointed_to(all: &[Token], text: &str, stored: bool) -> Option<usize> {
    let word = |index: usize| all.get(index).map_or("", |token| token.text(text));
    let mut at = 0;
    if stored {
        at += usize::from(word(0) == "*");
        if at == 0 {
            return None;
        }
    }
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

/// Whether a text may write to a function that is known, or describe it: as far as can be told without a parser.
pub(crate) fn may_use(is_function: &dyn Fn(&str) -> bool, body: &str) -> bool {
    static NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let names = WRITERS.into_iter().chain(["IoAllocateMdl"]);
        searcher(&names.map(str::to_owned).collect::<Vec<_>>())
    });
    let names_function = |from: usize, stored: bool| {
        let all: Vec<Token> = tokens(body, from, body.len()).take(16).collect();
        let name = pointed_to(&all, body, stored).map(|at| all[at].text(body));
        name.is_some_and(is_function)
    };
    let written = NAMES.as_ref().map(|names| places(names, body)).unwrap_or_default();
    let bytes = body.as_bytes();
    let begins_statement = |at: &usize| {
        bytes[..*at].trim_ascii_end().last().is_none_or(|last| b";{}):,(/".contains(last))
    };
    let mut stores = memchr::memchr_iter(b'*', bytes).filter(begins_statement);
    written.into_iter().any(|at| names_function(word_end(bytes, at), false))
        || stores.any(|at| names_function(at, true))
}

/// Whether a DDI gives memory that no check of the code has passed, as its result.
fn gives_memory(name: &str) -> bool {
    const FAMILIES: [&str; 5] = [
        "ExAllocatePool",
        "MmAllocateContiguous",
        "MmAllocateNonCached",
        "MmMapIoSpace",
        "MmMapLockedPages",
    ];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceText, SourceTree, analyse};

    /// Each use as the name and what is done to it. A call of a DDI makes the file one that is looked at.
    fn told(code: &str) -> Vec<String> {
        let mut tree = SourceTree::default();
        let text = format!(
            "void Target(int a) {{ }}\n{code}\nvoid Z() {{ ExFreePool(0); __writecr0(x | 0x10000); }}"
        );
        tree.add("a.c", SourceText::of(text)).unwrap();
        let told = |one: &CodeUse| match &one.kind {
            CodeUseKind::Written(by) => {
                format!("{} written by {}", one.name, by.as_deref().unwrap_or("a store"))
            }
            CodeUseKind::Described(by) => format!("{} described by {by}", one.name),
            CodeUseKind::Run(by) => format!("{} runs memory of {by}", one.name),
        };
        analyse(&tree, &[], &[]).code_uses.iter().map(told).collect()
    }

    #[test]
    fn functions_that_are_written_to() {
        for (code, by) in [
            ("memcpy(Target, patch, 5);", "memcpy"),
            ("RtlCopyMemory((PVOID)Target, patch, sizeof(patch));", "RtlCopyMemory"),
            ("memset((PUCHAR)&Target + 2, 0x90, 4);", "memset"),
            ("RtlFillMemory((void *)(ULONG_PTR)Target, 1, 0xC3);", "RtlFillMemory"),
            ("*(unsigned char *)Target = 0xC3;", "a store"),
            ("*(PUCHAR)((PUCHAR)Target + 1) = 0xC3;", "a store"),
        ] {
            let found = told(&format!("void F(char *patch) {{ {code} }}"));
            assert_eq!(found, [format!("Target written by {by}")], "{code}");
        }
    }

    /// What is not plain is not told.
    #[test]
    fn other_targets_are_not_told() {
        for code in [
            "void F(char *p) { memcpy(p, Target, 5); }",
            "void F(char *Target) { memcpy(Target, p, 5); }",
            "void F(void) { char Target[5]; memcpy(Target, p, 5); }",
            "void F(void) { memcpy(Target(1), p, 5); }",
            "void F(void) { memcpy(Target->p, p, 5); }",
            "void F(void) { memcpy(Table[Target], p, 5); }",
            "#define Target Other\nvoid F(void) { memcpy(Target, p, 5); }",
            "void F(int *p) { *p = 5; *(int *)Other = 6; }",
            "void F(void) { memcpy(Declared, p, 5); }",
        ] {
            assert_eq!(told(code), [""; 0], "{code}");
        }
    }

    #[test]
    fn functions_that_are_described() {
        assert_eq!(
            told("void F(void) { mdl = IoAllocateMdl((PVOID)Target, 64, FALSE, FALSE, NULL); }"),
            ["Target described by IoAllocateMdl"]
        );
        assert_eq!(
            told("void F(PVOID p) { mdl = IoAllocateMdl(p, 64, FALSE, FALSE, NULL); }"),
            [""; 0]
        );
    }

    #[test]
    fn memory_that_is_called() {
        for code in [
            "FN *f = (FN *)ExAllocatePoolWithTag(NonPagedPool, 64, 'a'); if (!f) return; memcpy(f, s, 64); f(1);",
            "void (*f)(int) = (void (*)(int))ExAllocatePool(NonPagedPool, 64); f(1);",
            "PVOID f; f = ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, 'a'); ((FN *)f)();",
        ] {
            let found = told(&format!("void F(char *s) {{ {code} }}"));
            assert!(
                found.len() == 1 && found[0].starts_with("f runs memory of ExAllocatePool"),
                "{code}"
            );
        }
        for code in [
            "FN *f = Known; if (s) f = (FN *)ExAllocatePool(NonPagedPool, 64); f();",
            "FN **f = (FN **)ExAllocatePool(NonPagedPool, 64); (*f)();",
            "FN **f = (FN **)ExAllocatePool(NonPagedPool, 64); f[0]();",
            "T *f = (T *)ExAllocatePool(NonPagedPool, 64); f->Run();",
            "FN *f = (FN *)ExAllocatePool(NonPagedPool, 64); f = Known; f();",
            "FN *f = (FN *)ExAllocatePool(NonPagedPool, 64); Set(&f); f();",
            "FN *f = Wrap(ExAllocatePool(NonPagedPool, 64)); f();",
        ] {
            assert_eq!(told(&format!("void F(char *s) {{ {code} }}")), [""; 0], "{code}");
        }
    }
}
