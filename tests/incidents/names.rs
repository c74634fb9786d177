//! Names that are not what they seem: ghosts, letter case, two of one kind.

use campaign_group_sync::{
    domain::{MissingPolicy, Outcome, SkipReason},
    sandbox::{Change, Scenario, UmapiGroup},
};

use super::harness::{Harness, changes};

const DELIVERY: &str = "Campaign - acme - delivery";

#[tokio::test]
async fn incident_06_a_ghost_name_never_creates_a_group() {
    let mut harness = Harness::of("first_day").await;
    for instance in &mut harness.options.instances {
        instance.policy.missing_group = MissingPolicy::Create;
    }
    for user in &mut harness.sandbox.world().organization_mut().users {
        user.ghost_groups.push(format!("{DELIVERY}_0CFE9FE-provisioning"));
    }
    let groups = |harness: &Harness| {
        let world = harness.sandbox.world();
        let instance = world.instance("production").expect("an instance").world();
        instance.groups.into_iter().map(|group| group.name).collect::<Vec<_>>()
    };
    let before = groups(&harness);
    let report = harness.sync().await;
    assert_eq!((report.outcome, groups(&harness)), (Outcome::Applied, before), "{report:#?}");
    let skipped = report.instances.iter().flat_map(|instance| &instance.skipped);
    let ghosts: Vec<_> = skipped.filter(|skipped| skipped.reason == SkipReason::NotAProfile).collect();
    assert_eq!(ghosts.len(), 1, "{report:#?}");
}

/// Every other letter in the other case.
fn swapped(text: &str) -> String {
    let swap = |(at, letter): (usize, char)| match (at % 2, letter.is_lowercase()) {
        (0, true) => letter.to_uppercase().collect::<String>(),
        (0, false) => letter.to_lowercase().collect(),
        _ => letter.to_string(),
    };
    text.chars().enumerate().map(swap).collect()
}

#[tokio::test]
async fn incident_14_another_letter_case_on_either_side_yields_an_empty_plan() {
    let settled = {
        let harness = Harness::of("first_day").await;
        assert_eq!(harness.sync().await.outcome, Outcome::Applied);
        harness.sandbox.world().describe()
    };
    let mut organization = settled.clone();
    for user in &mut organization.organization.users {
        for name in [&mut user.email, &mut user.username] {
            *name = name.as_deref().map(swapped);
        }
    }
    let mut profiles = settled.clone();
    for group in &mut profiles.organization.groups {
        group.name = swapped(&group.name);
    }
    for user in &mut profiles.organization.users {
        user.groups = user.groups.iter().map(|name| swapped(name)).collect();
    }
    let mut campaign = settled.clone();
    for instance in campaign.campaign.values_mut() {
        let technical = instance.technical_account.clone();
        let ims = |login: &str| login.contains('@') && login != technical;
        for operator in instance.operators.iter_mut().filter(|operator| ims(&operator.name)) {
            operator.name = swapped(&operator.name);
        }
        for (login, group) in &mut instance.memberships {
            if ims(login) {
                *login = swapped(login);
            }
            *group = swapped(group);
        }
        for group in &mut instance.groups {
            group.name = swapped(&group.name);
        }
    }
    for (side, scenario) in [("users", organization), ("profiles", profiles), ("Campaign", campaign)] {
        assert_ne!(scenario, settled, "{side}");
        Box::pin(check_empty_plan(side, scenario)).await;
    }
}

async fn check_empty_plan(side: &str, scenario: Scenario) {
    let harness = Harness::with(scenario).await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::InSync, 0), "{side}: {report:#?}");
    let kept: usize = report.instances.iter().map(|instance| instance.summary.unchanged).sum();
    assert_eq!(kept, 14, "{side}: {report:#?}");
}

#[tokio::test]
async fn incident_16_two_profiles_for_one_group_are_refused_and_all_other_groups_are_kept_in_line() {
    let harness = Harness::of("first_day").await;
    harness.sandbox.world().organization_mut().groups.push(UmapiGroup::profile(77_777, "campaign - ACME - Delivery"));
    let before = harness.memberships("production");
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    let skipped: Vec<_> = report.instances.iter().flat_map(|instance| &instance.skipped).collect();
    let refused: Vec<_> = skipped.iter().filter(|skipped| skipped.reason == SkipReason::AmbiguousProfile).collect();
    assert!(refused.iter().any(|refused| refused.detail.contains("77777") && refused.detail.contains("61001")));
    let lines = changes(&report);
    assert!(lines.len() >= 5 && lines.iter().all(|line| line.starts_with("applied: ")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.ends_with("delivery")), "{lines:?}");
    let delivery = |rows: Vec<(String, String)>| rows.into_iter().filter(|(_, group)| group == "delivery").count();
    assert_eq!(delivery(harness.memberships("production")), delivery(before));
}

#[tokio::test]
async fn incident_12_what_is_wrong_with_some_is_listed_at_once_and_stops_nobody_else() {
    let harness = Harness::of("first_day").await;
    let twin = |login: &str| {
        let change = campaign_group_sync::sandbox::campaign::InstanceChange::AddOperator {
            login: login.to_owned(),
            label: None,
            email: None,
            authentication: None,
            disabled: false,
        };
        Change::instance("production", change)
    };
    // Two people with two operators each, and two profiles too many.
    harness.sandbox.world().apply(&[twin("ANN@acme.com"), twin("BOB@acme.com")]).expect("applied");
    let doubled =
        [UmapiGroup::profile(77_777, "campaign - acme - REPORT"), UmapiGroup::profile(77_778, "campaign - acme - ")];
    harness.sandbox.world().organization_mut().groups.extend(doubled);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    let instance = report.instances.first().expect("an instance");
    let reasons = |reason: SkipReason| instance.skipped.iter().filter(|skipped| skipped.reason == reason).count();
    assert_eq!(reasons(SkipReason::AmbiguousIdentity), 2, "{report:#?}");
    assert_eq!(reasons(SkipReason::AmbiguousProfile), 1, "{report:#?}");
    assert_eq!(reasons(SkipReason::EmptyCapture), 1, "{report:#?}");
    let lines = changes(&report);
    for line in ["add dev@acme.com to delivery", "add dev@acme.com to workflow", "remove karl@acme.com from delivery"] {
        assert!(lines.contains(&format!("applied: {line}")), "{lines:?}");
    }
    assert!(lines.iter().all(|line| line.starts_with("applied: ")), "{lines:?}");
}
