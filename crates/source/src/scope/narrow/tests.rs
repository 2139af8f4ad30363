//! What conditions leave of what wrappers are passed, as C has it.

use crate::analysis::tests::of;

/// What the calls in a wrapper are told as where it is passed something.
fn passing(passed: &str, code: &str) -> Vec<String> {
    let wrapper = format!("void *W(POOL_TYPE t, int c) {{ {code} }}");
    of(&format!("{wrapper}\nvoid F(int d) {{ W({passed}, d); }}"))
}

/// Wrappers that hand out no executable memory, whatever is passed.
#[test]
fn what_a_condition_replaces_does_not_come_to_a_call() {
    const CALL: &str = "return ExAllocatePool(t, 1);";
    for code in [
        "if (t == NonPagedPool) t = NonPagedPoolNx;",
        "if (NonPagedPool == t) { t = NonPagedPoolNx; }",
        "if (t != NonPagedPool) { c = 1; } else { t = NonPagedPoolNx; }",
        "if (!t) t = NonPagedPoolNx;",
        "if (t == 0 && NonPagedPool == t) { c = 2; t = 512; }",
        "if ((t & PagedPool) == 0) t |= POOL_NX_ALLOCATION;",
        "if (!(t & 1)) t |= 512;",
        "if (PagedPool & t) { } else { t = NonPagedPoolNx; }",
        "if (((ULONG)t) == 0u) t = (POOL_TYPE)512;",
        "if (t == PagedPool || t == NonPagedPoolNx) c = 1; else t = NonPagedPoolNx;",
        "if (t == PagedPool) { c = 1; } else if (t == NonPagedPool) { t = 512; }",
        "if (c) { if (t == NonPagedPool) t = 512; } else if (!t) t = 512;",
        "switch (t) { case NonPagedPool: t = NonPagedPoolNx; break; default: break; }",
        "switch (t) { case NonPagedPool: t = NonPagedPoolNx; break; case PagedPool: break; }",
        "switch (t) { case PagedPool: break; default: t = NonPagedPoolNx; break; }",
        "switch (t) { case 2: case NonPagedPool: t = 512; }",
        "t = t == NonPagedPool ? NonPagedPoolNx : t;",
        "t = (t != NonPagedPool) ? t : NonPagedPoolNx;",
        "t == NonPagedPool && (t = 512);",
        "t != NonPagedPool || (t = 512);",
        "if (t == NonPagedPool) return 0;",
        "if (t != PagedPool) return ExAllocatePool(NonPagedPoolNx, 1);",
        "if (t == NonPagedPool) { if (c) return 0; t = 512; }",
        "if (t == NonPagedPool) goto fix; goto go; fix: t = 512; go:",
        "while (c--) { if (t == NonPagedPool) break; ExAllocatePool(t, 1); } t = 512;",
        "for (;;) { if (t == NonPagedPool) { t = 512; continue; } if (c--) break; }",
        "POOL_TYPE u = t; if (u == NonPagedPool) u = 512; t = u;",
        "POOL_TYPE u; if (t == NonPagedPool) u = 512; else u = t; t = u;",
    ] {
        let code = format!("{code} {CALL}");
        for passed in ["NonPagedPool", "0", "d ? NonPagedPool : PagedPool"] {
            let found = passing(passed, &code);
            let asks = |one: &&String| one.contains("Pool 0x0") || one.contains("or 0x0");
            assert_eq!(found.iter().find(asks), None, "{code}: {passed} {found:?}");
            assert!(!found.iter().any(|one| one.contains('?')), "{code}: {passed} {found:?}");
        }
        let found = passing("PagedPool", &code);
        let asks = found.iter().filter(|one| one.contains("< W"));
        assert!(asks.count() > 0 || code.contains("ExAllocatePool(NonPaged"), "{found:?}");
    }
}

/// Constants that macros name, and names of the tree's own.
#[test]
fn conditions_may_be_written_with_macros() {
    let head = "#define MY_POOL NonPagedPool\n#define IS_NX(p) ((p) != MY_POOL)\n\
        enum { Mine = 512 };\nstatic int IsBad(int p) { return p == NonPagedPool; }";
    for code in [
        "if (t == MY_POOL) t = Mine;",
        "if (!IS_NX(t)) t = Mine;",
        "if (IsBad(t)) t = Mine;",
        "t = IS_NX(t) ? t : Mine;",
        "switch (t) { case MY_POOL: t = Mine; }",
    ] {
        let wrapper = format!("void *W(POOL_TYPE t) {{ {code} return ExAllocatePool(t, 1); }}");
        let found = of(&format!("{head}\n{wrapper}\nvoid F(void) {{ W(NonPagedPool); }}"));
        assert_eq!(found, ["a.c:7 ExAllocatePool 0x200 < W"], "{code}");
    }
    let head = "#define NX(p) ((p) == NonPagedPool ? NonPagedPoolNx : (p))";
    let wrapper = "void *W(POOL_TYPE t) { return ExAllocatePool(NX(t), 1); }";
    let call = "void F(int c) { W(c ? NonPagedPool : PagedPool); }";
    let found = of(&format!("{head}\n{wrapper}\n{call}"));
    assert_eq!(found, ["a.c:4 ExAllocatePool 0x200 or 0x1 < W"]);
}

