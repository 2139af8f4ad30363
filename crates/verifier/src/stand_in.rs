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
    ("IoCsqInitializeEx", 0),
];

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
        let returns_status = STATUS.iter().any(|start| name.starts_with(start));
        if !returns_status && GIVES.iter().any(|part| name.contains(part)) {
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
