//! Reads the organization from Adobe's user management API (UMAPI), completely or not at all.
//!
//! | file | what lives there |
//! |---|---|
//! | `access_token` | the token of the identity service: obtained once, renewed in time |
//! | `call_budget` | calls per minute |
//! | `umapi` | one call: paced, authorized, repeated as its kind allows |
//! | `groups_listing` | which product profiles there are |
//! | `read_choice` | which calls fetch the memberships, and what they cost |
//! | `membership_read` | from pages to a snapshot |
//! | `members_calls` | in which ways the members of one profile can be asked for |
//! | `users_walk` | all pages of one listing of users, with the evidence |
//! | `single_user` | one person, without any page |
//! | `users_page`, `page_text` | one page, read within bounds |
//! | `text_field`, `unusable_user` | what can be known of a record that cannot be used |
//! | `profile_names`, `user_key` | which names and which accounts matter |

mod access_token;
mod call_budget;
mod error;
mod groups_listing;
mod members_calls;
mod membership_read;
mod page_text;
mod profile_names;
mod read_choice;
mod single_user;
mod text_field;
mod umapi;
mod unusable_user;
mod user_key;
mod users_page;
mod users_walk;

use std::{cell::RefCell, num::NonZeroU32, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

pub use crate::domain::Membership;
pub use call_budget::{CallLedger, CallPermission, LedgerError, PauseEnd, PermissionFuture, RecordingFuture};
pub use error::ExperienceCloudError;
pub use groups_listing::ProfileListing;
pub use membership_read::ProfileMembers;
pub use read_choice::ReadChoice;
pub use single_user::UserRead;

use access_token::TokenSource;
use call_budget::CallBudget;
use groups_listing::ListingOrigin;
use membership_read::MembershipRead;
use read_choice::ReadCosts;
use umapi::{Umapi, UmapiAccess};
use user_key::KeyMaker;

use crate::{
    domain::{
        AssociationMask, CallPurpose, LONGEST_PAUSE, LoginSet, OrganizationId, OrganizationSnapshot, ProductProfile,
        ProfileRead, ReadKind, Tolerance, Watcher,
    },
    transport::{self, BaseUrl, Credential, ExposeSecret as _, HttpClient, IdentityService, RetryPolicy, SecretString},
};

/// What the client needs to know.
#[derive(Clone, Debug)]
pub struct UmapiOptions {
    /// The organization to read.
    pub organization_id: OrganizationId,
    /// Client id of the OAuth server-to-server credential; also the `X-Api-Key`.
    pub client_id: String,
    /// Secret of that credential.
    pub client_secret: SecretString,
    /// Base address of the identity service, such as `https://ims-na1.adobelogin.com`.
    pub ims_url: BaseUrl,
    /// Base address of the API, such as `https://usermanagement.adobe.io/v2/usermanagement`.
    pub umapi_url: BaseUrl,
    /// Scopes of the token, separated by commas.
    pub scopes: String,
    /// Which memberships count.
    pub membership: Membership,
    /// Which calls fetch the memberships.
    pub read: ReadChoice,
    /// Most calls for users in any minute.
    pub users_per_minute: NonZeroU32,
    /// Most calls for the groups listing in any minute.
    pub groups_per_minute: NonZeroU32,
    /// How many users may be counted and not listed.
    pub tolerance: Tolerance,
    /// How patiently one call is repeated.
    pub retry: RetryPolicy,
    /// Bounds of one request.
    pub http: transport::HttpOptions,
}

/// The value of `directOnly`. It is always sent: the vendor's default is `true` and hides inherited profiles.
fn direct_only(membership: Membership) -> &'static str {
    match membership {
        Membership::Effective => "false",
        Membership::Direct => "true",
    }
}

/// A pause that Adobe asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedPause {
    /// From the answer that asked for it.
    pub length: Duration,
    /// When it ends.
    pub until: DateTime<Utc>,
}

impl RequestedPause {
    /// A pause that begins now. No more than [`LONGEST_PAUSE`] is obeyed, so none is named that ends later.
    fn from_now(length: Duration) -> Self {
        let length = length.min(LONGEST_PAUSE.to_std().unwrap_or_default());
        Self { length, until: Utc::now() + length }
    }
}

