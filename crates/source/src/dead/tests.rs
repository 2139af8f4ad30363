use crate::analysis::tests::{of, told, tree};

const CALL: &str = "ExAllocatePool(NonPagedPool, 1);";

/// Whether the call in the body of a function is told, with something before the function.
fn runs_behind(before: &str, code: &str) -> bool {
    let code = code.replace("CALL", CALL.trim_end_matches(';'));
    let found = of(&format!("{before}\nint F(int x, PVOID q) {{ PVOID p; {code} return 0; }}"));
    assert!(found.len() <= 1, "{code} {found:?}");
    !found.is_empty()
}

fn runs(code: &str) -> bool {
    runs_behind("", code)
}

/// C says that these statements are never reached.
#[test]
fn what_a_constant_keeps_away_never_runs() {
    for code in [
        "if (0) { CALL; }",
        "if (FALSE) CALL;",
        "if (false) { if (x) { CALL; } }",
        "if (!1) CALL;",
        "if (x && 0) CALL;",
        "if (0 && x) { CALL; }",
        "if (1) x = 2; else CALL;",
        "if (TRUE) { x = 2; } else if (x) { CALL; }",
        "while (0) { CALL; }",
        "while (FALSE) CALL;",
        "for (; 0;) { CALL; }",
        "for (x = 0; 0; x++) CALL;",
        "0 && CALL;",
        "1 || CALL;",
        "p = 0 ? CALL : 0;",
        "p = 1 ? 0 : CALL;",
        "const int debug = 0; if (debug) CALL;",
        "static const int debug = 0; if (debug) CALL;",
    ] {
        assert!(!runs(code), "{code}");
    }
    for code in [
        "if (1) { CALL; }",
        "if (x) CALL;",
        "if (x || 0) CALL;",
        "do { CALL; } while (0);",
        "while (1) { CALL; if (x) break; }",
        "for (;;) { CALL; }",
        "if (1) x = 2; else x = 3; CALL;",
        "if (0) x = 2; else CALL;",
        "1 && CALL;",
        "0 || CALL;",
        "p = 1 ? CALL : 0;",
        // Someone may change these while the driver runs, or another file does.
        "int debug = 0; if (debug) CALL;",
        "static int debug = 0; if (debug) CALL;",
        "volatile const int debug = 0; if (debug) CALL;",
        "const char *debug = 0; if (debug) CALL;",
        "const int debug = x; if (debug) CALL;",
        "const int debug = 0; { int debug = x; if (debug) CALL; }",
        "if (unknown) CALL;",
        "if (sizeof(x) == 8) CALL;",
    ] {
        assert!(runs(code), "{code}");
    }
}

/// What a name stands for has to be the same in every build.
#[test]
fn macros_and_constants_decide() {
    let code = "if (DEBUG_ALLOC) { CALL; }";
    for before in [
        "#define DEBUG_ALLOC 0",
        "#define OFF 0\n#define DEBUG_ALLOC (OFF)",
        "#define DEBUG_ALLOC (3 > 4)",
        "enum { DEBUG_ALLOC = 0 };",
        "enum { DEBUG_ALLOC, OTHER };",
        "const int DEBUG_ALLOC = 0;",
        "static const BOOLEAN DEBUG_ALLOC = FALSE;",
        "#define DEBUG_ALLOC 0 && level",
    ] {
        assert!(!runs_behind(before, code), "{before}");
    }
    for before in [
        "",
        "#define DEBUG_ALLOC 1",
        "#define DEBUG_ALLOC level",
        "#define DEBUG_ALLOC DBG",
        "#if DBG\n#define DEBUG_ALLOC 1\n#else\n#define DEBUG_ALLOC 0\n#endif",
        // A build may say something else.
        "#ifndef DEBUG_ALLOC\n#define DEBUG_ALLOC 0\n#endif",
        "#if !defined(DEBUG_ALLOC)\n#define DEBUG_ALLOC 0\n#endif",
        "#ifndef OFF\n#define OFF 0\n#endif\n#define DEBUG_ALLOC OFF",
        "int DEBUG_ALLOC = 0;",
        "static int DEBUG_ALLOC = 0;",
        "extern const int DEBUG_ALLOC;",
        "const volatile int DEBUG_ALLOC = 0;",
        "const int *DEBUG_ALLOC = 0;",
        "enum { DEBUG_ALLOC = 1 };",
        "static int DEBUG_ALLOC(void) { return level; }",
    ] {
        assert!(runs_behind(before, code), "{before}");
    }
    let code = "#define DEBUG_ALLOC 0\n if (x) { }\n#undef DEBUG_ALLOC\n if (DEBUG_ALLOC) CALL;";
    assert!(runs(code));
}

