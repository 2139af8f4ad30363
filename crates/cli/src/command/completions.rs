//! `ringfence completions`

use crate::arguments::{Arguments, Completions};
use crate::exit;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use ringfence::report::Format;
use ringfence::{TARGETS, ddi, rule_cards};
use std::io::Write;

pub(crate) fn run(arguments: &Completions) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    let mut command = command();
    clap_complete::generate(arguments.shell, &mut command, "ringfence", &mut script);
    match arguments.shell {
        Shell::Fish => script.extend(fish_positionals(&command).into_bytes()),
        Shell::Bash => script = without_space_behind_equals(&script),
        _ => {}
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&script)?;
    stdout.flush()?;
    Ok(exit::FINE)
}

/// What `--report` takes begins so.
const REPORTS: [&str; Format::ALL.len()] = [
    "full=",
    "concise=",
    "summary=",
    "json=",
    "jsonl=",
    "sarif=",
    "html=",
    "junit=",
    "markdown=",
    "github=",
    "csv=",
    "msvc=",
];

/// Behind `--report sarif=` the file's name follows, so bash is asked for no space there.
fn without_space_behind_equals(script: &[u8]) -> Vec<u8> {
    const EQUALS: &str = "_ringfence_equals() {
    _ringfence \"$@\"
    if [[ ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}

";
    let script = String::from_utf8_lossy(script);
    let script = script.replace("complete -F _ringfence -o", "complete -F _ringfence_equals -o");
    (EQUALS.to_owned() + &script).into_bytes()
}

/// What `--gate` takes: a shell does not go on behind a comma, so the lists are words too.
const GATES: [&str; 7] =
    ["load", "run", "certify", "load,run", "load,certify", "run,certify", "load,run,certify"];

/// The command line as shells offer it: names that are looked up elsewhere when they are given are
/// listed here, so that `ringfence explain Mm` and a tab tell what there is.
fn command() -> Command {
    let ddis: Vec<_> = ddi::all().iter().map(|ddi| ddi.name).filter(offered).collect();
    let rules = rule_cards().flat_map(|card| card.names()).filter(offered);
    let mut names: Vec<_> = rules.chain(ddis.iter().copied()).collect();
    names.sort_unstable();
    names.dedup();
    let families = ["all", "win10", "win11", "server"];
    let targets: Vec<_> = TARGETS.iter().map(|target| target.id).chain(families).collect();
    Arguments::command()
        .mut_subcommand("explain", |explain| known(explain, "name", &names))
        .mut_subcommand("calls", |calls| known(calls, "ddi", &ddis))
        .mut_subcommand("scan", |scan| {
            let scan = known(known(scan, "target", &targets), "gate", &GATES);
            known(scan, "report", &REPORTS)
        })
}

/// What may stand where no option is asked for: clap_complete leaves that out for fish.
fn fish_positionals(command: &Command) -> String {
    let mut script = String::new();
    for subcommand in command.get_subcommands() {
        for positional in subcommand.get_positionals() {
            let values = positional.get_possible_values();
            let names: Vec<_> = values.iter().map(|value| value.get_name()).collect();
            if !names.is_empty() {
                script += &format!(
                    "complete -c ringfence -n \"__fish_ringfence_using_subcommand {}\" -f -a \"{}\"\n",
                    subcommand.get_name(),
                    names.join(" ")
                );
            }
        }
    }
    script
}

/// Shells split words at colons and spaces, so names with those cannot be offered in all of them.
fn offered(name: &&'static str) -> bool {
    !name.contains([':', ' '])
}

fn known(command: Command, argument: &'static str, names: &[&'static str]) -> Command {
    command.mut_arg(argument, |argument| {
        argument.value_parser(PossibleValuesParser::new(names.iter().copied()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_offered_as_a_report() {
        assert_eq!(REPORTS.to_vec(), Format::ALL.map(|format| format!("{}=", format.name())));
    }
}
