//! The HTML report in a real browser: what is shown, that it works, and that everybody can use it.
//!
//! Chromium is driven by playwright-core (Apache-2.0), and axe-core (MPL-2.0) looks for what keeps people
//! out; both are fetched into the target folder and are no part of ringfence.

mod many;

use super::written::Written;
use crate::command;
use anyhow::{Context, Result, bail, ensure};
use ringfence::report::{Format, Options, sink};
use ringfence::{Input, Settings, Sink};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pinned, so that a failure is nobody's alone.
const PACKAGES: [(&str, &str); 2] = [("playwright-core", "1.65.1"), ("axe-core", "4.14.1")];

/// Where the large report takes the documentation to be published.
const DOCS: &str = "https://docs.test/ringfence";

/// Drivers of the large report.
const MANY: usize = 5_000;

/// Writes a report of the example drivers and one of very many, and looks at both, and at the sample about source.
pub(super) fn check(written: &Written) -> Result<()> {
    let missing =
        command::install_missing(&[("node", "nodejs"), ("npm", "npm"), ("chromium", "chromium")])?;
    if !missing.is_empty() {
        bail!(command::Missing(missing.join(", ")));
    }
    let folder = command::target()?.join("browser");
    fs::create_dir_all(&folder)?;
    fetch(&folder)?;
    let drivers = command::root().join("examples/drivers");
    write(&folder.join("examples.html"), None, |sink| {
        let inputs = [Input::parse(drivers.as_os_str())];
        ringfence::scan(&inputs, &Settings::default(), sink, |_| ())?;
        Ok(())
    })?;
    let many = folder.join("many.html");
    write(&many, Some(DOCS), |sink| many::tell(&drivers, MANY, sink))?;
    println!("{MANY} drivers take {} KiB", fs::metadata(&many)?.len() >> 10);
    fs::copy(written.named("lint.html")?, folder.join("lint.html"))?;
    fs::write(folder.join("expected.json"), serde_json::to_string(&expected(&drivers)?)?)?;
    // Packages are looked for from where a script is.
    let script = folder.join("check.mjs");
    fs::write(&script, include_str!("browser/check.mjs"))?;
    command::run(Command::new("node").arg(&script).args([&drivers, &program("chromium")?]))
}

/// Where a program is that `PATH` leads to.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name));
    found.into_iter().find(|path| path.is_file()).with_context(|| format!("{name} is gone"))
}

/// Fetches what is not there in its version.
fn fetch(folder: &Path) -> Result<()> {
    let there = |(name, version): &(&str, &str)| {
        let package = folder.join("node_modules").join(name).join("package.json");
        let package: Option<serde_json::Value> =
            fs::read(package).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        package.is_some_and(|package| package["version"] == *version)
    };
    if PACKAGES.iter().all(there) {
        return Ok(());
    }
    let packages = PACKAGES.map(|(name, version)| format!("{name}@{version}"));
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix"]);
    let fetched = command::capture(npm.arg(folder).args(&packages));
    if fetched.is_err() {
        bail!(command::Missing(format!("{} from npm", packages.join(" and "))));
    }
    ensure!(PACKAGES.iter().all(there), "npm did not install {}", packages.join(" and "));
    Ok(())
}

/// Writes an HTML report with the cards of all rules.
fn write(
    path: &Path,
    docs: Option<&str>,
    tell: impl FnOnce(&mut dyn Sink) -> Result<()>,
) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let options = Options {
        cards: ringfence::rule_cards().collect(),
        docs: docs.map(str::to_owned),
        ..Options::default()
    };
    let mut sink = sink(Format::Html, Box::new(BufWriter::with_capacity(1 << 16, file)), options);
    tell(&mut *sink)
}

/// What `expected.toml` says of each driver, by hand.
fn expected(drivers: &Path) -> Result<BTreeMap<String, toml::Value>> {
    let path = drivers.join("expected.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))
}
