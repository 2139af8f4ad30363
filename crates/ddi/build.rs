//! Checks the table of DDIs and compiles it to a sorted slice.

#[path = "build/check.rs"]
mod check;
#[path = "build/emit.rs"]
mod emit;
#[path = "build/read.rs"]
mod read;

/// The roles themselves, so that the table may name only those there are.
#[path = "src"]
#[expect(dead_code, reason = "only the names of roles and whether they decide are asked for")]
mod crate_under_build {
    pub mod bits;
    pub mod role;
}

use crate_under_build::bits::Bits;
use crate_under_build::role::Role;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> ExitCode {
    for watched in ["build", "table", "src/role", "src/role.rs", "src/bits.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    match compile() {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                println!("cargo::error={problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("cargo::error=the table could not be read or compiled: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the table into the build's folder, unless something is wrong with it.
fn compile() -> io::Result<Vec<read::Problem>> {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    let mut paths: Vec<_> =
        fs::read_dir("table")?.map(|file| Ok(file?.path())).collect::<io::Result<_>>()?;
    // Editors leave copies beside what they edit.
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        // As one names it from the root of the workspace.
        match read::entries(&format!("crates/ddi/{}", path.display()), &text) {
            Ok(read) => entries.extend(read),
            Err(problem) => problems.push(problem),
        }
    }
    // What could not be read would be missed as well.
    if problems.is_empty() {
        problems = check::problems(&entries);
    }
    if problems.is_empty() {
        let folder = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
        fs::write(Path::new(&folder).join("table.rs"), emit::source(&mut entries))?;
    }
    Ok(problems)
}
