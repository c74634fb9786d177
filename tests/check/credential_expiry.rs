//! The day on which the secret of a credential expires.

use campaign_group_sync::check::{FailureCause, Finding, Verdict};
use chrono::{TimeDelta, Utc};

use super::harness::{Checked, Harness};

const OF_THE_CLOUD: &str = "experience_cloud.credential_expiry";
const OF_THE_INSTANCE: &str = "campaign.credential_expiry";

/// The secrets expire this many days from now, in both sections.
fn harness(days: i64) -> Harness {
    let day = (Utc::now() + TimeDelta::days(days)).format("%Y-%m-%d");
    let mut harness = Harness::sound();
    for section in ["[experience_cloud]\n", "[instances.production]\n"] {
        harness.edit(section, &format!("{section}client_secret_expires = \"{day}\"\n"));
    }
    harness
}

fn finding<'a>(checked: &'a Checked, id: &str) -> &'a Finding {
    checked.report.findings.iter().find(|one| one.id == id).expect(id)
}

#[tokio::test]
async fn a_secret_that_expires_within_thirty_days_is_a_warning() {
    // The date may change between the test and the check: no case is within a day of its limit.
    for (days, expected) in [(400, Verdict::Ok), (32, Verdict::Ok), (28, Verdict::Warning), (-2, Verdict::Warning)] {
        let checked = harness(days).check().await;
        for id in [OF_THE_CLOUD, OF_THE_INSTANCE] {
            let found = finding(&checked, id);
            assert_eq!(found.verdict, expected, "{days}: {found:#?}");
            let remedy = "rotate it in the Developer Console, where a credential may have two secrets at a time";
            assert_eq!(found.remedy.starts_with(remedy), expected == Verdict::Warning, "{found:#?}");
        }
    }
}

#[tokio::test]
async fn an_expired_secret_that_ims_refuses_is_a_failure() {
    let mut harness = harness(-2);
    harness.files.push(("cloud.secret", Some("old-secret"), 0o600));
    harness.files.push(("campaign.secret", Some("old-secret"), 0o600));
    let checked = harness.check().await;
    for id in [OF_THE_CLOUD, OF_THE_INSTANCE] {
        let found = finding(&checked, id);
        assert_eq!((found.verdict, found.cause), (Verdict::Failed, Some(FailureCause::Refused)), "{found:#?}");
        assert!(found.evidence.contains("IMS refused: "), "{found:#?}");
    }
    for (id, root) in [("experience_cloud.token", OF_THE_CLOUD), ("campaign.log_on", OF_THE_INSTANCE)] {
        assert_eq!(finding(&checked, id).waits_for, Some(root), "{id}");
    }
}

#[tokio::test]
async fn without_a_configured_day_the_finding_names_the_key() {
    let checked = Harness::sound().check().await;
    for (id, key) in [
        (OF_THE_CLOUD, "experience_cloud.client_secret_expires"),
        (OF_THE_INSTANCE, "instances.production.client_secret_expires"),
    ] {
        let found = finding(&checked, id);
        assert_eq!(found.verdict, Verdict::NotChecked, "{found:#?}");
        assert!(found.evidence.contains(key), "{found:#?}");
    }
}
