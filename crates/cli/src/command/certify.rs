//! `ringfence certify`

use crate::arguments::{Certify, CertifyFormat, Color};
use crate::report_file::Guarded;
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use ringfence::report::{
    CertificationSink, Options, certification_json, certification_script, certification_text,
};
use ringfence::{Input, Question, Settings, Targets, certifying};
use std::io::Write;

pub(crate) fn run(arguments: &Certify, color: Color) -> anyhow::Result<u8> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    let sku = arguments.sku;
    let targets = match &arguments.target[..] {
        [] => sku.targets(),
        asked => asked.iter().copied().fold(Targets::NONE, Targets::union),
    };
    let symbols = arguments.symbols.clone();
    let settings = Settings { targets, code: false, symbols, ..Settings::default() };
    let options = terminal::options(color);
    let file = arguments.output.as_deref().map(|path| {
        let options = Options { color: false, terminal: false, ..options.clone() };
        Guarded::in_file(path, |out| certifying(sku, writer(arguments.format, out, options)))
    });
    let shown = match file {
        Some(_) => CertifyFormat::Text,
        None => arguments.format,
    };
    // Nothing is written before the end, so that the progress line may be.
    let is_for_machines = shown != CertifyFormat::Text;
    let manner = Manner { streams: is_for_machines, is_for_machines };
    let report = |out| certifying(sku, writer(shown, out, options));
    let scan = scanning::run(&inputs, &settings, &manner, report, file.into_iter().collect())?;
    // The answer to *certify* is that of the counters: both follow from the same findings and gaps.
    Ok(exit::of_scan(&scan, &[Question::Certify], arguments.fail_unknown))
}

fn writer<'a>(
    format: CertifyFormat,
    out: Box<dyn Write + 'a>,
    options: Options,
) -> Box<dyn CertificationSink + 'a> {
    match format {
        CertifyFormat::Text => certification_text(out, options),
        CertifyFormat::Json => certification_json(out),
        CertifyFormat::Script => certification_script(out),
    }
}
