//! Runs other programs, and says what was run when one fails.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The target directory of the workspace.
pub fn target() -> Result<PathBuf> {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(std::path::absolute(folder.unwrap_or_else(|| root().join("target")))?)
}

/// What a task needs and could not install: it is left out, and says so.
#[derive(Debug)]
pub struct Missing(pub String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "this needs {}, which could not be installed here", self.0)
    }
}

impl std::error::Error for Missing {}

/// Whether `program` answers to `--version`.
pub fn available(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Runs `command` with its output shown; an error names the command line.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Runs `command` and returns what it printed; an error carries its stderr.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Installs the Debian packages that `programs` (program, package) lack, when this is Debian and we are root.
/// Returns the packages that are still missing.
pub fn install_missing(programs: &[(&str, &'static str)]) -> Result<Vec<&'static str>> {
    let missing: Vec<_> = programs
        .iter()
        .filter(|(program, _)| !available(program))
        .map(|(_, package)| *package)
        .collect();
    let root = capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if missing.is_empty() || !root || !Path::new("/etc/debian_version").exists() {
        return Ok(missing);
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    Ok(programs
        .iter()
        .filter(|(program, _)| !available(program))
        .map(|(_, package)| *package)
        .collect())
}
