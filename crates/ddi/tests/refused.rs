//! What the build refuses in the table, and what it says then.

#[path = "../build/check.rs"]
mod check;
#[path = "../build/emit.rs"]
mod emit;
#[path = "../build/read.rs"]
mod read;

use ringfence_ddi::Role;

/// An entry that nothing is wrong with, below two lines of something else.
const FINE: &str = r#"# DDIs that wdm.h declares.

[MmMapIoSpace]
aliases = ["MapIoSpace"]
parameters = ["PhysicalAddress", "NumberOfBytes", "CacheType"]
roles = { CacheType = "io-space-cache-type" }
reach = "import"
modules = ["ntoskrnl.exe"]
grant = "argument"
verifier = { behaviour = "substitute-nx" }
warning = { id = "C30029", documented = true }
replacement = "call another"
certainty = "high"
docs = "wdm/nf-wdm-mmmapiospace"
note = "One sentence."
"#;

/// What is said of the files, each with its text.
fn said(files: &[(&str, &str)]) -> Vec<String> {
    let mut entries = Vec::new();
    for (file, text) in files {
        match read::entries(file, text) {
            Ok(read) => entries.extend(read),
            Err(problem) => return vec![problem.to_string()],
        }
    }
    check::problems(&entries).iter().map(ToString::to_string).collect()
}

/// What is said of the entry that nothing is wrong with, after a change.
#[track_caller]
fn changed(from: &str, to: &str) -> Vec<String> {
    assert_eq!(FINE.matches(from).count(), 1, "{from}");
    said(&[("table/wdm.toml", &FINE.replace(from, to))])
}

#[track_caller]
fn refused(from: &str, to: &str, message: &str) {
    let said = changed(from, to);
    assert_eq!(said, [format!("table/wdm.toml:3: MmMapIoSpace: {message}")]);
}

#[test]
fn a_whole_entry_is_accepted() {
    assert_eq!(said(&[("table/wdm.toml", FINE)]), [""; 0]);
}

#[test]
fn what_is_no_entry() {
    for (from, to, line, message) in [
        ("certainty", "sureness", 13, "unknown field `sureness`"),
        ("behaviour", "conduct", 10, "unknown field `conduct`"),
        ("documented", "described", 11, "unknown field `described`"),
        ("grant = \"argument\"\n", "", 3, "missing field `grant`"),
        ("verifier = { behaviour = \"substitute-nx\" }\n", "", 3, "missing field `verifier`"),
        ("certainty = \"high\"\n", "", 3, "missing field `certainty`"),
        ("\"argument\"", "\"arguments\"", 9, "unknown variant `arguments`"),
        ("\"import\"", "\"imported\"", 7, "unknown variant `imported`"),
        ("\"high\"", "\"sure\"", 13, "unknown variant `sure`"),
        ("note = \"One", "docs = \"One", 15, "duplicate key"),
        ("[MmMapIoSpace]", "[MmMapIoSpace", 3, "unclosed table"),
    ] {
        let said = changed(from, to);
        let [only] = &said[..] else { panic!("{to}: {said:?}") };
        assert!(only.starts_with(&format!("table/wdm.toml:{line}: ")), "{to}: {only}");
        assert!(only.contains(message), "{to}: {only}");
    }
}

#[test]
fn roles() {
    refused("roles = { CacheType =", "roles = { Cache =", "`Cache` has a role but is no parameter");
    refused(
        "\"io-space-cache-type\"",
        "\"cache-type\", NumberOfBytes = \"pool-type\"",
        "no role is called `cache-type`; there are pool-type, pool-flags, lookaside-flags, \
         page-protection, mdl-priority, io-space-cache-type, contiguous-cache-type, heap-flags, \
         video-pool-type, section-attributes, processor-mode, process-handle, context-type, \
         allocate-routine, described-address, returned-address",
    );
    refused(
        "\"io-space-cache-type\"",
        "\"pool-type\", NumberOfBytes = \"pool-flags\"",
        "more than one parameter decides: CacheType, NumberOfBytes",
    );
    refused(
        "roles = { CacheType = \"io-space-cache-type\" }\n",
        "",
        "grant is `argument`, but no parameter has a deciding role",
    );
    // A qualifying role does not decide.
    refused(
        "\"io-space-cache-type\"",
        "\"processor-mode\"",
        "grant is `argument`, but no parameter has a deciding role",
    );
    refused(
        "grant = \"argument\"",
        "grant = \"always\"",
        "`CacheType` has a deciding role, but grant is not `argument`",
    );
    refused(
        "\"NumberOfBytes\", \"CacheType\"]",
        "\"CacheType\", \"CacheType\"]",
        "two parameters are called `CacheType`",
    );
}

