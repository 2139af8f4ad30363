//! From findings to what editors show.

use super::address;
use lsp_types::{
    CodeAction, CodeActionKind, CodeDescription, Diagnostic, DiagnosticRelatedInformation,
    DiagnosticSeverity, Location, NumberOrString, Position, Range, TextEdit, Uri, WorkspaceEdit,
};
use ringfence::{Fix, IdleSuppression, Level, Region, Safety, SourceEdit, SourceFinding};
use std::collections::HashMap;
use std::path::Path;

/// All safe fixes of a document at once, as editors run it when a file is saved.
pub(super) const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.ringfence");

/// A region as editors count it: from 0.
pub(super) fn range(region: Region) -> Range {
    let place =
        |line: u32, column: u32| Position::new(line.saturating_sub(1), column.saturating_sub(1));
    Range {
        start: place(region.line, region.column),
        end: place(region.end_line, region.end_column),
    }
}

/// What an editor shows of a finding.
pub(super) fn diagnostic(finding: &SourceFinding, docs: Option<&str>) -> Diagnostic {
    let severity = match finding.level {
        _ if finding.open => DiagnosticSeverity::HINT,
        Level::Error => DiagnosticSeverity::ERROR,
        Level::Warning => DiagnosticSeverity::WARNING,
        Level::Note => DiagnosticSeverity::INFORMATION,
    };
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message += &format!("\nhelp: {help}");
    }
    if let Some(warning) = finding.warning {
        message += &format!("\nCode Analysis: {warning}");
    }
    let related = finding.related.iter().filter_map(|mark| {
        let location = Location { uri: of_file(&mark.path)?, range: range(mark.region) };
        Some(DiagnosticRelatedInformation { location, message: mark.text.clone() })
    });
    let related: Vec<_> = related.collect();
    let page = docs.and_then(|docs| format!("{docs}/rules/{}.html", finding.rule).parse().ok());
    Diagnostic {
        range: range(finding.mark.region),
        severity: Some(severity),
        code: Some(NumberOrString::String(finding.rule.to_owned())),
        code_description: page.map(|href| CodeDescription { href }),
        source: Some(ringfence::TOOL.name.to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: None,
        data: None,
    }
}

/// What an editor shows of an acceptance that accepts nothing, in its whole line.
pub(super) fn idle(one: &IdleSuppression) -> Diagnostic {
    let line = one.line.saturating_sub(1);
    // The protocol has it that a column behind the end is the end.
    let range = Range { start: Position::new(line, 0), end: Position::new(line, u32::MAX >> 1) };
    Diagnostic {
        range,
        severity: Some(DiagnosticSeverity::WARNING),
        code: Some(NumberOrString::String("idle-acceptance".to_owned())),
        source: Some(ringfence::TOOL.name.to_owned()),
        message: format!("`{}` accepts nothing: {}", one.text, one.because),
        ..Diagnostic::default()
    }
}

/// The address of the file of a path.
pub(super) fn of_file(path: &str) -> Option<Uri> {
    address::uri(Path::new(path))
}

/// The actions that mend a finding: its fixes, whose files have the addresses that `address_of` says, and to say in the
/// source that it is known.
pub(super) fn actions(
    finding: &SourceFinding,
    docs: Option<&str>,
    (indent, line_end): (&str, &str),
    uri: &Uri,
    address_of: &dyn Fn(&str) -> Option<Uri>,
) -> Vec<CodeAction> {
    let shown = diagnostic(finding, docs);
    let fixes = finding.fix.iter().chain(&finding.other_fixes);
    let mut actions: Vec<CodeAction> = fixes
        .filter(|fix| fix.safety != Safety::Proposed)
        .enumerate()
        .filter_map(|(index, fix)| {
            Some(CodeAction {
                title: title(fix),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![shown.clone()]),
                edit: Some(edits(&fix.edits, address_of)?),
                // An editor makes the preferred one without asking, so there is one at most.
                is_preferred: Some(index == 0 && fix.safety == Safety::Safe),
                ..CodeAction::default()
            })
        })
        .collect();
    let at = Position::new(finding.line.saturating_sub(1), 0);
    let comment = format!("{indent}// ringfence: allow({}) TODO: why{line_end}", finding.rule);
    let edit = TextEdit { range: Range { start: at, end: at }, new_text: comment };
    actions.push(CodeAction {
        title: format!("accept `{}` here", finding.rule),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![shown]),
        edit: Some(WorkspaceEdit {
            changes: Some(HashMap::from([(uri.clone(), vec![edit])])),
            ..WorkspaceEdit::default()
        }),
        ..CodeAction::default()
    });
    actions
}

fn title(fix: &Fix) -> String {
    match &fix.because {
        Some(because) => format!("{} (look at it: {because})", fix.title),
        None => fix.title.clone(),
    }
}

/// The edits of fixes by file; none where a file has no address.
pub(super) fn edits<'e>(
    all: impl IntoIterator<Item = &'e SourceEdit>,
    address_of: &dyn Fn(&str) -> Option<Uri>,
) -> Option<WorkspaceEdit> {
    #[expect(clippy::mutable_key_type, reason = "the protocol's own type; nothing changes it here")]
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for edit in all {
        let uri = address_of(&edit.path)?;
        let edit = TextEdit { range: range(edit.region), new_text: edit.replacement.clone() };
        let of_file = changes.entry(uri).or_default();
        if !of_file.contains(&edit) {
            of_file.push(edit);
        }
    }
    Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}
