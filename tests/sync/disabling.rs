//! Disabling operators that a run leaves in no group: a later run completes what one run did not, and disables no
//! others.

use campaign_group_sync::{
    domain::{Outcome, RunMode, RunReport, RunStep, Watcher, WithoutGroups},
    sandbox::{Change, Effect, Fault, OrganizationChange, Scenario, campaign::InstanceChange},
    sync::{self, RunRequest, StopSwitch},
};

use super::harness::{Harness, changes, request};

const REMOVED: &str = "applied: remove eve@acme.com from ops";
const DISABLED: &str = "applied: disable operator eve@acme.com";
const FAILED: &str = "failed: disable operator eve@acme.com";
const PENDING: &str = "pending: disable operator eve@acme.com";
const HELD: &str = "held: disable operator eve@acme.com";

/// Eve has lost the profile of her only group, and is to be disabled for it.
async fn harness() -> Harness {
    let scenario = Scenario::from_toml(
        r#"
        [organization]
        groups = [
            { group_id = 1, name = "Campaign - acme - ops", type = "PRODUCT_PROFILE" },
            { group_id = 2, name = "Campaign - acme - spare", type = "PRODUCT_PROFILE" },
        ]
        users = [{ email = "ann@acme.com", groups = ["Campaign - acme - ops"] }, { email = "eve@acme.com" }]
        [campaign.production]
        tenant = "acme"
        association_mask = "Campaign - acme - (.*)"
        authentication = "ims"
        operators = [
            { name = "ann@acme.com", authentication = "ims" },
            { name = "eve@acme.com", authentication = "ims" },
        ]
        groups = [{ name = "ops" }, { name = "spare" }, { name = "foreign" }]
        memberships = [["ann@acme.com", "ops"], ["eve@acme.com", "ops"]]
        "#,
    )
    .expect("a scenario");
    let mut harness = Harness::with(scenario).await;
    for instance in &mut harness.options.instances {
        instance.policy.without_groups = WithoutGroups::Disable;
        // One of two members may leave.
        harness.options.limits.max_group_removals_percent = 100;
    }
    harness
}

fn is_disabled(harness: &Harness, login: &str) -> bool {
    let world = harness.sandbox.world().instance("production").expect("an instance").world();
    world.operators.iter().any(|operator| operator.name == login && operator.disabled)
}

/// Makes this change in Campaign.
fn happens(harness: &Harness, change: InstanceChange) {
    harness.sandbox.world().apply(&[Change::instance("production", change)]).expect("applied");
}

/// A run that takes the group from Eve, and cannot disable her.
async fn failing_to_disable(harness: &Harness) -> RunReport {
    harness.sandbox.inject(refused_disablement());
    let report = harness.sync().await;
    assert_eq!(changes(&report), [REMOVED, FAILED], "{report:#?}");
    report
}

fn refused_disablement() -> Fault {
    let refused = Effect::soap_fault("SOP-330011 Error while executing the method", "XSV-350023 Unable to save");
    Fault::new("write", refused).schema("xtk:operator")
}

#[tokio::test]
async fn an_operator_that_a_run_failed_to_disable_is_disabled_by_the_next_run() {
    let harness = harness().await;
    failing_to_disable(&harness).await;
    let next = harness.sync().await;
    assert_eq!(changes(&next), [DISABLED], "{next:#?}");
    assert!(is_disabled(&harness, "eve@acme.com"));
    assert_eq!((harness.sync().await.outcome, harness.writes()), (Outcome::InSync, 0));
}

#[tokio::test]
async fn an_operator_that_a_stopped_run_did_not_disable_is_disabled_by_the_next_run() {
    let harness = harness().await;
    let (switch, stop) = StopSwitch::new();
    let watcher = Watcher::of_progress(move |progress| {
        if matches!(progress.step, RunStep::Applying { done: 1, .. }) {
            switch.stop();
        }
    });
    let request = RunRequest { stop, ..request(RunMode::Apply) };
    let stopped = sync::run(&harness.options, &harness.journal, &request, &watcher).await;
    assert_eq!(changes(&stopped), [REMOVED, PENDING], "{stopped:#?}");
    assert_eq!(changes(&harness.sync().await), [DISABLED]);
}

#[tokio::test]
async fn a_dry_run_shows_pending_disablements_and_keeps_them() {
    let harness = harness().await;
    failing_to_disable(&harness).await;
    for _ in 0..2 {
        let shown = harness.run(RunMode::DryRun).await;
        assert_eq!((changes(&shown), harness.writes()), (vec![PENDING.to_owned()], 0), "{shown:#?}");
        let reason = shown.instances[0].changes[0].reason.as_str();
        assert_eq!(reason, "an earlier run left it in no operator group and ended before it disabled it");
    }
    assert_eq!(changes(&harness.sync().await), [DISABLED]);
}

