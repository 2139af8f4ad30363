//! DDIs that are given to a lookaside list to allocate by.

use super::DdiCall;
use ringfence_code::{Fate, Possible, Reason, Survey};
use ringfence_ddi::{Ddi, Role};
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};

/// The references that load the address of a DDI which a lookaside list then allocates by. Each such
/// list is told which DDI it is.
///
/// Windows calls it with the pool type that the list was made with, so that the call of the list's own
/// DDI says all there is to say.
pub(super) fn routines(
    survey: &Survey,
    ddis: &[&'static Ddi],
    calls: &mut [DdiCall],
) -> BTreeSet<(Rva, usize)> {
    let values = survey.references.iter().filter(|found| found.fate == Fate::Data);
    let loads: BTreeMap<Rva, (usize, &'static Ddi)> = values
        .filter_map(|found| Some((found.at, (found.wanted, *ddis.get(found.wanted)?))))
        .filter(|(_, (_, ddi))| allocates_from_pool(ddi))
        .collect();
    let mut routines = BTreeSet::new();
    for call in calls.iter_mut().filter(|call| call.site.reached) {
        let Some(value) = call.argument(Role::AllocateRoutine) else { continue };
        let loaded: Vec<_> =
            value.possible.iter().map(|possible| loaded(possible, &loads)).collect();
        let known = loaded.iter().flatten();
        routines.extend(known.clone().map(|(at, wanted, _)| (*at, *wanted)));
        let names: BTreeSet<_> = known.map(|(_, _, ddi)| ddi.name).collect();
        call.allocates_by = match (&loaded[..], names.len()) {
            ([Some((_, _, ddi)), rest @ ..], 1) if rest.iter().all(Option::is_some) => Some(*ddi),
            _ => None,
        };
    }
    routines
}

/// The load that gives this value, if it is the address of one of the DDIs.
fn loaded(
    possible: &Possible,
    loads: &BTreeMap<Rva, (usize, &'static Ddi)>,
) -> Option<(Rva, usize, &'static Ddi)> {
    let at = possible.set_at.filter(|_| possible.unknown == Some(Reason::Address))?;
    loads.get(&at).map(|(wanted, ddi)| (at, *wanted, *ddi))
}

/// Whether the DDI takes what an Allocate routine is called with: a pool type, a size and a tag.
fn allocates_from_pool(ddi: &Ddi) -> bool {
    ddi.deciding()
        .is_some_and(|(index, parameter)| index == 0 && parameter.role == Some(Role::PoolType))
}
