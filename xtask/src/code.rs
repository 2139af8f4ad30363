//! Compiles drivers whose sources say what every call of a DDI gets, and compares with what
//! `ringfence-code` finds; then compares references with objdump's, also on the real drivers.

mod build;
mod compare;
mod map;
mod oracle;
mod random;
pub mod recipe;
mod routes;
mod sighted;
mod survey;
mod truth;
mod value;
mod wanted;

pub use build::large_driver;

use anyhow::{Context, Result, bail};
use ringfence_image::{Image, Machine};
use std::fs;
use std::path::Path;

/// What `cargo xtask code` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave out the real drivers
    #[arg(long)]
    no_corpus: bool,
    /// List every call in the real drivers
    #[arg(long)]
    list: bool,
    /// Keep the compiled drivers there
    #[arg(long, value_name = "DIR")]
    keep: Option<std::path::PathBuf>,
    /// Do nothing but compare this many generated functions with what they do when they run
    #[arg(long, value_name = "N")]
    random: Option<usize>,
    /// What the functions are generated from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

/// Generated functions that are run in any case: 20 s on two cores.
const FEW: usize = 250;

/// Builds, surveys and compares everything; prints every difference before it fails.
pub fn run(arguments: &Arguments) -> Result<()> {
    crate::fixtures::prepare()?;
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let folder = std::path::absolute(folder)?;
    if let Some(count) = arguments.random {
        return random::run(&folder, count, arguments.seed);
    }
    let drivers = recipe::DRIVERS;
    build::all(drivers, &folder)?;
    let mut failures = 0;
    for driver in drivers {
        failures += fixture(driver, &folder)?;
    }
    if !arguments.no_corpus {
        failures += corpus(arguments.list)?;
    }
    random::run(&folder.join("random"), FEW, arguments.seed)?;
    if failures != 0 {
        bail!("{failures} differences between what is true and what the survey says");
    }
    Ok(())
}

/// A driver of ours: against its source, then against objdump.
fn fixture(driver: &recipe::Driver, folder: &Path) -> Result<usize> {
    let file = driver.file();
    let path = folder.join(&file);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let found = survey::of(&Image::read(&bytes)?);
    let truth = build::truth(driver)?;
    let map = map::Map::read(&folder.join(driver.map()))?;
    let mut differences = compare::differences(&truth, &map, &found)?;
    differences.extend(sighted::differences(&truth, &map, &found));
    let (seen, missing) = against_objdump(&path, &file, &found)?;
    differences.extend(missing);
    let expected: usize = truth.functions.iter().map(|function| function.lines.len()).sum();
    tell(&file, &format!("{expected} truths"), &found, seen, &differences);
    Ok(differences.len())
}

/// The real drivers for x64, against objdump only.
fn corpus(list: bool) -> Result<usize> {
    let folder = crate::corpus::fetched()?;
    let mut files = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.sort_unstable();
    let mut failures = 0;
    for path in files {
        let bytes = fs::read(&path)?;
        let Ok(image) = Image::read(&bytes) else { continue };
        if image.machine() != Machine::X64 {
            continue;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let found = survey::of(&image);
        let (seen, missing) = against_objdump(&path, &file, &found)?;
        tell(&file, "real", &found, seen, &missing);
        for site in found.survey.sites.iter().filter(|_| list) {
            println!("  {}", compare::call(site, &found));
        }
        failures += missing.len();
    }
    Ok(failures)
}

/// How many references objdump sees, and those that the survey does not account for.
fn against_objdump(path: &Path, file: &str, found: &survey::Found) -> Result<(usize, Vec<String>)> {
    let references = oracle::references(path, &found.slots)?;
    let missing = oracle::missing(file, &references, found);
    Ok((references.len(), missing))
}

fn tell(file: &str, what: &str, found: &survey::Found, seen: usize, differences: &[String]) {
    let verdict = match differences.len() {
        0 => "agrees".to_owned(),
        count => format!("{count} DIFFERENCES"),
    };
    println!(
        "{file:28} {what:>10}, {:4} sites, {:4} references, {seen:4} of them objdump's: {verdict}",
        found.survey.sites.len(),
        found.survey.references.len(),
    );
    for difference in differences {
        println!("  {difference}");
    }
}