/// Nothing comes behind a jump but by a label.
#[test]
fn what_stands_behind_a_jump_never_runs() {
    for code in [
        "return 1; CALL;",
        "{ return 1; } CALL;",
        "if (x) return 1; else return 2; CALL;",
        "if (x) { return 1; CALL; }",
        "goto out; CALL; out: ;",
        "while (x) { break; CALL; }",
        "while (x) { continue; CALL; }",
        "switch (x) { case 1: break; CALL; case 2: break; }",
        "switch (x) { CALL; case 1: break; }",
        "switch (x) { case 1: return 1; default: return 2; } CALL;",
        "while (1) { x++; } CALL;",
        "for (;;) { if (x) return 1; } CALL;",
        "do { x++; } while (1); CALL;",
        "do { return 1; } while (x); CALL;",
        "__try { return 1; CALL; } __finally { x = 1; }",
    ] {
        assert!(!runs(code), "{code}");
    }
    for code in [
        "if (x) return 1; CALL;",
        "while (x) return 1; CALL;",
        "return 1; out: CALL;",
        "goto out; x = 2; out: CALL;",
        "if (0) { out: CALL; } if (x) goto out;",
        "while (x) { break; } CALL;",
        "while (1) { if (x) break; } CALL;",
        "while (1) { __debugbreak(); } CALL;",
        "for (;;) { if (x) goto out; } out: CALL;",
        "switch (x) { case 1: return 1; case 2: CALL; }",
        "switch (x) { case 1: return 1; } CALL;",
        "SWITCH(x) { if (0) { case 1: CALL; } }",
        "switch (x) { if (0) { case 1: CALL; } }",
        "__try { return 1; } __except (1) { x = 1; } CALL;",
        "__try { return 1; } __finally { CALL; }",
        "__try { __leave; x = 2; } __finally { x = 1; } CALL;",
        "do { if (x) break; return 1; } while (0); CALL;",
        "do { if (x) continue; return 1; } while (0); CALL;",
    ] {
        assert!(runs(code), "{code}");
    }
}

/// What a macro makes of a statement before or behind it may not be in sight.
#[test]
fn what_macros_may_decide_counts() {
    for code in [
        "FOR_EACH(x) { return 1; } CALL;",
        "IF_DEBUG(x) return 1; CALL;",
        "LOCKED { return 1; } CALL;",
        "LOCKED return 1; CALL;",
        "FOR_EACH(x) { while (1) { x++; } } CALL;",
        "switch (x) { case 1: break; CASE(2): CALL; break; }",
        "switch (x) { CASE(2) CALL; break; }",
        "switch (x) { case 1: return 1; CASE(2) x = 1; break; default: return 2; } CALL;",
        "_SEH2_TRY { return 1; } _SEH2_EXCEPT(1) { return 2; } _SEH2_END; CALL;",
        "ONCE({ return 1; }); CALL;",
    ] {
        assert!(runs(code), "{code}");
    }
    let opens = "#define BEGIN(x) if (x) {\n#define END }\n#define ON(a) case a:\n#define OFF END";
    for code in [
        "BEGIN(x); return 1; END; CALL;",
        "BEGIN(x); return 1; OFF; CALL;",
        "switch (x) { case 1: return 1; ON(2); CALL; }",
    ] {
        assert!(runs_behind(opens, code), "{code}");
    }
}

