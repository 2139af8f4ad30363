//! `ringfence man`

use crate::arguments::{Arguments, Manual};
use crate::exit;
use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use ringfence::{TOOL, similar};
use std::fs;
use std::io::Write;
use std::path::Path;

pub(crate) fn run(arguments: &Manual) -> anyhow::Result<u8> {
    let pages = pages()?;
    if let Some(folder) = &arguments.out {
        for page in &pages {
            write(&folder.join(format!("{}.1", page.name)), &page.text)?;
        }
        return Ok(exit::FINE);
    }
    let wanted = match &arguments.command {
        Some(command) => format!("{}-{command}", TOOL.name),
        None => TOOL.name.to_owned(),
    };
    let Some(page) = pages.iter().find(|page| page.name == wanted) else {
        let commands = pages.iter().filter_map(|page| page.name.split_once('-'));
        let commands: Vec<_> = commands.map(|(_, command)| command).collect();
        let typed = arguments.command.as_deref().unwrap_or_default();
        let meant = match similar(typed, commands.iter().copied()).first() {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("there are {}", commands.join(", ")),
        };
        anyhow::bail!("no command is called `{}`\n  help: {meant}", ringfence::report::safe(typed));
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&page.text)?;
    stdout.flush()?;
    Ok(exit::FINE)
}

struct Page {
    /// Without its section, such as `ringfence-scan`.
    name: String,
    text: Vec<u8>,
}

/// The page of the program, then one a command.
fn pages() -> anyhow::Result<Vec<Page>> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: Vec<_> = commands.cloned().collect();
    std::iter::once(program).chain(commands).map(page).collect()
}

fn page(command: Command) -> anyhow::Result<Page> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let notes = command.get_after_help().map(|help| help.to_string());
    let is_program = name == TOOL.name;
    let man = Man::new(command.display_name(name.clone()));
    // Without a date, so that equal sources make equal pages.
    let mut text = format!(
        ".TH {} 1 \"\" \"{} {}\" \"{} manual\"\n",
        name.to_uppercase(),
        TOOL.name,
        TOOL.version,
        TOOL.name
    )
    .into_bytes();
    let render = |text: &mut Vec<u8>| {
        man.render_name_section(text)?;
        man.render_synopsis_section(text)?;
        man.render_description_section(text)?;
        man.render_options_section(text)?;
        if is_program { man.render_subcommands_section(text) } else { Ok(()) }
    };
    render(&mut text).context("cannot make the page")?;
    if let Some(notes) = notes {
        text.extend(as_it_stands("NOTES", &notes).into_bytes());
    }
    if !is_program {
        text.extend(format!(".SH \"SEE ALSO\"\n.BR {} (1)\n", TOOL.name).into_bytes());
    }
    Ok(Page { name, text })
}

/// A section whose lines stay as they are.
fn as_it_stands(heading: &str, text: &str) -> String {
    let line = |line: &str| {
        // In front of it, a point or quote is no request.
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        format!("{guard}{}\n", line.replace('\\', "\\e").replace('-', "\\-"))
    };
    let lines: String = text.lines().map(line).collect();
    format!(".SH {heading}\n.nf\n{lines}.fi\n")
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_options() {
        let pages = pages().unwrap();
        let names: Vec<_> = pages.iter().map(|page| &page.name[..]).collect();
        assert_eq!(names[0], "ringfence");
        for command in Arguments::command().get_subcommands() {
            let name = format!("ringfence-{}", command.get_name());
            let page = pages.iter().find(|page| page.name == name).expect(&name);
            let text = String::from_utf8_lossy(&page.text);
            for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
                let written = format!("\\-\\-{}", option.replace('-', "\\-"));
                assert!(text.contains(&written), "{name} lacks {option}");
            }
        }
    }

    /// groff's own rules for what begins a line.
    #[test]
    fn no_line_is_a_request_by_accident() {
        assert_eq!(
            as_it_stands("A", ".b\\c\n'd --e"),
            ".SH A\n.nf\n\\&.b\\ec\n\\&'d \\-\\-e\n.fi\n"
        );
    }
}
