//! What build files say: which sources belong together, what is defined for them, and how they are linked.

mod budget;
mod cmake;
mod compile_commands;
mod defines;
mod edit;
mod imports;
mod msbuild;
mod paths;
mod silenced;
mod sources_file;
mod switches;
mod traced;
mod truth;
mod visual_studio;
mod words;
mod xml;

use crate::tree::folder;
use crate::{FileId, FileKind, SourceTree, Span};
use budget::Budget;
pub(crate) use budget::UNREAD;
pub use edit::Changes;
pub use imports::{added_folders, imports};
use paths::Paths;
use roxmltree::Document;
use std::collections::{BTreeSet, HashMap};

/// One driver, library or program that a build file describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The file that describes it.
    pub file: FileId,
    /// The format of that file.
    pub format: ProjectFormat,
    /// What it is called: the file's name, or CMake's target.
    pub name: String,
    /// Where it is made, such as CMake's `add_library(…)`; empty where that is the whole file.
    pub place: Span,
    /// The sources and headers that the file names and that are in the tree, in the order of the tree.
    pub sources: Vec<FileId>,
    /// Those that the file names and no configuration that is read builds: excluded, or for 32 bits alone.
    pub unbuilt: Vec<FileId>,
    /// Whether the file names its sources. If not, all below its folder belong to it.
    pub names_sources: bool,
    /// What it is built for, each once; never empty.
    pub configurations: Vec<Configuration>,
    /// What in it was not understood, with its place: told, and no reason to guess.
    pub doubts: Vec<(Span, String)>,
    /// Elements of its file that hold for all configurations together, and that a fix would change.
    pub sites: Vec<Site>,
}

/// An element of a project file that a fix would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// What it holds.
    pub holds: Holds,
    /// All of it.
    pub place: Span,
}

/// What an element of a project file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holds {
    /// Macros for all sources.
    Defines,
    /// Macros of a single source, which takes over no others.
    OwnDefines,
    /// Settings of the compiler, without macros.
    Compiler,
    /// Settings of the linker.
    Linker,
}

/// The format of a build file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProjectFormat {
    /// MSBuild: `.vcxproj` with what it imports.
    MsBuild,
    /// The WDK's `build`: `sources`.
    Sources,
    /// CMake.
    CMake,
    /// `compile_commands.json`.
    CompileCommands,
    /// `.cargo/config.toml` or a package's build script are not read: Rust drivers have no build file here.
    CommandLine,
}

/// How a project is built for one configuration and platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Its name, such as `Release|x64`; empty where the format knows none.
    pub name: String,
    /// What it is built into.
    pub output: Output,
    /// The oldest Windows that it says to be for, as `NTDDI_VERSION` numbers it, beside what macros say.
    pub windows: Option<u64>,
    /// What is defined for all sources.
    pub defines: Vec<Define>,
    /// What is defined, or undefined, for single sources beside that.
    pub of_files: Vec<(FileId, Vec<Define>)>,
    /// The sources of the project that it does not build.
    pub left_out: Vec<FileId>,
    /// Folders that includes are looked for in, as paths like those of the tree.
    pub include_folders: Vec<String>,
    /// Files that are included before each source, by name (`/FI`, `-include`).
    pub forced_includes: Vec<String>,
    /// Those of sources that have a list of their own, which then is all that counts.
    pub forced_of_files: Vec<(FileId, Vec<String>)>,
    /// Options of the linker that matter, as `/SECTION:INIT,ERW`; those that MSBuild has properties for are written
    /// as the option that comes of them.
    pub linker: Vec<LinkerOption>,
    /// The warnings of Code Analysis that are off for all sources.
    pub silenced: Vec<Silenced>,
    /// Those of sources that have a list of their own, which then is all that counts.
    pub silenced_of_files: Vec<(FileId, Vec<Silenced>)>,
}

/// A warning that is switched off by `/wd30030`, or by `DisableSpecificWarnings` of MSBuild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silenced {
    /// Its number.
    pub warning: u32,
    /// Where that stands.
    pub span: Span,
    /// Whether it holds for sure.
    pub certain: bool,
}

/// What a project is built into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Output {
    /// A kernel driver.
    Driver,
    /// A kernel-mode DLL or export driver.
    ExportDriver,
    /// A static library of drivers.
    DriverLibrary,
    /// Something in user mode.
    UserMode,
    /// It does not say.
    #[default]
    Unknown,
}

