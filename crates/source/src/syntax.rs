//! What a parser finds in a file: functions, calls, and what is assigned to variables. Nothing is judged here.

mod changed;
mod converted;
mod declared_call;
mod field;
mod found;
mod held;
mod kind;
mod linkage;
mod listed;
mod old;
mod placed;
mod record;
mod stored;
mod taken;
mod template;
#[cfg(test)]
mod tests;
mod trees;
mod turn;

use crate::blank::Blanked;
use crate::condensed::Condensed;
use crate::flow::{Fork, ForkKind};
use crate::scope::Known;
use crate::{FileKind, vocabulary};
pub(crate) use field::{ByField, Field};
pub(crate) use found::{
    Call, DefaultArgument, Enumerator, Function, Happens, Manner, Member, Record, Syntax, Variable,
};
pub(crate) use kind::{Kind, Kinds};
pub(crate) use linkage::Linkage;
pub(crate) use listed::Listed;
pub(crate) use placed::MOST_MISREAD;
use placed::misread;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;
pub(crate) use stored::Stored;
pub(crate) use template::TemplateParameter;
use template::{class_arguments, template_arguments, template_parameters};
use tree_sitter::{Language, Node, ParseOptions, Parser, Tree};
pub(crate) use trees::Trees;
pub(crate) use turn::Turn;

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// The grammar for a kind of file.
fn language(kind: FileKind) -> Language {
    match kind {
        FileKind::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        FileKind::Rust => tree_sitter_rust::LANGUAGE.into(),
        _ => tree_sitter_c::LANGUAGE.into(),
    }
}

/// Parses; none where the bytes take far more work than any source does.
pub(crate) fn parse(bytes: &[u8], kind: FileKind) -> Option<Tree> {
    PARSER.with_borrow_mut(|parser| {
        parser.reset();
        parser.set_language(&language(kind)).ok()?;
        // Called after every 100 operations; plain code takes less than one a byte.
        let mut left = 10_000 + bytes.len() / 4;
        let mut progress = |_: &tree_sitter::ParseState| {
            left = left.saturating_sub(1);
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        parser.parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(options),
        )
    })
}

/// Whether something is looked for by a name.
fn is_looked_for(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).unwrap_or_default();
    name == "ExInitializeDriverRuntime" || vocabulary::function(name).is_some()
}

/// What stands in a blanked file.
///
/// `named` are the places of what is looked for.
pub(crate) fn syntax(blanked: Blanked, kind: FileKind, named: &[usize]) -> Syntax {
    syntax_by(parse, blanked, kind, named)
}

/// The same, where `parse` says what parsing gives.
pub(crate) fn syntax_by(
    parse: impl Fn(&[u8], FileKind) -> Option<Tree>,
    blanked: Blanked,
    kind: FileKind,
    named: &[usize],
) -> Syntax {
    let condensed = Condensed::of(&blanked.bytes, &blanked.left_out, kind, blanked.own);
    let mut reader = Reader {
        bytes: &condensed.bytes,
        found: Syntax::default(),
        within: Vec::new(),
        blocks: Vec::new(),
        scopes: Vec::new(),
        updates: Vec::new(),
        set_converted: None,
        bodies: Vec::new(),
        templates: Vec::new(),
        is_c: kind != FileKind::Cpp,
    };
    match parse(&condensed.bytes, kind) {
        Some(tree) => {
            reader.walk(&tree, Kinds::of(kind));
            let named: Vec<usize> = named.iter().filter_map(|at| condensed.is_at(*at)).collect();
            reader.found.taken = taken::of(&tree, &condensed.bytes, &named);
            condensed.tell_of_text(&mut reader.found);
            for function in &mut reader.found.functions {
                let key = |fork: &Fork| (fork.range.start, Reverse(fork.range.end));
                function.forks.sort_by_key(key);
            }
        }
        None => reader.found.is_cut = true,
    }
    Syntax { assembly: blanked.assembly, ..reader.found }
}

