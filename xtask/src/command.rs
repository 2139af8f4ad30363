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

/// Whether `program` is in a folder of `PATH`, for those that tell no version.
fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Installs what `programs` (program, package) lack; an error says what could not be.
pub fn need(programs: &[(&str, &'static str)]) -> Result<()> {
    match install(programs, on_path)?[..] {
        [] => Ok(()),
        ref missing => bail!(Missing(format!("{} (Debian)", missing.join(", ")))),
    }
}

/// Installs what `files` (path, package) lack; an error says what could not be.
pub fn need_files(files: &[(&str, &'static str)]) -> Result<()> {
    match install(files, |path| Path::new(path).is_file())?[..] {
        [] => Ok(()),
        ref missing => bail!(Missing(format!("{} (Debian)", missing.join(", ")))),
    }
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
    install(programs, available)
}

fn install(
    programs: &[(&str, &'static str)],
    there: impl Fn(&str) -> bool,
) -> Result<Vec<&'static str>> {
    let missing = || -> Vec<_> {
        let missing = programs.iter().filter(|(program, _)| !there(program));
        missing.map(|(_, package)| *package).collect()
    };
    let packages = missing();
    let root = capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if packages.is_empty() || !root || !Path::new("/etc/debian_version").exists() {
        return Ok(packages);
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    Ok(missing())
}
