//! The groups listing: which product profiles there are, and how many members each group has.

use std::{
    collections::{BTreeSet, HashSet},
    marker::PhantomData,
    time::Instant,
};

use serde::Deserialize;

use super::{
    Progress,
    call_budget::Bucket,
    error::{ExperienceCloudError, Misread, Repetition},
    page_text::{self, Name},
    umapi::{Absence, Call, Umapi, milliseconds, path_segment},
    users_page::SUCCESS,
};
use crate::domain::{FoldedName, IncompleteRead, OrganizationId, ProductProfile, ProductProfileId, ProductProfileName};

/// What errors and log lines call the listing.
const LISTING: &str = "groups of the organization";

/// A page past the end may say this, with `lastPage: true` and no `groups` (the reference shows both forms).
const PAST_THE_END: &str = "Not found";

/// The type that makes a group a product profile; entries without a type may be one.
const PRODUCT_PROFILE: &str = "PRODUCT_PROFILE";

/// A walk ends after this many pages of 400 groups even if none says that it is the last.
const MOST_PAGES: u64 = 1000;

/// All of the groups listing that matters: read now, or remembered from an earlier run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileListing {
    pub(super) profiles: Vec<ProductProfile>,
    pub(super) origin: Origin,
}

/// Where a listing comes from, and what is known beside the profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// The whole groups listing was read.
    Read {
        /// Folded names of groups of other kinds. On users such a name cannot be told from a profile of the same name.
        other_names: BTreeSet<FoldedName>,
        /// `memberCount` of the largest group of any kind: the organization has at least as many users.
        largest_group: u64,
    },
    /// The profiles were read once and remembered, and nothing else was.
    #[default]
    Remembered,
}

impl ProfileListing {
    /// A listing that an earlier run read. New profiles are not in it, and renamed ones have their old name.
    pub fn remembered(profiles: Vec<ProductProfile>) -> Self {
        Self { profiles, origin: Origin::Remembered }
    }

    /// All product profiles, in the order of the listing.
    pub fn profiles(&self) -> &[ProductProfile] {
        &self.profiles
    }

    /// Whether a group of another kind has, or may have, this name.
    pub(super) fn is_shared(&self, name: &ProductProfileName) -> bool {
        match &self.origin {
            Origin::Read { other_names, .. } => other_names.contains(&name.folded()),
            Origin::Remembered => true,
        }
    }
}

/// What was received of the listing so far.
#[derive(Default)]
struct Collected {
    profiles: Vec<ProductProfile>,
    other_names: BTreeSet<FoldedName>,
    largest_group: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupsPage<'a> {
    last_page: Option<bool>,
    #[serde(borrow)]
    result: Option<Name<'a>>,
    groups: Option<Vec<Group<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
struct Group<'a> {
    group_id: Option<i64>,
    #[serde(borrow, rename = "type")]
    kind: Option<Name<'a>>,
    group_name: Option<Name<'a>>,
    member_count: Option<u64>,
}

/// One entry. Groups of other kinds are kept in the same shape, for their names and counts.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    group: ProductProfile,
    is_eligible: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Entries {
    is_last: bool,
    entries: Vec<Entry>,
}

/// Reads the whole listing.
pub(super) async fn fetch(
    umapi: &Umapi,
    organization: &OrganizationId,
    progress: &dyn Fn(Progress),
) -> Result<ProfileListing, ExperienceCloudError> {
    let (mut listing, mut seen, begin) = (Collected::default(), HashSet::new(), Instant::now());
    let mut pages = 0;
    loop {
        let call = call(organization, pages);
        let page = umapi.get(&call, progress, |answer| read(&answer.body)).await;
        let page = page.map_err(|error| cut_short(error, pages))?;
        let before = seen.len();
        for entry in page.entries {
            if seen.insert((entry.group.id, entry.group.name.folded())) {
                listing.add(entry);
            }
        }
        if !page.is_last && (seen.len() == before || pages >= MOST_PAGES) {
            return Err(cut_short(ExperienceCloudError::NothingNew { call: call.name }, pages));
        }
        pages += 1;
        progress(Progress::Groups { page: pages });
        if page.is_last {
            break;
        }
    }
    tracing::info!(
        umapi.pages = pages,
        umapi.groups = seen.len(),
        umapi.profiles = listing.profiles.len(),
        umapi.ms = milliseconds(begin.elapsed()),
        "read the groups listing"
    );
    if listing.profiles.is_empty() {
        return Err(ExperienceCloudError::incomplete(LISTING, IncompleteRead::NoProfiles));
    }
    let Collected { profiles, other_names, largest_group } = listing;
    Ok(ProfileListing { profiles, origin: Origin::Read { other_names, largest_group } })
}

fn call(organization: &OrganizationId, page: u64) -> Call {
    Call {
        name: format!("GET groups page {page}"),
        path: format!("/groups/{}/{page}", path_segment(organization.as_str())),
        bucket: Bucket::Groups,
        repetition: if page == 0 { Repetition::Unserved } else { Repetition::Free },
        absence: Absence::Wrong,
    }
}

fn cut_short(error: ExperienceCloudError, pages: u64) -> ExperienceCloudError {
    // Before page 0 has come there is no walk to speak of. The listing carries no header that announces its pages.
    if pages == 0 { error } else { error.in_walk(LISTING, IncompleteRead::NoLastPage { pages }) }
}

