//! The bindings that drivers use, and how drivers are told from programs.

use super::path::Path;
use crate::searcher::Searcher;
use crate::{FileKind, SourceTree, tree};
use foldhash::HashSet;

/// Whether a path leads into bindings that only drivers use.
pub(crate) fn is_kit(path: &[Box<str>]) -> bool {
    const ROOTS: [&str; 8] = [
        "wdk_sys",
        "wdk",
        "ntddk",
        "wdm",
        "ntifs",
        "windows_drivers",
        "km_api_sys",
        "kernel_alloc",
    ];
    // A module of the crate is its own, whatever it is called.
    let is_own = path.first().is_none_or(|first| matches!(&**first, "crate" | "self" | "super"));
    !is_own && (begins(path, "winapi", "km") || path.iter().any(|one| ROOTS.contains(&&**one)))
}

/// Whether a path leads into bindings that programs use too.
pub(crate) fn is_shared(path: &[Box<str>]) -> bool {
    begins(path, "windows_sys", "Wdk") || begins(path, "windows", "Wdk")
}

fn begins(path: &[Box<str>], first: &str, second: &str) -> bool {
    path.first().is_some_and(|one| &**one == first)
        && path.get(1).is_some_and(|one| &**one == second)
}

/// The folder of the crate that a file belongs to: what is before `src`, else its own.
pub(crate) fn crate_of(path: &str) -> String {
    let path = tree::normal(path);
    match path.rfind("/src/") {
        Some(at) => path[..at].to_owned(),
        None if path.starts_with("src/") => String::new(),
        None => tree::folder(&path).to_owned(),
    }
}

/// What bindgen puts before constants of enumerations, where it makes no modules of these.
const PREFIXES: [&str; 8] = [
    "_POOL_TYPE_",
    "POOL_TYPE_",
    "_MM_PAGE_PRIORITY_",
    "MM_PAGE_PRIORITY_",
    "_MEMORY_CACHING_TYPE_",
    "MEMORY_CACHING_TYPE_",
    "_MODE_",
    "MODE_",
];

/// The name of a constant without that of its enumeration, which bindgen puts before it where it makes no modules.
pub(crate) fn without_enumeration(name: &str) -> &str {
    let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix));
    prefix.map_or(name, |prefix| &name[prefix.len()..])
}

/// What functions return that are known by their name: null pointers, and the process that runs.
pub(crate) fn returned(name: &str) -> Option<u64> {
    match name {
        "null" | "null_mut" | "zeroed" => Some(0),
        "NtCurrentProcess" | "ZwCurrentProcess" => Some(u64::MAX),
        _ => None,
    }
}

/// The value of a constant of the language.
pub(crate) fn of_language(path: &Path) -> Option<u64> {
    match (path.owner(), path.name()) {
        (None, "None") => Some(0),
        (Some("usize" | "u64"), "MAX") => Some(u64::MAX),
        (Some("u32"), "MAX") => Some(u64::from(u32::MAX)),
        _ => None,
    }
}

/// The words that only the source of a driver has.
const DRIVERS: [&str; 6] =
    ["wdk_sys", "wdk_alloc", "wdk_panic", "DRIVER_OBJECT", "_DRIVER_OBJECT", "PDRIVER_OBJECT"];

/// The crates of a tree that are plainly drivers.
pub(crate) fn drivers(tree: &SourceTree) -> HashSet<String> {
    let names = DRIVERS.map(str::to_owned);
    let searcher = Searcher::of(&names);
    let of_rust = tree.files().filter(|(_, file)| file.kind == FileKind::Rust);
    let named = of_rust.filter(|(_, file)| searcher.is_any_in(file.text.as_str()));
    named.map(|(_, file)| crate_of(&file.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_what_is_above_its_sources() {
        assert_eq!(crate_of("drivers/a/src/pool/mod.rs"), "drivers/a");
        assert_eq!(crate_of("src/lib.rs"), "");
        assert_eq!(crate_of("a/build.rs"), "a");
    }
}
