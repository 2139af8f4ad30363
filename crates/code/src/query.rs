//! What a survey is asked.

use crate::domain::Atom;
use ringfence_image::Rva;
use std::ops::Range;

/// The functions to look for, and which of their arguments matter.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The functions; [`Site::wanted`](crate::Site::wanted) is an index into this.
    pub wanted: Vec<Wanted>,
    /// Import slots of functions that never return: no code is reached behind a call of one.
    pub never_return: Vec<Rva>,
    /// Build numbers of the Windows versions of interest. Of variables that are set up by what Windows
    /// says of its version, it is told for which of them.
    pub builds: Vec<u32>,
    /// What else is looked for; where nothing is, the survey has no sightings.
    pub watch: Option<Watch>,
    /// Where ways begin that are told of what is read from memory: a parameter, counted from 0, and how many
    /// bytes behind where it points. Of what is read elsewhere no way is told.
    pub fields: Vec<(u8, u16)>,
    /// How far behind a pointer the addresses of functions are put that are given such parameters, in bytes; of others that
    /// hand on what they are given nobody asks.
    pub entries: Range<u16>,
    /// Those of [`Query::fields`] whose pointer leads to memory that nobody else changes while the function runs: what
    /// was compared there still stands there when it is read again, if nothing was called or written between.
    pub steady: Vec<(u8, u16)>,
    /// Pointers in data to the tables of [`Callee::TableAt`] and the pointers of [`Callee::TableBehind`], by which who
    /// fills those in finds them. That they stand there gives no table away; other pointers to them do.
    pub descriptions: Vec<Rva>,
}

/// What is looked for beside calls, for [`Survey::sightings`](crate::Survey::sightings).
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Which of [`Query::wanted`] return the address of memory: code that runs in it is sighted.
    pub gives_memory: Vec<usize>,
    /// Import slots that certainly hold the address of a function and not of a variable: reading what
    /// such a pointer points to is sighted.
    pub functions: Vec<Rva>,
    /// Import slots of functions that write to the memory which their first argument leads to.
    pub writers: Vec<Rva>,
}

/// A function to look for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// How code gets at it.
    pub callee: Callee,
    /// How many parameters it has: their places on the stack are its own to change. 0 where that is
    /// not known.
    pub parameters: u8,
    /// The arguments whose values are wanted.
    pub arguments: Vec<Parameter>,
    /// What it does that the survey follows.
    pub effect: Effect,
}

/// What a function does that a survey follows, beside being called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// It returns the address of the function that a `UNICODE_STRING` names; argument `name` is the
    /// string's address.
    FindsByUnicode {
        /// Which argument, from 0.
        name: u8,
    },
    /// It returns the address of the function that a text of single bytes names; argument `name` is
    /// the text's address.
    FindsByAnsi {
        /// Which argument, from 0.
        name: u8,
    },
    /// It fills in the version of Windows: an `RTL_OSVERSIONINFOW` that its first argument is the
    /// address of. Code is not read for the sake of such calls, and they are not told.
    TellsVersion,
    /// It makes its first argument, a `UNICODE_STRING`, stand for the text that the second one is the
    /// address of. Code is not read for the sake of such calls, and they are not told.
    SetsString,
}

/// How code gets at a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Callee {
    /// Through the pointer at this address, which the loader fills in: an import.
    Slot(Rva),
    /// Through the address that a function returns which finds others by name; see
    /// [`Effect::FindsByUnicode`].
    Named(String),
    /// Through the table of pointers whose address stands at `pointer` once the driver runs.
    TableBehind {
        /// Where the table's address stands.
        pointer: Rva,
        /// Which entry, from 0.
        entry: u32,
    },
    /// Through the table of pointers at `table`, filled in when the driver runs.
    TableAt {
        /// Where the table begins.
        table: Rva,
        /// How many entries it has.
        entries: u32,
        /// Which entry, from 0.
        entry: u32,
    },
}

/// An argument whose values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its place among the parameters, from 0.
    pub index: u8,
    /// How many of its low bits count: 8, 16, 32 or 64. The others are whatever the caller left.
    pub bits: u8,
    /// Bits of which a single one that is certainly 1 is all that was asked, whatever the others are. Of such
    /// a value it is not looked for where the others come from: [`Reason::NotAsked`](crate::Reason::NotAsked).
    pub enough: u64,
}

impl Parameter {
    /// The low `bits` of the argument at `index`, and where all of them come from.
    pub const fn new(index: u8, bits: u8) -> Parameter {
        Parameter { index, bits, enough: 0 }
    }

    /// Whether no more is asked of a value than what is known.
    pub(crate) fn is_answered_by(self, atom: &Atom) -> bool {
        atom.is_number() && atom.ones & self.enough != 0
    }
}
