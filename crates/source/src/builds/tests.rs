//! Files that several projects or configurations build.

use super::*;
use crate::{Initialised, SourceText, analyse, projects};

const HEAD: &str = r#"<Project><ItemGroup>
<ProjectConfiguration Include="Debug|Win32"/><ProjectConfiguration Include="Debug|x64"/>
<ProjectConfiguration Include="Release|x64"/></ItemGroup>
<PropertyGroup><ConfigurationType>Driver</ConfigurationType></PropertyGroup>"#;
const FILE: &str = r#"<ItemGroup><ClCompile Include="a.c"/></ItemGroup>"#;
const ASKS: &str =
    "#include <ntddk.h>\nvoid F(void) { p = ExAllocatePoolWithTag(NonPagedPool, 1, 'a'); }\n";

/// What is defined for all sources, under a condition.
fn defining(what: &str, condition: &str) -> String {
    format!(
        "<ItemDefinitionGroup Condition=\"{condition}\"><ClCompile><PreprocessorDefinitions>{what}\
         </PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>"
    )
}

fn tree(files: &[(&str, &str)]) -> SourceTree {
    let mut tree = SourceTree::default();
    for (path, text) in files {
        tree.add(path, SourceText::of(*text)).unwrap();
    }
    tree
}

/// The opt-in of `a.c`, and who is without.
fn opt_in_of(files: &[(&str, &str)]) -> (OptIn, Vec<String>) {
    let tree = tree(files);
    let (projects, unreadable) = projects(&tree);
    assert!(unreadable.is_empty(), "{unreadable:?}");
    let analysis = analyse(&tree, &projects, &[]);
    let file = tree.at("a.c").unwrap();
    let (_, said) = analysis.opt_ins.iter().find(|(of, _)| *of == file).unwrap().clone();
    let told = |build: &Build| {
        let path = &tree.file(build.project).path;
        format!("{path} {} {}", build.target, build.configurations.join(","))
    };
    let without = match &said {
        OptIn::Partly { without } => without.iter().map(told).collect(),
        _ => Vec::new(),
    };
    (said, without)
}

fn project(content: &str) -> String {
    format!("{HEAD}{content}{FILE}</Project>")
}

#[test]
fn who_does_not_opt_in_is_named() {
    let (with, without) = (project(&defining("POOL_NX_OPTIN_AUTO=1", "true")), project(""));
    let of = |a: &str, b: &str| opt_in_of(&[("a.vcxproj", a), ("b.vcxproj", b), ("a.c", ASKS)]);
    assert_eq!(of(&with, &without).1, ["b.vcxproj  "]);
    assert_eq!(of(&with, &with).0, OptIn::Auto);
    assert_eq!(of(&without, &without).0, OptIn::None);
    // Whose opt-in is of the other kind opts in as well.
    let runtime = project(&defining("POOL_NX_OPTIN=1", "true"));
    assert!(matches!(of(&with, &runtime).0, OptIn::Runtime(_)));
    let out = project(&defining("POOL_NX_OPTIN_AUTO=1;POOL_NX_OPTOUT=1", "true"));
    assert_eq!(of(&with, &out).1, ["b.vcxproj  "]);
    // What nobody can tell is no lack.
    let open = project(&defining("POOL_NX_OPTIN_AUTO=1", "'$(Unknown)'>'1'"));
    assert_eq!(of(&with, &open).0, OptIn::Open);
    let imports = project("<Import Project=\"gone.props\"/>");
    assert_eq!(of(&with, &imports).0, OptIn::Open);
    // A program in user mode asks the kernel for nothing.
    let program = without.replace("<ConfigurationType>Driver", "<ConfigurationType>Application");
    assert_eq!(of(&with, &program).0, OptIn::Auto);
}

#[test]
fn configurations_that_do_not_opt_in_are_named() {
    let some = project(&defining("POOL_NX_OPTIN_AUTO=1", "'$(Configuration)'=='Release'"));
    assert_eq!(opt_in_of(&[("a.vcxproj", &some), ("a.c", ASKS)]).1, ["a.vcxproj  Debug|x64"]);
    // 32-bit Windows has no memory integrity.
    let win64 = project(&defining("POOL_NX_OPTIN_AUTO=1", "'$(Platform)'=='x64'"));
    assert_eq!(opt_in_of(&[("a.vcxproj", &win64), ("a.c", ASKS)]).0, OptIn::Auto);
    // A configuration that does not build the file does not matter.
    let excluded = some.replace(
        "<ClCompile Include=\"a.c\"/>",
        "<ClCompile Include=\"a.c\"><ExcludedFromBuild Condition=\"'$(Configuration)'=='Debug'\">true</ExcludedFromBuild></ClCompile>",
    );
    assert_eq!(opt_in_of(&[("a.vcxproj", &excluded), ("a.c", ASKS)]).0, OptIn::Auto);
    // What the file makes of it counts.
    let by_debug = project(&defining("DEBUG_BUILD", "'$(Configuration)'=='Debug'"));
    let own = format!("#ifdef DEBUG_BUILD\n#define POOL_NX_OPTIN_AUTO 1\n#endif\n{ASKS}");
    assert_eq!(opt_in_of(&[("a.vcxproj", &by_debug), ("a.c", &own)]).1, ["a.vcxproj  Release|x64"]);
}

