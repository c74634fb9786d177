//! A change of the record is detected (incident 55): each event carries the hash of the one before it.

use campaign_group_sync::{
    domain::{AccessReview, ChangeKind, ChangeOutcome, Digest, Outcome, RunMode},
    journal::{Journal, RecordHead, Verification},
};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    fixture::JournalFixture,
    manual_changes::seen,
    recording::{Recording as _, Settlement},
    sample::{at, begin, begin_and_die, change, held, key, plan, production, report, run_id},
};

/// Two runs: one makes an addition and holds a removal, one dies.
async fn record(journal: &Journal) {
    journal.begin_run(&begin("01JA", RunMode::Apply, at(0))).await.expect("begun");
    let mut removal = change(ChangeKind::Remove, "bob@acme.com", "delivery");
    (removal.outcome, removal.detail) = (ChangeOutcome::Held, Some("too many".to_owned()));
    let record = held("00112233445566aa", "01JA", at(1), &["bob@acme.com"]);
    journal.record_held(&production(), Some(&record), true).await.expect("held");
    let mut addition = change(ChangeKind::Add, "ann@acme.com", "delivery");
    let planned = plan(vec![addition.clone(), removal.clone()]);
    journal.record_plan(&run_id("01JA"), at(1), &planned).await.expect("planned");
    let sent = [key(ChangeKind::Add, "ann@acme.com", "delivery")];
    journal.about_to_write(&run_id("01JA"), &production(), at(2), &sent, None).await.expect("sent");
    let applied = Settlement { key: addition.key(), outcome: ChangeOutcome::Applied, detail: None };
    journal.settled(&run_id("01JA"), &production(), at(3), &[applied]).await.expect("settled");
    addition.outcome = ChangeOutcome::Applied;
    let ended = report("01JA", at(0), Outcome::Held, plan(vec![addition, removal]));
    journal.end_run(&ended).await.expect("ended");
    for (second, logins) in
        [(4, &["Ann@acme.com", "bob@acme.com", "cid@acme.com"][..]), (5, &["Ann@acme.com", "bob@acme.com"])]
    {
        journal.observe(&production(), at(second), &[seen("delivery", logins)], true).await.expect("observed");
    }
    let digest = Digest::parse("00112233445566aa").expect("a digest");
    journal.approve(&digest, &"zoe".into(), at(6), at(500)).await.expect("approved");
    let reviewed = journal.review_record("production", None).await.expect("readable").reviewed(at(7));
    let review = AccessReview::new("org", at(7), vec![reviewed]);
    journal.record_review(&review, &"zoe".into(), at(7)).await.expect("reviewed");
    begin_and_die(journal, "01JB", at(10)).await;
}

async fn verify(journal: &Journal, known: Option<&RecordHead>) -> Verification {
    journal.verify(known).await.expect("readable")
}

#[tokio::test]
async fn an_unchanged_record_has_no_faults_also_after_a_restart() {
    for fixture in JournalFixture::all().await {
        record(&fixture.open().await).await;
        let journal = fixture.open().await;
        let head = verify(&journal, None).await.head;
        let verification = verify(&journal, Some(&head)).await;
        assert_eq!((verification.faults.as_slice(), &verification.head), (&[][..], &head));
        journal.begin_run(&begin("01JC", RunMode::Apply, at(20))).await.expect("begun");
        let later = verify(&journal, Some(&head)).await;
        assert!(later.is_whole() && later.head.position > head.position, "an earlier head stays valid: {later:?}");
        assert_eq!(RecordHead::parse(&head.to_string()), Some(head));
    }
}

