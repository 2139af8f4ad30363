//! What stands around the drivers: head, frame, rule cards, style and script.

use super::rows::Rows;
use crate::Options;
use crate::excuse::Excused;
use crate::layout::{counted, grouped};
use crate::markup::{self, is_address, text};
use ringfence_finding::{Closing, Fault, RuleCard, Targets, Tool, Unread};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The whole style.
pub(super) const STYLE: &str = concat!(
    include_str!("page.css"),
    include_str!("overview.css"),
    include_str!("driver.css"),
    include_str!("print.css")
);

/// The whole script; the last part starts it.
pub(super) const SCRIPT: &str = concat!(
    include_str!("page.js"),
    include_str!("charts.js"),
    include_str!("drivers.js"),
    include_str!("evidence.js"),
    include_str!("map.js"),
    include_str!("driver.js"),
    include_str!("route.js")
);

/// What stands around every page of ours.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// What stands beside the name of the program.
    pub(crate) brand: &'a str,
    /// Links to the parts of the page.
    pub(crate) nav: &'a str,
    pub(crate) style: &'a str,
    pub(crate) script: &'a str,
}

/// Everything up to the drivers' data.
pub(super) fn write_start(out: &mut dyn Write, tool: &Tool, options: &Options) -> io::Result<()> {
    let rules = match options.cards.is_empty() {
        true => "",
        false => " <a href=\"#rules\" data-page=\"rules\">Rules</a>",
    };
    let nav = format!("<a href=\"#\" data-page=\"overview\">Drivers</a>{rules}");
    let frame = Frame {
        title: "Memory integrity report",
        brand: "memory integrity report",
        nav: &nav,
        style: STYLE,
        script: SCRIPT,
    };
    write_head(out, tool, &frame)
}

/// The head of a page, and the line above its content.
///
/// The policy lets nothing run, load or be sent but this very style and script: markup that a foreign string
/// might smuggle in would be dead.
pub(crate) fn write_head(out: &mut dyn Write, tool: &Tool, frame: &Frame<'_>) -> io::Result<()> {
    let Frame { title, brand, nav, style, script } = frame;
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; style-src '{}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"{} {}\">\n<title>{title}</title>\n\
         <style>{style}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to content</a>\n\
         <header class=\"top\">\n<p class=\"brand\"><a href=\"#\">ringfence</a> <span>{brand}</span></p>\n\
         <nav aria-label=\"Pages\">{nav}</nav>\n\
         <button type=\"button\" id=\"theme\" hidden>Dark<span class=\"wide-only\"> theme</span></button>\n</header>",
        digest(script),
        digest(style),
        text(tool.name),
        text(tool.version),
    )
}

/// The places that the script fills, and what stands there without it.
pub(super) fn write_main(
    out: &mut dyn Write,
    closing: &Closing,
    rows: &Rows,
    targets: Targets,
    options: &Options,
) -> io::Result<()> {
    writeln!(
        out,
        "<main id=\"main\" tabindex=\"-1\">\n<section id=\"overview\" aria-labelledby=\"overview-title\">\n\
         <h1 id=\"overview-title\">{}</h1>",
        counted(closing.totals.drivers, "driver")
    )?;
    if let Some(sentence) = rows.kinds.sentence() {
        writeln!(out, "<p class=\"conclusion\">{sentence}</p>")?;
    }
    let scope = scope(closing, rows.excused);
    writeln!(out, "<p class=\"scope\">{scope} · asked about {targets}</p>")?;
    rows.still.write(out, closing)?;
    out.write_all(b"<div id=\"charts\"></div>\n<div id=\"drivers\"></div>\n")?;
    write_troubles(out, &closing.faults, &closing.unread)?;
    out.write_all(
        b"</section>\n<section id=\"driver\" aria-labelledby=\"driver-title\" hidden></section>\n",
    )?;
    write_cards(out, &options.cards, published(options))?;
    out.write_all(b"</main>\n")
}

/// What made the report of what; it shall still say so on paper.
///
/// There is no date: the same files and settings give the same page, whenever it is written or opened.
pub(super) fn write_foot(
    out: &mut dyn Write,
    tool: Option<&Tool>,
    closing: &Closing,
    targets: Targets,
) -> io::Result<()> {
    let Some(Tool { name, version }) = tool else { return Ok(()) };
    writeln!(
        out,
        "<footer><p>{} {} · {}, {} · asked about {targets}</p></footer>",
        text(name),
        text(version),
        counted(closing.totals.files, "file"),
        counted(closing.totals.drivers, "driver"),
    )
}

/// The script, and the end.
pub(super) fn write_end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")
}

/// What the script must know beside the drivers.
#[derive(Serialize)]
pub(super) struct About<'a> {
    /// Where the rules and DDIs have pages of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    docs: Option<&'a str>,
    /// The Windows versions asked about, in words.
    targets: String,
    /// What each rule finds, for those whose card is on the page.
    cards: BTreeMap<&'a str, &'a str>,
}

pub(super) fn about(options: &Options, targets: Targets) -> About<'_> {
    let cards = options.cards.iter().map(|card| (card.id, card.summary)).collect();
    About { docs: published(options), targets: targets.to_string(), cards }
}

