//! Files of the file system: finding them, in parallel and in a stable order, and reading them.

use crate::{Input, LARGEST_DEBUG_FILE, LARGEST_REPORT, LARGEST_SETTINGS, LARGEST_SOURCE};
use glob::{MatchOptions, Pattern};
use rayon::prelude::*;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The largest file that is read whole, in bytes. A PE image cannot describe more than 4 GiB, and no
/// driver comes near this.
pub const LARGEST_IMAGE: u64 = 1 << 30;

/// A file to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it is; `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    /// Whether the user named this very file, rather than a folder, list or pattern.
    pub named: bool,
}

impl Source {
    /// Where it is; `None` for standard input.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The name it is reported under.
    pub fn name(&self) -> String {
        match &self.path {
            Some(path) => path.to_string_lossy().into_owned(),
            None => "-".to_owned(),
        }
    }
}

/// Something that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: UnreadableReason,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableReason {
    /// The system says why.
    #[error("{}", describe(.0))]
    System(io::Error),
    /// A symbolic link whose target is missing.
    #[error("broken symbolic link to {}", .0.display())]
    BrokenLink(PathBuf),
    /// No file matches the pattern.
    #[error("no file matches this pattern")]
    NothingMatches,
    /// The pattern is none.
    #[error("not a valid pattern: {0}")]
    BadPattern(&'static str),
    /// A pipe or a device: reading it might never end.
    #[error("neither a file nor a folder")]
    NotAFile,
    /// It should be a folder.
    #[error("not a folder")]
    NotAFolder,
    /// It should be a file.
    #[error("a folder, not a file")]
    AFolder,
    /// It is larger than any settings file that is read.
    #[error("too large for a settings file, the limit is {LARGEST_SETTINGS} bytes")]
    TooLargeSettings,
    /// It is larger than any report that is read; its size in bytes.
    #[error("too large for a report: {0} bytes, the limit is {LARGEST_REPORT}")]
    TooLargeReport(u64),
    /// It is larger than any source file; its size in bytes.
    #[error("larger than any source file: at least {0} bytes, the limit is {LARGEST_SOURCE}")]
    TooLargeSource(u64),
    /// A `.gitignore` that costs too much to follow.
    #[error("too large or too intricate, so it leaves nothing out")]
    TooLargeToIgnore,
    /// It is larger than a debug file that is read; its size in bytes.
    #[error("too large to be read: at least {0} bytes, the limit is {LARGEST_DEBUG_FILE}")]
    TooLargeToDebug(u64),
    /// It is larger than any image; its size in bytes.
    #[error("larger than any driver: at least {0} bytes, the limit is {LARGEST_IMAGE}")]
    TooLarge(u64),
}

impl From<io::Error> for UnreadableReason {
    fn from(error: io::Error) -> Self {
        UnreadableReason::System(error)
    }
}

/// The system's message without its number, in lower case, as it stands in the middle of a sentence.
pub(crate) fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// A file to look at, or why there is none.
pub type Found = Result<Source, Unreadable>;

/// Finds all files behind `inputs`: in the order of the inputs, and within a folder by name.
///
/// Folders are walked in parallel. A link to a file counts as the file; a link to a folder is
/// followed only when the user names it, so that no walk goes in circles.
pub fn expand(inputs: &[Input]) -> Vec<Found> {
    expand_by(inputs, &walk)
}

/// What finds the files below a folder.
pub(crate) type Walk<'w> = &'w (dyn Fn(&Path) -> Vec<Found> + Sync);

/// Finds the files behind `inputs`, in folders by `walk`.
pub(crate) fn expand_by(inputs: &[Input], walk: Walk<'_>) -> Vec<Found> {
    let expand_one = |input: &Input| match input {
        Input::StandardInput => vec![Ok(Source { path: None, named: true })],
        Input::Path(path) => named(path, true, walk),
        Input::Pattern(pattern) => matching(pattern, walk),
        Input::List(path) => listed(path, walk),
    };
    inputs.par_iter().flat_map_iter(expand_one).collect()
}

/// A path that the user gave, or that stands in a list.
fn named(path: &Path, named: bool, walk: Walk<'_>) -> Vec<Found> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk(path),
        Ok(_) => vec![Ok(Source { path: Some(path.to_owned()), named })],
        Err(error) => vec![Err(unreadable(path, missing(path, error)))],
    }
}

