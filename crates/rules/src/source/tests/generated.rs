//! What holds for fixes of any source: they add no finding, break no call, and leave nothing of theirs to do.

use super::{made, seen_in};
use ringfence_finding::{Fix, Safety, SourceFinding, Targets};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many sources are made.
const SOURCES: u64 = 250;
/// How often fixes are made of what is left, at the most: two of one text wait for each other.
const MOST_ROUNDS: usize = 4;

/// A small generator of numbers (xorshift), the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Calls with `@` for the argument that decides, its type, and what is passed for it.
const CALLS: [(&str, &str, &[&str]); 12] = [
    ("ExAllocatePoolWithTag(@, 64, 'ksiD')", "POOL_TYPE", TYPES),
    ("ExAllocatePool(@, n)", "POOL_TYPE", TYPES),
    ("ExInitializeLookasideListEx(&l, NULL, NULL, @, 0, 64, 'a', 0)", "POOL_TYPE", TYPES),
    ("ExAllocatePool2(@, 64, 'ksiD')", "ULONG64", FLAGS),
    ("MmGetSystemAddressForMdlSafe(m, @)", "ULONG", PRIORITIES),
    ("MmMapLockedPagesSpecifyCache(m, KernelMode, MmCached, NULL, FALSE, @)", "ULONG", PRIORITIES),
    ("MmMapIoSpace(at, n, @)", "MEMORY_CACHING_TYPE", CACHES),
    ("MmAllocateContiguousMemorySpecifyCache(n, at, at, at, @)", "MEMORY_CACHING_TYPE", CACHES),
    ("MmMapIoSpaceEx(at, n, @)", "ULONG", PROTECTIONS),
    ("ZwProtectVirtualMemory(h, &b, &n, @, &o)", "ULONG", PROTECTIONS),
    ("RtlCreateHeap(@, NULL, 0, 0, NULL, NULL)", "ULONG", HEAPS),
    ("ExInitializeNPagedLookasideList(&l, NULL, NULL, @, 64, 'a', 0)", "ULONG", LISTS),
];

const TYPES: &[&str] = &[
    "NonPagedPool",
    "NonPagedPoolNx",
    "PagedPool",
    "NonPagedPoolCacheAligned",
    "NonPagedPoolExecute",
    "POOL_ZERO_ALLOCATION",
    "0",
    "512",
    "s->type",
];
const FLAGS: &[&str] = &[
    "POOL_FLAG_NON_PAGED",
    "POOL_FLAG_NON_PAGED_EXECUTE",
    "POOL_FLAG_PAGED",
    "POOL_FLAG_UNINITIALIZED",
    "NonPagedPool",
    "NonPagedPoolNx",
    "PagedPoolCacheAligned",
    "0",
    "0x80",
    "s->flags",
];
const PRIORITIES: &[&str] = &[
    "NormalPagePriority",
    "HighPagePriority",
    "MdlMappingNoExecute",
    "MdlMappingNoWrite",
    "16",
    "s->priority",
];
const CACHES: &[&str] = &["MmNonCached", "MmCached", "MmWriteCombined", "1", "s->cache"];
const PROTECTIONS: &[&str] = &[
    "PAGE_READWRITE",
    "PAGE_EXECUTE_READWRITE",
    "PAGE_EXECUTE",
    "PAGE_NOCACHE",
    "0x40",
    "s->protection",
];
const HEAPS: &[&str] = &["HEAP_GROWABLE", "HEAP_CREATE_ENABLE_EXECUTE", "0x40000", "0", "s->flags"];
const LISTS: &[&str] = &["0", "POOL_NX_ALLOCATION", "POOL_RAISE_IF_ALLOCATION_FAILURE", "s->flags"];

/// One of the ways to write an argument in the place where it is passed.
fn expression(numbers: &mut Numbers, of: &[&str]) -> String {
    let (one, other) = (numbers.one(of), numbers.one(of));
    match numbers.below(9) {
        0 => format!("{one} | {other}"),
        1 => format!("x ? {one} : {other}"),
        2 => format!("(x ? {one} : {other})"),
        3 => format!("(ULONG)({one})"),
        4 => format!("{one} /* {other} */"),
        5 => format!("x > 1 ? {one} | {other} : {one}"),
        6 => format!("({one}|{other})"),
        _ => one.to_owned(),
    }
}

