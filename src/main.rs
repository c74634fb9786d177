//! The program. All code is in the library, where tests can use it.

use std::process::ExitCode;

/// Gives memory back to the operating system within seconds after a large run.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    campaign_group_sync::cli::main()
}
