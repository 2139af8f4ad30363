//! Runs the binary, and makes folders to run it on.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Every format, by name.
pub(crate) const FORMATS: [&str; 5] = ["full", "concise", "summary", "json", "jsonl"];

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn jsonl(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines.map(|line| serde_json::from_str(line).expect("one object a line")).collect()
    }

    /// The file names of the drivers told by `--format json` or `jsonl`, in order.
    pub(crate) fn drivers(&self) -> Vec<String> {
        let drivers = match serde_json::from_str::<Value>(&self.stdout) {
            Ok(report) if report["drivers"].is_array() => {
                report["drivers"].as_array().cloned().unwrap()
            }
            _ => self.jsonl(),
        };
        let path = |driver: &Value| driver["path"].as_str().unwrap().to_owned();
        drivers.iter().map(path).map(|path| file_name(&path).to_owned()).collect()
    }

    /// The line on standard output that holds `part`.
    #[track_caller]
    pub(crate) fn line(&self, part: &str) -> &str {
        let mut lines = self.stdout.lines();
        lines.find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}: {self:?}"))
    }

    /// Standard output with one space for every run of them and for every line end: words wherever lines are broken.
    pub(crate) fn words(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// The binary, with nothing in its environment that would change what it writes.
pub(crate) fn ringfence() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.stdin(Stdio::null());
    for name in ["NO_COLOR", "FORCE_COLOR", "TERM", "SOURCE_DATE_EPOCH"] {
        command.env_remove(name);
    }
    command
}

/// Runs `ringfence` with `arguments`.
pub(crate) fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    ringfence().args(arguments).output().expect("the binary starts").into()
}

/// Runs `ringfence scan` with options as one writes them, and one input.
pub(crate) fn scan(options: &str, input: impl AsRef<Path>) -> Ran {
    let mut command = ringfence();
    command.arg("scan").args(options.split_whitespace()).arg(input.as_ref());
    command.output().expect("the binary starts").into()
}

/// Runs `ringfence scan -` with options and `bytes` on standard input.
pub(crate) fn scan_stdin(options: &str, bytes: Vec<u8>) -> Ran {
    let mut command = ringfence();
    command.arg("scan").args(options.split_whitespace()).arg("-");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // Whoever has read enough may hang up.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("writing does not panic");
    output.into()
}

/// A folder with files.
pub(crate) fn folder<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// A driver that nothing is wrong with.
pub(crate) fn clean() -> Vec<u8> {
    ringfence_fixture::driver().bytes()
}

/// A driver that does not load and cannot be certified.
pub(crate) fn bad() -> Vec<u8> {
    use ringfence_fixture::{RWX, driver};
    driver().edit_section(".text", |text| text.rights(RWX)).bytes()
}

/// A driver that cannot be moved, so it does not load; nothing else is held against it.
pub(crate) fn immovable() -> Vec<u8> {
    ringfence_fixture::driver().relocs_stripped().bytes()
}

/// A driver that only Windows before 1703 objects to.
pub(crate) fn straddling() -> Vec<u8> {
    use ringfence_fixture::{DIR64, driver};
    let data = |data: ringfence_fixture::Section| data.bytes(vec![0; 0x1100]);
    driver().edit_section(".data", data).relocation_in(".data", 0xffc, DIR64).bytes()
}

/// A driver that loads, with one malformed part.
pub(crate) fn blemished() -> Vec<u8> {
    malformed("resource-cycle-of-one")
}

/// A native program of user mode, as `smss.exe` is one.
pub(crate) fn native_program() -> Vec<u8> {
    ringfence_fixture::driver().no_imports().import("ntdll.dll", &["NtClose"]).bytes()
}

/// One of the shapes of [`ringfence_fixture::malformed`].
pub(crate) fn malformed(name: &str) -> Vec<u8> {
    let shapes = ringfence_fixture::malformed();
    let found = shapes.into_iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no shape is called {name}")).1
}

/// A path below the workspace.
pub(crate) fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
