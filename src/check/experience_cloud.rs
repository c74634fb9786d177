//! The Admin Console: what IMS and UMAPI answer to the credential.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    asked_once,
    board::{Board, Outcome},
    catalogue::{FIRST_PAGE, IMS, ORGANIZATION, PRODUCT, PROFILES, STATE, TOKEN},
    certificate,
    verdict::Cause,
};
use crate::{
    domain::{CallPurpose, Failure, OrganizationId, Watcher, to_the_second},
    experience_cloud::{ExperienceCloud, ExperienceCloudError, ProfileListing, UmapiOptions},
    journal::{CallWindows, Journal, JournalError, ListingKind, RememberedListing},
    observability::Chain,
    settings::{self, PartialSettings},
    sync::{self, Clients},
    transport::{BaseUrl, HttpClient, IdentityService, TokenError},
};

/// An address that no user has (RFC 2606): asking for it costs no page and proves the token, the product and the organization.
const NOBODY: &str = "nobody@campaign-group-sync.invalid";

/// The scope that opens UMAPI (Adobe's guide to the User Management API).
const UMAPI_SCOPE: &str = "user_management_sdk";

/// What to do where the configured host of Adobe's does not answer.
fn let_through(url: &BaseUrl) -> String {
    format!("check that this host may reach {} (firewall, name service, proxy)", url.host_and_port())
}

/// What to do where the proxy of this host cannot be used.
pub(super) const PROXY: &str = "correct the environment variable that the evidence names; for the systemd service it is set in \
                                the EnvironmentFile of its unit";

/// Why a host of Adobe's was not reached, and what to do.
fn unreachable(error: &dyn std::error::Error, is_misconfigured: bool, url: &BaseUrl) -> Outcome {
    let evidence = Chain(error).to_string();
    if is_misconfigured {
        return Outcome::failed(Cause::Configuration, evidence, PROXY);
    }
    Outcome::failed(Cause::Unavailable, evidence, let_through(url))
}

/// Checks all that concerns the Experience Cloud; the profiles, when they are visible.
pub(super) async fn check(
    board: &mut Board,
    settings: &PartialSettings,
    journal: &Result<Option<Journal>, JournalError>,
    now: DateTime<Utc>,
) -> Option<ProfileListing> {
    let memory = match &settings.experience_cloud {
        Some(configured) => memory(board, configured, journal, now).await,
        None => None,
    };
    if !token(board, settings).await {
        return None;
    }
    let configured = settings.experience_cloud.as_ref()?;
    let known = journal.as_ref().ok().and_then(Option::as_ref);
    let options = UmapiOptions { retry: asked_once(), ..configured.options.clone() };
    let client = match Clients::default().client(options.clone(), known, CallPurpose::Run, &Watcher::none()) {
        Ok(client) => client,
        Err(error) => {
            board.settle(PRODUCT, failed(&error, &options.umapi_url));
            return None;
        }
    };
    if !admitted(board, &client, &options).await {
        return None;
    }
    profiles(board, (&client, &options.umapi_url), memory?, configured.first_page_interval, now).await
}

/// What is remembered of the calls to the organization; `None` where the state cannot be read, so that it is not known
/// whether page 0 may be requested.
async fn memory(
    board: &mut Board,
    configured: &settings::ExperienceCloud,
    journal: &Result<Option<Journal>, JournalError>,
    now: DateTime<Utc>,
) -> Option<Memory> {
    if matches!(journal, Err(JournalError::OlderSchema { .. })) {
        board.settle(FIRST_PAGE, Outcome::not_checked("the state is of an earlier version: the next run can tell"));
        return None;
    }
    if board.is_out_of_sight(STATE) {
        return None;
    }
    let memory = Memory::read(journal.as_ref().ok()?.as_ref(), &configured.options.organization_id, now).await;
    board.settle(FIRST_PAGE, memory.gate(configured.first_page_interval, now).outcome(&memory.windows));
    Some(memory)
}

