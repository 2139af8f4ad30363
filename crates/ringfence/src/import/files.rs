//! Folders in which the files of drivers are looked for by name.

use ringfence_container::{Input, expand};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The files below a folder, by their names in lower case. None of them is read.
#[derive(Clone, Debug)]
pub struct FolderFiles {
    by_name: HashMap<String, Vec<PathBuf>>,
}

impl FolderFiles {
    /// Lists what is below `folder`; what cannot be listed is left out.
    pub fn below(folder: &Path) -> FolderFiles {
        let mut by_name: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for found in expand(&[Input::Path(folder.to_owned())]).into_iter().flatten() {
            if let Some(path) = found.path()
                && let Some(name) = path.file_name()
            {
                let name = name.to_string_lossy().to_lowercase();
                by_name.entry(name).or_default().push(path.to_owned());
            }
        }
        FolderFiles { by_name }
    }

    /// The files called `name`, in any letter case.
    pub fn called(&self, name: &str) -> &[PathBuf] {
        self.by_name.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_name_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        for path in ["a.SYS", "deep/A.sys", "deep/b.sys"] {
            std::fs::write(folder.path().join(path), b"").unwrap();
        }
        let files = FolderFiles::below(folder.path());
        assert_eq!(files.called("a.sys").len(), 2);
        assert_eq!(files.called("B.SYS"), [folder.path().join("deep/b.sys")]);
        assert!(files.called("c.sys").is_empty());
    }
}
