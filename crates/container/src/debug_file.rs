//! Debug files: where one that belongs to a driver may be, and reading it.
//!
//! Names come out of drivers, so they are hostile: only the last part of a path counts, and only if it
//! can name nothing but a file of the folder it is looked for in.

use crate::folder::{Source, Unreadable, UnreadableReason};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest debug file that is read, in bytes. It is read whole, by each thread its own; those of
/// large drivers have a tenth of it.
pub const LARGEST_DEBUG_FILE: u64 = 1 << 29;

/// What a symbol store with folders by first letters holds in its root.
const TWO_TIER: &str = "index2.txt";

/// How many letters such a folder is called after.
const TIER: usize = 2;

/// The longest name looked for; file systems have no longer ones.
const LONGEST_NAME: usize = 255;

/// A folder that debug files are looked for in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolFolder {
    path: PathBuf,
    /// Whether it is a store with folders by first letters.
    two_tier: bool,
}

impl SymbolFolder {
    /// The folder `path`.
    ///
    /// # Errors
    ///
    /// Where there is no such folder.
    pub fn open(path: impl Into<PathBuf>) -> Result<SymbolFolder, Unreadable> {
        let path: PathBuf = path.into();
        let fail = |reason| Unreadable { name: path.to_string_lossy().into_owned(), reason };
        match fs::metadata(&path) {
            Err(error) => Err(fail(error.into())),
            Ok(metadata) if !metadata.is_dir() => Err(fail(UnreadableReason::NotAFolder)),
            Ok(_) => Ok(SymbolFolder { two_tier: path.join(TWO_TIER).is_file(), path }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The debug file that a driver asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedDebugFile<'a> {
    /// The path that the linker wrote it to, as it stands in the driver.
    pub path: &'a [u8],
    /// What a symbol store calls this very build: GUID and age in hexadecimal, without hyphens.
    pub store_key: &'a str,
}

impl WantedDebugFile<'_> {
    /// The name of the file alone; `None` where it can be none of a debug file's.
    pub fn name(&self) -> Option<&str> {
        file_name(self.path)
    }
}

/// The files that may be what a driver asks for, as far as they exist, the nearest first: beside the
/// driver under its name or the one it asks for, then in each of `folders`, flat or as a symbol store.
///
/// Whether it is the right one is for its content to say.
pub fn debug_files(
    driver: &Source,
    wanted: &WantedDebugFile<'_>,
    folders: &[SymbolFolder],
) -> Vec<PathBuf> {
    let own = driver.path().and_then(own_name);
    let mut names: Vec<&str> = own.as_deref().into_iter().chain(wanted.name()).collect();
    names.dedup();
    let mut files = Vec::new();
    // A folder of drivers may be large, and most have no debug file: two questions, and no listing.
    if let Some(beside) = driver.path().and_then(Path::parent) {
        files.extend(names.iter().map(|name| beside.join(name)).filter(|path| path.is_file()));
    }
    for folder in folders {
        files.extend(
            names.iter().filter_map(|name| child(&folder.path, name)).filter(|path| path.is_file()),
        );
        files.extend(wanted.name().and_then(|name| in_store(folder, name, wanted.store_key)));
    }
    files
}

/// `acme.pdb` for `drivers/acme.sys`.
fn own_name(driver: &Path) -> Option<String> {
    let name = driver.with_extension("pdb");
    file_name(name.file_name()?.as_encoded_bytes()).map(str::to_owned)
}

/// The file in a symbol store.
fn in_store(folder: &SymbolFolder, name: &str, key: &str) -> Option<PathBuf> {
    let mut root = folder.path.clone();
    if folder.two_tier {
        root = child(&root, &name.chars().take(TIER).collect::<String>())?;
    }
    child(&child(&child(&root, name)?, key)?, name).filter(|path| path.is_file())
}

/// What is called `name` in a folder. Stores are made on Windows, where letter case is no matter.
fn child(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    if cfg!(windows) || path.symlink_metadata().is_ok() {
        return Some(path);
    }
    let names =
        fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // Of several the first, so that it is the same on every system.
    let found = names.filter(|other| other.eq_ignore_ascii_case(name)).min()?;
    Some(folder.join(found))
}

/// The last part of a path of Windows or Unix, if it can be the name of a debug file and nothing else.
fn file_name(path: &[u8]) -> Option<&str> {
    let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next()?;
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= LONGEST_NAME)?;
    let (stem, extension) = name.rsplit_once('.')?;
    // A colon names a drive or a stream of a file; the others mean something to Windows' file system.
    let odd = |c: char| c.is_control() || matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let plain = !stem.is_empty() && !name.contains(odd) && !is_device(name);
    (plain && extension.eq_ignore_ascii_case("pdb")).then_some(name)
}

/// Whether Windows takes a name for a device, as it does with `CON` and all that begins with `CON.`.
fn is_device(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |word: &str| {
        first.strip_prefix(word).is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!((rest.next(), rest.next()), (Some(digit), None) if !digit.is_ascii_alphabetic())
        })
    };
    matches!(first.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM")
        || numbered("LPT")
}

/// Reads a debug file whole.
///
/// # Errors
///
/// What the system says, or that the file is larger than [`LARGEST_DEBUG_FILE`].
pub fn read_debug_file(path: &Path) -> Result<Vec<u8>, Unreadable> {
    read_whole(path)
        .map_err(|reason| Unreadable { name: path.to_string_lossy().into_owned(), reason })
}

