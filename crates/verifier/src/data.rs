//! Data that the kernel exports, and what every driver finds in memory.

use crate::kernel::Kernel;
use crate::space::{self, DATA, PROCESSOR, USER_SHARED_DATA};
use ringfence_machine::{PAGE, Rights};

/// What an exported variable holds.
#[derive(Clone, Copy)]
enum Holds {
    /// A number of 64 bits.
    Number(u64),
    /// NtBuildNumber: the build, marked as a free build.
    Build,
    /// The address of an object type, which is a place of its own.
    Type,
    /// The address of the system process.
    Process,
    /// The address of SE_EXPORTS.
    Security,
    /// The address of the table of characters.
    Characters,
    /// A list with nothing in it.
    List,
}

/// The variables, in the order in which they lie.
const VARIABLES: &[(&str, Holds)] = &[
    ("NtBuildNumber", Holds::Build),
    ("MmSystemRangeStart", Holds::Number(space::SYSTEM)),
    ("MmHighestUserAddress", Holds::Number(space::HIGHEST_USER)),
    ("MmUserProbeAddress", Holds::Number(space::HIGHEST_USER - 0xFFFF)),
    ("MmBadPointer", Holds::Number(0xFFFF_FFFF_FFFF_F000)),
    ("KeTickCount", Holds::Number(0x1000)),
    ("KeNumberProcessors", Holds::Number(1)),
    ("KeServiceDescriptorTable", Holds::Number(0)),
    ("InitSafeBootMode", Holds::Number(0)),
    ("KdDebuggerEnabled", Holds::Number(0)),
    ("KdDebuggerNotPresent", Holds::Number(1)),
    ("PsInitialSystemProcess", Holds::Process),
    ("SeExports", Holds::Security),
    ("PsLoadedModuleList", Holds::List),
    ("PsLoadedModuleResource", Holds::Number(0)),
    ("NlsMbCodePageTag", Holds::Number(0)),
    ("NlsMbOemCodePageTag", Holds::Number(0)),
    ("NlsAnsiCodePage", Holds::Number(1252)),
    ("NlsOemCodePage", Holds::Number(437)),
    ("NlsLeadByteInfo", Holds::Characters),
    ("NlsOemLeadByteInfo", Holds::Characters),
    ("FsRtlLegalAnsiCharacterArray", Holds::Characters),
    ("HalDispatchTable", Holds::Number(4)),
    ("HalPrivateDispatchTable", Holds::Number(4)),
    ("KdComPortInUse", Holds::Number(0)),
    ("IoDeviceObjectType", Holds::Type),
    ("IoFileObjectType", Holds::Type),
    ("IoDriverObjectType", Holds::Type),
    ("IoAdapterObjectType", Holds::Type),
    ("ExEventObjectType", Holds::Type),
    ("ExSemaphoreObjectType", Holds::Type),
    ("ExDesktopObjectType", Holds::Type),
    ("ExWindowStationObjectType", Holds::Type),
    ("MmSectionObjectType", Holds::Type),
    ("PsProcessType", Holds::Type),
    ("PsThreadType", Holds::Type),
    ("PsJobType", Holds::Type),
    ("SeTokenObjectType", Holds::Type),
    ("CmKeyObjectType", Holds::Type),
    ("LpcPortObjectType", Holds::Type),
    ("TmTransactionObjectType", Holds::Type),
    ("ExTimerObjectType", Holds::Type),
    ("ExMutantObjectType", Holds::Type),
    ("ExProfileObjectType", Holds::Type),
    ("ExCompositionObjectType", Holds::Type),
    ("ExRawInputManagerObjectType", Holds::Type),
    ("IoCompletionObjectType", Holds::Type),
    ("LpcWaitablePortObjectType", Holds::Type),
    ("AlpcPortObjectType", Holds::Type),
    ("TmTransactionManagerObjectType", Holds::Type),
    ("TmResourceManagerObjectType", Holds::Type),
    ("TmEnlistmentObjectType", Holds::Type),
    ("PsSiloContextPagedType", Holds::Type),
    ("PsSiloContextNonPagedType", Holds::Type),
    ("DbgkDebugObjectType", Holds::Type),
    ("EtwpRegistrationObjectType", Holds::Type),
    ("IoReadOperationCount", Holds::Number(0)),
    ("IoWriteOperationCount", Holds::Number(0)),
    ("IoOtherOperationCount", Holds::Number(0)),
    ("IoReadTransferCount", Holds::Number(0)),
    ("IoWriteTransferCount", Holds::Number(0)),
    ("IoOtherTransferCount", Holds::Number(0)),
    ("IoStatisticsLock", Holds::Number(0)),
    ("CcFastMdlReadWait", Holds::Number(0)),
    ("CcFastReadNotPossible", Holds::Number(0)),
    ("CcFastReadWait", Holds::Number(0)),
    ("KeLoaderBlock", Holds::Number(0)),
    ("KeDcacheFlushCount", Holds::Number(0)),
    ("KeIcacheFlushCount", Holds::Number(0)),
    ("KeI386MachineType", Holds::Number(0)),
    ("NtGlobalFlag", Holds::Number(0)),
    ("PsUILanguageComitted", Holds::Number(0)),
    ("SePublicDefaultDacl", Holds::Number(0)),
    ("SeSystemDefaultDacl", Holds::Number(0)),
    ("SeSystemDefaultSd", Holds::Number(0)),
    ("POGOBuffer", Holds::Number(0)),
    ("psMUITest", Holds::Number(0)),
];

