//! Expressions without undefined behaviour: every one is a `u32` or a `u64`, and no signed number is
//! added, multiplied or shifted to the left.

use super::draw::Draw;

/// A constant that means something to those who read flags, or any.
pub fn constant(draw: &mut Draw) -> String {
    const FEW: &[&str] = &[
        "0u",
        "1u",
        "2u",
        "3u",
        "4u",
        "16u",
        "64u",
        "0x200u",
        "0x400u",
        "0x201u",
        "0x40000000u",
        "0x40000010u",
        "0x80000000u",
        "0xffffffffu",
        "255u",
        "128u",
    ];
    if draw.once_in(4) {
        format!("{:#x}u", draw.number() as u32)
    } else {
        draw.pick(FEW).to_owned()
    }
}

/// A `u64`.
pub fn wide(draw: &mut Draw, names: &[String], depth: usize) -> String {
    let narrow = |draw: &mut Draw| of(draw, names, depth.saturating_sub(1));
    match draw.below(6) {
        0 => format!("((u64){} << 32 | {})", narrow(draw), narrow(draw)),
        1 => format!("(c {} {})", draw.pick(&["+", "&", "^", "|"]), narrow(draw)),
        2 => format!("(u64)(int64_t)(i32){}", narrow(draw)),
        3 => format!("({} ? 0x100000000u : (u64){})", narrow(draw), narrow(draw)),
        _ => format!("(u64){}", narrow(draw)),
    }
}

/// A `u32` of a few possibilities, as arguments are most of the time.
pub fn few(draw: &mut Draw, names: &[String]) -> String {
    match draw.below(6) {
        0 => constant(draw),
        1 => format!("({} ? {} : {})", of(draw, names, 1), constant(draw), constant(draw)),
        2 => format!("few[{} & {}]", of(draw, names, 1), draw.pick(&["1", "3", "7"])),
        3 => format!("({} | {})", of(draw, names, 0), constant(draw)),
        4 => format!("((u32){} << {})", of(draw, names, 0), draw.below(32)),
        _ => of(draw, names, 0),
    }
}

/// Any `u32`, out of `names` and constants.
pub fn of(draw: &mut Draw, names: &[String], depth: usize) -> String {
    if depth == 0 || draw.once_in(5) {
        return leaf(draw, names);
    }
    let depth = depth - 1;
    let left = of(draw, names, depth);
    match draw.below(17) {
        0..=4 => {
            let what = draw.pick(&["+", "-", "*", "&", "|", "^", "&", "|"]);
            format!("({left} {what} {})", of(draw, names, depth))
        }
        5 => format!("({left} {} {})", draw.pick(&["<<", ">>"]), draw.below(32)),
        6 => format!("({left} {} ({} & 31))", draw.pick(&["<<", ">>"]), of(draw, names, depth)),
        7 => format!("(u32)((i32){left} >> {})", draw.below(32)),
        8 => {
            let sign = draw.pick(&["", "(i32)", "(i8)", "(u8)", "(u16)"]);
            let what = draw.pick(&["<", ">", "==", "!=", "<="]);
            format!("(u32)({sign}{left} {what} {sign}{})", of(draw, names, depth))
        }
        9 => {
            let (yes, no) = (of(draw, names, depth), of(draw, names, depth));
            format!("({left} ? {yes} : {no})")
        }
        10 => format!("(u32)({left} {} {})", draw.pick(&["&&", "||"]), of(draw, names, depth)),
        11 => format!("(u32)({}){left}", draw.pick(&["u8", "u16", "i8", "i16"])),
        12 => format!("({left} {} {}u)", draw.pick(&["/", "%"]), 1 + draw.below(9)),
        13 => {
            let count = 1 + draw.below(31);
            format!("({left} << {count} | {left} >> {})", 32 - count)
        }
        14 => {
            let what = draw.pick(&["__builtin_popcount", "__builtin_bswap32", "~", "-", "(u32)!"]);
            format!("(u32){what}({left})")
        }
        15 => format!("(u32)({} >> {})", wide(draw, names, depth), draw.below(64)),
        _ => format!("few[{left} & 7]"),
    }
}

fn leaf(draw: &mut Draw, names: &[String]) -> String {
    match draw.below(7) {
        0 => constant(draw),
        1 => draw.pick(&["a", "b", "e", "(u32)c", "(u32)g", "p[0]", "p[3]", "setting"]).to_owned(),
        2 => format!("(u32)bytes[{} & 3]", draw.pick(&["a", "b", "e"])),
        _ => format!("(u32){}", names[draw.below(names.len())]),
    }
}
