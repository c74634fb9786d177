//! Writes: collections, failed collections, creations, and what a write never changes.

use campaign_group_sync::campaign::{COLLECTION_ROWS, Campaign, CampaignError, CampaignWrite};
use campaign_group_sync::domain::{
    Failure, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin, SignInMethod,
};
use campaign_group_sync::sandbox::campaign::{AbsentDelete, Build, Operator, SchemaPart, WriteCollectionMode};
use campaign_group_sync::sandbox::{Effect, Fault};

use super::harness::Harness;

on_each_build![
    memberships_are_written_as_one_collection_and_a_second_write_changes_nothing,
    a_single_membership_is_written_without_a_collection,
    many_memberships_are_written_in_small_collections,
    one_invalid_row_does_not_affect_the_others,
    the_failed_deletion_of_an_absent_membership_does_not_affect_others,
    a_write_is_retried_after_a_lost_response,
    writes_without_a_response_are_unconfirmed_and_the_rest_is_not_sent,
    rows_with_an_invalid_response_are_unconfirmed_and_the_next_are_written,
    a_write_is_retried_after_a_deadlock,
    after_a_deadlock_with_hidden_details_the_rows_are_written_one_by_one,
    names_with_special_characters_are_created_found_and_read_unchanged,
    a_creation_never_changes_what_exists,
    an_instance_without_email_addresses_refuses_only_new_operators,
    a_name_with_characters_that_xml_does_not_allow_is_not_sent,
    without_the_right_to_write_each_row_fails,
    there_is_one_writer_at_a_time,
    a_creation_is_not_sent_over_a_kept_connection,
];

with_native_sign_in![a_session_that_expires_between_writes_is_renewed,];

const DELIVERY: OperatorGroupId = OperatorGroupId(3001);

fn join(operator: i64) -> CampaignWrite {
    CampaignWrite::Join { operator: OperatorId(operator), group: DELIVERY }
}

fn leave(operator: i64) -> CampaignWrite {
    CampaignWrite::Leave { operator: OperatorId(operator), group: DELIVERY }
}

async fn write(client: &Campaign, writes: &[CampaignWrite]) -> Vec<Result<(), CampaignError>> {
    let outcomes = client.writer().await.unwrap().write(writes).await;
    assert_eq!(outcomes.len(), writes.len());
    outcomes
}

fn failures(outcomes: &[Result<(), CampaignError>]) -> Vec<Option<Failure>> {
    outcomes.iter().map(|outcome| outcome.as_ref().err().map(CampaignError::failure)).collect()
}

async fn memberships_are_written_as_one_collection_and_a_second_write_changes_nothing(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.absent_delete = AbsentDelete::Ignored);
    let client = harness.client();
    let writes = [join(2003), join(2004), leave(2001), leave(2002)];
    for round in 1..=2 {
        assert_eq!(failures(&write(&client, &writes).await), [None; 4]);
        assert_eq!(harness.members("delivery"), [r"ACME\bob", "XSV-350008 Session has expired", "漢字@acme.com"]);
        assert_eq!(
            (harness.count("WriteCollection"), harness.count("Write"), client.writes()),
            (round, 0, round as u64)
        );
    }
    let members = client.members(&[DELIVERY]).await.unwrap();
    assert_eq!(members, [2003, 2004, 2005].map(|operator| (OperatorId(operator), DELIVERY)));
    assert!(harness.instance().named_rights.contains(&("Ann@acme.com".to_owned(), "export".to_owned())));
}

async fn a_single_membership_is_written_without_a_collection(build: Build) {
    let harness = Harness::ims(build).await;
    assert_eq!(failures(&write(&harness.client(), &[join(2003)]).await), [None]);
    assert_eq!((harness.count("WriteCollection"), harness.count("Write")), (0, 1));
    assert_eq!(failures(&write(&harness.client(), &[]).await), []);
}

async fn many_memberships_are_written_in_small_collections(build: Build) {
    let crowd: Vec<i64> = (5000..5120).collect();
    let operator = |id: &i64| Operator { id: Some(*id), name: format!("crowd-{id}"), ..Operator::default() };
    let harness = Harness::to(build, |world| world.operators.extend(crowd.iter().map(operator))).await;
    let client = harness.client();
    let writes: Vec<CampaignWrite> = crowd.iter().map(|operator| join(*operator)).collect();
    assert!(write(&client, &writes).await.iter().all(Result::is_ok));
    assert_eq!(harness.count("WriteCollection"), crowd.len().div_ceil(COLLECTION_ROWS));
    assert_eq!(client.members(&[DELIVERY]).await.unwrap().len(), 3 + crowd.len());
}

