//! What lies above a folder of source: the files that build it.

use std::path::{Path, PathBuf};

/// Folders upward that are looked at.
const HIGHEST: usize = 8;

/// What is found from a folder upward.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Above {
    /// The nearest folder with a file that builds what is in it.
    pub building: Option<PathBuf>,
    /// The files of the names that were asked for, from below upward.
    pub named: Vec<PathBuf>,
}

/// Looks from `folder` upward, to the top of a repository at most, for a folder with a file whose name `builds` says
/// yes to, and for all files called as in `names`.
pub fn above(folder: &Path, builds: impl Fn(&str) -> bool, names: &[&str]) -> Above {
    let mut above = Above::default();
    for folder in folder.ancestors().take(HIGHEST) {
        if above.building.is_none() && has(folder, &builds) {
            above.building = Some(folder.to_owned());
        }
        let named = names.iter().map(|name| folder.join(name));
        above.named.extend(named.filter(|path| path.is_file()));
        if folder.join(".git").exists() {
            break;
        }
    }
    above
}

fn has(folder: &Path, wanted: &impl Fn(&str) -> bool) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_builds_is_looked_for_up_to_the_top_of_the_repository() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("repository/driver/source/deep");
        fs::create_dir_all(&deep).unwrap();
        for name in
            ["x.props", "repository/driver/drv.proj", "repository/drv.proj", "repository/x.props"]
        {
            fs::write(root.path().join(name), "").unwrap();
        }
        let found = |folder: &Path| above(folder, |name| name == "drv.proj", &["x.props"]);
        let driver = root.path().join("repository/driver");
        let props = |folder: &str| root.path().join(folder).join("x.props");
        let both = Above { building: Some(driver), named: vec![props("repository"), props("")] };
        assert_eq!(found(&deep), both);
        fs::write(root.path().join("repository/.git"), "").unwrap();
        assert_eq!(found(&deep), Above { named: vec![props("repository")], ..both });
        assert_eq!(above(&deep.join("gone"), |_| false, &[]), Above::default());
    }
}
