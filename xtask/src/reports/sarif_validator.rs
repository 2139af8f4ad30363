//! SARIF by Microsoft's validator, with GitHub's rules of ingestion: the one GitHub's documentation names.

use super::sarif_schema::read;
use super::written::Written;
use super::{Needed, unpacked};
use crate::command::{Missing, available, install_missing};
use crate::corpus::Registry;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const VALIDATOR: Needed = Needed {
    registry: Registry::Npm,
    name: "@microsoft/sarif-multitool-linux",
    version: "5.7.0",
    file: "microsoft-sarif-multitool-linux-5.7.0.tgz",
    sha256: "27d8e3e96dde578a23b7c45035b8d741fece5731e2700aa068015b8c44d1514e",
    licence: "MIT",
};

/// A remark that every file of ours gets: without it the validator could not read the file, which it
/// passes over in silence.
const ALWAYS: &str = "SARIF2003";

/// What the validator says of a result without a location.
const NO_LOCATION: &str = "GH1001";

pub(super) fn check(written: &Written) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Missing("Linux on x64, for Microsoft's validator of SARIF".to_owned()).into());
    }
    if !available("npm") && !install_missing(&[("npm", "npm")])?.is_empty() {
        return Err(Missing("npm".to_owned()).into());
    }
    let program = unpacked(&VALIDATOR)?.join("package/Sarif.Multitool");
    executable(&program)?;
    let scratch = tempfile::tempdir()?;
    let said = scratch.path().join("said.sarif");
    let files = written.of("sarif")?;
    for file in &files {
        let remarks = validate(&program, file, &said)?;
        let bad: Vec<&str> = remarks
            .iter()
            .filter(|(level, _, _)| level != "note")
            .map(|(_, _, message)| message.as_str())
            .take(5)
            .collect();
        if !bad.is_empty() {
            bail!("{}: {}", file.display(), bad.join("\n"));
        }
        let was_read = remarks.iter().any(|(_, rule, _)| rule == ALWAYS);
        ensure!(was_read, "the validator could not read {}", file.display());
    }
    let broken = scratch.path().join("broken.sarif");
    fs::write(&broken, without_location(&files)?)?;
    let remarks = validate(&program, &broken, &said)?;
    let objects = remarks.iter().any(|(level, rule, _)| level == "error" && rule == NO_LOCATION);
    ensure!(objects, "the validator takes a result without a location");
    println!("{} SARIF files: nothing to object by GitHub's rules", files.len());
    Ok(())
}

/// The first file with results, but one of them without its place.
fn without_location(files: &[&Path]) -> Result<String> {
    for file in files {
        let mut log = read(file)?;
        if let Some(result) = log["runs"][0]["results"][0].as_object_mut() {
            result.remove("locations");
            return Ok(log.to_string());
        }
    }
    bail!("no file has a result")
}

/// What the validator remarks on `file`: level, rule and words.
fn validate(program: &Path, file: &Path, said: &Path) -> Result<Vec<(String, String, String)>> {
    let mut command = Command::new(program);
    command.arg("validate").arg(file).arg("--output").arg(said);
    command.args(["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note"]);
    command.args(["--log", "ForceOverwrite", "--quiet"]);
    // It needs no tables of languages, which a small system does not have.
    command.env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    // It ends with 1 where it objects; what it says is in the file.
    ensure!(output.status.code().is_some_and(|code| code <= 1), "{command:?}: {}", output.status);
    let log = read(said)?;
    let run = &log["runs"][0];
    let rules = &run["tool"]["driver"]["rules"];
    let remarks = run["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(remarks.iter().map(|remark| told(remark, rules)).collect())
}

/// Level, rule and words of one remark. SARIF's default level is a warning; the words are a template of
/// the rule with arguments.
fn told(remark: &Value, rules: &Value) -> (String, String, String) {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rule = word(&remark["ruleId"]);
    let default = remark["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok());
    let default = default.map(|index| &rules[index]["defaultConfiguration"]["level"]);
    let level = remark["level"].as_str().or(default.and_then(Value::as_str)).unwrap_or("warning");
    let message = &remark["message"];
    let words = [&message["text"], &message["arguments"]].map(Value::to_string).join(" ");
    (level.to_owned(), rule.clone(), format!("{rule}: {words}"))
}

/// npm keeps no rights of files.
#[cfg(unix)]
fn executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("{}", program.display()))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<()> {
    Ok(())
}
