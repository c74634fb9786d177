//! Records of the organization that cannot be used: what does not concern the mask is passed over, what does concerns
//! its group alone.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{OrphanedGroup, Outcome, RunReport, SkipReason},
    experience_cloud::ReadChoice,
    sandbox::{Change, Effect, Fault, OrganizationChange, Scenario, User},
    sync::Confirmation,
};
use serde_json::{Value, json};

use super::harness::{Harness, changes};

const OPS: &str = "Campaign - acme - ops";
const CONTENT: &str = "Campaign - acme - content";
const READS: [ReadChoice; 2] = [ReadChoice::Organization, ReadChoice::Profiles];

/// What `harness` leaves to be done.
const CONTENT_CHANGED: [&str; 2] =
    ["applied: add spare@acme.com to content", "applied: remove c0@acme.com from content"];

/// Four people in "ops", four in "content", two of each in a foreign user group; and one person without a profile that
/// matters.
fn world() -> Value {
    let people = |letter: char| (0..4).map(move |at| format!("{letter}{at}@acme.com"));
    let user =
        |login: String, groups: &[&str]| json!({"id": format!("id-of-{login}"), "email": login, "groups": groups});
    let users = [("o", OPS), ("c", CONTENT)].into_iter().flat_map(|(letter, profile)| {
        let letter = letter.chars().next().unwrap_or_default();
        people(letter)
            .enumerate()
            .map(move |(at, login)| if at < 2 { user(login, &[profile]) } else { user(login, &["Foreign", profile]) })
    });
    let users: Vec<_> = users.chain([user("spare@acme.com".to_owned(), &["Photoshop"])]).collect();
    let logins = people('o').chain(people('c')).chain(["spare@acme.com".to_owned()]);
    let memberships = people('o').map(|login| json!([login, "ops"]));
    json!({
        "organization": {
            "groups": [
                {"group_id": 11, "name": OPS, "type": "PRODUCT_PROFILE"},
                {"group_id": 12, "name": CONTENT, "type": "PRODUCT_PROFILE"},
                {"group_id": 13, "name": "Foreign", "type": "USER_GROUP"},
                {"group_id": 14, "name": "Photoshop", "type": "PRODUCT_PROFILE"},
            ],
            "users": users,
        },
        "campaign": {"production": {
            "tenant": "acme", "association_mask": "Campaign - acme - (.*)", "authentication": "ims",
            "operators": logins.map(|login| json!({"name": login, "authentication": "ims"})).collect::<Vec<_>>(),
            "groups": [{"name": "ops"}, {"name": "content"}],
            "memberships": memberships
                .chain(people('c').map(|login| json!([login, "content"])))
                .collect::<Vec<_>>(),
        }},
    })
}

/// The world after a first run, with one person to be added to "content" and one to be removed.
async fn harness(read: ReadChoice) -> Harness {
    let scenario: Scenario = serde_json::from_value(world()).expect("a scenario");
    let mut harness = Harness::with(scenario).await;
    harness.options.experience_cloud.read = read;
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
    change(&harness, &[Change::unassign("c0@acme.com", CONTENT), Change::assign("spare@acme.com", CONTENT)]);
    harness
}

fn change(harness: &Harness, changes: &[Change]) {
    harness.sandbox.world().apply(changes).expect("changes that fit");
}

/// Somebody to be added to "ops" and somebody to be removed from it.
fn ops_changes(harness: &Harness) {
    change(harness, &[Change::unassign("o0@acme.com", OPS), Change::assign("c3@acme.com", OPS)]);
}

/// Disturbs each answer of this call.
fn disturb(harness: &Harness, call: &str, effect: Effect) {
    harness.sandbox.inject(Fault::new(call, effect).forever());
}

fn was_disturbed(harness: &Harness) -> bool {
    harness.sandbox.faults().iter().all(|fault| fault.disturbed > 0)
}

fn users_call(read: ReadChoice) -> &'static str {
    if read == ReadChoice::Profiles { "members" } else { "users" }
}

