//! Completions are asked for as a user's tab does, and manual pages are read by mandoc and groff.

use super::shell;
use crate::command::{self, capture};
use anyhow::{Result, bail, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is typed, and all that may follow.
const TYPED: [(&str, &[&str]); 7] = [
    ("ringfence sc", &["scan"]),
    ("ringfence list r", &["rules"]),
    ("ringfence scan --format js", &["json", "jsonl"]),
    ("ringfence scan --report sar", &["sarif="]),
    ("ringfence scan --gate load,", &["load,certify", "load,run", "load,run,certify"]),
    ("ringfence explain MmMapIo", &["MmMapIoSpace", "MmMapIoSpaceEx"]),
    ("ringfence scan --target win11-24", &["win11-24h2"]),
];

/// What mandoc says of pages that are as they should be: equal sources make equal pages, so they have no
/// date, and clap breaks the line before lists.
const HARMLESS: [&str; 2] = ["missing date", "skipping paragraph macro: br"];

pub fn check() -> Result<()> {
    command::need(&[("bash", "bash"), ("zsh", "zsh"), ("fish", "fish"), ("mandoc", "mandoc")])?;
    let program = super::program()?;
    let folder = tempfile::tempdir()?;
    for name in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = capture(Command::new(&program).args(["completions", name]))?;
        ensure!(script.contains("fail-unknown"), "{name} lacks an option");
        fs::write(folder.path().join(name), script)?;
    }
    bash(&folder.path().join("bash"))?;
    zsh(&folder.path().join("zsh"))?;
    fish(&folder.path().join("fish"))?;
    println!("completions: {} questions to bash and fish, and zsh takes them", TYPED.len());
    manual(&program, folder.path())
}

/// Calls the function that bash calls at a tab, with the variables that it sets for it.
fn bash(script: &Path) -> Result<()> {
    let ask = r#"source "$1"; complete -p ringfence
        read -ra COMP_WORDS <<< "$2"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$2
        _ringfence ringfence "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    for (typed, expected) in TYPED {
        let script = script.display().to_string();
        let told = shell("bash", ["--norc", "-c", ask, "bash", &script, typed])?;
        let (registered, told) = told.split_once('\n').unwrap_or((&told, ""));
        ensure!(
            registered.contains("-F _ringfence") && registered.ends_with(" ringfence"),
            "{registered}"
        );
        same("bash", typed, told.lines(), expected)?;
    }
    Ok(())
}

fn zsh(script: &Path) -> Result<()> {
    let script = script.display().to_string();
    shell("zsh", ["-f", "-n", &script])?;
    let ask = "autoload -Uz compinit; compinit -D -u; source $1; print $_comps[ringfence]";
    let told = shell("zsh", ["-f", "-c", ask, "zsh", &script])?;
    ensure!(told.trim() == "_ringfence", "zsh completes ringfence by `{told}`");
    Ok(())
}

fn fish(script: &Path) -> Result<()> {
    for (typed, expected) in TYPED {
        let ask = format!("source {}; complete -C '{typed}'", script.display());
        let told = shell("fish", ["--no-config", "-c", &ask])?;
        // Behind a tab it tells what it is.
        let words = told.lines().filter_map(|line| line.split('\t').next());
        same("fish", typed, words, expected)?;
    }
    Ok(())
}

fn same<'w>(
    shell: &str,
    typed: &str,
    told: impl Iterator<Item = &'w str>,
    expected: &[&str],
) -> Result<()> {
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    ensure!(told == expected, "{shell}: `{typed}` may go on with {told:?}, not {expected:?}");
    Ok(())
}

fn manual(program: &Path, folder: &Path) -> Result<()> {
    let folder = folder.join("man");
    capture(Command::new(program).args(["man", "--out"]).arg(&folder))?;
    let mut pages: Vec<_> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    pages.sort();
    ensure!(pages.len() > 5, "only {} pages", pages.len());
    for page in &pages {
        let output =
            Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(page).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let serious = said.lines().find(|line| !HARMLESS.iter().any(|text| line.contains(text)));
        if let Some(line) = serious {
            bail!("{line}");
        }
        let text = capture(Command::new("mandoc").args(["-T", "utf8"]).arg(page))?;
        let is_command = page.extension().is_some_and(|section| section == "1");
        let headings = ["NAME", "DESCRIPTION", "SYNOPSIS", "OPTIONS"];
        // The settings file has no command line.
        for heading in &headings[..if is_command { 4 } else { 2 }] {
            // A heading is bold: each letter is struck twice.
            let bold: String = heading.chars().map(|c| format!("{c}\u{8}{c}")).collect();
            ensure!(text.contains(&bold), "{} has no {heading}", page.display());
        }
    }
    println!("manual pages: {}, and mandoc has nothing against them", pages.len());
    Ok(())
}
