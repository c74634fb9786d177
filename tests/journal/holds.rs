//! Held plans that wait for an approval, and since when.

use campaign_group_sync::{
    domain::{BegunApproval, HeldRecord},
    journal::{HoldEntry, Journal},
};

use chrono::SubsecRound as _;

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    sample::{at, digest, held, production, run_id},
};

const ONE: &str = "00000000000000aa";
const OTHER: &str = "00000000000000bb";

async fn hold(journal: &Journal, record: &HeldRecord, replaces_all: bool) {
    journal.record_held(&production(), Some(record), replaces_all).await.expect("held");
}

async fn holds(journal: &Journal) -> Vec<HoldEntry> {
    journal.holds().await.expect("readable")
}

fn held_since(text: &str, seconds: i64, changes: usize) -> HoldEntry {
    HoldEntry { digest: digest(text), instance: production().to_string(), since: at(seconds).trunc_subsecs(0), changes }
}

#[tokio::test]
async fn a_digest_is_held_since_the_first_run_that_held_it() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        hold(&journal, &held(ONE, "01JA", at(0), &["ann", "bob"]), true).await;
        hold(&journal, &held(ONE, "01JB", at(60), &["ann", "bob"]), true).await;
        assert_eq!(holds(&journal).await, [held_since(ONE, 0, 2)]);
        let narrowed = HeldRecord { is_narrowed: true, ..held(OTHER, "01JC", at(90), &["cid"]) };
        hold(&journal, &narrowed, false).await;
        hold(&journal, &held(ONE, "01JD", at(120), &["ann", "bob"]), false).await;
        assert_eq!(holds(&journal).await, [held_since(ONE, 0, 2), held_since(OTHER, 90, 1)], "the oldest first");
        let history = journal.history(&production(), at(121)).await.expect("readable");
        assert_eq!(history.held_since.into_iter().collect::<Vec<_>>(), [(digest(ONE), at(0)), (digest(OTHER), at(90))]);
        hold(&journal, &held(OTHER, "01JE", at(150), &["cid"]), true).await;
        assert_eq!(holds(&journal).await, [held_since(OTHER, 90, 1)]);
    }
}

#[tokio::test]
async fn a_digest_that_was_released_and_is_held_again_is_held_since_then() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"]), true).await;
        let digest = digest(ONE);
        let begun = BegunApproval { digest: &digest, is_all: true };
        journal.about_to_write(&run_id("01JA"), &production(), at(1), &[], Some(begun)).await.expect("begun");
        assert_eq!(holds(&journal).await, []);
        hold(&journal, &held(ONE, "01JB", at(60), &["ann"]), true).await;
        assert_eq!(holds(&journal).await, [held_since(ONE, 60, 1)]);
    }
}

#[tokio::test]
async fn a_dry_run_holds_nothing_and_does_not_change_when_a_hold_began() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let dry = |seconds| HeldRecord { is_dry_run: true, ..held(ONE, "01JA", at(seconds), &["ann"]) };
        hold(&journal, &dry(0), false).await;
        assert_eq!(holds(&journal).await, []);
        assert!(journal.history(&production(), at(1)).await.expect("readable").held_since.is_empty());
        hold(&journal, &held(ONE, "01JB", at(60), &["ann"]), true).await;
        hold(&journal, &dry(90), false).await;
        assert_eq!(holds(&journal).await, [held_since(ONE, 60, 1)]);
    }
}
