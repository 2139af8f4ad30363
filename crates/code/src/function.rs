//! Where functions are: by the exception directory, and between its entries by reading on.

use crate::decode::{Decoder, Flow};
use crate::ir::{Op, Reg};
use crate::places::Places;
use foldhash::{HashMap, HashMapExt};
use ringfence_image::{Function, Rva};
use std::collections::BTreeSet;
use std::ops::Range;

/// Fragments that are followed from one to the next.
const MOST_CHAINED: usize = 32;
/// Entries of the exception directory that are asked what they are fragments of; the kernel has 40,000.
const MOST_LISTED: usize = 1 << 18;
/// Code without unwind information is read on from at most this far before the place of interest.
const FARTHEST: u32 = 4 << 20;

/// The function around a place.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    /// Its first instruction.
    pub(crate) begin: u32,
    /// The code that is known to be its own; more is added as jumps lead to further fragments.
    pub(crate) ranges: Vec<Range<u32>>,
    /// Its stack frame, where unwind information tells.
    pub(crate) frame: Option<Frame>,
    /// Where it goes on after an exception.
    pub(crate) resumes: Vec<u32>,
    /// Whether the exception directory lists it; otherwise its beginning was worked out.
    pub(crate) listed: bool,
}

/// A function's stack frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Where the prolog ends.
    pub(crate) from: u32,
    /// How far the stack pointer then is below where it was at the start, in bytes.
    pub(crate) depth: u32,
    /// The register that points into the frame, and how far above the stack pointer.
    pub(crate) register: Option<(Reg, u32)>,
}

impl Frame {
    /// The operation that puts the stack pointer where the frame has it.
    pub(crate) fn op(&self) -> Op {
        Op::Frame { depth: self.depth, frame_register: self.register }
    }
}

impl Extent {
    pub(crate) fn contains(&self, rva: u32) -> bool {
        self.ranges.iter().any(|range| range.contains(&rva))
    }

    /// Takes in what `other` knows of the same function.
    pub(crate) fn add(&mut self, other: Extent) {
        if self.ranges != other.ranges {
            let more = other.ranges.into_iter().filter(|range| !self.ranges.contains(range));
            self.ranges.extend(more.collect::<Vec<_>>());
            self.resumes.extend(other.resumes);
        }
    }
}

fn range(entry: &Function) -> Range<u32> {
    entry.begin.0..entry.end.map_or(entry.begin.0, |end| end.0)
}

