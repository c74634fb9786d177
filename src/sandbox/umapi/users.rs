//! `GET users/{org}/{page}`: all users; `GET users/{org}/{page}/{group}`: the members of a group.

use axum::http::StatusCode;
use serde::Serialize;

use super::super::organization::{MembershipIndex, MembershipScope, Organization, UmapiGroup, User};
use super::super::request::{HttpResponse, IncomingRequest, json};
use super::super::world::World;
use super::not_found;
use super::paging::Listing;

/// A page of users, as the API writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsersPage<'a> {
    last_page: bool,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_name: Option<&'a str>,
    users: Vec<User>,
}

/// A user as the API writes it, with these names in `groups[]`.
fn with_groups(user: &User, groups: Vec<String>) -> User {
    User { groups, ghost_groups: Vec::new(), unlicensed: Vec::new(), ..user.clone() }
}

/// The user at a position with the names of its groups; inherited profiles only in the effective scope.
pub(super) fn user_at(
    organization: &Organization,
    memberships: &MembershipIndex,
    position: usize,
    scope: MembershipScope,
) -> Option<User> {
    let user = organization.users.get(position)?;
    let groups = memberships.groups(position, scope).into_iter().filter_map(|group| organization.groups.get(group));
    let names = groups.map(|group| group.name_on_users().to_owned());
    Some(with_groups(user, names.chain(user.ghost_groups.iter().cloned()).collect()))
}

/// The scope that a request asks for: `directOnly` is true unless it says otherwise.
pub(super) fn scope(received: &IncomingRequest) -> MembershipScope {
    if received.flag("directOnly").unwrap_or(true) { MembershipScope::Direct } else { MembershipScope::Effective }
}

fn is_of_domain(user: &User, domain: Option<&str>) -> bool {
    domain.is_none_or(|domain| user.directory_domain().is_some_and(|own| own.eq_ignore_ascii_case(domain)))
}

/// All active users.
pub(super) fn all(world: &mut World, received: &IncomingRequest, page: u64) -> HttpResponse {
    let page_size = world.behavior.pages.users;
    let shuffle = world.shuffle();
    let domain = received.parameter("domain");
    let (organization, memberships) = world.with_memberships();
    if let Some(domain) = domain
        && !organization.users.iter().any(|user| is_of_domain(user, Some(domain)))
    {
        return not_found("error.domain.not_found", &format!("Not found: {domain}"));
    }
    let listed = |user: &User| user.is_active() && is_of_domain(user, domain);
    let mut positions: Vec<usize> =
        organization.users.iter().enumerate().filter(|(_, user)| listed(user)).map(|(position, _)| position).collect();
    shuffle(&mut positions);
    let hidden = if domain.is_none() { organization.technical_accounts } else { 0 };
    let listing =
        Listing { listed: positions.len(), hidden, hidden_from: organization.technical_accounts_from, page_size };
    let page = listing.page(page);
    let scope = scope(received);
    let on_page = positions.get(page.entries.clone()).unwrap_or_default();
    let users = on_page.iter().filter_map(|&user| user_at(organization, memberships, user, scope)).collect();
    let body = UsersPage { last_page: page.last, result: "success", group_name: None, users };
    let mut response = json(StatusCode::OK, &body);
    page.describe(response.headers_mut());
    response
}

/// The members of one group, named by id or by name in any case.
pub(super) fn of_group(world: &mut World, received: &IncomingRequest, page: u64, asked: &str) -> HttpResponse {
    let page_size = world.behavior.pages.users;
    let cut_names_at_dot = world.behavior.quirks.cut_names_at_dot;
    let shuffle = world.shuffle();
    let asked = match asked.rsplit_once('.') {
        Some((before, _)) if cut_names_at_dot => before,
        _ => asked,
    };
    let (organization, memberships) = world.with_memberships();
    let scope = scope(received);
    let (name, mut positions, mut hidden) = match find(organization, asked) {
        Found::Group(position) => {
            let group = organization.groups.get(position);
            let licence = received.parameter("status");
            let members = memberships.members(position, scope).iter().copied();
            let kept = members.filter(|&user| has_licence(organization, user, position, licence));
            let hidden = group.map_or(0, |group| group.technical_accounts);
            (group.map_or(asked, |group| group.name.as_str()), kept.collect(), hidden)
        }
        Found::NoAdmins => (asked, Vec::new(), 0),
        Found::Nothing => return not_found("error.group.not_found", &format!("Not found: {asked}")),
    };
    if let Some(domain) = received.parameter("domain") {
        positions.retain(|&user| organization.users.get(user).is_some_and(|user| is_of_domain(user, Some(domain))));
        hidden = 0;
    }
    shuffle(&mut positions);
    let page = Listing { listed: positions.len(), hidden, hidden_from: 0, page_size }.page(page);
    let on_page = positions.get(page.entries.clone()).unwrap_or_default();
    let users = if received.flag("excludeGroups").unwrap_or(false) {
        on_page
            .iter()
            .filter_map(|&user| organization.users.get(user))
            .map(|user| with_groups(user, Vec::new()))
            .collect()
    } else {
        on_page.iter().filter_map(|&user| user_at(organization, memberships, user, scope)).collect()
    };
    let body = UsersPage { last_page: page.last, result: "success", group_name: Some(name), users };
    let mut response = json(StatusCode::OK, &body);
    page.describe(response.headers_mut());
    response
}

enum Found {
    Group(usize),
    /// The group exists and has no administrators or developers: an empty list, not an error.
    NoAdmins,
    Nothing,
}

fn find(organization: &Organization, asked: &str) -> Found {
    let by_id = || asked.parse::<u64>().ok().and_then(|id| organization.group_position(&format!("id:{id}")));
    if let Some(position) = organization.group_position(asked).or_else(by_id) {
        return Found::Group(position);
    }
    let of_admins = ["_admin_", "_developer_"].into_iter().find_map(|prefix| asked.strip_prefix(prefix));
    match of_admins.and_then(|administered| organization.group_position(administered)) {
        Some(_) => Found::NoAdmins,
        None => Found::Nothing,
    }
}

/// Whether a member is wanted by `status`, which is the state of the licence and applies to profiles only.
fn has_licence(organization: &Organization, user: usize, group: usize, wanted: Option<&str>) -> bool {
    let is_profile = organization.groups.get(group).is_some_and(UmapiGroup::is_profile);
    let unlicensed = organization.users.get(user).map_or(&[][..], |user| user.unlicensed.as_slice());
    let active = !unlicensed.iter().any(|name| organization.group_position(name) == Some(group));
    match wanted {
        Some("active") if is_profile => active,
        Some("inactive") if is_profile => !active,
        _ => true,
    }
}
