//! Drivers as SARIF's artifacts, with the answers to the three questions.

use super::model::{Artifact, ArtifactLocation, Properties};
use super::text::name;
use crate::answers::whys;
use ringfence_finding::{DebugSymbols, Examination, Question};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// No more drivers are listed.
const MOST: usize = 25_000;

/// The list is no longer than this, in bytes. Most of it is compressed away.
const LARGEST: usize = 12 << 20;

/// No more lines of a kind are told of one driver.
const MOST_LINES: usize = 20;

/// The drivers of a run, as JSON.
#[derive(Default)]
pub(super) struct Artifacts {
    /// A driver each.
    pub(super) listed: Vec<String>,
    bytes: usize,
    /// What is listed, by where it is and what it holds.
    known: HashMap<(String, Option<String>), usize>,
    /// Drivers that are not listed.
    pub(super) left_out: usize,
}

/// What became of a driver.
pub(super) enum Listed {
    /// It is the artifact with this index.
    As(usize),
    /// It was there before: the same file, named twice.
    Again,
    /// There was no room for it.
    Not,
}

impl Artifacts {
    pub(super) fn add(
        &mut self,
        driver: &Examination,
        location: &ArtifactLocation,
    ) -> io::Result<Listed> {
        let key = (location.uri.clone(), driver.sha256.clone());
        if self.known.contains_key(&key) {
            return Ok(Listed::Again);
        }
        if self.listed.len() == MOST || self.bytes > LARGEST {
            self.left_out += 1;
            return Ok(Listed::Not);
        }
        let index = self.listed.len();
        let location = ArtifactLocation { index: Some(index), ..location.clone() };
        let json = serde_json::to_string(&artifact(driver, &location))?;
        self.bytes += json.len();
        self.listed.push(json);
        self.known.insert(key, index);
        Ok(Listed::As(index))
    }
}

fn artifact<'a>(driver: &'a Examination, location: &'a ArtifactLocation) -> Artifact<'a> {
    let hashes = driver.sha256.iter().map(|digest| ("sha-256", digest.as_str()));
    Artifact {
        location,
        length: driver.size,
        mime_type: "application/vnd.microsoft.portable-executable",
        roles: ["analysisTarget"],
        hashes: BTreeMap::from_iter(hashes),
        properties: properties(driver),
    }
}

fn properties(driver: &Examination) -> Properties {
    let verdict = &driver.verdict;
    let mut properties = Properties::from([
        ("machine", json!(name(&driver.machine))),
        ("load", json!(verdict.answer(Question::Load))),
        ("run", json!(verdict.answer(Question::Run))),
        ("certify", json!(verdict.answer(Question::Certify))),
    ]);
    let because = whys(verdict).into_iter().take(MOST_LINES);
    let because: Vec<_> =
        because.map(|why| name(&format!("{} {}: {}", why.asked(), why.answer, why.text))).collect();
    if !because.is_empty() {
        properties.insert("because", json!(because));
    }
    if !driver.excused.is_empty() {
        properties.insert("excused", json!(driver.excused));
    }
    let defects = driver.defects.iter().take(MOST_LINES);
    let defects: Vec<_> = defects.map(|defect| name(&defect.message)).collect();
    if !defects.is_empty() {
        properties.insert("malformed", json!(defects));
    }
    if let Some(authentihash) = &driver.authentihash {
        properties.insert("authentihash-sha-256", json!(authentihash.sha256));
    }
    if let Some(version) = &driver.properties.version {
        let parts = [("fileVersion", &version.file), ("company", &version.company)];
        for (key, text) in parts {
            if let Some(text) = text {
                properties.insert(key, json!(name(text)));
            }
        }
    }
    if let Some(symbols) = &driver.symbols {
        properties.insert("symbols", json!(symbols_state(symbols)));
    }
    properties
}

fn symbols_state(symbols: &DebugSymbols) -> String {
    match symbols {
        DebugSymbols::Used { .. } => "used".to_owned(),
        DebugSymbols::Refused { reason, .. } => name(&format!("refused: {reason}")),
        DebugSymbols::NotFound { name: file } => name(&format!("not found: {file}")),
    }
}
