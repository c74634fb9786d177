//! What `probe` learns about instances that differ, and what is left of it: nothing.

use campaign_group_sync::{
    campaign::ABSENT_GROUP,
    domain::{AbsentRow, CollectionBehavior, JoinForm, LeaveForm, RepeatedJoin, SCRATCH_GROUP, SCRATCH_OPERATOR},
    probe::{ProbeOutcome, ProbeReport},
    sandbox::campaign::{self as sandbox, AbsentDelete, InstanceBehavior, WriteCollectionMode},
};

use super::harness::ProbeHarness;

fn answers(report: &ProbeReport) -> (Option<JoinForm>, Option<RepeatedJoin>, Option<LeaveForm>, Option<AbsentRow>) {
    let answers = &report.answers;
    (
        answers.join_form.as_ref().map(|learned| learned.answer),
        answers.repeated_join.as_ref().map(|learned| learned.answer),
        answers.leave_form.as_ref().map(|learned| learned.answer),
        answers.absent_row.as_ref().map(|learned| learned.answer),
    )
}

fn collection(report: &ProbeReport) -> Option<CollectionBehavior> {
    report.answers.collection.as_ref().map(|learned| learned.answer)
}

#[tokio::test]
async fn a_probe_settles_every_question_and_leaves_the_instance_as_it_was() {
    let harness = ProbeHarness::new().await;
    let before = harness.world();
    let report = harness.probe().await;
    assert_eq!((report.outcome, report.error.as_deref()), (ProbeOutcome::Settled, None), "{report:#?}");
    assert_eq!(
        answers(&report),
        (
            Some(JoinForm::InsertOrUpdateByIds),
            Some(RepeatedJoin::Accepted),
            Some(LeaveForm::Delete),
            Some(AbsentRow::Accepted)
        )
    );
    assert_eq!(collection(&report), Some(CollectionBehavior::Atomic));
    let ids: Vec<_> = report.steps.iter().map(|step| step.id).collect();
    assert_eq!(ids, ["T1", "T1", "T2", "T2", "T3", "T3", "T4", "T4", "T6", "T6", "T7", "T9"]);
    assert_eq!(harness.world(), before);
    harness.assert_clean("after a probe").await;
    assert_eq!(harness.answers().await.described(), report.answers.described());
}

#[tokio::test]
async fn every_write_of_a_probe_names_scratch_records_alone() {
    let harness = ProbeHarness::new().await;
    let others = harness.world();
    let report = harness.probe().await;
    assert_eq!(report.outcome, ProbeOutcome::Settled, "{report:#?}");
    let highest = others.operators.iter().map(|operator| operator.id).chain(others.groups.iter().map(|group| group.id));
    let highest = highest.flatten().max().expect("records");
    let requests = harness.sandbox.requests();
    let writes: Vec<_> = requests.iter().filter(|request| super::harness::is_write(&request.call)).collect();
    assert!(writes.len() > 10, "{writes:?}");
    for write in writes {
        let ids: Vec<i64> = ["operator-id=\"", " id=\"", "group-id=\""]
            .iter()
            .flat_map(|key| write.body.split(key).skip(1))
            .map(|rest| rest.split('"').next().expect("a value").parse().expect("an id"))
            .collect();
        for id in &ids {
            assert!(*id > highest || *id == ABSENT_GROUP.0, "{id} is another record: {}", write.body);
        }
        let names_scratch = write.body.contains(SCRATCH_GROUP) || write.body.contains(SCRATCH_OPERATOR);
        assert!(names_scratch || !ids.is_empty(), "{}", write.body);
    }
}

/// What a probe finds where nothing is set differently.
const USUAL: Found = Found {
    join: JoinForm::InsertOrUpdateByIds,
    repeated: RepeatedJoin::Accepted,
    leave: LeaveForm::Delete,
    absent: AbsentRow::Accepted,
    collection: CollectionBehavior::Atomic,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    join: JoinForm,
    repeated: RepeatedJoin,
    leave: LeaveForm,
    absent: AbsentRow,
    collection: CollectionBehavior,
}

