//! The arguments of the command line.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, error::ErrorKind};

use crate::{
    domain::{AssociationMask, Digest},
    observability::LogLevel,
    settings::{OrganizationName, Sources},
};

use super::{
    argument_values::{digest, mask, past_time, review_digest},
    output_format::CommonFormat,
    state_arguments::StateArguments,
};
pub(super) use super::{
    history_arguments::{HistoryArguments, HistoryFilter},
    output_format::{OutputFormat, RequestedFormat},
};

/// Keeps Adobe Campaign's operator groups in line with the product profiles of Adobe's Admin Console.
///
/// Without --sync-now and without a command the program is the daemon: it runs on the schedule until it is stopped.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    subcommand_negates_reqs = true,
    max_term_width = 80,
    after_help = "Exit status: 0 in sync or applied, 1 unexpected failure, 2 changes pending, 3 some items failed or were \
                  skipped, 4 held by a guard, 5 incomplete read and nothing written, 6 rate limited or unavailable, \
                  7 another run is in progress, 64 usage, 77 credentials refused, 78 configuration wrong"
)]
pub(super) struct Arguments {
    /// Make one run now, print its report, and exit
    #[arg(long)]
    pub(super) sync_now: bool,

    /// Show what the run would change, and change nothing
    #[arg(long, requires = "sync_now")]
    pub(super) dry_run: bool,

    /// Only this Campaign instance (repeatable)
    #[arg(long, value_name = "NAME", requires = "sync_now")]
    pub(super) instance: Vec<String>,

    /// Only this operator group (repeatable)
    #[arg(long, value_name = "NAME", requires = "sync_now")]
    pub(super) group: Vec<String>,

    /// Only this user: e-mail address or user name (repeatable)
    #[arg(long, value_name = "EMAIL", requires = "sync_now")]
    pub(super) user: Vec<String>,

    /// Approve the plan that is held under this digest, then run: releases exactly those changes or none (repeatable)
    #[arg(long, value_name = "DIGEST", value_parser = digest, requires = "sync_now")]
    pub(super) approve: Vec<Digest>,

    /// When Adobe asks for a pause, wait until it ends instead of exiting with status 6
    #[arg(long, requires = "sync_now")]
    pub(super) wait: bool,

    /// Use the built-in sandbox instead of Adobe and Campaign: a scenario, or a scenario file (a path that ends in
    /// .toml)
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        default_missing_value = crate::sandbox::Scenario::DEFAULT,
        requires = "sync_now",
        conflicts_with_all = ["config", "organization"]
    )]
    pub(super) sandbox: Option<String>,

    /// Format of the output
    #[arg(long = "output", value_parser = CommonFormat, value_name = "FORMAT", default_value = "text", global = true)]
    pub(super) format: RequestedFormat,

    /// The same for all commands but `review`.
    #[arg(skip)]
    pub(super) output: OutputFormat,

    /// Configuration file; without this option the one that the variable `CAMPAIGN_GROUP_SYNC_CONFIG` names
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// The organization, on a host that serves several: reads /etc/campaign-group-sync/NAME.toml;
    /// without this option the one that the variable `CAMPAIGN_GROUP_SYNC_ORGANIZATION` names
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "config")]
    pub(super) organization: Option<OrganizationName>,

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
    /// Show the state of the daemon, the last successful run, the held changes, and the time of the next run
    Status,
    /// Check every prerequisite and show what is wrong and how to fix it; changes nothing
    Check(CheckArguments),
    /// Find out with scratch records which forms of a write a test instance accepts; removes what it creates
    Probe(ProbeArguments),
    /// List past runs, newest first, or show the report of one run
    History(HistoryArguments),
    /// Explain why a user is in a group or not: from the Admin Console to the last change in Campaign
    Explain(ExplainArguments),
    /// Show the members of every managed group, now or at a past time
    Access(AccessArguments),
    /// Show an access review: who is in which managed group, since when and why, and what changed since the last review; with
    /// --done, record that it was reviewed
    Review(ReviewArguments),
    /// Approve a held plan; a running daemon starts a run for it immediately
    Approve(ApproveArguments),
    /// Show the plan that reverts the membership changes of one run; with --apply, make these changes
    Undo(UndoArguments),
    /// End a pause that Adobe asked for; the history records who ended it
    Unpause,
    /// Show which product profiles the association mask matches or nearly matches, and why
    Mask(MaskArguments),
    /// Show the effective configuration, without secrets, with the source of each value
    Config,
    /// Copy the whole state to another place, or assign it to another organization
    State(StateArguments),
    /// Serve the sandbox until it is stopped; prints the configuration to use with it
    Sandbox(SandboxArguments),
    /// Write manual pages, shell completions, or the reference of the documentation
    #[command(hide = true)]
    Generate(GenerateArguments),
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Check only what needs no network
    #[arg(long)]
    pub(super) offline: bool,

    /// Also send a test notification to each configured target; without this option check only connects to it
    #[arg(long, conflicts_with_all = ["offline", "sandbox"])]
    pub(super) notify: bool,

    /// Also write a transcript of all calls to this folder, without secrets and with pseudonyms in place of all names: for
    /// the maintainers of this program. `sandbox --replay` serves it
    #[arg(long, value_name = "DIR", conflicts_with = "offline")]
    pub(super) record: Option<PathBuf>,

    /// Only this Campaign instance (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Vec<String>,

    /// Use the built-in sandbox instead of Adobe and Campaign: a scenario, or a scenario file (a path that ends in
    /// .toml)
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        default_missing_value = crate::sandbox::Scenario::DEFAULT,
        conflicts_with_all = ["config", "organization"]
    )]
    pub(super) sandbox: Option<String>,
}

