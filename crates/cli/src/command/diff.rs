//! `ringfence diff`

use crate::arguments::{Color, Diff, DiffFormat};
use crate::progress::ProgressLine;
use crate::report_file::{self, place, reason};
use crate::{exit, scanning, terminal};
use anyhow::{Context, bail};
use ringfence::report::{Options, difference_json, difference_markdown, difference_text, safe};
use ringfence::{Difference, Draft, Input, Scan, Settings, Side, Targets, compare, is_report};
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

pub(crate) fn run(arguments: &Diff, color: Color) -> anyhow::Result<u8> {
    let named = [&arguments.old, &arguments.new];
    if let Some(path) = &arguments.output {
        report_file::spare(path, None)?;
        if named.iter().any(|side| place(Path::new(side)) == place(path)) {
            bail!("the comparison would be written over what is compared: {}", path.display());
        }
    }
    // Reports first: drivers are asked about the Windows versions that the report was asked about.
    let reports = [report(named[0])?, report(named[1])?];
    let targets = match &arguments.target[..] {
        [] => reports.iter().flatten().find_map(Side::targets).unwrap_or(Targets::DEFAULT),
        asked => asked.iter().copied().fold(Targets::NONE, Targets::union),
    };
    let settings = Settings {
        targets,
        strict: arguments.strict,
        code_analysis: arguments.code_analysis,
        code: false,
        symbols: arguments.symbols.clone(),
        ..Settings::default()
    };
    let is_text = arguments.format == DiffFormat::Text || arguments.output.is_some();
    let mut scans = Vec::new();
    let mut side = |name: &OsStr, report: Option<Side>| -> anyhow::Result<Side> {
        let Some(side) = report else {
            let (side, scan) = examined(name, &settings)?;
            // Against nothing, every driver would be new and every error one that was not there before.
            if side.is_empty() && exit::of_scan(&scan, &[], false) == exit::TROUBLE {
                scanning::complain(&scan, true);
                let name = name.to_string_lossy();
                bail!(
                    "nothing of {} could be read, so nothing is compared\n  \
                     help: it takes drivers, folders, or a report by --format json or jsonl",
                    safe(&name)
                );
            }
            scanning::complain(&scan, !is_text);
            scans.push(scan);
            return Ok(side);
        };
        Ok(side)
    };
    let [old, new] = reports;
    let (old, new) = (side(named[0], old)?, side(named[1], new)?);
    let difference = compare(&old, &new);
    tell(&difference, arguments, color)?;
    Ok(exit::of_comparison(difference.worse, old.len() + new.len(), &scans))
}

/// Writes the comparison where it is to be written.
fn tell(difference: &Difference, arguments: &Diff, color: Color) -> anyhow::Result<()> {
    let written = |format| match format {
        DiffFormat::Text => difference_text(difference, &terminal::options(color)),
        DiffFormat::Json => difference_json(difference),
        DiffFormat::Markdown => difference_markdown(difference),
    };
    let text = match &arguments.output {
        Some(_) => written(DiffFormat::Text),
        None => written(arguments.format),
    };
    if let Some(path) = &arguments.output {
        // A file has no colours.
        let text = match arguments.format {
            DiffFormat::Text => difference_text(difference, &Options::default()),
            other => written(other),
        };
        let shown = path.to_string_lossy();
        let written = Draft::of(path).and_then(|(draft, mut out)| {
            out.write_all(text.as_bytes())?;
            out.flush()?;
            // The file is closed before it is put in its place.
            drop(out);
            draft.place()
        });
        written.map_err(|error| {
            anyhow::anyhow!("{}", safe(&reason(&error)))
                .context(format!("cannot write the comparison {}", safe(&shown)))
        })?;
    }
    print(&text)
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(error.into()),
        other => other.context("cannot write the comparison"),
    }
}

/// The side that `name` is a report of; none where it names drivers.
fn report(name: &OsStr) -> anyhow::Result<Option<Side>> {
    let path = Path::new(name);
    // A file with a report's ending is meant for one, even if it is empty or cut at its beginning.
    let called_so = path.is_file()
        && path.extension().is_some_and(|end| {
            ["json", "jsonl"].iter().any(|known| end.eq_ignore_ascii_case(known))
        });
    if !(called_so || is_report(path)) {
        return Ok(None);
    }
    let shown = safe(&path.to_string_lossy()).into_owned();
    let side = Side::of_report(path);
    side.map(Some).with_context(|| format!("cannot read the report {shown}"))
}

/// The drivers that `name` names, examined.
fn examined(name: &OsStr, settings: &Settings) -> anyhow::Result<(Side, Scan)> {
    let mut progress = ProgressLine::new(false);
    let input = Input::parse(name);
    let shown = name.to_string_lossy();
    let (side, scan) = Side::of_drivers(&shown, &input, settings, |now| progress.show(now));
    progress.clear();
    Ok((side, scan?))
}