/// A macro defined, or undefined, by a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Define {
    /// Its name.
    pub name: String,
    /// Its value: `1` where none is given. None where it is undefined (`/U`).
    pub value: Option<String>,
    /// Where it stands; none for the command line of ringfence.
    pub span: Option<Span>,
    /// Whether it holds for sure. It does not where it hangs on a condition that nobody can tell here, or its value is
    /// not known.
    pub certain: bool,
}

/// An option of the linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkerOption {
    /// The option as the linker takes it, such as `/MERGE:.rdata=.text`.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Whether it holds for sure.
    pub certain: bool,
}

/// The largest build file that people write, in bytes. What programs write may be as large as a source.
const LARGEST: usize = 2 << 20;

/// What the readers share.
struct Reader<'t> {
    tree: &'t SourceTree,
    /// Files in XML, as far as they are.
    documents: HashMap<FileId, Document<'t>>,
    paths: Paths,
    budget: Budget,
}

impl Project {
    /// A project that says nothing yet, described by `file`.
    pub fn new(file: FileId, format: ProjectFormat) -> Project {
        Project {
            file,
            format,
            name: String::new(),
            place: Span::new(file, 0..0),
            sources: Vec::new(),
            unbuilt: Vec::new(),
            names_sources: true,
            configurations: vec![Configuration::default()],
            doubts: Vec::new(),
            sites: Vec::new(),
        }
    }
}

/// Reads all projects of a tree, in the order of the files; and which project files cannot be read, with the reason
/// and the line.
pub fn projects(tree: &SourceTree) -> (Vec<Project>, Vec<(FileId, String)>) {
    let mut unreadable = Vec::new();
    let mut documents = HashMap::new();
    let mut project_files: Vec<FileId> = Vec::new();
    for (id, file) in tree.files().filter(|(_, file)| file.kind == FileKind::Project) {
        let length = file.text.as_str().len();
        if length > LARGEST && !matches!(&*extension(tree, id), "json" | "rsp") {
            let reason =
                format!("line 1: larger than any project: {length} bytes, the limit is {LARGEST}");
            unreadable.push((id, reason));
        } else {
            project_files.push(id);
        }
    }
    for &file in &project_files {
        if matches!(
            &*extension(tree, file),
            "vcxproj" | "vcxitems" | "props" | "targets" | "vcproj"
        ) {
            match xml::read(tree.file(file).text.as_str()) {
                Ok(document) => drop(documents.insert(file, document)),
                Err(reason) => unreadable.push((file, reason)),
            }
        }
    }
    let budget = Budget::new(tree);
    let reader = Reader { tree, documents, paths: Paths::of(tree), budget };
    let mut projects = cmake::read(&reader, &project_files);
    for file in project_files {
        reader.budget.begin(tree.file(file).text.as_str().len());
        let is_xml = reader.documents.contains_key(&file);
        match (&*extension(tree, file), &*name(tree, file)) {
            ("vcxproj", _) if is_xml => projects.push(msbuild::read(&reader, file)),
            ("vcproj", _) if is_xml => projects.push(visual_studio::read(&reader, file)),
            (_, "sources") => projects.push(sources_file::read(&reader, file)),
            (_, "compile_commands.json") => match compile_commands::read(&reader, file) {
                Ok(project) => projects.push(project),
                Err(reason) => unreadable.push((file, reason)),
            },
            _ => {}
        }
    }
    projects.sort_by_key(|project| (project.file, project.place.start));
    unreadable.sort();
    (projects, unreadable)
}

/// What of the `named` sources is built, and what is not; and in each configuration what it leaves out, given what it
/// builds.
fn built(
    configurations: &mut [Configuration],
    builds: &[BTreeSet<FileId>],
    named: &BTreeSet<FileId>,
) -> (Vec<FileId>, Vec<FileId>) {
    let all: BTreeSet<FileId> = builds.iter().flatten().copied().collect();
    for (configuration, own) in configurations.iter_mut().zip(builds) {
        configuration.left_out = all.difference(own).copied().collect();
    }
    let unbuilt = named.difference(&all).copied().collect();
    (all.into_iter().collect(), unbuilt)
}

/// The name of a file, in lower case.
fn name(tree: &SourceTree, file: FileId) -> String {
    let path = &tree.file(file).path;
    path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase()
}

