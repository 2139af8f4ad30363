//! Other processors: this machine's own, and unicorn.

use super::case::{Case, Outcome};
use crate::command::{self, Missing, capture, need, run};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version everybody compares with.
pub const UNICORN: &str = "2.1.4";

/// What this machine's processor makes of the cases.
pub fn native(cases: &[&Case]) -> Result<Vec<Outcome>> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        // Unicorn alone is no judge: it is wrong about some instructions.
        bail!(Missing("an x86-64 processor with Linux".to_owned()));
    }
    need(&[("cc", "gcc")])?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let program = folder.path().join("native");
    let source = command::root().join("xtask/src/processor/native.c");
    run(Command::new("cc").args(["-O1", "-o"]).arg(&program).arg(source))?;
    carry_out(cases, folder.path(), &mut Command::new(&program))
}

/// What unicorn makes of them.
pub fn unicorn(cases: &[&Case]) -> Result<Vec<Outcome>> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut command = Command::new(python()?);
    command.arg(command::root().join("xtask/src/processor/by_unicorn.py"));
    carry_out(cases, folder.path(), &mut command)
}

fn carry_out(cases: &[&Case], folder: &Path, command: &mut Command) -> Result<Vec<Outcome>> {
    let (tasks, outcomes) = (folder.join("tasks"), folder.join("outcomes"));
    let mut bytes = Vec::new();
    for case in cases {
        case.write(&mut bytes);
    }
    fs::write(&tasks, bytes)?;
    run(command.arg(&tasks).arg(&outcomes))?;
    let all = Outcome::read_all(&fs::read(&outcomes)?);
    ensure!(all.len() == cases.len(), "{} outcomes of {} cases", all.len(), cases.len());
    Ok(all)
}

/// A Python that has unicorn.
pub fn python() -> Result<PathBuf> {
    let folder = command::target()?.join("tools/unicorn");
    let python = folder.join("bin/python");
    let ask = "import unicorn; print(unicorn.__version__)";
    let there =
        capture(Command::new(&python).args(["-c", ask])).is_ok_and(|said| said.trim() == UNICORN);
    if !there {
        println!("installing unicorn {UNICORN}");
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
        let installed = Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("unicorn=={UNICORN}"))
            .status();
        if ![made, installed].into_iter().all(|ran| ran.is_ok_and(|status| status.success())) {
            bail!(Missing("unicorn (PyPI) and venv (Debian: python3-venv)".to_owned()));
        }
    }
    Ok(python)
}
