//! The arguments of `state`.

use clap::{Args, Subcommand};

/// The arguments of `state`.
#[derive(Debug, Args)]
pub(super) struct StateArguments {
    /// What to do with the state.
    #[command(subcommand)]
    pub(super) command: StateCommand,
}

/// The commands about the state as a whole.
#[derive(Debug, Subcommand)]
pub(super) enum StateCommand {
    /// Copy the state from SQLite to PostgreSQL or back, and verify every row; needs no configuration
    Copy(StateCopyArguments),
    /// Assign the state to the configured organization, after the id of its organization has changed
    Assign(StateAssignArguments),
}

/// The arguments of `state assign`.
#[derive(Debug, Args)]
#[command(after_help = "The next runs hold all removals until an administrator approves them. The record names who \
                        assigned the state.")]
pub(super) struct StateAssignArguments {
    /// The id of the organization, as `experience_cloud.organization_id` has it now
    pub(super) id: String,
}

/// The arguments of `state copy`.
#[derive(Debug, Args)]
#[command(
    override_usage = "campaign-group-sync state copy [OPTIONS] FROM TO",
    after_help = "Stop the daemon on every node first. FROM is not changed; if the copy fails, TO is left as it was. The \
                  password of a database belongs into ~/.pgpass or into the variable PGPASSWORD, because every user of \
                  this host can see the arguments of a process."
)]
pub(super) struct StateCopyArguments {
    /// FROM: the state that the program has used so far. TO: a file that does not exist yet (missing folders are
    /// created, with the owner of FROM), or an empty database. Both are written as state.url:
    /// <sqlite:///absolute/path> or <postgres://user@host/database>
    // One list, because an error of clap about a surplus argument would show it, and it may contain a password.
    #[arg(value_names = ["FROM", "TO"], num_args = 0.., hide_possible_values = true)]
    pub(super) locations: Vec<String>,
}