/// How a wildcard matches a name; Windows knows no letter case.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: !cfg!(windows),
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

fn matching(pattern: &str, walk: Walk<'_>) -> Vec<Found> {
    let fail = |reason| vec![Err(Unreadable { name: pattern.to_owned(), reason })];
    let found = match Pattern::new(pattern) {
        Ok(recursive) if pattern.contains("**") => matching_below(&recursive, walk),
        _ => matching_here(pattern, walk),
    };
    match found {
        Ok(found) if found.is_empty() => fail(UnreadableReason::NothingMatches),
        Ok(found) => found,
        Err(error) => fail(UnreadableReason::BadPattern(error.msg)),
    }
}

/// What a pattern without `**` matches. All of it is equally deep, so nothing is found twice.
fn matching_here(pattern: &str, walk: Walk<'_>) -> Result<Vec<Found>, glob::PatternError> {
    let paths = glob::glob_with(pattern, MATCHING)?;
    let find = |path: Result<PathBuf, glob::GlobError>| match path {
        Ok(path) => match fs::metadata(&path) {
            // As in a folder: pipes and devices would block or never end.
            Ok(metadata) if !metadata.is_dir() && !metadata.is_file() => Vec::new(),
            _ => named(&path, false, walk),
        },
        Err(error) => {
            let path = error.path().to_owned();
            vec![Err(unreadable(&path, io::Error::from(error).into()))]
        }
    };
    Ok(paths.flat_map(find).collect())
}

/// What a pattern with `**` matches, or a folder that it matches holds. Like any walk this one
/// follows no links to folders: they may lead in circles.
fn matching_below(pattern: &Pattern, walk: Walk<'_>) -> Result<Vec<Found>, glob::PatternError> {
    let literal =
        |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let root: PathBuf = Path::new(pattern.as_str()).components().take_while(literal).collect();
    let here = root.as_os_str().is_empty();
    let folder = if here { Path::new(".") } else { &root };
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let plain = |path: PathBuf| match path.strip_prefix(".") {
        Ok(path) if here => path.to_owned(),
        _ => path,
    };
    let matches = |path: &Path| {
        path.ancestors().any(|part| part != root && pattern.matches_path_with(part, MATCHING))
    };
    let found = walk(folder).into_iter().filter_map(|found| match found {
        Ok(source) => {
            let path = source.path.map(plain)?;
            matches(&path).then_some(Ok(Source { path: Some(path), ..source }))
        }
        // A folder that cannot be read may hold what matches.
        Err(unreadable) => {
            let path = plain(PathBuf::from(&unreadable.name));
            (matches(&path) || path.is_dir()).then_some(Err(unreadable))
        }
    });
    Ok(found.collect())
}

fn listed(list: &Path, walk: Walk<'_>) -> Vec<Found> {
    let find = |line: &str| {
        let path = Path::new(line);
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_dir() && !metadata.is_file() => {
                vec![Err(unreadable(path, UnreadableReason::NotAFile))]
            }
            _ => named(path, false, walk),
        }
    };
    match fs::read(list).and_then(decoded) {
        Ok(text) => {
            let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
            lines.flat_map(find).collect()
        }
        Err(error) => vec![Err(unreadable(list, missing(list, error)))],
    }
}

