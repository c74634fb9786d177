//! Who was in which managed group, and when.

use std::{collections::BTreeSet, time::Instant};

use campaign_group_sync::{
    domain::{GroupObservation, InstanceName, OperatorGroupName, OperatorLogin, ProductProfileName},
    journal::{Journal, MemberDetail},
};

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    sample::{at, production},
};

fn seen(group: &str, members: &[&str]) -> GroupObservation {
    GroupObservation {
        group: OperatorGroupName::new(group),
        profile: ProductProfileName::new(format!("Campaign - acme - {group}")),
        members: members.iter().map(|login| OperatorLogin::new(*login)).collect(),
    }
}

async fn observe(journal: &Journal, seconds: i64, groups: &[GroupObservation], is_all: bool) {
    journal.observe(&production(), at(seconds), groups, is_all).await.expect("observed");
}

/// `production/delivery: ann bob` for every group.
async fn access(journal: &Journal, seconds: i64) -> Vec<String> {
    let instances = journal.access(at(seconds), at(1_000_000), MemberDetail::Cause).await.expect("readable");
    let lines = instances.iter().flat_map(|instance| {
        instance
            .groups
            .iter()
            .map(|group| format!("{}/{}: {}", instance.name, group.group, group.logins().collect::<Vec<_>>().join(" ")))
    });
    lines.collect()
}

#[tokio::test]
async fn the_access_record_answers_for_every_past_time() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, 10, &[seen("delivery", &["bob", "ann"]), seen("Ops", &[])], true).await;
        observe(&journal, 20, &[seen("delivery", &["ann"]), seen("Ops", &["cid"])], true).await;
        observe(&journal, 30, &[seen("delivery", &["ann", "bob"]), seen("Ops", &["cid"])], true).await;
        assert!(access(&journal, 9).await.is_empty(), "before the first run");
        assert_eq!(access(&journal, 10).await, ["production/delivery: ann bob", "production/Ops: "]);
        assert_eq!(access(&journal, 19).await, ["production/delivery: ann bob", "production/Ops: "]);
        assert_eq!(access(&journal, 20).await, ["production/delivery: ann", "production/Ops: cid"]);
        assert_eq!(access(&journal, 99).await, ["production/delivery: ann bob", "production/Ops: cid"]);
    }
}

#[tokio::test]
async fn a_group_of_many_members_is_compared_member_by_member() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        // More than are read at once.
        let logins: Vec<String> = (0..20_500).map(|number| format!("{number}@acme.com")).collect();
        let mut members: Vec<&str> = logins.iter().map(String::as_str).collect();
        observe(&journal, 10, &[seen("delivery", &members)], true).await;
        let written = fixture.steps().1;
        observe(&journal, 20, &[seen("delivery", &members)], true).await;
        assert_eq!(fixture.steps().1, written, "the same members: nothing to write");
        let left = members.swap_remove(7_777);
        members.push("ann@acme.com");
        observe(&journal, 30, &[seen("delivery", &members)], true).await;
        let before = journal.access(at(29), at(1_000_000), MemberDetail::Cause).await.expect("readable");
        let after = journal.access(at(30), at(1_000_000), MemberDetail::Cause).await.expect("readable");
        let [before, after] = [before, after]
            .map(|instances| instances[0].groups[0].logins().map(str::to_owned).collect::<BTreeSet<_>>());
        assert_eq!(before.difference(&after).collect::<Vec<_>>(), [left]);
        assert_eq!(after.difference(&before).collect::<Vec<_>>(), ["ann@acme.com"]);
    }
}

#[tokio::test]
async fn all_memberships_that_have_ended_since_are_read_however_many_ended_at_one_time() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let logins: Vec<String> = (0..22_000).map(|number| format!("{number}@acme.com")).collect();
        let members: Vec<&str> = logins.iter().map(String::as_str).collect();
        // 12,000 leave at one time, more than are read at once, then 9,000 at three times.
        for (seconds, left) in [(10, 0), (20, 12_000), (30, 15_000), (40, 18_000), (50, 21_000)] {
            observe(&journal, seconds, &[seen("delivery", &members[left..])], true).await;
        }
        for (seconds, left) in [(15, 0), (25, 12_000), (35, 15_000), (45, 18_000), (55, 21_000)] {
            let access = journal.access(at(seconds), at(1_000_000), MemberDetail::Login).await.expect("readable");
            let found: BTreeSet<&str> = access[0].groups[0].logins().collect();
            assert_eq!(found, members[left..].iter().copied().collect(), "at {seconds} s");
        }
    }
}

