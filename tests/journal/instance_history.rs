//! Accepted reads, followed groups, and which user is which operator.

use campaign_group_sync::{
    domain::{
        ChangeKind, EarlierHold, FoldedName, History, Identities, InstanceName, KnownOperator, KnownProfiles,
        LoginHolder, LoginHolders, OperatorId, OperatorLogin, OrganizationId, SeenOperator,
    },
    journal::Journal,
};
use chrono::TimeDelta;

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    operators::operator,
    options::limits,
    sample::{at, digest, followed, held, key, production, read, run_id},
};

#[tokio::test]
async fn a_new_journal_is_empty_and_has_lost_nothing() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        assert_eq!(journal.history(&production(), at(0)).await.expect("readable"), History::default());
    }
}

#[tokio::test]
async fn the_last_accepted_read_is_stored_with_the_profiles_and_their_groups() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for groups in [&["delivery"][..], &["delivery", "ops"]] {
            let known = KnownProfiles::of_groups(groups.iter().chain(&["orphan"]).map(|group| followed(group)));
            journal.accept_read(&production(), &run_id("01JA"), at(0), &read(groups)).await.expect("accepted");
            journal.remember_profiles(&production(), &known).await.expect("remembered");
            let history = journal.history(&production(), at(0)).await.expect("readable");
            assert_eq!((history.accepted, history.known), (Some(read(groups)), known));
        }
        let other = journal.history(&InstanceName::new("staging"), at(0)).await.expect("readable");
        assert_eq!(other, History::default());
    }
}

#[tokio::test]
async fn a_dormant_hold_is_held_once_until_it_is_replaced() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let hold = |operator: &str, why: &str| EarlierHold {
            key: key(ChangeKind::Remove, operator, "delivery"),
            why: why.to_owned(),
            limits: limits(),
        };
        let sleeping = [hold("ann@acme.com", "slept"), hold("bob@acme.com", "slept")];
        let record = held("00112233445566aa", "01JA", at(0), &["Ann@acme.com"]);
        journal.record_held(&production(), Some(&record), true).await.expect("recorded");
        journal.remember_dormant_holds(&production(), &sleeping).await.expect("remembered");
        assert_eq!(record.digest, digest("00112233445566aa"));
        let history = journal.history(&production(), at(0)).await.expect("readable");
        assert_eq!(history.held, [hold("ann@acme.com", "too many"), hold("bob@acme.com", "slept")]);
        let written = fixture.steps().1;
        journal.remember_dormant_holds(&production(), &sleeping).await.expect("known");
        assert_eq!(fixture.steps().1, written, "nothing new, nothing written");
        journal.remember_dormant_holds(&production(), &[]).await.expect("forgotten");
        let history = journal.history(&production(), at(0)).await.expect("readable");
        assert_eq!(history.held, [hold("ann@acme.com", "too many")]);
    }
}

#[tokio::test]
async fn identities_are_stored_and_only_changes_are_written() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let operator =
            |id: i64| KnownOperator { id: OperatorId(id), login: Some(FoldedName::new(&format!("{id}@acme.com"))) };
        let users = |count: i64| -> Vec<(FoldedName, KnownOperator)> {
            let user = |number| FoldedName::new(&format!("USER-{number}@AdobeID"));
            (0..count).map(|number| (user(number), operator(number - 3))).collect()
        };
        // More than are read at once.
        let mut known = users(20_500);
        journal.remember_identities(&production(), &Identities::new(known.clone()), &[]).await.expect("remembered");
        let written = fixture.steps().1;
        journal.remember_identities(&production(), &Identities::new(known.clone()), &[]).await.expect("known");
        assert_eq!(fixture.steps().1, written, "nothing new, nothing written");
        known[17].1 = operator(99);
        known[18].1.login = Some("renamed@acme.com".into());
        // Of two operators of one user, the last one counts.
        let former = (known[17].0.clone(), operator(5));
        let changed = Identities::new([former, known[17].clone(), known[18].clone()]);
        journal.remember_identities(&production(), &changed, &[]).await.expect("remembered");
        let gone = known.remove(4).0;
        journal.remember_identities(&production(), &Identities::default(), &[gone]).await.expect("forgotten");
        let history = journal.history(&production(), at(0)).await.expect("readable");
        assert_eq!(history.identities, Identities::new(known));
        let logins = journal.remembered_logins().await.expect("readable");
        assert!(
            logins.contains("99@acme.com") && logins.contains("Renamed@acme.com") && !logins.contains("14@acme.com")
        );
    }
}

