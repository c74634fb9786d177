//! The report of `mask`: how every product profile matches the mask of each instance, and a mask to try.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    campaign::{Campaign, CampaignError},
    domain::{AssociationMask, MissingPolicy, OperatorGroup, Outcome, RunReport, Watcher, rfc3339, rfc3339_or_null},
    journal::{Journal, JournalError},
    observability::Chain,
    settings::Settings,
    sync::{self, InstanceOptions, KnownListing, ProfileListingError, SyncOptions},
};

use super::Network;
use super::mask::{MaskComparison, MatchKind, ProfileMatch, compare_masks, match_names};

/// Version of the document's form.
const VERSION: u32 = 1;

/// What the report is about.
#[derive(Clone, Debug)]
pub struct MaskQuery {
    /// Names of product profiles; empty for all profiles of the listing.
    pub names: Vec<String>,
    /// A mask to try. It is for one instance, so the settings must have exactly one.
    pub tried: Option<AssociationMask>,
    /// Whether the network may be used.
    pub network: Network,
}

/// The report. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskReport {
    /// Version of this document's form.
    pub version: u32,
    /// The listing that the names come from; `None` when the names were given.
    pub listing: Option<ListingOrigin>,
    /// The part of each instance.
    pub instances: Vec<InstanceMaskReport>,
    /// What a run with the tried mask would change; `None` when no mask is tried, or names were given.
    pub run: Option<RunReport>,
    /// The outcome, which decides the exit status; not part of the JSON form.
    #[serde(skip)]
    pub outcome: Outcome,
}

/// The listing that the names of the profiles come from. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingOrigin {
    /// When the listing was read.
    #[serde(serialize_with = "rfc3339")]
    pub read_at: DateTime<Utc>,
    /// When a new listing may be requested from Adobe; `None` when this one is new, or offline.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub renewable_at: Option<DateTime<Utc>>,
    /// The number of profiles.
    pub profiles: usize,
}

/// The part of one instance. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceMaskReport {
    /// Its name in the configuration.
    pub name: String,
    /// Its mask.
    pub mask: String,
    /// A warning about the mask.
    pub warning: Option<String>,
    /// Why Campaign's operator groups could not be read; `None` when they were read, or offline.
    pub error: Option<String>,
    /// Whether a run creates operator groups that are missing.
    pub creates_groups: bool,
    /// How each name matches the mask.
    pub names: Vec<ProfileMatch>,
    /// The mask to try.
    pub tried: Option<TriedMask>,
}

/// A mask to try. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedMask {
    /// The mask.
    pub mask: String,
    /// A warning about the mask.
    pub warning: Option<String>,
    /// How each name matches the mask.
    pub names: Vec<ProfileMatch>,
    /// Each name with its group under both masks.
    pub compared: Vec<MaskComparison>,
}

/// Why the report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The listing of the organization could not be read, neither from Adobe nor from the state.
    #[error(transparent)]
    Listing(#[from] ProfileListingError),
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The state has no listing, and the network may not be used.
    #[error(
        "insufficient data: the state has no listing of the product profiles; run the command without --offline, or name profiles"
    )]
    NothingRemembered,
}

impl MaskReport {
    /// How many names of all instances have this kind of match.
    pub fn count(&self, matching: MatchKind) -> usize {
        self.instances.iter().map(|instance| count(&instance.names, matching)).sum()
    }
}

/// How many names have this kind of match.
pub(super) fn count(names: &[ProfileMatch], matching: MatchKind) -> usize {
    names.iter().filter(|name| name.matching == matching).count()
}

