//! What there is to say of bug checks that a run can end with and that have nothing to do with memory integrity.

/// A bug check that is a fault of the driver on any Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BugCheckPage {
    /// Its number.
    pub code: u32,
    /// Its name in the documentation.
    pub name: &'static str,
    /// What it is shown for, in sentences.
    pub about: &'static str,
    /// What its parameters are, in their order, as far as the emulated kernel fills them in.
    pub parameters: &'static [&'static str],
    /// What to look at, a sentence.
    pub remedy: &'static str,
}

static PAGES: [BugCheckPage; 10] = [
    BugCheckPage {
        code: 0x35,
        name: "NO_MORE_IRP_STACK_LOCATIONS",
        about: "A request was handed on to more drivers than it has stack locations for.",
        parameters: &["the request (IRP)"],
        remedy: "Allocate the request with the StackSize of the device it goes to, or skip the own location first.",
    },
    BugCheckPage {
        code: 0x3B,
        name: "SYSTEM_SERVICE_EXCEPTION",
        about: "An exception that nobody handles came up while the driver worked for a program.",
        parameters: &["the exception's code", "the instruction", "the registers there (CONTEXT)"],
        remedy: "Look at the instruction: what it uses may come from the program, and has to be checked first.",
    },
    BugCheckPage {
        code: 0x44,
        name: "MULTIPLE_IRP_COMPLETE_REQUESTS",
        about: "A request was completed twice.",
        parameters: &["the request (IRP)"],
        remedy: "Look for the ways on which two routines complete the same request, such as a cancel routine.",
    },
    BugCheckPage {
        code: 0x4A,
        name: "IRQL_GT_ZERO_AT_SYSTEM_SERVICE",
        about: "A request of a program was done, and the level (IRQL) that the driver raised for it was not lowered again.",
        parameters: &["the system service", "the level"],
        remedy: "Look for a way out of the dispatch routine that skips KeLowerIrql or KeReleaseSpinLock.",
    },
    BugCheckPage {
        code: 0x7E,
        name: "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED",
        about: "An exception that nobody handles came up in DriverEntry, in a thread of the driver, or in a routine that \
                the kernel called for it.",
        parameters: &[
            "the exception's code",
            "the instruction",
            "the exception record",
            "the registers there (CONTEXT)",
        ],
        remedy: "Look at the instruction: 0xC0000005 is an access to memory that is not there.",
    },
    BugCheckPage {
        code: 0x7F,
        name: "UNEXPECTED_KERNEL_MODE_TRAP",
        about: "The processor could not deliver an exception: a double fault, most often as the stack is used up.",
        parameters: &["the trap: 8 for a double fault"],
        remedy: "Look for recursion and for large variables on the stack, which is a few pages.",
    },
    BugCheckPage {
        code: 0xC2,
        name: "BAD_POOL_CALLER",
        about: "Pool was freed that is none, or is free already.",
        parameters: &["what is wrong"],
        remedy: "Look for the allocation of the address that was freed, and for a second way to its release.",
    },
    BugCheckPage {
        code: 0xCE,
        name: "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS",
        about: "The driver was unloaded, and something of it was still to run: a thread, a timer, a deferred call, a work item \
                or a callback. Its code is not there any more.",
        parameters: &[
            "the address that was to run",
            "the access: 0x10 for execution",
            "the instruction",
        ],
        remedy: "In DriverUnload cancel timers, wait for threads and work items to end, and take callbacks back.",
    },
    BugCheckPage {
        code: 0xE1,
        name: "WORKER_THREAD_RETURNED_AT_BAD_IRQL",
        about: "A work item's routine returned at DISPATCH_LEVEL or above.",
        parameters: &["the routine", "the level", "what the routine was given", "the work item"],
        remedy: "Look for a way out of the routine that skips KeLowerIrql or KeReleaseSpinLock.",
    },
    BugCheckPage {
        code: 0x139,
        name: "KERNEL_SECURITY_CHECK_FAILURE",
        about: "The driver itself found something broken and stopped the system by a fast failure (`int 29h`), such as a stack \
                cookie that was overwritten or a call that control flow guard does not allow.",
        parameters: &[
            "the kind of failure: 2 for the stack cookie, 3 for a list entry, 0xA for control flow guard",
        ],
        remedy: "Look at the function that failed: its buffers, or the pointer that it calls.",
    },
];

/// The page of the bug check with this number; none where rules are about it, or nothing is known.
pub(crate) fn of(code: u32) -> Option<&'static BugCheckPage> {
    PAGES.iter().find(|page| page.code == code)
}

impl BugCheckPage {
    /// All of it, heading first.
    pub(crate) fn markdown(&self) -> String {
        let BugCheckPage { code, name, about, parameters, remedy } = self;
        let slug = name.to_lowercase().replace('_', "-");
        let parameters: String = (1..)
            .zip(parameters.iter())
            .map(|(number, means)| format!("{number}. {means}\n"))
            .collect();
        format!(
            "# 0x{code:X}: {name}\n\n{about}\n\nIt has nothing to do with memory integrity: the driver has this fault on any \
             Windows. A run that ends with it (`ringfence verify`) decides no answer, and what comes after it was not \
             run.\n\n## Parameters\n\n{parameters}\n## What to do\n\n{remedy}\n\n## References\n\n- \
             https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x{code:x}--{slug}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names are those of the emulated kernel, which has them from the headers.
    #[test]
    fn pages_bear_the_names_of_the_bug_checks() {
        for page in PAGES {
            let known = ringfence_verifier::BUG_CHECKS.iter().find(|known| known.0 == page.code);
            assert!(known.is_none_or(|known| known.1 == page.name), "{page:?}");
            assert!(page.parameters.len() <= 4 && page.markdown().starts_with("# 0x"));
        }
    }

    #[test]
    fn a_page_says_that_it_decides_nothing() {
        let page = of(0xCE).unwrap().markdown();
        assert!(page.starts_with("# 0xCE: DRIVER_UNLOADED_WITHOUT"), "{page}");
        assert!(page.contains("nothing to do with memory integrity"), "{page}");
        assert!(page.contains("1. the address that was to run\n2. the access"), "{page}");
        assert!(
            page.ends_with(
                "bug-check-0xce--driver-unloaded-without-cancelling-pending-operations\n"
            )
        );
        assert_eq!(of(0x18D), None);
    }
}
