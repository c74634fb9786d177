//! Mask reports about a whole organization, over HTTP.

use campaign_group_sync::{
    check::{GroupPresence, MaskError, MaskQuery, MatchKind, Network},
    domain::Outcome,
    sandbox::{Change, OrganizationChange, Scenario, campaign::InstanceChange},
};

use super::harness::{AT_ONCE, Harness, ask, everything, run};

async fn first_day() -> Harness {
    Harness::of(Scenario::named("first_day").expect("a built-in scenario")).await
}

#[tokio::test]
async fn a_profile_with_an_en_dash_is_shown_as_nearly_matched() {
    let harness = first_day().await;
    let (group, to) = ("Campaign - acme - delivery".to_owned(), "Campaign – acme - delivery".to_owned());
    let rename = OrganizationChange::RenameGroup { group, to }.into();
    let removal = InstanceChange::RemoveOperatorGroup { name: "workflow".to_owned() };
    harness.sandbox.world().apply(&[rename, Change::instance("production", removal)]).expect("changed");
    let report = ask(&harness.settings(None, AT_ONCE), &everything(None)).await.expect("an answer");
    let [instance] = report.instances.as_slice() else { panic!("one instance") };
    let name = |profile: &str| instance.names.iter().find(|one| one.profile == profile).expect("listed");
    let near = name("Campaign – acme - delivery");
    assert_eq!((near.matching, near.differences.len()), (MatchKind::NearlyMatched, 1));
    assert_eq!(near.differences.first().map(|one| (one.position, one.found.as_str())), Some((10, "–")));
    assert_eq!(near.corrected.as_deref(), Some("Campaign - acme - delivery"));
    assert_eq!(name("Campaign - acme - workflow").in_campaign, Some(GroupPresence::Missing));
    assert_eq!(name("Campaign - acme - content").in_campaign, Some(GroupPresence::Exists));
    assert_eq!(name("Campaign - acme-stage - delivery").matching, MatchKind::Unmatched);
    assert!(!harness.state().exists(), "a mask report creates no journal");
}

#[tokio::test]
async fn within_the_interval_the_stored_listing_of_the_last_run_is_used() {
    let harness = first_day().await;
    let settings = harness.settings(None, "first_page_interval = \"2h\"");
    run(&settings).await;
    harness.sandbox.clear_requests();
    let report = ask(&settings, &everything(None)).await.expect("an answer");
    assert!(report.listing.is_some_and(|listing| listing.renewable_at.is_some() && listing.profiles == 7));
    assert_eq!(harness.group_listings(), 0);
}

#[tokio::test]
async fn a_look_counts_as_page_0_where_there_is_a_journal() {
    let harness = first_day().await;
    run(&harness.settings(None, AT_ONCE)).await;
    harness.sandbox.clear_requests();
    ask(&harness.settings(None, AT_ONCE), &everything(None)).await.expect("an answer");
    assert!(harness.group_listings() > 0);
    harness.sandbox.clear_requests();
    let hours = harness.settings(None, "first_page_interval = \"2h\"");
    ask(&hours, &everything(None)).await.expect("an answer");
    assert_eq!(harness.group_listings(), 0);
}

#[tokio::test]
async fn offline_makes_no_call() {
    let harness = first_day().await;
    let settings = harness.settings(None, AT_ONCE);
    let offline = MaskQuery { network: Network::Offline, ..everything(Some("Campaign - acme-stage - (.*)")) };
    assert!(matches!(ask(&settings, &offline).await, Err(MaskError::NothingRemembered)));
    let named = MaskQuery { names: vec!["Campaign – acme - x".to_owned()], ..offline.clone() };
    let report = ask(&settings, &named).await.expect("an answer");
    assert_eq!((report.count(MatchKind::NearlyMatched), report.run.is_none()), (1, true));
    run(&settings).await;
    harness.sandbox.clear_requests();
    let report = ask(&settings, &offline).await.expect("an answer");
    assert_eq!((report.count(MatchKind::Matched), report.run.is_none()), (4, true));
    assert!(harness.sandbox.requests().is_empty());
}

#[tokio::test]
async fn names_are_reported_although_campaign_cannot_be_reached() {
    let harness = first_day().await;
    let settings = harness.settings(None, "max_wait = \"0s\"");
    let named = MaskQuery { names: vec!["Campaign - acme - x".to_owned()], ..everything(None) };
    harness.sandbox.stop().await;
    let report = ask(&settings, &named).await.expect("an answer");
    assert_eq!(report.count(MatchKind::Matched), 1);
    assert!(report.instances.iter().all(|instance| instance.error.is_some()));
    assert_eq!(report.outcome, Outcome::Unavailable);
}
