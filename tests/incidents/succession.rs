//! Who a person is over time: former addresses, native operators, wrong names, unusual ids.

use campaign_group_sync::{
    domain::{ChangeOutcome, MissingPolicy, Outcome, RunMode, RunReport},
    experience_cloud::ReadChoice,
    sandbox::{Change, Effect, Fault, OrganizationChange, Scenario, User, campaign::InstanceChange},
    sync::Confirmation,
};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::harness::{Harness, changes};

pub(crate) const DELIVERY: &str = "Campaign - acme - delivery";
pub(crate) const CONTENT: &str = "Campaign - acme - content";

/// Ann and five others in delivery, Ann and three others in content; everybody has an operator in the right groups.
pub(crate) fn settled_world() -> Value {
    let people = ["ann", "bob", "cid", "dev", "eva", "fay"].map(|name| format!("{name}@acme.com"));
    let groups_of = |at: usize| if at < 4 { vec![DELIVERY, CONTENT] } else { vec![DELIVERY] };
    let users = people.iter().enumerate().map(
        |(at, email)| json!({"id": format!("U{at}@acme"), "email": email, "type": "federatedID", "groups": groups_of(at)}),
    );
    let memberships = people
        .iter()
        .map(|login| json!([login, "delivery"]))
        .chain(people.iter().take(4).map(|login| json!([login, "content"])));
    json!({
        "organization": {
            "groups": [
                {"group_id": 1, "name": DELIVERY, "type": "PRODUCT_PROFILE"},
                {"group_id": 2, "name": CONTENT, "type": "PRODUCT_PROFILE"},
            ],
            "users": users.collect::<Vec<_>>(),
        },
        "campaign": {"production": {
            "tenant": "acme", "association_mask": "Campaign - acme - (.*)", "authentication": "ims",
            "operators": people.iter().map(|login| json!({"name": login, "authentication": "ims"})).collect::<Vec<_>>(),
            "groups": [{"name": "delivery"}, {"name": "content"}],
            "memberships": memberships.collect::<Vec<_>>(),
        }},
    })
}

fn scenario(world: Value) -> Scenario {
    serde_json::from_value(world).expect("a scenario")
}

/// A state that knows everybody, after a run that had nothing to do.
async fn settled() -> Harness {
    let harness = Harness::with(scenario(settled_world())).await;
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
    harness
}

fn disturb(harness: &Harness, changes: &[Change]) {
    harness.sandbox.world().apply(changes).expect("applied");
}

fn rename_user(user: &str, to: &str) -> Change {
    OrganizationChange::RenameUser { user: user.to_owned(), to: to.to_owned() }.into()
}

fn rename_operator(login: &str, new_login: &str) -> Change {
    let renamed = InstanceChange::RenameOperator { login: login.to_owned(), new_login: new_login.to_owned() };
    Change::instance("production", renamed)
}

fn add_operator(login: &str, authentication: Option<&str>) -> Change {
    let (login, authentication) = (login.to_owned(), authentication.map(str::to_owned));
    let added = InstanceChange::AddOperator { login, label: None, email: None, authentication, disabled: false };
    Change::instance("production", added)
}

fn is_member(harness: &Harness, operator: &str, group: &str) -> bool {
    harness.memberships("production").contains(&(operator.to_owned(), group.to_owned()))
}

/// What was skipped, as `reason subject`.
fn skipped(report: &RunReport) -> Vec<String> {
    let all = report.instances.iter().flat_map(|instance| &instance.skipped);
    all.map(|skipped| format!("{} {}", skipped.reason.as_str(), skipped.subject)).collect()
}

/// The details of the changes that ended so.
fn details(report: &RunReport, outcome: ChangeOutcome) -> Vec<String> {
    let all = report.instances.iter().flat_map(|instance| &instance.changes);
    all.filter(|change| change.outcome == outcome).filter_map(|change| change.detail.clone()).collect()
}

