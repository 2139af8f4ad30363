//! Whether a variable is set where a driver starts, before anything reads it.

use super::opting::{Early, Mark, Marks, collected, opting};
use super::{Before, before, starts};
use crate::Span;
use crate::evaluate::Place;
use crate::syntax::Happens;
use crate::world::{FunctionId, World};
use foldhash::HashMap;
use std::sync::{Arc, Mutex};

/// What is known of the entry points of drivers, by variables and entry points.
#[derive(Default)]
pub(crate) struct Settings(Mutex<HashMap<(String, FunctionId), Arc<Setting>>>);

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
    /// where it starts, by what `sets` says does so.
    pub(crate) fn is_set_first(&self, name: &str, sets: &dyn Fn(&Happens) -> bool) -> bool {
        let Some(function) = self.function.filter(|_| self.asks_start) else { return false };
        let here = FunctionId { parsed: self.parsed, function };
        let world = self.world;
        let mut entries =
            starts(world).flat_map(|start| world.called(self.parsed, start)).peekable();
        entries.peek().is_some()
            && entries.all(|entry| {
                let setting = setting(world, name, entry, sets);
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
    sets: &dyn Fn(&Happens) -> bool,
) -> Arc<Setting> {
    let key = (name.to_owned(), entry);
    let known = world.settings.0.lock().ok().and_then(|all| all.get(&key).cloned());
    if let Some(known) = known {
        return known;
    }
    let mut marks = Marks::default();
    for event in world.globals.get(name).into_iter().flatten() {
        let variable = world.variable(event);
        let Some(function) = event.function.filter(|_| sets(&variable.happens)) else { continue };
        let at = match &variable.happens {
            Happens::Becomes(value) => value.end,
            _ => variable.name.start,
        };
        let span = Span::new(world.parsed[event.parsed].file, variable.name.clone());
        let id = FunctionId { parsed: event.parsed, function };
        marks.entry(id).or_default().push(Mark { at, span });
    }
    let found = opting(world, entry, &marks, false);
    let made = Arc::new(match found {
        Some(found) => Setting { at_end: found.at_end, early: collected(found.comes) },
        None => Setting { at_end: None, early: Early::default() },
    });
    if let Ok(mut all) = world.settings.0.lock() {
        all.insert(key, Arc::clone(&made));
    }
    made
}
