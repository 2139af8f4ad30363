//! Runs whole processes and measures them.

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// What one run took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// Seconds by the clock.
    pub seconds: f64,
    /// Seconds on a processor, of all threads and processes together.
    pub cpu_seconds: f64,
    /// The largest resident size of any of its processes.
    pub peak_kib: u64,
}

/// Something to measure: one process, or several at once.
pub struct Contestant {
    pub name: &'static str,
    lines: Vec<Vec<OsString>>,
    one_core: bool,
}

impl Contestant {
    pub fn new(name: &'static str, line: Vec<OsString>) -> Contestant {
        Contestant { name, lines: vec![line], one_core: false }
    }

    /// Held to a single core.
    pub fn on_one_core(self) -> Contestant {
        Contestant { one_core: true, ..self }
    }

    /// Together with another process.
    pub fn beside(mut self, line: Vec<OsString>) -> Contestant {
        self.lines.push(line);
        self
    }
}

/// `Vec<OsString>` from things of several types.
macro_rules! line {
    ($($part:expr),* $(,)?) => { vec![$(std::ffi::OsString::from($part)),*] };
}
pub(crate) use line;

/// Where the measurements of running processes go.
pub struct Meter(TempDir);

impl Meter {
    pub fn new() -> Result<Meter> {
        Ok(Meter(tempfile::tempdir()?))
    }

    /// Runs a contestant once.
    pub fn measure(&self, contestant: &Contestant) -> Result<Sample> {
        let start = Instant::now();
        let mut children = Vec::new();
        for (index, line) in contestant.lines.iter().enumerate() {
            let mut command = self.command(index, line, contestant.one_core);
            let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
            children.push((command, child));
        }
        for (command, child) in &mut children {
            let status = child.wait()?;
            // 1 says that a driver was found wanting, which is no failure.
            let fine = status.code().is_some_and(|code| code <= 1);
            ensure!(fine, "{command:?} ended with {status}");
        }
        let seconds = start.elapsed().as_secs_f64();
        let mut sample = Sample { seconds, cpu_seconds: 0.0, peak_kib: 0 };
        for index in 0..children.len() {
            let text = fs::read_to_string(self.file(index))?;
            let numbers: Vec<f64> = text.split_whitespace().flat_map(str::parse).collect();
            let [user, system, peak] = numbers[..] else {
                anyhow::bail!("GNU time wrote {text:?}")
            };
            sample.cpu_seconds += user + system;
            sample.peak_kib = sample.peak_kib.max(peak as u64);
        }
        Ok(sample)
    }

    /// GNU time measures memory, because nothing in the standard library does; its own size is
    /// below that of anything measured here.
    fn command(&self, index: usize, line: &[OsString], one_core: bool) -> Command {
        let mut command = Command::new("time");
        command.args(["--quiet", "--format", "%U %S %M", "--output"]).arg(self.file(index));
        if one_core {
            command.args(["taskset", "--cpu-list", "0"]);
        }
        command.args(line).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn file(&self, index: usize) -> std::path::PathBuf {
        self.0.path().join(index.to_string())
    }

    /// Runs all contestants in turn, several times over; the samples by contestant.
    ///
    /// A first round only fills caches. Every other round goes backwards, so that none always
    /// follows the same one.
    pub fn rounds(&self, contestants: &[Contestant], rounds: usize) -> Result<Vec<Vec<Sample>>> {
        let mut samples = vec![Vec::new(); contestants.len()];
        for round in 0..=rounds {
            let mut order: Vec<_> = (0..contestants.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let sample = self.measure(&contestants[index])?;
                if round > 0 {
                    samples[index].push(sample);
                }
            }
        }
        Ok(samples)
    }
}

/// The median; 0 of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median([]), 0.0);
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
