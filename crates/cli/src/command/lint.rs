//! `ringfence lint`

use crate::arguments::{Chosen, Color, Lint, Shown};
use crate::effective::{Effective, File};
use crate::report_file::{self, Wanted};
use crate::{exit, language_server, terminal};
use anyhow::Context;
use ringfence::fixing::{self, LeftFix};
use ringfence::report::{Format, Options, idle_acceptances, safe, write_lint};
use ringfence::source::{Encoding, FileKind};
use ringfence::{Confidence, Draft, Input, LintReport, LintSettings, Safety, SourceFinding};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

/// Fixes that touch each other are made one after the other; more rounds than this bring nothing new.
const MOST_ROUNDS: usize = 8;

pub(crate) fn run(arguments: &Lint, color: Color) -> anyhow::Result<u8> {
    let mut inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    if inputs.is_empty() {
        inputs.push(Input::Path(PathBuf::from(".")));
    }
    if inputs.contains(&Input::StandardInput) {
        anyhow::bail!(
            "lint does not read standard input: what a source includes and is built by is found by its path"
        );
    }
    if arguments.unsafe_fixes && !arguments.fix && !arguments.diff {
        anyhow::bail!(
            "--unsafe-fixes needs --fix or --diff: it says which fixes are made, and by itself makes none"
        );
    }
    if arguments.lsp {
        return serve(arguments, &inputs);
    }
    let (effective, settings) = asked(arguments, &chosen(arguments), &inputs)?;
    let files = &effective.report.value;
    report_file::check(files, effective.file.as_ref().map(|file| &*file.path))?;
    spare_sources(files)?;
    if let Some(baseline) = &effective.baseline.value {
        report_file::spare_baseline(baseline, files)?;
    }
    let mut lint = ringfence::lint(&inputs, &settings);
    if arguments.diff {
        choose(&mut lint.report.findings, most(arguments));
        let changes = show_changes(&lint, most(arguments))?;
        complain(&lint, true);
        let code = exit::of_lint(&lint.report, true, !lint.left_out_by_name.is_empty());
        return Ok(if changes && !arguments.exit_zero { exit::OBJECTION } else { code });
    }
    let mut unwritten = false;
    if arguments.fix {
        (lint, unwritten) = fix(lint, &inputs, &settings, most(arguments));
    }
    let mut options = terminal::options(color);
    options.exit_zero = arguments.exit_zero;
    options.settings_file = effective.file.as_ref().map(File::name);
    options.baseline = effective.baseline.value.as_ref().map(|path| path.display().to_string());
    options.cards = ringfence::rule_cards().collect();
    let docs = effective.docs_url.value.as_ref();
    options.docs = docs.map(|url| url.trim_end_matches('/').to_owned());
    options.root =
        std::env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    if arguments.show == Shown::Certain {
        lint.report.findings.retain(|finding| finding.confidence == Confidence::Certain);
    }
    let format = effective.format.value.unwrap_or(Format::Full);
    write_all(&lint.report, format, files, &options)?;
    complain(&lint, format.is_for_machines() && !format.shows_troubles());
    if unwritten {
        return Ok(exit::TROUBLE);
    }
    Ok(exit::of_lint(&lint.report, arguments.exit_zero, !lint.left_out_by_name.is_empty()))
}

/// What the command line and the settings file ask for.
fn asked(
    arguments: &Lint,
    chosen: &Chosen,
    inputs: &[Input],
) -> anyhow::Result<(Effective, LintSettings)> {
    let effective = Effective::for_source(chosen, arguments.format, inputs)?;
    let settings = LintSettings {
        show_open: arguments.show == Shown::All,
        defines: arguments.define.clone(),
        ..effective.lint_settings()?
    };
    Ok((effective, settings))
}