#[test]
fn targets_of_cmake_are_named_unless_something_is_not_understood() {
    let text = "add_library(one STATIC a.c)\ntarget_compile_definitions(one PRIVATE POOL_NX_OPTIN_AUTO=1)\n\
        add_library(two STATIC a.c)\n";
    assert_eq!(opt_in_of(&[("CMakeLists.txt", text), ("a.c", ASKS)]).1, ["CMakeLists.txt two "]);
    let vague = format!("{text}while(x)\n add_definitions(-DPOOL_NX_OPTIN_AUTO)\nendwhile()\n");
    assert_eq!(opt_in_of(&[("CMakeLists.txt", &vague), ("a.c", ASKS)]).0, OptIn::Open);
}

/// What is not read may opt in, also where there is a single build.
#[test]
fn what_is_not_understood_is_no_lack() {
    let of = |text: &str| opt_in_of(&[("CMakeLists.txt", text), ("a.c", ASKS)]).0;
    assert_eq!(of("add_library(a STATIC a.c)"), OptIn::None);
    for vague in [
        "include(gone)",
        "while(x)\nadd_definitions(-DPOOL_NX_OPTIN_AUTO)\nendwhile()",
        "theirs(a)",
        "theirs(a.c)",
    ] {
        assert_eq!(of(&format!("add_library(a STATIC a.c)\n{vague}")), OptIn::Open, "{vague}");
    }
    // Also where the folder above says it.
    let drv = ("drv/CMakeLists.txt", "add_library(a STATIC ../a.c)");
    let above = [("CMakeLists.txt", "include(gone)\nadd_subdirectory(drv)"), drv, ("a.c", ASKS)];
    assert_eq!(opt_in_of(&above).0, OptIn::Open);
    // Nobody can tell here whether a folder is added by one that opts in.
    for adds in ["add_subdirectory(${X})", "while(x)\nadd_subdirectory(${X})\nendwhile()"] {
        let say = |said: &str| {
            let above = format!("{said}\n{adds}");
            opt_in_of(&[("CMakeLists.txt", &above), drv, ("a.c", ASKS)]).0
        };
        assert_eq!(say("add_compile_definitions(POOL_NX_OPTIN_AUTO=1)"), OptIn::Open, "{adds}");
        assert_eq!(say("message(hello)"), OptIn::None, "{adds}");
    }
    let option = |value: &str| {
        of(&format!(
            "option(NX \"\" {value})\nif(NX)\nadd_definitions(-DPOOL_NX_OPTIN_AUTO=1)\nendif()\nadd_library(a STATIC a.c)"
        ))
    };
    assert_eq!((option("ON"), option("OFF")), (OptIn::Auto, OptIn::None));
    let commands =
        r#"[{"directory":"C:\\s","file":"C:\\s\\gone.c","command":"cl /DPOOL_NX_OPTIN_AUTO=1"}]"#;
    assert_eq!(opt_in_of(&[("compile_commands.json", commands), ("a.c", ASKS)]).0, OptIn::Open);
}

#[test]
fn what_a_sources_file_gets_from_elsewhere_is_no_lack() {
    let of = |text: &str| {
        let text = format!("TARGETTYPE=DRIVER\nSOURCES=a.c\n{text}\n");
        opt_in_of(&[("sources", &text), ("a.c", ASKS)]).0
    };
    assert_eq!(of("C_DEFINES=$(C_DEFINES) -DA"), OptIn::None);
    for open in [
        "!include ..\\gone.inc",
        "!include $(MYROOT)\\nx.inc",
        "C_DEFINES=$(C_DEFINES) $(PROJECT_DEFINES)",
    ] {
        assert_eq!(of(open), OptIn::Open, "{open}");
    }
}

