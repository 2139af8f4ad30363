//! What is known of one DDI.

use crate::Role;

/// A Windows kernel function or callback, as the table knows it.
#[derive(Debug)]
pub struct Ddi {
    /// Its name, such as `ExAllocatePoolWithTag` or `IMiniportMidi::NewStream`.
    pub name: &'static str,
    /// Other exported names of the same function, such as the `Nt` form of a `Zw` one.
    pub aliases: &'static [&'static str],
    /// The header that declares it, which is also the table file it stands in: `wdm`; `undocumented`
    /// where none is known.
    pub header: &'static str,
    /// The modules it comes from, in lower case: those that export it or keep the table or interface
    /// it stands in; for [`Reach::Inbound`] the one that calls it. None for [`Reach::Inline`].
    pub modules: &'static [&'static str],
    /// How a driver gets to it.
    pub reach: Reach,
    /// What decides whether the memory is executable.
    pub grant: Grant,
    /// Its parameters, in order.
    pub parameters: &'static [Parameter],
    /// What Driver Verifier does about it.
    pub verifier: Verifier,
    /// What Code Analysis says about it.
    pub warning: Option<Warning>,
    /// What to call or pass instead.
    pub replacement: Option<&'static str>,
    /// Since when it exists, in words.
    pub since: Option<&'static str>,
    /// Since when it can be asked for non-executable memory, in words.
    pub nx_since: Option<&'static str>,
    /// Whether it is on Microsoft's published list of potentially affected DDIs.
    pub listed: bool,
    /// How sure the entry is.
    pub certainty: Certainty,
    /// The path of its page under <https://learn.microsoft.com/windows-hardware/drivers/ddi/>.
    pub docs: Option<&'static str>,
    /// Further facts, a sentence or more.
    pub note: Option<&'static str>,
}

/// A parameter of a DDI.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in the documentation.
    pub name: &'static str,
    /// What its value means, where that matters.
    pub role: Option<Role>,
}

/// How a driver gets to a DDI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is imported.
    Import,
    /// It is an entry of the framework's function table; the first parameter is the driver's globals.
    WdfTable {
        /// Which entry, from 0.
        index: u16,
    },
    /// It is an entry of a class extension's function table; in machine code the extension's globals
    /// come before the parameters.
    ClassExtensionTable,
    /// It is a slot of an interface or of a structure of callbacks that the driver is given.
    Interface {
        /// The slot, where it is known: how many pointers from the start, from 0.
        slot: Option<u16>,
    },
    /// The driver implements it and is called: its arguments are what others choose.
    Inbound,
    /// It exists in headers only; code of it calls another DDI.
    Inline {
        /// The DDI that stands in the image.
        becomes: &'static str,
    },
    /// It is one of the functions behind a single import, told apart by the first argument; in machine
    /// code each parameter is one place later.
    Selector {
        /// The imported function.
        import: &'static str,
        /// The value of its first argument.
        value: u32,
    },
}

/// What decides whether the memory is executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The value of a parameter: the one with a deciding role.
    Argument,
    /// Nothing: it is always executable.
    Always,
    /// Nothing: it never is.
    Never,
    /// The kernel or the port driver; the caller has no say.
    Kernel,
    /// The section object that is mapped.
    Section,
    /// No memory is made executable by it; it is known for other reasons.
    Nothing,
}

/// What Driver Verifier's code-integrity option does about a DDI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// Parameter 1 of the bug check 0xC4 it stops with: 0x2000, 0x2001 or 0x2002.
    pub subcode: Option<u16>,
    /// What it does.
    pub behaviour: VerifierBehaviour,
    /// Whether it is open on which builds of Windows it does so.
    pub unsure: bool,
    /// On which conditions.
    pub note: Option<&'static str>,
}

/// What Driver Verifier does when the driver asks for executable memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifierBehaviour {
    /// It stops.
    Report,
    /// It quietly makes the memory non-executable.
    SubstituteNx,
    /// The port or class driver that implements the DDI hands its caller's address on; then it stops.
    ViaModule,
    /// The framework's own verifier hands its caller's address on; then it stops.
    ViaFramework,
    /// It stops at what the driver does with the argument.
    ViaCallee,
    /// It does nothing.
    None,
    /// Not known.
    Unknown,
}

/// What Code Analysis says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// `C30029` or `C30030`.
    pub id: &'static str,
    /// Whether its page names or shows the DDI; else it is inferred from the kind of argument.
    pub documented: bool,
    /// On which conditions another warning is given.
    pub note: Option<&'static str>,
}

/// How sure an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Sources are thin.
    Low,
    /// Some of it is inferred.
    Medium,
    /// Documented or consistently observed.
    High,
}

impl Ddi {
    /// The parameter that decides whether the memory is executable, with its place from 0.
    pub fn deciding(&self) -> Option<(u8, &'static Parameter)> {
        self.parameter(|role| role.decides())
    }

    /// The first parameter with a role that `wanted` accepts, with its place from 0.
    pub fn parameter(&self, wanted: impl Fn(Role) -> bool) -> Option<(u8, &'static Parameter)> {
        let parameters: &'static [Parameter] = self.parameters;
        (0..).zip(parameters).find(|(_, parameter)| parameter.role.is_some_and(&wanted))
    }

    /// The address of its page in the documentation.
    pub fn url(&self) -> Option<String> {
        let docs = self.docs?;
        Some(format!("https://learn.microsoft.com/windows-hardware/drivers/ddi/{docs}"))
    }
}