/// Whether IMS issues a token, where enough can be read to ask it.
async fn token(board: &mut Board, settings: &PartialSettings) -> bool {
    let (Some(ims_url), Some(credential)) = (&settings.ims_url, &settings.credential) else { return false };
    let http = match HttpClient::new(ims_url, &settings.connections) {
        Ok(http) => http,
        Err(error) => {
            board.settle(IMS, unreachable(&error, error.is_misconfigured(), ims_url));
            return false;
        }
    };
    match IdentityService::new(http, ims_url, credential.clone()).issue().await {
        Ok(issued) => {
            board.settle(IMS, Outcome::ok(ims_url.to_string()));
            board.settle(TOKEN, Outcome::ok(format!("good for {} h", issued.life.as_secs().div_ceil(3600))));
            return true;
        }
        Err(TokenError::Refused { text, .. }) => {
            board.settle(IMS, Outcome::ok(ims_url.to_string()));
            board.settle(TOKEN, refused_token(&text.to_string(), "experience_cloud"));
        }
        Err(error @ TokenError::InvalidResponse { .. }) => {
            let remedy = "compare experience_cloud.ims_url with Adobe's address, https://ims-na1.adobelogin.com; look for a \
                          proxy that answers in its place";
            board.settle(IMS, Outcome::failed(Cause::Incomplete, Chain(&error).to_string(), remedy));
        }
        Err(error) => {
            let outcome = match error.certificate_fault() {
                Some(fault) => certificate::refused_of_adobe(fault, ims_url, "experience_cloud.ims_url"),
                None => unreachable(&error, error.is_misconfigured(), ims_url),
            };
            board.settle(IMS, outcome);
        }
    }
    false
}

/// What a refusal of IMS means; `section` is where the credential is configured.
pub(super) fn refused_token(said: &str, section: &str) -> Outcome {
    let evidence = format!("IMS refused: {said}");
    if said.contains("invalid_scope") {
        // IMS looks at scopes only once the secret is good.
        let remedy = format!(
            "compare {section}.scopes with the credential's page in the Developer Console (\"Scopes\"); a scope is granted \
             by adding its API to the project"
        );
        return Outcome::failed(Cause::Refused, evidence, remedy);
    }
    let remedy = if said.contains("client_secret") {
        format!(
            "copy the secret again from the Developer Console (\"OAuth Server-to-Server\", \"Retrieve client secret\") to the \
             place that {section}.client_secret is read from (campaign-group-sync config shows it), and restart the daemon; \
             check whether the secret was rotated"
        )
    } else if said.contains("client_id") {
        format!(
            "copy the client id again from the Developer Console (\"OAuth Server-to-Server\") into {section}.client_id"
        )
    } else {
        format!("compare {section}.client_id, its secret and its scopes with the Developer Console")
    };
    Outcome::refused_secret(evidence, remedy)
}

/// Whether UMAPI takes the token, and the organization is that of the credential.
async fn admitted(board: &mut Board, client: &ExperienceCloud, options: &UmapiOptions) -> bool {
    let error = match client.fetch_user(NOBODY, options.membership).await {
        // A 404 for the domain means that the call itself was allowed.
        Ok(_) | Err(ExperienceCloudError::InvalidResponse { status: 404, .. }) => None,
        Err(error) => Some(error),
    };
    let Some(error) = error else {
        board.settle(PRODUCT, Outcome::ok(options.umapi_url.to_string()));
        board.settle(ORGANIZATION, Outcome::ok(options.organization_id.to_string()));
        return true;
    };
    match &error {
        ExperienceCloudError::Refused { status: 401, excerpt, .. }
        | ExperienceCloudError::InvalidResponse { status: 400, excerpt, .. } => {
            board.settle(PRODUCT, Outcome::ok(options.umapi_url.to_string()));
            let evidence = format!("UMAPI refuses {}: {excerpt}", options.organization_id);
            let remedy = "copy the organization id from the overview of the same project in the Developer Console: the \
                          credential is valid for its own organization only";
            board.settle(ORGANIZATION, Outcome::failed(Cause::Refused, evidence, remedy));
        }
        ExperienceCloudError::Refused { excerpt, .. } => {
            let has_scope = options.scopes.split(',').any(|scope| scope == UMAPI_SCOPE);
            let remedy = if has_scope {
                "add the \"User Management API\" to the project of the credential in the Developer Console (\"Add to \
                 project\", \"API\"); only a system administrator of the organization can"
            } else {
                "add user_management_sdk to experience_cloud.scopes, or delete the line: the default has it"
            };
            board.settle(PRODUCT, Outcome::failed(Cause::Refused, format!("UMAPI refused: {excerpt}"), remedy));
        }
        _ => {
            let outcome = match error.certificate_fault() {
                Some(fault) => certificate::refused_of_adobe(fault, &options.umapi_url, "experience_cloud.umapi_url"),
                None => failed(&error, &options.umapi_url),
            };
            board.settle(PRODUCT, outcome);
        }
    }
    false
}

