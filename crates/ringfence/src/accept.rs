//! Findings that the user accepts, each with a reason and for some drivers or functions only.

mod source;

pub(crate) use source::AcceptingSource;

use crate::Date;
use glob::{MatchOptions, Pattern};
use ringfence_container::{Input, plain};
use ringfence_finding::{
    DebugSymbols, Evidence, Examination, Excuse, Finding, IdleAcceptance, IdleAcceptances,
};
use ringfence_source::FileKind;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// The acceptances of one settings file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceptances {
    /// Each of them.
    pub each: Vec<Acceptance>,
    /// What the file is called where one of them is told.
    pub file: Option<String>,
    /// The folder that paths of drivers are relative to; empty for the working directory.
    pub folder: PathBuf,
}

/// Findings of one rule that are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The rule.
    pub rule: &'static str,
    /// Only of the driver with this SHA-256, in lower-case hexadecimal.
    pub sha256: Option<String>,
    /// Only of drivers or sources with such a path.
    pub path: Option<PathPattern>,
    /// Only in this function.
    pub function: Option<Function>,
    /// Only about calls of this DDI.
    pub ddi: Option<&'static str>,
    /// Why.
    pub reason: String,
    /// The last day on which that holds.
    pub until: Option<Date>,
    /// The line of the settings file.
    pub line: Option<usize>,
}

/// A function of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// Its name, as the debug file has it; one that was inlined counts as well.
    Named(String),
    /// Where it begins, relative to the image base.
    At(u32),
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Function::Named(name) => f.write_str(name),
            Function::At(rva) => write!(f, "{rva:#x}"),
        }
    }
}

/// A pattern for paths of drivers or sources, with forward slashes on every system. What is below a folder that it matches
/// counts as well. Letter case does not matter, as a settings file serves Windows and others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    pattern: Pattern,
}

/// How a pattern matches.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: false,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl PathPattern {
    /// Reads a pattern such as `drivers/old/*.sys`.
    ///
    /// # Errors
    ///
    /// Why it is none, as a fragment.
    pub fn new(text: &str) -> Result<PathPattern, String> {
        if text.contains('\\') {
            return Err("paths have forward slashes here, on Windows too".to_owned());
        }
        if text.starts_with('/') || text.as_bytes().get(1) == Some(&b':') {
            return Err("paths are relative to the folder of the settings file".to_owned());
        }
        let inner = text.trim_start_matches("./").trim_end_matches('/');
        if inner.is_empty() {
            return Err("a pattern for paths cannot be empty".to_owned());
        }
        match Pattern::new(inner) {
            Ok(pattern) => Ok(PathPattern { text: text.to_owned(), pattern }),
            Err(error) => Err(format!("not a valid pattern: {}", error.msg)),
        }
    }

    /// Whether it matches `path`, or a folder that this is in.
    fn matches(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.chain([path]).any(|part| self.pattern.matches_with(part, MATCHING))
    }

    /// Whether its last part names source, such as `*.c`, which no driver is.
    fn is_of_source(&self) -> bool {
        FileKind::of(self.pattern.as_str()).is_some()
    }

    /// The folder that all it matches is in, relative as itself.
    fn folder(&self) -> PathBuf {
        let parts: Vec<&str> = self.pattern.as_str().split('/').collect();
        let is_literal = |part: &&&str| !part.contains(['*', '?', '[']);
        let literal = parts.iter().take_while(is_literal).count();
        // Without any wildcard the last part is the file.
        parts[..literal.min(parts.len() - 1)].iter().collect()
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Acceptance {
    /// Whether it is for this driver, whose path relative to the settings file is `path`.
    fn selects(&self, driver: &Examination, path: Option<&str>) -> bool {
        let same = self.sha256.is_none() || self.sha256 == driver.sha256;
        let pattern = self.path.as_ref();
        same && pattern.is_none_or(|pattern| path.is_some_and(|path| pattern.matches(path)))
    }

    /// Whether its function could have been told: without the debug file no function has a name.
    fn can_tell(&self, driver: &Examination) -> bool {
        let is_named = matches!(self.function, Some(Function::Named(_)));
        let lacks = |symbols: &DebugSymbols| !matches!(symbols, DebugSymbols::Used { .. });
        !is_named || !driver.symbols.as_ref().is_some_and(lacks)
    }

    fn accepts(&self, finding: &Finding) -> bool {
        let in_function = self.function.as_ref().is_none_or(|function| is_in(finding, function));
        self.rule == finding.rule && (self.ddi.is_none() || self.ddi == finding.ddi) && in_function
    }

    fn excuse(&self) -> Excuse {
        let until = self.until.map(|day| day.to_string());
        Excuse::Accepted { reason: self.reason.clone(), until }
    }
}

fn is_in(finding: &Finding, function: &Function) -> bool {
    match function {
        Function::Named(name) => finding.source.as_ref().is_some_and(|source| {
            let inlined = source.inlined.iter().map(|call| &call.function);
            inlined.chain([&source.function]).any(|known| known.as_ref() == Some(name))
        }),
        Function::At(rva) => match &finding.evidence {
            Some(Evidence::Listing(listing)) => listing.function == Some(*rva),
            _ => false,
        },
    }
}

/// Acceptances that are applied to one driver after the other, and what became of them.
pub(crate) struct Accepting<'a> {
    acceptances: &'a Acceptances,
    today: Option<Date>,
    /// The absolute path of the folder that paths are relative to.
    folder: Option<PathBuf>,
    states: Vec<State>,
}

