//! What a scan is asked to do.

use crate::{Acceptances, Baseline, Date, RunSettings};
use ringfence_container::SymbolFolder;
use ringfence_finding::Targets;
use ringfence_rules::Reported;
use std::sync::Arc;

/// What a scan is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The Windows versions the questions are about.
    pub targets: Targets,
    /// Where sources disagree, whether Microsoft's documentation weighs more than what Windows was
    /// observed to do.
    pub strict: bool,
    /// Whether what only Code Analysis objects to counts against *certify*.
    pub code_analysis: bool,
    /// Whether digests are computed. Without them equal files are not recognised as such.
    pub hash: bool,
    /// Whether every examined call of a DDI is listed in
    /// [`Examination::calls`](ringfence_finding::Examination::calls).
    pub calls: bool,
    /// Whether findings show machine code; else only its place. A report that does not show it is ready
    /// sooner without.
    pub code: bool,
    /// Where debug files are looked for, beside the driver's own folder, in this order. Functions and
    /// source lines are told where one is the driver's.
    pub symbols: Vec<SymbolFolder>,
    /// Findings that are accepted: they fail nothing.
    pub acceptances: Acceptances,
    /// The day it is, for acceptances that end; none for one on which all of them hold.
    pub today: Option<Date>,
    /// Whether drivers are run too, and how.
    pub run: Option<RunSettings>,
    /// A bug check that Windows showed for the driver: the findings it is about are told of it.
    pub reported: Option<Reported>,
    /// What an earlier run found: that fails nothing either.
    pub baseline: Option<Arc<Baseline>>,
    /// Names of files, without their folders and in any letter case, that are passed over.
    pub excluded: Vec<String>,
    /// Worker threads; 0 for as many as there are processors.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            targets: Targets::DEFAULT,
            strict: false,
            code_analysis: false,
            hash: true,
            calls: false,
            code: true,
            symbols: Vec::new(),
            acceptances: Acceptances::default(),
            today: None,
            run: None,
            reported: None,
            baseline: None,
            excluded: Vec::new(),
            threads: 0,
        }
    }
}
