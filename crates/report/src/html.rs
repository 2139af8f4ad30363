//! One page for a browser, with everything in it.
//!
//! What is said of a driver goes out when it comes, as JSON that the page's own script draws when somebody
//! opens that driver; of each only a row is kept for the tables at the end. So memory and the browser's work
//! stay small at thousands of drivers.

mod conclusion;
mod data;
mod embed;
mod ids;
pub(crate) mod page;
mod rows;
mod still;
mod texts;

use crate::{Options, Sink};
use data::Driver;
use ids::Ids;
use ringfence_finding::{Closing, Examination, Targets, Tool};
use rows::Rows;
use std::io::{self, Write};
use texts::Texts;

pub(crate) struct Html<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
    tool: Option<Tool>,
    targets: Targets,
    ids: Ids,
    texts: Texts,
    rows: Rows,
}

impl<'a> Html<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Html<'a> {
        let (ids, texts, rows) = (Ids::default(), Texts::default(), Rows::default());
        Html { out, options, tool: None, targets: Targets::DEFAULT, ids, texts, rows }
    }
}

impl Sink for Html<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        self.tool = Some(tool.clone());
        page::write_start(&mut *self.out, tool, &self.options)
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let id = self.ids.of(&examination.path);
        write!(self.out, "<script type=\"application/json\" id=\"data-{id}\">")?;
        let driver = Driver::new(examination, self.targets, &mut self.texts);
        embed::json(&mut *self.out, &driver)?;
        self.out.write_all(b"</script>\n")?;
        self.rows.add(&id, examination)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let out = &mut *self.out;
        page::write_main(out, closing, &self.rows, self.targets, &self.options)?;
        out.write_all(b"<script type=\"application/json\" id=\"report\">{")?;
        self.rows.write_data(out)?;
        out.write_all(b",\"texts\":")?;
        embed::json(out, &self.texts.list())?;
        out.write_all(b",\"about\":")?;
        embed::json(out, &page::about(&self.options, self.targets))?;
        out.write_all(b"}</script>\n")?;
        page::write_foot(out, self.tool.as_ref(), closing, self.targets)?;
        page::write_end(out)?;
        self.out.flush()
    }
}

/// A page without its style and script and their digests, which are the same in every one.
#[cfg(test)]
pub(crate) fn without_assets(page: &str) -> String {
    [page::STYLE, page::SCRIPT].iter().fold(page.to_owned(), |page, asset| {
        page.replace(asset, "…").replace(&page::digest(asset), "sha256-…")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, written};
    use crate::{Format, safe::is_harmful};

    fn document(options: Options) -> String {
        without_assets(&written(Format::Html, &sample::all(), options))
    }

    /// Every name of the samples that was made to fool a reader is in the page, and none as it was.
    #[test]
    fn foreign_text_is_text() {
        let mut evil = sample::hostile();
        evil.path = "</script><script>alert(1)</script><!--\u{2028}]]>.sys".to_owned();
        let version = evil.properties.version.as_mut().unwrap();
        version.company = Some("</noscript><img src=x onerror=alert(2)>".to_owned());
        let drivers = [evil, sample::hostile()];
        let page = without_assets(&written(Format::Html, &drivers, Options::default()));
        assert_eq!(page.chars().find(|&c| c != '\n' && is_harmful(c)), None);
        assert!(!page.contains("alert(1)</script>") && !page.contains("<img"));
        assert_eq!(page.matches("</noscript>").count(), 1);
        // One a driver, the report's own and the program.
        assert_eq!(page.matches("<script").count(), drivers.len() + 2);
        assert_eq!(page.matches("</script>").count(), drivers.len() + 2);
    }

    #[test]
    fn all_data_is_json() {
        let page = document(Options::default());
        let mut blocks = 0;
        for block in page.split("<script type=\"application/json\" id=\"").skip(1) {
            let json = block.split_once("\">").unwrap().1.split_once("</script>").unwrap().0;
            let _: serde_json::Value = serde_json::from_str(json).unwrap();
            blocks += 1;
        }
        assert_eq!(blocks, sample::all().len() + 1);
    }

    /// The page asks for nothing: what it names is elsewhere only where a reader follows a link.
    #[test]
    fn nothing_is_loaded() {
        let page = written(Format::Html, &sample::all(), Options::default());
        for loads in ["src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
            assert!(!page.contains(loads), "{loads}");
        }
    }
}
