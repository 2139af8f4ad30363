//! Whether what a wrapper or macro is passed is looked at there, beside being passed on: another value would then do more
//! than change what the DDI gets.

use crate::calls::{Follower, Reached};
use crate::evaluate::Place;
use crate::lex::{Kind, Token, tokens};
use crate::macros::Body;
use crate::syntax::Call;
use crate::world::FunctionId;
use crate::{FileId, Span, vocabulary};
use std::ops::Range;

/// What becomes of an argument that decides in the wrappers and macros on the way to a DDI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookedAt {
    /// It is passed on, and nothing else, as far as that is plain.
    #[default]
    No,
    /// Something else may depend on its value.
    Value,
    /// Something depends on how it is spelled: a macro makes a name or a string of it.
    Spelling,
}

/// How many wrappers are looked at one in another.
const DEEPEST: usize = 6;
/// How many tokens of one.
const MOST_TOKENS: usize = 1 << 13;

/// Macros that use what they are passed for nothing.
const IDLE: [&str; 3] =
    ["UNREFERENCED_PARAMETER", "DBG_UNREFERENCED_PARAMETER", "UNREFERENCED_LOCAL_VARIABLE"];

/// A body in which a name is looked for.
struct Within<'a> {
    text: &'a str,
    range: Range<usize>,
    /// The file that was parsed and the byte by which names in it are looked up.
    parsed: usize,
    at: usize,
    is_macro: bool,
    /// Calls in it that lead to a DDI, by where what they call is named.
    leading: Vec<usize>,
    own: &'a str,
}

/// A parenthesis that is open.
struct Open {
    /// What is called with it, by its token; none where it only groups, or is another kind.
    callee: Option<usize>,
    is_other: bool,
    argument: usize,
    /// The token with which the argument begins.
    first: usize,
}

