//! Builds of a file in words: those that do not opt in, where others do.

use super::Source;
use ringfence_source::Build;

/// Builds that a note names; what is beyond is counted.
const NAMED: usize = 4;

/// ` in what `b.vcxproj` builds as Debug|x64`
pub(super) fn in_builds(without: &[Build], source: &Source<'_>) -> String {
    match without {
        [] => String::new(),
        [one] => match kinds(one) {
            kinds if kinds.is_empty() => format!(" in what `{}` builds", file(one, source)),
            kinds => format!(" in what `{}` builds as {kinds}", file(one, source)),
        },
        [first, .., last] if without.len() == 2 => {
            let names = [first, last].map(|build| name(build, source));
            format!(" in what {} and {} build", names[0], names[1])
        }
        [first, rest @ ..] => {
            format!(" in what {} and {} others build", name(first, source), rest.len())
        }
    }
}

/// Who does not opt in, and that others do.
pub(super) fn lacking(without: &[Build], source: &Source<'_>) -> String {
    let mut names: Vec<String> =
        without.iter().take(NAMED).map(|build| name(build, source)).collect();
    if without.len() > NAMED {
        names.push(format!("{} more", without.len() - NAMED));
    }
    let verb = if without.len() == 1 { "does" } else { "do" };
    let last = names.pop().unwrap_or_default();
    let all = match names.is_empty() {
        true => last,
        false => format!("{} and {last}", names.join(", ")),
    };
    format!("{all} {verb} not opt in to non-executable pool; other builds of this file do, or may")
}

/// `` `b.vcxproj` (Debug|x64) ``
fn name(build: &Build, source: &Source<'_>) -> String {
    match kinds(build) {
        kinds if kinds.is_empty() => format!("`{}`", file(build, source)),
        kinds => format!("`{}` ({kinds})", file(build, source)),
    }
}

fn file<'s>(build: &Build, source: &'s Source<'_>) -> &'s str {
    source.tree.name(build.project)
}

/// The configurations or the target that are meant; nothing for all that the file describes.
fn kinds(build: &Build) -> String {
    match &build.configurations[..] {
        [] => build.target.clone(),
        few @ ([_] | [_, _] | [_, _, _]) => few.join(", "),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{found_in, said};
    use ringfence_finding::Targets;
    use ringfence_source::{
        Configuration, Define, Output, Project, ProjectFormat, SourceText, SourceTree,
    };

    const ASKS: &str =
        "#include <wdm.h>\nvoid F(void) { ExAllocatePoolWithTag(NonPagedPool, 1, 'a'); }";

    /// What is said of a file that projects build, each given with whether its two configurations opt in.
    fn of(projects: &[(&str, [bool; 2])]) -> Vec<(String, Vec<String>)> {
        let mut files = vec![("a.c", ASKS)];
        files.extend(projects.iter().map(|(path, _)| (*path, "<Project>\n</Project>")));
        let mut tree = SourceTree::default();
        let ids: Vec<_> = files
            .iter()
            .map(|(path, text)| tree.add(path, SourceText::of(*text)).unwrap())
            .collect();
        let configuration = |name: &str, opts_in: &bool| Configuration {
            name: name.to_owned(),
            output: Output::Driver,
            defines: opts_in.then_some(define()).into_iter().collect(),
            ..Configuration::default()
        };
        let projects: Vec<Project> = projects
            .iter()
            .zip(&ids[1..])
            .map(|((_, [debug, release]), file)| Project {
                sources: vec![ids[0]],
                configurations: vec![
                    configuration("Debug|x64", debug),
                    configuration("Release|x64", release),
                ],
                ..Project::new(*file, ProjectFormat::MsBuild)
            })
            .collect();
        let found = found_in(&files, &projects, Targets::DEFAULT, false);
        found.iter().map(|finding| (said(finding), finding.notes.clone())).collect()
    }

    fn define() -> Define {
        Define {
            name: "POOL_NX_OPTIN_AUTO".to_owned(),
            value: Some("1".to_owned()),
            span: None,
            certain: true,
        }
    }

    #[test]
    fn the_project_that_does_not_opt_in_is_named() {
        let found = of(&[("a.vcxproj", [true; 2]), ("b.vcxproj", [false; 2])]);
        let (said, notes) = &found[0];
        assert_eq!(
            said,
            "a.c:2:38 error[executable-pool-type] certify: memory is requested from an executable pool in what \
             `b.vcxproj` builds: PoolType = NonPagedPool (0) at ExAllocatePoolWithTag"
        );
        let note = "`b.vcxproj` does not opt in to non-executable pool; other builds of this file do, or may";
        assert!(notes.iter().any(|text| text == note), "{notes:?}");
        // It could opt in; who does is not told to.
        let could = found.iter().filter(|(said, _)| said.contains("nothing opts in"));
        let could: Vec<_> = could.map(|(said, _)| said.split(':').next().unwrap()).collect();
        assert_eq!(could, ["b.vcxproj"]);
    }

    #[test]
    fn configurations_are_named_and_many_projects_counted() {
        let found = of(&[("a.vcxproj", [false, true])]);
        assert!(found[0].0.contains("in what `a.vcxproj` builds as Debug|x64: "), "{found:?}");
        assert!(found.iter().all(|(said, _)| !said.contains("nothing opts in")));
        let lack = [false; 2];
        let found =
            of(&[("a.vcxproj", [true; 2]), ("b.vcxproj", lack), ("c.vcxproj", [false, true])]);
        assert!(found[0].0.contains("in what `b.vcxproj` and `c.vcxproj` (Debug|x64) build: "));
        let many = [
            ("a.vcxproj", [true; 2]),
            ("b.vcxproj", lack),
            ("c.vcxproj", lack),
            ("d.vcxproj", lack),
        ];
        assert!(of(&many)[0].0.contains("in what `b.vcxproj` and 2 others build: "));
        assert!(of(&[("a.vcxproj", [true; 2])]).is_empty());
    }
}
