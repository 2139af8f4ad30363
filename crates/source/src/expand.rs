//! What macros make of a text: the tokens that come of it, each with the place where it is written.

use crate::lex::{Kind, Token, tokens};
use crate::macros::{Body, Macro};
use crate::preprocess::Unit;
use crate::{FileId, SourceTree, Span};
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

/// What came of a text.
#[derive(Debug, Default)]
pub(crate) struct Expansion {
    /// The tokens, parted by blanks.
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
    /// Where each is written; in no file where it was pasted together or a project gives it.
    pub(crate) spans: Vec<Span>,
}

impl Expansion {
    /// The tokens in a part of the text, with their places.
    pub(crate) fn within(&self, range: &Range<usize>) -> (&[Token], &[Span]) {
        let from = self.tokens.partition_point(|token| token.start < range.start);
        let to = self.tokens.partition_point(|token| token.end <= range.end).max(from);
        (&self.tokens[from..to], &self.spans[from..to])
    }

    /// Where a part of the text is written, if that is one piece of one file.
    pub(crate) fn written(&self, tree: &SourceTree, range: &Range<usize>) -> Option<Span> {
        let (_, spans) = self.within(range);
        let (first, last) = spans.first().zip(spans.last())?;
        let whole = Span { file: first.file, start: first.start, end: last.end };
        let text = tree.text(whole);
        let count = tokens(text, 0, text.len()).take(spans.len() + 1).count();
        let in_order = spans.windows(2).all(|two| two[0].end <= two[1].start);
        let is_one = spans.iter().all(|one| one.file == whole.file);
        (is_one && in_order && count == spans.len()).then_some(whole)
    }

    fn push(&mut self, piece: &Piece<'_>) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.len();
        self.text.push_str(&piece.text);
        self.tokens.push(Token { kind: piece.kind, start, end: self.text.len() });
        self.spans.push(piece.span);
    }
}

/// Replaces macros, as they are at a time of a unit.
#[derive(Clone, Copy)]
pub(crate) struct Expander<'a, 't> {
    pub(crate) tree: &'a SourceTree,
    pub(crate) unit: &'a Unit<'t>,
    pub(crate) time: u32,
    /// Names that mean something where they are no macros.
    pub(crate) means: &'a dyn Fn(&str) -> bool,
    /// Names that are no macros here: the parameters of the macro around.
    pub(crate) bound: &'a dyn Fn(&str) -> bool,
    /// What is left of the budget.
    pub(crate) budget: &'a Cell<u32>,
}

/// How many tokens are looked at for one of the budget, and in all; how many come of it.
const STEPS: u32 = 8;
const MOST_STEPS: u32 = 1 << 15;
const MOST_TOKENS: usize = 1 << 12;
/// How many arguments of macros are replaced one within another.
const DEEPEST: usize = 32;
/// How many ways are looked at, where macros depend on the build.
pub(crate) const MOST_WAYS: usize = 4;

/// A token on its way. `hidden` is the last of the macros that it came of, which are not replaced in it again.
#[derive(Clone, Debug)]
struct Piece<'a> {
    kind: Kind,
    text: Cow<'a, str>,
    span: Span,
    hidden: usize,
}

struct Work<'a> {
    /// The macros that were replaced, each with the one before; the first is none.
    hidden: Vec<(usize, Cow<'a, str>)>,
    steps: u32,
    /// Which of the meanings of a macro is taken, and how many the one has that has the most.
    way: usize,
    ways: usize,
}

impl<'a, 't> Expander<'a, 't> {
    /// Whether a part of a text has a macro in it.
    pub(crate) fn is_needed(&self, text: &str, range: Range<usize>) -> bool {
        let is_macro = |token: Token| {
            let name = token.text(text);
            token.kind == Kind::Word
                && !(self.bound)(name)
                && !self.unit.meanings(name, self.time).macros.is_empty()
        };
        tokens(text, range.start, range.end).take(MOST_TOKENS).any(is_macro)
    }

