//! Initialised data whose addresses do not lie on multiples of eight, and how many of them cross a page.

use crate::blank::{Blanked, blanked};
use crate::directive::{Directive, DirectiveKind};
use crate::initialiser::{BUDGET, Init, Initialisers, Item};
use crate::layout::{Body, Layout, Layouts, Placed, array};
use crate::lex::{Kind, is_word, skip_blank, tokens};
use crate::number::Numbers;
use crate::preprocess::{AllDirectives, Arm, Unit};
use crate::shape::attribute;
use crate::shape::{Initialised, Shapes, Type, shapes};
use crate::{FileId, FileKind, SourceTree, Span, interest, pack};
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Initialised data whose addresses do not lie on multiples of eight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerTable {
    /// The variable.
    pub span: Span,
    /// Its size, and that of an element where it is an array.
    pub size: u64,
    /// The size of an element; that of the whole where it is no array.
    pub element: u64,
    /// What it is certainly aligned to.
    pub align: u64,
    /// How many addresses in it the loader adjusts, as far as that is plain.
    pub relocations: u64,
    /// The fewest of them that cross a page, wherever the linker puts the variable.
    pub fewest: u64,
    /// The most.
    pub most: u64,
    /// How many cross one where the variable begins with a page.
    pub at_page: u64,
    /// The offsets of the first of these within the variable.
    pub offsets: Vec<u64>,
    /// The first member with an address whose place is no multiple of eight.
    pub member: Option<Span>,
}

/// A page, and where in it eight bytes no longer fit.
const PAGE: usize = 0x1000;
const FIRST_CROSSING: usize = 0xFF9;
/// Offsets that are told.
const MOST_OFFSETS: usize = 3;
/// Tables that are told of a file.
const MOST_TABLES: usize = 256;
/// What is parsed for this in a tree, in bytes.
const MOST_PARSED: usize = 64 << 20;

/// What tells the files that may have such data: initialised data of types whose names occur in files that pack.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// The files that pack, with the names of structures in them.
    packing: HashMap<FileId, HashSet<String>>,
    /// All these names.
    names: HashSet<String>,
}

impl Candidates {
    /// The files that pack, and the names of structures in them.
    pub(crate) fn new(tree: &SourceTree, directives: &AllDirectives) -> Candidates {
        let all: Vec<FileId> = interest::sources(tree).collect();
        let named = |file: FileId| {
            let names = packed_names(tree, directives, file)?;
            Some((file, names.into_iter().map(str::to_owned).collect()))
        };
        let packing: HashMap<FileId, HashSet<String>> =
            all.into_par_iter().filter_map(named).collect();
        let names = packing.values().flatten().cloned().collect();
        Candidates { packing, names }
    }

    /// The files that may have such data.
    pub(crate) fn files(&self, tree: &SourceTree) -> Vec<FileId> {
        if self.packing.is_empty() {
            return Vec::new();
        }
        let all: Vec<FileId> = interest::sources(tree).collect();
        let has_data = |file: &FileId| {
            let is_named = |name: &str| self.names.contains(name);
            has_values(tree.file(*file).text.as_str(), is_named, self.packing.contains_key(file))
        };
        all.into_par_iter().filter(has_data).collect()
    }

    /// Whether a file may have such data as its unit has it: only what the unit includes gives it types.
    pub(crate) fn fit(
        &self,
        tree: &SourceTree,
        directives: &AllDirectives,
        file: FileId,
        unit: &Unit<'_>,
    ) -> bool {
        let own = packed_names(tree, directives, file);
        let packs = own.is_some();
        let given: Vec<_> =
            unit.visits.keys().filter_map(|included| self.packing.get(included)).collect();
        let text = tree.file(file).text.as_str();
        let own: HashSet<&str> = own.into_iter().flatten().collect();
        let is_named =
            |name: &str| own.contains(name) || given.iter().any(|names| names.contains(name));
        (packs || !given.is_empty()) && has_values(text, is_named, packs)
    }