/// Finds functions; remembers what it read between them.
pub(crate) struct Finder<'a> {
    places: &'a Places<'a>,
    /// Stretches without entries: where functions start in them.
    stretches: Vec<(Range<u32>, BTreeSet<u32>)>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(places: &'a Places<'a>) -> Finder<'a> {
        Finder { places, stretches: Vec::new() }
    }

    /// The function around `rva`; `None` outside executable sections.
    pub(crate) fn around(&mut self, decoder: &mut dyn Decoder, rva: u32) -> Option<Extent> {
        match self.places.image.functions().containing(Rva(rva)) {
            Some(entry) => Some(self.listed(&entry)),
            None => self.worked_out(decoder, rva),
        }
    }

    /// The entry that `entry` is a fragment of, or itself.
    pub(crate) fn root(&self, entry: &Function) -> Function {
        let mut root = *entry;
        for _ in 0..MOST_CHAINED {
            match self.places.image.unwind(&root).and_then(|unwind| unwind.chained) {
                Some(parent) if parent != root => root = parent,
                _ => break,
            }
        }
        root
    }

    /// The listed function that `rva` is in or in a fragment of: the range of its main part.
    pub(crate) fn listed_around(&self, rva: u32) -> Option<Range<u32>> {
        let entry = self.places.image.functions().containing(Rva(rva))?;
        Some(range(&self.root(&entry)))
    }

    /// Whether two places are in one function, as far as the exception directory tells.
    pub(crate) fn are_in_one_function(&self, one: u32, other: u32) -> bool {
        let around = |rva| self.listed_around(rva).map(|root| root.start);
        around(one).is_some() && around(one) == around(other)
    }

    /// The fragments of each listed function that has some, by its beginning; `None` where more are listed
    /// than any driver has.
    pub(crate) fn fragments(&self) -> Option<HashMap<u32, Vec<Range<u32>>>> {
        let functions = self.places.image.functions();
        if functions.len() > MOST_LISTED {
            return None;
        }
        let mut fragments: HashMap<u32, Vec<Range<u32>>> = HashMap::new();
        for entry in functions.iter() {
            let root = self.root(&entry);
            if root != entry {
                fragments.entry(root.begin.0).or_default().push(range(&entry));
            }
        }
        Some(fragments)
    }

    fn listed(&self, entry: &Function) -> Extent {
        let root = self.root(entry);
        let unwind = self.places.image.unwind(&root).unwrap_or_default();
        let mut ranges = vec![range(&root)];
        let resumes = unwind.resumes;
        if root.begin != entry.begin {
            ranges.push(range(entry));
        }
        Extent {
            begin: root.begin.0,
            ranges,
            frame: (unwind.prolog > 0).then(|| Frame {
                from: root.begin.0.saturating_add(u32::from(unwind.prolog)),
                depth: unwind.frame,
                register: unwind.frame_register.map(|(number, above)| (Reg(number), above)),
            }),
            resumes: resumes.into_iter().map(|rva| rva.0).collect(),
            listed: true,
        }
    }

    /// From the beginning of a function to where it ends, or the next one begins; `None` where none begins
    /// there. Further fragments of it are elsewhere.
    pub(crate) fn bounds(&mut self, decoder: &mut dyn Decoder, begin: u32) -> Option<Range<u32>> {
        let extent = self.around(decoder, begin).filter(|extent| extent.begin == begin)?;
        let range = extent.ranges.first()?.clone();
        if extent.listed {
            return Some(range);
        }
        let stretch = self.stretches.iter().find(|(range, _)| range.contains(&begin));
        let next = stretch.and_then(|(_, starts)| starts.range(begin + 1..).next());
        Some(begin..next.copied().unwrap_or(range.end))
    }

    /// Whether a function that is not listed is known to begin at `rva`.
    pub(crate) fn begins_at(&self, rva: u32) -> bool {
        let around = self.stretches.iter().find(|(range, _)| range.contains(&rva));
        around.is_some_and(|(_, starts)| starts.contains(&rva))
    }

    fn worked_out(&mut self, decoder: &mut dyn Decoder, rva: u32) -> Option<Extent> {
        let index = match self.stretches.iter().position(|(range, _)| range.contains(&rva)) {
            Some(index) => index,
            None => {
                let stretch = self.stretch(rva)?;
                let starts = self.starts(decoder, &stretch);
                self.stretches.push((stretch, starts));
                self.stretches.len() - 1
            }
        };
        let (stretch, starts) = &self.stretches[index];
        let begin = starts.range(..=rva).next_back().copied().unwrap_or(stretch.start);
        Some(Extent {
            begin,
            // Jumps may lead to any part of the stretch: where functions end in it is not certain.
            ranges: vec![stretch.clone()],
            frame: None,
            resumes: Vec::new(),
            listed: false,
        })
    }

    /// The code around `rva` between two entries.
    pub(crate) fn stretch(&self, rva: u32) -> Option<Range<u32>> {
        let (code, bytes) = self.places.code_around(rva)?;
        let functions = self.places.image.functions();
        let before = functions.last_before(Rva(rva)).and_then(|entry| entry.end);
        let after = functions.next_after(Rva(rva)).map(|entry| entry.begin.0);
        // Beyond the bytes that the file has, a section may be zeros for as long as it likes.
        let code_end = code.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let start = before.map_or(0, |end| end.0).max(code);
        let start = start.min(rva).max(rva.saturating_sub(FARTHEST));
        let end = after.unwrap_or(u32::MAX).min(code_end).min(rva.saturating_add(FARTHEST));
        Some(start..end.max(rva.saturating_add(1)))
    }

    /// Reads a stretch from its start and tells where functions begin: behind filler that follows an
    /// end that no jump passes over, and wherever a call goes.
    fn starts(&self, decoder: &mut dyn Decoder, stretch: &Range<u32>) -> BTreeSet<u32> {
        let mut starts = BTreeSet::new();
        let mut at = self.past_padding(decoder, stretch.start);
        let mut fresh = true;
        // Behind a jump by a table stand its cases, each after the end of the one before.
        let mut scattered = false;
        let mut reached = at;
        let mut ends = true;
        while at < stretch.end {
            if fresh {
                starts.insert(at);
                scattered = false;
            }
            let Some((length, flow)) = decoder.step(at) else {
                at += 1;
                (fresh, ends) = (true, true);
                continue;
            };
            // Where a branch leads to a mere jump behind it, that is a tail call; or what others call as well.
            let jumps = matches!(flow, Flow::Indirect(crate::ir::Target::Pointer(_)));
            if ends && !fresh && jumps && self.is_called(decoder, at) {
                starts.insert(at);
            }
            let next = at.saturating_add(length);
            match flow {
                Flow::Jump(target) | Flow::Branch(target) if stretch.contains(&target) => {
                    reached = reached.max(target);
                }
                Flow::Call(crate::ir::Target::Code(target)) if stretch.contains(&target) => {
                    starts.insert(target);
                }
                _ => {}
            }
            ends = matches!(flow, Flow::Stop | Flow::Return | Flow::Jump(_) | Flow::Indirect(_));
            scattered |= matches!(flow, Flow::Indirect(target) if !matches!(target, crate::ir::Target::Pointer(_)));
            let filled =
                self.places.code_from(next).is_some_and(|bytes| bytes.first() == Some(&0xCC));
            fresh = ends && reached < next && (filled || !scattered);
            at = if ends { self.past_padding(decoder, next) } else { next };
        }
        starts
    }

    /// Whether some call goes to `at`.
    fn is_called(&self, decoder: &mut dyn Decoder, at: u32) -> bool {
        let mut ways = self.places.names().ways_to(at..at.saturating_add(1));
        ways.any(|field| {
            let flow = decoder.step(field.at.wrapping_sub(1)).map(|(_, flow)| flow);
            matches!(flow, Some(Flow::Call(crate::ir::Target::Code(to))) if to == at)
        })
    }

    fn past_padding(&self, decoder: &dyn Decoder, at: u32) -> u32 {
        let bytes = self.places.code_from(at).unwrap_or_default();
        at.saturating_add(decoder.padding(bytes) as u32)
    }
}
