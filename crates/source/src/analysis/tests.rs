//! What an analysis says of small trees.

mod inclusion;
mod left_out;
mod named;

use super::*;
use crate::{Configuration, Define, Initialised, ProjectFormat, SourceText};

pub(crate) fn tree(files: &[(&str, &str)]) -> SourceTree {
    let mut tree = SourceTree::default();
    for (path, text) in files {
        tree.add(path, SourceText::of(*text)).unwrap();
    }
    tree
}

fn project(tree: &SourceTree, defines: &[(&str, &str)]) -> Project {
    let define = |(name, value): &(&str, &str)| Define {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
        span: None,
        certain: true,
    };
    Project {
        sources: tree.files().map(|(id, _)| id).collect(),
        configurations: vec![Configuration {
            name: "Release|x64".to_owned(),
            defines: defines.iter().map(define).collect(),
            ..Configuration::default()
        }],
        ..Project::new(FileId(0), ProjectFormat::CommandLine)
    }
}

/// Each call as `path:line DDI values`, with the wrappers and macros on the way.
pub(crate) fn told(tree: &SourceTree, projects: &[Project]) -> Vec<String> {
    let told = |call: SourceCall| {
        let file = tree.file(call.span.file);
        let line = file.text.place(call.span.start as usize).line;
        let values = call.deciding().map_or_else(String::new, |(_, argument)| {
            let one = |choice: &crate::Choice| match (&choice.unknown, choice.bits.constant()) {
                (_, Some(value)) => format!("{value:#x}"),
                (why, None) => format!("{:#x}? {}", choice.bits.ones, why.as_ref().unwrap()),
            };
            argument.value.choices.iter().map(one).collect::<Vec<_>>().join(" or ")
        });
        let via: Vec<_> = call.via.iter().map(|hop| format!(" < {}", hop.name)).collect();
        format!("{}:{line} {} {values}{}", file.path, call.ddi.name, via.concat())
    };
    analyse(tree, projects, &[]).calls.into_iter().map(told).collect()
}

/// What is told of a file of C.
pub(crate) fn of(text: &str) -> Vec<String> {
    told(&tree(&[("a.c", &format!("#include <ntddk.h>\n{text}"))]), &[])
}

const ALLOC: &str = "void F(void) { p = ExAllocatePoolWithTag(NonPagedPool, 1, 'a'); }";

fn with_defines(text: &str, defines: &[(&str, &str)]) -> Vec<String> {
    let tree = tree(&[("a.c", &format!("#include <ntddk.h>\n{text}"))]);
    let project = project(&tree, defines);
    told(&tree, &[project])
}

/// Spec case 124.
#[test]
fn a_project_opts_in_at_compile_time() {
    assert_eq!(
        with_defines(ALLOC, &[("POOL_NX_OPTIN_AUTO", "1")]),
        ["a.c:2 ExAllocatePoolWithTag 0x200"]
    );
    assert_eq!(with_defines(ALLOC, &[]), ["a.c:2 ExAllocatePoolWithTag 0x0"]);
    assert_eq!(
        with_defines(ALLOC, &[("POOL_NX_OPTIN_AUTO", "0")]),
        ["a.c:2 ExAllocatePoolWithTag 0x0"]
    );
}

/// Spec case 125.
#[test]
fn an_opt_in_at_run_time_needs_its_call() {
    let with = |entry: &str| with_defines(&format!("{ALLOC}\n{entry}"), &[("POOL_NX_OPTIN", "1")]);
    let value = |found: Vec<String>| found[0].split_once("Tag ").unwrap().1.to_owned();
    let call = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";
    assert_eq!(value(with(&format!("NTSTATUS DriverEntry(a, b) {{ {call} }}"))), "0x200");
    assert_eq!(value(with("NTSTATUS DriverEntry(int a) { F(); }")), "0x0");
    let helper = format!("void Init(void) {{ {call} }} NTSTATUS DriverEntry(int a) {{ Init(); }}");
    assert_eq!(value(with(&helper)), "0x200");
    assert_eq!(
        value(with(&format!("void Init(void) {{ {call} }} NTSTATUS DriverEntry(int a) {{}}"))),
        "0x0"
    );
    assert!(value(with("")).contains("opts in"));
}