    /// Whether a file may have such data with the text that it has now.
    pub(crate) fn has(&self, tree: &SourceTree, directives: &AllDirectives, file: FileId) -> bool {
        let text = tree.file(file).text.as_str();
        let own = packed_names(tree, directives, file);
        let packs = own.is_some();
        if !packs && self.names.is_empty() {
            return false;
        }
        let own: HashSet<&str> = own.into_iter().flatten().collect();
        let is_named = |name: &str| own.contains(name) || self.names.contains(name);
        has_values(text, is_named, packs)
    }
}

/// The names of structures in a file that may have addresses at odd places; none where it does not pack more closely than
/// eight.
fn packed_names<'t>(
    tree: &'t SourceTree,
    directives: &AllDirectives,
    file: FileId,
) -> Option<Vec<&'t str>> {
    let text = tree.file(file).text.as_str();
    let all = directives.of(tree, file);
    if attribute::may_pack(text) {
        return Some(record_names(text));
    }
    let first = all.iter().find(|one| is_packing(text, one))?;
    // Between the first that packs and the last that ends it, if that is one.
    let is_ending = |one: &Directive| match &one.kind {
        DirectiveKind::Pragma(range) | DirectiveKind::Operator(range) => {
            pack::is_end(&text[range.clone()])
        }
        DirectiveKind::Include { name } => pack::packed_by(&text[name.clone()]) == Some(0),
        _ => false,
    };
    let last = all.iter().rfind(|one| is_packing(text, one) || is_ending(one));
    let end = last.filter(|one| is_ending(one)).map_or(text.len(), |one| one.range.start);
    let start = first.range.end.min(end);
    let packed = record_names(&text[start..end]);
    // What has one of them within may have its addresses.
    let names: HashSet<&str> = packed.iter().copied().collect();
    let has_packed = [&text[..start], &text[end..]].into_iter().any(|part| {
        let mut has = false;
        in_records(part, |_| {}, |word| has |= names.contains(word));
        has
    });
    Some(if has_packed { record_names(text) } else { packed })
}

/// Whether a directive packs more closely than eight.
fn is_packing(text: &str, directive: &Directive) -> bool {
    match &directive.kind {
        DirectiveKind::Pragma(range) | DirectiveKind::Operator(range) => {
            pack::is_pack(&text[range.clone()])
        }
        DirectiveKind::Include { name } => {
            matches!(pack::packed_by(&text[name.clone()]), Some(1..=4))
        }
        _ => false,
    }
}

/// Names that structures may have: behind `struct`, and between the brace that ends one and the semicolon.
fn record_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    in_records(text, |name| names.push(name), |_| {});
    names
}

/// The names that structures may have, and all words that may be within one.
fn in_records<'t>(text: &'t str, mut named: impl FnMut(&'t str), mut within: impl FnMut(&'t str)) {
    let mut before = "";
    let mut is_behind = false;
    // Whether each brace that is open may be that of a structure, and whether a structure is named since the last one.
    let mut open: Vec<bool> = Vec::new();
    let mut is_record = false;
    // How many parentheses of an attribute are open, once it begins.
    let mut attribute: Option<usize> = None;
    for token in tokens(text, 0, text.len()) {
        let word = token.text(text);
        if let Some(depth) = attribute {
            let depth = match word {
                "(" => depth + 1,
                ")" => depth.saturating_sub(1),
                _ => depth,
            };
            attribute = (depth > 0).then_some(depth);
            if depth > 0 || word == ")" {
                continue;
            }
        }
        if word == attribute::WORD {
            attribute = Some(0);
            continue;
        }
        match word {
            "{" => {
                open.push(is_record || !begins_other(before));
                (is_record, is_behind) = (false, false);
            }
            "}" => {
                is_behind = open.pop().unwrap_or(true);
                is_record = false;
            }
            ";" => (is_record, is_behind) = (false, false),
            "," | "*" => {}
            _ if token.kind != Kind::Word => is_behind = false,
            _ if is_behind || matches!(before, "struct" | "union") => named(word),
            _ => {}
        }
        if token.kind == Kind::Word && open.contains(&true) {
            within(word);
        }
        is_record |= matches!(word, "struct" | "union" | "class");
        before = word;
    }
}