/// What a file's name ends with behind the last dot, in lower case; empty where there is none.
fn extension(tree: &SourceTree, file: FileId) -> String {
    name(tree, file).rsplit_once('.').map(|parts| parts.1.to_owned()).unwrap_or_default()
}

/// The projects that a file belongs to: those that name it; else those of the nearest folder above it that name no
/// sources; else all of the nearest folder above it, as for headers that nobody names.
pub fn owners<'p>(projects: &'p [Project], tree: &SourceTree, file: FileId) -> Vec<&'p Project> {
    let named: Vec<_> =
        projects.iter().filter(|project| project.sources.binary_search(&file).is_ok()).collect();
    if !named.is_empty() {
        return named;
    }
    let own = folder(tree.key(file));
    let depth = |project: &Project| {
        let above = folder(tree.key(project.file));
        let inside = above.is_empty()
            || own.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        inside.then_some(above.len())
    };
    let nearest = |fits: &dyn Fn(&Project) -> bool| {
        let depths: Vec<_> = projects
            .iter()
            .filter(|project| fits(project))
            .filter_map(|project| Some((depth(project)?, project)))
            .collect();
        let most = depths.iter().map(|(depth, _)| *depth).max();
        depths
            .into_iter()
            .filter(|(depth, _)| Some(*depth) == most)
            .map(|(_, project)| project)
            .collect()
    };
    let unnamed: Vec<&Project> = nearest(&|project| !project.names_sources);
    if unnamed.is_empty() { nearest(&|_| true) } else { unnamed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    #[test]
    fn a_file_belongs_to_who_names_it_or_to_the_nearest() {
        let named = "<Project><ItemGroup><ClCompile Include=\"a.c\"/><ClCompile Include=\"..\\shared.c\"/></ItemGroup></Project>";
        let user =
            "<Project><ItemGroup><ClCompile Include=\"..\\shared.c\"/></ItemGroup></Project>";
        let mut tree = SourceTree::default();
        for (path, text) in [
            ("drv/drv.vcxproj", named),
            ("app/app.vcxproj", user),
            ("drv/sub/sources", "TARGETTYPE=DRIVER\n"),
            ("drv/a.c", ""),
            ("drv/inc/a.h", ""),
            ("drv/sub/x.c", ""),
            ("shared.c", ""),
            ("other/y.c", ""),
            ("drv2/z.c", ""),
        ] {
            tree.add(path, SourceText::of(text)).unwrap();
        }
        let (found, _) = projects(&tree);
        let owners = |path: &str| -> Vec<&str> {
            owners(&found, &tree, tree.at(path).unwrap()).iter().map(|one| &*one.name).collect()
        };
        assert_eq!(owners("drv/a.c"), ["drv"]);
        assert_eq!(owners("shared.c"), ["drv", "app"]);
        assert_eq!(owners("drv/inc/a.h"), ["drv"]);
        assert_eq!(owners("drv/sub/x.c"), ["sub"]);
        assert_eq!((owners("other/y.c"), owners("drv2/z.c")), (vec![], vec![]));
    }

    #[test]
    fn projects_come_in_the_order_of_the_files() {
        let mut tree = SourceTree::default();
        for (path, text) in [
            ("b/sources", ""),
            ("compile_commands.json", "[]"),
            ("a/CMakeLists.txt", "add_library(two a.c)\nadd_library(one a.c)"),
            ("a/x.props", "<Project/>"),
            ("a/x.vcxproj", "<Project/>"),
            ("dirs", "DIRS=b"),
        ] {
            tree.add(path, SourceText::of(text)).unwrap();
        }
        let (found, unreadable) = projects(&tree);
        let told: Vec<_> = found.iter().map(|one| (&*one.name, one.format)).collect();
        assert_eq!(
            told,
            [
                ("b", ProjectFormat::Sources),
                ("compile_commands.json", ProjectFormat::CompileCommands),
                ("two", ProjectFormat::CMake),
                ("one", ProjectFormat::CMake),
                ("x", ProjectFormat::MsBuild)
            ]
        );
        assert!(unreadable.is_empty() && found.iter().all(|one| !one.configurations.is_empty()));
    }

    #[test]
    fn what_is_too_large_is_told() {
        let mut tree = SourceTree::default();
        tree.add("sources", SourceText::of("#".repeat(LARGEST + 1))).unwrap();
        let (found, unreadable) = projects(&tree);
        assert!(found.is_empty() && unreadable[0].1.starts_with("line 1: larger"));
    }
}
