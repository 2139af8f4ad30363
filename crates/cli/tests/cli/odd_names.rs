//! A file whose name has spaces, quotes and bytes that are no UTF-8, in every format.

use crate::run::{Ran, bad, folder, ringfence};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const FORMATS: [&str; 12] = [
    "full", "concise", "summary", "json", "jsonl", "sarif", "html", "junit", "markdown", "github",
    "csv", "msvc",
];

const NAME: &[u8] = b"it's a \"driver\", \xFF\xFE.sys";

/// What is told of it: what is no UTF-8 has the sign for it.
const TOLD: &str = "it's a \"driver\", \u{fffd}\u{fffd}.sys";

fn odd_one(folder: &Path) -> PathBuf {
    let path = folder.join(OsStr::from_bytes(NAME));
    fs::write(&path, bad()).unwrap();
    path
}

/// The name as the format writes it, found by what reads the format.
fn name_in(format: &str, text: &str) -> String {
    let end = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    match format {
        "json" | "jsonl" => {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let driver = if format == "json" { &value["drivers"][0] } else { &value };
            end(driver["path"].as_str().unwrap())
        }
        "junit" => {
            let document = roxmltree::Document::parse(text).unwrap();
            let suite = document.descendants().find(|node| node.has_tag_name("testsuite"));
            end(suite.unwrap().attribute("name").unwrap())
        }
        "csv" => {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            end(&reader.records().next().unwrap().unwrap()[0])
        }
        "github" => {
            let property = text.split_once("file=").unwrap().1.split(',').next().unwrap();
            end(&property.replace("%2C", ","))
        }
        _ => {
            let at = text.find("it's a").unwrap_or_else(|| panic!("{format}: {text}"));
            text[at..at + TOLD.len()].to_owned()
        }
    }
}

#[test]
fn every_format_tells_it() {
    let files = folder([]);
    let path = odd_one(files.path());
    for format in FORMATS {
        let mut command = ringfence();
        command.args(["scan", "--format", format]).arg(&path);
        let ran: Ran = command.output().unwrap().into();
        assert_eq!(ran.code, Some(1), "{format}: {ran:?}");
        assert_eq!(ran.stderr, "", "{format}");
        match format {
            // An address has escapes of its own; the tests of the formats read it.
            "sarif" | "html" => {}
            _ => assert_eq!(name_in(format, &ran.stdout), TOLD, "{format}"),
        }
    }
}

/// All reports of one scan are those that scans of their own would write.
#[test]
fn reports_to_files_are_the_same() {
    let files = folder([]);
    let path = odd_one(files.path());
    let out = folder([]);
    let mut command = ringfence();
    command.args(["scan", "--format", "jsonl"]).arg(&path);
    for format in FORMATS {
        let mut argument = format!("--report={format}=").into_bytes();
        argument.extend(out.path().as_os_str().as_bytes());
        argument.extend(b"/\xFF ");
        argument.extend(format.as_bytes());
        command.arg(OsStr::from_bytes(&argument));
    }
    let ran: Ran = command.output().unwrap().into();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for format in FORMATS {
        let name = [b"\xFF ", format.as_bytes()].concat();
        let written = fs::read_to_string(out.path().join(OsStr::from_bytes(&name))).unwrap();
        let mut command = ringfence();
        command.args(["scan", "--format", format]).arg(&path);
        let alone: Ran = command.output().unwrap().into();
        // Formats for people say how long it took.
        let timeless = |text: &str| match format {
            "full" | "concise" | "summary" => text.rsplit_once(" (").unwrap().0.to_owned(),
            _ => text.to_owned(),
        };
        assert_eq!(timeless(&written), timeless(&alone.stdout), "{format}");
    }
}