/// What all clients of one credential share in this process: connections, token, and the calls of the last minute. Clones
/// are the same.
#[derive(Clone, Debug)]
pub struct SharedAccess {
    /// What it was made from.
    options: UmapiOptions,
    access: Arc<UmapiAccess>,
}

impl SharedAccess {
    /// Nothing is sent yet; the first call of a client obtains the token.
    pub fn new(options: &UmapiOptions) -> Result<Self, ExperienceCloudError> {
        let http = |base| HttpClient::new(base, &options.http).map_err(ExperienceCloudError::Setup);
        let umapi_http = http(&options.umapi_url)?;
        // Each client reads all of the host's certificates; one will do where both addresses encrypt, or neither does.
        let alike = options.ims_url.is_plain() == options.umapi_url.is_plain();
        let ims_http = if alike { umapi_http.clone() } else { http(&options.ims_url)? };
        let credential = Credential {
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            scopes: options.scopes.clone(),
        };
        let tokens = TokenSource::new(IdentityService::new(ims_http, &options.ims_url, credential));
        let access = Arc::new(UmapiAccess::new(umapi_http, tokens, options)?);
        Ok(Self { options: options.clone(), access })
    }

    /// Whether it serves clients of these options: the same credential, addresses, limits, and bounds of a request.
    pub fn serves(&self, options: &UmapiOptions) -> bool {
        let key = |options: &UmapiOptions| {
            let addresses = (options.ims_url.clone(), options.umapi_url.clone());
            let limits = (options.users_per_minute, options.groups_per_minute);
            (options.client_id.clone(), options.scopes.clone(), addresses, limits, options.http.clone())
        };
        let is_same_secret = self.options.client_secret.expose_secret() == options.client_secret.expose_secret();
        is_same_secret && key(&self.options) == key(options)
    }

    /// A client whose calls `ledger` counts, together with those of other processes; without one, only those of this access
    /// are counted. `watcher` is told how far each read is.
    pub fn client(
        &self,
        options: UmapiOptions,
        ledger: Option<Arc<dyn CallLedger>>,
        purpose: CallPurpose,
        watcher: Watcher,
    ) -> ExperienceCloud {
        let UmapiOptions { organization_id, membership, read, tolerance, retry, .. } = options;
        let umapi = Umapi::new(Arc::clone(&self.access), CallBudget::new(ledger, purpose, watcher), retry);
        ExperienceCloud { organization: organization_id, membership, read, tolerance, umapi }
    }
}

/// Reads one organization, for one run or one question: it counts its own calls.
#[derive(Debug)]
pub struct ExperienceCloud {
    organization: OrganizationId,
    membership: Membership,
    read: ReadChoice,
    tolerance: Tolerance,
    umapi: Umapi,
}

impl ExperienceCloud {
    /// A client that shares nothing and counts its calls by itself; nothing is sent yet.
    pub fn new(options: UmapiOptions) -> Result<Self, ExperienceCloudError> {
        Ok(SharedAccess::new(&options)?.client(options, None, CallPurpose::Run, Watcher::none()))
    }

    /// Reads the groups listing: all product profiles. Begins a run, and asks for page 0 of the listing of groups.
    pub async fn fetch_listing(&self) -> Result<ProfileListing, ExperienceCloudError> {
        self.umapi.begin_run();
        self.umapi.marking_unsent(groups_listing::fetch(&self.umapi, &self.organization)).await
    }

