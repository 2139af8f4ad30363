//! Which calls are of DDIs.

use super::super::kit::{is_kit, is_shared};
use super::super::syntax::{Declared, Manner};
use super::{Spot, World, key};
use crate::calls::CallId;
use crate::vocabulary;
use ringfence_ddi::{Ddi, Reach};

impl World<'_> {
    /// Whether a file belongs to a crate that is plainly a driver.
    fn is_of_driver(&self, parsed: usize) -> bool {
        self.drivers.contains(&self.files[parsed].of_crate)
    }

    /// The DDI that a call is of; none for what else may have such a name.
    pub(crate) fn ddi(&self, id: CallId) -> Option<&'static Ddi> {
        let call = self.call(id);
        let spot = Spot { parsed: id.parsed, module: call.module, at: call.whole.start };
        if call.manner == Manner::Framework {
            return vocabulary::function(call.path.name())
                .filter(|ddi| matches!(ddi.reach, Reach::WdfTable { .. }));
        }
        if call.manner == Manner::Method {
            return None;
        }
        let callee = self.callee(id);
        let path = self.resolved(spot, callee);
        let declared = self.declared(id.parsed, callee.name());
        let name = declared.map_or(path.name(), |one| &*one.links_to);
        let ddi = vocabulary::function(name)
            .filter(|ddi| !matches!(ddi.reach, Reach::Interface { .. }))?;
        if is_kit(&path.segments) {
            return Some(ddi);
        }
        let is_plain = path.segments.len() == 1;
        if is_plain && !self.is_defined_in(id.parsed, name) && self.has_kernel_kit(spot) {
            return Some(ddi);
        }
        if self.functions.contains_key(path.name())
            || self.functions.contains_key(&key(path.owner(), path.name()))
        {
            return None;
        }
        // Of these there are some for programs too.
        let is_of_kernel = !["Nt", "Zw", "Rtl"].iter().any(|start| name.starts_with(start));
        let is_it = match declared {
            Some(declared) if declared.is_of_programs => false,
            Some(_) => is_of_kernel || self.is_of_driver(id.parsed),
            None if is_shared(&path.segments) => is_of_kernel || self.is_of_driver(id.parsed),
            None => self.is_of_driver(id.parsed),
        };
        is_it.then_some(ddi)
    }

    fn is_defined_in(&self, parsed: usize, name: &str) -> bool {
        let declared = self.declared.get(name).into_iter().flatten();
        let mut files = declared
            .map(|(file, _)| *file)
            .chain(self.functions.get(name).into_iter().flatten().map(|function| function.parsed));
        files.any(|file| file == parsed)
    }

    /// The declaration that a name of a file is, the nearest one.
    fn declared(&self, parsed: usize, name: &str) -> Option<&Declared> {
        let of_crate = &self.files[parsed].of_crate;
        let nearness = |file: usize| (file == parsed, self.files[file].of_crate == *of_crate);
        let (file, index) =
            self.declared.get(name)?.iter().max_by_key(|(file, _)| nearness(*file))?;
        self.files[*file].syntax.declared.get(*index)
    }
}

#[cfg(test)]
mod tests {
    use crate::rust::tests::{driver, told};
    use crate::{SourceText, SourceTree};

    const CALL: &str = "fn f() { unsafe { ExAllocatePool2(0x80, 8, 1); } }";

    fn count(files: &[(&str, &str)]) -> usize {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        told(&tree).len()
    }

    #[test]
    fn a_call_is_of_the_kit_by_the_way_its_name_came() {
        for text in [
            "fn f() { unsafe { wdk_sys::ntddk::ExAllocatePool2(0x80, 8, 1); } }",
            "use wdk_sys::ntddk; fn f() { unsafe { ntddk::ExAllocatePool2(0x80, 8, 1); } }",
            "use wdk_sys as sys; fn f() { unsafe { sys::ntddk::ExAllocatePool2(0x80, 8, 1); } }",
            "extern crate wdk_sys as sys; fn f() { unsafe { sys::ntddk::ExAllocatePool2(0x80, 8, 1); } }",
            "use wdk_sys::ntddk::ExAllocatePool2 as take; fn f() { unsafe { take(0x80, 8, 1); } }",
            "fn f() { use windows_drivers::wdm::*; unsafe { ExAllocatePool2(0x80, 8, 1); } }",
            "use winapi::km::wdm::ExAllocatePool2; fn f() { unsafe { ExAllocatePool2(0x80, 8, 1); } }",
            "use windows_sys::Wdk::System::SystemServices::*; mod m { use super::*; fn f(d: *mut DRIVER_OBJECT) { unsafe { ExAllocatePool2(0x80, 8, 1); } } }",
            "extern \"system\" { fn ExAllocatePool2(f: u64, n: usize, t: u32) -> *mut u8; } fn f() { unsafe { ExAllocatePool2(0x80, 8, 1); } }",
            "extern \"C\" { #[link_name = \"ExAllocatePool2\"] fn take(f: u64, n: usize, t: u32); } fn f() { unsafe { take(0x80, 8, 1); } }",
        ] {
            assert_eq!(count(&[("src/lib.rs", text)]), 1, "{text}");
        }
    }

