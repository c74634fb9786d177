//! What can be asked on the command line.

use std::path::PathBuf;

use chrono::{DateTime, Local, Utc};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::{
    domain::{AssociationMask, ChangeKind, ChangeOutcome, Digest},
    observability::{Chain, LogLevel},
};

use super::time_argument::parse_past_time;

/// Keeps Adobe Campaign's operator groups in line with the product profiles of Adobe's Admin Console.
///
/// Without --sync-now and without a command: the daemon, which runs on the schedule until it is told to stop.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 in sync or applied, 1 unexpected failure, 2 changes pending, 3 some items failed or could not be \
                  placed, 4 held by a guard, 5 incomplete read and nothing written, 6 throttled or unavailable, 7 another run \
                  holds the lock, 64 usage, 77 credentials refused, 78 configuration wrong"
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

    /// Only this operator group (repeatable)
    #[arg(long, value_name = "NAME", requires = "sync_now")]
    pub(super) group: Vec<String>,

    /// Only this person: e-mail address, or user name (repeatable)
    #[arg(long, value_name = "EMAIL", requires = "sync_now")]
    pub(super) user: Vec<String>,

    /// Approve what is held under this digest, then run: releases exactly that situation or nothing (repeatable)
    #[arg(long, value_name = "DIGEST", value_parser = digest, requires = "sync_now")]
    pub(super) approve: Vec<Digest>,

    /// Wait out a throttle instead of leaving with 6
    #[arg(long, requires = "sync_now")]
    pub(super) wait: bool,

    /// Against the built-in sandbox instead of real systems: a scenario, or a scenario file (a path that ends in .toml)
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
    /// Show what the daemon is doing, when a run last succeeded, what is held since when, and when the next run is due
    Status,
    /// Look at every prerequisite: what is wrong, and how to mend it; writes nothing
    Check(CheckArguments),
    /// List past runs, newest first, or show one run's report
    History(HistoryArguments),
    /// Explain why a person is, or is not, in a group: from the user to the last change
    Explain(ExplainArguments),
    /// Show who is in which managed group, now or at a past time
    Access(AccessArguments),
    /// Release a held plan; a running daemon begins a run for it at once
    Approve(ApproveArguments),
    /// Show the plan that takes one run's membership changes back; with --apply, make it
    Undo(UndoArguments),
    /// Forget a pause that Adobe asked for; recorded with who did it
    Unpause,
    /// Show what the association mask matches, what nearly matches, and why
    Mask(MaskArguments),
    /// Show the effective configuration, without secrets, and where each value comes from
    Config,
    /// Serve the sandbox until stopped; prints the configuration to use
    Sandbox(SandboxArguments),
    /// Write manual pages, shell completions, or the reference of the documentation
    #[command(hide = true)]
    Generate(GenerateArguments),
}

/// What is checked.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Only what needs no network
    #[arg(long)]
    pub(super) offline: bool,

    /// Also send a test notification to each configured target; without it, each is reached and gets nothing
    #[arg(long, conflicts_with_all = ["offline", "sandbox"])]
    pub(super) notify: bool,

    /// Only this Campaign instance (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Vec<String>,

    /// Against the built-in sandbox instead of real systems: a scenario, or a scenario file (a path that ends in .toml)
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        default_missing_value = crate::sandbox::Scenario::DEFAULT,
        conflicts_with = "config"
    )]
    pub(super) sandbox: Option<String>,
}

/// Which past runs are shown.
#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// The run to show, or a beginning of its name that no other run has
    pub(super) run: Option<String>,

    /// List at most so many runs, changes or approvals
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..),
        conflicts_with = "run"
    )]
    pub(super) limit: u32,

    /// Check that the record was not changed; with a head that was kept elsewhere, also that it was not cut or rebuilt
    #[arg(long, value_name = "HEAD", num_args = 0..=1, conflicts_with_all = ["run", "limit"])]
    #[expect(clippy::option_option, reason = "the option, and its value")]
    pub(super) verify: Option<Option<String>>,

    /// List the approvals that were given instead of runs: when, of which digest, by whom, and which run used them
    #[arg(long, conflicts_with_all = ["run", "verify"])]
    pub(super) approvals: bool,

    /// What the list is narrowed to
    #[command(flatten)]
    pub(super) filter: HistoryFilter,
}