#[tokio::test]
async fn a_run_narrowed_to_another_user_or_a_group_disables_no_operator_and_keeps_pending_disablements() {
    let harness = harness().await;
    failing_to_disable(&harness).await;
    for report in
        [harness.sync_user("ann@acme.com").await, harness.sync_group("ops").await, harness.sync_group("spare").await]
    {
        assert_eq!(changes(&report), [""; 0], "{report:#?}");
    }
    let own = harness.sync_user("eve@acme.com").await;
    assert_eq!(changes(&own), [DISABLED], "{own:#?}");
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn an_operator_that_a_narrowed_run_did_not_disable_is_disabled_by_a_full_run() {
    let harness = harness().await;
    harness.sandbox.inject(refused_disablement());
    let narrowed = harness.sync_user("eve@acme.com").await;
    assert_eq!(changes(&narrowed), [REMOVED, FAILED], "{narrowed:#?}");
    assert_eq!(changes(&harness.sync().await), [DISABLED]);
}

#[tokio::test]
async fn a_user_that_a_second_read_finds_in_the_profile_is_not_disabled() {
    let harness = harness().await;
    failing_to_disable(&harness).await;
    let back = || vec![Change::assign("eve@acme.com", "Campaign - acme - ops")];
    for report in [
        {
            harness.sandbox.inject(Fault::new("members", Effect::status(503)).forever());
            harness.sync().await
        },
        {
            harness.sandbox.clear_faults();
            harness.sandbox.inject(Fault::new("members", Effect::Change { changes: back() }));
            harness.sync_user("eve@acme.com").await
        },
    ] {
        assert_eq!(changes(&report), ["unconfirmed: disable operator eve@acme.com"], "{report:#?}");
        assert_eq!((report.outcome, harness.writes()), (Outcome::Partial, 0));
    }
    harness.sandbox.clear_faults();
    assert_eq!(changes(&harness.sync().await), ["applied: add eve@acme.com to ops"]);
    assert!(!is_disabled(&harness, "eve@acme.com"));
}

#[tokio::test]
async fn an_operator_that_got_a_group_in_the_meantime_is_never_disabled() {
    let harness = harness().await;
    failing_to_disable(&harness).await;
    let (login, group) = (|| "eve@acme.com".to_owned(), || "foreign".to_owned());
    happens(&harness, InstanceChange::Join { login: login(), group: group() });
    assert_eq!((harness.sync().await.outcome, harness.writes()), (Outcome::InSync, 0));
    happens(&harness, InstanceChange::Leave { login: login(), group: group() });
    assert_eq!((harness.sync().await.outcome, harness.writes()), (Outcome::InSync, 0));
}

#[tokio::test]
async fn a_user_with_a_profile_whose_group_cannot_be_placed_is_not_disabled() {
    let harness = harness().await;
    failing_to_disable(&harness).await;
    happens(&harness, InstanceChange::RemoveOperatorGroup { name: "spare".to_owned() });
    harness.sandbox.world().apply(&[Change::assign("eve@acme.com", "Campaign - acme - spare")]).expect("assigned");
    let report = harness.sync().await;
    assert_eq!((changes(&report), harness.writes()), (Vec::new(), 0), "{report:#?}");
    assert!(!is_disabled(&harness, "eve@acme.com"));
}

#[tokio::test]
async fn an_operator_that_is_enabled_after_a_disablement_stays_enabled() {
    let harness = harness().await;
    assert_eq!(changes(&harness.sync().await), [REMOVED, DISABLED]);
    let enabled = InstanceChange::AddOperator {
        login: "eve@acme.com".to_owned(),
        label: None,
        email: None,
        authentication: None,
        disabled: false,
    };
    happens(&harness, InstanceChange::RemoveOperator { login: "eve@acme.com".to_owned() });
    happens(&harness, enabled);
    assert_eq!((harness.sync().await.outcome, harness.writes()), (Outcome::InSync, 0));
    assert!(!is_disabled(&harness, "eve@acme.com"));
}

#[tokio::test]
async fn an_undo_disables_no_operator_and_enables_the_operator_with_the_group() {
    let harness = harness().await;
    let failed = failing_to_disable(&harness).await;
    let undone = harness.undo(&failed.run, RunMode::Apply).await;
    assert_eq!(changes(&undone.expect("a known run")), ["applied: add eve@acme.com to ops"]);
    let history = harness.journal.history(&harness.options.instances[0].policy.instance, chrono::Utc::now()).await;
    assert_eq!(history.expect("readable").unfinished_disablements, []);
    assert!(!is_disabled(&harness, "eve@acme.com"));
}

#[tokio::test]
async fn a_late_disablement_passes_the_same_counter_and_is_released_in_the_same_way() {
    let mut harness = harness().await;
    failing_to_disable(&harness).await;
    harness.options.limits.max_removals = 0;
    let held = harness.sync().await;
    assert_eq!((changes(&held), harness.writes()), (vec![HELD.to_owned()], 0), "{held:#?}");
    let again = harness.sync().await;
    let digest = |report: &RunReport| report.instances[0].held.clone().expect("a digest");
    assert_eq!((changes(&again), digest(&again)), (vec![HELD.to_owned()], digest(&held)));
    assert_eq!(changes(&harness.sync_approving(&digest(&held)).await), [DISABLED]);
}

#[tokio::test]
async fn without_a_profile_that_can_be_read_a_second_time_a_late_disablement_is_held() {
    let harness = harness().await;
    failing_to_disable(&harness).await;
    let renamed = OrganizationChange::RenameGroup {
        group: "Campaign - acme - ops".to_owned(),
        to: "Campaign - acme - operations".to_owned(),
    };
    harness.sandbox.world().apply(&[Change::Organization(renamed)]).expect("renamed");
    let held = harness.sync().await;
    assert_eq!((changes(&held), harness.writes()), (vec![HELD.to_owned()], 0), "{held:#?}");
    let digest = held.instances[0].held.clone().expect("a digest");
    assert_eq!(changes(&harness.sync_approving(&digest).await), [DISABLED]);
}
