//! Access reviews: what is recorded, what changed since the last one, and the record that one was done.

use campaign_group_sync::{
    domain::{AccessReview, Approver, ReviewedChange, ReviewedInstance, SeenOperator, SinceOrigin, SystemUser},
    journal::{Journal, ReviewOutcome},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    fixture::JournalFixture,
    manual_changes::seen,
    operators::operator,
    recording::Recording as _,
    sample::{at, production},
    two_years::{APPROVER, record_two_years},
};

async fn observe(journal: &Journal, time: DateTime<Utc>, delivery: &[&str]) {
    let groups = [seen("delivery", delivery), seen("offers", &[])];
    journal.observe(&production(), time, &groups, true).await.expect("observed");
}

async fn reviewed(journal: &Journal, given: Option<DateTime<Utc>>, now: DateTime<Utc>) -> ReviewedInstance {
    journal.review_record("production", given).await.expect("readable").reviewed(now)
}

fn carol() -> Approver {
    Approver::claimed("carol").as_user(Some(SystemUser { uid: 1004, name: Some("carol".to_owned()) }))
}

async fn document(journal: &Journal, now: DateTime<Utc>) -> AccessReview {
    AccessReview::new("org", now, vec![reviewed(journal, None, now).await])
}

async fn record(journal: &Journal, now: DateTime<Utc>) -> ReviewOutcome {
    journal.record_review(&document(journal, now).await, &carol(), now).await.expect("recorded")
}

fn logins(changes: &[ReviewedChange]) -> Vec<&str> {
    changes.iter().map(|change| change.login.as_str()).collect()
}

#[tokio::test]
async fn a_review_lists_the_changes_since_the_last_one_and_before_that_all_that_are_recorded() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, at(10), &["Ann@acme.com", "bob@acme.com"]).await;
        observe(&journal, at(20), &["Ann@acme.com", "cid@acme.com"]).await;
        let first = reviewed(&journal, None, at(25)).await;
        assert_eq!((first.since, first.since_origin, first.last_review), (None, SinceOrigin::Beginning, None));
        assert_eq!((logins(&first.joined), logins(&first.left)), (vec!["cid@acme.com"], vec!["bob@acme.com"]));
        assert_eq!(first.groups_without_members, ["offers"]);
        assert_eq!(record(&journal, at(30)).await, ReviewOutcome::Recorded);
        let nothing = reviewed(&journal, None, at(31)).await;
        assert_eq!((nothing.since, nothing.since_origin), (Some(at(30)), SinceOrigin::LastReview));
        assert_eq!((nothing.joined.len(), nothing.left.len()), (0, 0));
        let last = nothing.last_review.expect("recorded");
        assert_eq!((last.reviewed_by.as_str(), &last.digest), ("carol (uid 1004)", &first.digest));

        observe(&journal, at(40), &["Ann@acme.com", "bob@acme.com", "cid@acme.com"]).await;
        let third = reviewed(&journal, None, at(45)).await;
        assert_eq!((logins(&third.joined), third.left.len()), (vec!["bob@acme.com"], 0));
        assert_ne!(third.digest, first.digest);
        let given = reviewed(&journal, Some(at(15)), at(45)).await;
        assert_eq!(given.since_origin, SinceOrigin::Given);
        assert_eq!(logins(&given.joined), ["bob@acme.com", "cid@acme.com"]);
        assert_eq!(record(&journal, at(50)).await, ReviewOutcome::Recorded);
        assert_eq!(record(&journal, at(60)).await, ReviewOutcome::Recorded);
        assert_eq!(reviewed(&journal, None, at(61)).await.since, Some(at(60)), "the last one counts");
        let verification = journal.verify(None).await.expect("readable");
        assert!(verification.is_whole(), "{verification:?}");
    }
}

#[tokio::test]
async fn access_that_changed_after_it_was_read_is_not_recorded_as_reviewed() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, at(10), &["ann@acme.com"]).await;
        let document = document(&journal, at(15)).await;
        observe(&journal, at(20), &["ann@acme.com", "eve@acme.com"]).await;
        let head = journal.verify(None).await.expect("readable").head;
        let outcome = journal.record_review(&document, &carol(), at(30)).await.expect("read");
        assert_eq!(outcome, ReviewOutcome::Changed);
        assert_eq!(journal.verify(None).await.expect("readable").head, head, "nothing is recorded");
        assert_eq!(reviewed(&journal, None, at(31)).await.last_review, None);
    }
}

