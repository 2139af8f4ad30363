//! Where the members of structures lie, by the rules of Microsoft's compiler for x64.

#[cfg(test)]
mod tests;

use crate::kit_types::{self, KitType};
use crate::number::Numbers;
use crate::pack::Packing;
use crate::preprocess::{ArmState, Unit};
use crate::shape::{Record, Shapes, Type};
use crate::{FileId, SourceTree, Span};
use foldhash::{HashMap, HashMapExt};
use std::ops::Range;
use std::sync::Arc;

/// Where things lie in a type.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) size: u64,
    pub(crate) align: u64,
    /// What packing does not lessen: the most that `__declspec(align)` asks for in it.
    required: u64,
    /// The places of addresses within eight bytes, a bit for each.
    residues: u8,
    pub(crate) body: Body,
}

impl Layout {
    /// Whether an address in it lies on no multiple of eight where it begins at `base`.
    pub(crate) fn is_misplaced_at(&self, base: u64) -> bool {
        self.residues.rotate_left((base % 8) as u32) & !1 != 0
    }
}

/// What a type is made of.
#[derive(Debug)]
pub(crate) enum Body {
    /// No address.
    Plain,
    Pointer,
    Array(Arc<Layout>, u64),
    Structure(Vec<Placed>),
    /// All members begin together; a value without a name is of the first.
    Union(Vec<Placed>),
}

/// A member in its place.
#[derive(Debug)]
pub(crate) struct Placed {
    /// Where its name stands; none for what has none, or is of the kit.
    pub(crate) name: Option<Span>,
    pub(crate) offset: u64,
    pub(crate) layout: Arc<Layout>,
    /// Of a bit-field the number of its lowest bit in what is at the offset, and how many it has.
    pub(crate) bits: Option<(u8, u8)>,
}

/// Nothing larger is data of a driver.
const LARGEST: u64 = 1 << 30;
const DEEPEST: usize = 32;

/// What the files of a translation unit declare, with what was worked out of it.
pub(crate) struct Layouts<'a, 't> {
    tree: &'t SourceTree,
    unit: &'a Unit<'t>,
    pub(crate) files: &'a [(FileId, Arc<Shapes>)],
    typedefs: HashMap<&'a str, Vec<(usize, &'a Type)>>,
    tags: HashMap<&'a str, Vec<(usize, usize)>>,
    /// Where in each file arms begin that depend on the build, in order.
    open: Vec<Vec<usize>>,
    /// Whether structures with bit-fields count: whoever reads their values has to know them.
    pub(crate) with_bits: bool,
    /// The records that are worked out; none where that is not possible, or not done yet.
    known: HashMap<(usize, usize), Option<Arc<Layout>>>,
}

impl<'a, 't> Layouts<'a, 't> {
    pub(crate) fn new(
        tree: &'t SourceTree,
        unit: &'a Unit<'t>,
        files: &'a [(FileId, Arc<Shapes>)],
    ) -> Layouts<'a, 't> {
        let mut typedefs: HashMap<&str, Vec<_>> = HashMap::new();
        let mut tags: HashMap<&str, Vec<_>> = HashMap::new();
        for (index, (_, shapes)) in files.iter().enumerate() {
            for (name, of) in &shapes.typedefs {
                typedefs.entry(name).or_default().push((index, of));
            }
            for (record, one) in shapes.records.iter().enumerate() {
                if let Some(name) = &one.name {
                    tags.entry(name).or_default().push((index, record));
                }
            }
        }
        let open = files.iter().map(|(file, _)| open_arms(unit, *file)).collect();
        let (with_bits, known) = (false, HashMap::new());
        Layouts { tree, unit, files, typedefs, tags, open, with_bits, known }
    }

    /// Whether what stands in a part of a file depends on the build.
    pub(crate) fn is_open(&self, file: usize, range: Range<usize>) -> bool {
        let starts = &self.open[file];
        let first = starts.partition_point(|start| *start < range.start);
        starts.get(first).is_some_and(|start| *start < range.end)
    }

    /// The layout of a type that one of the files names; none where something in it is not known.
    pub(crate) fn of(&mut self, file: usize, of: &Type, depth: usize) -> Option<Arc<Layout>> {
        if depth > DEEPEST {
            return None;
        }
        match of {
            Type::Number(size) => Some(number(u64::from(*size))),
            Type::Pointer => Some(pointer()),
            Type::Record(record) => self.record(file, *record, depth),
            Type::Array(of, count) => {
                let of = self.of(file, of, depth + 1)?;
                let numbers = Numbers::new(self.tree, self.unit);
                array(of, numbers.value(self.files[file].0, count.clone())?)
            }
            Type::Named(name) => match self.typedefs.get(&**name).map(|all| &all[..]) {
                Some([(file, of)]) => {
                    let (file, of) = (*file, *of);
                    self.of(file, of, depth + 1)
                }
                Some(_) => None,
                // C++ names structures without the word.
                None => self.tagged(name, depth).or_else(|| kit_types::of(name).map(of_kit)),
            },
            Type::Tag(name) => match self.tags.contains_key(&**name) {
                true => self.tagged(name, depth),
                false => kit_types::of(name).map(of_kit),
            },
            Type::Unknown => None,
        }
    }

    fn tagged(&mut self, name: &str, depth: usize) -> Option<Arc<Layout>> {
        match self.tags.get(name).map(|all| &all[..]) {
            Some(&[(file, record)]) => self.record(file, record, depth),
            _ => None,
        }
    }

