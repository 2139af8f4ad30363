//! The text of `verifier /query`, and of others who print the same counters: `!verifier`, the readiness script, and
//! ringfence itself.

use super::own;
use ringfence_finding::{Counter, ImportKind};
use std::collections::BTreeMap;

/// Modules that a text may have; Windows loads some hundreds.
const MOST_MODULES: usize = 100_000;
/// The longest name of a module that is taken for one.
const LONGEST_NAME: usize = 1_024;
/// Characters of a line that an error shows.
const SHOWN: usize = 60;

/// What the tool said of each driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierQuery {
    /// Who printed it.
    pub kind: ImportKind,
    /// Whether it is of an emulated run, so that Windows has no part in it.
    pub is_emulated: bool,
    /// The flags, where the text tells them.
    pub flags: Option<u32>,
    /// The drivers, in the order of the text.
    pub modules: Vec<QueriedModule>,
}

/// What the tool said of a driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueriedModule {
    /// Its name.
    pub name: String,
    /// The counters that the text has for it. The readiness script names the first alone that is not 0.
    pub counters: BTreeMap<Counter, u64>,
}

/// Why a text is not that of the tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// Nothing in it is known.
    #[error(
        "it is neither a memory dump of the kernel nor the English text of `verifier /query`, of a \
         debugger's `!verifier` or of the readiness script's log: no line in it begins with \
         `Module:`, and none says that no drivers are verified"
    )]
    NotAQuery,
    /// It has flags or drivers as the tool lists them, and not a word that is known.
    #[error(
        "only English is understood, and this looks like Driver Verifier's text in another language: it has flags or \
         drivers, and no line that begins with `Module:`; `verifier /query` prints in Windows' display language"
    )]
    NotEnglish,
    /// It is what `/querysettings` prints.
    #[error(
        "it is the text of `verifier /querysettings`, which has no counters; `verifier /query` has them"
    )]
    Settings,
    /// A counter has no number.
    #[error("line {line}: the counter has no number: `{text}`")]
    NoNumber {
        /// The line, from 1.
        line: usize,
        /// Its beginning.
        text: String,
    },
    /// A counter stands before any module.
    #[error("line {line}: the counter is of no module: `{text}`")]
    NoModule {
        /// The line, from 1.
        line: usize,
        /// Its beginning.
        text: String,
    },
    /// A module's name is none.
    #[error("line {line}: the module has no name")]
    NoName {
        /// The line, from 1.
        line: usize,
    },
    /// There are more modules than any Windows loads.
    #[error("line {line}: more than {MOST_MODULES} modules")]
    TooMany {
        /// The line, from 1.
        line: usize,
    },
}

impl VerifierQuery {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// Where it is not that of the tool, or damaged.
    pub fn read(text: &str) -> Result<VerifierQuery, BadQuery> {
        let mut reader = Reader::default();
        let first = text.lines().map(str::trim).find(|line| !line.is_empty());
        reader.is_emulated = first.is_some_and(|line| line.starts_with(own::BEGINNING));
        for (index, line) in text.lines().enumerate() {
            reader.take(index + 1, line.trim())?;
        }
        reader.end()
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    kind: Option<ImportKind>,
    is_emulated: bool,
    flags: Option<u32>,
    modules: Vec<QueriedModule>,
    /// A line says that nothing is verified.
    says_nothing: bool,
    /// A line is as only the tool has them, in any language.
    looks_like_it: bool,
    /// A line is as only `/querysettings` has them.
    has_settings: bool,
}

impl Reader {
    fn take(&mut self, number: usize, line: &str) -> Result<(), BadQuery> {
        if let Some(rest) = behind(line, "module:") {
            return self.module(number, rest);
        }
        if let Some(rest) = behind(line, "name:").filter(|rest| has_loads(rest)) {
            self.kind = Some(ImportKind::OlderVerifierQuery);
            let name = rest.split(", loads:").next().unwrap_or(rest);
            return self.push(number, name);
        }
        if let Some(rest) = behind(line, "verifier flags:") {
            self.flags = self.flags.or_else(|| value(rest)?.try_into().ok());
        } else if let Some(rest) = behind(line, "verify flags level") {
            self.flags = self.flags.or_else(|| value(rest)?.try_into().ok());
        } else if let Some(rest) = behind(line, "level:") {
            // Eight digits without a mark, in hexadecimal.
            let flags = u32::from_str_radix(rest, 16).ok().filter(|_| rest.len() == 8);
            self.flags = self.flags.or(flags);
        } else if behind(line, "no drivers are currently verified").is_some() {
            self.says_nothing = true;
        } else if behind(line, "incompatible hvci kernel driver modules").is_some() {
            self.kind = Some(ImportKind::ReadinessLog);
        } else if let Some((counter, rest)) = counter(line) {
            self.counter(number, line, counter, rest)?;
        }
        self.has_settings |= behind(line, "verified drivers:").is_some();
        self.looks_like_it |= is_flag(line) || line.contains(".sys (");
        Ok(())
    }

