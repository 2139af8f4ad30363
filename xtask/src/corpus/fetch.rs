//! Fetches packages with the ordinary client of each registry.

use super::manifest::{Package, Registry};
use super::sha256;
use crate::command::{capture, run};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fetches packages into one folder and leaves alone what is there with the right digest.
pub struct Fetcher {
    packages: PathBuf,
    apt: Option<Apt>,
}

impl Fetcher {
    /// A fetcher that keeps its packages below `cache`.
    pub fn new(cache: &Path) -> Result<Self> {
        let packages = cache.join("packages");
        fs::create_dir_all(&packages)?;
        Ok(Self { packages, apt: None })
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

/// An apt with sources and lists of its own, so that the machine's are not changed.
struct Apt {
    state: tempfile::TempDir,
}

impl Apt {
    fn new() -> Result<Self> {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let debian = Path::new("/etc/debian_version").exists();
        ensure!(debian, "Debian packages are fetched by apt-get on Debian 12, which this is not");
        let codename = codename.context("which Debian is this?")?;
        let state = tempfile::tempdir()?;
        fs::create_dir_all(state.path().join("parts"))?;
        fs::create_dir_all(state.path().join("lists/partial"))?;
        for (index, source) in source_files().iter().enumerate() {
            let text = fs::read_to_string(source)?;
            let (text, kind) = if source.extension().is_some_and(|kind| kind == "sources") {
                (with_non_free_stanzas(&text, codename), "sources")
            } else {
                (with_non_free_lines(&text, codename), "list")
            };
            fs::write(state.path().join(format!("parts/{index}.{kind}")), text)?;
        }
        let apt = Self { state };
        run(apt.get().args(["update", "-qq"]))?;
        Ok(apt)
    }

    fn download(&self, package: &Package, folder: &Path) -> Result<()> {
        let name = format!("{}={}", package.name, package.version);
        capture(self.get().args(["download", "-qq", &name]).current_dir(folder)).map(drop)
    }

    fn get(&self) -> Command {
        let mut command = Command::new("apt-get");
        let state = self.state.path();
        for option in [
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            format!("Dir::Etc::sourceparts={}", state.join("parts").display()),
            format!("Dir::State::lists={}", state.join("lists").display()),
            "Dir::Cache::pkgcache=".to_owned(),
            "Dir::Cache::srcpkgcache=".to_owned(),
            // The sandbox user cannot write into the private folders.
            "APT::Sandbox::User=root".to_owned(),
            "APT::Architecture=amd64".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command
    }
}

fn source_files() -> Vec<PathBuf> {
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    let mut files: Vec<_> = folder
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "sources" || kind == "list"))
        .chain([PathBuf::from("/etc/apt/sources.list")])
        .filter(|path| path.exists())
        .collect();
    files.sort();
    files
}

/// Whether `suite` is the release `codename` or its updates or security fixes.
fn of_release(suite: &str, codename: &str) -> bool {
    suite.strip_prefix(codename).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The stanzas of a `.sources` file for this release, with the component non-free.
fn with_non_free_stanzas(text: &str, codename: &str) -> String {
    let ours = |stanza: &&str| {
        stanza
            .lines()
            .filter_map(|line| line.strip_prefix("Suites:"))
            .any(|suites| suites.split_whitespace().any(|suite| of_release(suite, codename)))
    };
    let widen = |line: &str| match line.starts_with("Components:") {
        true => "Components: main non-free\n".to_owned(),
        false => format!("{line}\n"),
    };
    let stanzas = text.split("\n\n").filter(ours);
    stanzas
        .map(|stanza| stanza.lines().map(widen).chain(["\n".to_owned()]).collect::<String>())
        .collect()
}

/// The same for the one-line format.
fn with_non_free_lines(text: &str, codename: &str) -> String {
    let mut widened = String::new();
    for line in text.lines().filter(|line| line.starts_with("deb ")) {
        let words: Vec<_> = line.split_whitespace().collect();
        if let Some(suite) = words.iter().position(|word| of_release(word, codename)) {
            widened.push_str(&words[..=suite].join(" "));
            widened.push_str(" main non-free\n");
        }
    }
    widened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sources_of_the_release_are_taken_and_widened() {
        let stanzas = "Types: deb\nURIs: file:/a\nSuites: bookworm bookworm-updates\n\
                       Components: main\n\nTypes: deb\nURIs: file:/b\nSuites: nodistro\n";
        let expected = "Types: deb\nURIs: file:/a\nSuites: bookworm bookworm-updates\n\
                        Components: main non-free\n\n";
        assert_eq!(with_non_free_stanzas(stanzas, "bookworm"), expected);
        let lines = "# deb file:/c bookworm main\ndeb [x=y] file:/a bookworm main contrib\n\
                     deb file:/b cloud-bookworm main\n";
        let expected = "deb [x=y] file:/a bookworm main non-free\n";
        assert_eq!(with_non_free_lines(lines, "bookworm"), expected);
    }
}
