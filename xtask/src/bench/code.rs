//! The full static scan of drivers with much code, beside merely decoding that code.

use super::large;
use super::meter::{Contestant, Meter, Sample, line, median};
use super::table::{Ratio, Row, Target};
use crate::code::large_driver;
use anyhow::{Context, Result, ensure};
use ringfence_image::{Image, Machine};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Functions of each generated driver; a thousand are some 370 KB of code.
const GENERATED: [u32; 3] = [650, 1_000, 1_500];
/// The least code of a driver that is measured, in bytes.
const LEAST_CODE: u64 = 200_000;
/// Each driver is measured so many times over, each copy with another time in its header: equal
/// files would be examined once.
const COPIES: u32 = 24;
/// How much faster than bare decoding a scan should be. It looks at few instructions, so it can be.
const GOAL: f64 = 1.2;
/// The least code of a real driver that is measured alone, in bytes: of less, the start of the process is most of it.
const LEAST_CODE_ALONE: u64 = 20_000;
/// Milliseconds for a million bytes of code that the slowest driver may take, and MiB beside its file that any may.
const MOST_TIME: f64 = 100.0;
const MOST_MEMORY: f64 = 32.0;

/// The drivers that are measured, gone when this is dropped.
struct Drivers {
    folder: TempDir,
    count: usize,
    bytes: u64,
    code: u64,
}

/// Times both and adds their rows.
pub fn measure(
    meter: &Meter,
    (ringfence, decode): (&Path, &Path),
    (parent, real): (&Path, &Path),
    rounds: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let real = real_drivers(real)?;
    let mut drivers = Drivers::none(parent)?;
    for file in generated(&parent.join("large"))?.iter().chain(&real) {
        drivers.add(file, LEAST_CODE)?;
    }
    ensure!(drivers.count > 0, "no driver has {LEAST_CODE} bytes of code");
    let folder = drivers.folder.path();
    let contestants = [
        scan("scan of much code, 1 core", ringfence, folder),
        Contestant::new("bare decoding of it, 1 core", line![decode, folder]).on_one_core(),
    ];
    println!("timing drivers with much code: {} of {} bytes", drivers.count, drivers.bytes);
    let samples = meter.rounds(&contestants, rounds)?;
    let first = rows.len();
    for (contestant, samples) in contestants.iter().zip(&samples) {
        rows.push(Row::new(contestant.name, drivers.count, drivers.bytes, samples));
    }
    let pairs = samples[0].iter().zip(&samples[1]);
    let ratios: Vec<_> = pairs.map(|(scan, bare)| bare.seconds / scan.seconds).collect();
    let goal = Some(Target::AtLeast(GOAL));
    rows[first].ratios.push(Ratio::new("speed, of bare decoding", &ratios, goal));
    alone(meter, ringfence, (parent, &real), rounds, rows)
}

/// A scan of a folder on one core, of all that needs no digest.
fn scan(name: &'static str, ringfence: &Path, folder: &Path) -> Contestant {
    let quietly = ["--threads", "1", "--no-hash", "--format", "summary"];
    let mut scan = line![ringfence, "scan"];
    scan.extend(quietly.map(Into::into));
    scan.push(folder.into());
    Contestant::new(name, scan).on_one_core()
}

/// Times each real driver alone, and adds a row of the one that takes longest for its code.
fn alone(
    meter: &Meter,
    ringfence: &Path,
    (parent, real): (&Path, &[PathBuf]),
    rounds: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    println!("timing each of the real drivers by itself");
    let mut slowest: Option<(f64, Row, String)> = None;
    let mut peaks = Vec::new();
    for file in real {
        let mut drivers = Drivers::none(parent)?;
        drivers.add(file, LEAST_CODE_ALONE)?;
        if drivers.count == 0 {
            continue;
        }
        let contestant = scan("slowest driver for its code", ringfence, drivers.folder.path());
        let samples = meter.rounds(&[contestant], rounds)?.remove(0);
        let code = drivers.code as f64 / 1e6;
        let times = samples.iter().map(|sample| 1000.0 * sample.seconds / code);
        let times: Vec<f64> = times.collect();
        let size = drivers.bytes as f64 / drivers.count as f64;
        let beside = |sample: &Sample| (sample.peak_kib as f64 * 1024.0 - size) / (1 << 20) as f64;
        peaks.push(median(samples.iter().map(beside)));
        let time = median(times.iter().copied());
        if slowest.as_ref().is_none_or(|(most, ..)| time > *most) {
            let mut row =
                Row::new("slowest driver for its code", drivers.count, drivers.bytes, &samples);
            let most = Some(Target::AtMost(MOST_TIME));
            row.ratios.push(Ratio::new("ms for each MB of that", &times, most));
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            slowest = Some((time, row, name));
        }
    }
    let Some((_, mut row, name)) = slowest else { return Ok(()) };
    println!("of {} the slowest is {name}", peaks.len());
    let most = peaks.into_iter().fold(0.0, f64::max);
    let target = Some(Target::AtMost(MOST_MEMORY));
    row.ratios.push(Ratio::new("MiB beside the file, at most", &[most], target));
    rows.push(row);
    Ok(())
}

fn real_drivers(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        files.map(|file| Ok(file?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    Ok(files)
}

impl Drivers {
    fn none(parent: &Path) -> Result<Drivers> {
        let folder = tempfile::Builder::new().prefix("code-").tempdir_in(parent)?;
        Ok(Drivers { folder, count: 0, bytes: 0, code: 0 })
    }

    /// Adds copies of `file` if it is for x64 and has so much code at least.
    fn add(&mut self, file: &Path, least: u64) -> Result<()> {
        let mut bytes = fs::read(file)?;
        let Ok(image) = Image::read(&bytes) else { return Ok(()) };
        let code = image.sections().iter().filter(|section| section.is_executable());
        let code: u64 = code.map(|section| u64::from(section.raw_size())).sum();
        if image.machine() != Machine::X64 || code < least {
            return Ok(());
        }
        let header = image.headers().signature.0 as usize;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for copy in 0..COPIES {
            // TimeDateStamp stands eight bytes behind the signature.
            bytes[header + 8..header + 12].copy_from_slice(&copy.to_le_bytes());
            fs::write(self.folder.path().join(format!("{copy}-{name}")), &bytes)?;
            self.count += 1;
            self.bytes += bytes.len() as u64;
            self.code += code;
        }
        Ok(())
    }
}

/// The generated drivers, compiled unless an earlier run has left them there.
fn generated(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut files = Vec::new();
    for (seed, functions) in (1..).zip(GENERATED) {
        let source = folder.join(format!("large-{functions}.c"));
        let driver = source.with_extension("sys");
        let text = large::driver(seed, functions);
        let there = driver.exists() && fs::read_to_string(&source).is_ok_and(|old| old == text);
        if !there {
            println!("compiling {functions} functions");
            fs::write(&source, text)?;
            large_driver(folder, &source, &driver)?;
        }
        files.push(driver);
    }
    Ok(files)
}
