//! `ringfence scan`

use crate::arguments::{Color, Scan};
use crate::report_file::{self, Guarded};
use crate::scanning::{self, Manner};
use crate::{exit, terminal};
use ringfence::report::{Format, sink};
use ringfence::{Input, Settings, Stage, Targets};
use std::io::{self, Write};

pub(crate) fn run(arguments: &Scan, color: Color) -> anyhow::Result<u8> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    let format = arguments.format.unwrap_or_else(|| default_format(&inputs));
    report_file::check(&arguments.report)?;
    let formats =
        || arguments.report.iter().map(|wanted| wanted.format).chain(std::iter::once(format));
    let settings = Settings {
        targets: arguments.target.iter().copied().fold(Targets::NONE, Targets::union),
        strict: arguments.strict,
        code_analysis: arguments.code_analysis,
        hash: !arguments.no_hash,
        calls: arguments.calls,
        code: formats().any(Format::shows_code),
        symbols: arguments.symbols.clone(),
        threads: usize::from(arguments.threads),
    };
    if arguments.calls && !formats().any(Format::lists_calls) {
        anyhow::bail!(
            "--calls needs --format json or jsonl; {format} does not list calls\n  \
             help: `ringfence calls DRIVER` prints them as a table"
        );
    }
    let manner = Manner {
        streams: !matches!(format, Format::Summary),
        is_for_machines: format.is_for_machines(),
    };
    let mut options = terminal::options(color);
    options.gate.clone_from(&arguments.gate);
    options.fail_unknown = arguments.fail_unknown;
    options.cards = ringfence::rule_cards().collect();
    options.docs = arguments.docs_url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
    options.root =
        std::env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    let files = arguments.report.iter().map(|wanted| Guarded::to_file(wanted, &options)).collect();
    let report = |out| sink(format, out, options.clone());
    let scan = scanning::run(&inputs, &settings, &manner, report, files)?;
    if arguments.timings {
        tell_timings(&scan);
    }
    Ok(exit::of_scan(&scan, &arguments.gate, arguments.fail_unknown))
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
