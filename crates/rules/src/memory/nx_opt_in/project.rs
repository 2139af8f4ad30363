//! Projects that could opt in for all of their files and do not.

use super::NxOptIn;
use crate::source::{Mend, asks, changed, depends_on_opt_in, fix, too_new_for};
use crate::{Source, SourceFindings};
use ringfence_finding::{Fix, Level, SourceFinding};
use ringfence_source::{FileId, OptIn, Output, Project, ProjectFormat, Span};
use std::collections::BTreeMap;

/// Tells projects whose files ask for `NonPagedPool` without any opt-in.
pub(super) fn check(source: &Source<'_>, findings: &mut SourceFindings) {
    let mut uses: BTreeMap<FileId, usize> = BTreeMap::new();
    let asking =
        |call: &&ringfence_source::SourceCall| depends_on_opt_in(call) && asks(call, source);
    for call in source.analysis.calls.iter().filter(asking) {
        *uses.entry(call.span.file).or_default() += 1;
    }
    let opting: BTreeMap<FileId, &OptIn> = source
        .analysis
        .opt_ins
        .iter()
        .filter(|(_, opt_in)| *opt_in != OptIn::None)
        .map(|(file, opt_in)| (*file, opt_in))
        .collect();
    let opts_in = |project: &Project, file: &FileId| match opting.get(file) {
        Some(OptIn::Partly { without }) => !without.iter().any(|build| {
            let is_target = build.target.is_empty() || build.target == project.name;
            build.project == project.file && is_target && build.configurations.is_empty()
        }),
        other => other.is_some(),
    };
    for project in source.projects {
        let is_user_mode = project.configurations.iter().all(|one| one.output == Output::UserMode);
        let says_nothing = project.format == ProjectFormat::CommandLine || is_user_mode;
        if says_nothing || project.sources.iter().any(|file| opts_in(project, file)) {
            continue;
        }
        let count = project.sources.iter().filter_map(|file| uses.get(file)).sum();
        if count > 0 {
            findings.report(could_opt_in(project, count, source));
        }
    }
}

fn could_opt_in(project: &Project, count: usize, source: &Source<'_>) -> SourceFinding {
    let calls = match count {
        1 => "one call asks".to_owned(),
        more => format!("{more} calls ask"),
    };
    let message = format!(
        "nothing opts in to non-executable pool: {calls} for memory that an opt-in would make non-executable"
    );
    let first = source.tree.file(project.file).text.line_range(1).unwrap_or(0..0);
    let mark = source.mark(Span::new(project.file, first), "");
    SourceFinding::new(&NxOptIn::CARD, Level::Note, message, mark)
        .help("define `POOL_NX_OPTIN_AUTO=1` for all files")
        .fixed_by(by_define(project, source))
}

fn by_define(project: &Project, source: &Source<'_>) -> Option<Fix> {
    let edits = changed(source, project.adding_define(source.tree, "POOL_NX_OPTIN_AUTO", "1")?);
    let doubt = "it changes all files of the project, also those that may keep code in the memory";
    let mut fix = fix("define `POOL_NX_OPTIN_AUTO=1`", Mend::Unsafe(doubt), edits)?;
    if let Some(because) = too_new_for("POOL_NX_OPTIN_AUTO", &project.sources, source) {
        fix.because = Some(because);
    }
    Some(fix)
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{found_in, said};
    use ringfence_finding::Targets;
    use ringfence_source::{
        Configuration, Define, Output, Project, ProjectFormat, SourceText, SourceTree,
    };

    fn of(code: &str, configuration: Configuration) -> Vec<String> {
        let text = format!("#include <wdm.h>\n{code}");
        let files = [("a.c", &*text), ("a.vcxproj", "<Project>\n</Project>")];
        let mut tree = SourceTree::default();
        let [source, file] =
            files.map(|(path, text)| tree.add(path, SourceText::of(text)).unwrap());
        let project = Project {
            sources: vec![source],
            configurations: vec![configuration],
            ..Project::new(file, ProjectFormat::MsBuild)
        };
        let found = found_in(&files, &[project], Targets::DEFAULT, false);
        found.iter().filter(|finding| finding.rule == "nx-opt-in").map(said).collect()
    }

    #[test]
    fn a_project_that_could_opt_in_is_told() {
        let asks = "void F(void) { ExAllocatePool(NonPagedPool, 1); MmGetSystemAddressForMdlSafe(m, 16); }";
        assert_eq!(
            of(asks, Configuration::default()),
            [
                "a.vcxproj:1:1 note[nx-opt-in] : nothing opts in to non-executable pool: 2 calls ask for memory that \
                 an opt-in would make non-executable"
            ]
        );
        let program = Configuration { output: Output::UserMode, ..Configuration::default() };
        assert_eq!(of(asks, program), [""; 0]);
        let define = Define {
            name: "POOL_NX_OPTOUT".into(),
            value: Some("1".into()),
            span: None,
            certain: true,
        };
        let out = Configuration { defines: vec![define], ..Configuration::default() };
        assert_eq!(of(asks, out), [""; 0]);
        // No opt-in changes what is asked for by these names.
        let named =
            "void F(void) { ExAllocatePool(NonPagedPoolExecute, 1); ExAllocatePool(0, 1); }";
        assert_eq!(of(named, Configuration::default()), [""; 0]);
    }
}
