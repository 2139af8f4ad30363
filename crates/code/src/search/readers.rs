//! Functions in which ways to values begin: whether somebody is told of them, and what else they read.

use super::Search;
use crate::Reason;
use crate::decode::Flow;
use crate::ir::{Address, Binary, Op, Reg, Source, Width};
use crate::scan::{self, Field};
use crate::survey::{Reader, Site};
use foldhash::HashSet;
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};

/// Functions that are told of, and places that take their addresses which are looked at.
const MOST_READERS: usize = 1024;
const MOST_PLACES: usize = 16_384;
/// Instructions behind one that takes an address in which it is stored.
const NEAR: usize = 64;
/// Instructions before it that may tell where memory is that is filled with it.
const MOST_BEFORE: usize = 256;
/// `lea r64, [rip + field]`: bytes before the field.
const BEFORE_FIELD: u32 = 3;

impl Search<'_> {
    /// Tells what is known of the functions in which ways begin to what a call was given.
    pub(super) fn tell_readers(&mut self) {
        let functions: BTreeSet<u32> = self.survey.sites.iter().flat_map(begins).collect();
        let functions: HashSet<u32> = functions.into_iter().take(MOST_READERS).collect();
        let fields = self.scan_for_functions(&scan::Places::at(&functions));
        let mut stored: BTreeMap<u32, BTreeSet<u16>> = BTreeMap::new();
        for field in fields.into_iter().take(MOST_PLACES) {
            stored.entry(field.place).or_default().extend(self.stored_behind(field));
        }
        let mut readers: Vec<Reader> = functions
            .into_iter()
            .map(|function| Reader {
                function: Rva(function),
                stored: stored.remove(&function).into_iter().flatten().collect(),
                reads: self
                    .looked
                    .get(&function)
                    .map_or_else(Vec::new, |looked| looked.paths.iter().copied().collect()),
            })
            .collect();
        readers.sort_unstable_by_key(|reader| reader.function);
        self.survey.readers = readers;
    }

    /// How many bytes behind a pointer the address is stored that the instruction with `field` takes, as far
    /// as the code just behind it does so; where it is stored over and over, from which place on.
    pub(super) fn stored_behind(&mut self, field: Field) -> Vec<u16> {
        let mut stored = Vec::new();
        let Some(start) = field.at.checked_sub(BEFORE_FIELD) else { return stored };
        let made = self.decoder.made(start).filter(|(_, loads)| !loads);
        let named = self.decoder.names(start).filter(|(_, place)| *place == field.place);
        let (Some((register, _)), Some((length, _))) = (made, named) else { return stored };
        let Some(extent) = self.finder.around(&mut *self.decoder, start) else { return stored };
        let frame = extent.frame.and_then(|frame| frame.register);
        let own = [Some(self.transfer.abi.stack_pointer), frame.map(|(register, _)| register)];
        let mut held = Held { by: bit(register), ..Held::default() };
        let mut at = start.saturating_add(length);
        let mut ops = Vec::new();
        self.decoder.start_chain();
        for _ in 0..NEAR {
            let Some(lifted) = self.decoder.read(at) else { break };
            ops.clear();
            self.decoder.lift(at, false, &mut ops);
            for op in &ops {
                if held.fills(op, self.transfer.abi.result) {
                    // Where memory is filled may have been said before.
                    let range = extent.ranges.iter().find(|range| range.contains(&start));
                    let before = self.led_before(range.map_or(start, |range| range.start), start);
                    before.into_iter().for_each(|(register, address)| {
                        held.leads.entry(register).or_insert(address);
                    });
                    self.decoder.start_chain();
                }
                let to = held.stores(op, self.transfer.abi.result);
                let to = to.filter(|to| to.base.is_some() && !own.contains(&to.base));
                stored.extend(to.and_then(|to| u16::try_from(to.offset).ok()));
                held.goes_on(op);
            }
            match lifted.flow {
                Flow::Next => {}
                Flow::Call(_) => held.by &= !self.transfer.abi.volatile,
                _ => break,
            }
            if held.by == 0 {
                break;
            }
            at = at.saturating_add(u32::from(lifted.length));
        }
        stored
    }

    /// Which registers lead a little behind others where the instruction at `end` is reached, as far as the code from
    /// `start` on does so one instruction behind the other.
    fn led_before(&mut self, start: u32, end: u32) -> BTreeMap<u8, Address> {
        let mut held = Held::default();
        let mut ops = Vec::new();
        let mut at = start;
        self.decoder.start_chain();
        for _ in 0..MOST_BEFORE {
            if at >= end {
                break;
            }
            let Some(lifted) = self.decoder.read(at) else { break };
            ops.clear();
            self.decoder.lift(at, false, &mut ops);
            ops.iter().for_each(|op| held.goes_on(op));
            at = at.saturating_add(u32::from(lifted.length));
        }
        if at == end { held.leads } else { BTreeMap::new() }
    }
}

/// Which registers hold an address, a bit each.
#[derive(Default)]
struct Held {
    by: u64,
    /// Registers that lead to memory a little behind where others do.
    leads: BTreeMap<u8, Address>,
}

impl Held {
    fn holds(&self, source: Source) -> bool {
        matches!(source, Source::Reg(register) if self.by & bit(register) != 0)
    }

    /// Where an operation stores the address. What fills memory takes it from `result`.
    fn stores(&self, op: &Op, result: Reg) -> Option<Address> {
        match *op {
            Op::Store { to, width: Width::W64, value } if self.holds(value) => Some(to),
            Op::Smear { from } if self.holds(Source::Reg(result)) => {
                self.leads.get(&from.base?.0).copied()
            }
            _ => None,
        }
    }

    /// Whether an operation fills memory with the address, and it is not known where.
    fn fills(&self, op: &Op, result: Reg) -> bool {
        let Op::Smear { from: Address { base: Some(base), .. } } = *op else { return false };
        self.holds(Source::Reg(result)) && !self.leads.contains_key(&base.0)
    }

    /// What an operation makes of the registers.
    fn goes_on(&mut self, op: &Op) {
        let Some(to) = op.sets() else { return };
        let holds = matches!(*op, Op::Copy { width: Width::W64, from, .. } if self.holds(from));
        self.by = if holds { self.by | bit(to) } else { self.by & !bit(to) };
        self.leads.remove(&to.0);
        let leads = match *op {
            Op::Point { address, .. } if address.index.is_none() => Some(address),
            Op::Binary {
                what: Binary::Add,
                width: Width::W64,
                left: Source::Reg(base),
                right: Source::Number(number),
                ..
            } => Some(Address {
                base: Some(base),
                index: None,
                scale: 1,
                offset: number.cast_signed(),
                in_image: false,
            }),
            _ => None,
        };
        if let Some(address) = leads {
            self.leads.insert(to.0, address);
        }
    }
}

/// The bit of a register; none for one beyond those that are followed.
fn bit(register: Reg) -> u64 {
    1_u64.checked_shl(u32::from(register.0)).unwrap_or(0)
}

/// The functions in which the ways begin to what a call is given.
fn begins(site: &Site) -> impl Iterator<Item = u32> {
    let by_callers = site.routes.iter().flat_map(|route| &route.arguments);
    let possible = site.arguments.iter().chain(by_callers).flat_map(|one| &one.value.possible);
    possible.filter_map(|possible| match possible.unknown {
        Some(Reason::Field(path)) => Some(path.function().0),
        _ => None,
    })
}
