//! The GitHub Action: its description against the schema, its steps as a runner runs them.

use super::{Ran, drivers};
use crate::command::{self, Missing, capture, root};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Validates actions by the schema of schemastore.org; it ships with it.
const VALIDATOR: &str = "0.6.0";

pub fn check() -> Result<()> {
    command::need(&[("bash", "bash"), ("node", "nodejs"), ("npm", "npm")])?;
    schema()?;
    let runner = Runner::new()?;
    let first = runner.step("source", &[])?;
    first.expect(0, &[])?;
    let digest = runner.output("digest")?;
    ensure!(digest.len() == 64, "no SHA-256: {digest}");
    runner.step("source", &[])?.expect(0, &[])?;
    ensure!(runner.output("digest")? == digest, "equal sources have two digests");
    runner.step("build", &[])?.expect(0, &[])?;
    scans(&runner)?;
    println!("action: valid, and its steps do what they are to do");
    Ok(())
}

/// Validates `action.yml`, and sees that a wrong one would be told.
fn schema() -> Result<()> {
    let folder = super::tools("action-validator")?;
    let program = folder.join("node_modules/.bin/action-validator");
    if !program.exists() {
        fs::create_dir_all(&folder)?;
        let packages = ["cli", "core"].map(|name| format!("@action-validator/{name}@{VALIDATOR}"));
        let install = ["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix"];
        let installed = Command::new("npm").args(install).arg(&folder).args(packages).status();
        if !installed.is_ok_and(|status| status.success()) {
            bail!(Missing("action-validator (npm)".to_owned()));
        }
    }
    let action = root().join("action.yml");
    capture(Command::new(&program).arg(&action))?;
    let wrong = tempfile::tempdir()?;
    let text = fs::read_to_string(&action)?.replace("using: composite", "using: nothing");
    let path = wrong.path().join("action.yml");
    fs::write(&path, text)?;
    ensure!(capture(Command::new(&program).arg(&path)).is_err(), "the validator takes anything");
    Ok(())
}

/// What of a runner the steps see.
struct Runner {
    folder: tempfile::TempDir,
}

