//! Accepted reads, followed groups, who is who.

use campaign_group_sync::domain::{History, Identities, InstanceName, OperatorId};

use crate::{
    place::Place,
    sample::{at, followed, production, read, run_id},
};

#[tokio::test]
async fn a_new_journal_remembers_nothing_and_has_lost_nothing() {
    for place in Place::all().await {
        let journal = place.open().await;
        assert_eq!(journal.history(&production(), at(0)).await.expect("readable"), History::default());
    }
}

#[tokio::test]
async fn the_last_accepted_read_is_remembered_with_the_groups_to_follow() {
    for place in Place::all().await {
        let journal = place.open().await;
        for groups in [&["delivery"][..], &["delivery", "ops"]] {
            let followed: Vec<_> = groups.iter().chain(&["orphan"]).map(|group| followed(group)).collect();
            journal
                .accept_read(&production(), &run_id("01JA"), at(0), &read(groups), &followed)
                .await
                .expect("accepted");
            let history = journal.history(&production(), at(0)).await.expect("readable");
            assert_eq!((history.accepted, history.followed), (Some(read(groups)), followed));
        }
        let other = journal.history(&InstanceName::new("staging"), at(0)).await.expect("readable");
        assert_eq!(other, History::default());
    }
}

#[tokio::test]
async fn identities_are_remembered_and_only_news_is_written() {
    for place in Place::all().await {
        let journal = place.open().await;
        let users = |count: i64| -> Vec<(String, OperatorId)> {
            (0..count).map(|number| (format!("USER-{number}@AdobeID"), OperatorId(number - 3))).collect()
        };
        let mut known = users(5_000);
        journal.remember_identities(&production(), &known, &[]).await.expect("remembered");
        let steps = place.steps();
        journal.remember_identities(&production(), &known, &[]).await.expect("known");
        assert_eq!(place.steps(), steps, "nothing new, nothing written");
        known[17].1 = OperatorId(99);
        let twice = [known[17].clone(), ("user-17@adobeid ".to_owned(), OperatorId(99))];
        journal.remember_identities(&production(), &twice, &[]).await.expect("remembered");
        let gone = known.remove(4).0.as_str().into();
        journal.remember_identities(&production(), &[], &[gone]).await.expect("forgotten");
        let history = journal.history(&production(), at(0)).await.expect("readable");
        assert_eq!(
            history.identities,
            Identities::new(known.iter().map(|(user, operator)| (user.as_str().into(), *operator)))
        );
    }
}
