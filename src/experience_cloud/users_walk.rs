//! Reads all pages of one listing of users, with the evidence that the listing is complete.

use std::time::Instant;

use futures_util::stream::{FuturesOrdered, StreamExt as _};

use super::{
    direct_only,
    error::{ExperienceCloudError, PageError, RetryRule},
    first_page::FirstPage,
    umapi::{Call, OnNotFound, Umapi, milliseconds, path_segment},
    user_key::UserKeys,
    users_page::UsersPage,
};
use crate::{
    domain::{CallKind, Membership, OrganizationId, ProductProfile, ProductProfileName, Tolerance, WalkEvidence},
    transport::HttpResponse,
};

/// Maximum number of pages beyond `X-Page-Count`: users added during the read may need another page.
const PAGES_BEYOND: u64 = 5;

/// Maximum number of users for which memory is reserved in advance: 16 MiB of keys.
const MOST_EXPECTED: usize = 1_000_000;

/// Maximum number of pages, of 2,000 users each, even if no page says that it is the last.
const MOST_PAGES: u64 = 10_000;

/// One listing of users.
#[derive(Debug)]
pub(super) struct UsersListing {
    /// The name of the listing in errors and log lines.
    title: String,
    /// The beginning of the name of each call, such as `GET users`.
    call: String,
    /// The path before and after the page number.
    path: (String, String),
    /// Which failed requests for page 0 are retried.
    first_page: RetryRule,
    /// The profile that each page must name; `None` for the users of the organization.
    profile: Option<ProductProfileName>,
}

/// Whether the users of a page have the names of their groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupsOfUsers {
    /// They do, although the program does not read them: the request differs from the one without.
    Shown,
    /// They do not, which makes the page much smaller.
    Excluded,
}

impl UsersListing {
    /// All users of the organization, with the names of their groups.
    pub(super) fn of_organization(organization: &OrganizationId, membership: Membership) -> Self {
        Self {
            title: "users of the organization".to_owned(),
            call: "GET users".to_owned(),
            path: (users_of(organization), format!("?directOnly={}", direct_only(membership))),
            first_page: RetryRule::IfNotServed,
            profile: None,
        }
    }

    /// The members of one product profile. `address` is its id or its name: UMAPI accepts both, although Adobe's
    /// reference mentions the name only (umapi-documentation issues 53 and 66).
    pub(super) fn of_profile(
        organization: &OrganizationId,
        profile: &ProductProfile,
        address: &str,
        groups: GroupsOfUsers,
        membership: Membership,
    ) -> Self {
        let direct_only = direct_only(membership);
        let exclude = match groups {
            GroupsOfUsers::Shown => "",
            GroupsOfUsers::Excluded => "&excludeGroups=true",
        };
        Self {
            title: format!("members of the product profile \"{}\"", profile.name),
            call: format!("GET users of \"{}\"", profile.name),
            path: (users_of(organization), format!("/{}?directOnly={direct_only}{exclude}", path_segment(address))),
            // Adobe's extra limit applies to page 0 of the organization's listings only.
            first_page: RetryRule::Always,
            profile: Some(profile.name.clone()),
        }
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Fails for a page of another profile, and for a page without users if the listing is not proven to be empty.
    pub(super) fn check(&self, call: &str, received: &ReceivedPage) -> Result<(), ExperienceCloudError> {
        let call = call.to_owned();
        if let (Some(profile), Some(found)) = (&self.profile, &received.page.group_name) {
            let found = ProductProfileName::new(found.as_str());
            if found.folded() != profile.folded() {
                return Err(ExperienceCloudError::OtherProfile { call, profile: profile.clone(), found });
            }
        }
        if received.page.keys.is_empty() && received.total_count != Some(0) {
            return Err(ExperienceCloudError::EmptyPage { call });
        }
        Ok(())
    }

    /// Requests one page.
    pub(super) async fn fetch(
        &self,
        umapi: &Umapi,
        page: u64,
        read: &dyn Fn(&[u8]) -> Result<UsersPage, PageError>,
    ) -> Result<ReceivedPage, ExperienceCloudError> {
        umapi.get(&self.call(page), |response| ReceivedPage::of(response, read)).await
    }

    pub(super) fn call(&self, page: u64) -> Call {
        let (before, after) = &self.path;
        Call {
            name: format!("{} page {page}", self.call),
            path: format!("{before}/{page}{after}"),
            kind: CallKind::Users,
            retry_rule: if page == 0 { self.first_page } else { RetryRule::Always },
            on_not_found: OnNotFound::Fail,
        }
    }
}

fn users_of(organization: &OrganizationId) -> String {
    format!("/users/{}", path_segment(organization.as_str()))
}

/// How a page was requested.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placed {
    /// While no other page of the listing was under way.
    Alone,
    /// Others may have been under way.
    SideBySide,
}

/// One page with its counting headers.
pub(super) struct ReceivedPage {
    pub(super) page: UsersPage,
    /// `X-Page-Count`.
    pub(super) page_count: Option<u64>,
    /// `X-Total-Count`.
    pub(super) total_count: Option<u64>,
}

