//! What writing each report costs, for many drivers of which most have something to tell.

use super::meter::{Contestant, Meter, line};
use super::table::{Ratio, Row, Target};
use anyhow::{Context, Result, ensure};
use ringfence::report::Format;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Drivers that are told.
const DRIVERS: usize = 5000;
/// Processor seconds that a report may add to the scan, and MiB that the process may take.
const MOST_SECONDS: f64 = 1.0;
const MOST_MIB: f64 = 300.0;

/// Scans the same drivers without a report, and with each format's.
pub fn measure(
    meter: &Meter,
    (ringfence, folder, real): (&Path, &Path, &Path),
    rounds: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let drivers = Drivers::link(&folder.join("reports"), real)?;
    let scan = |report: Option<Format>| -> Vec<OsString> {
        let mut line = line![ringfence, "scan", "--format", "summary", &drivers.folder];
        if let Some(format) = report {
            let mut file = OsString::from(format!("{format}="));
            file.push(folder.join(format!("report.{format}")));
            line.extend(["--report".into(), file]);
        }
        line
    };
    let mut contestants = vec![Contestant::new("summary of many", scan(None))];
    let files = Format::ALL.map(|format| Contestant::new(format.name(), scan(Some(format))));
    contestants.extend(files);
    println!("timing {} reports on {DRIVERS} drivers", contestants.len());
    let samples = meter.rounds(&contestants, rounds)?;
    for (contestant, samples_of_one) in contestants.iter().zip(&samples) {
        let mut row = Row::new(contestant.name, DRIVERS, drivers.bytes, samples_of_one);
        if !std::ptr::eq(contestant, &contestants[0]) {
            let pairs = samples_of_one.iter().zip(&samples[0]);
            let more: Vec<f64> =
                pairs.map(|(with, without)| with.cpu_seconds - without.cpu_seconds).collect();
            let peaks: Vec<f64> =
                samples_of_one.iter().map(|sample| sample.peak_kib as f64 / 1024.0).collect();
            row.name = format!("the same, and {}", contestant.name);
            row.ratios = vec![
                Ratio::new("processor seconds more", &more, Some(Target::AtMost(MOST_SECONDS))),
                Ratio::new("MiB at most", &peaks, Some(Target::AtMost(MOST_MIB))),
            ];
        }
        rows.push(row);
    }
    Ok(())
}

struct Drivers {
    folder: PathBuf,
    bytes: u64,
}

impl Drivers {
    /// The example drivers and the real ones, over and over under other names.
    fn link(folder: &Path, real: &Path) -> Result<Drivers> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let mut files = Vec::new();
        for source in [&crate::command::root().join("examples/drivers"), real] {
            for entry in fs::read_dir(source).with_context(|| source.display().to_string())? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "sys") {
                    files.push(path);
                }
            }
        }
        files.sort();
        ensure!(!files.is_empty(), "there are no drivers to tell of");
        let mut bytes = 0;
        for index in 0..DRIVERS {
            let file = &files[index % files.len()];
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let link = folder.join(format!("{stem}-{index:04}.sys"));
            if fs::hard_link(file, &link).is_err() {
                fs::copy(file, &link)?;
            }
            bytes += fs::metadata(file)?.len();
        }
        Ok(Drivers { folder: folder.to_owned(), bytes })
    }
}
