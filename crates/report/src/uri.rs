//! Paths as URIs, and from the root of a repository.
//!
//! GitHub matches relative URIs with files from the root of the repository, and rejects nothing that is
//! absolute as long as it is a `file:` URI, which it shortens by the root if it can. So a path below the
//! folder that ringfence ran in is relative, with the base `%SRCROOT%` as other tools call it, which only
//! whoever reads the report can know; any other is absolute. That folder itself is written only as a part
//! of a path outside of it. Where it is not known, `..` leads to a base of its own, as GitHub takes no
//! dots and a viewer may ask for the folder.

use crate::sarif::ArtifactLocation;

/// The base of everything below the folder that ringfence ran in.
pub(crate) const ROOT: &str = "%SRCROOT%";

/// What a path without a name is called.
const UNNAMED: &str = "unnamed";

/// What a path begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Start {
    /// Nothing: it is relative.
    Here,
    Slash,
    Drive(char),
    Server(String),
}

/// A path in parts, without `.` and, but for those it begins with, without `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    start: Start,
    /// How many `..` it begins with.
    up: usize,
    names: Vec<String>,
    /// Whether letter case means nothing in it.
    caseless: bool,
}

/// Makes URIs of paths, given the folder that relative ones start from.
pub(crate) struct Uris {
    root: Option<Parts>,
    /// The most `..` that a base was made for.
    highest: usize,
}

impl Uris {
    pub(crate) fn new(root: Option<&str>) -> Uris {
        let root = root.map(|root| parse(root, is_windows(root)));
        Uris { root: root.filter(|root| root.start != Start::Here), highest: 0 }
    }

    /// The location of a file that was scanned under `path`.
    pub(crate) fn scanned(&mut self, path: &str) -> ArtifactLocation {
        if path == "-" {
            return below_root("stdin".to_owned());
        }
        let parts = self.resolved(parse(path, is_windows(path) || cfg!(windows)));
        if let Some(uri) = absolute(&parts) {
            return ArtifactLocation { uri, uri_base_id: None, index: None };
        }
        self.highest = self.highest.max(parts.up);
        let base = if parts.up == 0 { ROOT.to_owned() } else { above(parts.up) };
        ArtifactLocation { uri: joined(&parts.names), uri_base_id: Some(base), index: None }
    }

    /// The location of a source file whose path a compiler wrote down: whether it is below the root, and
    /// none where nobody can tell. A relative path is taken for one from the root, where builds mostly
    /// run; one with `..` says too little.
    pub(crate) fn source(&self, path: &str) -> Option<(ArtifactLocation, bool)> {
        // Compilers for Windows write both separators, wherever they run.
        let parts = parse(path, !path.starts_with('/'));
        if parts.up > 0 || parts.names.is_empty() {
            return None;
        }
        let parts = self.resolved(parts);
        match absolute(&parts) {
            Some(uri) => Some((ArtifactLocation { uri, uri_base_id: None, index: None }, false)),
            None => Some((below_root(joined(&parts.names)), true)),
        }
    }

    /// The path of a source file from the root, as plain text, where [`Uris::source`] finds it below.
    pub(crate) fn below(&self, path: &str) -> Option<String> {
        let parts = parse(path, !path.starts_with('/'));
        if parts.up > 0 || parts.names.is_empty() {
            return None;
        }
        let parts = self.resolved(parts);
        (parts.start == Start::Here && parts.up == 0).then(|| parts.names.join("/"))
    }

    /// The bases above the root that URIs were made with, and how far above.
    pub(crate) fn bases_above(&self) -> impl Iterator<Item = (String, usize)> {
        (1..=self.highest).map(|up| (above(up), up))
    }

    /// `parts` from the root where they are below it, else from the start where that is known.
    fn resolved(&self, parts: Parts) -> Parts {
        let Some(root) = &self.root else { return parts };
        if parts.start == Start::Here && parts.up == 0 {
            return parts;
        }
        let whole = match parts.start {
            Start::Here => {
                let kept = root.names.len().saturating_sub(parts.up);
                let names = root.names[..kept].iter().cloned().chain(parts.names).collect();
                Parts { names, ..root.clone() }
            }
            _ => parts,
        };
        match whole.below(root) {
            Some(names) if !names.is_empty() => {
                Parts { start: Start::Here, up: 0, names, caseless: whole.caseless }
            }
            _ => whole,
        }
    }
}

