//! What ringfence is measured against, built or installed below the target directory.

use crate::command::{capture, need, root, run};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Versions are part of the comparison.
const CHECK: (&str, &str) = ("binary-security-check", "2.0.2");
const PEFILE: &str = "pefile==2024.8.26";
const SEMGREP: &str = "1.185.0";

/// The release binaries of this repository that are measured.
pub struct Built {
    pub ringfence: PathBuf,
    /// Reads and hashes.
    pub floor: PathBuf,
    /// Decodes.
    pub decode: PathBuf,
    /// Parses sources.
    pub parse: PathBuf,
    /// Looks at a file again after an edit, and parses it.
    pub relint: PathBuf,
}

/// Builds ringfence and what it is measured against.
pub fn build(target: &Path) -> Result<Built> {
    let cargo = || {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--release"]).current_dir(root());
        cargo.env("CARGO_TARGET_DIR", target);
        cargo
    };
    // One after the other: together they would share features, and ringfence be another program
    // than the one that is shipped.
    run(cargo().args(["--package", "ringfence-cli"]))?;
    let floors = ["--bin", "floor", "--bin", "decode", "--bin", "parse", "--bin", "relint"];
    run(cargo().args(["--package", "xtask"]).args(floors))?;
    let built = |name: &str| target.join("release").join(name);
    Ok(Built {
        ringfence: built("ringfence"),
        floor: built("floor"),
        decode: built("decode"),
        parse: built("parse"),
        relint: built("relint"),
    })
}

/// binary-security-check, a checker of PE headers.
pub fn binary_security_check(folder: &Path) -> Result<PathBuf> {
    let (name, version) = CHECK;
    let program = folder.join("tools/bin").join(name);
    let there = capture(Command::new(&program).arg("--version"))
        .is_ok_and(|said| said.trim().ends_with(version));
    if !there {
        println!("installing {name} {version}");
        run(Command::new("cargo")
            .args(["install", "--quiet", "--locked", name, "--version", version, "--root"])
            .arg(folder.join("tools"))
            // The tool is no part of this workspace, whatever its target directory is.
            .env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(program)
}

/// A Python that has pefile.
pub fn python(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("python");
    let python = environment.join("bin/python");
    let (name, version) = PEFILE.split_once("==").unwrap_or((PEFILE, ""));
    let ask = format!("import {name}; print({name}.__version__)");
    let there =
        capture(Command::new(&python).args(["-c", &ask])).is_ok_and(|said| said.trim() == version);
    if !there {
        println!("installing {PEFILE}");
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PEFILE]))?;
    }
    Ok(python)
}

/// Semgrep, in a Python of its own: it wants many packages.
pub fn semgrep(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("semgrep");
    let program = environment.join("bin/semgrep");
    let mut version = Command::new(&program);
    let there = capture(version.args(["--version", "--disable-version-check"]))
        .is_ok_and(|said| said.trim() == SEMGREP);
    if !there {
        println!("installing semgrep {SEMGREP}");
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        let python = environment.join("bin/python");
        let package = format!("semgrep=={SEMGREP}");
        run(Command::new(python).args(["-m", "pip", "install", "--quiet", &package]))?;
    }
    Ok(program)
}

/// Cppcheck, as Debian has it; which one that is, is told.
pub fn cppcheck() -> Result<()> {
    need(&[("cppcheck", "cppcheck")])?;
    println!("{}", capture(Command::new("cppcheck").arg("--version"))?.trim());
    Ok(())
}

/// The rules over pefile.
pub fn script() -> PathBuf {
    root().join("bench/pefile_rules.py")
}
