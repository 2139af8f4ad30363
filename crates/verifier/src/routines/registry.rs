//! The registry.

use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::objects::Object;
use crate::registry::{Value, kind};
use crate::stop::{Answer, Stop, status};
use crate::text::units_of;

pub(super) const ROUTINES: &[Entry] = &[
    entry("ZwOpenKey", 3, open),
    entry("ZwOpenKeyEx", 4, open),
    entry("ZwCreateKey", 7, create),
    entry("ZwDeleteKey", 1, delete),
    entry("ZwFlushKey", 1, ignore),
    entry("ZwSetValueKey", 6, set_value),
    entry("ZwQueryValueKey", 6, query_value),
    entry("ZwDeleteValueKey", 2, delete_value),
    entry("ZwEnumerateValueKey", 6, enumerate_value),
    entry("ZwEnumerateKey", 6, enumerate_key),
    entry("ZwQueryKey", 5, query_key),
    entry("RtlQueryRegistryValues", 5, query_table),
    entry("RtlQueryRegistryValuesEx", 5, query_table),
    entry("RtlWriteRegistryValue", 6, write_value),
    entry("RtlDeleteRegistryValue", 3, delete_by_path),
    entry("RtlCheckRegistryKey", 2, check),
    entry("RtlCreateRegistryKey", 2, create_by_path),
];

/// Bytes of a value, at most.
const LONGEST: u32 = 1 << 20;

fn open(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = kernel.object_name(call.at(2))?;
    if !kernel.registry.has(&path) {
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    }
    kernel.open_object(Object::Key(path), 0x20, call.at(0))
}

fn create(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = kernel.object_name(call.at(2))?;
    if kernel.registry.len() >= kernel.options.budget.entries {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    }
    let new = kernel.registry.make(&path);
    // REG_CREATED_NEW_KEY or REG_OPENED_EXISTING_KEY.
    let disposition: u32 = if new { 1 } else { 2 };
    kernel.put_optional(call.at(6), &disposition.to_le_bytes())?;
    kernel.open_object(Object::Key(path), 0x20, call.at(0))
}

/// The path of the key with the handle in the first argument.
fn path(kernel: &Kernel<'_>, call: &Call) -> Option<String> {
    kernel.objects.path_of(call.at(0)).map(str::to_owned)
}

fn delete(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(path) = path(kernel, call) else { return Stop::status(status::INVALID_HANDLE) };
    kernel.registry.remove(&path);
    Stop::status(status::SUCCESS)
}

fn set_value(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(path) = path(kernel, call) else { return Stop::status(status::INVALID_HANDLE) };
    let name = kernel.string(call.at(1))?;
    set(kernel, &path, &name, call.u32(3), (call.at(4), call.u32(5)))
}

fn set(
    kernel: &mut Kernel<'_>,
    path: &str,
    name: &str,
    kind: u32,
    (at, length): (u64, u32),
) -> Answer {
    if length > LONGEST || kernel.registry.len() >= kernel.options.budget.entries {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    }
    let bytes = kernel.bytes(at, length.into())?;
    let set = kernel.registry.set(path, name, kind, bytes);
    Stop::status(if set { status::SUCCESS } else { status::OBJECT_NAME_NOT_FOUND })
}

fn query_value(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(path) = path(kernel, call) else { return Stop::status(status::INVALID_HANDLE) };
    let name = kernel.string(call.at(1))?;
    let Some(value) = kernel.registry.value(&path, &name).cloned() else {
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    };
    give_value(kernel, &value, call)
}

/// Writes KEY_VALUE_ information as classes 0, 1 and 2 have it, as far as there is room.
fn give_value(kernel: &mut Kernel<'_>, value: &Value, call: &Call) -> Answer {
    let name: Vec<_> = units_of(&value.name).into_iter().flat_map(u16::to_le_bytes).collect();
    let word = |number: usize| (number as u32).to_le_bytes();
    let mut head = [word(0), value.kind.to_le_bytes()].concat();
    let fixed = match call.u32(2) {
        // KeyValueBasicInformation.
        0 => {
            head.extend(word(name.len()));
            let fixed = head.len();
            head.extend(&name);
            fixed
        }
        // KeyValueFullInformation.
        1 => {
            let data = (20 + name.len()).next_multiple_of(8);
            head.extend([word(data), word(value.bytes.len()), word(name.len())].concat());
            let fixed = head.len();
            head.extend(&name);
            head.resize(data, 0);
            head.extend(&value.bytes);
            fixed
        }
        // KeyValuePartialInformation.
        2 => {
            head.extend(word(value.bytes.len()));
            let fixed = head.len();
            head.extend(&value.bytes);
            fixed
        }
        _ => return Stop::status(status::INVALID_PARAMETER),
    };
    kernel.put_optional(call.at(5), &word(head.len()))?;
    let room = call.u32(4) as usize;
    if room < fixed {
        return Stop::status(status::BUFFER_TOO_SMALL);
    }
    kernel.put(call.at(3), &head[..head.len().min(room)])?;
    Stop::status(if room < head.len() { status::BUFFER_OVERFLOW } else { status::SUCCESS })
}

