//! Sources of real drivers, listed in `corpus/source.toml`: fetched from the package registries, then linted, and each
//! finding compared with what a person found there.

mod compare;
mod expectations;
mod sites;
mod unpack;

use crate::command::{capture, install_missing, root, run as run_command, target};
use crate::corpus::Fetcher;
use anyhow::{Context, Result, bail, ensure};
use compare::{Difference, Outcome};
use expectations::{Answer, Expectations, SourcePackage};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo xtask lint-corpus` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only hold corpus/source.toml to the sources
    #[arg(long, conflicts_with = "program")]
    no_lint: bool,
    /// Let this ringfence lint, in place of one that is built for it
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Fetches the sources, lints them and compares.
pub fn run(arguments: &Arguments) -> Result<()> {
    let expectations = Expectations::load(&root().join("corpus/source.toml"))?;
    let (folders, missing) = fetch(&expectations)?;
    let mut complaints = 0;
    for (package, folder) in &folders {
        for complaint in sites::complaints(package, folder)? {
            println!("{}: {complaint}", package.name);
            complaints += 1;
        }
    }
    ensure!(complaints == 0, "{complaints} lines of corpus/source.toml do not fit the sources");
    let lines = folders.iter().flat_map(|(package, _)| &package.calls);
    let lines: usize = lines.map(|call| call.lines.len()).sum();
    println!("{} packages: all {lines} lines that are listed are there", folders.len());
    if !arguments.no_lint {
        let program = match &arguments.program {
            Some(program) => std::path::absolute(program)?,
            None => build()?,
        };
        compare(&program, &folders)?;
    }
    ensure!(missing == 0, "packages not had: {missing}");
    Ok(())
}

/// A file of C or C++ of which every call is listed.
pub struct Source {
    /// The package, and the path in it.
    pub name: PathBuf,
    pub path: PathBuf,
}

/// All of them, fetched as far as they were not there and can be had.
pub fn sources() -> Result<Vec<Source>> {
    let expectations = Expectations::load(&root().join("corpus/source.toml"))?;
    let (folders, _) = fetch(&expectations)?;
    let mut sources = Vec::new();
    for (package, folder) in folders {
        for file in sites::files(&folder)? {
            let c = [".c", ".h", ".cpp"].iter().any(|ending| file.ends_with(ending));
            if c && package.covers(&file)? {
                let (name, path) = (Path::new(&package.name).join(&file), folder.join(&file));
                sources.push(Source { name, path });
            }
        }
    }
    Ok(sources)
}

type Folders<'a> = Vec<(&'a SourcePackage, PathBuf)>;

/// Also returns how many packages could not be had: one registry may be out of reach where the others are not.
fn fetch(expectations: &Expectations) -> Result<(Folders<'_>, usize)> {
    let missing = install_missing(&[("pip3", "python3-pip"), ("tar", "tar"), ("xz", "xz-utils")])?;
    if !missing.is_empty() {
        return Err(crate::command::Missing(missing.join(", ")).into());
    }
    let cache = target()?.join("corpus");
    let parent = cache.join("source");
    fs::create_dir_all(&parent)?;
    let mut fetcher = Fetcher::new(&cache)?;
    let (mut folders, mut failed) = (Vec::new(), 0);
    for package in &expectations.packages {
        let archive = fetcher.package(&package.package());
        match archive.and_then(|archive| unpack::unpacked(package, &archive, &parent)) {
            Ok(folder) => folders.push((package, folder)),
            Err(error) => {
                println!("{} {}: {error:#}", package.name, package.version);
                failed += 1;
            }
        }
    }
    Ok((folders, failed))
}

/// Builds ringfence as it is shipped.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--quiet", "--release", "--package", "ringfence-cli"];
    let target = target()?;
    run_command(
        Command::new(cargo).args(build).current_dir(root()).env("CARGO_TARGET_DIR", &target),
    )?;
    Ok(target.join("release/ringfence"))
}

fn compare(program: &Path, folders: &Folders<'_>) -> Result<()> {
    capture(Command::new(program).args(["lint", "--help"]))
        .context("this ringfence has no lint")?;
    let mut all = Outcome::default();
    for (package, folder) in folders {
        let findings = compare::findings(&lint(program, folder)?)
            .with_context(|| format!("what is said of {}", package.name))?;
        let outcome = compare::compare(package, &findings)?;
        println!("{}: {}", package.name, scores(&outcome));
        let within = |difference: Difference| Difference {
            place: format!("{}/{}", package.name, difference.place),
            ..difference
        };
        all.differences.extend(outcome.differences.into_iter().map(within));
        for (answer, (count, right)) in outcome.calls {
            let (counts, rights) = all.calls.entry(answer).or_default();
            *counts += count;
            *rights += right;
        }
        all.elsewhere += outcome.elsewhere;
    }
    println!("in all: {}", scores(&all));
    if all.differences.is_empty() {
        println!("every finding is an expected one, and every expected one is there");
        return Ok(());
    }
    print!("{}", compare::table(&all.differences));
    bail!("{} differences from corpus/source.toml", all.differences.len());
}

/// `violation 3 of 4, fine 20 of 20; 2 findings in files that are not covered`
fn scores(outcome: &Outcome) -> String {
    let score = |(answer, (count, right)): (&Answer, &(usize, usize))| {
        format!("{answer} {right} of {count}")
    };
    let scores: Vec<_> = outcome.calls.iter().map(score).collect();
    let elsewhere = match outcome.elsewhere {
        0 => String::new(),
        count => format!("; {count} findings in files that are not covered"),
    };
    scores.join(", ") + &elsewhere
}

/// The JSON lines that ringfence prints about the sources in `folder`.
fn lint(program: &Path, folder: &Path) -> Result<String> {
    let mut command = Command::new(program);
    command.args(["lint", "--isolated", "--format", "jsonl", "--show", "all", "."]);
    command.current_dir(folder);
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    // 1 says that something was found, which is no failure.
    let said = String::from_utf8_lossy(&output.stderr);
    let fine = output.status.code().is_some_and(|code| code <= 1);
    ensure!(fine, "{command:?} ended with {}: {}", output.status, said.trim());
    String::from_utf8(output.stdout).context("the lint is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn scores_add_up() {
        let outcome = Outcome {
            calls: BTreeMap::from([(Answer::Violation, (4, 3)), (Answer::NotCompiled, (1, 1))]),
            elsewhere: 2,
            ..Outcome::default()
        };
        assert_eq!(
            scores(&outcome),
            "violation 3 of 4, not compiled 1 of 1; 2 findings in files that are not covered"
        );
    }
}
