mod source;

use super::violation::{argument, decided_by, placed};
use crate::rule::rule_card;
use crate::source::{about, argument as argument_in_source, given};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::Reason;
use ringfence_ddi::{Ddi, Role, Ruling};
use ringfence_finding::{Finding, Level, RuleCard};
use ringfence_source::{Choice, SourceCall};
use source::{is_compared, request};

rule_card! {
    /// ## What it does
    ///
    /// Finds calls of which the sender of a request (IRP) chooses the pool type, pool flags, page
    /// protection or MDL priority: the dispatch routine reads it from `AssociatedIrp.SystemBuffer`,
    /// from `UserBuffer` or from `Type3InputBuffer`, and hands it on without a check that would leave
    /// known values only. It may be a function that the dispatch routine hands the IRP, its stack location or
    /// the buffer to.
    ///
    /// ## Why it matters
    ///
    /// Whoever may open the device gets executable memory of the kernel by asking for it: Driver Verifier
    /// stops the call once somebody does, and it helps attackers. It counts against no answer by itself;
    /// that the argument is not known leaves *certify* open.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// NTSTATUS protect(PIRP irp, HANDLE process)
    /// {
    ///     REQUEST *request = irp->AssociatedIrp.SystemBuffer;
    ///     return ZwProtectVirtualMemory(process, &base, &size, request->Protect, &old);
    /// }
    /// ```
    ///
    /// Compared with what is allowed, the value is the driver's choice again:
    ///
    /// ```c
    ///     if (request->Protect != PAGE_READWRITE)
    ///         return STATUS_INVALID_PARAMETER;
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// In machine code, requests of KMDF and other frameworks, copies that another function makes of the buffer, and
    /// what functions read of it that are called by one which reads the same there, as it may have checked that. In source, buffers that come as parameters, and whether
    /// a comparison before the call leaves what is allowed: there a finding is likely only. In both, values that reach the call by way of memory of the driver's
    /// own. A function counts as dispatch routine where its address is stored into `MajorFunction`, or where
    /// it reads `IoControlCode`; a routine that is not seen to be one is not reported. Only from one of the former
    /// kind is a request followed into other functions.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/buffer-descriptions-for-i-o-control-codes
    /// - https://learn.microsoft.com/windows-hardware/drivers/driversecurity/driver-security-checklist
    CallerControlledProtection {
        id: "caller-controlled-protection",
        summary: "the sender of a request chooses whether memory is executable",
        level: Level::Warning,
        since: "0.1.0",
        senses: [Code, Source],
        also_known_as: &[],
    }
}

/// What is told of: arguments by which a call may get executable memory.
const ROLES: [Role; 4] = [Role::PageProtection, Role::PoolType, Role::PoolFlags, Role::MdlPriority];

impl Rule for CallerControlledProtection {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &ROLES)
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        let Some(deciding) = call.deciding().filter(|found| ROLES.contains(&found.role)) else {
            return;
        };
        let undecided = call.undecided().flatten();
        let request = undecided.into_iter().find_map(|reason| match reason {
            Reason::Field(path) => driver.calls().request(&path),
            _ => None,
        });
        let Some(request) = request else { return };
        let path = match deciding.rulings.iter().all(|ruling| *ruling == Ruling::Undecided) {
            true => "",
            false => ", depending on the path",
        };
        let what = argument(call).unwrap_or_default();
        let message = message(call.ddi, path, &what);
        let finding = Finding::new(&Self::CARD, Level::Warning, message)
            .note(format!("the value is read from {request}, which the sender filled"))
            .help(HELP);
        findings.report(placed(finding, call, driver, findings));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        let Some((role, deciding)) = call.deciding().filter(|(role, _)| ROLES.contains(role))
        else {
            return;
        };
        let undecided = |choice: &&Choice| role.rule(given(call, choice)) == Ruling::Undecided;
        let open = deciding.value.choices.iter().filter(undecided).count();
        let Some(request) = request(deciding, source).filter(|_| open > 0) else { return };
        if is_compared(call, deciding, source) {
            return;
        }
        let path = match open == deciding.value.choices.len() {
            true => "",
            false => ", depending on the path",
        };
        let what = argument_in_source(call, source).unwrap_or_default();
        let message = message(call.ddi, path, &what);
        let taken = source.mark(request.at, "the request's buffer is taken here");
        findings.report(
            about(&Self::CARD, Level::Warning, call, source, message)
                .likely()
                .related([taken])
                .note(format!(
                    "the value is read from `{}`, which the sender filled",
                    request.buffer
                ))
                .help(HELP),
        );
    }
}

