//! What `corpus/source.toml` says: the packages, the files that were read, and what is expected of each call in them.

use crate::corpus::{Package, Registry};
use anyhow::{Context, Result, ensure};
use glob::{MatchOptions, Pattern};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    #[serde(rename = "package")]
    pub packages: Vec<SourcePackage>,
}

/// One package of one registry, with the part of it that is drivers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcePackage {
    pub registry: Registry,
    pub name: String,
    pub version: String,
    pub suite: Option<String>,
    pub file: String,
    pub sha256: String,
    pub licence: String,
    /// The folder in the archive that paths are told from.
    pub root: String,
    /// What of it is unpacked; everything where nothing is named.
    #[serde(default)]
    pub take: Vec<String>,
    /// The files of which every call is listed, as patterns.
    pub covered: Vec<String>,
    /// What it is, how it is built, and what opts in.
    pub note: String,
    #[serde(rename = "call")]
    pub calls: Vec<Call>,
}

/// What is expected of calls of one DDI in one file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub path: String,
    /// The lines that the name of the DDI, or `written`, stands in.
    pub lines: Vec<u32>,
    pub ddi: String,
    /// The macro that stands there in place of the DDI.
    pub written: Option<String>,
    /// Where a finding may stand as well: the definition of the macro.
    #[serde(default)]
    pub via: Vec<Place>,
    /// The macro that these lines define, each use of which is then listed too.
    pub defines: Option<String>,
    pub answer: Answer,
    /// Answers that are right as well.
    #[serde(default, rename = "or")]
    pub also: Vec<Answer>,
    /// The rule that reports a violation.
    pub rule: Option<String>,
    /// Whether the source itself suppresses the finding.
    #[serde(default)]
    pub suppressed: bool,
    pub reason: String,
}

/// What is to be said of a call.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Violation,
    Fine,
    Unknown,
    /// In a part that the preprocessor leaves out.
    NotCompiled,
    /// A declaration, a definition, a comment, a string.
    NoCall,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::Violation => "violation",
            Answer::Fine => "fine",
            Answer::Unknown => "unknown",
            Answer::NotCompiled => "not compiled",
            Answer::NoCall => "no call",
        })
    }
}

/// A line of a file, written `path:line`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct Place {
    pub path: String,
    pub line: u32,
}

impl TryFrom<String> for Place {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (path, line) = text.rsplit_once(':').context("a place is PATH:LINE")?;
        Ok(Place { path: path.to_owned(), line: line.parse()? })
    }
}

impl Expectations {
    /// Reads and checks the file.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let expectations: Self =
            toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
        let (mut names, ddis) = (BTreeSet::new(), ringfence::ddis());
        for package in &expectations.packages {
            let name = &package.name;
            ensure!(names.insert(name), "two packages are named {name}");
            ensure!(!package.licence.is_empty(), "package {name} states no licence");
            ensure!(!package.covered.is_empty(), "package {name} covers nothing");
            ensure!(!package.note.is_empty(), "package {name} is not described");
            let mut seen = BTreeSet::new();
            for call in &package.calls {
                let ddi = ddis.iter().any(|ddi| ddi.name == call.ddi);
                ensure!(ddi, "{name}: {} is no DDI that is known", call.ddi);
                call.check().with_context(|| format!("{name}: {} {:?}", call.path, call.lines))?;
                ensure!(package.covers(&call.path)?, "{name}: {} is not covered", call.path);
                for line in &call.lines {
                    let new = seen.insert((&call.path, line, &call.ddi));
                    ensure!(new, "{name}: {}:{line} is there twice", call.path);
                }
            }
        }
        Ok(expectations)
    }
}

impl SourcePackage {
    /// What is to be fetched.
    pub fn package(&self) -> Package {
        Package {
            registry: self.registry,
            name: self.name.clone(),
            version: self.version.clone(),
            suite: self.suite.clone(),
            platform: None,
            python: None,
            file: self.file.clone(),
            sha256: self.sha256.clone(),
            licence: self.licence.clone(),
            drivers: Vec::new(),
        }
    }

