//! The reports that are checked.

use crate::command::{root, run, target};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The formats of which reports are written, by the names on the command line.
const FORMATS: [&str; 7] = ["sarif", "html", "junit", "markdown", "github", "csv", "msvc"];

/// Reports of hand-made samples, hostile ones among them, and of real scans.
pub struct Written {
    files: Vec<PathBuf>,
}

impl Written {
    /// Writes all of them anew.
    pub fn new() -> Result<Written> {
        let folder = target()?.join("reports/written");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        samples(&folder)?;
        let ringfence = build()?;
        scan(&ringfence, &folder, "examples", Path::new("examples/drivers"))?;
        if let Some(drivers) = crate::corpus::there()? {
            scan(&ringfence, &folder, "corpus", &drivers)?;
        }
        let files = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
        let mut files = files.collect::<Result<Vec<_>>>()?;
        files.sort();
        Ok(Written { files })
    }

    /// The file called `name`.
    pub fn named(&self, name: &str) -> Result<&Path> {
        let found = self.files.iter().find(|file| file.file_name().is_some_and(|own| own == name));
        found.map(PathBuf::as_path).with_context(|| format!("no {name} was written"))
    }

    /// The files of `format`; at least one of samples about drivers, one about source and one of a scan.
    pub fn of(&self, format: &str) -> Result<Vec<&Path>> {
        let ours = |path: &&PathBuf| path.extension().is_some_and(|kind| kind == format);
        let files: Vec<&Path> = self.files.iter().filter(ours).map(PathBuf::as_path).collect();
        for name in ["all", "lint", "examples"] {
            let there = files.iter().any(|file| file.file_stem().is_some_and(|stem| stem == name));
            ensure!(there, "no {name}.{format} was written");
        }
        Ok(files)
    }
}

/// The samples are those of the unit tests of `report`, two of which write them.
fn samples(folder: &Path) -> Result<()> {
    let arguments = ["test", "--quiet", "--package", "ringfence-report", "--lib", "--"];
    let only = ["tests::samples_for_other_programs", "--ignored"];
    let mut command = cargo();
    run(command.args(arguments).args(only).env("RINGFENCE_SAMPLES", folder))
}

fn build() -> Result<PathBuf> {
    let arguments = ["build", "--quiet", "--release", "--package", "ringfence-cli"];
    run(cargo().args(arguments).env("CARGO_TARGET_DIR", target()?))?;
    Ok(target()?.join("release/ringfence"))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Scans `drivers` into a report of each format called `name`.
fn scan(ringfence: &Path, folder: &Path, name: &str, drivers: &Path) -> Result<()> {
    let mut command = Command::new(ringfence);
    command.current_dir(root()).args(["scan", "--docs-url", "https://example.org/docs"]);
    for format in FORMATS {
        let mut report = std::ffi::OsString::from(format!("{format}="));
        report.push(folder.join(format!("{name}.{format}")));
        command.arg("--report").arg(report);
    }
    let output =
        command.arg(drivers).output().with_context(|| format!("cannot start {command:?}"))?;
    // Findings end a scan with 1, and files that cannot be read with 2 once there are reports.
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code().is_some_and(|code| code <= 2), "{command:?}: {}", said.trim());
    ensure!(!said.contains("cannot write the report"), "{}", said.trim());
    Ok(())
}
