//! Finds out which user has a login that an operator had before the user's name changed, where the read of the
//! organization does not show it: with one single-user call for each such login. The answers are stored.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::{
    domain::{
        CampaignSnapshot, FoldedName, History, LoginHolder, LoginHolders, MatchedSource, OperatorLogin, Policy,
        unsettled_logins,
    },
    journal::{Journal, JournalError},
    observability::Chain,
};

use super::{
    read_source::SourceError,
    reconcile::{ReconcileError, RunContext},
    run::SyncOptions,
};

/// The most single-user calls that one run spends on former logins. At Adobe's limit of 25 calls a minute they take two
/// minutes. Operators that are left are neither added nor removed, and a later run looks them up.
const MAX_CALLS: usize = 50;

/// How long a stored answer is used. A login seldom passes to another user within a day, and a read of the whole
/// organization takes precedence over a stored answer.
const REUSED_FOR: TimeDelta = TimeDelta::days(1);

/// The calls that one run has spent on former logins, for all of its instances.
#[derive(Default)]
pub(super) struct FormerLogins(Mutex<CallsMade>);

#[derive(Default)]
struct CallsMade {
    count: usize,
    /// A call failed: further calls would fail as well, or make a pause longer.
    has_failed: bool,
    /// The answers of this run.
    found: HashMap<FoldedName, LoginHolder>,
}

/// The stored answers that are recent enough.
pub(super) async fn remembered_holders(journal: &Journal, options: &SyncOptions) -> Result<LoginHolders, JournalError> {
    let now = Utc::now();
    journal.login_holders(&options.experience_cloud.organization_id, oldest_usable(now), now).await
}

fn oldest_usable(now: DateTime<Utc>) -> DateTime<Utc> {
    now - REUSED_FOR
}

/// Adds to `history` which users have the logins that decisions about this instance need, as far as calls are left. A
/// stop request ends it at once: nothing is in progress yet.
pub(super) async fn settle_former_logins(
    run: &RunContext<'_>,
    source: &MatchedSource<'_>,
    policy: &Policy,
    snapshot: &CampaignSnapshot,
    history: &mut History,
) -> Result<(), ReconcileError> {
    history.login_holders = remembered_holders(run.recorder.journal(), run.options).await?;
    for login in &unsettled_logins(source, snapshot, policy, history) {
        // One call at a time: another instance may have looked the login up while this one waited.
        let mut calls = run.former_logins.0.lock().await;
        if let Some(holder) = calls.found.get(&login.folded()) {
            history.login_holders.insert(login.folded(), holder.clone());
            continue;
        }
        if calls.has_failed || calls.count >= MAX_CALLS {
            continue;
        }
        calls.count += 1;
        let answer = tokio::select! {
            biased;
            () = run.request.stop.requested() => return Err(ReconcileError::Stopped),
            answer = fetch_holder(run, login) => answer,
        };
        match answer {
            Ok(holder) => {
                calls.found.insert(login.folded(), holder.clone());
                history.login_holders.insert(login.folded(), holder);
            }
            Err(SourceError::Journal(error)) => return Err(error.into()),
            Err(error) => {
                calls.has_failed = true;
                tracing::warn!(
                    operator.login = %login,
                    "the user that has the login {login} now could not be looked up: {}",
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
