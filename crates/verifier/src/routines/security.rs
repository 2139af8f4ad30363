//! Security descriptors, access checks, tokens: everybody may do everything.

use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::pool::Kind;
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("SeCaptureSubjectContext", 1, ignore),
    entry("SeLockSubjectContext", 1, ignore),
    entry("SeUnlockSubjectContext", 1, ignore),
    entry("SeReleaseSubjectContext", 1, ignore),
    entry("SeAccessCheck", 10, access_check),
    entry("SeSinglePrivilegeCheck", 3, yes),
    entry("SePrivilegeCheck", 3, yes),
    entry("SeTokenIsAdmin", 1, yes),
    entry("SeTokenIsRestricted", 1, ignore),
    entry("SeAssignSecurity", 7, assign),
    entry("SeAssignSecurityEx", 9, assign),
    entry("SeSetSecurityDescriptorInfo", 6, ignore),
    entry("SeSetSecurityDescriptorInfoEx", 7, ignore),
    entry("SeDeassignSecurity", 1, release),
    entry("ZwSetSecurityObject", 3, ignore),
    entry("IoGetFileObjectGenericMapping", 0, mapping),
    entry("RtlCreateSecurityDescriptor", 2, create_descriptor),
    entry("RtlSetDaclSecurityDescriptor", 4, set_list),
    entry("RtlSetOwnerSecurityDescriptor", 3, ignore),
    entry("RtlSetGroupSecurityDescriptor", 3, ignore),
    entry("RtlGetDaclSecurityDescriptor", 4, get_list),
    entry("RtlGetSaclSecurityDescriptor", 4, get_list),
    entry("RtlGetOwnerSecurityDescriptor", 3, get_owner),
    entry("RtlGetGroupSecurityDescriptor", 3, get_owner),
    entry("RtlValidSecurityDescriptor", 1, yes),
    entry("RtlLengthSecurityDescriptor", 1, descriptor_length),
    entry("RtlAbsoluteToSelfRelativeSD", 3, to_self_relative),
    entry("RtlCreateAcl", 3, create_list),
    entry("RtlAddAccessAllowedAce", 4, add_access),
    entry("RtlLengthSid", 1, sid_length),
    entry("RtlLengthRequiredSid", 1, required_sid_length),
    entry("RtlInitializeSid", 3, initialize_sid),
    entry("RtlSubAuthoritySid", 2, sub_authority),
    entry("RtlSubAuthorityCountSid", 1, sub_authority_count),
    entry("RtlValidSid", 1, yes),
    entry("RtlEqualSid", 2, equal_sids),
];

/// Bytes of a SECURITY_DESCRIPTOR that holds pointers, and of one that holds everything itself.
const ABSOLUTE: usize = 0x28;
const RELATIVE: u32 = 0x14;

fn yes(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(1)
}

fn access_check(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let desired = call.u32(3) | call.u32(4);
    kernel.put_optional(call.at(8), &desired.to_le_bytes())?;
    kernel.put_optional(call.at(9), &status::SUCCESS.to_le_bytes())?;
    Ok(1)
}

/// A new descriptor that says nothing.
fn assign(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(made) = kernel.allocate(Kind::Paged, RELATIVE.into(), 0, call.caller) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put(made, &[1, 0, 4, 0x80])?;
    kernel.put_u64(call.at(2), made)?;
    Stop::status(status::SUCCESS)
}

fn release(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let made = kernel.u64(call.at(0))?;
    kernel.give_back(made);
    Stop::status(status::SUCCESS)
}

/// GENERIC_MAPPING of files.
fn mapping(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    let Some(at) = kernel.own(0x10) else { return Ok(0) };
    for (index, value) in [0x12_0089, 0x12_0116, 0x12_00A0, 0x1F_01FF].into_iter().enumerate() {
        kernel.put_u32(at.wrapping_add(4 * index as u64), value)?;
    }
    Ok(at)
}

fn create_descriptor(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put(call.at(0), &[0; ABSOLUTE])?;
    kernel.put_u8(call.at(0), 1)?;
    Stop::status(status::SUCCESS)
}

fn set_list(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// SE_DACL_PRESENT.
    const PRESENT: u16 = 0x4;
    let control = kernel.u16(call.at(0).wrapping_add(2))?;
    kernel.put_u16(
        call.at(0).wrapping_add(2),
        if call.u8(1) != 0 { control | PRESENT } else { control & !PRESENT },
    )?;
    kernel.put_u64(call.at(0).wrapping_add(0x20), call.at(2))?;
    Stop::status(status::SUCCESS)
}

/// None there, so no pointer either.
fn get_list(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u8(call.at(1), 0)?;
    kernel.put_u64(call.at(2), 0)?;
    kernel.put_u8(call.at(3), 0)?;
    Stop::status(status::SUCCESS)
}

fn get_owner(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(1), 0)?;
    kernel.put_u8(call.at(2), 0)?;
    Stop::status(status::SUCCESS)
}

fn descriptor_length(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(RELATIVE.into())
}

fn to_self_relative(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let room = kernel.u32(call.at(2))?;
    kernel.put_u32(call.at(2), RELATIVE)?;
    if room < RELATIVE {
        return Stop::status(status::BUFFER_TOO_SMALL);
    }
    kernel.put(call.at(1), &[0; RELATIVE as usize])?;
    kernel.put(call.at(1), &[1, 0, 4, 0x80])?;
    Stop::status(status::SUCCESS)
}

fn create_list(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put(call.at(0), &[call.u8(2), 0])?;
    kernel.put_u16(call.at(0).wrapping_add(2), call.u16(1))?;
    kernel.put_u32(call.at(0).wrapping_add(4), 0)?;
    Stop::status(status::SUCCESS)
}

fn add_access(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let count = kernel.u16(call.at(0).wrapping_add(4))?;
    kernel.put_u16(call.at(0).wrapping_add(4), count.wrapping_add(1))?;
    Stop::status(status::SUCCESS)
}

fn sid_length(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(8 + 4 * u64::from(kernel.u8(call.at(0).wrapping_add(1))?))
}

fn required_sid_length(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(8 + 4 * u64::from(call.u8(0)))
}

fn initialize_sid(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let authority = kernel.bytes(call.at(1), 6)?;
    kernel.put(call.at(0), &[1, call.u8(2)])?;
    kernel.put(call.at(0).wrapping_add(2), &authority)?;
    Stop::status(status::SUCCESS)
}

fn sub_authority(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.at(0).wrapping_add(8 + 4 * u64::from(call.u32(1))))
}

fn sub_authority_count(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.at(0).wrapping_add(1))
}

fn equal_sids(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (left, right) =
        (kernel.u8(call.at(0).wrapping_add(1))?, kernel.u8(call.at(1).wrapping_add(1))?);
    let length = 8 + 4 * u64::from(left);
    let same =
        left == right && kernel.bytes(call.at(0), length)? == kernel.bytes(call.at(1), length)?;
    Ok(u64::from(same))
}
