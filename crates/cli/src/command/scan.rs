//! `ringfence scan`

use crate::arguments::{Color, Scan};
use crate::effective::{Effective, File};
use crate::report_file::{self, Guarded};
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use ringfence::report::{Format, sink};
use ringfence::{Input, RunSettings, Stage};
use std::io::{self, Write};

pub(crate) fn run(arguments: &Scan, color: Color) -> anyhow::Result<u8> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    let effective = Effective::of(&arguments.chosen, arguments.format, &inputs)?;
    let format = effective.format.value.unwrap_or_else(|| default_format(&inputs));
    let files = &effective.report.value;
    report_file::check(files, effective.file.as_ref().map(|file| &*file.path))?;
    if let Some(baseline) = &effective.baseline.value {
        report_file::spare_baseline(baseline, files)?;
    }
    let formats = || files.iter().map(|wanted| wanted.format).chain(std::iter::once(format));
    let mut settings = effective.settings()?;
    settings.calls = arguments.calls;
    settings.run = arguments.verify.then(RunSettings::default);
    settings.code = formats().any(Format::shows_code);
    if arguments.calls && !formats().any(Format::lists_calls) {
        anyhow::bail!(
            "--calls needs --format json or jsonl; {format} does not list calls\n  \
             help: `ringfence calls DRIVER` prints them as a table"
        );
    }
    let manner = Manner {
        streams: !matches!(format, Format::Summary),
        is_for_machines: format.is_for_machines() && !format.shows_troubles(),
    };
    let mut options = terminal::options(color);
    options.gate.clone_from(&effective.gate.value);
    options.fail_unknown = effective.fail_unknown.value;
    options.exit_zero = arguments.exit_zero;
    options.settings_file = effective.file.as_ref().map(File::name);
    options.baseline = effective.baseline.value.as_ref().map(|path| path.display().to_string());
    options.cards = ringfence::rule_cards().collect();
    let docs = effective.docs_url.value.as_ref();
    options.docs = docs.map(|url| url.trim_end_matches('/').to_owned());
    options.root =
        std::env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    let files = files.iter().map(|wanted| Guarded::to_file(wanted, &options)).collect();
    let report = |out| sink(format, out, options.clone());
    let scan = scanning::run(&inputs, &settings, &manner, report, files)?;
    if arguments.timings {
        tell_timings(&scan);
    }
    let gate = if arguments.exit_zero { &[] } else { &effective.gate.value[..] };
    Ok(exit::of_scan(&scan, gate, effective.fail_unknown.value))
}

/// One file is told in full, more of them in tables.
fn default_format(inputs: &[Input]) -> Format {
    match inputs {
        [only] if only.is_one_file() => Format::Full,
        _ => Format::Summary,
    }
}

fn tell_timings(scan: &ringfence::Scan) {
    let mut stderr = io::stderr().lock();
    for stage in Stage::ALL {
        let milliseconds = scan.timings.of(stage).as_secs_f64() * 1e3;
        let _ = writeln!(stderr, "{:<7} {milliseconds:>10.2} ms", stage.name());
    }
    let elapsed = scan.closing.elapsed.as_secs_f64() * 1e3;
    let _ = writeln!(stderr, "elapsed {elapsed:>10.2} ms (stages add up over all threads)");
}
