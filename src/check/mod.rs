//! Checks every prerequisite and reports evidence and remedy; shows what an association mask matches and nearly
//! matches. Changes nothing in Adobe, Campaign or the state.
//!
//! | file | what lives there |
//! |---|---|
//! | `prerequisites` | every prerequisite in the order of fixing, and which others it needs |
//! | `findings` | the outcomes so far, and the report made of them |
//! | `configuration`, `experience_cloud`, `campaign`, `external_account`, `names`, `host` | the checks of the prerequisites |
//! | `certificate`, `credential_expiry` | when certificates and the secrets of the credentials expire |
//! | `daemon_health` | the status of the daemon |
//! | `value_diff` | the comparison of two values, character by character |
//! | `mask`, `mask_shape`, `mask_report` | what a mask matches, and what another mask would match |
//! | `name_diff`, `confusables` | names that nearly match a mask, and their differences |
//! | `notifications` | whether each notification target can be reached, or accepts a test |
//! | `users_without_operator` | users who had no operator in the last complete run |
//! | `probe_answers` | what `probe` learned about an instance |
//! | `report` | the types of the report |

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
mod probe_answers;
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
    domain::OrganizationId,
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
    /// The sources of the configuration.
    pub sources: &'a Sources,
    /// Whether Adobe and Campaign are contacted.
    pub network: Network,
    /// How each notification target is checked.
    pub notifications: NotificationCheck,
    /// How much of this host is checked.
    pub host: HostScope,
    /// The status of the daemon, or why there is none; `None` where it was not requested. The caller requests it,
    /// because this module does not use the control socket.
    pub daemon: Option<Result<DaemonStatus, String>>,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// Checks every prerequisite. Writes nothing, requests no page 0 of the users and at most one listing of the groups.
pub async fn check(request: &CheckRequest<'_>) -> CheckReport {
    let settings = request.settings;
    let names = settings.instances.iter().map(|instance| instance.name.to_string()).collect();
    let mut findings = Findings::new(request.network, names);
    configuration::check(&mut findings, settings);
    let organization = settings.experience_cloud.as_ref().map(|configured| &configured.options.organization_id);
    let journal = journal(settings.state.as_ref(), organization).await;
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
        probe_answers::check(&mut findings, instance, kept).await;
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

/// The state, opened for reading; `None` where no run has created it, or its configuration cannot be used.
async fn journal(
    state: Option<&State>,
    organization: Option<&OrganizationId>,
) -> Result<Option<Journal>, JournalError> {
    let Some(state) = state else { return Ok(None) };
    let Some(journal) = Journal::open_read_only(&state.journal_options()).await? else { return Ok(None) };
    if let Some(organization) = organization {
        journal.require_organization(organization).await?;
    }
    Ok(Some(journal))
}

async fn close(journal: Result<Option<Journal>, JournalError>) {
    if let Ok(Some(journal)) = journal {
        journal.close().await;
    }
}

/// The checks retry nothing: they report the situation at this moment.
fn single_attempt() -> RetryPolicy {
    RetryPolicy { attempts: 1, ..RetryPolicy::default() }
}
