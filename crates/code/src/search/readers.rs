//! Functions in which ways to values begin: whether somebody is told of them, and what else they read.

use super::Search;
use crate::Reason;
use crate::decode::Flow;
use crate::ir::{Op, Source, Width};
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
    /// as the code just behind it does so.
    pub(super) fn stored_behind(&mut self, field: Field) -> Vec<u16> {
        let mut stored = Vec::new();
        let Some(start) = field.at.checked_sub(BEFORE_FIELD) else { return stored };
        let made = self.decoder.made(start).filter(|(_, loads)| !loads);
        let named = self.decoder.names(start).filter(|(_, place)| *place == field.place);
        let (Some((register, _)), Some((length, _))) = (made, named) else { return stored };
        let extent = self.finder.around(&mut *self.decoder, start);
        let frame = extent.and_then(|extent| extent.frame).and_then(|frame| frame.register);
        let own = [Some(self.transfer.abi.stack_pointer), frame.map(|(register, _)| register)];
        let mut at = start.saturating_add(length);
        let mut ops = Vec::new();
        self.decoder.start_chain();
        for _ in 0..NEAR {
            let Some(lifted) = self.decoder.read(at) else { break };
            ops.clear();
            self.decoder.lift(at, false, &mut ops);
            for op in &ops {
                match *op {
                    Op::Store { to, width: Width::W64, value: Source::Reg(value) }
                        if value == register && to.base.is_some() && !own.contains(&to.base) =>
                    {
                        stored.extend(u16::try_from(to.offset).ok());
                    }
                    _ => {}
                }
            }
            let kept = match lifted.flow {
                Flow::Next => true,
                Flow::Call(_) => self.transfer.abi.volatile >> register.0 & 1 == 0,
                _ => false,
            };
            if !kept || ops.iter().any(|op| op.sets() == Some(register)) {
                break;
            }
            at = at.saturating_add(u32::from(lifted.length));
        }
        stored
    }
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