#[tokio::test]
async fn a_clock_that_was_wrong_at_a_review_hides_no_later_change() {
    for (ahead, changed_at) in [(TimeDelta::days(900), at(40)), (TimeDelta::days(-900), at(40))] {
        let fixture = JournalFixture::in_a_folder();
        let journal = fixture.open().await;
        observe(&journal, at(10), &["ann@acme.com"]).await;
        assert_eq!(record(&journal, at(30) + ahead).await, ReviewOutcome::Recorded);
        observe(&journal, changed_at, &["ann@acme.com", "bob@acme.com"]).await;
        let review = reviewed(&journal, None, at(50)).await;
        assert!(logins(&review.joined).contains(&"bob@acme.com"), "{ahead}: {review:#?}");
    }
}

#[tokio::test]
async fn operators_are_not_known_before_the_first_run_of_this_version_and_unchanged_ones_are_written_once() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, at(10), &["ann@acme.com"]).await;
        let before = reviewed(&journal, None, at(20)).await;
        assert_eq!((before.disabled_operators, before.operators_without_group), (None, None));
        assert_eq!(before.groups[0].members[0].disabled, None);
        assert!(before.notes.iter().any(|note| note.contains("not known before the next run")), "{:?}", before.notes);
        let known = [operator(0, "ann@acme.com"), operator(1, "bob@acme.com"), operator(2, "cid@acme.com")];
        let left = |at: usize, disabled, in_groups| SeenOperator { operator: &known[at], disabled, in_groups };
        let operators = [left(0, true, 1), left(1, false, 0), left(2, false, 2)];
        journal.remember_operators(&production(), operators.to_vec()).await.expect("remembered");
        let written = fixture.steps().1;
        journal.remember_operators(&production(), operators.to_vec()).await.expect("known");
        assert_eq!(fixture.steps().1, written, "the same operators: nothing to write");
        let after = reviewed(&journal, None, at(20)).await;
        assert_eq!(after.operators_without_group, Some(vec!["bob@acme.com".to_owned()]));
        let disabled = after.disabled_operators.expect("known");
        assert_eq!(
            (disabled.len(), &*disabled[0].login, &*disabled[0].groups),
            (1, "ann@acme.com", &["delivery".to_owned()][..])
        );
        assert_eq!(after.groups[0].members[0].disabled, Some(true));
        // Only the state of one operator differs.
        journal
            .remember_operators(&production(), vec![left(0, false, 1), left(1, false, 0), left(2, false, 2)])
            .await
            .expect("remembered");
        assert_eq!(reviewed(&journal, None, at(20)).await.disabled_operators, Some(Vec::new()));
    }
}

#[tokio::test]
async fn two_years_of_history_have_something_in_every_part_of_a_review() {
    let fixture = JournalFixture::in_a_folder();
    let (journal, now) = (fixture.open().await, at(0));
    record_two_years(&journal, now).await;
    let review = reviewed(&journal, None, now).await;
    assert_eq!(review.since_origin, SinceOrigin::LastReview);
    let since = review.since.expect("reviewed before");
    assert!((80..100).contains(&(now - since).num_days()), "{since}");
    assert!(review.joined.len() > 5 && review.left.len() > 2, "{review:#?}");
    assert!(review.joined.iter().chain(&review.left).all(|change| change.at > since));
    let approved =
        |changes: &[ReviewedChange]| changes.iter().any(|it| it.cause.approved_by.as_deref() == Some(APPROVER));
    assert!(approved(&review.left), "{:#?}", review.left);
    assert!(
        review.joined.iter().any(|it| it.cause.run.is_none()) && review.joined.iter().any(|it| it.cause.run.is_some())
    );
    assert_eq!(review.new_groups, ["webshop"]);
    let why: Vec<_> = review.without_profile.iter().flatten().map(|it| (it.login.as_str(), it.why.as_str())).collect();
    assert_eq!(
        why,
        [
            ("carla@acme.com", "unconfirmed"),
            ("bob@acme.com", "held"),
            ("night.batch", "not-managed"),
            ("olaf@acme.com", "profile-gone"),
            ("petra@acme.com", "profile-gone")
        ]
    );
    assert_eq!(review.undecided.as_ref().map(Vec::len), Some(1));
    assert_eq!(review.operators_without_group, Some(vec!["lena@acme.com".to_owned()]));
    let disabled: Vec<_> = review.disabled_operators.iter().flatten().map(|it| it.login.as_str()).collect();
    assert_eq!(disabled, ["olaf@acme.com", "retired@acme.com"], "those in a group come first");
    assert_eq!(review.groups_without_members, ["offers"]);
    let unused: Vec<_> = review.profiles_without_users.iter().flatten().map(|it| it.group.as_str()).collect();
    assert_eq!(unused, ["offers"]);
    let all = reviewed(&journal, Some(now - TimeDelta::days(1_000)), now).await;
    assert!(all.joined.len() > review.joined.len() * 3, "{} {}", all.joined.len(), review.joined.len());
    let verification = journal.verify(None).await.expect("readable");
    assert!(verification.is_whole(), "{:?}", verification.faults);
}
