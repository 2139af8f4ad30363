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
    assert!(!ran.stderr.contains("UTF-16"), "{}", ran.stderr);
    // No tool applies one to UTF-16.
    let wide: Vec<u8> = BAD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let all = folder([("b.c", [b"\xFF\xFE".to_vec(), wide].concat())]);
    let ran = lint(all.path(), "--diff");
    assert!(ran.stdout.starts_with("--- a/b.c\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains("b.c is UTF-16, which neither git apply"), "{}", ran.stderr);
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
    assert!(ran.last_line().contains("1 accepted"), "{}", ran.last_line());
    assert!(ran.stdout.contains("`suppress: 30030` accepts nothing"), "{}", ran.stdout);
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

#[test]
fn where_there_is_nothing_it_is_said() {
    let all = files(&[("a.txt", "")]);
    for format in ["full", "concise", "summary", "markdown", "github"] {
        let ran = lint(all.path(), &format!("--format {format}"));
        assert_eq!(ran.code, Some(3), "{format}");
        assert!(ran.stdout.contains("nothing to examine"), "{format}: {ran:?}");
        assert!(!ran.stdout.contains("no findings"), "{format}: {ran:?}");
    }
    let ran = lint(all.path(), "--diff");
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.starts_with("nothing to examine"), "{ran:?}");
}

#[test]
fn the_other_command_is_named() {
    let all = files(&[("a.c", BAD), ("a.sys", "MZ")]);
    let ran = lint(all.path(), "a.sys");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("a.sys: no source; `ringfence scan` examines"), "{ran:?}");
    let mut command = ringfence();
    let ran: Ran = command.args(["scan", "a.c"]).current_dir(all.path()).output().unwrap().into();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.contains("not a PE image; `ringfence lint` looks at source"), "{ran:?}");
}

#[test]
fn a_definition_without_a_name_is_refused() {
    let all = files(&[("a.c", FINE)]);
    for (define, why) in [("=3", "it names no macro"), ("3X", "`3X` is no name of a macro")] {
        let ran = lint(all.path(), &format!("-D {define}"));
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
    assert_eq!(lint(all.path(), "-D DBG -D X=1").code, Some(0));
}

/// As Microsoft asks for where no older Windows is served; else the flag that all of them know.
#[test]
fn calls_become_those_of_the_newer_function_where_all_windows_have_it() {
    let bad = "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePoolWithTag(NonPagedPool, 1, 'abcd'); }\n";
    for (options, newer) in [
        ("--unsafe-fixes --target win11", true),
        ("--unsafe-fixes", false),
        ("--target win11", false),
    ] {
        let all = files(&[("a.c", bad)]);
        let shown = lint(all.path(), &format!("--diff {options}")).stdout;
        assert_eq!(shown.contains("+void *f(void) { return ExAllocatePool2("), newer, "{shown}");
        let ran = lint(all.path(), &format!("--fix {options}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let text = fs::read_to_string(all.path().join("a.c")).unwrap();
        assert_eq!(text.contains("ExAllocatePool2(POOL_FLAG_NON_PAGED"), newer, "{text}");
        assert_eq!(text.contains("NonPagedPoolNx"), !newer, "{text}");
    }
}

/// By itself it would do nothing, and say nothing of that.
#[test]
fn which_fixes_are_made_is_said_only_where_some_are() {
    let all = files(&[("a.c", BAD)]);
    let ran = lint(all.path(), "--unsafe-fixes .");
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    assert!(ran.stderr.contains("--unsafe-fixes needs --fix or --diff"), "{ran:?}");
    assert_eq!(lint(all.path(), "--unsafe-fixes --diff .").code, Some(1));
}

#[test]
fn what_was_fixed_is_told_file_by_file() {
    let all = files(&[("a.c", BAD), ("sub/b.c", &format!("{BAD}{}", BAD.replace("f(", "g(")))]);
    let ran = lint(all.path(), "--fix");
    let told = "fixed a.c: 1 executable-pool-type\nfixed sub/b.c: 2 executable-pool-type\n\
                fixed 3 findings in 2 files\n";
    assert_eq!(ran.stderr.replace('\\', "/"), told);
}

/// Neither program takes paths that lead up, or from the root on.
#[test]
fn a_difference_of_files_elsewhere_can_be_applied() {
    let all = files(&[("here/x.c", BAD), ("there/a.c", BAD)]);
    let root = all.path().canonicalize().unwrap();
    let ran = lint(&root.join("here"), "--diff . ../there");
    let names: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("+++")).collect();
    assert_eq!(names, ["+++ b/here/x.c", "+++ b/there/a.c"]);
    assert!(ran.stderr.starts_with("its paths are from "), "{ran:?}");
    assert!(ran.stderr.contains(root.to_str().unwrap()), "{ran:?}");
    let ran = lint(&root.join("here"), "--diff ../here/x.c");
    assert!(ran.stdout.starts_with("--- a/x.c\n"), "{ran:?}");
    assert!(ran.stderr.starts_with("would fix 1 finding"), "{ran:?}");
}
