//! The real drivers of `corpus/manifest.toml`: fetched from the package registries, then scanned and compared.

mod apt;
mod carve;
mod compare;
mod extract;
mod fetch;
mod manifest;
mod signature;

use crate::command::{Missing, available, install_missing, root, run as run_command, target};
use anyhow::{Context, Result, bail, ensure};
use extract::Workshop;
pub use fetch::Fetcher;
use manifest::{Driver, Manifest};
pub use manifest::{Package, Registry};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo xtask corpus` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Stop after fetching
    #[arg(long)]
    fetch_only: bool,
    /// Where packages and drivers are kept [default: corpus in the target directory]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Compare these JSON lines of an earlier `scan --calls` instead of scanning
    #[arg(long, value_name = "FILE", conflicts_with = "fetch_only")]
    verdicts: Option<PathBuf>,
}

/// Fetches the drivers, scans them and compares the answers.
pub fn run(arguments: &Arguments) -> Result<()> {
    let manifest = Manifest::load(&root().join("corpus/manifest.toml"))?;
    let cache = match &arguments.into {
        Some(folder) => std::path::absolute(folder)?,
        None => target()?.join("corpus"),
    };
    let drivers = cache.join("drivers");
    fs::create_dir_all(&drivers)?;
    let missing = fetch(&manifest, &cache, &drivers)?;
    if !arguments.fetch_only {
        compare(&manifest, arguments, &drivers)?;
    }
    ensure!(missing == 0, "packages not had, or not holding what they should: {missing}");
    Ok(())
}

/// The folder of the drivers, fetched as far as they were not there and can be had.
pub fn fetched() -> Result<PathBuf> {
    let manifest = Manifest::load(&root().join("corpus/manifest.toml"))?;
    let cache = target()?.join("corpus");
    let drivers = cache.join("drivers");
    fs::create_dir_all(&drivers)?;
    fetch(&manifest, &cache, &drivers)?;
    Ok(drivers)
}

/// The folder of the drivers, if an earlier run left any there.
pub fn there() -> Result<Option<PathBuf>> {
    let drivers = target()?.join("corpus/drivers");
    let any = fs::read_dir(&drivers).is_ok_and(|mut files| files.next().is_some());
    Ok(any.then_some(drivers))
}

/// Lower-case hex digits of the digest of `bytes`.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts every driver into `folder`; returns how many packages failed.
fn fetch(manifest: &Manifest, cache: &Path, folder: &Path) -> Result<usize> {
    let there = |driver: &Driver| {
        fs::read(folder.join(&driver.name)).is_ok_and(|bytes| sha256(&bytes) == driver.sha256)
    };
    let wanted: Vec<_> =
        manifest.packages.iter().filter(|package| !package.drivers.iter().all(there)).collect();
    let all = manifest.drivers().count();
    if wanted.is_empty() {
        println!("{all} files are there");
        return Ok(0);
    }
    install_tools()?;
    let (mut fetcher, mut workshop) = (Fetcher::new(cache)?, Workshop::new(cache)?);
    let mut failed = 0;
    for package in wanted {
        // One registry may be out of reach where the others are not.
        if let Err(error) = take_out(package, &mut fetcher, &mut workshop, folder) {
            println!("{} {}: {error:#}", package.name, package.version);
            failed += 1;
        }
    }
    let count = manifest.drivers().filter(|driver| there(driver)).count();
    println!("{count} of {all} files are there");
    Ok(failed)
}

fn take_out(
    package: &Package,
    fetcher: &mut Fetcher,
    workshop: &mut Workshop,
    folder: &Path,
) -> Result<()> {
    let file = fetcher.package(package)?;
    for driver in &package.drivers {
        let bytes = workshop.driver(package, &file, driver).context(driver.name.clone())?;
        let digest = sha256(&bytes);
        ensure!(digest == driver.sha256, "{} has sha256 {digest}", driver.name);
        // Written aside and renamed, so that a scan beside this run never sees half a driver.
        let half = tempfile::NamedTempFile::new_in(folder.parent().unwrap_or(folder))?;
        fs::write(&half, bytes)?;
        half.persist(folder.join(&driver.name))?;
    }
    Ok(())
}

/// Installs what the fetching needs, or says what is missing.
fn install_tools() -> Result<()> {
    if !extract::has_seven_zip() {
        install_missing(&[("7z", "p7zip-full")])?;
    }
    let mut missing = install_missing(&[("pip3", "python3-pip")])?;
    if !extract::has_seven_zip() {
        missing.push("p7zip-full (7z)");
    }
    missing.extend(["tar", "gzip", "dpkg-deb"].into_iter().filter(|tool| !available(tool)));
    if !missing.is_empty() {
        return Err(Missing(missing.join(", ")).into());
    }
    Ok(())
}

fn compare(manifest: &Manifest, arguments: &Arguments, drivers: &Path) -> Result<()> {
    let scan = match &arguments.verdicts {
        Some(file) => fs::read_to_string(file).with_context(|| format!("{}", file.display()))?,
        None => scan(drivers)?,
    };
    if arguments.verdicts.is_none() {
        run_all(drivers)?;
    }
    let differences = compare::differences(manifest.drivers(), &compare::answers(&scan)?);
    let (signed, disagreeing) = signature::disagreements(&scan)?;
    ensure!(
        disagreeing.is_empty(),
        "the digest does not stand in the signature of {}",
        disagreeing.join(", ")
    );
    if differences.is_empty() {
        println!("{} files: every answer is the expected one", manifest.drivers().count());
        println!("{signed} signed drivers: the digest stands in each one's own signature");
        return Ok(());
    }
    print!("{}", compare::table(&differences));
    bail!("{} differences from corpus/manifest.toml", differences.len());
}

/// Runs every driver in both set-ups: each run comes to an end that has a name and, if need be, a reason.
fn run_all(drivers: &Path) -> Result<()> {
    let mut command = Command::new(target()?.join("release/ringfence"));
    command.args(["verify", "--format", "jsonl"]).arg(drivers);
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!said.contains("internal:"), "a run went wrong: {}", said.trim());
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let ran: serde_json::Value = serde_json::from_str(line)?;
        let end = ran["run"]["end"].as_str().context("a run has an end")?.to_owned();
        let has_reason = ran["run"]["because"].is_string() || ran["bugcheck"].is_object();
        ensure!(end == "returned" || has_reason, "no reason for {}", ran["path"]);
        *ends.entry(end).or_default() += 1;
    }
    ensure!(ends.get("returned").is_some_and(|count| *count > 0), "nothing ran to its end");
    let told: Vec<_> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
    println!("runs in the emulated kernel: {}", told.join(", "));
    Ok(())
}

/// Builds ringfence and returns the JSON lines it prints about the drivers.
fn scan(drivers: &Path) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--quiet", "--release", "--package", "ringfence-cli"];
    run_command(
        Command::new(cargo).args(build).current_dir(root()).env("CARGO_TARGET_DIR", target()?),
    )?;
    let mut command = Command::new(target()?.join("release/ringfence"));
    command.args(["scan", "--calls", "--format", "jsonl"]).arg(drivers);
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    // A scan that finds something ends with a code of its own, so only its silence is an error.
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.stdout.is_empty(), "{command:?} printed nothing: {}", said.trim());
    String::from_utf8(output.stdout).context("the scan is not UTF-8")
}
