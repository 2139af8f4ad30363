//! The settings of a scan: what the command line says, else the settings file, else the default.

use crate::arguments::{Chosen, web_address};
use crate::report_file::Wanted;
use anyhow::{Context, bail};
use ringfence::report::{Format, safe};
use ringfence::{
    Acceptances, Baseline, Configuration, Date, Input, LintBaseline, LintSettings, Located,
    NotRecorded, Question, Settings, SymbolFolder, Targets,
};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Who says what a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody.
    Default,
    /// The settings file, in this line.
    File(usize),
    /// The command line.
    CommandLine,
}

/// A setting and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// The settings file that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the working directory where it is below, for messages and what is relative to it.
    pub(crate) path: PathBuf,
}

/// All settings of a scan that a settings file can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) file: Option<File>,
    pub(crate) target: Setting<Targets>,
    pub(crate) gate: Setting<Vec<Question>>,
    pub(crate) fail_unknown: Setting<bool>,
    pub(crate) strict: Setting<bool>,
    pub(crate) code_analysis: Setting<bool>,
    pub(crate) format: Setting<Option<Format>>,
    pub(crate) report: Setting<Vec<Wanted>>,
    pub(crate) symbols: Setting<Vec<SymbolFolder>>,
    pub(crate) no_hash: Setting<bool>,
    pub(crate) threads: Setting<u16>,
    pub(crate) docs_url: Setting<Option<String>>,
    pub(crate) baseline: Setting<Option<PathBuf>>,
    pub(crate) lint_report: Setting<Vec<Wanted>>,
    pub(crate) lint_baseline: Setting<Option<PathBuf>>,
    pub(crate) acceptances: Acceptances,
}

impl Effective {
    /// The settings for a scan of `inputs`.
    pub(crate) fn of(
        chosen: &Chosen,
        format: Option<Format>,
        inputs: &[Input],
    ) -> anyhow::Result<Effective> {
        let file = File::for_scan(chosen, inputs)?;
        let said = match &file {
            Some(file) => file.read()?,
            None => Configuration::default(),
        };
        Effective::merged(chosen, format, file, said)
    }

    /// The settings for a look at source: of the file, what is not about drivers alone. Reports and baseline have
    /// settings of their own there, else they would be those of a scan.
    pub(crate) fn for_source(
        chosen: &Chosen,
        format: Option<Format>,
        inputs: &[Input],
    ) -> anyhow::Result<Effective> {
        let file = File::for_scan(chosen, inputs)?;
        let said = match &file {
            Some(file) => file.read()?,
            None => Configuration::default(),
        };
        let said = Configuration {
            target: said.target,
            strict: said.strict,
            code_analysis: said.code_analysis,
            format: said.format,
            threads: said.threads,
            docs_url: said.docs_url,
            lint_report: said.lint_report.filter(|_| chosen.report.is_empty()),
            lint_baseline: said.lint_baseline,
            accept: said.accept,
            ..Configuration::default()
        };
        let mut effective = Effective::merged(chosen, format, file, said)?;
        if effective.report.origin == Origin::Default {
            effective.report = effective.lint_report.clone();
        }
        if effective.baseline.origin == Origin::Default {
            effective.baseline = effective.lint_baseline.clone();
        }
        Ok(effective)
    }

