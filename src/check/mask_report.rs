//! The report about masks: for every instance and every product profile, and for a mask that is only tried.

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

/// The question about the masks.
#[derive(Clone, Debug)]
pub struct MaskQuery {
    /// Names of product profiles; empty for all of the listing.
    pub names: Vec<String>,
    /// A mask to try; for one instance only, so the settings must hold no other.
    pub tried: Option<AssociationMask>,
    /// Whether the network may be used.
    pub network: Network,
}

/// The answer. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskReport {
    /// Version of this document's form.
    pub version: u32,
    /// Where the names come from; `None` when they were given.
    pub listing: Option<ListingOrigin>,
    /// The answer for each instance.
    pub instances: Vec<InstanceMaskReport>,
    /// What a run under the tried mask would change; `None` when none was tried, or not for the whole organization.
    pub run: Option<RunReport>,
    /// What the program would end with; not part of the JSON form.
    #[serde(skip)]
    pub outcome: Outcome,
}

/// Where the names of the profiles come from. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingOrigin {
    /// When the listing was read.
    #[serde(serialize_with = "rfc3339")]
    pub read_at: DateTime<Utc>,
    /// When a new one may be requested from Adobe; `None` when this one is new, or the network is not to be used.
    #[serde(serialize_with = "rfc3339_or_null")]
    pub renewable_at: Option<DateTime<Utc>>,
    /// How many profiles it has.
    pub profiles: usize,
}

/// The answer for one instance. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceMaskReport {
    /// Its name in the configuration.
    pub name: String,
    /// Its mask.
    pub mask: String,
    /// A doubt about the mask.
    pub warning: Option<String>,
    /// Why Campaign's operator groups are not known; `None` when they are, or the network is not to be used.
    pub error: Option<String>,
    /// Whether a run creates operator groups that are missing.
    pub creates_groups: bool,
    /// What the mask says of each name.
    pub names: Vec<ProfileMatch>,
    /// The mask that is tried.
    pub tried: Option<TriedMask>,
}

/// A mask that is only tried. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedMask {
    /// The mask.
    pub mask: String,
    /// A doubt about it.
    pub warning: Option<String>,
    /// What it says of each name.
    pub names: Vec<ProfileMatch>,
    /// Each name under both masks.
    pub compared: Vec<MaskComparison>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The organization, or what is remembered of it, could not be read.
    #[error(transparent)]
    Listing(#[from] ProfileListingError),
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No listing is remembered, and the network is not to be used.
    #[error(
        "insufficient data: no listing of the product profiles is remembered; run the command without --offline, or name profiles"
    )]
    NothingRemembered,
}

impl MaskReport {
    /// How many names of all instances are of this kind.
    pub fn count(&self, matching: MatchKind) -> usize {
        self.instances.iter().map(|instance| count(&instance.names, matching)).sum()
    }
}

/// How many names are of this kind.
pub(super) fn count(names: &[ProfileMatch], matching: MatchKind) -> usize {
    names.iter().filter(|name| name.matching == matching).count()
}

/// Answers. A tried mask costs a dry run when no names are given; nothing in Campaign or the organization is changed by
/// either.
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

/// A dry run under another mask.
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

/// The listing that the answer rests on; `None` when names were given.
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
    // A run has read the listing or has reported why not: Adobe is not asked twice.
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
