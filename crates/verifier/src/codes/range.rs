//! A switch over codes that are close: what is compared is the difference to the lowest one.

/// Codes of a range that are tried, at most.
const MOST_OF_RANGE: u32 = 32;

/// What is done with a constant in a register, and something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taker {
    /// Their sum is made.
    Adds,
    /// Those bits that both have are left.
    Masks,
}

/// What the instructions `bytes`, behind one that sets a register to a constant, do with it.
pub(super) fn taken_by(register: u8, bytes: &[u8]) -> Option<Taker> {
    /// Bytes in which it is looked for: a constant is loaded where it is needed.
    const CLOSE: usize = 12;
    bytes.windows(2).take(CLOSE).find_map(|pair| {
        // The register is the one that is changed: ModR/M says in which of two places it stands.
        let (destination, source) = (pair[1] >> 3 & 7, pair[1] & 7);
        let is_register = pair[1] >> 6 == 3;
        match pair[0] {
            0x03 if destination == register => Some(Taker::Adds),
            0x01 if is_register && source == register => Some(Taker::Adds),
            0x23 if destination == register => Some(Taker::Masks),
            0x21 if is_register && source == register => Some(Taker::Masks),
            _ => None,
        }
    })
}

/// The codes of a switch that begins at `lowest`, by the instructions behind that: a comparison with how many there are,
/// which bits of a mask are tested, whether the difference is divided by four. With it, whether there may be more.
pub(super) fn codes(lowest: u32, register: Option<u8>, bytes: &[u8]) -> (Vec<u32>, bool) {
    let mut step = 1;
    let mut most = None;
    let mut mask = None;
    let mut number = None;
    for at in 0..bytes.len() {
        match bytes[at..] {
            // ror reg, 2 and rol reg, 30: what is no multiple of four becomes large.
            [0xC1, 0xC8..=0xCF, 2, ..] | [0xC1, 0xC0..=0xC7, 30, ..] => step = 4,
            // cmp reg, imm8
            [0x83, 0xF8..=0xFF, end @ 0..=0x7F, ..] => {
                most.get_or_insert(u32::from(end));
            }
            // cmp eax, imm32 and cmp reg, imm32, where it is not a comparison with another code
            [0x3D, a, b, 0, 0, ..] | [0x81, 0xF8..=0xFF, a, b, 0, 0, ..] => {
                most.get_or_insert(u32::from(u16::from_le_bytes([a, b])));
            }
            // mov reg, imm64 and mov reg, imm32
            [0x48 | 0x49, 0xB8..=0xBF, a, b, c, d, e, f, g, h, ..] => {
                number = Some(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            }
            [0xB8..=0xBF, a, b, c, d, ..] if at == 0 || !matches!(bytes[at - 1], 0x48 | 0x49) => {
                number = Some(u64::from(u32::from_le_bytes([a, b, c, d])));
            }
            // bt reg, reg
            [0x0F, 0xA3, ..] => {
                mask = number;
                break;
            }
            _ => {}
        }
    }
    // The lowest one may belong to another comparison.
    let mut all = steps(lowest, register, bytes);
    let Some(most) = most else { return (all, false) };
    let tested = |offset: u32| mask.is_none_or(|mask| offset < 64 && mask >> offset & 1 != 0);
    // Where nothing says which codes of a long range count, the method to pass buffers is mostly the same.
    let is_likely = |offset: u32| {
        step == 4 || mask.is_some() || most < MOST_OF_RANGE || offset.is_multiple_of(4)
    };
    let mut offsets = (0..=most).filter(|&offset| is_likely(offset) && tested(offset));
    let likely = offsets.by_ref().take(MOST_OF_RANGE as usize);
    all.extend(likely.map(|offset| lowest.wrapping_add(offset * step)));
    let cut = offsets.next().is_some() || !is_likely(1) && mask.is_none();
    (all, cut)
}

/// The codes of a switch whose difference is counted down: a subtraction for each, and often a comparison
/// for the last one, with a jump where nothing is left.
fn steps(lowest: u32, register: Option<u8>, bytes: &[u8]) -> Vec<u32> {
    let mut all = vec![lowest];
    let mut code = lowest;
    for at in 0..bytes.len() {
        let is_wide = at > 0 && matches!(bytes[at - 1], 0x48..=0x4F);
        let step = match bytes[at..] {
            // sub reg, imm8 and add reg, imm8
            [0x83, mode @ 0xE8..=0xEF, step @ 1..=0x7F, ..] if register == Some(mode & 7) => step,
            [0x83, mode @ 0xC0..=0xC7, step @ 0x80..=0xFF, ..] if register == Some(mode & 7) => {
                step.wrapping_neg()
            }
            // cmp reg, imm8
            [0x83, mode @ 0xF8..=0xFF, step @ 1..=0x7F, ..] if register == Some(mode & 7) => {
                if all.len() > 1 && !is_wide {
                    all.push(code.wrapping_add(u32::from(step)));
                }
                break;
            }
            _ => continue,
        };
        if !is_wide {
            code = code.wrapping_add(u32::from(step));
            all.push(code);
        }
    }
    all
}
