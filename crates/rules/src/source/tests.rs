//! How rules are put to a piece of source in tests, and what holds for every card.

mod generated;

use super::*;
use ringfence_finding::{Fix, RuleCard, Safety, SourceEdit};
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
    found_in(files, &[], targets, false)
}

/// As [`findings_of`], where documentation weighs more than observation.
pub(crate) fn strict_findings_of(files: &[(&str, &str)]) -> Vec<SourceFinding> {
    found_in(files, &[], Targets::DEFAULT, true)
}

/// The findings about files that projects build.
pub(crate) fn found_in(
    files: &[(&str, &str)],
    projects: &[Project],
    targets: Targets,
    strict: bool,
) -> Vec<SourceFinding> {
    seen_in(files, projects, targets, strict).1
}

/// How many calls there are in files that projects build, and the findings about them.
fn seen_in(
    files: &[(&str, &str)],
    projects: &[Project],
    targets: Targets,
    strict: bool,
) -> (usize, Vec<SourceFinding>) {
    let mut tree = SourceTree::default();
    for (path, text) in files {
        tree.add(path, SourceText::of(*text)).unwrap();
    }
    let analysis = analyse(&tree, projects, &[]);
    let source = Source {
        tree: &tree,
        projects,
        analysis: &analysis,
        targets,
        strict,
        code_analysis: false,
    };
    let outcome = check_source(&source);
    assert_eq!(outcome.crashes, []);
    (analysis.calls.len(), outcome.findings)
}

/// What the rules say about a project that gives these options to the linker, one a line of its file.
pub(crate) fn said_of_linked(options: &[&str]) -> Vec<String> {
    let mut tree = SourceTree::default();
    let file = tree.add("sources", SourceText::of(options.join("\n"))).unwrap();
    let mut start = 0;
    let mut option = |text: &&str| {
        let span = Span::new(file, start..start + text.len());
        start += text.len() + 1;
        LinkerOption { text: (*text).to_owned(), span, certain: true }
    };
    let linker = options.iter().map(&mut option).collect();
    let projects = [Project {
        sources: Vec::new(),
        configurations: vec![Configuration { linker, ..Configuration::default() }],
        ..Project::new(file, ProjectFormat::Sources)
    }];
    let analysis = analyse(&tree, &projects, &[]);
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

/// `text` with the fixes of `findings` made that `is_made` wants; of two that contradict each other the first.
pub(crate) fn made<'f>(
    text: &str,
    findings: &'f [SourceFinding],
    is_made: impl Fn(&SourceFinding, &'f Fix) -> bool,
) -> String {
    let mut edits: Vec<&SourceEdit> = Vec::new();
    for finding in findings {
        let Some(fix) = finding.fix.as_ref().filter(|fix| is_made(finding, fix)) else { continue };
        let clashes = |one: &SourceEdit| {
            let other = |known: &&&SourceEdit| {
                **known != one && one.start <= known.end && known.start <= one.end
            };
            edits.iter().any(|known| other(&known))
        };
        if !fix.edits.iter().any(clashes) {
            edits.extend(fix.edits.iter());
        }
    }
    edits.sort_by_key(|edit| (edit.start, edit.end));
    edits.dedup();
    let mut text = text.to_owned();
    for edit in edits.iter().rev() {
        text.replace_range(edit.start..edit.end, &edit.replacement);
    }
    text
}

/// The file with all safe fixes of its findings made.
pub(crate) fn mended(text: &str, targets: Targets) -> String {
    let findings = findings_of(&[("a.c", text)], targets);
    made(text, &findings, |_, fix| fix.safety == Safety::Safe)
}

/// C behind the kit's header with the fixes of one rule made, and why they are not safe, if they are not.
pub(crate) fn fixed_by(rule: &str, code: &str) -> (String, Vec<String>) {
    let text = format!("#include <ntddk.h>\n{code}");
    let findings = findings_of(&[("a.c", &text)], Targets::DEFAULT);
    let fixed = made(&text, &findings, |finding, _| finding.rule == rule);
    let because = |finding: &SourceFinding| {
        let fix = finding.fix.as_ref().filter(|_| finding.rule == rule)?;
        fix.because.clone()
    };
    let because = findings.iter().filter_map(because).collect();
    (fixed.split_once('\n').unwrap().1.to_owned(), because)
}

/// C behind the kit's header: what the rules say, and the text with the safe fixes made.
pub(crate) fn linted(code: &str) -> (Vec<String>, String) {
    let text = format!("#include <ntddk.h>\n{code}");
    let mended = mended(&text, Targets::DEFAULT);
    let mended = mended.split_once('\n').unwrap().1.to_owned();
    (said_of(&[("a.c", &text)]), mended)
}

/// The examples of every card are the tests of its source check: code marked `c,fires` brings a finding of the rule. Code
/// marked `c,fixed` behind it brings none, and is what the rule's fixes make of the former; without such there is no fix.
#[test]
fn the_examples_of_cards_fire_and_are_fixed() {
    let mut fired = 0;
    for card in rules().map(|rule| rule.card()) {
        let mut examples = examples(card).into_iter().peekable();
        while let Some((fence, fires)) = examples.next() {
            assert_eq!(fence, "fires", "{}", card.id);
            assert_ne!(found(card, &fires), 0, "{} does not fire on:\n{fires}", card.id);
            let fixed = examples.next_if(|(fence, _)| *fence == "fixed").map(|(_, code)| code);
            if let Some(fixed) = &fixed {
                assert_eq!(found(card, fixed), 0, "{} fires on:\n{fixed}", card.id);
            }
            let text = with_header(&fires);
            let findings = findings_of(&[("a.c", &text)], Targets::DEFAULT);
            let made = made(&text, &findings, |finding, _| finding.rule == card.id);
            assert_eq!(made, with_header(&fixed.unwrap_or(fires)), "{}", card.id);
            fired += 1;
        }
    }
    assert!(fired > 10, "{fired}");
}

/// The code of a card's fences that are marked as examples in C, each with its mark, in order.
fn examples(card: &RuleCard) -> Vec<(&'static str, String)> {
    let unindented = |line: &str| format!("{}\n", line.strip_prefix(' ').unwrap_or(line));
    let docs: String = card.docs.lines().map(unindented).collect();
    let parts = docs.split("```c,").skip(1).map(|part| {
        let (mark, rest) = part.split_once('\n').unwrap();
        let mark = ["fires", "fixed"].into_iter().find(|known| *known == mark);
        (mark.unwrap(), rest.split("```").next().unwrap().to_owned())
    });
    parts.collect()
}

/// Code that names no header is behind that of the kit.
fn with_header(code: &str) -> String {
    match code.contains("#include") {
        true => code.to_owned(),
        false => format!("#include <ntddk.h>\n{code}"),
    }
}

/// How many findings of a rule there are that are more than notes; notes, where its card is one.
fn found(card: &RuleCard, code: &str) -> usize {
    let findings = findings_of(&[("a.c", &with_header(code))], Targets::DEFAULT);
    let counts = |finding: &&SourceFinding| {
        finding.rule == card.id && (finding.level != Level::Note || card.level == Level::Note)
    };
    findings.iter().filter(counts).count()
}
