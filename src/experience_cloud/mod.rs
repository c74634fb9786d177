//! The client of Adobe's user management API (UMAPI): reads the organization completely, or fails.
//!
//! | file | contents |
//! |---|---|
//! | `access_token` | the access token of IMS: obtained once, renewed before it expires |
//! | `call_budget` | the limit of calls per minute |
//! | `lanes` | how many calls are under way at the same time |
//! | `umapi` | one call: waits for its slot, carries the token, is retried as its kind allows |
//! | `groups_listing` | the product profiles of the organization |
//! | `read_choice` | which calls read the memberships, and how many calls each way costs |
//! | `membership_read` | builds a snapshot from pages |
//! | `members_calls` | the ways to request the members of one profile |
//! | `first_page` | page 0 of a walk, which is then continued or abandoned |
//! | `users_walk` | reads all pages of one listing of users, with the evidence that it is complete |
//! | `single_user` | one user by e-mail address, without a listing |
//! | `users_page`, `page_scan`, `page_text` | one page of users, parsed within size limits |
//! | `text_field`, `unusable_user` | what is known of a user whose record cannot be used |
//! | `profile_names`, `user_key` | the profiles that match a mask, and the identity of accounts |
//! | `fuzzing` | entrances for the fuzz targets |

mod access_token;
mod call_budget;
mod error;
mod first_page;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod groups_listing;
mod lanes;
mod members_calls;
mod membership_read;
mod page_scan;
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
pub use profile_names::MatchedListing;
pub use read_choice::{ReadChoice, ReadCosts};
pub use single_user::UserRead;

use access_token::TokenSource;
use call_budget::CallBudget;
use groups_listing::ListingOrigin;
use membership_read::MembershipRead;
use umapi::{Umapi, UmapiAccess};
use user_key::KeyMaker;

use crate::{
    domain::{
        CallPurpose, LONGEST_PAUSE, LoginSet, OrganizationId, OrganizationSnapshot, ProductProfile, ProfileRead,
        ReadKind, Tolerance, Watcher,
    },
    transport::{self, BaseUrl, Credential, ExposeSecret as _, HttpClient, IdentityService, RetryPolicy, SecretString},
};

/// The options of the UMAPI client.
#[derive(Clone, Debug)]
pub struct UmapiOptions {
    /// The organization to read.
    pub organization_id: OrganizationId,
    /// Client id of the OAuth server-to-server credential; it is also sent as `X-Api-Key`.
    pub client_id: String,
    /// Secret of that credential.
    pub client_secret: SecretString,
    /// Base address of IMS, such as `https://ims-na1.adobelogin.com`.
    pub ims_url: BaseUrl,
    /// Base address of UMAPI, such as `https://usermanagement.adobe.io/v2/usermanagement`.
    pub umapi_url: BaseUrl,
    /// Scopes of the token, separated by commas.
    pub scopes: String,
    /// Whether memberships through user groups count.
    pub membership: Membership,
    /// Which calls read the memberships.
    pub read: ReadChoice,
    /// Maximum number of calls for users in any minute.
    pub users_per_minute: NonZeroU32,
    /// Maximum number of calls for the groups listing in any minute.
    pub groups_per_minute: NonZeroU32,
    /// Maximum number of calls under way at the same time.
    pub parallel_requests: NonZeroU32,
    /// How many users may be missing from a listing that Adobe counts.
    pub tolerance: Tolerance,
    /// How often one call is retried, and after which pauses.
    pub retry: RetryPolicy,
    /// Time and size limits of one request.
    pub http: transport::HttpOptions,
}

/// The value of `directOnly`. It is always sent: Adobe's default is `true` and hides inherited profiles.
fn direct_only(membership: Membership) -> &'static str {
    match membership {
        Membership::Effective => "false",
        Membership::Direct => "true",
    }
}

/// A pause that Adobe asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedPause {
    /// As the response says.
    pub length: Duration,
    /// When it ends.
    pub until: DateTime<Utc>,
}

impl RequestedPause {
    /// A pause that begins now, shortened to [`LONGEST_PAUSE`], the longest that the program waits.
    fn from_now(length: Duration) -> Self {
        let length = length.min(LONGEST_PAUSE.to_std().unwrap_or_default());
        Self { length, until: Utc::now() + length }
    }
}

/// What all clients of one credential share in this process: connections, token, and the count of calls of the last
/// minute. Clones share the same.
#[derive(Clone, Debug)]
pub struct SharedAccess {
    /// The options that it was created from.
    options: UmapiOptions,
    access: Arc<UmapiAccess>,
}

