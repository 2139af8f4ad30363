//! `ringfence list`

use crate::arguments::{Color, List, ListFormat, Listed};
use crate::command::list_settings;
use crate::{exit, terminal};
use clap::Subcommand;
use ringfence::report::{Options, ddis_json, ddis_table, rules_json, rules_table, wrap};
use ringfence::{TARGETS, Targets, ddis, rule_cards};
use serde_json::json;
use std::io::Write;

pub(crate) fn run(arguments: &List, color: Color) -> anyhow::Result<u8> {
    let Some(what) = &arguments.what else {
        return write(&everything(arguments.format, &terminal::options(color)));
    };
    let text = match what {
        Listed::Rules => {
            let cards: Vec<_> = rule_cards().collect();
            match arguments.format {
                ListFormat::Text => rules_table(&cards, &terminal::options(color)),
                ListFormat::Json => rules_json(&cards),
            }
        }
        Listed::Ddis => match arguments.format {
            ListFormat::Text => ddis_table(&ddis(), &terminal::options(color)),
            ListFormat::Json => ddis_json(&ddis()),
        },
        Listed::Targets => targets(arguments.format),
        Listed::Settings(settings) => {
            list_settings::text(settings, arguments.format, &terminal::options(color))?
        }
    };
    write(&text)
}

fn write(text: &str) -> anyhow::Result<u8> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(exit::FINE)
}

/// What can be listed, as the help says it.
fn everything(format: ListFormat, options: &Options) -> String {
    let command = Listed::augment_subcommands(clap::Command::new("list"));
    let about = |one: &clap::Command| one.get_about().map(ToString::to_string).unwrap_or_default();
    let rows = command.get_subcommands().map(|one| (one.get_name(), about(one)));
    match format {
        ListFormat::Text => {
            const INDENT: usize = 25;
            let rows = rows.map(|(name, about)| {
                let about = wrap(&about, options.width.saturating_sub(INDENT).max(INDENT));
                let about = about.join(&format!("\n{:INDENT$}", ""));
                format!("ringfence list {name:<8}  {about}\n")
            });
            rows.collect()
        }
        ListFormat::Json => {
            let rows = rows.map(|(name, about)| json!({ "name": name, "about": about }));
            format!("{:#}\n", rows.collect::<serde_json::Value>())
        }
    }
}

fn targets(format: ListFormat) -> String {
    let rows = TARGETS.iter().map(|target| match format {
        ListFormat::Text => {
            format!("{:<12}  {:<22}  build {}", target.id, target.name, target.build)
        }
        // Ids and names are plain ASCII without quotes.
        ListFormat::Json => {
            format!(
                "  {{\"id\": \"{}\", \"name\": \"{}\", \"build\": {}}}",
                target.id, target.name, target.build
            )
        }
    });
    match format {
        ListFormat::Text => {
            let rows: Vec<_> = rows.collect();
            format!(
                "{}\n\nasked about unless --target says otherwise: {}\n",
                rows.join("\n"),
                Targets::DEFAULT
            )
        }
        ListFormat::Json => format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n")),
    }
}
