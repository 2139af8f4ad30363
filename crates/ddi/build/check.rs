//! What must be true of the table.

use crate::Role;
use crate::read::{Behaviour, Entry, Grant, Problem, Reach, Verifier};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is wrong with the entries of the table.
pub fn problems(entries: &[Entry]) -> Vec<Problem> {
    let mut problems = duplicates(entries);
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    for entry in entries {
        let said = [roles(entry), reach(entry, &names), knowledge(entry), texts(entry)].concat();
        problems.extend(said.into_iter().map(|message| problem(entry, message)));
    }
    problems
}

fn problem(entry: &Entry, message: String) -> Problem {
    let message = format!("{}: {message}", entry.name);
    Problem { file: entry.file.clone(), line: entry.line, message }
}

/// Names and aliases are one space, without regard to letter case: users type them.
fn duplicates(entries: &[Entry]) -> Vec<Problem> {
    let mut seen: BTreeMap<String, &Entry> = BTreeMap::new();
    let mut problems = Vec::new();
    for entry in entries {
        for name in std::iter::once(&entry.name).chain(&entry.body.aliases) {
            if let Some(first) = seen.insert(name.to_ascii_lowercase(), entry) {
                let at = format!("{}:{}", first.file, first.line);
                problems.push(problem(entry, format!("the name `{name}` is taken at {at}")));
            }
        }
    }
    problems
}

fn roles(entry: &Entry) -> Vec<String> {
    let body = &entry.body;
    let mut said = Vec::new();
    let mut parameters = BTreeSet::new();
    for parameter in &body.parameters {
        if !parameters.insert(parameter) {
            said.push(format!("two parameters are called `{parameter}`"));
        }
    }
    let mut deciding = Vec::new();
    for (parameter, role) in &body.roles {
        if !parameters.contains(parameter) {
            said.push(format!("`{parameter}` has a role but is no parameter"));
        }
        match Role::named(role) {
            None => {
                let known = Role::ALL.map(Role::name).join(", ");
                said.push(format!("no role is called `{role}`; there are {known}"));
            }
            Some(role) if role.decides() => deciding.push(parameter.as_str()),
            Some(_) => {}
        }
    }
    match (body.grant, &deciding[..]) {
        (_, [_, _, ..]) => {
            said.push(format!("more than one parameter decides: {}", deciding.join(", ")));
        }
        (Grant::Argument, []) => {
            said.push("grant is `argument`, but no parameter has a deciding role".to_owned());
        }
        (Grant::Argument, [_]) | (_, []) => {}
        (_, [parameter]) => {
            said.push(format!("`{parameter}` has a deciding role, but grant is not `argument`"));
        }
    }
    said
}

fn reach(entry: &Entry, names: &BTreeSet<&str>) -> Vec<String> {
    let body = &entry.body;
    let mut said = Vec::new();
    match &body.reach {
        Reach::Inline { becomes } => {
            if !names.contains(becomes.as_str()) {
                said.push(format!("it becomes `{becomes}`, which is not in the table"));
            }
            if !body.modules.is_empty() {
                said.push("no module exports what stands in headers only".to_owned());
            }
        }
        _ if body.modules.is_empty() => said.push("it has no module".to_owned()),
        _ => {}
    }
    for module in &body.modules {
        let is_file = module.ends_with(".sys") || module.ends_with(".exe");
        if !is_file || module.chars().any(|c| c.is_ascii_uppercase()) {
            said.push(format!("`{module}` is no file name of a module in lower case"));
        }
    }
    if let Some(docs) = &body.docs
        && docs.split('/').next() != Some(&entry.header)
    {
        said.push(format!("its page is `{docs}`, so it belongs into another file"));
    }
    said
}

/// The bug check's parameter 1 where a call asks for executable memory: pool, protection, mapping.
const SUBCODES: [u16; 3] = [0x2000, 0x2001, 0x2002];

fn knowledge(entry: &Entry) -> Vec<String> {
    let mut said = Vec::new();
    let Verifier { behaviour, subcode, .. } = &entry.body.verifier;
    if let Some(subcode) = subcode.filter(|subcode| !SUBCODES.contains(subcode)) {
        said.push(format!("{subcode:#x} is no subcode of a call"));
    }
    match behaviour {
        Behaviour::Report | Behaviour::ViaFramework | Behaviour::ViaCallee if subcode.is_none() => {
            said.push("Driver Verifier stops, but `subcode` is missing".to_owned());
        }
        Behaviour::None | Behaviour::SubstituteNx if subcode.is_some() => {
            said.push("Driver Verifier does not stop, but there is a `subcode`".to_owned());
        }
        _ => {}
    }
    if let Some(warning) = &entry.body.warning
        && !["C30029", "C30030"].contains(&warning.id.as_str())
    {
        said.push(format!("`{}` is neither C30029 nor C30030", warning.id));
    }
    said
}

/// Notes are sentences; everything else is a fragment that others put into sentences.
fn texts(entry: &Entry) -> Vec<String> {
    let body = &entry.body;
    let mut said = Vec::new();
    let warning = body.warning.as_ref().and_then(|warning| warning.note.as_ref());
    let fragments = [
        ("replacement", &body.replacement),
        ("since", &body.since),
        ("nx-since", &body.nx_since),
        ("verifier.note", &body.verifier.note),
        ("warning.note", &warning.cloned()),
    ];
    for (key, fragment) in fragments {
        if fragment.as_ref().is_some_and(|text| text.is_empty() || text.ends_with('.')) {
            said.push(format!("`{key}` is to be a fragment without a full stop"));
        }
    }
    let sentences = |text: &String| {
        text.ends_with('.') && text.chars().next().is_some_and(|c| !c.is_lowercase())
    };
    if body.note.as_ref().is_some_and(|note| !sentences(note)) {
        said.push("`note` is to be whole sentences".to_owned());
    }
    said
}
