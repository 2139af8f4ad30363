//! Entry points that the linker is told of: `/ENTRY:name`, by a project or a pragma.

use super::ENTRIES;
use crate::lex::is_word;
use crate::preprocess::AllDirectives;
use crate::{Project, SourceTree, interest};

/// More names than a tree has drivers.
const MOST: usize = 256;
const OPTION: &str = "entry:";

/// The names of functions that drivers start with, beside those that they have anyway, each once.
pub(crate) fn named(
    tree: &SourceTree,
    directives: &AllDirectives,
    projects: &[Project],
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |option: &str| {
        for name in after_option(option) {
            if is_start(name) && names.len() < MOST && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    };
    let configurations = projects.iter().flat_map(|project| &project.configurations);
    for option in configurations.flat_map(|one| &one.linker) {
        add(&option.text);
    }
    for file in interest::sources(tree) {
        let text = tree.file(file).text.as_str();
        for directive in directives.of(tree, file) {
            let Some(range) = directive.pragma() else { continue };
            let said = text.get(range.clone()).unwrap_or_default().trim_start();
            if said.starts_with("comment") && said.contains("linker") {
                add(said);
            }
        }
    }
    names
}

/// The names behind each `/ENTRY:` of a text.
fn after_option(text: &str) -> impl Iterator<Item = &str> {
    let lower = text.to_ascii_lowercase();
    let starts: Vec<usize> = lower
        .match_indices(OPTION)
        .filter(|(at, _)| lower[..*at].ends_with(['/', '-']))
        .map(|(at, _)| at + OPTION.len())
        .collect();
    starts.into_iter().map(move |start| {
        let rest = &text[start..];
        let rest = rest.trim_start_matches(['"', '\\']);
        let end = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Whether it is a function of the driver's own: programs start in the compiler's library.
fn is_start(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !name.is_empty() && !ENTRIES.contains(&name) && !lower.contains("main")
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{told, tree};
    use crate::{Configuration, FileId, LinkerOption, Project, ProjectFormat, Span};

    const CODE: &str = "#define POOL_NX_OPTIN 1\n#include <ntddk.h>\n\
        void Work(void) { ExAllocatePool(NonPagedPool, 1); }\n\
        NTSTATUS MyEntry(PDRIVER_OBJECT d) { ExInitializeDriverRuntime(DrvRtPoolNxOptIn); Work(); }\n";

    /// What is told of the code where a project gives these options to the linker.
    fn with(code: &str, options: &[&str]) -> Vec<String> {
        let tree = tree(&[("a.c", code)]);
        let option = |text: &&str| LinkerOption {
            text: (*text).to_owned(),
            span: Span::new(FileId(0), 0..0),
            certain: true,
        };
        let project = Project {
            sources: vec![FileId(0)],
            configurations: vec![Configuration {
                linker: options.iter().map(option).collect(),
                ..Configuration::default()
            }],
            ..Project::new(FileId(0), ProjectFormat::CommandLine)
        };
        told(&tree, &[project])
    }

    #[test]
    fn a_driver_may_start_elsewhere() {
        let entry = "NTSTATUS DriverEntry(PDRIVER_OBJECT d) { return 0; }\n";
        assert_eq!(with(CODE, &["/ENTRY:MyEntry"]), ["a.c:3 ExAllocatePool 0x200"]);
        let pragma = format!("#pragma comment(linker, \"/align:512 /entry:MyEntry\")\n{CODE}");
        assert_eq!(with(&pragma, &[]), ["a.c:4 ExAllocatePool 0x200"]);
        for said in [
            r#"__pragma(comment(linker, "/entry:MyEntry"))"#,
            r#"_Pragma("comment(linker, \"/entry:MyEntry\")")"#,
        ] {
            let text = format!("{said}\n{CODE}");
            assert_eq!(with(&text, &[]), ["a.c:4 ExAllocatePool 0x200"], "{said}");
        }
        // Without it, it is a function like others.
        let both = format!("{CODE}{entry}");
        assert_eq!(with(&both, &["/ENTRY:Other"]), ["a.c:3 ExAllocatePool 0x0"]);
        assert_eq!(with(&both, &["/ENTRY:MyEntry"]), ["a.c:3 ExAllocatePool 0x200"]);
    }
}