/// Of the `named` places of a blanked file those where an address is taken, as what is named there.
pub(crate) fn taken(blanked: &Blanked, kind: FileKind, named: &[usize]) -> Vec<Range<usize>> {
    let condensed = Condensed::of(&blanked.bytes, &blanked.left_out, kind, blanked.own);
    let named = named.iter().filter_map(|at| condensed.is_at(*at));
    let named: Vec<usize> = named.filter(|at| taken::may_be(&condensed.bytes, *at)).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let tree = parse(&condensed.bytes, kind);
    let found = tree.map(|tree| taken::of(&tree, &condensed.bytes, &named)).unwrap_or_default();
    found.into_iter().map(|range| condensed.stood(range)).collect()
}

/// The statements whose declarations end with them.
const SCOPES: [Kind; 7] =
    [Kind::Compound, Kind::For, Kind::ForRange, Kind::If, Kind::While, Kind::Switch, Kind::Lambda];

struct Reader<'b> {
    bytes: &'b [u8],
    found: Syntax,
    /// The functions around, innermost last, each with where it ends.
    within: Vec<(usize, usize)>,
    /// The statements around that may not run, innermost last.
    blocks: Vec<Range<usize>>,
    /// The statements around in which names are declared, innermost last.
    scopes: Vec<Range<usize>>,
    /// What comes after each round of a loop and was not reached yet, by its number.
    updates: Vec<usize>,
    /// Where the variable stands that was set last by way of its address, converted.
    set_converted: Option<usize>,
    /// Where statements begin that belong to others, such as what stands behind `if (…)`, innermost last.
    bodies: Vec<usize>,
    /// The templates around, innermost last, each with where it ends.
    templates: Vec<(usize, Vec<TemplateParameter>)>,
    is_c: bool,
}

