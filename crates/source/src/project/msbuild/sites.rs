//! The elements of a project that a fix would change.

use super::super::{Holds, Site};
use super::items::Written;
use crate::FileId;

/// The elements of `file` that are in force in all configurations together; those of a kind only where each
/// configuration has one. `written` are the elements of each configuration.
pub(super) fn of(file: FileId, written: &[Vec<Written>]) -> Vec<Site> {
    let own = |one: &&Written| one.place.file == file && one.certain;
    let defines = |one: &Written| one.name == Some("PreprocessorDefinitions");
    let mut compiler = Vec::new();
    let mut linker = Vec::new();
    let mut single = Vec::new();
    for elements in written {
        let of_all = || elements.iter().filter(own).filter(|one| !one.of_item);
        let last =
            |kind: &'static str| of_all().rfind(|one| one.kind == kind && one.name.is_none());
        let defined = of_all().rfind(|one| defines(one));
        compiler.push(match defined {
            Some(one) => Some(Site { holds: Holds::Defines, place: one.place }),
            None => last("ClCompile").map(|one| Site { holds: Holds::Compiler, place: one.place }),
        });
        linker.push(last("Link").map(|one| Site { holds: Holds::Linker, place: one.place }));
        let alone = elements
            .iter()
            .filter(own)
            .filter(|one| one.of_item && !one.takes_over && defines(one));
        single.extend(alone.map(|one| Site { holds: Holds::OwnDefines, place: one.place }));
    }
    let mut sites = Vec::new();
    for of_all in [compiler, linker] {
        sites.extend(of_all.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default());
    }
    sites.extend(single);
    sites.sort_by_key(|site| site.place);
    sites.dedup();
    sites
}