/// Serves an editor. Folders that are named count in place of those that it has open. Settings that are wrong are
/// told there and not used: one writes them in that very editor.
fn serve(arguments: &Lint, inputs: &[Input]) -> anyhow::Result<u8> {
    let (asked_for, trouble) = match asked(arguments, &chosen(arguments), inputs) {
        Ok(asked_for) => (asked_for, None),
        Err(wrong) => {
            let without = Chosen {
                baseline: None,
                no_baseline: true,
                config: None,
                isolated: true,
                ..chosen(arguments)
            };
            let told = format!("{wrong}\nringfence lint goes on without these settings.");
            (asked(arguments, &without, inputs)?, Some(told))
        }
    };
    let (effective, settings) = asked_for;
    let named: Vec<_> = arguments.inputs.iter().map(PathBuf::from).collect();
    let docs = effective.docs_url.value.as_ref();
    let docs = docs.map(|url| url.trim_end_matches('/').to_owned());
    language_server::serve(settings, named, docs, trouble)?;
    Ok(exit::FINE)
}

/// What of the settings of a scan holds here as well.
fn chosen(arguments: &Lint) -> Chosen {
    Chosen {
        report: arguments.report.clone(),
        docs_url: arguments.docs_url.clone(),
        gate: Vec::new(),
        fail_unknown: None,
        baseline: arguments.baseline.clone(),
        no_baseline: arguments.no_baseline,
        target: arguments.target.clone(),
        strict: arguments.strict,
        code_analysis: arguments.code_analysis,
        symbols: Vec::new(),
        no_hash: None,
        threads: arguments.threads,
        config: arguments.config.clone(),
        isolated: arguments.isolated,
    }
}

/// The function whose calls are the fix where a person looks at fixes, and where all Windows versions have it.
const NEWER: &str = "ExAllocatePool2";

fn most(arguments: &Lint) -> Safety {
    if arguments.unsafe_fixes { Safety::Unsafe } else { Safety::Safe }
}

/// Fails where a report would go over source.
fn spare_sources(reports: &[Wanted]) -> anyhow::Result<()> {
    let is_source = |wanted: &&Wanted| {
        wanted.path.exists() && FileKind::of(&wanted.path.to_string_lossy()).is_some()
    };
    match reports.iter().find(is_source) {
        Some(wanted) => anyhow::bail!(
            "the report would be written over source: {}",
            safe(&wanted.path.display().to_string())
        ),
        None => Ok(()),
    }
}

/// Makes fixes in the files, and looks at what is left; whether something could not be written.
fn fix(
    mut lint: ringfence::Lint,
    inputs: &[Input],
    settings: &LintSettings,
    most: Safety,
) -> (ringfence::Lint, bool) {
    let mut fixed = 0;
    let mut files: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut left = Vec::new();
    for _ in 0..MOST_ROUNDS {
        choose(&mut lint.report.findings, most);
        let outcome = fixing::write(fixing::plan(&lint.report.findings, most, &lint.tree));
        fixed += outcome.fixed;
        for (path, rules) in outcome.files {
            let known = files.entry(path).or_default();
            rules.into_iter().for_each(|(rule, count)| *known.entry(rule).or_default() += count);
        }
        left = outcome.left;
        if outcome.fixed == 0 {
            break;
        }
        lint = ringfence::lint(inputs, settings);
    }
    for (path, rules) in &files {
        let rules: Vec<_> = rules.iter().map(|(rule, count)| format!("{count} {rule}")).collect();
        terminal::complain(&format!("fixed {}: {}", safe(path), rules.join(", ")));
    }
    if fixed > 0 {
        let (findings, files) = (counted(fixed, "finding"), counted(files.len(), "file"));
        terminal::complain(&format!("fixed {findings} in {files}"));
    }
    for one in &left {
        terminal::complain(&not_fixed(one));
    }
    (lint, !left.is_empty())
}

/// Chooses among several fixes of a finding.
fn choose(findings: &mut [SourceFinding], most: Safety) {
    if most == Safety::Unsafe {
        fixing::prefer(findings, NEWER);
    }
}

