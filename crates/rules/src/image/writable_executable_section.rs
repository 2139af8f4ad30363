use super::drawing::{self, SectionColumn};
use crate::rule::rule_card;
use crate::source::{Mend, code_sections, edit, fix, linked, without};
use crate::{Driver, Findings, Rule, Source, SourceFindings};
use ringfence_finding::{
    Authority, Counter, Finding, Gap, Level, Question, RuleCard, SourceFinding,
};
use ringfence_image::{Section, Toolset};
use ringfence_source::{LinkerFact, LinkerSwitch, SectionPragma, SegmentPragma};
use std::collections::HashSet;

rule_card! {
    /// ## What it does
    ///
    /// Finds sections whose pages would be writable and executable at once. In source it finds what makes
    /// them so: options of the linker in pragmas and projects, and rights in `#pragma section`.
    ///
    /// ## Why it matters
    ///
    /// With memory integrity on, no kernel page is ever both. Driver Verifier's code-integrity
    /// checks stop at such a section (bug check 0xC4, 0x2003), and so does the HLK test, so the
    /// driver is not certified. Whether it still loads is told in two ways: the guidance for driver
    /// authors says it does not, while event 3073 of the code-integrity log names *strict* memory
    /// integrity only. ringfence therefore answers *load* with no, and calls that likely.
    ///
    /// The section called `INIT` is different: old linkers make it writable and executable, and
    /// Windows 10 removes the write permission when it loads the driver. It is a note, and turns no
    /// question to no. Early Windows 10 verifiers reported it too; later ones do so only with an
    /// option set. One that is not discardable is a warning.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// #pragma comment(linker, "/SECTION:.hook,ERW")
    /// #pragma section(".patch", read, write, execute)
    /// int count;
    /// ```
    ///
    /// ```c,fixed
    /// #pragma section(".patch", read, write)
    /// int count;
    /// ```
    ///
    /// Leave the rights to the linker, and put data that must be written into a data section.
    ///
    /// ## What it cannot see
    ///
    /// Rights that the driver changes once it runs. In source: options that stand in no pragma and no project
    /// file, and pragmas that a macro of another file makes (`__pragma`).
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    /// - https://learn.microsoft.com/cpp/build/reference/section-specify-section-attributes
    /// - https://learn.microsoft.com/cpp/error-messages/tool-errors/linker-tools-warning-lnk4254
    WritableExecutableSection {
        id: "writable-executable-section",
        summary: "section is writable and executable",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image, Source, Run],
        also_known_as: &["0xC4:0x2003", "Execute-Write Section Count", "event 3073"],
    }
}

impl Rule for WritableExecutableSection {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        if image.sections().len() != usize::from(image.headers().number_of_sections) {
            let reason = "the section table could not be read whole";
            findings.leave_open(Gap::new(&[Question::Certify], reason).about(&[
                Counter::ExecuteWriteSection,
                Counter::SectionAlignment,
                Counter::ExecutableImportTable,
            ]));
        }
        // Once, as a hostile file has many such sections and a long Rich header.
        let toolset = image.rich().and_then(|rich| rich.linker());
        let sections = image.sections().iter();
        for section in sections.filter(|section| section.is_writable() && section.is_executable()) {
            // Driver Verifier compares all eight bytes of the name, letter case aside.
            let finding = if section.is_named("INIT") {
                Self::init(section, toolset)
            } else {
                Self::other(section)
            };
            let evidence =
                drawing::section(section, SectionColumn::Rights, "writable and executable");
            findings.report(finding.at(section.rva().0, Some(section.name())).because(evidence));
        }
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        let code = code_sections(source);
        for fact in &source.analysis.linker {
            match fact.switch() {
                Some(LinkerSwitch::Section { name, rights: Some(rights) })
                    if rights.write && rights.execute =>
                {
                    findings.report(Self::of_option(&name, fact, source));
                }
                Some(LinkerSwitch::Merge { from, to }) if mixes(&code, &from, &to) => {
                    findings.report(Self::of_merge(&from, &to, fact, source));
                }
                _ => {}
            }
        }
        let both = |one: &&SectionPragma| {
            one.attribute("execute").is_some() && one.attribute("write").is_some()
        };
        for section in source.analysis.sections.iter().filter(both) {
            findings.report(Self::of_pragma(section, source));
        }
        for segment in &source.analysis.segments {
            findings.report(Self::of_segment(segment, source));
        }
    }
}

