//! `ringfence calls`

use crate::arguments::{Calls, Color, ListFormat};
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use ringfence::report::{CallFilter, calls_json, calls_table};
use ringfence::{Input, Settings};

pub(crate) fn run(arguments: &Calls, color: Color) -> anyhow::Result<u8> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    let symbols = arguments.symbols.clone();
    let settings = Settings { calls: true, code: false, symbols, ..Settings::default() };
    let filter = CallFilter { answers: arguments.only.clone(), ddis: arguments.ddi.clone() };
    let is_for_machines = matches!(arguments.format, ListFormat::Json);
    let manner = Manner { streams: true, is_for_machines };
    let options = terminal::options(color);
    let report = |out| match arguments.format {
        ListFormat::Text => calls_table(out, options, filter),
        ListFormat::Json => calls_json(out, filter),
    };
    let scan = scanning::run(&inputs, &settings, &manner, report, Vec::new())?;
    // It answers no question, so none is gated.
    Ok(exit::of_scan(&scan, &[], false))
}