    /// Which calls will fetch the memberships of the profiles that at least one mask matches: what is configured, or what
    /// costs fewer calls. Those of a remembered listing are read one by one, unless the configuration forbids it.
    ///
    /// Sends nothing. Fails with [`ExperienceCloudError::NoMatch`] when no mask matches any profile.
    pub fn choose(
        &self,
        listing: &ProfileListing,
        masks: &[AssociationMask],
    ) -> Result<ReadKind, ExperienceCloudError> {
        let matched = matched(listing, masks)?;
        let largest_group = match &listing.origin {
            ListingOrigin::Read { largest_group, .. } => *largest_group,
            ListingOrigin::Remembered if self.read == ReadChoice::Organization => return Ok(ReadKind::Organization),
            ListingOrigin::Remembered => return Ok(ReadKind::Profiles),
        };
        let costs = ReadCosts::of(matched.iter().filter_map(|at| listing.profiles.get(*at as usize)), largest_group);
        let kind = self.read.choose(costs);
        tracing::info!(
            umapi.read = match kind {
                ReadKind::Organization => "organization",
                ReadKind::Profiles => "profiles",
            },
            umapi.matched_profiles = matched.len(),
            umapi.cost.profiles = costs.profiles,
            umapi.cost.organization_at_least = costs.organization,
            "the memberships are read {}",
            match kind {
                ReadKind::Organization => "with all users of the organization",
                ReadKind::Profiles => "profile by profile",
            }
        );
        Ok(kind)
    }

    /// Which calls fetch the memberships, as configured.
    pub fn read_choice(&self) -> ReadChoice {
        self.read
    }

    /// Reads the memberships of the product profiles that at least one mask matches. A walk over the organization keeps also
    /// every user in use who has one of `logins` as address or user name.
    ///
    /// [`ReadKind::Organization`] begins with page 0 of the organization's users. [`ReadKind::Profiles`] costs no page 0 of
    /// the organization's listings. With a remembered listing this begins a run, and a walk over the organization is
    /// followed by the members of each matching profile: nobody knows whether a group of another kind has its name.
    pub async fn fetch_memberships(
        &self,
        listing: ProfileListing,
        masks: &[AssociationMask],
        logins: LoginSet,
        kind: ReadKind,
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let matched = matched(&listing, masks)?;
        if listing.origin == ListingOrigin::Remembered {
            self.umapi.begin_run();
        }
        let read = self.membership_read();
        let reading = async {
            match kind {
                ReadKind::Organization => read.by_organization(listing, &matched, masks, logins).await,
                ReadKind::Profiles => read.by_profiles(listing, &matched).await,
            }
        };
        self.umapi.marking_unsent(reading).await
    }

    /// Reads one user by e-mail address, in any letter case; `None` when the organization has no such user in use.
    ///
    /// Costs no page 0. Of two users with one address the vendor shows one. Whether profiles that come through a user
    /// group are shown is not documented: what is absent here proves nothing.
    pub async fn fetch_user(
        &self,
        name: &str,
        membership: Membership,
    ) -> Result<Option<UserRead>, ExperienceCloudError> {
        single_user::fetch(&self.umapi, &self.organization, name, membership).await
    }

    /// Reads one profile's members once more, independently, to prove that somebody is not among them.
    ///
    /// Asks in another way than `first`, so that no cache can answer both: by the profile's id where the first read went
    /// by name or did not ask for this profile, by its name where the first went by id. Answers without the counting
    /// headers prove nothing and are an error, and so are "not found", an empty page, and a page of another name.
    pub async fn fetch_profile_members(
        &self,
        profile: &ProductProfile,
        first: &ProfileRead,
    ) -> Result<ProfileMembers, ExperienceCloudError> {
        self.membership_read().of_profile(profile, first).await
    }

    /// UMAPI calls sent so far, repeated ones included, tokens not counted.
    pub fn calls(&self) -> u64 {
        self.umapi.calls()
    }

    fn membership_read(&self) -> MembershipRead<'_> {
        MembershipRead {
            umapi: &self.umapi,
            organization: &self.organization,
            membership: self.membership,
            tolerance: self.tolerance,
            keys: RefCell::new(KeyMaker::default()),
        }
    }
}

/// Positions of the profiles that at least one mask matches; never none.
fn matched(listing: &ProfileListing, masks: &[AssociationMask]) -> Result<Vec<u32>, ExperienceCloudError> {
    let matched = profile_names::matched(&listing.profiles, masks);
    if matched.is_empty() {
        let masks = masks.iter().map(|mask| format!("\"{}\"", mask.as_str())).collect::<Vec<_>>().join(", ");
        return Err(ExperienceCloudError::NoMatch { profiles: listing.profiles.len(), masks });
    }
    Ok(matched)
}
