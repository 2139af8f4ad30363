//! Checks reports with the tools that people read them with.

mod browser;

use anyhow::{Context, Result};

/// What a report is called, and what checks it.
type Check = (&'static str, fn() -> Result<()>);

/// Runs every check, one file each.
pub fn run() -> Result<()> {
    for (name, check) in CHECKS {
        println!("-- {name}");
        check().with_context(|| format!("the {name} report"))?;
    }
    Ok(())
}

const CHECKS: [Check; 1] = [("html", browser::check)];
