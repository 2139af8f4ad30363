use super::drawing;
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{Authority, Finding, Level, Question, RuleCard};
use ringfence_image::{FileOffset, HeaderField, Image, Machine};

rule_card! {
    /// ## What it does
    ///
    /// Finds images for processors whose kernel memory integrity does not exist on: x86, Itanium,
    /// 32-bit ARM and anything that is neither x64 nor ARM64.
    ///
    /// ## Why it matters
    ///
    /// Memory integrity needs 64-bit Windows, and 64-bit Windows loads kernel images of its own
    /// processor only. The same goes for an image that names x64 or ARM64 but has the 32-bit form
    /// (PE32).
    ///
    /// ## Example
    ///
    /// ```text
    /// msbuild /p:Platform=Win32 ...      a driver that 64-bit Windows cannot load
    /// msbuild /p:Platform=x64 ...
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Whether the package holds a 64-bit driver beside this one.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/porting-your-driver-to-64-bit-windows
    WrongMachine {
        id: "wrong-machine",
        summary: "image is not for 64-bit Windows",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image],
        also_known_as: &[],
    }
}

impl Rule for WrongMachine {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        let finding = match image.machine() {
            Machine::X64 | Machine::Arm64 if image.headers().pe32_plus => return,
            Machine::X64 | Machine::Arm64 => Self::form(image),
            machine => Self::machine(image, machine),
        };
        findings.report(finding.denying(&[Question::Load], &[Authority::Loader]));
    }
}

impl WrongMachine {
    fn machine(image: &Image<'_>, machine: Machine) -> Finding {
        let name = match machine {
            Machine::X86 => "32-bit x86".to_owned(),
            Machine::Ia64 => "Itanium (IA-64)".to_owned(),
            Machine::Arm => "32-bit ARM".to_owned(),
            other => format!("machine {other}"),
        };
        // The Machine field follows the four bytes of the signature.
        let field = FileOffset(image.headers().signature.0 + 4);
        Finding::new(
            &Self::CARD,
            Level::Error,
            format!("the driver is for {name}; 64-bit Windows cannot load it"),
        )
        .because(drawing::header_field(
            "file header",
            field,
            "Machine",
            machine.to_string(),
            "neither x64 nor arm64",
        ))
        .help("build it for x64 or ARM64; memory integrity exists on 64-bit Windows only")
    }

    fn form(image: &Image<'_>) -> Finding {
        let message =
            format!("the driver is for {} but has the 32-bit form of header", image.machine());
        let field = image.headers().field(HeaderField::Magic);
        Finding::new(&Self::CARD, Level::Error, message).because(drawing::header_field(
            "optional header",
            field,
            "Magic",
            "0x10b",
            "PE32, where PE32+ (0x20b) is needed",
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, told};
    use ringfence_fixture::driver;

    /// Spec case 118, and the other processors.
    #[test]
    fn only_x64_and_arm64_load() {
        for (driver, name) in [
            (driver().x86(), "32-bit x86"),
            (driver().ia64(), "Itanium (IA-64)"),
            (driver().arm32(), "32-bit ARM"),
            (driver().machine(0x1234), "machine 0x1234"),
        ] {
            let bytes = driver.bytes();
            assert_eq!(
                told(&bytes),
                [format!(
                    "error[wrong-machine] load: the driver is for {name}; 64-bit Windows cannot load it"
                )]
            );
            assert_eq!(answers(&bytes), "no unknown unknown");
        }
    }

    #[test]
    fn the_32_bit_form_does_not_load_either() {
        assert_eq!(
            told(&driver().pe32().bytes()),
            ["error[wrong-machine] load: the driver is for x64 but has the 32-bit form of header"]
        );
    }
}