/// The calls that are told, by file; and what is not built.
fn calls_of(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let tree = tree(files);
    let analysis = analyse(&tree, &projects(&tree).0, &[]);
    let path = |file: FileId| tree.file(file).path.clone();
    let calls = analysis.calls.iter().map(|call| path(call.span.file)).collect();
    (calls, analysis.not_built.iter().copied().map(path).collect())
}

#[test]
fn what_nobody_builds_is_not_judged() {
    let old = |more: &str| {
        format!(
            "{HEAD}<ItemGroup><ClCompile Include=\"a.c\"/><ClCompile Include=\"old.c\">\
             <ExcludedFromBuild>true</ExcludedFromBuild></ClCompile>{more}</ItemGroup></Project>"
        )
    };
    let excluded = old("");
    let files = [("a.vcxproj", &*excluded), ("a.c", ASKS), ("old.c", ASKS)];
    let strings = |of: &[&str]| of.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    assert_eq!(calls_of(&files), (strings(&["a.c"]), strings(&["old.c"])));
    // Another project builds it.
    let other = format!("{HEAD}<ItemGroup><ClCompile Include=\"old.c\"/></ItemGroup></Project>");
    let both = [files[0], files[1], files[2], ("b.vcxproj", &*other)];
    assert_eq!(calls_of(&both), (strings(&["a.c", "old.c"]), vec![]));
    // Another file includes it.
    let including = format!("{ASKS}#include \"OLD.c\"\n");
    let both = [files[0], ("a.c", &*including), files[2]];
    assert_eq!(calls_of(&both), (strings(&["a.c", "old.c"]), vec![]));
    // For 32 bits alone, by the item and by its group.
    let win32 = old("<ClCompile Include=\"x86.c\" Condition=\"'$(Platform)'=='Win32'\"/>")
        .replace("</Project>", "<ItemGroup Condition=\"'$(Platform)'=='Win32'\"><ClCompile Include=\"y.c\"/></ItemGroup></Project>");
    let four = [("a.vcxproj", &*win32), ("a.c", ASKS), ("x86.c", ASKS), ("y.c", ASKS)];
    assert_eq!(calls_of(&four), (strings(&["a.c"]), strings(&["x86.c", "y.c"])));
    // What may be excluded is built.
    let maybe = excluded.replace("<ExcludedFromBuild>", "<ExcludedFromBuild Condition=\"$(X)>1\">");
    let maybe = [("a.vcxproj", &*maybe), ("a.c", ASKS), ("old.c", ASKS)];
    assert_eq!(calls_of(&maybe), (strings(&["a.c", "old.c"]), vec![]));
}

#[test]
fn sources_for_other_processors_are_not_built() {
    let text = "TARGETTYPE=DRIVER\nSOURCES=a.c\nI386_SOURCES=i386\\x.c\nIA64_SOURCES=i.c\nAMD64_SOURCES=amd64\\y.c\n\
        ARM64_SOURCES=z.c\n";
    let paths = ["a.c", "amd64/y.c", "i.c", "i386/x.c", "z.c"];
    let files: Vec<_> =
        [("sources", text)].into_iter().chain(paths.map(|path| (path, ASKS))).collect();
    let (calls, not_built) = calls_of(&files);
    assert_eq!(
        (calls.join(" "), not_built.join(" ")),
        ("a.c amd64/y.c z.c".into(), "i.c i386/x.c".into())
    );
}

/// A project that looks like a program does not make one of a driver's source.
#[test]
fn what_includes_the_kernel_is_not_of_user_mode() {
    let entry = "NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING p)\n{ ExAllocatePoolWithTag(NonPagedPool, 1, 2); }\n";
    let driver = format!("#include <ntddk.h>\n{entry}");
    let of = |project: (&str, &str), source: &str| calls_of(&[project, ("a.c", source)]).0.len();
    let application = project("<Import Project=\"$(DDKPROPS)\\driver.props\"/>")
        .replace("<ConfigurationType>Driver", "<ConfigurationType>Application");
    for project in [
        (
            "CMakeLists.txt",
            "add_executable(drv a.c)\ntarget_link_libraries(drv ntoskrnl.lib hal.lib)",
        ),
        ("CMakeLists.txt", "add_compile_options(/kernel)\nadd_executable(drv a.c)"),
        ("CMakeLists.txt", "add_executable(drv a.c)\ninclude_directories(${WDK}/km)"),
        ("CMakeLists.txt", "add_library(a SHARED a.c)"),
        ("CMakeLists.txt", "add_library(drv MODULE a.c)\ntarget_link_libraries(drv ntoskrnl)"),
        ("CMakeLists.txt", "add_executable(drv a.c)\ntarget_link_libraries(drv PRIVATE wdk_flags)"),
        ("a.vcxproj", &*application),
    ] {
        assert_eq!(of(project, &driver), 1, "{project:?}");
        assert_eq!(of(project, &format!("#include \"gone.h\"\n{entry}")), 1, "{project:?}");
        // Programs have functions of such names too, and so do drivers in user mode.
        assert_eq!(of(project, &format!("#include <windows.h>\n{entry}")), 0, "{project:?}");
        let umdf = format!("#include <windows.h>\n#include <wdf.h>\n{entry}");
        assert_eq!(of(project, &umdf), 0, "{project:?}");
    }
    let program = ("CMakeLists.txt", "add_executable(tool a.c)");
    let call =
        "if (DriverEntry(x)) { ExAllocatePoolWithTag(NonPagedPool, 1, 2); } DriverEntry(y); ";
    assert_eq!(of(program, &format!("#include <stdio.h>\nint main(void) {{ {call} }}\n")), 0);
}

