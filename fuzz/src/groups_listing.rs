//! A page of the groups listing, compared with a slow reading of JSON.

use campaign_group_sync::{
    domain::{ProductProfile, ProductProfileId, ProductProfileName},
    experience_cloud::fuzzing::{FuzzedGroup, groups_page},
};
use serde_json::Value;

use crate::{
    cuts,
    json::{LONGEST_NAME, Pairs, text},
};

pub(crate) fn check(data: &[u8]) {
    let page = groups_page(data);
    if page.is_ok() {
        let whole = data.trim_ascii_end();
        for end in cuts(whole.len()) {
            assert!(groups_page(&whole[..end]).is_err(), "a page that is cut after {end} bytes is accepted");
        }
    }
    let Some(pairs) = Pairs::of(data) else {
        let is_json = serde_json::from_slice::<Value>(data).is_ok();
        assert!(page.is_err() || !is_json, "a page that is no object is accepted: {page:?}");
        return;
    };
    let Some((is_last, records)) = envelope(&pairs) else {
        assert!(page.is_err(), "a page without its keys is accepted: {page:?}");
        return;
    };
    let (found_last, groups) = page.expect("a valid page");
    assert_eq!(found_last, is_last);
    assert!(groups.len() <= records.len());
    let expected: Vec<_> = records.iter().map(group).collect();
    if expected.iter().all(Result::is_ok) {
        let expected: Vec<FuzzedGroup> = expected.into_iter().flatten().collect();
        assert_eq!(groups, expected);
    } else {
        // A record that cannot be used is kept as unusable, and does not affect the others.
        let mut found = groups.iter();
        for group in expected.iter().flatten() {
            assert!(found.any(|other| other == group), "{group:?} is missing in {groups:?}");
        }
    }
}

/// Whether the page is the last one, and its records; `None` for a page that must be refused.
fn envelope(pairs: &Pairs) -> Option<(bool, &[Value])> {
    let (last, result, groups) = (pairs.only("lastPage").ok()?, pairs.only("result").ok()?, pairs.only("groups").ok()?);
    let is_last = last.map_or(Some(false), Value::as_bool)?;
    let result = result.map_or(Some(""), Value::as_str).filter(|result| result.len() <= LONGEST_NAME)?;
    let groups = groups.map_or(Some(None), |groups| groups.as_array().map(Some))?;
    match groups {
        None if is_last && result.eq_ignore_ascii_case("Not found") => Some((true, &[])),
        Some(groups) if result == "success" => Some((is_last, groups)),
        _ => None,
    }
}

/// The group of a record without faults; the error stands for any other record.
fn group(record: &Value) -> Result<FuzzedGroup, ()> {
    if !record.is_object() {
        return Err(());
    }
    let number = |field: &str| record.get(field).filter(|value| !value.is_null());
    let id = number("groupId").map(|id| id.as_i64().ok_or(())).transpose()?;
    let member_count = number("memberCount").map(|count| count.as_u64().ok_or(())).transpose()?;
    let name = text(record, "groupName")?.filter(|name| !name.trim().is_empty()).ok_or(())?;
    let is_eligible = text(record, "type")?.is_none_or(|kind| kind.eq_ignore_ascii_case("PRODUCT_PROFILE"));
    let group = ProductProfile { id: id.map(ProductProfileId), name: ProductProfileName::new(name), member_count };
    Ok(FuzzedGroup { group, is_eligible, is_faulty: false })
}