    /// What comes of `range` of a text, for each way that the build may have it, and whether these are all. None where it is
    /// more than is followed.
    pub(crate) fn expand(
        &self,
        text: &'a str,
        range: Range<usize>,
        file: FileId,
    ) -> Option<(Vec<Expansion>, bool)> {
        let pieces: Vec<Piece<'a>> = pieces(text, range, file).take(MOST_TOKENS + 1).collect();
        if pieces.len() > MOST_TOKENS {
            return None;
        }
        let mut found = Vec::new();
        let mut ways = 1;
        let budget = self.budget.get();
        let first = budget.saturating_mul(STEPS).min(MOST_STEPS);
        let mut steps = first;
        while found.len() < ways.min(MOST_WAYS) {
            let hidden = vec![(0, Cow::Borrowed(""))];
            let mut work = Work { hidden, steps, way: found.len(), ways };
            let replaced = self.replaced(pieces.clone(), &mut work, 0);
            (ways, steps) = (work.ways, work.steps);
            self.budget.set(budget.saturating_sub(1 + (first - steps) / STEPS));
            let mut expansion = Expansion::default();
            replaced?.iter().for_each(|one| expansion.push(one));
            found.push(expansion);
        }
        Some((found, ways <= MOST_WAYS))
    }

    fn replaced(
        &self,
        pieces: Vec<Piece<'a>>,
        work: &mut Work<'a>,
        depth: usize,
    ) -> Option<Vec<Piece<'a>>> {
        if depth > DEEPEST {
            return None;
        }
        // What is still to be looked at, the next one last.
        let mut left = pieces;
        left.reverse();
        let mut done = Vec::new();
        while let Some(piece) = left.pop() {
            work.steps = work.steps.checked_sub(1)?;
            let used = self.meaning(&piece, work).filter(|one| {
                let opens = || left.last().is_some_and(|next| next.text == "(");
                one.parameters.is_none() || opens()
            });
            let Some(one) = used else {
                done.push(piece);
                continue;
            };
            let given = match one.parameters {
                Some(_) => arguments(&mut left, work)?,
                None => Vec::new(),
            };
            work.hidden.push((piece.hidden, piece.text.clone()));
            let hidden = work.hidden.len() - 1;
            let body = self.substituted(one, &given, hidden, work, depth)?;
            left.extend(body.into_iter().rev());
            if left.len() + done.len() > MOST_TOKENS {
                return None;
            }
        }
        Some(done)
    }

    /// The macro that a token stands for.
    fn meaning(&self, piece: &Piece<'a>, work: &mut Work<'a>) -> Option<&'a Macro<'t>> {
        let name = &*piece.text;
        if piece.kind != Kind::Word || (self.bound)(name) || work.hides(piece.hidden, name) {
            return None;
        }
        let meanings = self.unit.meanings(name, self.time);
        if meanings.macros.is_empty() {
            return None;
        }
        let may_be_none = meanings.maybe_undefined && (self.means)(name);
        let ways = meanings.macros.len() + usize::from(may_be_none);
        work.ways = work.ways.max(ways);
        meanings.macros.get(work.way.min(ways - 1)).copied()
    }

    /// The body of a macro with its arguments in place.
    fn substituted(
        &self,
        one: &'a Macro<'_>,
        arguments: &[Vec<Piece<'a>>],
        hidden: usize,
        work: &mut Work<'a>,
        depth: usize,
    ) -> Option<Vec<Piece<'a>>> {
        let body = body(one, self.tree, hidden);
        let mut given: Vec<Piece<'a>> = Vec::new();
        let mut index = 0;
        // Whether the next token is joined with the last, and whether there was nothing to join it with.
        let (mut joins, mut is_empty) = (false, false);
        while let Some(piece) = body.get(index) {
            work.steps = work.steps.checked_sub(1)?;
            index += 1;
            if piece.text == "##" {
                joins = index > 1;
                continue;
            }
            let is_joined = joins || body.get(index).is_some_and(|next| next.text == "##");
            let mut with = match argument(one, arguments, &piece.text) {
                Some(argument) => {
                    work.steps = work.steps.checked_sub(u32::try_from(argument.len()).ok()?)?;
                    if is_joined { argument } else { self.replaced(argument, work, depth + 1)? }
                }
                None if piece.text == "#" && one.parameters.is_some() => {
                    index += 1;
                    let text = Cow::Borrowed("\"\"");
                    vec![Piece { kind: Kind::String, text, span: NOWHERE, hidden }]
                }
                None => vec![piece.clone()],
            };
            if std::mem::take(&mut joins) {
                match given.last() {
                    // Where further arguments are none, the comma before them goes as well.
                    Some(last) if last.text == "," && with.is_empty() => {
                        given.pop();
                    }
                    Some(last) if last.text != "," && !is_empty && !with.is_empty() => {
                        let text = format!("{}{}", last.text, with.remove(0).text);
                        given.pop();
                        given.extend(joined(&text, hidden));
                    }
                    _ => {}
                }
                is_empty &= with.is_empty();
            } else {
                is_empty = with.is_empty();
            }
            given.extend(with);
            if given.len() > MOST_TOKENS {
                return None;
            }
        }
        Some(given)
    }
}

