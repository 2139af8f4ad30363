use super::drawing::placed;
use super::is_write_to;
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::{Sight, Sighting, Writer};
use ringfence_finding::{Finding, Gap, Level, Question, RuleCard, SourceFinding};
use ringfence_image::Rva;
use ringfence_source::{CodeUse, CodeUseKind};
use ringfence_verifier::{Touched, Violation};

rule_card! {
    /// ## What it does
    ///
    /// Finds instructions that store into a section of the driver which is executable and not writable:
    /// to an address relative to the instruction, or to one that a register holds; and calls that hand such an
    /// address to a function which writes there, of the driver's own or of the kernel (`RtlCopyMemory`). Functions and data
    /// count alike, as both stand on the same pages. The code of imported functions of the kernel counts as well. In source it finds stores, copies and interlocked operations to a
    /// function that the tree defines, where its name says so or a variable that begins with its address and keeps it;
    /// and to functions of the kernel, by name or as MmGetSystemRoutineAddress finds them: hooks.
    ///
    /// ## Why it matters
    ///
    /// Such pages are read-only. With memory integrity the hypervisor sees to it, and no way around it is
    /// left: neither CR0.WP nor a changed page table makes them writable. The store ends the system with
    /// bug check 0xBE, or 0x50 or 0x18D where it is the hypervisor that objects.
    ///
    /// ## Example
    ///
    /// ```c
    /// *(unsigned char *)Function = 0xC3;           /* changes a function */
    /// #pragma data_seg(".text")                    /* puts variables among the code */
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Stores through pointers that come from memory or that functions return, those of MmGetSystemRoutineAddress
    /// among them, and what functions do that are given one on the stack, or by a pointer. In source: whatever other pointer variables hold.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xbe--attempted-write-to-readonly-memory
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    WritesToCode {
        id: "writes-to-code",
        summary: "code is written to that is executable and not writable",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source, Run],
        also_known_as: &["0xBE"],
    }
}

impl Rule for WritesToCode {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        is_write_to(violation, Touched::Code).then(|| Self::CARD.summary.to_owned())
    }

    fn check_sighting(&self, sighting: &Sighting, driver: &Driver<'_>, findings: &mut Findings) {
        if let Sight::ImportTouched { slot, read_at, writes: true } = sighting.what {
            return Self::of_import(sighting, (slot, read_at), driver, findings);
        }
        let Sight::CodeWritten { target, set_at, by } = sighting.what else { return };
        let section = driver.image().section_at(target).map(|section| section.name());
        let section = section.unwrap_or_default();
        let stores = match by {
            Writer::Here => "a store",
            Writer::Function { .. } | Writer::Import => "a function that is called here writes",
        };
        let mut what = format!(
            "{stores} to {:x} in `{section}`, which is executable and not writable",
            target.0
        );
        if !sighting.always {
            what += ", depending on the path";
            let reason = "on some paths a store may go to code of the driver";
            findings.leave_open(Gap::new(&[Question::Run], reason));
        }
        let finding = match sighting.always {
            true => Finding::new(&Self::CARD, Level::Error, what).denying(&[Question::Run], &[]),
            false => Finding::new(&Self::CARD, Level::Warning, what),
        };
        let before: Vec<_> =
            set_at.map(|at| (at, format!("the address {:x}", target.0))).into_iter().collect();
        let finding = placed(finding, sighting, (&before, here(by)), driver, findings);
        let finding = match by {
            Writer::Function { store: Some(store) } => {
                finding.note(format!("the instruction that writes is at {:x}", store.0))
            }
            _ => finding,
        };
        let finding = finding.note(FAULTS).help(INSTEAD);
        findings.report(finding);
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        for one in &source.analysis.code_uses {
            match &one.kind {
                CodeUseKind::Written(by) => {
                    findings.report(Self::of_use(one, by.as_deref(), source).help(INSTEAD));
                }
                CodeUseKind::KernelWritten(by) => {
                    let finding = Self::of_use(one, by.as_deref(), source);
                    findings.report(finding.help(INSTEAD_OF_HOOKS));
                }
                CodeUseKind::Described(_) | CodeUseKind::Run(_) | CodeUseKind::MayRun(_) => {}
            }
        }
    }
}

const FAULTS: &str =
    "the store faults with bug check 0xBE (or 0x50, or 0x18D with memory integrity)";
const INSTEAD: &str =
    "keep what changes in a writable section, and reach changing code by a pointer";

const INSTEAD_OF_HOOKS: &str = "hooks of the kernel do not work with memory integrity; use the callbacks that Windows has for drivers";

