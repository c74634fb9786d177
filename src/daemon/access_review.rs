//! Access reviews, as the command `review` shows and records them: the command does it where it may use the state, or else
//! the daemon for it.

use chrono::{DateTime, Utc};

use crate::{
    domain::{AccessReview, Approver, FoldedName, InstanceName, OrganizationId, ReviewNote},
    journal::{Journal, JournalError, ReviewOutcome},
    settings::{PartialSettings, Settings, unknown_instance},
};

/// How often a review is read again because a run changed the access before it was recorded.
const MOST_ATTEMPTS: usize = 5;

/// The note about an instance of the record that the configuration does not have.
const NOT_CONFIGURED: &str = "This instance is not in the configuration any more: no run reads it, and what is shown is what the last run found.";

/// What to review.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewQuery {
    /// The beginning of the period whose changes are listed; `None` for the last review of each instance.
    pub since: Option<DateTime<Utc>>,
    /// Only this instance, in any letter case.
    pub instance: Option<String>,
}

/// The part of a configuration that a review needs: no secret.
#[derive(Clone, Debug)]
pub struct ReviewScope {
    /// The id of the organization.
    pub organization_id: OrganizationId,
    /// The organization on this host, where it serves several.
    pub organization: Option<String>,
    /// The configured instances.
    pub instances: Vec<InstanceName>,
}

impl From<&Settings> for ReviewScope {
    fn from(settings: &Settings) -> Self {
        Self {
            organization_id: settings.experience_cloud.options.organization_id.clone(),
            organization: settings.organization.as_ref().map(ToString::to_string),
            instances: settings.instances.iter().map(|instance| instance.name().clone()).collect(),
        }
    }
}

impl ReviewScope {
    /// The same of a configuration with problems, such as secrets that this user may not read.
    pub fn of_partial(settings: &PartialSettings) -> Option<Self> {
        Some(Self {
            organization_id: settings.organization_id.clone()?,
            organization: settings.organization.as_ref().map(ToString::to_string),
            instances: settings.instances.iter().map(|instance| instance.name.clone()).collect(),
        })
    }
}

/// Why there is no review.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No instance has this name.
    #[error("{0}")]
    UnknownInstance(String),
    /// A review of nothing was to be recorded.
    #[error(
        "nothing is recorded, so there is no access to review: no run has read {}; make one with \
         `campaign-group-sync --sync-now`",
        instance.as_ref().map_or_else(|| "an instance".to_owned(), |name| format!("instance {name}"))
    )]
    NothingRecorded {
        /// The instance that was asked for.
        instance: Option<String>,
    },
    /// Runs change the access all the time.
    #[error("runs changed the access while it was read, {MOST_ATTEMPTS} times: nothing was recorded; retry later")]
    Changing,
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl ReviewError {
    /// Whether the request is wrong, and not its execution.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::UnknownInstance(_) | Self::NothingRecorded { .. } => true,
            Self::Changing | Self::Journal(_) => false,
        }
    }
}

/// The review of what the journal has recorded; without instances where no run was made yet. `journal` is `None` where there
/// is none.
pub async fn review(
    journal: Option<&Journal>,
    scope: &ReviewScope,
    query: &ReviewQuery,
    now: DateTime<Utc>,
) -> Result<AccessReview, ReviewError> {
    let recorded = match journal {
        Some(journal) => {
            journal.require_organization(&scope.organization_id).await?;
            journal.instances_with_access().await?
        }
        None => Vec::new(),
    };
    let (selected, never_read) = selected(recorded, scope, query.instance.as_deref())?;
    let mut instances = Vec::new();
    for name in selected {
        if let Some(journal) = journal {
            let mut reviewed = journal.review_record(&name, query.since).await?.reviewed(now);
            if !scope.instances.iter().any(|known| known.folded() == FoldedName::new(&name)) {
                reviewed.notes.insert(0, NOT_CONFIGURED.to_owned());
            }
            instances.push(reviewed);
        }
    }
    let review = AccessReview::new(scope.organization_id.as_str(), now, instances);
    Ok(AccessReview { organization_name: scope.organization.clone(), never_read, ..review })
}

/// Records that the access was reviewed by `reviewer`, and returns the review with the record of it. With a digest, only the
/// access with that digest counts as reviewed: where it is another, nothing is recorded, and the review has no record.
pub async fn record_review(
    journal: Option<&Journal>,
    scope: &ReviewScope,
    query: &ReviewQuery,
    digest: Option<&str>,
    reviewer: &Approver,
) -> Result<AccessReview, ReviewError> {
    for _ in 0..MOST_ATTEMPTS {
        let now = Utc::now();
        let review = review(journal, scope, query, now).await?;
        let Some(journal) = journal.filter(|_| !review.instances.is_empty()) else {
            return Err(ReviewError::NothingRecorded { instance: query.instance.clone() });
        };
        if digest.is_some_and(|digest| !review.has_digest(digest)) {
            return Ok(review);
        }
        match journal.record_review(&review, reviewer, now).await? {
            ReviewOutcome::Recorded => {
                let recorded = ReviewNote::new(&review.digest, reviewer, now);
                tracing::info!(review.digest = %review.digest, %reviewer, "the access was reviewed by {reviewer}");
                return Ok(AccessReview { recorded: Some(recorded), ..review });
            }
            ReviewOutcome::Changed => {}
        }
    }
    Err(ReviewError::Changing)
}

/// The recorded instances and the names of the configured ones that no run has read, or both of this name. An instance that
/// is neither recorded nor configured is refused: its review would be empty, as if no operator had access.
fn selected(
    mut recorded: Vec<String>,
    scope: &ReviewScope,
    name: Option<&str>,
) -> Result<(Vec<String>, Vec<String>), ReviewError> {
    let is_recorded = |known: &&InstanceName| recorded.iter().any(|name| known.folded() == FoldedName::new(name));
    let mut never_read: Vec<String> =
        scope.instances.iter().filter(|known| !is_recorded(known)).map(ToString::to_string).collect();
    if let Some(name) = name {
        let folded = FoldedName::new(name);
        recorded.retain(|known| FoldedName::new(known) == folded);
        never_read.retain(|known| FoldedName::new(known) == folded);
        if recorded.is_empty()
            && let Some(unknown) = unknown_instance(scope.instances.iter(), &[name.to_owned()])
        {
            return Err(ReviewError::UnknownInstance(unknown));
        }
    }
    Ok((recorded, never_read))
}
