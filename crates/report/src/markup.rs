//! HTML: foreign text made harmless for it, and Markdown turned into it.
//!
//! The Markdown is that of rule cards and DDI pages. Raw HTML in it is text, and links lead to the web, to
//! a place on the same site or to one on the same page: whatever is written, nothing runs.
//!
//! ```
//! use ringfence_report::markup;
//!
//! assert_eq!(markup::text("a<b & \u{202e}c"), r"a&lt;b &amp; \u{202e}c");
//! assert_eq!(
//!     markup::html("## Why\n\nSee `x`: https://example.com/a.", 3),
//!     "<h3>Why</h3>\n<p>See <code>x</code>: <a href=\"https://example.com/a\">https://example.com/a</a>.</p>\n"
//! );
//! ```

use crate::safe::safe;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};
use std::borrow::Cow;

/// `text` as it may stand between tags and in quoted attributes. What steers a terminal or hides in a name
/// is told by its number, as on a terminal: a page is read, copied and compared too.
pub fn text(text: &str) -> Cow<'_, str> {
    let text = safe(text);
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// The HTML of `markdown`, whose highest heading becomes one of level `highest` (1 to 6), those below it
/// in proportion.
///
/// Addresses that stand for themselves become links.
pub fn html(markdown: &str, highest: u8) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events: Vec<Event<'_>> = Parser::new_ext(markdown, options).collect();
    let first = events.iter().filter_map(level).min().unwrap_or(1);
    let mut page = Page { out: String::new(), lowered: highest.max(1), first, ..Page::default() };
    for event in events {
        page.take(event);
    }
    page.out
}

/// Whether an address may be a link: one on the web, or one without a scheme.
pub fn is_address(address: &str) -> bool {
    let scheme = address.split(['/', '?', '#']).next().unwrap_or_default();
    let web = address.starts_with("https://") || address.starts_with("http://");
    !address.is_empty()
        && safe(address) == address
        && (web || (!scheme.contains(':') && !address.starts_with("//")))
}

fn level(event: &Event<'_>) -> Option<u8> {
    match event {
        Event::Start(Tag::Heading { level, .. }) => Some(*level as u8),
        _ => None,
    }
}

#[derive(Default)]
struct Page {
    out: String,
    /// The level that headings of level `first` get.
    lowered: u8,
    first: u8,
    /// For each link that is open, whether it has a tag.
    links: Vec<bool>,
    /// Whether the text is code, in which addresses are no links.
    in_code: bool,
    /// Whether the cells are those of a table's head.
    in_head: bool,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(words) => self.words(&words),
            Event::Code(code) => self.tagged("code", &code),
            Event::Html(raw) | Event::InlineHtml(raw) => self.push_text(&raw),
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => self.out.push_str("<br>\n"),
            Event::Rule => self.out.push_str("<hr>\n"),
            // Of extensions that are not switched on.
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.out += &format!("<h{}>", self.heading(*level)),
            Tag::CodeBlock(kind) => {
                self.in_code = true;
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([',', ' ']).next().unwrap_or(""),
                    CodeBlockKind::Indented => "",
                };
                // A long line is scrolled to, also by keyboard.
                let label = if language.is_empty() { "code" } else { language };
                self.out += &format!(
                    "<pre tabindex=\"0\" role=\"group\" aria-label=\"example: {}\"><code>",
                    text(label)
                );
            }
            Tag::List(Some(start)) if *start != 1 => {
                self.out += &format!("<ol start=\"{start}\">\n");
            }
            Tag::Link { link_type, dest_url, .. } => {
                let address = match link_type {
                    LinkType::Email => "",
                    _ => dest_url,
                };
                self.links.push(is_address(address));
                if is_address(address) {
                    self.out += &format!("<a href=\"{}\">", text(address));
                }
            }
            Tag::TableHead => {
                self.in_head = true;
                self.out.push_str("<thead><tr>");
            }
            Tag::TableCell => self.out.push_str(if self.in_head { "<th>" } else { "<td>" }),
            other => {
                if let Some((name, after)) = plain(&other.to_end()) {
                    self.out += &format!("<{name}>{after}");
                }
            }
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => self.out += &format!("</h{}>\n", self.heading(level)),
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.out.push_str("</code></pre>\n");
            }
            TagEnd::Link => {
                if self.links.pop() == Some(true) {
                    self.out.push_str("</a>");
                }
            }
            TagEnd::TableHead => {
                self.in_head = false;
                self.out.push_str("</tr></thead>\n");
            }
            TagEnd::TableCell => self.out.push_str(if self.in_head { "</th>" } else { "</td>" }),
            other => {
                if let Some((name, _)) = plain(&other) {
                    let inline = matches!(name, "em" | "strong" | "del");
                    self.out += &format!("</{name}>{}", if inline { "" } else { "\n" });
                }
            }
        }
    }

    /// A heading's level on this page.
    fn heading(&self, level: HeadingLevel) -> u8 {
        (level as u8).saturating_sub(self.first).saturating_add(self.lowered).min(6)
    }

    fn tagged(&mut self, name: &str, words: &str) {
        self.out += &format!("<{name}>{}</{name}>", text(words));
    }

    /// Text in which line breaks stay what they are.
    fn push_text(&mut self, words: &str) {
        for (index, line) in words.split('\n').enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            self.out.push_str(&text(line));
        }
    }

    /// Text, with its addresses as links unless it is code or part of a link.
    fn words(&mut self, words: &str) {
        let mut rest = words;
        while !self.in_code
            && self.links.is_empty()
            && let Some(start) = rest.find("https://").or_else(|| rest.find("http://"))
        {
            let address = address(&rest[start..]);
            self.push_text(&rest[..start]);
            if is_address(address) {
                self.out += &format!("<a href=\"{0}\">{0}</a>", text(address));
            } else {
                self.push_text(address);
            }
            rest = &rest[start + address.len()..];
        }
        self.push_text(rest);
    }
}

