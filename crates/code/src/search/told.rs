//! From what the analysis sees of calls to what the survey tells.

use super::Search;
use super::callers::Group;
use crate::analysis::{Seen, value_of};
use crate::domain::Atom;
use crate::query::Parameter;
use crate::survey::{Argument, Route, Site, Variable, VariableStore};
use crate::value::{Possible, Value};
use ringfence_image::Rva;

/// Routes with the same arguments that are told of a call; more are counted.
const MOST_ALIKE: usize = 32;
/// Routes that are told of a call in all.
const MOST_ROUTES: usize = 512;

impl Search<'_> {
    /// Tells every call that was seen, with what callers and variables make of its arguments.
    pub(super) fn tell(&mut self) {
        for seen in std::mem::take(&mut self.seen) {
            let site = self.site(&seen);
            self.survey.sites.push(site);
        }
        let variables = self.across.variables.iter();
        let variables = variables.map(|(at, variable)| Variable {
            at: Rva(*at),
            bytes: variable.bytes,
            initial: variable.initial,
            stores: variable
                .stores
                .iter()
                .map(|store| VariableStore {
                    at: Rva(store.at),
                    function: Rva(store.function),
                    value: self.value(&store.value, 8 * variable.bytes),
                })
                .collect(),
            open: variable.open,
            set_up: Vec::new(),
        });
        self.survey.variables = variables.collect();
        self.order_variables();
    }

    fn site(&mut self, seen: &Seen) -> Site {
        let base = self.refreshed(seen);
        let groups = self.groups(&base);
        let plain = self.told_of(&base.arguments, seen.function, &Group::default());
        let mut site = Site {
            at: Rva(seen.at),
            function: Some(Rva(seen.function)),
            wanted: seen.wanted as usize,
            via: seen.via,
            always: base.always,
            reached: seen.reached,
            arguments: self.arguments(&plain),
            routes: Vec::new(),
            alike: 0,
        };
        let told: Vec<_> = groups
            .iter()
            .filter_map(|group| {
                let here = self.under(&base, &group.given)??;
                let here = self.told_of(&here.arguments, seen.function, group);
                Some((group, self.arguments(&here), here))
            })
            .collect();
        if told.is_empty() {
            return site;
        }
        let same = |arguments: &[Argument]| alike(arguments, &site.arguments);
        let nothing_new = told.iter().all(|(_, arguments, _)| same(arguments));
        let all: Vec<_> = told.iter().map(|(_, _, arguments)| arguments).collect();
        site.arguments = self.together(&plain, &all);
        if nothing_new {
            return site;
        }
        for (group, arguments, _) in told {
            add_routes(&mut site, group, &arguments);
        }
        site
    }

    pub(super) fn arguments(&self, arguments: &[(Parameter, Vec<Atom>)]) -> Vec<Argument> {
        let one = |(parameter, atoms): &(Parameter, Vec<Atom>)| Argument {
            index: parameter.index,
            value: self.value(atoms, parameter.bits),
        };
        arguments.iter().map(one).collect()
    }

    /// What each argument may be, whichever of the groups it comes from.
    fn together(
        &self,
        base: &[(Parameter, Vec<Atom>)],
        all: &[&Vec<(Parameter, Vec<Atom>)>],
    ) -> Vec<Argument> {
        let one = |(number, (parameter, _)): (usize, &(Parameter, Vec<Atom>))| {
            let atoms: Vec<Atom> =
                all.iter().flat_map(|arguments| arguments[number].1.iter().copied()).collect();
            Argument { index: parameter.index, value: self.value(&atoms, parameter.bits) }
        };
        base.iter().enumerate().map(one).collect()
    }

    /// The low `bits` of a value, as others see it.
    fn value(&self, atoms: &[Atom], bits: u8) -> Value {
        value_of(atoms, bits, |origin| self.across.origin(origin))
    }
}

/// Whether arguments are the same but for where they were set.
fn alike(a: &[Argument], b: &[Argument]) -> bool {
    let placeless = |arguments: &[Argument]| -> Vec<Vec<Possible>> {
        let of = |one: &Possible| Possible { set_at: None, ..*one };
        arguments.iter().map(|one| one.value.possible.iter().map(of).collect()).collect()
    };
    placeless(a) == placeless(b)
}

fn add_routes(site: &mut Site, group: &Group, arguments: &[Argument]) {
    let room = MOST_ROUTES.saturating_sub(site.routes.len()).clamp(1, MOST_ALIKE);
    site.alike += group.alike + group.routes.len().saturating_sub(room);
    site.routes.extend(group.routes.iter().take(room).map(|route| Route {
        calls: route.calls.clone(),
        set_at: route.set_at.clone(),
        arguments: arguments.to_vec(),
    }));
}