impl WritesToCode {
    /// Of a write to the code that an import's slot leads to; the slot, and the instruction that reads it.
    fn of_import(
        sighting: &Sighting,
        (slot, read_at): (Rva, Rva),
        driver: &Driver<'_>,
        findings: &mut Findings,
    ) {
        let name = driver.names().at(slot).unwrap_or_else(|| "an imported function".to_owned());
        let what = format!("the code of {name} is written to");
        let finding = match sighting.always {
            true => Finding::new(&Self::CARD, Level::Error, what).denying(&[Question::Run], &[]),
            false => {
                let reason = "on some paths a store may go to code of another module";
                findings.leave_open(Gap::new(&[Question::Run], reason));
                Finding::new(&Self::CARD, Level::Warning, format!("{what}, depending on the path"))
            }
        };
        let before = [(read_at, "the function's address".to_owned())];
        let before = if read_at == sighting.at { &[][..] } else { &before[..] };
        let finding = placed(finding, sighting, (before, "written here"), driver, findings);
        findings.report(finding.note(FAULTS).help(INSTEAD_OF_HOOKS));
    }

    fn of_use(one: &CodeUse, by: Option<&str>, source: &Source<'_>) -> SourceFinding {
        let whose = match one.kind {
            CodeUseKind::KernelWritten(_) => "the kernel's ",
            _ => "",
        };
        let what = match by {
            Some(by) => format!("{by} writes to the code of {whose}`{}`", one.name),
            None => format!("a store goes to the code of {whose}`{}`", one.name),
        };
        let defined = one.from.iter().map(|span| source.mark(*span, "code, which is not writable"));
        SourceFinding::new(&Self::CARD, Level::Error, what, source.mark(one.span, "written here"))
            .denying(&[Question::Run], &[])
            .within(one.function.clone())
            .related(defined)
            .note(FAULTS)
    }
}

fn here(by: Writer) -> &'static str {
    match by {
        Writer::Here => "written here",
        Writer::Function { .. } | Writer::Import => "handed on and written to",
    }
}

#[cfg(test)]
mod tests {
    use crate::code::tests::{at_text, calling, run, says, sighted};
    use ringfence_code::{Sight, Sighting, Writer};
    use ringfence_finding::Answer;
    use ringfence_image::Rva;

    fn written(always: bool, text: u32) -> Sighting {
        let what = Sight::CodeWritten { target: Rva(text), set_at: None, by: Writer::Here };
        Sighting { always, ..at_text(what, text) }
    }

    #[test]
    fn a_store_to_code_denies_run() {
        let told = sighted(|text| written(true, text));
        assert_eq!(
            says(&told),
            ["error[writes-to-code] run: a store to 1000 in `.text`, which is executable and not \
              writable"]
        );
        assert_eq!(told.verdict.run, Answer::No);
    }

    #[test]
    fn one_on_some_paths_leaves_it_open() {
        let told = sighted(|text| written(false, text));
        assert!(says(&told)[0].starts_with("warning[writes-to-code] nothing: "));
        assert_eq!(told.verdict.run, Answer::Unknown);
    }

    #[test]
    fn one_that_nothing_leads_to_is_open_and_no_finding() {
        let told = sighted(|text| Sighting { reached: false, ..written(true, text) });
        assert_eq!((says(&told), told.verdict.run), (vec![], Answer::Unknown));
    }

    /// Encodings as in Intel's manual: each function writes to its own first byte, or seems to.
    #[test]
    fn from_bytes_to_the_answer() {
        let own = |before: &[u8], length: i32| [before, &(-length).to_le_bytes(), &[0xC3]].concat();
        // mov [own], eax; lock xadd [own], eax; movups [own], xmm0; setz [own]
        for opcode in [
            &[0x89, 0x05][..],
            &[0xF0, 0x0F, 0xC1, 0x05],
            &[0x0F, 0x11, 0x05],
            &[0x0F, 0x94, 0x05],
            &[0x48, 0xFF, 0x05],
        ] {
            let code = own(opcode, opcode.len() as i32 + 4);
            assert_eq!(run(&code).0, Answer::No, "{code:x?}");
        }
        // mov byte ptr [own], 90h has a byte behind the field.
        let code = [0xC6, 0x05, 0xF9, 0xFF, 0xFF, 0xFF, 0x90, 0xC3];
        assert_eq!(run(&code).0, Answer::No);
        // mov eax, [own]; cmp [own], eax; test [own], eax; lea rax, [own]
        for opcode in [&[0x8B, 0x05][..], &[0x39, 0x05], &[0x85, 0x05], &[0x48, 0x8D, 0x05]] {
            let code = own(opcode, opcode.len() as i32 + 4);
            assert_eq!(run(&code), (Answer::Yes, vec![]), "{code:x?}");
        }
    }

    /// `lea rcx, [own]; jmp [memmove]`: what a function ends with. A jump to another function writes nothing.
    #[test]
    fn a_call_that_a_function_ends_with_is_one() {
        for (name, expected) in [("memmove", Answer::No), ("ZwClose", Answer::Yes)] {
            let before = [0x48, 0x8D, 0x0D, 0xF9, 0xFF, 0xFF, 0xFF, 0xFF, 0x25];
            let told = calling(&[name], &[&before], &[&[]]);
            assert_eq!(told.verdict.run, expected, "{name}: {:?}", says(&told));
        }
    }

