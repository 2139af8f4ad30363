//! Edits that mend what findings are about.

use super::Source;
use super::judging::terms;
use ringfence_finding::{Fix, Safety, SourceEdit, Targets};
use ringfence_source::{FileId, FileKind, SourceArgument, SourceCall, Span, Term};

/// Whether a fix may be made without a person looking, and if not, why.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mend {
    /// It may.
    Safe,
    /// It may not, because of this.
    Unsafe(&'static str),
    /// It is only proposed, because of this.
    Proposed(&'static str),
}

/// A replacement of `span` by `with`.
pub(crate) fn edit(source: &Source<'_>, span: Span, with: impl Into<String>) -> SourceEdit {
    SourceEdit {
        path: source.tree.name(span.file).to_owned(),
        region: source.region(span),
        replacement: with.into(),
        start: span.start as usize,
        end: span.end as usize,
    }
}

/// A fix; none without edits.
pub(crate) fn fix(title: impl Into<String>, mend: Mend, edits: Vec<SourceEdit>) -> Option<Fix> {
    let (safety, because) = match mend {
        Mend::Safe => (Safety::Safe, None),
        Mend::Unsafe(because) => (Safety::Unsafe, Some(because.to_owned())),
        Mend::Proposed(because) => (Safety::Proposed, Some(because.to_owned())),
    };
    (!edits.is_empty()).then(|| Fix { title: title.into(), safety, because, edits })
}

/// `text` put in at byte `at` of the file of `span`.
pub(crate) fn inserted(
    source: &Source<'_>,
    span: Span,
    at: u32,
    text: impl Into<String>,
) -> SourceEdit {
    edit(source, Span { start: at, end: at, ..span }, text)
}

/// Puts `| flag` behind an argument, in the call of the DDI itself; around what binds weaker come parentheses.
pub(crate) fn or_ed(
    source: &Source<'_>,
    argument: &SourceArgument,
    flag: &str,
) -> Option<Vec<SourceEdit>> {
    let span = argument.span?;
    Some(match argument.is_loose {
        true => vec![
            inserted(source, span, span.start, "("),
            inserted(source, span, span.end, format!(") | {flag}")),
        ],
        false => vec![inserted(source, span, span.end, format!(" | {flag}"))],
    })
}

/// The name of the DDI in a call of it that goes through no macro or function, where it stands there as such and has the
/// same arguments in every build: in place of it another name may be put.
pub(crate) fn own_name(source: &Source<'_>, call: &SourceCall) -> Option<Span> {
    let is_directive = |line: &str| {
        let before = line.split_once('#').map(|(before, _)| before.trim());
        before.is_some_and(|before| before.is_empty() || before.ends_with("*/"))
    };
    if source.tree.text(call.span).lines().any(is_directive) {
        return None;
    }
    let length = |name: &str| u32::try_from(name.len()).unwrap_or(u32::MAX);
    let text = source.tree.text(call.callee);
    let is_whole = |name: &&str| {
        let rest = text.strip_prefix(*name);
        rest.is_some_and(|rest| !rest.starts_with(is_word))
    };
    // In a macro's body the whole call stands for its name.
    let names = std::iter::once(call.ddi.name).chain(call.ddi.aliases.iter().copied());
    let name = names.filter(|_| call.via.is_empty()).find(|name| is_whole(name))?;
    Some(Span { end: call.callee.start + length(name), ..call.callee })
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether all constants that decide stand in the argument itself, rather than in a macro or a variable that others may
/// use too.
pub(crate) fn stands_in_argument(call: &SourceCall) -> bool {
    let span = call.deciding().and_then(|(_, argument)| argument.span);
    let within =
        |term: &Term| term.span.is_some_and(|inner| span.is_some_and(|span| contains(span, inner)));
    terms(call).next().is_some() && terms(call).all(within)
}

/// Whether `inner` is a part of `span`.
pub(crate) fn contains(span: Span, inner: Span) -> bool {
    span.file == inner.file && span.start <= inner.start && inner.end <= span.end
}

/// Takes a flag out of what it is or-ed with in its line; where that is not plain, 0 takes its place.
pub(crate) fn taken_out(source: &Source<'_>, flag: Span) -> SourceEdit {
    let text = source.tree.file(flag.file).text.as_str();
    let range = flag.range();
    let blank = [' ', '\t'];
    let (before, behind) = (&text[..range.start], &text[range.end..]);
    let (before, behind) = (before.trim_end_matches(blank), behind.trim_start_matches(blank));
    let or_before = before.strip_suffix('|').filter(|left| !left.ends_with('|'));
    let or_behind = behind.strip_prefix('|').filter(|right| !right.starts_with(['|', '=']));
    // What stands beyond must not bind stronger than `|` does.
    let ends = or_behind.is_some()
        || behind.trim_start().starts_with([')', ',', ';'])
        || behind.trim_start_matches('\r').starts_with('\n') && is_in_directive(before);
    let begins = before.ends_with(['(', ',', '=']);
    let span = match (or_before, or_behind) {
        (Some(left), _) if ends => left.trim_end_matches(blank).len()..range.end,
        (None, Some(right)) if begins => {
            range.start..text.len() - right.trim_start_matches(blank).len()
        }
        _ => return edit(source, flag, "0"),
    };
    edit(source, Span::new(flag.file, span), "")
}

/// How many joined lines are looked at.
const MOST_JOINED: usize = 64;

/// Whether a text ends in a line of the preprocessor.
fn is_in_directive(text: &str) -> bool {
    let mut lines = text.rsplit('\n').take(MOST_JOINED).peekable();
    while let Some(line) = lines.next() {
        let is_joined = |before: &&str| before.trim_end_matches('\r').ends_with('\\');
        if !lines.peek().is_some_and(is_joined) {
            return line.trim_start().starts_with('#');
        }
    }
    false
}

/// Replaces the constants that decide, each by what `instead` says. None where one that has to be replaced stands in no
/// file, or where nothing is to be replaced.
pub(crate) fn replaced_terms(
    source: &Source<'_>,
    call: &SourceCall,
    instead: impl Fn(&Term) -> Option<String>,
) -> Option<Vec<SourceEdit>> {
    let mut edits: Vec<SourceEdit> = Vec::new();
    for term in terms(call) {
        let Some(with) = instead(term) else { continue };
        let edit = edit(source, term.span?, with);
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    edits.sort_by_key(|edit| (edit.path.clone(), edit.start));
    let overlap =
        edits.windows(2).any(|two| two[0].path == two[1].path && two[1].start < two[0].end);
    (!edits.is_empty() && !overlap).then_some(edits)
}

/// Whether all targets are at least Windows 10 2004, which brought ExAllocatePool2.
pub(crate) fn all_have_pool2(source: &Source<'_>) -> bool {
    const WINDOWS_10_2004: u32 = 19041;
    Targets::since(WINDOWS_10_2004).contains(source.targets)
}

/// Why a person should look at a change of what several may use.
pub(crate) const ELSEWHERE: &str =
    "the value is chosen away from the call, and other code may use it too";

/// Whether edits change nothing but what calls are given: they stand in the call itself, or in a macro of which every use
/// is an argument that decides.
pub(crate) fn is_only_for_calls(
    source: &Source<'_>,
    call: &SourceCall,
    edits: &[SourceEdit],
) -> bool {
    edits.iter().all(|edit| {
        let Some(file) = source.tree.at(&edit.path) else { return false };
        let is_inside = |span: Span| {
            span.file == file && span.range().start <= edit.start && edit.end <= span.range().end
        };
        let hops = call.via.iter().map(|hop| hop.span);
        [call.span, call.innermost].into_iter().chain(hops).any(is_inside)
            || constant_around(source, file, edit.start)
                .is_some_and(|name| is_only_argument(source, name))
    })
}

/// The macro whose definition stands around a byte of a file, or the constant of Rust.
fn constant_around<'s>(source: &Source<'s>, file: FileId, at: usize) -> Option<&'s str> {
    if source.tree.file(file).kind != FileKind::Rust {
        return macro_around(source, file, at);
    }
    let text = source.tree.file(file).text.as_str();
    let start = text[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
    let rest = text[start..at].trim_start();
    let rest = rest.strip_prefix("pub ").unwrap_or(rest).strip_prefix("const ")?;
    rest.split_once(':').map(|(name, _)| name.trim())
}

/// The macro whose definition stands around a byte of a file.
fn macro_around<'s>(source: &Source<'s>, file: FileId, at: usize) -> Option<&'s str> {
    let text = source.tree.file(file).text.as_str();
    let mut start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    // Joined lines are one.
    while text[..start].trim_end_matches(['\n', '\r']).ends_with('\\') {
        start = text[..start - 1].rfind('\n').map_or(0, |end| end + 1);
    }
    let rest = text[start..].trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?;
    let name = rest.trim_start();
    let end = name.find(|one: char| !one.is_ascii_alphanumeric() && one != '_')?;
    // What takes arguments is more than a constant.
    (end > 0 && !name[end..].starts_with('(')).then(|| &name[..end])
}

/// Whether every use of a name in the tree is within an argument that decides.
fn is_only_argument(source: &Source<'_>, name: &str) -> bool {
    let arguments: Vec<Span> = source
        .analysis
        .calls
        .iter()
        .flat_map(|call| [call.deciding().and_then(|(_, argument)| argument.span), Some(call.span)])
        .flatten()
        .collect();
    source.tree.files().all(|(id, file)| {
        let text = file.text.as_str();
        text.match_indices(name).all(|(at, _)| {
            let is_word =
                |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_');
            let is_part = is_word(text[..at].chars().next_back())
                || is_word(text[at + name.len()..].chars().next());
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let before = text[line..at].trim_start();
            // Its own definition.
            let is_defined = before.starts_with('#') || before.ends_with("const ");
            let is_argument = |span: &Span| span.file == id && span.range().contains(&at);
            is_part || is_defined || arguments.iter().any(is_argument)
        })
    })
}