const HELP: &str = "check the value against a list of allowed ones before it is passed on";

fn message(ddi: &Ddi, path: &str, what: &str) -> String {
    format!(
        "the sender of a request chooses whether memory is executable{path}: {what} at {}",
        ddi.name
    )
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{Told, asked_with, constant, either, finding, notes, says};
    use ringfence_code::{Path, Possible, Reader, Reason, Value};
    use ringfence_finding::Answer;
    use ringfence_image::Rva;

    const FUNCTION: Rva = Rva(0x1000);

    /// What stands in the memory that a parameter leads to; of it, these bits are known.
    fn read(parameter: u8, offsets: [i64; 2], ones: u64, zeros: u64) -> Value {
        let path = Path::new(FUNCTION, parameter, offsets[0]).unwrap().then(offsets[1]).unwrap();
        let unknown = Some(Reason::Field(path));
        Value { possible: vec![Possible { ones, zeros, unknown, ..Possible::default() }] }
    }

    fn by_request() -> Value {
        read(1, [0x18, 8], 0, 0)
    }

    /// What a dispatch routine that stands in the driver object does.
    fn asked(name: &str, index: u8, value: Value) -> Told {
        let reader = Reader { function: FUNCTION, stored: vec![0xE0], reads: Vec::new() };
        asked_with(name, &[(index, value)], vec![reader])
    }

    #[test]
    fn what_a_request_chooses_is_told() {
        for (name, index, argument) in [
            ("ExAllocatePoolWithTag", 0, "PoolType"),
            ("ExAllocatePool2", 0, "Flags"),
            ("ZwProtectVirtualMemory", 3, "NewProtect"),
            ("MmMapLockedPagesSpecifyCache", 5, "Priority"),
        ] {
            let told = asked(name, index, by_request());
            let says = says(&told);
            let expected = format!(
                "unknown warning[caller-controlled-protection] nothing: the sender of a request \
                 chooses whether memory is executable: {argument} = an unknown value at {name}"
            );
            assert_eq!(says, [expected]);
            assert_eq!(told.verdict.certify, Answer::Unknown, "{name}");
            assert_eq!(
                notes(&told),
                "the value is read from `IRP->AssociatedIrp.SystemBuffer + 0x8`, which the sender \
                 filled"
            );
            assert!(finding(&told).help.iter().any(|help| help.contains("list of allowed ones")));
        }
    }

    #[test]
    fn bits_that_rule_it_out_are_enough() {
        // x | NonPagedPoolNx is never executable; x & 0x10 may be.
        let told = |ones, zeros| {
            says(&asked("ExAllocatePoolWithTag", 0, read(1, [0x18, 8], ones, zeros))).len()
        };
        assert_eq!((told(0x200, 0), told(0, !0x210)), (0, 1));
        for value in [constant(0x200), either(&[1, 0x200])] {
            assert_eq!(says(&asked("ExAllocatePoolWithTag", 0, value)), [""; 0]);
        }
    }

    #[test]
    fn one_of_several_values_is_enough() {
        let mut value = by_request();
        value.possible.extend(constant(0x200).possible);
        let says = says(&asked("ExAllocatePoolWithTag", 0, value));
        assert!(
            says[0].contains(", depending on the path: PoolType = an unknown value or "),
            "{says:?}"
        );
    }

    /// The device extension and what else is the driver's own, and values of which no way is known.
    #[test]
    fn what_the_driver_chooses_is_not_told() {
        let memory = Possible { unknown: Some(Reason::Memory), ..Possible::default() };
        let global = Possible { unknown: Some(Reason::Global(Rva(0x3000))), ..memory };
        for value in [
            read(0, [0x40, 8], 0, 0),
            read(1, [0x40, 8], 0, 0),
            Value { possible: vec![memory] },
            Value { possible: vec![global] },
        ] {
            assert_eq!(
                says(&asked("ExAllocatePoolWithTag", 0, value.clone())),
                [""; 0],
                "{value:?}"
            );
        }
        let unknown = asked_with("ExAllocatePoolWithTag", &[(0, by_request())], Vec::new());
        assert_eq!(says(&unknown), [""; 0], "nothing shows that it is a dispatch routine");
    }
}