/// The text of a list. PowerShell writes UTF-16 by default, and editors on Windows a byte order mark.
pub(crate) fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    if let Some(text) = bytes.strip_prefix(b"\xFF\xFE") {
        let units = text.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let units: Vec<u16> = units.collect();
        return String::from_utf16(&units).map_err(|_| invalid("not valid UTF-16"));
    }
    let text = String::from_utf8(bytes).map_err(|_| invalid("neither UTF-8 nor UTF-16"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn walk(folder: &Path) -> Vec<Found> {
    let listing = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut entries = match listing {
        Ok(entries) => entries,
        Err(error) => return vec![Err(unreadable(folder, error.into()))],
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    // Most entries are files, too little to divide further; folders divide their own entries.
    entries.into_par_iter().flat_map_iter(visit).collect()
}

fn visit(entry: fs::DirEntry) -> Vec<Found> {
    let path = entry.path();
    let kind = match entry.file_type() {
        Ok(kind) => kind,
        Err(error) => return vec![Err(unreadable(&path, error.into()))],
    };
    if kind.is_dir() {
        return walk(&path);
    }
    match is_file(&path, kind) {
        Ok(true) => vec![Ok(Source { path: Some(path), named: false })],
        Ok(false) => Vec::new(),
        Err(unreadable) => vec![Err(unreadable)],
    }
}

/// Whether an entry of a folder counts as a file.
pub(crate) fn is_file(path: &Path, kind: FileType) -> Result<bool, Unreadable> {
    if !kind.is_symlink() {
        // Pipes and devices would block or never end.
        return Ok(kind.is_file());
    }
    let target = fs::metadata(path).map_err(|error| unreadable(path, missing(path, error)))?;
    Ok(target.is_file())
}

fn missing(path: &Path, error: io::Error) -> UnreadableReason {
    match fs::read_link(path) {
        Ok(target) if error.kind() == io::ErrorKind::NotFound => {
            UnreadableReason::BrokenLink(target)
        }
        _ => error.into(),
    }
}

pub(crate) fn unreadable(path: &Path, reason: UnreadableReason) -> Unreadable {
    Unreadable { name: path.to_string_lossy().into_owned(), reason }
}

/// What a file turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// It begins as an executable does, with `MZ`; the buffer holds all of it.
    Executable,
    /// It begins otherwise and was not read to its end.
    Other,
    /// It is empty.
    Empty,
}

/// Reads a file into `buffer`, which is emptied first; the capacity is kept, because a fresh buffer
/// for each file costs several times the reading.
///
/// # Errors
///
/// What the system says, or that the file is larger than [`LARGEST_IMAGE`].
pub fn read(source: &Source, buffer: &mut Vec<u8>) -> Result<Contents, Unreadable> {
    let result = match &source.path {
        Some(path) => File::open(path).map_err(UnreadableReason::from).and_then(|file| {
            let size = file.metadata().map_or(0, |metadata| metadata.len());
            read_from(file, size, buffer)
        }),
        None => read_from(io::stdin().lock(), 0, buffer),
    };
    result.map_err(|reason| Unreadable { name: source.name(), reason })
}

/// A buffer is not kept beyond this size; few drivers are larger.
const KEPT_CAPACITY: usize = 16 << 20;

fn read_from(
    mut file: impl Read,
    size: u64,
    buffer: &mut Vec<u8>,
) -> Result<Contents, UnreadableReason> {
    buffer.clear();
    if buffer.capacity() > KEPT_CAPACITY {
        buffer.shrink_to(KEPT_CAPACITY);
    }
    let mut magic = [0; 2];
    let mut filled = 0;
    while filled < magic.len() {
        match file.read(&mut magic[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    match &magic[..filled] {
        [] => return Ok(Contents::Empty),
        b"MZ" => {}
        _ => return Ok(Contents::Other),
    }
    if size > LARGEST_IMAGE {
        return Err(UnreadableReason::TooLarge(size));
    }
    // The stated size is a hint: the file may grow or shrink meanwhile.
    buffer.reserve(size as usize + 1);
    buffer.extend(magic);
    file.take(LARGEST_IMAGE).read_to_end(buffer)?;
    if buffer.len() as u64 > LARGEST_IMAGE {
        return Err(UnreadableReason::TooLarge(buffer.len() as u64));
    }
    Ok(Contents::Executable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use tempfile::TempDir;

    fn tree(files: &[(&str, &[u8])]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        root
    }

    /// What is found below `root`, without the root's own path.
    fn found(root: &TempDir, argument: &OsStr) -> Vec<String> {
        let prefix = format!("{}/", root.path().display());
        expand(&[Input::parse(argument)])
            .into_iter()
            .map(|found| match found {
                Ok(source) => source.name(),
                Err(unreadable) => format!("{}: {unreadable}", unreadable.name),
            })
            .map(|line| line.replace('\\', "/").replace(&prefix.replace('\\', "/"), ""))
            .collect()
    }

    #[test]
    fn folders_are_walked_in_the_order_of_names() {
        let root =
            tree(&[("b/2.sys", b"MZ"), ("b/1.sys", b"MZ"), ("a.sys", b"MZ"), ("c.txt", b"x")]);
        assert_eq!(found(&root, root.path().as_os_str()), ["a.sys", "b/1.sys", "b/2.sys", "c.txt"]);
    }

    #[test]
    fn patterns_and_lists_name_files() {
        let root = tree(&[("x/a.sys", b"MZ"), ("x/b.dll", b"MZ"), ("y/c.sys", b"MZ")]);
        let pattern = root.path().join("*").join("*.sys");
        assert_eq!(found(&root, pattern.as_os_str()), ["x/a.sys", "y/c.sys"]);
        let list = root.path().join("list");
        let lines = ["x/b.dll", "", "y"].map(|line| match line {
            "" => String::new(),
            line => root.path().join(line).display().to_string(),
        });
        fs::write(&list, lines.join("\r\n")).unwrap();
        let argument = format!("@{}", list.display());
        assert_eq!(found(&root, OsStr::new(&argument)), ["x/b.dll", "y/c.sys"]);
    }

    #[test]
    fn lists_as_windows_writes_them() {
        let path = r"C:\Größe\a.sys";
        let utf16: Vec<u8> =
            format!("\u{feff}{path}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [path.into(), format!("\u{feff}{path}").into(), utf16] {
            assert_eq!(decoded(bytes).unwrap(), path);
        }
        assert_eq!(decoded(b"\xFF".to_vec()).unwrap_err().to_string(), "neither UTF-8 nor UTF-16");
    }

    #[test]
    fn patterns_of_any_depth_find_each_file_once() {
        let root = tree(&[("x/a.sys", b"MZ"), ("x/y/b.sys", b"MZ"), ("x/y/c.txt", b"x")]);
        #[cfg(unix)]
        std::os::unix::fs::symlink("..", root.path().join("x/y/loop")).unwrap();
        let pattern = |pattern: &str| found(&root, root.path().join(pattern).as_os_str());
        assert_eq!(pattern("**/*.sys"), ["x/a.sys", "x/y/b.sys"]);
        assert_eq!(pattern("**/*"), ["x/a.sys", "x/y/b.sys", "x/y/c.txt"]);
        assert_eq!(pattern("x/**"), ["x/a.sys", "x/y/b.sys", "x/y/c.txt"]);
        assert_eq!(pattern("**/y"), ["x/y/b.sys", "x/y/c.txt"]);
        assert_eq!(pattern("**/*.dll"), ["**/*.dll: no file matches this pattern"]);
        assert_eq!(pattern("gone/**/a"), ["gone/**/a: no file matches this pattern"]);
        let [bad] = &pattern("x/a**")[..] else { panic!() };
        assert!(bad.starts_with("x/a**: not a valid pattern: "), "{bad}");
    }

    #[test]
    fn what_is_missing_is_told() {
        let root = tree(&[]);
        let none = root.path().join("none.sys");
        let [line] = &found(&root, none.as_os_str())[..] else { panic!() };
        assert_eq!(line, "none.sys: no such file or directory");
        let pattern = root.path().join("*.sys");
        assert_eq!(found(&root, pattern.as_os_str()), ["*.sys: no file matches this pattern"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_count_and_broken_ones_are_told() {
        use std::os::unix::fs::symlink;
        let root = tree(&[("real/a.sys", b"MZ")]);
        symlink(root.path().join("real/a.sys"), root.path().join("link.sys")).unwrap();
        symlink("gone.sys", root.path().join("broken.sys")).unwrap();
        symlink(root.path(), root.path().join("real/loop")).unwrap();
        assert_eq!(
            found(&root, root.path().as_os_str()),
            ["broken.sys: broken symbolic link to gone.sys", "link.sys", "real/a.sys"]
        );
    }

    #[test]
    fn only_executables_are_read_whole() {
        let root =
            tree(&[("a.sys", b"MZ and more"), ("b.txt", b"text"), ("c.sys", b""), ("d", b"M")]);
        let mut buffer = vec![7; 100];
        let mut read_one = |name: &str| {
            let source = Source { path: Some(root.path().join(name)), named: true };
            (read(&source, &mut buffer).unwrap(), buffer.clone())
        };
        assert_eq!(read_one("a.sys"), (Contents::Executable, b"MZ and more".to_vec()));
        assert_eq!(read_one("b.txt"), (Contents::Other, Vec::new()));
        assert_eq!(read_one("c.sys"), (Contents::Empty, Vec::new()));
        assert_eq!(read_one("d"), (Contents::Other, Vec::new()));
    }
}
