//! Structures with their members.

use super::{ByField, Field, Reader, Record, variable_name};
use tree_sitter::Node;

impl Reader<'_> {
    /// A structure with its members.
    pub(super) fn record(&mut self, list: Node<'_>) {
        let Some(of) = list.parent() else { return };
        let body = list.byte_range();
        let (names, members, bases) = (Vec::new(), Vec::new(), bases(of, list));
        let mut record = Record { names, body, members, is_plain: true, bases };
        record.names.extend(of.field(Field::Name).map(|name| name.byte_range()));
        if let Some(around) = of.parent().filter(|around| around.kind() == "type_definition") {
            let mut cursor = around.walk();
            let declarators = around.children_by_field_name("declarator", &mut cursor);
            let names = declarators.filter(|one| one.kind() == "type_identifier");
            record.names.extend(names.map(|name| name.byte_range()));
        }
        let mut cursor = list.walk();
        for field in list.named_children(&mut cursor) {
            if field.kind() != "field_declaration" || self.has_storage(field, b"static") {
                record.is_plain &=
                    matches!(field.kind(), "comment" | "access_specifier" | "field_declaration");
                continue;
            }
            let kind =
                field.field(Field::Type).map(|of| of.field(Field::Name).unwrap_or(of).byte_range());
            let before = record.members.len();
            let mut cursor = field.walk();
            for declarator in field.children_by_field_name("declarator", &mut cursor) {
                match variable_name(declarator) {
                    Some(name) => record.members.push((name.byte_range(), kind.clone())),
                    None => record.is_plain = false,
                }
            }
            record.is_plain &= record.members.len() > before;
        }
        self.found.records.push(record);
    }
}

/// The names of the classes that one is derived from, which stand before its members.
fn bases(of: Node<'_>, list: Node<'_>) -> Vec<std::ops::Range<usize>> {
    let clause = list.prev_named_sibling().filter(|clause| {
        clause.kind() == "base_class_clause" && clause.parent().is_some_and(|around| around == of)
    });
    let Some(clause) = clause else { return Vec::new() };
    let mut cursor = clause.walk();
    let named = |one: Node<'_>| match one.kind() {
        "type_identifier" => Some(one.byte_range()),
        "qualified_identifier" => Some(super::last_name(one).byte_range()),
        "template_type" => one.field(Field::Name).map(|name| name.byte_range()),
        _ => None,
    };
    clause.named_children(&mut cursor).filter_map(named).collect()
}
