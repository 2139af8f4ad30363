//! Drivers with a debug file, or without the one they ask for.

use super::code::executable_pool;
use ringfence_finding::{DebugSymbols, Examination, InlinedCall, SourcePlace};

/// One of each.
pub(crate) fn with_sources() -> Vec<Examination> {
    let mut missing = executable_pool("acmenet.sys");
    missing.symbols = Some(DebugSymbols::NotFound { name: "acmenet.pdb".to_owned() });
    let mut refused = executable_pool("acmeusb.sys");
    refused.symbols = Some(DebugSymbols::Refused {
        path: r"D:\symbols\acmeusb.pdb".to_owned(),
        reason: "it belongs to another link of this build: the driver asks for age 2, the file has age 1"
            .to_owned(),
    });
    vec![sourced("acmedisk.sys"), missing, refused, hostile()]
}

fn place(function: &str, file: &str, line: u32, library: Option<&str>) -> SourcePlace {
    SourcePlace {
        function: Some(function.to_owned()),
        file: Some(file.to_owned()),
        line: Some(line),
        inlined: Vec::new(),
        object: Some(r"D:\build\obj\pool.obj".to_owned()),
        library: library.map(str::to_owned),
    }
}

/// A finding in a library, one in the driver's own code, and one of which only the object is known.
fn sourced(path: &str) -> Examination {
    let mut driver = executable_pool(path);
    driver.symbols = Some(DebugSymbols::Used { path: "acmedisk.pdb".to_owned() });
    let library = Some(r"D:\build\lib\acmehelper.lib");
    let helper = place("acme::Pool::Allocate", r"D:\src\helper\pool.cpp", 57, library);
    let own = place("MapUserBuffer", r"D:\src\disk\map.c", 1204, None);
    driver.findings[0].source = Some(helper.clone());
    let inlined = InlinedCall {
        function: Some("MapUncached".to_owned()),
        file: Some(r"D:\src\helper\map.h".to_owned()),
        line: 31,
    };
    driver.findings[1].source = Some(SourcePlace { inlined: vec![inlined], ..own.clone() });
    let bare = SourcePlace { function: None, file: None, line: None, ..helper.clone() };
    let calls = driver.calls.as_mut().unwrap();
    for (call, source) in calls.iter_mut().zip([helper, own, bare]) {
        call.source = Some(source);
    }
    driver
}

/// Names made to fool a terminal, and too long for one.
fn hostile() -> Examination {
    let mut driver = sourced("evil.sys");
    driver.symbols = Some(DebugSymbols::Refused {
        path: "\u{1b}[2Jevil.pdb".to_owned(),
        reason: "\u{9b}31m it is\r\nload yes".to_owned(),
    });
    let long = "Template<".repeat(100);
    let file = format!("/src/{}/\u{202e}c.evil", "x".repeat(200));
    let evil = place(&long, &file, u32::MAX, Some("\u{1b}]0;x\u{7}.lib"));
    let inlined = InlinedCall {
        function: Some("\u{2066}".to_owned()),
        file: Some("\u{1b}[2J".repeat(40)),
        line: u32::MAX,
    };
    let evil = SourcePlace { inlined: vec![inlined; 3], ..evil };
    let calls = driver.calls.as_mut().unwrap();
    calls[0].source =
        Some(SourcePlace { function: Some("\u{202e}f\n".to_owned()), ..evil.clone() });
    calls[1].source = Some(evil.clone());
    driver.findings[0].source = Some(evil);
    driver
}
