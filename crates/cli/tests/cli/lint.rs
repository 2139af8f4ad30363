//! `ringfence lint`, as users run it.

use crate::run::{Ran, folder, ringfence};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Runs `ringfence lint --isolated` in `folder`, with options as one writes them.
fn lint(folder: &Path, options: &str) -> Ran {
    let mut command = ringfence();
    command.args(["lint", "--isolated"]).args(options.split_whitespace()).current_dir(folder);
    command.output().unwrap().into()
}

const BAD: &str = "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePool(NonPagedPool, 1); }\n";
const FINE: &str = "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePool(PagedPool, 1); }\n";
const PROJECT: &str = "<Project><ItemGroup><ProjectConfiguration Include=\"R|x64\"/></ItemGroup>\
    <ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=1</PreprocessorDefinitions>\
    </ClCompile></ItemDefinitionGroup><ItemGroup><ClCompile Include=\"src\\a.c\"/></ItemGroup></Project>";

fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    folder(files.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())))
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let of = |all: &[(&str, &str)], options: &str| lint(files(all).path(), options).code;
    assert_eq!(of(&[("a.c", FINE)], ""), Some(0));
    assert_eq!(of(&[("a.c", BAD)], ""), Some(1));
    assert_eq!(of(&[("a.c", BAD)], "--exit-zero"), Some(0));
    assert_eq!(of(&[("a.c", FINE), ("b.c", "\0")], ""), Some(2));
    assert_eq!(of(&[("a.c", FINE), ("b.vcxproj", "<Project>")], ""), Some(2));
    assert_eq!(of(&[("a.txt", "")], ""), Some(3));
    assert_eq!(of(&[("a.c", FINE)], "no/such.c"), Some(2));
    assert_eq!(of(&[("a.c", FINE)], "-"), Some(2));
    assert_eq!(of(&[("a.c", BAD)], "--diff"), Some(1));
    assert_eq!(of(&[("a.c", FINE)], "--diff"), Some(0));
}

/// A file belongs to what builds it, wherever one is when one asks.
#[test]
fn a_file_says_alone_what_it_says_among_the_others() {
    let all = files(&[
        ("drv/acme.vcxproj", PROJECT),
        ("drv/src/a.c", "#include \"acme.h\"\nvoid *f(void) { return ExAllocatePool(POOL, 1); }\n"),
        ("drv/src/acme.h", "#include <ntddk.h>\n#define POOL NonPagedPool\n"),
        ("other/b.c", BAD),
    ]);
    for (inside, options) in [
        (".", "drv"),
        ("drv", "src"),
        ("drv/src", ""),
        ("drv/src", "a.c"),
        (".", "drv/acme.vcxproj"),
    ] {
        let ran = lint(&all.path().join(inside), &format!("--format jsonl {options}"));
        assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{inside} {options}: {ran:?}");
    }
    let ran = lint(all.path(), "--format json drv/acme.vcxproj");
    assert_eq!(
        (&ran.json()["examined"]["files"], &ran.json()["examined"]["projects"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn paths_are_told_from_the_working_directory_on() {
    let all = files(&[("src/a.c", BAD)]);
    for (inside, option) in [(".", ""), (".", "./src"), ("src", "a.c")] {
        let ran = lint(&all.path().join(inside), &format!("--format jsonl {option}"));
        let path = ran.jsonl()[0]["path"].as_str().unwrap().replace('\\', "/");
        assert_eq!(path, if inside == "." { "src/a.c" } else { "a.c" });
    }
}

#[test]
fn one_object_is_told_for_each_finding() {
    let all = files(&[("a.c", BAD)]);
    let ran = lint(all.path(), "--format jsonl");
    let [finding] = &ran.jsonl()[..] else { panic!("{ran:?}") };
    let of = |name: &str| finding[name].clone();
    assert_eq!((of("path"), of("line"), of("column")), ("a.c".into(), 2.into(), 39.into()));
    assert_eq!((of("rule"), of("ddi")), ("executable-pool-type".into(), "ExAllocatePool".into()));
    assert!(of("aliases").as_array().unwrap().contains(&Value::from("C30030")));
    assert_eq!(of("fix")["edits"][0]["replacement"], "NonPagedPoolNx");
}

#[test]
fn fixes_keep_line_ends_and_encoding() {
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let text = format!("// \u{fc}\r\n{}", BAD.replace('\n', "\r\n"));
    let fixed = text.replace("NonPagedPool", "NonPagedPoolNx");
    let latin =
        |text: &str| text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let marked = |text: &str| [b"\xFF\xFE".to_vec(), utf16(text)].concat();
    let pairs: [(&str, Vec<u8>, Vec<u8>); 3] = [
        ("utf8.c", text.clone().into(), fixed.clone().into()),
        ("utf16.c", marked(&text), marked(&fixed)),
        ("latin.c", latin(&text), latin(&fixed)),
    ];
    let all = folder(pairs.iter().map(|(name, old, _)| (*name, old.clone())));
    let ran = lint(all.path(), "--fix");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for (name, _, new) in &pairs {
        assert_eq!(&fs::read(all.path().join(name)).unwrap(), new, "{name}");
    }
    assert_eq!(lint(all.path(), "--fix").code, Some(0));
}

#[test]
fn a_difference_changes_nothing_and_can_be_applied() {
    let all = files(&[("a.c", BAD)]);
    let ran = lint(all.path(), "--diff");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.starts_with("--- a/a.c\n+++ b/a.c\n@@ "), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("\n+void *f(void) { return ExAllocatePool(NonPagedPoolNx, 1); }\n")
    );
    assert_eq!(fs::read_to_string(all.path().join("a.c")).unwrap(), BAD);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_left_and_told() {
    use std::os::unix::fs::PermissionsExt;
    let all = files(&[("a.c", BAD), ("b.c", BAD)]);
    fs::set_permissions(all.path().join("a.c"), fs::Permissions::from_mode(0o444)).unwrap();
    let ran = lint(all.path(), "--fix");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("a.c:2: executable-pool-type is not fixed"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(all.path().join("a.c")).unwrap(), BAD);
    assert!(fs::read_to_string(all.path().join("b.c")).unwrap().contains("NonPagedPoolNx"));
}

#[test]
fn what_the_source_accepts_fails_nothing_and_what_accepts_nothing_is_told() {
    let accepted = BAD.replace(
        "void",
        "// ringfence: allow(executable-pool-type) kept for the old firmware\nvoid",
    );
    let accepted = accepted.replacen(
        "(// ringfence: allow(executable-pool-type) kept for the old firmware\nvoid)",
        "(void)",
        1,
    );
    let all =
        files(&[("a.c", &accepted), ("b.c", &format!("#pragma warning(suppress: 30030)\n{FINE}"))]);
    let ran = lint(all.path(), "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.last_line().contains("1 suppressed"), "{}", ran.last_line());
    assert!(ran.stdout.contains("`suppress: 30030` has no effect"), "{}", ran.stdout);
}

#[test]
fn a_report_never_goes_over_source() {
    let all = files(&[("a.c", BAD)]);
    let ran = lint(all.path(), "--report sarif=a.c");
    assert_eq!(ran.code, Some(2));
    assert_eq!(fs::read_to_string(all.path().join("a.c")).unwrap(), BAD);
    let ran = lint(all.path(), "--report sarif=a.sarif --report html=a.html");
    assert_eq!(ran.code, Some(1));
    let sarif: Value =
        serde_json::from_slice(&fs::read(all.path().join("a.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "executable-pool-type");
}
