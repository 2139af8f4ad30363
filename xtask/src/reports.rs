//! Reports in formats that others define, checked by what others wrote.
//!
//! A check is one file below `reports/` with one function, which looks at the files that [`Written`] names;
//! a new one is a line in [`CHECKS`].

mod browser;
mod junit;
mod sarif_schema;
mod sarif_validator;
mod written;

use crate::command;
use crate::command::Missing;
use crate::corpus::{Fetcher, Package, Registry};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use written::Written;

/// What `cargo xtask reports` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only the checks whose names contain this
    #[arg(default_value = "")]
    only: String,
}

/// Looks at the reports that were written.
type Check = fn(&Written) -> Result<()>;

/// All of them by name.
const CHECKS: [(&str, Check); 4] = [
    ("html-browser", browser::check),
    ("junit", junit::check),
    ("sarif-schema", sarif_schema::check),
    ("sarif-validator", sarif_validator::check),
];

/// Writes reports and checks them; a check that lacks what it needs does not keep the others from running.
pub fn run(arguments: &Arguments) -> Result<()> {
    let written = Written::new()?;
    let (mut failed, mut missing) = (Vec::new(), Vec::new());
    for (name, check) in CHECKS.iter().filter(|(name, _)| name.contains(&arguments.only)) {
        match check(&written) {
            Ok(()) => {}
            Err(error) => match error.downcast::<Missing>() {
                Ok(lacks) => missing.push(lacks.0),
                Err(error) => {
                    println!("{name}: {error:#}");
                    failed.push(*name);
                }
            },
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Missing(missing.join(", ")).into()),
    }
}

/// A package of a registry that a check needs.
struct Needed {
    registry: Registry,
    name: &'static str,
    version: &'static str,
    /// What the registry's client calls the file.
    file: &'static str,
    sha256: &'static str,
    licence: &'static str,
}

/// The folder with what is in `needed`, fetched and unpacked unless it was before.
fn unpacked(needed: &Needed) -> Result<PathBuf> {
    let package = Package {
        registry: needed.registry,
        name: needed.name.to_owned(),
        version: needed.version.to_owned(),
        suite: None,
        platform: None,
        python: None,
        file: needed.file.to_owned(),
        sha256: needed.sha256.to_owned(),
        licence: needed.licence.to_owned(),
        drivers: Vec::new(),
    };
    let target = command::target()?;
    let archive = Fetcher::new(&target.join("corpus"))?.package(&package)?;
    let folder = target.join("reports/packages").join(needed.sha256);
    if !folder.exists() {
        unpack(&archive, &folder)?;
    }
    Ok(folder)
}

/// Unpacks aside and renames, so that what is there is whole.
fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)?;
    let half = tempfile::tempdir_in(parent)?;
    command::run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(half.path()))?;
    std::fs::rename(half.keep(), folder)?;
    Ok(())
}
