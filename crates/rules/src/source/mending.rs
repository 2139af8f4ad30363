//! Edits that mend what findings are about.

use super::Source;
use super::judging::terms;
use ringfence_finding::{Fix, Safety, SourceEdit, Targets};
use ringfence_source::{SourceCall, Span, Term};

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
        path: source.tree.file(span.file).path.clone(),
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
