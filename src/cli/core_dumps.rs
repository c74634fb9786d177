//! No core dump: memory holds tokens and secrets.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps of this process, also those that the kernel hands to another program (core(5)), for which the
/// limit of the size does not count. Other processes of the same user can then not read its memory either. Programs
/// that it starts have the limit alone.
pub(super) fn forbid() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}
