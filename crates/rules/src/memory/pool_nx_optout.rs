use crate::rule::rule_card;
use crate::source::{Mend, depends_on_opt_in, edit, fix};
use crate::{Rule, Source, SourceFindings};
use ringfence_finding::{Fix, Level, RuleCard, SourceFinding};
use ringfence_source::{FileId, OptIn, SourceCall, Span};
use std::collections::BTreeMap;

rule_card! {
    /// ## What it does
    ///
    /// Finds files that `POOL_NX_OPTOUT` is defined for: in them `NonPagedPool` stays executable, whatever the project
    /// opts in to. It looks at source alone; in a driver nothing is left of the macro.
    ///
    /// ## Why it matters
    ///
    /// Code Analysis reports C30032 where the file asks for such memory. The rules about the calls object to each of
    /// them; this one says why a driver that opts in asks for executable memory all the same. Where nothing in the file
    /// depends on the macro, it is a note.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// #define POOL_NX_OPTIN_AUTO 1
    /// #define POOL_NX_OPTOUT 1
    /// #include <ntddk.h>
    ///
    /// void *take(void) { return ExAllocatePoolWithTag(NonPagedPool, 64, 'ksiD'); }
    /// ```
    ///
    /// ```c,fixed
    /// #define POOL_NX_OPTIN_AUTO 1
    /// #include <ntddk.h>
    ///
    /// void *take(void) { return ExAllocatePoolWithTag(NonPagedPool, 64, 'ksiD'); }
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Why somebody opted out: a file may keep code in the memory. Definitions in headers that are not looked at.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/multiple-binary-opt-in-pool-nx-optin-auto
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/30032-forcing-request-of-executable-memory
    PoolNxOptout {
        id: "pool-nx-optout",
        summary: "the opt-in to non-executable pool is cancelled",
        level: Level::Warning,
        since: "0.1.0",
        senses: [Source],
        also_known_as: &["C30032", "POOL_NX_OPTOUT"],
    }
}

const NAME: &str = "POOL_NX_OPTOUT";

/// What is known of one definition: the files it is in effect for, and what in them depends on it.
#[derive(Default)]
struct OptedOut<'a> {
    cancels: bool,
    calls: Vec<&'a SourceCall>,
}

/// Where it is defined; else, where that is in no file, the file that it is defined for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Definition {
    At(Span),
    For(FileId),
}

impl Rule for PoolNxOptout {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        let mut all: BTreeMap<Definition, OptedOut<'_>> = BTreeMap::new();
        let definition = |opt_in: &OptIn, file: FileId| match opt_in {
            OptIn::OptedOut { at: Some(at), cancels } => Some((Definition::At(*at), *cancels)),
            OptIn::OptedOut { at: None, cancels } => Some((Definition::For(file), *cancels)),
            _ => None,
        };
        for (file, opt_in) in &source.analysis.opt_ins {
            if let Some((definition, cancels)) = definition(opt_in, *file) {
                all.entry(definition).or_default().cancels |= cancels;
            }
        }
        for call in source.analysis.calls.iter().filter(|call| depends_on_opt_in(call)) {
            if let Some((definition, cancels)) = definition(&call.opt_in, call.innermost.file) {
                let opted_out = all.entry(definition).or_default();
                opted_out.cancels |= cancels;
                opted_out.calls.push(call);
            }
        }
        for (definition, opted_out) in &all {
            if let Some(finding) = finding(*definition, opted_out, source) {
                findings.report(finding);
            }
        }
    }
}

fn finding(
    definition: Definition,
    opted_out: &OptedOut<'_>,
    source: &Source<'_>,
) -> Option<SourceFinding> {
    let line = match definition {
        Definition::At(at) => Some(line_of(at, source)),
        Definition::For(_) => None,
    };
    // What a project defines for a file in which nothing depends on it is not worth a word.
    let place = line.or_else(|| opted_out.calls.first().map(|call| call.callee))?;
    let mark = source.mark(place, "");
    let finding = match opted_out.calls.len() {
        0 => {
            let message = format!("{NAME} is defined, but nothing here depends on it");
            SourceFinding::new(&PoolNxOptout::CARD, Level::Note, message, mark)
        }
        count => {
            let asking = match count {
                1 => "one call".to_owned(),
                more => format!("{more} calls"),
            };
            let message = format!(
                "{NAME} keeps memory executable: {asking} would get non-executable memory with an opt-in"
            );
            SourceFinding::new(&PoolNxOptout::CARD, Level::Warning, message, mark)
                .as_warning(Some("C30032"))
        }
    };
    let finding = match opted_out.cancels {
        true => finding,
        false => finding.note("no opt-in is seen here that it cancels"),
    };
    let fix = line.and_then(|line| removed(line, source));
    Some(finding.help(format!("do not define {NAME}")).fixed_by(fix))
}