/// A macro's body is judged where it is used.
#[test]
fn arms_in_macros_are_left_out() {
    let use_it = "void F(int x) { p = GET(x); }";
    for (define, expected) in [
        ("#define GET(n) (NX ? ExAllocatePool(512, n) : ExAllocatePool(0, n))", "0x200"),
        ("#define GET(n) (NX && (q = ExAllocatePool(512, n)))", "0x200"),
        ("#define GET(n) (!NX && (q = ExAllocatePool(0, n)), ExAllocatePool(512, n))", "0x200"),
        (
            "#define GET(n) SUB(NX, n)\n#define SUB(a, n) ((a) ? ExAllocatePool(512, n) : ExAllocatePool(0, n))",
            "0x200",
        ),
        ("#define GET(n, ...) (NX ? ExAllocatePool(512, n) : ExAllocatePool(0, n))", "0x200"),
    ] {
        let define = define.replace("\\n", "\n");
        let found = of(&format!("#define NX 1\n{define}\n{use_it}"));
        assert_eq!(found.len(), 1, "{define} {found:?}");
        assert!(found[0].contains(expected), "{define} {found:?}");
    }
    let either = "#define GET(n) (nx ? ExAllocatePool(512, n) : ExAllocatePool(0, n))";
    assert_eq!(of(&format!("int nx;\n{either}\n{use_it}")).len(), 2);
}

/// What stands in an arm of the preprocessor takes place in some builds only.
#[test]
fn what_some_builds_have_keeps_nothing_away() {
    for code in [
        "\n#ifdef A\nreturn 1;\n#endif\n#ifdef B\nCALL;\n#endif\n",
        "\n#ifdef A\nif (x)\n#endif\nreturn 1;\n#ifndef B\nCALL;\n#endif\n",
        "\n#ifdef A\nif (x) {\n#endif\nreturn 1;\n#ifdef A\n}\n#endif\n#ifndef B\nCALL;\n#endif\n",
        "\n#ifdef A\nif (0)\n#endif\n{\n#ifdef B\nCALL;\n#endif\n}\n",
    ] {
        assert!(runs(code), "{code}");
    }
    assert!(!runs("return 1;\n#ifdef A\nCALL;\n#endif\n"));
}

/// In C++ a compiler may only look at a branch.
#[test]
fn branches_of_templates_are_left_out() {
    let told = |code: &str| {
        let text = format!("#include <ntddk.h>\nvoid F(int x) {{ {code} }}\n");
        told(&tree(&[("a.cpp", &text.replace("CALL", CALL))]), &[])
    };
    assert_eq!(told("if constexpr (false) { CALL }"), [""; 0]);
    assert_eq!(told("constexpr bool on = false; if constexpr (on) { CALL }"), [""; 0]);
    assert_eq!(told("if constexpr (true) { CALL }").len(), 1);
    assert_eq!(told("auto f = [] { return 1; }; CALL").len(), 1);
    assert_eq!(told("auto f = [] { CALL }; return;").len(), 1);
    assert_eq!(told("throw 1; CALL"), [""; 0]);
    assert_eq!(told("try { throw 1; } catch (...) { } CALL").len(), 1);
}

