//! Builds the drivers of the recipe in a folder.

use super::recipe::{Driver, LINK, TARGET};
use super::truth::Truth;
use crate::command::{capture, root};
use crate::fixtures::COMPILE;
use crate::fixtures::{CLANG, DLLTOOL, LINKER, program};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules that are imported from: a `.def` file each.
const MODULES: &[&str] = &["ntoskrnl", "ndis"];
/// What every driver has beside its own sources.
const STUB: &str = "stub.s";
const ENTRY: &str = "entry.c";

/// Where the sources are.
pub fn sources() -> PathBuf {
    root().join("crates/code/tests/drivers")
}

/// Builds `drivers` inside `folder`.
pub fn all(drivers: &[Driver], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    import_libraries(folder)?;
    drivers.iter().try_for_each(|driver| one(driver, folder))
}

/// An import library for each module.
fn import_libraries(folder: &Path) -> Result<()> {
    MODULES.iter().try_for_each(|module| import_library(folder, module))
}

fn import_library(folder: &Path, module: &str) -> Result<()> {
    let definition = sources().join(format!("{module}.def"));
    let mut dlltool = program(DLLTOOL, folder);
    dlltool.args(["-m", "i386:x86-64", "-l", &format!("{module}.lib"), "-d"]);
    capture(dlltool.arg(definition)).map(drop)
}

/// What the sources of `driver` say.
pub fn truth(driver: &Driver) -> Result<Truth> {
    let mut truth = Truth::default();
    for source in driver.sources {
        let path = sources().join(source);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        truth.read(&text, driver.level).with_context(|| format!("in {source}"))?;
    }
    Ok(truth)
}

fn one(driver: &Driver, folder: &Path) -> Result<()> {
    let own = driver.sources.iter().copied();
    let all = own.chain(driver.entry.then_some(ENTRY)).chain([STUB]);
    let mut objects = Vec::new();
    for source in all {
        let switches: Vec<_> = driver.level.iter().chain(driver.compile).copied().collect();
        let name = format!("{}-{source}", driver.stem());
        objects.push(compile(folder, &sources().join(source), &name, &switches)?);
    }
    link(folder, &objects, &driver.file(), &[&format!("/map:{}", driver.map())])
}

/// Compiles and links one generated source, inside `folder`.
pub fn large_driver(folder: &Path, source: &Path, driver: &Path) -> Result<()> {
    crate::fixtures::prepare()?;
    import_libraries(folder)?;
    // Generated code is none that warnings help with.
    let mut objects = vec![compile(folder, source, "large", &["-O2", "-w"])?];
    for source in [ENTRY, STUB] {
        objects.push(compile(folder, &sources().join(source), source, &[])?);
    }
    link(folder, &objects, &driver.to_string_lossy(), &[])
}

/// Compiles and links one source whose imports `random.def` lists, inside `folder`.
pub fn random_driver(folder: &Path, source: &Path, name: &str, switches: &[&str]) -> Result<()> {
    const COMMON: &[&str] = &["-w", "-fno-strict-aliasing"];
    let switches: Vec<_> = COMMON.iter().chain(switches).copied().collect();
    let mut objects = vec![compile(folder, source, name, &switches)?];
    for source in [ENTRY, STUB, "load_config.s"] {
        objects.push(compile(folder, &sources().join(source), source, &[])?);
    }
    link(folder, &objects, &format!("{name}.sys"), &["random.lib"])
}

/// An import library for `random.def`.
pub fn random_imports(folder: &Path) -> Result<()> {
    import_library(folder, "random")
}

/// Compiles C with `switches` or assembles what is none; returns the object's name.
fn compile(folder: &Path, source: &Path, name: &str, switches: &[&str]) -> Result<String> {
    let object = format!("{name}.obj");
    let mut clang = program(CLANG, folder);
    clang.args(TARGET).arg("-I").arg(sources());
    let kind = source.extension().unwrap_or_default();
    if kind == "c" || kind == "cpp" {
        let language: &[&str] = if kind == "cpp" { &["-std=c++17"] } else { &[] };
        clang.args(COMPILE).args(language).args(switches).arg("-I").arg(sources().join("random"));
    }
    capture(clang.arg("-c").arg(source).args(["-o", &object]))?;
    Ok(object)
}

/// Links `objects` to the import libraries.
fn link(folder: &Path, objects: &[String], file: &str, switches: &[&str]) -> Result<()> {
    let mut linker = program(LINKER, folder);
    linker.args(LINK).args(switches).args(objects);
    let libraries = MODULES.iter().map(|module| format!("{module}.lib"));
    linker.args(libraries.filter(|library| folder.join(library).exists()));
    capture(linker.arg(format!("/out:{file}"))).map(drop)
}