/// Every answer, which must be settled.
fn found(report: &ProbeReport) -> Found {
    let (join, repeated, leave, absent) = answers(report);
    Found {
        join: join.expect("settled"),
        repeated: repeated.expect("settled"),
        leave: leave.expect("settled"),
        absent: absent.expect("settled"),
        collection: collection(report).expect("settled"),
    }
}

#[tokio::test]
async fn a_probe_finds_each_difference_of_an_instance() {
    type Change = fn(&mut InstanceBehavior);
    let cases: [(&str, Change, Found); 10] = [
        ("none", |_| {}, USUAL),
        ("join by ids alone", |behavior| behavior.join_form = sandbox::JoinForm::Ids, USUAL),
        (
            "join by insert alone",
            |behavior| behavior.join_form = sandbox::JoinForm::Insert,
            Found { join: JoinForm::InsertByIds, repeated: RepeatedJoin::Fault, ..USUAL },
        ),
        (
            "join by linked elements alone",
            |behavior| behavior.join_form = sandbox::JoinForm::Links,
            Found { join: JoinForm::InsertByLinks, repeated: RepeatedJoin::Fault, ..USUAL },
        ),
        (
            "a repeated join is a fault",
            |behavior| behavior.repeated_join = sandbox::RepeatedJoin::Fault,
            Found { repeated: RepeatedJoin::Fault, ..USUAL },
        ),
        (
            "leave by DeleteCollection alone",
            |behavior| behavior.leave_form = sandbox::LeaveForm::DeleteCollection,
            Found { leave: LeaveForm::DeleteCollection, ..USUAL },
        ),
        (
            "an absent row is a fault",
            |behavior| behavior.absent_delete = AbsentDelete::Fault,
            Found { absent: AbsentRow::Fault, ..USUAL },
        ),
        (
            "a bad row ends a collection",
            |behavior| behavior.write_collection = WriteCollectionMode::StopAtFirstError,
            Found { collection: CollectionBehavior::StopsAtFirstError, ..USUAL },
        ),
        (
            "a bad row is skipped",
            |behavior| behavior.write_collection = WriteCollectionMode::SkipBadRows,
            Found { collection: CollectionBehavior::SkipsBadRows, ..USUAL },
        ),
        (
            "no collections",
            |behavior| behavior.collections = false,
            Found { collection: CollectionBehavior::Refused, ..USUAL },
        ),
    ];
    for (what, change, expected) in cases {
        let harness = ProbeHarness::behaving(change).await;
        let before = harness.world();
        let report = harness.probe().await;
        assert_eq!((report.outcome, report.error.as_deref()), (ProbeOutcome::Settled, None), "{what}: {report:#?}");
        assert_eq!(found(&report), expected, "{what}");
        assert_eq!(harness.world(), before, "{what}");
        harness.assert_clean(what).await;
    }
}

#[tokio::test]
async fn all_differences_together_are_found() {
    let harness = ProbeHarness::behaving(|behavior| {
        behavior.join_form = sandbox::JoinForm::Links;
        behavior.leave_form = sandbox::LeaveForm::DeleteCollection;
        behavior.absent_delete = AbsentDelete::Fault;
        behavior.collections = false;
        behavior.negative_ids = true;
        behavior.show_errors = false;
        behavior.fault_status = 500;
    })
    .await;
    let report = harness.probe().await;
    assert_eq!((report.outcome, report.error.as_deref()), (ProbeOutcome::Settled, None), "{report:#?}");
    let expected = Found {
        join: JoinForm::InsertByLinks,
        repeated: RepeatedJoin::Fault,
        leave: LeaveForm::DeleteCollection,
        absent: AbsentRow::Accepted,
        collection: CollectionBehavior::Refused,
    };
    assert_eq!(found(&report), expected);
    harness.assert_clean("all differences").await;
}