/// The published pages, where their address is one that a link may have.
pub(crate) fn published(options: &Options) -> Option<&str> {
    options.docs.as_deref().filter(|docs| is_address(docs))
}

/// `2 000 files · 1 731 distinct drivers · 12 findings (3 accepted) · 3 unread · 12 left out`.
fn scope(closing: &Closing, excused: Excused) -> String {
    let totals = &closing.totals;
    let distinct = totals.distinct.filter(|&distinct| distinct != totals.drivers);
    let some = |count: usize, word: &str| (count > 0).then(|| format!("{} {word}", grouped(count)));
    let aside = excused.told().map(|told| format!(" ({told})")).unwrap_or_default();
    let parts = [
        Some(counted(totals.files, "file")),
        distinct.map(|distinct| format!("{} distinct drivers", grouped(distinct))),
        Some(counted(totals.findings, "finding") + &aside),
        some(totals.malformed, "with malformed parts"),
        some(closing.unread.len(), "unread"),
        some(closing.left_out.total(), "left out, as they are no kernel drivers"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What could not be read, and where ringfence itself failed.
pub(crate) fn write_troubles(
    out: &mut dyn Write,
    faults: &[Fault],
    unread: &[Unread],
) -> io::Result<()> {
    if !faults.is_empty() {
        out.write_all(b"<section class=\"troubles\"><h2>Faults of ringfence itself, please report them</h2><ul>\n")?;
        for fault in faults {
            let (path, message) = (text(&fault.path), text(&fault.message));
            writeln!(out, "<li><code>{path}</code>: {} failed: {message}</li>", text(fault.rule))?;
        }
        out.write_all(b"</ul></section>\n")?;
    }
    if !unread.is_empty() {
        out.write_all(b"<section class=\"troubles\"><h2>Not read</h2><ul>\n")?;
        for unread in unread {
            let (path, reason) = (text(&unread.path), text(&unread.reason));
            writeln!(out, "<li><code>{path}</code>: {reason}</li>")?;
        }
        out.write_all(b"</ul></section>\n")?;
    }
    Ok(())
}

/// What the rules say of themselves.
pub(crate) fn write_cards(
    out: &mut dyn Write,
    cards: &[&RuleCard],
    docs: Option<&str>,
) -> io::Result<()> {
    if cards.is_empty() {
        return Ok(());
    }
    out.write_all(b"<section id=\"rules\" aria-labelledby=\"rules-title\">\n<h1 id=\"rules-title\" tabindex=\"-1\">Rules</h1>\n\
        <ul class=\"contents\">\n")?;
    for card in cards {
        writeln!(out, "<li><a href=\"#rule-{0}\">{0}</a> {1}</li>", card.id, text(card.summary))?;
    }
    out.write_all(b"</ul>\n")?;
    for card in cards {
        writeln!(out, "<article class=\"card\" id=\"rule-{}\">", card.id)?;
        out.write_all(markup::html(&card.markdown(), 2).as_bytes())?;
        if let Some(docs) = docs {
            let docs = text(docs);
            writeln!(
                out,
                "<p><a href=\"{docs}/rules/{0}.html\">{0} in the documentation</a></p>",
                card.id
            )?;
        }
        out.write_all(b"</article>\n")?;
    }
    out.write_all(b"</section>\n")
}

/// `sha256-…`, by which a policy names what it lets run.
pub(crate) fn digest(content: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(content)))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0, |group, index| {
            group << 8 | u32::from(chunk.get(index).copied().unwrap_or_default())
        });
        for index in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ringfence_finding::Level;

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    /// That of the empty string, as every guide to content security policies has it.
    #[test]
    fn a_digest_is_written_as_policies_want_it() {
        assert_eq!(digest(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    /// They would end their elements, or make the snapshots' replacement miss.
    #[test]
    fn style_and_script_do_not_end_themselves() {
        for asset in [STYLE, SCRIPT] {
            assert!(!asset.is_empty() && !asset.contains("</") && !asset.contains("<!--"));
            assert!(asset.is_ascii(), "a page is read the same in any encoding but for its data");
        }
    }

    static CARD: RuleCard = RuleCard {
        id: "some-rule",
        summary: "a < b",
        level: Level::Error,
        since: "0.1.0",
        senses: &[],
        also_known_as: &[],
        docs: " ## What it does\n Finds `a`.\n",
        file: "x.rs",
    };

    fn cards(docs: Option<&str>) -> String {
        let mut out = Vec::new();
        let options =
            Options { cards: vec![&CARD], docs: docs.map(str::to_owned), ..Options::default() };
        write_main(&mut out, &sample::closing(&[]), &Rows::default(), Targets::DEFAULT, &options)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_card_has_an_anchor_and_a_link_where_it_is_published() {
        let page = cards(Some("https://docs.test/x"));
        assert!(page.contains(
            "<article class=\"card\" id=\"rule-some-rule\">\n<h2>some-rule: a &lt; b</h2>"
        ));
        assert!(page.contains("<a href=\"https://docs.test/x/rules/some-rule.html\">"));
        assert!(!cards(None).contains("/rules/"));
        assert!(!cards(Some("javascript:alert(1)//")).contains("javascript"));
    }
}
