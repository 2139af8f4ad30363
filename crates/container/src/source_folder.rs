//! Folders of source, and what in them is nobody's source.

use crate::folder::{Found, Source, expand_by, is_file, unreadable};
use crate::ignored::Ignored;
use crate::{Input, plain};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// Finds the files behind `inputs` that `wanted` says yes to by their name, in the order of the inputs, and within
/// a folder by name.
///
/// A file that the user names is found whatever it is. In folders, what is hidden (its name begins with a dot) is
/// left out, and `node_modules`, what Cargo built, and what the repository's `.gitignore` files leave out. Nothing
/// else is honoured, so that the same tree gives the same files on every machine. Links are as in [`expand`].
///
/// [`expand`]: crate::expand
pub fn expand_sources(inputs: &[Input], wanted: impl Fn(&str) -> bool + Sync) -> Vec<Found> {
    let is_wanted = |found: &Found| match found {
        Ok(source) => source.named || wanted(&source.name()),
        Err(_) => true,
    };
    let mut found = expand_by(inputs, &|folder| walk(folder, &wanted));
    found.retain(is_wanted);
    found
}

/// A file or folder on the way, and what is left out where it is.
struct Place {
    path: PathBuf,
    /// The same as an absolute path, which is what patterns are held to.
    absolute: PathBuf,
    is_folder: bool,
    ignored: Ignored,
}

/// All wanted files below `folder`. Trees of source are small beside those of drivers, so one thread walks; it keeps
/// a list of what is left, as a tree may be deeper than a stack.
fn walk(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    let absolute = plain(folder).unwrap_or_else(|| folder.to_owned());
    let above = absolute.parent().map(|above| Ignored::from_above(above, &mut found));
    let ignored = above.unwrap_or_default();
    let mut left = vec![Place { path: folder.to_owned(), absolute, is_folder: true, ignored }];
    while let Some(place) = left.pop() {
        match place.is_folder {
            true => left.extend(inside(&place, wanted, &mut found).into_iter().rev()),
            false => found.push(Ok(Source { path: Some(place.path), named: false })),
        }
    }
    found
}

/// What of `folder` is to be looked at, or why it could not be.
fn inside(folder: &Place, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<Found>) -> Vec<Place> {
    let listing = fs::read_dir(&folder.path);
    let mut entries = match listing.and_then(|entries| entries.collect::<io::Result<Vec<_>>>()) {
        Ok(entries) => entries,
        Err(error) => {
            found.push(Err(unreadable(&folder.path, error.into())));
            return Vec::new();
        }
    };
    entries.sort_by_key(DirEntry::file_name);
    let ignored = folder.ignored.within(&folder.absolute, found);
    let place = |entry: DirEntry| {
        let name = entry.file_name();
        let (path, absolute) = (entry.path(), folder.absolute.join(&name));
        let name = name.to_string_lossy();
        let kind = entry.file_type().map_err(|error| unreadable(&path, error.into()))?;
        let is_folder = kind.is_dir();
        let left_out = name.starts_with('.')
            || ignored.leaves_out(&absolute, is_folder)
            || if is_folder { is_built(&folder.path, &name) } else { !wanted(&name) };
        let counts = !left_out && (is_folder || is_file(&path, kind)?);
        Ok(counts.then(|| Place { path, absolute, is_folder, ignored: ignored.clone() }))
    };
    let mut places = Vec::new();
    for entry in entries {
        match place(entry) {
            Ok(counting) => places.extend(counting),
            Err(unreadable) => found.push(Err(unreadable)),
        }
    }
    places
}

/// What Cargo marks a folder with that holds nothing but what it built.
const BUILT: &str = "CACHEDIR.TAG";

