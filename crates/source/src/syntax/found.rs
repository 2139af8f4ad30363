//! What is found in a file: plain data, with the places of everything.

use super::{Linkage, Listed, Stored, TemplateParameter, Turn};
use crate::flow::Fork;
use crate::scope::Known;
use std::ops::Range;
use std::sync::OnceLock;

/// What a parser finds in a file. Ranges are bytes of the file.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    pub(crate) functions: Vec<Function>,
    pub(crate) calls: Vec<Call>,
    /// What happens to variables outside of functions.
    pub(crate) variables: Vec<Variable>,
    pub(crate) enumerators: Vec<Enumerator>,
    /// What members of structures and elements of arrays are given, where it may be a function.
    pub(crate) members: Vec<Member>,
    pub(crate) records: Vec<Record>,
    /// What structures, or arrays of them, are given in braces.
    pub(crate) listed: Vec<Listed>,
    /// The names of what is looked for where it is not called: its address is taken.
    pub(crate) taken: Vec<Range<usize>>,
    pub(crate) defaults: Vec<DefaultArgument>,
    /// Where something is stored through a pointer, and the function around.
    pub(crate) stores: Vec<(Range<usize>, Option<usize>)>,
    pub(crate) assembly: Vec<Range<usize>>,
    /// Whether parsing ended before the end: the file is made to be hard.
    pub(crate) is_cut: bool,
}

/// A function that is defined.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Range<usize>,
    pub(crate) body: Range<usize>,
    /// The names of its parameters; empty for those without.
    pub(crate) parameters: Vec<Range<usize>>,
    /// The parameters of its template.
    pub(crate) template: Vec<TemplateParameter>,
    /// The names of the parameters of templates around, such as that of its class.
    pub(crate) outer: Vec<Range<usize>>,
    /// What happens to variables in it.
    pub(crate) variables: Vec<Variable>,
    /// Where control may take several ways in it, in the order of the text, outer ones first.
    pub(crate) forks: Vec<Fork>,
    /// What may run again: loops, and from each label to the end.
    pub(crate) loops: Vec<Range<usize>>,
    /// Where names mean something else: functions without a name in it, with their parameters.
    pub(crate) lambdas: Vec<(Range<usize>, Vec<Range<usize>>)>,
    /// What it returns, at each place that says so.
    pub(crate) returns: Vec<Range<usize>>,
    /// Where it is no plain C, in the order of the text: no more than [`MOST_MISREAD`] places.
    pub(crate) misread: Vec<usize>,
    /// The type of that, as far as it is one word.
    pub(crate) of: Range<usize>,
    /// What members are given in it.
    pub(crate) stored: Vec<Stored>,
    /// Names of variables that macros in it name and set.
    pub(crate) hidden: Vec<Box<str>>,
    /// Whether only its own file can call it.
    pub(crate) is_static: bool,
    /// What its name means to others.
    pub(crate) linkage: Linkage,
    /// Which of the forks may depend on the version of Windows, once that is asked for.
    pub(crate) asking: OnceLock<Box<[usize]>>,
    /// What may have happened to its variables, as far as that was asked for.
    pub(crate) known: Known,
}

/// A call of something that has a name.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) callee: Range<usize>,
    pub(crate) manner: Manner,
    pub(crate) whole: Range<usize>,
    pub(crate) arguments: Vec<Range<usize>>,
    /// What is passed to the template, between the angle brackets.
    pub(crate) template: Vec<Range<usize>>,
    /// The name of the class that the callee stands behind, and what is passed to its template.
    pub(crate) class: Option<(Range<usize>, Vec<Range<usize>>)>,
    /// The function that it stands in, by its place in the list.
    pub(crate) function: Option<usize>,
    /// Whether a condition chooses what is called: `(c ? F : G)(...)` is a call of each.
    pub(crate) is_chosen: bool,
    /// Whether the callee stands behind the name of a namespace or class: `a::F(...)`, and not `::F(...)`.
    pub(crate) is_scoped: bool,
}

/// What a member or an element is given.
#[derive(Debug)]
pub(crate) struct Member {
    /// The name of the member, or of the array.
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    pub(crate) function: Option<usize>,
    /// Whether it is an element.
    pub(crate) is_element: bool,
}

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Plain,
    /// Of what something points to: `(*F)(...)`, which for a function is the same.
    Indirect,
    /// Of a member: `a->b(...)`.
    Member,
    /// Of a pointer that is converted: `((T)p)(...)`.
    Converted,
    /// Of what lies behind where a pointer points: `((T)((PUCHAR)p + 16))(...)`.
    Behind,
    /// `new (placement) T`: the arguments are the placement.
    New,
    /// The same of an array, for which another operator allocates: `new (placement) T[n]`.
    NewArray,
    /// Of what another call gives: `F(a)(b)`, named after that one. Only a macro makes a call of something known of it.
    Given,
}

impl Manner {
    /// What allocates for `new`, which it does not name.
    pub(crate) fn operator(self) -> Option<&'static str> {
        match self {
            Manner::New => Some("operator new"),
            Manner::NewArray => Some("operator new[]"),
            _ => None,
        }
    }
}

/// Something that happens to a variable.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Range<usize>,
    pub(crate) happens: Happens,
    /// The innermost statement around whose parts run together or not at all.
    pub(crate) block: Range<usize>,
    /// Where a name that is declared here means this.
    pub(crate) scope: Range<usize>,
    /// Whether what is declared here keeps its value from one call of the function to the next.
    pub(crate) is_static: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happens {
    /// It is declared without a value.
    Declared,
    /// It is declared with a value.
    Begins(Range<usize>),
    /// It is given a value.
    Becomes(Range<usize>),
    /// Bits are added to its value.
    Gains(Range<usize>),
    /// Of its value only these bits are kept.
    Keeps(Range<usize>),
    /// Bits of its value are changed as the turn says, by this.
    Turns(Turn, Range<usize>),
    /// It is given a number of the version of Windows: at least so much.
    Told(i64),
    /// It is changed in a way that is not followed, or its address is given away.
    Changes,
}

impl Happens {
    /// Whether what it holds then is no value that is written anywhere.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Happens::Changes | Happens::Turns(..))
    }
}

/// A constant of an enumeration.
#[derive(Debug)]
pub(crate) struct Enumerator {
    pub(crate) name: Range<usize>,
    pub(crate) value: Option<Range<usize>>,
    /// How many come behind the last one with a value.
    pub(crate) behind: u64,
}

/// A structure.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its tag, and the names that a `typedef` gives it; none for one that has no name.
    pub(crate) names: Vec<Range<usize>>,
    /// Its braces.
    pub(crate) body: Range<usize>,
    /// Its members in their order, each with the word that names its type.
    pub(crate) members: Vec<(Range<usize>, Option<Range<usize>>)>,
    /// Whether all its members have names.
    pub(crate) is_plain: bool,
    /// The names of the classes that it is derived from.
    pub(crate) bases: Vec<Range<usize>>,
}

/// What a parameter is where no argument is passed.
#[derive(Debug)]
pub(crate) struct DefaultArgument {
    pub(crate) function: Range<usize>,
    /// Which parameter of how many.
    pub(crate) parameter: usize,
    pub(crate) of: usize,
    pub(crate) value: Range<usize>,
    /// The names of the parameters of templates around.
    pub(crate) template: Vec<Range<usize>>,
}
