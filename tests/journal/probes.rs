//! What the state keeps of probes: answers, and scratch records until they are removed.

use campaign_group_sync::domain::{
    AbsentRow, CollectionBehavior, InstanceAnswers, InstanceName, JoinForm, Learned, LeaveForm, RememberedScratch,
    RepeatedJoin, ScratchKind,
};

use super::{
    fixture::JournalFixture,
    sample::{at, production},
};

const ADDRESS: &str = "https://stage.example";

fn answers() -> InstanceAnswers {
    InstanceAnswers {
        join_form: Some(Learned::new(JoinForm::InsertByLinks, at(1), "accepted; 1 row read back")),
        repeated_join: Some(Learned::new(RepeatedJoin::Fault, at(2), "fault: duplicate")),
        leave_form: Some(Learned::new(LeaveForm::DeleteCollection, at(3), "accepted")),
        absent_row: Some(Learned::new(AbsentRow::Fault, at(4), "fault: WDB-200011")),
        collection: Some(Learned::new(CollectionBehavior::Refused, at(5), "fault")),
    }
}

#[tokio::test]
async fn answers_are_kept_for_an_instance_at_one_address() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let stage = InstanceName::new("stage");
        assert!(journal.instance_answers(&stage, ADDRESS).await.expect("readable").is_empty());
        journal.remember_instance_answers(&stage, ADDRESS, &answers()).await.expect("remembered");
        drop(journal);
        let journal = fixture.open().await;
        assert_eq!(journal.instance_answers(&stage, ADDRESS).await.expect("readable"), answers());
        for (instance, address) in [(&stage, "https://moved.example"), (&production(), ADDRESS)] {
            let others = journal.instance_answers(instance, address).await.expect("readable");
            assert!(others.is_empty(), "{instance} at {address}: {others:?}");
        }
    }
}

#[tokio::test]
async fn later_answers_replace_all_earlier_ones() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let stage = InstanceName::new("stage");
        journal.remember_instance_answers(&stage, ADDRESS, &answers()).await.expect("remembered");
        let later = InstanceAnswers {
            join_form: Some(Learned::new(JoinForm::InsertByIds, at(9), "accepted")),
            ..InstanceAnswers::default()
        };
        journal.remember_instance_answers(&stage, ADDRESS, &later).await.expect("remembered");
        assert_eq!(journal.instance_answers(&stage, ADDRESS).await.expect("readable"), later);
    }
}

#[tokio::test]
async fn a_scratch_record_is_remembered_from_the_intent_until_its_removal() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let group = RememberedScratch { kind: ScratchKind::Group, label: "probe 01J".to_owned(), id: None };
        let operator = RememberedScratch { kind: ScratchKind::Operator, ..group.clone() };
        journal.remember_scratch_record(ADDRESS, &group, at(1)).await.expect("remembered");
        journal.remember_scratch_record(ADDRESS, &operator, at(2)).await.expect("remembered");
        let group = RememberedScratch { id: Some(-7), ..group };
        journal.remember_scratch_record(ADDRESS, &group, at(3)).await.expect("remembered");
        drop(journal);
        let journal = fixture.open().await;
        let records = journal.scratch_records(ADDRESS).await.expect("readable");
        assert_eq!(records, [group.clone(), operator.clone()]);
        assert!(journal.scratch_records("https://other.example").await.expect("readable").is_empty());
        journal.forget_scratch_record(ADDRESS, &group).await.expect("forgotten");
        assert_eq!(journal.scratch_records(ADDRESS).await.expect("readable"), [operator]);
    }
}
