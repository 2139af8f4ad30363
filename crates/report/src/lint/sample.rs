//! Findings in source made by hand, for tests: one of each shape that formats must tell apart.

use crate::{Format, Options, sample, write_lint};
use ringfence_finding::{
    Authority, Excuse, Fault, Fix, IdleAcceptances, IdleSuppression, LINT_REPORT_VERSION, Level,
    LintCoverage, LintDoubt, LintReport, Question, Region, RuleCard, Safety, SourceEdit,
    SourceExcuse, SourceFinding, SourceMark, Targets, Unread,
};
use std::time::Duration;

pub(super) static POOL: RuleCard = RuleCard {
    id: "executable-pool-type",
    summary: "memory is requested from an executable pool",
    level: Level::Error,
    since: "0.1.0",
    senses: &[],
    also_known_as: &["0xC4:0x2000", "C30030", "Execute Pool Type"],
    docs: " ## What it does\n\n Finds calls that ask for executable pool.\n\n ## References\n\n - https://example.org\n",
    file: "",
};

pub(super) static SECTION: RuleCard = RuleCard {
    id: "writable-executable-section",
    summary: "section is writable and executable",
    level: Level::Error,
    since: "0.1.0",
    senses: &[],
    also_known_as: &["0xC4:0x2003"],
    docs: " ## What it does\n\n Finds sections with both rights.\n",
    file: "",
};

