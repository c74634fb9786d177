//! An ordinary life, from an empty state to the third run: none of the caution elsewhere may stop any of it.

use campaign_group_sync::{
    domain::{Outcome, RunReport},
    experience_cloud::ReadChoice,
    sandbox::{Change, Effect, Fault, OrganizationChange, Scenario, UmapiGroup, User, campaign::InstanceChange},
};
use serde_json::{Value, json};

use super::{
    harness::{Harness, changes},
    program::Served,
    succession::{CONTENT, DELIVERY, settled_world},
};

const REPORT: &str = "Campaign - acme - report";

/// The settled world, with user names, a technical account that has both profiles, and a group that no profile stands
/// for.
fn world() -> Value {
    let mut world = settled_world();
    let organization = &mut world["organization"];
    organization["technical_accounts"] = json!(2);
    let users = organization["users"].as_array_mut().expect("a list");
    for user in &mut *users {
        (user["username"], user["domain"]) = (user["email"].clone(), json!("acme.com"));
    }
    let technical = "0A1B@techacct.adobe.com";
    users.push(json!({"id": technical, "email": technical, "type": "enterpriseID", "groups": [DELIVERY, CONTENT]}));
    let groups = world["campaign"]["production"]["groups"].as_array_mut().expect("a list");
    groups.push(json!({"name": "report"}));
    world
}

/// What the technical account is skipped as, in every run: it has no operator here.
const TECHNICAL: &str = "no-operator 0A1B@techacct.adobe.com";

/// Each life is lived with both ways of reading the organization.
const READS: [ReadChoice; 2] = [ReadChoice::Organization, ReadChoice::Profiles];

/// A life after a first run that finds everything in place.
struct Life(Harness);

impl Life {
    async fn begin(read: ReadChoice) -> Self {
        Self::begin_in(world(), read).await
    }

    async fn begin_in(world: Value, read: ReadChoice) -> Self {
        let scenario: Scenario = serde_json::from_value(world).expect("a scenario");
        let mut harness = Harness::with(scenario).await;
        harness.options.experience_cloud.read = read;
        let life = Self(harness);
        life.quiet(&[]).await;
        life
    }

    fn happens(&self, events: &[Change]) {
        self.0.sandbox.world().apply(events).expect("it happens");
    }

    /// The next run makes exactly these changes, and skips exactly these beside the technical account.
    async fn run(&self, expected: &[&str], skips: &[&str]) {
        let report = self.0.sync().await;
        let outcome = if expected.is_empty() { Outcome::InSync } else { Outcome::Applied };
        assert_eq!(report.outcome, outcome, "{report:#?}");
        let expected: Vec<_> = expected.iter().map(|change| format!("applied: {change}")).collect();
        assert_eq!(changes(&report), expected, "{report:#?}");
        let mut skips: Vec<_> = skips.iter().chain(&[TECHNICAL]).map(ToString::to_string).collect();
        skips.sort_unstable();
        assert_eq!(skipped(&report), skips, "{report:#?}");
    }

    /// The next run changes nothing, and writes nothing.
    async fn quiet(&self, skips: &[&str]) {
        self.run(&[], skips).await;
        assert_eq!(self.0.writes(), 0);
    }
}

fn skipped(report: &RunReport) -> Vec<String> {
    let all = report.instances.iter().flat_map(|instance| &instance.skipped);
    let mut all: Vec<_> = all.map(|skipped| format!("{} {}", skipped.reason.as_str(), skipped.subject)).collect();
    all.sort_unstable();
    all
}

fn hired(email: &str, id: &str, groups: &[&str]) -> Change {
    let user = User { id: Some(id.to_owned()), ..User::federated(email, groups) };
    OrganizationChange::AddUser { user: Box::new(user) }.into()
}

fn leaves(email: &str) -> Change {
    OrganizationChange::RemoveUser { user: email.to_owned() }.into()
}

/// The first sign-in, at which Campaign makes an operator; that it joins the groups as well is left to the run.
fn signs_in(login: &str) -> Change {
    let login = login.to_owned();
    let operator =
        InstanceChange::AddOperator { login, label: None, email: None, authentication: None, disabled: false };
    Change::instance("production", operator)
}

fn profile_made(id: i64, name: &str) -> Change {
    let group = json!({"group_id": id, "name": name, "type": "PRODUCT_PROFILE"});
    let group: UmapiGroup = serde_json::from_value(group).expect("a group");
    OrganizationChange::AddGroup { group: Box::new(group) }.into()
}

#[test]
fn a_first_install_is_checked_observed_and_then_applies() {
    let served = Served::of(&["first_day"]);
    let checked = served.command(&["check"]);
    assert_eq!(checked.exit, Some(0), "{checked:?}");
    let run = |mode: &str| {
        let mut command = served.prepared(&["--sync-now", "--output", "json"]);
        super::program::run(command.env("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__MODE", mode))
    };
    let observed = run("observe");
    assert_eq!(observed.exit, Some(2), "{observed:?}");
    let summary = |report: &Value| report["instances"][0]["summary"].clone();
    let planned = summary(&observed.json());
    assert_eq!((&planned["add"], &planned["remove"], &planned["pending"]), (&json!(5), &json!(3), &json!(8)));
    let applied = run("apply");
    assert_eq!(applied.exit, Some(0), "{applied:?}");
    assert_eq!(summary(&applied.json())["applied"], json!(8), "{applied:?}");
    let third = run("apply");
    assert_eq!((third.exit, &third.json()["outcome"]), (Some(0), &json!("in_sync")), "{third:?}");
}