async fn profiles(
    board: &mut Board,
    (client, url): (&ExperienceCloud, &BaseUrl),
    memory: Memory,
    interval: Duration,
    now: DateTime<Utc>,
) -> Option<ProfileListing> {
    let gate = memory.gate(interval, now);
    let is_fresh = |listing: &RememberedListing| {
        TimeDelta::from_std(interval).is_ok_and(|interval| now < listing.read_at + interval)
    };
    let remembered = memory.listing.filter(|listing| gate.groups.is_some() || is_fresh(listing));
    if let Some(listing) = remembered {
        let evidence =
            format!("{} product profiles, as read at {}", listing.profiles.len(), to_the_second(listing.read_at));
        board.settle(PROFILES, Outcome::ok(evidence));
        return Some(ProfileListing::remembered(listing.profiles));
    }
    if let Some(until) = gate.groups {
        let reason = format!(
            "page 0 of the groups may not be requested before {}, and no listing is remembered",
            to_the_second(until)
        );
        board.settle(PROFILES, Outcome::not_checked(reason));
        return None;
    }
    match client.fetch_listing().await {
        Ok(listing) => {
            let count = listing.profiles().len();
            board.settle(PROFILES, Outcome::ok(format!("{count} product profiles, read now and not remembered")));
            Some(listing)
        }
        Err(error @ ExperienceCloudError::Incomplete { .. }) => {
            let remedy = "check that the organization has product profiles, and that the project of the credential is in this \
                          organization";
            board.settle(PROFILES, Outcome::failed(Cause::Incomplete, Chain(&error).to_string(), remedy));
            None
        }
        Err(error) => {
            board.settle(PROFILES, failed(&error, url));
            None
        }
    }
}

fn failed(error: &ExperienceCloudError, url: &BaseUrl) -> Outcome {
    let (cause, remedy) = match error.failure() {
        Failure::Refused => (Cause::Refused, "compare the credential with the Developer Console"),
        failure @ (Failure::Unavailable | Failure::Misconfigured) => {
            return unreachable(error, failure == Failure::Misconfigured, url);
        }
        Failure::Throttled { .. } => {
            (Cause::Unavailable, "wait until the time that Adobe named; another program may use the same credential")
        }
        _ => (
            Cause::Incomplete,
            "compare experience_cloud.umapi_url with Adobe's address, https://usermanagement.adobe.io/v2/usermanagement; \
             look for a proxy that answers in its place",
        ),
    };
    Outcome::failed(cause, Chain(error).to_string(), remedy)
}

/// What the journal remembers of the calls to the organization.
#[derive(Default)]
struct Memory {
    windows: CallWindows,
    listing: Option<RememberedListing>,
}

/// The time before which page 0 may not be requested; `None` when it may be requested now.
struct Gate {
    groups: Option<DateTime<Utc>>,
    users: Option<DateTime<Utc>>,
}

impl Memory {
    async fn read(journal: Option<&Journal>, organization: &OrganizationId, now: DateTime<Utc>) -> Self {
        let Some(journal) = journal else { return Self::default() };
        // A journal that cannot be read is a finding of its own.
        let windows = journal.call_windows(organization, now).await.unwrap_or_default();
        let listing = journal.listing(organization).await.unwrap_or_default();
        Self { windows, listing }
    }

    fn gate(&self, interval: Duration, now: DateTime<Utc>) -> Gate {
        let until = |listing| {
            let interval_ends = self.windows.first_page_allowed_at(listing, interval);
            interval_ends.max(self.windows.not_before).filter(|until| *until > now)
        };
        Gate { groups: until(ListingKind::Groups), users: until(ListingKind::Users) }
    }
}

impl Gate {
    fn outcome(&self, windows: &CallWindows) -> Outcome {
        match (self.users.max(self.groups), windows.not_before) {
            (Some(until), Some(not_before)) if until == not_before => Outcome::warning(
                format!("Adobe asked for a pause until {}", to_the_second(until)),
                format!(
                    "wait until then, or {}; if another program uses the same credential, give this one its own",
                    sync::UNPAUSE
                ),
            ),
            (Some(until), _) => {
                Outcome::ok(format!("again at {}; until then runs use what they remember", to_the_second(until)))
            }
            (None, _) => Outcome::ok("now: a run may start immediately"),
        }
    }
}
