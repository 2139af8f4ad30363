//! Functions, lines and libraries, in words.

use crate::layout::{file_name, shortened};
use crate::style::Meaning;
use ringfence_finding::{DebugSymbols, SourcePlace};

/// Names of functions are cut off behind this many columns: those of templates have no end.
const LONGEST_NAME: usize = 60;

/// A function's name as it stands in a line.
pub(crate) fn shown(function: &str) -> String {
    shortened(function, LONGEST_NAME)
}

/// `src/pool.c:57`, as editors open it; the path as it is where there is no line.
fn line(source: &SourcePlace) -> Option<String> {
    let file = source.file.as_ref()?;
    Some(source.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")))
}

/// `from pool.obj in helper.lib`.
fn origin(source: &SourcePlace) -> Option<String> {
    let object = source.object.as_deref().map(file_name).map(str::to_owned);
    let library = source.library.as_deref().map(|library| format!("in {}", file_name(library)));
    let parts: Vec<_> = object.into_iter().chain(library).collect();
    (!parts.is_empty()).then(|| format!("from {}", parts.join(" ")))
}

/// `src/pool.c:57, from pool.obj in helper.lib`.
pub(crate) fn line_and_origin(source: &SourcePlace) -> Option<String> {
    let parts: Vec<_> = line(source).into_iter().chain(origin(source)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `inlined there: Zeroed, src/pool.h:12`, a line each, the innermost first.
pub(crate) fn inlined(source: &SourcePlace) -> impl Iterator<Item = String> {
    source.inlined.iter().map(|call| {
        let name = call.function.as_deref().map(shown);
        let line = call.file.as_ref().map(|file| format!("{file}:{}", call.line));
        let parts: Vec<_> = name.into_iter().chain(line).collect();
        format!("inlined there: {}", parts.join(", "))
    })
}

/// `in Allocate, src/pool.c:57, in helper.lib`: what one line has room for.
pub(crate) fn brief(source: &SourcePlace) -> Option<String> {
    let function = source.function.as_deref().map(|name| format!("in {}", shown(name)));
    let library = source.library.as_deref().map(|library| format!("from {}", file_name(library)));
    let parts: Vec<_> = function.into_iter().chain(line(source)).chain(library).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `pool.c:57 in helper.lib`, for a column.
pub(crate) fn short(source: &SourcePlace) -> Option<String> {
    let line = line(source).map(|line| file_name(&line).to_owned());
    let library = source.library.as_deref().map(|library| format!("in {}", file_name(library)));
    let parts: Vec<_> = line.into_iter().chain(library).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// What became of the debug file: how grave that is, what it begins with, and the rest.
pub(crate) fn symbols(symbols: &DebugSymbols) -> (Meaning, &'static str, String) {
    let named =
        |path: &str| if path.is_empty() { "the PDB given".to_owned() } else { path.to_owned() };
    match symbols {
        DebugSymbols::Used { path } => {
            (Meaning::Plain, "", format!("functions and lines from {}", named(path)))
        }
        DebugSymbols::Refused { path, reason } => {
            (Meaning::Open, "no source lines: ", format!("{} is refused, {reason}", named(path)))
        }
        DebugSymbols::NotFound { name } => (
            Meaning::Plain,
            "no source lines: ",
            format!("{name} was not found; --symbols DIR says where it is"),
        ),
    }
}
