//! Without mistakes `check` finds nothing and changes nothing.

use campaign_group_sync::{
    check::{Network, Verdict},
    domain::{ProductProfile, ProductProfileName},
    journal::RememberedListing,
};
use chrono::Utc;

use super::harness::Harness;

#[tokio::test]
async fn without_mistakes_all_is_ok_and_check_writes_nothing() {
    let checked = Harness::sound().check().await;
    for finding in &checked.report.findings {
        assert!(matches!(finding.verdict, Verdict::Ok | Verdict::NotChecked), "{finding:#?}");
        assert_eq!(finding.waits_for, None, "{finding:#?}");
    }
    assert!(checked.report.count(Verdict::Ok) >= 36, "{:#?}", checked.report);
    let calls: Vec<&str> = checked.requests.iter().map(|request| request.call.as_str()).collect();
    assert!(!calls.iter().any(|call| ["write", "users", "members", "action"].contains(call)), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| **call == "groups").count(), 1, "{calls:?}");
    for request in &checked.requests {
        assert!(!request.body.contains("@clientSecret"), "{}", request.body);
    }
    assert_eq!(checked.left, Vec::<String>::new());
}

#[tokio::test]
async fn offline_only_the_host_is_checked() {
    let harness = Harness { network: Network::Offline, ..Harness::sound() };
    let checked = harness.check().await;
    assert!(checked.requests.is_empty(), "{:?}", checked.requests);
    let verdict = |id: &str| checked.report.findings.iter().find(|finding| finding.id == id).map(|found| found.verdict);
    for id in ["configuration", "host.secrets", "host.state", "host.schedule", "names.mask"] {
        assert_eq!(verdict(id), Some(Verdict::Ok), "{id}");
    }
    for id in ["experience_cloud.token", "campaign.log_on", "external_account.mask", "names.matches"] {
        assert_eq!(verdict(id), Some(Verdict::NotChecked), "{id}");
    }
}

#[tokio::test]
async fn a_fresh_listing_is_not_requested_twice() {
    let name = ProductProfileName::new("Campaign - acme - delivery");
    let profiles = vec![ProductProfile { id: None, name, member_count: None }];
    let remembered = Some(RememberedListing { read_at: Utc::now(), profiles });
    let checked = Harness { remembered, ..Harness::sound() }.check().await;
    assert!(!checked.requests.iter().any(|request| request.call == "groups"), "{:?}", checked.requests);
    let evidence = |id: &str| {
        let found = checked.report.findings.iter().find(|finding| finding.id == id).expect(id);
        assert_eq!(found.verdict, Verdict::Ok, "{found:?}");
        found.evidence.clone()
    };
    assert!(evidence("experience_cloud.profiles").starts_with("1 product profiles, as read at "));
    assert_eq!(evidence("names.matches"), "1 of 1 product profiles");
    assert!(evidence("experience_cloud.first_page").starts_with("again at "));
    assert_eq!(checked.left, Vec::<String>::new());
}