/// The line of a definition.
fn line_of(at: Span, source: &Source<'_>) -> Span {
    let text = &source.tree.file(at.file).text;
    let line = text.line_range(text.place(at.start as usize).line);
    line.map_or(at, |line| Span::new(at.file, line))
}

/// Removes the line, where it is the whole definition.
fn removed(line: Span, source: &Source<'_>) -> Option<Fix> {
    let file = &source.tree.file(line.file).text;
    let text = source.tree.text(line);
    let words = text.trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?;
    if !words.trim_start().starts_with(NAME) || text.ends_with('\\') || text.contains("/*") {
        return None;
    }
    let whole = file.whole_line(file.place(line.start as usize).line)?;
    let edit = edit(source, Span::new(line.file, whole), "");
    let doubt = "somebody opted out on purpose; the file may keep code in the memory";
    fix(format!("do not define `{NAME}`"), Mend::Unsafe(doubt), vec![edit])
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{findings_of, found_in, said};
    use ringfence_finding::{SourceFinding, Targets};
    use ringfence_source::{Configuration, Define, Project, ProjectFormat, SourceText, SourceTree};

    const USES: &str = "#include <wdm.h>\nvoid F(void) { ExAllocatePool(NonPagedPool, 1); }\n";

    fn own(findings: &[SourceFinding]) -> Vec<String> {
        findings.iter().filter(|finding| finding.rule == "pool-nx-optout").map(said).collect()
    }

    /// Spec case 126.
    #[test]
    fn an_opt_out_is_told_where_it_is_defined() {
        let out = "  #define POOL_NX_OPTOUT 1\n";
        let findings = findings_of(&[("a.c", &format!("{out}{USES}"))], Targets::DEFAULT);
        let expected = "a.c:1:1 warning[pool-nx-optout] : POOL_NX_OPTOUT keeps memory executable: one call would get \
                        non-executable memory with an opt-in";
        assert_eq!(own(&findings), [expected]);
        assert!(findings[0].notes.iter().any(|note| note.starts_with("no opt-in")));
        // The rule about the call objects as well.
        assert_eq!(findings.len(), 2);
        let header = [
            ("o.h", out.to_owned()),
            ("a.c", format!("#include \"o.h\"\n{USES}")),
            ("b.c", format!("#include \"o.h\"\n{USES}")),
        ];
        let files = header.each_ref().map(|(path, text)| (*path, &**text));
        assert_eq!(
            own(&findings_of(&files, Targets::DEFAULT)),
            [expected.replace("a.c", "o.h").replace("one call", "2 calls")]
        );
    }

    #[test]
    fn what_nothing_depends_on_is_a_note() {
        let text = "#define POOL_NX_OPTOUT 1\n#include <wdm.h>\nvoid F(void) { ExAllocatePool(PagedPool, 1); }";
        assert_eq!(
            own(&findings_of(&[("a.c", text)], Targets::DEFAULT)),
            [
                "a.c:1:1 note[pool-nx-optout] : POOL_NX_OPTOUT is defined, but nothing here depends on it"
            ]
        );
        let off = text.replace("OPTOUT 1", "OPTOUT 0");
        assert_eq!(own(&findings_of(&[("a.c", &off)], Targets::DEFAULT)), [""; 0]);
    }

    /// Spec case 133, by a file's settings in the project.
    #[test]
    fn an_opt_out_of_the_project_is_told_at_the_first_call() {
        let mut tree = SourceTree::default();
        let file = tree.add("a.c", SourceText::of(USES)).unwrap();
        let define = |name: &str| Define {
            name: name.into(),
            value: Some("1".into()),
            span: None,
            certain: true,
        };
        let project = Project {
            sources: vec![file],
            configurations: vec![Configuration {
                defines: vec![define("POOL_NX_OPTIN_AUTO")],
                of_files: vec![(file, vec![define("POOL_NX_OPTOUT")])],
                ..Configuration::default()
            }],
            ..Project::new(file, ProjectFormat::MsBuild)
        };
        let found = found_in(&[("a.c", USES)], &[project], Targets::DEFAULT, false);
        assert_eq!(
            own(&found),
            [
                "a.c:2:16 warning[pool-nx-optout] : POOL_NX_OPTOUT keeps memory executable: one call would get \
                 non-executable memory with an opt-in"
            ]
        );
        let pool = found.iter().find(|one| one.rule == "executable-pool-type").unwrap();
        assert_eq!(pool.warning, Some("C30032"));
    }
}
