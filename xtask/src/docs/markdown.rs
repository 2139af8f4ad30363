//! From the Markdown of cards to HTML.

use super::names::{Names, slug};
use super::shell::{Place, escape};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Parser, Tag, TagEnd, TextMergeStream, html};

/// A text as HTML.
pub struct Rendered {
    /// The HTML.
    pub html: String,
    /// Its second-level headings: their anchors and words.
    pub headings: Vec<(String, String)>,
}

/// Renders `markdown`, whose names become links. Headings get anchors made of their words.
pub fn render(markdown: &str, names: &Names, place: &Place) -> Rendered {
    let mut renderer = Renderer { names, place, inside: None, headings: Vec::new() };
    let mut events = Vec::new();
    for event in TextMergeStream::new(Parser::new(markdown)) {
        renderer.take(event, &mut events);
    }
    let mut text = String::new();
    html::push_html(&mut text, events.into_iter());
    Rendered { html: text, headings: renderer.headings }
}

/// Where no names are linked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Heading,
    Link,
}

struct Renderer<'n> {
    names: &'n Names,
    place: &'n Place,
    inside: Option<Inside>,
    headings: Vec<(String, String)>,
}

impl<'n> Renderer<'n> {
    fn take<'t>(&mut self, event: Event<'t>, to: &mut Vec<Event<'t>>) {
        let raw = |text: String| Event::InlineHtml(CowStr::from(text));
        match event {
            Event::Start(Tag::Heading { .. }) => self.inside = Some(Inside::Heading),
            Event::End(TagEnd::Heading(level)) => {
                self.inside = None;
                // Those with words have been told with them.
                debug_assert!(level == HeadingLevel::H2, "cards have no other headings");
            }
            Event::Start(Tag::Link { .. }) => {
                self.inside = Some(Inside::Link);
                to.push(event);
            }
            Event::End(TagEnd::Link) => {
                self.inside = None;
                to.push(event);
            }
            // What is wider than the window can be scrolled by keyboard.
            Event::Start(Tag::CodeBlock(_)) => {
                to.push(raw("<pre tabindex=\"0\"><code>".to_owned()));
            }
            Event::End(TagEnd::CodeBlock) => to.push(raw("</code></pre>\n".to_owned())),
            Event::Text(text) if self.inside == Some(Inside::Heading) => {
                to.push(raw(self.heading(&text)));
            }
            Event::Text(text) if self.inside.is_none() => {
                to.push(raw(self.names.linked(&text, self.place)));
            }
            Event::Code(text) if self.inside.is_none() => {
                to.push(raw(format!("<code>{}</code>", self.names.linked(&text, self.place))));
            }
            // Our own texts have no HTML; what looks like it is text.
            Event::Html(text) | Event::InlineHtml(text) => to.push(Event::Text(text)),
            other => to.push(other),
        }
    }

    fn heading(&mut self, words: &str) -> String {
        let anchor = slug(words);
        let html = heading(&anchor, &escape(words));
        self.headings.push((anchor, words.to_owned()));
        html
    }
}

/// A heading that can be linked to, and is a link to itself.
pub fn heading(anchor: &str, html: &str) -> String {
    format!("<h2 id=\"{anchor}\"><a class=\"anchor\" href=\"#{anchor}\">{html}</a></h2>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_become_html() {
        let place = Place::of("rules/unaligned-section.html");
        let markdown = "## What it does\n\nFinds `MmMapIoSpace`, <b>\nand [x](https://y/).\n\n\
                        ```c\nMmMapIoSpace(a < b);\n```\n\n- <https://z/>\n";
        let rendered = render(markdown, &Names::all(), &place);
        let mm = "<a href=\"../ddis/MmMapIoSpace.html\">MmMapIoSpace</a>";
        assert_eq!(
            rendered.html,
            format!(
                "<h2 id=\"what-it-does\"><a class=\"anchor\" href=\"#what-it-does\">What it does</a></h2>\n\
                 <p>Finds <code>{mm}</code>, &lt;b&gt;\nand <a href=\"https://y/\">x</a>.</p>\n\
                 <pre tabindex=\"0\"><code>{mm}(a &lt; b);\n</code></pre>\n\
                 <ul>\n<li><a href=\"https://z/\">https://z/</a></li>\n</ul>\n"
            )
        );
        assert_eq!(rendered.headings, [("what-it-does".to_owned(), "What it does".to_owned())]);
    }
}