#[tokio::test]
async fn a_partial_observation_does_not_change_other_groups_and_a_full_one_does() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, 10, &[seen("delivery", &["ann"]), seen("ops", &["cid"])], true).await;
        observe(&journal, 20, &[seen("delivery", &["bob"])], false).await;
        assert_eq!(access(&journal, 20).await, ["production/delivery: bob", "production/ops: cid"]);
        observe(&journal, 30, &[seen("delivery", &["bob"])], true).await;
        assert_eq!(access(&journal, 30).await, ["production/delivery: bob"]);
        assert_eq!(access(&journal, 29).await, ["production/delivery: bob", "production/ops: cid"]);
    }
}

#[tokio::test]
async fn names_are_compared_folded_and_shown_as_campaign_spells_them() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, 10, &[seen("Delivery", &["Ann@acme.com", "ANN@acme.com"])], true).await;
        let written = fixture.steps().1;
        observe(&journal, 20, &[seen("Delivery", &["ann@ACME.com"])], true).await;
        assert_eq!(fixture.steps().1, written, "the same operator: nothing to write");
        observe(&journal, 30, &[seen("DELIVERY", &["ann@ACME.com"])], true).await;
        assert_eq!(access(&journal, 30).await.len(), 1);
        assert!(access(&journal, 30).await[0].starts_with("production/DELIVERY: "));
        assert!(access(&journal, 20).await[0].starts_with("production/Delivery: "));
    }
}

#[tokio::test]
async fn instances_are_kept_apart() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, 10, &[seen("delivery", &["ann"])], true).await;
        journal
            .observe(&InstanceName::new("alpha"), at(11), &[seen("delivery", &["bob"])], true)
            .await
            .expect("observed");
        assert_eq!(access(&journal, 12).await, ["alpha/delivery: bob", "production/delivery: ann"]);
    }
}

#[tokio::test]
async fn the_first_observation_of_a_large_instance_takes_seconds_and_the_second_writes_nothing() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let logins: Vec<String> = (0..2_500).map(|number| format!("user{number}@acme.com")).collect();
        let logins: Vec<&str> = logins.iter().map(String::as_str).collect();
        let groups: Vec<_> = (0..30).map(|number| seen(&format!("group {number}"), &logins)).collect();
        let begin = Instant::now();
        observe(&journal, 10, &groups, true).await;
        let first = begin.elapsed();
        let written = fixture.steps().1;
        observe(&journal, 20, &groups, true).await;
        println!("75,000 stays: first {first:?}, again {:?}", begin.elapsed().saturating_sub(first));
        assert_eq!(fixture.steps().1, written);
        // Generous, for an unoptimized build on a busy machine.
        assert!(first.as_secs() < 30, "{first:?}");
        let access_then = journal.access(at(15), at(1_000_000), MemberDetail::Cause).await.expect("readable");
        assert_eq!(access_then[0].groups.iter().map(|group| group.members.len()).sum::<usize>(), 75_000);
        // Few groups are recorded in one event, each as a whole: none of the members came by hand.
        let recorded = journal.verify(None).await.expect("readable");
        assert!(recorded.is_whole() && recorded.events > 5, "{recorded:?}");
        assert!(journal.manual_changes(0, 10).await.expect("readable").changes.is_empty());
        observe(&journal, 30, &groups[..1], true).await;
        let access_now = journal.access(at(30), at(1_000_000), MemberDetail::Cause).await.expect("readable");
        assert_eq!(access_now[0].groups.len(), 1, "the other groups are not managed any more");
        let recorded = journal.verify(None).await.expect("readable");
        assert!(recorded.is_whole(), "{:?}", recorded.faults);
        assert!(journal.manual_changes(0, 10).await.expect("readable").changes.is_empty());
    }
}