async fn one_invalid_row_does_not_affect_the_others(build: Build) {
    for mode in [WriteCollectionMode::Atomic, WriteCollectionMode::StopAtFirstError] {
        let harness = Harness::native(build).await;
        harness.adjust(|behavior| behavior.absent_delete = AbsentDelete::Ignored);
        harness.adjust(|behavior| behavior.write_collection = mode);
        let writes = [leave(2001), join(2003), join(999_999), join(2004), leave(2002)];
        let outcomes = write(&harness.client(), &writes).await;
        assert_eq!(failures(&outcomes), [None, None, Some(Failure::Incomplete), None, None], "{mode:?}");
        let message = outcomes.get(2).unwrap().as_ref().unwrap_err().to_string();
        assert!(message.starts_with("Write xtk:operatorGroup failed: Unable to find key values"), "{message}");
        assert_eq!(harness.members("delivery"), [r"ACME\bob", "XSV-350008 Session has expired", "漢字@acme.com"]);
        assert_eq!((harness.count("WriteCollection"), harness.count("Write")), (1, 5));
    }
}

async fn the_failed_deletion_of_an_absent_membership_does_not_affect_others(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.absent_delete = AbsentDelete::Fault);
    let outcomes = write(&harness.client(), &[leave(2003), leave(2001)]).await;
    assert_eq!(failures(&outcomes), [Some(Failure::Incomplete), None]);
    assert_eq!(harness.members("delivery"), ["o'brien@acme.com", "漢字@acme.com"]);
}

async fn a_write_is_retried_after_a_lost_response(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.absent_delete = AbsentDelete::Ignored);
    for effect in [Effect::LoseAnswer, Effect::Reset, Effect::CutOff { after: None }, Effect::status(503)] {
        harness.inject("write", effect.clone());
        assert_eq!(failures(&write(&harness.client(), &[join(2003), leave(2001)]).await), [None; 2], "{effect:?}");
        assert_eq!(harness.members("delivery"), ["o'brien@acme.com", r"ACME\bob", "漢字@acme.com"], "{effect:?}");
    }
}

async fn writes_without_a_response_are_unconfirmed_and_the_rest_is_not_sent(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    harness.sandbox.inject(Fault::new("write", Effect::LoseAnswer).forever());
    let create = CampaignWrite::CreateGroup { name: OperatorGroupName::new("new"), label: String::new() };
    let outcomes = write(&client, &[join(2003), leave(2001), create]).await;
    assert_eq!(failures(&outcomes), [Some(Failure::Unavailable); 3]);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(CampaignError::Unconfirmed { .. }))));
    assert_eq!((harness.count("WriteCollection"), harness.count("Write"), client.writes()), (4, 0, 4));
    harness.sandbox.clear_faults();
    let members = client.members(&[DELIVERY]).await.unwrap();
    assert!(members.contains(&(OperatorId(2003), DELIVERY)), "the unconfirmed write took effect");
}

async fn rows_with_an_invalid_response_are_unconfirmed_and_the_next_are_written(build: Build) {
    let harness = Harness::native(build).await;
    harness.inject("write", Effect::Html);
    let create = CampaignWrite::CreateGroup { name: OperatorGroupName::new("new"), label: String::new() };
    let outcomes = write(&harness.client(), &[join(2003), leave(2001), create]).await;
    assert_eq!(failures(&outcomes), [Some(Failure::Incomplete), Some(Failure::Incomplete), None]);
    assert!(harness.instance().groups.iter().any(|group| group.name == "new"));
}

async fn a_write_is_retried_after_a_deadlock(build: Build) {
    let harness = Harness::native(build).await;
    for writes in [vec![join(2003), leave(2001)], vec![join(2004)]] {
        harness.adjust(|behavior| behavior.deadlock_once = true);
        assert!(write(&harness.client(), &writes).await.iter().all(Result::is_ok));
    }
    assert_eq!((harness.count("WriteCollection"), harness.count("Write")), (2, 2));
}

async fn after_a_deadlock_with_hidden_details_the_rows_are_written_one_by_one(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.show_errors = false);
    harness.adjust(|behavior| behavior.deadlock_once = true);
    assert_eq!(failures(&write(&harness.client(), &[join(2003), leave(2001)]).await), [None; 2]);
    assert_eq!((harness.count("WriteCollection"), harness.count("Write")), (1, 2));
}

async fn a_session_that_expires_between_writes_is_renewed(build: Build) {
    let harness = Harness::native(build).await;
    harness.inject("write", Effect::plain_text(403, "XSV-350008 Session has expired or is invalid."));
    assert_eq!(failures(&write(&harness.client(), &[join(2003), leave(2001)]).await), [None; 2]);
    assert_eq!((harness.count("logon"), harness.count("WriteCollection")), (2, 2));
}