impl<'t> Follower<'_, 't> {
    /// What becomes in wrappers and macros of the constants that decide about what a call comes to.
    pub(crate) fn looked_at(
        &self,
        place: &Place<'_, 't>,
        call: &Call,
        file: FileId,
        reached: &Reached,
    ) -> LookedAt {
        let Some((_, deciding)) = reached.call.deciding() else { return LookedAt::No };
        let choices = || deciding.value.choices.iter();
        let spans: Vec<Span> =
            choices().flat_map(|choice| &choice.terms).filter_map(|term| term.span).collect();
        if reached.call.via.is_empty() || spans.is_empty() {
            return LookedAt::No;
        }
        let is_within = |file: FileId, range: &Range<usize>| {
            let inside = |span: &&Span| {
                let inner = span.range();
                span.file == file && range.start <= inner.start && inner.end <= range.end
            };
            spans.iter().any(|span| inside(&span))
        };
        let carries = |range: &Range<usize>| {
            let value = place.value_in(file, range.clone());
            let mut terms = value.choices.iter().flat_map(|choice| &choice.terms);
            terms.any(|term| term.span.is_some_and(|span| spans.contains(&span)))
        };
        let is_written = call.arguments.iter().any(|range| is_within(file, range));
        let name = self.world.text(place.parsed, &call.callee);
        let skipped = usize::from(call.manner.operator().is_some());
        let name = call.manner.operator().unwrap_or(name);
        let count = call.arguments.len() + skipped;
        let at = (place.parsed, call.callee.start);
        let mut found = LookedAt::No;
        for (index, range) in call.arguments.iter().enumerate() {
            let is_it = if is_written { is_within(file, range) } else { carries(range) };
            if is_it {
                let of = self.of_callee(at, name, (index + skipped, count), DEEPEST);
                found = found.max(of.unwrap_or_default());
            }
        }
        // What a macro passes on is chosen there.
        let hops = reached.call.via.iter().filter(|hop| hop.is_macro);
        for span in hops.map(|hop| hop.span).filter(|span| *span != reached.call.innermost) {
            if is_within(span.file, &span.range()) {
                let text = self.world.tree.text(span);
                found = found.max(self.of_text(at, text, span, &is_within));
            }
        }
        found
    }

    /// The same of a call in a macro's body by its text.
    fn of_text(
        &self,
        at: (usize, usize),
        text: &str,
        span: Span,
        is_within: &dyn Fn(FileId, &Range<usize>) -> bool,
    ) -> LookedAt {
        let all: Vec<Token> = tokens(text, 0, text.len()).take(MOST_TOKENS).collect();
        let word = |index: usize| all.get(index).map_or("", |token| token.text(text));
        if all.is_empty() || word(1) != "(" {
            return LookedAt::No;
        }
        let (mut depth, mut index, mut it) = (0_usize, 0, None);
        for token in &all {
            let start = span.range().start + token.start;
            match token.text(text) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                "," if depth == 1 => index += 1,
                _ if is_within(span.file, &(start..start + token.end - token.start)) => {
                    it = Some(index);
                }
                _ => {}
            }
        }
        let Some(it) = it else { return LookedAt::No };
        self.of_callee(at, word(0), (it, index + 1), DEEPEST).unwrap_or_default()
    }

    /// What becomes of an argument, by its place and how many there are, where something of this name is called; none where
    /// nothing is known of that.
    fn of_callee(
        &self,
        (parsed, at): (usize, usize),
        name: &str,
        (index, count): (usize, usize),
        left: usize,
    ) -> Option<LookedAt> {
        let Some(left) = left.checked_sub(1) else { return Some(LookedAt::Value) };
        if IDLE.contains(&name) {
            return Some(LookedAt::No);
        }
        let mut found: Option<LookedAt> = None;
        let one = &self.world.parsed[parsed];
        for of in &one.unit.meanings(name, one.time(at)).macros {
            let Body::Written(file, range) = &of.body else { continue };
            let text = self.world.tree.file(*file).text.as_str();
            let looked_at = match &of.parameters {
                None => {
                    let other = text.get(range.clone()).unwrap_or_default().trim();
                    let is_name = other != name && other.bytes().all(crate::lex::is_word);
                    let is_other = is_name && !other.is_empty();
                    is_other
                        .then(|| self.of_callee((parsed, at), other, (index, count), left))
                        .flatten()
                }
                Some(parameters) => {
                    let last = parameters.len().saturating_sub(1);
                    let is_rest = parameters.last().is_some_and(|one| one.ends_with("..."));
                    let (parameter, behind) = match parameters.get(index) {
                        Some(one) if !(is_rest && index == last) => (*one, 0),
                        _ if is_rest => match parameters[last].trim_end_matches("...").trim() {
                            "" => ("__VA_ARGS__", index - last),
                            named => (named, index - last),
                        },
                        _ => continue,
                    };
                    let (range, own, leading) = (range.clone(), name, Vec::new());
                    let is_macro = true;
                    let within = Within { text, range, parsed, at, is_macro, leading, own };
                    Some(self.within(&within, parameter, behind, left))
                }
            };
            found = found.max(looked_at);
        }
        if found.is_some() {
            return found;
        }
        let mut all = self.world.called(parsed, name);
        let takes = |id: &FunctionId| {
            self.world.parsed[id.parsed].syntax.functions[id.function].parameters.len()
        };
        if all.iter().any(|id| takes(id) == count) {
            all.retain(|id| takes(id) == count);
        }
        if let Some(ddi) = vocabulary::function(name).filter(|_| all.is_empty()) {
            let deciding = ddi.deciding().map(|(index, _)| usize::from(index));
            let is_it = deciding == vocabulary::before_arguments(ddi, count).map(|by| index + by);
            return Some(if is_it { LookedAt::No } else { LookedAt::Value });
        }
        for id in all {
            found = found.max(Some(self.of_function(id, index, left)));
        }
        found
    }

    fn of_function(&self, id: FunctionId, index: usize, left: usize) -> LookedAt {
        let one = &self.world.parsed[id.parsed];
        let function = &one.syntax.functions[id.function];
        let Some(parameter) = function.parameters.get(index) else { return LookedAt::Value };
        let (parameter, own) =
            (self.world.text(id.parsed, parameter), self.world.text(id.parsed, &function.name));
        if parameter.is_empty() {
            return LookedAt::No;
        }
        let calls = self.wrappers.get(&id).into_iter().flatten();
        let within = Within {
            text: self.world.tree.file(one.file).text.as_str(),
            range: function.body.clone(),
            parsed: id.parsed,
            at: function.body.start,
            is_macro: false,
            leading: calls.map(|call| one.syntax.calls[call.call].callee.start).collect(),
            own,
        };
        self.within(&within, parameter, 0, left)
    }

    /// What becomes of what a name stands for in a body, which is `behind` the first that it stands for.
    fn within(&self, of: &Within<'_>, name: &str, behind: usize, left: usize) -> LookedAt {
        let all: Vec<Token> =
            tokens(of.text, of.range.start, of.range.end).take(MOST_TOKENS).collect();
        if all.len() == MOST_TOKENS {
            return LookedAt::Value;
        }
        let word = |index: usize| all.get(index).map_or("", |token| token.text(of.text));
        let before = |index: usize, by: usize| index.checked_sub(by).map_or("", word);
        let mut open: Vec<Open> = Vec::new();
        let mut found = LookedAt::No;
        for index in 0..all.len() {
            match word(index) {
                "(" => {
                    let callee = index.checked_sub(1).filter(|at| {
                        let is_array = word(*at) == "]" && before(*at, 2) == "new";
                        all[*at].kind == Kind::Word && word(*at) != "return" || is_array
                    });
                    open.push(Open { callee, is_other: false, argument: 0, first: index + 1 });
                }
                "[" | "{" => {
                    open.push(Open { callee: None, is_other: true, argument: 0, first: index + 1 })
                }
                ")" | "]" | "}" => drop(open.pop()),
                "," => {
                    if let Some(last) = open.last_mut() {
                        (last.argument, last.first) = (last.argument + 1, index + 1);
                    }
                }
                this if this == name && all[index].kind == Kind::Word => {
                    let (prior, next) = (before(index, 1), word(index + 1));
                    if of.is_macro && (matches!(prior, "#" | "##" | "#@") || next == "##") {
                        // What is pasted behind a comma may be nothing, and is itself else.
                        if !(prior == "##" && before(index, 2) == "," && next != "##") {
                            return LookedAt::Spelling;
                        }
                    }
                    let begins = matches!(prior, ";" | "{" | "}" | "");
                    let is_void = prior == ")" && before(index, 2) == "void";
                    let is_given = next == "=" && (begins || prior == ")");
                    // `|=` is two tokens here.
                    let is_or_ed =
                        next == "|" && word(index + 2) == "=" && (begins || prior == ")");
                    let is_idle = (begins || is_void) && next == ";";
                    if matches!(prior, "." | "->") || is_given || is_or_ed || is_idle {
                        continue;
                    }
                    found = found.max(self.used(of, &all, index, &open, behind, left));
                }
                _ => {}
            }
        }
        found
    }

    /// What becomes of what a name stands for at one of the tokens of a body, with what is open there.
    fn used(
        &self,
        of: &Within<'_>,
        all: &[Token],
        at: usize,
        open: &[Open],
        behind: usize,
        left: usize,
    ) -> LookedAt {
        let word = |index: usize| all.get(index).map_or("", |token| token.text(of.text));
        // Parentheses around it and conversions change nothing.
        let around = open.iter().rfind(|one| one.callee.is_some() || one.is_other);
        let first = match around {
            Some(one) if one.is_other => return LookedAt::Value,
            Some(one) => one.first,
            None if of.is_macro => 0,
            None => return LookedAt::Value,
        };
        let mut depth = 0_usize;
        let mut end = at;
        while end < all.len() {
            match word(end) {
                "(" => depth += 1,
                ")" | "," | ";" if depth == 0 && is_end(all, of.text, first, end) => break,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            end += 1;
        }
        let choice = (first..at).rfind(|index| word(*index) == "?").map_or(first, |at| at + 1);
        for (index, _) in all
            .iter()
            .enumerate()
            .take(end)
            .skip(choice)
            .filter(|(_, token)| token.kind == Kind::Operator)
        {
            let is_cast = match word(index) {
                "<" => index > 0 && word(index - 1).ends_with("_cast"),
                ">" => word(index + 1) == "(",
                "|" | "(" | ")" | "::" | ":" => true,
                _ => false,
            };
            if !is_cast {
                return LookedAt::Value;
            }
        }
        let Some((callee, one)) = around.and_then(|one| Some((one.callee?, one))) else {
            return LookedAt::No;
        };
        let mut argument = one.argument + behind;
        let is_new = matches!(word(callee), "new" | "]");
        let named = if word(callee) == "]" { callee.saturating_sub(2) } else { callee };
        let is_plain = named > 0 && word(named - 1) == "operator";
        argument += usize::from(is_new && !is_plain);
        let mut depth = 0_usize;
        let mut count = argument + 1;
        for index in end..all.len() {
            match word(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth == 0 => break,
                ")" | "]" | "}" => depth -= 1,
                "," if depth == 0 => count += 1,
                _ => {}
            }
        }
        let place = (of.parsed, of.at);
        let passed = |name: &str| self.of_callee(place, name, (argument, count), left);
        if is_new {
            return passed("operator new").max(passed("operator new[]")).unwrap_or_default();
        }
        let name = word(callee);
        // A macro's own name is the function there.
        if name == of.own && of.is_macro {
            let is_it = vocabulary::function(name).is_some();
            return if is_it { LookedAt::No } else { LookedAt::Value };
        }
        if name == of.own {
            return LookedAt::No;
        }
        let is_leading = of.leading.contains(&all[callee].start);
        passed(name).unwrap_or(if is_leading { LookedAt::No } else { LookedAt::Value })
    }
}

