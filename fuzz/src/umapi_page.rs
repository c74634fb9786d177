//! A page of users. The page is read by the product and by a slow reading of JSON, and both find the same users.

use std::{collections::BTreeSet, sync::OnceLock};

use campaign_group_sync::{
    domain::{AdobeUser, AssociationMask, FoldedName, ProductProfile, ProductProfileName},
    experience_cloud::{
        MatchedListing, ProfileListing,
        fuzzing::{FuzzedUsers, members_page, organization_page},
    },
};
use serde_json::Value;

use crate::{
    cuts,
    json::{LONGEST_NAME, Pairs, text},
};

const PROFILES: [&str; 3] = ["Campaign - acme - a", "Campaign - acme - b", "Campaign - acme - a"];

pub(crate) fn check(data: &[u8]) {
    let (members, all) = (members_page(data), organization_page(data, listing()));
    assert_eq!(members.is_ok(), all.is_ok(), "one reading accepts the page and the other does not");
    if let (Ok(members), Ok(all)) = (&members, &all) {
        assert_eq!((members.records, members.is_last), (all.records, all.is_last));
        assert!(members.users.len() <= members.records && all.users.len() <= all.records);
        a_cut_page_is_refused(data);
    }
    // A replacement character stands for an unreadable one, which the second reading does not know.
    if contains_replacement(data) {
        return;
    }
    match Pairs::of(data) {
        Some(pairs) => compare(&pairs, members.as_ref(), all.as_ref()),
        None => assert!(members.is_err() || !is_plain_json(data), "a page that is no object is accepted"),
    }
}

fn listing() -> &'static MatchedListing {
    static LISTING: OnceLock<MatchedListing> = OnceLock::new();
    LISTING.get_or_init(|| {
        let profile = |name| ProductProfile { id: None, name: ProductProfileName::new(name), member_count: None };
        let masks = vec![AssociationMask::parse("Campaign - acme - (.*)").expect("a mask")];
        ProfileListing::remembered(PROFILES.map(profile).to_vec()).matched_by(masks).expect("matching profiles")
    })
}

fn contains_replacement(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    text.contains('\u{FFFD}') || text.to_ascii_lowercase().contains("\\ufffd")
}

/// Whether any JSON parser accepts the text.
fn is_plain_json(data: &[u8]) -> bool {
    serde_json::from_slice::<Value>(data).is_ok()
}

fn a_cut_page_is_refused(data: &[u8]) {
    let whole = data.trim_ascii_end();
    for end in cuts(whole.len()) {
        assert!(members_page(&whole[..end]).is_err(), "a page that is cut after {end} bytes is accepted");
    }
}

fn compare(pairs: &Pairs, members: Result<&FuzzedUsers, &String>, all: Result<&FuzzedUsers, &String>) {
    let Some(envelope) = Envelope::of(pairs) else {
        assert!(members.is_err(), "a page without its keys is accepted");
        return;
    };
    let (members, all) = (members.expect("a valid page"), all.expect("a valid page"));
    assert_eq!((members.is_last, members.records), (envelope.is_last, envelope.records.len()));
    assert_eq!(members.group_name.as_deref(), envelope.group_name);
    let users: Vec<_> = envelope.records.iter().map(user).collect();
    let active = |kept: &dyn Fn(&Value) -> bool| -> Vec<AdobeUser> {
        let both = users.iter().zip(envelope.records);
        both.filter(|(user, record)| matches!(user, Ok(Some(_))) && kept(record))
            .filter_map(|(user, _)| user.clone().ok().flatten())
            .collect()
    };
    if users.iter().all(Result::is_ok) {
        assert_eq!(members.users, active(&|_| true), "the members of the page");
        assert_eq!(all.users, active(&|record| !profiles(record).is_empty()), "the users with a matching profile");
        let expected: BTreeSet<(u32, u32)> = (0..)
            .zip(
                envelope
                    .records
                    .iter()
                    .zip(&users)
                    .filter(|(record, user)| matches!(user, Ok(Some(_))) && !profiles(record).is_empty()),
            )
            .flat_map(|(at, (record, _))| profiles(record).into_iter().map(move |profile| (profile, at)))
            .collect();
        assert_eq!(all.memberships.iter().copied().collect::<BTreeSet<_>>(), expected, "the memberships");
    } else {
        // A record that cannot be used does not affect the others.
        let mut found = members.users.iter();
        for user in active(&|_| true) {
            assert!(found.any(|other| *other == user), "{user:?} is missing");
        }
    }
}

struct Envelope<'p> {
    is_last: bool,
    group_name: Option<&'p str>,
    records: &'p [Value],
}

impl<'p> Envelope<'p> {
    /// `None` for a page that must be refused.
    fn of(pairs: &'p Pairs) -> Option<Self> {
        let is_flag = |value: &Value| value.is_null() || value.is_boolean();
        let is_name = |value: &Value| value.is_null() || value.as_str().is_some_and(|name| name.len() <= LONGEST_NAME);
        let is_valid = pairs.all("lastPage").all(is_flag)
            && pairs.all("result").all(is_name)
            && pairs.all("groupName").all(is_name)
            && pairs.all("users").count() == 1
            && pairs.all("result").last()? == "success";
        is_valid.then_some(())?;
        Some(Self {
            is_last: pairs.all("lastPage").last().and_then(Value::as_bool).unwrap_or(false),
            group_name: pairs.all("groupName").last().and_then(Value::as_str),
            records: pairs.all("users").next()?.as_array()?,
        })
    }
}

/// The user of a record: `None` for an inactive one, and an error for a record that cannot be used.
fn user(record: &Value) -> Result<Option<AdobeUser>, ()> {
    if !record.is_object() {
        return Err(());
    }
    let (id, email, user_name) = (text(record, "id")?, text(record, "email")?, text(record, "username")?);
    let status = text(record, "status")?;
    match record.get("groups") {
        None | Some(Value::Null) => {}
        Some(Value::Array(groups)) => {
            groups
                .iter()
                .all(|group| group.as_str().is_some_and(|name| name.len() <= LONGEST_NAME))
                .then_some(())
                .ok_or(())?;
        }
        Some(_) => return Err(()),
    }
    let is_inactive = |status: &str| ["disabled", "locked", "removed"].contains(&status.to_ascii_lowercase().as_str());
    if status.is_some_and(is_inactive) {
        return Ok(None);
    }
    Ok(Some(AdobeUser::new(id, email, user_name.filter(|name| Some(*name) != email))))
}

/// The positions of the user's profiles.
fn profiles(record: &Value) -> BTreeSet<u32> {
    let groups = record.get("groups").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names = groups.iter().filter_map(Value::as_str).map(FoldedName::new);
    names
        .flat_map(|name| (0..).zip(PROFILES).filter(move |(_, profile)| FoldedName::new(profile) == name))
        .map(|(at, _)| at)
        .collect()
}