/// Bytes of a variable; the larger ones are tables of pointers.
const VARIABLE: u64 = 0x100;
/// Where what variables point to lies.
const POINTED: u64 = DATA + 0x1_0000;
/// The object types, a place each.
const TYPES: u64 = POINTED;
/// Bytes of such a place.
const TYPE: u64 = 0x80;
/// SE_EXPORTS.
const SECURITY: u64 = POINTED + 0x4000;
/// A SID that stands for all of those that SE_EXPORTS names.
const SID: u64 = POINTED + 0x5000;
/// Attributes of characters.
const CHARACTERS: u64 = POINTED + 0x6000;
/// The process "System".
pub(crate) const SYSTEM_PROCESS: u64 = POINTED + 0x8000;
/// The process of a program that uses the driver.
pub(crate) const PROGRAM_PROCESS: u64 = POINTED + 0xA000;
/// The thread that loads and unloads drivers.
pub(crate) const SYSTEM_THREAD: u64 = POINTED + 0xC000;
/// A thread of the program.
pub(crate) const PROGRAM_THREAD: u64 = POINTED + 0xD000;
/// The driver's file name as a UNICODE_STRING, for bug checks.
pub(crate) const IMAGE_NAME: u64 = POINTED + 0xE000;
/// The entry of the driver in the list of modules.
const MODULE: u64 = POINTED + 0xF000;

/// Process identifiers.
pub(crate) const SYSTEM_PROCESS_ID: u64 = 4;
/// That of the program.
pub(crate) const PROGRAM_PROCESS_ID: u64 = 0x1A2C;
/// Thread identifiers.
pub(crate) const SYSTEM_THREAD_ID: u64 = 0x48;
/// That of the program's thread.
pub(crate) const PROGRAM_THREAD_ID: u64 = 0x1A30;

/// Offsets in the kernel's structures, as Windows 10 and 11 have them.
pub(crate) mod offset {
    /// KPCR: the pointer to itself.
    pub const PCR_SELF: u64 = 0x18;
    /// KPCR: the pointer to KPRCB, which lies in it.
    pub const PCR_PRCB: u64 = 0x20;
    /// KPCR: where KPRCB begins.
    pub const PRCB: u64 = 0x180;
    /// KPRCB: the thread that runs.
    pub const CURRENT_THREAD: u64 = PRCB + 8;
    /// KTHREAD: the process, in ApcState.
    pub const THREAD_PROCESS: u64 = 0xB8;
    /// KTHREAD: kernel or user mode before.
    pub const PREVIOUS_MODE: u64 = 0x232;
    /// ETHREAD: Cid.
    pub const THREAD_CID: u64 = 0x478;
    /// EPROCESS: UniqueProcessId.
    pub const PROCESS_ID: u64 = 0x440;
    /// EPROCESS: ActiveProcessLinks.
    pub const PROCESS_LINKS: u64 = 0x448;
    /// EPROCESS: ImageFileName.
    pub const PROCESS_NAME: u64 = 0x5A8;
    /// KPROCESS: DirectoryTableBase.
    pub const PROCESS_DIRECTORY: u64 = 0x28;
}

/// The address of an exported variable.
pub(crate) fn address_of(name: &str) -> Option<u64> {
    let place = VARIABLES.iter().position(|(known, _)| *known == name)?;
    Some(DATA + place as u64 * VARIABLE)
}

const _: () = assert!(VARIABLES.len() as u64 * TYPE <= SECURITY - TYPES);
const _: () = assert!(VARIABLES.len() as u64 * VARIABLE <= POINTED - DATA);

