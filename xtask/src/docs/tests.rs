//! The website as browsers and readers take it: a tokenizer by the letter of the HTML standard reads every page.

use super::{Page, pages};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use std::collections::{BTreeMap, BTreeSet};

/// Elements that have no end.
const VOID: [&str; 5] = ["meta", "input", "wbr", "br", "link"];

/// What a page is made of, and what is wrong with it.
#[derive(Default)]
struct Seen {
    ids: Vec<String>,
    links: Vec<String>,
    open: Vec<String>,
    wrong: Vec<String>,
    elements: BTreeMap<String, usize>,
    /// Characters of text.
    text: usize,
}

impl Seen {
    fn take(&mut self, token: Token) {
        match token {
            Token::StartTag(tag) => self.start(&tag),
            Token::EndTag(tag) => {
                let name = words(&tag.name);
                if self.open.pop().as_ref() != Some(&name) {
                    self.wrong.push(format!("</{name}> closes something else"));
                }
            }
            Token::String(text) => self.text += text.value.len(),
            Token::Error(error) => self.wrong.push(error.value.to_string()),
            Token::Comment(_) | Token::Doctype(_) => {}
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = words(&tag.name);
        for (attribute, value) in &tag.attributes {
            let value = words(value);
            match &*words(attribute) {
                "id" => self.ids.push(value),
                "href" | "action" => self.links.push(value),
                "src" | "style" => self.wrong.push(format!("{value} is not let in")),
                handler if handler.starts_with("on") => self.wrong.push(handler.to_owned()),
                _ => {}
            }
        }
        *self.elements.entry(name.clone()).or_default() += 1;
        if !VOID.contains(&&*name) {
            self.open.push(name);
        }
    }
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn seen(html: &str) -> Seen {
    let mut emitter = DefaultEmitter::default();
    // What stands in scripts and styles is no HTML.
    emitter.naively_switch_states(true);
    let mut seen = Seen::default();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        seen.take(token.expect("a string can be read"));
    }
    let open = std::mem::take(&mut seen.open);
    seen.wrong.extend(open.into_iter().map(|name| format!("<{name}> is not closed")));
    seen
}

/// The path that a link of the page at `path` leads to, and the anchor there.
fn target(path: &str, link: &str) -> (String, Option<String>) {
    let (to, anchor) = match link.split_once('#') {
        Some((to, anchor)) => (to, Some(anchor.to_owned())),
        None => (link, None),
    };
    let mut parts: Vec<_> = path.split('/').collect();
    if !to.is_empty() {
        parts.pop();
        for part in to.split('/') {
            match part {
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
    }
    (parts.join("/"), anchor)
}

fn all() -> BTreeMap<String, (Page, Seen)> {
    let pages = pages();
    let count = pages.len();
    let all: BTreeMap<_, _> = pages
        .into_iter()
        .map(|page| {
            (page.path.clone(), {
                let seen = seen(&page.html);
                (page, seen)
            })
        })
        .collect();
    assert_eq!(all.len(), count, "two pages have one path");
    all
}

#[test]
fn every_page_is_whole() {
    for (path, (_, seen)) in all() {
        assert_eq!(seen.wrong, [""; 0], "{path}");
        let once = |name: &str| seen.elements.get(name).copied();
        for name in ["html", "head", "title", "main", "h1", "style"] {
            assert_eq!(once(name), Some(1), "{name} in {path}");
        }
        assert!(seen.text > 500, "{path} says little");
        let unique: BTreeSet<_> = seen.ids.iter().collect();
        assert_eq!(unique.len(), seen.ids.len(), "an id is there twice in {path}: {:?}", seen.ids);
    }
}

#[test]
fn every_link_leads_somewhere() {
    let all = all();
    let mut within = 0;
    for (path, (_, seen)) in &all {
        for link in &seen.links {
            if link.starts_with("https://") {
                continue;
            }
            let (to, anchor) = target(path, link);
            let (_, there) = all.get(&to).unwrap_or_else(|| panic!("{link} in {path}"));
            if let Some(anchor) = anchor {
                assert!(there.ids.contains(&anchor), "{link} in {path}");
            }
            within += 1;
        }
    }
    assert!(within > 2_000, "only {within}");
}

/// Who comes to the first page gets to every other by links alone.
#[test]
fn every_page_is_reached_from_the_first() {
    let all = all();
    let mut reached = BTreeSet::new();
    let mut open = vec!["index.html".to_owned()];
    while let Some(path) = open.pop() {
        let (_, seen) = &all[&path];
        if reached.insert(path.clone()) {
            let inner = seen.links.iter().filter(|link| !link.starts_with("https://"));
            open.extend(inner.map(|link| target(&path, link).0));
        }
    }
    assert_eq!(reached, all.keys().cloned().collect());
}

/// Rules and DDIs have the addresses that reports link to.
#[test]
fn every_rule_and_ddi_has_its_page() {
    let all = all();
    for card in ringfence::rule_cards() {
        let (page, _) = &all[&format!("rules/{}.html", card.id)];
        let told = super::shell::escape(card.summary);
        assert!(page.html.contains(&told), "{}", card.id);
    }
    for ddi in ringfence::ddi::all().iter().filter(|ddi| !ddi.name.contains("::")) {
        assert!(all.contains_key(&format!("ddis/{}.html", ddi.name)), "{}", ddi.name);
    }
    let reserved = |path: &&String| path.contains([':', '<', '>', '"', '|', '?', '*', '\\', ' ']);
    assert_eq!(all.keys().find(reserved), None, "no file of Windows can be called so");
}

#[test]
fn rules_and_ddis_link_each_other() {
    let all = all();
    let links = |path: &str, to: &str| all[path].1.links.iter().any(|link| link == to);
    assert!(links("rules/executable-pool-type.html", "../ddis/ExAllocatePoolWithTag.html"));
    assert!(links("ddis/ExAllocatePoolWithTag.html", "../rules/executable-pool-type.html"));
    assert!(!links("rules/executable-pool-type.html", "../ddis/ExAllocatePool2.html#"));
    let bug_check = &all["names.html"].0.html;
    let row = bug_check.split("<tr id=\"0xc4-0x2000\">").nth(1).unwrap();
    let row = row.split("</tr>").next().unwrap();
    for rule in ["executable-pool-type", "executable-pool-flags", "executable-lookaside-list"] {
        assert!(row.contains(&format!("rules/{rule}.html")), "{row}");
    }
}

/// Nothing is loaded, and no script or style but ours is let in.
#[test]
fn nothing_from_elsewhere_is_let_in() {
    for (path, (page, seen)) in all() {
        let policy = page.html.split("content=\"default-src 'none'; ").nth(1).unwrap();
        let policy = policy.split('"').next().unwrap();
        let script = seen.elements.get("script").copied().unwrap_or(0);
        assert_eq!(policy.contains("script-src 'none'"), script == 0, "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(!seen.elements.contains_key("link") && !page.html.contains("url("), "{path}");
    }
}

#[test]
fn the_reader_sees_what_is_wrong() {
    let wrong = |html: &str| seen(html).wrong.len();
    assert_eq!(wrong("<!doctype html><p>a</p>"), 0);
    assert_ne!(wrong("<!doctype html><p>a<b></p>"), 0);
    assert_ne!(wrong("<!doctype html><p a=1 a=2>a</p>"), 0);
    assert_ne!(wrong("<!doctype html><img src=x>"), 0);
    assert_eq!(
        target("rules/a.html", "../ddis/b.html#c"),
        ("ddis/b.html".into(), Some("c".into()))
    );
    assert_eq!(target("rules/a.html", "#c"), ("rules/a.html".into(), Some("c".into())));
}
