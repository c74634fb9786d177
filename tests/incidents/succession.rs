//! Who a person is over time: former addresses, native operators, wrong names, unusual ids.

use campaign_group_sync::{
    domain::{ChangeOutcome, Outcome, RunReport},
    sandbox::{Change, Effect, Fault, OrganizationChange, Scenario, campaign::InstanceChange},
    sync::{self, Confirmation, Stop},
};
use serde_json::{Value, json};

use super::support::{Stage, changes};

const DELIVERY: &str = "Campaign - acme - delivery";
const CONTENT: &str = "Campaign - acme - content";

/// Ann and five others in delivery, Ann and three others in content; everybody has an operator in the right groups.
fn settled_world() -> Value {
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
async fn settled() -> Stage {
    let stage = Stage::with(scenario(settled_world())).await;
    assert_eq!(stage.sync().await.outcome, Outcome::InSync);
    stage
}

fn disturb(stage: &Stage, changes: &[Change]) {
    stage.sandbox.world().apply(changes).expect("applied");
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

fn is_member(stage: &Stage, operator: &str, group: &str) -> bool {
    stage.memberships("production").contains(&(operator.to_owned(), group.to_owned()))
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
    let mut stage = Stage::with(scenario(world)).await;
    for instance in &mut stage.options.instances {
        instance.campaign.page_rows = 2;
    }
    assert_eq!(stage.sync().await.outcome, Outcome::InSync);
    disturb(&stage, &[Change::unassign("ann@acme.com", CONTENT), Change::unassign("cid@acme.com", DELIVERY)]);
    let report = stage.sync().await;
    let expected = ["applied: remove ann@acme.com from content", "applied: remove cid@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    disturb(&stage, &[Change::assign("ann@acme.com", CONTENT), Change::unassign("bob@acme.com", DELIVERY)]);
    let report = stage.sync().await;
    let expected = ["applied: add ann@acme.com to content", "applied: remove bob@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    assert_eq!(skipped(&report), Vec::<String>::new());
    assert!(!is_member(&stage, "bob@acme.com", "delivery") && is_member(&stage, "ann@acme.com", "content"));
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
    let stage = Stage::with(scenario(world)).await;
    let report = stage.sync().await;
    assert_eq!((report.outcome, stage.writes()), (Outcome::InSync, 0), "{report:#?}");
    let expected = ["protected admin", "protected campaign-loginmonitor", "protected internal", "protected webapp"];
    assert_eq!(skipped(&report), expected);
}

#[tokio::test]
async fn a_renamed_person_whose_new_login_is_a_native_operator_leaves_the_old_operator() {
    let stage = settled().await;
    disturb(
        &stage,
        &[rename_user("ann@acme.com", "ann.ahlberg@acme.com"), add_operator("ann.ahlberg@acme.com", Some(""))],
    );
    let report = stage.sync().await;
    let expected = ["applied: remove ann@acme.com from content", "applied: remove ann@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    assert_eq!(skipped(&report), ["not-managed ann.ahlberg@acme.com"]);
}

/// From its next call on, Campaign shows one operator under another login when it lists the operators, and only then.
fn misname_once(stage: &Stage, login: &str, shown: &str) {
    let around = |schema: &str, change: Change| {
        let effect = Effect::Change { changes: vec![change] };
        Fault { schema: Some(schema.to_owned()), ..Fault::new("query", effect) }
    };
    stage.sandbox.inject(around("xtk:operator", rename_operator(login, shown)));
    stage.sandbox.inject(around("xtk:operatorGroup", rename_operator(shown, login)));
}

#[tokio::test]
async fn incident_37_a_login_that_differs_when_read_again_keeps_its_groups_and_the_others_go_on() {
    for confirmation in [Confirmation::Reread, Confirmation::Off] {
        // In a first run nothing is remembered that could tell who the operator is.
        let mut stage = Stage::with(scenario(settled_world())).await;
        stage.options.confirmation = confirmation;
        disturb(&stage, &[Change::unassign("bob@acme.com", CONTENT)]);
        misname_once(&stage, "fay@acme.com", "fay@acme.c");
        let report = stage.sync().await;
        assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
        let expected = ["applied: remove bob@acme.com from content", "unconfirmed: remove fay@acme.c from delivery"];
        assert_eq!(changes(&report), expected, "{report:#?}");
        let [detail] = details(&report, ChangeOutcome::Unconfirmed).try_into().expect("one");
        assert!(detail.contains("\"fay@acme.com\"") && detail.contains("\"fay@acme.c\""), "{detail}");
        assert!(is_member(&stage, "fay@acme.com", "delivery"));
        assert_eq!(stage.sync().await.outcome, Outcome::InSync);
    }
}

#[tokio::test]
async fn incident_37_an_operator_that_is_gone_when_read_again_is_unconfirmed() {
    let stage = settled().await;
    disturb(&stage, &[Change::unassign("bob@acme.com", CONTENT), Change::unassign("fay@acme.com", DELIVERY)]);
    let gone = InstanceChange::RemoveOperator { login: "fay@acme.com".to_owned() };
    let effect = Effect::Change { changes: vec![Change::instance("production", gone)] };
    stage.sandbox.inject(Fault::new("members", effect));
    let report = stage.sync().await;
    let expected = ["applied: remove bob@acme.com from content", "unconfirmed: remove fay@acme.com from delivery"];
    assert_eq!(changes(&report), expected, "{report:#?}");
    let details = details(&report, ChangeOutcome::Unconfirmed);
    assert!(details.iter().all(|detail| detail.contains("\"fay@acme.com\"")), "{details:?}");
}

#[tokio::test]
async fn incident_37_an_undo_reads_the_logins_again_too() {
    let stage = settled().await;
    disturb(&stage, &[Change::assign("fay@acme.com", CONTENT), Change::assign("eva@acme.com", CONTENT)]);
    let report = stage.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    // Between the listing and the second look the two exchange their logins.
    let exchange = [("fay@acme.com", "x"), ("eva@acme.com", "fay@acme.com"), ("x", "eva@acme.com")];
    let exchange = exchange.map(|(login, to)| rename_operator(login, to)).to_vec();
    let effect = Effect::Change { changes: exchange };
    stage.sandbox.inject(Fault { schema: Some("xtk:operatorGroup".to_owned()), ..Fault::new("query", effect) });
    let mode = campaign_group_sync::domain::RunMode::Apply;
    let undone = sync::undo(&stage.options, &stage.journal, &report.run, mode, &Stop::never(), &|_| {})
        .await
        .expect("a known run");
    assert_eq!(undone.outcome, Outcome::Partial, "{undone:#?}");
    let expected = ["unconfirmed: remove eva@acme.com from content", "unconfirmed: remove fay@acme.com from content"];
    assert_eq!(changes(&undone), expected, "{undone:#?}");
    // What was not taken back is not held later on.
    assert_eq!(stage.sync().await.outcome, Outcome::InSync);
}
