//! The layer table of ARCHITECTURE.md is the law: a crate uses no other crate of ours than its row
//! names.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Crate (by folder name) to the crates its row allows.
type Table = BTreeMap<String, BTreeSet<String>>;

/// Reads the table that follows the heading "Layers": `| layer | crate | reason | may use |`.
fn table(document: &str) -> Table {
    let rows = document
        .lines()
        .skip_while(|line| !line.starts_with("## Layers"))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2);
    let mut table = Table::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, name, _, allowed] = cells[..] else { panic!("not four cells: {row}") };
        let allowed = match allowed {
            "all above" => table.keys().cloned().collect(),
            "–" => BTreeSet::new(),
            list => list.split(',').map(|name| plain(name.trim())).collect(),
        };
        assert!(table.insert(plain(name), allowed).is_none(), "{name} has two rows");
    }
    table
}

fn plain(name: &str) -> String {
    name.trim_matches('`').to_owned()
}

/// The crates of the workspace, each with those of ours it uses outside of its tests.
fn uses(metadata: &Value) -> Table {
    let packages = metadata["packages"].as_array().expect("packages");
    // Packages are called after their folder, with a prefix for publishing.
    let folder = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path")).to_owned();
        manifest
            .parent()
            .and_then(Path::file_name)
            .expect("a folder")
            .to_string_lossy()
            .into_owned()
    };
    let folders: BTreeMap<_, _> = packages
        .iter()
        .map(|package| (package["name"].clone().to_string(), folder(package)))
        .collect();
    let uses_of = |package: &Value| {
        let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
        dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| folders.get(&dependency["name"].to_string()).cloned())
            .collect()
    };
    packages.iter().map(|package| (folder(package), uses_of(package))).collect()
}

/// What the table does not allow, as sentences.
fn violations(table: &Table, uses: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    for (name, used) in uses {
        let Some(allowed) = table.get(name) else {
            violations.push(format!("{name} has no row"));
            continue;
        };
        let forbidden = used.difference(allowed);
        violations.extend(forbidden.map(|other| format!("{name} may not use {other}")));
    }
    let gone = table.keys().filter(|name| !uses.contains_key(*name));
    violations.extend(gone.map(|name| format!("{name} has a row but does not exist")));
    violations
}

#[test]
fn crates_use_only_what_their_row_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let document = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(violations(&table(&document), &uses(&metadata)), [""; 0]);
}

#[test]
fn forbidden_edges_and_missing_rows_are_found() {
    let document = "## Layers\n\n| layer | crate | reason | may use |\n|---|---|---|---|\n\
                    | bytes | `low` | x | – |\n| face | `high` | x | all above |\n| face | `old` | x | `low` |\n\n| other |";
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let uses: Table = [
        ("low".to_owned(), set(&["high"])),
        ("high".to_owned(), set(&["low"])),
        ("new".to_owned(), set(&[])),
    ]
    .into();
    assert_eq!(
        violations(&table(document), &uses),
        ["low may not use high", "new has no row", "old has a row but does not exist"]
    );
}
