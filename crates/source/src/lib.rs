//! C, C++ and Rust text, and project files, to calls of DDIs and what their arguments may be.
//!
//! The only crate that knows C. It knows what a DDI takes, from `ringfence-ddi`, but nothing of memory integrity.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod blank;
mod directive;
mod expression;
mod lex;
mod macros;
mod preprocess;
mod project;
mod syntax;
mod target;
mod text;
mod tree;

pub use project::{Configuration, Define, LinkerOption, Output, Project, ProjectFormat};
pub use text::{Encoding, LARGEST_SOURCE, LineColumn, NotText, SourceText};
pub use tree::{FileId, FileKind, SourceFile, SourceTree, Span};