    fn merged(
        chosen: &Chosen,
        format: Option<Format>,
        file: Option<File>,
        said: Configuration,
    ) -> anyhow::Result<Effective> {
        let none = File { path: PathBuf::new() };
        let at = file.as_ref().unwrap_or(&none);
        // What the command line says otherwise need not be right here: a folder may not be there on this machine.
        let report = said.report.filter(|_| chosen.report.is_empty());
        let reports = |said: Located<Vec<String>>, key| at.each(said, |text| at.report(text, key));
        let report = report.map(|said| reports(said, "report")).transpose()?;
        let lint_report = said.lint_report.map(|said| reports(said, "lint-report")).transpose()?;
        let symbols = said.symbols.filter(|_| chosen.symbols.is_empty());
        let symbols = symbols.map(|said| at.each(said, |text| at.symbols(text))).transpose()?;
        let docs_url = said.docs_url.filter(|_| chosen.docs_url.is_none());
        let docs_url = docs_url.map(|said| at.mapped(said, |url| web_address(&url)));
        let below = |said| at.mapped(said, |path: String| Ok(at.folder().join(path)));
        let baseline = said.baseline.map(below);
        let lint_baseline = said.lint_baseline.map(below);
        let targets = chosen.target.iter().copied().reduce(Targets::union);
        let baseline_chosen = match chosen.no_baseline {
            true => Some(None),
            false => chosen.baseline.clone().map(Some),
        };
        let acceptances = Acceptances {
            each: said.accept,
            file: file.as_ref().map(File::name),
            folder: at.folder().to_owned(),
        };
        Ok(Effective {
            target: pick(targets, said.target, Targets::DEFAULT),
            gate: pick(given(&chosen.gate), said.gate, Question::ALL.to_vec()),
            fail_unknown: pick(chosen.fail_unknown, said.fail_unknown, false),
            strict: pick(chosen.strict, said.strict, false),
            code_analysis: pick(chosen.code_analysis, said.code_analysis, false),
            format: pick(format.map(Some), said.format.map(some), None),
            report: pick(given(&chosen.report), report, Vec::new()),
            symbols: pick(given(&chosen.symbols), symbols, Vec::new()),
            no_hash: pick(chosen.no_hash, said.no_hash, false),
            threads: pick(chosen.threads, said.threads, 0),
            docs_url: pick(
                chosen.docs_url.clone().map(Some),
                docs_url.transpose()?.map(some),
                None,
            ),
            baseline: pick(baseline_chosen, baseline.transpose()?.map(some), None),
            lint_report: pick(None, lint_report, Vec::new()),
            lint_baseline: pick(None, lint_baseline.transpose()?.map(some), None),
            acceptances,
            file,
        })
    }

    /// What the scan is asked to do. Reads the baseline.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let today = (!self.acceptances.each.is_empty()).then(today).transpose()?;
        Ok(Settings {
            targets: self.target.value,
            strict: self.strict.value,
            code_analysis: self.code_analysis.value,
            hash: !self.no_hash.value,
            symbols: self.symbols.value.clone(),
            threads: usize::from(self.threads.value),
            acceptances: self.acceptances.clone(),
            today,
            baseline: self.baseline(Baseline::open, "scan")?.map(Arc::new),
            ..Settings::default()
        })
    }

    /// What a look at source is asked to do, beside what only the command line says. Reads the baseline.
    pub(crate) fn lint_settings(&self) -> anyhow::Result<LintSettings> {
        let today = (!self.acceptances.each.is_empty()).then(today).transpose()?;
        Ok(LintSettings {
            targets: self.target.value,
            strict: self.strict.value,
            code_analysis: self.code_analysis.value,
            threads: usize::from(self.threads.value),
            acceptances: self.acceptances.clone(),
            today,
            baseline: self.baseline(LintBaseline::open, "lint")?.map(Arc::new),
            ..LintSettings::default()
        })
    }

    /// The baseline as `open` reads it, of a report that `command` has written.
    fn baseline<T>(
        &self,
        open: impl Fn(&Path) -> Result<T, NotRecorded>,
        command: &str,
    ) -> anyhow::Result<Option<T>> {
        let Some(path) = &self.baseline.value else { return Ok(None) };
        let place = match (self.baseline.origin, &self.file) {
            (Origin::File(line), Some(file)) => format!("{}:{line}: ", file.name()),
            _ => String::new(),
        };
        let name = path.display().to_string();
        let read = open(path).map_err(|reason| {
            anyhow::anyhow!(
                "{}cannot use the baseline {}: {}\n  help: it takes a report that `ringfence {command} \
                 --no-baseline --report json=FILE` has written",
                safe(&place),
                safe(&name),
                safe(&reason.to_string())
            )
        });
        read.map(Some)
    }
}

/// What was given on the command line, if anything was.
fn given<T: Clone>(values: &[T]) -> Option<Vec<T>> {
    (!values.is_empty()).then(|| values.to_vec())
}

fn some<T>(located: Located<T>) -> Located<Option<T>> {
    Located { value: Some(located.value), line: located.line }
}