/// The arguments of `probe`.
#[derive(Debug, Args)]
pub(super) struct ProbeArguments {
    /// Name of the Campaign instance: a test instance with mode = "observe". The command asks for the name again, on the
    /// terminal or else on standard input
    pub(super) instance: String,

    /// Use the built-in sandbox instead of Campaign: a scenario, or a scenario file (a path that ends in .toml)
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        default_missing_value = "two_instances",
        conflicts_with_all = ["config", "organization"]
    )]
    pub(super) sandbox: Option<String>,
}

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// E-mail address or user name of the user, or login of the operator
    pub(super) email: String,

    /// Only this operator group
    pub(super) group: Option<String>,
}

/// The arguments of `access`.
#[derive(Debug, Args)]
pub(super) struct AccessArguments {
    /// A past time: 2026-11-22T14:00:00Z, "2026-11-22 14:00", or 2026-11-22 for the beginning of that day; without an
    /// offset, in the time zone of this host
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    pub(super) at: Option<DateTime<Utc>>,

    /// Print CSV for a spreadsheet: at, instance, group, login, profile, since, granting run, approver; granting
    /// run and approver are empty where the membership was made in Campaign. Replaces --output
    #[arg(long, conflicts_with = "format")]
    pub(super) csv: bool,
}

/// The arguments of `review`.
#[derive(Debug, Args)]
pub(super) struct ReviewArguments {
    /// Format of the output
    // Instead of the global option, which has fewer formats; clap gives the value to both.
    #[arg(long = "output", value_enum, value_name = "FORMAT", default_value_t = RequestedFormat::Text)]
    pub(super) format: RequestedFormat,

    /// List the changes since this time instead of those since the last review: 2026-11-22T14:00:00Z, "2026-11-22 14:00" or
    /// 2026-11-22
    #[arg(long, value_name = "DATE", value_parser = past_time)]
    pub(super) since: Option<DateTime<Utc>>,

    /// Only this Campaign instance
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Option<String>,

    /// Record that this access was reviewed, with the user who records it. With the DIGEST that a review shows (16 digits or
    /// more), only if the access is still the same
    #[arg(long, value_name = "DIGEST", num_args = 0..=1, value_parser = review_digest)]
    #[expect(clippy::option_option, reason = "the option, and its value")]
    pub(super) done: Option<Option<String>>,
}

