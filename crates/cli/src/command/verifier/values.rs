//! What stands behind the switches that choose checks.

use super::asked::Check;
use super::flags::{
    CLASSES, CODE_INTEGRITY, CODE_INTEGRITY_CLASS, FLAGS, name_of_class, number, of_class,
    undocumented,
};
use super::words::Mistake;

/// Joins flags, and notes down numbers that look as if they were meant otherwise.
pub(super) fn flags(
    check: &mut Check,
    values: impl Iterator<Item = String>,
) -> Result<(), Mistake> {
    for value in values {
        let Some(one) = number(&value) else {
            let meant = as_hexadecimal(&value).map(|_| format!("did you mean 0x{value}?"));
            let help = "it takes decimal numbers, or others behind 0x, 0o or 0b, of 32 bits";
            let message = format!("/flags takes numbers, not `{value}`");
            return Err(Mistake::new(message, meant.unwrap_or_else(|| help.to_owned())));
        };
        check.flags |= one;
        check.hints.extend(hint(&value, one));
    }
    Ok(())
}

/// What a number without a mark is in hexadecimal, where all of its bits are documented then.
fn as_hexadecimal(value: &str) -> Option<u32> {
    let is_binary = value.starts_with("0b") || value.starts_with("0B");
    let is_plain = !is_binary && value.chars().all(|digit| digit.is_ascii_hexdigit());
    let number = if is_plain { u32::from_str_radix(value, 16).ok()? } else { return None };
    undocumented(number).is_empty().then_some(number)
}

/// Flags are known in hexadecimal: who forgets the mark gets others, some of them mostly none at all.
fn hint(value: &str, number: u32) -> Option<String> {
    let meant = as_hexadecimal(value).filter(|&meant| meant != number)?;
    let is_likelier = !undocumented(number).is_empty() || meant & CODE_INTEGRITY != 0;
    (is_likelier && number & CODE_INTEGRITY == 0)
        .then(|| format!("{value} is decimal, which is 0x{number:08X}: did you mean 0x{value}?"))
}

pub(super) fn classes(
    check: &mut Check,
    values: impl Iterator<Item = String>,
) -> Result<(), Mistake> {
    for value in values {
        // Leading zeros are allowed, so decimal it is.
        let class = value.parse::<u32>().ok().filter(|_| !value.starts_with('+'));
        match class.map(|class| (class, of_class(class))) {
            Some((_, Some(flag))) => check.flags |= flag.mask(),
            Some((class, None)) if name_of_class(class).is_some() => {
                if !check.classes.contains(&class) {
                    check.classes.push(class);
                }
            }
            _ => {
                let flags = FLAGS.iter().map(|flag| flag.bit + 1);
                let known = flags.chain(CLASSES.iter().map(|(class, _)| *class));
                let known: Vec<String> = known.map(|class| class.to_string()).collect();
                let help = format!(
                    "there are {}; {CODE_INTEGRITY_CLASS} is the code integrity checks",
                    known.join(", ")
                );
                return Err(Mistake::new(format!("no rule class is called `{value}`"), help));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_lacks_its_mark_is_told() {
        let hinted = |value: &str| hint(value, number(value).unwrap());
        let told = hinted("2000000").unwrap();
        assert_eq!(told, "2000000 is decimal, which is 0x001E8480: did you mean 0x2000000?");
        // 209 has bit 6, which is none; 0x209 is three documented flags.
        assert!(hinted("209").unwrap().contains("0x209"));
        for meant in ["33554432", "4", "0x2000000", "0b10", "0", "25", "16"] {
            assert_eq!(hinted(meant), None, "{meant}");
        }
        let mut check = Check::default();
        let wrong = flags(&mut check, ["209BB".to_owned()].into_iter()).unwrap_err();
        assert_eq!(wrong.help, "did you mean 0x209BB?");
    }
}
