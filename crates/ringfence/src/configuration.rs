//! The settings file: its text to settings, each with its place.
//!
//! A key is what the option of `ringfence scan` is called; `lint-` before it stands for that of `ringfence lint`. What the file does not say is left to the caller, as
//! the command line goes before the file.

mod accept;
mod place;

use crate::Acceptance;
use crate::report::Format;
use crate::similar::similar;
pub use place::{BadSetting, Located};
use place::{Entry, Text};
use ringfence_finding::{Question, TARGETS, Targets};
use toml::de::DeTable;

/// What a settings file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Windows versions to ask about.
    pub target: Option<Located<Targets>>,
    /// Questions whose answer no fails the scan.
    pub gate: Option<Located<Vec<Question>>>,
    /// Whether an unknown answer to one of them fails it too.
    pub fail_unknown: Option<Located<bool>>,
    /// Whether Microsoft's documentation weighs more than what Windows was observed to do.
    pub strict: Option<Located<bool>>,
    /// Whether what only Code Analysis objects to counts against *certify*.
    pub code_analysis: Option<Located<bool>>,
    /// How the report is written.
    pub format: Option<Located<Format>>,
    /// Reports to files, each `FORMAT=FILE`; files are relative to the settings file.
    pub report: Option<Located<Vec<String>>>,
    /// Folders with debug files, relative to the settings file.
    pub symbols: Option<Located<Vec<String>>>,
    /// Whether no digests are computed.
    pub no_hash: Option<Located<bool>>,
    /// Worker threads; 0 for as many as there are processors.
    pub threads: Option<Located<u16>>,
    /// Where the pages about rules are published.
    pub docs_url: Option<Located<String>>,
    /// A report of an earlier run, relative to the settings file.
    pub baseline: Option<Located<String>>,
    /// Reports of `ringfence lint` to files, as `report` has those of a scan.
    pub lint_report: Option<Located<Vec<String>>>,
    /// A report of an earlier run of `ringfence lint`, relative to the settings file.
    pub lint_baseline: Option<Located<String>>,
    /// Accepted findings.
    pub accept: Vec<Acceptance>,
}

/// The settings, in the order they are told.
const KEYS: [&str; 15] = [
    "target",
    "gate",
    "fail-unknown",
    "strict",
    "code-analysis",
    "format",
    "report",
    "symbols",
    "no-hash",
    "threads",
    "docs-url",
    "baseline",
    "lint-report",
    "lint-baseline",
    "accept",
];

impl Configuration {
    /// Reads the text of a settings file.
    ///
    /// ```
    /// let configuration = ringfence::Configuration::parse("fail-unknown = true")?;
    /// assert!(configuration.fail_unknown.is_some_and(|setting| setting.value));
    ///
    /// let typo = ringfence::Configuration::parse("fail_unknown = true").unwrap_err();
    /// assert_eq!(typo.to_string(), "1:1: no setting is called `fail_unknown`, did you mean `fail-unknown`?");
    /// # Ok::<(), ringfence::BadSetting>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first thing that cannot be meant, with its place.
    pub fn parse(text: &str) -> Result<Configuration, BadSetting> {
        let text = Text::new(text);
        let table = DeTable::parse(text.all()).map_err(|error| text.malformed(&error))?;
        let mut configuration = Configuration::default();
        for entry in text.entries(table.get_ref()) {
            configuration.set(&entry)?;
        }
        Ok(configuration)
    }

    fn set(&mut self, entry: &Entry<'_>) -> Result<(), BadSetting> {
        match entry.key() {
            "target" => self.target = Some(entry.located(targets(entry)?)),
            "gate" => self.gate = Some(entry.located(entry.list("a question", question)?)),
            "fail-unknown" => self.fail_unknown = Some(entry.located(entry.boolean()?)),
            "strict" => self.strict = Some(entry.located(entry.boolean()?)),
            "code-analysis" => self.code_analysis = Some(entry.located(entry.boolean()?)),
            "format" => self.format = Some(entry.located(entry.parsed("a format", format)?)),
            "report" => self.report = Some(entry.located(entry.list("FORMAT=FILE", report)?)),
            "symbols" => self.symbols = Some(entry.located(entry.list("a folder", text)?)),
            "no-hash" => self.no_hash = Some(entry.located(entry.boolean()?)),
            "threads" => self.threads = Some(entry.located(entry.number(MOST_THREADS)?)),
            "docs-url" => self.docs_url = Some(entry.located(entry.parsed("an address", text)?)),
            "baseline" => self.baseline = Some(entry.located(entry.parsed("a file", text)?)),
            "lint-report" => {
                self.lint_report = Some(entry.located(entry.list("FORMAT=FILE", report)?));
            }
            "lint-baseline" => {
                self.lint_baseline = Some(entry.located(entry.parsed("a file", text)?));
            }
            "accept" => self.accept = accept::all(entry)?,
            unknown => {
                return Err(entry.unknown_key(&format!("no setting is called `{unknown}`"), &KEYS));
            }
        }
        Ok(())
    }
}

/// More threads than this help nobody, and a system refuses them sooner or later.
const MOST_THREADS: u16 = 1024;

/// A name, or why it is none.
type Named<T> = Result<T, String>;

fn text(text: &str) -> Named<String> {
    match text.is_empty() {
        true => Err("it cannot be empty".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// `FORMAT=FILE`, as it stands; which files are allowed is the caller's to say.
fn report(text: &str) -> Named<String> {
    match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => format(name).map(|_| text.to_owned()),
        _ => Err("it takes FORMAT=FILE, such as sarif=report.sarif".to_owned()),
    }
}

fn question(name: &str) -> Named<Question> {
    let names = Question::ALL.map(|question| question.to_string());
    let found = Question::ALL.into_iter().zip(&names).find(|(_, known)| *known == name);
    let names = names.iter().map(String::as_str);
    found.map(|(question, _)| question).ok_or_else(|| {
        format!(
            "no question is called `{name}`{}",
            meant(name, names, "there are load, run and certify")
        )
    })
}

fn format(name: &str) -> Named<Format> {
    name.parse().map_err(|unknown: ringfence_report::UnknownFormat| {
        match similar(name, Format::ALL.map(Format::name)).first() {
            Some(known) => format!("no format is called `{name}`, did you mean `{known}`?"),
            None => unknown.to_string(),
        }
    })
}

fn targets(entry: &Entry<'_>) -> Result<Targets, BadSetting> {
    let named = |name: &str| {
        Targets::named(name).map_err(|unknown| {
            let ids = TARGETS.iter().map(|target| target.id);
            let others = "`ringfence list targets` names those there are";
            format!("{unknown}{}", meant(name.trim_end_matches('+'), ids, others))
        })
    };
    let all = entry.list("a Windows version", named)?;
    if all.is_empty() {
        return Err(entry.wrong("it takes one Windows version at least"));
    }
    Ok(all.into_iter().fold(Targets::NONE, Targets::union))
}

/// `, did you mean this?`, or what there is.
fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, others: &str) -> String {
    match similar(name, known).first() {
        Some(known) => format!(", did you mean `{known}`?"),
        None => format!("; {others}"),
    }
}

#[cfg(test)]
mod tests;
