//! What it takes to run drivers up to the end of DriverEntry: `enter ROUNDS DRIVER...` prints for each driver a line: its path,
//! the seconds of the median round, and what DriverEntry returned, or a dash.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the times are this program's answer")]

use anyhow::{Context, Result};
use ringfence_image::Image;
use ringfence_verifier::{Environment, Options, run};
use std::time::Instant;

/// The load, and DriverEntry.
const PHASES: usize = 2;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().context("usage: enter ROUNDS DRIVER...")?.parse()?;
    for path in arguments {
        let bytes = std::fs::read(&path).with_context(|| path.clone())?;
        let name = path.rsplit('/').next().unwrap_or(&path);
        let mut options = Options::new(Environment::Hvci, name);
        options.budget.phases = PHASES;
        let mut seconds = Vec::new();
        let mut status = None;
        for _ in 0..rounds.max(1) {
            let start = Instant::now();
            let image = Image::read(&bytes)?;
            status = run(&image, &options).status;
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        let told = status.map_or("-".to_owned(), |status| format!("{status:#x}"));
        println!("{path} {:.9} {told}", seconds[seconds.len() / 2]);
    }
    Ok(())
}