    /// What another module's code is written with: hooks.
    #[test]
    fn the_kernels_code_is_code_too() {
        let told = |name: &'static str, then: &[u8]| {
            // mov rax, [slot]
            let told = calling(&[name], &[&[0x48, 0x8B, 0x05]], &[then]);
            (told.verdict.run, says(&told))
        };
        // mov byte ptr [rax], 0E9h; lock xchg [rax+1], ecx; or byte ptr [rax], 1
        for then in
            [&[0xC6, 0, 0xE9, 0xC3][..], &[0xF0, 0x87, 0x48, 1, 0xC3], &[0x80, 0x08, 1, 0xC3]]
        {
            let (run, said) = told("ZwCreateFile", then);
            assert_eq!(
                said,
                ["error[writes-to-code] run: the code of ZwCreateFile is written to"],
                "{then:x?}"
            );
            assert_eq!(run, Answer::No);
            // A variable of the kernel may be written to.
            assert_eq!(told("NtBuildNumber", then).1, [""; 0]);
        }
        // test ecx, ecx; jz over; mov rax, rdx; over: mov byte ptr [rax], 0E9h
        let then = [0x85, 0xC9, 0x74, 3, 0x48, 0x89, 0xD0, 0xC6, 0, 0xE9, 0xC3];
        let (run, said) = told("ZwCreateFile", &then);
        assert_eq!(
            said,
            [
                "warning[writes-to-code] nothing: the code of ZwCreateFile is written to, depending on the path"
            ]
        );
        assert_eq!(run, Answer::Unknown);
    }

    #[test]
    fn through_a_register() {
        // lea rax, [own] and then
        for (then, expected) in [
            // mov byte ptr [rax+1], 90h; xchg [rax], ecx; mov [rax+rcx*4], edx
            (&[0xC6, 0x40, 1, 0x90][..], Answer::No),
            (&[0x87, 0x08], Answer::No),
            (&[0x89, 0x14, 0x88], Answer::No),
            // mov rdi, rax; rep stosb
            (&[0x48, 0x89, 0xC7, 0xF3, 0xAA], Answer::No),
            // push rax; pop rdx; mov [rsp-8], rax; mov rcx, [rsp-8]; mov [rcx], eax
            (&[0x48, 0x89, 0x44, 0x24, 0xF8, 0x48, 0x8B, 0x4C, 0x24, 0xF8, 0x89, 0x01], Answer::No),
            // mov [rcx], rax; mov ecx, [rax]
            (&[0x48, 0x89, 0x01], Answer::Yes),
            (&[0x8B, 0x08], Answer::Yes),
            // xor eax, eax; mov [rax], ecx
            (&[0x31, 0xC0, 0x89, 0x08], Answer::Yes),
        ] {
            let code = [&[0x48, 0x8D, 0x05, 0xF9, 0xFF, 0xFF, 0xFF], then, &[0xC3]].concat();
            assert_eq!(run(&code).0, expected, "{then:x?}: {:?}", run(&code));
        }
    }

    #[test]
    fn a_function_that_is_called_is_told_as_such() {
        for (store, always, expected) in
            [(Some(Rva(0x1234)), true, Answer::No), (None, false, Answer::Unknown)]
        {
            let by = Writer::Function { store };
            let what = |text| Sight::CodeWritten { target: Rva(text), set_at: None, by };
            let told = sighted(|text| Sighting { always, ..at_text(what(text), text) });
            assert!(says(&told)[0].contains("a function that is called here writes to 1000"));
            assert_eq!(told.verdict.run, expected);
        }
    }

    #[test]
    fn through_a_function_of_the_kernel() {
        // lea rcx, [own]; call [slot]
        let lea = [0x48, 0x8D, 0x0D, 0xF9, 0xFF, 0xFF, 0xFF, 0xFF, 0x15];
        for (name, expected) in
            [("RtlCopyMemory", Answer::No), ("memset", Answer::No), ("memcmp", Answer::Yes)]
        {
            assert_eq!(calling(&[name], &[&lea], &[]).verdict.run, expected, "{name}");
        }
    }

    #[test]
    fn source_is_judged() {
        let code = "void Target(void) { }\nvoid F(char *p) { memcpy(Target, p, 5); *(char *)Target = 1; ExFreePool(p); __writecr0(1 << 16); }";
        assert_eq!(
            crate::source::tests::linted(code).0,
            [
                "a.c:3:26 error[writes-to-code] run: memcpy writes to the code of `Target`",
                "a.c:3:41 error[writes-to-code] run: a store goes to the code of `Target`"
            ]
        );
        let hook = "void F(char *p) { __writecr0(1 << 16); RtlCopyMemory((PVOID)ZwClose, p, 12); }";
        assert_eq!(
            crate::source::tests::linted(hook).0,
            [
                "a.c:2:54 error[writes-to-code] run: RtlCopyMemory writes to the code of the kernel's `ZwClose`"
            ]
        );
    }
}