#[tokio::test]
async fn incident_43_people_with_negative_and_low_ids_are_ordinary() {
    let mut world = settled_world();
    let ids = [-2_147_483_648_i64, -7, 1, 999, 1000, 2_000];
    for (operator, id) in
        world["campaign"]["production"]["operators"].as_array_mut().expect("a list").iter_mut().zip(ids)
    {
        operator["id"] = json!(id);
    }
    let mut harness = Harness::with(scenario(world)).await;
    for instance in &mut harness.options.instances {
        instance.campaign.page_rows = 2;
    }
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
    disturb(&harness, &[Change::unassign("ann@acme.com", CONTENT), Change::unassign("cid@acme.com", DELIVERY)]);
    let report = harness.sync().await;
    let expected = ["applied: remove ann@acme.com from content", "applied: remove cid@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    disturb(&harness, &[Change::assign("ann@acme.com", CONTENT), Change::unassign("bob@acme.com", DELIVERY)]);
    let report = harness.sync().await;
    let expected = ["applied: add ann@acme.com to content", "applied: remove bob@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    assert_eq!(skipped(&report), Vec::<String>::new());
    assert!(!is_member(&harness, "bob@acme.com", "delivery") && is_member(&harness, "ann@acme.com", "content"));
}

#[tokio::test]
async fn incident_43_built_in_operators_are_known_by_name_whatever_their_id() {
    let mut world = settled_world();
    let instance = &mut world["campaign"]["production"];
    let built_in = [("admin", 1059), ("webapp", 4711), ("internal", 2_147_000_000), ("campaign-loginmonitor", -5)];
    for (name, id) in built_in {
        instance["operators"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"id": id, "name": name, "authentication": "ims"}));
        instance["memberships"].as_array_mut().expect("a list").push(json!([name, "delivery"]));
    }
    let harness = Harness::with(scenario(world)).await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::InSync, 0), "{report:#?}");
    let expected = ["protected admin", "protected campaign-loginmonitor", "protected internal", "protected webapp"];
    assert_eq!(skipped(&report), expected);
}