/// What the list is narrowed to: with `--user`, `--group`, `--op` or `--outcome` it lists changes, else runs.
#[derive(Debug, Default, Args)]
#[group(conflicts_with_all = ["run", "verify", "approvals"])]
pub(super) struct HistoryFilter {
    /// Only what was recorded at this time or later: 2026-11-22T14:00:00Z, or "2026-11-22 14:00", or 2026-11-22
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    pub(super) since: Option<DateTime<Utc>>,

    /// Only what was recorded before this time
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    pub(super) until: Option<DateTime<Utc>>,

    /// Only this Campaign instance
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Option<String>,

    /// List the changes of the operator with this login, instead of runs
    #[arg(long, value_name = "LOGIN")]
    pub(super) user: Option<String>,

    /// List the changes of this operator group, instead of runs
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<String>,

    /// List the changes of this kind, instead of runs: add, remove, `create_operator`, `create_group`, `disable_operator`
    #[arg(long, value_name = "KIND", value_parser = parse_report_name::<ChangeKind>)]
    pub(super) op: Option<ChangeKind>,

    /// List the changes with this outcome, instead of runs: pending, applied, already, held, failed, unconfirmed
    #[arg(long, value_name = "OUTCOME", value_parser = parse_report_name::<ChangeOutcome>)]
    pub(super) outcome: Option<ChangeOutcome>,
}

/// Whom and what to explain.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// E-mail address, user name, or login of the operator
    pub(super) email: String,

    /// Only this operator group
    pub(super) group: Option<String>,
}

/// Which time the answer is about, and how it is written.
#[derive(Debug, Args)]
pub(super) struct AccessArguments {
    /// A past time: 2026-11-22T14:00:00Z, or "2026-11-22 14:00", or 2026-11-22 for the beginning of that day; without an
    /// offset it is meant in the time zone of this host
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    pub(super) at: Option<DateTime<Utc>>,

    /// Rows for a spreadsheet instead of --output: at, instance, group, login, profile, since, the granting run, approver; the
    /// last two are empty where the membership was made in Campaign
    #[arg(long, conflicts_with = "output")]
    pub(super) csv: bool,
}

/// What to approve.
#[derive(Debug, Args)]
pub(super) struct ApproveArguments {
    /// The digest under which the plan is held: 16 hexadecimal digits. Releases exactly that situation: where the next run
    /// finds another, it releases nothing and names both
    #[arg(value_parser = digest)]
    pub(super) digest: Digest,

    /// Leave the plan to the next scheduled run, instead of having the daemon begin a run at once
    #[arg(long)]
    pub(super) later: bool,
}

/// What to take back.
#[derive(Debug, Args)]
pub(super) struct UndoArguments {
    /// The run whose membership changes are taken back, or a beginning of its name that no other run has
    pub(super) run: String,

    /// Make the changes, through the same guards as any other
    #[arg(long)]
    pub(super) apply: bool,
}

/// Which names are held against which mask.
#[derive(Debug, Args)]
pub(super) struct MaskArguments {
    /// Names of product profiles; without any, all of the organization
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,

    /// Another mask: what it would match, and, without names, what a run under it would change; nothing is changed
    #[arg(long = "try", value_name = "MASK", value_parser = mask)]
    pub(super) tried: Option<AssociationMask>,

    /// Only this Campaign instance (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Vec<String>,

    /// Ask nobody: the names given, or the listing that is remembered
    #[arg(long)]
    pub(super) offline: bool,

    /// Against the built-in sandbox instead of real systems: a scenario, or a scenario file (a path that ends in .toml)
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        default_missing_value = crate::sandbox::Scenario::DEFAULT,
        conflicts_with_all = ["config", "offline"]
    )]
    pub(super) sandbox: Option<String>,
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

/// What to generate, and where to.
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// What to write
    #[arg(value_enum)]
    pub(super) what: Generated,

    /// The folder that the files go to; it must exist
    pub(super) folder: PathBuf,
}

/// What is generated from the definitions of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Generated {
    /// Manual pages: the program, each command, and the configuration
    Man,
    /// Completions for bash, zsh and fish
    Completions,
    /// reference.md: exit statuses, reasons for skipping, configuration keys
    Reference,
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

/// A value by the name that reports write.
fn parse_report_name<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(text.into_deserializer()).map_err(|error: serde::de::value::Error| error.to_string())
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "a digest has 16 hexadecimal digits".to_owned())
}

