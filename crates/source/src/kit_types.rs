//! Types that the kit's headers and the compiler have, for x64: what of them matters for where members lie.

/// What is known of a type without its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KitType {
    /// A number of so many bytes, aligned to its size.
    Number(u8),
    /// An address.
    Pointer,
    /// A structure: its members by their types and in order.
    Structure(&'static [KitType]),
    /// So many bytes without addresses, aligned to the second number.
    Bytes(u8, u8),
}

use KitType::{Bytes, Number, Pointer, Structure};

/// `UNICODE_STRING`, `ANSI_STRING`: two lengths and a buffer.
const STRING: KitType = Structure(&[Number(2), Number(2), Pointer]);

const OTHERS: [(&str, KitType); 16] = [
    ("GUID", Bytes(16, 4)),
    ("UUID", Bytes(16, 4)),
    ("IID", Bytes(16, 4)),
    ("CLSID", Bytes(16, 4)),
    ("LUID", Bytes(8, 4)),
    ("UNICODE_STRING", STRING),
    ("ANSI_STRING", STRING),
    ("OEM_STRING", STRING),
    ("STRING", STRING),
    ("LIST_ENTRY", Structure(&[Pointer, Pointer])),
    ("SINGLE_LIST_ENTRY", Structure(&[Pointer])),
    ("LARGE_INTEGER", Bytes(8, 8)),
    ("ULARGE_INTEGER", Bytes(8, 8)),
    ("PHYSICAL_ADDRESS", Bytes(8, 8)),
    ("CLIENT_ID", Structure(&[Pointer, Pointer])),
    ("IO_STATUS_BLOCK", Structure(&[Pointer, Number(8)])),
];

const ONE: [&str; 15] = [
    "CHAR",
    "UCHAR",
    "BYTE",
    "BOOLEAN",
    "CCHAR",
    "INT8",
    "UINT8",
    "int8_t",
    "uint8_t",
    "bool",
    "char",
    "__int8",
    "KIRQL",
    "KPROCESSOR_MODE",
    "SECURITY_CONTEXT_TRACKING_MODE",
];

const TWO: [&str; 12] = [
    "SHORT", "USHORT", "WORD", "WCHAR", "wchar_t", "INT16", "UINT16", "int16_t", "uint16_t",
    "short", "__int16", "CSHORT",
];

const FOUR: [&str; 29] = [
    "LONG",
    "ULONG",
    "DWORD",
    "INT",
    "UINT",
    "int",
    "unsigned",
    "signed",
    "long",
    "float",
    "FLOAT",
    "BOOL",
    "NTSTATUS",
    "ACCESS_MASK",
    "INT32",
    "UINT32",
    "LONG32",
    "ULONG32",
    "DWORD32",
    "int32_t",
    "uint32_t",
    "__int32",
    "HRESULT",
    "POOL_TYPE",
    "SECURITY_INFORMATION",
    "DEVICE_TYPE",
    "FILE_INFORMATION_CLASS",
    "LCID",
    "COLORREF",
];

const EIGHT: [&str; 22] = [
    "LONGLONG",
    "ULONGLONG",
    "LONG64",
    "ULONG64",
    "DWORD64",
    "INT64",
    "UINT64",
    "int64_t",
    "uint64_t",
    "__int64",
    "double",
    "DOUBLE",
    "SIZE_T",
    "SSIZE_T",
    "size_t",
    "ULONG_PTR",
    "LONG_PTR",
    "DWORD_PTR",
    "UINT_PTR",
    "INT_PTR",
    "uintptr_t",
    "intptr_t",
];

const POINTERS: [&str; 41] = [
    "PVOID",
    "LPVOID",
    "PCVOID",
    "HANDLE",
    "PHANDLE",
    "PCHAR",
    "PUCHAR",
    "PBYTE",
    "PSTR",
    "PCSTR",
    "LPSTR",
    "LPCSTR",
    "PCH",
    "PSZ",
    "PCSZ",
    "PWCHAR",
    "PWCH",
    "PWSTR",
    "PCWSTR",
    "LPWSTR",
    "LPCWSTR",
    "PCWCH",
    "PSHORT",
    "PUSHORT",
    "PLONG",
    "PULONG",
    "PULONGLONG",
    "PULONG64",
    "PULONG_PTR",
    "PSIZE_T",
    "PBOOLEAN",
    "PUNICODE_STRING",
    "PCUNICODE_STRING",
    "PANSI_STRING",
    "PLIST_ENTRY",
    "PDEVICE_OBJECT",
    "PDRIVER_OBJECT",
    "PIRP",
    "PMDL",
    "PFILE_OBJECT",
    "PKEVENT",
];

/// Types of routines whose pointers have the same name behind a `P`, beside those of which the name begins with `DRIVER_`.
const ROUTINES: [&str; 14] = [
    "IO_COMPLETION_ROUTINE",
    "IO_DPC_ROUTINE",
    "IO_TIMER_ROUTINE",
    "IO_WORKITEM_ROUTINE",
    "KDEFERRED_ROUTINE",
    "KSERVICE_ROUTINE",
    "KSTART_ROUTINE",
    "WORKER_THREAD_ROUTINE",
    "LOAD_IMAGE_NOTIFY_ROUTINE",
    "CREATE_PROCESS_NOTIFY_ROUTINE",
    "CREATE_THREAD_NOTIFY_ROUTINE",
    "EX_CALLBACK_FUNCTION",
    "FLT_PRE_OPERATION_CALLBACK",
    "FLT_POST_OPERATION_CALLBACK",
];

