//! The page of the settings file, made from the example that has every setting.

use super::{Page, roff};

/// The page's name.
pub(super) const NAME: &str = "ringfence.toml";

const EXAMPLE: &str = include_str!("../../../../../ringfence.example.toml");

pub(super) fn page() -> Page {
    let mut text = roff::title(NAME, 5);
    text += ".SH NAME\nringfence.toml \\- settings of ringfence scan and lint\n";
    text += ".SH DESCRIPTION\n";
    text += &told(EXAMPLE);
    text += &roff::see_also([("ringfence-scan", 1), ("ringfence-list-settings", 1)].into_iter());
    Page { name: NAME.to_owned(), section: 5, text: text.into_bytes() }
}

/// The example as a page: remarks above a setting are its text, and a setting is one though it is commented out.
fn told(example: &str) -> String {
    let (about, settings) = example.split_once("\n\n").unwrap_or(("", example));
    let uncommented = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned();
    let text = |remarks: &mut Vec<String>| -> String {
        remarks.drain(..).map(|remark| roff::escaped(&remark) + "\n").collect()
    };
    let mut remarks: Vec<_> = about.lines().map(uncommented).collect();
    let mut page = text(&mut remarks) + ".SH SETTINGS\n";
    for line in settings.lines().map(uncommented) {
        if let Some(table) = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
            page += &format!(".SH \"[[{}]]\"\n{}", roff::escaped(table), text(&mut remarks));
        } else if is_setting(&line) {
            page += &format!(".TP\n\\fB{}\\fR\n{}", roff::escaped(&line), text(&mut remarks));
        } else if !line.is_empty() {
            remarks.push(line);
        }
    }
    page
}

/// `name = value`.
fn is_setting(line: &str) -> bool {
    line.split_once(" = ").is_some_and(|(name, _)| {
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::Configuration;

    /// With its remarks made settings the example is a settings file, so every setting is on the page.
    #[test]
    fn every_setting_is_on_the_page() {
        let page = String::from_utf8(page().text).unwrap();
        let settings = EXAMPLE.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
        let settings: Vec<_> = settings.filter(|line| is_setting(line)).collect();
        assert!(Configuration::parse(&settings[..14].join("\n")).is_ok(), "{settings:?}");
        assert_eq!(page.matches("\n.TP\n").count(), settings.len());
        for setting in settings {
            assert!(page.contains(&format!("\\fB{}\\fR\n", roff::escaped(setting))), "{setting}");
        }
        assert!(page.contains(".SH \"[[accept]]\"\nA finding that is accepted changes no answer"));
    }
}
