//! What a name stands for at a place of a translation unit.

use crate::expression::{self, Expression};
use crate::{FileId, SourceTree};
use foldhash::HashMap;
use std::ops::Range;

/// What a macro stands for.
#[derive(Clone, Debug)]
pub(crate) struct Macro<'t> {
    /// The names of its parameters; none for a macro that is no function.
    pub(crate) parameters: Option<Vec<&'t str>>,
    pub(crate) body: Body<'t>,
}

/// Where the body of a macro stands.
#[derive(Clone, Debug)]
pub(crate) enum Body<'t> {
    /// In a file.
    Written(FileId, Range<usize>),
    /// Among what the project or the compiler defines.
    Given(&'t str),
    /// It is a number of the kit.
    Number(u64),
}

impl Macro<'_> {
    /// The body as an expression.
    pub(crate) fn expression(&self, tree: &SourceTree) -> Expression {
        match &self.body {
            Body::Written(file, range) => {
                expression::read(tree.file(*file).text.as_str(), range.clone(), *file)
            }
            Body::Given(text) => expression::read(text, 0..text.len(), FileId::NONE),
            Body::Number(value) => Expression::Number(*value, crate::Span::new(FileId::NONE, 0..0)),
        }
    }

    /// The body as it is written.
    pub(crate) fn text<'a>(&'a self, tree: &'a SourceTree) -> &'a str {
        match &self.body {
            Body::Written(file, range) => {
                tree.file(*file).text.as_str().get(range.clone()).unwrap_or_default()
            }
            Body::Given(text) => text,
            Body::Number(_) => "",
        }
    }
}

/// A definition or its end, at a point of the unit's time.
#[derive(Clone, Debug)]
struct Event<'t> {
    at: u32,
    /// Whether it certainly takes place: not below a condition that is open.
    certain: bool,
    /// None where the name ceases to be a macro.
    defined: Option<Macro<'t>>,
}

/// All that happens to the macros of a translation unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Macros<'t> {
    events: HashMap<&'t str, Vec<Event<'t>>>,
}

/// What a name may stand for at a time.
#[derive(Debug)]
pub(crate) struct Meanings<'m, 't> {
    /// The macros that it may be.
    pub(crate) macros: Vec<&'m Macro<'t>>,
    /// Whether it may also be no macro.
    pub(crate) maybe_undefined: bool,
    /// Whether any source said anything of it.
    pub(crate) mentioned: bool,
}

impl<'t> Macros<'t> {
    pub(crate) fn define(
        &mut self,
        name: &'t str,
        at: u32,
        certain: bool,
        defined: Option<Macro<'t>>,
    ) {
        self.events.entry(name).or_default().push(Event { at, certain, defined });
    }

    /// All that are defined at any time, each with its name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'t str, &Macro<'t>)> {
        self.events.iter().flat_map(|(name, events)| {
            events.iter().filter_map(|event| Some((*name, event.defined.as_ref()?)))
        })
    }

    /// What `name` may stand for at time `at`.
    pub(crate) fn meanings(&self, name: &str, at: u32) -> Meanings<'_, 't> {
        let events = self.events.get(name).map_or(&[][..], |events| events);
        let before = &events[..events.partition_point(|event| event.at <= at)];
        let mut meanings =
            Meanings { macros: Vec::new(), maybe_undefined: false, mentioned: !before.is_empty() };
        for event in before.iter().rev() {
            match &event.defined {
                Some(one) => meanings.macros.push(one),
                None => meanings.maybe_undefined = true,
            }
            if event.certain {
                return meanings;
            }
        }
        meanings.maybe_undefined = true;
        meanings
    }
}
