//! Wrong, incomplete and missing responses: no user loses a membership because of them.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{MissingPolicy, OrphanedGroup, Outcome, RunMode, WithoutGroups},
    experience_cloud::ReadChoice,
    sandbox::{Effect, Fault, Scenario, Times},
    sync::{Confirmation, RunRequest},
};
use serde_json::json;

use super::{
    harness::{Harness, changes, request},
    numbers::Numbers,
};

/// The first day in pages of five users.
async fn paged() -> Harness {
    let mut scenario = Scenario::named("first_day").expect("built in");
    scenario.pages.users = 5;
    Harness::with(scenario).await
}

#[tokio::test]
async fn incident_02_a_source_that_answers_with_nothing_changes_nothing_whatever_was_asked() {
    let nothing = |call: &str, pointer: &str| Fault::new(call, Effect::set_value(pointer, json!([]))).forever();
    let unmatched = Fault::new("groups", Effect::set_value("/groups/*/groupName", "Something else")).forever();
    for fault in [nothing("users", "/users"), nothing("groups", "/groups"), unmatched] {
        let mut harness = Harness::of("first_day").await;
        for instance in &mut harness.options.instances {
            instance.policy.missing_operator = MissingPolicy::Create;
            instance.policy.missing_group = MissingPolicy::Create;
            instance.policy.without_groups = WithoutGroups::Disable;
            instance.policy.orphaned_group = OrphanedGroup::Empty;
        }
        harness.options.confirmation = Confirmation::Off;
        harness.options.limits.max_removals_percent = 100;
        harness.options.limits.max_group_removals_percent = 100;
        harness.options.limits.max_source_shrink_percent = 100;
        let before = harness.memberships("production");
        harness.sandbox.inject(fault.clone());
        for mode in [RunMode::DryRun, RunMode::Apply] {
            let narrowed = campaign_group_sync::domain::Scope {
                users: Vec::new(),
                groups: vec![campaign_group_sync::domain::OperatorGroupName::new("delivery")],
            };
            for scope in [campaign_group_sync::domain::Scope::default(), narrowed] {
                let report = harness.ask(&RunRequest { scope, ..request(mode) }).await;
                assert_eq!((report.outcome, harness.writes()), (Outcome::Incomplete, 0), "{fault:?}: {report:#?}");
            }
        }
        assert_eq!(harness.memberships("production"), before);
    }
}

/// A random fault of a read.
fn any_fault(numbers: &mut Numbers) -> Fault {
    let effects = [
        Effect::status(503),
        Effect::status(404),
        Effect::status(500),
        Effect::Html,
        Effect::Reset,
        Effect::Truncate { bytes: None },
        Effect::CutOff { after: None },
        Effect::EmptyPage,
        Effect::LastPage { value: true },
        Effect::LastPage { value: false },
        Effect::RepeatPage { page: 0 },
        Effect::omit_key("/users"),
        Effect::omit_key("/users/*/groups"),
        Effect::set_value("/users", json!([])),
        Effect::set_value("/users/*/groups", json!([])),
        Effect::drop_headers(&["X-Total-Count", "X-Page-Count"]),
    ];
    let call = *numbers.one_of(&["users", "members", "user", "users", "members"]);
    let fault = Fault::new(call, numbers.one_of(&effects).clone());
    let skip = u32::try_from(numbers.below(3)).expect("few");
    let times = [Times::Count(1), Times::Count(2), Fault::new("any", Effect::Html).forever().times];
    Fault { skip, times: *numbers.one_of(&times), ..fault }
}