#[tokio::test]
async fn a_renamed_person_whose_new_login_is_a_native_operator_leaves_the_old_operator() {
    let harness = settled().await;
    disturb(
        &harness,
        &[rename_user("ann@acme.com", "ann.ahlberg@acme.com"), add_operator("ann.ahlberg@acme.com", Some(""))],
    );
    let report = harness.sync().await;
    let expected = ["applied: remove ann@acme.com from content", "applied: remove ann@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    assert_eq!(skipped(&report), ["not-managed ann.ahlberg@acme.com"]);
}

/// From its next call on, Campaign shows one operator under another login when it lists the operators, and only then.
fn misname_once(harness: &Harness, login: &str, shown: &str) {
    let around = |schema: &str, change: Change| {
        let effect = Effect::Change { changes: vec![change] };
        Fault { schema: Some(schema.to_owned()), ..Fault::new("query", effect) }
    };
    harness.sandbox.inject(around("xtk:operator", rename_operator(login, shown)));
    harness.sandbox.inject(around("xtk:operatorGroup", rename_operator(shown, login)));
}

#[tokio::test]
async fn incident_37_a_login_that_differs_when_read_again_keeps_its_groups_and_the_others_go_on() {
    for confirmation in [Confirmation::Reread, Confirmation::Off] {
        // In a first run nothing is remembered that could tell who the operator is.
        let mut harness = Harness::with(scenario(settled_world())).await;
        harness.options.confirmation = confirmation;
        disturb(&harness, &[Change::unassign("bob@acme.com", CONTENT)]);
        misname_once(&harness, "fay@acme.com", "fay@acme.c");
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
        let expected = ["applied: remove bob@acme.com from content", "unconfirmed: remove fay@acme.c from delivery"];
        assert_eq!(changes(&report), expected, "{report:#?}");
        let [detail] = details(&report, ChangeOutcome::Unconfirmed).try_into().expect("one");
        assert!(detail.contains("\"fay@acme.com\"") && detail.contains("\"fay@acme.c\""), "{detail}");
        assert!(is_member(&harness, "fay@acme.com", "delivery"));
        assert_eq!(harness.sync().await.outcome, Outcome::InSync);
    }
}

#[tokio::test]
async fn incident_37_an_operator_that_is_gone_when_read_again_is_unconfirmed() {
    let harness = settled().await;
    disturb(&harness, &[Change::unassign("bob@acme.com", CONTENT), Change::unassign("fay@acme.com", DELIVERY)]);
    let gone = InstanceChange::RemoveOperator { login: "fay@acme.com".to_owned() };
    let effect = Effect::Change { changes: vec![Change::instance("production", gone)] };
    harness.sandbox.inject(Fault::new("members", effect));
    let report = harness.sync().await;
    let expected = ["applied: remove bob@acme.com from content", "unconfirmed: remove fay@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    let details = details(&report, ChangeOutcome::Unconfirmed);
    assert!(details.iter().all(|detail| detail.contains("\"fay@acme.com\"")), "{details:?}");
}

#[tokio::test]
async fn incident_37_an_undo_reads_the_logins_again_too() {
    let harness = settled().await;
    disturb(&harness, &[Change::assign("fay@acme.com", CONTENT), Change::assign("eva@acme.com", CONTENT)]);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    // Between the listing and the second look the two exchange their logins.
    let exchange = [("fay@acme.com", "x"), ("eva@acme.com", "fay@acme.com"), ("x", "eva@acme.com")];
    let exchange = exchange.map(|(login, to)| rename_operator(login, to)).to_vec();
    let effect = Effect::Change { changes: exchange };
    harness.sandbox.inject(Fault { schema: Some("xtk:operatorGroup".to_owned()), ..Fault::new("query", effect) });
    let undone = harness.undo(&report.run, RunMode::Apply).await.expect("a known run");
    assert_eq!(undone.outcome, Outcome::Partial, "{undone:#?}");
    let expected = ["unconfirmed: remove eva@acme.com from content", "unconfirmed: remove fay@acme.com from content"];
    assert_eq!(changes(&undone), expected, "{undone:#?}");
    // What was not taken back is not held later on.
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

const EVA: &str = "eva@acme.com";
const EVA_NOW: &str = "eva.ebert@acme.com";

/// Eva's user changes its address, and gets another profile at the same time.
fn eva_renamed() -> [Change; 2] {
    [rename_user(EVA, EVA_NOW), Change::assign(EVA_NOW, CONTENT)]
}

/// Another user whose address is the one that Eva had.
fn successor() -> User {
    User { id: Some("U9@acme".to_owned()), ..User::federated(EVA, &[]) }
}

fn add_user(user: User) -> Change {
    OrganizationChange::AddUser { user: Box::new(user) }.into()
}

/// What the report says of one person who was skipped.
fn notice(report: &RunReport, subject: &str) -> String {
    let all = report.instances.iter().flat_map(|instance| &instance.skipped);
    let details: Vec<_> = all.filter(|skipped| skipped.subject == subject).map(|skipped| &*skipped.detail).collect();
    details.join("; ")
}

/// Calls for one user in the last run.
fn user_calls(harness: &Harness) -> usize {
    harness.sandbox.requests().iter().filter(|request| request.call == "user").count()
}

/// The old operator loses Eva's groups, gets none of her new ones, and both the removal and the notice say why.
fn assert_passed_on(report: &RunReport) {
    assert_eq!(changes(report), ["applied: remove eva@acme.com from delivery"], "{report:#?}");
    assert_eq!(skipped(report), ["no-operator eva.ebert@acme.com"]);
    assert!(
        notice(report, EVA_NOW).contains("another active user of the organization has the login \"eva@acme.com\" now")
    );
    let reasons: Vec<_> = report.instances.iter().flat_map(|instance| &instance.changes).map(|c| &*c.reason).collect();
    assert!(
        reasons.iter().all(|reason| reason.contains(EVA_NOW) && reason.contains("another active user")),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn incident_26_a_former_address_passed_on_is_the_other_persons_in_a_walk() {
    let by_user_name = User { email: Some("e.e@acme.com".to_owned()), ..successor() };
    let left_behind = User { kind: Some("adobeID".to_owned()), domain: None, ..successor() };
    for other in [successor(), by_user_name, left_behind] {
        let harness = settled().await;
        disturb(&harness, &eva_renamed());
        disturb(&harness, &[add_user(other)]);
        let report = harness.sync().await;
        assert_passed_on(&report);
        assert_eq!(user_calls(&harness), 0, "the walk knows everybody");
        assert!(!is_member(&harness, EVA, "content") && !is_member(&harness, EVA, "delivery"));
        let again = harness.sync().await;
        assert_eq!((again.outcome, harness.writes()), (Outcome::InSync, 0), "{again:#?}");
        disturb(&harness, &[add_operator(EVA_NOW, None)]);
        let report = harness.sync().await;
        let expected = ["applied: add eva.ebert@acme.com to content", "applied: add eva.ebert@acme.com to delivery"];
        assert_eq!(changes(&report), expected, "{report:#?}");
    }
}

#[tokio::test]
async fn incident_26_with_created_operators_the_renamed_person_gets_one_of_their_own() {
    let mut harness = settled().await;
    for instance in &mut harness.options.instances {
        instance.policy.missing_operator = MissingPolicy::Create;
    }
    disturb(&harness, &eva_renamed());
    disturb(&harness, &[add_user(successor())]);
    let report = harness.sync().await;
    let expected = [
        "applied: create operator eva.ebert@acme.com",
        "applied: add eva.ebert@acme.com to content",
        "applied: add eva.ebert@acme.com to delivery",
        "applied: remove eva@acme.com from delivery",
    ];
    assert_eq!(changes(&report), expected, "{report:#?}");
}

#[tokio::test]
async fn incident_26_an_account_out_of_use_does_not_take_a_former_address() {
    let harness = settled().await;
    disturb(&harness, &eva_renamed());
    disturb(&harness, &[add_user(User { status: Some("disabled".to_owned()), ..successor() })]);
    let report = harness.sync().await;
    assert_eq!(changes(&report), ["applied: add eva@acme.com to content"], "{report:#?}");
    assert_eq!(skipped(&report), ["renamed eva.ebert@acme.com"]);
}

#[tokio::test]
async fn a_login_that_changed_in_letter_case_only_is_the_same_person() {
    let harness = settled().await;
    disturb(&harness, &[rename_user(EVA, "Eva@ACME.com"), Change::assign("Eva@ACME.com", CONTENT)]);
    let report = harness.sync().await;
    assert_eq!(changes(&report), ["applied: add eva@acme.com to content"], "{report:#?}");
    assert_eq!((skipped(&report), user_calls(&harness)), (Vec::new(), 0));
}

/// As [`settled`], with reads of the profiles one by one, which know nothing of users without a profile.
async fn settled_by_profiles() -> Harness {
    let mut harness = settled().await;
    harness.options.experience_cloud.read = ReadChoice::Profiles;
    harness
}

#[tokio::test]
async fn incident_26_profile_reads_ask_once_who_has_a_former_address() {
    let harness = settled_by_profiles().await;
    disturb(&harness, &eva_renamed());
    disturb(&harness, &[add_user(successor())]);
    assert_passed_on(&harness.sync().await);
    assert_eq!(user_calls(&harness), 1);
    let again = harness.sync().await;
    assert_eq!((again.outcome, user_calls(&harness)), (Outcome::InSync, 0), "{again:#?}");
}

#[tokio::test]
async fn incident_26_a_former_address_that_nobody_has_stands_for_the_person_after_one_call() {
    let harness = settled_by_profiles().await;
    disturb(&harness, &eva_renamed());
    let report = harness.sync().await;
    assert_eq!(changes(&report), ["applied: add eva@acme.com to content"], "{report:#?}");
    assert_eq!((skipped(&report), user_calls(&harness)), (vec!["renamed eva.ebert@acme.com".to_owned()], 1));
    disturb(&harness, &[Change::unassign(EVA_NOW, DELIVERY)]);
    let report = harness.sync().await;
    assert_eq!(changes(&report), ["applied: remove eva@acme.com from delivery"], "{report:#?}");
    assert_eq!(user_calls(&harness), 0, "the answer is remembered");
}

#[tokio::test]
async fn incident_26_until_it_is_known_who_has_a_former_address_nobody_is_added_or_removed() {
    let harness = settled_by_profiles().await;
    disturb(&harness, &eva_renamed());
    disturb(&harness, &[add_user(successor()), Change::assign("fay@acme.com", CONTENT)]);
    harness.sandbox.inject(Fault::new("user", Effect::status(503)).forever());
    let report = harness.sync().await;
    assert_eq!(changes(&report), ["applied: add fay@acme.com to content"], "{report:#?}");
    assert_eq!(skipped(&report), ["renamed eva.ebert@acme.com"]);
    assert!(notice(&report, EVA_NOW).contains("not known yet"), "{}", notice(&report, EVA_NOW));
    assert!(is_member(&harness, EVA, "delivery"));
    harness.sandbox.clear_faults();
    assert_passed_on(&harness.sync().await);
}

#[tokio::test]
async fn incident_26_a_run_asks_for_at_most_fifty_former_addresses() {
    let mut world = settled_world();
    let people: Vec<String> = (0..60).map(|at| format!("p{at:02}@acme.com")).collect();
    for (at, login) in people.iter().enumerate() {
        let user = json!({"id": format!("P{at}@acme"), "email": login, "type": "federatedID", "groups": [DELIVERY]});
        world["organization"]["users"].as_array_mut().expect("a list").push(user);
        let instance = &mut world["campaign"]["production"];
        instance["operators"].as_array_mut().expect("a list").push(json!({"name": login, "authentication": "ims"}));
        instance["memberships"].as_array_mut().expect("a list").push(json!([login, "delivery"]));
    }
    let mut harness = Harness::with(scenario(world)).await;
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
    harness.options.experience_cloud.read = ReadChoice::Profiles;
    for login in &people {
        disturb(
            &harness,
            &[rename_user(login, &format!("new.{login}")), Change::assign(&format!("new.{login}"), CONTENT)],
        );
    }
    for (calls, additions) in [(50, 50), (10, 10), (0, 0)] {
        let report = harness.sync().await;
        assert_eq!((user_calls(&harness), changes(&report).len()), (calls, additions), "{report:#?}");
        assert_eq!(skipped(&report).len(), 60);
    }
}

#[tokio::test]
async fn incident_26_a_run_for_one_renamed_person_asks_who_has_the_former_address() {
    let harness = settled().await;
    disturb(&harness, &eva_renamed());
    let report = harness.sync_user(EVA_NOW).await;
    assert_eq!(changes(&report), ["applied: add eva@acme.com to content"], "{report:#?}");
    assert_eq!(user_calls(&harness), 2, "Eva, and who has her former address");
    let harness = settled().await;
    disturb(&harness, &eva_renamed());
    disturb(&harness, &[add_user(successor())]);
    let report = harness.sync_user(EVA_NOW).await;
    assert_eq!((changes(&report), skipped(&report)), (Vec::new(), vec!["no-operator eva.ebert@acme.com".to_owned()]));
    let report = harness.sync_user(EVA).await;
    assert_eq!(changes(&report), ["applied: remove eva@acme.com from delivery"], "{report:#?}");
}

#[tokio::test]
async fn incident_26_a_state_that_knows_no_logins_asks_before_it_decides() {
    let harness = settled().await;
    let options = SqliteConnectOptions::new().filename(harness.state());
    let mut connection = SqliteConnection::connect_with(&options).await.expect("the state");
    let forgotten = "update identities set login_folded = null";
    sqlx::raw_sql(forgotten).execute(&mut connection).await.expect("as an earlier version wrote it");
    connection.close().await.expect("closed");
    disturb(&harness, &eva_renamed());
    disturb(&harness, &[add_user(successor())]);
    assert_passed_on(&harness.sync().await);
    assert_eq!(user_calls(&harness), 1, "the walk did not look out for her login");
}
