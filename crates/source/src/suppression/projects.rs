//! Warnings that projects switch off for what they build.

use super::{Suppressed, Suppression, WARNINGS};
use crate::{FileId, Project, Silenced, SourceTree, builds};
use std::collections::BTreeSet;

/// What every build of a file for the kernel switches off in it. What only some switch off is told by the others.
pub(super) fn of_projects(tree: &SourceTree, projects: &[Project]) -> Vec<Suppression> {
    let silences = |project: &&Project| {
        let all = project.configurations.iter();
        all.flat_map(|one| {
            let own = one.silenced_of_files.iter().flat_map(|(_, own)| own);
            one.silenced.iter().chain(own)
        })
        .any(|one| WARNINGS.contains(&one.warning))
    };
    let silencing = projects.iter().filter(silences);
    let files: BTreeSet<FileId> = silencing.flat_map(|one| one.sources.iter().copied()).collect();
    files.into_iter().flat_map(|file| of_file(tree, projects, file)).collect()
}

fn of_file(tree: &SourceTree, projects: &[Project], file: FileId) -> Vec<Suppression> {
    let builders = builds::builders(projects, tree, file);
    let Some(((_, first), rest)) = builders.split_first() else { return Vec::new() };
    let is_off = |all: &[Silenced], warning: u32| {
        all.iter().any(|one| one.certain && one.warning == warning)
    };
    let mut found: Vec<Suppression> = Vec::new();
    for one in first.silenced_of(file) {
        let counts = one.certain && WARNINGS.contains(&one.warning);
        let everywhere = || rest.iter().all(|(_, of)| is_off(of.silenced_of(file), one.warning));
        let of = Suppressed::Warning(one.warning);
        if !counts || found.iter().any(|known| known.of == of) || !everywhere() {
            continue;
        }
        let place = tree.file(one.span.file).text.place(one.span.start as usize);
        found.push(Suppression {
            span: one.span,
            line: place.line,
            file,
            lines: 1..=u32::MAX,
            of,
            reason: format!("{} switches C{} off", setting(tree, one), one.warning),
        });
    }
    found
}

/// What a project switches a warning off by, as it writes that.
fn setting(tree: &SourceTree, silenced: &Silenced) -> String {
    let Silenced { warning, span, .. } = silenced;
    let text = tree.file(span.file).text.as_str();
    let before = text.get(..span.start as usize).unwrap_or_default();
    match ["/wd", "-wd"].into_iter().find(|switch| before.ends_with(switch)) {
        Some(switch) => format!("`{switch}{warning}`"),
        None => "`DisableSpecificWarnings`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{SourceText, SourceTree, Suppressions, projects};

    /// What is switched off in each source, with the line of the project.
    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let mut tree = SourceTree::default();
        for (path, text) in [("a.c", ""), ("b.c", "")].iter().chain(files) {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        let (projects, _) = projects(&tree);
        let all = Suppressions::new(&tree).all(&tree, &projects).into_iter();
        let told = all.map(|one| {
            let (file, by) = (tree.name(one.file), tree.name(one.span.file));
            format!("{file} {} by {by}, line {}: {}", one.told(), one.line, one.reason)
        });
        told.collect()
    }

    fn project(off: &str) -> String {
        format!(
            "<Project>\n<ItemGroup><ProjectConfiguration Include=\"Debug|x64\"/><ProjectConfiguration Include=\"Release|x64\"/></ItemGroup>\n\
             {off}\n<ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup></Project>"
        )
    }

    fn group(condition: &str, off: &str) -> String {
        format!(
            "<ItemDefinitionGroup {condition}><ClCompile><DisableSpecificWarnings>{off}</DisableSpecificWarnings></ClCompile></ItemDefinitionGroup>"
        )
    }

    #[test]
    fn what_a_project_switches_off_is_off_in_its_sources() {
        let text = project(&group("", "4100;30030;30029;%(DisableSpecificWarnings)"));
        let by = "by drv.vcxproj, line 3: `DisableSpecificWarnings` switches";
        assert_eq!(
            told(&[("drv.vcxproj", &text)]),
            [
                format!("a.c disable: 30030 {by} C30030 off"),
                format!("a.c disable: 30029 {by} C30029 off")
            ]
        );
    }

    /// Whoever does not switch it off still tells it.
    #[test]
    fn what_not_all_builds_switch_off_is_told() {
        let text = project(&group("Condition=\"'$(Configuration)'=='Debug'\"", "30030"));
        assert_eq!(told(&[("drv.vcxproj", &text)]), [""; 0]);
        let unknown = project(&group("Condition=\"'$(VisualStudioVersion)'>'17.0'\"", "30030"));
        assert_eq!(told(&[("drv.vcxproj", &unknown)]), [""; 0]);
        let all = project(&group("", "30030"));
        assert_eq!(told(&[("drv.vcxproj", &all), ("other.vcxproj", &project(""))]), [""; 0]);
    }

    #[test]
    fn command_lines_switch_off_too() {
        let entry = |command: &str| {
            format!("[{{\"directory\": \".\", \"file\": \"b.c\", \"command\": \"{command}\"}}]")
        };
        let of = |command: &str| told(&[("compile_commands.json", &entry(command))]);
        assert_eq!(
            of("cl /c /wd30030 b.c"),
            ["b.c disable: 30030 by compile_commands.json, line 1: `/wd30030` switches C30030 off"]
        );
        assert_eq!(of("cl /c /w130030 /we30030 b.c"), [""; 0]);
    }
}
