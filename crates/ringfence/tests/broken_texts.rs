//! Settings files, reports and sources that are cut off or damaged anywhere: an answer, never a panic.
#![cfg(test)]

mod sources;
mod texts;

use ringfence::report::{Format, Options, sink};
use ringfence::{Examination, Settings, Targets, examine};
use std::path::Path;

/// The example with all its remarks taken.
fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ringfence.example.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
    lines
        .filter(|line| line.contains(" = ") || line.starts_with("[["))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn reports() -> [Vec<u8>; 2] {
    let bytes = ringfence_fixture::driver().relocs_stripped().bytes();
    let examination = examine(&bytes, &Settings::default()).unwrap();
    let drivers =
        ["a.sys", "b.sys"].map(|path| Examination { path: path.to_owned(), ..examination.clone() });
    [Format::Json, Format::Jsonl].map(|format| {
        let mut out = Vec::new();
        let mut report = sink(format, Box::new(&mut out), Options::default());
        report.begin(&ringfence::TOOL, Targets::DEFAULT).unwrap();
        drivers.iter().for_each(|driver| report.driver(driver).unwrap());
        report.finish(&Default::default()).unwrap();
        drop(report);
        out
    })
}

#[test]
fn settings_are_read_wherever_they_are_damaged() {
    let text = example();
    assert!(ringfence::Configuration::parse(&text).is_ok(), "{text}");
    for (end, _) in text.char_indices() {
        texts::settings(&text[..end]);
        for other in ["\"", "]", "\n", "=", "0", "\u{e4}"] {
            texts::settings(&format!("{}{other}{}", &text[..end], &text[end + 1..]));
        }
    }
}

/// What Windows says where two counters are raised, in both encodings.
fn queries() -> [Vec<u8>; 2] {
    let text = "Verifier Flags: 0x02000000\r\nMODULE: a.sys (load: 1 / unload: 0)\r\n\
                Execute Pool Type Count: 3\r\nSection Alignment Failures: 0x9\r\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [text.into(), [b"\xFF\xFE".to_vec(), utf16].concat()]
}

#[test]
fn what_windows_said_is_read_wherever_it_is_damaged() {
    for query in queries() {
        assert!(ringfence::import::read(&query).is_ok());
        for end in 0..query.len() {
            texts::imported(&query[..end]);
            for other in [b':', b'(', b'\n', b'-', 0, 0xFF] {
                let mut damaged = query.clone();
                damaged[end] = other;
                texts::imported(&damaged);
            }
        }
    }
    for start in [&b"PAGEDU64"[..], b"PAGEDUMP", b"MDMP"] {
        for length in [0, 0x38, 0x1FFF, 0x2000, 0x2038, 0x3000] {
            texts::imported(&[start, &vec![0xFF; length]].concat());
        }
    }
}

#[test]
fn reports_are_read_wherever_they_are_damaged() {
    for report in reports() {
        texts::recorded(&report);
        for end in (0..report.len()).step_by(61) {
            texts::recorded(&report[..end]);
            for other in [b'"', b'}', b'\n', b'-', 0xFF] {
                let mut damaged = report.clone();
                damaged[end] = other;
                texts::recorded(&damaged);
            }
        }
    }
}

/// The examples of the cards, as fuzzing begins with them.
#[test]
fn sources_are_looked_at_wherever_they_are_damaged() {
    let parts = ringfence::rule_cards().flat_map(|card| card.docs.split("```c,").skip(1));
    let codes = parts.filter_map(|part| part.split_once('\n')?.1.split("```").next());
    let mut count = 0;
    for code in codes {
        count += 1;
        for (first, last) in [("\0", "\x0C\x06C_DEFINES=-DPOOL_NX_OPTIN\n"), ("\x01", "")] {
            let tree = |code: &str| {
                let bytes = format!("{first}{code}{last}");
                sources::check(bytes.as_bytes());
                sources::check_whatever(bytes.as_bytes());
            };
            let code = format!("#include <ntddk.h>\n{code}");
            tree(&code);
            for (end, _) in code.char_indices().step_by(37) {
                tree(&code[..end]);
                tree(&format!("{}({}", &code[..end], &code[end..]));
            }
        }
    }
    assert!(count > 20, "{count}");
}
