//! What libFuzzer says while it runs, boiled down.

use anyhow::{Context, Result};
use std::fmt;
use std::fs::{File, create_dir_all};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// How a run ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Inputs tried.
    executions: u64,
    /// Branches of the code that some input took.
    coverage: u64,
    /// Inputs that each took a branch no other takes.
    corpus: u64,
    /// Why it failed, and with which input.
    pub failure: Option<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { executions, coverage, corpus, failure } = self;
        write!(f, "{executions} executions, coverage {coverage}, {corpus} inputs kept")?;
        if failure.is_some() { f.write_str(", FAILED") } else { Ok(()) }
    }
}

/// Reads all of `said`, writing it to `log` too.
pub fn follow(said: impl Read, log: &Path) -> Result<Outcome> {
    create_dir_all(log.parent().unwrap_or(log))?;
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut log = BufWriter::new(file);
    let mut outcome = Outcome::default();
    for line in BufReader::new(said).split(b'\n') {
        let line = line?;
        log.write_all(&line)?;
        log.write_all(b"\n")?;
        outcome.take(&String::from_utf8_lossy(&line));
    }
    log.flush()?;
    Ok(outcome)
}

impl Outcome {
    /// Progress looks like `#1024 NEW cov: 10 ft: 12 corp: 3/90b …`. A panic is told in two lines;
    /// what is not a panic begins with `ERROR`; the input comes last.
    fn take(&mut self, line: &str) {
        let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest.trim_start());
        let number = |mark: &str| {
            let digits = after(mark)?.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<u64>().ok()
        };
        if line.starts_with('#') {
            self.executions = number("#").unwrap_or(self.executions);
            self.coverage = number("cov:").unwrap_or(self.coverage);
            self.corpus = number("corp:").unwrap_or(self.corpus);
        } else if let Some(executions) = number("stat::number_of_executed_units:") {
            self.executions = executions;
        } else if line.contains(" panicked at ") || line.contains("ERROR: libFuzzer") {
            self.tell(line);
        } else if let Some(path) = after("Test unit written to ") {
            self.tell(&format!("the input is {path}"));
        } else if self.failure.as_deref().is_some_and(|told| told.ends_with(':')) {
            // The panic's own message.
            self.tell(line);
        }
    }

    fn tell(&mut self, line: &str) {
        let told = self.failure.get_or_insert_default();
        told.push_str("\n  ");
        told.push_str(line.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Outcome {
        let mut outcome = Outcome::default();
        lines.lines().for_each(|line| outcome.take(line));
        outcome
    }

    #[test]
    fn the_last_numbers_count() {
        let outcome = read(
            "INFO: seed corpus: files: 3 min: 1b max: 9b total: 12b rss: 40Mb\n\
             #4\tINITED cov: 7 ft: 8 corp: 2/4b exec/s: 0 rss: 40Mb\n\
             #2097152\tpulse  cov: 1024 ft: 9000 corp: 77/12Kb lim: 65536 exec/s: 9 rss: 90Mb\n\
             Done 2500000 runs in 61 second(s)\n\
             stat::number_of_executed_units: 2500000\n",
        );
        assert_eq!(outcome.to_string(), "2500000 executions, coverage 1024, 77 inputs kept");
    }

    #[test]
    fn a_panic_is_told_with_its_input() {
        let outcome = read(
            "thread '<unnamed>' panicked at crates/image/src/lib.rs:1:2:\n\
             index out of bounds\n\
             stack backtrace:\n\
             ==1== ERROR: libFuzzer: deadly signal\n\
             artifact_prefix='fuzz/artifacts/image/'; Test unit written to fuzz/artifacts/image/crash-1\n",
        );
        assert_eq!(
            outcome.failure.unwrap(),
            "\n  thread '<unnamed>' panicked at crates/image/src/lib.rs:1:2:\
             \n  index out of bounds\
             \n  ==1== ERROR: libFuzzer: deadly signal\
             \n  the input is fuzz/artifacts/image/crash-1"
        );
    }
}
