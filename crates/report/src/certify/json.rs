//! Certification as one JSON document, written driver by driver.

use super::CertificationSink;
use crate::json::Json;
use ringfence_finding::{
    BASIS, Certification, Closing, Counting, HLK_TEST, OutcomeTally, Sku, Targets, Tool,
};
use std::io;

pub(super) struct CertificationJson<'a> {
    json: Json<'a>,
    totals: OutcomeTally,
}

impl<'a> CertificationJson<'a> {
    pub(super) fn new(out: Box<dyn io::Write + 'a>) -> CertificationJson<'a> {
        CertificationJson { json: Json::new(out), totals: OutcomeTally::default() }
    }
}

impl CertificationSink for CertificationJson<'_> {
    fn begin(&mut self, tool: &Tool, sku: Sku, targets: Targets) -> io::Result<()> {
        self.json.open(tool)?;
        self.json.more("test", &HLK_TEST)?;
        self.json.more("sku", &sku)?;
        self.json.more("requirements", &sku.requirements())?;
        self.json.more("targets", &targets)?;
        self.json.more("counting", &Counting::all())?;
        self.json.more("basis", &BASIS)?;
        self.json.list("drivers")
    }

    fn driver(&mut self, certification: Certification) -> io::Result<()> {
        self.totals.count(certification.result);
        self.json.element(&certification)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.json.end_list()?;
        self.json.more("unread", &closing.unread)?;
        self.json.more("faults", &closing.faults)?;
        self.json.more("left_out", &closing.left_out)?;
        self.json.more("totals", &self.totals)?;
        self.json.close()
    }
}
