//! The settings file: where it is, and reading it.

use crate::Input;
use crate::folder::{Unreadable, UnreadableReason, decoded};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// What the settings file is called.
pub const SETTINGS_FILE: &str = "ringfence.toml";

/// The largest settings file that is read, in bytes. A thousand acceptances take a quarter of it.
pub const LARGEST_SETTINGS: u64 = 1 << 20;

/// The settings file for `inputs`: the nearest from the folder of the first one upward, else from the working
/// directory upward. The path is absolute.
pub fn nearest_settings(inputs: &[Input]) -> Option<PathBuf> {
    let here = std::path::absolute(".").ok();
    let first = inputs.first().and_then(folder_of).and_then(|folder| plain(&folder));
    first.into_iter().chain(here).find_map(|folder| above(&folder))
}

/// The nearest settings file in `folder` or one that it is in.
fn above(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(SETTINGS_FILE)).find(|path| path.is_file())
}

/// The folder that an input is in, or is.
fn folder_of(input: &Input) -> Option<PathBuf> {
    let parent = |path: &Path| path.parent().map(Path::to_owned);
    match input {
        Input::Path(path) if path.is_dir() => Some(path.clone()),
        Input::Path(path) | Input::List(path) => parent(path),
        Input::Pattern(pattern) => {
            let is_literal = |part: &Component<'_>| {
                !part.as_os_str().to_string_lossy().contains(['*', '?', '['])
            };
            Some(Path::new(pattern).components().take_while(is_literal).collect())
        }
        Input::StandardInput => None,
    }
}

/// The absolute path of `path` without `.` and `..`. It is not looked at: links are not followed.
pub fn plain(path: &Path) -> Option<PathBuf> {
    // What is empty stands for the working directory.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).ok()?.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    Some(plain)
}

/// The text of the settings file `path`.
///
/// # Errors
///
/// Where it cannot be read, is too large or no text.
pub fn read_settings(path: &Path) -> Result<String, Unreadable> {
    let read = || {
        let mut bytes = Vec::new();
        if fs::metadata(path)?.is_dir() {
            return Err(UnreadableReason::AFolder);
        }
        File::open(path)?.take(LARGEST_SETTINGS + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST_SETTINGS {
            return Err(UnreadableReason::TooLargeSettings);
        }
        Ok(decoded(bytes)?)
    };
    read().map_err(|reason| Unreadable { name: path.to_string_lossy().into_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn the_nearest_file_is_found() {
        let root = tree(&["ringfence.toml", "a/b/c.sys", "a/d/ringfence.toml", "a/d/e/f.sys"]);
        let at = |name: &str| root.path().join(name);
        let found = |input: Input| nearest_settings(&[input]);
        let (top, inner) = (Some(at("ringfence.toml")), Some(at("a/d/ringfence.toml")));
        assert_eq!(found(Input::Path(at("a/b/c.sys"))), top);
        assert_eq!(found(Input::Path(at("a"))), top);
        assert_eq!(found(Input::Path(at("a/d/e"))), inner);
        assert_eq!(found(Input::Path(at("a/d"))), inner);
        assert_eq!(found(Input::Path(at("a/b/../d/e/gone.sys"))), inner);
        assert_eq!(found(Input::List(at("a/d/list"))), inner);
        let pattern = at("a/d/*/f.sys").to_string_lossy().into_owned();
        assert_eq!(found(Input::Pattern(pattern)), inner);
    }

    #[test]
    fn the_first_input_decides() {
        let root = tree(&["a/ringfence.toml", "b/ringfence.toml"]);
        let inputs = ["a", "b"].map(|name| Input::Path(root.path().join(name)));
        assert_eq!(nearest_settings(&inputs), Some(root.path().join("a/ringfence.toml")));
    }

    #[test]
    fn what_is_no_settings_file_is_told() {
        let root = tree(&[]);
        let why = |bytes: &[u8]| {
            let path = root.path().join("settings");
            fs::write(&path, bytes).unwrap();
            read_settings(&path).map_err(|unreadable| unreadable.to_string())
        };
        assert_eq!(why("\u{feff}strict = true".as_bytes()), Ok("strict = true".to_owned()));
        assert_eq!(why(b"\xFF"), Err("neither UTF-8 nor UTF-16".to_owned()));
        let large = why(&vec![b' '; (LARGEST_SETTINGS + 1) as usize]);
        assert_eq!(
            large,
            Err("too large for a settings file, the limit is 1048576 bytes".to_owned())
        );
        let folder = read_settings(root.path()).unwrap_err();
        assert_eq!(folder.to_string(), "a folder, not a file");
    }
}
