//! The daemon's own status: the daemon of an active unit may still fail in every run.

use super::{findings::CheckOutcome, report::FailureCause};
use crate::domain::Outcome as RunOutcome;

/// The status that the daemon reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonStatus {
    /// Whether the daemon works.
    pub health: DaemonHealth,
    /// The status in one line.
    pub described: String,
    /// Digests of the held plans.
    pub held: Vec<String>,
}

/// Whether the daemon works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonHealth {
    /// The last run succeeded, or a run is in progress.
    Healthy,
    /// No run has ended yet.
    Starting,
    /// Adobe asked for a long pause.
    Throttled,
    /// A guard holds changes.
    Blocked,
    /// The last run failed; with its outcome where that is known.
    Failing(Option<RunOutcome>),
}

/// The outcome for the status of the daemon of this unit, or for the reason why it could not be requested.
pub(super) fn outcome(said: &Result<DaemonStatus, String>, service: &str) -> CheckOutcome {
    let status = match said {
        Ok(status) => status,
        Err(reason) => return CheckOutcome::not_checked(reason),
    };
    let evidence = status.described.as_str();
    match status.health {
        DaemonHealth::Healthy => CheckOutcome::ok(evidence),
        DaemonHealth::Starting => {
            CheckOutcome::warning(evidence, "wait for the first run, or start one now: campaign-group-sync --sync-now")
        }
        DaemonHealth::Throttled => CheckOutcome::warning(
            evidence,
            "wait until then; if another program uses the same credential, give this one its own",
        ),
        DaemonHealth::Blocked => blocked(evidence, &status.held),
        DaemonHealth::Failing(last) => CheckOutcome::failed(
            cause(last),
            evidence,
            format!(
                "fix what failed above; campaign-group-sync history lists the runs, and as root journalctl -u {service} -n 50 \
                 shows the log"
            ),
        ),
    }
}

fn blocked(evidence: &str, held: &[String]) -> CheckOutcome {
    const LOOK: &str = "campaign-group-sync history lists the runs, and with the name of one of them, campaign-group-sync \
                        history RUN shows what it holds and why; compare that with the Admin Console";
    if held.is_empty() {
        return CheckOutcome::warning(evidence, format!("{LOOK}; campaign-group-sync status names the digests"));
    }
    let release = held
        .iter()
        .map(|digest| format!("if these changes are right, campaign-group-sync approve {digest} releases them"));
    CheckOutcome::warning(evidence, format!("{LOOK}; {}", release.collect::<Vec<_>>().join("; ")))
}

fn cause(last: Option<RunOutcome>) -> FailureCause {
    match last {
        Some(RunOutcome::Refused | RunOutcome::Misconfigured) => FailureCause::Refused,
        Some(RunOutcome::Incomplete) => FailureCause::Incomplete,
        _ => FailureCause::Unavailable,
    }
}
