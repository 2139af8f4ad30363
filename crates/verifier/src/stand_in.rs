//! Stand-ins: what a kernel function that is not modelled comes to. Its name says what kind of result is
//! plausible; everything that follows is under assumption.

use crate::call::Call;
use crate::kernel::{Kernel, count};
use crate::objects::Object;
use crate::stop::{Answer, Stop};

/// Functions that write a handle or a pointer, with the place of the argument that says where.
const OUT: &[(&str, usize)] = &[
    ("BCryptOpenAlgorithmProvider", 0),
    ("BCryptCreateHash", 1),
    ("BCryptGenerateSymmetricKey", 1),
    ("FwpmEngineOpen0", 4),
    ("FwpsInjectionHandleCreate0", 2),
    ("FwpsAllocateNetBufferAndNetBufferList0", 6),
    ("FwpsAllocateCloneNetBufferList0", 3),
    ("FltCreateCommunicationPort", 1),
    ("FltBuildDefaultSecurityDescriptor", 0),
    ("ZwOpenThreadTokenEx", 4),
    ("ZwCreateTimer", 0),
    ("ZwCreateSymbolicLinkObject", 0),
    ("ZwCreateTransaction", 0),
    ("ZwOpenEvent", 0),
    ("ZwNotifyChangeKey", 4),
    ("PsLookupProcessThreadByCid", 2),
    ("SeQueryInformationToken", 2),
    ("SeCreateClientSecurityFromSubjectContext", 3),
    ("SeCaptureSecurityDescriptor", 4),
    ("SeQuerySecurityDescriptorInfo", 1),
    ("NotifyRouteChange2", 4),
    ("NotifyIpInterfaceChange", 4),
    ("GetIpForwardTable2", 1),
    ("WskRegister", 1),
    ("IoGetDeviceInterfaces", 3),
    ("IoReportDetectedDevice", 7),
    ("IoCreateStreamFileObject", 4),
    ("PsLookupThreadByThreadId", 1),
    ("ObOpenObjectByName", 6),
    ("ZwOpenThreadToken", 3),
    ("ZwCreateSemaphore", 0),
    ("ZwCreateMutant", 0),
    ("ZwOpenTimer", 0),
    ("ZwCreateIoCompletion", 0),
    ("ZwCreateKeyTransacted", 0),
    ("ZwOpenKeyTransacted", 0),
    ("FltGetVolumeFromName", 2),
    ("FltOpenVolume", 1),
    ("FltAllocateContext", 4),
    ("SeRegisterLogonSessionTerminatedRoutine", 1),
];

/// Functions that fill a buffer, with the places of the arguments that say where it is and how long.
const FILLED: &[(&str, usize, usize)] = &[
    ("ZwQueryInformationProcess", 2, 3),
    ("ZwQueryInformationThread", 2, 3),
    ("ZwQueryInformationToken", 2, 3),
    ("ZwQueryObject", 2, 3),
    ("ZwQuerySection", 2, 3),
    ("ZwQueryVolumeInformationFile", 2, 3),
    ("IoGetDevicePropertyData", 4, 3),
    ("IoQueryVolumeInformation", 3, 2),
    ("IoQueryFileInformation", 3, 2),
    ("HalQuerySystemInformation", 2, 1),
];

/// Functions of the kernel that return a pointer, though they are called as those that return a status.
const POINTERS: &[&str] = &[
    "IoGetConfigurationInformation",
    "IoCreateController",
    "IoAllocateController",
    "PsReferencePrimaryToken",
    "PsGetProcessSecurityPort",
    "PsGetCurrentThreadStackBase",
    "PsGetThreadTeb",
    "PsGetProcessJob",
    "ObGetObjectSecurity",
    "RtlSubAuthoritySid",
    "RtlLookupFunctionTable",
    "FltGetRequestorProcess",
    "HalGetAdapter",
];

/// Bytes that are filled at once, at most.
const MOST_FILLED: u64 = 0x1000;

/// Bytes of what stand-ins make. Structures of others are often larger than one thinks.
const OBJECT: u64 = 0x400;
/// Parts of the names of functions that return a pointer.
const GIVES: &[&str] = &["Allocate", "Create", "Open", "Register", "Alloc"];
/// Starts of the names of functions that return a status.
const STATUS: &[&str] = &[
    "Zw", "Nt", "Io", "Ob", "Ps", "Cm", "Se", "Rtl", "Flt", "FsRtl", "Fwpm", "Fwps", "BCrypt",
    "Wsk", "NdisM", "NdisF", "Po", "Clfs", "Tm", "Hvl", "Etw", "Wdf", "Ks", "Pc", "Usbd", "USBD_",
];

impl Kernel<'_> {
    /// What a function that is not modelled comes to.
    pub(crate) fn stand_in(&mut self, call: &Call) -> Answer {
        count(&mut self.run.stand_ins, &call.name, self.options.budget.entries);
        if let Some(&(_, index)) = OUT.iter().find(|(name, _)| *name == call.name.as_ref()) {
            return self.give_object(call, index);
        }
        let name = call.name.as_ref();
        if let Some(&(_, at, length)) = FILLED.iter().find(|(known, ..)| *known == name) {
            let length = u64::from(call.u32(length)).min(MOST_FILLED);
            self.put_optional(call.at(at), &vec![0; length as usize])?;
            return Ok(0);
        }
        let returns_status = STATUS.iter().any(|start| name.starts_with(start));
        if POINTERS.contains(&name)
            || !returns_status && GIVES.iter().any(|part| name.contains(part))
        {
            return Ok(self.make_object(Object::Other, OBJECT).unwrap_or(0));
        }
        // STATUS_SUCCESS, FALSE, no pointer, or nothing at all.
        Ok(0)
    }

    /// Makes something and writes its handle, or where it is, to where the driver wants it.
    fn give_object(&mut self, call: &Call, index: usize) -> Answer {
        let Some(object) = self.make_object(Object::Other, OBJECT) else {
            return Stop::status(crate::stop::status::INSUFFICIENT_RESOURCES);
        };
        let given =
            if call.name.starts_with("Zw") { self.handle(object).unwrap_or(0) } else { object };
        self.put_optional(call.at(index), &given.to_le_bytes())?;
        Ok(0)
    }
}