/// The sections that hold what is written, by custom.
const WRITTEN: [&str; 2] = [".data", ".bss"];

/// Whether code and what is written come together in one section.
fn mixes(code: &HashSet<String>, from: &str, to: &str) -> bool {
    let is_written = |name: &str| WRITTEN.contains(&name);
    is_written(from) && code.contains(to) || code.contains(from) && is_written(to)
}

impl WritableExecutableSection {
    fn of_option(name: &str, fact: &LinkerFact, source: &Source<'_>) -> SourceFinding {
        let message = format!("section `{name}` is made writable and executable");
        if name.eq_ignore_ascii_case("INIT") {
            return linked(&Self::CARD, Level::Note, message, fact, source)
                .note("Windows 10 removes the write permission of INIT when it loads the driver")
                .fixed_by(without(source, fact, Mend::Unsafe(NEEDED)));
        }
        refused(linked(&Self::CARD, Level::Error, message, fact, source))
            .help("leave the rights to the linker, and put what is written into a data section")
            .fixed_by(without(source, fact, Mend::Unsafe(NEEDED)))
    }

    fn of_merge(from: &str, to: &str, fact: &LinkerFact, source: &Source<'_>) -> SourceFinding {
        let what = if WRITTEN.contains(&from) { "written data" } else { "code" };
        let with = if WRITTEN.contains(&from) { "code" } else { "written data" };
        let message =
            format!("{what} of section `{from}` is merged into section `{to}`, which holds {with}");
        linked(&Self::CARD, Level::Warning, message, fact, source)
            .note("the linker warns of different attributes (LNK4254) and documents no outcome")
            .note(ONE_RIGHT)
            .help("keep data and code in sections of their own")
            .fixed_by(without(source, fact, Mend::Safe))
    }

    fn of_segment(segment: &SegmentPragma, source: &Source<'_>) -> SourceFinding {
        let (what, with) = match segment.places_code {
            true => ("code", "written data"),
            false => ("written data", "code"),
        };
        let message =
            format!("{what} is placed into section `{}`, which holds {with}", segment.name);
        let mark = source.mark(segment.span, "");
        let finding = SourceFinding::new(&Self::CARD, Level::Warning, message, mark);
        let finding = match segment.certain {
            true => finding,
            false => finding.likely().note("whether the pragma is compiled depends on the build"),
        };
        finding
            .note("the linker warns of different attributes (LNK4078) and documents no outcome")
            .note(ONE_RIGHT)
            .help("keep data and code in sections of their own")
    }

    fn of_pragma(section: &SectionPragma, source: &Source<'_>) -> SourceFinding {
        let message = format!("section `{}` is made writable and executable", section.name);
        let drop = |word: &str, because: &'static str| {
            let span = section.attribute(word)?.removal;
            fix(format!("drop `{word}`"), Mend::Proposed(because), vec![edit(source, span, "")])
        };
        let finding =
            SourceFinding::new(&Self::CARD, Level::Error, message, source.mark(section.span, ""));
        let finding = match section.certain {
            true => finding,
            false => finding.note("whether the pragma is compiled depends on the build"),
        };
        refused(finding)
            .help("put code and what is written into sections of their own")
            .fixed_by(drop("execute", "code in the section would not run any more"))
            .or_fixed_by(drop("write", "what is written in the section would fault"))
    }

    fn other(section: &Section<'_>) -> Finding {
        let message = format!("section `{}` is writable and executable", section.name());
        Finding::new(&Self::CARD, Level::Error, message)
            .denying(
                &[Question::Load, Question::Certify],
                &[Authority::Loader, Authority::DriverVerifier],
            )
            .only_likely_for(&[Question::Load])
            .note("Driver Verifier stops at it with bug check 0xC4, parameter 0x2003")
            .note(
                "sources differ on loading: Microsoft's guidance says that it is refused, event 3073 \
                 of the code-integrity log names strict memory integrity only; under strict memory \
                 integrity the refusal is certain, otherwise likely",
            )
            .help("drop the write permission (linker switches /SECTION and /MERGE), or move the data out")
    }

    fn init(section: &Section<'_>, toolset: Option<Toolset>) -> Finding {
        let level = if section.is_discardable() { Level::Note } else { Level::Warning };
        let message = format!(
            "section `{}` is writable and executable; Windows 10 removes the write permission when \
             it loads the driver",
            section.name()
        );
        let mut finding = Finding::new(&Self::CARD, level, message).note(
            "early Windows 10 versions of Driver Verifier reported this (0xC4, 0x2003); later ones do \
             so only with an option set",
        );
        if !section.is_discardable() {
            finding = finding.note(
                "an INIT section is discarded after initialisation as a rule, but this one is not \
                 marked discardable: code that stays in it and writes to it would fault",
            );
        }
        match toolset.filter(|toolset| toolset.linker <= VISUAL_STUDIO_2013) {
            Some(toolset) => finding.note(format!(
                "linkers up to that of Visual Studio 2013 make INIT so by themselves; this one is of \
                 {}, so a newer toolset is the cure",
                toolset.name
            )),
            None => finding,
        }
    }
}

