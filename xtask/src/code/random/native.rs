//! Runs a generated source as a program of this machine.

use crate::code::build::sources;
use crate::command::capture;
use crate::fixtures::{CLANG, program};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// What happened at one call of the source: the values that each argument had.
pub type Values = BTreeMap<u8, Vec<u64>>;

/// By function called and number of the call.
pub type Happened = BTreeMap<(String, u32), Values>;

/// Compiles `source` so that it stops at undefined behaviour, of which nothing could be told, and runs
/// it.
pub fn run(folder: &Path, source: &Path) -> Result<Happened> {
    let random = sources().join("random");
    let binary = folder.join("native");
    let mut clang = program(CLANG, folder);
    clang.args(["-std=c17", "-O0", "-w", "-DNATIVE", "-fno-strict-aliasing"]);
    clang.args(["-fsanitize=undefined", "-fsanitize-trap=undefined"]);
    clang.arg("-I").arg(&random).arg(source).arg(random.join("native.c"));
    capture(clang.arg("-o").arg(&binary))?;
    let printed = capture(&mut program(&binary.to_string_lossy(), folder))?;
    let mut happened = Happened::new();
    for line in printed.lines() {
        let (called, call, index, value) =
            read(line).with_context(|| format!("what is {line}?"))?;
        let values = happened.entry((called, call)).or_default();
        values.entry(index).or_default().push(value);
    }
    Ok(happened)
}

fn read(line: &str) -> Option<(String, u32, u8, u64)> {
    let mut words = line.split(' ');
    let called = words.next()?.to_owned();
    let call = words.next()?.parse().ok()?;
    let index = words.next()?.parse().ok()?;
    Some((called, call, index, words.next()?.parse().ok()?))
}