fn in_group(harness: &Harness, name: &str) -> BTreeSet<String> {
    harness.memberships("production").into_iter().filter(|(_, group)| group == name).map(|(login, _)| login).collect()
}

fn everybody_of_ops() -> BTreeSet<String> {
    (0..4).map(|at| format!("o{at}@acme.com")).collect()
}

/// Whom the report says an unusable record is about, and its sentence.
fn unusable(report: &RunReport) -> Vec<(String, String)> {
    let skipped = report.instances.iter().flat_map(|instance| &instance.skipped);
    let unusable = skipped.filter(|skipped| skipped.reason == SkipReason::UnusableRecord);
    unusable.map(|skipped| (skipped.subject.clone(), skipped.detail.clone())).collect()
}

/// The run leaves "ops" as it is, does the rest, and says why, once.
fn assert_ops_alone_waits(harness: &Harness, report: &RunReport, part: &str, what: &str) {
    assert!(was_disturbed(harness), "{what}");
    assert_eq!(report.outcome, Outcome::Partial, "{what}: {report:#?}");
    let applied: Vec<_> = changes(report).into_iter().filter(|line| line.starts_with("applied")).collect();
    assert_eq!(applied, CONTENT_CHANGED, "{what}: {report:#?}");
    assert_eq!(in_group(harness, "ops"), everybody_of_ops(), "{what}");
    let [(subject, detail)] = &unusable(report)[..] else { panic!("{what}: {report:#?}") };
    assert_eq!(subject, OPS, "{what}");
    assert!(detail.contains(part), "{what}: {detail}");
    assert!(!detail.contains('\n') && detail.chars().count() < 900, "{what}: {detail}");
}

