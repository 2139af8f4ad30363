//! `ringfence list`

use crate::arguments::{Color, List, ListFormat, Listed};
use crate::{exit, terminal};
use ringfence::report::{ddis_json, ddis_table, rules_json, rules_table};
use ringfence::{TARGETS, Targets, ddis, rule_cards};
use std::io::Write;

pub(crate) fn run(arguments: &List, color: Color) -> anyhow::Result<u8> {
    let text = match arguments.what {
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
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(exit::FINE)
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
