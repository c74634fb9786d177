//! Arguments, output and exit codes. One file a command; nothing is decided here.

/// Runs the program.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