#[tokio::test]
async fn incident_45_foreign_records_that_cannot_be_used_stop_nobody() {
    let long = "x".repeat(100_000);
    for read in READS {
        for (call, effect) in [
            // The name stands in the groups listing, and in the list of each of its members.
            ("groups", Effect::replace_text("Foreign", r"half \ud800")),
            ("groups", Effect::replace_text("Foreign", &long)),
            ("groups", Effect::replace_text(r#""groupName":"Foreign""#, r#""groupName":7"#)),
            ("groups", Effect::replace_text("USER_GROUP", r"USER\udc00")),
            ("groups", Effect::replace_text("Photoshop", &long)),
            ("users", Effect::replace_text("Foreign", r"half \ud800 \udbff")),
            ("users", Effect::replace_text("Foreign", &long)),
            ("users", Effect::replace_text(r#""groups":["Foreign","#, r#""note":"\ud800","groups":["#)),
        ] {
            if read == ReadChoice::Profiles && call == "users" {
                continue;
            }
            let what = format!("{read:?} {call} {:.80?}", format!("{effect:?}"));
            let harness = harness(read).await;
            disturb(&harness, call, effect);
            let report = harness.sync().await;
            assert!(was_disturbed(&harness), "{what}");
            assert_eq!(changes(&report), CONTENT_CHANGED, "{what}: {report:#?}");
            assert_eq!((report.outcome, unusable(&report)), (Outcome::Applied, Vec::new()), "{what}: {report:#?}");
        }
    }
}

#[tokio::test]
async fn incident_45_a_foreign_user_whose_record_cannot_be_used_is_counted_and_stops_nobody() {
    let long = "x".repeat(100_000);
    for value in [json!(7), json!(["a"]), json!(long)] {
        let harness = harness(ReadChoice::Organization).await;
        change(
            &harness,
            &[OrganizationChange::Unassign { user: "o3@acme.com".to_owned(), group: OPS.to_owned() }.into()],
        );
        let record = r#""email":"o3@acme.com""#;
        disturb(&harness, "users", Effect::replace_text(record, &format!(r#""email":{value}"#)));
        let report = harness.sync().await;
        assert!(was_disturbed(&harness));
        assert_eq!((report.outcome, unusable(&report)), (Outcome::Applied, Vec::new()), "{report:#?}");
        assert_eq!(report.source.users, 9, "{report:#?}");
    }
}

#[tokio::test]
async fn incident_45_a_user_of_a_matched_profile_whose_record_cannot_be_used_concerns_its_group_alone() {
    let long = "x".repeat(2000);
    for read in READS {
        for (from, to, part) in [
            (r#""email":"o1@acme.com""#, r#""email":7"#.to_owned(), "its \"email\" is not a string"),
            (r#""email":"o1@acme.com""#, r#""email":"o1\ud800@acme.com""#.to_owned(), "invalid character"),
            (r#""email":"o1@acme.com""#, format!(r#""email":"{long}""#), "2000 bytes"),
            (r#""email":"o1@acme.com""#, r#""email":"o1@acme.com","username":{}"#.to_owned(), "its \"username\""),
        ] {
            let what = format!("{read:?} {to:.60}");
            let harness = harness(read).await;
            ops_changes(&harness);
            disturb(&harness, users_call(read), Effect::replace_text(from, &to));
            let report = harness.sync().await;
            assert_ops_alone_waits(&harness, &report, part, &what);
            harness.sandbox.clear_faults();
            let report = harness.sync().await;
            assert_eq!(report.outcome, Outcome::Applied, "{what}: {report:#?}");
            assert_eq!(changes(&report).len(), 2, "{what}: {report:#?}");
        }
    }
}

#[tokio::test]
async fn incident_45_nobody_is_removed_by_a_second_read_with_a_record_that_cannot_be_used() {
    let harness = harness(ReadChoice::Organization).await;
    disturb(&harness, "members", Effect::replace_text(r#""email":"c1@acme.com""#, r#""email":7"#));
    let report = harness.sync().await;
    assert!(was_disturbed(&harness));
    assert_eq!(
        changes(&report),
        ["applied: add spare@acme.com to content", "unconfirmed: remove c0@acme.com from content"],
        "{report:#?}"
    );
}

#[tokio::test]
async fn incident_45_users_whose_groups_cannot_be_read_keep_theirs_and_stop_nobody() {
    for confirmation in [Confirmation::Reread, Confirmation::Off] {
        for to in [r#""groups":7"#, r#""groups":"x""#, r#""groups":[null]"#, r#""groups":["Campaign - acme - \ud800"]"#]
        {
            let what = format!("{confirmation:?} {to}");
            let mut harness = harness(ReadChoice::Organization).await;
            harness.options.confirmation = confirmation;
            change(&harness, &[Change::unassign("o3@acme.com", OPS)]);
            // The first two users of "ops".
            disturb(&harness, "users", Effect::replace_text(r#""groups":["Campaign - acme - ops"]"#, to));
            let report = harness.sync().await;
            assert!(was_disturbed(&harness), "{what}");
            let expected = [&CONTENT_CHANGED[..], &["applied: remove o3@acme.com from ops"]].concat();
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!((report.outcome, changes(&report)), (Outcome::Applied, expected), "{what}: {report:#?}");
        }
    }
}

#[tokio::test]
async fn incident_45_a_user_of_whom_nothing_can_be_read_puts_that_users_groups_in_doubt_alone() {
    for confirmation in [Confirmation::Reread, Confirmation::Off] {
        let mut harness = harness(ReadChoice::Organization).await;
        harness.options.confirmation = confirmation;
        ops_changes(&harness);
        let record = r#""email":"o1@acme.com""#;
        disturb(&harness, "users", Effect::replace_text(record, r#""email":7,"note":"\ud800""#));
        disturb(&harness, "users", Effect::replace_text(r#""groups":["Campaign - acme - ops"]"#, r#""groups":7"#));
        disturb(&harness, "members", Effect::replace_text(record, r#""email":7"#));
        let report = harness.sync().await;
        assert_ops_alone_waits(&harness, &report, "its \"email\" is not a string", &format!("{confirmation:?}"));
    }
}

#[tokio::test]
async fn incident_45_a_foreign_record_that_cannot_be_used_may_hold_the_login_of_a_renamed_user() {
    let harness = harness(ReadChoice::Organization).await;
    let newcomer: User = serde_json::from_value(json!({"id": "newcomer", "email": "o1@acme.com"})).expect("a user");
    change(
        &harness,
        &[
            OrganizationChange::RenameUser { user: "o1@acme.com".to_owned(), to: "o1.new@acme.com".to_owned() }.into(),
            OrganizationChange::AddUser { user: Box::new(newcomer) }.into(),
        ],
    );
    // The newcomer has no profile, and the walk does not tell the address.
    disturb(&harness, "users", Effect::replace_text(r#""email":"o1@acme.com""#, r#""email":7"#));
    disturb(&harness, "users", Effect::replace_text(r#""username":"o1@acme.com""#, r#""username":7"#));
    let report = harness.sync().await;
    assert_eq!(
        in_group(&harness, "ops"),
        everybody_of_ops().into_iter().filter(|login| login != "o1@acme.com").collect()
    );
    assert!(changes(&report).contains(&"applied: remove o1@acme.com from ops".to_owned()), "{report:#?}");
}

#[tokio::test]
async fn incident_45_a_matched_profile_whose_record_cannot_be_used_concerns_its_group_alone() {
    for read in READS {
        for (effect, part) in [
            (Effect::set_value("/groups/0/memberCount", json!(-1)), "its \"memberCount\" is not a count"),
            (Effect::set_value("/groups/0/groupId", json!("11")), "its \"groupId\" is not a number"),
            (Effect::set_value("/groups/0/type", json!(7)), "its \"type\" is not a string"),
        ] {
            let what = format!("{read:?} {effect:?}");
            let harness = harness(read).await;
            ops_changes(&harness);
            disturb(&harness, "groups", effect);
            assert_ops_alone_waits(&harness, &harness.sync().await, part, &what);
            harness.sandbox.clear_faults();
            assert_eq!(changes(&harness.sync().await).len(), 2, "{what}");
        }
    }
}

#[tokio::test]
async fn incident_45_the_group_of_a_profile_whose_name_cannot_be_read_loses_nobody() {
    for read in READS {
        for to in [r#""groupName":7"#, r#""groupName":null"#, r#""groupName":"Campaign - acme - o\ud800""#, r#""x":1"#]
        {
            let what = format!("{read:?} {to}");
            let mut harness = harness(read).await;
            for instance in &mut harness.options.instances {
                instance.policy.orphaned_group = OrphanedGroup::Empty;
            }
            disturb(&harness, "groups", Effect::replace_text(r#""groupName":"Campaign - acme - ops""#, to));
            for _ in 0..2 {
                let report = harness.sync().await;
                assert!(was_disturbed(&harness), "{what}");
                assert_eq!(in_group(&harness, "ops"), everybody_of_ops(), "{what}: {report:#?}");
                assert!(unusable(&report).iter().any(|(_, why)| why.contains("groupName")), "{what}: {report:#?}");
            }
        }
    }
}

#[tokio::test]
async fn incident_45_an_answer_that_is_no_page_is_still_incomplete() {
    for (call, effect) in [
        ("users", Effect::set_value("/users", json!({}))),
        ("users", Effect::set_value("/users", json!("x"))),
        ("users", Effect::set_value("/lastPage", json!("x"))),
        ("users", Effect::replace_text(r#""users":["#, r#""users":[],"users":["#)),
        ("users", Effect::Truncate { bytes: None }),
        ("groups", Effect::set_value("/groups", json!(7))),
        ("groups", Effect::set_value("/result", json!(7))),
    ] {
        let harness = harness(ReadChoice::Organization).await;
        disturb(&harness, call, effect.clone());
        let report = harness.sync().await;
        assert_eq!((report.outcome, harness.writes()), (Outcome::Incomplete, 0), "{call} {effect:?}: {report:#?}");
    }
}
