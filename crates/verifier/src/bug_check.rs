//! The bug checks that a run can end with.

macro_rules! bug_checks {
    ($($name:ident = $code:literal,)*) => {
        $(pub(crate) const $name: u32 = $code;)*

        /// All bug checks that the emulated kernel shows by itself, with their names, by number. A driver that calls
        /// KeBugCheckEx can show any other.
        pub const ALL: &[(u32, &str)] = &[$(($code, stringify!($name)),)*];
    };
}

bug_checks! {
    NO_MORE_IRP_STACK_LOCATIONS = 0x35,
    SYSTEM_SERVICE_EXCEPTION = 0x3B,
    MULTIPLE_IRP_COMPLETE_REQUESTS = 0x44,
    IRQL_GT_ZERO_AT_SYSTEM_SERVICE = 0x4A,
    PAGE_FAULT_IN_NONPAGED_AREA = 0x50,
    SYSTEM_THREAD_EXCEPTION_NOT_HANDLED = 0x7E,
    UNEXPECTED_KERNEL_MODE_TRAP = 0x7F,
    ATTEMPTED_WRITE_TO_READONLY_MEMORY = 0xBE,
    BAD_POOL_CALLER = 0xC2,
    DRIVER_VERIFIER_DETECTED_VIOLATION = 0xC4,
    DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS = 0xCE,
    DRIVER_IRQL_NOT_LESS_OR_EQUAL = 0xD1,
    WORKER_THREAD_RETURNED_AT_BAD_IRQL = 0xE1,
    ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY = 0xFC,
    KERNEL_SECURITY_CHECK_FAILURE = 0x139,
    SECURE_FAULT_UNHANDLED = 0x18D,
}