/// What is known of a type by its name.
pub(crate) fn of(name: &str) -> Option<KitType> {
    match POINTERS.contains(&name) || is_pointer_to_known(name) {
        true => Some(Pointer),
        false => of_value(name),
    }
}

/// Whether a name is that of the kit's pointers to a type of the kit: `PLUID`, `PCANSI_STRING`, `PDRIVER_DISPATCH`.
fn is_pointer_to_known(name: &str) -> bool {
    let is_known = |of: &str| {
        of.starts_with(|first: char| first.is_ascii_uppercase()) && of_value(of).is_some()
    };
    name.strip_prefix('P').is_some_and(|of| {
        of.starts_with("DRIVER_")
            || ROUTINES.contains(&of)
            || is_known(of)
            || of.strip_prefix('C').is_some_and(is_known)
    })
}

/// What is known of a type that is no pointer.
fn of_value(name: &str) -> Option<KitType> {
    let number = [(&ONE[..], 1), (&TWO[..], 2), (&FOUR[..], 4), (&EIGHT[..], 8)];
    if let Some((_, size)) = number.iter().find(|(names, _)| names.contains(&name)) {
        return Some(Number(*size));
    }
    // The tags of structures have an underscore before the name.
    let name = name.strip_prefix('_').unwrap_or(name);
    OTHERS.iter().find(|(known, _)| *known == name).map(|(_, of)| *of)
}

/// The size of what the words of the language name: `unsigned long long`.
pub(crate) fn primitive(words: &str) -> Option<u8> {
    let has = |word: &str| words.split_whitespace().filter(|one| *one == word).count();
    match () {
        // Microsoft's `long double` is a `double`.
        () if has("double") > 0 || has("long") > 1 || has("__int64") > 0 => Some(8),
        () if has("char") > 0 || has("__int8") > 0 || has("bool") > 0 || has("_Bool") > 0 => {
            Some(1)
        }
        () if has("short") > 0 || has("__int16") > 0 => Some(2),
        () => match of(words
            .split_whitespace()
            .find(|word| !matches!(*word, "signed" | "unsigned" | "const"))?)
        {
            Some(Number(size)) => Some(size),
            _ => None,
        },
    }
}

/// The size of a type by its words, as `sizeof` gives it for x64: of a pointer, or of a number. None of what may be something
/// else.
pub(crate) fn size<'w>(words: impl Iterator<Item = &'w str>) -> Option<u64> {
    let words: Vec<&str> = words.filter(|word| !matches!(*word, "const" | "volatile")).collect();
    let named = words.iter().take_while(|word| !word.starts_with('*')).count();
    let is_word = |word: &&str| word.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'_');
    if named == 0 || named > 4 || !words[..named].iter().all(is_word) {
        return None;
    }
    if named < words.len() {
        return words[named..].iter().all(|word| *word == "*").then_some(8);
    }
    match of(words[0]).filter(|_| named == 1) {
        Some(Number(size)) => Some(size.into()),
        Some(Pointer) => Some(8),
        Some(_) => None,
        None => {
            primitive(&words.join(" ")).filter(|_| words.iter().all(is_of_language)).map(u64::from)
        }
    }
}

/// Whether a word is one of those that name numbers in the language.
fn is_of_language(word: &&str) -> bool {
    matches!(
        *word,
        "signed" | "unsigned" | "char" | "short" | "int" | "long" | "float" | "double" | "__int64"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_is_short_on_windows() {
        for (words, size) in [
            ("unsigned long", 4),
            ("long long", 8),
            ("unsigned __int64", 8),
            ("long double", 8),
            ("unsigned char", 1),
            ("short int", 2),
            ("wchar_t", 2),
            ("int", 4),
        ] {
            assert_eq!(primitive(words), Some(size), "{words}");
        }
        assert_eq!(primitive("unsigned"), None);
        assert_eq!(of("_UNICODE_STRING"), of("UNICODE_STRING"));
        assert_eq!(of("SOMETHING"), None);
    }

    /// `wdm.h`, `ntddk.h` and `fltkernel.h` declare them so.
    #[test]
    fn pointers_are_named_after_what_they_point_to() {
        for name in [
            "PDRIVER_DISPATCH",
            "PDRIVER_CANCEL",
            "PKDEFERRED_ROUTINE",
            "PFLT_PRE_OPERATION_CALLBACK",
            "PLUID",
            "PGUID",
            "PLARGE_INTEGER",
            "PCANSI_STRING",
        ] {
            assert_eq!(of(name), Some(Pointer), "{name}");
        }
        for name in ["DRIVER_DISPATCH", "PSOMETHING", "P_GUID", "Pint", "P", "PC"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