#[tokio::test]
async fn incident_55_a_change_of_any_table_is_detected() {
    let mut undetected = Vec::new();
    for statement in [
        "update events set body = replace(body, 'production', 'staging') where kind = 'started' and run = '01JA'",
        "update events set at = at - 1 where kind = 'settled' and run = '01JA'",
        "update events set run = '01JB' where kind = 'settled' and run = '01JA'",
        "delete from events where kind = 'held'",
        "delete from events where position = (select max(position) from events)",
        "delete from events where run = '01JA'",
        "update event_head set position = position + 1",
        "update changes set operator = 'eve@acme.com' where operator = 'ann@acme.com'",
        "update changes set outcome = 'failed' where outcome = 'applied' and run = '01JA'",
        "update changes set outcome = 'applied' where outcome = 'held'",
        "update changes set reason = 'by request' where run = '01JB'",
        "update changes set detail = 'all is well' where outcome = 'held'",
        "delete from changes where run = '01JA' and position = 1",
        "delete from plans where run = '01JA'",
        "update instance_reports set report = replace(report, 'mind the gap', 'all is well')",
        "update plans set report_digest = null, report = (select replace(report, 'mind the gap', 'all is well')
             from instance_reports where digest = report_digest) where run = '01JA'",
        "delete from instance_reports",
        "update runs set outcome = 'applied' where run = '01JA'",
        "update runs set summary = replace(summary, '\"applied\":1', '\"applied\":2') where run = '01JA'",
        "update stays set login = 'mallory@acme.com'",
        "delete from stays where login_folded = 'ann@acme.com'",
        "update stays set until = since where login_folded = 'ann@acme.com' and until is null",
        "insert into stays (instance, group_folded, login_folded, login, since)
             values ('production', 'delivery', 'eve@acme.com', 'eve@acme.com', 1)",
        "update stays set granted_by = null where granted_by is not null",
        "update stays set granted_by = '01JB' where granted_by is not null",
        "update stays set granted_by = '01JA' where granted_by is null",
        "update stays set ended_by = '01JA' where ended_by is null and until is not null",
        "update managed_groups set profile = 'other'",
        "update managed_groups set group_name = 'other'",
        "update managed_groups set until = since",
        "delete from managed_groups",
        "insert into managed_groups (instance, group_folded, group_name, profile, since)
             values ('production', 'offers', 'offers', 'offers', 1)",
        "update held set digest = '00112233445566bb'",
        "update held set instance = 'staging'",
        "update held set record = replace(record, '\"changes\":[', '\"changes\":[{}')",
        "update runs set report = replace(report, '31', '30') where run = '01JA'",
        "update runs set started_at = started_at - 86400000 where run = '01JA'",
        "update changes set operator_folded = 'eve@acme.com' where operator = 'ann@acme.com'",
        "update given_approvals set approver = 'eve'",
        "update given_approvals set approver_uid = 0",
        "update given_approvals set at = at - 1",
        "update given_approvals set digest = '00112233445566bb'",
        "delete from given_approvals",
        "update reviews set reviewer = 'eve'",
        "update reviews set at = at - 1",
        "update reviews set digest = 'other'",
        "update reviews set since = 1",
        "delete from reviews",
    ] {
        let fixture = JournalFixture::in_a_folder();
        record(&fixture.open().await).await;
        let options = SqliteConnectOptions::new().filename(fixture.file());
        let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
        let result = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect(statement);
        assert!(result.rows_affected() > 0, "{statement}");
        connection.close().await.expect("closed");
        let verification = verify(&fixture.open().await, None).await;
        if verification.is_whole() {
            undetected.push(statement);
        }
    }
    assert!(undetected.is_empty(), "{undetected:#?}");
}

#[tokio::test]
async fn incident_55_a_run_that_only_the_events_still_have_is_detected() {
    let fixture = JournalFixture::in_a_folder();
    record(&fixture.open().await).await;
    let options = SqliteConnectOptions::new().filename(fixture.file());
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
    for table in ["changes", "plans", "runs"] {
        let sql = AssertSqlSafe(format!("delete from {table} where run = '01JA'"));
        sqlx::query(sql).execute(&mut connection).await.expect(table);
    }
    connection.close().await.expect("closed");
    let verification = verify(&fixture.open().await, None).await;
    assert!(!verification.is_whole(), "{verification:?}");
}

#[tokio::test]
async fn a_head_that_was_kept_elsewhere_reveals_a_record_that_was_cut_or_rebuilt() {
    let fixture = JournalFixture::in_a_folder();
    record(&fixture.open().await).await;
    let head = verify(&fixture.open().await, None).await.head;
    let options = SqliteConnectOptions::new().filename(fixture.file());
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
    // The last event is deleted, and the head is the one before it: nothing else in the state reveals it.
    for sql in [
        "delete from events where position = (select max(position) from events)",
        "update event_head set (position, hash) =
             (select position, hash from events order by position desc limit 1)",
    ] {
        sqlx::query(sql).execute(&mut connection).await.expect(sql);
    }
    connection.close().await.expect("closed");
    let journal = fixture.open().await;
    assert!(!verify(&journal, Some(&head)).await.is_whole());

    let other = JournalFixture::in_a_folder();
    begin_and_die(&other.open().await, "01JA", at(0)).await;
    let other = other.open().await;
    let head = RecordHead { position: 2, ..head };
    assert!(!verify(&other, Some(&head)).await.is_whole());
}

#[tokio::test]
async fn runs_of_an_earlier_version_are_counted_as_recorded_before_the_chain() {
    let fixture = JournalFixture::in_a_folder();
    let verification = verify(&fixture.open().await, None).await;
    assert_eq!((verification.events, verification.runs_before, verification.is_whole()), (1, 0, true));
}
