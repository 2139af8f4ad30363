//! Paths that build files write, and the files of the tree that they mean.

use super::budget::Budget;
use crate::tree::{folder, normal};
use crate::{FileId, SourceTree};

/// The files of a tree by their paths.
#[derive(Debug)]
pub(super) struct Paths {
    /// In the order of the paths.
    sorted: Vec<(String, FileId)>,
}

/// What a comparison of a path with a pattern costs at least.
const COMPARISON: u64 = 32;
/// Steps of a comparison that cost as much as a byte.
const STEPS: usize = 32;
/// The longest pattern, behind the folders without wildcards, in letters: one bit each.
const LONGEST_PATTERN: usize = 127;

impl Paths {
    /// All files of `tree`.
    pub(super) fn of(tree: &SourceTree) -> Paths {
        let mut sorted: Vec<_> =
            tree.files().map(|(id, _)| (tree.key(id).to_owned(), id)).collect();
        sorted.sort();
        Paths { sorted }
    }

    /// The files whose path `pattern` describes, in the order of the paths: `*` and `?` stay within a folder, `**` does
    /// not. None where it is too long or costs too much.
    pub(super) fn matching(&self, pattern: &str, budget: &Budget) -> Option<Vec<FileId>> {
        let pattern = normal(pattern);
        let wild = pattern.find(['*', '?']).unwrap_or(pattern.len());
        let fixed = pattern[..wild].rfind('/').map_or(0, |slash| slash + 1);
        let tokens = tokens(&pattern[fixed..])?;
        let first = self.sorted.partition_point(|(path, _)| **path < pattern[..fixed]);
        let mut found = Vec::new();
        for (path, id) in &self.sorted[first..] {
            let Some(rest) = path.strip_prefix(&pattern[..fixed]) else { break };
            if !budget.spend(COMPARISON + (rest.len() * tokens.len() / STEPS) as u64) {
                return None;
            }
            if matches(&tokens, rest) {
                found.push(*id);
            }
        }
        Some(found)
    }
}

/// A piece of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Letter(char),
    Any,
    /// Any letters of one name.
    Star,
    /// Any folders: nothing, or what ends with a slash.
    Folders,
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '*' if rest.starts_with("**/") => {
                tokens.push(Token::Folders);
                3
            }
            '*' => {
                if tokens.last() != Some(&Token::Star) {
                    tokens.push(Token::Star);
                }
                1
            }
            '?' => {
                tokens.push(Token::Any);
                1
            }
            letter => {
                tokens.push(Token::Letter(letter));
                letter.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    (tokens.len() <= LONGEST_PATTERN).then_some(tokens)
}

/// Follows all ways through the pattern at once, a bit for each place in it.
fn matches(tokens: &[Token], path: &str) -> bool {
    let open = |mut state: u128, at_folder: bool| {
        for (index, token) in tokens.iter().enumerate() {
            let passes = *token == Token::Star || *token == Token::Folders && at_folder;
            if passes && state >> index & 1 == 1 {
                state |= 1 << (index + 1);
            }
        }
        state
    };
    let mut state = open(1, true);
    for letter in path.chars() {
        let mut next = 0;
        for (index, token) in tokens.iter().enumerate() {
            if state >> index & 1 == 1 {
                next |= match token {
                    Token::Letter(own) if *own == letter => 1 << (index + 1),
                    Token::Any if letter != '/' => 1 << (index + 1),
                    Token::Star if letter != '/' => 1 << index,
                    Token::Folders => 1 << index,
                    _ => 0,
                };
            }
        }
        state = open(next, letter == '/');
        if state == 0 {
            return false;
        }
    }
    state >> tokens.len() & 1 == 1
}

/// `path` as seen from `base`, with `/` between its parts. What is absolute stays so.
pub(super) fn joined(base: &str, path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    if let Some((_, from_root)) = path.rsplit_once(ROOT) {
        return from_root.to_owned();
    }
    let drive = path.as_bytes().get(1) == Some(&b':');
    if base.is_empty() || path.starts_with('/') || drive {
        return path;
    }
    format!("{}/{path}", base.trim_end_matches(['/', '\\']))
}

/// `path` without `.` and without what `..` takes back.
pub(super) fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            "" if !parts.is_empty() => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The most folders that includes are looked for in.
const FOLDERS: usize = 256;

