//! Functions of the image that find others by a name which they are given: their callers are looked at as if
//! they called the kernel's own.

use super::{Aim, Anchor, Search};
use crate::aims::{Finder, Spelling};
use crate::analysis::{Found, Manner};
use crate::domain::{Atom, Base};
use crate::query::{Callee, Effect, Wanted};
use crate::scan;
use crate::transfer::FOUND;
use foldhash::{HashMap, HashSet};
use ringfence_image::Rva;
use std::collections::BTreeSet;

/// Such functions one behind the other, and how many of them there may be in all.
const MOST_LEVELS: usize = 4;
const MOST_FINDERS: usize = 256;

/// What is known of functions that find others by name.
#[derive(Default)]
pub(super) struct Finders {
    /// Calls by a name that is not known where they stand.
    asked: Vec<Asked>,
    /// By their numbers in the query.
    known: HashMap<u32, Known>,
    /// Functions that were looked at.
    seen: HashSet<u32>,
}

/// A call by which a function is found by a name that is not known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    /// Where the function begins that it is in.
    function: u32,
    at: u32,
    /// The wanted function that it calls.
    by: u32,
    /// The parameter that the name is, if it is one.
    handed: Option<(u8, Spelling)>,
}

/// A function that finds others by name.
struct Known {
    /// Its own calls, of which the callers know the name.
    calls: BTreeSet<u32>,
    /// Whether somebody is seen to call it, and whether others may.
    called: bool,
    open: bool,
}

impl Finders {
    /// Notes what a function finds by names that it is given, and which such functions it calls.
    pub(super) fn note(&mut self, function: u32, found: &Found, spent: bool) {
        if found.named.is_empty() || spent || self.asked.len() >= MOST_FINDERS {
            return;
        }
        let nameless = found.named.iter().filter(|(.., name)| name.is_none());
        let handed = |at: &u32| found.handed_names.get(at).copied().flatten();
        let asked = |at: &u32, by: &u32| Asked { function, at: *at, by: *by, handed: handed(at) };
        self.asked.extend(nameless.map(|(at, by, _)| asked(at, by)));
    }

    /// Whether a number of the query is that of such a function.
    pub(super) fn is_one(&self, number: u32) -> bool {
        self.known.contains_key(&number)
    }

    /// Says that such a function may have callers that are not seen.
    pub(super) fn open(&mut self, number: u32) {
        if let Some(known) = self.known.get_mut(&number) {
            known.open = true;
        }
    }
}

impl Search<'_> {
    /// Looks for functions that hand on what they find by a name which they are given, and follows those who call
    /// them.
    pub(super) fn follow_finders(&mut self) {
        for _ in 0..MOST_LEVELS {
            let mut fresh: HashMap<u32, u32> = HashMap::default();
            let mut asked = std::mem::take(&mut self.finders.asked);
            asked.sort_unstable();
            for calls in asked.chunk_by(|one, other| one.function == other.function) {
                let function = calls[0].function;
                if self.finders.known.len() < MOST_FINDERS
                    && self.finders.seen.insert(function)
                    && let Some(finder) = self.finder(function, calls)
                {
                    let number = self.add_finder(function, finder, calls);
                    fresh.insert(function, number);
                }
            }
            if fresh.is_empty() {
                break;
            }
            self.look_at_callers(&fresh);
        }
        self.forget_answered();
    }

    /// What a function finds, if it does so by the same parameter each time; and whether all that it returns is that, or
    /// null, and it does nothing else with it.
    fn finder(&mut self, function: u32, calls: &[Asked]) -> Option<Finder> {
        let Asked { by, handed, .. } = *calls.first()?;
        let (name, spelling) = handed?;
        if calls.iter().any(|call| call.handed != handed) {
            return None;
        }
        self.transfer.follows_found = true;
        let found = self.again(function, &Vec::new(), Manner::ForResults);
        self.transfer.follows_found = false;
        let found = found?;
        let elsewhere = |at: &u32| {
            found.kept.contains(at)
                || found.given_from(*at).next().is_some()
                || found.planted.iter().any(|(from, ..)| from == at)
                || found.called_by(*at).any(|called| called == FOUND)
        };
        let is_found = |atom: &Atom| matches!(atom.base, Base::Callee { wanted: FOUND, .. });
        let all = found.results.iter().all(|atom| is_found(atom) || atom.number() == Some(0));
        let returns = all
            && found.results.iter().any(is_found)
            && !calls.iter().any(|call| elsewhere(&call.at));
        Some(Finder { by, name, spelling, returns })
    }

    /// Takes a function for one that finds others by name; its number in the query.
    fn add_finder(&mut self, function: u32, finder: Finder, calls: &[Asked]) -> u32 {
        let image = self.places.image;
        let open = image.exports().iter().any(|export| export.address.0 == function)
            || image.headers().entry_point.0 == function
            || self.is_entered_unseen(function);
        let number = self.query.wanted.len() as u32;
        // It is never looked for by this; its address is among the aims.
        let callee = Callee::Slot(Rva(u32::MAX));
        let (arguments, effect) = (Vec::new(), Effect::None);
        self.query.wanted.push(Wanted { callee, parameters: 0, arguments, effect });
        self.transfer.aims.add_function(function, number);
        self.transfer.aims.add_finder(function, finder);
        let calls = calls.iter().map(|call| call.at).collect();
        self.finders.known.insert(number, Known { calls, called: false, open });
        number
    }

    /// Looks into every function that names one of these, each with its number.
    fn look_at_callers(&mut self, functions: &HashMap<u32, u32>) {
        let single = functions.keys().map(|&place| place..place.saturating_add(1));
        let places = scan::Places::within(single.collect());
        for field in self.scan_for_functions(&places) {
            if let Some(&wanted) = functions.get(&field.place) {
                self.anchors.push(Anchor { field, wanted, aim: Aim::Function });
                if let Some(known) = self.finders.known.get_mut(&wanted) {
                    known.called = true;
                }
            }
        }
        for (_, target) in self.places.pointers_to(&places) {
            if let Some(number) = functions.get(&target) {
                self.finders.open(*number);
            }
        }
        self.analyse();
    }

    /// Takes back that a name is not known where everybody who is asked for it tells it.
    fn forget_answered(&mut self) {
        let all = self.finders.known.values().filter(|known| known.called && !known.open);
        let answered: HashSet<u32> = all.flat_map(|known| known.calls.iter().copied()).collect();
        self.survey.lookups.retain(|one| one.name.is_some() || !answered.contains(&one.at.0));
    }
}
