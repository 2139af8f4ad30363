use crate::rule::rule_card;
use crate::source::{Mend, code_sections, linked, without};
use crate::{Driver, Findings, Rule, Source, SourceFindings};
use ringfence_finding::{
    Authority, Counter, Evidence, Finding, Gap, Level, Mark, Question, Row, RuleCard, Table,
};
use ringfence_image::{DirectoryIndex, Image, PAGE, Section};
use ringfence_source::LinkerSwitch;
use ringfence_verifier::{ImageFault, Violation};
use std::ops::Range;

rule_card! {
    /// ## What it does
    ///
    /// Finds import address tables (IATs) that lie in an executable section. In source it finds the option of
    /// the linker that puts them there, in pragmas and projects.
    ///
    /// ## Why it matters
    ///
    /// The loader writes the addresses of imported functions into the table. With memory integrity
    /// on, a page that is written is never executable, so the image is refused. Driver Verifier stops
    /// at it with bug check 0xC4, 0x2005 (0x2006 in some early versions of Windows 10). The name of
    /// the section does not matter: `INIT` is no exception here.
    ///
    /// Driver Verifier looks only at the first byte of data directory 12, and at nothing when that
    /// directory is absent or empty. The loader fills the tables that the import descriptors point
    /// to, so ringfence looks at those too, to their last byte, and says which of the two it found.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// #pragma comment(linker, "/MERGE:.rdata=.text")
    /// int count;
    /// ```
    ///
    /// ```c,fixed
    /// int count;
    /// ```
    ///
    /// `/MERGE:.idata=INIT` puts it among code too, as INIT is executable.
    ///
    /// ## What it cannot see
    ///
    /// Tables of function pointers that the driver fills itself. In source: options that stand in no pragma and
    /// no project file, and tables that get there by way of several options.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    /// - https://learn.microsoft.com/windows/win32/debug/pe-format#import-address-table
    ExecutableImportTable {
        id: "executable-import-table",
        summary: "import address table lies in an executable section",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image, Source, Run],
        also_known_as: &["0xC4:0x2005", "0xC4:0x2006", "IAT in Executable Section Count"],
    }
}

/// The sections that the linker keeps the table in: the one the compiler names, and the one that becomes part of.
const TABLE: [&str; 2] = [".idata", ".rdata"];

/// A part of the import address table, and the executable section it lies in.
struct Hit<'data> {
    what: String,
    addresses: Range<u64>,
    section: Section<'data>,
}

/// Rows of evidence; the rest is counted.
const MOST_ROWS: usize = 6;

impl Rule for ExecutableImportTable {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        let is_it = violation.image == Some(ImageFault::ImportTable);
        is_it.then(|| Self::CARD.summary.to_owned())
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        let seen = seen_by_verifier(image);
        let hidden = hidden_hits(image);
        if !image.directories_complete() {
            let reason = "the data directories could not be read whole";
            let gap = Gap::new(&[Question::Load, Question::Certify], reason);
            findings.leave_open(gap.about(&[Counter::ExecutableImportTable]));
        }
        if !image.imports().complete {
            let reason = "the import table could not be read whole";
            findings.leave_open(Gap::new(&[Question::Load], reason));
        }
        let Some(first) = seen.first().or(hidden.first()) else { return };
        let section = first.section.name();
        let message =
            format!("the import address table lies in the executable section `{section}`");
        let place = first.addresses.start as u32;
        let finding = Finding::new(&Self::CARD, Level::Error, message).at(place, Some(section));
        let finding = if seen.is_empty() {
            finding
                .denying(&[Question::Load], &[Authority::Loader])
                .likely()
                .note(format!("Driver Verifier does not see this: {}", verifier_view(image)))
        } else {
            finding
                .denying(
                    &[Question::Load, Question::Certify],
                    &[Authority::Loader, Authority::DriverVerifier],
                )
                .note(
                    "Driver Verifier sees this, because data directory 12 begins there, and stops at it \
                     with bug check 0xC4, parameter 0x2005 (0x2006 in some early versions of Windows 10)",
                )
                .counted(seen.len())
        };
        let hits: Vec<_> = seen.into_iter().chain(hidden).collect();
        let untold = hits.len().saturating_sub(MOST_ROWS);
        let finding = match untold {
            0 => finding,
            _ => finding.note(format!("{untold} more parts of the table are not listed")),
        };
        findings.report(
            finding
                .because(evidence(hits))
                .help("link without /MERGE into a code section, so that the table stays in .rdata"),
        );
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        let code = code_sections(source);
        for fact in &source.analysis.linker {
            let Some(LinkerSwitch::Merge { from, to }) = fact.switch() else { continue };
            if !TABLE.contains(&&*from) || !code.contains(&to) {
                continue;
            }
            let message = format!(
                "section `{from}` with the import address table is merged into the executable section `{to}`"
            );
            let finding = linked(&Self::CARD, Level::Error, message, fact, source);
            findings.report(
                finding
                    .denying(
                        &[Question::Load, Question::Certify],
                        &[Authority::Loader, Authority::DriverVerifier],
                    )
                    .likely()
                    .note("Driver Verifier stops at it with bug check 0xC4, parameter 0x2005")
                    .help("link without /MERGE into a code section, so that the table stays in .rdata")
                    .fixed_by(without(source, fact, Mend::Safe)),
            );
        }
    }
}

