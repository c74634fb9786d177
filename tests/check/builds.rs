//! The check of each build of Campaign: nothing is known of it before.

use campaign_group_sync::{
    check::Verdict,
    sandbox::campaign::{Build, InstanceBehavior},
};

use super::harness::Harness;

#[tokio::test]
async fn no_build_is_a_problem() {
    for build in Build::ALL {
        let mut harness = Harness::sound();
        harness.campaign().behavior = InstanceBehavior::of(build);
        let checked = harness.check().await;
        let wrong = |verdict| matches!(verdict, Verdict::Failed | Verdict::Warning);
        let problems: Vec<_> = checked.report.findings.iter().filter(|finding| wrong(finding.verdict)).collect();
        let ids: Vec<&str> = problems.iter().map(|finding| finding.id).collect();
        // Technical accounts sign in through IMS from 7.3.5 on: this is the one thing that older builds cannot do.
        let expected: &[&str] = match build {
            Build::V7_3_4 | Build::Old => &["campaign.version"],
            Build::V7_4 | Build::V8_6 => &[],
        };
        assert_eq!(ids, expected, "{build:?}: {problems:#?}");
    }
}

#[tokio::test]
async fn what_a_build_does_not_have_is_a_warning_only_if_the_configuration_needs_it() {
    let mut harness = Harness::sound();
    harness.campaign().behavior = InstanceBehavior::of(Build::Old);
    harness.edit("[instances.production]\n", "[instances.production]\nwithout_groups = \"disable\"\n");
    let checked = harness.check().await;
    let finding = checked.report.findings.iter().find(|finding| finding.id == "campaign.schemas").expect("checked");
    assert_eq!(finding.verdict, Verdict::Warning, "{finding:#?}");
    assert!(finding.evidence.contains("operators cannot be disabled"), "{finding:#?}");
}
