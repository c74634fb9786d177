//! The groups listing: the product profiles of the organization, and the number of members of each group.

use std::{
    collections::{BTreeSet, HashSet},
    marker::PhantomData,
    time::Instant,
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    error::{ExperienceCloudError, PageError, RetryRule},
    page_text::{self, Name},
    text_field::{TextField, shortened},
    umapi::{Call, OnNotFound, Umapi, milliseconds, path_segment},
    users_page::SUCCESS,
};
use crate::{
    domain::{
        CallKind, FoldedName, IncompleteRead, KnownName, OrganizationId, ProductProfile, ProductProfileId,
        ProductProfileName, RunStep, UnusableProfiles,
    },
    transport::JsonObject,
};

/// The name of the listing in errors and log lines.
const LISTING: &str = "groups of the organization";

/// The `result` that a page past the end may have, with `lastPage: true` and no `groups` (Adobe's reference shows both
/// forms).
const PAST_THE_END: &str = "Not found";

/// The type of product profiles; an entry without a type may be one.
const PRODUCT_PROFILE: &str = "PRODUCT_PROFILE";

/// Maximum number of pages, of 400 groups each, even if no page says that it is the last.
const MOST_PAGES: u64 = 1000;

/// The product profiles of the groups listing: read now, or remembered from an earlier run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileListing {
    pub(super) profiles: Vec<ProductProfile>,
    pub(super) unusable: UnusableProfiles,
    pub(super) origin: ListingOrigin,
}

/// The origin of a listing, with what is known besides the profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum ListingOrigin {
    /// The whole groups listing was read.
    Read {
        /// Folded names of groups of other types. A user's list of groups shows names only, so such a name cannot be
        /// distinguished from a profile of the same name.
        other_names: BTreeSet<FoldedName>,
        /// `memberCount` of the largest group of any type: the organization has at least as many users.
        largest_group: u64,
    },
    /// An earlier run read the profiles. Nothing else of the listing is known.
    #[default]
    Remembered,
}

impl ProfileListing {
    /// A listing that an earlier run read. It lacks new profiles, and has the old names of renamed ones.
    pub fn remembered(profiles: Vec<ProductProfile>) -> Self {
        Self { profiles, unusable: UnusableProfiles::default(), origin: ListingOrigin::Remembered }
    }

    /// All product profiles, in the order of the listing.
    pub fn profiles(&self) -> &[ProductProfile] {
        &self.profiles
    }

    /// Records of the listing that cannot be used.
    pub fn unusable(&self) -> &UnusableProfiles {
        &self.unusable
    }

    /// The profile at this position, unless its record cannot be used.
    pub(super) fn readable(&self, position: u32) -> Option<&ProductProfile> {
        self.profiles.get(position as usize).filter(|_| !self.unusable.concerns(position))
    }

    /// Whether a group of another type has, or may have, this name.
    pub(super) fn is_shared(&self, name: &ProductProfileName) -> bool {
        match &self.origin {
            ListingOrigin::Read { other_names, .. } => other_names.contains(&name.folded()),
            ListingOrigin::Remembered => true,
        }
    }
}

/// The entries received so far.
#[derive(Default)]
struct CollectedGroups {
    profiles: Vec<ProductProfile>,
    unusable: UnusableProfiles,
    other_names: BTreeSet<FoldedName>,
    largest_group: u64,
}

/// A page of groups `G`, or of unparsed records.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupsPage<'a, G> {
    last_page: Option<bool>,
    #[serde(borrow)]
    result: Option<Name<'a>>,
    groups: Option<Vec<G>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of UMAPI")]
struct Group<'a> {
    group_id: Option<i64>,
    #[serde(borrow, rename = "type")]
    kind: Option<Name<'a>>,
    group_name: Option<Name<'a>>,
    member_count: Option<u64>,
}

/// One entry. A group of another type has the same form, for its name and count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GroupEntry {
    pub(super) group: ProductProfile,
    pub(super) is_eligible: bool,
    pub(super) fault: Option<RecordFault>,
}

/// Why a record that may be a product profile cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RecordFault {
    what: String,
    name: KnownName,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct GroupEntries {
    pub(super) is_last: bool,
    /// Whether the list of groups is there and empty.
    pub(super) is_empty: bool,
    pub(super) entries: Vec<GroupEntry>,
}