#[tokio::test]
async fn without_the_right_to_create_a_probe_ends_and_leaves_nothing() {
    let harness = ProbeHarness::with(|stage| {
        stage.behavior.administrator = false;
        stage.memberships.retain(|(login, _)| login != "group-sync");
    })
    .await;
    let report = harness.probe().await;
    assert_eq!(report.outcome, ProbeOutcome::Partial, "{report:#?}");
    assert!(report.error.as_deref().is_some_and(|error| error.contains("did not create")), "{report:#?}");
    assert!(report.answers.is_empty() && report.left.is_empty(), "{report:#?}");
    harness.assert_clean("no rights").await;
}

#[tokio::test]
async fn a_second_probe_replaces_the_answers() {
    let harness = ProbeHarness::behaving(|behavior| behavior.absent_delete = AbsentDelete::Fault).await;
    harness.probe().await;
    harness
        .sandbox
        .world()
        .instance_mut("stage")
        .expect("there")
        .adjust(|behavior| behavior.absent_delete = AbsentDelete::Ignored);
    let report = harness.probe().await;
    assert_eq!(report.outcome, ProbeOutcome::Settled, "{report:#?}");
    let stored = harness.answers().await;
    assert_eq!(stored.absent_row.map(|learned| learned.answer), Some(AbsentRow::Accepted));
}

#[tokio::test]
async fn every_build_can_be_probed() {
    for build in sandbox::Build::ALL {
        let harness = ProbeHarness::with(|stage| {
            stage.behavior = InstanceBehavior::of(build);
            if !stage.behavior.native_sign_in {
                stage.authentication = sandbox::InstanceAuthentication::Ims;
            }
        })
        .await;
        let before = harness.world();
        let report = harness.probe().await;
        let what = build.name();
        assert_eq!((report.outcome, report.error.as_deref()), (ProbeOutcome::Settled, None), "{what}: {report:#?}");
        assert_eq!(harness.world(), before, "{what}");
        harness.assert_clean(what).await;
    }
}

#[tokio::test]
async fn an_instance_can_be_probed_however_it_stores_groups_and_memberships() {
    type Change = fn(&mut InstanceBehavior);
    let cases: [(&str, Change); 4] = [
        ("groups in a table of their own", |behavior| behavior.groups = sandbox::GroupStorage::GroupTable),
        ("named rights among the groups", |behavior| behavior.groups = sandbox::GroupStorage::Unfiltered),
        ("memberships with an id", |behavior| behavior.relation_key = sandbox::RelationKey::Id),
        ("no compiled schemas", |behavior| behavior.compiled_schemas = sandbox::CompiledSchemas::Refused),
    ];
    for (what, change) in cases {
        let harness = ProbeHarness::behaving(change).await;
        let before = harness.world();
        let report = harness.probe().await;
        assert_eq!((report.outcome, report.error.as_deref()), (ProbeOutcome::Settled, None), "{what}: {report:#?}");
        assert_eq!(harness.world(), before, "{what}");
        harness.assert_clean(what).await;
    }
}

#[tokio::test]
async fn where_runs_cannot_create_groups_a_probe_says_so_and_settles_the_rest() {
    let harness = ProbeHarness::behaving(|behavior| behavior.groups = sandbox::GroupStorage::AsOperators).await;
    let before = harness.world();
    let report = harness.probe().await;
    assert_eq!((report.outcome, report.error.as_deref()), (ProbeOutcome::Settled, None), "{report:#?}");
    let first = report.steps.first().expect("steps");
    assert!(first.answer.contains("xtk:group") && first.settles == "runs cannot create it", "{first:?}");
    assert_eq!(found(&report), USUAL);
    assert_eq!(harness.world(), before);
    harness.assert_clean("no schema of groups").await;
}