/// What became of an acceptance.
#[derive(Clone, Copy, Default)]
struct State {
    /// A driver was looked at that it is for, or one would have been.
    was_asked: bool,
    has_accepted: bool,
}

impl<'a> Accepting<'a> {
    pub(crate) fn new(acceptances: &'a Acceptances, today: Option<Date>) -> Accepting<'a> {
        let folder = plain(&acceptances.folder);
        let states = vec![State::default(); acceptances.each.len()];
        Accepting { acceptances, today, folder, states }
    }

    /// Notes what will be looked at: an acceptance for a driver that is gone would not be missed otherwise.
    pub(crate) fn expect(&mut self, inputs: &[Input]) {
        if self.acceptances.each.is_empty() {
            return;
        }
        let folders: Vec<_> = inputs.iter().filter_map(Input::folder).filter_map(plain).collect();
        let are_many = inputs.len() > 1 || inputs.iter().any(|input| !input.is_one_file());
        for (acceptance, state) in self.acceptances.each.iter().zip(&mut self.states) {
            state.was_asked = match (&acceptance.path, &self.folder) {
                (Some(pattern), _) if pattern.is_of_source() => false,
                (Some(pattern), Some(base)) => plain(&base.join(pattern.folder()))
                    .is_some_and(|inside| folders.iter().any(|folder| inside.starts_with(folder))),
                _ => acceptance.sha256.is_some() && are_many,
            };
        }
    }

    /// Why each finding of `driver` is accepted, if it is.
    pub(crate) fn excuses(&mut self, driver: &Examination) -> Vec<Option<Excuse>> {
        let mut excuses = vec![None; driver.findings.len()];
        if self.acceptances.each.is_empty() {
            return excuses;
        }
        let path = self.folder.as_ref().and_then(|folder| relative(folder, &driver.path));
        let each = self.acceptances.each.iter().zip(&mut self.states);
        for (acceptance, state) in each {
            if is_over(acceptance, self.today) || !acceptance.selects(driver, path.as_deref()) {
                continue;
            }
            state.was_asked |= acceptance.can_tell(driver);
            for (finding, excuse) in driver.findings.iter().zip(&mut excuses) {
                if acceptance.accepts(finding) {
                    state.has_accepted = true;
                    // Of several the first in the file is told.
                    excuse.get_or_insert_with(|| acceptance.excuse());
                }
            }
        }
        excuses
    }

    /// Those that accepted nothing.
    pub(crate) fn idle(&self) -> IdleAcceptances {
        let mut idle = IdleAcceptances::default();
        for (acceptance, state) in self.acceptances.each.iter().zip(&self.states) {
            if is_over(acceptance, self.today) {
                idle.expired.push(told(acceptance, self.acceptances.file.as_deref()));
            } else if state.was_asked && !state.has_accepted {
                idle.unused.push(told(acceptance, self.acceptances.file.as_deref()));
            }
        }
        idle
    }
}

fn is_over(acceptance: &Acceptance, today: Option<Date>) -> bool {
    acceptance.until.zip(today).is_some_and(|(until, today)| until < today)
}

fn told(acceptance: &Acceptance, file: Option<&str>) -> IdleAcceptance {
    let Acceptance { rule, sha256, path, function, ddi, reason, until, line } = acceptance;
    IdleAcceptance {
        place: file.map(|file| match line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_owned(),
        }),
        rule: (*rule).to_owned(),
        sha256: sha256.clone(),
        path: path.as_ref().map(PathPattern::to_string),
        function: function.as_ref().map(Function::to_string),
        ddi: ddi.map(str::to_owned),
        reason: reason.clone(),
        until: until.map(|day| day.to_string()),
    }
}

/// The path of a driver relative to `folder`, with forward slashes; none for standard input, and on another
/// drive.
fn relative(folder: &Path, driver: &str) -> Option<String> {
    if driver.is_empty() || driver == "-" {
        return None;
    }
    let driver = plain(Path::new(driver))?;
    let (base, path): (Vec<_>, Vec<_>) =
        (folder.components().collect(), driver.components().collect());
    let is_same = |(one, other): &(&Component<'_>, &Component<'_>)| match cfg!(windows) {
        true => one.as_os_str().eq_ignore_ascii_case(other.as_os_str()),
        false => one == other,
    };
    let common = base.iter().zip(&path).take_while(is_same).count();
    if common == 0 {
        return None;
    }
    let up = base[common..].iter().map(|_| "..".into());
    let down = path[common..].iter().map(|part| part.as_os_str().to_string_lossy());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests;
