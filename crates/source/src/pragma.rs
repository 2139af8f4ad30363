//! Pragmas that speak of sections: options for the linker, and rights.

mod operators;

use crate::directive::Directive;
use crate::directive::operator::unescaped;
use crate::lex::{Kind, Token, tokens};
use crate::linker::{LinkerFact, Origin};
use crate::preprocess::{ArmState, Unit};
use crate::{FileId, SourceTree, Span};
use operators::Said;
use std::cell::Cell;
use std::cmp::Reverse;
use std::ops::Range;

/// `#pragma section("name", attributes)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionPragma {
    /// The section's name.
    pub name: String,
    /// The pragma, from its `#` to the end of the line.
    pub span: Span,
    /// Its attributes, in the order they are written.
    pub attributes: Vec<SectionAttribute>,
    /// Whether it is compiled in every build.
    pub certain: bool,
}

/// An attribute of a section, such as `execute`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionAttribute {
    /// The attribute.
    pub word: String,
    /// Where it stands.
    pub span: Span,
    /// What to take out to be without it: the comma before it too.
    pub removal: Span,
}

impl SectionPragma {
    /// The attribute of that name.
    pub fn attribute(&self, word: &str) -> Option<&SectionAttribute> {
        self.attributes.iter().find(|one| one.word == word)
    }
}

/// `#pragma data_seg("name")` and its kin, which say where what follows goes, where that is a place for something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPragma {
    /// The section's name.
    pub name: String,
    /// The pragma.
    pub span: Span,
    /// Whether it places code; written data else.
    pub places_code: bool,
    /// Whether it is compiled in every build.
    pub certain: bool,
}

/// The pragmas that place what follows, with the sections that surely hold something else and what tells that something
/// does follow. Constants may lie beside code.
const PLACING: [(&str, &[&str], u8); 3] = [
    ("data_seg", &[".text"], b'='),
    ("bss_seg", &[".text"], b';'),
    ("code_seg", &[".data", ".bss"], b'{'),
];

/// What the pragmas of a file say.
#[derive(Debug, Default)]
pub(crate) struct Pragmas {
    pub(crate) segments: Vec<SegmentPragma>,
    pub(crate) linker: Vec<LinkerFact>,
    pub(crate) sections: Vec<SectionPragma>,
}

/// More options than any pragma has, in more bytes, and more pragmas than any file has.
const MOST_OPTIONS: usize = 256;
const LONGEST: usize = 16 << 10;
const MOST_PRAGMAS: usize = 1024;
/// How much macros may give in a file.
const MOST_GIVEN: usize = 1 << 20;
/// How many macros are followed one into another.
const DEEPEST: usize = 8;

/// Whether a text may have pragmas that speak of sections.
pub(crate) fn may_speak(text: &str, directives: &[Directive]) -> bool {
    directives.iter().any(|one| said_by(text, one).is_some())
        || operators::may_be_in_macros(text, directives)
}

/// What a directive says of sections, if it is a pragma that does.
fn said_by(text: &str, directive: &Directive) -> Option<Said> {
    let content = directive.pragma()?.clone();
    let is_it = speaks(text.get(content.clone())?.trim_start());
    is_it.then(|| Said { whole: directive.range.clone(), content, is_of_macro: false })
}

/// Whether what a pragma says is about sections.
fn speaks(content: &str) -> bool {
    let places = |(word, names, _): &(&str, &[&str], u8)| {
        content.starts_with(word) && names.iter().any(|name| content.contains(name))
    };
    content.starts_with("comment") && content.contains("linker")
        || content.starts_with("section")
        || content.contains("_seg") && PLACING.iter().any(places)
}