/// The arguments of `approve`.
#[derive(Debug, Args)]
pub(super) struct ApproveArguments {
    /// Digest of the held plan: 16 hexadecimal digits. Releases exactly the changes of that plan: if the next run plans
    /// others, it releases nothing and shows both digests
    #[arg(value_parser = digest)]
    pub(super) digest: Digest,

    /// Leave the plan to the next scheduled run; without this option the daemon starts a run immediately
    #[arg(long)]
    pub(super) later: bool,
}

/// The arguments of `undo`.
#[derive(Debug, Args)]
pub(super) struct UndoArguments {
    /// Id of the run whose membership changes are reverted, or a beginning of it that no other run has
    pub(super) run: String,

    /// Make the changes; the same guards apply as in any run
    #[arg(long)]
    pub(super) apply: bool,
}

/// The arguments of `mask`.
#[derive(Debug, Args)]
pub(super) struct MaskArguments {
    /// Names of product profiles; without a name, all profiles of the organization
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,

    /// Show what another mask would match and, without names, what a run with it would change; changes nothing
    #[arg(long = "try", value_name = "MASK", value_parser = mask)]
    pub(super) tried: Option<AssociationMask>,

    /// Only this Campaign instance (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Vec<String>,

    /// Use no network: match the given names, or the listing of the last run
    #[arg(long)]
    pub(super) offline: bool,

    /// Use the built-in sandbox instead of Adobe and Campaign: a scenario, or a scenario file (a path that ends in
    /// .toml)
    #[arg(
        long,
        value_name = "SCENARIO",
        num_args = 0..=1,
        default_missing_value = crate::sandbox::Scenario::DEFAULT,
        conflicts_with_all = ["config", "organization", "offline"]
    )]
    pub(super) sandbox: Option<String>,
}

/// The arguments of `sandbox`.
#[derive(Debug, Args)]
pub(super) struct SandboxArguments {
    /// A built-in scenario, or a scenario file (a path that ends in .toml)
    #[arg(default_value = crate::sandbox::Scenario::DEFAULT)]
    pub(super) scenario: String,

    /// Serve a transcript that `check --record` wrote, instead of a scenario
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenario", "users"])]
    pub(super) replay: Option<PathBuf>,

    /// Number of users of a generated scenario, such as large
    #[arg(long, value_name = "N")]
    pub(super) users: Option<usize>,

    /// Port on 127.0.0.1; 0 selects a free one
    #[arg(long, default_value_t = 0)]
    pub(super) port: u16,
}

/// The arguments of `generate`.
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// What to write
    #[arg(value_enum)]
    pub(super) what: Generated,

    /// Folder for the files; it must exist
    pub(super) folder: PathBuf,
}

/// A kind of file that is generated from the definitions of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Generated {
    /// Manual pages: the program, each command, and the configuration
    Man,
    /// Completions for bash, zsh and fish
    Completions,
    /// reference.md: exit statuses, reasons for skipping, configuration keys
    Reference,
}

impl Arguments {
    /// The arguments of this process.
    pub(super) fn of_process() -> Result<Self, clap::Error> {
        Self::try_parse()?.with_format()
    }

    /// Checks that the command has the requested format.
    fn with_format(mut self) -> Result<Self, clap::Error> {
        self.output = match (self.format, &self.command) {
            (RequestedFormat::Text, _) | (_, Some(Command::Review(_))) => OutputFormat::Text,
            (RequestedFormat::Json, _) => OutputFormat::Json,
            (RequestedFormat::Markdown, _) => OutputFormat::Markdown,
            (RequestedFormat::Csv | RequestedFormat::Html, _) => {
                let message = "csv and html are formats of `review` only; use text, json or markdown, and `access --csv` \
                               for access\n";
                return Err(clap::Error::raw(ErrorKind::ValueValidation, message));
            }
        };
        Ok(self)
    }

    /// The sources of the configuration of this process.
    pub(super) fn sources(&self) -> Sources {
        Sources::of_process(self.config.clone(), self.organization.clone())
    }

    /// Whether `-v` or `-q` was given.
    pub(super) fn names_log_level(&self) -> bool {
        (self.verbose, self.quiet) != (0, 0)
    }

