//! Users that no run may remove, and groups that no run may change.

use std::{collections::BTreeSet, time::Duration};

use campaign_group_sync::{
    domain::{
        ChangeKind, InstanceName, OperatorGroupName, OperatorLogin, Outcome, ProtectedGroup, RunMode, SkipReason,
    },
    sandbox::{Change, OrganizationChange, Scenario, UmapiGroup, campaign::InstanceChange},
    sync::Confirmation,
};
use chrono::{TimeDelta, TimeZone, Utc};
use serde_json::json;

use super::{
    harness::{Harness, changes},
    numbers::Numbers,
};

const PEOPLE: usize = 12;
const GROUPS: [&str; 3] = ["content", "delivery", "report"];

fn person(at: usize) -> String {
    format!("p{at:02}@acme.com")
}

fn profile(group: &str) -> String {
    format!("Campaign - acme - {group}")
}

/// People with profiles at random, and 500 groups that no profile stands for, each with members.
fn busy(numbers: &mut Numbers) -> Scenario {
    let profiles_of = |numbers: &mut Numbers| {
        GROUPS.iter().filter(|_| numbers.below(2) == 0).map(|group| profile(group)).collect::<Vec<_>>()
    };
    let users: Vec<_> = (0..PEOPLE).map(|at| json!({"email": person(at), "groups": profiles_of(numbers)})).collect();
    let foreign: Vec<String> = (0..500).map(|at| format!("foreign{at:03}")).collect();
    let strangers = (0..20).map(|at| json!({"name": format!("native{at:02}")}));
    let operators = (0..PEOPLE).map(|at| json!({"name": person(at), "authentication": "ims"})).chain(strangers);
    let mut memberships: Vec<_> = foreign
        .iter()
        .flat_map(|group| [(person(numbers.below(PEOPLE)), group), (format!("native{:02}", numbers.below(20)), group)])
        .map(|(login, group)| json!([login, group]))
        .collect();
    memberships.extend((0..PEOPLE).map(|at| json!([person(at), numbers.one_of(&GROUPS)])));
    let groups = foreign.iter().map(String::as_str).chain(GROUPS).map(|name| json!({"name": name}));
    let scenario = json!({
        "organization": {
            "groups": GROUPS.iter().zip(1..).map(|(group, id)| json!({"group_id": id, "name": profile(group),
                "type": "PRODUCT_PROFILE"})).collect::<Vec<_>>(),
            "users": users,
        },
        "campaign": {"production": {
            "tenant": "acme", "association_mask": "Campaign - acme - (.*)", "authentication": "ims",
            "operators": operators.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
            "memberships": memberships,
        }},
    });
    serde_json::from_value(scenario).expect("a scenario")
}

/// Everything of groups that no profile stands for: the rows of groups, members, operators and rights, as text.
fn foreign(harness: &Harness) -> String {
    let world = harness.sandbox.world();
    let mut instance = world.instance("production").expect("an instance").world();
    instance.groups.retain(|group| !GROUPS.contains(&group.name.as_str()));
    instance.memberships.retain(|(_, group)| !GROUPS.contains(&group.as_str()));
    serde_json::to_string(&instance).expect("JSON")
}

#[tokio::test]
async fn incident_09_five_hundred_foreign_groups_are_byte_for_byte_the_same_after_a_hundred_runs() {
    let mut numbers = Numbers(9);
    let mut harness = Harness::with(busy(&mut numbers)).await;
    harness.options.limits.max_removals_percent = 100;
    harness.options.limits.max_group_removals_percent = 100;
    assert_eq!(harness.run(RunMode::DryRun).await.source.profiles, 3);
    let before = foreign(&harness);
    assert!(before.matches("foreign").count() > 1000);
    let mut writes = 0;
    for _ in 0..100 {
        for _ in 0..3 {
            let user = person(numbers.below(PEOPLE));
            let &group = numbers.one_of(&GROUPS);
            let group = profile(group);
            let change =
                if numbers.below(2) == 0 { Change::assign(&user, &group) } else { Change::unassign(&user, &group) };
            // Who is not in a group cannot be taken out of it: another change, then.
            let _ = harness.sandbox.world().apply(&[change]);
        }
        if numbers.below(5) == 0 {
            harness.sync_user(&person(numbers.below(PEOPLE))).await;
        } else {
            harness.sync().await;
        }
        writes += harness.writes();
        assert_eq!(foreign(&harness), before);
    }
    assert!(writes > 50, "the runs had something to do: {writes}");
}

/// Campaign's administrators, fed by a profile that lost nearly everybody.
fn administrators() -> Scenario {
    let logins = ["ann@acme.com", "bob@acme.com", "carla@acme.com", "dev@acme.com"];
    let scenario = json!({
        "organization": {
            "groups": [
                {"group_id": 1, "name": "Campaign - acme - admin", "type": "PRODUCT_PROFILE"},
                {"group_id": 2, "name": "Campaign - acme - ops", "type": "PRODUCT_PROFILE"},
            ],
            "users": [{"email": "eve@acme.com", "groups": ["Campaign - acme - ops"]}],
        },
        "campaign": {"production": {
            "tenant": "acme", "association_mask": "Campaign - acme - (.*)", "authentication": "ims",
            "operators": logins.iter().chain(&["eve@acme.com"])
                .map(|login| json!({"name": login, "authentication": "ims"})).collect::<Vec<_>>(),
            "groups": [{"name": "admin"}, {"name": "ops"}],
            "memberships": logins.iter().map(|login| json!([login, "admin"])).collect::<Vec<_>>(),
        }},
    });
    serde_json::from_value(scenario).expect("a scenario")
}

