//! Which other files a build file reads, as far as its text tells.

use super::{cmake, extension, msbuild, name, sources_file};
use crate::{FileId, SourceTree};

/// The files that a build file imports or includes, each as a path from its own folder: those that are named without
/// anything that has to be evaluated. Empty for what is no such file.
pub fn imports(tree: &SourceTree, file: FileId) -> Vec<String> {
    if name(tree, file) == "sources" {
        return sources_file::includes(tree, file);
    }
    match &*extension(tree, file) {
        "inc" => sources_file::includes(tree, file),
        "vcxproj" | "vcxitems" | "props" | "targets" => msbuild::imports(tree, file),
        _ => Vec::new(),
    }
}

/// The folders that the text of a `CMakeLists.txt` adds, as written: whether that is reached does not matter.
pub fn added_folders(text: &str) -> Vec<String> {
    cmake::added_folders(text)
}