/// Reads the whole listing.
pub(super) async fn fetch(
    umapi: &Umapi,
    organization: &OrganizationId,
) -> Result<ProfileListing, ExperienceCloudError> {
    let (mut listing, mut seen, begin) = (CollectedGroups::default(), HashSet::new(), Instant::now());
    let mut pages = 0;
    loop {
        let call = call(organization, pages);
        let page = umapi.get(&call, |response| read(&response.body)).await;
        let page = page.map_err(|error| cut_short(error, pages))?;
        if page.is_empty && pages > 0 {
            return Err(cut_short(ExperienceCloudError::NoGroups { call: call.name }, pages));
        }
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
        umapi.step(RunStep::GroupsPage(pages));
        if page.is_last {
            break;
        }
    }
    tracing::info!(
        umapi.pages = pages,
        umapi.groups = seen.len(),
        umapi.profiles = listing.profiles.len(),
        umapi.ms = milliseconds(begin.elapsed()),
        "groups listing read: {} groups, {} of them product profiles",
        seen.len(),
        listing.profiles.len()
    );
    if listing.profiles.is_empty() {
        return Err(ExperienceCloudError::incomplete(LISTING, IncompleteRead::NoProfiles));
    }
    let CollectedGroups { profiles, unusable, other_names, largest_group } = listing;
    Ok(ProfileListing { profiles, unusable, origin: ListingOrigin::Read { other_names, largest_group } })
}

fn call(organization: &OrganizationId, page: u64) -> Call {
    Call {
        name: format!("GET groups page {page}"),
        path: format!("/groups/{}/{page}", path_segment(organization.as_str())),
        kind: CallKind::Groups,
        retry_rule: if page == 0 { RetryRule::IfNotServed } else { RetryRule::Always },
        on_not_found: OnNotFound::Fail,
    }
}

fn cut_short(error: ExperienceCloudError, pages: u64) -> ExperienceCloudError {
    // Before page 0 there is no partial read to report. The listing has no header with the number of its pages.
    if pages == 0 { error } else { error.in_walk(LISTING, IncompleteRead::NoLastPage { pages }) }
}

impl CollectedGroups {
    fn add(&mut self, entry: GroupEntry) {
        self.largest_group = self.largest_group.max(entry.group.member_count.unwrap_or(0));
        if entry.is_eligible {
            if let Some(RecordFault { what, name }) = entry.fault {
                let position = u32::try_from(self.profiles.len()).unwrap_or(u32::MAX);
                self.unusable.add(position, &entry.group, what, name);
            }
            self.profiles.push(entry.group);
        } else {
            self.other_names.insert(entry.group.name.folded());
        }
    }
}

/// Parses a page; a page that cannot be parsed as a whole is parsed again, record by record.
pub(super) fn read(body: &[u8]) -> Result<GroupEntries, PageError> {
    if let Ok(JsonObject(page)) =
        page_text::read(body, PhantomData::<JsonObject<GroupsPage<'_, JsonObject<Group<'_>>>>>)
    {
        return entries(page, |JsonObject(group)| group.into_entry());
    }
    let text = page_text::repaired(body);
    let JsonObject(page) = page_text::read_text(&text, PhantomData::<JsonObject<GroupsPage<'_, Value>>>)?;
    entries(page, |record| entry_of_record(&record))
}

fn entries<G>(page: GroupsPage<'_, G>, entry: impl Fn(G) -> Option<GroupEntry>) -> Result<GroupEntries, PageError> {
    let is_last = page.last_page.unwrap_or(false);
    let result = page.result.as_ref().map_or("", Name::as_str);
    if is_last && page.groups.is_none() && result.eq_ignore_ascii_case(PAST_THE_END) {
        return Ok(GroupEntries { is_last, is_empty: false, entries: Vec::new() });
    }
    if result != SUCCESS {
        return Err(PageError::Unusable(format!("the result is \"{result}\"")));
    }
    let groups = page.groups.ok_or_else(|| PageError::Unusable("the response has no \"groups\"".to_owned()))?;
    Ok(GroupEntries { is_last, is_empty: groups.is_empty(), entries: groups.into_iter().filter_map(entry).collect() })
}

fn is_eligible(kind: Option<&str>) -> bool {
    kind.is_none_or(|kind| kind.eq_ignore_ascii_case(PRODUCT_PROFILE))
}

impl Group<'_> {
    /// `None` for an entry that is neither a product profile nor has a name.
    fn into_entry(self) -> Option<GroupEntry> {
        let is_eligible = is_eligible(self.kind.as_ref().map(Name::as_str));
        let id = self.group_id.map(ProductProfileId);
        let group = |name| ProductProfile { id, name, member_count: self.member_count };
        match self.group_name.as_ref().map(Name::as_str).filter(|name| !name.trim().is_empty()) {
            Some(name) => Some(GroupEntry { group: group(ProductProfileName::new(name)), is_eligible, fault: None }),
            None => is_eligible.then(|| GroupEntry::without_name(group(unnamed(id)), NO_NAME.to_owned())),
        }
    }
}

