//! The stream of one module: its functions, and its lines.

use crate::bytes::{slice, text_at, u16_at, u32_at};
use crate::dbi;
use crate::inlined::{Inlined, InlinedCode};
use crate::lines::Lines;
use crate::sections::At;

/// Bytes before the first symbol: the version of the form.
const SIGNATURE: usize = 4;

/// A function, or a part of one.
struct Function {
    start: At,
    size: u32,
    /// Where its name begins in the symbols.
    name: usize,
}

/// What is known of one module.
pub(crate) struct Module {
    symbols: Vec<u8>,
    /// By place.
    functions: Vec<Function>,
    lines: Lines,
    inlined: InlinedCode,
}

impl Module {
    /// Reads the stream of the module that `info` describes; what cannot be read is left out.
    pub(crate) fn read(mut stream: Vec<u8>, info: &dbi::Module<'_>) -> Module {
        let skipped = info.symbols.checked_add(info.old_lines);
        let lines = skipped.and_then(|start| slice(&stream, start, info.lines));
        let lines = lines.map(Lines::read).unwrap_or_default();
        stream.truncate(info.symbols);
        let inlined = InlinedCode::read(&stream, SIGNATURE, &lines.inlinees);
        Module { functions: functions(&stream), symbols: stream, lines, inlined }
    }

    /// The name of the function that covers a place.
    pub(crate) fn function(&self, at: At) -> Option<&[u8]> {
        let function = covering(&self.functions, at)?;
        text_at(&self.symbols, function.name).map(|(name, _)| name)
    }

    /// The line of a place, and where the names have the file's.
    pub(crate) fn line(&self, at: At) -> Option<(u32, Option<u32>)> {
        self.lines.at(at)
    }

    /// The functions that were inlined at a place, the innermost first: the id of each, its line, and
    /// where the names have the file's.
    pub(crate) fn inlined(&self, at: At) -> impl Iterator<Item = (u32, u32, Option<u32>)> {
        let told =
            |inlined: Inlined| (inlined.function, inlined.line, self.lines.file(inlined.file));
        self.inlined.at(at).map(told)
    }
}

fn covering(functions: &[Function], at: At) -> Option<&Function> {
    let after = functions.partition_point(|function| function.start <= at);
    let function = &functions[after.checked_sub(1)?];
    let offset = at.1.checked_sub(function.start.1)?;
    (function.start.0 == at.0 && offset < function.size).then_some(function)
}

fn functions(symbols: &[u8]) -> Vec<Function> {
    let mut functions = Vec::new();
    // Parts that lie elsewhere name the function that they are of, not themselves.
    let mut parts = Vec::new();
    for (kind, start, record) in Records::new(symbols, SIGNATURE) {
        match Shape::of(kind) {
            Some(Shape::Function(shape)) => functions.extend(shape.read(record, start)),
            Some(Shape::Part) => parts.extend(part(record)),
            None => {}
        }
    }
    functions.sort_by_key(|function| function.start);
    let named = parts.into_iter().filter_map(|(start, size, parent)| {
        covering(&functions, parent).map(|whole| Function { start, size, name: whole.name })
    });
    let named: Vec<_> = named.collect();
    functions.extend(named);
    functions.sort_by_key(|function| function.start);
    // Functions with equal code may have been folded into one; lines are those of the first too.
    functions.dedup_by_key(|function| function.start);
    functions
}

/// Where a function begins, if the record is one.
pub(crate) fn function_start(kind: u16, record: &[u8]) -> Option<At> {
    match Shape::of(kind)? {
        Shape::Function(shape) => shape.read(record, 0).map(|function| function.start),
        Shape::Part => None,
    }
}

/// A kind of symbol that covers code.
enum Shape {
    Function(Fields),
    /// `S_SEPCODE`: code of a function that the compiler put elsewhere, as it seldom runs.
    Part,
}

/// Where a record has its fields.
struct Fields {
    size: usize,
    size_is_short: bool,
    offset: usize,
    section: usize,
    name: usize,
}

impl Shape {
    fn of(kind: u16) -> Option<Shape> {
        match kind {
            // S_LPROC32, S_GPROC32, their forms with an id, those for another processor, and both.
            0x110f | 0x1110 | 0x1146 | 0x1147 | 0x1155 | 0x1156 => Some(Shape::Function(Fields {
                size: 12,
                size_is_short: false,
                offset: 28,
                section: 32,
                name: 35,
            })),
            // S_THUNK32
            0x1102 => Some(Shape::Function(Fields {
                size: 18,
                size_is_short: true,
                offset: 12,
                section: 16,
                name: 21,
            })),
            0x1132 => Some(Shape::Part),
            _ => None,
        }
    }
}

impl Fields {
    /// Reads the record that begins at `start` of the symbols.
    fn read(&self, record: &[u8], start: usize) -> Option<Function> {
        let size = match self.size_is_short {
            true => u32::from(u16_at(record, self.size)?),
            false => u32_at(record, self.size)?,
        };
        let place = (u16_at(record, self.section)?, u32_at(record, self.offset)?);
        let named = self.name < record.len();
        named.then_some(Function { start: place, size, name: start + self.name })
    }
}

/// Where a part is, its size, and where the function is that it is of.
fn part(record: &[u8]) -> Option<(At, u32, At)> {
    let start = (u16_at(record, 24)?, u32_at(record, 16)?);
    let parent = (u16_at(record, 26)?, u32_at(record, 20)?);
    Some((start, u32_at(record, 8)?, parent))
}

/// Symbol records: the kind of each, where its content begins, and its content.
pub(crate) struct Records<'data> {
    bytes: &'data [u8],
    at: usize,
}

impl<'data> Records<'data> {
    /// The records of `bytes` from `start` on.
    pub(crate) fn new(bytes: &'data [u8], start: usize) -> Records<'data> {
        Records { bytes, at: start }
    }
}

impl<'data> Iterator for Records<'data> {
    type Item = (u16, usize, &'data [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // The length counts the kind, but not itself.
        let length = usize::from(u16_at(self.bytes, self.at)?);
        let kind = u16_at(self.bytes, self.at + 2)?;
        let start = self.at + 4;
        let record = slice(self.bytes, start, length.checked_sub(2)?)?;
        self.at += 2 + length;
        Some((kind, start, record))
    }
}
