//! What a file declares of structures, and the variables of them that have values: no more than a parser says.

pub(crate) mod attribute;

use crate::blank::Blanked;
use crate::condensed::Condensed;
use crate::expression::number;
use crate::lex::tokens;
use crate::outline::{self, Body};
use crate::syntax::{ByField, Field, parse};
use crate::{FileKind, kit_types};
use foldhash::{HashMap, HashMapExt, HashSet};
use memchr::memmem;
use std::ops::Range;
use tree_sitter::Node;

/// What a file declares. Ranges are bytes of the file.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    pub(crate) records: Vec<Record>,
    pub(crate) typedefs: Vec<(String, Type)>,
    pub(crate) variables: Vec<Initialised>,
    /// The constants of its enumerations.
    pub(crate) enumerators: HashSet<String>,
}

/// A structure or union.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its tag.
    pub(crate) name: Option<String>,
    pub(crate) is_union: bool,
    /// The word `struct` or `union`; the packing there counts.
    pub(crate) at: usize,
    /// Behind its `}`.
    pub(crate) end: usize,
    /// What `__declspec(align)` asks for.
    pub(crate) align: Option<u64>,
    /// Whether an attribute packs its members to bytes.
    pub(crate) is_packed: bool,
    pub(crate) members: Vec<Member>,
    /// Whether there is something in it of which the place is not known: base classes, functions.
    pub(crate) is_odd: bool,
    /// Whether some of its members are bit-fields.
    pub(crate) has_bits: bool,
}

/// A member of a structure.
#[derive(Debug)]
pub(crate) struct Member {
    /// None for a structure without a name, whose members are those of the outer one.
    pub(crate) name: Option<Range<usize>>,
    pub(crate) of: Type,
    pub(crate) align: Option<u64>,
    /// Whether an attribute puts it at the next byte.
    pub(crate) is_packed: bool,
    /// The expression of how many bits it has, where it is a bit-field.
    pub(crate) bits: Option<Range<usize>>,
}

/// A type, as far as its layout goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A typedef.
    Named(String),
    /// The tag of a structure, union or enumeration.
    Tag(String),
    /// A record of the same file.
    Record(usize),
    Number(u8),
    Pointer,
    /// So many of a type; the expression of the number is empty for `[]`.
    Array(Box<Type>, Range<usize>),
    Unknown,
}

/// A variable with a value that lives as long as the driver.
#[derive(Debug)]
pub(crate) struct Initialised {
    pub(crate) name: Range<usize>,
    pub(crate) of: Type,
    /// From the `{` to behind the `}`.
    pub(crate) value: Range<usize>,
    pub(crate) align: Option<u64>,
}

/// Deepest nesting of declarators and structures.
const DEEPEST: usize = 16;
/// How far from a declaration its annotations are looked for.
const LONGEST: usize = 512;

