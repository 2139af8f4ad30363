//! Paths as they are compared: of Windows and of others, from different folders.

/// The folders and the name, in lower case, as Windows knows no other.
pub(super) fn parts(path: &str) -> Vec<String> {
    let parts = path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".");
    parts.map(str::to_lowercase).collect()
}

/// The paths below the folder `root`; whole where one is not below it.
pub(super) fn below<'p>(root: &str, paths: impl Iterator<Item = &'p str>) -> Vec<String> {
    let root = root.trim_end_matches(['/', '\\']);
    let below = |path: &str| {
        let rest = path.strip_prefix(root).filter(|rest| rest.starts_with(['/', '\\']));
        rest.unwrap_or(path).trim_start_matches(['/', '\\']).to_owned()
    };
    paths.map(below).collect()
}

/// The paths below the folder that all of them are in.
pub(super) fn below_common<'p>(paths: impl Iterator<Item = &'p str> + Clone) -> Vec<String> {
    let folder = |path: &'p str| path.rfind(['/', '\\']).map_or("", |end| &path[..=end]);
    let mut folders = paths.clone().map(folder);
    let first = folders.next().unwrap_or_default();
    let common = folders.fold(first, |common, folder| {
        let same = common.bytes().zip(folder.bytes()).take_while(|(a, b)| a == b).count();
        // Back to the end of a folder's name: `drivers/x64` and `drivers/x86` are both in `drivers/`. Separators
        // are ASCII, so the cut is between characters.
        common.as_bytes()[..same]
            .iter()
            .rposition(|byte| b"/\\".contains(byte))
            .map_or("", |end| &common[..=end])
    });
    paths.map(|path| path[common.len()..].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_behind_what_was_named() {
        let paths = ["out/a.sys", "out/x/b.sys", "outer/c.sys"];
        assert_eq!(below("out", paths.into_iter()), ["a.sys", "x/b.sys", "outer/c.sys"]);
        assert_eq!(below("out/", paths.into_iter()), ["a.sys", "x/b.sys", "outer/c.sys"]);
        assert_eq!(below("C:\\d", ["C:\\d\\a.sys"].into_iter()), ["a.sys"]);
    }

    #[test]
    fn reports_begin_behind_what_all_paths_share() {
        let common = |paths: &[&str]| below_common(paths.iter().copied());
        assert_eq!(common(&["d/x64/a.sys", "d/x86/a.sys"]), ["x64/a.sys", "x86/a.sys"]);
        assert_eq!(common(&["C:\\d\\a.sys", "C:\\d\\e\\b.sys"]), ["a.sys", "e\\b.sys"]);
        assert_eq!(common(&["d/a.sys"]), ["a.sys"]);
        assert_eq!(common(&["a.sys", "d/b.sys"]), ["a.sys", "d/b.sys"]);
        assert_eq!(common(&["é/a", "è/a"]), ["é/a", "è/a"]);
        assert_eq!(common(&[]), [""; 0]);
    }

    #[test]
    fn letter_case_and_separators_do_not_matter() {
        assert_eq!(parts("X64\\Acme.SYS"), parts("./x64//acme.sys"));
    }
}
