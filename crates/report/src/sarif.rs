//! SARIF 2.1.0, as GitHub code scanning and Visual Studio take it.
//!
//! **A finding is a result.** Each has one place, since GitHub rejects a whole file for one result without,
//! and looks at no second one: the source line where debug information tells one below the folder that
//! ringfence ran in, else the driver, as line 1 of a file that has no lines. Its address, function, section
//! and disassembly are there as well (`place`, `trail`), with the way through the code as a code flow.
//!
//! **An unknown answer is no result.** SARIF has results of the kind *open* for them, but GitHub knows no
//! kinds and would raise an alert for each driver with a call that nobody can follow. What is unknown stands
//! in the properties of the driver (`artifact`) with the reason, and once for each reason as a notice
//! (`notice`), where viewers show what a tool has to say of itself.
//!
//! **What the user knows about stays.** What the settings accept is suppressed, with their reason; what
//! the baseline has is unchanged, and everything else then new.
//!
//! **It never grows beyond what GitHub takes**: 25,000 results and 10 MB compressed. The gravest are kept
//! (`kept`), and a notice says how many are not. So nothing is written before the end, and memory has an
//! end too.

mod artifact;
pub(crate) mod kept;
pub(crate) mod measured;
pub(crate) mod model;
pub(crate) mod notice;
mod place;
mod result;
pub(crate) mod rules;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod trail;

use crate::layout::file_name;
use crate::uri::{self, Uris};
use crate::{Options, Sink};
use artifact::{Artifacts, Listed};
use kept::{Grade, Kept, LeftOut};
use measured::Measured;
pub(crate) use model::ArtifactLocation;
use model::{Base, Invocation, Message, ToolComponent};
use notice::Unknowns;
use place::Driver;
use ringfence_finding::{Closing, Examination, SourceExcuse, Targets, Tool};
use rules::Rules;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Where the schema is that GitHub's own examples name.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// GitHub takes 10 MB compressed. Notices follow the results, and some of what is written is still in the
/// compressor when it is asked.
const MOST_COMPRESSED: usize = 9_000_000;

pub(crate) struct Sarif<'a> {
    out: Option<Box<dyn Write + 'a>>,
    docs: Option<String>,
    begun: Option<(Tool, Targets)>,
    uris: Uris,
    rules: Rules,
    artifacts: Artifacts,
    /// The drivers that addresses are relative to, as JSON.
    modules: Vec<String>,
    results: Kept,
    unknowns: Unknowns,
}

impl<'a> Sarif<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Sarif<'a> {
        Sarif {
            out: Some(out),
            uris: Uris::new(options.root.as_deref()),
            rules: Rules::new(&options),
            docs: options.docs,
            begun: None,
            artifacts: Artifacts::default(),
            modules: Vec::new(),
            results: Kept::default(),
            unknowns: Unknowns::default(),
        }
    }

    /// Gives `driver` its place in the addresses of the run, if it needs one and is listed.
    fn place_module(&mut self, driver: &mut Driver, examination: &Examination) -> io::Result<()> {
        let listed = driver.location.index.is_some();
        if listed && examination.findings.iter().any(|finding| finding.rva.is_some()) {
            let index = self.modules.len();
            self.modules.push(serde_json::to_string(&driver.module_address(index))?);
            driver.module = Some(index);
        }
        Ok(())
    }
}

impl Sink for Sarif<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.begun = Some((tool.clone(), targets));
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let mut location = self.uris.scanned(&examination.path);
        match self.artifacts.add(examination, &location)? {
            // Told twice, it would be two alerts.
            Listed::Again => return Ok(()),
            Listed::As(index) => location.index = Some(index),
            Listed::Not => {}
        }
        self.unknowns.add(&examination.verdict, &location);
        let file = file_name(&examination.path).to_owned();
        let mut driver =
            Driver { location, file, machine: examination.machine.clone(), module: None };
        self.place_module(&mut driver, examination)?;
        for finding in &examination.findings {
            let grade = Grade {
                level: finding.level,
                confidence: finding.confidence,
                excuse: finding.excuse.clone().map(SourceExcuse::Settings),
            };
            self.results
                .add(grade, || result::of(finding, &driver, &mut self.rules, &self.uris))?;
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let Some(out) = self.out.take() else { return Ok(()) };
        // Notices follow the bases that their paths are relative to.
        let unread = closing.unread.iter().map(|unread| &unread.path);
        for path in unread.chain(closing.faults.iter().map(|fault| &fault.path)) {
            self.uris.scanned(path);
        }
        let results = std::mem::take(&mut self.results);
        let lists = self.artifacts.listed.iter().chain(&self.modules);
        let raw = results.bytes() + lists.map(String::len).sum::<usize>();
        let mut out = begin(out, raw)?;
        self.head(&mut out)?;
        list(&mut out, "artifacts", &self.artifacts.listed)?;
        list(&mut out, "addresses", &self.modules)?;
        let left_out = tell_results(&mut out, results)?;
        self.tail(&mut out, closing, left_out)?;
        out.write_all(b"}]}\n")?;
        out.flush()
    }
}

