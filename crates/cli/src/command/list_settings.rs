//! `ringfence list settings`

use crate::arguments::{ListFormat, ListedSettings};
use crate::effective::{Effective, File, Origin, Setting};
use crate::report_file::Wanted;
use ringfence::report::{Options, safe, wrap};
use ringfence::{Acceptance, Input, TARGETS, Targets};
use serde_json::{Value, json};

/// What a scan would be told, and by whom.
pub(crate) fn text(
    arguments: &ListedSettings,
    format: ListFormat,
    options: &Options,
) -> anyhow::Result<String> {
    let inputs: Vec<_> = arguments.inputs.iter().map(|input| Input::parse(input)).collect();
    let effective = Effective::of(&arguments.chosen, None, &inputs)?;
    Ok(match format {
        ListFormat::Text => as_text(&effective, options.width),
        ListFormat::Json => as_json(&effective),
    })
}

/// A setting, told.
struct Row {
    name: &'static str,
    value: Value,
    origin: Origin,
}

fn row<T>(name: &'static str, setting: &Setting<T>, value: impl FnOnce(&T) -> Value) -> Row {
    Row { name, value: value(&setting.value), origin: setting.origin }
}

fn rows(effective: &Effective) -> Vec<Row> {
    let texts = |all: &mut dyn Iterator<Item = String>| all.collect::<Value>();
    vec![
        row("target", &effective.target, |&targets| spelled(targets).into()),
        row("gate", &effective.gate, |all| texts(&mut all.iter().map(ToString::to_string))),
        row("fail-unknown", &effective.fail_unknown, |&value| value.into()),
        row("strict", &effective.strict, |&value| value.into()),
        row("code-analysis", &effective.code_analysis, |&value| value.into()),
        row("format", &effective.format, |format| format.map(|format| format.name()).into()),
        row("report", &effective.report, |all| texts(&mut all.iter().map(wanted))),
        row("symbols", &effective.symbols, |all| {
            texts(&mut all.iter().map(|folder| folder.path().display().to_string()))
        }),
        row("no-hash", &effective.no_hash, |&value| value.into()),
        row("threads", &effective.threads, |&value| value.into()),
        row("docs-url", &effective.docs_url, |url| url.clone().into()),
        row("baseline", &effective.baseline, |path| {
            path.as_ref().map(|path| path.display().to_string()).into()
        }),
        row("lint-report", &effective.lint_report, |all| texts(&mut all.iter().map(wanted))),
        row("lint-baseline", &effective.lint_baseline, |path| {
            path.as_ref().map(|path| path.display().to_string()).into()
        }),
    ]
}

/// `FORMAT=FILE`.
fn wanted(report: &Wanted) -> String {
    format!("{}={}", report.format, report.path.display())
}

/// Windows versions as `--target` takes them.
fn spelled(targets: Targets) -> Vec<String> {
    if targets == Targets::ALL {
        return vec!["all".to_owned()];
    }
    let mut families = ["win10", "win11", "server"].into_iter();
    if let Some(family) = families.find(|family| Targets::named(family) == Ok(targets)) {
        return vec![family.to_owned()];
    }
    let ids = || targets.iter().map(|target| target.id);
    let later = TARGETS.iter().map(|target| format!("{}+", target.id));
    let mut is_all = later.filter(|name| Targets::named(name) == Ok(targets));
    match is_all.next().filter(|_| ids().count() > 1) {
        Some(name) => vec![name],
        None => ids().map(str::to_owned).collect(),
    }
}

fn as_text(effective: &Effective, width: usize) -> String {
    let mut lines: Vec<[String; 3]> = rows(effective)
        .into_iter()
        .map(|row| {
            let value = match (&row.value, row.name) {
                (Value::Null, "format") => {
                    "full for one file and for source, summary for more".to_owned()
                }
                (value, _) => in_words(value),
            };
            [row.name.to_owned(), value, origin_in_words(row.origin, effective)]
        })
        .collect();
    for acceptance in &effective.acceptances.each {
        let origin = Origin::File(acceptance.line.unwrap_or_default());
        let accepted = accepted_in_words(acceptance);
        lines.push(["accept".to_owned(), accepted, origin_in_words(origin, effective)]);
        let because = format!("because: {}", safe(&acceptance.reason));
        lines.push([String::new(), because, String::new()]);
    }
    let file = effective.file.as_ref().map_or_else(|| "none".to_owned(), File::name);
    let mut text = format!("settings file: {}\n\n", safe(&file));
    text.extend(laid_out(&lines, width).into_iter().map(|line| line + "\n"));
    text
}

