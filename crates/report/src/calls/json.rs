//! Calls as one JSON document.

use super::CallFilter;
use crate::Sink;
use crate::json::Json;
use ringfence_finding::{Call, Closing, Code, DebugSymbols, Examination, Targets, Tool};
use serde::Serialize;
use std::io;

pub(super) struct CallsJson<'a> {
    json: Json<'a>,
    filter: CallFilter,
}

impl<'a> CallsJson<'a> {
    pub(super) fn new(out: Box<dyn io::Write + 'a>, filter: CallFilter) -> CallsJson<'a> {
        CallsJson { json: Json::new(out), filter }
    }
}

/// One driver; fields are called and mean what they do in the report.
#[derive(Serialize)]
struct Driver<'e> {
    path: &'e str,
    sha256: Option<&'e str>,
    machine: &'e str,
    code: &'e Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbols: Option<&'e DebugSymbols>,
    calls: Vec<&'e Call>,
}

impl Sink for CallsJson<'_> {
    fn begin(&mut self, tool: &Tool, _: Targets) -> io::Result<()> {
        self.json.open(tool)?;
        self.json.list("drivers")
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.json.element(&Driver {
            path: &examination.path,
            sha256: examination.sha256.as_deref(),
            machine: &examination.machine,
            code: &examination.coverage.code,
            symbols: examination.symbols.as_ref(),
            calls: self.filter.of(examination).0,
        })
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.json.end_list()?;
        self.json.more("unread", &closing.unread)?;
        self.json.more("faults", &closing.faults)?;
        self.json.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ringfence_finding::CallAnswer;
    use serde_json::Value;

    fn written(drivers: &[Examination], filter: CallFilter) -> Value {
        let mut out = Vec::new();
        let report = Box::new(CallsJson::new(Box::new(&mut out), filter));
        sample::tell(report, drivers, &sample::closing(drivers));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn each_driver_has_the_calls_that_the_report_lists() {
        let mut drivers = sample::with_code();
        drivers.extend(sample::with_sources());
        let document = written(&drivers, CallFilter::default());
        let told = document["drivers"].as_array().unwrap();
        assert_eq!(told.len(), drivers.len());
        for (told, driver) in told.iter().zip(&drivers) {
            let report = serde_json::to_value(driver).unwrap();
            for field in ["path", "sha256", "machine", "calls", "symbols"] {
                assert_eq!(told[field], report[field], "{field}");
            }
            assert_eq!(told["code"], report["coverage"]["code"]);
        }
    }

    #[test]
    fn the_filter_leaves_drivers_and_drops_calls() {
        let only = CallFilter { answers: vec![CallAnswer::Mixed], ..CallFilter::default() };
        let document = written(&sample::with_code()[..2], only);
        assert_eq!(document["drivers"][0]["calls"].as_array().unwrap().len(), 1);
        assert_eq!(document["drivers"][0]["calls"][0]["rva"], 0x2013);
        assert_eq!(document["drivers"][1]["calls"], Value::Array(vec![]));
    }

    #[test]
    fn without_drivers_it_is_a_document_too() {
        let document = written(&[], CallFilter::default());
        for field in ["drivers", "unread", "faults"] {
            assert_eq!(document[field], Value::Array(vec![]), "{field}");
        }
    }
}
