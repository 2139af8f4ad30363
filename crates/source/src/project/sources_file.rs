//! `sources`, the build file of the WDK's `build` up to Windows 7, and what it includes.

mod condition;
pub(super) mod edit;
mod includes;
mod lines;
mod macros;

use super::budget::Doubts;
use super::switches::{Switches, compiler, linker, linker_option};
use super::traced::Traced;
use super::words::{Quoting, words};
use super::{Configuration, LinkerOption, Output, Project, ProjectFormat, Reader, built, paths};
use crate::tree::folder;
use crate::{FileId, Span, stated};
pub(super) use includes::includes;
use macros::{Macros, Nmake};
use std::collections::BTreeSet;

/// The two builds: what the environment of each says.
const BUILDS: [(&str, [(&str, &str); 3]); 2] = [
    ("free", [("FREEBUILD", "1"), ("DDKBUILDENV", "fre"), ("_BUILDTYPE", "fre")]),
    ("checked", [("FREEBUILD", "0"), ("DDKBUILDENV", "chk"), ("_BUILDTYPE", "chk")]),
];

/// Macros with switches for the compiler.
const SWITCHES: [&str; 3] = ["C_DEFINES", "USER_C_FLAGS", "MSC_OPTIMIZATION"];
/// Macros that list sources.
const LISTS: [&str; 3] = ["SOURCES", "AMD64_SOURCES", "ARM64_SOURCES"];
/// Macros that list sources for processors that memory integrity is not there for.
const OTHER_LISTS: [&str; 3] = ["I386_SOURCES", "IA64_SOURCES", "ARM_SOURCES"];

/// Reads the project that `file` describes.
pub(super) fn read(reader: &Reader<'_>, file: FileId) -> Project {
    let mut doubts = Doubts::default();
    let (mut builds, mut named) = (Vec::new(), BTreeSet::new());
    let mut names_sources = false;
    let mut configurations: Vec<Configuration> = Vec::new();
    for (name, environment) in BUILDS {
        let mut nmake = Nmake::new(reader, &environment);
        nmake.file(file);
        let mut built = BTreeSet::new();
        for list in LISTS {
            let Some(list) = nmake.words(list) else { continue };
            names_sources |= !list.as_str().trim().is_empty();
            built.extend(listed(reader, file, &list, &mut nmake.doubts));
        }
        for list in OTHER_LISTS {
            let Some(list) = nmake.words(list) else { continue };
            named.extend(listed(reader, file, &list, &mut nmake.doubts));
        }
        builds.push(built);
        configurations.push(configuration(reader, file, name, &mut nmake));
        if reader.budget.is_spent() {
            nmake.doubts.exhausted(Span::new(file, 0..0));
        }
        doubts.extend(nmake.doubts);
    }
    let (sources, unbuilt) = built(&mut configurations, &builds, &named);
    merge(&mut configurations);
    Project {
        file,
        format: ProjectFormat::Sources,
        name: folder(&reader.tree.file(file).path)
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        place: Span::new(file, 0..0),
        sources,
        unbuilt,
        names_sources,
        configurations,
        doubts: doubts.into_vec(),
        sites: Vec::new(),
    }
}

/// Where both builds come to the same there is one, without a name.
fn merge(configurations: &mut Vec<Configuration>) {
    let unnamed = |of: &Configuration| Configuration { name: String::new(), ..of.clone() };
    if let [free, checked] = &configurations[..]
        && unnamed(free) == unnamed(checked)
    {
        *configurations = vec![unnamed(free)];
    }
}

/// The sources of the tree that a macro lists.
fn listed(reader: &Reader<'_>, file: FileId, list: &Traced, doubts: &mut Doubts) -> Vec<FileId> {
    let base = folder(&reader.tree.file(file).path);
    let mut found = Vec::new();
    for word in words(list, Quoting::Windows) {
        if word.as_str().contains("$(") {
            if let Some(span) = word.span() {
                doubts.add(span, "which sources this names is not known");
            }
        } else {
            found.extend(reader.tree.at(&paths::joined(base, word.as_str())));
        }
    }
    found
}

