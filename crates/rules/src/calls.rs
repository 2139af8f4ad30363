//! The calls of DDIs that matter for memory integrity, and what each asks for.

mod allocator;
mod call;
mod coverage;
mod data;
mod elsewhere;
mod framework;
mod functions;
mod inquiry;
mod judge;
mod opt_in;
mod request;
mod running;
mod selected;

pub use call::{DdiCall, Deciding};
pub(crate) use call::{KERNEL_MODE, USER_MODE};
pub(crate) use coverage::counters;
pub(crate) use data::in_words;
pub use judge::Judging;
pub(crate) use judge::{answer as answer_of, ruled};
pub(crate) use opt_in::is_initial;
pub use opt_in::{OptIn, Standing};

use crate::names::Names;
use coverage::Loose;
use elsewhere::Elsewhere;
use inquiry::Inquiry;
pub(crate) use request::Request;
use ringfence_code::{Path, Possible, Reader, Sighting, Survey, Variable};
use ringfence_ddi::Ddi;
use ringfence_finding::{Code, Gap, Question};
use ringfence_image::{Image, Machine};

/// What is known of a driver's calls.
#[derive(Debug)]
pub struct Calls {
    all: Vec<DdiCall>,
    /// Variables that arguments come from.
    variables: Vec<Variable>,
    code: Code,
    /// References that are no calls which are known to be made.
    loose: Vec<Loose>,
    sightings: Vec<Sighting>,
    /// Functions in which ways to arguments begin.
    readers: Vec<Reader>,
    /// What was asked about, by its number.
    ddis: Vec<&'static Ddi>,
    /// What leads to code of other modules.
    elsewhere: Elsewhere,
    /// What is open whatever is asked.
    gaps: Vec<Gap>,
    failure: Option<String>,
}

impl Calls {
    /// The calls, by address.
    pub fn all(&self) -> &[DdiCall] {
        &self.all
    }

    /// The variables that arguments come from.
    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// What was examined of the machine code.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// What its code does beside calling DDIs, by address.
    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings
    }

    /// The DDI that a sighting names by its number.
    pub(crate) fn ddi(&self, wanted: usize) -> Option<&'static Ddi> {
        self.ddis.get(wanted).copied()
    }

    /// The function of another module that a value is certainly the address of, or one a little behind it.
    pub(crate) fn code_elsewhere(&self, value: &Possible, names: &Names<'_>) -> Option<String> {
        self.elsewhere.function(value, names)
    }

    /// The request that a value is read from, where it certainly is one that Windows hands to the driver.
    pub(crate) fn request(&self, path: &Path) -> Option<Request> {
        Request::of(path, &self.readers)
    }

    /// What could not be told and could deny a question. What only Code Analysis would object to
    /// counts where `code_analysis` says so.
    pub fn gaps(&self, code_analysis: bool) -> Vec<Gap> {
        coverage::gaps(&self.all, &self.loose, code_analysis)
            .into_iter()
            .chain(running::gaps(&self.all, &self.loose, &self.sightings))
            .chain(self.gaps.iter().cloned())
            .collect()
    }

    /// The message of the panic that ended the examination, if one did.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Stands for the calls of an image whose examination panicked with `message`.
    pub(crate) fn failed(message: String) -> Calls {
        Calls {
            failure: Some(message),
            ..Calls::none(
                "the examination failed".to_owned(),
                "the examination of the machine code failed".to_owned(),
            )
        }
    }

    fn none(because: String, reason: String) -> Calls {
        let gap = Gap::new(&[Question::Run, Question::Certify], reason);
        let code = Code::NotExamined { because };
        Calls {
            all: Vec::new(),
            variables: Vec::new(),
            code,
            loose: Vec::new(),
            sightings: Vec::new(),
            readers: Vec::new(),
            ddis: Vec::new(),
            elsewhere: Elsewhere::default(),
            gaps: vec![gap],
            failure: None,
        }
    }

    /// Finds and judges the calls of an image.
    pub(crate) fn of(image: &Image<'_>, asked: Judging) -> Calls {
        if let Some(machine) = not_examined(image) {
            return Calls::none(
                format!("not for {machine} yet"),
                format!("{machine} machine code is not examined yet"),
            );
        }
        let inquiry = Inquiry::of(image);
        // Asked of even where nothing is wanted: packed code hides its calls.
        let mut survey = ringfence_code::survey(image, &inquiry.query);
        inquiry.selected.settle(&mut survey);
        let mut gaps = inquiry.open_lookups(&survey);
        let elsewhere = Elsewhere::of(&inquiry.query, &survey);
        let mut calls = Calls { elsewhere, ..Calls::judged(survey, &inquiry.ddis, asked) };
        for call in &mut calls.all {
            if let Some(name) = inquiry.names.get(call.site.wanted) {
                call.call_it(name);
            }
        }
        calls.gaps.append(&mut gaps);
        calls.gaps.extend(inquiry.gaps);
        if let Some(reason) = cut_short(image) {
            calls.gaps.push(Gap::new(&[Question::Run, Question::Certify], reason));
        }
        calls
    }

    /// Judges what a survey found; `ddis` are those it was asked about.
    pub(crate) fn judged(mut survey: Survey, ddis: &[&'static Ddi], asked: Judging) -> Calls {
        // What is asked about beside DDIs only helps to find those.
        survey.references.retain(|reference| reference.wanted < ddis.len());
        let variables = std::mem::take(&mut survey.variables);
        let mut all: Vec<_> = std::mem::take(&mut survey.sites)
            .into_iter()
            .filter_map(|site| {
                Some(DdiCall::judged(ddis.get(site.wanted)?, site, asked, &variables))
            })
            .collect();
        let routines = allocator::routines(&survey, ddis, &mut all);
        let loose = coverage::loose(&survey, ddis, &all, &routines);
        let code = Code::Examined(coverage::coverage(&survey, &all, &loose, routines.len()));
        let gaps = coverage::doubts(&survey);
        let Survey { sightings, readers, .. } = survey;
        Calls {
            all,
            variables,
            code,
            loose,
            sightings,
            readers,
            ddis: ddis.to_vec(),
            elsewhere: Elsewhere::default(),
            gaps,
            failure: None,
        }
    }
}

/// What of the sections the file lacks: code could be there, or what leads to it.
fn cut_short(image: &Image<'_>) -> Option<String> {
    if image.sections().len() != usize::from(image.headers().number_of_sections) {
        return Some("the section table could not be read whole".to_owned());
    }
    let length = image.file_length() as u64;
    let section = image.sections().iter().find(|section| {
        let bytes = section.raw_range();
        !bytes.is_empty() && bytes.end > length
    })?;
    Some(format!("the file ends before section `{}` does", section.name()))
}

/// What an image's code is for, where that is not examined.
fn not_examined(image: &Image<'_>) -> Option<String> {
    let hybrid = image.load_config().and_then(|config| config.chpe_metadata).unwrap_or(0) != 0;
    Some(match image.machine() {
        Machine::X64 if !image.headers().pe32_plus => "PE32".to_owned(),
        Machine::X64 if hybrid => "ARM64EC".to_owned(),
        Machine::X64 => return None,
        Machine::Arm64 => "ARM64".to_owned(),
        Machine::X86 => "x86".to_owned(),
        Machine::Ia64 => "Itanium".to_owned(),
        Machine::Arm => "32-bit ARM".to_owned(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod machine_code;
#[cfg(test)]
mod tests;
