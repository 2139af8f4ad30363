//! Files that are found at their place and once more by a link.

use crate::folder::Found;
use rayon::prelude::*;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Takes out of `found` what a link led to and what is found without it as well, or by an earlier link. Returns each such
/// link and the path that the file stays under. A link that the user names stays.
pub fn linked_twice(found: &mut Vec<Found>) -> Vec<(PathBuf, PathBuf)> {
    let path = |one: &Found| one.as_ref().ok().and_then(|source| source.path().map(Path::to_owned));
    let is_link = |path: &Path| {
        fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_symlink())
    };
    let paths: Vec<(Option<PathBuf>, bool)> = found
        .par_iter()
        .map(|one| {
            let path = path(one);
            let is_link = path.as_deref().is_some_and(is_link);
            (path, is_link)
        })
        .collect();
    if !paths.iter().any(|(_, is_link)| *is_link) {
        return Vec::new();
    }
    let mut folders: HashMap<PathBuf, Option<PathBuf>> = HashMap::new();
    let mut real = |path: &Path| -> Option<PathBuf> {
        let name: OsString = path.file_name()?.to_owned();
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let known = folders.entry(folder);
        let known = known.or_insert_with_key(|folder| fs::canonicalize(folder).ok());
        Some(known.as_ref()?.join(name))
    };
    let mut first: HashMap<PathBuf, PathBuf> = HashMap::new();
    for path in paths.iter().filter(|(_, is_link)| !is_link).filter_map(|(path, _)| path.as_ref()) {
        if let Some(real) = real(path) {
            first.entry(real).or_insert_with(|| path.clone());
        }
    }
    let mut twice = Vec::new();
    let mut all = paths.into_iter();
    found.retain(|one| {
        let is_named = one.as_ref().is_ok_and(|source| source.named);
        let Some((Some(path), true)) = all.next() else { return true };
        let Ok(real) = fs::canonicalize(&path) else { return true };
        match first.get(&real) {
            _ if is_named => true,
            Some(known) => {
                twice.push((path, known.clone()));
                false
            }
            None => {
                first.insert(real, path);
                true
            }
        }
    });
    twice
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::{Input, expand_sources};
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_found_once_whatever_links_lead_to_it() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("d")).unwrap();
        fs::write(at("d/real.c"), "").unwrap();
        fs::write(elsewhere.path().join("far.c"), "").unwrap();
        symlink("d/real.c", at("a.c")).unwrap();
        symlink(elsewhere.path().join("far.c"), at("b.c")).unwrap();
        symlink(elsewhere.path().join("far.c"), at("c.c")).unwrap();
        let look = |inputs: &[Input]| {
            let mut found = expand_sources(inputs, |name| name.ends_with(".c"));
            let twice = linked_twice(&mut found);
            let paths = found.iter().map(|one| one.as_ref().unwrap().path().unwrap().to_owned());
            (paths.collect::<Vec<_>>(), twice)
        };
        let folder = Input::Path(root.path().to_owned());
        let (paths, twice) = look(std::slice::from_ref(&folder));
        assert_eq!(paths, [at("b.c"), at("d/real.c")]);
        assert_eq!(twice, [(at("a.c"), at("d/real.c")), (at("c.c"), at("b.c"))]);
        assert_eq!(look(&[Input::Path(at("a.c"))]), (vec![at("a.c")], vec![]));
    }
}