/// The address that `text` begins with, without the full stop or bracket that ends its sentence.
fn address(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`'));
    text[..end.unwrap_or(text.len())]
        .trim_end_matches(['.', ',', ';', ':', ')', ']', '!', '?', '\''])
}

/// Tags without attributes, each with what stands behind its start.
fn plain(tag: &TagEnd) -> Option<(&'static str, &'static str)> {
    Some(match tag {
        TagEnd::Paragraph => ("p", ""),
        TagEnd::BlockQuote(_) => ("blockquote", "\n"),
        TagEnd::List(true) => ("ol", "\n"),
        TagEnd::List(false) => ("ul", "\n"),
        TagEnd::Item => ("li", ""),
        TagEnd::Table => ("table", "\n"),
        TagEnd::TableRow => ("tr", ""),
        TagEnd::Emphasis => ("em", ""),
        TagEnd::Strong => ("strong", ""),
        TagEnd::Strikethrough => ("del", ""),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_card_become_html() {
        let card = "# id: words\n\n## What it does\nFinds **both**, `A & B`\nand *more*.\n\n- one\n- two\n  1. \
                    in it\n\n```c,fires\nif (a < b) f(\"x\");\n```\n";
        assert_eq!(
            html(card, 2),
            "<h2>id: words</h2>\n<h3>What it does</h3>\n<p>Finds <strong>both</strong>, <code>A &amp; B</code>\n\
             and <em>more</em>.</p>\n<ul>\n<li>one</li>\n<li>two<ol>\n<li>in it</li>\n</ol>\n</li>\n</ul>\n\
             <pre tabindex=\"0\" role=\"group\" aria-label=\"example: c\"><code>if (a &lt; b) \
             f(&quot;x&quot;);\n</code></pre>\n"
        );
    }

    #[test]
    fn a_table_has_a_head() {
        assert_eq!(
            html("| a | b |\n|---|---|\n| 1 | 2 |\n", 2),
            "<table>\n<thead><tr><th>a</th><th>b</th></tr></thead>\n<tr><td>1</td><td>2</td></tr>\n</table>\n"
        );
    }

    #[test]
    fn headings_keep_their_distance_but_not_below_six() {
        assert_eq!(html("## a\n#### b\n", 5), "<h5>a</h5>\n<h6>b</h6>\n");
    }

    #[test]
    fn addresses_become_links_where_they_are_not_code() {
        assert_eq!(
            html(
                "(https://a.test/x_y?b=1&c=2), `https://b.test` <https://c.test> [d](https://d.test/)",
                2
            ),
            "<p>(<a href=\"https://a.test/x_y?b=1&amp;c=2\">https://a.test/x_y?b=1&amp;c=2</a>), \
             <code>https://b.test</code> <a href=\"https://c.test\">https://c.test</a> \
             <a href=\"https://d.test/\">d</a></p>\n"
        );
    }

    #[test]
    fn nothing_that_runs_comes_through() {
        for (markdown, expected) in [
            ("<script>alert(1)</script>\n", "&lt;script&gt;alert(1)&lt;/script&gt;\n"),
            ("a <img src=x onerror=y>", "<p>a &lt;img src=x onerror=y&gt;</p>\n"),
            ("[a](javascript:alert(1))", "<p>a</p>\n"),
            ("[a](//evil.test)", "<p>a</p>\n"),
            ("[a](data:text/html,x)", "<p>a</p>\n"),
            ("![a](https://evil.test/pixel.png)", "<p>a</p>\n"),
            (
                "[a](https://a.test/\"onclick=\"b)",
                "<p><a href=\"https://a.test/&quot;onclick=&quot;b\">a</a></p>\n",
            ),
        ] {
            assert_eq!(html(markdown, 2), expected, "{markdown}");
        }
    }

    #[test]
    fn foreign_text_is_escaped_for_tags_and_attributes() {
        assert_eq!(text("'\"<&>\u{7}\u{2028}"), "&#39;&quot;&lt;&amp;&gt;\\u{7}\\u{2028}");
        assert!(matches!(text("Größe 株式会社"), Cow::Borrowed(_)));
    }

    #[test]
    fn relative_addresses_are_links_and_other_schemes_are_not() {
        for good in ["https://a.test", "../rules/a.html", "a.html#b:c", "#rule-x"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "javascript:a", "JAVASCRIPT:a", "//a.test", "mailto:a@b", "https://a\u{202e}"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
