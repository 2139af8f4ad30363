//! Which function carries out an instruction.

use super::core::{Core, Outcome};
use super::{arithmetic, bits, control, multiply, shift, string, system, transfer, vector, x87};
use iced_x86::{Code, Instruction, Mnemonic, OpKind};

/// Carries out an instruction.
pub(crate) type Family = fn(&mut Core, &Instruction) -> Outcome;

/// Which function carries out an instruction, or `None` when none does.
pub(crate) fn family(i: &Instruction) -> Option<Family> {
    if i.mnemonic() == Mnemonic::Mov {
        return Some(moves(i));
    }
    if matches!(i.mnemonic(), Mnemonic::Push | Mnemonic::Pop) && segment(i) {
        return None;
    }
    integer(i)
        .or_else(|| flow(i))
        .or_else(|| leaving(i))
        .or_else(|| vector::family(i))
        .or_else(|| x87::family(i))
}

fn moves(i: &Instruction) -> Family {
    let general =
        |operand| i.op_kind(operand) != OpKind::Register || i.op_register(operand).is_gpr();
    if general(0) && general(1) { transfer::copy } else { system::special_register }
}

fn segment(i: &Instruction) -> bool {
    i.op0_kind() == OpKind::Register && i.op0_register().is_segment_register()
}

fn integer(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Add | M::Adc | M::Sub | M::Sbb | M::And | M::Or | M::Xor => arithmetic::two,
        M::Cmp | M::Test => arithmetic::compare,
        M::Inc | M::Dec | M::Neg | M::Not => arithmetic::one,
        M::Adcx | M::Adox => arithmetic::carry_apart,
        M::Xadd => arithmetic::exchange_add,
        M::Cmpxchg => arithmetic::compare_exchange,
        M::Cmpxchg8b | M::Cmpxchg16b => transfer::compare_exchange_pair,
        M::Lahf | M::Sahf | M::Clc | M::Stc | M::Cmc | M::Cld | M::Std => arithmetic::flags,
        M::Stac | M::Clac => arithmetic::flags,
        M::Mul => multiply::one,
        M::Imul if i.op_count() == 1 => multiply::one,
        M::Imul => multiply::signed_many,
        M::Div | M::Idiv => multiply::divide,
        M::Mulx => multiply::without_flags,
        M::Cbw | M::Cwde | M::Cdqe | M::Cwd | M::Cdq | M::Cqo => multiply::spread,
        M::Shl | M::Sal | M::Shr | M::Sar => shift::shift,
        M::Shld | M::Shrd => shift::double,
        M::Rol | M::Ror => shift::rotate,
        M::Rcl | M::Rcr => shift::rotate_carry,
        M::Rorx | M::Sarx | M::Shlx | M::Shrx => shift::without_flags,
        M::Movzx | M::Movnti => transfer::copy,
        M::Movsx | M::Movsxd => transfer::sign_extend,
        M::Lea => transfer::address,
        M::Xchg => transfer::exchange,
        M::Push => transfer::push,
        M::Pop => transfer::pop,
        M::Pushf | M::Pushfq => transfer::push_flags,
        M::Popf | M::Popfq => transfer::pop_flags,
        M::Leave => transfer::leave,
        M::Enter if i.code() == Code::Enterq_imm16_imm8 && i.immediate(1) & 31 == 0 => {
            transfer::enter
        }
        M::Xlatb => transfer::table,
        M::Bt | M::Btc | M::Btr | M::Bts => bits::test,
        M::Bsf | M::Bsr => bits::scan,
        M::Tzcnt | M::Lzcnt | M::Popcnt => bits::count,
        M::Bswap => bits::swap_bytes,
        M::Movbe => bits::move_swapped,
        M::Crc32 => bits::checksum,
        M::Andn | M::Blsi | M::Blsmsk | M::Blsr | M::Bextr | M::Bzhi => bits::pick,
        M::Pdep | M::Pext => bits::scatter,
        M::Movsb | M::Movsw | M::Movsq | M::Cmpsb | M::Cmpsw | M::Cmpsq => string::string,
        M::Stosb | M::Stosw | M::Stosd | M::Stosq | M::Lodsb | M::Lodsw => string::string,
        M::Lodsd | M::Lodsq | M::Scasb | M::Scasw | M::Scasd | M::Scasq => string::string,
        M::Movsd if i.code() == Code::Movsd_m32_m32 => string::string,
        M::Cmpsd if i.code() == Code::Cmpsd_m32_m32 => string::string,
        _ => return None,
    })
}

/// Branches, conditions, and what does nothing.
fn flow(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    let far = matches!(
        i.code(),
        Code::Jmp_m1616
            | Code::Jmp_m1632
            | Code::Jmp_m1664
            | Code::Call_m1616
            | Code::Call_m1632
            | Code::Call_m1664
            | Code::Retnw
            | Code::Retnw_imm16
    );
    Some(match i.mnemonic() {
        _ if far => return None,
        M::Jmp => control::jump,
        M::Call => control::call,
        M::Ret => control::ret,
        M::Loop | M::Loope | M::Loopne | M::Jrcxz | M::Jecxz => control::counted,
        _ if i.is_jcc_short_or_near() => control::conditional,
        _ if conditional_on(i, 1) => transfer::condition_byte,
        _ if conditional_on(i, 2) => transfer::conditional,
        M::Nop | M::Pause | M::Endbr64 | M::Endbr32 | M::Lfence | M::Mfence | M::Sfence => {
            system::nothing
        }
        M::Prefetcht0 | M::Prefetcht1 | M::Prefetcht2 | M::Prefetchnta | M::Prefetchw => {
            system::nothing
        }
        M::Prefetch | M::Prefetchwt1 | M::Prefetchit0 | M::Prefetchit1 | M::Fnop => system::nothing,
        // Without shadow stacks, reading their pointer does nothing.
        M::Rdsspd | M::Rdsspq => system::nothing,
        M::Reservednop | M::Cldemote | M::Serialize => system::nothing,
        M::Clflush | M::Clflushopt | M::Clwb => system::cache_line,
        _ => return None,
    })
}

/// Whether this is a conditional instruction with so many operands, the first of them an integer.
fn conditional_on(i: &Instruction, operands: u32) -> bool {
    i.condition_code() != iced_x86::ConditionCode::None
        && i.op_count() == operands
        && (i.op0_kind() == OpKind::Memory || i.op0_register().is_gpr())
}

/// What leaves to the host.
fn leaving(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Int3 | M::Int1 | M::Int | M::Hlt | M::Ud0 | M::Ud1 | M::Ud2 => system::interrupt,
        M::Rdmsr | M::Wrmsr | M::In | M::Out | M::Cli | M::Sti | M::Invlpg => system::privileged,
        M::Wbinvd | M::Wbnoinvd | M::Invd | M::Swapgs | M::Cpuid => system::privileged,
        M::Rdtsc | M::Rdtscp | M::Xgetbv | M::Xsetbv => system::privileged,
        M::Lgdt | M::Lidt | M::Lldt | M::Ltr => system::descriptor_table,
        M::Sgdt | M::Sidt | M::Sldt | M::Str => system::descriptor_table,
        M::Rdfsbase | M::Rdgsbase | M::Wrfsbase | M::Wrgsbase => system::segment_base,
        mnemonic if system::named(mnemonic).is_some() => system::by_name,
        _ => return None,
    })
}