/// Spec cases 126 and 133.
#[test]
fn an_opt_out_cancels() {
    let tree = tree(&[
        ("a.c", &format!("#define POOL_NX_OPTOUT 1\n#include <ntddk.h>\n{ALLOC}")),
        ("b.c", &format!("#include <ntddk.h>\n{ALLOC}")),
    ]);
    let mut project = project(&tree, &[("POOL_NX_OPTIN_AUTO", "1")]);
    assert_eq!(
        told(&tree, &[project.clone()]),
        ["a.c:3 ExAllocatePoolWithTag 0x0", "b.c:2 ExAllocatePoolWithTag 0x200"]
    );
    let out = Define {
        name: "POOL_NX_OPTOUT".to_owned(),
        value: Some("1".to_owned()),
        span: None,
        certain: true,
    };
    project.configurations[0].of_files.push((FileId(1), vec![out]));
    assert_eq!(told(&tree, &[project])[1], "b.c:2 ExAllocatePoolWithTag 0x0");
}

/// An opt-in behind the headers comes too late.
#[test]
fn an_opt_in_counts_before_the_headers() {
    let define = "#define POOL_NX_OPTIN_AUTO 1\n";
    let value =
        |text: &str| told(&tree(&[("a.c", text)]), &[])[0].split_once("Tag ").unwrap().1.to_owned();
    assert_eq!(value(&format!("{define}#include <ntddk.h>\n{ALLOC}")), "0x200");
    assert_eq!(value(&format!("#include <ntddk.h>\n{define}{ALLOC}")), "0x0");
    let through_header = tree(&[
        ("a.c", &format!("#include <stdarg.h>\n#include \"pch.h\"\n{ALLOC}")),
        ("pch.h", &format!("{define}#include <ntddk.h>")),
    ]);
    assert_eq!(told(&through_header, &[]), ["a.c:3 ExAllocatePoolWithTag 0x200"]);
}

/// Spec cases 127 to 131.
#[test]
fn values_are_followed_through_the_preprocessor() {
    assert_eq!(
        of("#define POOL NonPagedPool\nvoid F() { ExAllocatePool(POOL, 1); }"),
        ["a.c:3 ExAllocatePool 0x0"]
    );
    assert_eq!(of("void F() { ExAllocatePool((POOL_TYPE)0, 1); }"), ["a.c:2 ExAllocatePool 0x0"]);
    assert_eq!(
        of("void F() { Log(\"ExAllocatePool(NonPagedPool, 1)\"); /* ExAllocatePool(0, 1) */ }"),
        [""; 0]
    );
    assert_eq!(
        of(
            "void F() {\n#if NTDDI_VERSION < NTDDI_WIN8\nExAllocatePool(NonPagedPool, 1);\n#else\nExAllocatePool(NonPagedPoolNx, 1);\n#endif\n#ifdef _X86_\nExAllocatePool(NonPagedPool, 2);\n#endif\n}"
        ),
        ["a.c:6 ExAllocatePool 0x200"]
    );
    assert_eq!(
        of(
            "enum { MY = PagedPool, MINE };\nvoid F() { ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED, 1, 2); ExAllocatePool(MINE | POOL_ZERO_ALLOCATION, 1); }"
        ),
        ["a.c:3 ExAllocatePool2 0x48", "a.c:3 ExAllocatePool 0x402"]
    );
}

#[test]
fn both_arms_of_an_open_condition_are_looked_at() {
    assert_eq!(
        of(
            "void F() {\n#if DBG\nExAllocatePool(NonPagedPool, 1);\n#else\nExAllocatePool(PagedPool, 1);\n#endif\n}"
        ),
        ["a.c:4 ExAllocatePool 0x0", "a.c:6 ExAllocatePool 0x1"]
    );
}

#[test]
fn variables_have_the_values_that_reach_the_call() {
    assert_eq!(
        of(
            "void F(int x) { POOL_TYPE t = NonPagedPool; if (x) t = NonPagedPoolNx; ExAllocatePool(t, 1); t = PagedPool; ExAllocatePool(t, 1); }"
        ),
        ["a.c:2 ExAllocatePool 0x0 or 0x200", "a.c:2 ExAllocatePool 0x1"]
    );
    assert_eq!(
        of(
            "static POOL_TYPE g = PagedPool;\nvoid F(int x) { while (x) { ExAllocatePool(g, 1); g |= 0x200; } }"
        ),
        ["a.c:3 ExAllocatePool 0x1 or 0x201"]
    );
    assert_eq!(
        of("void F(S *s) { ExAllocatePool(s->t | 0x200, 1); ExAllocatePool(s->t, 1); }"),
        [
            "a.c:2 ExAllocatePool 0x200? it is read from memory",
            "a.c:2 ExAllocatePool 0x0? it is read from memory"
        ]
    );
}

