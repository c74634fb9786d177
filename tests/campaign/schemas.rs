//! The schemas of the instance are checked before the first write.

use campaign_group_sync::campaign::CampaignError;
use campaign_group_sync::domain::Failure;
use campaign_group_sync::sandbox::Effect;
use campaign_group_sync::sandbox::campaign::SchemaPart;

use super::visit::Visit;

#[tokio::test]
async fn a_schema_that_lacks_something_is_named_and_nothing_is_written() {
    let visit = Visit::native().await;
    for (part, expected) in [
        (SchemaPart::OperatorName, "xtk:operator lacks @name"),
        (SchemaPart::OperatorType, "xtk:operator lacks @type"),
        (SchemaPart::OperatorAuthenticationType, "xtk:operator lacks access/@authenticationType"),
        (SchemaPart::GroupName, "xtk:group lacks @name"),
        (SchemaPart::MembershipKey, "xtk:operatorGroup lacks the key @operator-id, @group-id"),
        (SchemaPart::MembershipOperatorLink, "xtk:operatorGroup lacks the link operator by @operator-id"),
        (SchemaPart::MembershipGroupLink, "xtk:operatorGroup lacks the link group by @group-id"),
    ] {
        visit.adjust(|behavior| behavior.schema_without = vec![part]);
        let client = visit.client();
        for error in [client.check_schemas().await.unwrap_err(), client.writer().await.unwrap_err()] {
            assert!(matches!(error, CampaignError::Schemas { .. }), "{part:?}: {error}");
            assert_eq!(error.failure(), Failure::Incomplete);
            assert!(error.to_string().contains(expected), "{part:?}: {error}");
        }
        assert_eq!(client.writes(), 0);
    }
    assert_eq!(visit.count("write"), 0);
}

#[tokio::test]
async fn all_missing_parts_are_named_at_once() {
    let visit = Visit::native().await;
    visit.adjust(|behavior| {
        behavior.schema_without =
            vec![SchemaPart::OperatorType, SchemaPart::OperatorName, SchemaPart::MembershipGroupLink];
    });
    let message = visit.client().check_schemas().await.unwrap_err().to_string();
    assert!(
        message.contains("xtk:operator lacks @name and @type; xtk:operatorGroup lacks the link group"),
        "{message}"
    );
}

#[tokio::test]
async fn unused_parts_may_be_missing() {
    let visit = Visit::native().await;
    visit.adjust(|behavior| behavior.schema_without = vec![SchemaPart::OperatorDisabled]);
    visit.client().check_schemas().await.unwrap();
}

#[tokio::test]
async fn the_schemas_are_requested_once() {
    let visit = Visit::native().await;
    let client = visit.client();
    client.check_schemas().await.unwrap();
    drop(client.writer().await.unwrap());
    drop(client.writer().await.unwrap());
    assert_eq!(visit.count("schema"), 3);
}

#[tokio::test]
async fn a_failed_check_prevents_writes_until_a_later_check_succeeds() {
    let visit = Visit::native().await;
    let client = visit.client();
    visit.inject("schema", Effect::Html);
    assert_eq!(client.writer().await.unwrap_err().failure(), Failure::Incomplete);
    assert_eq!((client.writes(), visit.count("write")), (0, 0));
    assert!(client.writer().await.is_ok(), "the next check may succeed");
}