impl Runner {
    fn new() -> Result<Runner> {
        let folder = tempfile::tempdir()?;
        let temp = folder.path().join("temp");
        fs::create_dir(&temp)?;
        // What was built for the last run need not be built again.
        let built = command::target()?.join("integrations");
        fs::create_dir_all(&built)?;
        std::os::unix::fs::symlink(&built, temp.join("ringfence-build"))?;
        Ok(Runner { folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a step's script, which has to be one that `action.yml` runs.
    fn step(&self, name: &str, inputs: &[(&str, &str)]) -> Result<Ran> {
        let script = format!("integrations/github/{name}.sh");
        let line = format!("run: '\"$GITHUB_ACTION_PATH/{script}\"'");
        let action = fs::read_to_string(root().join("action.yml"))?;
        ensure!(action.contains(&line), "action.yml does not run {script}");
        for file in ["output", "summary"] {
            fs::write(self.file(file), "")?;
        }
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c"])
            .arg("\"$GITHUB_ACTION_PATH/$0\"")
            .arg(script)
            .current_dir(self.folder.path())
            .env("GITHUB_ACTION_PATH", root())
            .env("RUNNER_TEMP", self.file("temp"))
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary"))
            .envs(inputs.iter().copied());
        super::quick_release(&mut command);
        Ran::of(&mut command)
    }

    fn output(&self, name: &str) -> Result<String> {
        let text = fs::read_to_string(self.file("output"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(str::to_owned).with_context(|| format!("no output {name} in {text}"))
    }

    /// Scans with the defaults of `action.yml` and what is given beside them.
    fn scan(&self, paths: &str, inputs: &[(&'static str, &str)]) -> Result<Ran> {
        let mut all = vec![("RINGFENCE_PATHS", paths)];
        for (name, default) in [
            ("RINGFENCE_COMMAND", "scan"),
            ("RINGFENCE_FAIL_ON", ""),
            ("RINGFENCE_FAIL_UNKNOWN", ""),
            ("RINGFENCE_TARGET", ""),
            ("RINGFENCE_SYMBOLS", ""),
            ("RINGFENCE_SARIF", "ringfence.sarif"),
            ("RINGFENCE_ARGS", ""),
        ] {
            let given = inputs.iter().find(|(given, _)| *given == name);
            all.push((name, given.map_or(default, |(_, value)| value)));
        }
        self.step("scan", &all)
    }
}

fn scans(runner: &Runner) -> Result<()> {
    let [bad, clean] = drivers().map(|path| path.display().to_string());
    let both = format!("{bad}\n\n{clean}\n");
    runner.scan(&both, &[])?.expect(1, &["::error ", "executable-pool-type"])?;
    ensure!(runner.output("exit-code")? == "1" && runner.output("sarif")? == "ringfence.sarif");
    let summary = fs::read_to_string(runner.file("summary"))?;
    ensure!(summary.contains("executable-pool-x64.sys"), "the summary: {summary}");
    sarif(&runner.file("ringfence.sarif"), 1)?;

    // What is asked decides; "none" lets every driver pass and still tells, but hides no trouble.
    runner.scan(&bad, &[("RINGFENCE_FAIL_ON", "load")])?.expect(0, &["executable-pool-type"])?;
    runner.scan(&bad, &[("RINGFENCE_FAIL_ON", "none")])?.expect(0, &["executable-pool-type"])?;
    ensure!(runner.output("exit-code")? == "0", "no answer fails");
    let missing = format!("{bad}\nno-such.sys\n");
    runner.scan(&missing, &[("RINGFENCE_FAIL_ON", "none")])?.expect(2, &["no-such.sys"])?;
    let unknown = [("RINGFENCE_FAIL_ON", "run"), ("RINGFENCE_FAIL_UNKNOWN", "true")];
    runner.scan(&bad, &unknown)?.expect(1, &[])?;

    let elsewhere =
        [("RINGFENCE_SARIF", "a b.sarif"), ("RINGFENCE_ARGS", "--strict\n--no-hash\r\n")];
    runner.scan(&clean, &elsewhere)?.expect(0, &[])?;
    sarif(&runner.file("a b.sarif"), 0)?;
    settings(runner, &bad)?;
    arguments(runner, &bad)?;
    usage_errors(runner, &clean)?;
    lint(runner)?;

    // Nothing of the inputs is a command, and what makes no sense is told.
    let injected = "$(touch injected)`touch injected`;touch injected";
    ensure!(runner.scan(injected, &[])?.code != Some(0), "a file of that name was found");
    ensure!(!runner.file("injected").exists(), "an input was run");
    runner.scan(&clean, &[("RINGFENCE_FAIL_UNKNOWN", "yes")])?.expect(2, &["true or false"])?;
    runner.scan(&clean, &[("RINGFENCE_SARIF", "a\nexit-code=0")])?.expect(2, &["one file name"])?;
    let empty = runner.file("temp").join("empty");
    fs::create_dir_all(&empty)?;
    runner.scan(&empty.display().to_string(), &[])?.expect(3, &["no driver was found"])
}

/// The same of source.
fn lint(runner: &Runner) -> Result<()> {
    let source = runner.file("source");
    fs::create_dir_all(&source)?;
    let paths = source.display().to_string();
    let command = ("RINGFENCE_COMMAND", "lint");
    runner.scan(&paths, &[command])?.expect(3, &["neither source nor a project file was found"])?;
    let bad = "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePool(NonPagedPool, 1); }\n";
    fs::write(source.join("a.c"), bad)?;
    let annotation = "::error file=source/a.c,line=2,col=39,";
    runner.scan(&paths, &[command])?.expect(1, &[annotation, "executable-pool-type"])?;
    ensure!(runner.output("exit-code")? == "1" && runner.output("sarif")? == "ringfence.sarif");
    let summary = fs::read_to_string(runner.file("summary"))?;
    ensure!(summary.contains("ringfence lint: 1 error"), "the summary: {summary}");
    sarif(&runner.file("ringfence.sarif"), 1)?;
    runner.scan(&paths, &[command, ("RINGFENCE_FAIL_ON", "none")])?.expect(0, &[])?;
    runner.scan(&paths, &[command, ("RINGFENCE_FAIL_ON", "load")])?.expect(2, &["takes none"])?;
    let unknown = ("RINGFENCE_FAIL_UNKNOWN", "true");
    runner.scan(&paths, &[command, unknown])?.expect(2, &["are not for lint"])?;
    runner.scan(&paths, &[("RINGFENCE_COMMAND", "diff")])?.expect(2, &["takes scan or lint"])
}

/// What no input says is for the settings file to say.
fn settings(runner: &Runner, bad: &str) -> Result<()> {
    let folder = runner.file("settings");
    fs::create_dir_all(&folder)?;
    let driver = folder.join("bad.sys");
    fs::copy(bad, &driver)?;
    let driver = driver.display().to_string();
    let mut ran = Vec::new();
    for text in ["gate = [\"load\"]\n", "gate = [\"run\"]\nfail-unknown = true\n"] {
        fs::write(folder.join("ringfence.toml"), text)?;
        ran.push(runner.scan(&driver, &[])?);
    }
    ran[0].expect(0, &["::warning ", "denies certify, which fails nothing here"])?;
    ensure!(!ran[0].said.contains("::error"), "what fails nothing is an error: {:?}", ran[0]);
    ran[1].expect(1, &["title=run unknown"])?;
    runner.scan(&driver, &[("RINGFENCE_FAIL_UNKNOWN", "false")])?.expect(0, &[])?;
    runner.scan(&driver, &[("RINGFENCE_FAIL_ON", "certify")])?.expect(1, &["::error "])
}

/// Arguments are split as a shell does, quotation marks and backslashes of Windows with them.
fn arguments(runner: &Runner, bad: &str) -> Result<()> {
    fs::write(runner.file("my config.toml"), "gate = [\"load\"]\n")?;
    for args in [
        "--config \"my config.toml\"",
        "  --config='my config.toml'\t--no-hash \n",
        "--config\r\nmy' 'config.toml",
    ] {
        runner.scan(bad, &[("RINGFENCE_ARGS", args)])?.expect(0, &["::warning "])?;
    }
    let ran = runner.scan(bad, &[("RINGFENCE_ARGS", r"--config C:\no\$(touch injected)*")])?;
    ran.expect(2, &[r"C:\no\$(touch"])?;
    ensure!(!runner.file("injected").exists(), "an argument was run");
    runner.scan(bad, &[("RINGFENCE_ARGS", "--config 'a")])?.expect(2, &["never closed"])
}

/// They are annotated, and no report of an earlier step passes for theirs.
fn usage_errors(runner: &Runner, clean: &str) -> Result<()> {
    runner.scan(clean, &[])?.expect(0, &[])?;
    ensure!(runner.output("sarif")? == "ringfence.sarif" && !runner.output("markdown")?.is_empty());
    let told = "::error title=ringfence::invalid value 'lod'";
    runner.scan(clean, &[("RINGFENCE_FAIL_ON", "lod")])?.expect(2, &[told])?;
    ensure!(runner.output("sarif").is_err() && runner.output("markdown").is_err());
    ensure!(runner.output("exit-code")? == "2" && !runner.file("ringfence.sarif").exists());
    let nowhere = [("RINGFENCE_SARIF", "no/such/folder.sarif")];
    runner
        .scan(clean, &nowhere)?
        .expect(2, &["::error title=ringfence::cannot write the report"])?;
    ensure!(runner.output("sarif").is_err() && !runner.output("markdown")?.is_empty());
    let ran = runner.scan("gone.sys", &[])?;
    ran.expect(2, &["title=could not read"])?;
    ensure!(ran.said.matches("::error").count() == 1, "it is told twice: {ran:?}");
    Ok(())
}

/// Fails unless the file is SARIF with this many errors.
fn sarif(path: &Path, errors: usize) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("no {}", path.display()))?;
    let report: serde_json::Value = serde_json::from_str(&text)?;
    ensure!(report["version"] == "2.1.0", "{}", report["version"]);
    let results = report["runs"][0]["results"].as_array().context("no results")?;
    let found = results.iter().filter(|result| result["level"] == "error").count();
    ensure!(found == errors, "{found} errors in {}", path.display());
    Ok(())
}