#[tokio::test]
async fn a_new_profile_fills_its_group() {
    for read in READS {
        let life = Life::begin(read).await;
        life.happens(&[profile_made(3, REPORT), Change::assign("ann@acme.com", REPORT)]);
        life.happens(&[Change::assign("eva@acme.com", REPORT)]);
        life.run(&["add ann@acme.com to report", "add eva@acme.com to report"], &[]).await;
        life.quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_group_made_in_campaign_after_its_profile_is_filled() {
    for read in READS {
        let life = Life::begin(read).await;
        life.happens(&[
            profile_made(3, "Campaign - acme - offer"),
            Change::assign("ann@acme.com", "Campaign - acme - offer"),
        ]);
        life.quiet(&["no-group offer"]).await;
        let group = InstanceChange::AddOperatorGroup { name: "offer".to_owned(), label: None };
        life.happens(&[Change::instance("production", group)]);
        life.run(&["add ann@acme.com to offer"], &[]).await;
        life.quiet(&[]).await;
        life.happens(&[Change::assign("bob@acme.com", "Campaign - acme - offer")]);
        life.run(&["add bob@acme.com to offer"], &[]).await;
    }
}

#[tokio::test]
async fn a_new_hire_joins_after_the_first_sign_in() {
    for read in READS {
        let life = Life::begin(read).await;
        life.happens(&[hired("gus@acme.com", "U9@acme", &[DELIVERY])]);
        life.quiet(&["no-operator gus@acme.com"]).await;
        life.happens(&[signs_in("gus@acme.com")]);
        life.run(&["add gus@acme.com to delivery"], &[]).await;
        life.quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_new_hire_who_signed_in_before_the_run_joins_at_once() {
    for read in READS {
        let life = Life::begin(read).await;
        life.happens(&[hired("gus@acme.com", "U9@acme", &[DELIVERY]), signs_in("gus@acme.com")]);
        life.run(&["add gus@acme.com to delivery"], &[]).await;
        life.quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_leaver_leaves_and_returns_with_another_id() {
    for read in READS {
        let life = Life::begin(read).await;
        life.happens(&[leaves("fay@acme.com")]);
        life.run(&["remove fay@acme.com from delivery"], &[]).await;
        life.quiet(&[]).await;
        life.happens(&[hired("fay@acme.com", "U10@acme", &[DELIVERY])]);
        life.run(&["add fay@acme.com to delivery"], &[]).await;
        life.quiet(&[]).await;
        // Between two runs nothing is lost.
        life.happens(&[leaves("fay@acme.com"), hired("fay@acme.com", "U11@acme", &[DELIVERY])]);
        life.quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_person_with_only_one_profile_less_keeps_the_other() {
    for read in READS {
        let life = Life::begin(read).await;
        life.happens(&[Change::unassign("dev@acme.com", CONTENT)]);
        life.run(&["remove dev@acme.com from content"], &[]).await;
        life.quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_married_name_keeps_the_old_operator_until_the_first_sign_in_under_the_new_one() {
    for read in READS {
        let life = Life::begin(read).await;
        let (user, to) = ("eva@acme.com".to_owned(), "eva.ebert@acme.com".to_owned());
        life.happens(&[OrganizationChange::RenameUser { user, to }.into()]);
        life.quiet(&["renamed eva.ebert@acme.com"]).await;
        life.happens(&[Change::assign("eva.ebert@acme.com", CONTENT)]);
        life.run(&["add eva@acme.com to content"], &["renamed eva.ebert@acme.com"]).await;
        life.happens(&[signs_in("eva.ebert@acme.com")]);
        let moved = [
            "add eva.ebert@acme.com to content",
            "add eva.ebert@acme.com to delivery",
            "remove eva@acme.com from content",
            "remove eva@acme.com from delivery",
        ];
        life.run(&moved, &[]).await;
        life.quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_technical_account_that_holds_a_profile_and_is_not_listed_stops_nobody() {
    for read in READS {
        let mut world = world();
        world["organization"]["groups"].as_array_mut().expect("a list").iter_mut().for_each(|group| {
            group["technical_accounts"] = json!(1);
        });
        let life = Life::begin_in(world, read).await;
        life.happens(&[
            hired("gus@acme.com", "U9@acme", &[DELIVERY]),
            signs_in("gus@acme.com"),
            leaves("fay@acme.com"),
        ]);
        life.run(&["add gus@acme.com to delivery", "remove fay@acme.com from delivery"], &[]).await;
        life.happens(&[Change::unassign("dev@acme.com", CONTENT)]);
        life.run(&["remove dev@acme.com from content"], &[]).await;
        life.quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_member_count_that_lags_behind_stops_nobody() {
    for counted in [0, 3, 40] {
        for read in READS {
            let life = Life::begin(read).await;
            let pointer = "/groups/*/memberCount".to_owned();
            life.0.sandbox.inject(Fault::new("groups", Effect::SetValue { pointer, value: json!(counted) }).forever());
            life.quiet(&[]).await;
            life.happens(&[
                hired("gus@acme.com", "U9@acme", &[DELIVERY]),
                signs_in("gus@acme.com"),
                leaves("fay@acme.com"),
            ]);
            life.run(&["add gus@acme.com to delivery", "remove fay@acme.com from delivery"], &[]).await;
            life.0.sandbox.clear_faults();
            life.quiet(&[]).await;
        }
    }
}
