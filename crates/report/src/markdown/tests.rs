//! Markdown as another program renders it.

use crate::format::{Format, Options};
use crate::sample;
use pulldown_cmark::{Event, Options as Flavour, Parser, Tag, TagEnd};
use ringfence_finding::{Examination, Level, Unread};

/// What GitHub's dialect adds.
fn events(text: &str) -> Vec<Event<'_>> {
    Parser::new_ext(text, Flavour::ENABLE_TABLES | Flavour::ENABLE_STRIKETHROUGH).collect()
}

fn written(drivers: &[Examination]) -> String {
    sample::written(Format::Markdown, drivers, Options::default())
}

/// The text of the cells of the only table, row by row, its heading first.
fn table(text: &str) -> Vec<Vec<String>> {
    let (mut tables, mut rows, mut inside) = (0, Vec::<Vec<String>>::new(), false);
    for event in events(text) {
        match event {
            Event::Start(Tag::Table(_)) => tables += 1,
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                rows.last_mut().unwrap().push(String::new());
                inside = true;
            }
            Event::End(TagEnd::TableCell) => inside = false,
            Event::Text(text) | Event::Code(text) if inside => {
                rows.last_mut().unwrap().last_mut().unwrap().push_str(&text);
            }
            _ => {}
        }
    }
    assert_eq!(tables, 1, "{text}");
    rows
}

#[test]
fn the_table_has_the_worst_first() {
    let text = written(&[
        sample::fine("fine.sys"),
        sample::clean("open.sys"),
        sample::all_excused("known|.sys"),
        sample::certify_only("certify.sys"),
        sample::writable_executable("load.sys"),
    ]);
    assert!(text.starts_with("<!-- ringfence -->\n### ringfence: 2 of 5 drivers fail\n"), "{text}");
    let rows = table(&text);
    let first: Vec<&str> = rows.iter().map(|row| &*row[0]).collect();
    assert_eq!(first, ["driver", "load.sys", "certify.sys", "open.sys", "known|.sys", "fine.sys"]);
    assert_eq!(rows[1][1..], ["❌ no", "❔ unknown", "❌ no", "1 error, 1 note"]);
    assert_eq!(rows[4][4], "2 accepted, 2 in the baseline");
    assert_eq!(rows[5][1..], ["✅ yes", "✅ yes", "✅ yes", "-"]);
}

#[test]
fn evidence_is_a_block_of_code() {
    let text = written(&[sample::executable_pool("a.sys")]);
    let blocks = events(&text);
    let blocks = blocks.iter().filter(|event| matches!(event, Event::Start(Tag::CodeBlock(_))));
    assert_eq!(blocks.count(), 2, "{text}");
    assert!(text.contains("   1a38 |  xor   ecx, ecx\n"), "{text}");
}

/// However many drivers, and however long what they say: it fits, and says what it lacks.
#[test]
fn it_fits_into_a_comment() {
    let long = |index: usize| {
        let mut driver = sample::long_names();
        driver.path = format!("{index}/{}", driver.path);
        let mut finding = driver.findings[0].clone();
        finding.message = "`|<#1 ".repeat(400);
        driver.findings = vec![finding; 30];
        driver
    };
    let short = |index: usize| sample::certify_only(&format!("{index}.sys"));
    let unread = Unread { path: "&".repeat(9_000), reason: "@a ".repeat(9_000) };
    for drivers in [(0..60).map(long).collect::<Vec<_>>(), (0..1_000).map(short).collect()] {
        let mut closing = sample::closing(&drivers);
        closing.unread = vec![unread.clone(); 50];
        let text = sample::written_with(Format::Markdown, &drivers, &closing, Options::default());
        assert!(text.len() < 60_000, "{}", text.len());
        let rows = table(&text).len() - 1;
        let more = crate::layout::counted(drivers.len() - rows, "driver");
        assert!(text.contains(&format!("… {more} more")), "{text}");
        assert!(text.contains(" are left out here; `--format full` has them"), "{text}");
        assert!(text.contains("- … 40 more\n"), "{text}");
        // What is begun is ended.
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        assert!(text.matches("<details>").count() > 0);
    }
}

/// What is excused and what is only a note is out of the way of what is to be mended.
#[test]
fn what_fails_nothing_is_folded() {
    let mut driver = sample::all_excused("a.sys");
    driver.findings[0].excuse = None;
    driver.findings[1].level = Level::Note;
    driver.findings[1].excuse = None;
    let text = written(std::slice::from_ref(&driver));
    let (loud, quiet) =
        text.split_once("<summary>1 note, 1 accepted, 1 in the baseline</summary>").unwrap();
    assert!(loud.contains("- **error**") && loud.contains("Help: "), "{loud}");
    assert!(quiet.contains(" – accepted: the vendor mends it with 2.2\n"), "{quiet}");
    assert!(!quiet.contains("Help: ") && quiet.matches("\n- **").count() == 3, "{quiet}");
    driver.findings.remove(0);
    assert_eq!(written(&[driver]).matches("<details>").count(), 1);
}

#[test]
fn of_many_findings_the_gravest_are_told() {
    let mut driver = sample::certify_only("a.sys");
    let mut note = driver.findings[0].clone();
    note.level = Level::Note;
    driver.findings.splice(0..0, vec![note; 20]);
    let text = written(&[driver]);
    assert_eq!(text.matches("- **error**").count(), 8);
    assert_eq!(text.matches("- **note**").count(), 2);
    assert!(text.contains("- … 18 findings more\n"), "{text}");
}
