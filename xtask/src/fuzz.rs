//! Runs the fuzz targets of `fuzz/` for a while, from seeds that the fixtures make.

mod output;
mod seeds;

use crate::command;
use anyhow::{Context, Result, bail, ensure};
use output::{Outcome, follow};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The fuzz targets, as `fuzz/Cargo.toml` names them.
const TARGETS: [&str; 11] = [
    "image", "examine", "code", SYMBOLS, SETTINGS, RECORDED, PROJECTS, LINT, MACHINE, "verify",
    IMPORT,
];
/// Those whose inputs are no drivers.
const SYMBOLS: &str = "symbols";
const SETTINGS: &str = "settings";
const RECORDED: &str = "recorded";
const PROJECTS: &str = "projects";
const LINT: &str = "lint";
const MACHINE: &str = "machine";
const IMPORT: &str = "import";
/// The version everybody runs, so that a failure is nobody's alone.
const CARGO_FUZZ: &str = "0.13.2";
/// Longest input in bytes; larger ones are slow and find nothing that a small one does not.
const LONGEST: usize = 32 << 10;
/// Longest tree that is linted, which is done some ten times with each: no lint of it may take a second.
const LONGEST_TREE: usize = 4 << 10;

/// How long to fuzz what.
#[derive(clap::Args)]
pub struct Arguments {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target
    #[arg(long, value_parser = TARGETS)]
    target: Option<String>,
    /// Try this input once instead, such as one that failed
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Fail where there is no nightly toolchain, instead of being left out
    #[arg(long)]
    require: bool,
}

/// Builds the targets, writes their seeds and runs one after the other.
pub fn run(arguments: &Arguments) -> Result<()> {
    if command::capture(&mut nightly("rustc", &["--version"])).is_err() {
        let missing = "a nightly toolchain (rustup toolchain install nightly --profile minimal)";
        ensure!(!arguments.require, "nothing was fuzzed: this needs {missing}");
        bail!(command::Missing(missing.to_owned()));
    }
    let fuzz = cargo_fuzz()?;
    let chosen =
        TARGETS.iter().filter(|name| arguments.target.as_deref().is_none_or(|one| one == **name));
    let mut failures = Vec::new();
    for target in chosen {
        let outcome = match &arguments.input {
            Some(input) => start(&fuzz, target, Some(&std::path::absolute(input)?), None)?,
            None => {
                let corpus = command::root().join("fuzz/corpus").join(target);
                let seeds = match *target {
                    SYMBOLS => seeds::write_pdbs(&corpus, LONGEST)?,
                    SETTINGS => seeds::write_settings(&corpus)?,
                    RECORDED => seeds::write_reports(&corpus, LONGEST)?,
                    PROJECTS => seeds::write_projects(&corpus)?,
                    LINT => seeds::write_trees(&corpus, LONGEST_TREE)?,
                    IMPORT => seeds::write_imports(&corpus)?,
                    MACHINE => seeds::write_machine_code(&corpus)?,
                    _ => seeds::write(&corpus, LONGEST)?,
                };
                println!("{target}: {seeds} seeds, {} s …", arguments.seconds);
                start(&fuzz, target, None, Some(arguments.seconds))?
            }
        };
        println!("{target}: {outcome}");
        failures.extend(outcome.failure.map(|failure| format!("{target} failed:{failure}")));
    }
    let again = "cargo xtask fuzz --target NAME --input FILE tries an input again";
    ensure!(failures.is_empty(), "{}\n{again}", failures.join("\n"));
    Ok(())
}

/// A program of the nightly toolchain, without what the running cargo left for its children.
fn nightly(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]).args(arguments);
    for name in ["CARGO", "CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN", "RUSTFLAGS"] {
        command.env_remove(name);
    }
    command
}

/// Where cargo-fuzz is; installs it below the target directory first where it is not.
fn cargo_fuzz() -> Result<PathBuf> {
    let tools = target_directory()?.join("tools");
    let program = tools.join("bin/cargo-fuzz");
    let there = command::capture(Command::new(&program).arg("--version"))
        .is_ok_and(|version| version.contains(CARGO_FUZZ));
    if !there {
        println!("installing cargo-fuzz {CARGO_FUZZ}");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let what = ["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--quiet"];
        command::run(Command::new(cargo).args(what).arg("--root").arg(tools))?;
    }
    Ok(program)
}

/// The workspace's target directory.
fn target_directory() -> Result<PathBuf> {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(std::path::absolute(folder.unwrap_or_else(|| command::root().join("target")))?)
}

/// Builds `target`, runs it, on one input or for some seconds, and reads what it says.
fn start(fuzz: &Path, target: &str, input: Option<&Path>, seconds: Option<u32>) -> Result<Outcome> {
    let program = fuzz.to_str().context("the target directory is no text")?;
    // Nothing here is unsafe but object's checked casts, and without a sanitizer twice as many
    // inputs are tried. So they are without a look at each comparison, whose constants the seeds hold
    // already. Overflow checks and debug assertions stay on.
    let options = ["run", "--sanitizer", "none", "--no-trace-compares", "--target-dir"];
    let mut command = nightly(program, &options);
    command.arg(target_directory()?.join("fuzz")).arg(target).args(input).arg("--");
    command
        .args(seconds.map(|seconds| format!("-max_total_time={seconds}")))
        .arg(format!("-max_len={}", if target == LINT { LONGEST_TREE } else { LONGEST }))
        .args(["-rss_limit_mb=1024", "-timeout=5", "-print_final_stats=1"])
        .current_dir(command::root())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let Some(said) = child.stderr.take() else { bail!("{command:?} says nothing") };
    let log = target_directory()?.join(format!("fuzz/{target}.log"));
    let outcome = follow(said, &log)?;
    let status = child.wait()?;
    if !status.success() && outcome.failure.is_none() {
        bail!("{command:?} ended with {status}; what it said is in {}", log.display());
    }
    Ok(outcome)
}
