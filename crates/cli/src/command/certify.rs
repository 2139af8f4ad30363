//! `ringfence certify`

use crate::arguments::{Certify, CertifyFormat, Color, NamedTargets};
use crate::report_file::{self, Guarded};
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use anyhow::bail;
use ringfence::report::{
    CertificationSink, Options, certification_json, certification_markdown, certification_script,
    certification_text,
};
use ringfence::{Input, Question, Settings, Sku, Targets, certifying};
use std::io::Write;

pub(crate) fn run(arguments: &Certify, color: Color) -> anyhow::Result<u8> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    let (sku, targets) = asked(&arguments.sku, &arguments.target)?;
    if let Some(path) = &arguments.output {
        report_file::spare(path, None)?;
    }
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

/// The edition and its Windows versions. What names an edition's versions alone names the edition too.
fn asked(skus: &[Sku], named: &[NamedTargets]) -> anyhow::Result<(Sku, Targets)> {
    let sku = match skus {
        [] => None,
        [first, rest @ ..] if rest.iter().all(|other| other == first) => Some(*first),
        _ => bail!(
            "an edition is certified by itself\n  \
             help: run it twice, with --sku desktop and with --sku server"
        ),
    };
    let fits = |sku: Sku, one: &NamedTargets| one.targets.intersects(sku.targets());
    let servers = |one: &NamedTargets| one.name.to_ascii_lowercase().starts_with("server");
    let sku = match sku {
        Some(sku) => sku,
        None if !named.is_empty() && named.iter().all(servers) => Sku::Server,
        None => Sku::Desktop,
    };
    if let Some(odd) = named.iter().find(|one| !fits(sku, one)) {
        let other = Sku::ALL.into_iter().find(|other| fits(*other, odd));
        match other {
            Some(other) => bail!(
                "{} is of the edition {other}, not {sku}\n  \
                 help: --sku {other} asks about it; an edition is certified by itself",
                odd.name
            ),
            None => bail!(
                "the test is not required on {}\n  \
                 help: it is since Windows 10 1607 and Windows Server 2016; `ringfence scan --target {}` \
                 tells what that version objects to",
                odd.name,
                odd.name
            ),
        }
    }
    let targets = match named {
        [] => sku.targets(),
        _ => named.iter().fold(Targets::NONE, |all, one| all.union(one.targets)),
    };
    Ok((sku, targets.intersection(sku.targets())))
}

fn writer<'a>(
    format: CertifyFormat,
    out: Box<dyn Write + 'a>,
    options: Options,
) -> Box<dyn CertificationSink + 'a> {
    match format {
        CertifyFormat::Text => certification_text(out, options),
        CertifyFormat::Json => certification_json(out),
        CertifyFormat::Markdown => certification_markdown(out),
        CertifyFormat::Script => certification_script(out),
    }
}