/// A variable that starts as executable memory and is set to another type when the driver starts.
#[test]
fn whether_a_variable_is_set_first_is_not_known() {
    let text = "static POOL_TYPE g = NonPagedPool;\nvoid F() { ExAllocatePool(g, 1); }\nvoid Init() { g = (POOL_TYPE)512; }";
    assert_eq!(of(text), ["a.c:3 ExAllocatePool 0x200 or 0x0? the variable `g` holds it"]);
}

#[test]
fn the_call_that_chose_the_value_is_told() {
    let wrapper = "void *My(POOL_TYPE t, int n) { return ExAllocatePoolWithTag(t | POOL_ZERO_ALLOCATION, n, 'a'); }\n";
    assert_eq!(
        of(&format!(
            "{wrapper}void *Outer(int n) {{ return My(NonPagedPool, n); }}\nvoid G(POOL_TYPE p) {{ My(p, 1); }}\nvoid H() {{ G(PagedPool); }}"
        )),
        ["a.c:3 ExAllocatePoolWithTag 0x400 < My", "a.c:5 ExAllocatePoolWithTag 0x401 < G < My"]
    );
    // Nobody here calls it.
    assert_eq!(
        of(wrapper),
        ["a.c:2 ExAllocatePoolWithTag 0x400? callers choose it by the parameter `t`"]
    );
}

#[test]
fn macros_are_followed() {
    assert_eq!(
        of(
            "#define ExAllocatePool(t, n) ExAllocatePoolWithTag(t, n, 'x')\nvoid F() { ExAllocatePool(NonPagedPool, 1); }"
        ),
        ["a.c:3 ExAllocatePoolWithTag 0x0 < ExAllocatePool"]
    );
    assert_eq!(
        of(
            "#define ALLOC(n) \\\n  ExAllocatePoolWithTag(NonPagedPool, n, 'x')\nvoid F() { ALLOC(1); ALLOC(2); }"
        ),
        ["a.c:3 ExAllocatePoolWithTag 0x0"]
    );
    assert_eq!(
        of("#define AllocIt ExAllocatePool\nvoid F() { AllocIt(PagedPool, 1); }"),
        ["a.c:3 ExAllocatePool 0x1"]
    );
}

#[test]
fn the_first_round_of_a_loop_counts() {
    assert_eq!(
        of(
            "void F(int n) { POOL_TYPE t; for (t = NonPagedPool; n--; t = PagedPool) ExAllocatePool(t, 1); }"
        ),
        ["a.c:2 ExAllocatePool 0x0 or 0x1"]
    );
    assert_eq!(
        of("void F() { (*ExAllocatePool)(NonPagedPool, 1); }"),
        ["a.c:2 ExAllocatePool 0x0"]
    );
}

/// A header that is not here may have brought those of the kernel along; those known not to do not count.
#[test]
fn headers_that_are_missing_leave_an_opt_in_open() {
    let values = |headers: &str| {
        let text = format!("{headers}\n#define POOL_NX_OPTIN_AUTO 1\n#include <ntddk.h>\n{ALLOC}");
        told(&tree(&[("a.c", &text)]), &[])[0].split_once("Tag ").unwrap().1.to_owned()
    };
    assert_eq!(values("#include <ntstatus.h>"), "0x200");
    assert_eq!(values("#include \"missing.h\""), "0x0 or 0x200");
}

#[test]
fn ways_to_opt_in_are_told_from_what_is_none() {
    let with = |entry: &str| {
        let found = with_defines(&format!("{ALLOC}\n{entry}"), &[("POOL_NX_OPTIN", "1")]);
        found[0].split_once("Tag ").unwrap().1.to_owned()
    };
    let entry = "NTSTATUS DriverEntry(int a) { INIT(); }";
    let by_macro = "#define INIT() ExInitializeDriverRuntime(DrvRtPoolNxOptIn)";
    assert_eq!(with(&format!("{by_macro}\n{entry}")), "0x200");
    assert_eq!(with("NTSTATUS DriverEntry(int a) { ExInitializeDriverRuntime(0); }"), "0x0");
    // Under another name it may be where the driver starts.
    let other = with("NTSTATUS KmMain(int a) { ExInitializeDriverRuntime(DrvRtPoolNxOptIn); }");
    assert!(other.contains("opts in"), "{other}");
}