impl Sarif<'_> {
    fn head(&self, out: &mut impl Write) -> io::Result<()> {
        let (name, version) = match &self.begun {
            Some((tool, _)) => (tool.name, tool.version),
            None => ("ringfence", ""),
        };
        let driver = ToolComponent {
            name,
            version,
            semantic_version: version,
            information_uri: self.docs.as_deref(),
            rules: self.rules.described(),
            notifications: notice::described(),
        };
        member(out, "tool", &model::Tool { driver })?;
        out.write_all(b",\n")?;
        member(out, "originalUriBaseIds", &bases(&self.uris))?;
        out.write_all(b",\n\"columnKind\":\"unicodeCodePoints\",\n")
    }

    fn tail(
        &mut self,
        out: &mut impl Write,
        closing: &Closing,
        left_out: LeftOut,
    ) -> io::Result<()> {
        let unknowns = std::mem::take(&mut self.unknowns);
        let known = (&self.rules, &mut self.uris);
        let notices = notice::all(closing, unknowns, left_out, &self.artifacts, known);
        let invocation = Invocation {
            execution_successful: closing.unread.is_empty() && closing.faults.is_empty(),
            tool_execution_notifications: notices,
        };
        member(out, "invocations", &[invocation])?;
        out.write_all(b",\n")?;
        member(out, "properties", &self.totals(closing))
    }

    /// What the whole scan comes to.
    fn totals(&self, closing: &Closing) -> BTreeMap<&'static str, Value> {
        let totals = &closing.totals;
        let mut told = BTreeMap::from([
            ("files", json!(totals.files)),
            ("drivers", json!(totals.drivers)),
            ("findings", json!(totals.findings)),
            ("leftOut", json!(closing.left_out.total())),
            ("load", json!(totals.load)),
            ("run", json!(totals.run)),
            ("certify", json!(totals.certify)),
        ]);
        if let Some((_, targets)) = &self.begun {
            told.insert("targets", json!(targets));
        }
        told
    }
}

/// The beginning of a log with one run, `raw` bytes of which are results and lists.
pub(crate) fn begin<'o>(out: Box<dyn Write + 'o>, raw: usize) -> io::Result<Measured<'o>> {
    // What is smaller before it is compressed is smaller after it, with room for rules and notices.
    let mut out = Measured::new(out, raw > MOST_COMPRESSED / 2);
    writeln!(out, "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{")?;
    Ok(out)
}

/// What the paths of `uris` are relative to.
pub(crate) fn bases(uris: &Uris) -> BTreeMap<String, Base> {
    let about = "The folder that ringfence ran in: in CI, the root of the repository.";
    let mut bases = BTreeMap::from([(uri::ROOT.to_owned(), base(about))]);
    for (name, up) in uris.bases_above() {
        bases.insert(name, base(&format!("The folder {up} above %SRCROOT%.")));
    }
    bases
}

fn base(about: &str) -> Base {
    Base { description: Message::new(about) }
}

/// `"name":value`
pub(crate) fn member(out: &mut impl Write, name: &str, value: &impl Serialize) -> io::Result<()> {
    write!(out, "\"{name}\":")?;
    Ok(serde_json::to_writer(out, value)?)
}

/// `"name":[...],`, an element a line.
fn list(out: &mut impl Write, name: &str, elements: &[String]) -> io::Result<()> {
    write!(out, "\"{name}\":[")?;
    for (index, element) in elements.iter().enumerate() {
        out.write_all(separator(index))?;
        out.write_all(element.as_bytes())?;
    }
    out.write_all(b"],\n")
}

/// The results, as many as GitHub takes, and how many are left out.
pub(crate) fn tell_results(out: &mut Measured<'_>, results: Kept) -> io::Result<LeftOut> {
    out.write_all(b"\"results\":[")?;
    let mut count = 0;
    let left_out = results.tell(|result| {
        out.write_all(separator(count))?;
        out.write_all(result.as_bytes())?;
        count += 1;
        Ok(out.compressed() < MOST_COMPRESSED)
    })?;
    out.write_all(b"],\n")?;
    Ok(left_out)
}

fn separator(index: usize) -> &'static [u8] {
    if index == 0 { b"\n" } else { b",\n" }
}