    /// The log level: that of the configuration, unless `-v` or `-q` was given.
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
    fn global_options_are_accepted_before_and_after_the_command() {
        for line in [["cgs", "--output", "json", "config"], ["cgs", "config", "--output", "json"]] {
            let arguments = Arguments::try_parse_from(line).and_then(Arguments::with_format).expect("accepted");
            assert_eq!(arguments.output, OutputFormat::Json);
        }
    }

    #[test]
    fn csv_and_html_are_formats_of_review_only() {
        let check = |line: &str, is_accepted: bool| {
            let result = Arguments::try_parse_from(line.split(' ')).and_then(Arguments::with_format);
            assert_eq!(result.is_ok(), is_accepted, "{line}");
        };
        check("cgs review --output csv", true);
        check("cgs --output html review", true);
        check("cgs access --output csv", false);
        check("cgs --sync-now --output html", false);
        check("cgs approve 0123456789abcdef --output html", false);
    }

    #[test]
    fn the_sandbox_serves_a_scenario_or_the_default_one() {
        let scenario = |line: &[&str]| Arguments::try_parse_from(line).expect("accepted").sandbox;
        assert_eq!(scenario(&["cgs", "--sync-now", "--sandbox"]).as_deref(), Some("first_day"));
        assert_eq!(scenario(&["cgs", "--sync-now", "--sandbox", "large", "-v"]).as_deref(), Some("large"));
        assert_eq!(scenario(&["cgs", "--sandbox", "--sync-now", "--dry-run"]).as_deref(), Some("first_day"));
    }

    #[test]
    fn a_run_accepts_several_users_groups_and_digests() {
        let line =
            "cgs --sync-now --group delivery --group report --user ann@acme.com --approve 0123456789ABCDEF --wait";
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("accepted");
        assert_eq!(arguments.group, ["delivery", "report"]);
        assert_eq!(arguments.user, ["ann@acme.com"]);
        assert_eq!(arguments.approve.iter().map(Digest::as_str).collect::<Vec<_>>(), ["0123456789abcdef"]);
        assert!(arguments.wait);
    }

    #[test]
    fn options_of_a_run_require_sync_now() {
        for option in ["--dry-run", "--instance=a", "--group=a", "--user=a", "--approve=0123456789abcdef", "--wait"] {
            assert!(Arguments::try_parse_from(["cgs", option]).is_err(), "{option}");
            assert!(Arguments::try_parse_from(["cgs", "--sync-now", option]).is_ok(), "{option}");
        }
    }

    #[test]
    fn each_command_accepts_its_arguments_and_rejects_contradictions() {
        let check = |line: &str, is_accepted: bool| {
            let result = Arguments::try_parse_from(line.split(' '));
            assert_eq!(result.is_ok(), is_accepted, "{line}: {:?}", result.err().map(|error| error.to_string()));
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
        check("cgs review", true);
        check("cgs review --since 2020-02-29 --instance production --output html", true);
        check("cgs review --done", true);
        check("cgs review --done --instance production", true);
        check("cgs review --done 0123456789abcdef", true);
        check("cgs review --done 0123456789abcde", false);
        check("cgs review --done --since 9999-01-01", false);
        check("cgs review --since yesterday", false);
        check("cgs approve 0123456789abcdef", true);
        check("cgs approve 0123456789abcde", false);
        check("cgs approve", false);
        check("cgs check --notify", true);
        check("cgs check --notify --offline", false);
        check("cgs check --record /tmp", true);
        check("cgs check --record /tmp --offline", false);
        check("cgs sandbox --replay transcript.jsonl --port 1234", true);
        check("cgs sandbox two_instances --replay transcript.jsonl", false);
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
        check("cgs --organization acme", true);
        check("cgs history --organization acme-eu", true);
        check("cgs --organization acme/eu", false);
        check("cgs --organization config", false);
        check("cgs --organization acme --config file.toml", false);
        check("cgs --sync-now --organization acme --sandbox", false);
    }
}