    /// Whether all calls in the file at `path` are listed.
    pub fn covers(&self, path: &str) -> Result<bool> {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        for pattern in &self.covered {
            if Pattern::new(pattern)?.matches_with(path, options) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Call {
    /// All answers that are right.
    pub fn answers(&self) -> impl Iterator<Item = Answer> {
        std::iter::once(self.answer).chain(self.also.iter().copied())
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.lines.is_empty(), "no line");
        ensure!(!self.reason.is_empty(), "no reason");
        let violates = self.answers().any(|answer| answer == Answer::Violation);
        ensure!(violates == self.rule.is_some(), "a violation, and nothing else, has a rule");
        ensure!(!self.suppressed || self.answer == Answer::Violation, "nothing is suppressed");
        let no_call = self.answer == Answer::NoCall;
        ensure!(self.defines.is_none() || no_call, "a definition is no call");
        let Some(rule) = &self.rule else { return Ok(()) };
        ensure!(ringfence::rule_cards().any(|card| card.id == rule), "no rule is called {rule}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_repository_is_sound() {
        let path = crate::command::root().join("corpus/source.toml");
        let expectations = Expectations::load(&path).unwrap();
        let count = |answer: Answer| -> usize {
            let calls = expectations.packages.iter().flat_map(|package| &package.calls);
            calls.filter(|call| call.answer == answer).map(|call| call.lines.len()).sum()
        };
        let calls = count(Answer::Violation) + count(Answer::Fine) + count(Answer::Unknown);
        assert!(calls >= 150, "{calls} calls");
        assert!(count(Answer::Violation) >= 20, "{} violations", count(Answer::Violation));
    }

    #[test]
    fn a_place_is_a_path_and_a_line() {
        let place = |text: &str| Place::try_from(text.to_owned());
        let expected = Place { path: "c:/a.h".into(), line: 12 };
        assert_eq!(place("c:/a.h:12").unwrap(), expected);
        assert!(place("a.h").is_err() && place("a.h:x").is_err());
    }

    /// Whether a call with these keys is accepted.
    fn sound(keys: &str) -> bool {
        let text = format!(
            "path = 'a.c'\nlines = [1]\nddi = 'ExAllocatePool'\nreason = 'made up'\n{keys}"
        );
        toml::from_str::<Call>(&text).unwrap().check().is_ok()
    }

    #[test]
    fn a_violation_has_a_rule_and_nothing_else_has() {
        assert!(sound("answer = 'fine'"));
        assert!(!sound("answer = 'fine'\nrule = 'executable-pool-type'"));
        assert!(sound("answer = 'violation'\nrule = 'executable-pool-type'"));
        assert!(!sound("answer = 'violation'"));
        assert!(!sound("answer = 'violation'\nrule = 'executable-pool'"));
        assert!(sound("answer = 'fine'\nor = ['violation']\nrule = 'executable-pool-type'"));
        assert!(!sound("answer = 'fine'\nsuppressed = true"));
        assert!(!sound("answer = 'fine'\ndefines = 'ALLOC'"));
    }

    #[test]
    fn a_star_covers_one_folder() {
        let covers = |pattern: &str, path: &str| {
            let text = format!(
                "registry = 'crates'\nname = 'a'\nversion = '1'\nfile = 'a'\nsha256 = ''\n\
                 licence = 'MIT'\nroot = 'a'\nnote = ''\ncall = []\ncovered = ['{pattern}']"
            );
            toml::from_str::<SourcePackage>(&text).unwrap().covers(path).unwrap()
        };
        assert!(covers("sys/*.c", "sys/a.c"));
        assert!(!covers("sys/*.c", "sys/b/a.c"));
        assert!(covers("sys/**/*.c", "sys/b/a.c") && covers("sys/**/*.c", "sys/a.c"));
    }
}