#[tokio::test]
async fn incident_08_a_protected_group_keeps_its_minimum_and_whom_it_requires_and_the_rest_proceeds() {
    let mut harness = Harness::with(administrators()).await;
    harness.options.limits.max_removals_percent = 100;
    harness.options.limits.max_group_removals_percent = 100;
    for instance in &mut harness.options.instances {
        instance.policy.protected_groups = vec![ProtectedGroup {
            name: OperatorGroupName::new("admin"),
            min_members: 2,
            required: vec![OperatorLogin::new("dev@acme.com")],
        }];
    }
    let own = harness.sandbox.world().instance("production").expect("an instance").world().technical_account;
    let join = InstanceChange::Join { login: own.clone(), group: "ops".to_owned() };
    for _ in 0..3 {
        let report = harness.sync().await;
        assert!([Outcome::Partial, Outcome::Held].contains(&report.outcome), "{report:#?}");
        let left = harness.memberships("production").into_iter().filter(|(_, group)| group == "admin");
        let left: BTreeSet<_> = left.map(|(login, _)| login).collect();
        assert!(left.len() >= 2 && left.contains("dev@acme.com"), "{left:?}");
        let skipped = report.instances.iter().flat_map(|instance| &instance.skipped);
        assert!(skipped.filter(|skipped| skipped.reason == SkipReason::ProtectedMinimum).count() > 0, "{report:#?}");
        // What is held is released: even that empties nothing.
        if let Some(digest) = report.instances.iter().find_map(|instance| instance.held.clone()) {
            harness.sync_approving(&digest).await;
        }
        // The program's own operator is nobody's business, wherever it is.
        harness.sandbox.world().apply(&[Change::instance("production", join.clone())]).expect("joined");
    }
    let memberships = harness.memberships("production");
    assert!(memberships.contains(&("eve@acme.com".to_owned(), "ops".to_owned())), "{memberships:?}");
    assert!(memberships.contains(&(own, "ops".to_owned())), "{memberships:?}");
}

#[tokio::test]
async fn incident_10_a_deleted_profile_is_in_every_report_and_removes_no_member() {
    let harness = Harness::of("first_day").await;
    harness.sync().await;
    let before = harness.memberships("production");
    let gone = OrganizationChange::RemoveGroup { group: profile("delivery") };
    harness.sandbox.world().apply(&[gone.into()]).expect("applied");
    for mode in [RunMode::Apply, RunMode::DryRun, RunMode::Apply] {
        let report = harness.run(mode).await;
        let orphans: Vec<_> = report.instances.iter().flat_map(|instance| &instance.orphaned).collect();
        assert!(orphans.iter().any(|orphan| orphan.group == "delivery"), "{report:#?}");
        assert_eq!(harness.writes(), 0);
    }
    assert_eq!(harness.memberships("production"), before);
}

#[tokio::test]
async fn incident_11_when_the_last_member_leaves_the_group_is_to_be_emptied_and_not_forgotten() {
    let harness = Harness::of("joiners_and_leavers").await;
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held);
    assert!(changes(&report).contains(&"held: remove rosa@acme.com from offer".to_owned()), "{report:#?}");
    let digest = report.instances.iter().find_map(|instance| instance.held.clone()).expect("a digest");
    let approved = harness.sync_approving(&digest).await;
    assert_eq!(changes(&approved), ["applied: remove rosa@acme.com from offer"], "{approved:#?}");
}

#[tokio::test]
async fn incident_17_no_removal_depends_on_a_clock() {
    let harness = Harness::of("first_day").await;
    harness.sync().await;
    harness.sandbox.world().apply(&[Change::unassign("ann@acme.com", &profile("delivery"))]).expect("applied");
    let name = InstanceName::new("production");
    // What decisions know of the past is the same whatever the clock says, and they know no clock themselves.
    let now = Utc::now();
    let history = harness.journal.history(&name, now).await.expect("readable");
    assert!(history.accepted.is_some());
    let around_dst = [
        Utc.with_ymd_and_hms(2026, 3, 29, 0, 59, 59).single().expect("a time"),
        Utc.with_ymd_and_hms(2026, 3, 29, 1, 0, 1).single().expect("a time"),
        Utc.with_ymd_and_hms(2026, 10, 25, 1, 0, 1).single().expect("a time"),
    ];
    let decade = TimeDelta::days(3653);
    for at in [now - decade, now + decade].into_iter().chain(around_dst) {
        assert_eq!(harness.journal.history(&name, at).await.expect("readable"), history, "{at}");
    }
    let first = changes(&harness.run(RunMode::DryRun).await);
    assert_eq!(first, ["pending: remove ann@acme.com from delivery"]);
    assert_eq!(changes(&harness.run(RunMode::DryRun).await), first);
}

#[tokio::test]
async fn incident_24_every_kind_of_removal_passes_one_counter() {
    let mut harness = Harness::of("joiners_and_leavers").await;
    harness.options.confirmation = Confirmation::Off;
    harness.options.first_page_interval = Duration::ZERO;
    harness.options.limits.max_removals = 2;
    for instance in &mut harness.options.instances {
        instance.policy.without_groups = campaign_group_sync::domain::WithoutGroups::Disable;
    }
    let ops = UmapiGroup::profile(69_001, "Campaign - acme - spare");
    harness.sandbox.world().organization_mut().groups.push(ops);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    let instance = report.instances.first().expect("an instance");
    let taking = |op: ChangeKind| op == ChangeKind::Remove || op == ChangeKind::DisableOperator;
    let removals: Vec<_> = instance.changes.iter().filter(|change| taking(change.op)).collect();
    assert!(removals.iter().any(|change| change.op == ChangeKind::DisableOperator), "{report:#?}");
    assert!(removals.len() > 2, "{report:#?}");
    assert!(removals.iter().all(|change| change.outcome == campaign_group_sync::domain::ChangeOutcome::Held));
}
