//! Everything by which ringfence gets into builds and shells, used as its users use it.

mod action;
mod cmake;
mod hooks;
mod msbuild;
mod shells;

use crate::command::{self, capture, root};
use anyhow::{Context, Result, ensure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is tried.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only this one
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Completions in bash, zsh and fish, and the manual pages
    Shells,
    /// The GitHub Action: its schema, and its steps one after the other
    Action,
    /// The hooks of pre-commit
    Hooks,
    /// The CMake module
    Cmake,
    /// The MSBuild targets, by mono's xbuild
    Msbuild,
}

/// Tries one of them, or all.
pub fn run(arguments: &Arguments) -> Result<()> {
    let all = <Part as clap::ValueEnum>::value_variants();
    for part in all.iter().filter(|part| arguments.only.is_none_or(|only| only == **part)) {
        match part {
            Part::Shells => shells::check()?,
            Part::Action => action::check()?,
            Part::Hooks => hooks::check()?,
            Part::Cmake => cmake::check()?,
            Part::Msbuild => msbuild::check()?,
        }
    }
    Ok(())
}

/// The program as `cargo build` makes it.
fn program() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--quiet", "--package", "ringfence-cli"];
    command::run(Command::new(cargo).args(build).current_dir(root()))?;
    Ok(command::target()?.join("debug/ringfence"))
}

/// A driver that Driver Verifier would stop, and one that nothing is wrong with.
fn drivers() -> [PathBuf; 2] {
    ["executable-pool-x64.sys", "clean-x64.sys"]
        .map(|name| root().join("examples/drivers").join(name))
}

/// How a command ended, and all that it printed.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    said: String,
}

impl Ran {
    fn of(command: &mut Command) -> Result<Ran> {
        let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
        let said = [output.stdout, output.stderr].concat();
        Ok(Ran { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() })
    }

    /// Fails where it ended otherwise, or did not say one of the texts.
    fn expect(&self, code: i32, texts: &[&str]) -> Result<()> {
        ensure!(self.code == Some(code), "ended with {:?}, not {code}:\n{}", self.code, self.said);
        for text in texts {
            ensure!(self.said.contains(text), "does not say `{text}`:\n{}", self.said);
        }
        Ok(())
    }
}

/// Has what `command` builds in release mode built as quickly as it can be; how fast it runs is not asked.
fn quick_release(command: &mut Command) {
    command
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
}

/// A folder of ours below the target directory, for tools that are installed once.
fn tools(name: &str) -> Result<PathBuf> {
    Ok(command::target()?.join("tools").join(name))
}

/// `PATH` with `folder` before all others.
fn path_with(folder: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}

/// What a shell prints for a script; an error carries what it complained of.
fn shell<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Result<String> {
    capture(Command::new(name).args(arguments))
}
