//! The Admin Console: whether IMS and UMAPI accept the credential, and whether the product profiles can be read.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    certificate,
    findings::{CheckOutcome, Findings},
    prerequisites::{FIRST_PAGE, IMS, ORGANIZATION, PRODUCT, PROFILES, STATE, TOKEN},
    report::FailureCause,
    single_attempt,
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

/// An address that no user has (RFC 2606): a request for it reads no page and shows whether UMAPI accepts the token,
/// the product and the organization.
const UNKNOWN_USER: &str = "nobody@campaign-group-sync.invalid";

/// The scope that UMAPI requires (Adobe's guide to the User Management API).
const UMAPI_SCOPE: &str = "user_management_sdk";

/// The remedy where a host of Adobe's does not respond.
fn allow_connection(url: &BaseUrl) -> String {
    format!("check that this host may reach {} (firewall, name service, proxy)", url.host_and_port())
}

/// The remedy where the proxy that is configured on this host cannot be used.
pub(super) const PROXY_REMEDY: &str = "correct the environment variable that the evidence names; for the systemd service it is set in \
                                the EnvironmentFile of its unit";

/// The outcome for a host of Adobe's that could not be reached.
fn unreachable(error: &dyn std::error::Error, is_misconfigured: bool, url: &BaseUrl) -> CheckOutcome {
    let evidence = Chain(error).to_string();
    if is_misconfigured {
        return CheckOutcome::failed(FailureCause::Configuration, evidence, PROXY_REMEDY);
    }
    CheckOutcome::failed(FailureCause::Unavailable, evidence, allow_connection(url))
}

/// Checks all that concerns the Experience Cloud. Returns the product profiles where they can be read.
pub(super) async fn check(
    findings: &mut Findings,
    settings: &PartialSettings,
    journal: &Result<Option<Journal>, JournalError>,
    now: DateTime<Utc>,
) -> Option<ProfileListing> {
    let memory = match &settings.experience_cloud {
        Some(configured) => memory(findings, configured, journal, now).await,
        None => None,
    };
    if !token(findings, settings).await {
        return None;
    }
    let configured = settings.experience_cloud.as_ref()?;
    let known = journal.as_ref().ok().and_then(Option::as_ref);
    let options = UmapiOptions { retry: single_attempt(), ..configured.options.clone() };
    let client = match Clients::default().client(options.clone(), known, CallPurpose::Run, &Watcher::none()) {
        Ok(client) => client,
        Err(error) => {
            findings.record(PRODUCT, failed(&error, &options.umapi_url));
            return None;
        }
    };
    if !admitted(findings, &client, &options).await {
        return None;
    }
    profiles(findings, (&client, &options.umapi_url), memory?, configured.first_page_interval, now).await
}

/// What the state holds about calls to the organization; `None` where the state cannot be read, so that it is unknown
/// whether page 0 may be requested.
async fn memory(
    findings: &mut Findings,
    configured: &settings::ExperienceCloud,
    journal: &Result<Option<Journal>, JournalError>,
    now: DateTime<Utc>,
) -> Option<RememberedCalls> {
    if matches!(journal, Err(JournalError::OlderSchema { .. })) {
        findings.record(
            FIRST_PAGE,
            CheckOutcome::not_checked("the state has the schema of an earlier version, which the next run updates"),
        );
        return None;
    }
    if findings.is_blocked(STATE) {
        return None;
    }
    let memory = RememberedCalls::read(journal.as_ref().ok()?.as_ref(), &configured.options.organization_id, now).await;
    findings.record(FIRST_PAGE, memory.first_page_times(configured.first_page_interval, now).outcome(&memory.windows));
    Some(memory)
}

