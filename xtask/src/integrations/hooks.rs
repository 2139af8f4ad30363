//! The hooks, run by pre-commit itself on a repository with drivers.

use super::{Ran, drivers, path_with};
use crate::command::{self, Missing, capture, root};
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The pre-commit that is installed where none of ours is there.
const PRE_COMMIT: &str = "4.7.0";

pub fn check() -> Result<()> {
    command::need(&[("git", "git"), ("bash", "bash"), ("python3", "python3")])?;
    let program = super::program()?;
    let hooks = Hooks {
        pre_commit: pre_commit()?,
        home: tempfile::tempdir()?,
        path: path_with(program.parent().unwrap_or(&program))?,
    };
    for id in ["ringfence-system", "ringfence"] {
        let repository = tempfile::tempdir()?;
        let folder = repository.path();
        capture(Command::new("git").args(["init", "--quiet"]).current_dir(folder))?;
        let [bad, clean] = drivers();
        fs::write(folder.join("notes.txt"), "no driver")?;
        fs::copy(&clean, folder.join("fine driver.SYS"))?;
        hooks.run(folder, id)?.expect(0, &["Passed"])?;
        fs::copy(&bad, folder.join("bad.sys"))?;
        let line = "bad.sys+50af: error[executable-pool-type]";
        hooks.run(folder, id)?.expect(1, &["Failed", "exit code: 1", line, "2 drivers"])?;
    }
    for id in ["ringfence-lint-system", "ringfence-lint"] {
        lint(&hooks, id)?;
    }
    println!("hooks: all pass and fail where they are to, under pre-commit {PRE_COMMIT}");
    Ok(())
}

/// A hook that looks at source, which what is built by and includes it is looked at with.
fn lint(hooks: &Hooks, id: &str) -> Result<()> {
    let repository = tempfile::tempdir()?;
    let folder = repository.path();
    capture(Command::new("git").args(["init", "--quiet"]).current_dir(folder))?;
    fs::write(folder.join("notes.txt"), "ExAllocatePool(NonPagedPool, 1);")?;
    fs::write(folder.join("fine.c"), "void *f(void) { return ExAllocatePool(PagedPool, 1); }\n")?;
    hooks.run(folder, id)?.expect(0, &["Passed"])?;
    let bad = "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePool(NonPagedPool, 1); }\n";
    fs::write(folder.join("bad file.CPP"), bad)?;
    let line = "bad file.CPP:2:39: error[executable-pool-type]";
    hooks.run(folder, id)?.expect(1, &["Failed", "exit code: 1", line, "2 files"])
}

struct Hooks {
    pre_commit: PathBuf,
    /// Where it keeps its copies of repositories.
    home: tempfile::TempDir,
    path: std::ffi::OsString,
}

impl Hooks {
    /// Adds all files of a repository and runs one of our hooks on them, as it is in this tree.
    fn run(&self, folder: &Path, id: &str) -> Result<Ran> {
        capture(Command::new("git").args(["add", "--all"]).current_dir(folder))?;
        let mut command = Command::new(&self.pre_commit);
        command
            .arg("try-repo")
            .arg(root())
            .args([id, "--all-files", "--color", "never"])
            .current_dir(folder)
            .env("PRE_COMMIT_HOME", self.home.path())
            .env("PATH", &self.path)
            .env("CARGO_TARGET_DIR", command::target()?.join("integrations"));
        super::quick_release(&mut command);
        Ran::of(&mut command)
    }
}

/// pre-commit in an environment of its own.
fn pre_commit() -> Result<PathBuf> {
    let folder = super::tools("pre-commit")?;
    let program = folder.join("bin/pre-commit");
    if !command::available(&program.to_string_lossy()) {
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let installed = Command::new(folder.join("bin/python"))
            .args(pip)
            .arg(format!("pre-commit=={PRE_COMMIT}"))
            .status();
        if ![made, installed].into_iter().all(|ran| ran.is_ok_and(|status| status.success())) {
            bail!(Missing("pre-commit (PyPI) and venv (Debian: python3-venv)".to_owned()));
        }
    }
    Ok(program)
}