fn pick<T>(chosen: Option<T>, file: Option<Located<T>>, default: T) -> Setting<T> {
    match (chosen, file) {
        (Some(value), _) => Setting { value, origin: Origin::CommandLine },
        (None, Some(Located { value, line })) => Setting { value, origin: Origin::File(line) },
        (None, None) => Setting { value: default, origin: Origin::Default },
    }
}

impl File {
    /// The settings file for a scan of `inputs`, if there is any.
    fn for_scan(chosen: &Chosen, inputs: &[Input]) -> anyhow::Result<Option<File>> {
        if chosen.isolated {
            return Ok(None);
        }
        if let Some(path) = &chosen.config {
            return Ok(Some(File { path: path.clone() }));
        }
        let Some(path) = ringfence::nearest_settings(inputs) else { return Ok(None) };
        let here = std::env::current_dir().context("there is no working directory")?;
        let below = path.strip_prefix(&here).map(Path::to_owned);
        Ok(Some(File { path: below.unwrap_or(path) }))
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// The folder that it is in, which its paths are relative to.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn read(&self) -> anyhow::Result<Configuration> {
        let name = self.name();
        let text = ringfence::read_settings(&self.path).map_err(|unreadable| {
            anyhow::anyhow!("cannot read {}: {}", safe(&name), safe(&unreadable.to_string()))
        })?;
        match Configuration::parse(&text) {
            Ok(configuration) => Ok(configuration),
            Err(wrong) => bail!("{}:{}", safe(&name), safe(&wrong.to_string())),
        }
    }

    fn mapped<T, U>(
        &self,
        said: Located<T>,
        map: impl FnOnce(T) -> Result<U, String>,
    ) -> anyhow::Result<Located<U>> {
        let Located { value, line } = said;
        match map(value) {
            Ok(value) => Ok(Located { value, line }),
            Err(reason) => bail!("{}:{line}: {}", safe(&self.name()), safe(&reason)),
        }
    }

    fn each<T>(
        &self,
        said: Located<Vec<String>>,
        map: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<Located<Vec<T>>> {
        self.mapped(said, |all| all.iter().map(|text| map(text)).collect())
    }

    /// A report that goes below the folder of the settings file. A folder of foreign drivers may bring a settings
    /// file, and that must not write wherever it likes.
    fn report(&self, text: &str, key: &str) -> Result<Wanted, String> {
        let Wanted { format, path } = Wanted::parse(OsStr::new(text))?;
        let is_below =
            path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let path = self.folder().join(path);
        match is_below && !leads_out(&path, self.folder()) {
            true => Ok(Wanted { format, path }),
            false => Err(format!(
                "`{key}`: {} is not below the folder of the settings file, or is a link; --report takes any path",
                path.display()
            )),
        }
    }

    fn symbols(&self, path: &str) -> Result<SymbolFolder, String> {
        SymbolFolder::open(self.folder().join(path))
            .map_err(|reason| format!("`symbols`: {path}: {reason}"))
    }
}

/// Whether a link leads from `path` out of `folder`, or what is written there elsewhere.
fn leads_out(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| match path.as_os_str().is_empty() {
        true => std::fs::canonicalize("."),
        false => std::fs::canonicalize(path),
    };
    let parent = path.parent().map(real).and_then(Result::ok);
    let stays = match (parent, real(folder)) {
        (Some(parent), Ok(folder)) => parent.starts_with(folder),
        // What is not there is no link.
        _ => true,
    };
    !stays || std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// The day it is, in UTC. Where builds are to be reproducible, `SOURCE_DATE_EPOCH` says it.
fn today() -> anyhow::Result<Date> {
    let seconds = match std::env::var_os("SOURCE_DATE_EPOCH").filter(|set| !set.is_empty()) {
        Some(set) => {
            let seconds = set.to_str().and_then(|text| text.parse().ok());
            seconds.context("SOURCE_DATE_EPOCH is no number of seconds since 1970")?
        }
        // A clock before 1970 is wrong, and so early nothing has ended.
        None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    };
    Ok(Date::of_unix_time(seconds))
}

#[cfg(test)]
mod tests;