/// The three columns in `width`; the one in the middle goes on below where it is too wide.
fn laid_out(rows: &[[String; 3]], width: usize) -> Vec<String> {
    const NAME: usize = 13;
    const LEAST: usize = 20;
    const MOST: usize = 50;
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let room = width.saturating_sub(NAME + 2 + 2 + widest(2).unwrap_or(0)).clamp(LEAST, MOST);
    let value = widest(1).unwrap_or(0).min(room);
    let mut lines = Vec::new();
    for [name, text, origin] in rows {
        for (index, piece) in wrap(text, value).into_iter().enumerate() {
            let (name, origin) = if index == 0 { (&name[..], &origin[..]) } else { ("", "") };
            let line = format!("{name:<NAME$}  {piece:<value$}  {origin}");
            lines.push(line.trim_end().to_owned());
        }
    }
    lines
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Array(all) if all.is_empty() => "none".to_owned(),
        Value::Array(all) => all.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Null => "none".to_owned(),
        Value::String(text) => safe(text).to_string(),
        other => other.to_string(),
    }
}

fn origin_in_words(origin: Origin, effective: &Effective) -> String {
    match (origin, &effective.file) {
        // Its folder stands above.
        (Origin::File(line), Some(file)) => {
            let name = file.path.file_name().unwrap_or(file.path.as_os_str());
            safe(&format!("{}:{line}", name.to_string_lossy())).into_owned()
        }
        (Origin::CommandLine, _) => "command line".to_owned(),
        _ => "default".to_owned(),
    }
}

/// Where in the settings file.
fn place(origin: Origin, effective: &Effective) -> Option<String> {
    match (origin, &effective.file) {
        (Origin::File(line), Some(file)) => Some(format!("{}:{line}", file.name())),
        _ => None,
    }
}

/// `executable-pool-type in drivers/old/*.sys, until 2027-03-31`.
fn accepted_in_words(acceptance: &Acceptance) -> String {
    let Acceptance { rule, sha256, path, function, ddi, until, .. } = acceptance;
    let said = [
        ("about", ddi.map(str::to_owned)),
        ("in the function", function.as_ref().map(ToString::to_string)),
        ("in", path.as_ref().map(ToString::to_string)),
        ("in", sha256.clone()),
        ("until", until.map(|day| day.to_string())),
    ];
    let said =
        said.into_iter().filter_map(|(what, said)| said.map(|said| format!("{what} {said}")));
    safe(&format!("{rule} {}", said.collect::<Vec<_>>().join(", "))).to_string()
}

fn as_json(effective: &Effective) -> String {
    let origin = |origin: Origin| match (place(origin, effective), origin) {
        (Some(place), _) => json!({ "from": "file", "place": place }),
        (None, Origin::CommandLine) => json!({ "from": "command-line" }),
        (None, _) => json!({ "from": "default" }),
    };
    let settings: Vec<Value> = rows(effective)
        .into_iter()
        .map(|row| json!({ "name": row.name, "value": row.value, "origin": origin(row.origin) }))
        .collect();
    let accept: Vec<Value> = effective
        .acceptances
        .each
        .iter()
        .map(|acceptance| {
            json!({
                "rule": acceptance.rule,
                "sha256": acceptance.sha256,
                "path": acceptance.path.as_ref().map(ToString::to_string),
                "function": acceptance.function.as_ref().map(ToString::to_string),
                "ddi": acceptance.ddi,
                "reason": acceptance.reason,
                "until": acceptance.until.map(|day| day.to_string()),
                "origin": origin(Origin::File(acceptance.line.unwrap_or_default())),
            })
        })
        .collect();
    let file = effective.file.as_ref().map(|file| file.name());
    let all = json!({ "settings_file": file, "settings": settings, "accept": accept });
    format!("{all:#}\n")
}