impl Work<'_> {
    /// Whether a token came of the macro of that name.
    fn hides(&mut self, mut hidden: usize, name: &str) -> bool {
        while hidden != 0 {
            let Some((before, macro_name)) = self.hidden.get(hidden) else { return true };
            if macro_name == name {
                return true;
            }
            self.steps = self.steps.saturating_sub(1);
            hidden = *before;
        }
        false
    }
}

const NOWHERE: Span = Span { file: FileId::NONE, start: 0, end: 0 };

fn pieces(text: &str, range: Range<usize>, file: FileId) -> impl Iterator<Item = Piece<'_>> {
    tokens(text, range.start, range.end).map(move |token| Piece {
        kind: token.kind,
        text: Cow::Borrowed(token.text(text)),
        span: Span::new(file, token.start..token.end),
        hidden: 0,
    })
}

/// What a macro stands for.
fn body<'a>(one: &'a Macro<'_>, tree: &'a SourceTree, hidden: usize) -> Vec<Piece<'a>> {
    let (text, range, file) = match &one.body {
        Body::Written(file, range) => (tree.file(*file).text.as_str(), range.clone(), *file),
        _ => (one.text(tree), 0..one.text(tree).len(), FileId::NONE),
    };
    let all = pieces(text, range, file).take(MOST_TOKENS + 1);
    all.map(|piece| Piece { hidden, ..piece }).collect()
}

/// The tokens of two that were joined: one, in C that a compiler takes.
fn joined<'a>(text: &str, hidden: usize) -> Vec<Piece<'a>> {
    let one = |token: Token| Piece {
        kind: token.kind,
        text: Cow::Owned(token.text(text).to_owned()),
        span: NOWHERE,
        hidden,
    };
    tokens(text, 0, text.len()).map(one).collect()
}

/// What stands for a name in the body of a macro, if it is one of the parameters. Of further arguments there may be none.
fn argument<'a>(
    one: &Macro<'_>,
    arguments: &[Vec<Piece<'a>>],
    name: &str,
) -> Option<Vec<Piece<'a>>> {
    let parameters = one.parameters.as_deref()?;
    let is_it = |known: &&str| {
        *known == name
            || *known == "..." && name == "__VA_ARGS__"
            || known.strip_suffix("...").is_some_and(|known| known == name && !known.is_empty())
    };
    let index = parameters.iter().position(is_it)?;
    if !parameters[index].ends_with("...") {
        return Some(arguments.get(index).cloned().unwrap_or_default());
    }
    let comma = || Piece { kind: Kind::Operator, text: ",".into(), span: NOWHERE, hidden: 0 };
    let mut rest = Vec::new();
    for (at, argument) in arguments.iter().enumerate().skip(index) {
        rest.extend((at > index).then(comma));
        rest.extend(argument.iter().cloned());
    }
    Some(rest)
}

/// Takes the arguments of a macro that stand next. None where they do not end.
fn arguments<'a>(left: &mut Vec<Piece<'a>>, work: &mut Work<'a>) -> Option<Vec<Vec<Piece<'a>>>> {
    let mut all = vec![Vec::new()];
    let mut depth = 0_usize;
    left.pop();
    loop {
        let piece = left.pop()?;
        work.steps = work.steps.checked_sub(1)?;
        match &*piece.text {
            "(" => depth += 1,
            ")" if depth == 0 => return Some(all),
            ")" => depth -= 1,
            "," if depth == 0 => {
                all.push(Vec::new());
                continue;
            }
            _ => {}
        }
        all.last_mut()?.push(piece);
    }
}