/// Makes the report. With a mask to try and without names it makes a dry run. It changes nothing in Campaign or in the
/// organization.
pub async fn mask_report(settings: &Settings, query: &MaskQuery, watcher: &Watcher) -> Result<MaskReport, MaskError> {
    let options = settings.sync_options();
    let run = match &query.tried {
        Some(tried) if query.names.is_empty() && query.network == Network::Online => {
            Some(Box::pin(rehearsed(settings, tried, watcher)).await?)
        }
        _ => None,
    };
    let listing = Box::pin(listing(settings, &options, query, run.as_ref(), watcher)).await?;
    let names: Vec<&str> = match &listing {
        Some(listing) => listing.profiles.iter().map(|profile| profile.name.as_str()).collect(),
        None => query.names.iter().map(String::as_str).collect(),
    };
    let mut outcome = run.as_ref().map_or(Outcome::InSync, |run| run.outcome);
    let mut instances = Vec::with_capacity(options.instances.len());
    for instance in &options.instances {
        let groups = match query.network {
            Network::Online => Some(Box::pin(operator_groups(instance)).await),
            Network::Offline => None,
        };
        if let Some(Err(error)) = &groups {
            outcome = Outcome::of_all([outcome, error.failure().into()]);
        }
        instances.push(of_instance(instance, query, &names, groups));
    }
    let origin = listing.as_ref().map(|listing| ListingOrigin {
        read_at: listing.read_at,
        renewable_at: listing.renewable_at,
        profiles: listing.profiles.len(),
    });
    Ok(MaskReport { version: VERSION, listing: origin, instances, run, outcome })
}

/// Makes a dry run with another mask.
async fn rehearsed(settings: &Settings, tried: &AssociationMask, watcher: &Watcher) -> Result<RunReport, JournalError> {
    let mut options = settings.sync_options();
    for instance in &mut options.instances {
        instance.policy.mask = tried.clone();
    }
    let journal = Journal::open(&settings.journal_options()).await?;
    let described = format!("mask --try {}", tried.as_str());
    let report = sync::rehearse(&options, &journal, described, watcher).await;
    journal.close().await;
    Ok(report)
}

/// The listing that the report is based on; `None` when names were given.
async fn listing(
    settings: &Settings,
    options: &SyncOptions,
    query: &MaskQuery,
    run: Option<&RunReport>,
    watcher: &Watcher,
) -> Result<Option<KnownListing>, MaskError> {
    if !query.names.is_empty() {
        return Ok(None);
    }
    let journal = Journal::open_existing(&settings.journal_options()).await?;
    // A run has read the listing, or has reported why it could not: no second request to Adobe is made.
    if run.is_none() && query.network == Network::Online {
        return Ok(Some(sync::listing(options, journal.as_ref(), watcher).await?));
    }
    let remembered = match &journal {
        Some(journal) => journal.listing(&options.experience_cloud.organization_id).await?,
        None => None,
    };
    match remembered {
        Some(listing) => {
            let (profiles, read_at) = (listing.profiles, listing.read_at);
            Ok(Some(KnownListing { profiles, read_at, renewable_at: None }))
        }
        None if run.is_some() => Ok(None),
        None => Err(MaskError::NothingRemembered),
    }
}

async fn operator_groups(instance: &InstanceOptions) -> Result<Vec<OperatorGroup>, CampaignError> {
    let campaign = Campaign::new(instance.campaign.clone())?;
    let groups = campaign.fetch_groups().await;
    campaign.sign_out().await;
    groups
}

fn of_instance(
    instance: &InstanceOptions,
    query: &MaskQuery,
    names: &[&str],
    groups: Option<Result<Vec<OperatorGroup>, CampaignError>>,
) -> InstanceMaskReport {
    let policy = &instance.policy;
    let (groups, error) = match groups {
        Some(Ok(groups)) => (Some(groups), None),
        Some(Err(error)) => (None, Some(Chain(&error).to_string())),
        None => (None, None),
    };
    let verdicts_of = |mask: &AssociationMask| match_names(mask, names.iter().copied(), groups.as_deref());
    let tried = query.tried.as_ref().map(|tried| TriedMask {
        mask: tried.as_str().to_owned(),
        warning: tried.warning(),
        names: verdicts_of(tried),
        compared: compare_masks(&policy.mask, tried, names.iter().copied()),
    });
    InstanceMaskReport {
        name: policy.instance.to_string(),
        mask: policy.mask.as_str().to_owned(),
        warning: policy.mask.warning(),
        error,
        creates_groups: policy.missing_group == MissingPolicy::Create,
        names: verdicts_of(&policy.mask),
        tried,
    }
}