fn delete_value(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(path) = path(kernel, call) else { return Stop::status(status::INVALID_HANDLE) };
    let name = kernel.string(call.at(1))?;
    let gone = kernel.registry.remove_value(&path, &name);
    Stop::status(if gone { status::SUCCESS } else { status::OBJECT_NAME_NOT_FOUND })
}

fn enumerate_value(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(path) = path(kernel, call) else { return Stop::status(status::INVALID_HANDLE) };
    let Some(value) = kernel.registry.value_at(&path, call.u32(1) as usize).cloned() else {
        return Stop::status(status::NO_MORE_ENTRIES);
    };
    give_value(kernel, &value, call)
}

fn enumerate_key(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a registry key has no keys below it");
    Stop::status(status::NO_MORE_ENTRIES)
}

fn query_key(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.assume("a registry key's own properties are zero");
    let room = u64::from(call.u32(3)).min(0x100);
    kernel.put(call.at(2), &vec![0; room as usize])?;
    kernel.put_optional(call.at(4), &call.u32(3).to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

/// The path that RTL_REGISTRY_ values and a path below it stand for.
fn relative(kernel: &mut Kernel<'_>, from: u32, at: u64) -> Result<String, Stop> {
    /// RTL_REGISTRY_HANDLE and RTL_REGISTRY_OPTIONAL.
    const HANDLE: u32 = 0x4000_0000;
    if from & HANDLE != 0 {
        return Ok(kernel.objects.path_of(at).unwrap_or_default().to_owned());
    }
    let path = String::from_utf16_lossy(&kernel.wide(at, u64::MAX)?);
    let root = match from & 0xFF {
        1 => "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\",
        2 => "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\",
        3 => "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\",
        4 => "\\Registry\\Machine\\Hardware\\DeviceMap\\",
        5 => "\\Registry\\User\\.Default\\",
        _ => "",
    };
    Ok(format!("{root}{path}"))
}

/// A row of RTL_QUERY_REGISTRY_TABLE.
struct Row {
    routine: u64,
    flags: u32,
    name: u64,
    context: u64,
    default_kind: u32,
    default: u64,
    default_length: u32,
}

/// Bytes of a row, and rows that are read, at most.
const ROW: u64 = 0x38;
const MOST_ROWS: u64 = 256;
/// RTL_QUERY_REGISTRY_ flags.
const SUBKEY: u32 = 0x1;
const REQUIRED: u32 = 0x4;
const DIRECT: u32 = 0x20;

fn query_table(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = relative(kernel, call.u32(0), call.at(1))?;
    if !kernel.registry.has(&path) {
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    }
    let mut now = path.clone();
    for index in 0..MOST_ROWS {
        let at = call.at(2).wrapping_add(ROW * index);
        let row = Row {
            routine: kernel.u64(at)?,
            flags: kernel.u32(at.wrapping_add(8))?,
            name: kernel.u64(at.wrapping_add(0x10))?,
            context: kernel.u64(at.wrapping_add(0x18))?,
            default_kind: kernel.u32(at.wrapping_add(0x20))?,
            default: kernel.u64(at.wrapping_add(0x28))?,
            default_length: kernel.u32(at.wrapping_add(0x30))?,
        };
        if row.routine == 0 && row.flags & (SUBKEY | DIRECT) == 0 {
            break;
        }
        let name = if row.name == 0 { Vec::new() } else { kernel.wide(row.name, 0x7FFE)? };
        let name = String::from_utf16_lossy(&name);
        if row.flags & SUBKEY != 0 {
            now = format!("{path}\\{name}");
            if !kernel.registry.has(&now) && row.flags & REQUIRED != 0 {
                return Stop::status(status::OBJECT_NAME_NOT_FOUND);
            }
            continue;
        }
        let answer = query_row(kernel, &now, &name, &row, call.at(3))?;
        if (answer as i32) < 0 {
            return Ok(answer);
        }
    }
    Stop::status(status::SUCCESS)
}

fn query_row(kernel: &mut Kernel<'_>, path: &str, name: &str, row: &Row, context: u64) -> Answer {
    let found = kernel.registry.value(path, name).map(|value| (value.kind, value.bytes.clone()));
    let value = match found {
        Some(value) => Some(value),
        None if row.default_kind & 0xFF != 0 => Some(default_of(kernel, row)?),
        None => None,
    };
    let Some((kind, bytes)) = value else {
        let missing = row.flags & REQUIRED != 0;
        return Stop::status(if missing { status::OBJECT_NAME_NOT_FOUND } else { status::SUCCESS });
    };
    if row.flags & DIRECT != 0 {
        return give_directly(kernel, kind, &bytes, row.context);
    }
    let scratch = kernel.own(bytes.len() as u64 + 8).unwrap_or(0);
    kernel.put(scratch, &bytes)?;
    let arguments = [row.name, kind.into(), scratch, bytes.len() as u64, context, row.context];
    let answer = kernel.call_back(row.routine, &arguments);
    kernel.give_back(scratch);
    answer.map(|status| status & 0xFFFF_FFFF)
}

fn default_of(kernel: &mut Kernel<'_>, row: &Row) -> Result<(u32, Vec<u8>), Stop> {
    let kind = row.default_kind & 0xFF;
    let bytes = match (kind, row.default_length) {
        (kind::SZ | kind::EXPAND_SZ | kind::MULTI_SZ, 0) => {
            let mut units = kernel.wide(row.default, 0x7FFE)?;
            units.push(0);
            units.into_iter().flat_map(u16::to_le_bytes).collect()
        }
        (kind::DWORD, 0) => kernel.bytes(row.default, 4)?,
        (_, length) => kernel.bytes(row.default, length.min(LONGEST).into())?,
    };
    Ok((kind, bytes))
}

/// Text goes into a UNICODE_STRING, a number to where the driver wants it.
fn give_directly(kernel: &mut Kernel<'_>, kind: u32, bytes: &[u8], to: u64) -> Answer {
    if !matches!(kind, kind::SZ | kind::EXPAND_SZ | kind::MULTI_SZ) {
        kernel.put(to, &bytes[..bytes.len().min(8)])?;
        return Stop::status(status::SUCCESS);
    }
    let mut buffer = kernel.u64(to.wrapping_add(8))?;
    if buffer == 0 {
        let made = kernel.allocate(crate::pool::Kind::Paged, bytes.len() as u64 + 2, 0, 0);
        buffer = made.unwrap_or(0);
        kernel.put_u64(to.wrapping_add(8), buffer)?;
        kernel.put_u16(to.wrapping_add(2), bytes.len() as u16)?;
    } else if usize::from(kernel.u16(to.wrapping_add(2))?) < bytes.len() {
        return Stop::status(status::BUFFER_TOO_SMALL);
    }
    kernel.put(buffer, bytes)?;
    kernel.put_u16(to, (bytes.len() as u16).saturating_sub(2))?;
    Stop::status(status::SUCCESS)
}

fn write_value(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = relative(kernel, call.u32(0), call.at(1))?;
    let name = String::from_utf16_lossy(&kernel.wide(call.at(2), 0x7FFE)?);
    set(kernel, &path, &name, call.u32(3), (call.at(4), call.u32(5)))
}

fn delete_by_path(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = relative(kernel, call.u32(0), call.at(1))?;
    let name = String::from_utf16_lossy(&kernel.wide(call.at(2), 0x7FFE)?);
    let gone = kernel.registry.remove_value(&path, &name);
    Stop::status(if gone { status::SUCCESS } else { status::OBJECT_NAME_NOT_FOUND })
}

fn check(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = relative(kernel, call.u32(0), call.at(1))?;
    let there = kernel.registry.has(&path);
    Stop::status(if there { status::SUCCESS } else { status::OBJECT_NAME_NOT_FOUND })
}

fn create_by_path(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = relative(kernel, call.u32(0), call.at(1))?;
    if kernel.registry.len() >= kernel.options.budget.entries {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    }
    kernel.registry.make(&path);
    Stop::status(status::SUCCESS)
}
