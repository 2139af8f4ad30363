//! What a repository's `.gitignore` files leave out.

use crate::folder::{Found, UnreadableReason, unreadable};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

/// The largest `.gitignore` that is read, in bytes; those for Visual Studio have a fiftieth of it.
const LARGEST_IGNORE_FILE: u64 = 1 << 18;

/// What is left out in a folder: by its own `.gitignore`, then by those of the folders above it, up to the
/// repository's root.
#[derive(Clone, Default)]
pub(crate) struct Ignored(Option<Rc<Layer>>);

struct Layer {
    own: Gitignore,
    above: Ignored,
}

impl Ignored {
    /// For a folder that a walk begins in, by its absolute path. Outside of a repository nothing is left out, as git
    /// has no say there.
    pub(crate) fn from_above(folder: &Path, troubles: &mut Vec<Found>) -> Ignored {
        let Some(root) = folder.ancestors().find(|above| is_root(above)) else {
            return Ignored::default();
        };
        let within = folder.ancestors().take_while(|above| root.parent() != Some(above));
        let between: Vec<_> = within.collect();
        let mut ignored = Ignored::default();
        for folder in between.into_iter().rev() {
            ignored = ignored.with(folder, troubles);
        }
        ignored
    }

    /// For `folder`, which is in the one that this is for. A repository in another follows its own files alone.
    pub(crate) fn within(&self, folder: &Path, troubles: &mut Vec<Found>) -> Ignored {
        match is_root(folder) {
            true => Ignored::default().with(folder, troubles),
            false if self.0.is_none() => Ignored::default(),
            false => self.with(folder, troubles),
        }
    }

    fn with(&self, folder: &Path, troubles: &mut Vec<Found>) -> Ignored {
        let own = read(folder).unwrap_or_else(|reason| {
            troubles.push(Err(unreadable(&folder.join(".gitignore"), reason)));
            Gitignore::empty()
        });
        // The root's layer stands even if it is empty: it tells that this is a repository.
        match own.is_empty() && self.0.is_some() {
            true => self.clone(),
            false => Ignored(Some(Rc::new(Layer { own, above: self.clone() }))),
        }
    }

    /// Whether the absolute `path` is left out. The nearest file that has a word on it decides.
    pub(crate) fn leaves_out(&self, path: &Path, is_folder: bool) -> bool {
        let mut layer = &self.0;
        while let Some(here) = layer {
            match here.own.matched(path, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => layer = &here.above.0,
            }
        }
        false
    }
}

/// Whether `folder` is the root of a repository; `.git` is a file in worktrees and submodules.
fn is_root(folder: &Path) -> bool {
    folder.join(".git").exists()
}

fn read(folder: &Path) -> Result<Gitignore, UnreadableReason> {
    let path = folder.join(".gitignore");
    if !path.is_file() {
        return Ok(Gitignore::empty());
    }
    let mut bytes = Vec::new();
    File::open(&path)?.take(LARGEST_IGNORE_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_IGNORE_FILE {
        return Err(UnreadableReason::TooLargeToIgnore);
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut patterns = GitignoreBuilder::new(folder);
    let _ = patterns.case_insensitive(cfg!(windows));
    for line in text.strip_prefix('\u{feff}').unwrap_or(&text).lines() {
        // Git passes over what is no pattern, too.
        let _ = patterns.add_line(None, &without_braces(line));
    }
    patterns.build().map_err(|_| UnreadableReason::TooLargeToIgnore)
}

/// A pattern of git's, in which braces stand for themselves, as one in which they would mean alternatives.
fn without_braces(line: &str) -> String {
    let mut pattern = String::with_capacity(line.len());
    let mut escaped = false;
    for letter in line.chars() {
        if matches!(letter, '{' | '}') && !escaped {
            pattern.push('\\');
        }
        escaped = letter == '\\' && !escaped;
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn braces_are_no_alternatives() {
        assert_eq!(without_braces(r"{a,b}\{c\\}"), r"\{a,b\}\{c\\\}");
    }

    /// What git's documentation of `.gitignore` says of each form.
    #[test]
    fn patterns_mean_what_git_says() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        let lines = "# comment\n*.tmh\n/only_here.c\nout/\nsub/*.g.c\n**/gen\n{a,b}.c\n!keep.tmh\n";
        fs::write(root.join(".gitignore"), lines).unwrap();
        fs::write(root.join("sub/.gitignore"), "!again.tmh\r\nlocal.c\r\n").unwrap();
        let mut troubles = Vec::new();
        let below = Ignored::from_above(&root.join("sub/deep"), &mut troubles);
        let says = |path: &str, folder| below.leaves_out(&root.join(path), folder);
        for left_out in ["x.tmh", "sub/deep/x.tmh", "only_here.c", "sub/x.g.c", "sub/deep/local.c"]
        {
            assert!(says(left_out, false), "{left_out}");
        }
        for kept in ["sub/only_here.c", "out", "sub/deep/x.g.c", "a.c", "keep.tmh", "sub/again.tmh"]
        {
            assert!(!says(kept, false), "{kept}");
        }
        assert!(says("out", true) && says("sub/deep/gen", true) && says("{a,b}.c", false));
        assert!(troubles.is_empty());
    }

    #[test]
    fn one_made_to_be_costly_is_told_and_leaves_nothing_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".git")).unwrap();
        let path = folder.path().join(".gitignore");
        for (text, told) in [
            ("*.c\n".repeat(100_000), 1),
            ("*a?b*\n".repeat(40_000), 1),
            ("{".repeat(200_000), 0),
            ("[".repeat(200_000), 0),
        ] {
            fs::write(&path, text).unwrap();
            let mut troubles = Vec::new();
            let ignored = Ignored::from_above(folder.path(), &mut troubles);
            assert_eq!(troubles.len(), told);
            assert!(!ignored.leaves_out(&folder.path().join("a.c"), false));
        }
    }
}
