//! What holds of every tree of build files, whatever the bytes; fuzzing asserts the same.

use ringfence_source::{FileId, Project, SourceText, SourceTree, Span, projects};

/// What the build file of a tree may be called, by the first byte of what it is made of.
pub const NAMES: [&str; 5] =
    ["driver.vcxproj", "old.vcproj", "sources", "CMakeLists.txt", "compile_commands.json"];

/// Other files, each with a text from behind another form feed.
const OTHERS: [&str; 9] = [
    "a.props",
    "Directory.Build.props",
    "Directory.Build.targets",
    "sources.inc",
    "sub/CMakeLists.txt",
    "a.rsp",
    "b.rsp",
    "sub/driver.vcxproj",
    "s.vcxitems",
];

/// The tree that bytes are made into.
fn tree(bytes: &[u8]) -> Option<(SourceTree, FileId)> {
    let (first, rest) = bytes.split_first()?;
    let mut texts = rest.split(|byte| *byte == b'\x0C');
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let mut tree = SourceTree::default();
    let file = tree.add(name, SourceText::decode(texts.next()?).ok()?)?;
    for (name, text) in OTHERS.iter().zip(texts) {
        tree.add(name, SourceText::decode(text).ok()?);
    }
    for name in ["a.c", "b.c", "c.c", "sub/a.c", "inc/a.h"] {
        tree.add(name, SourceText::of(""));
    }
    Some((tree, file))
}

/// Reads bytes as a tree of build files, and makes every change that its projects propose.
pub fn check(bytes: &[u8]) {
    let Some((tree, file)) = tree(bytes) else { return };
    let (found, unreadable) = projects(&tree);
    for (of, reason) in &unreadable {
        let line = reason.strip_prefix("line ").and_then(|rest| rest.split(':').next());
        let line: usize = line.and_then(|line| line.parse().ok()).expect("a reason has a line");
        let lines = tree.file(*of).text.as_str().matches('\n').count() + 1;
        assert!((1..=lines).contains(&line), "{reason}");
    }
    for project in &found {
        project_holds(&tree, project);
    }
    assert_eq!(projects(&tree).0, found, "the same tree is read in two ways");
    for project in found.iter().filter(|project| project.file == file) {
        changes_fit(&tree, project);
    }
}

fn project_holds(tree: &SourceTree, project: &Project) {
    assert!(!project.configurations.is_empty());
    assert!(project.sources.is_sorted());
    fits(tree, project.place);
    project.doubts.iter().for_each(|(span, what)| {
        fits(tree, *span);
        assert!(!what.is_empty());
    });
    for configuration in &project.configurations {
        let of_files = configuration.of_files.iter().flat_map(|(_, defines)| defines);
        for define in configuration.defines.iter().chain(of_files) {
            assert!(!define.name.is_empty());
            define.span.into_iter().for_each(|span| fits(tree, span));
        }
        for option in &configuration.linker {
            assert!(option.text.starts_with('/'));
            fits(tree, option.span);
        }
        for source in &project.sources {
            let defines = configuration.defines_of(*source);
            for (number, define) in defines.iter().enumerate().filter(|(_, define)| define.certain)
            {
                let before = &defines[..number];
                assert!(
                    before.iter().all(|other| other.name != define.name),
                    "{define:?} does not count"
                );
            }
        }
    }
}

/// A span is a part of its file, whole letters only.
fn fits(tree: &SourceTree, span: Span) {
    let text = tree.file(span.file).text.as_str();
    assert!(text.get(span.range()).is_some(), "{span:?} is no part of {text:?}");
}

fn changes_fit(tree: &SourceTree, project: &Project) {
    let options = project.configurations.iter().flat_map(|configuration| &configuration.linker);
    let without = options.take(8).filter_map(|option| project.without(tree, option));
    let others =
        [project.adding_define(tree, "POOL_NX_OPTIN_AUTO", "1"), project.setting_alignment(tree)];
    for changes in others.into_iter().flatten().chain(without) {
        for (span, _) in &changes {
            fits(tree, *span);
        }
        let overlap = |pair: &[(Span, String)]| {
            pair[0].0.file == pair[1].0.file && pair[0].0.end > pair[1].0.start
        };
        assert!(!changes.windows(2).any(overlap), "{changes:?}");
        let mut changed = tree.clone();
        for (span, text) in changes.iter().rev() {
            let of = changed.file(span.file);
            let mut whole = of.text.as_str().to_owned();
            whole.replace_range(span.range(), text);
            changed.add(&of.path.clone(), SourceText::of(whole));
        }
        let (found, _) = projects(&changed);
        assert!(found.iter().any(|one| one.file == project.file), "{changes:?} make it unreadable");
    }
}
