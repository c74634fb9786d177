//! What a run does when nothing goes wrong.

use campaign_group_sync::{
    domain::{ChangeOutcome, InstanceMode, Limits, MissingPolicy, Outcome, RunMode, SkipReason, SourceKind},
    experience_cloud::{Membership, ReadChoice},
    sandbox::{Change, Effect, Fault, Scenario, UmapiGroup, User, campaign::InstanceChange},
};

use super::harness::{Harness, changes, count};

#[tokio::test]
async fn the_first_day_adds_removes_and_leaves_the_rest() {
    let harness = Harness::of("first_day").await;
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    insta::assert_debug_snapshot!(changes(&report));
    assert!(report.instances.iter().all(|instance| instance.summary.unchanged > 0));
}

#[tokio::test]
async fn incident_25_a_second_run_is_in_sync_and_writes_nothing() {
    let harness = Harness::of("first_day").await;
    harness.sync().await;
    let held = harness.memberships("production");
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::InSync, 0), "{report:#?}");
    assert_eq!(harness.memberships("production"), held);
}

#[tokio::test]
async fn a_dry_run_plans_the_same_and_changes_nothing() {
    let harness = Harness::of("first_day").await;
    let before = harness.memberships("production");
    let report = harness.run(RunMode::DryRun).await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::ChangesPending, 0));
    assert_eq!(harness.memberships("production"), before);
    let planned: Vec<_> = changes(&report).iter().map(|line| line.replace("pending", "applied")).collect();
    assert_eq!(planned, changes(&harness.sync().await));
}

#[tokio::test]
async fn an_observed_instance_is_never_written() {
    let mut harness = Harness::of("first_day").await;
    for instance in &mut harness.options.instances {
        instance.mode = InstanceMode::Observe;
    }
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::ChangesPending, 0));
}

#[tokio::test]
async fn a_user_who_moves_between_profiles_moves_between_groups() {
    let harness = Harness::of("first_day").await;
    harness.sync().await;
    {
        let mut world = harness.sandbox.world();
        let (from, to) = ("Campaign - acme - delivery", "Campaign - acme - content");
        let of_from = world.members(from);
        let of_to = world.members(to);
        let mover = of_from.iter().find(|user| !of_to.contains(user)).expect("somebody to move").clone();
        world.apply(&[Change::unassign(&mover, from), Change::assign(&mover, to)]).expect("moved");
    }
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    let lines = changes(&report);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("applied: add ") && line.ends_with(" to content")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("applied: remove ") && line.ends_with(" from delivery")));
}

#[tokio::test]
async fn joiners_and_leavers_of_every_kind() {
    let harness = Harness::of("joiners_and_leavers").await;
    let report = harness.sync().await;
    insta::assert_debug_snapshot!((report.outcome, changes(&report)));
}

#[tokio::test]
async fn memberships_through_a_user_group_count_unless_only_direct_ones_are_asked_for() {
    let harness = Harness::of("inherited_through_user_group").await;
    let effective = harness.run(RunMode::DryRun).await;
    let mut harness = harness;
    harness.options.experience_cloud.membership = Membership::Direct;
    let direct = harness.run(RunMode::DryRun).await;
    insta::assert_debug_snapshot!((changes(&effective), changes(&direct)));
}

#[tokio::test]
async fn reading_profile_by_profile_plans_the_same() {
    for scenario in ["first_day", "joiners_and_leavers", "inherited_through_user_group"] {
        let mut harness = Harness::of(scenario).await;
        let whole = harness.run(RunMode::DryRun).await;
        harness.options.experience_cloud.read = ReadChoice::Profiles;
        let single = harness.run(RunMode::DryRun).await;
        assert_eq!(single.source.read, Some(SourceKind::Profiles));
        assert_eq!(changes(&whole), changes(&single), "{scenario}");
    }
}

