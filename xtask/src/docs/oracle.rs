//! The search of the website against `explain`: both answer names, and have to agree.

use super::entries;
use crate::command;
use anyhow::{Context, Result, ensure};
use ringfence::{Explanation, ddi, explain, rule_cards};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

/// Prints, for each question, the names of what is called so, and then the best of what may be meant.
const ASK: &str = r#"
const { script, entries, questions } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const search = new Function(script + "; return search;")();
const answers = questions.map((question) => {
  const found = search(entries, question);
  const names = found.filter(({ score }) => score === 100).map(({ entry }) => entry.name);
  return { names, best: found.length ? found[0].entry.name : "" };
});
console.log(JSON.stringify(answers));
"#;

/// What people get wrong or leave out, and what they mean.
const MEANT: [(&str, &str); 9] = [
    ("ExAlocatePoolWithTag", "ExAllocatePoolWithTag"),
    ("MmMapIoSapce", "MmMapIoSpace"),
    ("executible-pool-type", "executable-pool-type"),
    ("lookaside list executable pool", "executable-lookaside-list"),
    ("NtAlocateVirtualMemory", "ZwAllocateVirtualMemory"),
    ("writable section", "writable-executable-section"),
    ("control register", "write-protection-cleared"),
    ("C3003", "nx-opt-in"),
    ("iat", "executable-import-table"),
];

#[derive(serde::Deserialize)]
struct Answer {
    names: BTreeSet<String>,
    best: String,
}

/// Asks all names in several spellings; fails where the answers differ.
pub fn check() -> Result<()> {
    command::need(&[("node", "nodejs")])?;
    let names = questions();
    let typed = MEANT.iter().map(|(typed, _)| (*typed).to_owned());
    let questions: Vec<String> = names.iter().cloned().chain(typed).collect();
    let answers = ask(&questions)?;
    ensure!(answers.len() == questions.len(), "{} answers", answers.len());
    let mut wrong = Vec::new();
    for (question, answer) in names.iter().zip(&answers) {
        let expected: BTreeSet<String> = explain(question).iter().flatten().map(name).collect();
        if answer.names != expected {
            wrong.push(format!("{question}: {:?}, explain says {expected:?}", answer.names));
        }
    }
    for ((typed, meant), answer) in MEANT.iter().zip(&answers[names.len()..]) {
        if answer.best != *meant {
            wrong.push(format!("{typed}: {}, not {meant}", answer.best));
        }
    }
    ensure!(wrong.is_empty(), "the search answers otherwise:\n{}", wrong.join("\n"));
    println!("{} questions, answered as `explain` does", questions.len());
    Ok(())
}

fn name(found: &Explanation) -> String {
    match found {
        Explanation::Rule(card) => card.id.to_owned(),
        Explanation::Ddi(ddi) => ddi.name.to_owned(),
        Explanation::BugCheck(page) => page.name.to_owned(),
    }
}

/// All names, as they are spelled and as people spell them, and some that nothing has.
fn questions() -> Vec<String> {
    let rules = rule_cards().flat_map(|card| card.names());
    let ddis = ddi::all().iter().flat_map(|ddi| std::iter::once(&ddi.name).chain(ddi.aliases));
    let mut questions = BTreeSet::from(["zzz", "0xC4", "0xC4:0x2007", "Pool"].map(str::to_owned));
    for name in rules.chain(ddis.copied()) {
        let bare = name.strip_suffix(" Count").unwrap_or(name);
        questions.extend([name.to_owned(), name.to_lowercase(), bare.to_owned()]);
        if let Some(subcode) = name.strip_prefix("0xC4:0x") {
            questions.extend([subcode.to_owned(), format!("C4 {subcode}"), format!("0x{subcode}")]);
        }
    }
    for ddi in ddi::all().iter().filter(|ddi| !ddi.name.contains([':', '.'])) {
        questions.extend([format!("nt!{}", ddi.name), format!("{}()", ddi.name)]);
    }
    questions.into_iter().collect()
}

fn ask(questions: &[String]) -> Result<Vec<Answer>> {
    let entries: serde_json::Value = serde_json::from_str(&entries::json())?;
    let input = serde_json::json!({
        "script": entries::SCRIPT, "entries": entries, "questions": questions,
    });
    let mut node = Command::new("node")
        .args(["--eval", ASK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start node")?;
    // It reads all of it before it answers.
    node.stdin.take().context("no stdin")?.write_all(input.to_string().as_bytes())?;
    let output = node.wait_with_output()?;
    ensure!(output.status.success(), "node ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}
