//! What is known of DDIs, on the command line.

use crate::run::run;

#[test]
fn several_names_are_explained_at_once() {
    let both = run(["explain", "executable-pool-type", "MmMapIoSpace"]);
    assert_eq!(both.code, Some(0), "{both:?}");
    assert!(both.stdout.starts_with("executable-pool-type: "), "{both:?}");
    assert!(both.stdout.contains("\nMmMapIoSpace"), "{both:?}");
    let one = run(["explain", "executable-pool-type", "MmMapNothing"]);
    assert_eq!(one.code, Some(2), "{one:?}");
}

#[test]
fn a_ddi_is_explained_by_any_of_its_names() {
    for name in ["MmMapIoSpace", "MMMAPIOSPACE", "nt!MmMapIoSpace"] {
        let ran = run(["explain", name]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(ran.stdout.starts_with("MmMapIoSpace: whether memory is executable"), "{ran:?}");
        ran.line("MmMapIoSpaceEx");
        ran.line("nf-wdm-mmmapiospace");
    }
    let as_nt = run(["explain", "NtAllocateVirtualMemory"]);
    assert!(as_nt.stdout.starts_with("ZwAllocateVirtualMemory: "), "{as_nt:?}");
}

/// Microsoft's list of potentially affected DDIs has 46 names.
#[test]
fn ddis_are_listed() {
    let listed = run(["list", "ddis"]);
    assert_eq!(listed.code, Some(0));
    assert_eq!(listed.stdout.lines().filter(|line| line.starts_with("* ")).count(), 46);
    assert!(listed.line("  MmMapIoSpaceEx ").ends_with("0x2001"), "{listed:?}");
    let json = run(["list", "ddis", "--format", "json"]).json();
    let ddis = json.as_array().unwrap();
    let named = |name: &str| ddis.iter().find(|ddi| ddi["name"] == name).unwrap();
    assert_eq!(named("ZwMapViewOfSection")["argument"], 9);
    assert_eq!(named("ZwMapViewOfSection")["verifier"], "0x2001");
    assert_eq!(named("MmMapIoSpace")["code_analysis"], "C30029");
    assert_eq!(ddis.iter().filter(|ddi| ddi["listed"] == true).count(), 46);
    // What is listed can be asked about.
    for ddi in ddis.iter().step_by(10) {
        let name = ddi["name"].as_str().unwrap();
        let explained = run(["explain", name]).stdout;
        assert!(explained.starts_with(&format!("{name}: ")), "{name}: {explained}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_said_of_ddis_fits_the_terminal() {
    use crate::terminal::{on_terminal, without_colors};
    for arguments in [
        &["list", "ddis"][..],
        &["explain", "FLT_CONTEXT_REGISTRATION.ContextAllocateCallback"],
        &["explain", "MmMapLockedPagesSpecifyCache"],
    ] {
        for line in on_terminal(80, arguments, &[]).lines().map(without_colors) {
            assert!(line.chars().count() <= 80 || line.contains("https://"), "{line}");
        }
    }
}

#[test]
fn a_bug_check_without_its_subcode_and_a_mistyped_command_get_what_was_meant() {
    let ran = run(["explain", "0xC4"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for subcode in ["0x2000", "0x2001", "0x2002", "0x2003", "0x2004", "0x2005"] {
        assert!(ran.stderr.contains(&format!("0xC4:{subcode}")), "{ran:?}");
    }
    let ran = run(["verfy", "a.sys"]);
    let tip = ran.stderr.lines().find(|line| line.contains("tip: ")).unwrap();
    let first = tip.split('\'').nth(1);
    assert_eq!(first, Some("verify"), "{ran:?}");
}