    fn module(&mut self, number: usize, rest: &str) -> Result<(), BadQuery> {
        let (address, name) = match rest.split_once(' ') {
            Some((address, name)) if address.starts_with("0x") => (true, name.trim()),
            _ => (false, rest),
        };
        if address {
            self.kind = self.kind.or(Some(ImportKind::Debugger));
        }
        self.push(number, name_of(name))?;
        if let (true, Some(module)) = (self.is_emulated, self.modules.last_mut()) {
            /// Of the calls that did not come to run nothing is known.
            const OF_IMAGE: [&str; 3] =
                [own::OF_IMAGE_ZERO, own::OF_ENTRY_ZERO, own::OF_STOPPED_ZERO];
            let zero = |counters: &[Counter]| counters.iter().map(|one| (*one, 0)).collect();
            if rest.ends_with(own::ALL_ZERO) {
                module.counters = zero(&Counter::ALL);
            } else if OF_IMAGE.iter().any(|zero| rest.ends_with(zero)) {
                module.counters = zero(&Counter::ALL);
                module.counters.retain(|counter, _| !Counter::OF_CALLS.contains(counter));
            }
        }
        Ok(())
    }

    fn push(&mut self, line: usize, name: &str) -> Result<(), BadQuery> {
        if self.modules.len() == MOST_MODULES {
            return Err(BadQuery::TooMany { line });
        }
        let name = name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(BadQuery::NoName { line });
        }
        self.modules.push(QueriedModule { name: name.to_owned(), ..QueriedModule::default() });
        Ok(())
    }

    fn counter(
        &mut self,
        number: usize,
        line: &str,
        counter: Counter,
        rest: &str,
    ) -> Result<(), BadQuery> {
        let text = || line.chars().take(SHOWN).collect();
        let Some(module) = self.modules.last_mut() else {
            return Err(BadQuery::NoModule { line: number, text: text() });
        };
        if behind(line, "reason:").is_some() {
            self.kind = Some(ImportKind::ReadinessLog);
        }
        if self.is_emulated && rest == own::UNKNOWN {
            return Ok(());
        }
        let Some(count) = value(rest) else {
            return Err(BadQuery::NoNumber { line: number, text: text() });
        };
        module.counters.insert(counter, count);
        Ok(())
    }

    fn end(self) -> Result<VerifierQuery, BadQuery> {
        if self.modules.is_empty() && !self.says_nothing {
            return Err(match (self.has_settings, self.looks_like_it) {
                (true, _) => BadQuery::Settings,
                (false, true) => BadQuery::NotEnglish,
                (false, false) => BadQuery::NotAQuery,
            });
        }
        Ok(VerifierQuery {
            kind: self.kind.unwrap_or(ImportKind::VerifierQuery),
            is_emulated: self.is_emulated,
            flags: self.flags,
            modules: self.modules,
        })
    }
}

/// What stands behind `start`, in any letter case.
fn behind<'t>(line: &'t str, start: &str) -> Option<&'t str> {
    let head = line.get(..start.len())?;
    head.eq_ignore_ascii_case(start).then(|| line[start.len()..].trim())
}

/// Whether `x.sys, loads: 1, unloads: 0` is what stands there, as older Windows has it.
fn has_loads(rest: &str) -> bool {
    rest.contains(", loads:") && rest.contains(", unloads:")
}

/// Whether a line lists a flag: `[X] 0x00000001 Special pool.`
fn is_flag(line: &str) -> bool {
    let rest = line.strip_prefix("[X] ").or_else(|| line.strip_prefix("[ ] "));
    rest.is_some_and(|rest| rest.trim_start_matches('(').starts_with("0x"))
}

/// The name of `sample.sys (load: 1 / unload: 0)`, and of `sample.sys (Loaded)` as debuggers have it. It may have
/// parentheses of its own.
fn name_of(rest: &str) -> &str {
    let lower = rest.to_ascii_lowercase();
    let end = lower.rfind(" (load").or_else(|| lower.rfind(" (unload")).or_else(|| lower.find('('));
    &rest[..end.unwrap_or(rest.len())]
}

/// The counter that a line is of, and what stands behind its colon.
fn counter(line: &str) -> Option<(Counter, &str)> {
    let line = behind(line, "reason:").unwrap_or(line);
    let (label, rest) = line.split_once(':')?;
    let label = label.trim();
    let counter = Counter::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(label))?;
    Some((counter, rest.trim()))
}

/// A number, decimal or behind `0x`.
fn value(text: &str) -> Option<u64> {
    let (digits, radix) = match text.get(..2) {
        Some("0x" | "0X") => (&text[2..], 16),
        _ => (text, 10),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if is_number { u64::from_str_radix(digits, radix).ok() } else { None }
}

#[cfg(test)]
mod tests;