/// Whether a brace behind this token begins anything but a structure: a function, a block, values or `extern "C"`.
fn begins_other(before: &str) -> bool {
    const OTHERS: [&str; 16] = [
        ")",
        "=",
        ",",
        "{",
        "}",
        ";",
        ":",
        "else",
        "do",
        "try",
        "_try",
        "__try",
        "finally",
        "_finally",
        "__finally",
        "return",
    ];
    OTHERS.contains(&before) || before.ends_with('"')
}

/// Whether a text has `NAME variable[…] = {` or `NAME variable = {`, or the end of a structure in place of its name.
fn has_values(text: &str, is_named: impl Fn(&str) -> bool, packs: bool) -> bool {
    let bytes = text.as_bytes();
    let opens = |at: &usize| bytes.get(skip_blank(bytes, at + 1)) == Some(&b'{');
    // Reading all of it is for those few that need it.
    let mut opening = memchr::memchr_iter(b'=', bytes).filter(opens);
    if !opening.any(|at| may_have_values(text, at, &is_named, packs)) {
        return false;
    }
    let mut of_type = false;
    let mut named = false;
    let mut depth = 0_usize;
    let mut all = tokens(text, 0, text.len()).peekable();
    while let Some(token) = all.next() {
        let word = token.text(text);
        if depth > 0 {
            depth = match word {
                "[" => depth + 1,
                "]" => depth - 1,
                _ => depth,
            };
            continue;
        }
        match word {
            _ if QUALIFIERS.contains(&word) => {}
            "[" if named => depth = 1,
            "=" if named && all.peek().is_some_and(|next| next.text(text) == "{") => return true,
            "}" if packs => (of_type, named) = (true, false),
            _ if token.kind == Kind::Word => {
                named = of_type;
                of_type = is_named(word);
            }
            _ => (of_type, named) = (false, false),
        }
    }
    false
}

/// Words that say nothing of a type.
const QUALIFIERS: [&str; 4] = ["const", "volatile", "static", "CONST"];

/// Whether what stands before a `=` may be such a variable: certainly not, or it has to be read from the beginning.
fn may_have_values(text: &str, is: usize, is_named: &impl Fn(&str) -> bool, packs: bool) -> bool {
    let bytes = text.as_bytes();
    let mut end = is;
    let behind_type = loop {
        let left = bytes[..end].trim_ascii_end();
        let start = left.iter().rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
        match left.last() {
            Some(b']') => match memchr::memrchr(b'[', left) {
                // Brackets in brackets.
                Some(open) if left[open..left.len() - 1].contains(&b']') => return true,
                Some(open) => end = open,
                None => return true,
            },
            Some(last) if !is_word(*last) => return is_unclear(&bytes[..is], left.len()),
            Some(_) if QUALIFIERS.contains(&&text[start..left.len()]) => end = start,
            Some(_) => break start,
            None => return false,
        }
    };
    let mut end = behind_type;
    loop {
        let left = bytes[..end].trim_ascii_end();
        let start = left.iter().rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
        match left.last() {
            Some(b'}') if packs => return true,
            Some(last) if is_word(*last) => match &text[start..left.len()] {
                word if QUALIFIERS.contains(&word) => end = start,
                word => return is_named(word) || is_unclear(&bytes[..is], start),
            },
            _ => return is_unclear(&bytes[..is], left.len()),
        }
    }
}

/// Whether something between the beginning of the line that `from` is in and the end may be of a comment or a string, or joined
/// with the line before.
fn is_unclear(bytes: &[u8], from: usize) -> bool {
    let line = memchr::memrchr(b'\n', &bytes[..from]).map_or(0, |at| at + 1);
    let before = bytes[..line].trim_ascii_end();
    before.last() == Some(&b'\\') || bytes[line..].iter().any(|byte| b"/\\\"'".contains(byte))
}