#[tokio::test]
async fn hostile_names_are_placed_or_refused_and_never_interpreted() {
    let harness = Harness::of("hostile_names").await;
    let report = harness.sync().await;
    let instance = report.instances.first().expect("an instance");
    let skipped: Vec<_> =
        instance.skipped.iter().map(|skipped| (skipped.reason.as_str(), skipped.subject.as_str())).collect();
    insta::assert_debug_snapshot!((report.outcome, changes(&report), skipped));
    let again = harness.sync().await;
    assert_eq!(count(&again, ChangeOutcome::Applied), 0, "{again:#?}");
}

#[tokio::test]
async fn several_instances_are_served_by_one_read_of_the_organization() {
    let harness = Harness::of("two_instances").await;
    let report = harness.sync().await;
    assert_eq!(report.instances.len(), 2);
    insta::assert_debug_snapshot!(
        report
            .instances
            .iter()
            .map(|instance| (&instance.name, instance.outcome, instance.summary.planned()))
            .collect::<Vec<_>>()
    );
    let calls = harness.sandbox.requests();
    let page_0 = calls.iter().filter(|request| request.call == "users" && request.page == Some(0)).count();
    assert_eq!(page_0, 1);
}

#[tokio::test]
async fn operators_and_groups_are_created_when_asked() {
    let scenario = Scenario::from_toml(
        r#"
        [organization]
        groups = [{ group_id = 1, name = "Campaign - acme - new", type = "PRODUCT_PROFILE" }]
        users = [
            { email = "ann@acme.com", groups = ["Campaign - acme - new"] },
            { email = "o'brien\\@acme.com", groups = ["Campaign - acme - new"] },
        ]
        [campaign.production]
        tenant = "acme"
        association_mask = "Campaign - acme - (.*)"
        authentication = "ims"
        operators = []
        groups = []
        memberships = []
        "#,
    )
    .expect("a scenario");
    let mut harness = Harness::with(scenario).await;
    let policy = &mut harness.options.instances.first_mut().expect("an instance").policy;
    (policy.missing_operator, policy.missing_group) = (MissingPolicy::Create, MissingPolicy::Create);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    let row = |login: &str| (login.to_owned(), "new".to_owned());
    assert_eq!(harness.memberships("production"), [row("ann@acme.com"), row("o'brien\\@acme.com")]);
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn incident_11_emptying_a_group_is_held_and_the_rest_goes_on() {
    let harness = Harness::of("first_day").await;
    harness.sync().await;
    {
        let mut world = harness.sandbox.world();
        let profile = "Campaign - acme - report";
        let leavers: Vec<_> = world.members(profile).iter().map(|user| Change::unassign(user, profile)).collect();
        world.apply(&leavers).expect("all leave");
    }
    let before = harness.memberships("production");
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    assert_eq!(harness.memberships("production"), before);
    let instance = report.instances.first().expect("an instance");
    assert!(instance.held.as_ref().is_some_and(|digest| digest.len() == 16), "{instance:#?}");
    let again = harness.run(RunMode::DryRun).await;
    assert_eq!(again.instances.first().and_then(|instance| instance.held.clone()), instance.held);
}

#[tokio::test]
async fn incident_09_foreign_groups_are_untouched_whatever_happens() {
    let harness = Harness::of("first_day").await;
    let foreign = |rows: Vec<(String, String)>| {
        rows.into_iter()
            .filter(|(_, group)| !["delivery", "content", "report", "workflow"].contains(&group.as_str()))
            .collect::<Vec<_>>()
    };
    let before = foreign(harness.memberships("production"));
    assert!(!before.is_empty());
    harness.sync().await;
    assert_eq!(foreign(harness.memberships("production")), before);
}

#[tokio::test]
async fn a_user_that_a_second_read_finds_is_not_removed() {
    let mut harness = Harness::of("first_day").await;
    let planned = harness.run(RunMode::DryRun).await;
    let removal = planned
        .instances
        .first()
        .expect("an instance")
        .changes
        .iter()
        .find(|change| change.op == campaign_group_sync::domain::ChangeKind::Remove);
    let removal = removal.expect("a removal").clone();
    let user = removal.operator.clone().expect("an operator");
    let known = harness.sandbox.world().organization().users.iter().any(|u| u.email.as_deref() == Some(&user));
    let mut back = vec![Change::assign(&user, &removal.profile)];
    if !known {
        let add =
            campaign_group_sync::sandbox::OrganizationChange::AddUser { user: Box::new(User::federated(&user, &[])) };
        back.insert(0, Change::Organization(add));
    }
    harness.sandbox.inject(Fault::new("members", Effect::Change { changes: back }));
    let report = harness.sync().await;
    let lines = changes(&report);
    assert!(lines.contains(&format!("unconfirmed: {}", removal.described())), "{lines:?}");
    assert_eq!(report.outcome, Outcome::Partial);

    harness.options.confirmation = campaign_group_sync::sync::Confirmation::Off;
    harness.sandbox.clear_faults();
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn limits_hold_a_run_that_would_remove_too_many() {
    let mut harness = Harness::of("first_day").await;
    harness.options.limits = Limits { max_removals: 0, ..harness.options.limits };
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held);
    assert!(count(&report, ChangeOutcome::Applied) > 0, "additions go on");
    assert!(changes(&report).iter().all(|line| !line.starts_with("applied: remove")));
}

#[tokio::test]
async fn a_mask_that_matches_nothing_stops_its_instance_only() {
    let mut harness = Harness::of("two_instances").await;
    let first = harness.options.instances.first_mut().expect("an instance");
    first.policy.mask = campaign_group_sync::domain::AssociationMask::parse("Kampagne - (.*)").expect("valid");
    let name = first.policy.instance.to_string();
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Incomplete);
    for instance in &report.instances {
        assert_eq!(instance.outcome == Outcome::Incomplete, instance.name == name, "{instance:#?}");
    }
}

