//! What every commit passes: format, lints, documentation, dependencies.

use crate::command::{available, root, run, target};
use crate::stage::{self, Stage};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// The version of cargo-deny that is installed where none is there.
const CARGO_DENY: &str = "0.20.2";

/// Runs all of it.
pub fn all() -> Result<()> {
    let mut docs = Stage::cargo("docs", 600, &["doc", "--workspace", "--no-deps", "--quiet"]);
    docs.command.env("RUSTDOCFLAGS", "--deny warnings");
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
    let deny = cargo_deny()?.to_string_lossy().into_owned();
    stage::run(vec![
        Stage::cargo("fmt", 60, &["fmt", "--all", "--check"]),
        Stage::cargo("clippy", 900, &clippy),
        docs,
        // Advisories need a database from the network; the rest is decided by the lock file.
        Stage::new("deny", 120, &deny, &["check", "bans", "licenses", "sources"]),
    ])
}

/// The cargo-deny to use, installed below the target directory if need be.
fn cargo_deny() -> Result<PathBuf> {
    if available("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let tools = target()?.join("tools");
    let program = tools.join("bin").join("cargo-deny");
    if !available(&program.to_string_lossy()) {
        println!("== installing cargo-deny {CARGO_DENY}");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        run(Command::new(cargo)
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--quiet",
                "--version",
                CARGO_DENY,
                "--root",
            ])
            .arg(&tools)
            .current_dir(root()))?;
    }
    Ok(program)
}
