//! JSON to drivers, one at a time: both a document that holds a list of them and a line for each.

use super::{
    NotRecorded, RecordedCoverage, RecordedDriver, RecordedFinding, RecordedProperties,
    RecordedScan, RecordedVerdict, utf16,
};
use ringfence_finding::{Question, REPORT_VERSION};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::{BufReader, Read};

type Each<'a> = &'a mut dyn FnMut(RecordedDriver);

pub(super) fn read(report: impl Read, each: Each<'_>) -> Result<RecordedScan, NotRecorded> {
    let failed = |error: std::io::Error| malformed(&serde_json::Error::io(error));
    let text = BufReader::with_capacity(1 << 16, utf16::utf8(report).map_err(failed)?);
    let mut json = serde_json::Deserializer::from_reader(text);
    let mut scan = RecordedScan::default();
    // At the end of the text there is nothing more; anything else is one more line of `jsonl`.
    while json.end().is_err() {
        let object = Object { scan: &mut scan, each: &mut *each };
        object.deserialize(&mut json).map_err(|error| malformed(&error))?;
    }
    Ok(scan)
}

pub(super) fn malformed(error: &serde_json::Error) -> NotRecorded {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    // The place is told on its own.
    let reason = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    NotRecorded::Malformed { line, column, reason: reason.to_owned() }
}

/// The fields that are read, of a report or of a driver that stands alone.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    ReportVersion,
    Targets,
    Drivers,
    Path,
    Sha256,
    Machine,
    Verdict,
    Findings,
    Excused,
    Coverage,
    Properties,
    #[serde(other)]
    Other,
}

/// A report, or one driver of `jsonl`. Which it is shows in its fields, whose order tools may have changed.
struct Object<'a> {
    scan: &'a mut RecordedScan,
    each: Each<'a>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report of ringfence, as --format json or jsonl writes it")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<(), M::Error> {
        let Object { scan, each } = self;
        let (mut version, mut is_report) = (None, false);
        let mut alone = Alone::default();
        while let Some(field) = fields.next_key()? {
            match field {
                Field::ReportVersion => version = Some(known(fields.next_value()?)?),
                Field::Targets => scan.targets = Some(fields.next_value()?),
                Field::Drivers => {
                    is_report = true;
                    scan.drivers += fields.next_value_seed(Drivers(&mut *each))?;
                }
                Field::Path => alone.path = Some(fields.next_value()?),
                Field::Sha256 => alone.sha256 = fields.next_value()?,
                Field::Machine => alone.machine = fields.next_value()?,
                Field::Verdict => alone.verdict = Some(fields.next_value()?),
                Field::Findings => alone.findings = Some(fields.next_value()?),
                Field::Excused => alone.excused = fields.next_value()?,
                Field::Coverage => alone.coverage = fields.next_value()?,
                Field::Properties => alone.properties = fields.next_value()?,
                Field::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        if is_report {
            return version.map(drop).ok_or_else(|| M::Error::missing_field("report_version"));
        }
        scan.drivers += 1;
        each(alone.driver()?);
        Ok(())
    }
}

/// A version that is understood.
fn known<E: Error>(version: u64) -> Result<u64, E> {
    if version == u64::from(REPORT_VERSION) {
        return Ok(version);
    }
    Err(E::custom(format_args!(
        "report_version {version} is not understood by this version of ringfence, only {REPORT_VERSION}"
    )))
}

/// What was read of a driver that is a line of its own.
#[derive(Default)]
struct Alone {
    path: Option<String>,
    sha256: Option<String>,
    machine: String,
    verdict: Option<RecordedVerdict>,
    findings: Option<Vec<RecordedFinding>>,
    excused: Vec<Question>,
    coverage: RecordedCoverage,
    properties: RecordedProperties,
}

impl Alone {
    fn driver<E: Error>(self) -> Result<RecordedDriver, E> {
        let Alone {
            path: Some(path),
            sha256,
            machine,
            verdict,
            findings,
            excused,
            coverage,
            properties,
        } = self
        else {
            let what = "no report of ringfence: it has neither `drivers` nor a driver's `path`";
            return Err(E::custom(what));
        };
        let verdict = verdict.ok_or_else(|| E::missing_field("verdict"))?;
        let findings = findings.ok_or_else(|| E::missing_field("findings"))?;
        Ok(RecordedDriver {
            path,
            sha256,
            machine,
            verdict,
            findings,
            excused,
            coverage,
            properties,
        })
    }
}

/// The list of drivers; gives their number.
struct Drivers<'a>(Each<'a>);

impl<'de> DeserializeSeed<'de> for Drivers<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Drivers<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of drivers")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut drivers: S) -> Result<usize, S::Error> {
        let mut count = 0;
        while let Some(driver) = drivers.next_element()? {
            (self.0)(driver);
            count += 1;
        }
        Ok(count)
    }
}