/// Whether the token at `end` ends the argument that begins with the token at `first`: no parenthesis is open in it.
fn is_end(all: &[Token], text: &str, first: usize, end: usize) -> bool {
    let depth = all[first..end].iter().fold(0_isize, |depth, token| match token.text(text) {
        "(" => depth + 1,
        ")" => depth - 1,
        _ => depth,
    });
    depth <= 0
}

#[cfg(test)]
mod tests {
    use super::LookedAt;
    use crate::{SourceText, SourceTree, analyse};

    /// What becomes of the pool type in the call that stands in the last line.
    fn told(name: &str, text: &str) -> LookedAt {
        let mut tree = SourceTree::default();
        tree.add(name, SourceText::of(format!("#include <ntddk.h>\n{text}"))).unwrap();
        let calls = analyse(&tree, &[], &[]).calls;
        let line = |call: &crate::SourceCall| {
            tree.file(call.span.file).text.place(call.span.start as usize).line
        };
        let last = calls.iter().max_by_key(|call| line(call)).expect(text);
        assert!(!last.via.is_empty(), "{text}: {calls:?}");
        last.looked_at
    }

    #[test]
    fn wrappers_may_look_at_what_they_pass_on() {
        for body in [
            "switch (t) { case NonPagedPool: return ExAllocatePool(t, n); } return 0;",
            "Count[t]++; return ExAllocatePool(t, n);",
            "ASSERT(t == NonPagedPool || t == PagedPool); return ExAllocatePool(t, n);",
            "if (t != NonPagedPool && t != PagedPool) return 0; return ExAllocatePool(t, n);",
            "Last = t; return ExAllocatePool(t, n);",
            "return ExAllocatePool(t, n + t);",
            "Note(t); return ExAllocatePool(t, n);",
        ] {
            let text = format!(
                "void *W(POOL_TYPE t, SIZE_T n) {{ {body} }}\nvoid F(void) {{ W(NonPagedPool, 1); }}"
            );
            assert_eq!(told("a.c", &text), LookedAt::Value, "{body}");
        }
        for body in [
            "return ExAllocatePool(t, n);",
            "void *p = ExAllocatePool((POOL_TYPE)(t | POOL_RAISE_IF_ALLOCATION_FAILURE), n); return p;",
            "UNREFERENCED_PARAMETER(t); return ExAllocatePool(n ? t : PagedPool, n);",
            "(void)t; return V(n, t);",
            "p->t = n; return TAKE(t, n);",
        ] {
            let text = format!(
                "#define TAKE(t, n) ExAllocatePool((t), (n))\n\
                 void *V(SIZE_T n, POOL_TYPE k) {{ return ExAllocatePool(k, n); }}\n\
                 void *W(POOL_TYPE t, SIZE_T n) {{ {body} }}\nvoid F(void) {{ W(NonPagedPool, 1); }}"
            );
            assert_eq!(told("a.c", &text), LookedAt::No, "{body}");
        }
    }