    #[test]
    fn bindings_of_the_crate_count_where_it_is_a_driver() {
        let user =
            ("d/src/a.rs", "use crate::sys::*; fn f() { unsafe { ExAllocatePool2(0x80, 8, 1); } }");
        let sys = ("d/src/sys.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/sys.rs\"));");
        let entry =
            ("d/src/lib.rs", "pub unsafe extern \"system\" fn driver_entry(d: PDRIVER_OBJECT) {}");
        assert_eq!(count(&[user, sys, entry]), 1);
        assert_eq!(count(&[user, sys]), 0);
        assert_eq!(count(&[user, sys, ("e/src/lib.rs", entry.1)]), 0);
    }

    #[test]
    fn programs_have_functions_of_such_names_too() {
        let own = "pub fn ExAllocatePool2(f: u64, n: usize, t: u32) {}";
        for text in [
            CALL,
            &format!("{own} {CALL}"),
            &format!("mod emulator {{ {own} }} use emulator::*; {CALL}"),
            &format!("use emulator::ExAllocatePool2; {CALL}"),
            "fn f(k: Kernel) { k.ExAllocatePool2(0x80, 8, 1); }",
            "#[link(name = \"ntdll\")] extern \"system\" { fn ZwAllocateVirtualMemory(); } fn f() { ZwAllocateVirtualMemory(h, b, 0, s, 0, 0x40); }",
            "extern \"system\" { fn NtMapViewOfSection(); } fn f() { NtMapViewOfSection(s, p, b, 0, 0, o, v, 1, 0, 0x40); }",
            "use windows_sys::Wdk::System::Memory::NtMapViewOfSection; fn f() { NtMapViewOfSection(s, p, b, 0, 0, o, v, 1, 0, 0x40); }",
            "use ntapi::ntmmapi::NtMapViewOfSection; fn f() { NtMapViewOfSection(s, p, b, 0, 0, o, v, 1, 0, 0x40); }",
        ] {
            assert_eq!(count(&[("src/main.rs", text)]), 0, "{text}");
        }
    }

    /// What macros declare is not called by that.
    #[test]
    fn bindings_are_no_calls() {
        for text in [
            "windows_link::link!(\"ntoskrnl.exe\" \"system\" fn ExAllocatePool2(flags : u64, n : usize, tag : u32) -> *mut u8);",
            "sys! { fn ExAllocatePool2(flags: u64, n: usize); }",
            "pub type Alloc = unsafe extern \"C\" fn(ExAllocatePool2: u64); pub fn ExAllocatePool2() {}",
        ] {
            let text = format!("use wdk_sys::ntddk::*; {text}");
            assert_eq!(count(&[("src/lib.rs", &text)]), 0, "{text}");
        }
    }

    /// A port of an inline function of the kit's headers hands on what it is given.
    #[test]
    fn a_module_of_the_driver_is_not_the_kit() {
        let tree = driver(&[
            (
                "src/lib.rs",
                "mod ntddk;\nfn f(m: PMDL) { crate::ntddk::MmGetSystemAddressForMdlSafe(m, 16); }",
            ),
            (
                "src/ntddk.rs",
                "pub fn MmGetSystemAddressForMdlSafe(m: PMDL, p: u32) -> PVOID { wdk_sys::ntddk::MmMapLockedPagesSpecifyCache(m, 0, 1, null_mut(), 0, p) }",
            ),
        ]);
        assert_eq!(
            told(&tree),
            ["src/lib.rs:2 f MmMapLockedPagesSpecifyCache 0x10 < MmGetSystemAddressForMdlSafe"]
        );
    }

    /// In a driver a function of its own may have the name, and hand on what it is given.
    #[test]
    fn a_function_of_the_driver_is_no_ddi() {
        let tree = driver(&[(
            "src/lib.rs",
            "use wdk_sys::*; fn ExAllocatePool2(f: u64) {} fn f() { ExAllocatePool2(0x80); }",
        )]);
        assert_eq!(told(&tree), [""; 0]);
        let tree = driver(&[(
            "src/lib.rs",
            "fn ExAllocatePool2(f: u64) { wdk_sys::ntddk::ExAllocatePool2(f, 8, 1); }\nfn f() { ExAllocatePool2(0x80); }",
        )]);
        assert_eq!(told(&tree), ["src/lib.rs:2 f ExAllocatePool2 0x80 < ExAllocatePool2"]);
    }
}