/// What the pragmas of `file` say, as its unit has it.
pub(crate) fn of_file(
    tree: &SourceTree,
    unit: &Unit<'_>,
    file: FileId,
    directives: &[Directive],
) -> Pragmas {
    let text = unescaped(tree.file(file).text.as_str(), directives);
    let text = &*text;
    let mut found = Pragmas::default();
    let compiled = Compiled::of(unit, file);
    let budget = Cell::new(MOST_GIVEN);
    let mut all: Vec<Said> = directives.iter().filter_map(|one| said_by(text, one)).collect();
    let in_macros = operators::in_macros(text, directives).into_iter();
    all.extend(in_macros.filter(|said| speaks(text[said.content.clone()].trim_start())));
    all.sort_by_key(|said| said.whole.start);
    for said in all.into_iter().take(MOST_PRAGMAS) {
        let Some(certain) = compiled.at(said.whole.start) else { continue };
        let range = said.content.clone();
        if range.len() > LONGEST {
            continue;
        }
        let reader = Reader { tree, unit, file, text, said: &said, budget: &budget };
        let all: Vec<Token> = tokens(text, range.start, range.end).collect();
        let word = |index: usize| all.get(index).map(|token| token.text(text));
        match (word(0), word(1), word(2), word(3)) {
            (Some("comment"), Some("("), Some("linker"), Some(",")) => {
                found.linker.extend(reader.linker(&all[4..], certain));
            }
            (Some("section"), Some("("), ..) => {
                found.sections.extend(reader.section(&all[2..], certain));
            }
            (Some(word), Some("("), ..) if word.ends_with("_seg") => {
                found.segments.extend(reader.segment(word, &all[2..], certain));
            }
            _ => {}
        }
    }
    found
}

/// Which parts of a file are compiled.
pub(crate) struct Compiled {
    /// From which byte on: whether in every build; none where in none.
    from: Vec<(usize, Option<bool>)>,
}

impl Compiled {
    pub(crate) fn of(unit: &Unit<'_>, file: FileId) -> Compiled {
        let arms = unit.visits.get(&file).map_or(&[][..], |visit| &visit.arms);
        let mut arms: Vec<_> = arms.iter().collect();
        arms.sort_by_key(|arm| (arm.range.start, Reverse(arm.range.end)));
        let mut from = vec![(0, Some(true))];
        // The arms around, innermost last, each with its end.
        let mut around: Vec<(usize, Option<bool>)> = vec![(usize::MAX, Some(true))];
        for arm in arms {
            while around.last().is_some_and(|(end, _)| *end <= arm.range.start) {
                leave(&mut around, &mut from);
            }
            let outer = around.last().and_then(|(_, certain)| *certain);
            let certain = match arm.state {
                ArmState::Compiled => outer,
                ArmState::Open { .. } => outer.map(|_| false),
                ArmState::LeftOut => None,
            };
            around.push((arm.range.end, certain));
            from.push((arm.range.start, certain));
        }
        while around.len() > 1 {
            leave(&mut around, &mut from);
        }
        Compiled { from }
    }

    /// Whether what stands at a byte is compiled in every build; none where in none.
    pub(crate) fn at(&self, offset: usize) -> Option<bool> {
        let before = self.from.partition_point(|(from, _)| *from <= offset);
        self.from.get(before.checked_sub(1)?)?.1
    }
}

fn leave(around: &mut Vec<(usize, Option<bool>)>, from: &mut Vec<(usize, Option<bool>)>) {
    if let Some((end, _)) = around.pop() {
        from.push((end, around.last().and_then(|(_, certain)| *certain)));
    }
}

/// A character that the linker sees.
#[derive(Clone, Debug)]
struct Letter {
    /// None of what a macro has that is not known.
    letter: Option<char>,
    /// Where it stands; where a macro gives it, the macro's name.
    at: Range<usize>,
    /// Whether it stands there itself.
    is_written: bool,
}

struct Reader<'r, 't> {
    tree: &'t SourceTree,
    unit: &'r Unit<'t>,
    file: FileId,
    text: &'t str,
    said: &'r Said,
    budget: &'r Cell<usize>,
}

impl Reader<'_, '_> {
    /// The options in the strings of a pragma.
    fn linker(&self, rest: &[Token], certain: bool) -> Vec<LinkerFact> {
        let letters = self.letters(rest);
        let options = options(&letters);
        let all = &letters;
        let fact = |(index, option): (usize, &Range<usize>)| {
            let letters = &all[option.clone()];
            let text: Option<String> = letters.iter().map(|one| one.letter).collect();
            let span = letters.first()?.at.start..letters.last()?.at.end;
            Some(LinkerFact {
                text: text?.replace('"', ""),
                span: Span::new(self.file, span),
                origin: Origin::Pragma { removal: self.removal(all, &options, index), certain },
            })
        };
        options.iter().enumerate().filter_map(fact).collect()
    }

