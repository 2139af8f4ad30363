//! The full static scan of drivers with much code, beside merely decoding that code.

use super::large;
use super::meter::{Contestant, Meter, line};
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

/// The drivers that are measured, gone when this is dropped.
struct Drivers {
    folder: TempDir,
    count: usize,
    bytes: u64,
}

/// Times both and adds their rows.
pub fn measure(
    meter: &Meter,
    (ringfence, decode): (&Path, &Path),
    (parent, real): (&Path, &Path),
    rounds: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let drivers = Drivers::write(parent, real)?;
    let folder = drivers.folder.path();
    let scan =
        line![ringfence, "scan", "--threads", "1", "--no-hash", "--format", "summary", folder];
    let contestants = [
        Contestant::new("scan of much code, 1 core", scan).on_one_core(),
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
    Ok(())
}

impl Drivers {
    fn write(parent: &Path, real: &Path) -> Result<Drivers> {
        let mut files = generated(&parent.join("large"))?;
        for entry in fs::read_dir(real).with_context(|| format!("{}", real.display()))? {
            files.push(entry?.path());
        }
        let folder = tempfile::Builder::new().prefix("code-").tempdir_in(parent)?;
        let mut drivers = Drivers { folder, count: 0, bytes: 0 };
        for file in files {
            drivers.add(&file)?;
        }
        ensure!(drivers.count > 0, "no driver has {LEAST_CODE} bytes of code");
        Ok(drivers)
    }

    /// Adds copies of `file` if it is for x64 and has enough code.
    fn add(&mut self, file: &Path) -> Result<()> {
        let mut bytes = fs::read(file)?;
        let Ok(image) = Image::read(&bytes) else { return Ok(()) };
        let code = image.sections().iter().filter(|section| section.is_executable());
        let code: u64 = code.map(|section| u64::from(section.raw_size())).sum();
        if image.machine() != Machine::X64 || code < LEAST_CODE {
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
