//! Entrances for the fuzz targets in `fuzz`: compiled with `--cfg fuzzing` alone.

use super::{
    MatchedListing, groups_listing,
    profile_names::ProfileNames,
    user_key::KeyMaker,
    users_page::{self, KeptUsers, UsersPage},
};
use crate::domain::{AdobeUser, LoginSet, ProductProfile};

/// What was read from a page of users.
#[derive(Debug, PartialEq, Eq)]
pub struct FuzzedUsers {
    /// `lastPage`.
    pub is_last: bool,
    /// `groupName`.
    pub group_name: Option<String>,
    /// The number of records, usable or not.
    pub records: usize,
    /// The users that are kept.
    pub users: Vec<AdobeUser>,
    /// Pairs of (position in the listing of profiles, position in `users`).
    pub memberships: Vec<(u32, u32)>,
}

/// One group of a page of the groups listing.
#[derive(Debug, PartialEq, Eq)]
pub struct FuzzedGroup {
    /// Its id, name and number of members.
    pub group: ProductProfile,
    /// Whether it may be a product profile.
    pub is_eligible: bool,
    /// Whether its record cannot be used.
    pub is_faulty: bool,
}

/// Reads a page of the members of one profile.
pub fn members_page(body: &[u8]) -> Result<FuzzedUsers, String> {
    read(body, KeptUsers::All)
}

/// Reads a page of all users, and keeps the members of matching profiles.
pub fn organization_page(body: &[u8], listing: &MatchedListing) -> Result<FuzzedUsers, String> {
    let mut names = ProfileNames::new(listing);
    read(body, KeptUsers::Matching(&mut names, &LoginSet::default()))
}

/// Reads a page of the groups listing: whether it is the last one, and its groups.
pub fn groups_page(body: &[u8]) -> Result<(bool, Vec<FuzzedGroup>), String> {
    let page = groups_listing::read(body).map_err(|error| format!("{error:?}"))?;
    let groups = page.entries.into_iter().map(|entry| FuzzedGroup {
        group: entry.group,
        is_eligible: entry.is_eligible,
        is_faulty: entry.fault.is_some(),
    });
    Ok((page.is_last, groups.collect()))
}

fn read(body: &[u8], kept: KeptUsers<'_, '_>) -> Result<FuzzedUsers, String> {
    let page = users_page::read(body, kept, &mut KeyMaker::default()).map_err(|error| format!("{error:?}"))?;
    let UsersPage { is_last, group_name, keys, users, memberships, .. } = page;
    let users = users.into_iter().map(|(_, user)| user).collect();
    Ok(FuzzedUsers { is_last, group_name, records: keys.len(), users, memberships })
}