/// What `format` writes of `report`.
pub(super) fn written(format: Format, report: &LintReport, options: &Options) -> String {
    let mut out = Vec::new();
    write_lint(format, report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// With the cards of the rules and a place where they are published.
pub(super) fn options() -> Options {
    let docs = Some("https://example.org/docs".to_owned());
    Options { cards: vec![&POOL, &SECTION], docs, ..Options::default() }
}

/// The first `what` in line `line`, which is `code`.
pub(super) fn mark(path: &str, line: u32, code: &str, what: &str, text: &str) -> SourceMark {
    let start = code.find(what).unwrap();
    let column = |byte: usize| 1 + u32::try_from(code[..byte].encode_utf16().count()).unwrap();
    SourceMark {
        path: path.to_owned(),
        region: Region {
            line,
            column: column(start),
            end_line: line,
            end_column: column(start + what.len()),
        },
        text: text.to_owned(),
        lines: vec![code.to_owned()],
    }
}

/// A finding of the rule about pool types.
pub(super) fn finding(level: Level, message: &str, mark: SourceMark) -> SourceFinding {
    let mut finding = SourceFinding::new(&POOL, level, message, mark)
        .denying(&[Question::Certify], &[Authority::DriverVerifier, Authority::CodeAnalysis]);
    finding.fingerprint = "00f1e2d3c4b5a697:1".to_owned();
    finding
}

fn fix(title: &str, safety: Safety, because: Option<&str>, edits: Vec<SourceEdit>) -> Option<Fix> {
    Some(Fix { title: title.to_owned(), safety, because: because.map(str::to_owned), edits })
}

/// What `mark` is about becomes `replacement`.
fn edit(mark: &SourceMark, replacement: &str) -> SourceEdit {
    let (path, region) = (mark.path.clone(), mark.region);
    SourceEdit { path, region, replacement: replacement.to_owned(), start: 0, end: 0 }
}

const MESSAGE: &str = "memory is requested from an executable pool";
const HELP: &str = "pass `NonPagedPoolNx` (Windows 8), or call `ExAllocatePool2` with \
                    `POOL_FLAG_NON_PAGED` (Windows 10 2004)";
const STOPS: &str = "Driver Verifier stops this call with bug check 0xC4, parameter 0x2000";

/// One of each.
pub(super) fn report() -> LintReport {
    let mut findings = vec![safe(), again(), by_macro(), risky(), project(), over_lines()];
    findings.extend(excused());
    findings.extend([open(), note(), hostile(), long_line()]);
    with(findings)
}

/// A report with `findings` and some trouble.
pub(super) fn with(findings: Vec<SourceFinding>) -> LintReport {
    let unread = |path: &str, reason: &str| Unread { path: path.into(), reason: reason.into() };
    LintReport {
        unread: vec![
            unread("src/gone.c", "the file was removed while it was read"),
            unread("drv.vcxproj", "line 12: the tag `ItemGroup` is not closed"),
        ],
        faults: vec![Fault {
            path: "src/odd.c".to_owned(),
            rule: "unaligned-section",
            message: "index out of bounds: the len is 3 but the index is 3".to_owned(),
        }],
        idle_suppressions: vec![IdleSuppression {
            path: "src/old.c".to_owned(),
            line: 12,
            text: "allow(executable-pool-type)".to_owned(),
            because: "there is nothing for it to accept".to_owned(),
        }],
        examined: LintCoverage {
            files: 12,
            parsed: 5,
            projects: 1,
            calls: 31,
            known: 28,
            open_not_shown: 2,
            ..Default::default()
        },
        doubts: vec![
            doubt("drv.vcxproj", 7, "this file is imported and not among those that are looked at"),
            doubt("src/pool.c", 3, "`acme.h` is not among the files that are looked at"),
            doubt("src/pool.c", 4, "`gone.h` is not among the files that are looked at"),
            doubt("src/ring.c", 3, "`acme.h` is not among the files that are looked at"),
        ],
        ..clean(findings)
    }
}

fn doubt(path: &str, line: u32, what: &str) -> LintDoubt {
    LintDoubt { path: path.to_owned(), line, what: what.to_owned() }
}

/// A report with `findings` and nothing else.
pub(super) fn clean(findings: Vec<SourceFinding>) -> LintReport {
    LintReport {
        lint_report_version: LINT_REPORT_VERSION,
        tool: sample::TOOL,
        targets: sample::TARGETS,
        findings,
        idle_suppressions: Vec::new(),
        acceptances: IdleAcceptances::default(),
        unread: Vec::new(),
        faults: Vec::new(),
        examined: LintCoverage { files: 12, parsed: 5, calls: 31, known: 31, ..Default::default() },
        doubts: Vec::new(),
        elapsed: Duration::from_millis(20),
    }
}

/// A call whose argument is wrong, with a fix that is safe.
pub(super) fn safe() -> SourceFinding {
    let code = "    buffer = ExAllocatePoolWithTag(NonPagedPool, size, POOL_TAG);";
    let own = mark("src/pool.c", 57, code, "NonPagedPool", "executable");
    let call = mark("src/pool.c", 57, code, "ExAllocatePoolWithTag", "memory is requested here");
    let edits = vec![edit(&own, "NonPagedPoolNx")];
    finding(Level::Error, MESSAGE, own)
        .about("ExAllocatePoolWithTag", Some("PoolType = NonPagedPool (0)".to_owned()))
        .within(Some("AcmeAllocate".to_owned()))
        .as_warning(Some("C30030"))
        .related([call])
        .note(STOPS)
        .help(HELP)
        .fixed_by(fix("pass `NonPagedPoolNx`", Safety::Safe, None, edits))
}

/// The same in another line.
fn again() -> SourceFinding {
    let code = "\tExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 64, TAG, 0);";
    let own = mark("src/pool.c", 91, code, "0,", "the flags ask for executable pool");
    let edits = vec![edit(&own, "POOL_NX_ALLOCATION,")];
    let because = "it needs Windows 8";
    SourceFinding {
        fingerprint: "00f1e2d3c4b5a698:1".to_owned(),
        ..finding(Level::Error, MESSAGE, own)
    }
    .about("ExInitializeNPagedLookasideList", None)
    .within(Some("AcmeInitialize".to_owned()))
    .as_warning(Some("C30030"))
    .note(STOPS)
    .help(HELP)
    .fixed_by(fix("pass `POOL_NX_ALLOCATION`", Safety::Unsafe, Some(because), edits))
}

/// A value that a macro of a header gives.
fn by_macro() -> SourceFinding {
    let code = "    return ACME_ALLOCATE(length);";
    let own = mark("src/net/queue.c", 1204, code, "ACME_ALLOCATE(length)", "");
    let header = "#define ACME_ALLOCATE(n) ExAllocatePool(ACME_POOL, n)";
    let first = mark(r"inc\acme.h", 12, header, "ACME_POOL", "by this macro");
    let second =
        mark(r"inc\acme.h", 9, "#define ACME_POOL NonPagedPool", "NonPagedPool", "which is this");
    let edits = vec![edit(&second, "NonPagedPoolNx")];
    finding(Level::Error, MESSAGE, own)
        .about("ExAllocatePool", Some("PoolType = NonPagedPool (0)".to_owned()))
        .within(Some("AcmeQueueEntry".to_owned()))
        .likely()
        .related([first, second])
        .fixed_by(fix("pass `NonPagedPoolNx`", Safety::Safe, None, edits))
}

/// A warning whose fix is only proposed.
fn risky() -> SourceFinding {
    let code = "    section = MmMapIoSpace(address, length, MmNonCached);";
    let own = mark("src/net/queue.c", 1300, code, "MmMapIoSpace", "the mapping is executable");
    let because = "whether code runs there is not known";
    let edits = vec![edit(&own, "MmMapIoSpaceEx")];
    SourceFinding {
        rule: "executable-page-protection",
        aliases: &["C30029"],
        ..finding(Level::Warning, "the mapping is executable", own)
    }
    .about("MmMapIoSpace", None)
    .on(Targets::BEFORE_1703)
    .fixed_by(fix(
        "call `MmMapIoSpaceEx` with `PAGE_READWRITE`",
        Safety::Proposed,
        Some(because),
        edits,
    ))
}

/// A setting of a project.
fn project() -> SourceFinding {
    let code =
        "      <AdditionalOptions>/SECTION:INIT,ERW %(AdditionalOptions)</AdditionalOptions>";
    let own = mark("drv.vcxproj", 40, code, "/SECTION:INIT,ERW", "writable and executable");
    let edits = vec![edit(&own, "")];
    let mut finding = SourceFinding::new(
        &SECTION,
        Level::Error,
        "section `INIT` is writable and executable",
        own,
    )
    .denying(&Question::ALL, &[Authority::Loader])
    .help("remove `/SECTION:INIT,ERW`")
    .fixed_by(fix("remove the switch", Safety::Safe, None, edits));
    finding.fingerprint = "0102030405060708:1".to_owned();
    finding
}

/// A finding that reaches over lines, of which not all are there.
fn over_lines() -> SourceFinding {
    let lines = ["    ACME_TABLE table[] = {", "        { 1, &One },", "        { 2, &Two },"];
    let own = SourceMark {
        path: "src/table.c".to_owned(),
        region: Region { line: 8, column: 5, end_line: 40, end_column: 7 },
        text: "at least 3 of its pointers straddle pages".to_owned(),
        lines: lines.map(str::to_owned).to_vec(),
    };
    let message = "relocations straddle pages, wherever the table is put";
    SourceFinding {
        rule: "straddling-relocation",
        aliases: &[],
        ..finding(Level::Warning, message, own)
    }
    .help("link with `/Gy`, or do not pack the structure")
}

/// What the user said of some.
fn excused() -> Vec<SourceFinding> {
    let code =
        "    p = ExAllocatePool(NonPagedPool, 64); // ringfence: allow(executable-pool-type) JIT";
    let own = || mark("src/jit.c", 20, code, "NonPagedPool", "executable");
    let suppressed = SourceExcuse::Source {
        reason: "a JIT compiler [1](x) {needs} it".to_owned(),
        line: 20,
        path: None,
    };
    let accepted = Excuse::Accepted {
        reason: "mended with 2.2".to_owned(),
        until: Some("2027-03-31".to_owned()),
    };
    let excuses =
        [suppressed, SourceExcuse::Settings(accepted), SourceExcuse::Settings(Excuse::Baseline)];
    let known =
        |excuse| SourceFinding { excuse: Some(excuse), ..finding(Level::Error, MESSAGE, own()) };
    excuses.map(known).to_vec()
}

/// What is not known.
fn open() -> SourceFinding {
    let code = "    p = ExAllocatePoolWithTag(type, size, TAG);";
    let own =
        mark("src/wrap.c", 3, code, "type", "a parameter, and nothing here calls the function");
    finding(Level::Error, "the pool type is not known", own)
        .about("ExAllocatePoolWithTag", None)
        .within(Some("AcmeWrap".to_owned()))
        .open()
}

/// A note, without any lines.
fn note() -> SourceFinding {
    let own = SourceMark {
        path: "CMakeLists.txt".to_owned(),
        region: Region { line: 3, column: 1, end_line: 3, end_column: 9 },
        text: "the target `drv` is built here".to_owned(),
        lines: Vec::new(),
    };
    SourceFinding {
        rule: "nx-opt-in",
        aliases: &[],
        ..finding(Level::Note, "the opt-in is not set for all files", own)
    }
}

/// Text made to fool a terminal and a reader.
fn hostile() -> SourceFinding {
    let code = "\t/* \u{202e}株式会社 🖨 */\tp = ExAllocatePool(\u{1b}[31mNonPagedPool, 1);\u{7}";
    let path = "src/evil\u{1b}]0;owned\u{7}|`</script>, %0A::error::.c";
    let own = mark(path, 7, code, "NonPagedPool", "\u{9b}31m it is `[a](b)` {0}\r\n::error::x");
    let edits = vec![edit(&own, "NonPagedPoolNx\r\n\u{202e}")];
    finding(Level::Error, "=memory is\nrequested from \u{1b}[2J</script><img src=x>", own)
        .within(Some("Evil\u{202e}Function<".repeat(20)))
        .note("see x.c:1:2: error: @everyone #1")
        .help("=cmd|' /C calc'!A0")
        .fixed_by(fix("pass\u{7} `it", Safety::Unsafe, Some("\u{202e}because"), edits))
}

/// A line and words too long for any terminal.
fn long_line() -> SourceFinding {
    let code = format!("{}NonPagedPool{}", "x = 1; ".repeat(3_000), ", 株".repeat(3_000));
    let folder = "very-long-folder-name/".repeat(8);
    let own =
        mark(&format!("src/{folder}generated.c"), 99_999, &code, "NonPagedPool", "executable");
    finding(Level::Error, &format!("{MESSAGE} {}", "n".repeat(100)), own)
}