/// A project that opts in at run time, with these sources.
fn at_run_time(kind: &str, sources: &[&str]) -> String {
    let one = |source: &&str| format!("<ClCompile Include=\"{source}\"/>");
    let sources: String = sources.iter().map(one).collect();
    let defines = defining("POOL_NX_OPTIN=1", "true");
    HEAD.replace("Driver", kind) + &format!("{defines}<ItemGroup>{sources}</ItemGroup></Project>")
}

const OPENS: &str =
    "#include <ntddk.h>\nvoid Init(void) { ExInitializeDriverRuntime(DrvRtPoolNxOptIn); }\n";
const STARTS: &str =
    "#include <ntddk.h>\nNTSTATUS DriverEntry(PDRIVER_OBJECT D) { Init(); return 0; }\n";
const STARTS_WITHOUT: &str =
    "#include <ntddk.h>\nNTSTATUS DriverEntry(PDRIVER_OBJECT D) { return 0; }\n";

/// The variable that holds what `NonPagedPool` means is each driver's own.
#[test]
fn each_driver_opts_in_for_itself() {
    let (one, other) =
        (at_run_time("Driver", &["a.c", "x.c"]), at_run_time("Driver", &["a.c", "y.c"]));
    let starts = STARTS.replace("Init()", "ExInitializeDriverRuntime(DrvRtPoolNxOptIn)");
    let of = |x: &str, y: &str| {
        let files =
            [("x.vcxproj", &*one), ("y.vcxproj", &*other), ("a.c", ASKS), ("x.c", x), ("y.c", y)];
        opt_in_of(&files)
    };
    assert_eq!(of(&starts, STARTS_WITHOUT).1, ["y.vcxproj  "]);
    assert_eq!(of(STARTS_WITHOUT, &starts).1, ["x.vcxproj  "]);
    assert!(matches!(of(&starts, &starts).0, OptIn::Runtime(Initialised::InEntry(_))));
    assert_eq!(of(STARTS_WITHOUT, STARTS_WITHOUT).0, OptIn::Runtime(Initialised::Never));
}

/// A function that the driver calls and has not itself is a library's, and sets the variable that they share.
#[test]
fn a_library_of_the_tree_may_opt_in() {
    let driver = at_run_time("Driver", &["a.c", "x.c"]);
    let library = at_run_time("StaticLibrary", &["..\\lib\\l.c"]);
    let of = |starts: &str, more: &str| {
        let text = ASKS.to_owned() + more;
        let files = [
            ("x.vcxproj", &*driver),
            ("lib/lib.vcxproj", &*library),
            ("a.c", &*text),
            ("x.c", starts),
            ("lib/l.c", OPENS),
        ];
        opt_in_of(&files).0
    };
    assert!(matches!(of(STARTS, ""), OptIn::Runtime(Initialised::InHelper { .. })));
    assert_eq!(of(STARTS_WITHOUT, ""), OptIn::Runtime(Initialised::Never));
    // Another driver's function of that name is no library's: what is linked is not known.
    let other = at_run_time("Driver", &["y.c", "l.c"]);
    let files = [
        ("x.vcxproj", &*driver),
        ("lib/y.vcxproj", &*other),
        ("a.c", ASKS),
        ("x.c", STARTS),
        ("lib/y.c", STARTS),
        ("lib/l.c", OPENS),
    ];
    assert_eq!(opt_in_of(&files).0, OptIn::Runtime(Initialised::NoEntry));
    // The driver has a function of that name, and that one opts in to nothing.
    assert_eq!(of(STARTS, "void Init(void) {}\n"), OptIn::Runtime(Initialised::Never));
}