fn mask(text: &str) -> Result<AssociationMask, String> {
    // As the configuration reads it: without blanks around.
    AssociationMask::parse(text.trim()).map_err(|error| Chain(&error).to_string())
}

fn past_time(text: &str) -> Result<DateTime<Utc>, String> {
    parse_past_time(text, &Local, Utc::now())
}

impl Arguments {
    /// Whether `-v` or `-q` was given.
    pub(super) fn names_log_level(&self) -> bool {
        (self.verbose, self.quiet) != (0, 0)
    }

    /// What is logged: as the configuration says, unless `-v` or `-q` was given.
    pub(super) fn log_level(&self, configured: LogLevel) -> LogLevel {
        match (self.verbose, self.quiet) {
            (0, 0) => configured,
            (1, _) => LogLevel::Debug,
            (2.., _) => LogLevel::Trace,
            (_, 1) => LogLevel::Warn,
            (_, 2..) => LogLevel::Error,
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
    #[test]
    fn a_run_can_be_narrowed_and_released_by_several_names() {
        let line =
            "cgs --sync-now --group delivery --group report --user ann@acme.com --approve 0123456789ABCDEF --wait";
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("understood");
        assert_eq!(arguments.group, ["delivery", "report"]);
        assert_eq!(arguments.user, ["ann@acme.com"]);
        assert_eq!(arguments.approve.iter().map(Digest::as_str).collect::<Vec<_>>(), ["0123456789abcdef"]);
        assert!(arguments.wait);
    }

    #[test]
    fn options_of_a_run_need_a_run() {
        for option in ["--dry-run", "--instance=a", "--group=a", "--user=a", "--approve=0123456789abcdef", "--wait"] {
            assert!(Arguments::try_parse_from(["cgs", option]).is_err(), "{option}");
            assert!(Arguments::try_parse_from(["cgs", "--sync-now", option]).is_ok(), "{option}");
        }
    }

    #[test]
    fn each_command_takes_what_it_needs_and_nothing_that_cannot_be_meant() {
        let check = |line: &str, is_understood: bool| {
            let result = Arguments::try_parse_from(line.split(' '));
            assert_eq!(result.is_ok(), is_understood, "{line}: {:?}", result.err().map(|error| error.to_string()));
        };
        check("cgs", true);
        check("cgs status", true);
        check("cgs status --output json", true);
        check("cgs status now", false);
        check("cgs history", true);
        check("cgs history 01J --output markdown", true);
        check("cgs history --limit 5", true);
        check("cgs history --limit 0", false);
        check("cgs history 01J --limit 5", false);
        check("cgs history --approvals --limit 5 --output json", true);
        check("cgs history 01J --approvals", false);
        check("cgs history --since 2020-02-29 --until 2020-03-01 --instance production --limit 5", true);
        check("cgs history --user ann@acme.com --group delivery --op remove --outcome applied", true);
        check("cgs history --op delete", false);
        check("cgs history --outcome ok", false);
        check("cgs history --since tomorrow", false);
        check("cgs history 01J --user ann@acme.com", false);
        check("cgs history --approvals --user ann@acme.com", false);
        check("cgs history --approvals --verify", false);
        check("cgs explain", false);
        check("cgs explain ann@acme.com", true);
        check("cgs explain ann@acme.com delivery", true);
        check("cgs access", true);
        check("cgs access --at 2020-02-29", true);
        check("cgs access --at 2020-02-29T12:00:00+01:00", true);
        check("cgs access --at yesterday", false);
        check("cgs access --at 9999-01-01", false);
        check("cgs access --csv", true);
        check("cgs access --csv --output json", false);
        check("cgs approve 0123456789abcdef", true);
        check("cgs approve 0123456789abcde", false);
        check("cgs approve", false);
        check("cgs check --notify", true);
        check("cgs check --notify --offline", false);
        check("cgs mask", true);
        check("cgs mask a b --try c --instance production", true);
        check("cgs mask --offline --sandbox", false);
        check("cgs mask --try a(", false);
        check("cgs undo 01J", true);
        check("cgs undo 01J --apply", true);
        check("cgs undo", false);
        check("cgs unpause --output json", true);
        check("cgs unpause now", false);
        check("cgs approve 0123456789abcdef --later", true);
        check("cgs history --sandbox", false);
    }
}