fn not_fixed(one: &LeftFix) -> String {
    let LeftFix { path, line, rule, because, .. } = one;
    format!("error: {}:{line}: {rule} is not fixed: {}", safe(path), safe(&because.to_string()))
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Prints what fixes would change; whether there is anything.
fn show_changes(lint: &ringfence::Lint, most: Safety) -> anyhow::Result<bool> {
    let plan = fixing::plan(&lint.report.findings, most, &lint.tree);
    let stdout = io::stdout();
    let for_people = stdout.is_terminal();
    let mut out = BufWriter::new(stdout.lock());
    let mut files = 0;
    let place = plan.place();
    for file in plan.files() {
        files += 1;
        let diff = plan.diff_from(file, &place);
        let written = match for_people {
            true => diff.to_string().lines().try_for_each(|line| writeln!(out, "{}", safe(line))),
            false => out.write_all(&diff.bytes()),
        };
        if let Err(error) = written {
            return Err(error).context("cannot write the difference");
        }
    }
    out.flush().context("cannot write the difference")?;
    for one in plan.left() {
        terminal::complain(&not_fixed(one));
    }
    for file in plan.files() {
        if let Encoding::Utf16 { .. } = lint.tree.file(file).text.encoding() {
            let name = safe(lint.tree.name(file));
            terminal::complain(&format!(
                "{name} is UTF-16, which neither git apply nor patch changes: use --fix"
            ));
        }
    }
    if let Some(folder) = place.elsewhere() {
        let folder = safe(folder);
        terminal::complain(&format!(
            "its paths are from {folder} on: git -C {folder} apply, or patch -d {folder} -p1"
        ));
    }
    if lint.report.examined.is_nothing() {
        terminal::complain("nothing to examine: there are neither sources nor project files");
    }
    let would =
        format!("would fix {} in {}", counted(plan.fixed(), "finding"), counted(files, "file"));
    terminal::complain(&match more_with_unsafe(&lint.report.findings, most) {
        0 => would,
        more => format!("{would}; {more} more with --unsafe-fixes"),
    });
    Ok(files > 0)
}

/// How many findings only `--unsafe-fixes` would fix.
fn more_with_unsafe(findings: &[SourceFinding], most: Safety) -> usize {
    let fixed = |most| findings.iter().filter(|finding| fixing::is_fixed(finding, most)).count();
    fixed(Safety::Unsafe) - fixed(most)
}

/// Writes the report to standard output and to files; a file that cannot be written leaves the others whole.
fn write_all(
    report: &LintReport,
    format: Format,
    files: &[Wanted],
    options: &Options,
) -> anyhow::Result<()> {
    let mut failures = Vec::new();
    let to_file = Options { color: false, terminal: false, ..options.clone() };
    for wanted in files {
        let written = Draft::of(&wanted.path).and_then(|(draft, mut out)| {
            write_lint(wanted.format, report, &to_file, &mut out)?;
            drop(out);
            draft.place()
        });
        if let Err(error) = written {
            failures.push((wanted, error));
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match write_lint(format, report, options, &mut out) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.context("cannot write the report")?,
    }
    drop(out);
    let mut failures = failures.into_iter();
    let Some((first, error)) = failures.next() else { return Ok(()) };
    let name = |wanted: &Wanted| safe(&wanted.path.display().to_string()).into_owned();
    for (wanted, error) in failures {
        let error = report_file::reason(&error);
        terminal::complain(&format!(
            "error: cannot write the report {}: {}",
            name(wanted),
            safe(&error)
        ));
    }
    let reason = report_file::reason(&error);
    Err(anyhow::anyhow!("{}", safe(&reason))
        .context(format!("cannot write the report {}", name(first))))
}

/// Says on standard error what the report itself does not tell.
fn complain(lint: &ringfence::Lint, report_is_silent: bool) {
    if report_is_silent {
        for unread in &lint.report.unread {
            let (path, reason) = (safe(&unread.path), safe(&unread.reason));
            terminal::complain(&format!("error: cannot read {path}: {reason}"));
        }
        for fault in &lint.report.faults {
            let message = safe(&fault.message);
            terminal::complain(&format!(
                "internal: {} failed, please report: {message}",
                fault.rule
            ));
        }
    }
    for idle in idle_acceptances(&lint.report.acceptances) {
        terminal::complain(&format!("warning: {idle}"));
    }
    for left_out in &lint.left_out_by_name {
        let (path, reason) = (safe(&left_out.path), safe(&left_out.reason));
        terminal::complain(&format!("left out {path}: {reason}"));
    }
}