/// Reads what a file declares; `text` is the file, `blanked` what is left of it for the parser. What functions make for
/// themselves is left out but for data of their own that lasts.
pub(crate) fn shapes(text: &str, mut blanked: Blanked, kind: FileKind) -> Shapes {
    let lasts =
        |body: &Body| memmem::find(&text.as_bytes()[body.range.clone()], b"static").is_some();
    let (bodies, declared) = outline::outline(&blanked.bytes);
    let bodies = bodies.into_iter().filter(|body| !lasts(body));
    blanked.leave_out(&bodies.collect::<Vec<_>>());
    blanked.leave_out_too(declared.into_iter());
    let condensed = Condensed::of(&blanked.bytes, &blanked.left_out, kind, blanked.own);
    let Some(tree) = parse(&condensed.bytes, kind) else { return Shapes::default() };
    let (found, read) = (Shapes::default(), HashMap::new());
    let mut reader = Reader { text, condensed: &condensed, found, read };
    // Where the blocks around end, innermost last.
    let mut blocks: Vec<usize> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        while blocks.last().is_some_and(|end| node.start_byte() >= *end) {
            blocks.pop();
        }
        // Nothing is told by a single token.
        let kind = if node.child_count() > 0 { node.kind() } else { "" };
        match kind {
            "compound_statement" => blocks.push(node.end_byte()),
            "type_definition" => reader.typedef(node),
            "enumerator" => reader.enumerator(node),
            "declaration" => reader.declaration(node, !blocks.is_empty()),
            "struct_specifier" | "union_specifier" => {
                reader.type_of(node, 0);
            }
            _ => {}
        }
        if cursor.goto_first_child() || cursor.goto_next_sibling() {
            continue;
        }
        loop {
            if !cursor.goto_parent() {
                return reader.found;
            }
            if cursor.goto_next_sibling() {
                break;
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    /// What was parsed of it.
    condensed: &'t Condensed,
    found: Shapes,
    /// The records that were read, by where they begin.
    read: HashMap<usize, usize>,
}

impl Reader<'_> {
    fn enumerator(&mut self, node: Node<'_>) {
        let name = node.field(Field::Name);
        let name = name.and_then(|name| self.text.get(self.range(name)));
        self.found.enumerators.extend(name.map(str::to_owned));
    }

    fn typedef(&mut self, node: Node<'_>) {
        let Some(base) = node.field(Field::Type) else { return };
        let base = match self.alignment_before(node) {
            Ok(None) => self.type_of(base, 0),
            _ => Type::Unknown,
        };
        let mut cursor = node.walk();
        for declarator in node.children_by_field_name("declarator", &mut cursor) {
            if let Some((name, of)) = self.declared(declarator, base.clone()) {
                self.found.typedefs.push((self.text[name].to_owned(), of));
            }
        }
    }

    fn declaration(&mut self, node: Node<'_>, is_local: bool) {
        let Some(base_node) = node.field(Field::Type) else { return };
        let mut cursor = node.walk();
        let with_list = |one: &Node<'_>| {
            one.kind() == "init_declarator"
                && one.field(Field::Value).is_some_and(|value| value.kind() == "initializer_list")
        };
        let all: Vec<Node<'_>> =
            node.children_by_field_name("declarator", &mut cursor).filter(with_list).collect();
        if all.is_empty() || is_local && !self.is_static(node) {
            return;
        }
        let align = self.alignment_before(node).ok().flatten();
        let base = self.type_of(base_node, 0);
        for one in all {
            let Some(value) = one.field(Field::Value) else { continue };
            let declarator = one.field(Field::Declarator);
            if let Some((name, of)) = declarator.and_then(|one| self.declared(one, base.clone())) {
                self.found.variables.push(Initialised {
                    name,
                    of,
                    value: self.range(value),
                    align,
                });
            }
        }
    }

    /// The type that a specifier names; a structure is read on the way.
    fn type_of(&mut self, node: Node<'_>, depth: usize) -> Type {
        let text = self.text.get(self.range(node)).unwrap_or_default();
        match node.kind() {
            "primitive_type" | "sized_type_specifier" => {
                kit_types::primitive(text).map_or_else(|| unsigned(text), Type::Number)
            }
            "type_identifier" => Type::Named(text.to_owned()),
            "enum_specifier"
                if node.field(Field::UnderlyingType).is_none()
                    && node.field(Field::Base).is_none() =>
            {
                Type::Number(4)
            }
            "struct_specifier" | "union_specifier" => {
                let name = node.field(Field::Name);
                let name = name.and_then(|name| self.text.get(self.range(name))).map(str::to_owned);
                match (node.field(Field::Body), name) {
                    (Some(body), name) if depth < DEEPEST => self.record(node, body, name, depth),
                    (None, Some(name)) => Type::Tag(name),
                    _ => Type::Unknown,
                }
            }
            _ => Type::Unknown,
        }
    }

    fn record(
        &mut self,
        node: Node<'_>,
        body: Node<'_>,
        name: Option<String>,
        depth: usize,
    ) -> Type {
        if let Some(known) = self.read.get(&node.start_byte()) {
            return Type::Record(*known);
        }
        let (range, mut before) = (self.range(node), self.range(body).start);
        let head = self.alignment(range.start..before);
        let (behind, own) = attribute::behind(self.text, range.end);
        let tail = self.alignment(behind..self.declaration_end(behind));
        let head_packs = attribute::packs(self.text.get(range.start..before).unwrap_or_default());
        let mut record = Record {
            name,
            is_union: node.kind() == "union_specifier",
            at: range.start,
            end: range.end,
            align: head.ok().flatten().max(own.align),
            is_packed: own.is_packed || head_packs,
            members: Vec::new(),
            is_odd: head.is_err() || tail != Ok(None) || own.is_odd || node.has_error(),
            has_bits: false,
        };
        let mut cursor = node.walk();
        record.is_odd |= node.children(&mut cursor).any(|one| one.kind() == "base_class_clause");
        let mut cursor = body.walk();
        for child in body.named_children(&mut cursor) {
            match child.kind() {
                "comment" => continue,
                "field_declaration" => self.field(child, before, &mut record, depth),
                _ => record.is_odd = true,
            }
            before = self.range(child).end;
        }
        record.is_odd |= record.members.is_empty();
        self.found.records.push(record);
        let index = self.found.records.len() - 1;
        self.read.insert(node.start_byte(), index);
        Type::Record(index)
    }

    fn field(&mut self, node: Node<'_>, before: usize, record: &mut Record, depth: usize) {
        let mut cursor = node.walk();
        let is_odd =
            |one: Node<'_>| matches!(one.kind(), "storage_class_specifier" | "virtual" | "ERROR");
        record.is_odd |= node.children(&mut cursor).any(is_odd);
        let Some(base) = node.field(Field::Type) else {
            record.is_odd = true;
            return;
        };
        // A structure within has its own.
        let body = base.field(Field::Body).map(|body| self.range(body));
        let head =
            self.alignment(before..body.as_ref().map_or(self.range(node).end, |body| body.start));
        let Ok(align) = head else {
            record.is_odd = true;
            return;
        };
        let is_packed = body.is_none()
            && attribute::packs(self.text.get(before..self.range(node).end).unwrap_or_default());
        let base = self.type_of(base, depth + 1);
        let mut cursor = node.walk();
        let all: Vec<Node<'_>> = node.children_by_field_name("declarator", &mut cursor).collect();
        if all.is_empty() {
            let (of, bits) = (base.clone(), None);
            record.members.push(Member { name: None, of, align, is_packed, bits });
        }
        for one in all {
            let bits = self.bits_behind(one);
            record.has_bits |= bits.is_some();
            match self.declared(one, base.clone()) {
                Some((name, of)) => {
                    let name = Some(name);
                    record.members.push(Member { name, of, align, is_packed, bits });
                }
                None => record.is_odd = true,
            }
        }
    }

    /// The expression of how many bits a member has, where it is a bit-field.
    fn bits_behind(&self, declarator: Node<'_>) -> Option<Range<usize>> {
        let clause = declarator.next_named_sibling();
        let clause = clause.filter(|behind| behind.kind() == "bitfield_clause")?;
        clause.named_child(0).map(|bits| self.range(bits))
    }

    /// Where a node is in the text.
    fn range(&self, node: Node<'_>) -> Range<usize> {
        self.condensed.stood(node.byte_range())
    }

    /// What is asked for between the declaration before and this one: there stands what the parser does not see.
    fn alignment_before(&self, node: Node<'_>) -> Result<Option<u64>, ()> {
        let end = self.range(node).start;
        let before = &self.text.as_bytes()[end.saturating_sub(LONGEST)..end];
        let length = before.iter().rev().take_while(|byte| !b";{}".contains(byte)).count();
        self.alignment(end - length..end)
    }

    /// Where a declaration ends whose type ends at a byte.
    fn declaration_end(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes();
        let behind = &bytes[from..bytes.len().min(from + LONGEST)];
        behind.iter().position(|byte| b";{".contains(byte)).map_or(from, |at| from + at)
    }

    fn is_static(&self, node: Node<'_>) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).any(|one| {
            one.kind() == "storage_class_specifier"
                && self.text.get(self.range(one)) == Some("static")
        })
    }

    /// The alignment that is asked for in a part of the text, where it is understood.
    fn alignment(&self, range: Range<usize>) -> Result<Option<u64>, ()> {
        let text = self.text.get(range).unwrap_or_default();
        if !["align", "ALIGN", "__attribute__", "Align"].iter().any(|word| text.contains(word)) {
            return Ok(None);
        }
        let words: Vec<&str> = tokens(text, 0, text.len()).map(|token| token.text(text)).collect();
        for (index, word) in words.iter().enumerate() {
            match *word {
                "align" | "DECLSPEC_ALIGN" => {
                    let value = words.get(index + 2).and_then(|value| number(value));
                    let value = value.filter(|value| value.is_power_of_two() && *value <= 8192);
                    return value.map(Some).ok_or(());
                }
                "POINTER_ALIGNMENT" => return Ok(Some(8)),
                "alignas" | "_Alignas" => return Err(()),
                _ => {}
            }
        }
        let said = attribute::all(text);
        if said.is_odd { Err(()) } else { Ok(said.align) }
    }

    /// The name that a declarator declares and its type, where `base` is that of what stands before.
    fn declared(&self, mut node: Node<'_>, base: Type) -> Option<(Range<usize>, Type)> {
        let mut of = base;
        for _ in 0..DEEPEST {
            match node.kind() {
                "identifier" | "field_identifier" | "type_identifier" => {
                    return Some((self.range(node), of));
                }
                "pointer_declarator" | "reference_declarator" => of = Type::Pointer,
                "array_declarator" => {
                    let size = node.field(Field::Size).map_or(0..0, |size| self.range(size));
                    of = Type::Array(Box::new(of), size);
                }
                "function_declarator" => of = Type::Unknown,
                "parenthesized_declarator" => {}
                _ => return None,
            }
            node = node.field(Field::Declarator).or_else(|| node.named_child(0))?;
        }
        None
    }
}

/// `unsigned`, and whatever the table of primitive types does not have.
fn unsigned(text: &str) -> Type {
    match text.trim() {
        "unsigned" | "signed" => Type::Number(4),
        _ => Type::Unknown,
    }
}
