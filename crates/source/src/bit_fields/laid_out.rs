//! Where the members of a union lie, as the headers that are included have it.

use crate::blank::blanked;
use crate::directive::directives;
use crate::expression::Step;
use crate::layout::{Body, Layout, Layouts, Placed};
use crate::searcher::Searcher;
use crate::shape::{Type, shapes};
use crate::value::Value;
use crate::world::World;
use crate::{FileId, SourceTree};
use foldhash::HashMap;
use std::sync::{Arc, Mutex};

/// How deep structures stand in one another.
const DEEPEST: usize = 8;
/// How many types are looked for in a tree, and how much of it is parsed for one, in bytes.
const MOST_TYPES: usize = 64;
const MOST_PARSED: usize = 4 << 20;

/// The layouts of unions that were asked for, by the source that includes them and their names.
#[derive(Default)]
pub(crate) struct Unions(Mutex<Known>);

type Known = HashMap<(FileId, Box<str>), Option<Arc<Layout>>>;

/// Where a member lies in its union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) lowest: u8,
    pub(super) count: u8,
    pub(super) is_field: bool,
}

impl Unions {
    /// The layout of the union that a file calls so.
    pub(super) fn of(&self, world: &World<'_>, parsed: usize, name: &str) -> Option<Arc<Layout>> {
        let key = (world.parsed[parsed].unit.main, Box::from(name));
        let known = self.0.lock().ok()?;
        match known.get(&key) {
            Some(known) => return known.clone(),
            None if known.len() >= MOST_TYPES => return None,
            None => drop(known),
        }
        let found = laid_out(world, parsed, name);
        self.0.lock().ok()?.insert(key, found.clone());
        found
    }
}

/// Reads the files of a unit that name a type.
fn laid_out(world: &World<'_>, parsed: usize, name: &str) -> Option<Arc<Layout>> {
    let tree: &SourceTree = world.tree;
    let unit = &world.parsed[parsed].unit;
    let names = Searcher::of(&[name.to_owned()]);
    let text = |file: FileId| tree.file(file).text.as_str();
    let mut files: Vec<FileId> = unit.visits.keys().copied().chain([unit.main]).collect();
    files.retain(|file| names.is_any_in(text(*file)));
    files.sort();
    files.dedup();
    if files.iter().map(|file| text(*file).len()).sum::<usize>() > MOST_PARSED {
        return None;
    }
    let kind = tree.file(unit.main).kind;
    let read = |file: &FileId| {
        let text = text(*file);
        let made = blanked(text, &directives(text), unit.visits.get(file), 0);
        (*file, Arc::new(shapes(text, made, kind)))
    };
    let all: Vec<_> = files.iter().map(read).collect();
    let mut layouts = Layouts::new(tree, unit, &all);
    layouts.with_bits = true;
    let found = layouts.of(0, &Type::Named(name.to_owned()), 0)?;
    matches!(found.body, Body::Union(_)).then_some(found)
}

/// Where the member is that steps lead to.
pub(super) fn bits(world: &World<'_>, of: &Layout, steps: &[Step]) -> Option<Bits> {
    let mut offset = 0;
    let mut layout = of;
    let (last, before) = steps.split_last()?;
    for step in before {
        let (at, placed) = member(world, layout, step, 0)?;
        offset += at;
        layout = &placed.layout;
    }
    let (at, placed) = member(world, layout, last, 0)?;
    offset += at;
    let lowest = u8::try_from(offset * 8).ok().filter(|lowest| *lowest < 64)?;
    let found = match (placed.bits, &placed.layout.body) {
        (Some((first, count)), _) => Bits { lowest: lowest + first, count, is_field: true },
        (None, Body::Plain) => {
            let count = u8::try_from(placed.layout.size * 8).ok()?;
            Bits { lowest, count, is_field: false }
        }
        _ => return None,
    };
    (found.count > 0 && found.lowest + found.count <= 64).then_some(found)
}

/// The member that a step leads to, also of a structure without a name within; with its offset.
fn member<'l>(
    world: &World<'_>,
    of: &'l Layout,
    step: &Step,
    depth: usize,
) -> Option<(u64, &'l Placed)> {
    let (Body::Structure(members) | Body::Union(members), Step::Member(name)) = (&of.body, step)
    else {
        return None;
    };
    if depth > DEEPEST {
        return None;
    }
    members.iter().find_map(|one| match one.name {
        Some(span) => (world.tree.text(span) == &**name).then_some((one.offset, one)),
        None => {
            let (at, found) = member(world, &one.layout, step, depth + 1)?;
            Some((one.offset + at, found))
        }
    })
}

impl Bits {
    /// Whether it is as large as the register.
    pub(super) fn is_all(self) -> bool {
        self.lowest == 0 && self.count == 64
    }

    pub(super) fn mask(self) -> u64 {
        (u64::MAX >> (64 - u32::from(self.count))) << self.lowest
    }

    /// A value in its place, with all bits around it the same.
    pub(super) fn placed(self, value: Value, around: bool) -> Value {
        let mask = self.mask();
        let others = if around { !mask } else { 0 };
        value.mapped(|mut choice| {
            choice.bits.ones = choice.bits.ones << self.lowest & mask | others;
            choice.bits.zeros = choice.bits.zeros << self.lowest & mask | !mask & !others;
            choice
        })
    }
}
