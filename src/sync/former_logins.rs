//! Settles who has a login that an operator had before a user's name changed, where the read of the organization does not
//! tell: one single-user call for each such login, with the answers remembered.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::{
    domain::{
        CampaignSnapshot, History, LoginHolder, LoginHolders, MatchedSource, OperatorLogin, Policy, unsettled_logins,
    },
    journal::{Journal, JournalError},
    observability::Chain,
};

use super::{
    read_source::SourceError,
    reconcile::{ReconcileError, RunContext},
    run::SyncOptions,
};

/// The most single-user calls that one run spends on former logins. At Adobe's limit of 25 calls a minute this takes two
/// minutes; who is left is neither added nor removed, and a later run asks.
const MAX_CALLS: usize = 50;

/// How long an answer is used again. A login seldom passes to somebody else within a day, and a walk over the organization,
/// which knows better, comes before any answer.
const REUSED_FOR: TimeDelta = TimeDelta::days(1);

/// What one run asked so far, for all of its instances.
#[derive(Default)]
pub(super) struct FormerLogins(Mutex<CallsMade>);

#[derive(Default)]
struct CallsMade {
    count: usize,
    /// A call failed: more of them would fail as well, or make a pause longer.
    has_failed: bool,
}

/// The answers that still count.
pub(super) async fn remembered_holders(journal: &Journal, options: &SyncOptions) -> Result<LoginHolders, JournalError> {
    let now = Utc::now();
    journal.login_holders(&options.experience_cloud.organization_id, oldest_usable(now), now).await
}

fn oldest_usable(now: DateTime<Utc>) -> DateTime<Utc> {
    now - REUSED_FOR
}

/// Puts into `history` who has the logins that decisions about this instance need, as far as they may be asked for. Nothing
/// is in hand yet: told to stop, it leaves at once.
pub(super) async fn settle_former_logins(
    run: &RunContext<'_>,
    source: &MatchedSource<'_>,
    policy: &Policy,
    snapshot: &CampaignSnapshot,
    history: &mut History,
) -> Result<(), ReconcileError> {
    let mut calls = run.former_logins.0.lock().await;
    history.login_holders = remembered_holders(run.recorder.journal(), run.options).await?;
    for login in &unsettled_logins(source, snapshot, policy, history) {
        if calls.has_failed || calls.count >= MAX_CALLS {
            break;
        }
        calls.count += 1;
        let answer = tokio::select! {
            biased;
            () = run.request.stop.requested() => return Err(ReconcileError::Stopped),
            answer = fetch_holder(run, login) => answer,
        };
        match answer {
            Ok(holder) => history.login_holders.insert(login.folded(), holder),
            Err(SourceError::Journal(error)) => return Err(error.into()),
            Err(error) => {
                calls.has_failed = true;
                tracing::warn!(
                    operator.login = %login,
                    "who has the login {login} now could not be looked up: {}",
                    Chain(&error)
                );
            }
        }
    }
    Ok(())
}

async fn fetch_holder(run: &RunContext<'_>, login: &OperatorLogin) -> Result<LoginHolder, SourceError> {
    let organization = &run.options.experience_cloud.organization_id;
    let user = run.experience_cloud.fetch_user(login.as_str(), run.options.membership()).await?;
    let holder = LoginHolder::found(user.as_ref().map(|user| &user.user));
    let now = Utc::now();
    run.recorder.journal().remember_login_holder(organization, login, &holder, now, oldest_usable(now)).await?;
    Ok(holder)
}