impl Parts {
    /// What follows `root` in it, if it begins so.
    fn below(&self, root: &Parts) -> Option<Vec<String>> {
        let same = |a: &str, b: &str| match self.caseless && root.caseless {
            true => a.to_lowercase() == b.to_lowercase(),
            false => a == b,
        };
        let start = match (&self.start, &root.start) {
            (Start::Server(a), Start::Server(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a == b,
        };
        let begins = start
            && self.names.len() >= root.names.len()
            && self.names.iter().zip(&root.names).all(|(a, b)| same(a, b));
        begins.then(|| self.names[root.names.len()..].to_vec())
    }
}

/// Whether only Windows writes paths like this, so that backslashes part it.
fn is_windows(path: &str) -> bool {
    drive(path).is_some() || path.starts_with(r"\\")
}

/// The drive that an absolute path begins with.
fn drive(path: &str) -> Option<char> {
    match path.as_bytes() {
        [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic() => {
            Some(char::from(letter.to_ascii_uppercase()))
        }
        _ => None,
    }
}

fn parse(path: &str, windows: bool) -> Parts {
    let is_separator = |c: char| c == '/' || (windows && c == '\\');
    let mut path = path;
    let mut unc = false;
    if windows {
        // The prefixes that switch Windows' own reading of a path off.
        if let Some(rest) = path.strip_prefix(r"\\?\UNC\") {
            (path, unc) = (rest, true);
        } else if let Some(rest) = path.strip_prefix(r"\\?\").or(path.strip_prefix(r"\\.\")) {
            path = rest;
        } else if let Some(rest) = path.strip_prefix(r"\\").or(path.strip_prefix("//")) {
            (path, unc) = (rest, true);
        }
    }
    let (start, rest) = if unc {
        let (server, rest) = path.split_once(is_separator).unwrap_or((path, ""));
        (if server.is_empty() { Start::Slash } else { Start::Server(server.to_owned()) }, rest)
    } else if let Some(letter) = drive(path).filter(|_| windows) {
        (Start::Drive(letter), &path[3..])
    } else if path.starts_with(is_separator) {
        (Start::Slash, path)
    } else {
        (Start::Here, path)
    };
    let mut parts = Parts { start, up: 0, names: Vec::new(), caseless: windows };
    for name in rest.split(is_separator) {
        match name {
            "" | "." => {}
            ".." if parts.names.pop().is_none() && parts.start == Start::Here => parts.up += 1,
            ".." => {}
            name => parts.names.push(name.to_owned()),
        }
    }
    parts
}

fn absolute(parts: &Parts) -> Option<String> {
    let names = joined(&parts.names);
    match &parts.start {
        Start::Here => None,
        Start::Slash => Some(format!("file:///{names}")),
        Start::Drive(letter) => Some(format!("file:///{letter}:/{names}")),
        Start::Server(server) => Some(format!("file://{}/{names}", encoded(server))),
    }
}

fn below_root(uri: String) -> ArtifactLocation {
    ArtifactLocation { uri, uri_base_id: Some(ROOT.to_owned()), index: None }
}

fn above(up: usize) -> String {
    format!("%SRCROOT-{up}%")
}

fn joined(names: &[String]) -> String {
    if names.is_empty() {
        return UNNAMED.to_owned();
    }
    names.iter().map(|name| encoded(name)).collect::<Vec<_>>().join("/")
}

/// One part of a URI. Everything that could mean something is encoded, a colon too, as the first part
/// would read as a scheme.
fn encoded(name: &str) -> String {
    let mut uri = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~+,=@()".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(root: Option<&str>, path: &str) -> String {
        let location = Uris::new(root).scanned(path);
        match location.uri_base_id {
            Some(base) => format!("{base} {}", location.uri),
            None => location.uri,
        }
    }

    #[test]
    fn what_is_below_the_root_is_relative() {
        for (root, path) in [
            (None, "build/x64/acme.sys"),
            (None, "./build//x64/../x64/acme.sys"),
            (Some("/home/dev/acme"), "build/x64/acme.sys"),
            (Some("/home/dev/acme"), "/home/dev/acme/build/x64/acme.sys"),
            (Some("/home/dev/acme"), "../acme/build/x64/acme.sys"),
            (Some(r"D:\a\acme"), r"d:\A\Acme\build\x64\acme.sys"),
            (Some(r"D:\a\acme"), r"\\?\D:\a\acme\build\x64\acme.sys"),
            (Some(r"\\files\dev\acme"), r"\\FILES\dev\acme\build\x64\acme.sys"),
        ] {
            assert_eq!(told(root, path), "%SRCROOT% build/x64/acme.sys", "{path}");
        }
    }

    #[test]
    fn what_is_elsewhere_is_absolute() {
        for (root, path, expected) in [
            (None, "/opt/a b/acme.sys", "file:///opt/a%20b/acme.sys"),
            (None, r"C:\Windows\acme.sys", "file:///C:/Windows/acme.sys"),
            (None, r"\\files\dev\acme.sys", "file://files/dev/acme.sys"),
            (None, r"\\?\UNC\files\dev\acme.sys", "file://files/dev/acme.sys"),
            (Some("/home/dev/acme"), "../other/acme.sys", "file:///home/dev/other/acme.sys"),
            (Some("/home/dev/acme"), "/home/dev/acme2/acme.sys", "file:///home/dev/acme2/acme.sys"),
            (Some("/a"), "../../../b.sys", "file:///b.sys"),
            (Some("/home"), "/home", "file:///home"),
        ] {
            assert_eq!(told(root, path), expected, "{path}");
        }
    }

    #[test]
    fn dots_lead_to_a_base_of_their_own_where_the_root_is_unknown() {
        assert_eq!(told(None, "../../out/acme.sys"), "%SRCROOT-2% out/acme.sys");
        let mut uris = Uris::new(None);
        uris.scanned("../a.sys");
        let bases: Vec<_> = uris.bases_above().collect();
        assert_eq!(bases, [("%SRCROOT-1%".to_owned(), 1)]);
    }

    /// RFC 3986: what is not unreserved is encoded as UTF-8, and a first part has no colon.
    #[test]
    fn what_could_mean_something_is_encoded() {
        for (path, expected) in [
            ("100%/a#b?c.sys", "100%25/a%23b%3Fc.sys"),
            ("\"a'<b>\".sys", "%22a%27%3Cb%3E%22.sys"),
            ("javascript:alert(1).sys", "javascript%3Aalert(1).sys"),
            ("Größe/\u{202e}sys.exe", "Gr%C3%B6%C3%9Fe/%E2%80%AEsys.exe"),
            ("a\nb\u{fffd}.sys", "a%0Ab%EF%BF%BD.sys"),
            ("-", "stdin"),
            ("", "unnamed"),
        ] {
            assert_eq!(told(None, path), format!("%SRCROOT% {expected}"), "{path}");
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn a_backslash_in_a_name_of_linux_is_a_part_of_it() {
        assert_eq!(told(None, r"we\ird.sys"), "%SRCROOT% we%5Cird.sys");
    }

    #[test]
    fn sources_are_below_the_root_where_that_can_be_told() {
        let uris = Uris::new(Some(r"D:\a\acme"));
        let told = |path| uris.source(path).map(|(place, below)| (place.uri, below));
        assert_eq!(told(r"D:\a\acme\src\pool.c"), Some(("src/pool.c".to_owned(), true)));
        assert_eq!(told(r"src\pool.c"), Some(("src/pool.c".to_owned(), true)));
        assert_eq!(told(r"E:\lib\pool.c"), Some(("file:///E:/lib/pool.c".to_owned(), false)));
        assert_eq!(told("/src/pool.c"), Some(("file:///src/pool.c".to_owned(), false)));
        assert_eq!(told(r"..\..\pool.c"), None);
        assert_eq!(told(""), None);
    }
}
