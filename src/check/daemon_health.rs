//! What the daemon says of itself: a unit that is active may still fail run after run.

use super::{board::Outcome, host::SERVICE, verdict::Cause};
use crate::domain::Outcome as RunOutcome;

/// The daemon's own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonStatus {
    /// How it stands.
    pub health: Health,
    /// The whole status in one line.
    pub described: String,
    /// Digests of what is held.
    pub held: Vec<String>,
}

/// How it stands with the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The last run ended well, or one is under way.
    Well,
    /// No run has ended yet.
    Starting,
    /// The vendor asked for a long silence.
    Throttled,
    /// A guard holds something.
    Blocked,
    /// The last run failed, in this way where that is known.
    Failing(Option<RunOutcome>),
}

/// What the daemon's word, or its silence, comes to.
pub(super) fn outcome(said: &Result<DaemonStatus, String>) -> Outcome {
    let status = match said {
        Ok(status) => status,
        Err(reason) => return Outcome::not_checked(reason),
    };
    let evidence = status.described.as_str();
    match status.health {
        Health::Well => Outcome::ok(evidence),
        Health::Starting => {
            Outcome::warning(evidence, "wait for the first run, or ask for one: campaign-group-sync --sync-now")
        }
        Health::Throttled => Outcome::warning(
            evidence,
            "wait; see whether another client uses the same credential, and give this one its own",
        ),
        Health::Blocked => blocked(evidence, &status.held),
        Health::Failing(last) => Outcome::failed(
            cause(last),
            evidence,
            format!(
                "mend what failed above; campaign-group-sync history and journalctl -u {SERVICE} -n 50 tell the rest"
            ),
        ),
    }
}

fn blocked(evidence: &str, held: &[String]) -> Outcome {
    let release: Vec<String> = held.iter().map(|digest| format!("campaign-group-sync approve {digest}")).collect();
    let release = if release.is_empty() { "campaign-group-sync status".to_owned() } else { release.join(", ") };
    Outcome::warning(
        evidence,
        format!("look at what is held (campaign-group-sync history RUN), then release it: {release}"),
    )
}

fn cause(last: Option<RunOutcome>) -> Cause {
    match last {
        Some(RunOutcome::Refused | RunOutcome::Misconfigured) => Cause::Refused,
        Some(RunOutcome::Incomplete) => Cause::Incomplete,
        _ => Cause::Unavailable,
    }
}