/// Whether the folder `name` in `folder` holds what was built or fetched. A driver of SCSI targets may well have a
/// `target` of its own, so the name alone does not tell.
fn is_built(folder: &Path, name: &str) -> bool {
    let by_cargo =
        || folder.join("Cargo.toml").is_file() || folder.join(name).join(BUILT).is_file();
    name == "node_modules" || (name == "target" && by_cargo())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use tempfile::TempDir;

    fn tree(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    /// The C files that are found below `root`, without the root's own path.
    fn found(root: &TempDir, argument: &OsStr) -> Vec<String> {
        let prefix = format!("{}/", root.path().display()).replace('\\', "/");
        expand_sources(&[Input::parse(argument)], |name| name.ends_with(".c"))
            .into_iter()
            .map(|found| match found {
                Ok(source) => source.name(),
                Err(unreadable) => format!("{}: {unreadable}", unreadable.name),
            })
            .map(|line| line.replace('\\', "/").replace(&prefix, ""))
            .collect()
    }

    #[test]
    fn sources_come_in_the_order_of_names_without_what_is_nobodys() {
        let root = tree(&[
            ("b/2.c", ""),
            ("b/1.c", ""),
            ("b/x.txt", ""),
            ("a.c", ""),
            (".hidden.c", ""),
            (".vs/x.c", ""),
            ("web/node_modules/x.c", ""),
            ("rust/Cargo.toml", ""),
            ("rust/target/x.c", ""),
            ("built/target/CACHEDIR.TAG", ""),
            ("built/target/x.c", ""),
            ("scsi/target/t.c", ""),
            ("c.c", ""),
        ]);
        let all = ["a.c", "b/1.c", "b/2.c", "c.c", "scsi/target/t.c"];
        assert_eq!(found(&root, root.path().as_os_str()), all);
    }

    #[test]
    fn what_git_ignores_counts_only_where_it_is_named() {
        let root = tree(&[
            (".git/HEAD", ""),
            (".gitignore", "out/\ngen_*.c\n"),
            ("a.c", ""),
            ("out/x.c", ""),
            ("src/gen_x.c", ""),
            ("src/s.c", ""),
            ("module/.git", "gitdir: elsewhere"),
            ("module/gen_x.c", ""),
        ]);
        let all = ["a.c", "module/gen_x.c", "src/s.c"];
        assert_eq!(found(&root, root.path().as_os_str()), all);
        let at = |name: &str| found(&root, root.path().join(name).as_os_str());
        assert_eq!(at("src"), ["src/s.c"]);
        assert_eq!(at("out"), ["out/x.c"]);
        assert_eq!(at("src/gen_x.c"), ["src/gen_x.c"]);
        assert_eq!(at("src/*.c"), ["src/gen_x.c", "src/s.c"]);
        assert_eq!(at("**/*.c"), all);
        fs::remove_dir_all(root.path().join(".git")).unwrap();
        assert_eq!(at("src"), ["src/gen_x.c", "src/s.c"]);
    }

    /// Git itself says what it leaves out, where it is installed.
    #[test]
    fn what_is_left_out_is_what_git_leaves_out() {
        const PATTERNS: &str = "# a comment\n\\#odd.c\n/top.c\nout/\n[Dd]ebug/\n*.g.c\n!keep.g.c\n\
            doc/*.c\n**/gen/\na/**/z.c\n{x,y}.c\nblank.c   \nq?.c\n[\n";
        const NAMES: [&str; 22] = [
            "#odd.c",
            "top.c",
            "s/top.c",
            "s/out/a.c",
            "out.c",
            "Debug/a.c",
            "s/debug/a.c",
            "a.g.c",
            "s/keep.g.c",
            "doc/a.c",
            "doc/s/a.c",
            "s/doc/a.c",
            "s/gen/a.c",
            "a/z.c",
            "a/b/c/z.c",
            "x.c",
            "{x,y}.c",
            "blank.c",
            "qq.c",
            "qqq.c",
            "own/x.c",
            "own/a.g.c",
        ];
        let mut files = vec![(".gitignore", PATTERNS), ("own/.gitignore", "x.c\r\n!a.g.c\r\n")];
        files.extend(NAMES.map(|name| (name, "")));
        let root = tree(&files);
        let git = |arguments: &[&str]| {
            let mut git = std::process::Command::new("git");
            git.args(arguments).current_dir(root.path());
            git.env("GIT_CONFIG_GLOBAL", "").env("GIT_CONFIG_NOSYSTEM", "1").output()
        };
        if git(&["init", "-q"]).is_err() {
            return;
        }
        let listed = git(&["ls-files", "-z", "--others", "--exclude-standard", "*.c"]).unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let mut by_git: Vec<_> = listed.split_terminator('\0').map(str::to_owned).collect();
        let mut ours = found(&root, root.path().as_os_str());
        by_git.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, by_git);
        assert!((5..NAMES.len() - 5).contains(&ours.len()));
    }

    #[test]
    fn a_file_is_found_by_name_whatever_it_is() {
        let root = tree(&[("a.txt", ""), (".b.c", ""), ("c.c", "")]);
        let at = |name: &str| found(&root, root.path().join(name).as_os_str());
        assert_eq!(at("a.txt"), ["a.txt"]);
        assert_eq!(at(".b.c"), [".b.c"]);
        assert_eq!(at("*.c"), [".b.c", "c.c"]);
        assert_eq!(at("gone.c"), ["gone.c: no such file or directory"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_count_and_no_walk_goes_in_circles() {
        use std::os::unix::fs::symlink;
        let root = tree(&[("real/a.c", "")]);
        symlink(root.path().join("real/a.c"), root.path().join("link.c")).unwrap();
        symlink("gone", root.path().join("broken.c")).unwrap();
        symlink("gone", root.path().join("broken.txt")).unwrap();
        symlink(root.path(), root.path().join("real/loop.c")).unwrap();
        let all = ["broken.c: broken symbolic link to gone", "link.c", "real/a.c"];
        assert_eq!(found(&root, root.path().as_os_str()), all);
    }

    /// As deep as the system lets paths be.
    #[test]
    fn a_deep_tree_is_walked() {
        let root = tempfile::tempdir().unwrap();
        let mut path = root.path().to_owned();
        while path.as_os_str().len() < 3900 && fs::create_dir(path.join("d")).is_ok() {
            path.push("d");
        }
        fs::write(path.join("a.c"), "").unwrap();
        assert_eq!(found(&root, root.path().as_os_str()).len(), 1);
    }
}
