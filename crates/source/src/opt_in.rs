//! Whether `NonPagedPool` means no-execute memory in a translation unit.

use crate::preprocess::Unit;
use crate::{FileId, SourceTree, Span};

/// How the macros begin that opt in or out.
pub(crate) const NAMES: &str = "POOL_NX_OPT";

/// Whether `NonPagedPool` means no-execute memory in a translation unit, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptIn {
    /// Nothing says so: it is executable.
    None,
    /// `POOL_NX_OPTIN_AUTO`: it is `NonPagedPoolNx`.
    Auto,
    /// `POOL_NX_OPTIN`: it is a variable that `ExInitializeDriverRuntime` sets.
    Runtime(Initialised),
    /// `POOL_NX_OPTOUT` cancels the opt-in, or would.
    OptedOut {
        /// Where that is defined; none for the command line.
        at: Option<Span>,
        /// Whether there is an opt-in to cancel.
        cancels: bool,
    },
    /// Some builds of the file do not opt in, and others do or may.
    Partly {
        /// Those that do not.
        without: Vec<Build>,
    },
    /// It depends on the configuration or on conditions that are not decided.
    Open,
}

/// A project that builds a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The file that describes it.
    pub project: FileId,
    /// CMake's target; empty for other formats.
    pub target: String,
    /// The configurations that are meant; none for all that build the file.
    pub configurations: Vec<String>,
}

/// Whether `ExInitializeDriverRuntime(DrvRtPoolNxOptIn)` is called where it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initialised {
    /// In `DriverEntry` or `DllInitialize`.
    InEntry(Span),
    /// In a function that these call.
    InHelper {
        /// The call of ExInitializeDriverRuntime.
        call: Span,
        /// The function that it stands in.
        helper: String,
    },
    /// Where the driver starts, but what asks runs before that.
    Later(Span),
    /// Where the driver starts, but on some ways only, or under a condition that is not known.
    Unproven(Span),
    /// Where the driver starts, if the build has that call at all.
    ByBuild(Span),
    /// Where control may come by ways that are not followed: by a pointer, or as something is constructed.
    Unseen(Span),
    /// Somewhere else.
    Elsewhere(Span),
    /// Nowhere, though the driver's entry point is here.
    Never,
    /// There is no entry point here: it is a library.
    NoEntry,
}

impl Build {
    /// All that a project builds.
    pub(crate) fn whole(project: &crate::Project) -> Build {
        let is_cmake = project.format == crate::ProjectFormat::CMake;
        let target = if is_cmake { project.name.clone() } else { String::new() };
        Build { project: project.file, target, configurations: Vec::new() }
    }
}

impl Initialised {
    /// The call that does it.
    pub fn call(&self) -> Option<Span> {
        match self {
            Initialised::InEntry(call)
            | Initialised::InHelper { call, .. }
            | Initialised::Later(call)
            | Initialised::Unproven(call)
            | Initialised::ByBuild(call)
            | Initialised::Unseen(call)
            | Initialised::Elsewhere(call) => Some(*call),
            Initialised::Never | Initialised::NoEntry => None,
        }
    }

    /// Whether there is a call of which it is not known whether it comes first.
    pub fn is_unproven(&self) -> bool {
        matches!(self, Initialised::Unproven(_) | Initialised::ByBuild(_) | Initialised::Unseen(_))
    }
}

impl OptIn {
    /// Whether the build decides.
    pub fn is_by_build(&self) -> bool {
        matches!(self, OptIn::Open | OptIn::Runtime(Initialised::ByBuild(_)))
    }

    /// Whether `NonPagedPool` is more than 0, in every build: none where that is not known.
    pub fn adds(&self) -> Option<bool> {
        match self {
            OptIn::None | OptIn::OptedOut { .. } | OptIn::Partly { .. } => Some(false),
            OptIn::Auto => Some(true),
            OptIn::Runtime(Initialised::InEntry(_) | Initialised::InHelper { .. }) => Some(true),
            OptIn::Runtime(
                Initialised::Never | Initialised::Elsewhere(_) | Initialised::Later(_),
            ) => Some(false),
            OptIn::Runtime(
                Initialised::NoEntry
                | Initialised::Unproven(_)
                | Initialised::ByBuild(_)
                | Initialised::Unseen(_),
            )
            | OptIn::Open => None,
        }
    }
}

/// Where a unit opts in behind the headers of the kernel, which have looked for it by then: its name, and where it is
/// defined. None where another macro opts in or out.
pub(crate) fn too_late(tree: &SourceTree, unit: &Unit<'_>) -> Option<(&'static str, Span)> {
    let at = unit.kernel_at?;
    let counts =
        !matches!(of_unit(tree, unit), OptIn::None | OptIn::OptedOut { cancels: false, .. });
    if counts {
        return None;
    }
    ["POOL_NX_OPTIN_AUTO", "POOL_NX_OPTIN"].into_iter().find_map(|name| {
        let late = unit.is_on(tree, name, at) == Some(false)
            && unit.is_on(tree, name, unit.end) == Some(true);
        Some((name, unit.defined_at(name, unit.end).filter(|_| late)?))
    })
}

/// What the macros of a unit say, before it is known whether the runtime is initialised.
pub(crate) fn of_unit(tree: &SourceTree, unit: &Unit<'_>) -> OptIn {
    // The headers of the kernel look at the macros when they are included. An opt-out holds up to the first use.
    let at = unit.kernel_at.unwrap_or(unit.end);
    let said = of_unit_at(tree, unit, at);
    match unit.maybe_kernel_at.filter(|maybe| *maybe < at) {
        // A header that is not here may have brought them along before.
        Some(maybe) if of_unit_at(tree, unit, maybe) != said => OptIn::Open,
        _ => said,
    }
}

/// What the macros of a unit say, if the headers of the kernel come at that time.
fn of_unit_at(tree: &SourceTree, unit: &Unit<'_>, at: u32) -> OptIn {
    let is_on = |name, at| unit.is_on(tree, name, at);
    let auto = is_on("POOL_NX_OPTIN_AUTO", at);
    let runtime = is_on("POOL_NX_OPTIN", at);
    let out = is_on("POOL_NX_OPTOUT", unit.end);
    match (out, auto, runtime) {
        (Some(true), ..) => OptIn::OptedOut {
            at: unit.defined_at("POOL_NX_OPTOUT", unit.end),
            cancels: auto != Some(false) || runtime != Some(false),
        },
        (None, Some(false), Some(false)) => OptIn::None,
        (None, ..) => OptIn::Open,
        (_, Some(true), _) => OptIn::Auto,
        (_, Some(false), Some(true)) => OptIn::Runtime(Initialised::NoEntry),
        (_, Some(false), Some(false)) => OptIn::None,
        _ => OptIn::Open,
    }
}
