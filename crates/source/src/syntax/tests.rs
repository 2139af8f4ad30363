//! What is found in small texts.

use super::*;

fn of(text: &str, kind: FileKind) -> Syntax {
    let blanked = crate::blank::blanked(text, &crate::directive::directives(text), None, 0);
    syntax(blanked, kind, &[])
}

fn calls(text: &str, kind: FileKind) -> Vec<String> {
    let found = of(text, kind);
    let told = |call: &Call| {
        let arguments: Vec<_> = call.arguments.iter().map(|one| &text[one.clone()]).collect();
        let function = call.function.map_or("-", |one| &text[found.functions[one].name.clone()]);
        format!("{function}: {}({})", &text[call.callee.clone()], arguments.join("; "))
    };
    found.calls.iter().map(told).collect()
}

#[test]
fn calls_know_their_function_and_arguments() {
    let text = "static NTSTATUS *F(int a, char b[4]) { x = (Alloc)(NonPagedPool /* c */, sizeof(x) + 1); p->q(2); }
int y = G(1);";
    assert_eq!(
        calls(text, FileKind::C),
        ["F: Alloc(NonPagedPool; sizeof(x) + 1)", "F: q(2)", "-: G(1)"]
    );
    let found = of(text, FileKind::C);
    let parameters: Vec<_> =
        found.functions[0].parameters.iter().map(|one| &text[one.clone()]).collect();
    assert_eq!(parameters, ["a", "b"]);
}

#[test]
fn parameters_may_have_their_types_behind_them() {
    let text = "void F(a, b) int a; char *b; { int c; }";
    let found = of(text, FileKind::C);
    let names = |all: Vec<&Range<usize>>| -> Vec<&str> {
        all.into_iter().map(|one| &text[one.clone()]).collect()
    };
    let function = &found.functions[0];
    assert_eq!(names(function.parameters.iter().collect()), ["a", "b"]);
    assert_eq!(names(function.variables.iter().map(|one| &one.name).collect()), ["c"]);
}

#[test]
fn cpp_has_more_ways_to_call() {
    let text =
        "void A::F() { auto x = new (NonPagedPool, 'tag1') Foo(1); N::Alloc<int>(2); Foo y(3); }";
    assert_eq!(calls(text, FileKind::Cpp), ["F: new(NonPagedPool; 'tag1')", "F: Alloc(2)"]);
}

/// What seems to be made of single words may have more in it.
#[test]
fn calls_stand_in_qualifiers_and_loops() {
    let text = "void F() { alignas(G(1)) int a; for (a = H(2); a < 3; a = I(a)) J(\"K(4)\"); }";
    assert_eq!(calls(text, FileKind::Cpp), ["F: G(1)", "F: H(2)", "F: I(a)", "F: J(\"K(4)\")"]);
}

#[test]
fn variables_tell_what_happens_to_them() {
    let text = "int g = 1; void F() { int a = 2, b; a |= 3; b = g; a++; H(&b); }";
    let found = of(text, FileKind::C);
    let told = |one: &Variable| (&text[one.name.clone()], one.happens.clone());
    let all: Vec<_> = found.functions[0].variables.iter().map(told).collect();
    let value = |of: &str| text.find(of).map(|at| at..at + 1).unwrap();
    assert_eq!(
        all,
        [
            ("b", Happens::Declared),
            ("a", Happens::Begins(value("2"))),
            ("a", Happens::Gains(value("3"))),
            ("b", Happens::Becomes(value("g;"))),
            ("a", Happens::Changes),
            ("b", Happens::Changes),
        ]
    );
    assert_eq!(told(&found.variables[0]), ("g", Happens::Begins(value("1"))));
}

#[test]
fn enumerations_count_on() {
    let text = "enum { A, B = 5, C };";
    let found = of(text, FileKind::C);
    let all: Vec<_> = found
        .enumerators
        .iter()
        .map(|one| {
            (&text[one.name.clone()], one.value.clone().map(|value| &text[value]), one.behind)
        })
        .collect();
    assert_eq!(all, [("A", None, 0), ("B", Some("5"), 0), ("C", Some("5"), 1)]);
}

#[test]
fn broken_code_keeps_what_can_be_read() {
    let text = "void F( { ] Alloc(1); } }} void G() { Alloc(2); ";
    assert!(calls(text, FileKind::C).iter().any(|call| call.ends_with("Alloc(2)")));
}

#[test]
fn what_is_made_to_be_hard_ends() {
    for text in
        ["(".repeat(100_000), "{".repeat(100_000), "a(".repeat(50_000), "#if 1\n".repeat(50_000)]
    {
        of(&text, FileKind::C);
        of(&text, FileKind::Cpp);
    }
}