/// A call that gets its argument in one of many ways, as definitions outside of the function and statements in it.
fn call(numbers: &mut Numbers, number: usize) -> (String, String) {
    let (call, kind, of) = CALLS[numbers.below(CALLS.len())];
    let argument = expression(numbers, of);
    let with = |argument: &str| call.replace('@', argument);
    let other = numbers.one(of);
    match numbers.below(9) {
        0 => (
            format!("#define ARG{number} {argument}\n"),
            format!("{};\n", with(&format!("ARG{number}"))),
        ),
        1 => (
            format!("#define CALL{number}(p) {}\n", with("p")),
            format!("CALL{number}({argument});\nCALL{number}({other});\n"),
        ),
        2 => (
            format!("static void *Wrap{number}({kind} p) {{ return {}; }}\n", with("p")),
            format!("Wrap{number}({argument});\nWrap{number}({other});\n"),
        ),
        3 => (
            String::new(),
            format!(
                "{kind} v{number} = {argument};\nif (x) v{number} = {other};\n{};\n",
                with(&format!("v{number}"))
            ),
        ),
        4 => (
            format!("static {kind} g{number} = {argument};\n"),
            format!("{};\n", with(&format!("g{number}"))),
        ),
        5 => (String::new(), format!("{};\n", with(&format!("{argument} // note\n    ")))),
        6 => (
            format!("#define JOINED{number}(n) \\\n  {}\n", with(&argument)),
            format!("JOINED{number}(1);\nJOINED{number}(2);\n"),
        ),
        7 => (
            String::new(),
            format!("#if DBG\np = {};\n#else\np = {};\n#endif\n", with(&argument), with(other)),
        ),
        _ => (String::new(), format!("p = {};\n", with(&argument))),
    }
}

fn source(numbers: &mut Numbers) -> String {
    let opt_in =
        numbers.one(&["", "", "", "#define POOL_NX_OPTIN_AUTO 1\n", "#define POOL_NX_OPTOUT 1\n"]);
    let mut text = format!("{opt_in}#include <ntddk.h>\n");
    let mut body = String::new();
    for number in 0..1 + numbers.below(3) {
        let (before, within) = call(numbers, number);
        text += &before;
        body += &within;
    }
    write!(text, "void F(THING *s, int x)\n{{\n{body}}}\n").unwrap();
    match numbers.below(2) {
        0 => text,
        _ => text.replace('\n', "\r\n"),
    }
}

/// How many calls are seen, and what is found.
fn seen(text: &str) -> (usize, Vec<SourceFinding>) {
    seen_in(&[("a.c", text)], &[], Targets::ALL, false)
}

fn by_rule(findings: &[SourceFinding]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.rule).or_default() += 1;
    }
    counts
}

/// The text with all fixes made, round by round, that are as safe as `most`; and what is found in it.
fn fixed(text: &str, most: Safety) -> (String, Vec<SourceFinding>) {
    let is_made = |_: &SourceFinding, fix: &Fix| fix.safety <= most;
    let (calls, mut findings) = seen(text);
    let mut text = text.to_owned();
    for _ in 0..MOST_ROUNDS {
        let next = made(&text, &findings, is_made);
        if next == text {
            break;
        }
        let (calls_after, after) = seen(&next);
        let (was, is) = (by_rule(&findings), by_rule(&after));
        for (rule, count) in &is {
            let before = was.get(rule).copied().unwrap_or_default();
            assert!(
                *count <= before,
                "{rule} is found more often\nbefore:\n{text}\nafter:\n{next}"
            );
        }
        assert_eq!(calls_after, calls, "calls are lost\nbefore:\n{text}\nafter:\n{next}");
        (text, findings) = (next, after);
    }
    (text, findings)
}

#[test]
fn fixes_add_nothing_and_leave_nothing_to_do() {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut changed = 0;
    for _ in 0..SOURCES {
        let text = source(&mut numbers);
        for most in [Safety::Safe, Safety::Unsafe] {
            let (after, findings) = fixed(&text, most);
            changed += usize::from(after != text);
            let left = findings
                .iter()
                .find(|finding| finding.fix.as_ref().is_some_and(|fix| fix.safety <= most));
            assert_eq!(left, None, "a fix is left of\n{text}\nin\n{after}");
        }
    }
    // Most sources have something to fix, or this would prove little.
    assert!(changed > usize::try_from(SOURCES).unwrap(), "{changed}");
}