/// A parameter of a lambda is not the variable outside that has its name.
#[test]
fn parameters_of_lambdas_are_their_own() {
    let text = "#include <ntddk.h>\nvoid F() { POOL_TYPE t = NonPagedPool, u = PagedPool; auto w = [&](POOL_TYPE t) { return ExAllocatePool(t, 1) + ExAllocatePool(u, 1); }; w(NonPagedPoolNx); }";
    assert_eq!(
        told(&tree(&[("a.cpp", text)]), &[]),
        ["a.cpp:2 ExAllocatePool 0x200", "a.cpp:2 ExAllocatePool 0x1"]
    );
}

#[test]
fn operator_new_is_a_wrapper() {
    let text = "#include <ntddk.h>\nvoid *operator new(size_t n, POOL_TYPE t, ULONG tag) { return ExAllocatePoolWithTag(t, n, tag); }\nvoid F() { auto x = new (NonPagedPool, 'a') Foo; auto y = new (PagedPool, 'a') Foo; }";
    assert_eq!(
        told(&tree(&[("a.cpp", text)]), &[]),
        [
            "a.cpp:3 ExAllocatePoolWithTag 0x0 < operator new",
            "a.cpp:3 ExAllocatePoolWithTag 0x1 < operator new"
        ]
    );
    // Arrays have an operator of their own.
    let text = "#include <ntddk.h>\nvoid *operator new(size_t n) { return ExAllocatePoolWithTag(NonPagedPoolNx, n, 'a'); }\nvoid *operator new[](size_t n, POOL_TYPE t, ULONG tag) { return ExAllocatePoolWithTag(t, n, tag); }\nvoid F() { auto x = new (NonPagedPool, 'a') int[3]; auto y = new int[3]; }";
    assert_eq!(
        told(&tree(&[("a.cpp", text)]), &[]),
        [
            "a.cpp:2 ExAllocatePoolWithTag 0x200",
            "a.cpp:4 ExAllocatePoolWithTag 0x0 < operator new[]"
        ]
    );
}

#[test]
fn a_helper_that_opts_in_is_told() {
    let tree = tree(&[(
        "a.c",
        "#define POOL_NX_OPTIN 1\n#include <wdm.h>\nvoid I() { ExInitializeDriverRuntime(DrvRtPoolNxOptIn); }\nNTSTATUS DriverEntry(int a) { I(); }",
    )]);
    let found = analyse(&tree, &[], &[]).opt_ins;
    assert!(
        matches!(&found[0].1, OptIn::Runtime(Initialised::InHelper { helper, .. }) if helper == "I"),
        "{found:?}"
    );
}

/// Of several functions of one name the nearest is called, and no other is read for that.
#[test]
fn one_file_needs_only_what_is_near() {
    let wrapper = |pool: &str| {
        format!(
            "#include <ntddk.h>\nPOOL_TYPE Kind(void) {{ return {pool}; }}\nvoid *My(POOL_TYPE t) {{ return ExAllocatePoolWithTag(t, 1, 'a'); }}"
        )
    };
    let caller = "#include <ntddk.h>\nvoid F(void) { My(NonPagedPool); My(Kind()); }";
    let mut tree = tree(&[
        ("one/a.c", caller),
        ("one/w.c", &wrapper("PagedPool")),
        ("two/a.c", caller),
        ("two/w.c", &wrapper("NonPagedPoolNx")),
    ]);
    let mut analyser = Analyser::default();
    let whole = analyser.all(&tree, &[], &[]).calls;
    let file = tree.at("one/a.c").unwrap();
    tree.add("one/a.c", SourceText::of(caller));
    analyser.forget(file);
    let alone = analyser.one(&tree, &[], &[], file).unwrap();
    let values = |calls: &[SourceCall]| -> Vec<String> {
        let own = calls.iter().filter(|call| call.span.file == file);
        own.map(|call| format!("{:?} {:?}", call.span, call.deciding_value())).collect()
    };
    assert_eq!(values(&alone.calls), values(&whole));
    assert_eq!(values(&alone.calls).len(), 2);
    let mut read: Vec<&str> = alone.parsed.iter().map(|one| tree.key(*one)).collect();
    read.sort_unstable();
    assert_eq!(read, ["one/a.c", "one/w.c"]);
    // What others were parsed to is remembered, for as long as they are what they were.
    assert_eq!(values(&analyser.one(&tree, &[], &[], file).unwrap().calls), values(&whole));
    let other = tree.add("one/w.c", SourceText::of(wrapper("NonPagedPoolNx"))).unwrap();
    analyser.forget(other);
    let alone = analyser.one(&tree, &[], &[], file).unwrap();
    assert_eq!(values(&alone.calls), values(&analyser.all(&tree, &[], &[]).calls));
    assert_ne!(values(&alone.calls), values(&whole));
}

