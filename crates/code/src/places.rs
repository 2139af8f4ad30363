//! What the places in an image mean to the analysis, whatever is looked for: code, imports, constants.

use crate::Reason;
use crate::domain::{Atom, Base};
use crate::query::Query;
use crate::scan::{self, Field};
use foldhash::HashSet;
use ringfence_image::{Image, RELOCATION_DIR64, Rva};
use std::collections::BTreeSet;
use std::ops::Range;

/// The largest image whose addresses are told from numbers.
const LARGEST: u64 = 1 << 32;

/// Bytes of an object in which pointers are looked for, and how far each may be behind the one before: in what
/// drivers register routines with, such as `FLT_REGISTRATION` and `FWPS_CALLOUT`, it is at most 0x18.
const LARGEST_OBJECT: u32 = 0x1000;
const FARTHEST_POINTER: u32 = 0x40;

/// Bytes of code that may be shared between sections of a small file.
const ROOM_FOR_SHARING: usize = 1 << 20;

/// What the places in an image mean.
pub(crate) struct Places<'a> {
    pub(crate) image: &'a Image<'a>,
    /// Every slot that the loader fills in, wanted or not, by address.
    imports: Vec<u32>,
    never_return: HashSet<u32>,
    writers: HashSet<u32>,
    guard_check: Option<u32>,
    guard_dispatch: Option<u32>,
    cookie: Option<u32>,
    /// Executable sections, by address: where they begin and the bytes the file has of them.
    code: Vec<(u32, &'a [u8])>,
    /// Whether sections were left out because they share the file's bytes too often.
    pub(crate) code_left_out: bool,
    /// What code names; found when first needed.
    names: std::cell::OnceCell<scan::Names>,
    /// Places of pointers that the loader moves with the image, by address; read when first needed.
    pointers: std::cell::OnceCell<Vec<u32>>,
    /// The same as (target, place), by target.
    pointed: std::cell::OnceCell<Vec<u64>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(image: &'a Image<'a>, query: &Query) -> Places<'a> {
        let mut places = Places {
            image,
            imports: Vec::new(),
            never_return: query.never_return.iter().map(|slot| slot.0).collect(),
            writers: query
                .watch
                .iter()
                .flat_map(|watch| &watch.writers)
                .map(|slot| slot.0)
                .collect(),
            guard_check: None,
            guard_dispatch: None,
            cookie: None,
            code: Vec::new(),
            code_left_out: false,
            names: std::cell::OnceCell::new(),
            pointers: std::cell::OnceCell::new(),
            pointed: std::cell::OnceCell::new(),
        };
        places.find_code();
        let config = image.load_config();
        places.guard_check = config.and_then(|config| places.rva(config.guard_check?));
        places.guard_dispatch = config.and_then(|config| places.rva(config.guard_dispatch?));
        places.cookie = config.and_then(|config| places.rva(config.security_cookie?));
        if !query.wanted.is_empty() || query.watch.is_some() {
            let modules = image.imports().modules.iter();
            let functions = modules.flat_map(|module| &module.functions);
            places.imports = functions.map(|function| function.slot.0).collect();
            places.imports.sort_unstable();
        }
        places
    }

    /// Collects executable sections, as many as the file can hold without showing its bytes over and
    /// over: a hostile section table has thousands of sections on the same bytes.
    fn find_code(&mut self) {
        let mut room = 2 * self.image.file_length() + ROOM_FOR_SHARING;
        for section in self.image.sections().iter().filter(|section| section.is_executable()) {
            let bytes = self.image.bytes_from(section.rva()).unwrap_or_default();
            // Addresses end at 4 GB, and so does what can stand at them.
            let addresses = (u32::MAX - section.rva().0) as usize;
            let bytes = &bytes[..bytes.len().min(addresses)];
            match room.checked_sub(bytes.len()) {
                Some(left) => room = left,
                None => {
                    self.code_left_out = true;
                    break;
                }
            }
            if !bytes.is_empty() {
                self.code.push((section.rva().0, bytes));
            }
        }
        self.code.sort_unstable_by_key(|(start, _)| *start);
        self.code.dedup_by_key(|(start, _)| *start);
    }

    /// Whether the loader fills in what stands at `place`.
    pub(crate) fn is_import(&self, place: u32) -> bool {
        self.imports.binary_search(&place).is_ok()
    }

    pub(crate) fn never_returns(&self, slot: u32) -> bool {
        self.never_return.contains(&slot)
    }

    /// Whether the function in an import's slot writes to the memory that its first argument leads to.
    pub(crate) fn writes(&self, slot: u32) -> bool {
        self.writers.contains(&slot)
    }

    /// Whether there is any such function.
    pub(crate) fn has_writers(&self) -> bool {
        !self.writers.is_empty()
    }

    /// Where the stack's cookie is.
    pub(crate) fn cookie(&self) -> Option<u32> {
        self.cookie
    }

    pub(crate) fn is_guard_check(&self, place: u32) -> bool {
        self.guard_check == Some(place)
    }

    pub(crate) fn has_guard_dispatch(&self) -> bool {
        self.guard_dispatch.is_some()
    }

    pub(crate) fn is_guard_dispatch(&self, place: u32) -> bool {
        self.guard_dispatch == Some(place)
    }

    /// The executable section around `rva`: where it begins, and the bytes the file has of it.
    pub(crate) fn code_around(&self, rva: u32) -> Option<(u32, &'a [u8])> {
        let after = self.code.partition_point(|(start, _)| *start <= rva);
        let (start, bytes) = *self.code.get(after.checked_sub(1)?)?;
        let inside = ((rva - start) as usize) < bytes.len();
        inside.then_some((start, bytes))
    }

    /// The bytes of code from `rva` on; `None` outside executable sections.
    pub(crate) fn code_from(&self, rva: u32) -> Option<&'a [u8]> {
        let (start, bytes) = self.code_around(rva)?;
        bytes.get((rva - start) as usize..)
    }

    /// The executable sections.
    pub(crate) fn code(&self) -> &[(u32, &'a [u8])] {
        &self.code
    }

    /// Whether `rva` is in a section that is executable and that nobody may write to.
    pub(crate) fn is_read_only_code(&self, rva: u32) -> bool {
        let section = self.image.section_at(Rva(rva));
        section.is_some_and(|section| section.is_executable() && !section.is_writable())
    }

    /// Whole addresses of such places that stand in code.
    pub(crate) fn code_pointers(&self) -> Vec<Field> {
        let in_code = self.image.relocations().iter().filter_map(|relocation| {
            let at = relocation.rva();
            let bytes = self.code_from(at.0)?.first_chunk::<8>()?;
            let target = self.rva(u64::from_le_bytes(*bytes))?;
            let moves = relocation.kind == RELOCATION_DIR64 && self.is_read_only_code(target);
            moves.then_some(Field { at: at.0, place: target })
        });
        in_code.collect()
    }

    /// An absolute address as one relative to the image base.
    pub(crate) fn rva(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.image.headers().image_base)?;
        (offset < LARGEST && self.image.section_at(Rva(offset as u32)).is_some())
            .then_some(offset as u32)
    }

    /// What is read from `rva`: `bytes` of it, little-endian.
    pub(crate) fn load(&self, rva: u32, bytes: u8, at: u32) -> Atom {
        if bytes == 8 {
            if self.guard_dispatch == Some(rva) {
                return Atom::address(Base::GuardDispatch, at);
            }
            if self.guard_check == Some(rva) {
                return Atom::address(Base::GuardCheck, at);
            }
        }
        self.constant(rva, bytes, at).unwrap_or(Atom::unknown(Reason::Global(Rva(rva)), at))
    }

    /// What stands in a section that nobody may write to, and the loader does not.
    pub(crate) fn constant(&self, rva: u32, bytes: u8, at: u32) -> Option<Atom> {
        let section = self.image.section_at(Rva(rva))?;
        if section.is_writable() {
            return None;
        }
        // A pointer has eight bytes.
        let near = rva.saturating_sub(7)..rva.saturating_add(u32::from(bytes));
        let guards = [self.guard_check, self.guard_dispatch];
        if one_in(&self.imports, &near) || guards.iter().flatten().any(|at| near.contains(at)) {
            return None;
        }
        let there = self.image.bytes_from(Rva(rva))?.get(..usize::from(bytes))?;
        let value = there.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
        // Only a pointer that moves with the image is an address; any other number may look like one.
        let moves = one_in(self.pointers(), &near);
        // An image without relocations stays where it is, and so do its pointers.
        let fixed = self.image.relocations().is_empty() && value != 0;
        let is_pointer = moves || fixed && bytes == 8 && self.rva(value).is_some();
        if !is_pointer {
            return Some(Atom::constant(value, at));
        }
        (bytes == 8 && (fixed || self.moves(rva)))
            .then(|| self.rva(value).map(|rva| Atom::address(Base::Image(rva), at)))?
    }

    /// What the file has at `place` in `bytes`, zeros where it has none; nothing where the loader puts
    /// an address there.
    pub(crate) fn initial(&self, place: u32, bytes: u8) -> Option<u64> {
        let near = place.saturating_sub(7)..place.saturating_add(u32::from(bytes));
        if one_in(self.pointers(), &near) || one_in(&self.imports, &near) {
            return None;
        }
        let there = self.image.bytes_from(Rva(place)).unwrap_or_default();
        let there = &there[..there.len().min(usize::from(bytes.min(8)))];
        Some(there.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// The fields in code that name places of the image.
    pub(crate) fn names(&self) -> &scan::Names {
        self.names.get_or_init(|| {
            let ends = self.image.sections().iter().map(|section| section.addresses().end);
            let end = ends.max().map_or(0, |end| u32::try_from(end).unwrap_or(u32::MAX));
            scan::Names::read(&self.code, end)
        })
    }

    /// The place that the pointer at `place` is the address of, as the file has it.
    pub(crate) fn pointer(&self, place: u32) -> Option<u32> {
        let bytes = self.image.bytes_from(Rva(place))?.first_chunk::<8>()?;
        let fixed = self.image.relocations().is_empty();
        (fixed || self.moves(place)).then(|| self.rva(u64::from_le_bytes(*bytes)))?
    }

    fn moves(&self, place: u32) -> bool {
        self.pointers().binary_search(&place).is_ok()
    }

    fn pointers(&self) -> &[u32] {
        self.pointers.get_or_init(|| {
            let all = self.image.relocations().iter();
            let pointers = all.filter(|relocation| relocation.kind == RELOCATION_DIR64);
            let mut pointers: Vec<u32> = pointers.map(|relocation| relocation.rva().0).collect();
            pointers.sort_unstable();
            pointers
        })
    }

    /// The places whose addresses stand in the object at `object`, in the file or because they were `put`
    /// there, as (where, what). Where objects end is not known: they go on as long as one pointer is near the
    /// last, and what nobody may write to up to the next place that code names.
    pub(crate) fn pointers_of(&self, object: u32, put: &BTreeSet<(u32, u32)>) -> Vec<u32> {
        let behind = object.saturating_add(1)..object.saturating_add(LARGEST_OBJECT);
        let constant = self.image.section_at(Rva(object)).is_some_and(|s| !s.is_writable());
        let named = || self.names().operands_near(&behind).map(|field| field.place);
        let next = || named().filter(|place| *place > object).min();
        let end = constant.then(next).flatten().unwrap_or(behind.end);
        let first = self.pointers().partition_point(|pointer| *pointer < object);
        let there = self.pointers()[first..].iter().take_while(|pointer| **pointer < end);
        let there = there.filter_map(|&pointer| Some((pointer, self.pointer(pointer)?)));
        let mut all: Vec<(u32, u32)> =
            there.chain(put.range((object, 0)..(end, 0)).copied()).collect();
        all.sort_unstable();
        let mut last = object;
        let near = |(pointer, _): &(u32, u32)| {
            pointer - std::mem::replace(&mut last, *pointer) <= FARTHEST_POINTER
        };
        all.into_iter().take_while(near).map(|(_, place)| place).collect()
    }

    /// Pointers in the image to one of `targets`, as (place, target): each one that moves with the image.
    pub(crate) fn pointers_to(&self, targets: &scan::Places) -> Vec<(u32, u32)> {
        let pointed = self.pointed.get_or_init(|| {
            let targets = self.pointers().iter().filter_map(|&place| {
                let bytes = self.image.bytes_from(Rva(place))?.first_chunk::<8>()?;
                let target = self.rva(u64::from_le_bytes(*bytes))?;
                Some(u64::from(target) << 32 | u64::from(place))
            });
            let mut pointed: Vec<u64> = targets.collect();
            pointed.sort_unstable();
            pointed
        });
        let mut found = Vec::new();
        for range in targets.ranges() {
            let first = pointed.partition_point(|both| both >> 32 < u64::from(range.start));
            let there = pointed[first..].iter().map(|both| (*both as u32, (both >> 32) as u32));
            found.extend(there.take_while(|(_, target)| *target < range.end));
        }
        found.sort_unstable();
        found
    }
}

/// Whether one of `places`, which are sorted, lies in `range`.
fn one_in(places: &[u32], range: &Range<u32>) -> bool {
    let first = places.partition_point(|place| *place < range.start);
    places.get(first).is_some_and(|place| *place < range.end)
}
