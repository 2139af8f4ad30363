//! The CMake module, in a project whose driver is one of the examples.

use super::{Ran, drivers};
use crate::command::{self, root};
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Links a program, and puts a driver in its place.
const PROJECT: &str = "\
cmake_minimum_required(VERSION 3.16)
project(toy LANGUAGES C)
list(APPEND CMAKE_MODULE_PATH \"${MODULES}\")
include(Ringfence)
add_executable(toy main.c)
set_target_properties(toy PROPERTIES SUFFIX .sys)
add_custom_command(TARGET toy POST_BUILD
  COMMAND \"${CMAKE_COMMAND}\" -E copy \"${DRIVER}\" $<TARGET_FILE:toy> VERBATIM)
ringfence_scan(TARGET ${SCANNED} ${OPTIONS} REPORTS sarif=toy.sarif)
";

pub fn check() -> Result<()> {
    command::need(&[
        ("cmake", "cmake"),
        ("cc", "gcc"),
        ("make", "make"),
        ("ninja", "ninja-build"),
    ])?;
    let program = super::program()?;
    for generator in ["Unix Makefiles", "Ninja"] {
        let folder = tempfile::tempdir()?;
        let options = "GATE;load;certify";
        let project = Project { folder: folder.path(), generator, program: &program, options };
        fs::write(folder.path().join("CMakeLists.txt"), PROJECT)?;
        fs::write(folder.path().join("main.c"), "int main(void) { return 0; }\n")?;
        builds(&project)?;
        settings(&Project { options: "", ..project })?;
    }
    println!("CMake: a driver fails the build until it is mended, by make and by ninja");
    Ok(())
}

struct Project<'p> {
    folder: &'p Path,
    generator: &'p str,
    program: &'p Path,
    options: &'p str,
}

impl Project<'_> {
    fn configure(&self, driver: &Path, scanned: &str) -> Result<Ran> {
        let set = |name: &str, value: &Path| format!("-D{name}={}", value.display());
        Ran::of(
            Command::new("cmake")
                .args(["-G", self.generator, "-S", ".", "-B", "build"])
                .arg(set("MODULES", &root().join("integrations/cmake")))
                .arg(set("RINGFENCE_EXECUTABLE", self.program))
                .arg(set("DRIVER", driver))
                .arg(format!("-DSCANNED={scanned}"))
                .arg(format!("-DOPTIONS={}", self.options))
                .current_dir(self.folder),
        )
    }

    fn build(&self) -> Result<Ran> {
        Ran::of(Command::new("cmake").args(["--build", "build"]).current_dir(self.folder))
    }
}

fn builds(project: &Project<'_>) -> Result<()> {
    let [bad, clean] = drivers();
    project.configure(&bad, "toy")?.expect(0, &[])?;
    let line = "toy.sys : error executable-pool-type: ";
    // make ends with 2, ninja with 1.
    let code = if project.generator == "Ninja" { 1 } else { 2 };
    project.build()?.expect(code, &[line])?;
    // It does not pass by being built again.
    project.build()?.expect(code, &[line])?;
    ensure!(project.folder.join("build/toy.sarif").exists(), "no report was written");

    project.configure(&clean, "toy")?.expect(0, &[])?;
    project.build()?.expect(0, &["Examining toy"])?;
    let again = project.build()?;
    again.expect(0, &[])?;
    ensure!(!again.said.contains("Examining"), "what did not change is examined again: {again:?}");

    project.configure(&clean, "nothing")?.expect(1, &["TARGET has to be one that there is"])
}

/// What a settings file accepts counts at each build, also where the driver stays the same.
fn settings(project: &Project<'_>) -> Result<()> {
    let [bad, _] = drivers();
    let file = project.folder.join("ringfence.toml");
    let accept = "[[accept]]\nrule = \"executable-pool-type\"\npath = \"**\"\nreason = \"known\"\n";
    fs::remove_dir_all(project.folder.join("build"))?;
    project.configure(&bad, "toy")?.expect(0, &[])?;
    let failed = project.build()?;
    ensure!(failed.code != Some(0), "it passes without settings: {failed:?}");
    // Neither is configured anew by hand.
    fs::write(&file, accept)?;
    project.build()?.expect(0, &["accepted: known"])?;
    fs::write(&file, accept.replace("known\"", "known\"\nuntil = 2020-01-31"))?;
    ensure!(project.build()?.code != Some(0), "what has ended is accepted");
    fs::write(&file, "gate = [\"load\"]\n")?;
    project.build()?.expect(0, &[" : warning executable-pool-type: "])?;
    fs::remove_file(&file)?;
    ensure!(project.build()?.code != Some(0), "a settings file that is gone still counts");
    Ok(())
}
