//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::observability::Level;

/// Keeps Adobe Campaign's operator groups in line with the product profiles of Adobe's Admin Console.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 in sync or applied, 1 unexpected failure, 2 changes pending, 3 some items failed or could not be \
                  placed, 4 held by a guard, 5 incomplete read and nothing written, 6 throttled or unavailable, 64 usage, \
                  77 credentials refused, 78 configuration wrong"
)]
pub(super) struct Arguments {
    /// Make one run now, print its report, and exit
    #[arg(long)]
    pub(super) sync_now: bool,

    /// Plan only: show what the run would change
    #[arg(long, requires = "sync_now")]
    pub(super) dry_run: bool,

    /// Only this Campaign instance (repeatable)
    #[arg(long, value_name = "NAME", requires = "sync_now")]
    pub(super) instance: Vec<String>,

    /// Against the built-in sandbox instead of real systems; needs no configuration
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        default_missing_value = crate::sandbox::Scenario::DEFAULT,
        requires = "sync_now",
        conflicts_with = "config"
    )]
    pub(super) sandbox: Option<String>,

    /// How the report is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Text, global = true)]
    pub(super) output: OutputFormat,

    /// The configuration file
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// Log more (twice: everything)
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(super) verbose: u8,

    /// Log less (twice: errors only)
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "verbose")]
    pub(super) quiet: u8,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the effective configuration, without secrets, and where each value comes from
    Config,
    /// Serve the sandbox until stopped; prints the configuration to use
    Sandbox(SandboxArguments),
}

/// What the sandbox serves, and where.
#[derive(Debug, Args)]
pub(super) struct SandboxArguments {
    /// A built-in scenario, or a scenario file (a path that ends in .toml)
    #[arg(default_value = crate::sandbox::Scenario::DEFAULT)]
    pub(super) scenario: String,

    /// Users of a generated scenario, such as `large`
    #[arg(long, value_name = "N")]
    pub(super) users: Option<usize>,

    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub(super) port: u16,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For tickets and wikis
    Markdown,
}

impl Arguments {
    /// What is logged: as the configuration says, unless `-v` or `-q` was given.
    pub(super) fn log_level(&self, configured: Level) -> Level {
        match (self.verbose, self.quiet) {
            (0, 0) => configured,
            (1, _) => Level::Debug,
            (2.., _) => Level::Trace,
            (_, 1) => Level::Warn,
            (_, 2..) => Level::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_are_understood_before_and_after_the_command() {
        for line in [["cgs", "--output", "json", "config"], ["cgs", "config", "--output", "json"]] {
            let arguments = Arguments::try_parse_from(line).expect("understood");
            assert_eq!(arguments.output, OutputFormat::Json);
        }
    }

    #[test]
    fn the_sandbox_takes_a_scenario_or_the_default_one() {
        let scenario = |line: &[&str]| Arguments::try_parse_from(line).expect("understood").sandbox;
        assert_eq!(scenario(&["cgs", "--sync-now", "--sandbox"]).as_deref(), Some("first_day"));
        assert_eq!(scenario(&["cgs", "--sync-now", "--sandbox", "large", "-v"]).as_deref(), Some("large"));
        assert_eq!(scenario(&["cgs", "--sandbox", "--sync-now", "--dry-run"]).as_deref(), Some("first_day"));
    }
}