async fn names_with_special_characters_are_created_found_and_read_unchanged(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    for hostile in [
        "o'neil@acme.com",
        "back\\slash\\",
        "\\' OR 1=1 --",
        "<&>\"'",
        "&amp;&#x41;",
        "]]>",
        "  spaces  ",
        "tab\tline\nreturn\r",
        "Ünïcødé 漢字 😀",
        "{{mustache}} $(id) %41",
    ] {
        let (login, group) = (OperatorLogin::new(hostile), OperatorGroupName::new(format!("{hostile}|")));
        let writes = [
            CampaignWrite::CreateOperator {
                login: login.clone(),
                email: format!("{hostile}@mail"),
                label: format!("{hostile} label"),
            },
            CampaignWrite::CreateGroup { name: group.clone(), label: hostile.to_owned() },
        ];
        assert_eq!(failures(&write(&client, &writes).await), [None, None], "{hostile}");
        let [operator] = client.find_operators(std::slice::from_ref(&login)).await.unwrap().try_into().unwrap();
        let [found] = client.find_groups(std::slice::from_ref(&group)).await.unwrap().try_into().unwrap();
        assert_eq!((&operator.login, operator.sign_in), (&login, SignInMethod::Ims));
        assert_eq!((&found.name, found.label.as_str()), (&group, hostile));
        let snapshot = client.fetch_snapshot().await.unwrap();
        assert_eq!(snapshot.operator(operator.id), Some(&operator));
        assert_eq!(snapshot.group(found.id), Some(&found));
        let stored = harness.instance().operators.into_iter().find(|stored| stored.name == hostile).unwrap();
        assert_eq!((stored.email, stored.label), (format!("{hostile}@mail"), format!("{hostile} label")));
    }
}

async fn a_creation_never_changes_what_exists(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let before = harness.instance();
    let writes = [
        CampaignWrite::CreateOperator {
            login: OperatorLogin::new(r"ACME\bob"),
            email: "bob@evil".to_owned(),
            label: String::new(),
        },
        CampaignWrite::CreateGroup { name: OperatorGroupName::new("delivery"), label: "other".to_owned() },
    ];
    assert_eq!(failures(&write(&client, &writes).await), [Some(Failure::Incomplete); 2]);
    assert_eq!(harness.instance(), before);
    assert_eq!(client.writes(), 2, "a violated constraint is not retried");
}

async fn an_instance_without_email_addresses_refuses_only_new_operators(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.schema_without = vec![SchemaPart::OperatorEmail]);
    let (login, email) = (OperatorLogin::new("new@acme.com"), "new@acme.com".to_owned());
    let create = CampaignWrite::CreateOperator { login, email, label: String::new() };
    let outcomes = write(&harness.client(), &[create, join(2003)]).await;
    assert_eq!(failures(&outcomes), [Some(Failure::Incomplete), None]);
    let message = outcomes.first().unwrap().as_ref().unwrap_err().to_string();
    assert!(message.contains("email"), "{message}");
}

async fn a_name_with_characters_that_xml_does_not_allow_is_not_sent(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let group = |name: &str| CampaignWrite::CreateGroup { name: OperatorGroupName::new(name), label: String::new() };
    let outcomes = write(&client, &[group("a\u{1}b"), group("good")]).await;
    assert_eq!(failures(&outcomes), [Some(Failure::Unexpected), None]);
    assert!(outcomes.first().unwrap().as_ref().unwrap_err().to_string().starts_with("\"a\\u{1}b\" has"));
    assert_eq!(client.writes(), 1);
}

async fn without_the_right_to_write_each_row_fails(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.administrator = false);
    let before = harness.members("delivery");
    let outcomes = write(&harness.client(), &[join(2003), leave(2001)]).await;
    assert_eq!(failures(&outcomes), [Some(Failure::Incomplete); 2]);
    assert_eq!(harness.members("delivery"), before);
}

async fn there_is_one_writer_at_a_time(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let first = client.writer().await.unwrap();
    tokio::select! {
        biased;
        _ = client.writer() => panic!("two writers"),
        () = std::future::ready(()) => {}
    }
    drop(first);
    client.writer().await.unwrap();
}

async fn a_creation_is_not_sent_over_a_kept_connection(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    harness.sandbox.inject(Fault::new("write", Effect::ResetReused).forever());
    let create = CampaignWrite::CreateGroup { name: OperatorGroupName::new("new"), label: String::new() };
    assert_eq!(failures(&write(&client, &[create]).await), [None]);
    assert_eq!((harness.count("Write"), client.writes()), (1, 1));
}
