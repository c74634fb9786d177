//! Disabled operators: how they are read, written and verified.

use campaign_group_sync::campaign::{Campaign, CampaignError, CampaignWrite};
use campaign_group_sync::domain::{Failure, Operator, OperatorGroupId, OperatorId, OperatorLogin};
use campaign_group_sync::sandbox::campaign::{Build, DisabledColumn, InstanceWorld};

use super::harness::Harness;

on_each_build![
    an_instance_without_the_attribute_has_no_disabled_operators_and_disabling_fails,
    no_schema_is_requested,
    operators_are_found_by_id_without_duplicates_in_several_queries,
];

with_a_disabled_column![
    only_disabled_operators_are_read_as_disabled,
    disabling_changes_one_attribute_and_nothing_else,
    disabling_a_deleted_operator_does_not_create_it_again,
    a_disabled_operator_cannot_sign_in,
];

const ANN: OperatorId = OperatorId(2001);

fn disable(operator: OperatorId) -> CampaignWrite {
    CampaignWrite::Disable { operator }
}

async fn write(client: &Campaign, writes: &[CampaignWrite]) -> Vec<Result<(), CampaignError>> {
    client.writer().await.unwrap().write(writes).await
}

async fn operator(client: &Campaign, id: OperatorId) -> Operator {
    let [operator] = client.operators_by_id(&[id]).await.unwrap().try_into().unwrap();
    operator
}

async fn only_disabled_operators_are_read_as_disabled(build: Build) {
    let harness = Harness::to(build, |world: &mut InstanceWorld| world.operators[1].disabled = true).await;
    let snapshot = harness.read().await.unwrap();
    let disabled: Vec<_> = snapshot.operators().iter().filter(|operator| operator.disabled).collect();
    assert_eq!(disabled.iter().map(|operator| operator.id).collect::<Vec<_>>(), [ANN]);
    let found = harness.client().find_operators(&["Ann@acme.com", r"ACME\bob"].map(OperatorLogin::new)).await.unwrap();
    assert_eq!(found.iter().map(|operator| operator.disabled).collect::<Vec<_>>(), [true, false]);
}

async fn disabling_changes_one_attribute_and_nothing_else(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let mut expected = harness.instance();
    expected.operators.iter_mut().find(|operator| operator.id == Some(2001)).unwrap().disabled = true;
    assert!(!operator(&client, ANN).await.disabled);
    for _ in 1..=2 {
        assert!(write(&client, &[disable(ANN)]).await.iter().all(Result::is_ok));
        assert!(operator(&client, ANN).await.disabled);
        assert_eq!(harness.instance(), expected, "memberships do not change, and a second write changes nothing");
    }
}

async fn disabling_a_deleted_operator_does_not_create_it_again(build: Build) {
    let harness = Harness::native(build).await;
    let (client, before) = (harness.client(), harness.instance());
    assert!(write(&client, &[disable(OperatorId(999_999))]).await.iter().all(Result::is_ok));
    assert_eq!(client.operators_by_id(&[OperatorId(999_999)]).await.unwrap(), []);
    assert_eq!(harness.instance(), before);
}

async fn an_instance_without_the_attribute_has_no_disabled_operators_and_disabling_fails(build: Build) {
    let harness = Harness::to(build, |world: &mut InstanceWorld| world.operators[1].disabled = true).await;
    harness.adjust(|behavior| behavior.disabled_column = DisabledColumn::None);
    let client = harness.client();
    let snapshot = client.fetch_snapshot().await.unwrap();
    assert!(snapshot.operators().iter().all(|operator| !operator.disabled));
    let join = CampaignWrite::Join { operator: OperatorId(2003), group: OperatorGroupId(3001) };
    let outcomes = write(&client, &[disable(ANN), join]).await;
    let error = outcomes.first().unwrap().as_ref().unwrap_err();
    assert!(matches!(error, CampaignError::CannotDisable { .. }), "{error}");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(error.to_string().contains("access/@disabled"), "{error}");
    assert!(outcomes.get(1).unwrap().is_ok(), "the other writes go on");
    assert_eq!(client.writes(), 1);
}

async fn no_schema_is_requested(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    client.fetch_snapshot().await.unwrap();
    operator(&client, ANN).await;
    client.find_operators(&[OperatorLogin::new("Ann@acme.com")]).await.unwrap();
    assert_eq!(harness.count("schema"), 0);
}

async fn operators_are_found_by_id_without_duplicates_in_several_queries(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client_with_pages_of(2);
    let ids: Vec<_> = (2001..2300).chain([2001, -12]).map(OperatorId).collect();
    let found = client.operators_by_id(&ids).await.unwrap();
    assert_eq!(found.iter().map(|operator| operator.id.0).collect::<Vec<_>>(), [-12, 2001, 2002, 2003, 2004, 2005]);
    assert_eq!(client.operators_by_id(&[]).await.unwrap(), []);
    let a_group = client.operators_by_id(&[OperatorId(3001)]).await.unwrap();
    assert_eq!(a_group, [], "groups are in the same table");
}

async fn a_disabled_operator_cannot_sign_in(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let own = client.fetch_snapshot().await.unwrap().own_login().clone();
    let [own] = client.find_operators(&[own]).await.unwrap().try_into().unwrap();
    assert!(write(&client, &[disable(own.id)]).await.iter().all(Result::is_ok));
    assert_eq!(harness.read().await.unwrap_err().failure(), Failure::Refused);
}
