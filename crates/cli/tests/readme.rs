//! README.md shows real output: what stands below each `$ ringfence …` is what that command prints.
//!
//! `RINGFENCE_BLESS=1 cargo test -p ringfence-cli --test readme` writes it anew; read the difference.

use std::path::Path;
use std::process::Command;

const OPENING: &str = "```console\n$ ringfence ";

/// What the command prints, with the one thing that differs from run to run made the same.
fn printed(root: &Path, arguments: &str) -> String {
    let state = tempfile::tempdir().expect("a folder can be made");
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        // Whoever runs the tests may have runs of their own there.
        .env("RINGFENCE_STATE", state.path().join("verifier.json"))
        .args(arguments.split_whitespace())
        .current_dir(root)
        .output()
        .expect("ringfence runs and prints text");
    let text = String::from_utf8(output.stdout).expect("ringfence runs and prints text");
    text.lines().map(|line| untimed(line) + "\n").collect()
}

/// `… (0.02 s)` as `… (0.00 s)`.
fn untimed(line: &str) -> String {
    match line.rsplit_once(" (") {
        Some((rest, time)) if time.ends_with(" s)") => format!("{rest} (0.00 s)"),
        _ => line.to_owned(),
    }
}

/// The document with the output of each of its commands.
fn with_output(root: &Path, document: &str) -> String {
    let mut parts = document.split(OPENING);
    let mut fresh = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (block, rest) = part.split_once("```\n").expect("a block has an end");
        let arguments = block.lines().next().unwrap_or_default();
        fresh += &format!("{OPENING}{arguments}\n{}```\n{rest}", printed(root, arguments));
    }
    fresh
}

#[test]
fn readme_shows_the_example_settings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let settings = std::fs::read_to_string(root.join("examples/settings/ringfence.toml")).unwrap();
    let document = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(document.contains(&format!("```toml\n{settings}```\n")));
}

#[test]
fn readme_shows_real_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let path = root.join("README.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let fresh = with_output(root, &document);
    assert!(document.matches(OPENING).count() >= 2);
    if std::env::var_os("RINGFENCE_BLESS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    } else {
        assert_eq!(document, fresh);
    }
}
