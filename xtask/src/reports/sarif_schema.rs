//! SARIF by the schema that OASIS publishes.
//!
//! Its licence lets nobody change it, so it is taken from a crate that has it with it, at test time.

use super::written::Written;
use super::{Needed, unpacked};
use crate::corpus::Registry;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;

const SCHEMA: Needed = Needed {
    registry: Registry::Crates,
    name: "serde-sarif",
    version: "0.8.0",
    file: "serde-sarif-0.8.0.crate",
    sha256: "a053c46f18a8043570d4e32fefc4c6377f82bf29ec310a33e93f273048e3b0be",
    licence: "MIT",
};

/// Where the schema is in the crate.
const FILE: &str = "serde-sarif-0.8.0/src/schema.json";

/// The end of a pattern for languages, where a bracket closes none. JavaScript takes it for itself, as
/// nobody else does, so it is escaped.
const BRACKET: &str = "[a-zA-Z]{2}]?$";
const ESCAPED: &str = r"[a-zA-Z]{2}\\]?$";

pub(super) fn check(written: &Written) -> Result<()> {
    let path = unpacked(&SCHEMA)?.join(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let schema: Value = serde_json::from_str(&text.replace(BRACKET, ESCAPED))?;
    let title = schema["title"].as_str().unwrap_or_default();
    ensure!(title.contains("(SARIF) Version 2.1.0"), "another schema: {title}");
    let validator = jsonschema::validator_for(&schema).context("the schema is none")?;
    let files = written.of("sarif")?;
    for file in &files {
        let log = read(file)?;
        let errors: Vec<String> = validator
            .iter_errors(&log)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .take(5)
            .collect();
        if !errors.is_empty() {
            bail!("{}: {}", file.display(), errors.join("\n"));
        }
    }
    // A schema that takes everything would prove nothing.
    let mut broken = read(files[0])?;
    broken["runs"][0]["tool"]["driver"]["nmae"] = "ringfence".into();
    ensure!(!validator.is_valid(&broken), "the schema takes a member that SARIF does not have");
    println!("{} SARIF files follow the schema", files.len());
    Ok(())
}

/// Reads `path` as JSON.
pub(super) fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}
