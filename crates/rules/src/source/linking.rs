//! Findings about options of the linker, and what mends them.

use super::{Mend, Source, edit, fix};
use ringfence_finding::{Fix, Level, RuleCard, SourceEdit, SourceFinding};
use ringfence_source::{Changes, LinkerFact, LinkerOption, LinkerSwitch, Origin};
use std::collections::HashSet;

/// The sections that hold code by custom; the names with an underscore are those of old compilers.
const CODE: [&str; 5] = [".text", "INIT", "PAGE", "_TEXT", "_PAGE"];

/// A finding at an option, with who gives it.
pub(crate) fn linked(
    card: &RuleCard,
    level: Level,
    message: String,
    fact: &LinkerFact,
    source: &Source<'_>,
) -> SourceFinding {
    let finding = SourceFinding::new(card, level, message, source.mark(fact.span, ""));
    match &fact.origin {
        Origin::Pragma { certain: true, .. } => finding,
        Origin::Pragma { .. } => {
            finding.likely().note("whether the pragma is compiled depends on the build")
        }
        Origin::Project { configurations, certain, .. } => {
            let finding = match certain {
                true => finding,
                false => finding.likely().note("whether the project says so depends on the build"),
            };
            match &configurations.join(", ")[..] {
                "" => finding,
                all => finding.note(format!("the project says so for {all}")),
            }
        }
    }
}

/// A fix that takes an option away.
pub(crate) fn without(source: &Source<'_>, fact: &LinkerFact, mend: Mend) -> Option<Fix> {
    let edits = match &fact.origin {
        Origin::Pragma { removal, .. } => vec![edit(source, (*removal)?, "")],
        Origin::Project { index, certain, .. } => {
            let project = source.projects.get(*index)?;
            let option =
                LinkerOption { text: fact.text.clone(), span: fact.span, certain: *certain };
            changed(source, project.without(source.tree, &option)?)
        }
    };
    fix(format!("take away `{}`", fact.text), mend, edits)
}

/// What a project says has to change, as edits.
pub(crate) fn changed(source: &Source<'_>, changes: Changes) -> Vec<SourceEdit> {
    changes.into_iter().map(|(span, text)| edit(source, span, text)).collect()
}

/// A fix that gives sections the alignment of pages.
pub(crate) fn aligned_to_pages(source: &Source<'_>, fact: &LinkerFact) -> Option<Fix> {
    match &fact.origin {
        // A linker does not take /ALIGN from a pragma.
        Origin::Pragma { .. } => None,
        Origin::Project { index, .. } => {
            let project = source.projects.get(*index)?;
            let edits = changed(source, project.setting_alignment(source.tree)?);
            fix("align sections to pages", Mend::Safe, edits)
        }
    }
}

/// The sections that hold code: by custom, or as some option or pragma gives them the right to run.
pub(crate) fn code_sections(source: &Source<'_>) -> HashSet<String> {
    let options = source.analysis.linker.iter().filter_map(|fact| match fact.switch() {
        Some(LinkerSwitch::Section { name, rights: Some(rights) }) if rights.execute => Some(name),
        _ => None,
    });
    let pragmas = source.analysis.sections.iter();
    let pragmas =
        pragmas.filter(|one| one.attribute("execute").is_some()).map(|one| one.name.clone());
    CODE.iter().map(|name| (*name).to_owned()).chain(options).chain(pragmas).collect()
}
