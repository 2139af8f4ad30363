//! The interpreter and the emulated kernel as WebAssembly: built for wasm32, run over the example drivers by Node,
//! and compared with the same program built for this machine, call by call.
//!
//! The target is wasm32-wasip1 and not wasm32-unknown-unknown, so that the very same example can read files and
//! print. No library for either comes with the toolchain of this project, so Debian's compiler is taken, which
//! has the source of its standard library beside it.

use crate::command::{capture, need, root, run, target};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs and the Debian packages they are in.
const PROGRAMS: &[(&str, &str)] = &[("node", "nodejs"), ("wasm-ld-19", "lld-19")];
/// What Debian's compiler for WebAssembly consists of, by a file of each package.
const FILES: &[(&str, &str)] = &[
    ("/usr/bin/cargo", "cargo-web"),
    ("/usr/bin/rustc", "rustc-web"),
    ("/usr/lib/rustlib/src/rust/library/std/Cargo.toml", "rust-web-src"),
    ("/usr/lib/wasm32-wasi/crt1-command.o", "wasi-libc"),
];
const TARGET: &str = "wasm32-wasip1";
/// The first shows calls, messages and rights; it is the same source in both.
const EXAMPLE: &str = "runs";

/// Builds both, runs both, compares what they print.
pub fn compare() -> Result<()> {
    need(PROGRAMS)?;
    crate::command::need_files(FILES)?;
    let drivers = drivers()?;
    let module = build()?;
    let here = capture(native()?.arg("--trace").args(&drivers).current_dir(root()))?;
    let there = capture(
        Command::new("node")
            .args(["--no-warnings", "xtask/src/wasm/run.mjs"])
            .arg(&module)
            .arg("--trace")
            .args(&drivers)
            .current_dir(root()),
    )?;
    let mut lines = 0;
    let mut pairs = here.lines().zip(there.lines());
    if let Some((here, there)) = pairs.find(|(here, there)| {
        lines += 1;
        here != there
    }) {
        bail!("line {lines} differs:\nhere:   {here}\nwasm32: {there}");
    }
    ensure!(
        here.lines().count() == there.lines().count(),
        "one of them stopped after line {lines}"
    );
    ensure!(lines > 10 * drivers.len(), "{lines} lines are too few for {} drivers", drivers.len());
    println!("{} drivers, {lines} lines, the same on wasm32 as here", drivers.len());
    Ok(())
}

/// Names of the example drivers, from the root of the repository.
fn drivers() -> Result<Vec<String>> {
    let folder =
        std::fs::read_dir(root().join("examples/drivers")).context("no example drivers")?;
    let names = folder.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<_> = names.collect::<Result<Vec<_>>>()?;
    names.retain(|name| name.ends_with(".sys"));
    names.sort();
    Ok(names.into_iter().map(|name| format!("examples/drivers/{name}")).collect())
}

/// Builds the example for wasm32, in a folder of its own: two compilers in one would each build all anew.
fn build() -> Result<PathBuf> {
    let folder = target()?.join("wasm");
    let set = |key: &str, value: &str| format!("--config=target.{TARGET}.{key}={value}");
    let flags = [
        "-Clink-self-contained=no",
        "-Clink-arg=/usr/lib/wasm32-wasi/crt1-command.o",
        "-Lnative=/usr/lib/wasm32-wasi",
        "-Clink-arg=-lc",
    ];
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .args(["build", "--quiet", "--locked", "-Zbuild-std=std,panic_abort", "--target", TARGET])
        .args(["-p", "ringfence-verifier", "--example", EXAMPLE])
        .arg("--config=profile.dev.debug=false")
        .arg(set("linker", "\"wasm-ld-19\""))
        .arg(set("rustflags", &format!("{flags:?}")))
        .env("RUSTC", "/usr/bin/rustc")
        // Lets a stable compiler build its own standard library.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &folder)
        .current_dir(root());
    for name in ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER"] {
        cargo.env_remove(name);
    }
    run(&mut cargo)?;
    Ok(folder.join(TARGET).join("debug/examples").join(format!("{EXAMPLE}.wasm")))
}

/// The example, built for this machine.
fn native() -> Result<Command> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let build = ["build", "--quiet", "-p", "ringfence-verifier", "--example", EXAMPLE];
    run(Command::new(cargo).args(build).current_dir(root()).env("CARGO_TARGET_DIR", target()?))?;
    Ok(Command::new(Path::new(&target()?).join("debug/examples").join(EXAMPLE)))
}