/// Where a condition proves nothing, or nothing lasting, the value that is passed still counts.
#[test]
fn what_no_condition_rules_out_stays() {
    const CALL: &str = "return ExAllocatePool(t, 1);";
    for code in [
        "if (t == PagedPool) t = 512;",
        "if (t != NonPagedPool) t = 512;",
        "if (c && t == NonPagedPool) t = 512;",
        "if (t == NonPagedPool || c) c = 1; else t = 512;",
        "if (t == NonPagedPool) c = 512;",
        "if (t == NonPagedPool) if (c) t = 512;",
        "if (t == c) t = 512;",
        "if (t == Unheard) t = 512;",
        "if (G(t)) t = 512;",
        "if (t == NonPagedPool) t = 512; t = NonPagedPool; c = 1;",
        "while (c--) { if (t == NonPagedPool) continue; t = 512; }",
        "switch (t) { case NonPagedPool: c = 2; break; default: t = 512; }",
        "switch (t) { case NonPagedPool: t = 512; case PagedPool: t = 0; }",
        "switch (t) { case Unheard: t = 512; }",
        "switch (c) { case NonPagedPool: t = 512; }",
        "const POOL_TYPE u = t; if (u == NonPagedPool) t = 512;",
        "{ POOL_TYPE t = 1; if (t == NonPagedPool) return 0; }",
        "if ((t = c ? t : 0) == PagedPool) t = 512;",
        "t == NonPagedPool ? c = 1 : (t = 512);",
        "t == NonPagedPool || (t = 512);",
        "if (0) { t = 512; }",
    ] {
        let found = passing("NonPagedPool", &format!("{code} {CALL}"));
        let asks = found.iter().any(|one| one.contains("0x0"));
        assert!(asks, "{code} {found:?}");
    }
}

/// What something else may change is not what it was asked to be.
#[test]
fn what_others_may_change_is_not_narrowed() {
    const CALL: &str = "return ExAllocatePool(u, 1);";
    for code in [
        "volatile POOL_TYPE u = t; if (u == NonPagedPool) return 0;",
        "POOL_TYPE volatile u = t; if (u == NonPagedPool) u = 512;",
        "POOL_TYPE u = t; POOL_TYPE *p = &u; if (u == NonPagedPool) u = 512; *p = 0;",
        "static POOL_TYPE u; u = t; if (u == NonPagedPool) u = 512;",
    ] {
        let found = passing("NonPagedPool", &format!("{code} {CALL}"));
        let asks = found.iter().any(|one| one.contains("0x0"));
        assert!(asks, "{code} {found:?}");
    }
    let volatile = "void *W(volatile POOL_TYPE t) { if (t == NonPagedPool) t = 512;
        return ExAllocatePool(t, 1); } void F(void) { W(NonPagedPool); }";
    assert_eq!(of(volatile), ["a.c:3 ExAllocatePool 0x0 or 0x200 < W"]);
    let global = "POOL_TYPE g = NonPagedPool; void F(void) { if (g == NonPagedPool) return;
        ExAllocatePool(g, 1); }";
    assert_eq!(of(global), ["a.c:3 ExAllocatePool 0x0"]);
}

/// What a wrapper asks for by itself is told where it is written, and what callers choose where they do.
#[test]
fn the_arms_of_a_wrapper_are_told_apart() {
    let code = "if (t == NonPagedPool) return ExAllocatePool(NonPagedPool, 1);
        return ExAllocatePool(t, 1);";
    assert_eq!(passing("NonPagedPool", code), ["a.c:2 ExAllocatePool 0x0"]);
    let code = "if (t == NonPagedPool) return ExAllocatePool(t, 1);
        return ExAllocatePool(t, 1);";
    assert_eq!(passing("NonPagedPool", code), ["a.c:4 ExAllocatePool 0x0 < W"]);
    assert_eq!(passing("PagedPool", code), ["a.c:4 ExAllocatePool 0x1 < W"]);
    // Of a value that is not known nothing is ruled out.
    let found = passing("G(d)", "if (t == NonPagedPool) t = 512; return ExAllocatePool(t, 1);");
    assert_eq!(found, ["a.c:3 ExAllocatePool 0x0? `G` returns it or 0x200 < W"]);
}

/// Through one wrapper to the next.
#[test]
fn wrappers_of_wrappers_are_narrowed() {
    let inner = "void *V(POOL_TYPE p) { return ExAllocatePool(p, 1); }\n";
    for code in [
        "if (t == NonPagedPool) t = 512; return V(t);",
        "if (t == NonPagedPool) return V(512); return V(t);",
    ] {
        let found = of(&format!(
            "{inner}void *W(POOL_TYPE t) {{ {code} }}\nvoid F(void) {{ W(NonPagedPool); }}"
        ));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("0x200 < "), "{found:?}");
    }
}
