//! `ringfence man`

mod roff;
mod settings;

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
            write(&folder.join(format!("{}.{}", page.name, page.section)), &page.text)?;
        }
        return Ok(exit::FINE);
    }
    let typed = arguments.command.join("-");
    let Some(page) = pages.iter().find(|page| page.is_about(&typed)) else {
        let known: Vec<_> = pages.iter().map(Page::about).filter(|name| !name.is_empty()).collect();
        let meant = match similar(&typed, known.iter().copied()).first() {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("there are {}", known.join(", ")),
        };
        anyhow::bail!(
            "no command is called `{}`\n  help: {meant}",
            ringfence::report::safe(&typed)
        );
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&page.text)?;
    stdout.flush()?;
    Ok(exit::FINE)
}

struct Page {
    /// Without its section, such as `ringfence-scan`.
    name: String,
    section: u8,
    text: Vec<u8>,
}

impl Page {
    /// The command, without the program's name; nothing for the program itself.
    fn about(&self) -> &str {
        let rest = self.name.strip_prefix(TOOL.name).unwrap_or(&self.name);
        match rest.strip_prefix('-') {
            Some(command) => command,
            None if rest.is_empty() => rest,
            None => &self.name,
        }
    }

    fn is_about(&self, typed: &str) -> bool {
        self.about() == typed || self.name == typed
    }
}

/// The page of the program, then one a command and a command's command, then that of the settings file.
fn pages() -> anyhow::Result<Vec<Page>> {
    let mut program = Arguments::command();
    program.build();
    let mut pages = Vec::new();
    add(&program, &mut pages)?;
    pages.push(settings::page());
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<Page>) -> anyhow::Result<()> {
    pages.push(page(command)?);
    for inner in command.get_subcommands().filter(|inner| is_told(inner)) {
        add(inner, pages)?;
    }
    Ok(())
}

/// clap's own `help` says what `--help` does.
fn is_told(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn page(command: &Command) -> anyhow::Result<Page> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let man = Man::new(command.clone().display_name(name.clone()));
    let mut text = roff::title(&name, 1).into_bytes();
    man.render_name_section(&mut text).context("cannot make the page")?;
    text.extend(roff::synopsis(command).into_bytes());
    man.render_description_section(&mut text)
        .and_then(|()| man.render_options_section(&mut text))
        .context("cannot make the page")?;
    text.extend(roff::subcommands(command, &name).into_bytes());
    if let Some(notes) = command.get_after_help() {
        text.extend(roff::notes(&notes.to_string()).into_bytes());
    }
    let is_program = name == TOOL.name;
    let is_set = ["-scan", "-settings"].iter().any(|end| name.ends_with(end));
    let program = (!is_program).then_some((TOOL.name, 1));
    let settings = (is_program || is_set).then_some((settings::NAME, 5));
    text.extend(roff::see_also(program.into_iter().chain(settings)).into_bytes());
    Ok(Page { name, section: 1, text })
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'p>(pages: &'p [Page], name: &str) -> &'p str {
        let page = pages.iter().find(|page| page.name == name).expect(name);
        std::str::from_utf8(&page.text).unwrap()
    }

    fn every(command: &Command, tell: &mut dyn FnMut(&Command)) {
        command.get_subcommands().filter(|one| is_told(one)).for_each(|one| {
            tell(one);
            every(one, tell);
        });
    }

    #[test]
    fn every_command_has_a_page_with_its_options() {
        let pages = pages().unwrap();
        assert_eq!(pages[0].name, "ringfence");
        let mut program = Arguments::command();
        program.build();
        let mut names = Vec::new();
        every(&program, &mut |command| {
            let name = command.get_display_name().unwrap();
            names.push(name.to_owned());
            let page = text(&pages, name);
            for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
                let written = format!("\\-\\-{}", option.replace('-', "\\-"));
                assert!(page.contains(&written), "{name} lacks {option}");
            }
        });
        for name in ["ringfence-scan", "ringfence-list", "ringfence-list-rules"] {
            assert!(names.iter().any(|known| known == name), "{names:?}");
        }
    }

    #[test]
    fn a_page_names_the_pages_below_it() {
        let pages = pages().unwrap();
        for name in ["rules", "ddis", "targets", "settings"] {
            let page = text(&pages, "ringfence-list");
            assert!(page.contains(&format!("ringfence\\-list\\-{name}")), "{page}");
        }
        let program = text(&pages, "ringfence");
        assert!(program.contains("ringfence\\-scan"), "{program}");
    }

    #[test]
    fn a_page_is_found_by_what_is_typed() {
        let pages = pages().unwrap();
        let found =
            |typed: &str| pages.iter().find(|page| page.is_about(typed)).unwrap().name.clone();
        for (typed, name) in [
            ("", "ringfence"),
            ("scan", "ringfence-scan"),
            ("list-rules", "ringfence-list-rules"),
            ("ringfence-list-rules", "ringfence-list-rules"),
            ("ringfence.toml", "ringfence.toml"),
        ] {
            assert_eq!(found(typed), name);
        }
    }
}
