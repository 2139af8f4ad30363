//! Why a file's symbols are not used.

use ringfence_image::CodeView;
use std::fmt;

/// Which link of which image a PDB belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// GUID, in the byte order of the file.
    pub guid: [u8; 16],
    /// How often it was linked anew with the same GUID.
    pub age: u32,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { guid, age } = *self;
        write!(f, "{} age {age}", CodeView { guid, age, path: b"" }.guid_text())
    }
}

/// Why a file's symbols are not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not begin as a PDB does.
    #[error("it is no PDB")]
    NotAPdb,
    /// The format before GUIDs, of Visual C++ 6 and earlier.
    #[error("it is a PDB from before Visual Studio .NET, which has no GUID to compare")]
    TooOld,
    /// The compressed form, MSFZ or PDZ.
    #[error(
        "it is compressed (MSFZ), which is not read; `pdz decompress` or the linker makes a plain one"
    )]
    Compressed,
    /// The PDB of managed code.
    #[error("it is a portable PDB, for managed code")]
    Portable,
    /// It ends before something that it refers to.
    #[error("it is cut short: {0} ends outside the file")]
    Truncated(&'static str),
    /// A structure makes no sense.
    #[error("it is malformed: {0} cannot be read")]
    Malformed(&'static str),
    /// The code was moved after it was linked, and lines are those of before.
    #[error("its addresses are from before the code was rearranged (OMAP), which is not followed")]
    Rearranged,
    /// It belongs to another link.
    #[error("{}", other_build(.wanted, .found))]
    OtherBuild {
        /// What the image asks for.
        wanted: Identity,
        /// What the file is.
        found: Identity,
    },
}

fn other_build(wanted: &Identity, found: &Identity) -> String {
    if wanted.guid == found.guid {
        let (wanted, found) = (wanted.age, found.age);
        return format!(
            "it belongs to another link of this build: the driver asks for age {wanted}, the file \
             has age {found}"
        );
    }
    format!("it belongs to another build: the driver asks for {wanted}, the file is {found}")
}
