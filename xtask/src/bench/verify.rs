//! Drivers run up to the end of DriverEntry, beside speakeasy, on those that both run to it.

use super::meter::{Contestant, Meter, line, median};
use super::table::{Ratio, Target};
use crate::command::{capture, root, run};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version of speakeasy; its successor stops at the first cookie.
const SPEAKEASY: &str = "1.5.11";
/// What ringfence is to be beside it.
const GOAL: f64 = 200.0;
/// Rounds of ours for each driver; the other takes seconds for one.
const ROUNDS: &str = "21";

/// Seconds by driver, of those whose DriverEntry returned.
type Times = BTreeMap<String, f64>;

/// Runs the real drivers for x64 below `folder`, and the examples, and prints times and the ratio.
pub fn measure(folder: &Path, real: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let what = ["build", "--release", "--quiet", "-p", "xtask", "--bin", "enter"];
    run(Command::new(cargo).args(what).current_dir(root()))?;
    let program = crate::command::target()?.join("release/enter");
    let python = speakeasy(folder)?;
    let drivers = drivers(&[real.to_owned(), root().join("examples/drivers")])?;
    println!(
        "running {} drivers up to the end of DriverEntry, here and in speakeasy",
        drivers.len()
    );
    let ours = times(Command::new(&program).arg(ROUNDS).args(&drivers))?;
    let script = root().join("bench/speakeasy_enter.py");
    let theirs = times(Command::new(&python).arg(&script).args(&drivers))?;
    let both: Vec<_> = ours.keys().filter(|path| theirs.contains_key(*path)).collect();
    ensure!(!both.is_empty(), "there is no driver that both run");
    let sum = |times: &Times| both.iter().map(|path| times[*path]).sum::<f64>();
    let middle = |times: &Times| median(both.iter().map(|path| times[*path]));
    println!(
        "DriverEntry returns in {} of them here, in {} in speakeasy, in {} in both; of these:",
        ours.len(),
        theirs.len(),
        both.len()
    );
    // Once more without a clock, only over those that both run.
    let peaks = [
        peak("ringfence", line![&program, "1"], &both)?,
        peak("speakeasy", line![&python, &script], &both)?,
    ];
    println!("{:<12}{:>14}{:>14}{:>14}", "", "median ms", "drivers/s", "peak MiB");
    for ((name, times), peak) in [("ringfence", &ours), ("speakeasy", &theirs)].iter().zip(peaks) {
        let speed = both.len() as f64 / sum(times);
        println!("{name:<12}{:>14.3}{speed:>14.1}{peak:>14.1}", middle(times) * 1e3);
    }
    let ratio = Ratio::new("drivers/s", &[sum(&theirs) / sum(&ours)], Some(Target::AtLeast(GOAL)));
    let word = if ratio.met == Some(true) { "met" } else { "missed" };
    println!("drivers/s, of speakeasy: {:.0}, target >= {GOAL:.0}: {word}", ratio.value);
    Ok(())
}

/// The most memory, in MiB, of one process that runs drivers one after the other.
fn peak(name: &'static str, mut line: Vec<OsString>, drivers: &[&String]) -> Result<f64> {
    line.extend(drivers.iter().map(OsString::from));
    let sample = Meter::new()?.measure(&Contestant::new(name, line))?;
    Ok(sample.peak_kib as f64 / 1024.0)
}

/// The drivers in some folders.
fn drivers(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".sys") && name.contains("x64") {
                all.push(path);
            }
        }
    }
    all.sort();
    Ok(all)
}

/// What a program says of each driver: where DriverEntry returned.
fn times(command: &mut Command) -> Result<Times> {
    let said = capture(command)?;
    let mut times = Times::new();
    for line in said.lines() {
        // Whoever runs a driver may print something else as well.
        let mut words = line.rsplitn(3, ' ');
        let (Some(told), Some(seconds), Some(path)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if let Ok(seconds) = seconds.parse()
            && told != "-"
        {
            times.insert(path.to_owned(), seconds);
        }
    }
    Ok(times)
}

/// A Python with speakeasy.
fn speakeasy(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("speakeasy");
    let python = environment.join("bin/python");
    let version = "import importlib.metadata as m; print(m.version('speakeasy-emulator'))";
    let there = capture(Command::new(&python).args(["-c", version]))
        .is_ok_and(|said| said.trim() == SPEAKEASY);
    if !there {
        println!("installing speakeasy {SPEAKEASY}");
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        let package = format!("speakeasy-emulator=={SPEAKEASY}");
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
    }
    Ok(python)
}