/// Whether IMS issues a token; not requested where the configuration of the credential cannot be used.
async fn token(findings: &mut Findings, settings: &PartialSettings) -> bool {
    let (Some(ims_url), Some(credential)) = (&settings.ims_url, &settings.credential) else { return false };
    let http = match HttpClient::new(ims_url, &settings.connections) {
        Ok(http) => http,
        Err(error) => {
            findings.record(IMS, unreachable(&error, error.is_misconfigured(), ims_url));
            return false;
        }
    };
    match IdentityService::new(http, ims_url, credential.clone()).issue().await {
        Ok(issued) => {
            findings.record(IMS, CheckOutcome::ok(ims_url.to_string()));
            findings.record(TOKEN, CheckOutcome::ok(format!("valid for {} h", issued.life.as_secs().div_ceil(3600))));
            return true;
        }
        Err(TokenError::Refused { text, .. }) => {
            findings.record(IMS, CheckOutcome::ok(ims_url.to_string()));
            findings.record(TOKEN, refused_token(&text.to_string(), "experience_cloud"));
        }
        Err(error @ TokenError::InvalidResponse { .. }) => {
            let remedy = "compare experience_cloud.ims_url with Adobe's address, https://ims-na1.adobelogin.com; look for a \
                          proxy that responds in its place";
            findings.record(IMS, CheckOutcome::failed(FailureCause::Incomplete, Chain(&error).to_string(), remedy));
        }
        Err(error) => {
            let outcome = match error.certificate_fault() {
                Some(fault) => certificate::refused_of_adobe(fault, ims_url, "experience_cloud.ims_url"),
                None => unreachable(&error, error.is_misconfigured(), ims_url),
            };
            findings.record(IMS, outcome);
        }
    }
    false
}

