//! The election of the leader, and the end of its runs with the leadership.

use campaign_group_sync::journal::{Candidate, Election, Journal, JournalError, Leadership, LockAttempt};

use super::fixture::JournalFixture;

async fn leads(candidate: &mut Candidate) -> Leadership {
    match candidate.try_to_lead().await.expect("an answer") {
        Election::Leader(leadership) => leadership,
        Election::Follower(leader) => panic!("{leader:?} leads"),
    }
}

async fn follows(candidate: &mut Candidate) -> Option<String> {
    match candidate.try_to_lead().await.expect("an answer") {
        Election::Leader(_) => panic!("no node led before"),
        Election::Follower(leader) => leader,
    }
}

#[tokio::test]
async fn a_file_has_no_candidates() {
    let fixture = JournalFixture::in_a_folder();
    assert!(fixture.open().await.candidate("node-a").is_none());
    assert!(Journal::connect_lazily(&fixture.options).expect("an answer").is_none());
}

#[tokio::test]
async fn the_first_candidate_leads_until_it_resigns_and_the_others_know_its_name() {
    let Some(fixture) = JournalFixture::shared().await else { return };
    // The server has no tables yet.
    let shared = || Journal::connect_lazily(&fixture.options).expect("an address").expect("a server");
    let (first, second) = (shared(), shared());
    let mut node_a = first.candidate("node-a").expect("a candidate");
    let mut node_b = second.candidate("node-b").expect("a candidate");
    let leadership = leads(&mut node_a).await;
    for _ in 0..3 {
        assert_eq!(follows(&mut node_b).await.as_deref(), Some("node-a"));
    }
    assert!(leadership.is_still_held().await);
    leadership.resign().await;
    assert!(!leadership.clone().is_still_held().await, "for all clones, and for good");
    let next = leads(&mut node_b).await;
    assert_eq!(follows(&mut node_a).await.as_deref(), Some("node-b"));
    assert!(next.is_still_held().await && !leadership.is_still_held().await);
}

#[tokio::test]
async fn a_run_of_the_leader_loses_its_lock_with_the_leadership() {
    let Some(fixture) = JournalFixture::shared().await else { return };
    let journal = fixture.open().await;
    let leadership = leads(&mut journal.candidate("node-a").expect("a candidate")).await;
    let led = journal.with_leadership(&leadership);
    let LockAttempt::Acquired(lock) = led.lock("run 01JA").await.expect("an answer") else {
        panic!("the lock is held")
    };
    assert!(lock.is_still_held().await);
    leadership.resign().await;
    assert!(!lock.is_still_held().await);
    drop(lock);
    assert!(matches!(led.lock("run 01JB").await, Err(JournalError::LockLost)), "a run of a node that leads no more");
    assert!(journal.lock("run 01JC").await.is_ok(), "a run that a user started");
}
