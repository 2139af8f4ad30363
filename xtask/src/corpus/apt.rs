//! Fetches Debian packages, and the sources of some, with apt-get.

use super::manifest::Package;
use crate::command::{capture, run};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An apt with sources and lists of its own, so that the machine's are not changed.
pub struct Apt {
    state: tempfile::TempDir,
}

impl Apt {
    /// For the packages of this machine's release, non-free ones among them.
    pub fn new() -> Result<Self> {
        Self::of(with_non_free_stanzas, with_non_free_lines)
    }

    /// For source packages of `suite`, from where this machine's packages come from.
    pub fn of_sources(suite: &str) -> Result<Self> {
        Self::of(
            |text, codename| source_stanzas(text, codename, suite),
            |text, codename| source_lines(text, codename, suite),
        )
    }

    /// With the machine's own sources, each changed by what suits its format.
    fn of(
        stanzas: impl Fn(&str, &str) -> String,
        lines: impl Fn(&str, &str) -> String,
    ) -> Result<Self> {
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
                (stanzas(&text, codename), "sources")
            } else {
                (lines(&text, codename), "list")
            };
            fs::write(state.path().join(format!("parts/{index}.{kind}")), text)?;
        }
        let apt = Self { state };
        run(apt.get().args(["update", "-qq"]))?;
        Ok(apt)
    }

    /// Puts the upstream archive of a source package into `folder`. What Debian adds is not wanted.
    pub fn source(&self, package: &Package, folder: &Path) -> Result<()> {
        let name = format!("{}={}", package.name, package.version);
        let source = ["source", "-qq", "--download-only", "--tar-only", &name];
        capture(self.get().args(source).current_dir(folder)).map(drop)
    }

    /// Puts a binary package into `folder`.
    pub fn download(&self, package: &Package, folder: &Path) -> Result<()> {
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

/// The stanzas of a `.sources` file for the release itself, as stanzas for the sources of `suite`.
fn source_stanzas(text: &str, codename: &str, suite: &str) -> String {
    let ours = |stanza: &&str| {
        let suites = stanza.lines().filter_map(|line| line.strip_prefix("Suites:"));
        suites.flat_map(str::split_whitespace).any(|word| word == codename)
    };
    let turn = |line: &str| match line.split_once(':').map(|(field, _)| field) {
        Some("Types") => "Types: deb-src\n".to_owned(),
        Some("Suites") => format!("Suites: {suite}\n"),
        Some("Components") => "Components: main\n".to_owned(),
        _ => format!("{line}\n"),
    };
    let stanzas = text.split("\n\n").filter(ours);
    stanzas
        .map(|stanza| stanza.lines().map(turn).chain(["\n".to_owned()]).collect::<String>())
        .collect()
}

/// The same for the one-line format.
fn source_lines(text: &str, codename: &str, suite: &str) -> String {
    let mut turned = String::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("deb ")) {
        let words: Vec<_> = line.split_whitespace().collect();
        if let Some(place) = words.iter().position(|word| *word == codename) {
            turned.push_str(&format!("deb-src {} {suite} main\n", words[..place].join(" ")));
        }
    }
    turned
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

    #[test]
    fn sources_of_another_suite_come_from_where_the_release_comes_from() {
        let stanzas = "Types: deb\n# as of 2025\nURIs: file:/a\nSuites: bookworm bookworm-updates\n\
                       Components: main\n\nTypes: deb\nURIs: file:/b\nSuites: bookworm-security\n";
        let expected = "Types: deb-src\n# as of 2025\nURIs: file:/a\nSuites: trixie\n\
                        Components: main\n\n";
        assert_eq!(source_stanzas(stanzas, "bookworm", "trixie"), expected);
        let lines = "# deb file:/c bookworm main\ndeb [x=y] file:/a bookworm main contrib\n\
                     deb file:/b bookworm-security main\ndeb-src file:/a bookworm main\n";
        let expected = "deb-src [x=y] file:/a trixie main\n";
        assert_eq!(source_lines(lines, "bookworm", "trixie"), expected);
    }
}
