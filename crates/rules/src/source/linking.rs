//! Findings about options of the linker, and what mends them.

use super::{Mend, Source, edit, fix};
use ringfence_finding::{Fix, Level, RuleCard, SourceFinding};
use ringfence_source::{LinkerFact, LinkerSwitch, Origin};
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
        Origin::Project { configurations, .. } => match &configurations.join(", ")[..] {
            "" => finding,
            all => finding.note(format!("the project says so for {all}")),
        },
    }
}

/// A fix that takes an option away.
pub(crate) fn without(source: &Source<'_>, fact: &LinkerFact, mend: Mend) -> Option<Fix> {
    let edits = match &fact.origin {
        Origin::Pragma { removal, .. } => vec![edit(source, (*removal)?, "")],
        // How a project is edited is the project's affair.
        Origin::Project { .. } => return None,
    };
    fix(format!("take away `{}`", fact.text), mend, edits)
}

/// A fix that gives sections the alignment of pages.
pub(crate) fn aligned_to_pages(source: &Source<'_>, fact: &LinkerFact) -> Option<Fix> {
    let _ = source;
    match &fact.origin {
        // A linker does not take /ALIGN from a pragma.
        Origin::Pragma { .. } => None,
        // How a project is edited is the project's affair.
        Origin::Project { .. } => None,
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