/// Requests every page of a listing and passes each to `take`, in order and with the evidence so far. Page 0 is
/// requested unless `first` is given. The pages that it announces are requested side by side, as many as the client may
/// have under way; any others one at a time.
///
/// A page that repeats earlier ones is requested once more, alone, if others were under way: from then on this client
/// makes one call at a time.
///
/// Fails unless the evidence shows that the listing is complete: the pages passed to `take` are valid only if the
/// result is `Ok`.
pub(super) async fn walk(
    umapi: &Umapi,
    listing: &UsersListing,
    mut first: Option<FirstPage>,
    tolerance: Tolerance,
    read: &dyn Fn(&[u8]) -> Result<UsersPage, PageError>,
    take: &mut dyn FnMut(UsersPage, &WalkEvidence),
) -> Result<WalkEvidence, ExperienceCloudError> {
    let (mut evidence, mut seen) = (WalkEvidence::default(), UserKeys::default());
    let begin = first.as_ref().map_or_else(Instant::now, |first| first.begin);
    let request = |page: u64, place: Placed| async move { (place, listing.fetch(umapi, page, read).await) };
    let (mut under_way, mut next) = (FuturesOrdered::new(), 0);
    while !evidence.last_page_seen && evidence.pages < most_pages(evidence.page_count) {
        let (place, received) = if let Some(first) = first.take() {
            next = 1;
            (Placed::Alone, Ok(first.received))
        } else {
            while next <= evidence.pages || is_announced(next, &evidence) && under_way.len() < umapi.width() {
                let side_by_side = is_announced(next, &evidence) && umapi.width() > 1;
                under_way.push_back(request(next, if side_by_side { Placed::SideBySide } else { Placed::Alone }));
                next += 1;
            }
            // At least the next page is under way.
            let Some(answered) = under_way.next().await else { break };
            answered
        };
        let call = listing.call(evidence.pages);
        let mut received = received.map_err(|error| cut_short(error, listing, &evidence, tolerance))?;
        listing.check(&call.name, &received).map_err(|error| match listing.profile {
            // The error concerns the profile alone, whatever was read before.
            Some(_) => error,
            None => cut_short(error, listing, &evidence, tolerance),
        })?;
        let before = seen.len();
        // Reserves memory for all users at once, instead of moving them each time the set doubles; a wrong count costs
        // little.
        seen.reserve(received.expected_users().saturating_sub(before));
        seen.extend(&received.page.keys);
        if seen.len() == before && !received.page.is_last {
            if place == Placed::SideBySide {
                umapi.narrow(&format!("{}: Adobe repeated a page while others were requested", call.name));
                under_way.push_front(request(evidence.pages, Placed::Alone));
                continue;
            }
            let error = ExperienceCloudError::NothingNew { call: call.name };
            return Err(cut_short(error, listing, &evidence, tolerance));
        }
        note(&mut evidence, &received, seen.len());
        received.page.are_new = seen.len() == before + received.page.keys.len();
        take(received.page, &evidence);
    }
    evidence.judge(tolerance).map_err(|read| ExperienceCloudError::incomplete(&listing.title, read))?;
    tracing::info!(
        umapi.listing = listing.title,
        umapi.pages = evidence.pages,
        umapi.users = evidence.users,
        umapi.ms = milliseconds(begin.elapsed()),
        "{} read: {} users on {} pages",
        listing.title,
        evidence.users,
        evidence.pages
    );
    Ok(evidence)
}

impl ReceivedPage {
    fn of(response: &HttpResponse, read: &dyn Fn(&[u8]) -> Result<UsersPage, PageError>) -> Result<Self, PageError> {
        // A header that is not a number proves no more than a missing one.
        let count = |name| response.header(name).and_then(|text| text.trim().parse().ok());
        Ok(Self { page: read(&response.body)?, page_count: count("X-Page-Count"), total_count: count("X-Total-Count") })
    }

    /// How many users the listing probably has: at least those of this page, and at most [`MOST_EXPECTED`].
    fn expected_users(&self) -> usize {
        let announced = self.total_count.and_then(|users| usize::try_from(users).ok()).unwrap_or_default();
        announced.min(MOST_EXPECTED).max(self.page.keys.len())
    }
}

fn note(evidence: &mut WalkEvidence, received: &ReceivedPage, users: usize) {
    if evidence.pages == 0 {
        (evidence.page_count, evidence.total_count) = (received.page_count, received.total_count);
    }
    evidence.pages += 1;
    evidence.last_page_seen = received.page.is_last;
    // Pages may be served in another order than that of their numbers: a change shows on any of them.
    if evidence.total_count_at_end.is_none_or(|count| evidence.total_count == Some(count)) {
        evidence.total_count_at_end = received.total_count;
    }
    evidence.users = u64::try_from(users).unwrap_or(u64::MAX);
}

/// Whether page 0 announced this page.
fn is_announced(page: u64, evidence: &WalkEvidence) -> bool {
    evidence.page_count.is_some_and(|pages| page < pages)
}

fn most_pages(announced: Option<u64>) -> u64 {
    announced.map_or(MOST_PAGES, |pages| pages.saturating_add(PAGES_BEYOND).min(MOST_PAGES))
}

/// Adds to an error how much of the listing was read. Before page 0 there is no partial read to report.
fn cut_short(
    error: ExperienceCloudError,
    listing: &UsersListing,
    evidence: &WalkEvidence,
    tolerance: Tolerance,
) -> ExperienceCloudError {
    match evidence.judge(tolerance) {
        Err(read) if evidence.pages > 0 => error.in_walk(&listing.title, read),
        _ => error,
    }
}
