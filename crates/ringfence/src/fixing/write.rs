//! The files that fixes change, written.

use super::left::{LeftBecause, LeftFix};
use super::plan::Plan;
use ringfence_container::Replacement;
use ringfence_source::FileId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What became of the fixes that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixOutcome {
    /// How many findings are fixed.
    pub fixed: usize,
    /// The files that were written, by name, with how many findings of each rule are fixed in them.
    pub files: BTreeMap<String, BTreeMap<&'static str, usize>>,
    /// The fixes that were not made, by file and line.
    pub left: Vec<LeftFix>,
}

/// Writes the files that `plan` changes, each in the encoding that it has, whole or not at all.
///
/// All of them are written beside their places before the first is moved there. A file that cannot be written costs
/// the fixes that edit it; the other files are written without them. Only where a file changes in the moment
/// between, a part of a fix may be made in another one.
pub fn write(mut plan: Plan<'_>) -> FixOutcome {
    let mut waiting: BTreeSet<FileId> = plan.files().collect();
    let mut prepared: BTreeMap<FileId, Replacement> = BTreeMap::new();
    let mut placed: BTreeSet<FileId> = BTreeSet::new();
    loop {
        let (file, result) = match waiting.pop_first() {
            Some(file) => {
                let new = prepare(&plan, file);
                (file, new.map(|new| _ = prepared.insert(file, new)))
            }
            None => match prepared.pop_first() {
                Some((file, new)) => {
                    let done = place(&plan, file, new);
                    (file, done.map(|()| _ = placed.insert(file)))
                }
                None => break,
            },
        };
        let Err(reason) = result else { continue };
        let path = plan.tree().name(file).to_owned();
        for other in plan.leave(file, &LeftBecause::NotReplaced { path, reason }) {
            prepared.remove(&other);
            if plan.changes(other) && !placed.contains(&other) {
                waiting.insert(other);
            } else {
                waiting.remove(&other);
            }
        }
    }
    let mut files: BTreeMap<String, BTreeMap<&'static str, usize>> = BTreeMap::new();
    for (file, rule) in plan.rules().filter(|(file, _)| placed.contains(file)) {
        let name = plan.tree().name(file).to_owned();
        *files.entry(name).or_default().entry(rule).or_default() += 1;
    }
    FixOutcome { fixed: plan.fixed(), files, left: plan.into_left() }
}

fn prepare(plan: &Plan<'_>, file: FileId) -> Result<Replacement, String> {
    let old = plan.tree().file(file);
    let new = old.text.encode(&plan.apply(file)).map_err(|reason| reason.to_string())?;
    let prepared = Replacement::prepare(Path::new(&old.path), &bytes(plan, file)?, &new);
    prepared.map_err(|reason| reason.to_string())
}

fn place(plan: &Plan<'_>, file: FileId, new: Replacement) -> Result<(), String> {
    new.place(&bytes(plan, file)?).map_err(|reason| reason.to_string())
}