fn configuration(
    reader: &Reader<'_>,
    file: FileId,
    name: &str,
    nmake: &mut Nmake<'_, '_>,
) -> Configuration {
    let base = folder(&reader.tree.file(file).path);
    let mut switches = Switches::default();
    for name in SWITCHES {
        let Some(line) = nmake.words(name) else { continue };
        let found = compiler(&words(&line, Quoting::Windows), true, &[], &mut nmake.doubts);
        switches.defines.extend(found.defines);
        switches.folders.extend(found.folders);
        switches.forced.extend(found.forced);
        switches.silenced.extend(found.silenced);
    }
    let includes = nmake.words("INCLUDES").unwrap_or_default();
    let written = includes.split(|letter| letter == ';' || letter.is_whitespace());
    let mut include_folders = Vec::new();
    for folder in
        written.iter().chain(&switches.folders).map(|folder| folder.as_str().trim_matches('"'))
    {
        if !folder.is_empty() && !folder.contains("$(") {
            paths::add_folder(&mut include_folders, base, folder);
        }
    }
    let version = nmake.macros.value("_NT_TARGET_VERSION");
    let windows = version.and_then(|version| stated::named(version.as_str()));
    Configuration {
        name: name.to_owned(),
        output: output(&nmake.macros),
        windows,
        defines: switches.defines,
        of_files: Vec::new(),
        left_out: Vec::new(),
        include_folders,
        forced_includes: switches.forced.iter().map(|name| name.as_str().to_owned()).collect(),
        linker: options(nmake),
        silenced: switches.silenced,
        silenced_of_files: Vec::new(),
        forced_of_files: Vec::new(),
    }
}

fn options(nmake: &Nmake<'_, '_>) -> Vec<LinkerOption> {
    let mut found = Vec::new();
    if let Some(alignment) = nmake.macros.value("DRIVER_ALIGNMENT").map(|value| value.trim())
        && !alignment.as_str().is_empty()
    {
        found.extend(linker_option(format!("/ALIGN:{}", alignment.as_str()), &alignment, &[]));
    }
    if let Some(flags) = nmake.words("LINKER_FLAGS") {
        found.extend(words(&flags, Quoting::Windows).iter().filter_map(|word| linker(word, &[])));
    }
    found
}

