//! A file of the table, as it is written.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use toml::Spanned;

/// Something wrong with the table, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// One DDI, with where it stands.
#[derive(Debug)]
pub struct Entry {
    /// The file, as it was named.
    pub file: String,
    /// The file's name without extension, which is the header's.
    pub header: String,
    /// The line of its heading.
    pub line: usize,
    /// The DDI.
    pub name: String,
    /// What is said of it.
    pub body: Body,
}

/// What an entry may say; anything else is refused. The fields, and the types below, are those of
/// `Ddi`, where they are described.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Body {
    #[serde(default)]
    pub aliases: Vec<String>,
    pub parameters: Vec<String>,
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    pub reach: Reach,
    #[serde(default)]
    pub modules: Vec<String>,
    pub grant: Grant,
    pub verifier: Verifier,
    pub warning: Option<Warning>,
    pub replacement: Option<String>,
    pub since: Option<String>,
    pub nx_since: Option<String>,
    #[serde(default)]
    pub listed: bool,
    pub certainty: Certainty,
    pub docs: Option<String>,
    pub note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Reach {
    Import,
    WdfTable { index: u16 },
    ClassExtensionTable,
    Interface { slot: Option<u16> },
    Inbound,
    Inline { becomes: String },
    Selector { import: String, value: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    Argument,
    Always,
    Never,
    Kernel,
    Section,
    Nothing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verifier {
    pub behaviour: Behaviour,
    pub subcode: Option<u16>,
    #[serde(default)]
    pub unsure: bool,
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    Report,
    SubstituteNx,
    ViaModule,
    ViaFramework,
    ViaCallee,
    None,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    pub id: String,
    pub documented: bool,
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    Low,
    Medium,
    High,
}

/// The entries of one file of the table.
///
/// # Errors
///
/// The first thing that is no TOML, or no entry.
pub fn entries(file: &str, text: &str) -> Result<Vec<Entry>, Problem> {
    let bodies: BTreeMap<Spanned<String>, Body> = toml::from_str(text).map_err(|error| {
        let line = line(text, error.span().map_or(0, |span| span.start));
        Problem { file: file.to_owned(), line, message: error.message().trim().to_owned() }
    })?;
    let header = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let entry = |(name, body): (Spanned<String>, Body)| Entry {
        file: file.to_owned(),
        header: header.clone().into_owned(),
        line: line(text, name.span().start),
        name: name.into_inner(),
        body,
    };
    Ok(bodies.into_iter().map(entry).collect())
}

/// The line, from 1, in which the byte at `offset` stands.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}