    /// What a string literal, or a macro that is one, gives to the linker.
    fn letters(&self, rest: &[Token]) -> Vec<Letter> {
        let mut letters = Vec::new();
        for token in rest {
            match token.kind {
                Kind::String => letters.extend(literal(self.text, *token)),
                Kind::Word => {
                    let range = token.start..token.end;
                    let letter = |letter| Letter { letter, at: range.clone(), is_written: false };
                    match self.given(token.text(self.text), 0) {
                        Some(given) => letters.extend(given.chars().map(|one| letter(Some(one)))),
                        None => letters.push(letter(None)),
                    }
                }
                _ => {}
            }
        }
        letters
    }

    /// The string that a macro stands for.
    fn given(&self, name: &str, depth: usize) -> Option<String> {
        let visit = self.unit.visits.get(&self.file);
        let time = visit.map_or(self.unit.end, |visit| visit.time(self.said.whole.start));
        let meanings = self.unit.meanings(name, time);
        let [only] = &meanings.macros[..] else { return None };
        if meanings.maybe_undefined || only.parameters.is_some() || depth > DEEPEST {
            return None;
        }
        let body = only.text(self.tree);
        let mut given = String::new();
        for token in tokens(body, 0, body.len()) {
            self.budget.set(self.budget.get().checked_sub(token.end - token.start)?);
            match token.kind {
                Kind::String => given.extend(literal(body, token).filter_map(|one| one.letter)),
                Kind::Word => given.push_str(&self.given(token.text(body), depth + 1)?),
                _ => return None,
            }
        }
        Some(given)
    }

    /// What to take out to be without one of the options.
    fn removal(&self, letters: &[Letter], options: &[Range<usize>], index: usize) -> Option<Span> {
        let at = |index: usize| letters.get(index).map(|one| one.at.clone());
        if self.said.is_of_macro {
            return None;
        }
        if options.len() == 1 {
            return Some(Span::new(self.file, self.lines()));
        }
        let option = options.get(index)?.clone();
        if !letters[option.clone()].iter().all(|one| one.is_written) {
            return None;
        }
        let touch =
            |of: Range<usize>| letters[of].windows(2).all(|two| two[0].at.end == two[1].at.start);
        let mut span = at(option.start)?.start..at(option.end.checked_sub(1)?)?.end;
        // The blanks go with it, where they stand in the same string.
        match (options.get(index + 1), index.checked_sub(1).and_then(|index| options.get(index))) {
            (Some(next), _) if touch(option.end - 1..next.start + 1) => {
                span.end = at(next.start)?.start;
            }
            (None, Some(last)) if touch(last.end - 1..option.start + 1) => {
                span.start = at(last.end - 1)?.end;
            }
            _ => {}
        }
        Some(Span::new(self.file, span))
    }

    /// The lines of the pragma with what ends them, where nothing else stands in them.
    fn lines(&self) -> Range<usize> {
        let Range { start, mut end } = self.said.whole;
        let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let is_first = self.text[line..start].trim().is_empty();
        let is_last = self.text[end..].starts_with(['\r', '\n']) || end == self.text.len();
        if !(is_first && is_last) {
            return start..end;
        }
        end = self.text[end..].find('\n').map_or(end, |length| end + length + 1);
        line..end
    }

    /// A pragma that places what follows it.
    fn segment(&self, word: &str, rest: &[Token], certain: bool) -> Option<SegmentPragma> {
        let (_, names, sign) = PLACING.iter().find(|(known, ..)| *known == word)?;
        let close = rest.iter().position(|token| token.text(self.text) == ")")?;
        let name = rest[..close].iter().find(|token| token.kind == Kind::String)?;
        let name: String = literal(self.text, *name).filter_map(|one| one.letter).collect();
        let behind = self.text.get(self.said.whole.end..)?;
        let next = memchr::memmem::find(behind.as_bytes(), word.as_bytes());
        let follows = memchr::memchr(*sign, &behind.as_bytes()[..next.unwrap_or(behind.len())]);
        (names.contains(&&*name) && follows.is_some()).then(|| SegmentPragma {
            name,
            span: Span::new(self.file, self.said.whole.clone()),
            places_code: word == "code_seg",
            certain,
        })
    }

