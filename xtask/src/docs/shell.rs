//! What every page has around what it says.

use super::home;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// Where a page is, from which its links go.
pub struct Place {
    path: String,
}

impl Place {
    /// The place of the page at `path` below the root.
    pub fn of(path: &str) -> Place {
        Place { path: path.to_owned() }
    }

    /// The link from here to a path below the root.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", "../".repeat(self.path.matches('/').count()))
    }

    /// Whether a path below the root is this page's.
    pub fn is_at(&self, path: &str) -> bool {
        self.path == path
    }
}

/// What a page says, and the shell it is put into.
pub struct Content<'c> {
    /// Where it is.
    pub place: &'c Place,
    /// What a browser calls it.
    pub title: &'c str,
    /// What search engines and previews say of it.
    pub about: &'c str,
    /// What stands in the middle.
    pub main: &'c str,
    /// A script, for the page that has one.
    pub script: Option<&'c str>,
}

impl Content<'_> {
    /// The whole page.
    ///
    /// Style and script are in the page and are let in by their digests alone: `'self'` means nothing
    /// that browsers agree on where a page is a file on a disk.
    pub fn page(&self) -> String {
        let script_hash = self.script.map_or("'none'".to_owned(), hash);
        let script = self.script.map(|script| format!("<script>{script}</script>\n"));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src {style_hash}; script-src {script_hash}; base-uri 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta name=\"description\" content=\"{about}\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">To the content</a>\n{header}\
             <main id=\"main\">\n{main}</main>\n{footer}{script}</body>\n</html>\n",
            style_hash = hash(STYLE),
            about = escape(self.about),
            title = escape(self.title),
            header = self.header(),
            main = self.main,
            footer = footer(),
            script = script.unwrap_or_default(),
        )
    }

    fn header(&self) -> String {
        let links: String = home::SECTIONS
            .iter()
            .map(|(path, words)| {
                let here = if self.place.is_at(path) { " aria-current=\"page\"" } else { "" };
                format!("<li><a href=\"{}\"{here}>{words}</a></li>\n", self.place.to(path))
            })
            .collect();
        // The page with the script answers; from every other a question is sent there.
        let search = match self.script {
            Some(_) => String::new(),
            None => format!(
                "<form role=\"search\" action=\"{}\">\n<input type=\"search\" name=\"q\" \
                 aria-label=\"Search rules, DDIs and bug checks\" placeholder=\"0xC4:0x2003\" \
                 autocomplete=\"off\" spellcheck=\"false\">\n<button type=\"submit\">Search</button>\n</form>\n",
                self.place.to(home::PATH)
            ),
        };
        format!(
            "<header class=\"top\">\n<a class=\"brand\" href=\"{}\">ringfence</a>\n\
             <nav aria-label=\"Site\">\n<ul>\n{links}</ul>\n</nav>\n{search}</header>\n",
            self.place.to(home::PATH)
        )
    }
}

fn footer() -> String {
    format!(
        "<footer class=\"bottom\">\n<p>Made from ringfence {}, word for word what \
         <code>ringfence explain</code> says.</p>\n</footer>\n",
        ringfence::TOOL.version
    )
}

/// `text` as it stands in HTML, in attributes as well.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

/// The source expression that lets in an element with this very content.
pub fn hash(content: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(content)))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| char::from(LETTERS[bits as usize & 63]);
    let mut text = String::new();
    for piece in bytes.chunks(3) {
        let byte = |index: usize| piece.get(index).map_or(0, |byte| u32::from(*byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letters = [bits >> 18, bits >> 12, bits >> 6, bits].map(letter);
        text.extend(&letters[..=piece.len()]);
        text.extend(&['='; 2][..3 - piece.len()]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    /// The example of Content Security Policy Level 3, section 8.3.
    #[test]
    fn a_script_is_let_in_by_its_digest() {
        assert_eq!(
            hash("alert('Hello, world.');"),
            "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
        );
    }

    #[test]
    fn links_go_by_way_of_the_root() {
        assert_eq!(Place::of("rules/a.html").to("ddis/b.html"), "../ddis/b.html");
        assert_eq!(Place::of("index.html").to("ddis/b.html"), "ddis/b.html");
    }
}
