//! What build files say: which sources belong together, what is defined for them, and how they are linked.

use crate::{FileId, Span};

/// One driver, library or program that a build file describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The file that describes it.
    pub file: FileId,
    /// The format of that file.
    pub format: ProjectFormat,
    /// The sources that the file names and that are in the tree.
    pub sources: Vec<FileId>,
    /// Whether the file names its sources. If not, all below its folder belong to it.
    pub names_sources: bool,
    /// What it is built for, each once; never empty.
    pub configurations: Vec<Configuration>,
    /// What in it was not understood, with its place: told, and no reason to guess.
    pub doubts: Vec<(Span, String)>,
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
    /// What is defined for all sources.
    pub defines: Vec<Define>,
    /// What is defined, or undefined, for single sources beside that.
    pub of_files: Vec<(FileId, Vec<Define>)>,
    /// Folders that includes are looked for in, as paths like those of the tree.
    pub include_folders: Vec<String>,
    /// Files that are included before each source, by name (`/FI`, `-include`).
    pub forced_includes: Vec<String>,
    /// Options of the linker that matter, as `/SECTION:INIT,ERW`; those that MSBuild has properties for are written
    /// as the option that comes of them.
    pub linker: Vec<LinkerOption>,
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
}

/// An option of the linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkerOption {
    /// The option as the linker takes it, such as `/MERGE:.rdata=.text`.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}