/// What was read.
fn bytes(plan: &Plan<'_>, file: FileId) -> Result<Vec<u8>, String> {
    let text = &plan.tree().file(file).text;
    text.encode(text.as_str()).map_err(|reason| reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::super::sample::{edit, finding};
    use super::*;
    use ringfence_finding::{Safety, SourceFinding};
    use ringfence_source::{SourceText, SourceTree};
    use std::fs;
    use tempfile::TempDir;

    fn path(folder: &TempDir, name: &str) -> String {
        folder.path().join(name).to_string_lossy().into_owned()
    }

    /// A folder with files, and the tree that is read from it.
    fn tree(files: &[(&str, &[u8])]) -> (TempDir, SourceTree) {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = SourceTree::default();
        for (name, bytes) in files {
            let path = path(&folder, name);
            fs::write(&path, bytes).unwrap();
            tree.add(&path, SourceText::decode(*bytes).unwrap()).unwrap();
        }
        (folder, tree)
    }

    fn written(findings: &[SourceFinding], tree: &SourceTree) -> FixOutcome {
        write(plan(findings, Safety::Safe, tree))
    }

    fn protect(path: &str, read_only: bool) {
        let mut permissions = fs::metadata(path).unwrap().permissions();
        permissions.set_readonly(read_only);
        fs::set_permissions(path, permissions).unwrap();
    }

    /// Each crate has its own, as neither may use the other.
    #[test]
    fn what_can_be_read_can_be_decoded() {
        assert_eq!(ringfence_container::LARGEST_SOURCE, ringfence_source::LARGEST_SOURCE);
    }

    #[test]
    fn a_file_stays_in_its_encoding() {
        let utf16 = |text: &str| -> Vec<u8> {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            b"\xFF\xFE".iter().copied().chain(units).collect()
        };
        for (old, new) in [
            (b"a\r\n\xFC\r\n".to_vec(), b"b\r\n\xFC\r\n".to_vec()),
            (b"\xEF\xBB\xBFa\n".to_vec(), b"\xEF\xBB\xBFb\n".to_vec()),
            (utf16("a\r\n\u{1f600}"), utf16("b\r\n\u{1f600}")),
        ] {
            let (folder, tree) = tree(&[("x.c", &old)]);
            let name = path(&folder, "x.c");
            let findings = [finding(&name, Safety::Safe, &[edit(&name, 0..1, "b")])];
            let outcome = written(&findings, &tree);
            assert_eq!((outcome.fixed, outcome.files.len(), outcome.left), (1, 1, vec![]));
            assert_eq!(fs::read(&name).unwrap(), new);
        }
    }

    #[test]
    fn what_cannot_be_written_costs_the_whole_fix_and_no_other() {
        let (folder, tree) = tree(&[("a.c", b"aa"), ("b.c", b"bb"), ("c.c", b"cc")]);
        let [a, b, c] = ["a.c", "b.c", "c.c"].map(|name| path(&folder, name));
        let findings = [
            finding(&a, Safety::Safe, &[edit(&a, 0..1, "x"), edit(&c, 0..1, "x")]),
            finding(&a, Safety::Safe, &[edit(&a, 1..2, "y")]),
            finding(&b, Safety::Safe, &[edit(&b, 0..1, "x")]),
        ];
        protect(&c, true);
        fs::write(&b, "theirs").unwrap();
        let outcome = written(&findings, &tree);
        protect(&c, false);
        assert_eq!((outcome.fixed, outcome.files.len()), (1, 1));
        let left: Vec<_> = outcome.left.iter().map(|left| left.because.to_string()).collect();
        let because = [
            format!("{c} is left as it is: it is read-only"),
            format!("{b} is left as it is: it has changed since it was read"),
        ];
        assert_eq!(left, because);
        assert_eq!([a, b, c].map(|path| fs::read_to_string(path).unwrap()), ["ay", "theirs", "cc"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn one_file_under_two_spellings_is_fixed_once() {
        let (folder, tree) = tree(&[("a.c", b"aa")]);
        let (name, spelled) = (path(&folder, "a.c"), path(&folder, "./a.c"));
        let findings = [
            finding(&name, Safety::Safe, &[edit(&name, 0..1, "x")]),
            finding(&name, Safety::Safe, &[edit(&spelled, 0..1, "x")]),
        ];
        let outcome = written(&findings, &tree);
        assert_eq!((outcome.fixed, outcome.files.len()), (2, 1));
        assert_eq!(fs::read_to_string(&name).unwrap(), "xa");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_and_a_link_to_it_are_not_both_written() {
        let (folder, mut tree) = tree(&[("a.c", b"aa")]);
        let (name, link) = (path(&folder, "a.c"), path(&folder, "b.c"));
        std::os::unix::fs::symlink(&name, &link).unwrap();
        tree.add(&link, SourceText::of("aa")).unwrap();
        let findings =
            [&name, &link].map(|name| finding(name, Safety::Safe, &[edit(name, 0..1, "x")]));
        let outcome = written(&findings, &tree);
        assert_eq!((outcome.fixed, outcome.left.len()), (1, 1));
        assert_eq!(fs::read_to_string(&name).unwrap(), "xa");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
