//! How control moves through a function, as far as it matters for what variables hold.

mod walk;

use crate::syntax::{ByField, Field, Kind};
use std::ops::Range;
use tree_sitter::Node;
pub(crate) use walk::{Event, EventKind, Passes, Tracked, Way, kept, reached, unreached};

/// Something that control may take several ways at, or jump to or from.
#[derive(Clone, Debug)]
pub(crate) struct Fork {
    pub(crate) kind: ForkKind,
    pub(crate) range: Range<usize>,
}

/// What it is. Ranges are parts of it, bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ForkKind {
    /// By a condition one of two; without the second it may be passed by.
    Choice {
        condition: Range<usize>,
        yes: Range<usize>,
        no: Option<Range<usize>>,
    },
    /// It may run or not: with a condition, where that has the truth told.
    Maybe(Option<(Range<usize>, bool)>),
    /// A condition, a body, and what comes after each round.
    Loop {
        begins: usize,
        condition: Option<Range<usize>>,
        body: Range<usize>,
        update: Option<Range<usize>>,
        /// Whether only a jump ends it.
        is_endless: bool,
    },
    /// The body, whether it may run again, and what decides that.
    Do(Range<usize>, bool, Option<Range<usize>>),
    /// What is looked at, and the body.
    Switch(Range<usize>, Range<usize>),
    /// A label of a switch; without a value it is the default.
    Case(Option<Range<usize>>),
    /// The body, and whether what follows it runs in any case.
    Try(Range<usize>, bool),
    Break,
    Continue,
    /// To the end of the block that is tried.
    Leave,
    /// Out of the function.
    Return,
    /// To the label of that name.
    Goto(Range<usize>),
    /// A macro that stands before it may decide whether it runs.
    Unclear,
    Label(Range<usize>),
}

impl Fork {
    /// What a node of the syntax is.
    pub(crate) fn of(node: Node<'_>, kind: Kind, bytes: &[u8]) -> Option<Fork> {
        let field = |field| node.field(field);
        let part = |name| field(name).map(|part| part.byte_range());
        let says = |name, words: &[&[u8]]| {
            let text = part(name).and_then(|part| bytes.get(part)).unwrap_or_default();
            words.contains(&text.trim_ascii())
        };
        const ALWAYS: [&[u8]; 6] = [b"1", b"TRUE", b"true", b"(1)", b"(TRUE)", b"(true)"];
        const NEVER: [&[u8]; 3] = [b"(0)", b"(FALSE)", b"(false)"];
        let kind = match kind {
            Kind::If => ForkKind::Choice {
                condition: part(Field::Condition)?,
                yes: part(Field::Consequence)?,
                no: part(Field::Alternative),
            },
            Kind::Conditional => ForkKind::Choice {
                condition: part(Field::Condition)?,
                yes: part(Field::Consequence)
                    .unwrap_or_else(|| node.start_byte()..node.start_byte()),
                no: part(Field::Alternative),
            },
            Kind::Binary if says(Field::Operator, &[b"&&", b"||"]) => {
                let kind =
                    ForkKind::Maybe(Some((part(Field::Left)?, says(Field::Operator, &[b"&&"]))));
                return Some(Fork { kind, range: part(Field::Right)? });
            }
            Kind::Lambda | Kind::Catch => ForkKind::Maybe(None),
            Kind::While => ForkKind::Loop {
                begins: node.start_byte(),
                condition: part(Field::Condition),
                body: part(Field::Body)?,
                update: None,
                is_endless: says(Field::Condition, &ALWAYS),
            },
            Kind::For => ForkKind::Loop {
                begins: field(Field::Initializer).map_or(node.start_byte(), |first| {
                    first.end_byte() + usize::from(first.kind() != "declaration")
                }),
                condition: part(Field::Condition),
                body: part(Field::Body)?,
                // What happens in it has happened at its end.
                update: part(Field::Update).map(|part| part.start..part.end + 1),
                is_endless: field(Field::Condition).is_none() || says(Field::Condition, &ALWAYS),
            },
            Kind::ForRange => ForkKind::Loop {
                begins: node.start_byte(),
                condition: None,
                body: part(Field::Body)?,
                update: None,
                is_endless: false,
            },
            Kind::Do => {
                let again = !says(Field::Condition, &NEVER);
                ForkKind::Do(part(Field::Body)?, again, part(Field::Condition))
            }
            Kind::Switch => ForkKind::Switch(part(Field::Condition)?, part(Field::Body)?),
            Kind::Case => ForkKind::Case(part(Field::Value)),
            Kind::Try => {
                let last =
                    node.named_child(u32::try_from(node.named_child_count()).ok()?.checked_sub(1)?);
                let is_finally = last.is_some_and(|last| last.kind() == "seh_finally_clause");
                ForkKind::Try(part(Field::Body)?, is_finally)
            }
            Kind::Break => ForkKind::Break,
            Kind::Continue => ForkKind::Continue,
            Kind::Leave => ForkKind::Leave,
            Kind::Return | Kind::Throw => ForkKind::Return,
            Kind::Goto => ForkKind::Goto(part(Field::Label)?),
            Kind::Labeled => ForkKind::Label(part(Field::Label)?),
            _ => return None,
        };
        Some(Fork { kind, range: node.byte_range() })
    }

    /// Tells each range that it has.
    pub(crate) fn each_range(&mut self, tell: &mut dyn FnMut(&mut Range<usize>)) {
        tell(&mut self.range);
        match &mut self.kind {
            ForkKind::Choice { condition, yes, no } => {
                [condition, yes].into_iter().chain(no).for_each(tell);
            }
            ForkKind::Maybe(condition) => {
                condition.iter_mut().for_each(|(condition, _)| tell(condition));
            }
            ForkKind::Switch(on, body) => [on, body].into_iter().for_each(tell),
            ForkKind::Case(value) => value.iter_mut().for_each(tell),
            ForkKind::Loop { condition, body, update, .. } => {
                [body].into_iter().chain(condition).chain(update).for_each(tell);
            }
            ForkKind::Do(body, _, condition) => {
                [body].into_iter().chain(condition).for_each(tell);
            }
            ForkKind::Try(part, _) | ForkKind::Goto(part) | ForkKind::Label(part) => tell(part),
            ForkKind::Break
            | ForkKind::Continue
            | ForkKind::Leave
            | ForkKind::Return
            | ForkKind::Unclear => {}
        }
    }

    /// Where the statement begins that it decides about, other than behind an `else`.
    pub(crate) fn body_start(&self) -> Option<usize> {
        match &self.kind {
            ForkKind::Choice { yes: body, .. }
            | ForkKind::Loop { body, .. }
            | ForkKind::Do(body, ..)
            | ForkKind::Switch(_, body)
            | ForkKind::Try(body, _) => Some(body.start),
            _ => None,
        }
    }

    /// Whether control goes elsewhere from it, whatever is the case.
    pub(crate) fn is_jump(&self) -> bool {
        matches!(
            self.kind,
            ForkKind::Break
                | ForkKind::Continue
                | ForkKind::Leave
                | ForkKind::Return
                | ForkKind::Goto(_)
        )
    }
}