/// What is wrong with a record without a name.
const NO_NAME: &str = "it has no \"groupName\"";

impl GroupEntry {
    /// A product profile whose name is unknown. If it were skipped, the profile would look deleted.
    fn without_name(group: ProductProfile, what: String) -> Self {
        Self { group, is_eligible: true, fault: Some(RecordFault { what, name: KnownName::Missing }) }
    }
}

/// The placeholder name of a product profile without a readable name.
fn unnamed(id: Option<ProductProfileId>) -> ProductProfileName {
    ProductProfileName::new(match id {
        Some(id) => format!("(product profile {id} without a readable name)"),
        None => "(product profile without a readable name)".to_owned(),
    })
}

/// The entry of a record of which some fields may be invalid. `None` if it is neither a product profile nor has a name.
fn entry_of_record(record: &Value) -> Option<GroupEntry> {
    let present = |field| record.get(field).filter(|value| !value.is_null());
    let (id, count) = (present("groupId"), present("memberCount"));
    let kind = TextField::of(record, "type").usable("type");
    let is_eligible = kind.as_ref().map_or(true, |kind| is_eligible(*kind));
    let faults = [
        kind.err(),
        id.filter(|id| !id.is_i64()).map(|_| "its \"groupId\" is not a number".to_owned()),
        count.filter(|count| !count.is_u64()).map(|_| "its \"memberCount\" is not a count".to_owned()),
    ];
    let field = TextField::of(record, "groupName");
    let id = id.and_then(Value::as_i64).map(ProductProfileId);
    let group = |name| ProductProfile { id, name, member_count: count.and_then(Value::as_u64) };
    let name = match &field {
        TextField::Usable(name) | TextField::Damaged(name) if !name.trim().is_empty() => ProductProfileName::new(*name),
        TextField::TooLong(name) => ProductProfileName::new(shortened(name)),
        _ if !is_eligible => return None,
        _ => {
            let what = field.usable("groupName").err().unwrap_or_else(|| NO_NAME.to_owned());
            return Some(GroupEntry::without_name(group(unnamed(id)), what));
        }
    };
    let known = if matches!(field, TextField::Damaged(_)) { KnownName::Damaged } else { KnownName::Certain };
    let what = faults.into_iter().flatten().next().or(field.usable("groupName").err()).filter(|_| is_eligible);
    Some(GroupEntry { group: group(name), is_eligible, fault: what.map(|what| RecordFault { what, name: known }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of each entry that may be a product profile, with what is wrong and whether the name is known.
    fn faults(groups: &str) -> Vec<(String, Option<(String, KnownName)>)> {
        let body = format!(r#"{{"lastPage": true, "result": "success", "groups": [{groups}]}}"#);
        let entries = read(body.as_bytes()).expect("a page").entries.into_iter().filter(|entry| entry.is_eligible);
        let fault = |fault: RecordFault| (fault.what, fault.name);
        entries.map(|entry| (entry.group.name.to_string(), entry.fault.map(fault))).collect()
    }

    #[test]
    fn a_list_is_no_page_whatever_it_contains() {
        for body in [r#"[true, "success", []]"#, r#" [true, "success", [{"groupName": 7}]]"#] {
            assert!(matches!(read(body.as_bytes()), Err(PageError::Unusable(_))), "{body}");
        }
    }

    #[test]
    fn an_unusable_record_is_kept_with_what_is_wrong_and_does_not_affect_others() {
        let good = r#"{"groupId": 1, "groupName": "A", "type": "PRODUCT_PROFILE", "memberCount": 3}"#;
        let long = "x".repeat(100_000);
        let fault = |name: &str, what: &str, known| Some((name.to_owned(), Some((what.to_owned(), known))));
        let known = |name, what| fault(name, what, KnownName::Certain);
        let unknown = |name, what| fault(name, what, KnownName::Missing);
        for (record, expected) in [
            // Groups of other types.
            (r#"{"type": "USER_GROUP", "groupName": "half \ud800"}"#.to_owned(), None),
            (r#"{"type": "USER_GROUP", "groupName": 7}"#.to_owned(), None),
            (format!(r#"{{"type": "USER_GROUP", "groupName": "{long}"}}"#), None),
            (r#"{"type": "USER_GROUP", "groupName": "U", "memberCount": -1, "groupId": "x"}"#.to_owned(), None),
            (format!(r#"{{"groupName": "B", "note": "{long}"}}"#), Some(("B".to_owned(), None))),
            // Product profiles, and entries that may be one.
            (r#"{"groupName": "B", "memberCount": -1}"#.to_owned(), known("B", "its \"memberCount\" is not a count")),
            (r#"{"groupName": "B", "groupId": "7"}"#.to_owned(), known("B", "its \"groupId\" is not a number")),
            (r#"{"groupName": "B", "type": 7}"#.to_owned(), known("B", "its \"type\" is not a string")),
            (
                r#"{"groupName": "B\ud800"}"#.to_owned(),
                fault("B\u{FFFD}", "its \"groupName\" has an invalid character", KnownName::Damaged),
            ),
            (
                r#"{"groupId": 7, "groupName": 1}"#.to_owned(),
                unknown("(product profile 7 without a readable name)", "its \"groupName\" is not a string"),
            ),
            (r#"{"groupName": " "}"#.to_owned(), unknown("(product profile without a readable name)", NO_NAME)),
            ("7".to_owned(), unknown("(product profile without a readable name)", NO_NAME)),
            (
                r#"[7, "PRODUCT_PROFILE", "B", 3]"#.to_owned(),
                unknown("(product profile without a readable name)", NO_NAME),
            ),
        ] {
            let expected: Vec<_> = [Some(("A".to_owned(), None)), expected].into_iter().flatten().collect();
            assert_eq!(faults(&format!("{good}, {record}")), expected, "{:?}", record.get(..80));
        }
        let [_, (name, Some((what, KnownName::Certain)))] =
            &faults(&format!(r#"{good}, {{"groupName": "P {long}"}}"#))[..]
        else {
            panic!("two profiles, one of them too long");
        };
        assert!(name.starts_with("P xxx") && name.len() < 300 && what.contains("100002 bytes"), "{name}: {what}");
    }

    fn names_and_ids(body: &str) -> Result<Vec<(String, Option<i64>, bool)>, PageError> {
        let of = |entry: GroupEntry| (entry.group.name.to_string(), entry.group.id.map(|id| id.0), entry.is_eligible);
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
        assert_eq!(
            read(past(true).as_bytes()),
            Ok(GroupEntries { is_last: true, is_empty: false, entries: Vec::new() })
        );
        assert!(matches!(read(past(false).as_bytes()), Err(PageError::Unusable(_))));
    }

    #[test]
    fn a_response_that_is_not_a_listing_is_an_error() {
        for (body, part) in [
            (r#"{"lastPage": true, "result": "success"}"#, "no \"groups\""),
            (r#"{"lastPage": true, "result": "success", "groups": null}"#, "no \"groups\""),
            (r#"{"lastPage": true, "groups": []}"#, "the result is \"\""),
            (r#"{"lastPage": true, "result": "error.organization.migrating", "groups": []}"#, "migrating"),
            (r#"{"lastPage": "true", "result": "success", "groups": []}"#, "invalid type"),
            (r#"{"lastPage": true, "result": "success", "groups": {}}"#, "invalid type"),
        ] {
            match read(body.as_bytes()) {
                Err(PageError::Unusable(reason)) if reason.contains(part) => {}
                outcome => panic!("{body}: {outcome:?}"),
            }
        }
        assert!(matches!(read(b"<html>"), Err(PageError::Garbled(_))));
    }
}
