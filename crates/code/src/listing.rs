//! Machine code as text, for people to read.

use foldhash::HashMap;
use iced_x86::{
    Code, Decoder, DecoderOptions, Formatter, FormatterOptions, Instruction, MasmFormatter,
    Mnemonic, OpKind, SymbolResolver, SymbolResult,
};
use ringfence_image::{Image, Rva};
use std::ops::Range;

/// One disassembled instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it is.
    pub rva: Rva,
    /// The instruction in the syntax of Microsoft's assembler, operands in one column.
    pub text: String,
    /// How many bytes it takes.
    pub length: u32,
    /// The columns of the last operand, the source where there are several; none where the
    /// instruction as a whole makes the value, as `xor ecx, ecx` does, or has no operand.
    pub operand: Option<Range<usize>>,
}

/// The column in which operands begin: behind `call` and a gap of two.
const OPERANDS: u32 = 6;

/// Disassembles x64 code one instruction after the other, from `from` to the one at `to`, but no
/// more than `most` and nothing behind bytes that are no instruction. `name` tells what stands at an
/// address, if that has a name: a call of it, or through a pointer there, is told by name.
pub fn listing(
    image: &Image<'_>,
    from: Rva,
    to: Rva,
    most: usize,
    name: &dyn Fn(Rva) -> Option<String>,
) -> Vec<Line> {
    let Some(bytes) = image.bytes_from(from) else { return Vec::new() };
    let mut decoder = Decoder::with_ip(64, bytes, u64::from(from.0), DecoderOptions::NONE);
    let decoded: Vec<_> = decoder
        .iter()
        .take(most)
        .take_while(|found| found.code() != Code::INVALID && found.ip() <= u64::from(to.0))
        .collect();
    let names: HashMap<u64, String> = decoded
        .iter()
        .filter_map(target)
        .filter_map(|address| Some((address, name(Rva(u32::try_from(address).ok()?))?)))
        .collect();
    let mut writer = Writer { formatter: formatter(names.clone()), names };
    decoded.iter().map(|instruction| writer.line(instruction)).collect()
}

/// The address that an instruction names: where it branches to, or the memory it uses.
fn target(instruction: &Instruction) -> Option<u64> {
    match instruction.near_branch_target() {
        0 if instruction.is_ip_rel_memory_operand() => Some(instruction.ip_rel_memory_address()),
        0 => None,
        target => Some(target),
    }
}

fn formatter(names: HashMap<u64, String>) -> MasmFormatter {
    let mut formatter = MasmFormatter::with_options(Some(Box::new(Names(names))), None);
    let options: &mut FormatterOptions = formatter.options_mut();
    options.set_first_operand_char_index(OPERANDS);
    options.set_space_after_operand_separator(true);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    formatter
}

struct Names(HashMap<u64, String>);

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        _: &Instruction,
        _: u32,
        _: Option<u32>,
        address: u64,
        _: u32,
    ) -> Option<SymbolResult<'_>> {
        let name = self.0.get(&address)?;
        Some(SymbolResult::with_str(address, name))
    }
}

struct Writer {
    formatter: MasmFormatter,
    names: HashMap<u64, String>,
}

impl Writer {
    fn line(&mut self, instruction: &Instruction) -> Line {
        let mut text = String::new();
        let operand = match self.called(instruction) {
            // The pointer's name is the function's, and that is what the call reaches.
            Some(name) => {
                self.formatter.format_mnemonic(instruction, &mut text);
                let gap = (OPERANDS as usize).saturating_sub(text.len()).max(1);
                text.extend(std::iter::repeat_n(' ', gap));
                text.push_str(&name);
                Some(text.len() - name.len()..text.len())
            }
            None => {
                self.formatter.format(instruction, &mut text);
                self.operand(instruction, &text)
            }
        };
        let length = instruction.len() as u32;
        Line { rva: Rva(instruction.ip() as u32), text, length, operand }
    }

    /// What an indirect call or jump reaches, where its pointer has a name.
    fn called(&self, instruction: &Instruction) -> Option<String> {
        let indirect = instruction.is_call_near_indirect() || instruction.is_jmp_near_indirect();
        if !(indirect && instruction.is_ip_rel_memory_operand()) {
            return None;
        }
        self.names.get(&instruction.ip_rel_memory_address()).cloned()
    }