/// The tables of some files, each read as its unit has it.
pub(crate) fn of_files(
    tree: &SourceTree,
    directives: &AllDirectives,
    files: &[(FileId, Arc<Unit<'_>>)],
) -> Vec<PointerTable> {
    let left = AtomicUsize::new(MOST_PARSED);
    let known = Known::default();
    let of_file = |(file, unit): &(FileId, Arc<Unit<'_>>)| {
        let finder = Finder { tree, directives, unit, known: &known };
        finder.file(*file, &left).unwrap_or_default()
    };
    let mut found: Vec<PointerTable> = files.par_iter().flat_map_iter(of_file).collect();
    found.sort_by_key(|table| table.span);
    found
}

/// What files declare that were read: as which language, and with which arms of their conditions.
type Known = Mutex<HashMap<FileId, Vec<(FileKind, Vec<Arm>, Arc<Shapes>)>>>;

struct Finder<'a, 't> {
    tree: &'t SourceTree,
    directives: &'t AllDirectives,
    unit: &'a Unit<'t>,
    known: &'a Known,
}

impl Finder<'_, '_> {
    /// The tables of a file; none where too much was read already.
    fn file(&self, file: FileId, left: &AtomicUsize) -> Option<Vec<PointerTable>> {
        let mut visited: Vec<FileId> = self.unit.visits.keys().copied().collect();
        visited.retain(|one| *one != file);
        visited.sort();
        visited.insert(0, file);
        let bytes: usize = visited.iter().map(|one| self.tree.file(*one).text.as_str().len()).sum();
        let take = |left: usize| left.checked_sub(bytes);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        let all: Vec<(FileId, Arc<Shapes>)> =
            visited.into_iter().map(|one| (one, self.shapes(one))).collect();
        let mut layouts = Layouts::new(self.tree, self.unit, &all);
        let text = String::from_utf8(self.blanked(file).bytes).ok()?;
        let enumerators: HashSet<&str> = all
            .iter()
            .flat_map(|(_, shapes)| shapes.enumerators.iter().map(String::as_str))
            .collect();
        let is_enumerator = |name: &str| enumerators.contains(name);
        let budget = Cell::new(BUDGET);
        let tables = all[0].1.variables.iter().filter_map(|variable| {
            if layouts.is_open(0, variable.value.clone()) || self.includes(file, &variable.value) {
                return None;
            }
            let visit = self.unit.visits.get(&file);
            let reader = Initialisers {
                tree: self.tree,
                numbers: Numbers::new(self.tree, self.unit),
                time: visit.map_or(self.unit.end, |visit| visit.time(variable.value.start)),
                is_enumerator: &is_enumerator,
                budget: Cell::new(budget.get()),
            };
            let table = table(&mut layouts, &reader, &text, file, variable);
            budget.set(reader.budget.get());
            table
        });
        Some(tables.take(MOST_TABLES).collect())
    }

    fn blanked(&self, file: FileId) -> Blanked {
        let text = self.tree.file(file).text.as_str();
        let visit = self.unit.visits.get(&file);
        blanked(text, self.directives.of(self.tree, file), visit, 0)
    }

    fn shapes(&self, file: FileId) -> Arc<Shapes> {
        let kind = match self.tree.file(file).kind {
            FileKind::Header => self.tree.file(self.unit.main).kind,
            kind => kind,
        };
        // Headers are the same to most of those that include them.
        let arms = self.unit.visits.get(&file).map(|visit| &visit.arms[..]).unwrap_or_default();
        let of_file = |known: &Vec<(FileKind, Vec<Arm>, Arc<Shapes>)>| {
            let same = known.iter().find(|(of, at, _)| *of == kind && at == arms)?;
            Some(Arc::clone(&same.2))
        };
        if let Some(known) = self.known.lock().ok().and_then(|all| all.get(&file).and_then(of_file))
        {
            return known;
        }
        let found = shapes(self.tree.file(file).text.as_str(), self.blanked(file), kind);
        let found = Arc::new(found);
        if let Ok(mut all) = self.known.lock() {
            all.entry(file).or_default().push((kind, arms.to_vec(), Arc::clone(&found)));
        }
        found
    }

    /// Whether a part of a file comes from another.
    fn includes(&self, file: FileId, range: &Range<usize>) -> bool {
        let all = self.directives.of(self.tree, file);
        let first = all.partition_point(|one| one.range.start < range.start);
        let within = all[first..].iter().take_while(|one| one.range.start < range.end);
        within
            .into_iter()
            .any(|one| matches!(one.kind, DirectiveKind::Include { .. } | DirectiveKind::Other))
    }
}

/// What there is to say of a variable: none where all its addresses lie on multiples of eight, or where it is not plain.
fn table(
    layouts: &mut Layouts<'_, '_>,
    reader: &Initialisers<'_, '_>,
    text: &str,
    file: FileId,
    variable: &Initialised,
) -> Option<PointerTable> {
    let inner = text.get(variable.value.start + 1..variable.value.end.checked_sub(1)?)?;
    let element_type = match &variable.of {
        Type::Array(of, _) => of,
        other => other,
    };
    // Most variables are no affair of this: their types say so before their values are read.
    let element = layouts.of(0, element_type, 0)?;
    if is_aligned(&element) {
        return None;
    }
    let items = reader.read(inner)?;
    let (layout, offsets) = match &variable.of {
        Type::Array(_, count) => {
            elements(layouts, reader, &element, count.clone(), &variable.of, &items)?
        }
        _ => {
            let mut found = Vec::new();
            reader.fill(&element, &Init::List(items), 0, &mut found)?;
            (Arc::clone(&element), found)
        }
    };
    if offsets.is_empty() {
        return None;
    }
    let align = layout.align.max(variable.align.unwrap_or(1));
    let counted = Crossing::of(&offsets, align);
    let crossing: Vec<u64> = offsets
        .iter()
        .copied()
        .filter(|offset| *offset as usize % PAGE >= FIRST_CROSSING)
        .collect();
    (counted.most > 0).then(|| PointerTable {
        span: Span::new(file, variable.name.clone()),
        size: layout.size,
        element: element.size,
        align,
        relocations: offsets.len() as u64,
        fewest: counted.fewest,
        most: counted.most,
        at_page: crossing.len() as u64,
        offsets: crossing.into_iter().take(MOST_OFFSETS).collect(),
        member: misplaced(&element),
    })
}

/// The layout of an array, and where in it addresses are. Elements that are not plain count as having none.
fn elements(
    layouts: &mut Layouts<'_, '_>,
    reader: &Initialisers<'_, '_>,
    element: &Arc<Layout>,
    count: Range<usize>,
    of: &Type,
    items: &[Item],
) -> Option<(Arc<Layout>, Vec<u64>)> {
    let whole = match count.is_empty() {
        true => array(Arc::clone(element), items.len() as u64)?,
        false => layouts.of(0, of, 0)?,
    };
    let Body::Array(_, count) = whole.body else { return None };
    let mut found = Vec::new();
    for (index, item) in (0..).zip(items) {
        // Braces that are left out, or an element in another place: what follows is anywhere.
        let in_braces = matches!(item.value, Init::List(_)) && item.is_in_order();
        if index >= count || !in_braces {
            return None;
        }
        let before = found.len();
        if reader.fill(element, &item.value, index * element.size, &mut found).is_none() {
            found.truncate(before);
        }
    }
    Some((whole, found))
}

/// Whether all addresses lie on multiples of eight.
fn is_aligned(layout: &Layout) -> bool {
    layout.align.is_multiple_of(8) && !layout.is_misplaced_at(0)
}

/// The name of the first member with an address whose place is no multiple of eight.
fn misplaced(layout: &Layout) -> Option<Span> {
    let (mut layout, mut base, mut name) = (layout, 0, None);
    loop {
        match &layout.body {
            Body::Plain | Body::Pointer => return name,
            Body::Array(of, count) => {
                let is_it = |index: &u64| of.is_misplaced_at(base + index * of.size);
                base += (0..8.min(*count)).find(is_it)? * of.size;
                layout = of;
            }
            Body::Structure(members) | Body::Union(members) => {
                let is_it = |one: &&Placed| one.layout.is_misplaced_at(base + one.offset);
                let member = members.iter().find(is_it)?;
                base += member.offset;
                name = member.name.or(name);
                layout = &member.layout;
            }
        }
    }
}

/// How many of some addresses cross a page, for every place where what they lie in may begin.
struct Crossing {
    fewest: u64,
    most: u64,
}

impl Crossing {
    fn of(offsets: &[u64], align: u64) -> Crossing {
        let mut places = vec![0_u64; PAGE];
        for offset in offsets {
            places[*offset as usize % PAGE] += 1;
        }
        let step = usize::try_from(align).unwrap_or(PAGE).clamp(1, PAGE);
        let crossing = |start: usize| -> u64 {
            (FIRST_CROSSING..PAGE).map(|place| places[(place + PAGE - start) % PAGE]).sum()
        };
        let all = (0..PAGE).step_by(step).map(crossing);
        let (fewest, most) =
            all.fold((u64::MAX, 0), |(fewest, most), one| (fewest.min(one), most.max(one)));
        Crossing { fewest, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceText, analyse};

    fn tables(files: &[(&str, &str)]) -> Vec<PointerTable> {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        analyse(&tree, &[], &[]).tables
    }

    /// A packed structure of two bytes and an address, and so many of it.
    fn entries(count: usize, before: &str, value: &str) -> String {
        let values = format!("{{ 1, {value} }},\n").repeat(count);
        format!(
            "#include <ntddk.h>\n#pragma pack(push, 1)\ntypedef struct _E {{ USHORT id; PVOID p; }} E;\n#pragma pack(pop)\n{before}\nstatic const E table[] = {{\n{values}}};"
        )
    }

    fn of(text: &str) -> Vec<PointerTable> {
        tables(&[("a.c", text)])
    }

    /// 4,096 entries of ten bytes, of which a linker's output has 4,096 relocations and 6 that cross, from a page on. At an
    /// odd place every address is odd: at 8 of the 10 page ends one begins 1, 3, 5 or 7 bytes before, and none 9.
    #[test]
    fn every_start_is_counted() {
        let found = of(&entries(4096, "", "\"a\""));
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!((one.size, one.element, one.align, one.relocations), (40960, 10, 1, 4096));
        assert_eq!((one.fewest, one.most, one.at_page), (6, 8, 6));
        // Pages end at 4096, 12288 and 16384; that of 8192 lies between 8182 and 8192.
        assert_eq!(one.offsets, [4092, 12282, 16382]);
    }

    /// Thirty bytes need not lie on two pages.
    #[test]
    fn short_tables_may_cross() {
        let found = of(&entries(3, "", "&x"));
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!((one.relocations, one.fewest, one.most, one.at_page), (3, 0, 1, 0));
    }

    /// At multiples of four only the place 0xFFC crosses.
    #[test]
    fn packing_to_four_leaves_one_place() {
        let text = entries(2048, "", "f").replace("push, 1", "push, 4").replace("USHORT", "ULONG");
        let found = of(&text);
        let [one] = &found[..] else { panic!("{found:?}") };
        // 12 i + 4 is 0xFFC of every third page: of six pages two, wherever they begin.
        assert_eq!((one.element, one.align, one.fewest, one.most), (12, 4, 2, 2));
    }

    /// What packs without a line of its own, and what ends it: `__pragma` of Microsoft's compiler, `_Pragma` of C, and the
    /// attribute of clang, by which only the one structure is packed. The offsets are those of `#pragma pack`.
    #[test]
    fn packing_has_other_forms() {
        let plain = entries(4096, "", "f");
        let by = |begin: &str, end: &str| {
            plain.replace("#pragma pack(push, 1)", begin).replace("#pragma pack(pop)", end)
        };
        let expected = &of(&plain)[0];
        let attribute = |at: &str, behind: &str| {
            by("", "").replace("struct _E", &format!("struct {at} _E")).replace("} E;", behind)
        };
        for text in [
            by("__pragma(pack(push, 1))", "__pragma(pack(pop))"),
            by("_Pragma(\"pack(push, 1)\")", "_Pragma(\"pack(pop)\")"),
            attribute("__attribute__((packed))", "} E;"),
            attribute("__attribute__((__packed__, aligned(1)))", "} E;"),
            attribute("", "} __attribute__((packed)) E;"),
            by("", "").replace("PVOID p;", "PVOID p __attribute__((packed));"),
        ] {
            let found = of(&text);
            let [one] = &found[..] else { panic!("{} {found:?}", &text[..200]) };
            assert_eq!((one.element, one.size, &one.offsets), (10, 40960, &expected.offsets));
        }
        for text in [
            by("", ""),
            by("__pragma(pack(push, 8))", "__pragma(pack(pop))"),
            by("__pragma(pack(push, 1)) __pragma(pack(pop))", ""),
            by("// __pragma(pack(push, 1))", ""),
            attribute("__attribute__((unused))", "} E;"),
            attribute("__attribute__((packed, aligned(8)))", "} E;")
                .replace("USHORT id", "ULONG64 id"),
            attribute("__attribute__((mode(SI)))", "} E;"),
            // Another one is packed.
            by("struct __attribute__((packed)) Q { UCHAR a; };", ""),
        ] {
            assert_eq!(of(&text), [], "{}", &text[..200]);
        }
    }

    #[test]
    fn what_is_no_address_does_not_count() {
        for value in
            ["NULL", "0", "(PVOID)5", "KIND_MAX", "Ordinary", "(PVOID)(ULONG_PTR)-1", "{ 0 }"]
        {
            let text = entries(4096, "enum { Ordinary };", value);
            assert_eq!(of(&text), [], "{value}");
        }
        for value in
            ["\"a\" \"b\"", "&x", "(PVOID)Handler", "L\"a\"", "(PVOID)&x.y", "names + 1", "HANDLER"]
        {
            let text = entries(4096, "#define HANDLER (PVOID)Handler", value);
            assert_eq!(of(&text)[0].relocations, 4096, "{value}");
        }
    }

    #[test]
    fn macros_make_elements() {
        let text = entries(0, "#define ENTRY(n) { n, #n },\n#define TWO ENTRY(1) ENTRY(2)\n#define NAMED(n) { .p = &n, .id = 2 }", "")
            .replace("= {\n", "= {\nTWO NAMED(x), NAMED(y) ");
        assert_eq!(of(&text)[0].relocations, 4);
        // What is not known may be any number of elements.
        let unknown = text.replace("TWO", "OTHER(1),");
        assert_eq!(of(&unknown), []);
    }

    #[test]
    fn what_is_not_plain_is_left_out() {
        for (from, to) in [
            ("static const E table[]", "void F(void) { const E table[]"),
            ("static const E table[]", "static const UNKNOWN table[]"),
            ("USHORT id", "USHORT id : 4"),
            ("USHORT id", "OTHER id"),
            ("#pragma pack(push, 1)", "#pragma pack(push, 8)"),
            ("{ 1, \"a\" },", "[5] = { 1, \"a\" },"),
            ("{ 1, \"a\" },", "1, \"a\","),
            ("{ 1, \"a\" },", "\n#include \"more.h\"\n"),
            ("{ 1, \"a\" },", "\n#if DBG\n{ 2, \"b\" },\n#endif\n"),
            ("#include <ntddk.h>", "#include <windows.h>"),
            ("#pragma pack(push, 1)", "#if DBG\n#pragma pack(push, 1)\n#endif"),
        ] {
            let text = entries(600, "", "\"a\"").replacen(from, to, 1);
            assert_eq!(of(&text), [], "{from} -> {to}");
        }
    }

    #[test]
    fn only_structures_have_names() {
        let text = "void F(void) { if (a) { } b(); } NTSTATUS G(void); typedef struct _A { int a; } A, *PA;
            static T x = { { 1 }, B }; typedef STRUCT { int c; } C; struct __declspec(align(8)) D { int d; } e; } H";
        assert_eq!(record_names(text), ["_A", "A", "PA", "C", "__declspec", "e", "H"]);
    }

    /// Comments, joined lines and brackets do not hide the type.
    #[test]
    fn data_is_seen_by_its_type() {
        for (text, is) in [
            ("E x = { 1 };", true),
            ("E const x[2] [A / B] = { 1 };", true),
            ("E x[a[1]] = {", true),
            ("E // T\n x = {", true),
            ("E x /* T y */ = /* T */ {", true),
            ("E /* T\n y\n*/ x = {", true),
            ("E // T \\\n y\n x\n = {", true),
            ("E x // T y\n\n[2] = {", true),
            ("F x = {", false),
            ("E F x = {", false),
            ("y.E = {", false),
            ("E x == {", false),
            ("} x = {", false),
        ] {
            assert_eq!(has_values(text, |name| name == "E", false), is, "{text}");
        }
        assert!(has_values("} x[1] = {", |_| false, true));
    }

    #[test]
    fn headers_pack_and_structures_nest() {
        let header = "#include <pshpack1.h>\nstruct inner { UCHAR c; const char *name; };\ntypedef struct { struct inner of[2]; UCHAR last; } OUTER, *POUTER;\n#include <poppack.h>";
        let text = "#include <ntddk.h>\n#include \"t.h\"\nOUTER one = { { { 1, \"a\" }, { 2, \"b\" } }, 3 };";
        let found = tables(&[("a.c", text), ("t.h", header)]);
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!((one.size, one.element, one.relocations, one.most), (19, 19, 2, 1));
        let member = one.member.unwrap();
        assert_eq!(&header[member.range()], "name");
    }

    /// What stands outside of the packed part counts only where it has something of that within.
    #[test]
    fn only_what_is_packed_or_has_that_within_counts() {
        let of = |outer: &str, of: &str| {
            let text = format!(
                "#include <ntddk.h>\n{outer}#pragma pack(push, 1)\nstruct inner {{ UCHAR c; const char *name; }};\n#pragma pack(pop)\nstruct around {{ struct inner of[2]; }};\n{of} one = {{ {{ {{ 1, \"a\" }}, {{ 2, \"b\" }} }} }};"
            );
            tables(&[("a.c", &text)]).len()
        };
        assert_eq!(of("", "struct around"), 1);
        assert_eq!(of("", "struct inner"), 0, "its value is too deep");
        assert_eq!(of("struct before { int a; };\n", "struct around"), 1);
        let named = |text: &str| {
            let mut tree = SourceTree::default();
            let file = tree.add("a.c", SourceText::of(text)).unwrap();
            packed_names(&tree, &AllDirectives::new(&tree), file).map(|names| names.join(" "))
        };
        let packed = "#pragma pack(1)\nstruct P { char *p; };\n#pragma pack()\n";
        assert_eq!(named(&format!("struct A {{ int a; }};\n{packed}")).unwrap(), "P");
        assert_eq!(named(&format!("{packed}struct A {{ struct P p; }};")).unwrap(), "P A P");
        assert_eq!(named(&format!("{packed}void F(P *p) {{ P x; }}")).unwrap(), "P");
        assert_eq!(named(&format!("{packed}#pragma pack(2)\nstruct B {{ }};")).unwrap(), "P B");
        assert_eq!(named("struct A { int a; };"), None);
    }

    #[test]
    fn what_is_made_to_be_hard_ends() {
        let doubling: String = (1..40)
            .map(|n| format!("struct s{n} {{ struct s{} a, b; char c; }};\n", n - 1))
            .collect();
        let text = format!(
            "#pragma pack(1)\nstruct s0 {{ void *p; }};\nstruct r {{ struct r a; }};\n{doubling}struct s24 t = {{ 0 }}; struct s39 u = {{ 0 }}; struct r v = {{ 0 }};"
        );
        assert_eq!(of(&text), []);
        let macros: String =
            (1..40).map(|n| format!("#define M{n} M{} , M{}\n", n - 1, n - 1)).collect();
        assert_eq!(of(&entries(1, &macros, "0 }, { M39")), []);
        let braces = format!(
            "#pragma pack(1)\nstruct s {{ char c; void *p; }};\nstruct s t = {};",
            "{".repeat(50_000)
        );
        assert_eq!(of(&braces), []);
    }
}
