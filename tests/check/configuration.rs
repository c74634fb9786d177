//! A problem of the configuration blocks only the prerequisites that depend on it.

use campaign_group_sync::check::{FailureCause, Finding, Verdict};

use super::harness::{Checked, Harness};

/// The prerequisites that are not checked; asserts that exactly one has failed.
fn waiting(checked: &Checked, failed: &str) -> Vec<(Option<String>, &'static str)> {
    let findings = &checked.report.findings;
    let wrong: Vec<&Finding> = findings.iter().filter(|one| one.verdict == Verdict::Failed).collect();
    assert!(!wrong.is_empty() && wrong.iter().all(|one| one.id == failed), "{wrong:#?}");
    assert!(wrong.iter().all(|one| one.cause == Some(FailureCause::Configuration)), "{wrong:#?}");
    let waiting: Vec<&Finding> = findings.iter().filter(|one| one.waits_for.is_some()).collect();
    assert!(waiting.iter().all(|one| one.waits_for == Some(failed)), "{waiting:#?}");
    waiting.iter().map(|one| (one.instance.clone(), one.id)).collect()
}

fn verdict(checked: &Checked, id: &str) -> Option<Verdict> {
    checked.report.findings.iter().find(|one| one.id == id).map(|one| one.verdict)
}

#[tokio::test]
async fn an_invalid_instance_does_not_block_the_others() {
    let mut harness = Harness::sound();
    harness.edit(
        "[instances.production]\n",
        "[instances.Stage]\nurl = \"stage\"\nassociation_mask = \"Campaign - acme-stage - (.*)\"\n[instances.production]\n",
    );
    let checked = harness.check().await;
    let waiting = waiting(&checked, "configuration");
    assert!(waiting.iter().all(|(instance, _)| instance.as_deref() == Some("Stage")), "{waiting:?}");
    for id in ["campaign.reachable", "external_account.mask", "names.ambiguous"] {
        assert!(waiting.contains(&(Some("Stage".to_owned()), id)), "{id}: {waiting:?}");
        let finding =
            checked.report.findings.iter().find(|one| one.id == id && one.instance.as_deref() != Some("Stage"));
        assert_eq!(finding.map(|one| one.verdict), Some(Verdict::Ok), "{id}");
    }
}

#[tokio::test]
async fn an_invalid_value_blocks_only_its_own_section() {
    for (from, to, expected) in [
        ("0 0 */2 * * *", "0 3 * * *", vec!["host.schedule"]),
        ("control.sock\"", "control.sock\"\n[guard]\nmax_removals = -1", vec![]),
        ("[control]\nsocket = \"", "[control]\nsocket = \"./", vec!["host.socket"]),
    ] {
        let mut harness = Harness::sound();
        harness.edit(from, to);
        let waiting = waiting(&harness.check().await, "configuration");
        assert_eq!(waiting, expected.into_iter().map(|id| (None, id)).collect::<Vec<_>>(), "{to}");
    }
}

#[tokio::test]
async fn campaign_is_checked_without_the_experience_cloud() {
    let mut harness = Harness::sound();
    harness.files.push(("cloud.secret", Some("sandbox-client-secret"), 0o644));
    let checked = harness.check().await;
    let waiting = waiting(&checked, "configuration");
    for id in ["experience_cloud.organization_id", "experience_cloud.token", "external_account.organization_id"] {
        assert!(waiting.iter().any(|(_, waits)| *waits == id), "{id}: {waiting:?}");
    }
    for id in ["campaign.log_on", "campaign.package", "external_account.ims_server", "names.mask", "host.schedule"] {
        assert_eq!(verdict(&checked, id), Some(Verdict::Ok), "{id}");
    }
}

#[tokio::test]
async fn campaign_is_checked_without_a_mask() {
    let mut harness = Harness::sound();
    harness.edit("\"Campaign - acme - (.*)\"", "\"Campaign - (.*) - (.*)\"");
    let checked = harness.check().await;
    let waiting = waiting(&checked, "names.mask");
    for id in ["external_account.mask", "names.matches", "names.ambiguous", "names.users_without_operator"] {
        assert!(waiting.iter().any(|(_, waits)| *waits == id), "{id}: {waiting:?}");
    }
    for id in ["campaign.log_on", "campaign.rights", "external_account.tenant", "experience_cloud.profiles"] {
        assert_eq!(verdict(&checked, id), Some(Verdict::Ok), "{id}");
    }
    let reads_operators = checked.requests.iter().any(|request| request.body.contains("@type = 0"));
    assert!(!reads_operators, "{:?}", checked.requests);
}

#[tokio::test]
async fn a_token_is_requested_without_the_organization() {
    let mut harness = Harness::sound();
    harness.edit("0123456789ABCDEF01234567@AdobeOrg", "01234567@AdobeOrg");
    let checked = harness.check().await;
    let waiting = waiting(&checked, "experience_cloud.organization_id");
    for id in ["experience_cloud.product", "experience_cloud.profiles", "external_account.organization_id"] {
        assert!(waiting.iter().any(|(_, waits)| *waits == id), "{id}: {waiting:?}");
    }
    for id in ["experience_cloud.ims", "experience_cloud.token", "campaign.log_on"] {
        assert_eq!(verdict(&checked, id), Some(Verdict::Ok), "{id}");
    }
}

#[tokio::test]
async fn page_0_is_not_requested_without_the_state() {
    let mut harness = Harness::sound();
    harness.edit("url = \"sqlite:///", "url = \"mysql:///");
    let checked = harness.check().await;
    let waiting = waiting(&checked, "configuration");
    for id in ["host.state", "experience_cloud.first_page", "experience_cloud.profiles", "names.matches"] {
        assert!(waiting.iter().any(|(_, waits)| *waits == id), "{id}: {waiting:?}");
    }
    assert!(!checked.requests.iter().any(|request| request.call == "groups"), "{:?}", checked.requests);
    assert_eq!(verdict(&checked, "experience_cloud.organization"), Some(Verdict::Ok));
}

#[tokio::test]
async fn with_an_unreadable_file_only_the_clock_and_the_unit_are_checked() {
    let mut harness = Harness::sound();
    harness.files.push(("config.toml", Some("[guard"), 0o600));
    let checked = harness.check().await;
    let waiting = waiting(&checked, "configuration");
    let rest: Vec<&Finding> = checked.report.findings.iter().filter(|one| one.waits_for.is_none()).collect();
    let rest: Vec<&str> = rest.iter().map(|one| one.id).collect();
    assert_eq!(rest, ["configuration", "host.time", "host.unit", "host.daemon"], "{waiting:?}");
    assert!(checked.requests.is_empty(), "{:?}", checked.requests);
}