    fn operand(&mut self, instruction: &Instruction, text: &str) -> Option<Range<usize>> {
        let last = self.formatter.operand_count(instruction).checked_sub(1)?;
        if makes_zero(instruction) {
            return None;
        }
        let mut operand = String::new();
        self.formatter.format_operand(instruction, &mut operand, last).ok()?;
        text.ends_with(&operand).then(|| text.len() - operand.len()..text.len())
    }
}

/// Whether the operands do not matter, because a register is combined with itself.
fn makes_zero(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Xor | Mnemonic::Sub)
        && instruction.op0_kind() == OpKind::Register
        && instruction.op1_kind() == OpKind::Register
        && instruction.op0_register() == instruction.op1_register()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::driver;

    /// `code` at the start of `.text`, disassembled; instructions are as Intel's manual encodes them.
    fn lines(code: &[u8], most: usize, name: &dyn Fn(Rva) -> Option<String>) -> Vec<Line> {
        let built = driver().edit_section(".text", |text| text.bytes(code.to_vec())).build();
        let start = built.rva_of_section(".text");
        let image = Image::read(&built.bytes).unwrap();
        let mut lines = listing(&image, Rva(start), Rva(start + code.len() as u32 - 1), most, name);
        for line in &mut lines {
            line.rva.0 -= start;
        }
        lines
    }

    fn texts(code: &[u8]) -> Vec<String> {
        lines(code, 99, &|_| None).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn numbers_are_as_microsofts_assembler_writes_them() {
        // mov edx, 240h; mov r8d, 'disk'; mov dword ptr [rsp+28h], 10h
        let code = [
            0xBA, 0x40, 0x02, 0, 0, 0x41, 0xB8, 0x44, 0x69, 0x73, 0x6B, 0xC7, 0x44, 0x24, 0x28,
            0x10, 0, 0, 0,
        ];
        assert_eq!(
            texts(&code),
            ["mov   edx, 240h", "mov   r8d, 6B736944h", "mov   dword ptr [rsp+28h], 10h"]
        );
    }

    #[test]
    fn the_operand_is_the_last_one_unless_the_whole_makes_the_value() {
        // xor ecx, ecx; mov ecx, 200h; mov dword ptr [rsp+28h], 10h; push rbx; ret
        let code =
            [0x33, 0xC9, 0xB9, 0, 2, 0, 0, 0xC7, 0x44, 0x24, 0x28, 0x10, 0, 0, 0, 0x53, 0xC3];
        let operands: Vec<_> = lines(&code, 99, &|_| None)
            .into_iter()
            .map(|line| line.operand.map(|columns| line.text[columns].to_owned()))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(operands, [None, some("200h"), some("10h"), some("rbx"), None]);
    }

    #[test]
    fn places_with_a_name_are_told_by_it() {
        // call [rip]; call $+5; mov rax, [rip]; jmp [rip]: each names the address behind itself.
        let code = [
            0xFF, 0x15, 0, 0, 0, 0, 0xE8, 0, 0, 0, 0, 0x48, 0x8B, 0x05, 0, 0, 0, 0, 0xFF, 0x25, 0,
            0, 0, 0,
        ];
        let named = lines(&code, 99, &|_| Some("ExAllocatePool".to_owned()));
        let texts: Vec<_> = named.iter().map(|line| &line.text[..]).collect();
        assert_eq!(
            texts,
            [
                "call  ExAllocatePool",
                "call  ExAllocatePool",
                "mov   rax, [ExAllocatePool]",
                "jmp   ExAllocatePool"
            ]
        );
        assert_eq!(named[0].operand, Some(6..20));
    }

    #[test]
    fn it_ends_where_asked_and_where_there_is_no_instruction() {
        let rvas = |code: &[u8], most| -> Vec<u32> {
            lines(code, most, &|_| None).iter().map(|line| line.rva.0).collect()
        };
        // Five times nop, of which three are wanted.
        assert_eq!(rvas(&[0x90; 5], 3), [0, 1, 2]);
        // 06 (push es) does not exist in 64-bit code.
        assert_eq!(rvas(&[0x90, 0x06, 0x90], 9), [0]);
        let bytes = driver().bytes();
        let image = Image::read(&bytes).unwrap();
        assert_eq!(listing(&image, Rva(u32::MAX), Rva(u32::MAX), 9, &|_| None), []);
    }
}
