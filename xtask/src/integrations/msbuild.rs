//! The MSBuild targets, after a Link that only copies.
//!
//! Microsoft's MSBuild is in no package of Debian, so mono's xbuild stands in. It reads the same files and
//! runs targets, conditions, inputs and outputs alike, but makes no errors of lines that look like ones, for which
//! the targets have expressions; that those lines have MSBuild's form is tested where they are written.

use super::{Ran, drivers};
use crate::command::{self, root};
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A driver's project as far as the targets see it.
const PROJECT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Project DefaultTargets="Build" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
  <PropertyGroup>
    <IntDir>obj/</IntDir>
    <TargetName>toy driver</TargetName>
    <TargetPath>$(MSBuildProjectDirectory)/bin/toy driver.sys</TargetPath>
  </PropertyGroup>
  <Target Name="Link" Inputs="$(Driver)" Outputs="$(TargetPath)">
    <Copy SourceFiles="$(Driver)" DestinationFiles="$(TargetPath)" />
  </Target>
  <Target Name="Build" DependsOnTargets="Link" />
  <Import Project="$(Targets)" />
</Project>
"#;

pub fn check() -> Result<()> {
    command::need(&[("xbuild", "mono-xbuild")])?;
    let program = super::program()?;
    let [bad, clean] = drivers();
    let line = "toy driver.sys : error executable-pool-type: ";
    let skipped = "Skipping target \"Ringfence\"";

    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("toy.proj"), PROJECT)?;
    let build = |driver: &Path, more: &[&str]| build(folder.path(), &program, driver, more);
    build(&bad, &[])?.expect(1, &[line, "exited with code: 1", "Build FAILED"])?;
    build(&bad, &[])?.expect(1, &[line])?;
    // The finding is told even where little is.
    build(&bad, &["/v:m"])?.expect(1, &["error : ", line])?;
    // Where certify is not asked for, what it objects to is a warning and the build goes on.
    let told = "toy driver.sys : warning executable-pool-type: ";
    build(&bad, &["RingfenceGate=load"])?.expect(0, &[told, "Build succeeded"])?;
    build(&bad, &["RingfenceGate=load"])?.expect(0, &[skipped])?;

    fs::remove_dir_all(folder.path().join("obj"))?;
    let unknown = ["RingfenceGate=run", "RingfenceTreatUnknownAsError=true"];
    build(&bad, &unknown)?.expect(1, &["--fail-unknown", "exited with code: 1"])?;
    let left_out = build(&bad, &["RingfenceEnabled=false"])?;
    left_out.expect(0, &[])?;
    ensure!(!left_out.said.contains("executable-pool-type"), "it is not left out: {left_out:?}");

    settings(folder.path(), &build)?;

    fs::remove_dir_all(folder.path().join("bin"))?;
    build(&clean, &["RingfenceSarif=toy.sarif", "RingfenceTargets=all"])?.expect(0, &[])?;
    ensure!(folder.path().join("toy.sarif").exists(), "no report was written");
    build(&clean, &[])?.expect(0, &[skipped])?;
    println!("MSBuild: a driver fails the build until it is mended, by xbuild");
    Ok(())
}

/// What a settings file accepts counts at each build, also where the driver stays the same.
fn settings(folder: &Path, build: &dyn Fn(&Path, &[&str]) -> Result<Ran>) -> Result<()> {
    let [bad, _] = drivers();
    let file = folder.join("ringfence.toml");
    let accept = "[[accept]]\nrule = \"executable-pool-type\"\npath = \"**\"\nreason = \"known\"\n";
    fs::write(&file, accept)?;
    build(&bad, &[])?.expect(0, &["accepted: known", "Build succeeded"])?;
    build(&bad, &[])?.expect(0, &["accepted: known"])?;
    fs::write(&file, accept.replace("known\"", "known\"\nuntil = 2020-01-31"))?;
    build(&bad, &[])?.expect(1, &["ended on 2020-01-31"])?;
    // What no property says is for the file to say.
    fs::write(&file, "gate = [\"load\"]\n")?;
    build(&bad, &[])?.expect(0, &["warning : ", "denies certify, which fails nothing here"])?;
    let baseline = ["RingfenceArguments=--isolated --baseline none.json"];
    build(&bad, &baseline)?.expect(1, &["none.json"])?;
    fs::remove_file(&file)?;
    build(&bad, &[])?.expect(1, &["exited with code: 1"])
}

fn build(folder: &Path, program: &Path, driver: &Path, more: &[&str]) -> Result<Ran> {
    let targets = root().join("integrations/msbuild/Ringfence.targets");
    let property = |name: &str, path: &Path| format!("/p:{name}={}", path.display());
    Ran::of(
        Command::new("xbuild")
            .arg("/nologo")
            .arg(property("Targets", &targets))
            .arg(property("RingfencePath", program))
            .arg(property("Driver", driver))
            .args(more.iter().map(|one| match one.starts_with('/') {
                true => (*one).to_owned(),
                false => format!("/p:{one}"),
            }))
            .arg("toy.proj")
            .current_dir(folder),
    )
}
