//! The parts of a run, those alike behind one another as one line.

use ringfence_finding::RunPhase;

/// Parts behind one another that are told in one line: requests of one kind with the same answer.
pub(super) struct Alike<'r> {
    pub(super) phases: &'r [RunPhase],
    /// Where the first of them is.
    pub(super) at: usize,
}

impl Alike<'_> {
    /// `IRP_MJ_DEVICE_CONTROL 0x222000`, or `IRP_MJ_DEVICE_CONTROL, 12 codes`.
    pub(super) fn name(&self) -> String {
        match self.phases {
            [only] => only.name.clone(),
            all => format!("{}, {} codes", kind(&all[0]), all.len()),
        }
    }

    /// Calls in all of them.
    pub(super) fn calls(&self) -> u64 {
        self.phases.iter().map(|phase| phase.calls).sum()
    }
}

/// The parts in order. What `stands_alone` is told alone.
pub(super) fn alike<'r>(
    phases: &'r [RunPhase],
    stands_alone: impl Fn(usize) -> bool,
) -> Vec<Alike<'r>> {
    let mut all: Vec<Alike<'r>> = Vec::new();
    let mut at = 0;
    while at < phases.len() {
        let joins = |next: &usize| {
            let (first, one) = (&phases[at], &phases[*next]);
            has_code(first)
                && has_code(one)
                && kind(first) == kind(one)
                && first.status == one.status
                && !stands_alone(*next)
        };
        let more =
            if stands_alone(at) { 0 } else { (at + 1..phases.len()).take_while(joins).count() };
        all.push(Alike { phases: &phases[at..=at + more], at });
        at += more + 1;
    }
    all
}

/// Whether a part is named with a code: a request of device control.
fn has_code(phase: &RunPhase) -> bool {
    phase.name.contains(" 0x")
}

fn kind(phase: &RunPhase) -> &str {
    phase.name.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_with_the_same_answer_are_one_line() {
        let phase = |name: &str, status: &str| RunPhase {
            name: name.to_owned(),
            status: Some(status.to_owned()),
            calls: 2,
            instructions: 9,
            returned: true,
        };
        let phases = [
            phase("IRP_MJ_CREATE", "0x00000000"),
            phase("IRP_MJ_DEVICE_CONTROL 0x222000", "0x00000000"),
            phase("IRP_MJ_DEVICE_CONTROL 0x222001", "0xC0000010"),
            phase("IRP_MJ_DEVICE_CONTROL 0x222002", "0xC0000010"),
            phase("IRP_MJ_DEVICE_CONTROL 0x222003", "0xC0000010"),
            phase("IRP_MJ_DEVICE_CONTROL 0x222004", "0xC0000010"),
            phase("IRP_MJ_CLOSE", "0xC0000010"),
        ];
        let told = |alone: usize| -> Vec<(String, u64)> {
            let all = alike(&phases, |at| at == alone);
            all.iter().map(|one| (one.name(), one.calls())).collect()
        };
        let control = "IRP_MJ_DEVICE_CONTROL";
        assert_eq!(
            told(usize::MAX)[1..3],
            [(format!("{control} 0x222000"), 2), (format!("{control}, 4 codes"), 8)]
        );
        // Where something was seen, it stands alone.
        assert_eq!(
            told(3).iter().map(|(name, _)| &**name).collect::<Vec<_>>()[2..5],
            [
                "IRP_MJ_DEVICE_CONTROL 0x222001",
                "IRP_MJ_DEVICE_CONTROL 0x222002",
                "IRP_MJ_DEVICE_CONTROL, 2 codes"
            ]
        );
    }
}
