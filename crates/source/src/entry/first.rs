//! Whether a variable is set where a driver starts, before anything reads it.

use super::opting::{Early, Mark, Marks, collected, led_to, opting};
use super::{Before, before, starts};
use crate::Span;
use crate::evaluate::Place;
use crate::flow::Passes;
use crate::syntax::Happens;
use crate::world::{FunctionId, GlobalEvent, World};
use foldhash::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

/// What is known of the entry points of drivers, by variables and entry points.
#[derive(Default)]
pub(crate) struct Settings {
    known: Mutex<HashMap<(String, FunctionId, Sets), Arc<Setting>>>,
    /// The functions that control may come to from an entry point: the same for all variables.
    led_to: Mutex<HashMap<FunctionId, Arc<HashSet<FunctionId>>>>,
    /// What the conditions of functions let by that nothing is passed to.
    pub(super) passes: Mutex<HashMap<FunctionId, Arc<[Passes]>>>,
    /// How many variables functions set.
    count: OnceLock<usize>,
}

/// What sets a variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sets {
    /// That it is given a value, whatever it was before.
    Value,
    /// That something gets its address.
    Change,
}

impl Sets {
    /// Whether something that happens does.
    pub(crate) fn is_by(self, happens: &Happens) -> bool {
        match self {
            Sets::Value => matches!(happens, Happens::Becomes(_) | Happens::Told(_)),
            Sets::Change => happens.is_change(),
        }
    }
}

/// How many steps all variables and entry points may take together, each its part, and how many a single one.
const MOST_FOR_ALL: usize = 1 << 24;
const MOST_FOR_ONE: usize = 1 << 17;
/// With fewer nothing is found out.
const LEAST_FOR_ONE: usize = 1 << 8;

/// Whether an entry point sets a variable.
struct Setting {
    at_end: Option<Before>,
    early: Early,
}

impl Settings {
    /// Forgets all, as more was read.
    pub(crate) fn forget(&mut self) {
        *self = Settings::default();
    }
}

impl Place<'_, '_> {
    /// Whether every driver that this may be a part of has set a variable outside of functions when control comes here:
    /// where it starts, by what `sets` tells.
    pub(crate) fn is_set_first(&self, name: &str, sets: Sets) -> bool {
        let Some(function) = self.function.filter(|_| self.asks_start) else { return false };
        let here = FunctionId { parsed: self.parsed, function };
        let world = self.world;
        let entries = starts(world).flat_map(|start| world.called(self.parsed, start));
        let entries: Vec<FunctionId> = entries.collect();
        // What a tree has many of gets less each, whichever is asked for first.
        let part = MOST_FOR_ALL / world.set_variables().saturating_mul(entries.len()).max(1);
        if entries.is_empty() || part < LEAST_FOR_ONE {
            return false;
        }
        let part = u32::try_from(part.min(MOST_FOR_ONE)).unwrap_or_default();
        entries.into_iter().all(|entry| {
            let setting = setting(world, name, entry, sets, part);
            let early = setting.early.get(&here);
            setting.at_end == Some(Before::Always)
                && early.is_none_or(|all| {
                    before(all, self).is_none_or(|(before, _)| before == Before::Always)
                })
        })
    }
}

/// What an entry point does with a variable.
fn setting(
    world: &World<'_>,
    name: &str,
    entry: FunctionId,
    sets: Sets,
    part: u32,
) -> Arc<Setting> {
    let key = (name.to_owned(), entry, sets);
    let known = world.settings.known.lock().ok().and_then(|all| all.get(&key).cloned());
    if let Some(known) = known {
        return known;
    }
    let led_to = world.led_to(entry);
    let mut marks = Marks::default();
    for event in world.globals.get(name).into_iter().flatten() {
        let Some(function) = event.function else { continue };
        let id = FunctionId { parsed: event.parsed, function };
        let variable = world.variable(event);
        let at = variable.name.start;
        if !sets.is_by(&variable.happens)
            || !led_to.contains(&id)
            || world.is_dead(event.parsed, event.function, at)
        {
            continue;
        }
        let at = match &variable.happens {
            Happens::Becomes(value) => value.end,
            _ => variable.name.start,
        };
        let span = Span::new(world.parsed[event.parsed].file, variable.name.clone());
        marks.entry(id).or_default().push(Mark { at, span, is_certain: true });
    }
    // Most variables no entry point sets.
    let found = (!marks.is_empty()).then(|| opting(world, entry, &marks, Some(part))).flatten();
    let made = Arc::new(match found {
        Some(found) => Setting { at_end: found.at_end, early: collected(found.comes) },
        None => Setting { at_end: None, early: Early::default() },
    });
    if let Ok(mut all) = world.settings.known.lock() {
        all.insert(key, Arc::clone(&made));
    }
    made
}

impl World<'_> {
    /// The functions that control may come to from an entry point, with it: those that what it sets first is looked for in.
    fn led_to(&self, entry: FunctionId) -> Arc<HashSet<FunctionId>> {
        let known = &self.settings.led_to;
        if let Some(known) = known.lock().ok().and_then(|all| all.get(&entry).cloned()) {
            return known;
        }
        let made = Arc::new(led_to(self, entry));
        if let Ok(mut all) = known.lock() {
            all.insert(entry, Arc::clone(&made));
        }
        made
    }

    /// How many variables outside of functions are set in functions.
    fn set_variables(&self) -> usize {
        let is_set = |event: &GlobalEvent| {
            let happens = self.happens(event);
            event.function.is_some() && (Sets::Value.is_by(happens) || Sets::Change.is_by(happens))
        };
        let count = || self.globals.values().filter(|events| events.iter().any(is_set)).count();
        *self.settings.count.get_or_init(count)
    }
}
