//! What `ringfence verifier` takes.

use clap::{Args, ValueHint};
use std::ffi::OsString;

/// What `ringfence verifier` takes.
#[derive(Args)]
#[command(
    override_usage = "ringfence verifier {/standard | /flags VALUE... | /ruleclasses ID...}
                          {/driver FILE... | /all [FOLDER...]} [SWITCHES]
       ringfence verifier {/query [/all] | /querysettings | /reset | /?}",
    after_help = "It understands the command line of Windows' Driver Verifier, and runs drivers
in the emulated kernel of `ringfence verify`: nothing is set on this machine,
and nothing of a driver runs on it. It emulates the code integrity
checks (0x02000000) and the randomized low resources simulation (0x00000004,
or /faults), each where it is asked for.
`ringfence verifier /?` tells what becomes of each switch. For programs,
`ringfence verify --environment verifier --format json` does the same run.

With /faults the same allocations fail in each run. RINGFENCE_SEED=NUMBER in
the environment chooses others; the report tells the seed.

The last run is kept in ringfence/verifier.json in the folder for state of the
user (XDG_STATE_HOME, ~/.local/state or LOCALAPPDATA), or in the file that
RINGFENCE_STATE names.

Exit codes, looked at in this order:
  2  usage error, or the report could not be written
  1  a run showed a violation, a driver crashed where allocations fail and
     does not where none does, or an image does not load at all
  2  something could not be read, or not whole, or was named and is no driver
  3  nothing was run: no driver was found, or none of what is asked for is
     emulated
  0  none of these"
)]
pub(crate) struct Verifier {
    /// Switches of verifier.exe, behind / or -, with what they take
    #[arg(
        value_name = "SWITCHES",
        value_hint = ValueHint::AnyPath,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) words: Vec<OsString>,
}
