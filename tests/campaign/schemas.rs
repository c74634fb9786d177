//! The schemas of the instance are checked before the first write.

use campaign_group_sync::campaign::CampaignError;
use campaign_group_sync::domain::Failure;
use campaign_group_sync::sandbox::Effect;
use campaign_group_sync::sandbox::campaign::{DisabledColumn, SchemaPart};

use super::harness::Harness;

#[tokio::test]
async fn a_schema_that_lacks_something_is_named_and_nothing_is_written() {
    let harness = Harness::native().await;
    for (part, expected) in [
        (SchemaPart::OperatorName, "xtk:operator lacks @name"),
        (SchemaPart::OperatorType, "xtk:operator lacks @type"),
        (SchemaPart::OperatorAuthenticationType, "xtk:operator lacks access/@authenticationType"),
        (SchemaPart::GroupName, "xtk:group lacks @name"),
        (SchemaPart::MembershipKey, "xtk:operatorGroup lacks the key @operator-id, @group-id"),
        (SchemaPart::MembershipOperatorLink, "xtk:operatorGroup lacks the link operator by @operator-id"),
        (SchemaPart::MembershipGroupLink, "xtk:operatorGroup lacks the link group by @group-id"),
    ] {
        harness.adjust(|behavior| behavior.schema_without = vec![part]);
        let client = harness.client();
        for error in [client.check_schemas().await.unwrap_err(), client.writer().await.unwrap_err()] {
            assert!(matches!(error, CampaignError::Schemas { .. }), "{part:?}: {error}");
            assert_eq!(error.failure(), Failure::Incomplete);
            assert!(error.to_string().contains(expected), "{part:?}: {error}");
        }
        assert_eq!(client.writes(), 0);
    }
    assert_eq!(harness.count("write"), 0);
}

#[tokio::test]
async fn all_missing_parts_are_named_at_once() {
    let harness = Harness::native().await;
    harness.adjust(|behavior| {
        behavior.schema_without =
            vec![SchemaPart::OperatorType, SchemaPart::OperatorName, SchemaPart::MembershipGroupLink];
    });
    let message = harness.client().check_schemas().await.unwrap_err().to_string();
    assert!(
        message.contains("xtk:operator lacks @name and @type; xtk:operatorGroup lacks the link group"),
        "{message}"
    );
}

#[tokio::test]
async fn unused_parts_may_be_missing() {
    let harness = Harness::native().await;
    harness.adjust(|behavior| behavior.disabled_column = DisabledColumn::None);
    harness.client().check_schemas().await.unwrap();
}

#[tokio::test]
async fn the_schemas_are_requested_once() {
    let harness = Harness::native().await;
    let client = harness.client();
    client.check_schemas().await.unwrap();
    drop(client.writer().await.unwrap());
    drop(client.writer().await.unwrap());
    assert_eq!(harness.count("schema"), 3);
}

#[tokio::test]
async fn a_failed_check_prevents_writes_until_a_later_check_succeeds() {
    let harness = Harness::native().await;
    let client = harness.client();
    harness.inject("schema", Effect::Html);
    assert_eq!(client.writer().await.unwrap_err().failure(), Failure::Incomplete);
    assert_eq!((client.writes(), harness.count("write")), (0, 0));
    assert!(client.writer().await.is_ok(), "the next check may succeed");
}