    fn record(&mut self, file: usize, index: usize, depth: usize) -> Option<Arc<Layout>> {
        if let Some(known) = self.known.get(&(file, index)) {
            return known.clone();
        }
        // One that contains itself has no layout.
        self.known.insert((file, index), None);
        let files = self.files;
        let record = files[file].1.records.get(index)?;
        let layout = self.worked_out(file, record, depth).map(Arc::new);
        self.known.insert((file, index), layout.clone());
        layout
    }

    fn worked_out(&mut self, file: usize, record: &'a Record, depth: usize) -> Option<Layout> {
        if record.is_odd
            || record.has_bits && !self.with_bits
            || self.is_open(file, record.at..record.end)
        {
            return None;
        }
        let id = self.files[file].0;
        let packed = match self.packing(id, record.at) {
            _ if record.is_packed => 1,
            Packing::Default => u64::MAX,
            Packing::Bytes(bytes) => u64::from(bytes),
            Packing::Open => return None,
        };
        let mut placed = Vec::with_capacity(record.members.len());
        let (mut end, mut size, mut align, mut required) = (0_u64, 0, 1, record.align.unwrap_or(1));
        // Where the last bit-field lies, its size, and how many bits of that are taken.
        let mut last: Option<(u64, u64, u64)> = None;
        for member in &record.members {
            let layout = self.of(file, &member.of, depth + 1)?;
            let asked = member.align.unwrap_or(1).max(layout.required);
            let packed = if member.is_packed { 1 } else { packed };
            let own = layout.align.min(packed).max(asked);
            let mut offset = if record.is_union { 0 } else { end.next_multiple_of(own) };
            let mut bits = None;
            match &member.bits {
                Some(width) => {
                    let width = self.width(id, width.clone(), &layout)?;
                    // Those of one size share it as long as there is room.
                    let shared = last.filter(|(_, size, taken)| {
                        !record.is_union && *size == layout.size && taken + width <= size * 8
                    });
                    let (at, _, taken) = shared.unwrap_or((offset, layout.size, 0));
                    last = Some((at, layout.size, taken + width));
                    offset = at;
                    bits = Some((taken as u8, width as u8));
                }
                None => last = None,
            }
            end = offset + layout.size;
            size = size.max(end);
            align = align.max(own);
            required = required.max(asked);
            if size > LARGEST {
                return None;
            }
            let name = member.name.clone().map(|name| Span::new(id, name));
            placed.push(Placed { name, offset, layout, bits });
        }
        let align = align.max(required);
        let residues = residues(&placed);
        let body = if record.is_union { Body::Union(placed) } else { Body::Structure(placed) };
        Some(Layout { size: size.next_multiple_of(align), align, required, residues, body })
    }

    /// How many bits a bit-field of a number has; none where it has none, or the number no room for them.
    fn width(&self, file: FileId, of: Range<usize>, number: &Layout) -> Option<u64> {
        let width = Numbers::new(self.tree, self.unit).value(file, of)?;
        let is_number = matches!(number.body, Body::Plain) && number.size <= 8;
        (is_number && (1..=number.size * 8).contains(&width)).then_some(width)
    }

    fn packing(&self, file: FileId, at: usize) -> Packing {
        let visit = self.unit.visits.get(&file);
        self.unit.packings.at(visit.map_or(self.unit.end, |visit| visit.time(at)))
    }
}

fn open_arms(unit: &Unit<'_>, file: FileId) -> Vec<usize> {
    let arms = unit.visits.get(&file).map_or(&[][..], |visit| &visit.arms);
    let open = arms.iter().filter(|arm| matches!(arm.state, ArmState::Open { .. }));
    let mut starts: Vec<usize> = open.map(|arm| arm.range.start).collect();
    starts.sort_unstable();
    starts
}

fn residues(placed: &[Placed]) -> u8 {
    let place = |one: &Placed| one.layout.residues.rotate_left((one.offset % 8) as u32);
    placed.iter().map(place).fold(0, |all, one| all | one)
}

fn number(size: u64) -> Arc<Layout> {
    Arc::new(Layout { size, align: size, required: 1, residues: 0, body: Body::Plain })
}

fn pointer() -> Arc<Layout> {
    Arc::new(Layout { size: 8, align: 8, required: 1, residues: 1, body: Body::Pointer })
}

/// So many of a type.
pub(crate) fn array(of: Arc<Layout>, count: u64) -> Option<Arc<Layout>> {
    let size = of.size.checked_mul(count).filter(|size| *size <= LARGEST)?;
    let (align, required) = (of.align, of.required);
    // After eight of them their places come again.
    let place = |index: u64| of.residues.rotate_left((index * of.size % 8) as u32);
    let residues = (0..count.min(8)).map(place).fold(0, |all, one| all | one);
    Some(Arc::new(Layout { size, align, required, residues, body: Body::Array(of, count) }))
}

fn of_kit(of: KitType) -> Arc<Layout> {
    match of {
        KitType::Number(size) => number(u64::from(size)),
        KitType::Pointer => pointer(),
        KitType::Bytes(size, align) => Arc::new(Layout {
            size: u64::from(size),
            align: u64::from(align),
            required: 1,
            residues: 0,
            body: Body::Plain,
        }),
        KitType::Structure(members) => {
            let mut placed = Vec::new();
            let (mut end, mut align) = (0_u64, 1);
            for member in members {
                let layout = of_kit(*member);
                let offset = end.next_multiple_of(layout.align);
                end = offset + layout.size;
                align = align.max(layout.align);
                placed.push(Placed { name: None, offset, layout, bits: None });
            }
            let size = end.next_multiple_of(align);
            let residues = residues(&placed);
            Arc::new(Layout { size, align, required: 1, residues, body: Body::Structure(placed) })
        }
    }
}
