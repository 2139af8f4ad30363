//! Files that are no part of a driver, as the module that names them says.

use super::reader::syntax;
use crate::{FileId, FileKind, SourceTree, tree};
use foldhash::HashMap;

/// What files leave out of the driver, as far as it was asked for.
pub(crate) struct Modules<'t> {
    pub(crate) tree: &'t SourceTree,
    /// By file, the names of the modules that it leaves out.
    left_out: HashMap<FileId, Vec<Box<str>>>,
    /// Files that are left out by a path written for them.
    by_path: Vec<FileId>,
}

/// More folders than any path has.
const DEEPEST: usize = 64;

impl<'t> Modules<'t> {
    pub(crate) fn new(tree: &'t SourceTree) -> Modules<'t> {
        let mut by_path = Vec::new();
        for (_, file) in tree.files().filter(|(_, file)| file.kind == FileKind::Rust) {
            let text = file.text.as_str();
            if !(text.contains("path") && text.contains("cfg") && text.contains("#[path")) {
                continue;
            }
            let paths = syntax(text, |_| false).left_out;
            for path in paths.iter().filter_map(|(_, path)| path.as_deref()) {
                let folder = tree::folder(&file.path);
                let whole =
                    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
                by_path.extend(tree.at(&whole));
            }
        }
        Modules { tree, left_out: HashMap::default(), by_path }
    }

    /// Whether a file is left out, itself or with a module around.
    pub(crate) fn leave_out(&mut self, file: FileId) -> bool {
        let mut next = Some(file);
        for _ in 0..DEEPEST {
            let Some(file) = next else { break };
            if self.by_path.contains(&file) {
                return true;
            }
            let Some((name, around)) = module(self.tree.key(file)) else { break };
            let parents: Vec<FileId> = around
                .iter()
                .filter_map(|path| self.tree.at(path))
                .filter(|one| *one != file)
                .collect();
            if parents.iter().any(|parent| self.has_left_out(*parent, name)) {
                return true;
            }
            next = parents.first().copied();
        }
        false
    }

    fn has_left_out(&mut self, parent: FileId, name: &str) -> bool {
        let tree = self.tree;
        let names = self.left_out.entry(parent).or_insert_with(|| {
            let text = tree.file(parent).text.as_str();
            if !text.contains("cfg") {
                return Vec::new();
            }
            syntax(text, |_| false).left_out.into_iter().map(|(name, _)| name).collect()
        });
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The name of the module that a file is, and the files that may declare it, the root of a crate last.
fn module(path: &str) -> Option<(&str, Vec<String>)> {
    let stem = path.rsplit('/').next()?.strip_suffix(".rs")?;
    let folder = tree::folder(path);
    let (name, folder) = match stem {
        "lib" | "main" => return None,
        "mod" => (folder.rsplit('/').next()?, tree::folder(folder)),
        stem => (stem, folder),
    };
    let beside = |file: &str| {
        if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
    };
    let mut around = vec![beside("mod.rs")];
    if !folder.is_empty() {
        around.push(format!("{folder}.rs"));
    }
    around.extend([beside("lib.rs"), beside("main.rs")]);
    Some((name, around))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    fn left_out(files: &[(&str, &str)]) -> Vec<String> {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        let mut modules = Modules::new(&tree);
        let all: Vec<_> = tree.files().collect();
        all.iter()
            .filter(|(id, _)| modules.leave_out(*id))
            .map(|(_, file)| file.path.clone())
            .collect()
    }

    #[test]
    fn modules_of_tests_are_left_out_with_what_is_in_them() {
        assert_eq!(
            left_out(&[
                (
                    "src/lib.rs",
                    "mod pool;\n#[cfg(test)]\nmod mock;\n#[cfg(target_arch = \"x86\")] mod old;"
                ),
                ("src/pool.rs", "#[cfg(test)] mod tests;"),
                ("src/pool/tests.rs", ""),
                ("src/pool/other.rs", ""),
                ("src/mock/mod.rs", "mod deep;"),
                ("src/mock/deep.rs", ""),
                ("src/old.rs", ""),
            ]),
            ["src/pool/tests.rs", "src/mock/mod.rs", "src/mock/deep.rs", "src/old.rs"]
        );
    }

    #[test]
    fn a_path_written_for_a_module_counts() {
        assert_eq!(
            left_out(&[
                ("d/a.rs", "#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;"),
                ("d/a_tests.rs", ""),
                ("d/tests.rs", ""),
            ]),
            ["d/a_tests.rs"]
        );
    }
}
