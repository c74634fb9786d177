//! `GET groups/{org}/{page}`: user groups, product profiles and admin groups with their ids and member counts.

use std::collections::HashMap;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::super::behavior::{MemberCount, PastTheEnd};
use super::super::organization::{MembershipScope, UmapiGroup, folded};
use super::super::request::{HttpResponse, json};
use super::super::world::World;
use super::paging::Listing;

/// A page of groups, as the API writes it. No `X-` headers come with it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupsPage<'a> {
    last_page: bool,
    result: &'static str,
    groups: Vec<WireGroup<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireGroup<'a> {
    group_id: u64,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    group_name: &'a str,
    member_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_quota: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_group_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_group_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_profile_name: Option<&'a str>,
}

impl<'a> WireGroup<'a> {
    /// `names` are those of all groups, by folded name.
    fn of(names: &HashMap<String, &'a str>, group: &'a UmapiGroup, member_count: usize) -> Self {
        Self {
            group_id: group.group_id,
            kind: group.kind.as_deref(),
            group_name: &group.name,
            member_count,
            product_name: group.product_name.as_deref(),
            license_quota: group.license_quota.as_deref(),
            admin_group_name: names.get(&folded(&format!("_admin_{}", group.name))).copied(),
            user_group_name: group.user_group_name.as_deref(),
            product_profile_name: group.product_profile_name.as_deref(),
        }
    }
}

/// One page of all groups.
pub(super) fn all(world: &mut World, page: u64) -> HttpResponse {
    let page_size = world.behavior.pages.groups;
    let past_the_end = world.behavior.quirks.groups_past_the_end;
    let scope = match world.behavior.quirks.member_count {
        MemberCount::Effective => MembershipScope::Effective,
        MemberCount::Direct => MembershipScope::Direct,
    };
    let shuffle = world.shuffle();
    let (organization, memberships) = world.with_memberships();
    let asked = page;
    let page = Listing::plain(organization.groups.len(), page_size).page(asked);
    if asked > page.number && past_the_end == PastTheEnd::NotFound {
        return json(StatusCode::OK, &json!({"lastPage": true, "result": "Not found"}));
    }
    let mut positions: Vec<usize> = (0..organization.groups.len()).collect();
    shuffle(&mut positions);
    let on_page = positions.get(page.entries.clone()).unwrap_or_default();
    // Of two groups with one name the first counts.
    let names = organization.groups.iter().rev().map(|group| (folded(&group.name), group.name.as_str())).collect();
    let listed = |&position: &usize| {
        let group = organization.groups.get(position)?;
        let members = memberships.members(position, scope).len() + group.technical_accounts;
        Some(WireGroup::of(&names, group, members))
    };
    let body =
        GroupsPage { last_page: page.last, result: "success", groups: on_page.iter().filter_map(listed).collect() };
    json(StatusCode::OK, &body)
}
