//! The table as Rust.

use crate::Role;
use crate::read::{Body, Entry, Reach};
use std::fmt::Write;

/// Source of `TABLE`, all DDIs by name, and of `NAMES`, all their names and aliases in lower-case
/// order with their places in `TABLE`.
pub fn source(entries: &mut [Entry]) -> String {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut names = Vec::new();
    let mut text = format!("static TABLE: [Ddi; {}] = [\n", entries.len());
    for (place, entry) in entries.iter().enumerate() {
        text += &ddi(entry);
        names.extend(
            std::iter::once(&entry.name).chain(&entry.body.aliases).map(|name| (name, place)),
        );
    }
    names.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let names: Vec<_> =
        names.iter().map(|(name, place)| format!("    ({name:?}, {place}),")).collect();
    text + &format!(
        "];\n\nstatic NAMES: [(&str, usize); {}] = [\n{}\n];\n",
        names.len(),
        names.join("\n")
    )
}

fn ddi(entry: &Entry) -> String {
    let body = &entry.body;
    let mut text = String::from("    Ddi {\n");
    let mut field = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "        {name}: {value},");
    };
    field("name", format!("{:?}", entry.name));
    field("aliases", format!("&{:?}", body.aliases));
    field("header", format!("{:?}", entry.header));
    field("modules", format!("&{:?}", body.modules));
    field("reach", format!("Reach::{}", reach(&body.reach)));
    field("grant", format!("Grant::{:?}", body.grant));
    field("parameters", parameters(body));
    field("verifier", verifier(body));
    field("warning", warning(body));
    field("replacement", format!("{:?}", body.replacement));
    field("since", format!("{:?}", body.since));
    field("nx_since", format!("{:?}", body.nx_since));
    field("listed", body.listed.to_string());
    field("certainty", format!("Certainty::{:?}", body.certainty));
    field("docs", format!("{:?}", body.docs));
    field("note", format!("{:?}", body.note));
    text + "    },\n"
}

fn reach(reach: &Reach) -> String {
    match reach {
        Reach::Import => "Import".to_owned(),
        Reach::WdfTable { index } => format!("WdfTable {{ index: {index} }}"),
        Reach::ClassExtensionTable => "ClassExtensionTable".to_owned(),
        Reach::Interface { slot } => format!("Interface {{ slot: {slot:?} }}"),
        Reach::Inbound => "Inbound".to_owned(),
        Reach::Inline { becomes } => format!("Inline {{ becomes: {becomes:?} }}"),
        Reach::Selector { import, value } => {
            format!("Selector {{ import: {import:?}, value: {value} }}")
        }
    }
}

fn parameters(body: &Body) -> String {
    let parameter = |name: &String| {
        let role = body.roles.get(name).and_then(|role| Role::named(role));
        let role = role.map_or("None".to_owned(), |role| format!("Some(Role::{role:?})"));
        format!("Parameter {{ name: {name:?}, role: {role} }}")
    };
    let parameters: Vec<_> = body.parameters.iter().map(parameter).collect();
    format!("&[{}]", parameters.join(", "))
}

fn verifier(body: &Body) -> String {
    let verifier = &body.verifier;
    format!(
        "Verifier {{ subcode: {:?}, behaviour: VerifierBehaviour::{:?}, unsure: {:?}, note: {:?} }}",
        verifier.subcode, verifier.behaviour, verifier.unsure, verifier.note
    )
}

fn warning(body: &Body) -> String {
    let Some(warning) = &body.warning else { return "None".to_owned() };
    format!(
        "Some(Warning {{ id: {:?}, documented: {}, note: {:?} }})",
        warning.id, warning.documented, warning.note
    )
}
