//! The product profiles of the organization, for commands that only read.

use chrono::{DateTime, Utc};

use crate::{
    domain::{CallPurpose, Outcome, ProductProfile, Watcher},
    journal::{Journal, LockAttempt},
};

use super::{
    read_source::{SourceError, SourceReader},
    run::{RunRequest, SyncOptions},
};

/// The product profiles, and when they were read.
#[derive(Clone, Debug)]
pub struct KnownListing {
    /// All product profiles, in the order of the listing.
    pub profiles: Vec<ProductProfile>,
    /// When the listing was read.
    pub read_at: DateTime<Utc>,
    /// When Adobe allows a new read; `None` when this listing was read just now.
    pub renewable_at: Option<DateTime<Utc>>,
}

/// Why the product profiles could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the product profiles could not be read")]
pub struct ProfileListingError {
    outcome: Outcome,
    source: SourceError,
}

impl ProfileListingError {
    /// The outcome of a run that fails for this reason.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

impl From<SourceError> for ProfileListingError {
    fn from(source: SourceError) -> Self {
        Self { outcome: source.outcome(), source }
    }
}

/// Reads the groups listing where Adobe's limits allow a request for its page 0, and answers the stored listing otherwise.
/// Records the call as a run does. `journal` is `None` where no run was made yet: then nothing is recorded.
///
/// Sends no call while a run is in progress: the stored listing is the answer then.
pub async fn listing(
    options: &SyncOptions,
    journal: Option<&Journal>,
    watcher: &Watcher,
) -> Result<KnownListing, ProfileListingError> {
    Ok(read(options, journal, watcher).await?)
}

async fn read(
    options: &SyncOptions,
    journal: Option<&Journal>,
    watcher: &Watcher,
) -> Result<KnownListing, SourceError> {
    let client = options.clients.client(options.experience_cloud.clone(), journal, CallPurpose::Run, watcher)?;
    let Some(journal) = journal else {
        let listing = client.fetch_listing().await?;
        return Ok(KnownListing { profiles: listing.profiles().to_vec(), read_at: Utc::now(), renewable_at: None });
    };
    let organization = &options.experience_cloud.organization_id;
    let _lock = match journal.lock("a read of the product profiles").await? {
        LockAttempt::Acquired(lock) => lock,
        LockAttempt::Held(holder) => {
            let remembered = journal.listing(organization).await?.ok_or(SourceError::Locked { holder })?;
            let (profiles, read_at) = (remembered.profiles, remembered.read_at);
            return Ok(KnownListing { profiles, read_at, renewable_at: Some(Utc::now()) });
        }
    };
    let request = RunRequest::dry();
    let reader = SourceReader { options, journal, request: &request, experience_cloud: &client, watcher };
    let known = reader.profiles_for_display().await?;
    let read_at = match known.renewable_at {
        Some(_) => journal.listing(organization).await?.map_or_else(Utc::now, |remembered| remembered.read_at),
        None => Utc::now(),
    };
    Ok(KnownListing { profiles: known.listing.profiles().to_vec(), read_at, renewable_at: known.renewable_at })
}
