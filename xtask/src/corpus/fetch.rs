//! Fetches packages with the ordinary client of each registry.

use super::apt::Apt;
use super::manifest::{Package, Registry};
use super::sha256;
use crate::command::capture;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fetches packages into one folder and leaves alone what is there with the right digest.
pub struct Fetcher {
    packages: PathBuf,
    apt: Option<Apt>,
    /// By the suite that sources are taken from.
    sources: BTreeMap<String, Apt>,
}

impl Fetcher {
    /// A fetcher that keeps its packages below `cache`.
    pub fn new(cache: &Path) -> Result<Self> {
        let packages = cache.join("packages");
        fs::create_dir_all(&packages)?;
        Ok(Self { packages, apt: None, sources: BTreeMap::new() })
    }

    /// Where `package` lies once it is fetched.
    pub fn package(&mut self, package: &Package) -> Result<PathBuf> {
        let path = self.packages.join(&package.file);
        if fs::read(&path).is_ok_and(|bytes| sha256(&bytes) == package.sha256) {
            return Ok(path);
        }
        println!("fetching {} {}", package.name, package.version);
        // Each into a folder of its own, so that a second run beside this one sees whole files only.
        let folder = tempfile::Builder::new().prefix(".fetch-").tempdir_in(&self.packages)?;
        match package.registry {
            Registry::Pypi | Registry::PypiSource => pip(package, folder.path())?,
            Registry::Crates => cargo(package, folder.path())?,
            Registry::Npm => npm(package, folder.path())?,
            Registry::Debian => self.apt()?.download(package, folder.path())?,
            Registry::DebianSource => self.source(package, folder.path())?,
        }
        let fetched = folder.path().join(&package.file);
        let bytes = fs::read(&fetched)
            .with_context(|| format!("the client did not bring {}", package.file))?;
        let digest = sha256(&bytes);
        ensure!(digest == package.sha256, "{} has sha256 {digest}", package.file);
        fs::rename(fetched, &path)?;
        Ok(path)
    }

    fn apt(&mut self) -> Result<&Apt> {
        if self.apt.is_none() {
            self.apt = Some(Apt::new()?);
        }
        self.apt.as_ref().context("no apt")
    }

    fn source(&mut self, package: &Package, folder: &Path) -> Result<()> {
        let suite = package.suite.as_deref().context("a source package is one of a suite")?;
        if !self.sources.contains_key(suite) {
            self.sources.insert(suite.to_owned(), Apt::of_sources(suite)?);
        }
        self.sources.get(suite).context("no apt")?.source(package, folder)
    }
}

fn pip(package: &Package, folder: &Path) -> Result<()> {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    if package.registry == Registry::PypiSource {
        // The build back ends are old ones: they want a setuptools that still has pkg_resources.
        let constraints = folder.join("constraints.txt");
        fs::write(&constraints, "setuptools<80\n")?;
        command.arg("--no-binary=:all:");
        command.env("PIP_CONSTRAINT", &constraints).env("PIP_BUILD_CONSTRAINT", &constraints);
    } else {
        command.arg("--only-binary=:all:");
    }
    if let Some(platform) = &package.platform {
        command.args(["--platform", platform]);
    }
    if let Some(python) = &package.python {
        command.args(["--python-version", python]);
    }
    command.arg("--dest").arg(folder).arg(format!("{}=={}", package.name, package.version));
    capture(&mut command).map(drop)
}

/// `cargo info` downloads the one package it is asked about and none of its dependencies.
fn cargo(package: &Package, folder: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let name = format!("{}@{}", package.name, package.version);
    capture(Command::new(cargo).args(["info", "--quiet", &name]).current_dir(folder))?;
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let cache = home.context("neither CARGO_HOME nor HOME is set")?.join("registry/cache");
    for registry in fs::read_dir(&cache).context("cargo has no registry cache")? {
        let file = registry?.path().join(&package.file);
        if file.exists() {
            fs::copy(file, folder.join(&package.file))?;
            return Ok(());
        }
    }
    bail!("cargo did not leave {} in {}", package.file, cache.display())
}

/// `npm pack` downloads the one package and runs nothing of it.
fn npm(package: &Package, folder: &Path) -> Result<()> {
    let name = format!("{}@{}", package.name, package.version);
    let pack = ["pack", "--silent", "--ignore-scripts", &name];
    capture(Command::new("npm").args(pack).current_dir(folder)).map(drop)
}