    fn section(&self, rest: &[Token], certain: bool) -> Option<SectionPragma> {
        let close = rest.iter().position(|token| token.text(self.text) == ")")?;
        let name: Option<String> =
            self.letters(rest.get(..1)?).iter().map(|one| one.letter).collect();
        let mut attributes = Vec::new();
        let mut before = rest.first()?.end;
        for token in rest.get(1..close)?.iter().filter(|token| token.kind == Kind::Word) {
            attributes.push(SectionAttribute {
                word: token.text(self.text).to_owned(),
                span: Span::new(self.file, token.start..token.end),
                removal: Span::new(self.file, before..token.end),
            });
            before = token.end;
        }
        Some(SectionPragma {
            name: name?,
            span: Span::new(self.file, self.said.whole.clone()),
            attributes,
            certain,
        })
    }
}

/// The characters of a string literal with their places.
fn literal(text: &str, token: Token) -> impl Iterator<Item = Letter> {
    let whole = token.text(text);
    let open = whole.find('"').map_or(whole.len(), |at| at + 1);
    let inner = whole[open..].strip_suffix('"').unwrap_or(&whole[open..]);
    let start = token.start + open;
    let mut letters = inner.char_indices();
    std::iter::from_fn(move || {
        let (at, mut letter) = letters.next()?;
        let mut end = at + letter.len_utf8();
        if letter == '\\'
            && let Some((next, escaped)) = letters.next()
        {
            letter = escaped;
            end = next + escaped.len_utf8();
        }
        Some(Letter { letter: Some(letter), at: start + at..start + end, is_written: true })
    })
}