/// The outcome for a refusal by IMS; `section` is the section of the configuration with the credential.
pub(super) fn refused_token(said: &str, section: &str) -> CheckOutcome {
    let evidence = format!("IMS refused: {said}");
    if said.contains("invalid_scope") {
        // IMS checks the scopes only after it has accepted the secret.
        let remedy = format!(
            "compare {section}.scopes with the credential's page in the Developer Console (\"Scopes\"); a scope is granted \
             by adding its API to the project"
        );
        return CheckOutcome::failed(FailureCause::Refused, evidence, remedy);
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
    CheckOutcome::refused_secret(evidence, remedy)
}

/// Whether UMAPI accepts the token, and the organization is that of the credential.
async fn admitted(findings: &mut Findings, client: &ExperienceCloud, options: &UmapiOptions) -> bool {
    let error = match client.fetch_user(UNKNOWN_USER, options.membership).await {
        // A 404 for the domain means that the call itself was allowed.
        Ok(_) | Err(ExperienceCloudError::InvalidResponse { status: 404, .. }) => None,
        Err(error) => Some(error),
    };
    let Some(error) = error else {
        findings.record(PRODUCT, CheckOutcome::ok(options.umapi_url.to_string()));
        findings.record(ORGANIZATION, CheckOutcome::ok(options.organization_id.to_string()));
        return true;
    };
    match &error {
        ExperienceCloudError::Refused { status: 401, excerpt, .. }
        | ExperienceCloudError::InvalidResponse { status: 400, excerpt, .. } => {
            findings.record(PRODUCT, CheckOutcome::ok(options.umapi_url.to_string()));
            let evidence = format!("UMAPI refuses {}: {excerpt}", options.organization_id);
            let remedy = "copy the organization id from the overview of the same project in the Developer Console: the \
                          credential is valid for its own organization only";
            findings.record(ORGANIZATION, CheckOutcome::failed(FailureCause::Refused, evidence, remedy));
        }
        ExperienceCloudError::Refused { excerpt, .. } => {
            let has_scope = options.scopes.split(',').any(|scope| scope == UMAPI_SCOPE);
            let remedy = if has_scope {
                "add the \"User Management API\" to the project of the credential in the Developer Console (\"Add to \
                 project\", \"API\"); only a system administrator of the organization can"
            } else {
                "add user_management_sdk to experience_cloud.scopes, or delete the line: the default has it"
            };
            findings.record(
                PRODUCT,
                CheckOutcome::failed(FailureCause::Refused, format!("UMAPI refused: {excerpt}"), remedy),
            );
        }
        _ => {
            let outcome = match error.certificate_fault() {
                Some(fault) => certificate::refused_of_adobe(fault, &options.umapi_url, "experience_cloud.umapi_url"),
                None => failed(&error, &options.umapi_url),
            };
            findings.record(PRODUCT, outcome);
        }
    }
    false
}

async fn profiles(
    findings: &mut Findings,
    (client, url): (&ExperienceCloud, &BaseUrl),
    memory: RememberedCalls,
    interval: Duration,
    now: DateTime<Utc>,
) -> Option<ProfileListing> {
    let gate = memory.first_page_times(interval, now);
    let is_fresh = |listing: &RememberedListing| {
        TimeDelta::from_std(interval).is_ok_and(|interval| now < listing.read_at + interval)
    };
    let remembered = memory.listing.filter(|listing| gate.groups.is_some() || is_fresh(listing));
    if let Some(listing) = remembered {
        let evidence =
            format!("{} product profiles, as read at {}", listing.profiles.len(), to_the_second(listing.read_at));
        findings.record(PROFILES, CheckOutcome::ok(evidence));
        return Some(ProfileListing::remembered(listing.profiles));
    }
    if let Some(until) = gate.groups {
        let reason = format!(
            "page 0 of the groups may not be requested before {}, and the state has no listing",
            to_the_second(until)
        );
        findings.record(PROFILES, CheckOutcome::not_checked(reason));
        return None;
    }
    match client.fetch_listing().await {
        Ok(listing) => {
            let count = listing.profiles().len();
            findings.record(PROFILES, CheckOutcome::ok(format!("{count} product profiles, read now and not stored")));
            Some(listing)
        }
        Err(error @ ExperienceCloudError::Incomplete { .. }) => {
            let remedy = "check that the organization has product profiles, and that the project of the credential is in this \
                          organization";
            findings
                .record(PROFILES, CheckOutcome::failed(FailureCause::Incomplete, Chain(&error).to_string(), remedy));
            None
        }
        Err(error) => {
            findings.record(PROFILES, failed(&error, url));
            None
        }
    }
}

fn failed(error: &ExperienceCloudError, url: &BaseUrl) -> CheckOutcome {
    let (cause, remedy) = match error.failure() {
        Failure::Refused => (FailureCause::Refused, "compare the credential with the Developer Console"),
        failure @ (Failure::Unavailable | Failure::Misconfigured) => {
            return unreachable(error, failure == Failure::Misconfigured, url);
        }
        Failure::Throttled { .. } => (
            FailureCause::Unavailable,
            "wait until the time that Adobe named; another program may use the same credential",
        ),
        _ => (
            FailureCause::Incomplete,
            "compare experience_cloud.umapi_url with Adobe's address, https://usermanagement.adobe.io/v2/usermanagement; \
             look for a proxy that responds in its place",
        ),
    };
    CheckOutcome::failed(cause, Chain(error).to_string(), remedy)
}

/// What the journal holds about calls to the organization.
#[derive(Default)]
struct RememberedCalls {
    windows: CallWindows,
    listing: Option<RememberedListing>,
}

/// The times before which page 0 may not be requested; `None` when it may be requested now.
struct FirstPageTimes {
    groups: Option<DateTime<Utc>>,
    users: Option<DateTime<Utc>>,
}

impl RememberedCalls {
    async fn read(journal: Option<&Journal>, organization: &OrganizationId, now: DateTime<Utc>) -> Self {
        let Some(journal) = journal else { return Self::default() };
        // Another prerequisite reports a journal that cannot be read.
        let windows = journal.call_windows(organization, now).await.unwrap_or_default();
        let listing = journal.listing(organization).await.unwrap_or_default();
        Self { windows, listing }
    }

    fn first_page_times(&self, interval: Duration, now: DateTime<Utc>) -> FirstPageTimes {
        let until = |listing| {
            let interval_ends = self.windows.first_page_allowed_at(listing, interval);
            interval_ends.max(self.windows.not_before).filter(|until| *until > now)
        };
        FirstPageTimes { groups: until(ListingKind::Groups), users: until(ListingKind::Users) }
    }
}

impl FirstPageTimes {
    fn outcome(&self, windows: &CallWindows) -> CheckOutcome {
        match (self.users.max(self.groups), windows.not_before) {
            (Some(until), Some(not_before)) if until == not_before => CheckOutcome::warning(
                format!("Adobe asked for a pause until {}", to_the_second(until)),
                format!(
                    "wait until then, or {}; if another program uses the same credential, give this one its own",
                    sync::UNPAUSE
                ),
            ),
            (Some(until), _) => {
                CheckOutcome::ok(format!("again at {}; until then runs use the stored listing", to_the_second(until)))
            }
            (None, _) => CheckOutcome::ok("now: a run may start immediately"),
        }
    }
}
