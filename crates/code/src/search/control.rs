//! What callers give a function that puts it into control register 0, as one that is written in assembly does, and
//! what others return that is put there.

use super::Search;
use crate::analysis::watch::{Asked, Part, Watching, watch};
use crate::analysis::{Manner, value_of};
use crate::decode::Flow;
use crate::domain::Atom;
use crate::flow::graph;
use crate::ir::Target;
use crate::scan;
use crate::sighting::{Sight, Sighting};
use crate::value::{Reason, Value};
use foldhash::HashMap;
use ringfence_image::Rva;
use std::collections::BTreeSet;

/// Functions one behind the other that hand the value on, callers of each, and of all.
const MOST_LEVELS: usize = 3;
const MOST_CALLERS: usize = 32;
const MOST_ASKED: usize = 256;

impl Search<'_> {
    /// Tells of values that a function is given and puts into control register 0 what its callers give it, each at its
    /// call, where all of them are known.
    pub(super) fn ask_who_sets_control(&mut self, mut budget: usize) {
        let mut left = MOST_ASKED;
        for _ in 0..MOST_LEVELS {
            let mut told = Vec::new();
            let mut changes = false;
            for sighting in std::mem::take(&mut self.survey.sightings) {
                let others = match reason_of(&sighting).filter(|_| sighting.reached) {
                    Some(Reason::Parameter(index)) => {
                        self.setters(sighting.function.0, index, &mut left, &mut budget)
                    }
                    Some(Reason::ReturnedBy(function)) => {
                        let value = self.returned_value(function.0, &mut budget);
                        value.map(|value| {
                            vec![Sighting { what: Sight::Cr0Set { value }, ..sighting.clone() }]
                        })
                    }
                    _ => None,
                };
                changes |= others.is_some();
                told.extend(others.unwrap_or_else(|| vec![sighting]));
            }
            self.survey.sightings = told;
            if !changes {
                break;
            }
        }
    }

    /// What each call of the function at `function` gives it in the parameter `index`; nothing where it may have other
    /// callers, or one is not understood.
    fn setters(
        &mut self,
        function: u32,
        index: u8,
        left: &mut usize,
        budget: &mut usize,
    ) -> Option<Vec<Sighting>> {
        let place = function..function.saturating_add(1);
        let places = scan::Places::within(vec![place.clone()]);
        let image = self.places.image;
        let exported = image.exports().iter().any(|export| export.address.0 == function);
        if exported
            || image.headers().entry_point.0 == function
            || !self.places.pointers_to(&places).is_empty()
        {
            return None;
        }
        let own = self.finder.bounds(&mut *self.decoder, function)?;
        if self.is_entered_inside(function, &own) {
            return None;
        }
        let fields = self.places.names().ways_to(place).take(MOST_CALLERS + 1);
        let ways = fields.map(|field| field.at.checked_sub(1));
        let mut ways = ways.collect::<Option<BTreeSet<u32>>>()?;
        ways.extend(self.jumps_from_near(&own));
        *left = left.checked_sub(ways.len())?;
        if ways.is_empty() || ways.len() > MOST_CALLERS {
            return None;
        }
        let mut told = Vec::new();
        for start in ways {
            match self.decoder.step(start)?.1 {
                Flow::Call(Target::Code(to)) | Flow::Jump(to) if to == function => {
                    told.push(self.given_at(start, Asked { function, index }, budget)?);
                }
                // Its address is taken, or it is jumped to on a condition.
                _ => return None,
            }
        }
        Some(told)
    }

    /// What a function returns, as far as it is a number or was read from the register.
    fn returned_value(&mut self, function: u32, budget: &mut usize) -> Option<Value> {
        let gives = HashMap::default();
        let looked = self.watched(function, &Vec::new(), Manner::ForResults, &gives, *budget);
        let (watched, steps) = looked?;
        *budget = budget.saturating_sub(steps);
        let known = |atom: &Atom| atom.is_number() && atom.ones | atom.zeros != 0;
        let all = !watched.results.is_empty() && watched.results.iter().all(known);
        (all && !watched.spent).then(|| value_of(&watched.results, 64, |_| None))
    }

    /// What the call at `at` gives.
    fn given_at(&mut self, at: u32, asked: Asked, budget: &mut usize) -> Option<Sighting> {
        let mut extent = self.finder.around(&mut *self.decoder, at)?;
        extent.ranges.sort_by_key(|range| (range.start != extent.begin, range.start));
        let mut graph = graph(&mut *self.decoder, self.places, &self.finder, extent, &[]);
        self.transfer.clear();
        let gives = HashMap::default();
        let watching = Watching::asking(&gives, asked);
        let watched = watch(
            &mut self.transfer,
            &mut *self.decoder,
            &mut graph,
            &self.query,
            &Part::Whole(Manner::Quickly),
            (watching, *budget),
        );
        *budget = budget.checked_sub(graph.insns.len() + watched.steps)?;
        let spent = graph.spent || watched.spent;
        watched.answers.into_iter().find(|answer| answer.at.0 == at && !spent)
    }
}

/// Why nothing at all is known of what a sighting puts into control register 0.
fn reason_of(sighting: &Sighting) -> Option<Reason> {
    let Sight::Cr0Set { value: Value { possible } } = &sighting.what else { return None };
    match possible[..] {
        [only] if only.ones == 0 && only.zeros == 0 => only.unknown,
        _ => None,
    }
}

/// Where a sighting of control register 0 stands that a caller's value makes.
pub(crate) fn set_by_call(at: Rva, function: Rva, value: Value, reached: bool) -> Sighting {
    Sighting { at, function, what: Sight::Cr0Set { value }, always: true, reached }
}
