//! Functions and lines for what was found: a step after the rules, which know no debug files.

use crate::Settings;
use crate::examine::Examined;
use ringfence_container::{Source, WantedDebugFile, debug_files, read_debug_file};
use ringfence_finding::{
    DebugSymbols, Evidence, Examination, InlinedCall, SourcePlace, StackFrame, set_fingerprints,
};
use ringfence_image::{CodeView, Image};
use ringfence_symbols::{Place, Symbols};
use std::path::Path;
use std::sync::Arc;

/// Adds what the debug file of a driver tells, where there is one and something to tell.
///
/// It is looked for only then: of thousands of drivers few have any. What comes in may be what an equal
/// file elsewhere came to, so it is never changed itself; another folder may hold another debug file.
pub(crate) fn told(
    examined: Arc<Examined>,
    image: &Image<'_>,
    driver: &Source,
    settings: &Settings,
) -> Arc<Examined> {
    let Some(wanted) = image.debug().codeview.filter(|_| has_places(&examined.examination)) else {
        return examined;
    };
    let mut told = Arc::unwrap_or_clone(examined);
    let examination = &mut told.examination;
    let store_key = wanted.store_key();
    let sought = WantedDebugFile { path: wanted.path, store_key: &store_key };
    examination.symbols =
        sought.name().map(|name| DebugSymbols::NotFound { name: name.to_owned() });
    // Of several that are refused the nearest is told.
    let mut refused = None;
    for path in debug_files(driver, &sought, &settings.symbols) {
        match tell_from(examination, &path, &wanted) {
            Ok(()) => {
                examination.symbols = Some(DebugSymbols::Used { path: text(&path) });
                return Arc::new(told);
            }
            Err(reason) => {
                refused.get_or_insert(DebugSymbols::Refused { path: text(&path), reason });
            }
        }
    }
    if refused.is_some() {
        examination.symbols = refused;
    }
    Arc::new(told)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn tell_from(
    examination: &mut Examination,
    path: &Path,
    wanted: &CodeView<'_>,
) -> Result<(), String> {
    let bytes = read_debug_file(path).map_err(|unreadable| unreadable.to_string())?;
    tell(examination, &bytes, wanted)
}

/// Adds what the debug file `bytes` tells, or says why it tells nothing.
pub(crate) fn tell(
    examination: &mut Examination,
    bytes: &[u8],
    wanted: &CodeView<'_>,
) -> Result<(), String> {
    let mut symbols = Symbols::read(bytes, wanted).map_err(|refused| refused.to_string())?;
    annotate(examination, &mut |rva| symbols.locate(rva).map(source));
    Ok(())
}

/// Whether anything found has a place in the code.
pub(crate) fn has_places(examination: &Examination) -> bool {
    let in_code = |evidence: &Option<Evidence>| matches!(evidence, Some(Evidence::Listing(_)));
    examination.findings.iter().any(|finding| in_code(&finding.evidence))
        || examination.runs.iter().any(|run| !run.stops.is_empty())
        || examination.calls.as_ref().is_some_and(|calls| !calls.is_empty())
}

/// Tells the source of everything that has a place in the code. A finding about something else may
/// have an address too, such as the start of a section, but it is not about the function there.
fn annotate(examination: &mut Examination, locate: &mut dyn FnMut(u32) -> Option<SourcePlace>) {
    for finding in &mut examination.findings {
        if let Some(evidence @ Evidence::Listing(_)) = &mut finding.evidence {
            annotate_evidence(evidence, locate);
            finding.source = finding.rva.and_then(&mut *locate);
        }
        finding.seen.iter_mut().for_each(|seen| annotate_stack(&mut seen.stack, locate));
    }
    let stops = examination.runs.iter_mut().flat_map(|run| &mut run.stops);
    stops.for_each(|stop| annotate_stack(&mut stop.stack, locate));
    // A function is known by its name in other builds too.
    set_fingerprints(&mut examination.findings);
    for call in examination.calls.iter_mut().flatten() {
        call.source = locate(call.rva);
    }
}

fn annotate_stack(stack: &mut [StackFrame], locate: &mut dyn FnMut(u32) -> Option<SourcePlace>) {
    for frame in stack {
        // A frame is told by the call in it, and execution goes on behind that.
        frame.source = frame.rva.and_then(|back| locate(back.saturating_sub(1)));
    }
}

/// Tells the source of each listing of the evidence.
fn annotate_evidence(evidence: &mut Evidence, locate: &mut dyn FnMut(u32) -> Option<SourcePlace>) {
    match evidence {
        Evidence::Table(_) => {}
        Evidence::Listing(listing) => {
            listing.source = listing.place().and_then(&mut *locate);
            let entries: Vec<usize> =
                (0..listing.lines.len()).filter(|&i| listing.lines[i].enters.is_some()).collect();
            for (number, &first) in entries.iter().enumerate() {
                let end = entries.get(number + 1).copied().unwrap_or(listing.lines.len());
                let marked = listing.marks.iter().map(|mark| mark.line);
                let last = marked.filter(|line| (first..end).contains(line)).max().unwrap_or(first);
                let source = locate(listing.lines[last].rva);
                if let Some(entered) = &mut listing.lines[first].enters {
                    entered.source = source;
                }
            }
        }
    }
}

fn source(place: Place) -> SourcePlace {
    let Place { function, file, line, inlined, object, library } = place;
    let call = |call: ringfence_symbols::InlinedCall| InlinedCall {
        function: call.function,
        file: call.file,
        line: call.line,
    };
    let inlined = inlined.into_iter().map(call).collect();
    SourcePlace { function, file, line, inlined, object, library }
}
