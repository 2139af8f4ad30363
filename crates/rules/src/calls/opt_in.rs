//! Calls whose argument comes from a variable that is set up as the driver starts: the opt-in to
//! non-executable pool, whatever the variable is called.
//!
//! Built with `POOL_NX_OPTIN`, a driver reads pool types and MDL priorities from two variables that ask
//! for executable memory until `ExInitializeDriverRuntime` has run.

use ringfence_code::{Origin, Possible, Stored, Value, Variable};
use ringfence_ddi::Ruling;
use ringfence_finding::{CallAnswer, Targets};
use ringfence_image::Rva;
use std::collections::BTreeSet;

/// What is known of the variable that a call's argument comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptIn {
    /// Where the variable is.
    pub variable: Rva,
    /// What stores into it, by address.
    pub stores: Vec<Rva>,
    /// Whether the argument may be something that does not ask for executable memory. Where nothing known is, it is
    /// a variable like others, though a call may still come before what sets it up.
    pub opts_in: bool,
    /// The versions on which it is set up before the call.
    pub before: Targets,
    /// Those on which the call comes first.
    pub after: Targets,
    /// Those on which it is never set up.
    pub never: Targets,
    /// Those of which it is not known.
    pub unproven: Targets,
}

/// How a call stands to what sets its variable up, on the Windows versions asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is set up before.
    Before,
    /// It is set up only after the call, on some version.
    After,
    /// It is never set up, on some version.
    Never,
    /// That it is set up before is not known.
    Unproven,
}

impl OptIn {
    /// The opt-in that a call depends on whose argument may be `value`, if it does. The call that takes
    /// the value from the variable is at `at`.
    pub(super) fn of(
        value: &Value,
        rulings: &[Ruling],
        variables: &[Variable],
        at: Rva,
    ) -> Option<OptIn> {
        let mut from = BTreeSet::new();
        let (mut sure, mut opts_in) = (true, false);
        for (possible, ruling) in value.possible.iter().zip(rulings) {
            match (asks(*ruling), possible.origin) {
                (true, Some(Origin::Initial(at))) => drop(from.insert(at)),
                (true, _) => return None,
                (false, _) => {
                    sure &= *ruling != Ruling::Undecided;
                    opts_in |= *ruling == Ruling::NotExecutable;
                }
            }
        }
        let mut all = variables.iter().filter(|known| from.contains(&known.at));
        let mut opt_in = OptIn::by(all.next()?, at);
        // It may be worked out from several, and then takes all of them.
        all.for_each(|variable| opt_in.and(OptIn::by(variable, at)));
        opt_in.opts_in = opts_in;
        if !sure {
            opt_in.before = Targets::NONE;
            opt_in.unproven = Targets::ALL.without(opt_in.violates_on());
        }
        Some(opt_in)
    }

    fn by(variable: &Variable, at: Rva) -> OptIn {
        let mut opt_in = OptIn {
            variable: variable.at,
            stores: variable.stores.iter().map(|store| store.at).collect(),
            opts_in: false,
            before: Targets::NONE,
            after: Targets::NONE,
            never: Targets::NONE,
            unproven: Targets::NONE,
        };
        match variable.stores.is_empty() {
            true => opt_in.never = Targets::ALL,
            false => opt_in.sort(variable, at),
        }
        opt_in
    }

    fn and(&mut self, other: OptIn) {
        self.before = self.before.intersection(other.before);
        self.after = self.after.union(other.after);
        self.never = self.never.union(other.never);
        self.unproven = Targets::ALL.without(self.before).without(self.violates_on());
    }

    fn sort(&mut self, variable: &Variable, at: Rva) {
        for set_up in &variable.set_up {
            let targets = Targets::of_build(set_up.build);
            let kind = match set_up.stored {
                _ if set_up.before.contains(&at) => &mut self.after,
                _ if set_up.perhaps_before.contains(&at) => &mut self.unproven,
                Stored::Always => &mut self.before,
                Stored::Nowhere => &mut self.never,
                Stored::Never => &mut self.unproven,
                Stored::Perhaps => &mut self.unproven,
            };
            *kind = kind.union(targets);
        }
        // Where the stores run on one version and not on another, a look at the version decides.
        let always = |build: u32| {
            variable.set_up.iter().any(|one| one.build == build && one.stored == Stored::Always)
        };
        if variable.set_up.iter().any(|one| always(one.build)) {
            for set_up in variable.set_up.iter().filter(|one| one.stored == Stored::Never) {
                let targets = Targets::of_build(set_up.build);
                self.unproven = self.unproven.without(targets);
                self.never = self.never.union(targets);
            }
        }
        let told = self.before.union(self.after).union(self.never);
        self.unproven = Targets::ALL.without(told);
    }

    /// How the call stands on `targets`.
    pub fn standing(&self, targets: Targets) -> Standing {
        if self.after.intersects(targets) {
            Standing::After
        } else if self.never.intersects(targets) {
            Standing::Never
        } else if self.before.contains(targets) {
            Standing::Before
        } else {
            Standing::Unproven
        }
    }

    /// The versions on which the call asks for executable memory.
    pub fn violates_on(&self) -> Targets {
        self.after.union(self.never)
    }

    pub(super) fn answer(&self, targets: Targets) -> CallAnswer {
        match self.standing(targets) {
            Standing::Before => CallAnswer::FineByOptIn,
            Standing::After | Standing::Never => CallAnswer::Violation,
            Standing::Unproven => CallAnswer::Unknown,
        }
    }
}

fn asks(ruling: Ruling) -> bool {
    matches!(ruling, Ruling::Executable | Ruling::WritableExecutable)
}

/// Whether a value is what a variable holds before anything is stored.
pub(crate) fn is_initial(possible: &Possible) -> bool {
    matches!(possible.origin, Some(Origin::Initial(_)))
}
