//! How a finding is mended, in words.

use ringfence_finding::{Fix, Safety, SourceFinding};

/// ``pass `NonPagedPoolNx` in inc/acme.h (unsafe: it needs Windows 8)``; the file only where it is another than that of
/// the finding. None where there is no fix.
pub(super) fn told(finding: &SourceFinding) -> Option<String> {
    let Fix { title, safety: own, because, edits } = finding.fix.as_ref()?;
    let elsewhere = edits.iter().map(|edit| &edit.path).find(|path| **path != finding.path);
    let place = elsewhere.map(|path| format!(" in {path}")).unwrap_or_default();
    let safety = safety(*own);
    Some(match because {
        Some(because) => format!("{title}{place} ({safety}: {because})"),
        None => format!("{title}{place} ({safety})"),
    })
}

/// `safe`, `unsafe` or `proposed`.
pub(super) fn safety(safety: Safety) -> &'static str {
    match safety {
        Safety::Safe => "safe",
        Safety::Unsafe => "unsafe",
        Safety::Proposed => "proposed",
    }
}
