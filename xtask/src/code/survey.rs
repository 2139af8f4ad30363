//! A survey together with what was asked.

use super::wanted;
use ringfence_code::Survey;
use ringfence_image::Image;
use std::collections::BTreeMap;
use std::ops::Range;

/// What was found, and in what.
pub struct Found {
    /// The answer.
    pub survey: Survey,
    /// The function at each index of the query.
    pub names: Vec<String>,
    /// Import slot to index of the query.
    pub slots: BTreeMap<u32, usize>,
    /// The addresses that can hold code.
    pub executable: Vec<Range<u64>>,
}

impl Found {
    /// Whether code can stand at `rva`.
    pub fn is_code(&self, rva: u32) -> bool {
        self.executable.iter().any(|range| range.contains(&u64::from(rva)))
    }
}

/// Surveys `image` for all functions of the list.
pub fn of(image: &Image<'_>) -> Found {
    let (query, names) = wanted::query(image);
    let slots = wanted::wanted_slots(&query);
    let survey = ringfence_code::survey(image, &query);
    let code = image.sections().iter().filter(|section| section.is_executable());
    let executable = code.map(|section| section.addresses()).collect();
    Found { survey, names, slots, executable }
}
