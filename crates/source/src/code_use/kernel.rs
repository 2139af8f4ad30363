//! Functions of the kernel: by their names, or as drivers look them up while they run.

use super::{Finder, only_value};
use crate::pointer::{ROUTINE, routine_name};
use crate::world::declares;

/// What the kernel exports by such names beside its system services: variables.
const VARIABLES: [&str; 5] =
    ["NtBuildNumber", "NtBuildLab", "NtBuildGUID", "NtGlobalFlag", "NtBuildLabEx"];

/// Other functions that are patched often.
const OTHERS: [&str; 38] = [
    "CmRegisterCallback",
    "CmRegisterCallbackEx",
    "DbgPrint",
    "DbgPrintEx",
    "ExAllocatePool",
    "ExAllocatePool2",
    "ExAllocatePoolWithTag",
    "ExFreePool",
    "ExFreePoolWithTag",
    "IoCreateDevice",
    "IoCreateDriver",
    "IoCreateFile",
    "IoCreateFileEx",
    "IofCallDriver",
    "IofCompleteRequest",
    "KeAttachProcess",
    "KeBugCheck",
    "KeBugCheckEx",
    "KeInsertQueueApc",
    "KeQueryPerformanceCounter",
    "KeStackAttachProcess",
    "KeUserModeCallback",
    "MmCopyVirtualMemory",
    "MmGetPhysicalAddress",
    "MmGetSystemRoutineAddress",
    "MmIsAddressValid",
    "ObOpenObjectByPointer",
    "ObReferenceObjectByHandle",
    "ObRegisterCallbacks",
    "PsCreateSystemThread",
    "PsGetProcessImageFileName",
    "PsLookupProcessByProcessId",
    "PsLookupThreadByThreadId",
    "PsSetCreateProcessNotifyRoutine",
    "PsSetCreateProcessNotifyRoutineEx",
    "PsSetCreateThreadNotifyRoutine",
    "PsSetLoadImageNotifyRoutine",
    "SeAccessCheck",
];

/// Whether the kernel exports a function of that name, as far as the name tells.
pub(crate) fn is_function(name: &str) -> bool {
    let service = name.strip_prefix("Zw").or_else(|| name.strip_prefix("Nt"));
    let is_service = service.is_some_and(|rest| {
        rest.starts_with(|letter: char| letter.is_ascii_uppercase())
            && rest.contains(|letter: char| letter.is_ascii_lowercase())
    });
    is_service && !VARIABLES.contains(&name) || OTHERS.binary_search(&name).is_ok()
}

impl<'t> Finder<'_, 't> {
    /// Whether a name means a function of the kernel: nothing in the tree is called so.
    pub(super) fn is_of_kernel(&self, name: &str, around: Option<usize>, at: usize) -> bool {
        is_function(name)
            && self.may_look()
            && !self.world.functions.contains_key(name)
            && !self.means_another(name, around, at)
    }

    /// The function of the kernel that a variable of a function holds the address of at a byte, as it was looked up,
    /// whatever path is taken. What else the kernel exports is looked up likewise, so the name has to tell.
    pub(super) fn looked_up(
        &self,
        name: &str,
        around: Option<usize>,
        at: usize,
    ) -> Option<&'t str> {
        let function = self.function(around)?;
        let events = self.events(function, name);
        if !events.iter().any(|one| declares(one)) {
            return None;
        }
        let range = only_value(&events, function, at)?;
        if !self.text(range).contains(ROUTINE) || !self.may_look() {
            return None;
        }
        let call = self.result(range.clone()).filter(|call| self.text(&call.callee) == ROUTINE)?;
        let argument = call.arguments.first()?.clone();
        routine_name(self.world, self.parsed, around, argument).filter(|name| is_function(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_use::tests::told;

    #[test]
    fn the_names_are_in_order() {
        assert!(OTHERS.is_sorted());
    }

    #[test]
    fn functions_of_the_kernel_that_are_written_to() {
        for (code, expected) in [
            (
                "RtlCopyMemory(ZwClose, patch, 12);",
                "ZwClose of the kernel written by RtlCopyMemory",
            ),
            ("*(PUCHAR)NtOpenProcess = 0xE9;", "NtOpenProcess of the kernel written by a store"),
            ("((PUCHAR)ZwClose)[1] = 0;", "ZwClose of the kernel written by a store"),
            (
                "PUCHAR p = (PUCHAR)KeBugCheckEx; p[0] = 0xC3;",
                "KeBugCheckEx of the kernel written by a store",
            ),
            (
                "InterlockedExchange((LONG *)((PUCHAR)NtClose + 1), 5);",
                "NtClose of the kernel written by InterlockedExchange",
            ),
        ] {
            assert_eq!(told(&format!("void F(char *patch) {{ {code} }}")), [expected], "{code}");
        }
    }

    #[test]
    fn functions_that_are_looked_up_and_written_to() {
        const INIT: &str = "UNICODE_STRING n; RtlInitUnicodeString(&n, L\"NtOpenProcess\");";
        for code in [
            "PVOID p = MmGetSystemRoutineAddress(&n); RtlCopyMemory(p, patch, 12);",
            "PUCHAR p; p = (PUCHAR)MmGetSystemRoutineAddress(&n); if (!p) return; *p = 0xE9;",
            "PUCHAR p = MmGetSystemRoutineAddress(&n); if (p) { *(PULONG)(p + 1) = 0; }",
            "PUCHAR p = MmGetSystemRoutineAddress(&n); p[1] = 0;",
        ] {
            let found = told(&format!("void F(char *patch) {{ {INIT} {code} }}"));
            assert_eq!(found.len(), 1, "{code}: {found:?}");
            assert!(found[0].starts_with("NtOpenProcess of the kernel written by "), "{found:?}");
        }
    }

    #[test]
    fn what_may_be_no_code_is_not_told() {
        let init = |name: &str| format!("UNICODE_STRING n; RtlInitUnicodeString(&n, L\"{name}\");");
        let variable = init("NtGlobalFlag");
        let function = init("NtOpenProcess");
        for code in [
            // Variables, and what the tree calls so itself.
            "void F(void) { *(PULONG)NtGlobalFlag = 0; *(PULONG)KeServiceDescriptorTable = 0; }"
                .to_owned(),
            "void F(PUCHAR ZwClose) { *(PUCHAR)ZwClose = 0; }".to_owned(),
            "PVOID ZwBuffer; void F(void) { *(PUCHAR)ZwBuffer = 0; }".to_owned(),
            "#define ZwClose Own\nvoid F(void) { *(PUCHAR)ZwClose = 0; }".to_owned(),
            format!(
                "void F(void) {{ {variable} PULONG p = MmGetSystemRoutineAddress(&n); *p = 0; }}"
            ),
            "void F(PUNICODE_STRING n) { PULONG p = MmGetSystemRoutineAddress(n); *p = 0; }"
                .to_owned(),
            // Read, or replaced before it is written to.
            format!(
                "void F(char *to) {{ {function} PUCHAR p = MmGetSystemRoutineAddress(&n); memcpy(to, p, 5); x = *p; }}"
            ),
            format!(
                "void F(char *to) {{ {function} PUCHAR p = MmGetSystemRoutineAddress(&n); if (x) p = to; *p = 0; }}"
            ),
            "void F(void) { mdl = IoAllocateMdl((PVOID)ZwClose, 64, FALSE, FALSE, NULL); }"
                .to_owned(),
        ] {
            assert_eq!(told(&code), [""; 0], "{code}");
        }
    }
}
