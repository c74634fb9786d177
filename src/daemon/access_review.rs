//! Access reviews, as the command `review` shows and records them: the command does it where it may use the state, or else
//! the daemon for it.

use chrono::{DateTime, Utc};

use crate::{
    domain::{AccessReview, Approver, FoldedName, ReviewNote},
    journal::{Journal, JournalError, ReviewOutcome},
    settings::Settings,
};

/// How often a review is read again because a run changed the access before it was recorded.
const MOST_ATTEMPTS: usize = 5;

/// What to review.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewQuery {
    /// The beginning of the period whose changes are listed; `None` for the last review of each instance.
    pub since: Option<DateTime<Utc>>,
    /// Only this instance, in any letter case.
    pub instance: Option<String>,
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
    settings: &Settings,
    query: &ReviewQuery,
    now: DateTime<Utc>,
) -> Result<AccessReview, ReviewError> {
    let recorded = match journal {
        Some(journal) => journal.instances_with_access().await?,
        None => Vec::new(),
    };
    let mut instances = Vec::new();
    for name in selected(recorded, settings, query.instance.as_deref())? {
        if let Some(journal) = journal {
            instances.push(journal.review_record(&name, query.since).await?.reviewed(now));
        }
    }
    let organization = &settings.experience_cloud.options.organization_id;
    Ok(AccessReview::new(organization.as_str(), now, instances))
}

/// Records that the access was reviewed by `reviewer`, and returns the review with the record of it. With a digest, only the
/// access with that digest counts as reviewed: where it is another, nothing is recorded, and the review has no record.
pub async fn record_review(
    journal: Option<&Journal>,
    settings: &Settings,
    query: &ReviewQuery,
    digest: Option<&str>,
    reviewer: &Approver,
) -> Result<AccessReview, ReviewError> {
    for _ in 0..MOST_ATTEMPTS {
        let now = Utc::now();
        let review = review(journal, settings, query, now).await?;
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

/// The recorded instances, or the one of this name. An instance that is neither recorded nor configured is refused: its
/// review would be empty, as if no operator had access.
fn selected(recorded: Vec<String>, settings: &Settings, name: Option<&str>) -> Result<Vec<String>, ReviewError> {
    let Some(name) = name else { return Ok(recorded) };
    let folded = FoldedName::new(name);
    let named: Vec<String> = recorded.into_iter().filter(|known| FoldedName::new(known) == folded).collect();
    match settings.unknown_instance(name) {
        Some(unknown) if named.is_empty() => Err(ReviewError::UnknownInstance(unknown)),
        _ => Ok(named),
    }
}