#[test]
fn reach() {
    refused("modules = [\"ntoskrnl.exe\"]\n", "", "it has no module");
    refused(
        "\"ntoskrnl.exe\"",
        "\"NTOSKRNL.exe\"",
        "`NTOSKRNL.exe` is no file name of a module in lower case",
    );
    refused("\"ntoskrnl.exe\"", "\"ntos\"", "`ntos` is no file name of a module in lower case");
    let inline = "reach.inline = { becomes = \"MmMap\" }\n";
    refused(
        "reach = \"import\"\nmodules = [\"ntoskrnl.exe\"]\n",
        inline,
        "it becomes `MmMap`, which is not in the table",
    );
    refused(
        "reach = \"import\"\n",
        "reach.inline = { becomes = \"MmMapIoSpace\" }\n",
        "no module exports what stands in headers only",
    );
    refused(
        "wdm/nf-wdm-mmmapiospace",
        "ntddk/nf-ntddk-mmmapiospace",
        "its page is `ntddk/nf-ntddk-mmmapiospace`, so it belongs into another file",
    );
}

#[test]
fn what_tools_say() {
    refused("\"substitute-nx\"", "\"report\", subcode = 0x2003", "0x2003 is no subcode of a call");
    refused("\"substitute-nx\"", "\"report\"", "Driver Verifier stops, but `subcode` is missing");
    refused(
        "\"substitute-nx\"",
        "\"none\", subcode = 0x2001",
        "Driver Verifier does not stop, but there is a `subcode`",
    );
    refused("\"C30029\"", "\"C28751\"", "`C28751` is neither C30029 nor C30030");
}

#[test]
fn words() {
    let fragment = "is to be a fragment without a full stop";
    refused("call another", "Call another.", &format!("`replacement` {fragment}"));
    refused("certainty =", "since = \"\"\ncertainty =", &format!("`since` {fragment}"));
    refused("certainty =", "nx-since = \"\"\ncertainty =", &format!("`nx-since` {fragment}"));
    refused("nx\" }", "nx\", note = \"\" }", &format!("`verifier.note` {fragment}"));
    refused("= true }", "= true, note = \"x.\" }", &format!("`warning.note` {fragment}"));
    refused("One sentence.", "One sentence", "`note` is to be whole sentences");
    refused("One sentence.", "one sentence.", "`note` is to be whole sentences");
}

#[test]
fn a_name_has_one_entry() {
    let other = FINE.replace("wdm", "ntddk").replace("MapIoSpace]", "MapIoSpaceEx]");
    let taken = |name: &str| {
        let message = format!("the name `{name}` is taken at table/wdm.toml:3");
        vec![format!("table/ntddk.toml:3: MmMapIoSpaceEx: {message}")]
    };
    let both = |text: &str| said(&[("table/wdm.toml", FINE), ("table/ntddk.toml", text)]);
    assert_eq!(both(&other), taken("MapIoSpace"));
    assert_eq!(both(&other.replace("\"MapIoSpace\"", "\"mmmapiospace\"")), taken("mmmapiospace"));
    assert_eq!(both(&other.replace("\"MapIoSpace\"", "\"Other\"")), [""; 0]);
}

#[test]
fn what_is_accepted_is_compiled_in_the_order_of_names() {
    let other = FINE.replace("[MmMapIoSpace]", "[IoAllocateMdl]").replace("\"MapIoSpace\"", "");
    let text = format!("{FINE}\n{other}");
    let mut entries = read::entries("table/wdm.toml", &text).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [19, 3]);
    entries.reverse();
    let source = emit::source(&mut entries);
    assert!(source.starts_with("static TABLE: [Ddi; 2] = ["), "{source}");
    let at = |piece: &str| source.find(piece).unwrap_or_else(|| panic!("{piece}: {source}"));
    assert!(at("name: \"IoAllocateMdl\"") < at("name: \"MmMapIoSpace\""));
    assert!(at("(\"IoAllocateMdl\", 0)") < at("(\"MapIoSpace\", 1)"));
    assert!(at("(\"MapIoSpace\", 1)") < at("(\"MmMapIoSpace\", 1)"));
    assert!(source.contains("docs: Some(\"wdm/nf-wdm-mmmapiospace\")"));
    assert!(source.contains("name: \"CacheType\", role: Some(Role::IoSpaceCacheType)"));
}