fn read_whole(path: &Path) -> Result<Vec<u8>, UnreadableReason> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    if size <= LARGEST_DEBUG_FILE {
        bytes.reserve_exact(usize::try_from(size).unwrap_or(0));
        // The stated size is a hint: the file may grow or shrink meanwhile.
        file.take(LARGEST_DEBUG_FILE + 1).read_to_end(&mut bytes)?;
    }
    let size = size.max(bytes.len() as u64);
    if size > LARGEST_DEBUG_FILE { Err(UnreadableReason::TooLargeToDebug(size)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, expand};
    use tempfile::TempDir;

    const KEY: &str = "00112233445566778899AABBCCDDEEFFA";

    fn tree(files: &[&str]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"MZ").unwrap();
        }
        root
    }

    /// What is found for `bin/acme.sys` of the tree, relative to the tree.
    fn found(root: &TempDir, path: &[u8], folders: &[&str]) -> Vec<String> {
        let driver = expand(&[Input::Path(root.path().join("bin/acme.sys"))]).remove(0).unwrap();
        let folders: Vec<_> = folders
            .iter()
            .map(|name| SymbolFolder::open(root.path().join(name)).unwrap())
            .collect();
        let files = debug_files(&driver, &WantedDebugFile { path, store_key: KEY }, &folders);
        let name = |path: &PathBuf| {
            path.strip_prefix(root.path()).unwrap().to_string_lossy().replace('\\', "/")
        };
        files.iter().map(name).collect()
    }

    #[test]
    fn the_driver_s_own_name_and_the_one_it_asks_for_count_beside_it() {
        let root = tree(&["bin/acme.sys", "bin/acme.pdb", "bin/disk.pdb", "bin/other.pdb"]);
        assert_eq!(found(&root, br"D:\build\disk.pdb", &[]), ["bin/acme.pdb", "bin/disk.pdb"]);
        assert_eq!(found(&root, b"acme.pdb", &[]), ["bin/acme.pdb"]);
        assert_eq!(found(&root, b"/build/gone.pdb", &[]), ["bin/acme.pdb"]);
        assert_eq!(found(&tree(&["bin/acme.sys"]), b"acme.pdb", &[]), [""; 0]);
    }

    #[test]
    fn folders_are_flat_or_stores() {
        let store = format!("store/Disk.pdb/{}/disk.PDB", KEY.to_lowercase());
        let tiers = format!("tiers/di/disk.pdb/{KEY}/disk.pdb");
        let other = "store/disk.pdb/00112233445566778899AABBCCDDEEFFB/disk.pdb";
        let files = ["bin/acme.sys", "flat/DISK.pdb", &store, &tiers, "tiers/index2.txt"];
        let root = tree(&files);
        let expected = match cfg!(windows) {
            true => {
                vec![format!("store/disk.pdb/{KEY}/disk.pdb"), tiers, "flat/disk.pdb".to_owned()]
            }
            false => vec![store, tiers, "flat/DISK.pdb".to_owned()],
        };
        assert_eq!(found(&root, b"disk.pdb", &["store", "tiers", "flat"]), expected);
        assert_eq!(found(&tree(&["bin/acme.sys", other]), b"disk.pdb", &["store"]), [""; 0]);
    }

    /// A file that the name would reach exists in each case.
    #[test]
    fn a_name_never_leads_out_of_its_folder() {
        let root =
            tree(&["bin/acme.sys", "secret.pdb", "bin/secret", "bin/sub/secret.pdb", "bin/.pdb"]);
        let names: [&[u8]; 14] = [
            b"",
            b"..",
            b".",
            b"/",
            b"../secret",
            b"..\\..",
            b"secret",
            b".pdb",
            b"sub:secret.pdb",
            b"C:secret.pdb",
            b"secret.pdb\0x",
            b"se\0cret.pdb",
            b"\xff.pdb",
            b"*.pdb",
        ];
        for name in names {
            assert_eq!(found(&root, name, &["bin"]), [""; 0], "{}", name.escape_ascii());
        }
        // Only the last part counts, so these ask for bin/secret.pdb, which is not there.
        for name in
            [&b"../secret.pdb"[..], b"..\\secret.pdb", b"sub/secret.pdb", b"/etc/secret.pdb"]
        {
            assert_eq!(file_name(name), Some("secret.pdb"));
            assert_eq!(found(&root, name, &["bin"]), [""; 0], "{}", name.escape_ascii());
        }
        let long = [&[b'a'; 300][..], b".pdb"].concat();
        assert_eq!(found(&root, &long, &["bin"]), [""; 0]);
    }

    #[test]
    fn devices_of_windows_are_no_files() {
        for name in ["con.pdb", "AUX.x.pdb", "nul .pdb", "Com1.pdb", "lpt\u{b2}.pdb"] {
            assert_eq!(file_name(name.as_bytes()), None, "{name}");
        }
        for name in ["console.pdb", "com.pdb", "com12.pdb", "comx.pdb", "Gerät.pdb"] {
            assert_eq!(file_name(name.as_bytes()), Some(name));
        }
    }

    /// Reading a pipe would wait for somebody who writes.
    #[cfg(unix)]
    #[test]
    fn only_files_count() {
        let root = tree(&["bin/acme.sys", "bin/acme.pdb/x"]);
        assert_eq!(found(&root, b"acme.pdb", &["bin"]), [""; 0]);
    }

    #[test]
    fn what_is_no_folder_is_told() {
        let root = tree(&["file"]);
        let said = |name| SymbolFolder::open(root.path().join(name)).unwrap_err().to_string();
        assert_eq!(said("file"), "not a folder");
        assert_eq!(said("gone"), "no such file or directory");
    }
}