/// Looking at one file alone gives what looking at everything gives of it.
#[test]
fn one_file_says_alone_what_it_says_among_the_others() {
    let wrapper =
        "#include \"x.h\"\nvoid *My(POOL_TYPE t) { return ExAllocatePoolWithTag(t, 1, 'a'); }";
    let entry = "#include <ntddk.h>\nNTSTATUS DriverEntry(int a) { ExInitializeDriverRuntime(1); }";
    let before = "#include \"x.h\"\nvoid F(void) { ExAllocatePool(PagedPool, 1); }";
    let after =
        "#include \"x.h\"\nvoid F(void) { ALLOC(2); My(NonPagedPool); ExAllocatePool(POOL, 1); }";
    let header = "#define POOL_NX_OPTIN 1\n#include <ntddk.h>\n#define POOL NonPagedPoolExecute\n#define ALLOC(n) ExAllocatePool(PagedPool, n)";
    let mut tree = tree(&[("a.c", before), ("w.c", wrapper), ("e.c", entry), ("x.h", header)]);
    let mut analyser = Analyser::default();
    analyser.all(&tree, &[], &[]);
    let file = |tree: &SourceTree, path: &str| tree.at(path).unwrap();
    let changed = file(&tree, "a.c");
    tree.add("a.c", SourceText::of(after));
    analyser.forget(changed);
    let of_it = |calls: Vec<SourceCall>| -> Vec<String> {
        let own = calls.into_iter().filter(|call| call.span.file == changed);
        own.map(|call| format!("{:?} {:?} {:?}", call.span, call.deciding_value(), call.via))
            .collect()
    };
    let alone = of_it(analyser.one(&tree, &[], &[], changed).unwrap().calls);
    assert_eq!(alone.len(), 2);
    assert_eq!(alone, of_it(analyse(&tree, &[], &[]).calls));
    // Whether the driver opts in is not known of a file that said nothing before.
    let quiet = tree.add("q.c", SourceText::of("#include \"x.h\"")).unwrap();
    analyser.all(&tree, &[], &[]);
    tree.add("q.c", SourceText::of(after));
    analyser.forget(quiet);
    assert!(analyser.one(&tree, &[], &[], quiet).is_none());
    // Others depend on these.
    for path in ["w.c", "e.c", "x.h"] {
        assert!(analyser.one(&tree, &[], &[], file(&tree, path)).is_none(), "{path}");
    }
}

/// Data is looked at with the file that it is in, packed there or in a header.
#[test]
fn the_tables_of_one_file_are_seen_alone() {
    let packed =
        "#pragma pack(push, 1)\ntypedef struct { char a; void *p; } E;\n#pragma pack(pop)\n";
    let table = format!("const E table[] = {{ {} }};\n", "{ 1, \"a\" },".repeat(2000));
    let whole = format!("#include <ntddk.h>\n{packed}");
    for (header, begin) in [("", &*whole), (packed, "#include <ntddk.h>\n#include \"x.h\"\n")] {
        let mut tree = tree(&[("a.c", begin), ("x.h", header)]);
        let file = tree.at("a.c").unwrap();
        let mut analyser = Analyser::default();
        assert_eq!(analyser.all(&tree, &[], &[]).tables, []);
        tree.add("a.c", SourceText::of(format!("{begin}{table}")));
        analyser.forget(file);
        let alone = analyser.one(&tree, &[], &[], file).unwrap().tables;
        assert_eq!(alone.len(), 1, "{header}");
        assert_eq!(alone, analyser.all(&tree, &[], &[]).tables);
        tree.add("a.c", SourceText::of(begin));
        analyser.forget(file);
        assert_eq!(analyser.one(&tree, &[], &[], file).unwrap().tables, []);
    }
}

fn of_project(project: &str) -> Vec<String> {
    let code = format!("#include <ntddk.h>\n{ALLOC}");
    let tree = tree(&[("a.c", &code), ("a.vcxproj", project)]);
    told(&tree, &crate::projects(&tree).0)
}

