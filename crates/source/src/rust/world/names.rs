//! What names stand for at a place, by what `use` brought in.

use super::super::kit::{is_kit, is_shared};
use super::super::path::Path;
use super::super::syntax::Import;
use super::World;

/// Where names are looked up from.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) parsed: usize,
    pub(crate) module: usize,
    /// The byte of the file.
    pub(crate) at: usize,
}

/// A path with what `use` made of its first segment put in.
pub(crate) struct Resolved {
    pub(crate) segments: Vec<Box<str>>,
    /// Whether an import named it, rather than all of a module.
    pub(crate) is_imported: bool,
}
impl Resolved {
    pub(crate) fn name(&self) -> &str {
        self.segments.last().map_or("", |name| name)
    }

    pub(crate) fn owner(&self) -> Option<&str> {
        let before = self.segments.len().checked_sub(2)?;
        Some(&self.segments[before])
    }
}

/// How often an import leads to another.
const MOST_IMPORTS: usize = 8;
/// How many modules are looked through that take all from the one around.
const MOST_MODULES: usize = 16;
/// More segments than any path has.
const MOST_SEGMENTS: usize = 48;

impl World<'_> {
    /// The modules from which names are seen at a place: its own, and those around that it takes all from.
    pub(super) fn modules(&self, spot: Spot) -> Vec<usize> {
        let syntax = &self.files[spot.parsed].syntax;
        let mut all = vec![spot.module];
        while all.len() < MOST_MODULES {
            let last = all[all.len() - 1];
            let takes_all = |one: &&usize| {
                let import = &syntax.imports[**one];
                import.module == last
                    && import.path.first().is_some_and(|first| &**first == "super")
            };
            let globs = self.imports[spot.parsed].get("*");
            let Some(parent) = syntax.modules.get(last).and_then(|module| module.parent) else {
                break;
            };
            if !globs.is_some_and(|globs| globs.iter().any(|one| takes_all(&one))) {
                break;
            }
            all.push(parent);
        }
        all
    }

    /// The imports of a name that are seen at a place, the nearest first.
    pub(super) fn seen(&self, spot: Spot, name: &str) -> Vec<&Import> {
        let Some(numbers) = self.imports[spot.parsed].get(name) else { return Vec::new() };
        let all = &self.files[spot.parsed].syntax.imports;
        let mut found = Vec::new();
        for module in self.modules(spot) {
            let is_seen = |one: &&Import| {
                one.module == module && (module != spot.module || one.scope.contains(&spot.at))
            };
            let mut here: Vec<&Import> =
                numbers.iter().map(|number| &all[*number]).filter(is_seen).collect();
            here.sort_by_key(|one| one.scope.len());
            found.extend(here);
        }
        found
    }

    /// What a path stands for at a place.
    pub(crate) fn resolved(&self, spot: Spot, path: &Path) -> Resolved {
        let mut found = Resolved { segments: path.segments.clone(), is_imported: false };
        for _ in 0..MOST_IMPORTS {
            let Some(import) = self.seen(spot, &found.segments[0]).first().copied() else { break };
            // `use wdk_sys;` or `use self::a`: the name stands for itself.
            if import.path.first() == found.segments.first() || found.segments.len() > MOST_SEGMENTS
            {
                break;
            }
            found.is_imported |= found.segments.len() == 1;
            found.segments.splice(0..1, import.path.iter().cloned());
        }
        found
    }

    /// Whether all names of a module of the kit are brought in at a place.
    pub(crate) fn has_all_of_kit(&self, spot: Spot) -> bool {
        self.globs(spot).any(|path| is_kit(&path) || is_shared(&path))
    }

    /// Whether all names of any module are brought in at a place.
    pub(crate) fn has_all_of_any(&self, spot: Spot) -> bool {
        self.globs(spot).next().is_some()
    }

    pub(super) fn globs(&self, spot: Spot) -> impl Iterator<Item = Vec<Box<str>>> {
        let whole = move |import: &Import| {
            let path = Path { segments: import.path.clone(), last: 0..0 };
            if path.segments.is_empty() { Vec::new() } else { self.resolved(spot, &path).segments }
        };
        self.seen(spot, "*").into_iter().map(whole)
    }

    pub(super) fn has_kernel_kit(&self, spot: Spot) -> bool {
        self.globs(spot).any(|path| is_kit(&path))
    }
}
