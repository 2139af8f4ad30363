//! The pages that lead to the others: the rules with the search, the DDIs, the names of other tools.

use super::Page;
use super::article::{breakable, links};
use super::entries;
use super::markdown::heading;
use super::names::{Names, OTHER_NAMES, ddi_path, rule_path, slug};
use super::shell::{Content, Place, escape};
use ringfence::report::DdiRow;
use ringfence::{RuleCard, ddis, rule_cards};
use std::collections::BTreeMap;

/// The first page.
pub const PATH: &str = "index.html";

const DDIS: &str = "ddis.html";

/// What every page's header leads to.
pub const SECTIONS: [(&str, &str); 3] =
    [(PATH, "Rules"), (DDIS, "DDIs"), (OTHER_NAMES, "Names of other tools")];

/// All of them.
pub fn pages(names: &Names) -> Vec<Page> {
    vec![rules(names), all_ddis(names), other_names()]
}

fn rules(names: &Names) -> Page {
    let place = Place::of(PATH);
    let (rules, ddis) = (rule_cards().count(), ddis().len());
    let rows: String = rule_cards().map(|card| rule_row(card, names, &place)).collect();
    let main = format!(
        "<section class=\"hero\">\n<h1>Can a driver live with memory integrity?</h1>\n\
         <p>With memory integrity (HVCI) on, no page of the Windows kernel is ever writable and \
         executable, and a page becomes executable only by passing a code-integrity check. ringfence \
         reads a driver and says whether it can <strong>load</strong>, <strong>run</strong> and be \
         <strong>certified</strong>. These pages say what its {rules} rules object to, and what is \
         known of {ddis} kernel functions (DDIs).</p>\n\
         <form role=\"search\" action=\"{PATH}\">\n<label for=\"q\">A rule, a DDI, a bug check, a \
         counter of the readiness tool, or a warning</label>\n\
         <input type=\"search\" id=\"q\" name=\"q\" placeholder=\"0xC4:0x2003\" autocomplete=\"off\" \
         spellcheck=\"false\">\n<button type=\"submit\">Search</button>\n</form>\n\
         <noscript><p>The search needs JavaScript. All rules are below; there are lists of \
         <a href=\"{DDIS}\">DDIs</a> and of <a href=\"{OTHER_NAMES}\">names of other tools</a>.</p>\
         </noscript>\n\
         <p id=\"found\" role=\"status\"></p>\n<ol id=\"results\"></ol>\n</section>\n\
         <section>\n{heading}<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"All rules\">\n<table>\n\
         <thead>\n<tr><th scope=\"col\">rule</th><th scope=\"col\">level</th>\
         <th scope=\"col\">what it finds</th></tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>\n\
         </div>\n</section>\n\
         <script type=\"application/json\" id=\"entries\">{entries}</script>\n",
        heading = heading("rules", "Rules"),
        entries = entries::json(),
    );
    let content = Content {
        place: &place,
        title: "ringfence: rules and DDIs of memory integrity",
        about: "What ringfence objects to in Windows kernel drivers, and what is known of DDIs that \
                decide about executable memory.",
        main: &main,
        script: Some(entries::SCRIPT),
    };
    Page { path: PATH.to_owned(), html: content.page() }
}

fn rule_row(card: &RuleCard, names: &Names, place: &Place) -> String {
    let level = card.level.to_string();
    format!(
        "<tr><th scope=\"row\"><a href=\"{}\"><code>{}</code></a></th>\
         <td><span class=\"level {level}\">{level}</span></td><td>{}</td></tr>\n",
        place.to(&rule_path(card.id)),
        breakable(card.id),
        names.linked(card.summary, place)
    )
}

fn all_ddis(names: &Names) -> Page {
    let place = Place::of(DDIS);
    let mut by_header: BTreeMap<Option<&str>, Vec<DdiRow>> = BTreeMap::new();
    for row in ddis() {
        by_header.entry(row.header).or_default().push(row);
    }
    // Those without a header come first in the map, and are the last that anyone looks for.
    let unknown = by_header.remove(&None).map(|rows| (None, rows));
    let mut main = format!(
        "<h1>DDIs</h1>\n<p class=\"summary\">Kernel functions and callbacks that matter for executable \
         memory, by header. {} are on Microsoft's list of DDIs that memory integrity may affect; they \
         have a <span class=\"listed\" title=\"on Microsoft's list\">★</span>.</p>\n",
        ddis().iter().filter(|row| row.listed).count()
    );
    main += "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"All DDIs\">\n\
             <table class=\"ddis\">\n<thead>\n<tr><th scope=\"col\">DDI</th>\
             <th scope=\"col\">decided by</th><th scope=\"col\">bug check 0xC4</th>\
             <th scope=\"col\">Code Analysis</th></tr>\n</thead>\n";
    for (header, rows) in by_header.into_iter().chain(unknown) {
        let words = header.map_or("no header known".to_owned(), |header| format!("{header}.h"));
        let rows: String = rows.iter().map(|row| ddi_row(row, names, &place)).collect();
        // A heading may not stand in a table; its anchor may.
        main += &format!(
            "<tbody id=\"{anchor}\">\n<tr><th scope=\"rowgroup\" colspan=\"4\">\
             <a class=\"anchor\" href=\"#{anchor}\">{words}</a></th></tr>\n{rows}</tbody>\n",
            anchor = slug(&words)
        );
    }
    main += "</table>\n</div>\n";
    let content = Content {
        place: &place,
        title: "DDIs - ringfence",
        about: "Windows kernel functions and callbacks that decide about executable memory.",
        main: &main,
        script: None,
    };
    Page { path: DDIS.to_owned(), html: content.page() }
}

fn ddi_row(row: &DdiRow, names: &Names, place: &Place) -> String {
    let listed = match row.listed {
        true => " <span class=\"listed\" title=\"on Microsoft's list\">★</span>",
        false => "",
    };
    format!(
        "<tr><th scope=\"row\"><a href=\"{}\"><code>{}</code></a>{listed}</th><td>{}</td><td>{}</td>\
         <td>{}</td></tr>\n",
        place.to(&ddi_path(row.name)),
        breakable(row.name),
        escape(row.decides),
        escape(row.verifier.as_deref().unwrap_or_default()),
        row.code_analysis.map_or(String::new(), |id| names.linked(id, place))
    )
}

fn other_names() -> Page {
    let place = Place::of(OTHER_NAMES);
    let mut rules: BTreeMap<&str, Vec<&RuleCard>> = BTreeMap::new();
    for card in rule_cards() {
        for name in card.also_known_as {
            rules.entry(name).or_default().push(card);
        }
    }
    let rows: String = rules
        .iter()
        .map(|(name, cards)| {
            format!(
                "<tr id=\"{}\"><th scope=\"row\">{}</th><td>{}</td></tr>\n",
                slug(name),
                breakable(name),
                links(cards.iter().map(|card| (rule_path(card.id), card.id)), &place)
            )
        })
        .collect();
    let main = format!(
        "<h1>Names of other tools</h1>\n<p class=\"summary\">Bug checks of Driver Verifier, counters of \
         the readiness tool, warnings of Code Analysis, events and status codes, and the rules that find \
         what they are about.</p>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Names of other tools\">\n<table>\n<thead>\n<tr><th scope=\"col\">name</th>\
         <th scope=\"col\">rules</th></tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    );
    let content = Content {
        place: &place,
        title: "Names of other tools - ringfence",
        about: "Which rules of ringfence a bug check, counter, warning or event is about.",
        main: &main,
        script: None,
    };
    Page { path: OTHER_NAMES.to_owned(), html: content.page() }
}