/// The names of all variables.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name)
}

impl Kernel<'_> {
    /// Fills in all of it. What does not fit is zero, as the pages were just made.
    pub(crate) fn fill_data(&mut self) {
        let build = self.options.windows.build;
        for (place, (_, holds)) in (0..).zip(VARIABLES) {
            let at = DATA + place * VARIABLE;
            let value = match *holds {
                Holds::Number(value) => value,
                Holds::Build => 0xF000_0000 | u64::from(build),
                Holds::Type => TYPES + place * TYPE,
                Holds::Process => SYSTEM_PROCESS,
                Holds::Security => SECURITY,
                Holds::Characters => CHARACTERS,
                Holds::List => at,
            };
            self.set(at, value);
            if matches!(holds, Holds::List) {
                self.set(at + 8, at);
            }
        }
        self.fill_tables();
        self.fill_processes();
        self.fill_processor();
        self.fill_shared(build);
    }

    fn set(&mut self, at: u64, value: u64) {
        let _ = self.memory().write_u64(at, value);
    }

    fn set_text(&mut self, at: u64, text: &str) {
        let bytes: Vec<_> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let _ = self.memory().write(at, &bytes);
    }

    fn fill_tables(&mut self) {
        // Tables that the kernel's own routines stand in: calls through them come to stand-ins.
        for table in ["HalDispatchTable", "HalPrivateDispatchTable"] {
            let at = address_of(table).unwrap_or(DATA);
            for index in 1..30 {
                let name = format!("{table}[{index}]");
                let routine = self.gates.of("ntoskrnl.exe", &name).unwrap_or_default();
                self.set(at + 8 * index, routine);
            }
        }
        // Twenty-four privileges of two words, then pointers to SIDs.
        for index in 0..24 {
            self.set(SECURITY + 8 * index, index + 2);
        }
        for index in 24..64 {
            self.set(SECURITY + 8 * index, SID);
        }
        // S-1-5-18.
        let _ = self.memory().write(SID, &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
        // FSRTL_ attributes: letters, digits and what else names are made of are legal everywhere.
        for byte in 0x20_u8..0x7F {
            let legal = !b"\"*/:<>?\\|".contains(&byte);
            let _ =
                self.memory().write_u8(CHARACTERS + u64::from(byte), if legal { 0x17 } else { 0 });
        }
    }

    fn fill_processes(&mut self) {
        let processes = [
            (SYSTEM_PROCESS, SYSTEM_PROCESS_ID, "System", PROGRAM_PROCESS),
            (PROGRAM_PROCESS, PROGRAM_PROCESS_ID, "program.exe", SYSTEM_PROCESS),
        ];
        for (at, id, name, other) in processes {
            let _ = self.memory().write_u8(at, 3);
            self.set(at + offset::PROCESS_DIRECTORY, space::PAGE_TABLE_FRAME * PAGE);
            self.set(at + offset::PROCESS_ID, id);
            self.set(at + offset::PROCESS_LINKS, other + offset::PROCESS_LINKS);
            self.set(at + offset::PROCESS_LINKS + 8, other + offset::PROCESS_LINKS);
            let _ = self.memory().write(at + offset::PROCESS_NAME, name.as_bytes());
        }
        self.fill_thread(SYSTEM_THREAD, SYSTEM_PROCESS, SYSTEM_PROCESS_ID, SYSTEM_THREAD_ID);
        self.fill_thread(PROGRAM_THREAD, PROGRAM_PROCESS, PROGRAM_PROCESS_ID, PROGRAM_THREAD_ID);
        let _ = self.memory().write_u8(PROGRAM_THREAD + offset::PREVIOUS_MODE, 1);
    }

    /// Makes a thread's structure.
    pub(crate) fn fill_thread(&mut self, at: u64, process: u64, process_id: u64, id: u64) {
        /// ThreadObject.
        const THREAD: u8 = 6;
        let _ = self.memory().write_u8(at, THREAD);
        self.set(at + offset::THREAD_PROCESS, process);
        self.set(at + offset::THREAD_CID, process_id);
        self.set(at + offset::THREAD_CID + 8, id);
    }

    fn fill_processor(&mut self) {
        self.set(PROCESSOR, PROCESSOR + 0x2000);
        self.set(PROCESSOR + offset::PCR_SELF, PROCESSOR);
        self.set(PROCESSOR + offset::PCR_PRCB, PROCESSOR + offset::PRCB);
        self.set(PROCESSOR + 0x38, PROCESSOR + 0x3000);
        self.registers().gs_base = PROCESSOR;
        self.set_thread(SYSTEM_THREAD);
    }

    /// The thread that runs is the one at `thread`.
    pub(crate) fn set_thread(&mut self, thread: u64) {
        self.set(PROCESSOR + offset::CURRENT_THREAD, thread);
    }

    /// The thread that runs.
    pub(crate) fn thread(&self) -> u64 {
        self.u64(PROCESSOR.wrapping_add(offset::CURRENT_THREAD)).unwrap_or(SYSTEM_THREAD)
    }

    /// KUSER_SHARED_DATA.
    fn fill_shared(&mut self, build: u32) {
        let at = USER_SHARED_DATA;
        self.protect(at, 1, Rights::READ_WRITE, "shared data");
        let version = self.options.windows;
        self.set_text(at + 0x30, "C:\\Windows");
        // The multiplier of the tick count, and what images of which machines run.
        let words = [
            (0x0, 0),
            (0x4, 0x0FA0_0000),
            (0x2C, 0x8664_8664),
            (0x260, build),
            (0x264, 1),
            (0x268, 1),
            (0x26C, version.major),
            (0x270, version.minor),
            (0x2E8, 0x3F_FFFF),
            (0x2EC, 0x10),
            (0x3C0, 1),
            (0x3D8, 7),
        ];
        for (offset, value) in words {
            let _ = self.memory().write_u32(at + offset, value);
        }
        // ProcessorFeatures: MMX, SSE, RDTSC, NX, SSE3, CMPXCHG16B, XSAVE.
        for feature in [2, 3, 6, 8, 10, 12, 13, 14, 17] {
            let _ = self.memory().write_u8(at + 0x274 + feature, 1);
        }
        self.set(at + 0x300, 10_000_000);
        self.protect(at, 1, Rights::READ, "shared data");
        self.tick();
    }

    /// Shows the time in KUSER_SHARED_DATA and in the kernel's variables.
    pub(crate) fn tick(&mut self) {
        let ticks = self.clock / 156_250;
        let (interrupt, system) = (self.clock, self.system_time());
        let at = USER_SHARED_DATA;
        let memory = self.memory();
        for (offset, time) in [(0x8, interrupt), (0x14, system)] {
            let _ = memory.write_u64(at + offset, time);
            let _ = memory.write_u32(at + offset + 8, (time >> 32) as u32);
        }
        let _ = memory.write_u64(at + 0x320, ticks);
        if let Some(at) = address_of("KeTickCount") {
            self.set(at, ticks);
        }
    }

    /// Units of 100 ns since 1601: the run begins on 1 January 2025.
    pub(crate) fn system_time(&self) -> u64 {
        const START: u64 = 133_801_632_000_000_000;
        START + self.clock
    }

    /// Puts the driver into the list of modules; its entry.
    pub(crate) fn fill_module(&mut self) -> u64 {
        let list = address_of("PsLoadedModuleList").unwrap_or(DATA);
        let (base, size) = (self.loaded.base, self.loaded.size);
        let entry = base + u64::from(self.image().headers().entry_point.0);
        for (offset, value) in [(0, list), (8, list), (0x30, base), (0x38, entry), (0x40, size)] {
            self.set(MODULE + offset, value);
        }
        // InLoadOrderLinks, DllBase, EntryPoint, SizeOfImage, FullDllName, BaseDllName.
        self.set(list, MODULE);
        self.set(list + 8, MODULE);
        let name = self.options.name.clone();
        let folder = "\\SystemRoot\\System32\\drivers\\";
        self.fill_string(MODULE + 0x48, MODULE + 0x200, &format!("{folder}{name}"));
        self.fill_string(MODULE + 0x58, MODULE + 0x800, &name);
        self.fill_string(IMAGE_NAME, IMAGE_NAME + 0x10, &name);
        MODULE
    }

    /// A UNICODE_STRING at `at` with its text at `buffer`.
    fn fill_string(&mut self, at: u64, buffer: u64, text: &str) {
        /// Longest text in UTF-16 units.
        const LONGEST: usize = 0x2F0;
        let text: String = text.chars().take(LONGEST / 2).collect();
        let length = 2 * text.encode_utf16().count() as u16;
        let _ = self.memory().write_u16(at, length);
        let _ = self.memory().write_u16(at + 2, length + 2);
        self.set(at + 8, buffer);
        self.set_text(buffer, &text);
    }
}