/// Whoever has the profile keeps the group, whatever happens to the answers, however the memberships are read.
#[tokio::test]
async fn incident_03_no_fault_and_no_pair_of_faults_ever_removes_anybody_who_has_the_profile() {
    let (mut met, mut removed) = (0, 0);
    for seed in 0..120_u64 {
        let mut numbers = Numbers(seed);
        let mut harness = paged().await;
        harness.options.limits.max_removals_percent = 100;
        harness.options.limits.max_group_removals_percent = 100;
        harness.options.experience_cloud.read =
            *numbers.one_of(&[ReadChoice::Organization, ReadChoice::Profiles, ReadChoice::Auto]);
        let rightful = rightful(&harness);
        let faults: Vec<_> = (0..=numbers.below(2)).map(|_| any_fault(&mut numbers)).collect();
        for fault in &faults {
            harness.sandbox.inject(fault.clone());
        }
        let report = if numbers.below(4) == 0 { harness.sync_user("ann@acme.com").await } else { harness.sync().await };
        let after: BTreeSet<_> = harness.memberships("production").into_iter().collect();
        let lost: Vec<_> = rightful.difference(&after).collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?} by {faults:?}: {report:#?}");
        met += harness.sandbox.faults().iter().filter(|fault| fault.disturbed > 0).count();
        removed += changes(&report).iter().filter(|line| line.starts_with("applied: remove")).count();
    }
    assert!(met > 60 && removed > 30, "faults met: {met}, removals made all the same: {removed}");
}

/// The memberships in Campaign that the organization confirms.
fn rightful(harness: &Harness) -> BTreeSet<(String, String)> {
    let mut world = harness.sandbox.world();
    let memberships = world.instance("production").expect("an instance").world().memberships;
    let mut kept = BTreeSet::new();
    for group in ["delivery", "content", "report", "workflow"] {
        let members = world.members(&format!("Campaign - acme - {group}"));
        kept.extend(memberships.iter().filter(|(login, of)| of == group && members.contains(login)).cloned());
    }
    assert!(!kept.is_empty());
    kept
}

/// An organization whose profile has many members, all of them but one in the operator group.
fn crowd() -> Scenario {
    let people: Vec<String> = (0..40).map(|at| format!("p{at:02}@acme.com")).collect();
    let users = people.iter().map(|login| json!({"email": login, "groups": ["Campaign - acme - ops"]}));
    let operators = people.iter().map(|login| json!({"name": login, "authentication": "ims"}));
    let scenario = json!({
        "organization": {
            "groups": [{"group_id": 1, "name": "Campaign - acme - ops", "type": "PRODUCT_PROFILE"}],
            "users": users.collect::<Vec<_>>(),
        },
        "campaign": {"production": {
            "tenant": "acme", "association_mask": "Campaign - acme - (.*)", "authentication": "ims",
            "operators": operators.collect::<Vec<_>>(),
            "groups": [{"name": "ops"}],
            "memberships": people.iter().skip(1).map(|login| json!([login, "ops"])).collect::<Vec<_>>(),
        }},
        "pages": {"users": 10},
    });
    serde_json::from_value(scenario).expect("a scenario")
}

#[tokio::test]
async fn incident_05_a_profile_with_fewer_people_than_it_counts_is_read_by_itself() {
    for first in [0, 1] {
        let mut harness = Harness::with(crowd()).await;
        // Not even the second read is needed.
        harness.options.confirmation = Confirmation::Off;
        for page in first..first + 2 {
            harness.sandbox.inject(Fault::new("users", Effect::omit_key("/users/*/groups")).page(page).forever());
        }
        let report = harness.sync().await;
        assert_eq!(changes(&report), ["applied: add p00@acme.com to ops"], "{report:#?}");
    }
}

#[tokio::test]
async fn incident_05_one_person_without_profiles_is_removed_only_when_a_second_read_agrees() {
    let harness = Harness::with(crowd()).await;
    harness.sandbox.inject(Fault::new("users", Effect::set_value("/users/3/groups", json!([]))).page(2).forever());
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    assert_eq!(
        changes(&report),
        ["applied: add p00@acme.com to ops", "unconfirmed: remove p23@acme.com from ops"],
        "{report:#?}"
    );
}
