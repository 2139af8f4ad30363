//! The page of a rule, and that of a DDI.

use super::Page;
use super::markdown::{Rendered, heading, render};
use super::names::{Names, OTHER_NAMES, ddi_path, rule_path, slug};
use super::shell::{Content, Place, escape};
use ringfence::ddi::Ddi;
use ringfence::{Explanation, RuleCard, ddi, rule_cards, rules_judging};

/// A page a rule.
pub fn rules(names: &Names) -> Vec<Page> {
    let cards: Vec<_> = rule_cards().collect();
    let link = |card: &&RuleCard| (rule_path(card.id), card.id);
    let made = cards.iter().enumerate().map(|(index, card)| {
        let neighbours = neighbours(&cards, index, link);
        rule(card, names, &neighbours)
    });
    made.collect()
}

/// A page a DDI.
pub fn ddis(names: &Names) -> Vec<Page> {
    let all: Vec<_> = ddi::all().iter().collect();
    let link = |ddi: &&'static Ddi| (ddi_path(ddi.name), ddi.name);
    let made = all.iter().enumerate().map(|(index, ddi)| {
        let neighbours = neighbours(&all, index, link);
        self::ddi(ddi, names, &neighbours)
    });
    made.collect()
}

/// The path and name of a page before or after another.
type Neighbour = Option<(String, &'static str)>;

fn neighbours<T>(
    all: &[T],
    index: usize,
    link: impl Fn(&T) -> (String, &'static str),
) -> [Neighbour; 2] {
    let before = index.checked_sub(1).and_then(|index| all.get(index));
    [before.map(&link), all.get(index + 1).map(&link)]
}

fn rule(card: &RuleCard, names: &Names, neighbours: &[Neighbour; 2]) -> Page {
    let path = rule_path(card.id);
    let place = Place::of(&path);
    // The heading and the line of level and names are told in another way.
    let markdown = card.markdown();
    let body = markdown.find("## ").map_or("", |start| &markdown[start..]);
    let mut text = render(body, names, &place);
    let judged: Vec<_> = ddi::all().iter().filter(|ddi| judges(card, ddi)).collect();
    if !judged.is_empty() {
        let words = "DDIs whose calls it looks at";
        text.html += &heading(&slug(words), &format!("{words} ({})", judged.len()));
        text.html += &links(judged.iter().map(|ddi| (ddi_path(ddi.name), ddi.name)), &place);
        text.headings.push((slug(words), words.to_owned()));
    }
    let level = card.level.to_string();
    let facts = format!(
        "<p class=\"facts\">Rule <span class=\"level {level}\">{level}</span> since {}</p>\n",
        escape(card.since)
    );
    let title = Title { name: card.id, summary: card.summary, facts: &facts };
    page(&place, path.clone(), &title, &other_names(card, &place), &text, neighbours)
}

fn judges(card: &RuleCard, ddi: &Ddi) -> bool {
    rules_judging(ddi).any(|rule| rule.id == card.id)
}

/// A line with the names that other tools have for the hazard.
fn other_names(card: &RuleCard, place: &Place) -> String {
    if card.also_known_as.is_empty() {
        return String::new();
    }
    let link = |name: &&str| {
        let path = place.to(&format!("{OTHER_NAMES}#{}", slug(name)));
        format!("<li><a href=\"{path}\">{}</a></li>\n", escape(name))
    };
    let names: String = card.also_known_as.iter().map(link).collect();
    format!("<div class=\"also\">\n<p>Also known as</p>\n<ul>\n{names}</ul>\n</div>\n")
}

fn ddi(ddi: &'static Ddi, names: &Names, neighbours: &[Neighbour; 2]) -> Page {
    let path = ddi_path(ddi.name);
    let place = Place::of(&path);
    let markdown = Explanation::Ddi(ddi).markdown();
    let (title, body) = markdown.split_once('\n').unwrap_or((&markdown, ""));
    let summary = title.split_once(": ").map_or("", |(_, summary)| summary);
    let summary = match ddi.name.contains("::") {
        // Its own name has the separator too.
        true => title.rsplit_once(": ").map_or("", |(_, summary)| summary),
        false => summary,
    };
    let facts = "<p class=\"facts\">DDI</p>\n";
    let title = Title { name: ddi.name, summary, facts };
    page(&place, path.clone(), &title, "", &render(body, names, &place), neighbours)
}

struct Title<'t> {
    name: &'t str,
    summary: &'t str,
    facts: &'t str,
}

fn page(
    place: &Place,
    path: String,
    title: &Title<'_>,
    below: &str,
    text: &Rendered,
    neighbours: &[Neighbour; 2],
) -> Page {
    let Title { name, summary, facts } = title;
    let contents: String = text
        .headings
        .iter()
        .map(|(anchor, words)| format!("<li><a href=\"#{anchor}\">{}</a></li>\n", escape(words)))
        .collect();
    let main = format!(
        "<div class=\"columns\">\n<article>\n{facts}<h1>{name}</h1>\n\
         <p class=\"summary\">{summary}</p>\n{below}{html}\
         <p class=\"terminal\">At the terminal: <code>ringfence explain {name}</code></p>\n\
         {around}</article>\n\
         <nav class=\"contents\" aria-label=\"On this page\">\n<p>On this page</p>\n\
         <ul>\n{contents}</ul>\n</nav>\n</div>\n",
        name = breakable(name),
        summary = escape(summary),
        html = text.html,
        around = around(neighbours, place),
    );
    let title = format!("{name} - ringfence");
    let about = format!("{name}: {summary}");
    let content = Content { place, title: &title, about: &about, main: &main, script: None };
    Page { path, html: content.page() }
}

/// A name that a narrow window may break where its parts begin.
pub fn breakable(name: &str) -> String {
    let mut html = String::new();
    let mut before = None::<char>;
    for c in name.chars() {
        let part = c.is_ascii_uppercase() && before.is_some_and(|c| c.is_ascii_lowercase());
        if part || before.is_some_and(|before| "-_:.".contains(before) && c != ':') {
            html += "<wbr>";
        }
        html += &escape(c.encode_utf8(&mut [0; 4]));
        before = Some(c);
    }
    html
}

/// A list of links to pages with short names.
pub fn links(to: impl Iterator<Item = (String, &'static str)>, place: &Place) -> String {
    let link = |(path, name): (String, &str)| {
        format!("<li><a href=\"{}\"><code>{}</code></a></li>\n", place.to(&path), breakable(name))
    };
    format!("<ul class=\"grid\">\n{}</ul>\n", to.map(link).collect::<String>())
}

fn around(neighbours: &[Neighbour; 2], place: &Place) -> String {
    let link = |neighbour: &Neighbour, class: &str, words: &str| {
        neighbour.as_ref().map_or(String::new(), |(path, name)| {
            format!(
                "<a class=\"{class}\" rel=\"{class}\" href=\"{}\"><span>{words}</span> {}</a>\n",
                place.to(path),
                breakable(name)
            )
        })
    };
    let [before, after] = neighbours;
    format!(
        "<nav class=\"around\" aria-label=\"Neighbours\">\n{}{}</nav>\n",
        link(before, "prev", "Previous"),
        link(after, "next", "Next")
    )
}
