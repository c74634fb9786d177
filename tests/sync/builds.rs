//! The first run against each build of Campaign: nothing is known of it before.

use campaign_group_sync::{
    domain::{ChangeOutcome, Outcome, RunMode},
    sandbox::{
        Scenario,
        campaign::{Build, InstanceAuthentication, InstanceBehavior},
    },
};

use super::harness::Harness;

/// The scenario with one instance of this build.
fn first_day(build: Build, authentication: InstanceAuthentication) -> Scenario {
    let mut scenario = Scenario::named("first_day").expect("built in");
    for instance in scenario.campaign.values_mut() {
        instance.behavior = InstanceBehavior::of(build);
        instance.authentication = authentication;
    }
    scenario
}

/// The builds, each with the kinds of sign-in that it accepts.
fn builds() -> impl Iterator<Item = (Build, InstanceAuthentication)> {
    let ims = Build::ALL.into_iter().map(|build| (build, InstanceAuthentication::Ims));
    let native = Build::ALL.into_iter().filter(|build| InstanceBehavior::of(*build).native_sign_in);
    ims.chain(native.map(|build| (build, InstanceAuthentication::Native)))
}

#[tokio::test]
async fn each_build_is_observed_then_changed_and_the_second_run_writes_nothing() {
    let usual = Harness::of("first_day").await;
    usual.sync().await;
    let expected = usual.memberships("production");
    for (build, authentication) in builds() {
        let harness = Harness::with(first_day(build, authentication)).await;
        let observed = harness.run(RunMode::DryRun).await;
        assert_eq!(observed.outcome, Outcome::ChangesPending, "{build:?}: {observed:#?}");
        assert_eq!(harness.writes(), 0, "{build:?}");
        let applied = harness.sync().await;
        assert_eq!(applied.outcome, Outcome::Applied, "{build:?}: {applied:#?}");
        let changes = applied.instances.iter().flat_map(|instance| &instance.changes);
        assert!(changes.clone().count() > 0 && changes.clone().all(|change| change.outcome == ChangeOutcome::Applied));
        let own = |rows: &(String, String)| !rows.0.starts_with("group-sync");
        let of_users = |rows: Vec<(String, String)>| rows.into_iter().filter(own).collect::<Vec<_>>();
        assert_eq!(of_users(harness.memberships("production")), of_users(expected.clone()), "{build:?}");
        let again = harness.sync().await;
        assert_eq!((again.outcome, harness.writes()), (Outcome::InSync, 0), "{build:?}: {again:#?}");
        assert_eq!(harness.sandbox.requests().iter().filter(|request| request.call == "schema").count(), 0);
    }
}
