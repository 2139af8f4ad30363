//! TOML with its places: entries of a table, and what is wrong with one.

use crate::similar::similar;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A setting of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What it says.
    pub value: T,
    /// The line of its key, from 1.
    pub line: usize,
}

/// What is wrong with a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for BadSetting {}

/// The text of a settings file.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Text<'a> {
        Text(text)
    }

    pub(super) fn all(self) -> &'a str {
        self.0
    }

    /// The entries of `table` in the order of the text.
    pub(super) fn entries(self, table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| Entry {
                text: self,
                key: key.get_ref(),
                start: key.span().start,
                value,
            })
            .collect();
        entries.sort_by_key(|entry| entry.start);
        entries
    }

    /// What is no TOML.
    pub(super) fn malformed(self, error: &toml::de::Error) -> BadSetting {
        let start = error.span().map_or(0, |span| span.start);
        // Some messages have a second line with what was expected.
        let message = error.message().trim().replace('\n', ", ");
        let line = self.0.get(..start).unwrap_or_default().lines().last().unwrap_or_default();
        match line.trim_start().starts_with("until") {
            true => self.wrong(start, DAY.to_owned()),
            false => self.wrong(start, message),
        }
    }

    fn wrong(self, start: usize, message: String) -> BadSetting {
        let (line, column) = self.place(start);
        BadSetting { line, column, message }
    }

    fn place(self, start: usize) -> (usize, usize) {
        let before = self.0.get(..start).unwrap_or(self.0);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// What is wrong with a day that is written otherwise.
pub(super) const DAY: &str = "`until` takes a day without quotes, such as 2027-03-31";

/// A key and its value.
pub(super) struct Entry<'a> {
    text: Text<'a>,
    key: &'a str,
    /// Where the key begins.
    start: usize,
    value: &'a Spanned<DeValue<'a>>,
}

/// Reads a name, or says why it is none.
type Reader<'r, T> = &'r dyn Fn(&str) -> Result<T, String>;

impl<'a> Entry<'a> {
    pub(super) fn key(&self) -> &'a str {
        self.key
    }

    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    /// `value` with the place of this entry.
    pub(super) fn located<T>(&self, value: T) -> Located<T> {
        Located { value, line: self.text.place(self.start).0 }
    }

    /// Something wrong with the value.
    pub(super) fn wrong(&self, message: impl Into<String>) -> BadSetting {
        self.wrong_at(self.value, message)
    }

    fn wrong_at(&self, value: &Spanned<DeValue<'_>>, message: impl Into<String>) -> BadSetting {
        self.text.wrong(value.span().start, message.into())
    }

    /// Something wrong with the key itself.
    pub(super) fn wrong_key(&self, message: impl Into<String>) -> BadSetting {
        self.text.wrong(self.start, message.into())
    }

    /// A key that is none of `known`.
    pub(super) fn unknown_key(&self, message: &str, known: &[&str]) -> BadSetting {
        self.wrong_key(match similar(self.key, known.iter().copied()).first() {
            Some(known) => format!("{message}, did you mean `{known}`?"),
            None => format!("{message}; there are {}", known.join(", ")),
        })
    }

    pub(super) fn boolean(&self) -> Result<bool, BadSetting> {
        match self.value() {
            DeValue::Boolean(value) => Ok(*value),
            other => {
                Err(self.wrong(format!("`{}` takes true or false, not {}", self.key, kind(other))))
            }
        }
    }

    /// A number up to `most`.
    pub(super) fn number(&self, most: u16) -> Result<u16, BadSetting> {
        let number = match self.value() {
            DeValue::Integer(number) => u16::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let takes = || self.wrong(format!("`{}` takes a number from 0 to {most}", self.key));
        number.filter(|number| *number <= most).ok_or_else(takes)
    }

    /// One text, read by `reader`; `what` it is stands in an error.
    pub(super) fn parsed<T>(
        &self,
        what: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, BadSetting> {
        self.one(self.value, what, &reader)
    }

    fn one<T>(
        &self,
        value: &Spanned<DeValue<'_>>,
        what: &str,
        reader: Reader<'_, T>,
    ) -> Result<T, BadSetting> {
        match value.get_ref() {
            DeValue::String(text) => reader(text)
                .map_err(|reason| self.wrong_at(value, format!("`{}`: {reason}", self.key))),
            other => {
                let message = format!("`{}` takes {what} as text, not {}", self.key, kind(other));
                Err(self.wrong_at(value, message))
            }
        }
    }

    /// A list of texts, or a single one, each read by `reader`.
    pub(super) fn list<T>(
        &self,
        what: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, BadSetting> {
        match self.value() {
            DeValue::Array(values) => {
                values.iter().map(|value| self.one(value, what, &reader)).collect()
            }
            _ => {
                Ok(vec![self.one(self.value, what, &reader).map_err(|wrong| self.as_list(wrong))?])
            }
        }
    }

    /// Says how several are written to somebody who wrote them as the command line takes them.
    fn as_list(&self, mut wrong: BadSetting) -> BadSetting {
        if let DeValue::String(text) = self.value()
            && text.contains(',')
        {
            let each: Vec<_> = text.split(',').map(|one| format!("\"{}\"", one.trim())).collect();
            wrong.message = format!("`{}`: several are written [{}]", self.key, each.join(", "));
        }
        wrong
    }

    /// The tables of a list, each with the line it begins in and its entries.
    pub(super) fn tables(&self) -> Result<Vec<(usize, Vec<Entry<'a>>)>, BadSetting> {
        let takes = || format!("`{0}` takes tables: [[{0}]] on a line of its own", self.key);
        let DeValue::Array(values) = self.value() else { return Err(self.wrong_key(takes())) };
        let tables = values.iter().map(|value| match value.get_ref() {
            DeValue::Table(table) => {
                Ok((self.text.place(value.span().start).0, self.text.entries(table)))
            }
            _ => Err(self.wrong_at(value, takes())),
        });
        tables.collect()
    }

    /// Something wrong with a table that begins in `line`.
    pub(super) fn wrong_table(line: usize, message: impl Into<String>) -> BadSetting {
        BadSetting { line, column: 1, message: message.into() }
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
