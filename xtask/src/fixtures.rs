//! Rebuilds the example drivers and compares them, byte for byte, with the committed ones.

mod build;
mod expected;
mod recipe;

pub use build::{CLANG, DLLTOOL, LINKER, prepare, program};
pub use recipe::COMPILE;

use crate::command;
use anyhow::{Context, Result, bail};
use expected::Expected;
use recipe::DRIVERS;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Which way the bytes go.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write the rebuilt drivers and their digests instead of comparing them
    #[arg(long)]
    update: bool,
}

/// Builds all drivers in a temporary folder, then compares or writes them.
pub fn run(arguments: &Arguments) -> Result<()> {
    prepare()?;
    let committed = command::root().join("examples/drivers");
    let mut expected = Expected::read(committed.join("expected.toml"))?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    build::all(&committed.join("src"), folder.path())?;
    if arguments.update {
        update(folder.path(), &committed, &mut expected)?;
    }
    compare(folder.path(), &committed, &expected)
}

/// Copies what was built over what is committed.
fn update(built: &Path, committed: &Path, expected: &mut Expected) -> Result<()> {
    for driver in DRIVERS {
        let file = driver.file();
        let bytes = read(&built.join(&file))?;
        expected.set(&file, &digest(&bytes))?;
        write(&committed.join(&file), &bytes)?;
        if let Some(file) = driver.debug_file() {
            write(&committed.join(&file), &read(&built.join(&file))?)?;
        }
    }
    expected.write()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Prints a line for each driver, and fails when one is not what it was.
fn compare(built: &Path, committed: &Path, expected: &Expected) -> Result<()> {
    let mut different = 0;
    for driver in DRIVERS {
        let file = driver.file();
        let bytes = read(&built.join(&file))?;
        let sha256 = digest(&bytes);
        let verdict = verdict(&bytes, &committed.join(&file), expected.holds(&file, &sha256));
        println!("{file:34} {:6}  {}  {verdict}", bytes.len(), &sha256[..16]);
        different += usize::from(verdict != SAME);
        if let Some(file) = driver.debug_file() {
            let bytes = read(&built.join(&file))?;
            // Its driver names it by a digest of its content, and that has one in expected.toml.
            let verdict = self::verdict(&bytes, &committed.join(&file), true);
            println!("{file:34} {:6}  {}  {verdict}", bytes.len(), &digest(&bytes)[..16]);
            different += usize::from(verdict != SAME);
        }
    }
    for file in strangers(committed, expected)? {
        println!("{file:34} is not in the recipe");
        different += 1;
    }
    if different != 0 {
        bail!(
            "{different} of the example drivers differ when built with {}; \
             if that is meant, run `cargo xtask fixtures --update`",
            build::compiler()?
        );
    }
    Ok(())
}

const SAME: &str = "same";

/// How the bytes compare with the committed file, and their digest with `expected.toml`.
fn verdict(bytes: &[u8], committed: &Path, digest_holds: bool) -> String {
    match fs::read(committed) {
        Err(error) => format!("cannot read the committed file: {error}"),
        Ok(old) if old != bytes => format!("differs from {:#x} on", first_difference(&old, bytes)),
        Ok(_) if !digest_holds => "differs from expected.toml".to_owned(),
        Ok(_) => SAME.to_owned(),
    }
}

/// The offset of the first byte that differs; the shorter length when one begins the other.
fn first_difference(old: &[u8], new: &[u8]) -> usize {
    old.iter().zip(new).take_while(|(old, new)| old == new).count()
}

/// Drivers that are committed or expected, and that nothing builds.
fn strangers(committed: &Path, expected: &Expected) -> Result<BTreeSet<String>> {
    let mut files: BTreeSet<String> = expected.files().map(str::to_owned).collect();
    for entry in
        fs::read_dir(committed).with_context(|| format!("cannot list {}", committed.display()))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".sys") || name.ends_with(".pdb") {
            files.insert(name);
        }
    }
    for driver in DRIVERS {
        files.remove(&driver.file());
        driver.debug_file().map(|file| files.remove(&file));
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{DRIVERS, first_difference};
    use std::collections::BTreeSet;

    #[test]
    fn every_driver_has_its_own_name() {
        let names: BTreeSet<_> = DRIVERS.iter().map(|driver| driver.file()).collect();
        assert_eq!(names.len(), DRIVERS.len());
    }

    #[test]
    fn the_first_difference_may_be_the_end() {
        assert_eq!(first_difference(b"abc", b"abd"), 2);
        assert_eq!(first_difference(b"ab", b"abc"), 2);
    }
}
