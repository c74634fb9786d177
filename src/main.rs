//! The program. All code is in the library, where tests can use it.

use std::process::ExitCode;

fn main() -> ExitCode {
    campaign_group_sync::cli::main()
}