/// The executable sections that hold the first byte of data directory 12, by the sizes their headers
/// state: Driver Verifier's own test.
fn seen_by_verifier<'data>(image: &Image<'data>) -> Vec<Hit<'data>> {
    let Some(table) = image.directory(DirectoryIndex::ImportAddress) else { return Vec::new() };
    let start = u64::from(table.rva.0);
    let holds = |section: &&Section<'_>| {
        let first = u64::from(section.rva().0);
        section.is_executable()
            && (first..first + u64::from(section.virtual_size())).contains(&start)
    };
    let addresses = start..start + u64::from(table.size);
    image
        .sections()
        .iter()
        .filter(holds)
        .map(|section| Hit {
            what: "data directory 12".to_owned(),
            addresses: addresses.clone(),
            section: *section,
        })
        .collect()
}

/// The modules whose table, with its closing null entry, touches a page of an executable section.
fn hidden_hits<'data>(image: &Image<'data>) -> Vec<Hit<'data>> {
    // Rights cover whole pages. In an unaligned image sections share them, which is another rule's
    // matter: there only the section's own bytes count.
    let aligned = image.headers().section_alignment.is_multiple_of(PAGE);
    let executable =
        Executable::of(
            image,
            |section| {
                if aligned { section.pages() } else { section.addresses() }
            },
        );
    let null_entry = if image.headers().pe32_plus { 8 } else { 4 };
    let mut hits = Vec::new();
    for module in &image.imports().modules {
        let table = &module.address_table;
        let addresses = table.start..table.end + null_entry;
        if let Some(section) = executable.touching(&addresses) {
            let name = module.name.escape_ascii();
            let what = if module.delayed { format!("{name} (delayed)") } else { name.to_string() };
            hits.push(Hit { what, addresses, section });
        }
    }
    hits
}

/// The executable sections by address. A hostile file has thousands of them and of modules, so that
/// comparing each with each would take minutes.
struct Executable<'data> {
    /// Start, the furthest end up to this one, section.
    sections: Vec<(u64, u64, Section<'data>)>,
}

impl<'data> Executable<'data> {
    fn of(image: &Image<'data>, range: impl Fn(&Section<'_>) -> Range<u64>) -> Executable<'data> {
        let executable = image.sections().iter().filter(|section| section.is_executable());
        let mut sections: Vec<_> = executable
            .map(|section| (range(section).start, range(section).end, *section))
            .collect();
        sections.sort_by_key(|(start, ..)| *start);
        let mut reach = 0;
        for (_, end, _) in &mut sections {
            reach = reach.max(*end);
            *end = reach;
        }
        Executable { sections }
    }

    /// The first of them that shares an address with `addresses`.
    fn touching(&self, addresses: &Range<u64>) -> Option<Section<'data>> {
        let first = self.sections.partition_point(|(_, reach, _)| *reach <= addresses.start);
        let (start, _, section) = self.sections.get(first)?;
        (*start < addresses.end).then_some(*section)
    }
}

