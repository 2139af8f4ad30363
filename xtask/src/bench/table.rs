//! What the bench reports: rows with ratios and targets, as text and as JSON.

use super::meter::{Sample, median};
use serde::Serialize;
use std::fmt::Write as _;

/// What a ratio should be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn met(self, ratio: f64) -> bool {
        match self {
            Target::AtMost(limit) => ratio <= limit,
            Target::AtLeast(limit) => ratio >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Target::AtMost(limit) => format!("<= {limit:.2}"),
            Target::AtLeast(limit) => format!(">= {limit:.2}"),
        }
    }
}

/// A row compared with another.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// What is compared with what.
    pub of: String,
    /// The median over the rounds.
    pub value: f64,
    /// The smallest and the largest of the rounds.
    pub range: (f64, f64),
    pub target: Option<Target>,
    pub met: Option<bool>,
}

impl Ratio {
    /// The ratio of each round, so that what slows a round down slows both sides.
    pub fn new(of: &str, rounds: &[f64], target: Option<Target>) -> Ratio {
        let value = median(rounds.iter().copied());
        let smallest = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = rounds.iter().copied().fold(0.0, f64::max);
        let met = target.map(|target| target.met(value));
        Ratio { of: of.to_owned(), value, range: (smallest, largest), target, met }
    }
}

/// One thing that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub drivers: usize,
    pub bytes: u64,
    pub drivers_per_second: f64,
    pub megabytes_per_second: f64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_mib: f64,
    pub ratios: Vec<Ratio>,
    pub samples: Vec<Sample>,
}

impl Row {
    pub fn new(name: &str, drivers: usize, bytes: u64, samples: &[Sample]) -> Row {
        let seconds = median(samples.iter().map(|sample| sample.seconds));
        // GNU time counts hundredths, so the mean of many says more than the median.
        let cpu = samples.iter().map(|sample| sample.cpu_seconds).sum::<f64>();
        Row {
            name: name.to_owned(),
            drivers,
            bytes,
            drivers_per_second: drivers as f64 / seconds,
            megabytes_per_second: bytes as f64 / 1e6 / seconds,
            seconds,
            cpu_seconds: cpu / samples.len().max(1) as f64,
            peak_mib: median(samples.iter().map(|sample| sample.peak_kib as f64 / 1024.0)),
            ratios: Vec::new(),
            samples: samples.to_vec(),
        }
    }
}

/// All rows, with a heading.
#[derive(Debug, Serialize)]
pub struct Table {
    pub rows: Vec<Row>,
}

impl Table {
    pub fn text(&self) -> String {
        let mut text = format!(
            "{:<34}{:>10}{:>8}{:>9}{:>8}{:>10}\n",
            "", "files/s", "MB/s", "seconds", "CPU s", "peak MiB"
        );
        for row in &self.rows {
            let _ = writeln!(
                text,
                "{:<34}{:>10.0}{:>8.0}{:>9.3}{:>8.3}{:>10.1}",
                row.name,
                row.drivers_per_second,
                row.megabytes_per_second,
                row.seconds,
                row.cpu_seconds,
                row.peak_mib
            );
        }
        let _ = writeln!(text, "\n{:<58}{:>7}{:>16}{:>11}", "ratio", "median", "range", "target");
        for (row, ratio) in
            self.rows.iter().flat_map(|row| row.ratios.iter().map(move |r| (row, r)))
        {
            let (smallest, largest) = ratio.range;
            let _ = write!(
                text,
                "{:<58}{:>7.2}{:>16}",
                format!("{}: {}", row.name, ratio.of),
                ratio.value,
                format!("{smallest:.2}..{largest:.2}")
            );
            if let (Some(target), Some(met)) = (ratio.target, ratio.met) {
                let _ =
                    write!(text, "{:>11}  {}", target.text(), if met { "met" } else { "missed" });
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_with_each_ratio() {
        let sample = Sample { seconds: 0.5, cpu_seconds: 0.25, peak_kib: 2048 };
        let mut row = Row::new("ringfence", 100, 50_000_000, &[sample; 3]);
        row.ratios.push(Ratio::new("time of floor", &[1.4, 1.2, 1.1], Some(Target::AtMost(1.3))));
        row.ratios.push(Ratio::new("speed of peer", &[0.9], Some(Target::AtLeast(1.0))));
        row.ratios.push(Ratio::new("size of peer", &[2.0], None));
        let text = Table { rows: vec![row] }.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[1],
            "ringfence                                200     100    0.500   0.250       2.0"
        );
        assert!(lines[4].ends_with("1.20      1.10..1.40    <= 1.30  met"), "{}", lines[4]);
        assert!(lines[5].ends_with("0.90      0.90..0.90    >= 1.00  missed"), "{}", lines[5]);
        assert!(lines[6].ends_with("2.00      2.00..2.00"), "{}", lines[6]);
    }
}