#[tokio::test]
async fn incident_25_a_change_that_was_made_by_hand_in_the_meantime_counts_as_already() {
    let harness = Harness::of("first_day").await.with_another_look();
    let planned = harness.run(RunMode::DryRun).await;
    let addition = planned.instances.first().expect("an instance").changes.first().expect("a change").clone();
    let joined = InstanceChange::Join {
        login: addition.operator.clone().expect("an operator").to_string(),
        group: addition.group.clone().expect("a group").to_string(),
    };
    // The removals are confirmed between reading and writing.
    let change = Effect::Change { changes: vec![Change::instance("production", joined)] };
    harness.sandbox.inject(Fault::new("members", change));
    let report = harness.sync().await;
    assert!(changes(&report).contains(&format!("already: {}", addition.described())), "{report:#?}");
    assert_eq!(report.outcome, Outcome::Applied);
}

#[tokio::test]
async fn incident_06_a_name_seen_only_on_users_is_never_a_profile() {
    let harness = Harness::of("first_day").await;
    harness.sync().await;
    {
        let mut world = harness.sandbox.world();
        let user = world.organization_mut().users.first_mut().expect("a user");
        user.ghost_groups.push("Campaign - acme - delivery-provisioning".to_owned());
    }
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::InSync);
    let instance = report.instances.first().expect("an instance");
    assert!(instance.skipped.iter().any(|skipped| skipped.reason == SkipReason::NotAProfile), "{instance:#?}");
}

#[tokio::test]
async fn incident_16_two_profiles_for_one_group_are_refused_with_both_ids() {
    let harness = Harness::of("first_day").await;
    harness.sync().await;
    harness.sandbox.world().organization_mut().groups.push(UmapiGroup::profile(77_777, "campaign - ACME - delivery"));
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Partial, 0));
    let instance = report.instances.first().expect("an instance");
    let detail = instance.skipped.iter().find(|skipped| skipped.reason == SkipReason::AmbiguousProfile);
    assert!(detail.is_some_and(|skipped| skipped.detail.contains("77777") && skipped.detail.contains("61001")));
}
