//! Completions and manual pages, as far as no shell is needed; `cargo xtask integrations` asks shells.

use crate::run::run;

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(["completions", shell]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stderr, "");
        for word in ["fail-unknown", "explain", "completions"] {
            assert!(ran.stdout.contains(word), "{shell} lacks {word}");
        }
    }
    let bash = run(["completions", "bash"]).stdout;
    for name in ["executable-pool-type", "MmMapIoSpaceEx", "C30030", "win11-24h2", "sarif"] {
        assert!(bash.contains(name), "{name} is not completed");
    }
    // What the shell would take apart is left out.
    assert!(!bash.contains("0xC4:0x2003") && !bash.contains("Execute-Write"));
}

#[test]
fn manual_pages_are_printed_or_written() {
    let page = run(["man", "scan"]);
    assert_eq!(page.code, Some(0), "{page:?}");
    assert!(page.stdout.starts_with(".TH RINGFENCE-SCAN 1 "), "{page:?}");
    assert!(page.stdout.contains(".SH NOTES\nExit codes, looked at in this order:\n.TP\n"));
    assert!(run(["man", "list", "rules"]).stdout.starts_with(".TH RINGFENCE-LIST-RULES 1 "));
    assert!(run(["man", "ringfence.toml"]).stdout.starts_with(".TH RINGFENCE.TOML 5 "));
    assert!(run(["man"]).stdout.starts_with(".TH RINGFENCE 1 "));

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    assert_eq!(run(["man", "--out", &out.to_string_lossy()]).code, Some(0));
    let written = std::fs::read_to_string(out.join("ringfence-scan.1")).unwrap();
    assert_eq!(written, page.stdout);
    assert_eq!(run(["man", "scan", "--out", "x"]).code, Some(2));
}