/// Adds the folder that `path` means as seen from `base`, once.
pub(super) fn add_folder(folders: &mut Vec<String>, base: &str, path: &str) {
    let folder = plain(&joined(base, path));
    if folders.len() < FOLDERS && !folders.contains(&folder) {
        folders.push(folder);
    }
}

/// What begins a path that is seen from the root of the tree, wherever it stands. No file has such a letter in a path.
const ROOT: &str = "\u{1}/";

/// The folder of a file of the tree, as a value that other paths are put behind.
pub(super) fn anchored(tree: &SourceTree, file: FileId) -> String {
    let path = &tree.file(file).path;
    let own = folder(path);
    let own = if own.is_empty() && !path.starts_with('/') { "." } else { own };
    format!("{ROOT}{own}")
}

/// The path of a file of the tree, as a value.
pub(super) fn anchored_path(tree: &SourceTree, file: FileId) -> String {
    format!("{ROOT}{}", tree.file(file).path)
}

/// `text` as people know it.
pub(super) fn unanchored(text: &str) -> String {
    text.replace(ROOT, "")
}

/// Folders that are tried upward from a file. No real tree is deeper.
const DEEPEST: usize = 64;

/// The nearest file called `name` in the folder `from` or above it.
pub(super) fn upward(tree: &SourceTree, from: &str, name: &str) -> Option<FileId> {
    let mut at = normal(from);
    for _ in 0..DEEPEST {
        if let Some(found) = tree.at(&joined(&at, name)) {
            return Some(found);
        }
        if at.is_empty() || at.ends_with("..") {
            return None;
        }
        at.truncate(at.rfind('/').unwrap_or(0));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    fn tree(paths: &[&str]) -> SourceTree {
        let mut tree = SourceTree::default();
        for path in paths {
            tree.add(path, SourceText::of("")).unwrap();
        }
        tree
    }

    fn found(tree: &SourceTree, pattern: &str) -> Vec<String> {
        let budget = Budget::new(tree);
        budget.begin(0);
        let found = Paths::of(tree).matching(pattern, &budget).unwrap_or_default();
        found.iter().map(|id| tree.file(*id).path.clone()).collect()
    }

    #[test]
    fn wildcards_match_as_msbuild_documents() {
        let tree = tree(&["d/a.c", "d/b.cpp", "d/sub/c.c", "d/sub/deep/d.c", "e/a.c"]);
        assert_eq!(found(&tree, r"d\*.c"), ["d/a.c"]);
        assert_eq!(found(&tree, "D/**/*.c"), ["d/a.c", "d/sub/c.c", "d/sub/deep/d.c"]);
        assert_eq!(found(&tree, "d/**/deep/?.c"), ["d/sub/deep/d.c"]);
        assert_eq!(found(&tree, "d/*"), ["d/a.c", "d/b.cpp"]);
        assert_eq!(found(&tree, "d/x/../a.c"), ["d/a.c"]);
        assert!(found(&tree, "d/?").is_empty());
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_others() {
        let name = format!("{}.c", "a".repeat(4000));
        let tree = tree(&[&name]);
        assert!(found(&tree, &format!("{}b.c", "*a".repeat(60))).is_empty());
        assert_eq!(found(&tree, &format!("{}*.c", "*a".repeat(60))), [name]);
        assert!(found(&tree, &"?".repeat(5000)).is_empty());
    }

    #[test]
    fn the_nearest_file_upward_is_found() {
        let mut tree = tree(&["a/Directory.Build.props", "a/b/Directory.Build.props", "a/b/c/x.c"]);
        let nearest = |from: &str| {
            upward(&tree, from, "directory.build.props").map(|id| tree.file(id).path.clone())
        };
        assert_eq!(nearest("a/b/c").as_deref(), Some("a/b/Directory.Build.props"));
        assert_eq!(nearest("a/d").as_deref(), Some("a/Directory.Build.props"));
        assert_eq!(nearest("z"), None);
        assert_eq!(joined("a/b", r"..\x.c"), "a/b/../x.c");
        let own = anchored(&tree, tree.at("a/b/c/x.c").unwrap());
        assert_eq!(joined("z", &format!("{own}/y.c")), "a/b/c/y.c");
        let top = tree.add("top.c", SourceText::of("")).unwrap();
        assert_eq!(joined("z", &format!("{}/y.c", anchored(&tree, top))), "./y.c");
        assert_eq!((joined("a", "/x"), joined("a", r"C:\x")), ("/x".into(), "C:/x".into()));
        assert_eq!(plain("./a/../b//c.h"), "b/c.h");
    }
}