impl SharedAccess {
    /// Sends nothing; the first call of a client obtains the token.
    pub fn new(options: &UmapiOptions) -> Result<Self, ExperienceCloudError> {
        let http = |base| HttpClient::new(base, &options.http).map_err(ExperienceCloudError::Client);
        let umapi_http = http(&options.umapi_url)?;
        // Each HTTP client loads all certificates of the host: one client is enough if both addresses use TLS, or
        // neither.
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

    /// Whether clients with these options can share it: the credential, addresses, call limits and request limits are
    /// equal.
    pub fn serves(&self, options: &UmapiOptions) -> bool {
        let key = |options: &UmapiOptions| {
            let addresses = (options.ims_url.clone(), options.umapi_url.clone());
            let limits = (options.users_per_minute, options.groups_per_minute);
            (options.client_id.clone(), options.scopes.clone(), addresses, limits, options.http.clone())
        };
        let is_same_secret = self.options.client_secret.expose_secret() == options.client_secret.expose_secret();
        is_same_secret && key(&self.options) == key(options)
    }

    /// Creates a client. `ledger` counts its calls together with those of other processes; without one, only the calls
    /// of this process are counted. `watcher` receives the progress of each read.
    pub fn client(
        &self,
        options: UmapiOptions,
        ledger: Option<Arc<dyn CallLedger>>,
        purpose: CallPurpose,
        watcher: Watcher,
    ) -> ExperienceCloud {
        let UmapiOptions { organization_id, membership, read, tolerance, retry, parallel_requests, .. } = options;
        let budget = CallBudget::new(ledger, purpose, watcher);
        let umapi = Umapi::new(Arc::clone(&self.access), budget, retry, parallel_requests);
        ExperienceCloud { organization: organization_id, membership, read, tolerance, umapi }
    }
}

/// Reads one organization, for one run or one question, and counts its own calls.
#[derive(Debug)]
pub struct ExperienceCloud {
    organization: OrganizationId,
    membership: Membership,
    read: ReadChoice,
    tolerance: Tolerance,
    umapi: Umapi,
}

impl ExperienceCloud {
    /// Creates a client that shares nothing and counts its calls by itself; sends nothing.
    pub fn new(options: UmapiOptions) -> Result<Self, ExperienceCloudError> {
        Ok(SharedAccess::new(&options)?.client(options, None, CallPurpose::Run, Watcher::none()))
    }

    /// Reads the groups listing: all product profiles. Begins a run, and requests page 0 of the groups listing.
    pub async fn fetch_listing(&self) -> Result<ProfileListing, ExperienceCloudError> {
        self.umapi.begin_run();
        self.umapi.marking_unsent(groups_listing::fetch(&self.umapi, &self.organization)).await
    }

    /// Decides which calls read the memberships of the profiles that at least one mask matches: the configured ones, or
    /// those that cost fewer calls as far as that is known. The profiles of a remembered listing are read one by one,
    /// unless the configuration forbids it.
    ///
    /// Sends nothing.
    pub fn choose(&self, matched: &MatchedListing) -> ReadKind {
        let is_remembered = matched.listing.origin == ListingOrigin::Remembered;
        if is_remembered && self.read == ReadChoice::Organization {
            return ReadKind::Organization;
        }
        let costs = matched.costs();
        let kind = if is_remembered { ReadKind::Profiles } else { self.read.choose(&costs) };
        tracing::info!(
            umapi.read = match kind {
                ReadKind::Organization => "organization",
                ReadKind::Profiles => "profiles",
            },
            umapi.matched_profiles = costs.profile_count(),
            umapi.cost.profiles = costs.profiles(),
            umapi.cost.organization_at_least = costs.organization(),
            "memberships are read {}",
            match kind {
                ReadKind::Organization => "with all users of the organization",
                ReadKind::Profiles => "profile by profile",
            }
        );
        kind
    }

    /// Which calls read the memberships, as configured.
    pub fn read_choice(&self) -> ReadChoice {
        self.read
    }

    /// Reads the memberships of the product profiles that at least one mask matches. A read of all users of the
    /// organization also keeps every active user whose address or user name is one of `logins`.
    ///
    /// [`ReadKind::Organization`] requests page 0 of the organization's users, and with [`ReadChoice::Auto`] abandons the
    /// walk after it if the members of each profile cost fewer calls than the rest; [`ReadKind::Profiles`] requests no
    /// page 0 of the organization's listings. With a remembered listing this begins a run, and a read of all users is
    /// followed by a read of the members of each matching profile: a remembered listing does not say whether another
    /// group has the same name as the profile.
    pub async fn fetch_memberships(
        &self,
        matched: MatchedListing,
        logins: LoginSet,
        kind: ReadKind,
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        if matched.listing.origin == ListingOrigin::Remembered {
            self.umapi.begin_run();
        }
        let read = self.membership_read();
        let reading = async {
            match kind {
                ReadKind::Organization => read.by_organization(matched, logins, self.read).await,
                ReadKind::Profiles => read.by_profiles(matched).await,
            }
        };
        // The future of a walk has many kilobytes.
        self.umapi.marking_unsent(Box::pin(reading)).await
    }

    /// Reads one user by e-mail address, ignoring letter case; `None` if the organization has no such active user.
    ///
    /// Requests no page 0. If two users have the same address, Adobe returns one of them. Adobe does not document
    /// whether the response includes profiles inherited from a user group: a profile that is absent here proves
    /// nothing.
    pub async fn fetch_user(
        &self,
        name: &str,
        membership: Membership,
    ) -> Result<Option<UserRead>, ExperienceCloudError> {
        single_user::fetch(&self.umapi, &self.organization, name, membership).await
    }

    /// Reads the members of one profile a second time, to prove that a user is not one of them.
    ///
    /// The request differs from that of the `first` read, so that no cache can answer both: by the id of the profile if
    /// the first read used the name or did not request this profile, by its name if the first read used the id. A
    /// response without the counting headers proves nothing and is an error, as are "not found", an empty page, and a
    /// page of another profile.
    pub async fn fetch_profile_members(
        &self,
        profile: &ProductProfile,
        first: &ProfileRead,
    ) -> Result<ProfileMembers, ExperienceCloudError> {
        self.membership_read().of_profile(profile, first).await
    }

    /// UMAPI calls sent so far, including retries and without requests for tokens.
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
