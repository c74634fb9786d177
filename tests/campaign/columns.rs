//! What an instance has is shown by its answers to queries, never by the text of a schema.

use campaign_group_sync::campaign::{CampaignError, CampaignWrite, ColumnReport};
use campaign_group_sync::domain::{Failure, OperatorGroupId, OperatorGroupName, OperatorId};
use campaign_group_sync::sandbox::campaign::{Build, DisabledColumn, InstanceBehavior, SchemaPart};
use campaign_group_sync::sandbox::{Effect, Fault};

use super::harness::{Harness, named};

on_each_build![
    a_column_without_which_nothing_can_be_read_is_named_with_the_query_that_shows_it,
    a_group_is_not_created_where_its_columns_are_absent,
    what_a_read_has_shown_costs_no_further_call,
    an_operator_without_rights_is_refused_and_no_column_counts_as_absent,
    a_token_that_campaign_could_not_ask_ims_about_is_tried_again,
];

with_groups_as_operators![
    a_report_says_what_only_some_changes_need_and_the_instance_does_not_have,
    keys_links_and_the_view_of_groups_are_not_needed,
];

with_a_disabled_column![a_fault_that_does_not_name_a_column_and_does_not_come_again_shows_nothing,];

const JOIN: CampaignWrite = CampaignWrite::Join { operator: OperatorId(2003), group: OperatorGroupId(3001) };

async fn a_column_without_which_nothing_can_be_read_is_named_with_the_query_that_shows_it(build: Build) {
    for show_errors in [true, false] {
        let harness = Harness::native(build).await;
        for (part, column) in [
            (SchemaPart::OperatorName, "@name"),
            (SchemaPart::OperatorType, "@type"),
            (SchemaPart::OperatorAuthenticationType, "[access/@authenticationType]"),
        ] {
            harness.adjust(|behavior| {
                behavior.show_errors = show_errors;
                behavior.schema_without = vec![part];
            });
            let error = harness.client().check_columns().await.unwrap_err();
            assert!(matches!(error, CampaignError::AbsentColumns { .. }), "{part:?}: {error}");
            assert_eq!(error.failure(), Failure::Incomplete);
            let message = error.to_string();
            let expected =
                format!("xtk:operator of this instance has no {column}: a query of one row with it failed (");
            assert!(message.starts_with(&expected) && message.contains("ExecuteQuery xtk:operator"), "{message}");
            assert_eq!(harness.read().await.unwrap_err().failure(), Failure::Incomplete, "{part:?}");
        }
        assert_eq!(harness.count("write"), 0);
    }
}

async fn keys_links_and_the_view_of_groups_are_not_needed(build: Build) {
    let harness = Harness::native(build).await;
    let expected = harness.read().await.unwrap();
    for part in [
        SchemaPart::MembershipKey,
        SchemaPart::MembershipOperatorLink,
        SchemaPart::MembershipGroupLink,
        SchemaPart::GroupName,
    ] {
        for show_errors in [true, false] {
            harness.adjust(|behavior| {
                behavior.show_errors = show_errors;
                behavior.schema_without = vec![part];
            });
            let client = harness.client();
            assert_eq!(named(&client.fetch_snapshot().await.unwrap()), named(&expected), "{part:?}");
            assert!(client.writer().await.unwrap().write(&[JOIN]).await.iter().all(Result::is_ok), "{part:?}");
            assert!(harness.members("delivery").contains(&r"ACME\bob".to_owned()));
            let leave = CampaignWrite::Leave { operator: OperatorId(2003), group: OperatorGroupId(3001) };
            assert!(client.writer().await.unwrap().write(&[leave]).await.iter().all(Result::is_ok), "{part:?}");
            assert!(harness.client().check_columns().await.is_ok(), "{part:?}");
        }
    }
}

async fn a_report_says_what_only_some_changes_need_and_the_instance_does_not_have(build: Build) {
    let harness = Harness::native(build).await;
    let complete = harness.client().check_columns().await.unwrap();
    let can_disable = InstanceBehavior::of(build).disabled_column != DisabledColumn::None;
    let (operator_creation, group_creation) = (None, None);
    let expected = ColumnReport { groups_from: "xtk:operator", can_disable, operator_creation, group_creation };
    assert_eq!(complete, expected);
    harness.adjust(|behavior| behavior.schema_without = vec![SchemaPart::OperatorEmail, SchemaPart::GroupName]);
    let report = harness.client().check_columns().await.unwrap();
    assert!(report.operator_creation.unwrap().contains("has no @email"));
    assert!(report.group_creation.unwrap().contains("xtk:group of this instance has no @name"));
}

async fn a_group_is_not_created_where_its_columns_are_absent(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.schema_without = vec![SchemaPart::GroupName]);
    let client = harness.client();
    let create = CampaignWrite::CreateGroup { name: OperatorGroupName::new("new"), label: String::new() };
    let [refused, joined] = client.writer().await.unwrap().write(&[create, JOIN]).await.try_into().unwrap();
    assert!(matches!(refused, Err(CampaignError::AbsentColumns { .. })), "{refused:?}");
    assert!(joined.is_ok());
    assert_eq!(client.writes(), 1, "the group was not sent");
}

async fn what_a_read_has_shown_costs_no_further_call(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    client.fetch_snapshot().await.unwrap();
    let queries = harness.count("query");
    drop(client.writer().await.unwrap());
    assert_eq!((harness.count("query"), harness.count("schema")), (queries, 0));
}

async fn a_fault_that_does_not_name_a_column_and_does_not_come_again_shows_nothing(build: Build) {
    let harness = Harness::to(build, |world| world.operators[1].disabled = true).await;
    let fault = Effect::soap_fault("SOP-330011 Error while executing the method.", "");
    harness.sandbox.inject(Fault::new("query", fault).schema("xtk:operator"));
    let snapshot = harness.read().await.unwrap();
    assert_eq!(snapshot.operators().iter().filter(|operator| operator.disabled).count(), 1);
}

async fn an_operator_without_rights_is_refused_and_no_column_counts_as_absent(build: Build) {
    let harness = Harness::native(build).await;
    let text = "SOP-330023 The entity could not be read. You don't have the required rights to view the detail";
    harness.sandbox.inject(Fault::new("query", Effect::soap_fault(text, "")).forever());
    for error in [harness.read().await.unwrap_err(), harness.client().check_columns().await.unwrap_err()] {
        assert_eq!(error.failure(), Failure::Refused);
        assert!(error.to_string().contains("SOP-330023"), "{error}");
    }
    assert_eq!(harness.count("query"), 2, "no other form is tried");
}

async fn a_token_that_campaign_could_not_ask_ims_about_is_tried_again(build: Build) {
    let failed = |status: u16| {
        Effect::soap_fault(
            "SOP-330007 Error while reading the token.",
            &format!("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is {status}"),
        )
    };
    for status in [429, 503, 401] {
        let harness = Harness::ims(build).await;
        harness.sandbox.inject(Fault::new("query", failed(status)));
        harness.read().await.unwrap();
        let tokens = harness.count("token");
        assert_eq!(tokens, if status == 401 { 2 } else { 1 }, "{status}: only a refused token is renewed");
    }
    let harness = Harness::ims(build).await;
    harness.sandbox.inject(Fault::new("query", failed(401)).forever());
    assert_eq!(harness.read().await.unwrap_err().failure(), Failure::Refused);
    assert_eq!(harness.count("token"), 2, "a token is renewed once");
}
