//! The text of `verifier /query`, and of others who print the same counters: `!verifier` and the readiness script.

use ringfence_finding::Counter;
use std::collections::BTreeMap;

/// Modules that a text may have; Windows loads some hundreds.
const MOST_MODULES: usize = 100_000;
/// The longest name of a module that is taken for one.
const LONGEST_NAME: usize = 1_024;
/// Characters of a line that an error shows.
const SHOWN: usize = 60;

/// What the tool said of each driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifierQuery {
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
        "it is neither a memory dump of the kernel nor the English text of `verifier /query`: no line in it begins \
         with `Module:`, and none says that no drivers are verified"
    )]
    NotAQuery,
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
        let mut query = VerifierQuery::default();
        let mut says_nothing = false;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let line = line.trim();
            if let Some(rest) = behind(line, "module:") {
                if query.modules.len() == MOST_MODULES {
                    return Err(BadQuery::TooMany { line: number });
                }
                let name = name(rest).ok_or(BadQuery::NoName { line: number })?;
                query.modules.push(QueriedModule { name, ..QueriedModule::default() });
            } else if let Some(rest) = behind(line, "verifier flags:") {
                query.flags = query.flags.or_else(|| value(rest)?.try_into().ok());
            } else if behind(line, "no drivers are currently verified").is_some() {
                says_nothing = true;
            } else if let Some((counter, rest)) = counter(line) {
                let text = || line.chars().take(SHOWN).collect();
                let Some(module) = query.modules.last_mut() else {
                    return Err(BadQuery::NoModule { line: number, text: text() });
                };
                let Some(count) = value(rest) else {
                    return Err(BadQuery::NoNumber { line: number, text: text() });
                };
                module.counters.insert(counter, count);
            }
        }
        match query.modules.is_empty() && !says_nothing {
            true => Err(BadQuery::NotAQuery),
            false => Ok(query),
        }
    }
}

/// What stands behind `start`, in any letter case.
fn behind<'t>(line: &'t str, start: &str) -> Option<&'t str> {
    let head = line.get(..start.len())?;
    head.eq_ignore_ascii_case(start).then(|| line[start.len()..].trim())
}

/// The name of `sample.sys (load: 1 / unload: 0)`, and of `0x84226b28 sample.sys (Loaded)` as debuggers have it.
fn name(rest: &str) -> Option<String> {
    let name = rest.split('(').next().unwrap_or(rest).trim();
    let name = match name.split_once(' ') {
        Some((address, name)) if address.starts_with("0x") => name.trim(),
        _ => name,
    };
    (!name.is_empty() && name.len() <= LONGEST_NAME).then(|| name.to_owned())
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
mod tests {
    use super::*;
    use Counter::{ExecutePoolType, ExecuteWriteSection, SectionAlignment};

    fn modules(text: &str) -> Vec<(String, Vec<(Counter, u64)>)> {
        let query = VerifierQuery::read(text).unwrap();
        let plain = |one: QueriedModule| (one.name, one.counters.into_iter().collect());
        query.modules.into_iter().map(plain).collect()
    }

    /// The labels and their order are those of Microsoft's page on memory integrity.
    #[test]
    fn counters_belong_to_the_module_before_them() {
        let text = "\
Time Stamp: 11/29/2026 06:10:21.123\r\n\r\nVerifier Flags: 0x02000000\r\n\r\n  Standard Flags:\r\n
Driver Verification List\r\n\r\nMODULE: ntfs.sys (load: 1 / unload: 0)\r\n\r\n\
    Pool Allocation Statistics: ( NonPagedPool / PagedPool )\r\n\r\n\
      Current Pool Allocations:     (     33 /      0 )\r\n\r\n\
    Code Integrity Statistics:\r\n\r\n\
        Execute Pool Type Count:                3\r\n\
        Execute Page Protection Count:          0\r\n\
        Section Alignment Failures:             9\r\n\r\n\
MODULE: My Driver.sys (load: 0 / unload: 0)\r\n";
        assert_eq!(VerifierQuery::read(text).unwrap().flags, Some(0x0200_0000));
        let counted =
            vec![(ExecutePoolType, 3), (Counter::ExecutePageProtection, 0), (SectionAlignment, 9)];
        let expected = [("ntfs.sys".to_owned(), counted), ("My Driver.sys".to_owned(), vec![])];
        assert_eq!(modules(text), expected);
    }

    #[test]
    fn others_who_print_the_counters_are_read_too() {
        let log = "Module: TestDriver1.sys\n\tReason: section alignment failures:             9\n\
                   Module: TestDriver2.sys\n\tReason: execute pool type count:                3\n";
        let expected = [
            ("TestDriver1.sys".to_owned(), vec![(SectionAlignment, 9)]),
            ("TestDriver2.sys".to_owned(), vec![(ExecutePoolType, 3)]),
        ];
        assert_eq!(modules(log), expected);
        let debugger =
            "  MODULE: 0x84226b28 MyDriver.sys (Loaded)\n  Execute-Write Section Count: 0x1\n";
        let expected = [("MyDriver.sys".to_owned(), vec![(ExecuteWriteSection, 1)])];
        assert_eq!(modules(debugger), expected);
    }

    #[test]
    fn where_nothing_is_verified_there_is_nothing() {
        assert_eq!(modules("\r\nNo drivers are currently verified.\r\n"), []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let why = |text: &str| VerifierQuery::read(text).unwrap_err();
        assert_eq!(why(""), BadQuery::NotAQuery);
        assert_eq!(why("Verifier Flags: 0x1\n"), BadQuery::NotAQuery);
        let bad = why("Module: a.sys\nExecute Pool Type Count: many\n");
        let told = "line 2: the counter has no number: `Execute Pool Type Count: many`";
        assert_eq!(bad.to_string(), told);
        for number in ["", "-1", "0x", "99999999999999999999", "1 2"] {
            let text = format!("Module: a.sys\nExecute Pool Type Count: {number}");
            assert!(matches!(why(&text), BadQuery::NoNumber { line: 2, .. }), "{number}");
        }
        assert!(matches!(why("Section Alignment Failures: 1"), BadQuery::NoModule { line: 1, .. }));
        assert_eq!(why("x\nMODULE: (load: 1)"), BadQuery::NoName { line: 2 });
        let long = format!("module: {}", "x".repeat(2_000));
        assert_eq!(why(&long), BadQuery::NoName { line: 1 });
    }
}
