//! Two thousand drivers in one screenful.

use crate::run::{Ran, folder, scan};

/// The numbers before `word` in the part of the last line that is about `question`.
fn tally(ran: &Ran, question: &str, answer: &str) -> usize {
    let part =
        ran.last_line().split(" · ").find_map(|part| part.split_once(&format!("{question} ")));
    let words: Vec<&str> = part.expect(question).1.split(' ').collect();
    let Some(at) = words.iter().position(|word| word.trim_end_matches(';') == answer) else {
        return 0;
    };
    let digits = words[..at].iter().rev();
    let digits = digits.take_while(|word| word.chars().all(|c| c.is_ascii_digit()));
    let digits: Vec<&str> = digits.copied().collect();
    digits.into_iter().rev().collect::<String>().parse().unwrap()
}

#[test]
fn the_last_line_adds_up() {
    let corpus: Vec<_> = ringfence_fixture::clean_corpus(2_000, 1).collect();
    let bad =
        |(name, _): &&(String, Vec<u8>)| name.contains("-bad-") && !name.contains("-bad-straddle");
    let bad = corpus.iter().filter(bad).count();
    assert!(bad > 20, "{bad}");
    let folder = folder(corpus.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    let ran = scan("", folder.path());
    assert_eq!(ran.code, Some(1));
    assert!(ran.last_line().starts_with("2 000 drivers, "), "{}", ran.last_line());
    for question in ["load", "run", "certify"] {
        let sum: usize =
            ["yes", "no", "unknown"].iter().map(|answer| tally(&ran, question, answer)).sum();
        assert_eq!(sum, 2_000, "{question}: {}", ran.last_line());
    }
    assert_eq!(tally(&ran, "load", "no"), bad);
    assert_eq!(tally(&ran, "run", "no"), 0, "{}", ran.stdout);
    // A screenful or two, not two thousand lines.
    assert!(ran.stdout.lines().count() < 80, "{}", ran.stdout);
    assert!(ran.stdout.contains("more, with --format concise"));
    if cfg!(target_os = "linux") {
        narrow(folder.path());
    }
}

/// On a terminal of 80 columns nothing is wider.
#[cfg(target_os = "linux")]
fn narrow(folder: &std::path::Path) {
    let seen = crate::terminal::on_terminal(80, &["scan", folder.to_str().unwrap()], &[]);
    assert!(seen.contains("2 000 drivers"), "{seen}");
    for line in seen.lines() {
        let plain = crate::terminal::without_colors(line);
        assert!(plain.chars().count() <= 80, "{} columns: {plain}", plain.chars().count());
    }
}

#[cfg(not(target_os = "linux"))]
fn narrow(_: &std::path::Path) {}

/// Drivers for other machines do not push the others out of the list.
#[test]
fn other_machines_are_counted_apart() {
    let others = (0..30)
        .map(|number| (format!("a{number:02}.sys"), ringfence_fixture::driver().x86().bytes()));
    let files: Vec<_> = others.chain([("bad.sys".to_owned(), crate::run::bad())]).collect();
    let folder = folder(files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    let ran = scan("--format summary", folder.path());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("bad.sys"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("a00.sys"), "{}", ran.stdout);
    let words: Vec<_> = ran.line("x86").split_whitespace().collect();
    assert_eq!(words, ["x86", "30"], "{}", ran.stdout);
    assert_eq!(tally(&ran, "load", "no"), 31);
}
