//! The DDIs as `ringfence list ddis` tells them.

use crate::format::Options;
use crate::layout::columns;
use crate::style::{Line, Meaning, hanging};
use serde::Serialize;

/// One DDI, in words.
#[derive(Clone, Debug, Serialize)]
pub struct DdiRow {
    /// Its name.
    pub name: &'static str,
    /// Other exported names of it.
    pub aliases: &'static [&'static str],
    /// The header that declares it, without `.h`; none where none is known.
    pub header: Option<&'static str>,
    /// The modules it comes from.
    pub modules: &'static [&'static str],
    /// How a driver gets to it.
    pub reach: String,
    /// Its parameters, in order.
    pub parameters: Vec<&'static str>,
    /// What decides whether memory is executable: the type of an argument, or who else.
    pub decides: &'static str,
    /// The argument that decides, from 0.
    pub argument: Option<u8>,
    /// Parameter 1 of the bug check 0xC4 that Driver Verifier stops with, such as `0x2000`.
    pub verifier: Option<String>,
    /// What Driver Verifier does: report, substitute-nx, via-module, via-framework, via-callee, none or
    /// unknown.
    pub verifier_behaviour: &'static str,
    /// The warning of Code Analysis.
    pub code_analysis: Option<&'static str>,
    /// Whether it is on Microsoft's list of potentially affected DDIs.
    pub listed: bool,
    /// How sure this is: low, medium or high.
    pub certainty: &'static str,
    /// Its page in the documentation.
    pub url: Option<String>,
    /// Everything that is known of it.
    pub markdown: String,
}

/// What stands before the names on Microsoft's list.
const LISTED: &str = "* ";

/// The table that `ringfence list ddis` prints; at most 80 columns.
pub fn ddis_table(ddis: &[DdiRow], options: &Options) -> String {
    let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let name = columns(LISTED);
    let decides = name + longest(&mut ddis.iter().map(|ddi| columns(ddi.name))) + 2;
    let verifier = decides + longest(&mut ddis.iter().map(|ddi| columns(ddi.decides))) + 2;
    let heading = Line::new().colored(Meaning::Structure, "DDI").filled_to(decides);
    let heading = heading.colored(Meaning::Structure, "decided by").filled_to(verifier);
    let mut lines = vec![heading.colored(Meaning::Structure, "0xC4")];
    for ddi in ddis {
        let line = Line::new().plain(if ddi.listed { LISTED } else { "" }).filled_to(name);
        let line = line.plain(ddi.name).filled_to(decides).plain(ddi.decides).filled_to(verifier);
        lines.push(line.plain(ddi.verifier.as_deref().unwrap_or_default()));
    }
    lines.push(Line::new());
    let listed = ddis.iter().filter(|ddi| ddi.listed).count();
    let closing = format!(
        "{} DDIs; the {listed} with * are on Microsoft's list of DDIs that memory integrity may \
         affect. 0xC4: parameter 1 of Driver Verifier's bug check. For more: ringfence explain NAME",
        ddis.len()
    );
    lines.extend(hanging(Line::new(), &closing, options.columns().min(80)));
    lines.iter().map(|line| line.render(options.color) + "\n").collect()
}

/// The DDIs as a JSON array of objects, with the fields of [`DdiRow`].
pub fn ddis_json(ddis: &[DdiRow]) -> String {
    // Strings, numbers and lists of them cannot fail to be written.
    serde_json::to_string_pretty(ddis).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> [DdiRow; 2] {
        let row = DdiRow {
            name: "MmMapIoSpaceEx",
            aliases: &[],
            header: Some("wdm"),
            modules: &["ntoskrnl.exe"],
            reach: "imported from ntoskrnl.exe".to_owned(),
            parameters: vec!["PhysicalAddress", "NumberOfBytes", "Protect"],
            decides: "PAGE_ protection",
            argument: Some(2),
            verifier: Some("0x2001".to_owned()),
            verifier_behaviour: "report",
            code_analysis: None,
            listed: false,
            certainty: "high",
            url: None,
            markdown: "# MmMapIoSpaceEx\n".to_owned(),
        };
        let copy = DdiRow {
            name: "MmCopyMemory",
            decides: "nothing",
            argument: None,
            verifier: None,
            verifier_behaviour: "none",
            listed: true,
            ..row.clone()
        };
        [copy, row]
    }

    #[test]
    fn ddis_are_listed() {
        let told = ddis_table(&rows(), &Options { width: 200, ..Options::default() });
        assert_eq!(
            told,
            "DDI               decided by        0xC4\n\
             * MmCopyMemory    nothing\n\
             \x20 MmMapIoSpaceEx  PAGE_ protection  0x2001\n\
             \n\
             2 DDIs; the 1 with * are on Microsoft's list of DDIs that memory integrity may\n\
             affect. 0xC4: parameter 1 of Driver Verifier's bug check. For more: ringfence\n\
             explain NAME\n"
        );
    }

    #[test]
    fn ddis_are_data_too() {
        let parsed: serde_json::Value = serde_json::from_str(&ddis_json(&rows())).unwrap();
        assert_eq!(parsed[0]["argument"], serde_json::Value::Null);
        assert_eq!(parsed[1]["name"], "MmMapIoSpaceEx");
        assert_eq!(parsed[1]["argument"], 2);
        assert_eq!(parsed[1]["parameters"][2], "Protect");
    }
}
