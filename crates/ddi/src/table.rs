//! The table of all DDIs, and how to find one.

use crate::{Certainty, Ddi, Grant, Parameter, Reach, Role, Verifier, VerifierBehaviour, Warning};
use std::cmp::Ordering;

// `TABLE` and `NAMES`, made of the files in `table` by the build script.
include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// All DDIs, by name.
pub fn all() -> &'static [Ddi] {
    &TABLE
}

/// The DDI with this name or alias, letter case aside.
pub fn named(name: &str) -> Option<&'static Ddi> {
    found(name).map(|(ddi, _)| ddi)
}

/// The DDI that an import of `name` from `module` is; names of exports are exact, those of modules
/// are not.
///
/// Exports of the kernel are also found under the other names of the kernel and of the HAL, and any
/// export in an API set, whose names say nothing certain about the module behind them.
pub fn imported(module: &str, name: &str) -> Option<&'static Ddi> {
    let (ddi, known) = found(name)?;
    let is_export = known == name && ddi.reach == Reach::Import;
    (is_export && exports(ddi, module)).then_some(ddi)
}

/// The DDI called `name`, letter case aside, and how the table spells the name.
fn found(name: &str) -> Option<(&'static Ddi, &'static str)> {
    let place = NAMES.binary_search_by(|(known, _)| by_letters(known, name)).ok()?;
    let (known, ddi) = NAMES[place];
    Some((&TABLE[ddi], known))
}

/// The order of names in lower case, without making any.
fn by_letters(known: &str, name: &str) -> Ordering {
    let lower = u8::to_ascii_lowercase;
    known.as_bytes().iter().map(lower).cmp(name.as_bytes().iter().map(lower))
}

const KERNEL: &str = "ntoskrnl.exe";

/// Other files that export what the kernel exports.
const AS_KERNEL: [&str; 4] = ["hal.dll", "ntkrnlpa.exe", "ntkrnlmp.exe", "ntkrpamp.exe"];

const API_SETS: [&str; 2] = ["ext-ms-", "api-ms-"];

fn exports(ddi: &Ddi, module: &str) -> bool {
    let is = |known: &&str| known.eq_ignore_ascii_case(module);
    let begins =
        |start: &&str| module.get(..start.len()).is_some_and(|m| m.eq_ignore_ascii_case(start));
    ddi.modules.iter().any(is)
        || ddi.modules.contains(&KERNEL) && AS_KERNEL.iter().any(is)
        || API_SETS.iter().any(begins)
}
