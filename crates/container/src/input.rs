//! What the user names: files, folders, patterns, lists, standard input.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// One thing to scan, as named by the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file or a folder.
    Path(PathBuf),
    /// A pattern with `*`, `?`, `[...]` or `**`, for shells that do not expand them.
    Pattern(String),
    /// A file that names files or folders, one on a line.
    List(PathBuf),
    /// One file on standard input.
    StandardInput,
}

impl Input {
    /// Whether it is one file, rather than something that may stand for many.
    pub fn is_one_file(&self) -> bool {
        match self {
            Input::StandardInput => true,
            Input::Path(path) => !path.is_dir(),
            Input::Pattern(_) | Input::List(_) => false,
        }
    }

    /// The folder that it is, with all that is below.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Input::Path(path) if path.is_dir() => Some(path),
            _ => None,
        }
    }

    /// Reads an argument: `-` is standard input, `@FILE` a list, and what does not exist as it
    /// stands but holds a wildcard is a pattern.
    pub fn parse(argument: &OsStr) -> Input {
        let path = Path::new(argument);
        let Some(text) = argument.to_str() else { return Input::Path(path.to_owned()) };
        if text == "-" {
            return Input::StandardInput;
        }
        if path.symlink_metadata().is_ok() {
            return Input::Path(path.to_owned());
        }
        match text.strip_prefix('@') {
            Some(list) => Input::List(PathBuf::from(list)),
            None if text.contains(['*', '?', '[']) => Input::Pattern(text.to_owned()),
            None => Input::Path(path.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_apart() {
        let parse = |text: &str| Input::parse(OsStr::new(text));
        assert_eq!(parse("-"), Input::StandardInput);
        assert_eq!(parse("@list.txt"), Input::List("list.txt".into()));
        assert_eq!(parse("no/such/*.sys"), Input::Pattern("no/such/*.sys".to_owned()));
        assert_eq!(parse("no/such.sys"), Input::Path("no/such.sys".into()));
    }

    #[test]
    fn a_file_whose_name_looks_like_a_pattern_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a[1].sys");
        std::fs::write(&odd, b"MZ").unwrap();
        assert_eq!(Input::parse(odd.as_os_str()), Input::Path(odd.clone()));
    }
}