impl Reader<'_> {
    fn walk(&mut self, tree: &Tree, kinds: &Kinds) {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            // Nothing is told by a single token.
            let kind = if node.child_count() > 0 { kinds.kind(node) } else { Kind::Token };
            if !matches!(kind, Kind::Token | Kind::Other) {
                self.take(node, kind);
            }
            let is_token = kind == Kind::Token && !node.has_error();
            if !is_token && cursor.goto_first_child() || cursor.goto_next_sibling() {
                continue;
            }
            loop {
                if !cursor.goto_parent() {
                    return;
                }
                if cursor.goto_next_sibling() {
                    break;
                }
            }
        }
    }

    fn take(&mut self, node: Node<'_>, kind: Kind) {
        let start = node.start_byte();
        while self.within.last().is_some_and(|(_, end)| start >= *end) {
            self.within.pop();
        }
        while self.blocks.last().is_some_and(|block| start >= block.end) {
            self.blocks.pop();
        }
        while self.scopes.last().is_some_and(|scope| start >= scope.end) {
            self.scopes.pop();
        }
        while self.templates.last().is_some_and(|(end, _)| start >= *end) {
            self.templates.pop();
        }
        if SCOPES.contains(&kind) {
            self.scopes.push(node.byte_range());
        }
        self.visit(node, kind);
        self.fork(node, kind);
    }

    fn visit(&mut self, node: Node<'_>, kind: Kind) {
        match kind {
            Kind::Function => self.function(node),
            Kind::Template => {
                self.templates.push((node.end_byte(), template_parameters(node)));
            }
            Kind::Call => self.call(node),
            Kind::New => self.new_expression(node),
            Kind::InitDeclarator => {
                self.listed(node);
                let name = node.field(Field::Declarator).and_then(variable_name);
                if let (Some(name), Some(value)) = (name, node.field(Field::Value)) {
                    let is_static =
                        node.parent().is_some_and(|around| self.has_storage(around, b"static"));
                    self.event(name, Happens::Begins(value.byte_range()), is_static);
                }
            }
            // `F(a, b) int a; T b; { … }`: parameters are no variables.
            Kind::Declaration if is_of_parameters(node) => {}
            Kind::Declaration if self.declared_call(node) => {}
            Kind::Declaration if !self.has_storage(node, b"extern") => {
                let mut cursor = node.walk();
                for declarator in node.children_by_field_name("declarator", &mut cursor) {
                    if let Some(name) = variable_name(declarator) {
                        self.event(name, Happens::Declared, self.has_storage(node, b"static"));
                    }
                }
            }
            Kind::Pointer if self.bytes.get(node.start_byte()) == Some(&b'&') => {
                let of = node.field(Field::Argument).map(|of| of.start_byte());
                // The address is for what is set by way of it.
                if of.is_none() || of != self.set_converted {
                    self.changes(node);
                }
            }
            Kind::Binary => self.converted_address(node),
            Kind::CompoundLiteral => self.listed_literal(node),
            Kind::Return => self.returned(node),
            Kind::Enumerators => self.enumerators(node),
            Kind::InitializerPair => {
                let designator = node.field(Field::Designator);
                let value = node.field(Field::Value);
                if let (Some(designator), Some(value)) = (designator, value) {
                    self.member(designator, value);
                }
            }
            Kind::Fields => self.record(node),
            Kind::FunctionDeclarator => self.defaults(node),
            Kind::Field if self.has_storage(node, b"static") => {
                let name = node.field(Field::Declarator).and_then(variable_name);
                if let (Some(name), Some(value)) = (name, node.field(Field::DefaultValue)) {
                    self.variable(name, Happens::Begins(value.byte_range()));
                }
            }
            // What comes after each round settles nothing for the first.
            Kind::Assignment | Kind::Update | Kind::Comma if self.is_update(node) => {
                self.blocks.push(node.byte_range());
                self.assignment_or_update(node, kind);
            }
            Kind::Assignment | Kind::Update => self.assignment_or_update(node, kind),
            Kind::While | Kind::For | Kind::Do | Kind::ForRange => {
                if kind == Kind::For {
                    self.note_update(node);
                }
                self.repeats(node.byte_range());
                self.blocks.push(node.byte_range());
            }
            Kind::Labeled => {
                let end = self.within.last().map_or(node.end_byte(), |(_, end)| *end);
                self.repeats(node.start_byte()..end);
            }
            Kind::Lambda => {
                self.lambda(node);
                self.blocks.push(node.byte_range());
            }
            Kind::Compound if self.is_c && self.within.is_empty() => {
                self.old_function(node);
                self.blocks.push(node.byte_range());
            }
            Kind::Compound
            | Kind::If
            | Kind::Else
            | Kind::Switch
            | Kind::Case
            | Kind::Conditional => self.blocks.push(node.byte_range()),
            _ => {}
        }
    }

    fn fork(&mut self, node: Node<'_>, kind: Kind) {
        let Some((function, end)) = self.within.last().copied() else { return };
        let fork = Fork::of(node, kind, self.bytes);
        if kind.is_statement() && !self.is_plainly_placed(node) {
            let unclear = Fork { kind: ForkKind::Unclear, range: node.byte_range() };
            self.found.functions[function].forks.push(unclear);
        }
        self.bodies.extend(match (kind, &fork) {
            // What looks like a function in one may be a macro and a block.
            (Kind::Function, _) if end != node.end_byte() => None,
            (Kind::Function | Kind::Lambda | Kind::Catch, _) => {
                node.field(Field::Body).map(|body| body.start_byte())
            }
            (Kind::Else, _) => node.child(1).map(|statement| statement.start_byte()),
            (Kind::Conditional, _) => None,
            (_, fork) => fork.as_ref().and_then(Fork::body_start),
        });
        self.found.functions[function].forks.extend(fork);
    }

    /// Notes the last of the three expressions of a `for`.
    fn note_update(&mut self, node: Node<'_>) {
        const KINDS: [&str; 3] = ["assignment_expression", "update_expression", "comma_expression"];
        let update = node.field(Field::Update);
        let update = update.filter(|update| KINDS.contains(&update.kind()));
        self.updates.extend(update.map(|update| update.id()));
    }

    /// Whether an expression is the last of the three of a `for`.
    fn is_update(&mut self, node: Node<'_>) -> bool {
        let found = self.updates.iter().rposition(|update| *update == node.id());
        // What was noted later lies before it, and was passed.
        found.is_some_and(|at| {
            self.updates.truncate(at);
            true
        })
    }

    fn repeats(&mut self, range: Range<usize>) {
        if let Some((function, _)) = self.within.last() {
            self.found.functions[*function].loops.push(range);
        }
    }

    fn function(&mut self, node: Node<'_>) {
        let Some(body) = node.field(Field::Body) else { return };
        let Some(declarator) = node.field(Field::Declarator).and_then(function_declarator) else {
            return;
        };
        let Some(name) = declarator.field(Field::Declarator).map(last_name) else {
            return;
        };
        let parameters = parameters(declarator);
        self.add_function((name, parameters, body), node, node.end_byte());
    }

    /// Adds a function by its name, its parameters and its body; `node` has what stands before the name.
    fn add_function(
        &mut self,
        (name, parameters, body): (Node<'_>, Vec<Range<usize>>, Node<'_>),
        node: Node<'_>,
        end: usize,
    ) {
        let is_ddi = |name: &str| vocabulary::function(name).is_some();
        let named = self.bytes.get(name.byte_range()).and_then(|name| str::from_utf8(name).ok());
        // Only of these it matters, and to find it takes time.
        let linkage = match named.is_some_and(is_ddi) && name.kind() == "identifier" {
            true => self.linkage(node),
            false => Linkage::Inner,
        };
        // One that ends with it is its own.
        let is_own = |(template, _): &&(usize, Vec<TemplateParameter>)| *template == end;
        let own = self.templates.iter().rfind(is_own).map(|(_, own)| own.clone());
        let others = self.templates.iter().filter(|one| !is_own(one));
        let outer = others.flat_map(|(_, all)| all.iter().map(|one| one.name.clone())).collect();
        self.within.push((self.found.functions.len(), end));
        self.found.functions.push(Function {
            name: name.byte_range(),
            body: body.byte_range(),
            parameters,
            template: own.unwrap_or_default(),
            outer,
            variables: Vec::new(),
            forks: Vec::new(),
            loops: Vec::new(),
            lambdas: Vec::new(),
            returns: Vec::new(),
            misread: misread(body),
            of: node.field(Field::Type).map_or(0..0, |of| of.byte_range()),
            stored: Vec::new(),
            hidden: Vec::new(),
            is_static: self.has_storage(node, b"static"),
            linkage,
            asking: OnceLock::new(),
            known: Known::default(),
        });
    }

    /// Whether a declaration says `static` or `extern`, as `class` is.
    fn has_storage(&self, node: Node<'_>, class: &[u8]) -> bool {
        let text = self.bytes.get(node.byte_range()).unwrap_or_default();
        // Most say neither, and children are slow to go through.
        if memchr::memmem::find(text, class).is_none() {
            return false;
        }
        let mut cursor = node.walk();
        let is_it = |child: Node<'_>| {
            child.kind() == "storage_class_specifier"
                && self.bytes.get(child.byte_range()) == Some(class)
        };
        node.children(&mut cursor).any(is_it)
    }

    fn call(&mut self, node: Node<'_>) {
        if let Some(callee) = node.field(Field::Function) {
            self.call_of(node, callee, false, DEEPEST);
        }
    }

    fn call_of(&mut self, node: Node<'_>, mut callee: Node<'_>, is_chosen: bool, left: usize) {
        let mut manner = Manner::Plain;
        // `(F)(…)`, `(*F)(…)` and `(&F)(…)` are calls of F.
        while matches!(callee.kind(), "parenthesized_expression" | "pointer_expression") {
            if callee.kind() == "pointer_expression" {
                manner = Manner::Indirect;
            }
            let Some(inner) = callee.named_child(0) else { return };
            callee = inner;
        }
        if callee.kind() == "conditional_expression" {
            for arm in [Field::Consequence, Field::Alternative] {
                if let Some(arm) = callee.field(arm).filter(|_| left > 0) {
                    self.call_of(node, arm, true, left / 2);
                }
            }
            return;
        }
        if callee.kind() == "subscript_expression" {
            manner = Manner::Indirect;
            let Some(array) = callee.field(Field::Argument) else { return };
            callee = array;
        }
        if callee.kind() == "field_expression" {
            manner = Manner::Member;
            let Some(field) = callee.field(Field::Member) else { return };
            callee = field;
        }
        let converted = (callee.kind() == "call_expression").then(|| held::converted(callee));
        if let Some(Some((inner, converted))) = converted {
            (callee, manner) = (inner, converted);
        }
        if callee.kind() == "call_expression" {
            manner = Manner::Given;
            let given = held::given(callee).or_else(|| callee.field(Field::Function));
            let Some(given) = given else { return };
            callee = given;
        }
        if callee.kind() == "cast_expression" {
            manner = Manner::Converted;
            let Some(value) = callee.field(Field::Value) else { return };
            let given = held::given(callee).map(|given| (given, Manner::Given));
            (callee, manner) = held::converted(value).or(given).unwrap_or((value, manner));
        }
        let template = template_arguments(callee);
        let class = class_arguments(callee);
        let is_scoped =
            callee.kind() == "qualified_identifier" && callee.field(Field::Scope).is_some();
        let callee = last_name(callee);
        if !matches!(callee.kind(), "identifier" | "field_identifier" | "operator_name") {
            return;
        }
        let Some(list) = node.field(Field::Arguments) else { return };
        self.push_call(callee.byte_range(), manner, node, list);
        if let Some(call) = self.found.calls.last_mut() {
            call.is_chosen = is_chosen;
            call.template = template;
            call.class = class;
            call.is_scoped = is_scoped;
        }
    }

    fn new_expression(&mut self, node: Node<'_>) {
        let Some(list) = node.field(Field::Placement) else { return };
        let start = node.start_byte();
        let callee = start..(start + 3).min(node.end_byte());
        let is_array = node.field(Field::Declarator).is_some();
        let manner = if is_array { Manner::NewArray } else { Manner::New };
        self.push_call(callee, manner, node, list);
    }

    fn push_call(&mut self, callee: Range<usize>, manner: Manner, whole: Node<'_>, list: Node<'_>) {
        let mut cursor = list.walk();
        let arguments =
            list.named_children(&mut cursor).filter(|argument| argument.kind() != "comment");
        let arguments = arguments.map(|argument| argument.byte_range()).collect();
        let function = self.within.last().map(|(function, _)| *function);
        self.found.calls.push(Call {
            callee,
            manner,
            whole: whole.byte_range(),
            arguments,
            template: Vec::new(),
            class: None,
            function,
            is_chosen: false,
            is_scoped: false,
        });
    }

    fn assignment_or_update(&mut self, node: Node<'_>, kind: Kind) {
        match kind {
            Kind::Assignment => self.assignment(node),
            Kind::Update => self.changes(node),
            _ => {}
        }
    }

    fn assignment(&mut self, node: Node<'_>) {
        let (Some(left), Some(right)) = (node.field(Field::Left), node.field(Field::Right)) else {
            return;
        };
        self.stored(node, left, right);
        let operator = node.field(Field::Operator).map_or("=", |operator| operator.kind());
        if operator == "="
            && let Some(name) = converted::variable(left)
        {
            self.set_converted = Some(name.start_byte());
            self.variable(name, Happens::Becomes(right.byte_range()));
            return;
        }
        if stores_through_pointer(left) {
            let function = self.within.last().map(|(function, _)| *function);
            self.found.stores.push((left.byte_range(), function));
        }
        if let Some(name) = pointer_declared_as_call(left) {
            self.event(name, Happens::Begins(right.byte_range()), false);
            return;
        }
        if left.kind() != "identifier" {
            self.member(left, right);
            return;
        }
        self.variable(
            left,
            match operator {
                "=" => Happens::Becomes(right.byte_range()),
                "|=" => Happens::Gains(right.byte_range()),
                "&=" => Happens::Keeps(right.byte_range()),
                "^=" => Happens::Turns(Turn::Bits, right.byte_range()),
                _ => Happens::Changes,
            },
        );
    }

    /// What a member or an element is given, where that may be a function.
    fn member(&mut self, left: Node<'_>, right: Node<'_>) {
        const FUNCTIONS: [&str; 6] = [
            "identifier",
            "cast_expression",
            "parenthesized_expression",
            "pointer_expression",
            "conditional_expression",
            "call_expression",
        ];
        let name = match left.kind() {
            "field_expression" => left.field(Field::Member),
            "subscript_expression" => left.field(Field::Argument).map(last_name),
            "field_designator" => left.named_child(0),
            _ => None,
        };
        let Some(mut name) = name.filter(|_| FUNCTIONS.contains(&right.kind())) else { return };
        if let Some(field) = name.field(Field::Member) {
            name = field;
        }
        let function = self.within.last().map(|(function, _)| *function);
        let is_element = name.kind() == "identifier";
        let (name, value) = (name.byte_range(), right.byte_range());
        self.found.members.push(Member { name, value, function, is_element });
    }

    /// What a function's parameters are where no argument is passed.
    fn defaults(&mut self, declarator: Node<'_>) {
        let Some(name) = declarator.field(Field::Declarator).map(last_name) else {
            return;
        };
        let Some(list) = declarator.field(Field::Parameters) else { return };
        let of = parameters(declarator).len();
        let mut cursor = list.walk();
        let all = list.named_children(&mut cursor).filter(|one| one.kind() != "comment");
        for (parameter, one) in all.enumerate() {
            if let Some(value) = one.field(Field::DefaultValue) {
                let (function, value) = (name.byte_range(), value.byte_range());
                let around = self.templates.iter().flat_map(|(_, all)| all);
                let template = around.map(|one| one.name.clone()).collect();
                let one = DefaultArgument { function, parameter, of, value, template };
                self.found.defaults.push(one);
            }
        }
    }

    fn enumerators(&mut self, list: Node<'_>) {
        let mut last = None;
        let mut behind = 0;
        let mut cursor = list.walk();
        for one in list.named_children(&mut cursor).filter(|one| one.kind() == "enumerator") {
            let Some(name) = one.field(Field::Name) else { continue };
            if let Some(value) = one.field(Field::Value) {
                last = Some(value.byte_range());
                behind = 0;
            }
            self.found.enumerators.push(Enumerator {
                name: name.byte_range(),
                value: last.clone(),
                behind,
            });
            behind += 1;
        }
    }

    fn variable(&mut self, name: Node<'_>, happens: Happens) {
        self.event(name, happens, false);
    }

    fn event(&mut self, name: Node<'_>, happens: Happens, is_static: bool) {
        let block = self.blocks.last().cloned().unwrap_or(0..usize::MAX);
        let scope = self.scopes.last().cloned().unwrap_or(0..usize::MAX);
        let name = name.byte_range();
        let variable = Variable { name, happens, block, scope, is_static };
        match self.within.last() {
            Some((function, _)) => self.found.functions[*function].variables.push(variable),
            None => self.found.variables.push(variable),
        }
    }
}

