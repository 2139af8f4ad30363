//! Source fixes, proven by machine code: the example driver is built, examined, mended as `ringfence lint --fix` does it,
//! built again and examined again.

use crate::code::recipe::{LINK, TARGET};
use crate::command::{capture, root};
use crate::fixtures::{self, CLANG, COMPILE, DLLTOOL, LINKER, program};
use anyhow::{Context, Result, bail, ensure};
use ringfence::{Examination, Input, Level, LintSettings, Safety, Settings, Targets, fixing};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What the source itself accepts, so that nothing mends it.
const ACCEPTED: &str = "executable-pool-flags";
/// What a compiler cannot show of: settings of the project are not those of this build.
const OF_THE_PROJECT: &[&str] = &["executable-import-table"];

/// Builds, mends, builds again.
pub fn run() -> Result<()> {
    fixtures::prepare()?;
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let folder = folder.path();
    copy(&root().join("examples/source"), folder)?;
    let before = rules(&build(folder, "before")?);
    let found = source_rules(folder);
    println!("machine code before: {}", told(&before));
    println!("source before:       {}", told(&found));
    // What only refuses such a call has no memory to be found in.
    let expected: BTreeSet<String> =
        found.iter().filter(|rule| !OF_THE_PROJECT.contains(&&***rule)).cloned().collect();
    ensure!(before == expected, "source and machine code say different things");
    mend(folder)?;
    let (after, left) = (rules(&build(folder, "after")?), source_rules(folder));
    println!("machine code after:  {}", told(&after));
    let accepted = BTreeSet::from([ACCEPTED.to_owned()]);
    ensure!(after == accepted, "the machine code still has {}", told(&after));
    ensure!(left == accepted, "the source still has {}", told(&left));
    Ok(())
}

fn told(rules: &BTreeSet<String>) -> String {
    rules.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for part in ["acme", "kit"] {
        let target = to.join(part);
        fs::create_dir_all(&target)?;
        for entry in fs::read_dir(from.join(part)).context("cannot read the example")? {
            let entry = entry?;
            fs::copy(entry.path(), target.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Builds the driver and examines it.
fn build(folder: &Path, name: &str) -> Result<Examination> {
    let mut dlltool = program(DLLTOOL, folder);
    dlltool.args(["-m", "i386:x86-64", "-l", "ntoskrnl.lib", "-d", "kit/ntoskrnl.def"]);
    capture(&mut dlltool)?;
    let mut objects = Vec::new();
    for source in ["acme", "memory"] {
        let object = format!("{name}-{source}.obj");
        let mut clang = program(CLANG, folder);
        clang.args(TARGET).args(COMPILE);
        // Tags of four letters are the kit's way, and so are variables of types that enumerations are made of.
        clang.args(["-O1", "-fno-inline", "-Wno-multichar", "-Wno-four-char-constants"]);
        clang.args([
            "-I",
            "kit",
            "-D_AMD64_",
            "-DNTDDI_WIN8=0x06020000",
            "-DNTDDI_VERSION=0x0A000010",
        ]);
        capture(clang.args(["-c", &format!("acme/{source}.c"), "-o", &object]))
            .with_context(|| format!("{source}.c, {name}"))?;
        objects.push(object);
    }
    let driver = format!("{name}.sys");
    let mut linker = program(LINKER, folder);
    linker.args(LINK).args(&objects).arg("ntoskrnl.lib").arg(format!("/out:{driver}"));
    capture(&mut linker)?;
    let bytes = fs::read(folder.join(driver))?;
    Ok(ringfence::examine(&bytes, &Settings { targets: targets()?, ..Settings::default() })?)
}

/// The newest Windows, so that every fix may be made.
fn targets() -> Result<Targets> {
    Ok(Targets::named("win11")?)
}

/// The rules that object to a driver.
fn rules(examination: &Examination) -> BTreeSet<String> {
    let objects = examination.findings.iter().filter(|finding| finding.level > Level::Note);
    objects.map(|finding| finding.rule.to_owned()).collect()
}

/// The rules that object to the source, accepted or not.
fn source_rules(folder: &Path) -> BTreeSet<String> {
    let lint = look(folder);
    let objects = lint.report.findings.iter().filter(|finding| finding.level > Level::Note);
    objects.map(|finding| finding.rule.to_owned()).collect()
}

fn look(folder: &Path) -> ringfence::Lint {
    let settings = LintSettings {
        targets: Targets::named("win11").unwrap_or(Targets::DEFAULT),
        ..LintSettings::default()
    };
    ringfence::lint(&[Input::Path(folder.join("acme"))], &settings)
}

/// Makes all fixes, round after round, as some become possible by others.
fn mend(folder: &Path) -> Result<()> {
    for _ in 0..8 {
        let lint = look(folder);
        let outcome =
            fixing::write(fixing::plan(&lint.report.findings, Safety::Unsafe, &lint.tree));
        if outcome.fixed == 0 {
            match outcome.left.first() {
                Some(left) => bail!("{}:{} is not fixed: {}", left.path, left.line, left.because),
                None => return Ok(()),
            }
        }
        println!("fixed {} in {} files", outcome.fixed, outcome.files.len());
    }
    bail!("fixes never end")
}
