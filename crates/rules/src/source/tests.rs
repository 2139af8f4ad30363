//! How rules are put to a piece of source in tests, and what holds for every card.

use super::*;
use ringfence_source::{Configuration, LinkerOption, ProjectFormat, SourceText, Span, analyse};

/// What the rules say about files, given as names and texts: each finding as
/// `a.c:3:9 error[rule] certify: message`, with `~` before what only says that something is not known.
pub(crate) fn said_of(files: &[(&str, &str)]) -> Vec<String> {
    findings_of(files, Targets::DEFAULT).iter().map(said).collect()
}

/// What the rules say about C that includes the kit's header in its first line.
pub(crate) fn said(finding: &SourceFinding) -> String {
    let questions: Vec<_> = finding.questions.iter().map(ToString::to_string).collect();
    format!(
        "{}{}:{}:{} {}[{}] {}: {}",
        if finding.open { "~" } else { "" },
        finding.path,
        finding.line,
        finding.column,
        finding.level,
        finding.rule,
        questions.join(" "),
        finding.message
    )
}

/// The findings about files for some targets.
pub(crate) fn findings_of(files: &[(&str, &str)], targets: Targets) -> Vec<SourceFinding> {
    let mut tree = SourceTree::default();
    for (path, text) in files {
        tree.add(path, SourceText::of(*text)).unwrap();
    }
    let analysis = analyse(&tree, &[]);
    let source = Source {
        tree: &tree,
        projects: &[],
        analysis: &analysis,
        targets,
        strict: false,
        code_analysis: false,
    };
    let outcome = check_source(&source);
    assert_eq!(outcome.crashes, []);
    outcome.findings
}

/// What the rules say about a project that gives these options to the linker, one a line of its file.
pub(crate) fn said_of_linked(options: &[&str]) -> Vec<String> {
    let mut tree = SourceTree::default();
    let file = tree.add("sources", SourceText::of(options.join("\n"))).unwrap();
    let mut start = 0;
    let mut option = |text: &&str| {
        let span = Span::new(file, start..start + text.len());
        start += text.len() + 1;
        LinkerOption { text: (*text).to_owned(), span }
    };
    let linker = options.iter().map(&mut option).collect();
    let projects = [Project {
        file,
        format: ProjectFormat::Sources,
        sources: Vec::new(),
        names_sources: true,
        configurations: vec![Configuration { linker, ..Configuration::default() }],
        doubts: Vec::new(),
    }];
    let analysis = analyse(&tree, &projects);
    let source = Source {
        tree: &tree,
        projects: &projects,
        analysis: &analysis,
        targets: Targets::DEFAULT,
        strict: false,
        code_analysis: false,
    };
    check_source(&source).findings.iter().map(said).collect()
}

/// The file with all safe fixes of its findings made, and those of `also` beside.
pub(crate) fn mended(text: &str, targets: Targets, also: &[ringfence_finding::Safety]) -> String {
    let findings = findings_of(&[("a.c", text)], targets);
    let mut edits: Vec<_> = findings
        .iter()
        .filter_map(|finding| finding.fix.as_ref())
        .filter(|fix| fix.safety == ringfence_finding::Safety::Safe || also.contains(&fix.safety))
        .flat_map(|fix| fix.edits.clone())
        .collect();
    edits.sort_by_key(|edit| edit.start);
    edits.dedup();
    let mut text = text.to_owned();
    for edit in edits.iter().rev() {
        text.replace_range(edit.start..edit.end, &edit.replacement);
    }
    text
}

/// C behind the kit's header: what the rules say, and the text with the safe fixes made.
pub(crate) fn linted(code: &str) -> (Vec<String>, String) {
    let text = format!("#include <ntddk.h>\n{code}");
    let mended = mended(&text, Targets::DEFAULT, &[]);
    let mended = mended.split_once('\n').unwrap().1.to_owned();
    (said_of(&[("a.c", &text)]), mended)
}

/// The examples of every card are the tests of its source check: code marked `c,fires` brings a finding of the rule, code
/// marked `c,fixed` none, and is what the fixes make of the former.
#[test]
fn the_examples_of_cards_fire_and_are_fixed() {
    let mut fired = 0;
    for rule in rules() {
        let card = rule.card();
        let examples = |fence: &str| -> Vec<String> {
            let opening = format!("```c,{fence}\n");
            let docs: String = card
                .docs
                .lines()
                .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
                .collect();
            let parts = docs.split(&opening).skip(1);
            parts.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
        };
        let (fires, fixed) = (examples("fires"), examples("fixed"));
        assert_eq!(fires.len(), fixed.len(), "{}", card.id);
        for (fires, fixed) in fires.iter().zip(&fixed) {
            let of = |code: &str| {
                let text = format!("#include <ntddk.h>\n{code}");
                let found = findings_of(&[("a.c", &text)], Targets::DEFAULT);
                found
                    .into_iter()
                    .filter(|finding| finding.rule == card.id && finding.level != Level::Note)
                    .count()
            };
            assert_ne!(of(fires), 0, "{} does not fire on:\n{fires}", card.id);
            assert_eq!(of(fixed), 0, "{} fires on:\n{fixed}", card.id);
            let text = format!("#include <ntddk.h>\n{fires}");
            let all = [ringfence_finding::Safety::Unsafe, ringfence_finding::Safety::Proposed];
            let made = mended(&text, Targets::DEFAULT, &all);
            assert_eq!(made.split_once('\n').unwrap().1, fixed, "{}", card.id);
            fired += 1;
        }
    }
    assert!(fired > 0);
}
