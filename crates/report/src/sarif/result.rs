//! A finding as SARIF's result.

use super::model::{self, Fingerprints, Location, Message, Properties};
use super::place::{Driver, bare, function_of, line_of, source_of};
use super::rules::{Rules, level_name};
use super::text::{link, name, plain, sentence};
use super::trail;
use crate::source::line_and_origin;
use crate::uri::Uris;
use crate::witness;
use ringfence_finding::{
    Confidence, Evidence, Finding, Question, SourcePlace, Targets, stable_hash,
};
use serde_json::json;

/// No result has more places beside its own; SARIF's readers take 1,000, people a handful.
const MOST_RELATED: usize = 20;

/// Makes the result of `finding`, which is about `driver`.
pub(super) fn of(
    finding: &Finding,
    driver: &Driver,
    rules: &mut Rules,
    uris: &Uris,
) -> model::Finding {
    let (rule_id, rule_index) = rules.of(finding.rule, finding.level);
    let places = Places::of(finding, driver, uris);
    let code_flows = match &finding.evidence {
        Some(Evidence::Listing(listing)) => trail::flow(finding, listing, driver, uris),
        _ => Vec::new(),
    };
    model::Finding {
        rule_id,
        rule_index,
        level: level_name(finding.level),
        message: Message::new(message(finding, driver, &places.links, rules.docs())),
        locations: [places.primary],
        partial_fingerprints: fingerprints(finding, &driver.file, &driver.machine),
        code_flows,
        related_locations: places.related,
        fixes: Vec::new(),
        properties: properties(finding),
    }
}

/// The places of a finding.
///
/// GitHub annotates the first only, and a file that it has: the source line, if the sources are below
/// the root, else the driver. The other of the two is related, as is where other functions come from.
struct Places {
    primary: Location,
    related: Vec<Location>,
    /// Links to the related ones that a message may hold.
    links: Vec<String>,
}

impl Places {
    fn of(finding: &Finding, driver: &Driver, uris: &Uris) -> Places {
        let in_driver = in_driver(finding, driver);
        let source = source_of(finding);
        let place =
            source.and_then(|source| Some((uris.source(source.file.as_ref()?)?, source.line)));
        let mut places = match place {
            Some(((file, true), line)) => {
                let mut primary = bare(line_of(file, line));
                primary.logical_locations =
                    driver.parts(function_of(finding), finding.section.as_deref());
                let mut places = Places { primary, related: Vec::new(), links: Vec::new() };
                places.relate(in_driver, sentence(&format!("In {}", driver.file)));
                places
            }
            Some(((file, false), line)) => {
                let mut places =
                    Places { primary: in_driver, related: Vec::new(), links: Vec::new() };
                places.relate(
                    bare(line_of(file, line)),
                    "The source, as the compiler named it.".to_owned(),
                );
                places
            }
            None => Places { primary: in_driver, related: Vec::new(), links: Vec::new() },
        };
        if let Some(source) = source {
            places.inlined(source, uris);
        }
        if let Some(Evidence::Listing(listing)) = &finding.evidence {
            places.entered(
                trail::entered(listing).filter_map(|entered| entered.source.as_ref()),
                uris,
            );
        }
        places
    }

    /// Adds a related location, and returns its id.
    fn relate(&mut self, mut location: Location, what: String) -> usize {
        let id = self.related.len() + 1;
        location.id = Some(id);
        location.message = Some(Message::new(what));
        self.related.push(location);
        id
    }

    fn inlined(&mut self, source: &SourcePlace, uris: &Uris) {
        for call in &source.inlined {
            let Some((file, true)) = call.file.as_ref().and_then(|file| uris.source(file)) else {
                continue;
            };
            if self.related.len() < MOST_RELATED {
                let what = call.function.as_deref().unwrap_or("a function");
                let what = sentence(&format!("{what} was inlined there"));
                self.relate(bare(line_of(file, Some(call.line))), what);
            }
        }
    }

    fn entered<'s>(&mut self, sources: impl Iterator<Item = &'s SourcePlace>, uris: &Uris) {
        for source in sources {
            let Some((file, true)) = source.file.as_ref().and_then(|file| uris.source(file)) else {
                continue;
            };
            if self.related.len() < MOST_RELATED {
                let what = source.function.as_deref().unwrap_or("another function");
                let text = sentence(&format!("By way of {what}"));
                let id = self.relate(bare(line_of(file, source.line)), text);
                self.links.push(link(what, id));
            }
        }
    }
}

