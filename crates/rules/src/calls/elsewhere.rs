//! Code of other modules: what imports lead to, and what is found by name.

use super::functions::is_function;
use crate::names::Names;
use ringfence_code::{Possible, Query, Reason, Survey};
use ringfence_image::Rva;
use std::collections::{BTreeMap, HashSet};

/// What leads to functions of other modules.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Slots of imports that certainly are functions.
    slots: HashSet<Rva>,
    /// Calls that find a function by this name, and nothing else.
    found: BTreeMap<Rva, String>,
}

impl Elsewhere {
    pub(super) fn of(query: &Query, survey: &Survey) -> Elsewhere {
        let slots = query.watch.iter().flat_map(|watch| &watch.functions).copied().collect();
        let mut names: BTreeMap<Rva, Vec<Option<&str>>> = BTreeMap::new();
        for lookup in &survey.lookups {
            names.entry(lookup.at).or_default().push(lookup.name.as_deref());
        }
        let only = |(at, names): (Rva, Vec<Option<&str>>)| match names[..] {
            // What finds functions by name finds the kernel's.
            [Some(name)] if is_function("ntoskrnl.exe", name) => Some((at, name.to_owned())),
            _ => None,
        };
        Elsewhere { slots, found: names.into_iter().filter_map(only).collect() }
    }

    /// The function that `value` is the address of, where nothing else was done with that than to hand it on.
    pub(super) fn function(&self, value: &Possible, names: &Names<'_>) -> Option<String> {
        match value.unknown? {
            Reason::Global(slot) if self.slots.contains(&slot) => names.at(slot),
            Reason::Returned => self.found.get(&value.set_at?).cloned(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_code::Lookup;
    use ringfence_fixture::driver;
    use ringfence_image::Image;

    #[test]
    fn what_is_found_by_one_name_is_that_function() {
        let lookup = |at: u32, name: Option<&str>| Lookup {
            at: Rva(at),
            by: 0,
            name: name.map(str::to_owned),
        };
        let lookups = vec![
            lookup(0x10, Some("NtClose")),
            lookup(0x20, Some("PsLoadedModuleList")),
            lookup(0x30, Some("NtClose")),
            lookup(0x30, Some("NtCreateFile")),
            lookup(0x40, None),
        ];
        let survey = Survey { lookups, ..Survey::default() };
        let elsewhere = Elsewhere::of(&Query::default(), &survey);
        let bytes = driver().bytes();
        let image = Image::read(&bytes).unwrap();
        let function = |at: u32, unknown| {
            let (set_at, unknown) = (Some(Rva(at)), Some(unknown));
            elsewhere
                .function(&Possible { set_at, unknown, ..Possible::default() }, &Names::of(&image))
        };
        assert_eq!(function(0x10, Reason::Returned).as_deref(), Some("NtClose"));
        for at in [0x20, 0x30, 0x40, 0x50] {
            assert_eq!(function(at, Reason::Returned), None, "{at:x}");
        }
        assert_eq!(function(0x10, Reason::Arithmetic), None);
    }
}
