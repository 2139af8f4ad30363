//! What `/?` prints: every switch with what becomes of it.

use super::flags::{CLASSES, FLAGS};
use super::switches::SWITCHES;
use ringfence::report::Prose;

const SYNTAX: &str = "\
SYNTAX:

    ringfence verifier {/? | /help}
    ringfence verifier {/standard | /flags VALUE... | /ruleclasses ID...}
                       /driver FILE...
    ringfence verifier {/standard | /flags VALUE... | /ruleclasses ID...}
                       /all [FOLDER...]
    ringfence verifier /query [/all]
    ringfence verifier /querysettings
    ringfence verifier /reset
";

/// The exit codes, in the order they are looked at.
const EXIT_CODES: [(u8, &str); 5] = [
    (2, "usage error, or the report could not be written"),
    (
        1,
        "a run showed a violation, a driver crashed where allocations fail and does not where none does, or an image \
         does not load at all",
    ),
    (2, "something could not be read, or not whole, or was named and is no driver"),
    (3, "nothing was run: no driver was found, or none of what is asked for is emulated"),
    (0, "none of these"),
];

pub(super) fn tell(prose: &mut Prose) {
    for line in SYNTAX.lines() {
        prose.verbatim(line);
    }
    prose.blank();
    prose.hanging(
        "",
        "Drivers run in an emulated kernel: nothing is set on this machine, and nothing of a driver runs on it. To \
         check the code integrity of a driver:",
    );
    prose.blank();
    prose.verbatim("    ringfence verifier /flags 0x02000000 /driver example.sys");
    prose.blank();
    prose.verbatim("PARAMETERS:");
    prose.blank();
    for switch in &SWITCHES {
        let takes = if switch.takes.is_empty() { "" } else { " " };
        prose.verbatim(format!("    /{}{takes}{}", switch.name, switch.takes));
        prose.hanging("        ", switch.about);
        prose.blank();
    }
    prose.verbatim("FLAGS, with those that are emulated marked:");
    prose.blank();
    for flag in &FLAGS {
        let mark = if flag.is_emulated() { '*' } else { ' ' };
        let class = flag.bit + 1;
        prose.verbatim(format!("  {mark} 0x{:08X} (class {class:>2}) {}", flag.mask(), flag.name));
    }
    for (class, name) in CLASSES {
        prose.verbatim(format!("    no flag    (class {class}) {name}"));
    }
    prose.blank();
    prose.verbatim("EXIT CODES, looked at in this order:");
    prose.blank();
    for (code, about) in EXIT_CODES {
        prose.hanging(&format!("  {code}  "), about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::report::Options;

    #[test]
    fn every_switch_is_told_within_the_width() {
        for width in [80, 120] {
            let mut prose = Prose::new(&Options { width, ..Options::default() });
            tell(&mut prose);
            let help = prose.into_text();
            for switch in &SWITCHES {
                assert!(help.contains(&format!("    /{}", switch.name)), "{}", switch.name);
            }
            assert!(help.contains("* 0x02000000 (class 26) Code integrity checks\n"));
            assert!(help.contains("(class 34) WDF verification\n"));
            let widest = help.lines().map(|line| line.chars().count()).max().unwrap();
            assert!((width - 9..=width).contains(&widest), "{widest}: {help}");
        }
    }
}
