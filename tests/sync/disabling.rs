//! Operators whom a run leaves in no group and is to disable: what one run did not get to, a later one does, and nobody else
//! is disabled.

use campaign_group_sync::{
    domain::{Outcome, RunMode, RunReport, WithoutGroups},
    sandbox::{Change, Effect, Fault, Scenario, campaign::InstanceChange},
    sync::{self, Progress, Request, StopSwitch},
};

use super::support::{Stage, changes, request};

const REMOVED: &str = "applied: remove eve@acme.com from ops";
const DISABLED: &str = "applied: disable operator eve@acme.com";

/// Eve has lost the profile of her only group, and is to be disabled for it.
async fn stage() -> Stage {
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
    let mut stage = Stage::with(scenario).await;
    for instance in &mut stage.options.instances {
        instance.policy.without_groups = WithoutGroups::Disable;
        // One of two members may leave.
        stage.options.limits.max_group_removals_percent = 100;
    }
    stage
}

fn is_disabled(stage: &Stage, login: &str) -> bool {
    let world = stage.sandbox.world().instance("production").expect("an instance").world();
    world.operators.iter().any(|operator| operator.name == login && operator.disabled)
}

/// A run that takes the group from Eve, and cannot disable her.
async fn failing_to_disable(stage: &Stage) -> RunReport {
    let refused = Effect::soap_fault("SOP-330011 Error while executing the method", "XSV-350023 Unable to save");
    stage.sandbox.inject(Fault::new("write", refused).schema("xtk:operator").forever());
    let report = stage.sync().await;
    stage.sandbox.clear_faults();
    assert_eq!(changes(&report), [REMOVED, "failed: disable operator eve@acme.com"], "{report:#?}");
    report
}

#[tokio::test]
async fn whom_a_run_failed_to_disable_the_next_one_disables() {
    let stage = stage().await;
    failing_to_disable(&stage).await;
    let next = stage.sync().await;
    assert_eq!(changes(&next), [DISABLED], "{next:#?}");
    assert!(is_disabled(&stage, "eve@acme.com"));
    assert_eq!((stage.sync().await.outcome, stage.writes()), (Outcome::InSync, 0));
}
