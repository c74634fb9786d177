//! What is wrong, and how to mend it: every prerequisite with its evidence, and what an association mask matches and nearly
//! matches. Writes nothing anywhere.
//!
//! | file | what lives there |
//! |---|---|
//! | `prerequisites` | every prerequisite in the order of mending, and what it waits for |
//! | `findings` | what was found so far, and the report it becomes |
//! | `configuration`, `experience_cloud`, `campaign`, `external_account`, `names`, `host` | the prerequisites themselves |
//! | `certificate`, `credential_expiry` | how long certificates and the secrets of the credentials stay good |
//! | `daemon_health` | what the daemon says of itself |
//! | `value_diff` | two values character by character |
//! | `mask`, `mask_shape`, `mask_report` | what a mask matches, and what another would |
//! | `name_diff`, `confusables` | names that nearly match, and where they differ |
//! | `notifications` | whether each target of notifications can be reached, or takes a test |
//! | `users_without_operator` | who had no operator when somebody last looked |
//! | `report` | the report |

mod campaign;
mod certificate;
mod configuration;
mod confusables;
mod credential_expiry;
mod daemon_health;
mod experience_cloud;
mod external_account;
mod findings;
mod host;
mod mask;
mod mask_report;
mod mask_shape;
mod name_diff;
mod names;
mod notifications;
mod prerequisites;
mod report;
mod users_without_operator;
mod value_diff;

pub use confusables::character_name;
pub use daemon_health::{DaemonHealth, DaemonStatus};
pub use host::HostScope;
pub use mask::{GroupPresence, MaskComparison, MatchChange, MatchKind, ProfileMatch, compare_masks, match_names};
pub use mask_report::{InstanceMaskReport, ListingOrigin, MaskError, MaskQuery, MaskReport, TriedMask, mask_report};
pub use name_diff::{NameDifference, NearMatch};
pub use notifications::NotificationCheck;
pub use report::{CheckReport, CheckSection, FailureCause, Finding, Verdict};

use chrono::{DateTime, Utc};
use findings::Findings;

use crate::{
    journal::{Journal, JournalError},
    settings::{PartialSettings, Sources, State},
    transport::RetryPolicy,
};

/// Whether Adobe, Campaign and other hosts are contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// No connection leaves this host: the answer comes from the configuration and the state.
    Offline,
    /// They are contacted.
    Online,
}

/// What is to be checked.
#[derive(Debug)]
pub struct CheckRequest<'a> {
    /// The configuration, as far as it can be used.
    pub settings: &'a PartialSettings,
    /// Where it comes from.
    pub sources: &'a Sources,
    /// Whether the vendors are asked.
    pub network: Network,
    /// What is done with each target of notifications.
    pub notifications: NotificationCheck,
    /// How much of this host is looked at.
    pub host: HostScope,
    /// What the daemon said of itself, or why it said nothing; `None` where nobody asked. This room does not know its socket.
    pub daemon: Option<Result<DaemonStatus, String>>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Looks at every prerequisite. Writes nothing, asks for no page 0 of users and for at most one groups listing.
pub async fn check(request: &CheckRequest<'_>) -> CheckReport {
    let settings = request.settings;
    let names = settings.instances.iter().map(|instance| instance.name.to_string()).collect();
    let mut findings = Findings::new(request.network, names);
    configuration::check(&mut findings, settings);
    let journal = journal(settings.state.as_ref()).await;
    host::check(&mut findings, request, &journal);
    let kept = journal.as_ref().ok().and_then(Option::as_ref);
    let mut listing = None;
    if request.network == Network::Online {
        listing = experience_cloud::check(&mut findings, settings, &journal, request.now).await;
    }
    for instance in &settings.instances {
        let mut snapshot = None;
        if request.network == Network::Online {
            snapshot = campaign::check(&mut findings, settings, instance, request.now).await;
        }
        let Some(policy) = &instance.policy else { continue };
        names::check(&mut findings, policy, listing.as_ref(), snapshot.as_ref());
        if let Some(snapshot) = &snapshot {
            users_without_operator::check(&mut findings, policy, kept, snapshot).await;
        }
    }
    if let Some(notify) = &settings.notify {
        notifications::check(&mut findings, notify, (request.network, request.notifications)).await;
    }
    credential_expiry::check(&mut findings, settings, request.now.date_naive());
    close(journal).await;
    findings.report()
}

/// What runs left behind; none where nobody knows where they did.
async fn journal(state: Option<&State>) -> Result<Option<Journal>, JournalError> {
    match state {
        Some(state) => Journal::open_read_only(&state.journal_options()).await,
        None => Ok(None),
    }
}

async fn close(journal: Result<Option<Journal>, JournalError>) {
    if let Ok(Some(journal)) = journal {
        journal.close().await;
    }
}

/// A check says what is so now: whoever wants it again asks again.
fn single_attempt() -> RetryPolicy {
    RetryPolicy { attempts: 1, ..RetryPolicy::default() }
}