/// What a project imports from where nobody here knows may opt in; what every project imports does not.
#[test]
fn what_is_imported_and_not_here_leaves_an_opt_in_open() {
    let with = |import: &str| {
        of_project(&format!(
            "<Project><ItemGroup><ProjectConfiguration Include=\"R|x64\"><Configuration>R</Configuration><Platform>x64</Platform>\
             </ProjectConfiguration></ItemGroup><Import Project=\"{import}\"/><ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup></Project>"
        ))
    };
    assert_eq!(with(r"$(VCTargetsPath)\Microsoft.Cpp.props"), ["a.c:2 ExAllocatePoolWithTag 0x0"]);
    for import in [r"$(MyRoot)\build\my.props", r"..\common.props"] {
        assert_eq!(with(import), ["a.c:2 ExAllocatePoolWithTag 0x0 or 0x200"], "{import}");
    }
}

/// Windows on Arm is opted in by the kit; 32-bit Windows has no memory integrity.
#[test]
fn platforms_decide_too() {
    let with = |platform: &str| {
        of_project(&format!(
            "<Project><ItemGroup><ProjectConfiguration Include=\"R|{platform}\"><Configuration>R</Configuration>\
             <Platform>{platform}</Platform></ProjectConfiguration></ItemGroup><ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup></Project>"
        ))
    };
    assert_eq!(with("x64"), ["a.c:2 ExAllocatePoolWithTag 0x0"]);
    assert_eq!(with("ARM64"), ["a.c:2 ExAllocatePoolWithTag 0x200"]);
    assert_eq!(with("Win32"), [""; 0]);
}

/// A program that has a function of such a name asks the kernel for nothing; a header that programs share with a driver
/// makes no program of it.
#[test]
fn what_runs_in_user_mode_is_left_out() {
    let call = "void F() { ExAllocatePool(0, 1); }";
    let with = |main: &str| told(&tree(&[("a.c", main), ("both.h", BOTH)]), &[]);
    const BOTH: &str = "#ifndef KERNEL\n#include <windows.h>\n#endif";
    assert_eq!(with(&format!("#include <windows.h>\n{call}")), [""; 0]);
    assert_eq!(
        with(&format!("#include <ntddk.h>\n#define KERNEL\n#include \"both.h\"\n{call}")).len(),
        1
    );
    assert_eq!(with(&format!("#define KERNEL\n#include \"both.h\"\n{call}")).len(), 1);
    assert_eq!(with(&format!("#include \"both.h\"\n{call}")).len(), 1);
}

/// Each of many wrappers calls the next one several times: of more ways than are followed it is said that they are not.
#[test]
fn trees_of_wrappers_end() {
    let tree = |depth: usize| {
        let wrapper = |level: usize| {
            let call = format!("W{}(t); ", level - 1);
            format!("void W{level}(POOL_TYPE t) {{ {} }}\n", call.repeat(6))
        };
        let wrappers: String = (1..=depth).map(wrapper).collect();
        format!(
            "void W0(POOL_TYPE t) {{ ExAllocatePool(t, 1); }}\n{wrappers}void F() {{ W{depth}(NonPagedPool); }}"
        )
    };
    let found = of(&tree(4));
    assert!(found.iter().any(|one| one.contains("a.c:7 ExAllocatePool 0x0 <")), "{found:?}");
    let too_much = "ExAllocatePool 0x0? there are more possibilities than are followed";
    assert!(found.iter().any(|one| one.ends_with(&format!("a.c:7 {too_much}"))), "{found:?}");
    assert!(of(&tree(12)).iter().any(|one| one.contains('?')));
}

#[test]
fn many_calls_on_one_line_are_all_told() {
    let calls = "ExAllocatePool(PagedPool, 1); ".repeat(20_000);
    assert_eq!(of(&format!("void F() {{ {calls} }}")).len(), 20_000);
}

/// `(TYPE)&x` looks like a bit operation.
#[test]
fn a_converted_address_is_given_away() {
    let open = "0x1 or 0x0? the variable `t` holds it";
    for (call, expected) in [
        ("Choose((PVOID)&t);", open),
        ("Choose(&t);", open),
        ("Choose((a) & t);", "0x1"),
        ("Choose(2 &t);", "0x1"),
    ] {
        let code =
            format!("void F(int a) {{ POOL_TYPE t = PagedPool; {call} ExAllocatePool(t, 1); }}");
        assert_eq!(of(&code), [format!("a.c:2 ExAllocatePool {expected}")], "{call}");
    }
}