    #[test]
    fn macros_may_look_at_what_they_pass_on() {
        for (define, expected) in [
            ("#define M(t, n) ExAllocatePoolWithTag(t, n, 'x')", LookedAt::No),
            ("#define M(...) ExAllocatePoolWithTag(__VA_ARGS__, 'x')", LookedAt::No),
            ("#define M(t, n) (Stats[t]++, ExAllocatePoolWithTag(t, n, 'x'))", LookedAt::Value),
            ("#define M(t, n) (Last = (t), ExAllocatePoolWithTag(t, n, 'x'))", LookedAt::Value),
            ("#define M(t, n) ExAllocatePoolWithTag(t, n, Tag##t)", LookedAt::Spelling),
            ("#define M(t, n) (Note(#t), ExAllocatePoolWithTag(t, n, 'x'))", LookedAt::Spelling),
        ] {
            let text = format!("{define}\nvoid F(void) {{ M(NonPagedPool, 1); }}");
            assert_eq!(told("a.c", &text), expected, "{define}");
        }
    }

    #[test]
    fn operators_may_look_at_what_they_pass_on() {
        for (body, expected) in [
            ("return ExAllocatePoolWithTag(t, n, 'x');", LookedAt::No),
            ("Count[t]++; return ExAllocatePoolWithTag(t, n, 'x');", LookedAt::Value),
        ] {
            let text = format!(
                "void *operator new(size_t n, POOL_TYPE t) {{ {body} }}\nvoid F() {{ new (NonPagedPool) int; }}"
            );
            assert_eq!(told("a.cpp", &text), expected, "{body}");
        }
    }
}
