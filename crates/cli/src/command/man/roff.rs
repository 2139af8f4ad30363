//! The parts of a manual page that clap_mangen writes otherwise or not at all.

use clap::{Arg, ArgAction, Command};
use ringfence::{TOOL, Tool};

/// The title. It has no date, so that equal sources make equal pages. Names and commands are neither hyphenated nor
/// drawn apart.
pub(super) fn title(name: &str, section: u8) -> String {
    let Tool { name: tool, version } = TOOL;
    format!(
        ".TH {} {section} \"\" \"{tool} {version}\" \"{tool} manual\"\n.nh\n.ad l\n",
        name.to_uppercase()
    )
}

/// `text` as it is printed, whatever roff means by some of its characters.
pub(super) fn escaped(text: &str) -> String {
    // In front of it, a point or quote is no request.
    let guard = if text.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{}", text.replace('\\', "\\e").replace('-', "\\-"))
}

/// What is typed, with the values that options take.
pub(super) fn synopsis(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let mut text = format!(".SH SYNOPSIS\n\\fB{}\\fR\n", escaped(name));
    let shown = |argument: &&Arg| !argument.is_hide_set() && !is_help(argument);
    let options = command.get_arguments().filter(shown).filter(|one| !one.is_positional());
    text.extend(options.map(|option| option_form(option) + "\n"));
    text.extend(command.get_positionals().filter(shown).map(|one| positional_form(one) + "\n"));
    if command.has_subcommands() {
        let (open, close) =
            if command.is_subcommand_required_set() { ("", "") } else { ("[", "]") };
        text += &format!("{open}\\fICOMMAND\\fR{close}\n");
    }
    text
}

/// It is in every list of options, and nothing to tell a command by.
fn is_help(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpLong | ArgAction::Version)
}

fn option_form(option: &Arg) -> String {
    let mut form = format!("\\fB\\-\\-{}\\fR", escaped(option.get_long().unwrap_or_default()));
    let takes = option.get_num_args().filter(|range| range.takes_values());
    if let Some(range) = takes {
        let equals = if option.is_require_equals_set() { "=" } else { "\\ " };
        let value = format!("{equals}\\fI{}\\fR", value_names(option));
        form += &if range.min_values() == 0 { format!("[{value}]") } else { value };
    }
    // An option with a list of values may be given several times too.
    let several = matches!(option.get_action(), ArgAction::Append);
    let (open, close) = if option.is_required_set() { ("", "") } else { ("[", "]") };
    format!("{open}{form}{close}{}", if several { "..." } else { "" })
}

fn positional_form(positional: &Arg) -> String {
    let several = positional.get_num_args().is_some_and(|range| range.max_values() > 1);
    let dots = if several { "..." } else { "" };
    let (open, close) = if positional.is_required_set() { ("", "") } else { ("[", "]") };
    format!("{open}\\fI{}\\fR{close}{dots}", value_names(positional))
}

fn value_names(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<_> = names.iter().map(|name| escaped(name)).collect();
    names.join(" ")
}

/// The commands of a command, each with its page.
pub(super) fn subcommands(command: &Command, page: &str) -> String {
    let told: Vec<_> = command.get_subcommands().filter(|one| super::is_told(one)).collect();
    if told.is_empty() {
        return String::new();
    }
    let mut text = ".SH COMMANDS\n".to_owned();
    for one in told {
        let about = one.get_about().map(ToString::to_string).unwrap_or_default();
        let name = escaped(&format!("{page}-{}", one.get_name()));
        text += &format!(".TP\n\\fB{name}\\fR(1)\n{}\n", escaped(&about));
    }
    text
}

/// What stands below a command's help: a paragraph stays one, `  key  words` becomes an entry of a list, and both
/// are filled to the width of the page.
pub(super) fn notes(text: &str) -> String {
    let mut page = ".SH NOTES\n".to_owned();
    for line in text.lines() {
        let words = line.trim_start();
        let entry = (line.len() - words.len() == 2).then(|| words.split_once("  ")).flatten();
        match entry {
            Some((key, rest)) => {
                page += &format!(".TP\n\\fB{}\\fR\n{}\n", escaped(key), escaped(rest.trim_start()));
            }
            None if words.is_empty() => page += ".PP\n",
            // A line that is indented further goes on with its entry.
            None => page += &format!("{}\n", escaped(words)),
        }
    }
    page
}

/// `SEE ALSO` with these pages and their sections.
pub(super) fn see_also<'n>(pages: impl Iterator<Item = (&'n str, u8)>) -> String {
    let pages: Vec<_> =
        pages.map(|(name, section)| format!("\\fB{}\\fR({section})", escaped(name))).collect();
    format!(".SH \"SEE ALSO\"\n{}\n", pages.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::CommandFactory;

    /// groff's own rules for what begins a line.
    #[test]
    fn no_line_is_a_request_by_accident() {
        assert_eq!(escaped(".b\\c"), "\\&.b\\ec");
        assert_eq!(escaped("'d --e"), "\\&'d \\-\\-e");
    }

    #[test]
    fn notes_are_filled_and_codes_are_a_list() {
        let text = "One line\nand another.\n\nCodes:\n  2  usage error,\n     or so\n  0  none";
        assert_eq!(
            notes(text),
            ".SH NOTES\nOne line\nand another.\n.PP\nCodes:\n.TP\n\\fB2\\fR\nusage error,\nor so\n\
             .TP\n\\fB0\\fR\nnone\n"
        );
    }

    #[test]
    fn a_synopsis_says_what_options_take() {
        let mut program = Arguments::command();
        program.build();
        let text = synopsis(program.find_subcommand("scan").unwrap());
        for form in [
            "\\fBringfence scan\\fR\n",
            "[\\fB\\-\\-format\\fR\\ \\fIFORMAT\\fR]\n",
            "[\\fB\\-\\-report\\fR\\ \\fIFORMAT=FILE\\fR]...\n",
            "[\\fB\\-\\-strict\\fR[=\\fIBOOL\\fR]]\n",
            "[\\fB\\-\\-isolated\\fR]\n",
            "\n\\fIINPUT\\fR...\n",
        ] {
            assert!(text.contains(form), "{form}: {text}");
        }
    }
}
