//! Runs the parts of a check one after the other, each within a budget of time.

use anyhow::{Context, Result, bail};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The exit code of a task that was left out for want of something it needs.
pub const LEFT_OUT: u8 = 77;

/// How a stage ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    LeftOut,
}

/// One part of a check.
pub struct Stage {
    /// What it is called in the output.
    pub name: &'static str,
    /// The longest it may take, in seconds; several times what it takes on two cores.
    pub budget: u64,
    /// What is run.
    pub command: Command,
}

impl Stage {
    /// A stage that runs `program` with `arguments` at the root of the repository.
    pub fn new(name: &'static str, budget: u64, program: &str, arguments: &[&str]) -> Stage {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(crate::command::root());
        Stage { name, budget, command }
    }

    /// A stage that runs cargo.
    pub fn cargo(name: &'static str, budget: u64, arguments: &[&str]) -> Stage {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        Stage::new(name, budget, &cargo, arguments)
    }

    /// A stage that is another task of this program. It runs in a process of its own, so that its
    /// budget can be held.
    pub fn task(name: &'static str, budget: u64, arguments: &[&str]) -> Result<Stage> {
        let program = std::env::current_exe().context("cannot find this program")?;
        Ok(Stage::new(name, budget, &program.to_string_lossy(), arguments))
    }
}

/// Runs all stages, also after one has failed, and prints how long each took.
///
/// A stage that lacks what it needs is left out, and the last lines say so; under CI nothing may be.
pub fn run(stages: Vec<Stage>) -> Result<()> {
    run_all(stages, std::env::var_os("CI").is_some())
}

fn run_all(stages: Vec<Stage>, nothing_left_out: bool) -> Result<()> {
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for mut stage in stages {
        println!("== {}", stage.name);
        let start = Instant::now();
        let result = within_budget(&mut stage);
        let seconds = start.elapsed().as_secs();
        let word = match &result {
            Ok(Outcome::Passed) => "ok",
            Ok(Outcome::LeftOut) => "LEFT OUT",
            Err(_) => "FAILED",
        };
        lines.push(format!("{:<10} {word:<8} {seconds:>5} s of {} s", stage.name, stage.budget));
        if let Err(error) = &result {
            println!("== {}: {error:#}", stage.name);
        }
        if result.is_err()
            || (nothing_left_out && result.is_ok_and(|outcome| outcome == Outcome::LeftOut))
        {
            failed.push(stage.name);
        }
    }
    println!("{}", lines.join("\n"));
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn within_budget(stage: &mut Stage) -> Result<Outcome> {
    let command = &mut stage.command;
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let Some(status) = wait(&mut child, Duration::from_secs(stage.budget))? else {
        child.kill().context("cannot end it")?;
        child.wait()?;
        bail!("{command:?} took longer than its {} s", stage.budget);
    };
    match status.code() {
        Some(0) => Ok(Outcome::Passed),
        Some(code) if code == i32::from(LEFT_OUT) => Ok(Outcome::LeftOut),
        _ => bail!("{command:?} ended with {status}"),
    }
}

/// Waits for `child` to end; `None` when it has not within `limit`.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<std::process::ExitStatus>> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_may_be_left_out_but_not_under_ci() {
        let left_out = || vec![Stage::new("lacks", 5, "sh", &["-c", "exit 77"])];
        run_all(left_out(), false).unwrap();
        assert_eq!(run_all(left_out(), true).unwrap_err().to_string(), "failed: lacks");
    }

    #[test]
    fn a_stage_that_fails_or_hangs_fails_the_run() {
        let sleeps = || Stage::new("sleeps", 1, "sleep", &["30"]);
        let start = Instant::now();
        let error = run(vec![Stage::new("fails", 5, "false", &[]), sleeps()]).unwrap_err();
        assert_eq!(error.to_string(), "failed: fails, sleeps");
        assert!(start.elapsed() < Duration::from_secs(20));
        run(vec![Stage::new("passes", 5, "true", &[])]).unwrap();
    }
}
