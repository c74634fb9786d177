//! `GET organizations/{org}/users/{user}`: one user, by e-mail address in any letter case.

use axum::http::StatusCode;
use serde::Serialize;

use super::super::behavior::SingleUser;
use super::super::organization::{MembershipScope, Organization, User, folded};
use super::super::request::{HttpResponse, IncomingRequest, json};
use super::super::world::World;
use super::error;
use super::users;

#[derive(Serialize)]
struct UserResponse {
    result: &'static str,
    user: User,
}

/// One active user; of two with one address the one without an Adobe ID, as action commands prefer it.
pub(super) fn one(world: &mut World, received: &IncomingRequest, asked: &str) -> HttpResponse {
    let scope = match world.behavior.quirks.single_user {
        SingleUser::AsAsked => users::scope(received),
        SingleUser::Direct => MembershipScope::Direct,
        SingleUser::Effective => MembershipScope::Effective,
    };
    let (organization, memberships) = world.with_memberships();
    let found = find(organization, asked, received.parameter("domain"), Prefer::Directory);
    let Some(user) = found.and_then(|position| users::user_at(organization, memberships, position, scope)) else {
        return error(StatusCode::NOT_FOUND, "error.user.not_found", &format!("User not found {asked}"));
    };
    json(StatusCode::OK, &UserResponse { result: "success", user })
}

/// Which of two users with one e-mail address is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefer {
    /// The one of a directory: federated or enterprise.
    Directory,
    /// The Adobe ID.
    AdobeId,
}

/// The active user with this e-mail address, or with this user name in the given domain.
pub(super) fn find(organization: &Organization, asked: &str, domain: Option<&str>, prefer: Prefer) -> Option<usize> {
    let wanted = folded(asked);
    let in_domain = |user: &User| match domain {
        None => true,
        Some(domain) if domain.eq_ignore_ascii_case("AdobeID") => user.is_adobe_id(),
        Some(domain) => user.directory_domain().is_some_and(|own| own.eq_ignore_ascii_case(domain)),
    };
    let called = |name: &Option<String>| name.as_deref().is_some_and(|name| folded(name) == wanted);
    let matches = |user: &User| {
        user.is_active() && in_domain(user) && (called(&user.email) || (domain.is_some() && called(&user.username)))
    };
    let found = organization.users.iter().enumerate().filter(|(_, user)| matches(user));
    found.min_by_key(|(_, user)| user.is_adobe_id() != (prefer == Prefer::AdobeId)).map(|(position, _)| position)
}