/// What the target type says.
fn output(macros: &Macros) -> Output {
    let Some(kind) = macros.value("TARGETTYPE") else { return Output::Unknown };
    if !kind.is_certain() {
        return Output::Unknown;
    }
    match &*kind.as_str().trim().to_ascii_uppercase() {
        "DRIVER" | "MINIPORT" | "GDI_DRIVER" => Output::Driver,
        "EXPORT_DRIVER" | "HAL" => Output::ExportDriver,
        "DRIVER_LIBRARY" => Output::DriverLibrary,
        "DYNLINK" | "PROGRAM" | "PROGLIB" | "UMAPPL" | "UMAPPL_NOLIB" => Output::UserMode,
        _ => Output::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Define, projects};
    use super::*;
    use crate::{SourceText, SourceTree};

    /// The project of `d/sources` with this text, among other files.
    fn read(text: &str, others: &[(&str, &str)]) -> (SourceTree, Project) {
        let mut tree = SourceTree::default();
        tree.add("d/sources", SourceText::of(text)).unwrap();
        for (path, text) in others {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        let (mut found, unreadable) = projects(&tree);
        assert!(unreadable.is_empty());
        found.retain(|project| tree.file(project.file).path == "d/sources");
        assert_eq!(found.len(), 1);
        (tree, found.remove(0))
    }

    /// What is defined, in doubt with a question mark.
    fn defined(configuration: &Configuration) -> Vec<String> {
        let tell = |define: &&Define| {
            let value = define.value.as_deref().unwrap_or("(none)");
            format!("{}={value}{}", define.name, if define.certain { "" } else { "?" })
        };
        configuration.defines_of(FileId(0)).iter().map(tell).collect()
    }

    #[test]
    fn a_driver_of_the_windows_7_kit_is_read() {
        let text = "TARGETNAME=drv\r\nTARGETTYPE=DRIVER\r\nTARGETPATH=obj\r\n\r\n\
            INCLUDES=..\\inc;$(DDK_INC_PATH); own\r\n\
            C_DEFINES=$(C_DEFINES) -DUNICODE /D POOL_NX_OPTIN=1 # opt in\r\n\
            USER_C_FLAGS=/DX=\"a b\" /FIpre.h /W4\r\n\
            LINKER_FLAGS=/SECTION:INIT,RWE /MERGE:.rdata=.text\r\nDRIVER_ALIGNMENT=0x80\r\n\
            SOURCES= \\\r\n    a.c \\\r\n    ..\\shared\\b.c\r\nAMD64_SOURCES=amd64\\c.c\r\nI386_SOURCES=i386\\d.c\r\n";
        let others = [("d/a.c", ""), ("shared/b.c", ""), ("d/amd64/c.c", ""), ("d/i386/d.c", "")];
        let (tree, project) = read(text, &others);
        let names: Vec<_> = project.sources.iter().map(|id| &*tree.file(*id).path).collect();
        assert_eq!(names, ["d/a.c", "shared/b.c", "d/amd64/c.c"]);
        let [configuration] = &project.configurations[..] else { panic!("{project:?}") };
        assert_eq!((&*configuration.name, configuration.output), ("", Output::Driver));
        assert_eq!(defined(configuration), ["UNICODE=1", "POOL_NX_OPTIN=1", "X=a b"]);
        assert_eq!(tree.text(configuration.defines[1].span.unwrap()), "POOL_NX_OPTIN=1");
        assert_eq!(configuration.include_folders, ["inc", "d/own"]);
        assert_eq!(configuration.forced_includes, ["pre.h"]);
        let options: Vec<_> =
            configuration.linker.iter().map(|one| (&*one.text, tree.text(one.span))).collect();
        assert_eq!(
            options,
            [
                ("/ALIGN:0x80", "0x80"),
                ("/SECTION:INIT,RWE", "/SECTION:INIT,RWE"),
                ("/MERGE:.rdata=.text", "/MERGE:.rdata=.text")
            ]
        );
        assert_eq!(project.doubts, []);
    }

    #[test]
    fn macros_are_set_in_terms_of_what_comes_later() {
        // Names whose order is neither that of the file nor its reverse.
        let text = "C_DEFINES=-DA=$(M)\nM=$(Z)\nZ=$(B)\nB=$(Y)\nY=7\nSOURCES=a.c\n";
        let (_, project) = read(text, &[("d/a.c", "")]);
        assert_eq!(defined(&project.configurations[0]), ["A=7"]);
        // Such as have no end get none.
        let text = "C_DEFINES=-DA=$(M)\nM=$(Z) $(Z)\nZ=$(M) $(M)\nSOURCES=a.c\n";
        assert_eq!(read(text, &[("d/a.c", "")]).1, read(text, &[("d/a.c", "")]).1);
    }

    #[test]
    fn conditions_tell_builds_apart() {
        let text = "!IF \"$(DDKBUILDENV)\"==\"chk\"\nC_DEFINES=$(C_DEFINES) -DDBG_ONLY\n!ELSE\n\
            C_DEFINES=$(C_DEFINES) -DFREE_ONLY\n!ENDIF\n!if $(386)\nC_DEFINES=-DX86\n!endif\n\
            !if $(OUR_VERSION) >= 0x602\nC_DEFINES=$(C_DEFINES) -DPOOL_NX_OPTIN=1\n!elseif 1\n\
            C_DEFINES=$(C_DEFINES) -DOLD\n!endif\n";
        let (tree, project) = read(text, &[]);
        let names: Vec<_> = project.configurations.iter().map(|one| &*one.name).collect();
        assert_eq!(names, ["free", "checked"]);
        assert_eq!(
            defined(&project.configurations[0]),
            ["FREE_ONLY=1", "POOL_NX_OPTIN=1?", "OLD=1?"]
        );
        assert_eq!(defined(&project.configurations[1])[0], "DBG_ONLY=1");
        let first = &project.doubts[0];
        assert_eq!(tree.text(first.0), "!if $(OUR_VERSION) >= 0x602");
        assert!(first.1.contains("whether POOL_NX_OPTIN is defined"));
        assert!(!project.names_sources);
    }

    /// Windows 7 and those before it have no memory integrity.
    #[test]
    fn windows_is_one_with_memory_integrity() {
        let text = "!if \"$(DDK_TARGET_OS)\" == \"Win7\"\nC_DEFINES=-DOLD\n!else\n\
            C_DEFINES=-DPOOL_NX_OPTIN_AUTO=1\n!endif\n\
            !if $(_NT_TARGET_VERSION) < 0xA00\nC_DEFINES=$(C_DEFINES) -DOLDER\n!endif\n";
        let (_, project) = read(text, &[]);
        assert_eq!(defined(&project.configurations[0]), ["POOL_NX_OPTIN_AUTO=1"]);
        assert_eq!(project.doubts, []);
        let own = "_NT_TARGET_VERSION=0x601\n!if $(_NT_TARGET_VERSION) < 0x602\nC_DEFINES=-DOWN\n!endif\n";
        assert_eq!(defined(&read(own, &[]).1.configurations[0]), ["OWN=1"]);
    }

    #[test]
    fn included_files_are_part_of_it() {
        let text = "!include ..\\sources.inc\n!include $(NTMAKEENV)\\makefile.def\n!include gone.inc\nC_DEFINES=$(NX) $(LATE)\nLATE=-DLATE\n";
        let others = [("sources.inc", "NX=-DPOOL_NX_OPTIN_AUTO=1\nTARGETTYPE=EXPORT_DRIVER\n")];
        let (tree, project) = read(text, &others);
        let configuration = &project.configurations[0];
        assert_eq!(configuration.output, Output::ExportDriver);
        assert_eq!(defined(configuration), ["POOL_NX_OPTIN_AUTO=1", "LATE=1"]);
        let span = configuration.defines[0].span.unwrap();
        assert_eq!(tree.file(span.file).path, "sources.inc");
        let doubts: Vec<_> = project.doubts.iter().map(|(span, _)| tree.text(*span)).collect();
        assert_eq!(doubts, ["!include gone.inc"]);
    }

    #[test]
    fn included_files_are_found_as_nmake_finds_them() {
        let text = "!include ..\\build\\all.inc\n";
        let all = ("build/all.inc", "!include more.inc\n!include flags.inc\n");
        // NMAKE runs in the project's folder; what is not there is looked for beside the file that includes it.
        let others = [
            all,
            ("d/more.inc", "C_DEFINES=-DMORE\n"),
            ("build/flags.inc", "C_DEFINES=$(C_DEFINES) -DFLAGS\n"),
        ];
        let (_, project) = read(text, &others);
        assert_eq!(defined(&project.configurations[0]), ["MORE=1", "FLAGS=1"]);
        assert_eq!(project.doubts, []);
    }

    #[test]
    fn what_is_not_read_may_define_macros() {
        let may_define = |text: &str| {
            let (tree, project) = read(text, &[]);
            let of = project.doubts.iter().filter(|(_, what)| what.contains("may define macros"));
            of.map(|(span, _)| tree.text(*span).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(may_define("!include $(MYROOT)\\nx.inc\n"), ["!include $(MYROOT)\\nx.inc"]);
        let asked = "!if exist(..\\nx.inc)\n!include ..\\nx.inc\n!endif\n";
        assert_eq!(may_define(asked), ["!include ..\\nx.inc"]);
        assert_eq!(may_define("C_DEFINES=$(C_DEFINES) $(OURS) -DA\n"), ["$(OURS)"]);
        assert_eq!(may_define("USER_C_FLAGS=/W4 -D$(OURS)\n"), ["$(OURS)"]);
        // The kit's own, and what is of no interest, are none.
        let other = "!include $(NTMAKEENV)\\makefile.def\n!include <kit.inc>\n\
            C_DEFINES=$(C_DEFINES) -DVERSION=$(OURS) -I $(OURS)\\inc\n";
        assert_eq!(may_define(other), [""; 0]);
    }

    #[test]
    fn target_types_tell_the_output() {
        let output =
            |kind: &str| read(&format!("TARGETTYPE={kind}"), &[]).1.configurations[0].output;
        assert_eq!(output("driver_library"), Output::DriverLibrary);
        assert_eq!((output("DYNLINK"), output("PROGRAM")), (Output::UserMode, Output::UserMode));
        assert_eq!((output("LIBRARY"), output("$(X)")), (Output::Unknown, Output::Unknown));
    }

    #[test]
    fn hostile_files_end_with_a_doubt() {
        let own = "C_DEFINES=$(C_DEFINES)$(C_DEFINES)x\n".repeat(200);
        assert!(
            read(&format!("C_DEFINES=x\n{own}"), &[])
                .1
                .doubts
                .iter()
                .any(|(_, what)| what.contains("too much"))
        );
        let deep = "!if $(X)\n".repeat(1000) + "C_DEFINES=-DA\n" + &"!endif\n".repeat(1000);
        let (_, project) = read(&deep, &[]);
        assert!(project.configurations[0].defines.is_empty());
        assert!(project.doubts.iter().any(|(_, what)| what.contains("too deep")));
        let (_, project) = read("!include sources\n", &[]);
        assert!(project.doubts.iter().any(|(_, what)| what.contains("includes itself")));
        let names: Vec<String> = (0..30).map(|number| format!("d{number}/sources.inc")).collect();
        let texts: Vec<String> = (1..31)
            .map(|number| format!("!include ..\\d{number}\\sources.inc\n").repeat(2))
            .collect();
        let others: Vec<(&str, &str)> =
            names.iter().map(|name| &**name).zip(texts.iter().map(|text| &**text)).collect();
        let (_, project) = read("!include ..\\d0\\sources.inc\n", &others);
        assert!(project.doubts.iter().any(|(_, what)| what.contains("too deep")));
        for broken in
            ["!", "!endif\n!else\n", "=", "A", "A=$", "A=$(", "!include", "!if", "\\", "A=\\\n"]
        {
            assert_eq!(read(broken, &[]).1.configurations.len(), 1, "{broken}");
        }
    }
}
