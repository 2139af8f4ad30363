//! Drivers whose DriverEntry is put together by hand, a few instructions each.

use ringfence_fixture::{Driver, driver};
use ringfence_image::Image;
use ringfence_verifier::{End, Environment, Options, Run};

/// Instructions of DriverEntry, which lies in INIT, with the slots of its imports.
pub struct Code {
    bytes: Vec<u8>,
    /// Where they begin in the image.
    pub start: u32,
    slots: Vec<(&'static str, u32)>,
}

impl Code {
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Where the next instruction will be in the image.
    pub fn here(&self) -> u32 {
        self.start + self.bytes.len() as u32
    }

    /// `mov register, imm64`, with the number of a low register.
    pub fn set(&mut self, register: u8, value: u64) {
        self.put(&[0x48, 0xB8 + register]);
        self.put(&value.to_le_bytes());
    }

    /// `mov r8, imm64` or `mov r9, imm64`.
    pub fn set_high(&mut self, register: u8, value: u64) {
        self.put(&[0x49, 0xB8 + register - 8]);
        self.put(&value.to_le_bytes());
    }

    /// Where the address of an import is in the image.
    pub fn slot(&self, name: &str) -> u32 {
        self.slots.iter().find(|(known, _)| *known == name).expect("an import").1
    }

    /// `call [rip + slot]`
    pub fn call(&mut self, name: &str) {
        let slot = self.slot(name);
        let next = self.here() + 6;
        self.put(&[0xFF, 0x15]);
        self.put(&slot.wrapping_sub(next).to_le_bytes());
    }

    /// `lea register, [rip + place]` with a place of the image.
    pub fn address(&mut self, register: u8, rva: u32) {
        let next = self.here() + 7;
        self.put(&[0x48, 0x8D, 0x05 | register << 3]);
        self.put(&rva.wrapping_sub(next).to_le_bytes());
    }

    /// `xor eax, eax; add rsp, 28h; ret`
    pub fn succeed(&mut self) {
        self.put(&[0x31, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]);
    }
}

pub const RCX: u8 = 1;
pub const RDX: u8 = 2;

/// A driver with these imports, whose DriverEntry is what `write` writes.
pub fn driver_of(imports: &[&'static str], write: impl Fn(&mut Code)) -> Vec<u8> {
    driver_like(driver(), imports, write)
}

/// The same, with all else as in `like`.
pub fn driver_like(like: Driver, imports: &[&'static str], write: impl Fn(&mut Code)) -> Vec<u8> {
    let plain = like.no_imports().import("ntoskrnl.exe", imports);
    let with = |bytes: Vec<u8>| plain.clone().edit_section("INIT", |init| init.bytes(bytes));
    // The layout is the same whatever the code, as long as it stays within a page.
    let built = with(vec![0; 512]).build();
    let slots = imports.iter().map(|name| (*name, built.thunk_rva("ntoskrnl.exe", name))).collect();
    let start = built.rva_of_section("INIT");
    // sub rsp, 28h: room for callees, and the stack is aligned.
    let mut code = Code { bytes: vec![0x48, 0x83, 0xEC, 0x28], start, slots };
    write(&mut code);
    code.bytes.resize(512, 0xCC);
    with(code.bytes).bytes()
}

pub fn run(bytes: &[u8], environment: Environment) -> Run {
    let image = Image::read(bytes).expect("an image");
    let mut options = Options::new(environment, "hazard.sys");
    options.budget.instructions = 2_000_000;
    ringfence_verifier::run(&image, &options)
}

pub const BOTH: [Environment; 2] = [Environment::Verifier, Environment::Hvci];

/// Returns RAX as the status.
pub fn give_back(code: &mut Code) {
    code.put(&[0x48, 0x83, 0xC4, 0x28, 0xC3]);
}

/// The status that a driver with these instructions returns, the same in both environments.
pub fn status(imports: &[&'static str], write: impl Fn(&mut Code)) -> u32 {
    let bytes = driver_of(imports, |code| {
        write(code);
        give_back(code);
    });
    let [first, second] = BOTH.map(|environment| {
        let run = run(&bytes, environment);
        assert_eq!(run.end, End::Returned, "{:?}", run.violations);
        run.status.expect("a status")
    });
    assert_eq!(first, second);
    first
}