impl Collected {
    fn add(&mut self, entry: Entry) {
        self.largest_group = self.largest_group.max(entry.group.member_count.unwrap_or(0));
        if entry.is_eligible {
            self.profiles.push(entry.group);
        } else {
            self.other_names.insert(entry.group.name.folded());
        }
    }
}

fn read(body: &[u8]) -> Result<Entries, Misread> {
    let page: GroupsPage<'_> = page_text::read(body, PhantomData)?;
    let is_last = page.last_page.unwrap_or(false);
    let result = page.result.as_ref().map_or("", Name::as_str);
    if is_last && page.groups.is_none() && result.eq_ignore_ascii_case(PAST_THE_END) {
        return Ok(Entries { is_last, entries: Vec::new() });
    }
    if result != SUCCESS {
        return Err(Misread::Unusable(format!("the result is \"{result}\"")));
    }
    let groups = page.groups.ok_or_else(|| Misread::Unusable("the answer has no \"groups\"".to_owned()))?;
    Ok(Entries { is_last, entries: groups.into_iter().filter_map(Group::into_entry).collect::<Result<_, _>>()? })
}

impl Group<'_> {
    /// `None` for an entry that is neither a product profile nor has a name.
    fn into_entry(self) -> Option<Result<Entry, Misread>> {
        let is_eligible = self.kind.is_none_or(|kind| kind.as_str().eq_ignore_ascii_case(PRODUCT_PROFILE));
        let name = self.group_name.as_ref().map(Name::as_str).filter(|name| !name.trim().is_empty());
        match name {
            Some(name) => Some(Ok(Entry {
                group: ProductProfile {
                    id: self.group_id.map(ProductProfileId),
                    name: ProductProfileName::new(name),
                    member_count: self.member_count,
                },
                is_eligible,
            })),
            // Left out, it would look as if the profile had been deleted.
            None if is_eligible => Some(Err(Misread::Unusable("a product profile without \"groupName\"".to_owned()))),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_ids(body: &str) -> Result<Vec<(String, Option<i64>, bool)>, Misread> {
        let of = |entry: Entry| (entry.group.name.to_string(), entry.group.id.map(|id| id.0), entry.is_eligible);
        read(body.as_bytes()).map(|page| page.entries.into_iter().map(of).collect())
    }

    #[test]
    fn product_profiles_and_entries_without_a_type_are_eligible() {
        let body = r#"{"lastPage": true, "result": "success", "groups": [
            {"groupId": 1, "type": "PRODUCT_PROFILE", "groupName": "A", "memberCount": 3, "licenseQuota": "8", "new": {}},
            {"groupId": 2, "type": "product_profile", "groupName": " B "},
            {"groupName": "C", "memberCount": 0},
            {"groupId": 4, "type": null, "groupName": "D"},
            {"groupId": 5, "type": "USER_GROUP", "groupName": "E"},
            {"groupId": 6, "type": "SOMETHING_NEW", "groupName": "F"},
            {"groupId": 7, "type": "USER_GROUP"}]}"#;
        let expected = [("A", Some(1), true), (" B ", Some(2), true), ("C", None, true), ("D", Some(4), true)];
        let expected = expected.into_iter().chain([("E", Some(5), false), ("F", Some(6), false)]);
        let expected = expected.map(|(name, id, eligible)| (name.to_owned(), id, eligible));
        assert_eq!(names_and_ids(body), Ok(expected.collect()));
    }

    #[test]
    fn a_page_past_the_end_may_say_not_found_and_only_as_the_last() {
        let past = |last| format!(r#"{{"lastPage": {last}, "result": "Not found"}}"#);
        assert_eq!(read(past(true).as_bytes()), Ok(Entries { is_last: true, entries: Vec::new() }));
        assert!(matches!(read(past(false).as_bytes()), Err(Misread::Unusable(_))));
    }

    #[test]
    fn an_answer_that_is_no_listing_is_refused() {
        for (body, part) in [
            (r#"{"lastPage": true, "result": "success"}"#, "no \"groups\""),
            (r#"{"lastPage": true, "result": "success", "groups": null}"#, "no \"groups\""),
            (r#"{"lastPage": true, "groups": []}"#, "the result is \"\""),
            (r#"{"lastPage": true, "result": "error.organization.migrating", "groups": []}"#, "migrating"),
            (r#"{"lastPage": "true", "result": "success", "groups": []}"#, "invalid type"),
            (r#"{"lastPage": true, "result": "success", "groups": {}}"#, "invalid type"),
            (r#"{"lastPage": true, "result": "success", "groups": [{"groupName": 1}]}"#, "invalid type"),
            (r#"{"lastPage": true, "result": "success", "groups": [{"groupId": 1}]}"#, "without \"groupName\""),
            (r#"{"lastPage": true, "result": "success", "groups": [{"groupName": "A", "memberCount": -1}]}"#, "-1"),
        ] {
            match read(body.as_bytes()) {
                Err(Misread::Unusable(reason)) if reason.contains(part) => {}
                outcome => panic!("{body}: {outcome:?}"),
            }
        }
        assert!(matches!(read(b"<html>"), Err(Misread::Garbled(_))));
    }
}
