//! Takes a driver out of a package, one step after the other.

use super::carve;
use super::manifest::{Driver, Package};
use crate::command::capture;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One step: how to get one file out of another.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub enum Step {
    /// A member of something 7-Zip reads: ZIP, ISO 9660, NSIS, MSI.
    SevenZip(String),
    Tar(String),
    Deb(String),
    PeResource {
        kind: String,
        name: String,
    },
    GzipAt(u64),
    ByteArray,
}

impl TryFrom<String> for Step {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (how, what) = text.split_once(' ').unwrap_or((&text, ""));
        Ok(match (how, what) {
            ("byte-array", "") => Self::ByteArray,
            (_, "") => bail!("step {text:?} does not say what to take"),
            ("zip" | "7z", _) => Self::SevenZip(what.to_owned()),
            ("tar", _) => Self::Tar(what.to_owned()),
            ("deb", _) => Self::Deb(what.to_owned()),
            ("pe-resource", _) => {
                let (kind, name) = what.split_once('/').context("a resource is TYPE/NAME")?;
                Self::PeResource { kind: kind.to_owned(), name: name.to_owned() }
            }
            ("gzip-at", _) => {
                let digits = what.strip_prefix("0x").context("an offset is 0x and hex digits")?;
                Self::GzipAt(u64::from_str_radix(digits, 16)?)
            }
            _ => bail!("no step is called {how:?}"),
        })
    }
}

impl Step {
    /// Takes the file out of `source`.
    fn take(&self, source: &Path) -> Result<Vec<u8>> {
        match self {
            Self::SevenZip(member) => {
                output(Command::new("7z").args(["x", "-so", "-bd", "--"]).arg(source).arg(member))
            }
            Self::Tar(member) => {
                output(Command::new("tar").arg("-xOf").arg(source).arg("--").arg(member))
            }
            Self::Deb(member) => deb_member(source, member),
            Self::PeResource { kind, name } => carve::resource(&fs::read(source)?, kind, name)
                .with_context(|| format!("no resource {kind}/{name}")),
            Self::GzipAt(offset) => gzip_at(source, *offset),
            Self::ByteArray => carve::byte_array(&fs::read_to_string(source)?),
        }
    }

    /// A name for what the step yields; 7-Zip goes by the ending when it guesses a format.
    fn file_name(&self) -> &str {
        match self {
            Self::SevenZip(path) | Self::Tar(path) | Self::Deb(path) => {
                path.rsplit('/').next().unwrap_or(path)
            }
            Self::PeResource { .. } | Self::GzipAt(_) | Self::ByteArray => "carved.bin",
        }
    }
}

/// Takes drivers out of packages and remembers the files on the way, which several drivers share.
pub struct Workshop {
    scratch: tempfile::TempDir,
    made: HashMap<String, PathBuf>,
}

impl Workshop {
    /// An empty workshop with its scratch folder below `cache`.
    pub fn new(cache: &Path) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("extract-").tempdir_in(cache)?;
        Ok(Self { scratch, made: HashMap::new() })
    }

    /// The bytes of `driver`, whose package lies at `file`.
    pub fn driver(&mut self, package: &Package, file: &Path, driver: &Driver) -> Result<Vec<u8>> {
        let mut source = file.to_owned();
        let mut key = package.file.clone();
        for step in &driver.from {
            key = format!("{key}\n{step:?}");
            source = match self.made.get(&key) {
                Some(path) => path.clone(),
                None => self.make(&key, step, &source)?,
            };
        }
        Ok(fs::read(source)?)
    }

    fn make(&mut self, key: &str, step: &Step, source: &Path) -> Result<PathBuf> {
        let bytes = step.take(source).with_context(|| format!("cannot take out {step:?}"))?;
        ensure!(!bytes.is_empty(), "{step:?} yields nothing");
        let folder = self.scratch.path().join(self.made.len().to_string());
        fs::create_dir(&folder)?;
        let path = folder.join(step.file_name());
        fs::write(&path, bytes)?;
        self.made.insert(key.to_owned(), path.clone());
        Ok(path)
    }
}

fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(output.stdout)
}

fn deb_member(source: &Path, member: &str) -> Result<Vec<u8>> {
    let mut unpack = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(source)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let tar = unpack.stdout.take().context("dpkg-deb has no output")?;
    let bytes =
        output(Command::new("tar").args(["-xOf", "-", "--"]).arg(format!("./{member}")).stdin(tar));
    unpack.wait()?;
    bytes
}

fn gzip_at(source: &Path, offset: u64) -> Result<Vec<u8>> {
    let mut file = File::open(source)?;
    file.seek(SeekFrom::Start(offset))?;
    let output = Command::new("gzip").args(["-dcq"]).stdin(file).output().context("gzip")?;
    // 2 is gzip's warning about what follows the stream, which is the rest of the outer file.
    ensure!(matches!(output.status.code(), Some(0 | 2)), "no gzip stream at {offset:#x}");
    Ok(output.stdout)
}

/// Whether 7-Zip is there; it has no `--version`.
pub fn has_seven_zip() -> bool {
    capture(Command::new("7z").arg("i")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_from_text() {
        let step = |text: &str| Step::try_from(text.to_owned());
        assert_eq!(step("zip a/b c.sys").unwrap(), Step::SevenZip("a/b c.sys".into()));
        assert_eq!(step("gzip-at 0x1F").unwrap(), Step::GzipAt(31));
        let resource = Step::PeResource { kind: "10".into(), name: "X.SYS".into() };
        assert_eq!(step("pe-resource 10/X.SYS").unwrap(), resource);
        for wrong in ["", "zip", "zip ", "rar a", "gzip-at 31", "pe-resource 10", "byte-array 1"] {
            assert!(step(wrong).is_err(), "{wrong:?}");
        }
    }
}
