//! C, C++ and Rust text, and project files, to calls of DDIs and what their arguments may be.
//!
//! The only crate that knows C. It knows what a DDI takes, from `ringfence-ddi`, but nothing of memory integrity.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod analysis;
mod assembly;
mod binding;
mod bit_fields;
mod blank;
mod builds;
mod call_words;
mod calls;
mod code_use;
mod condensed;
mod control;
mod dead;
mod directive;
mod entry;
mod evaluate;
mod expand;
mod expanded;
mod expression;
mod flow;
mod given;
mod global;
mod initialiser;
mod interest;
mod kit_new;
mod kit_types;
mod lambda;
mod layout;
mod lex;
mod linker;
mod looked_at;
mod macro_call;
mod macro_set;
mod macro_use;
mod macros;
mod member;
mod number;
mod opt_in;
mod outline;
mod own;
mod pack;
mod part;
mod pointer;
mod pragma;
mod preprocess;
mod project;
mod read_through;
mod returned;
mod rust;
mod scope;
mod searcher;
mod shape;
mod stated;
mod stored;
mod stringised;
mod suppression;
mod syntax;
mod table;
mod target;
mod text;
mod tree;
mod value;
mod vocabulary;
mod warm;
mod windows_version;
mod world;

/// So few files are looked at by one thread: waking another takes longer than looking at them.
pub(crate) const FEW_FILES: usize = 8;

pub use analysis::{Analyser, Analysis, analyse};
pub use calls::{Hop, SourceArgument, SourceCall};
pub use code_use::{CodeUse, CodeUseKind};
pub use control::{ControlWrite, WrittenBy};
pub use entry::Entry;
pub use linker::{LinkerFact, LinkerSwitch, Origin, Rights};
pub use looked_at::LookedAt;
pub use opt_in::{Build, Initialised, OptIn};
pub use pragma::{SectionAttribute, SectionPragma, SegmentPragma};
pub use project::{
    Changes, Configuration, Define, Holds, LinkerOption, Output, Project, ProjectFormat, Silenced,
    Site, added_folders, imports, owners, projects,
};
pub use stated::oldest_windows;
pub use suppression::{Suppressed, Suppression, Suppressions};
pub use table::PointerTable;
pub use text::{Encoding, LARGEST_SOURCE, LineColumn, NotText, SourceText};
pub use tree::{FileId, FileKind, SourceFile, SourceTree, Span};
pub use value::{Choice, Term, Unknown, Value};