async fn remember(journal: &Journal, operators: &[(i64, OperatorLogin)]) {
    let operators: Vec<_> = operators.iter().map(|(id, login)| operator(*id, login.as_str())).collect();
    let seen = operators.iter().map(|operator| SeenOperator { operator, disabled: false, in_groups: 1 });
    journal.remember_operators(&production(), seen.collect()).await.expect("remembered");
}

#[tokio::test]
async fn operators_are_stored_and_only_changes_are_written() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let login = |id: i64| OperatorLogin::new(format!("{id}@acme.com"));
        // More than are read at once; an operator may have a negative key.
        let mut operators: Vec<(i64, OperatorLogin)> = (0..10_500).map(|id| (id - 9, login(id))).collect();
        remember(&journal, &operators).await;
        let written = fixture.steps().1;
        remember(&journal, &operators).await;
        assert_eq!(fixture.steps().1, written, "nothing new, nothing written");
        operators[10_400].1 = OperatorLogin::new("Renamed@acme.com");
        operators.remove(3);
        operators.push((-2_147_483_648, OperatorLogin::new("ann@acme.com")));
        remember(&journal, &operators).await;
        for (login, expected) in [
            ("renamed@acme.com", &[OperatorId(10_391)][..]),
            ("10400@acme.com", &[]),
            ("3@acme.com", &[]),
            ("ann@acme.com", &[OperatorId(-2_147_483_648)]),
            ("4@acme.com", &[OperatorId(-5)]),
        ] {
            let found = journal.operators_like(&production(), &[login.into()]).await.expect("readable");
            assert_eq!(found.as_deref(), Some(expected), "{login}");
        }
        // Few operators are left, so that whole blocks are gone; their ids are far apart.
        remember(&journal, &[(-7, login(1)), (1_999_999_999, login(2))]).await;
        for (login, expected) in [("1@acme.com", vec![OperatorId(-7)]), ("ann@acme.com", vec![])] {
            let found = journal.operators_like(&production(), &[login.into()]).await.expect("readable");
            assert_eq!(found, Some(expected), "{login}");
        }
        remember(&journal, &[]).await;
        assert_eq!(journal.operators_like(&production(), &["1@acme.com".into()]).await.expect("readable"), None);
    }
}

#[tokio::test]
async fn the_holder_of_a_former_login_is_stored_for_a_limited_time() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let (acme, other) = (OrganizationId::new("A@AdobeOrg"), OrganizationId::new("B@AdobeOrg"));
        let answers = [
            ("Ann@acme.com", LoginHolder::NoUser),
            ("bob@acme.com", LoginHolder::User("u1".into())),
            ("cid@acme.com", LoginHolder::Others),
        ];
        let day_before = at(10) - TimeDelta::days(1);
        for (login, holder) in &answers {
            let login = OperatorLogin::new(*login);
            journal
                .remember_login_holder(&acme, &login, &LoginHolder::Others, at(9), day_before)
                .await
                .expect("written");
            journal.remember_login_holder(&acme, &login, holder, at(10), day_before).await.expect("written");
        }
        let expected = LoginHolders::new(answers.map(|(login, holder)| (login.into(), holder)));
        let read = async |organization, since, until| {
            journal.login_holders(organization, since, until).await.expect("readable")
        };
        assert_eq!(read(&acme, at(10), at(11)).await, expected);
        assert_eq!(read(&other, at(10), at(11)).await, LoginHolders::default());
        assert_eq!(read(&acme, at(11), at(12)).await, LoginHolders::default(), "too old");
        assert_eq!(read(&acme, at(0), at(9)).await, LoginHolders::default(), "written by a clock that was ahead");
    }
}
