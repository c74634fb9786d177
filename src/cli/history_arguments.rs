//! The arguments of `history`.

use chrono::{DateTime, Utc};
use clap::Args;

use crate::domain::{ChangeKind, ChangeOutcome};

use super::argument_values::{parse_report_name, past_time};

/// The arguments of `history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// Id of the run to show, or a beginning of it that no other run has
    pub(super) run: Option<String>,

    /// List at most N runs, changes or approvals
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..),
        conflicts_with = "run"
    )]
    pub(super) limit: u32,

    /// Verify that the record was not changed; with a HEAD that was stored elsewhere, also that it was not truncated or
    /// rebuilt
    #[arg(long, value_name = "HEAD", num_args = 0..=1, conflicts_with_all = ["run", "limit"])]
    #[expect(clippy::option_option, reason = "the option, and its value")]
    pub(super) verify: Option<Option<String>>,

    /// List approvals instead of runs: time, digest, approver, and the run that used each
    #[arg(long, conflicts_with_all = ["run", "verify"])]
    pub(super) approvals: bool,

    /// The filter of the list.
    #[command(flatten)]
    pub(super) filter: HistoryFilter,
}

/// The filter of the list: with `--user`, `--group`, `--op` or `--outcome` it lists changes, otherwise runs.
#[derive(Debug, Default, Args)]
#[group(conflicts_with_all = ["run", "verify", "approvals"])]
pub(super) struct HistoryFilter {
    /// Only entries recorded at this time or later: 2026-11-22T14:00:00Z, "2026-11-22 14:00" or 2026-11-22
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    pub(super) since: Option<DateTime<Utc>>,

    /// Only entries recorded before this time
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    pub(super) until: Option<DateTime<Utc>>,

    /// Only this Campaign instance
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Option<String>,

    /// List the changes of the operator with this login instead of runs
    #[arg(long, value_name = "LOGIN")]
    pub(super) user: Option<String>,

    /// List the changes of this operator group instead of runs
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<String>,

    /// List the changes of this kind instead of runs: add, remove, `create_operator`, `create_group`,
    /// `disable_operator`
    #[arg(long, value_name = "KIND", value_parser = parse_report_name::<ChangeKind>)]
    pub(super) op: Option<ChangeKind>,

    /// List the changes with this outcome instead of runs: pending, applied, already, held, failed, unconfirmed
    #[arg(long, value_name = "OUTCOME", value_parser = parse_report_name::<ChangeOutcome>)]
    pub(super) outcome: Option<ChangeOutcome>,
}
