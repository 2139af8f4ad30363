//! C, C++ and Rust text, and project files, to calls of DDIs and what their arguments may be.
//!
//! The only crate that knows C. It knows what a DDI takes, from `ringfence-ddi`, but nothing of memory integrity.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod project;
mod text;
mod tree;

pub use project::{
    Changes, Configuration, Define, Holds, LinkerOption, Output, Project, ProjectFormat, Site,
    owners, projects,
};
pub use text::{Encoding, LARGEST_SOURCE, LineColumn, NotText, SourceText};
pub use tree::{FileId, FileKind, SourceFile, SourceTree, Span};