/// Deepest nesting of declarators that is looked through.
const DEEPEST: usize = 16;

fn function_declarator(mut node: Node<'_>) -> Option<Node<'_>> {
    for _ in 0..DEEPEST {
        if node.kind() == "function_declarator" {
            return Some(node);
        }
        node = node.field(Field::Declarator).or_else(|| node.named_child(0))?;
    }
    None
}

/// The name of the variable that a declarator declares, if it is one: also of a pointer, an array, a pointer to functions.
fn variable_name(mut node: Node<'_>) -> Option<Node<'_>> {
    for _ in 0..DEEPEST {
        let inner = node.field(Field::Declarator);
        node = match node.kind() {
            "identifier" | "field_identifier" => return Some(node),
            "pointer_declarator" | "array_declarator" => inner?,
            "function_declarator" => {
                let inner = inner.filter(|one| one.kind() == "parenthesized_declarator")?;
                inner.named_child(0).filter(|one| one.kind() == "pointer_declarator")?
            }
            _ => return None,
        };
    }
    None
}

/// Whether it is `*p` or `p[1]`, of a name or of what stands in parentheses.
fn stores_through_pointer(left: Node<'_>) -> bool {
    let of = left.field(Field::Argument).map_or("", |of| of.kind());
    match left.kind() {
        "pointer_expression" => true,
        "subscript_expression" => matches!(of, "identifier" | "parenthesized_expression"),
        _ => false,
    }
}

/// The pointer that `TYPE (*name)(A, B) = …` declares in a function: without knowing types, that is an assignment to what
/// calls give. Behind the parenthesis a calling convention may stand.
fn pointer_declared_as_call(left: Node<'_>) -> Option<Node<'_>> {
    let call = |node: Node<'_>| node.kind() == "call_expression";
    let inner = left.field(Field::Function).filter(|inner| call(left) && call(*inner))?;
    inner.field(Field::Function).filter(|of| of.kind() == "identifier")?;
    let list = inner.field(Field::Arguments).filter(|list| list.named_child_count() == 1)?;
    let only = list.named_child(0)?;
    let star = only.field(Field::Operator).filter(|one| one.kind() == "*")?;
    let name = match only.kind() {
        "pointer_expression" => only.field(Field::Argument),
        // `(NTAPI *name)`
        "binary_expression" => {
            only.field(Field::Left).filter(|left| left.kind() == "identifier")?;
            only.field(Field::Right).filter(|_| star.kind() == "*")
        }
        _ => None,
    };
    name.filter(|name| name.kind() == "identifier")
}

/// The names of the parameters that a declarator lists; empty for those without.
fn parameters(declarator: Node<'_>) -> Vec<Range<usize>> {
    let Some(list) = declarator.field(Field::Parameters) else { return Vec::new() };
    let mut cursor = list.walk();
    let all = list.named_children(&mut cursor).filter(|parameter| parameter.kind() != "comment");
    all.map(|parameter| declared_name(parameter).map_or(0..0, |name| name.byte_range())).collect()
}

/// Whether a declaration says of which types the parameters of a function are, between its head and its body.
fn is_of_parameters(declaration: Node<'_>) -> bool {
    let around = declaration.parent().filter(|around| around.kind() == "function_definition");
    let body = around.and_then(|around| around.field(Field::Body));
    body.is_some_and(|body| declaration.end_byte() <= body.start_byte())
}

/// The name that a parameter declares.
fn declared_name(mut node: Node<'_>) -> Option<Node<'_>> {
    // Without a type it is a name alone, and the type comes behind all of them.
    if node.kind() == "identifier" {
        return Some(node);
    }
    node = node.field(Field::Declarator)?;
    for _ in 0..DEEPEST {
        if node.kind() == "identifier" {
            return Some(node);
        }
        node = node.field(Field::Declarator).or_else(|| node.named_child(0))?;
    }
    None
}

/// Of `A::B::c` it is `c`.
fn last_name(mut node: Node<'_>) -> Node<'_> {
    for _ in 0..DEEPEST {
        match node.field(Field::Name) {
            Some(name) if matches!(node.kind(), "qualified_identifier" | "template_function") => {
                node = name
            }
            _ => break,
        }
    }
    node
}