/// Why Driver Verifier passes this image.
fn verifier_view(image: &Image<'_>) -> String {
    match image.directory(DirectoryIndex::ImportAddress) {
        None => "it looks at data directory 12 only, which is absent or empty here".to_owned(),
        Some(table) => {
            let place = image.section_at(table.rva).map_or_else(
                || "outside the sections".to_owned(),
                |section| format!("in `{}`", section.name()),
            );
            format!("it looks at the first byte of data directory 12 only, which is {place}")
        }
    }
}

fn evidence(hits: Vec<Hit<'_>>) -> Evidence {
    let rows: Vec<_> = hits
        .into_iter()
        .take(MOST_ROWS)
        .map(|hit| Row {
            label: hit.section.number.to_string(),
            cells: vec![
                hit.what,
                format!("{:08x}..{:08x}", hit.addresses.start, hit.addresses.end),
                hit.section.name(),
                hit.section.rights(),
            ],
        })
        .collect();
    let marks = vec![Mark { row: 0, column: 3, text: "executable".to_owned() }];
    let columns = vec!["part of the table", "addresses", "section", "rights"];
    Evidence::Table(Table { structure: "import address table", columns, rows, marks })
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, findings, told, verdict};
    use ringfence_finding::{Answer, Targets};
    use ringfence_fixture::{EXECUTE, READ, driver};

    const SEEN: &str = "error[executable-import-table] load certify: the import address table lies in \
                        the executable section";
    const HIDDEN: &str = "error[executable-import-table] load?: the import address table lies in the \
                          executable section";

    /// Spec case 108.
    #[test]
    fn table_in_text() {
        let bytes = driver().iat_in(".text").bytes();
        assert_eq!(told(&bytes), [format!("{SEEN} `.text`")]);
        assert_eq!(answers(&bytes), "no unknown no");
    }

    /// Spec case 109: INIT is executable and no exception.
    #[test]
    fn table_in_init() {
        assert_eq!(told(&driver().iat_in("INIT").bytes()), [format!("{SEEN} `INIT`")]);
    }

    /// Spec case 110: the verifier sees the beginning only.
    #[test]
    fn table_that_ends_in_text() {
        let bytes = driver()
            .import("HAL.dll", &["KeStallExecutionProcessor"])
            .iat_across(".rdata", ".text")
            .bytes();
        assert_eq!(told(&bytes), [format!("{HIDDEN} `.text`")]);
        assert_eq!(answers(&bytes), "no unknown unknown");
    }

    /// Spec cases 111 and 112: an absent or empty directory hides the table from the verifier.
    #[test]
    fn table_in_text_without_directory() {
        let rva = driver().iat_in(".text").build().iat_rva();
        for (start, size) in [(0, 0), (rva, 0)] {
            let bytes = driver().iat_in(".text").iat_directory(start, size).bytes();
            assert_eq!(told(&bytes), [format!("{HIDDEN} `.text`")]);
            let note = &findings(&bytes, Targets::DEFAULT)[0].notes[0];
            assert!(note.ends_with("which is absent or empty here"), "{note}");
        }
    }

    /// Spec case 123: a forged directory hides a table in .text, and harms none in .rdata.
    #[test]
    fn forged_directory() {
        let data = driver().build().rva_of_section(".data");
        assert_eq!(told(&driver().iat_directory(data, 16).bytes()), [""; 0]);
        let hidden = driver().iat_in(".text").iat_directory(data, 16).bytes();
        assert_eq!(told(&hidden), [format!("{HIDDEN} `.text`")]);
        assert!(findings(&hidden, Targets::DEFAULT)[0].notes[0].ends_with("which is in `.data`"));
        // The other way round the verifier objects, whatever the descriptors say.
        let text = driver().build().rva_of_section(".text");
        assert_eq!(told(&driver().iat_directory(text, 16).bytes()), [format!("{SEEN} `.text`")]);
    }

    /// A table of delayed imports is written too, on first use.
    #[test]
    fn delayed_table_in_text() {
        let delayed = driver().delay_import("late.sys", &["Later"]);
        assert_eq!(told(&delayed.bytes()), [""; 0]);
        let home = delayed.build();
        let slot = home.delay_iat_rva();
        let section = home
            .sections
            .iter()
            .find(|section| (section.rva..section.rva + section.len.max(0x1000)).contains(&slot));
        let name = section.unwrap().name.clone();
        let bytes = delayed.edit_section(&name, |section| section.rights(READ | EXECUTE)).bytes();
        let rows = table_rows(&bytes);
        assert!(rows.iter().any(|row| row == "late.sys (delayed)"), "{rows:?}");
    }

    /// What is written beside the first thunk: the closing null entry, and the page it stands on.
    #[test]
    fn the_null_entry_and_the_whole_page_count() {
        // Eight bytes before the page of .text: one thunk there, its null entry on the page.
        let built = driver().no_imports().import("a.sys", &["A"]).build();
        let text = built.rva_of_section(".text");
        let descriptor = built.offset_of_rva(built.imports_rva()) as usize;
        let first_thunk = |rva: u32| {
            driver()
                .no_imports()
                .import("a.sys", &["A"])
                .iat_directory(0, 0)
                .patch(descriptor + 16, rva.to_le_bytes().to_vec())
                .bytes()
        };
        assert_eq!(told(&first_thunk(text - 8)), [format!("{HIDDEN} `.text`")]);
        assert_eq!(told(&first_thunk(text - 16)), [""; 0]);
        // Behind the last byte of .text, but on its page.
        assert_eq!(told(&first_thunk(text + 0xF00)), [format!("{HIDDEN} `.text`")]);
    }

    /// In an unaligned image sections share pages, which is another rule's matter.
    #[test]
    fn an_unaligned_image_is_not_accused_twice() {
        let found = told(&driver().section_alignment(0x200).bytes());
        assert!(found.iter().all(|line| !line.contains("executable-import-table")), "{found:?}");
    }

    fn table_rows(bytes: &[u8]) -> Vec<String> {
        let findings = findings(bytes, Targets::DEFAULT);
        let only =
            findings.iter().find(|finding| finding.rule == "executable-import-table").unwrap();
        let Some(ringfence_finding::Evidence::Table(table)) = &only.evidence else { panic!() };
        table.rows.iter().map(|row| row.cells[0].clone()).collect()
    }

    #[test]
    fn many_modules_are_counted() {
        let many = (0..20).fold(driver().no_imports(), |driver, number| {
            driver.import(&format!("m{number}.sys"), &["A"])
        });
        let bytes = many.iat_in(".text").bytes();
        assert_eq!(table_rows(&bytes).len(), super::MOST_ROWS);
        let notes = &findings(&bytes, Targets::DEFAULT)[0].notes;
        assert_eq!(notes.last().unwrap(), "15 more parts of the table are not listed");
    }

    #[test]
    fn descriptors_and_names_among_code_are_only_read() {
        assert_eq!(told(&driver().imports_in(".text").bytes()), [""; 0]);
    }

    /// Spec case 117.
    #[test]
    fn arm64_is_held_to_the_same() {
        assert_eq!(answers(&driver().arm64().iat_in(".text").bytes()), "no unknown no");
    }

    #[test]
    fn an_unreadable_import_table_leaves_load_open() {
        let bytes = driver().directory(1, 0x00F0_0000, 40).bytes();
        let verdict = verdict(&bytes, Targets::DEFAULT);
        assert_eq!(verdict.load, Answer::Unknown);
        assert_eq!(verdict.because.load[0].text, "the import table could not be read whole");
    }

    #[test]
    fn merging_into_code_is_found_in_source() {
        use crate::source::tests::linted;
        let merged = |option: &str| linted(&format!("#pragma comment(linker, \"{option}\")")).0;
        assert_eq!(
            merged("/merge:.idata=INIT"),
            [
                "a.c:2:26 error[executable-import-table] load certify: section `.idata` with the import \
              address table is merged into the executable section `INIT`"
            ]
        );
        for fine in ["/MERGE:.idata=.rdata", "/MERGE:.rdata=.data", "/MERGE:.CRT=.text"] {
            assert_eq!(merged(fine), [""; 0], "{fine}");
        }
        // The section is executable because another option says so.
        assert_eq!(merged("/MERGE:.rdata=code /SECTION:code,ER").len(), 1);
    }
}