/// The finding's place in the driver, with its evidence made readable.
fn in_driver(finding: &Finding, driver: &Driver) -> Location {
    let function = function_of(finding);
    let kind = match &finding.evidence {
        Some(Evidence::Listing(_)) => "instruction",
        Some(Evidence::Table(table)) if table.structure == "section table" => "section",
        _ => "data",
    };
    let mut physical = match finding.rva {
        Some(rva) => driver.at(rva, kind, function),
        None => driver.whole(),
    };
    physical.region.snippet = finding.evidence.as_ref().map(trail::rendered);
    let mut location = bare(physical);
    location.logical_locations = driver.parts(function, finding.section.as_deref());
    location
}

/// What is wrong, as the first sentence, which is what GitHub shows as the title; where, and what follows;
/// then what the evidence points at, the notes and the help, a line each.
fn message(finding: &Finding, driver: &Driver, links: &[String], docs: Option<&str>) -> String {
    let mut first = vec![sentence(&finding.message), place(finding, driver)];
    if !links.is_empty() {
        first.push(format!("By way of {}.", links.join(", ")));
    }
    first.extend(answers(finding));
    let mut lines = vec![first.join(" ")];
    if let Some(Evidence::Table(table)) = &finding.evidence {
        lines.extend(trail::pointed_out(table));
    }
    let seen = witness::remarks("", &finding.seen, false);
    lines.extend(seen.iter().map(|(name, text)| sentence(&format!("{name} {text}"))));
    lines.extend(finding.notes.iter().map(|note| sentence(note)));
    lines.extend(finding.help.iter().map(|help| sentence(&format!("Help: {help}"))));
    lines.extend(finding.ddi.zip(docs).map(|(ddi, docs)| page(ddi, docs)));
    lines.join("\n")
}

/// `At acme.sys+1a45 (PAGE), in acme::Pool::Allocate, D:\src\pool.cpp:57, from pool.obj in acme.lib.`
fn place(finding: &Finding, driver: &Driver) -> String {
    let mut place = match finding.rva {
        Some(rva) => format!("At {}+{rva:x}", driver.file),
        None => format!("In {}", driver.file),
    };
    if let Some(section) = &finding.section {
        place += &format!(" ({section})");
    }
    let function = function_of(finding);
    match (function.name, function.start) {
        (Some(name), _) => place += &format!(", in {name}"),
        (None, Some(start)) => place += &format!(", in the function at {start:x}"),
        (None, None) => {}
    }
    if let Some(origin) = source_of(finding).and_then(line_and_origin) {
        place += &format!(", {origin}");
    }
    // Not `sentence`, as it would change the name of a function that ends the place.
    plain(&place) + "."
}

/// `It says no to load (likely), certify.`
fn answers(finding: &Finding) -> Option<String> {
    let told = |question: &Question| match finding.confidence_on(*question) {
        Confidence::Certain => question.to_string(),
        Confidence::Likely => format!("{question} (likely)"),
    };
    let questions: Vec<String> = finding.questions.iter().map(told).collect();
    let on = match finding.targets {
        Targets::ALL => String::new(),
        targets => format!(" on {targets}"),
    };
    (!questions.is_empty()).then(|| format!("It says no to {}{on}.", questions.join(", ")))
}

/// `About [MmMapIoSpace](https://…/ddis/MmMapIoSpace.html).`
fn page(ddi: &str, docs: &str) -> String {
    // A link ends at the first parenthesis.
    let docs = docs.replace('(', "%28").replace(')', "%29");
    format!("About [{ddi}]({docs}/ddis/{ddi}.html).")
}

/// GitHub knows a result again by `primaryLocationLineHash`. It is of the finding, the driver's name and its
/// processor, not of addresses: the next build has the same, and the build for another processor has not.
fn fingerprints(finding: &Finding, file: &str, machine: &str) -> Fingerprints {
    let (hash, number) = finding.fingerprint.split_once(':').unwrap_or((&finding.fingerprint, "1"));
    // Windows' file names know no letter case.
    let hash = stable_hash([&*file.to_lowercase(), machine, hash]);
    Fingerprints {
        primary_location_line_hash: format!("{hash:016x}:{number}"),
        ringfence: finding.fingerprint.clone(),
    }
}

fn properties(finding: &Finding) -> Properties {
    let mut properties = Properties::from([("confidence", json!(finding.confidence))]);
    if !finding.questions.is_empty() {
        properties.insert("deniedQuestions", json!(finding.questions));
    }
    if !finding.reported_by.is_empty() {
        properties.insert("reportedBy", json!(finding.reported_by));
    }
    if finding.targets != Targets::ALL {
        properties.insert("targets", json!(finding.targets.to_string()));
    }
    if let Some(ddi) = finding.ddi {
        properties.insert("ddi", json!(ddi));
    }
    if let Some(argument) = &finding.argument {
        properties.insert("argument", json!(name(argument)));
    }
    properties
}