/// The options among characters: what blanks part that stand in no quotes, and begins as options do.
fn options(letters: &[Letter]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut start = None;
    let mut is_quoted = false;
    for (index, Letter { letter, .. }) in letters.iter().enumerate() {
        if *letter == Some('"') {
            is_quoted = !is_quoted;
        }
        let is_blank = letter.is_some_and(|letter| letter.is_whitespace() && !is_quoted);
        match (start, is_blank) {
            (None, false) => start = Some(index),
            (Some(first), true) => {
                found.push(first..index);
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|first| first..letters.len()));
    found.truncate(MOST_OPTIONS);
    found
}

#[cfg(test)]
mod tests {
    use crate::{Origin, SourceText, SourceTree, analyse};

    /// The options of a file, each with what is left of the file without it.
    fn told(text: &str) -> Vec<(String, Option<String>)> {
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(text)).unwrap();
        let without = |fact: &crate::LinkerFact| {
            let Origin::Pragma { removal, .. } = fact.origin else { return None };
            let mut left = text.to_owned();
            left.replace_range(removal?.range(), "");
            Some(left)
        };
        let facts = analyse(&tree, &[], &[]).linker;
        facts.iter().map(|fact| (fact.text.clone(), without(fact))).collect()
    }

    fn options(text: &str) -> Vec<String> {
        told(text).into_iter().map(|(option, _)| option).collect()
    }

    #[test]
    fn options_are_taken_out_of_strings() {
        assert_eq!(
            told("int a;\r\n  #pragma comment(linker, \"/MERGE:.rdata=.text\") // x\r\nint b;"),
            [("/MERGE:.rdata=.text".to_owned(), Some("int a;\r\nint b;".to_owned()))]
        );
        let two = "#pragma comment(linker, \"/A:1 -B:2\")";
        let left = |text: &str| Some(format!("#pragma comment(linker, {text})"));
        assert_eq!(
            told(two),
            [("/A:1".to_owned(), left("\"-B:2\"")), ("-B:2".to_owned(), left("\"/A:1\""))]
        );
        assert_eq!(
            told("#pragma comment(linker, \"/A:\" \"1 /B\" )"),
            [("/A:1".to_owned(), left("\"/B\" ")), ("/B".to_owned(), left("\"/A:\" \"1\" "))]
        );
    }

    /// Wherever it stands, and in macros that are used.
    #[test]
    fn pragmas_may_be_operators() {
        let left = |text: &str| Some(text.to_owned());
        assert_eq!(
            told("int a;\n__pragma(comment(linker, \"/MERGE:.rdata=.text\"))\nint b;"),
            [("/MERGE:.rdata=.text".to_owned(), left("int a;\nint b;"))]
        );
        assert_eq!(
            told("__pragma (comment(linker, \"/A:1 /B\")) int b;"),
            [
                ("/A:1".to_owned(), left("__pragma (comment(linker, \"/B\")) int b;")),
                ("/B".to_owned(), left("__pragma (comment(linker, \"/A:1\")) int b;")),
            ]
        );
        let used = "#define ERW __pragma(comment(linker, \"/SECTION:x,ERW\"))\n";
        assert_eq!(told(&format!("{used}ERW\nint a;")), [("/SECTION:x,ERW".to_owned(), None)]);
        for text in [
            used,
            "// __pragma(comment(linker, \"/A\"))",
            "#if 0\n__pragma(comment(linker, \"/A\"))\n#endif",
            "__pragma(comment(lib, \"linker\"))",
            "my__pragma(comment(linker, \"/A\"))",
            "__pragma(comment(linker, \"/A\"",
            "__pragma(",
            "__pragma",
        ] {
            assert_eq!(options(text), [""; 0], "{text}");
        }
    }

    /// In the string of `_Pragma` quotes are escaped.
    #[test]
    fn pragmas_may_be_operators_of_c() {
        let left = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(r#"_Pragma("comment(linker, \"/A:1 /B\")") int b;"#),
            [
                ("/A:1".to_owned(), left(r#"_Pragma("comment(linker, \"/B\")") int b;"#)),
                ("/B".to_owned(), left(r#"_Pragma("comment(linker, \"/A:1\")") int b;"#)),
            ]
        );
        let text = r#"_Pragma("section(\"hook\", read, write, execute)")"#;
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(text)).unwrap();
        let sections = analyse(&tree, &[], &[]).sections;
        assert_eq!((&*sections[0].name, sections[0].attributes.len()), ("hook", 3));
        assert_eq!(tree.text(sections[0].attribute("execute").unwrap().removal), ", execute");
        for text in [
            r#"// _Pragma("comment(linker, \"/A\")")"#,
            r#"_Pragma("comment(linker, \"/A"#,
            r#"_Pragma(comment(linker, "/A"))"#,
            r#"char *s = "_Pragma(\"comment(linker, /A)\")";"#,
        ] {
            assert_eq!(options(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn macros_give_parts_of_options() {
        let text = "#define NAME \".hook\"\n#define ALL \"/X \" NAME\n#pragma comment(linker, \"/SECTION:\" NAME \",ERW \" ALL)";
        let found = told(text);
        assert_eq!(
            found.iter().map(|(option, _)| &**option).collect::<Vec<_>>(),
            ["/SECTION:.hook,ERW", "/X", ".hook"]
        );
        assert_eq!(found[1].1, None);
        // What nobody here defines may be anything.
        assert_eq!(options("#pragma comment(linker, \"/SECTION:\" OTHER \",ERW /Y\")"), ["/Y"]);
    }

    #[test]
    fn quotes_and_joined_lines_belong_to_options() {
        assert_eq!(
            options("#pragma comment(linker, \\\n  \"/EXPORT:\\\"a b\\\" /Z\")"),
            ["/EXPORT:a b", "/Z"]
        );
    }

    #[test]
    fn only_what_is_compiled_counts() {
        let text = "#ifdef _X86_\n#pragma comment(linker, \"/A\")\n#else\n#pragma comment(linker, \"/B\")\n#endif\n#if DBG\n#pragma comment(linker, \"/C\")\n#endif";
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(text)).unwrap();
        let facts = analyse(&tree, &[], &[]).linker;
        let told: Vec<_> = facts.iter().map(|fact| (&*fact.text, fact.is_certain())).collect();
        assert_eq!(told, [("/B", true), ("/C", false)]);
        let nested = "#ifdef FEATURE\n#if 0\n#pragma comment(linker, \"/A\")\n#endif\n#if 1\n#pragma comment(linker, \"/B\")\n#endif\n#pragma comment(linker, \"/C\")\n#endif\n#pragma comment(linker, \"/D\")";
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(nested)).unwrap();
        let facts = analyse(&tree, &[], &[]).linker;
        let told: Vec<_> = facts.iter().map(|fact| (&*fact.text, fact.is_certain())).collect();
        assert_eq!(told, [("/B", false), ("/C", false), ("/D", true)]);
        assert_eq!(
            options("// #pragma comment(linker, \"/A\")\n#pragma comment(lib, \"/A\")"),
            [""; 0]
        );
    }

    /// A tool beside the driver is no driver.
    #[test]
    fn programs_have_other_rules() {
        assert_eq!(options("#include <Windows.h>\n#pragma comment(linker, \"/A\")"), [""; 0]);
        assert_eq!(options("#include <ntddk.h>\n#pragma comment(linker, \"/A\")"), ["/A"]);
    }

    #[test]
    fn sections_have_attributes() {
        let text = "#pragma section(\"hook\", read, write,execute)\n#pragma section(\"x\")";
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(text)).unwrap();
        let sections = analyse(&tree, &[], &[]).sections;
        let words: Vec<_> = sections[0].attributes.iter().map(|one| &*one.word).collect();
        assert_eq!((&*sections[0].name, words), ("hook", vec!["read", "write", "execute"]));
        assert_eq!(tree.text(sections[0].attribute("execute").unwrap().removal), ",execute");
        assert_eq!((&*sections[1].name, sections[1].attributes.len()), ("x", 0));
    }

    /// Their pages say that the section is the string behind what is pushed and the label.
    #[test]
    fn what_follows_is_placed() {
        let placed = |text: &str| {
            let mut tree = SourceTree::default();
            tree.add("a.c", SourceText::of(text)).unwrap();
            let all = analyse(&tree, &[], &[]).segments.into_iter();
            all.map(|one| (one.name, one.places_code)).collect::<Vec<_>>()
        };
        let of = |name: &str, code| vec![(name.to_owned(), code)];
        let data = "\nint a = 1;\n";
        assert_eq!(placed(&format!("#pragma data_seg(\".text\"){data}")), of(".text", false));
        assert_eq!(
            placed(&format!("#pragma data_seg(push, here, \".text\", \"CODE\"){data}")),
            of(".text", false)
        );
        assert_eq!(placed("#pragma bss_seg(\".text\")\nint a;"), of(".text", false));
        assert_eq!(placed("#pragma code_seg(\".data\")\nvoid F(void) {}"), of(".data", true));
        assert_eq!(placed("__pragma(code_seg(\".bss\")) void F(void) {}"), of(".bss", true));
        for text in [
            format!("#pragma data_seg(\".mydata\"){data}"),
            format!("#pragma data_seg(\".text2\"){data}"),
            format!("#pragma data_seg(){data}"),
            format!("#pragma data_seg(pop){data}"),
            format!("#pragma const_seg(\".text\"){data}"),
            format!("#pragma data_seg(\".text\")\n#pragma data_seg(){data}"),
            "#pragma code_seg(\"PAGE\")\nvoid F(void) {}".to_owned(),
            "#pragma code_seg(\".text\")\nvoid F(void) {}".to_owned(),
        ] {
            assert_eq!(placed(&text), [], "{text}");
        }
    }

    #[test]
    fn broken_pragmas_say_nothing() {
        for text in [
            "#pragma comment(linker",
            "#pragma comment(linker,",
            "#pragma comment(linker, \"",
            "#pragma section(",
            "#pragma section(\"a\"",
            "#pragma section()",
        ] {
            assert_eq!(options(text), [""; 0], "{text}");
        }
    }
}
