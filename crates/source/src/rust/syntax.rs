//! What stands in a file of Rust. Nothing is judged here. Ranges are bytes of the file.

use super::expression::Expression;
use super::path::Path;
use foldhash::HashMap;
use std::ops::Range;

/// What stands in a file.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    pub(crate) functions: Vec<Function>,
    pub(crate) calls: Vec<Call>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) imports: Vec<Import>,
    pub(crate) declared: Vec<Declared>,
    /// The modules written in the file; the first is the file itself.
    pub(crate) modules: Vec<Module>,
    /// Modules in files of their own that are no part of the driver, with the path that is given for them.
    pub(crate) left_out: Vec<(Box<str>, Option<Box<str>>)>,
    /// Whether parsing ended before the end: the file is made to be hard.
    pub(crate) is_cut: bool,
}

/// A function that is defined, or a macro that is read as one.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Box<str>,
    /// The type or trait that it belongs to.
    pub(crate) owner: Option<Box<str>>,
    pub(crate) body: Range<usize>,
    /// The names of its parameters, but for `self`; empty for those that are taken apart.
    pub(crate) parameters: Vec<Box<str>>,
    pub(crate) takes_self: bool,
    pub(crate) is_macro: bool,
    /// Its parameters and variables, by name.
    pub(crate) variables: HashMap<Box<str>, Variables>,
    /// What may run again.
    pub(crate) loops: Vec<Range<usize>>,
}

/// All that has one name in a function.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    pub(crate) bindings: Vec<Binding>,
    pub(crate) changes: Vec<Change>,
}

/// A name for a value in a function.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Where it is written.
    pub(crate) at: usize,
    /// Where it stands for the value.
    pub(crate) scope: Range<usize>,
    pub(crate) begin: Begin,
    /// Whether it depends on the build if it is there.
    pub(crate) is_open: bool,
}

/// What a variable is when it begins.
#[derive(Debug)]
pub(crate) enum Begin {
    /// What callers pass.
    Parameter,
    /// It has no value yet.
    Declared,
    Value(Expression),
    /// It is taken out of something.
    Open,
}

/// A variable is given another value.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) at: usize,
    pub(crate) how: How,
    /// What is around that runs as a whole or not at all.
    pub(crate) block: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum How {
    Becomes(Expression),
    /// Bits are added to it.
    Gains(Expression),
    /// It is changed in a way that is not followed, or may be by who has its address.
    Changes,
}

/// A call of something that has a name.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) path: Path,
    pub(crate) manner: Manner,
    pub(crate) whole: Range<usize>,
    pub(crate) arguments: Vec<(Range<usize>, Expression)>,
    /// The function that it stands in, by its place in the list.
    pub(crate) function: Option<usize>,
    pub(crate) module: usize,
}

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Plain,
    /// `a.b(...)`
    Method,
    /// `call_unsafe_wdf_function_binding!(Name, ...)`
    Framework,
}

/// A constant, a variable outside of functions, or a variant of an enumeration.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) name: Box<str>,
    /// The type, enumeration or module that it belongs to.
    pub(crate) owner: Option<Box<str>>,
    pub(crate) value: Option<Expression>,
    /// How many come behind the last variant with a value.
    pub(crate) behind: u64,
    pub(crate) is_mutable: bool,
    pub(crate) at: usize,
    pub(crate) module: usize,
}

/// A name that `use` brings in.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) path: Vec<Box<str>>,
    /// `*` for all there are.
    pub(crate) name: Box<str>,
    /// The module or block that it is brought into.
    pub(crate) scope: Range<usize>,
    pub(crate) module: usize,
}

/// A function that an `extern` block declares.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: Box<str>,
    /// The name that it is linked to.
    pub(crate) links_to: Box<str>,
    /// Whether it is linked to a library of programs.
    pub(crate) is_of_programs: bool,
}

#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) range: Range<usize>,
    pub(crate) parent: Option<usize>,
}