/// What is stored there, given to pointers or returned from there counts as little.
#[test]
fn nothing_comes_of_it() {
    for (code, expected) in [
        ("int t = 1; if (0) t = 0; ExAllocatePool(t, 1);", "0x1"),
        ("int t = 1; if (1) t = 0x200; ExAllocatePool(t, 1);", "0x200"),
        ("int t = 1; while (0) t = 0; ExAllocatePool(t, 1);", "0x1"),
        ("int t = 1; if (1) t = 0x200; if (t == 1) x = 2; ExAllocatePool(t, 1);", "0x200"),
        ("int t; if (0) t = 0; else t = 1; ExAllocatePool(t, 1);", "0x1"),
        ("static int t = 1; if (0) t = 0; ExAllocatePool(t, 1);", "0x1"),
    ] {
        let found = of(&format!("void F(int x) {{ {code} }}"));
        assert_eq!(found, [format!("a.c:2 ExAllocatePool {expected}")], "{code}");
    }
    for (before, code) in [
        ("int g = 1; void G(void) { if (0) g = 0; }", "ExAllocatePool(g, 1);"),
        ("int G(void) { if (0) return 0; return 1; }", "ExAllocatePool(G(), 1);"),
        ("int G(void) { return 1; return 0; }", "ExAllocatePool(G(), 1);"),
    ] {
        let found = of(&format!("{before}\nvoid F(int x) {{ {code} }}"));
        assert_eq!(found, ["a.c:3 ExAllocatePool 0x1"], "{before}");
    }
    let pointer = "typedef PVOID ALLOC(POOL_TYPE, SIZE_T);\nALLOC *f;\n\
        void G(void) { if (0) f = ExAllocatePool; }\nvoid F(void) { f(0, 1); }";
    assert_eq!(of(pointer), [""; 0]);
}

/// What would opt in there opts nothing in.
#[test]
fn nothing_opts_in_there() {
    let value = |entry: &str| {
        let text = format!(
            "#define POOL_NX_OPTIN 1\n#include <ntddk.h>\nvoid F(void) {{ {CALL} }}\nNTSTATUS DriverEntry(int a) {{ {entry} }}"
        );
        let found = told(&tree(&[("a.c", &text)]), &[]);
        found[0].split_once("Pool ").unwrap().1.to_owned()
    };
    let init = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";
    assert_eq!(value(&format!("{init} F(); return 0;")), "0x200");
    for entry in [
        format!("if (0) {{ {init} }} return 0;"),
        format!("while (0) {{ {init} }} return 0;"),
        format!("return 0; {init}"),
    ] {
        assert_eq!(value(&entry), "0x0", "{entry}");
    }
}

#[test]
fn nothing_is_written_there() {
    let count = |code: &str| {
        let tree = tree(&[(
            "a.c",
            &format!("void G(void) {{ ExAllocatePool(1, 1); }}\nvoid F(void) {{ {code} }}"),
        )]);
        let analysis = crate::analyse(&tree, &[], &[]);
        analysis.control.len() + analysis.code_uses.len()
    };
    for code in [
        "__writecr0(1);",
        "asm(\"mov %0, %%cr0\" : : \"r\"(x));",
        "memcpy((void *)F, a, 1);",
        "*(char *)F = 1;",
    ] {
        assert_eq!(count(code), 1, "{code}");
        assert_eq!(count(&format!("if (0) {{ {code} }}")), 0, "{code}");
        assert_eq!(count(&format!("return; {code}")), 0, "{code}");
    }
}

/// What nobody here defines may begin a block before what leaves, and end it behind that.
#[test]
fn unknown_macros_make_nothing_dead() {
    let call = "ExAllocatePool(NonPagedPool, 1);";
    for code in [
        "BEGIN_ERROR(); return; END_ERROR(); CALL",
        "BEGIN_ERROR; return; END_ERROR; CALL",
        "ON_ERROR(c);\nreturn;\nON_END\nCALL",
        "ON_ERROR\nc = 2;\nreturn;\nON_END\nCALL",
        "ON_ERROR\nreturn;\nON_END\nCALL",
        "IF_BEGIN(c) return; IF_END CALL",
    ] {
        let text = format!("void F(int c) {{ {} }}", code.replace("CALL", call));
        let found = of(&text);
        assert!(found.len() == 1 && found[0].ends_with("ExAllocatePool 0x0"), "{code} {found:?}");
    }
    for code in [
        "Begin(c); return; End(c); CALL",
        "return; PAGED_CODE(); CALL",
        "return; PVOID p; CALL",
        "return; STATUS = 1; CALL",
    ] {
        let text = format!("void F(int c) {{ {} }}", code.replace("CALL", call));
        assert_eq!(of(&text), [""; 0], "{code}");
    }
}