/// What becomes of code and written data that come together.
const ONE_RIGHT: &str = "a section with both rights is refused; with one of them, writing the data or running the \
     code faults";

/// Why a person should look before rights are taken away.
const NEEDED: &str = "what is written in the section, or runs there, needs the right";

/// A finding in source that the section will be refused.
fn refused(finding: SourceFinding) -> SourceFinding {
    finding
        .denying(
            &[Question::Load, Question::Certify],
            &[Authority::Loader, Authority::DriverVerifier],
        )
        .likely()
        .note("Driver Verifier stops at such a section with bug check 0xC4, parameter 0x2003")
        .note(
            "sources differ on loading: Microsoft's guidance says that it is refused, event 3073 of the \
             code-integrity log names strict memory integrity only",
        )
}

/// The linker version of the last toolset that makes INIT writable by itself.
const VISUAL_STUDIO_2013: (u8, u8) = (12, 0);

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, findings, told};
    use ringfence_finding::Targets;
    use ringfence_fixture::{Driver, EXECUTE, READ, WRITE, driver, section};

    const RWX: u32 = READ | WRITE | EXECUTE;

    fn with_init(
        edit: impl FnOnce(ringfence_fixture::Section) -> ringfence_fixture::Section,
    ) -> Driver {
        driver().edit_section("INIT", edit)
    }

    /// Spec case 101.
    #[test]
    fn rwx_text() {
        let bytes = driver().edit_section(".text", |text| text.rights(RWX)).bytes();
        assert_eq!(
            told(&bytes),
            [
                "error[writable-executable-section] load? certify: section `.text` is writable and executable"
            ]
        );
        assert_eq!(answers(&bytes), "no unknown no");
    }

    /// Spec cases 102 and 103.
    #[test]
    fn rwx_init_is_a_note_in_any_letter_case() {
        for name in ["INIT", "init"] {
            let bytes = with_init(|init| init.rights(RWX).name(name)).bytes();
            let [only] = &told(&bytes)[..] else { panic!() };
            assert!(only.starts_with("note[writable-executable-section] nothing: "), "{only}");
            assert_eq!(answers(&bytes), "yes unknown unknown");
        }
    }

    /// Spec case 104.
    #[test]
    fn a_longer_name_is_not_init() {
        let bytes = with_init(|init| init.rights(RWX).name("INITDATA")).bytes();
        assert_eq!(answers(&bytes), "no unknown no");
    }

    /// Spec case 105.
    #[test]
    fn rwx_init_that_stays_is_a_warning() {
        let bytes = with_init(|init| init.rights(RWX).resident()).bytes();
        let [only] = &told(&bytes)[..] else { panic!() };
        assert!(only.starts_with("warning[writable-executable-section] nothing: "), "{only}");
        assert_eq!(answers(&bytes), "yes unknown unknown");
    }

    /// Spec case 106.
    #[test]
    fn a_name_of_eight_letters_needs_no_nul() {
        let bytes = driver().section(section("HOOKCODE").rights(RWX).bytes(vec![0xC3; 16])).bytes();
        assert_eq!(
            told(&bytes),
            [
                "error[writable-executable-section] load? certify: section `HOOKCODE` is writable and executable"
            ]
        );
    }

    /// Spec case 117.
    #[test]
    fn arm64_is_held_to_the_same() {
        let bytes = driver().arm64().edit_section(".text", |text| text.rights(RWX)).bytes();
        assert_eq!(answers(&bytes), "no unknown no");
    }

    #[test]
    fn an_old_toolset_is_named_as_the_cause() {
        let notes = |product| {
            let bytes = with_init(|init| init.rights(RWX)).rich([(product, 31101, 1)]).bytes();
            findings(&bytes, Targets::DEFAULT)[0].notes.join("\n")
        };
        assert!(notes(0x00DE).contains("Visual Studio 2013, so a newer toolset is the cure"));
        assert!(notes(0x0091).contains("of Visual Studio 2008"));
        assert!(!notes(0x0102).contains("toolset"));
    }

    /// What the rules say of the pragmas of a driver, without its places.
    fn pragmas(text: &str) -> Vec<String> {
        let said = crate::source::tests::linted(text).0;
        said.iter().map(|one| one.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn options_of_the_linker_are_judged() {
        assert_eq!(
            pragmas("#pragma comment(linker, \"/MERGE:_PAGE=PAGE -section:.hook,ewr\")"),
            [
                "error[writable-executable-section] load certify: section `.hook` is made writable and executable"
            ]
        );
        assert_eq!(
            pragmas("#pragma comment(linker, \"/SECTION:init,RWED\")"),
            ["note[writable-executable-section] : section `init` is made writable and executable"]
        );
        // As the kit itself links; and a right that is taken away.
        for option in
            ["/SECTION:INIT,d", "/SECTION:.text,ER", "/SECTION:x,E!W", "/MERGE:_TEXT=.text"]
        {
            assert_eq!(pragmas(&format!("#pragma comment(linker, \"{option}\")")), [""; 0]);
        }
    }

    #[test]
    fn merged_data_and_code_are_a_warning() {
        assert_eq!(
            pragmas("#pragma comment(linker, \"/MERGE:.data=.text\")"),
            [
                "warning[writable-executable-section] : written data of section `.data` is merged into \
              section `.text`, which holds code"
            ]
        );
        assert_eq!(
            pragmas("#pragma comment(linker, \"/MERGE:.text=.data\")"),
            [
                "warning[writable-executable-section] : code of section `.text` is merged into section \
              `.data`, which holds written data"
            ]
        );
        assert_eq!(pragmas("#pragma comment(linker, \"/MERGE:.bss=.data\")"), [""; 0]);
        let named = "#pragma section(\"mine\", read, execute)\n#pragma comment(linker, \"/MERGE:.data=mine\")";
        assert_eq!(pragmas(named).len(), 1);
    }

    #[test]
    fn what_is_placed_among_something_else_is_a_warning() {
        assert_eq!(
            pragmas("#pragma data_seg(\".text\")\nint a = 1;"),
            [
                "warning[writable-executable-section] : written data is placed into section `.text`, which \
              holds code"
            ]
        );
        assert_eq!(
            pragmas("#pragma code_seg(\".data\")\nvoid F(void) { }"),
            [
                "warning[writable-executable-section] : code is placed into section `.data`, which holds \
              written data"
            ]
        );
        // What is only read may lie beside code, and paged code has a section of its own.
        for text in [
            "#pragma const_seg(\".text\")\nconst int a = 1;",
            "#pragma code_seg(\"PAGE\")\nvoid F(void) { }",
            "#pragma data_seg(\"PAGEDATA\")\nint a = 1;",
        ] {
            assert_eq!(pragmas(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn other_options_of_a_pragma_stay() {
        let (_, mended) = crate::source::tests::linted(
            "#pragma comment(linker, \"/MERGE:.data=.text /EXPORT:F\")\nint a;",
        );
        assert_eq!(mended, "#pragma comment(linker, \"/EXPORT:F\")\nint a;");
    }
}
