//! What a read of the organization proves: empty and short pages, pages of another profile, and two reads that must not
//! be one answered twice.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{InstanceReport, Outcome, RunMode, RunReport, SkipReason, WithoutGroups},
    experience_cloud::ReadChoice,
    sandbox::{Change, Effect, Fault, OrganizationChange, Scenario},
    sync::Confirmation,
};
use serde_json::{Value, json};

use super::harness::{Harness, changes};

const OPS: &str = "Campaign - acme - ops";
const CONTENT: &str = "Campaign - acme - content";

fn member(at: usize) -> String {
    format!("p{at:02}@acme.com")
}

/// Twelve people in the profile "ops", id 11, and four in "content", id 12, all of them in the groups; ten users a
/// page.
fn settled() -> Value {
    let ops: Vec<String> = (0..12).map(member).collect();
    let content: Vec<String> = (20..24).map(member).collect();
    let users = |people: &[String], profile: &str| {
        people
            .iter()
            .map(|login| json!({"id": format!("{login}-id"), "email": login, "groups": [profile]}))
            .collect::<Vec<_>>()
    };
    let in_group =
        |people: &[String], group: &str| people.iter().map(|login| json!([login, group])).collect::<Vec<_>>();
    let spare = json!({"id": "spare-id", "email": "spare@acme.com", "groups": []});
    let users = [users(&ops, OPS), users(&content, CONTENT), vec![spare]].concat();
    let memberships = [in_group(&ops, "ops"), in_group(&content, "content")].concat();
    let logins = ops.iter().chain(&content).cloned().chain(["spare@acme.com".to_owned()]);
    json!({
        "organization": {
            "groups": [
                {"group_id": 11, "name": OPS, "type": "PRODUCT_PROFILE"},
                {"group_id": 12, "name": CONTENT, "type": "PRODUCT_PROFILE"},
            ],
            "users": users,
        },
        "campaign": {"production": {
            "tenant": "acme", "association_mask": "Campaign - acme - (.*)", "authentication": "ims",
            "operators": logins.map(|login| json!({"name": login, "authentication": "ims"})).collect::<Vec<_>>(),
            "groups": [{"name": "ops"}, {"name": "content"}],
            "memberships": memberships,
        }},
        "pages": {"users": 10},
    })
}

async fn harness(read: ReadChoice) -> Harness {
    let scenario: Scenario = serde_json::from_value(settled()).expect("a scenario");
    let mut harness = Harness::with(scenario).await;
    harness.options.experience_cloud.read = read;
    harness
}

fn change(harness: &Harness, changes: &[Change]) {
    harness.sandbox.world().apply(changes).expect("changes that fit");
}

/// One person leaves "content" and another one comes.
fn content_changes(harness: &Harness) {
    change(harness, &[Change::unassign(&member(20), CONTENT), Change::assign("spare@acme.com", CONTENT)]);
}

/// The listing of the members of "ops" goes wrong, however it is asked for.
fn disturb_ops(harness: &Harness, page: Option<u64>, effect: &Effect) {
    for address in ["11", OPS] {
        let fault = Fault { page, ..Fault::new("members", effect.clone()).group(address).forever() };
        harness.sandbox.inject(fault);
    }
}

const CONTENT_CHANGED: [&str; 2] =
    ["applied: add spare@acme.com to content", "applied: remove p20@acme.com from content"];

fn instance(report: &RunReport) -> &InstanceReport {
    report.instances.first().expect("an instance")
}

fn skipped(report: &RunReport, reason: SkipReason) -> Vec<(String, String)> {
    let skipped = instance(report).skipped.iter().filter(|skipped| skipped.reason == reason);
    skipped.map(|skipped| (skipped.subject.clone(), skipped.detail.clone())).collect()
}

fn of_group(report: &RunReport, group: &str) -> Vec<String> {
    changes(report).into_iter().filter(|line| line.ends_with(&format!(" {group}"))).collect()
}

fn in_ops(harness: &Harness) -> BTreeSet<String> {
    harness.memberships("production").into_iter().filter(|(_, group)| group == "ops").map(|(login, _)| login).collect()
}

fn everybody_of_ops() -> BTreeSet<String> {
    (0..12).map(member).collect()
}

/// Path and query of each call for members of a group.
fn member_calls(harness: &Harness) -> Vec<String> {
    let calls = harness.sandbox.requests().into_iter().filter(|request| request.call == "members");
    calls.map(|call| format!("{}?{}", call.path.rsplit('/').next().unwrap_or_default(), call.query)).collect()
}

fn held(report: &RunReport) -> String {
    instance(report).held.clone().unwrap_or_else(|| panic!("nothing is held: {report:#?}"))
}

#[tokio::test]
async fn an_empty_page_of_one_profile_changes_nothing_in_its_group_and_the_rest_goes_on() {
    for (page, effect) in [
        (1, Effect::set_value("/users", json!([]))),
        (0, Effect::set_value("/users", json!([]))),
        (1, Effect::EmptyPage),
    ] {
        let harness = harness(ReadChoice::Profiles).await;
        content_changes(&harness);
        disturb_ops(&harness, Some(page), &effect);
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Partial, "page {page}: {report:#?}");
        assert_eq!(of_group(&report, "content"), CONTENT_CHANGED, "{report:#?}");
        let of_ops = of_group(&report, "ops");
        assert!(!of_ops.is_empty() && of_ops.iter().all(|line| line.starts_with("unconfirmed: remove")), "{of_ops:?}");
        assert_eq!(in_ops(&harness), everybody_of_ops());
        let [(subject, detail)] = &skipped(&report, SkipReason::UnusableRecord)[..] else { panic!("{report:#?}") };
        assert_eq!(subject, OPS);
        assert!(detail.contains("could not be read completely") && detail.contains("no users"), "{detail}");
    }
}

#[tokio::test]
async fn users_missing_beyond_the_tolerance_concern_one_profile_alone() {
    let harness = harness(ReadChoice::Profiles).await;
    content_changes(&harness);
    disturb_ops(&harness, None, &Effect::set_header("x-total-count", "30"));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    assert_eq!(changes(&report), CONTENT_CHANGED, "{report:#?}");
    assert_eq!(skipped(&report, SkipReason::UnusableRecord).len(), 1, "{report:#?}");
}

#[tokio::test]
async fn a_group_whose_profile_is_in_doubt_gains_nobody_either() {
    let harness = harness(ReadChoice::Profiles).await;
    change(&harness, &[Change::assign("spare@acme.com", OPS)]);
    disturb_ops(&harness, Some(0), &Effect::MissingUsers { count: 10 });
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    assert_eq!(in_ops(&harness), everybody_of_ops());
}

/// A profile of which too few users show the name is read by itself inside the walk.
#[tokio::test]
async fn an_empty_page_of_a_profile_read_inside_a_walk_concerns_its_group_alone() {
    let mut scenario = settled();
    scenario["organization"]["groups"].as_array_mut().expect("groups").push(json!(
        {"group_id": 13, "name": OPS, "type": "USER_GROUP"}
    ));
    let harness = Harness::with(serde_json::from_value(scenario).expect("a scenario")).await;
    content_changes(&harness);
    disturb_ops(&harness, Some(1), &Effect::EmptyPage);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    assert_eq!(of_group(&report, "content"), CONTENT_CHANGED, "{report:#?}");
    assert_eq!(in_ops(&harness), everybody_of_ops());
}

#[tokio::test]
async fn an_empty_page_of_the_organization_is_incomplete_wherever_it_stands() {
    for page in 0..2 {
        let harness = harness(ReadChoice::Organization).await;
        content_changes(&harness);
        harness.sandbox.inject(Fault::new("users", Effect::set_value("/users", json!([]))).page(page).forever());
        let report = harness.sync().await;
        assert_eq!((report.outcome, harness.writes()), (Outcome::Incomplete, 0), "page {page}: {report:#?}");
        assert!(report.error.as_ref().is_some_and(|error| error.contains("no users")), "{report:#?}");
    }
}

#[tokio::test]
async fn when_the_last_member_of_every_profile_leaves_the_removals_are_held_and_can_be_approved() {
    let mut harness = harness(ReadChoice::Profiles).await;
    let leave = |range: std::ops::Range<usize>, profile: &str| {
        range.map(|at| Change::unassign(&member(at), profile)).collect::<Vec<_>>()
    };
    change(&harness, &[leave(0..12, OPS), leave(20..24, CONTENT)].concat());
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    assert!(changes(&report).iter().all(|line| line.starts_with("held: remove")), "{report:#?}");
    assert_eq!((changes(&report).len(), report.source.complete), (16, true));
    harness.reopen().await;
    let report = harness.sync_approving(&held(&report)).await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert!(harness.memberships("production").is_empty());
}

#[tokio::test]
async fn removals_are_held_where_more_members_than_before_are_counted_and_not_listed() {
    let mut harness = harness(ReadChoice::Profiles).await;
    harness.options.limits.max_removals_percent = 100;
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
    content_changes(&harness);
    disturb_ops(&harness, Some(0), &Effect::MissingUsers { count: 4 });
    for _ in 0..2 {
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
        assert_eq!(of_group(&report, "ops").len(), 4, "{report:#?}");
        let why = instance(&report).changes.iter().find_map(|change| change.detail.clone()).expect("a reason");
        assert!(why.contains("4 of the members of profile \"Campaign - acme - ops\""), "{why}");
        assert!(why.contains("0 at the last accepted read"), "{why}");
        assert_eq!(in_ops(&harness), everybody_of_ops());
        assert!(!harness.memberships("production").contains(&(member(20), "content".to_owned())), "{report:#?}");
    }
    let report = harness.sync_approving(&held(&harness.run(RunMode::DryRun).await)).await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert_eq!(in_ops(&harness).len(), 8);
    change(&harness, &[Change::unassign(&member(11), OPS)]);
    assert_eq!(changes(&harness.sync().await), ["applied: remove p11@acme.com from ops"], "the number is accepted");
}

#[tokio::test]
async fn a_first_read_takes_the_number_of_unlisted_accounts_as_it_is() {
    for read in [ReadChoice::Profiles, ReadChoice::Organization] {
        let harness = harness(read).await;
        harness.sandbox.world().organization_mut().technical_accounts = 2;
        disturb_ops(&harness, None, &Effect::set_header("x-total-count", "13"));
        change(&harness, &[Change::unassign(&member(0), OPS)]);
        let report = harness.sync().await;
        assert_eq!(changes(&report), ["applied: remove p00@acme.com from ops"], "{read:?}: {report:#?}");
    }
}

#[tokio::test]
async fn a_new_technical_account_holds_nothing_that_the_own_listing_of_the_profile_confirms() {
    let mut harness = harness(ReadChoice::Organization).await;
    harness.sync().await;
    harness.sandbox.world().organization_mut().technical_accounts = 3;
    change(&harness, &[Change::unassign(&member(0), OPS), Change::unassign(&member(20), CONTENT)]);
    // One profile's own listing counts somebody whom it does not list, and no earlier run knows of that.
    disturb_ops(&harness, None, &Effect::set_header("x-total-count", "13"));
    let shown = harness.run(RunMode::DryRun).await;
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    assert_eq!(
        changes(&report),
        ["applied: remove p20@acme.com from content", "held: remove p00@acme.com from ops"],
        "{report:#?}"
    );
    assert_eq!(held(&shown), held(&report), "a dry run judges as the run does");
    let why = instance(&report).changes.iter().find_map(|change| change.detail.clone()).expect("a reason");
    assert!(why.starts_with("3 of the users of the organization are counted and not listed, 0 at"), "{why}");
    let report = harness.sync_approving(&held(&report)).await;
    assert_eq!(changes(&report), ["applied: remove p00@acme.com from ops"], "{report:#?}");
    // Without a second read nothing proves what the walk does not.
    harness.options.confirmation = Confirmation::Off;
    harness.sandbox.world().organization_mut().technical_accounts = 4;
    change(&harness, &[Change::unassign(&member(21), CONTENT)]);
    assert_eq!(changes(&harness.sync().await), ["held: remove p21@acme.com from content"]);
}

#[tokio::test]
async fn what_is_held_goes_on_waiting_while_its_profile_is_in_doubt() {
    let harness = harness(ReadChoice::Profiles).await;
    change(&harness, &(0..8).map(|at| Change::unassign(&member(at), OPS)).collect::<Vec<_>>());
    assert_eq!(harness.sync().await.outcome, Outcome::Held);
    disturb_ops(&harness, Some(0), &Effect::set_value("/users", json!([])));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    let approved = harness.sync_approving(&held(&report)).await;
    assert_eq!(in_ops(&harness), everybody_of_ops(), "an approval releases nothing that is in doubt: {approved:#?}");
}

#[tokio::test]
async fn nobody_is_disabled_while_a_profile_is_in_doubt_and_the_next_run_makes_up_for_it() {
    let mut harness = harness(ReadChoice::Profiles).await;
    for instance in &mut harness.options.instances {
        instance.policy.without_groups = WithoutGroups::Disable;
    }
    change(&harness, &[Change::unassign(&member(20), CONTENT)]);
    disturb_ops(&harness, Some(1), &Effect::set_value("/users", json!([])));
    let report = harness.sync().await;
    let lines = changes(&report);
    assert!(lines.contains(&"applied: remove p20@acme.com from content".to_owned()), "{report:#?}");
    assert!(lines.contains(&"unconfirmed: disable operator p20@acme.com".to_owned()), "{report:#?}");
    harness.sandbox.clear_faults();
    assert_eq!(changes(&harness.sync().await), ["applied: disable operator p20@acme.com"]);
}

/// A profile that was renamed after the groups listing was read, and a page of another profile: both bear another name.
#[tokio::test]
async fn incident_30_a_page_of_members_under_another_name_changes_nothing_in_the_group() {
    let another = Effect::set_value("/groupName", "Campaign - acme - admin");
    let harness = harness(ReadChoice::Profiles).await;
    content_changes(&harness);
    change(&harness, &[Change::assign("spare@acme.com", OPS), Change::unassign(&member(0), OPS)]);
    disturb_ops(&harness, Some(1), &another);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    assert_eq!(changes(&report), CONTENT_CHANGED, "{report:#?}");
    let [(subject, detail)] = &skipped(&report, SkipReason::RenamedProfile)[..] else { panic!("{report:#?}") };
    assert_eq!(subject, OPS);
    assert!(detail.contains("was renamed to \"Campaign - acme - admin\""), "{detail}");
    assert_eq!(in_ops(&harness), everybody_of_ops());
    harness.sandbox.clear_faults();
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert_eq!(of_group(&report, "ops").len(), 2, "{report:#?}");
}

#[tokio::test]
async fn incident_30_a_profile_renamed_between_listing_and_members_gives_nobody_the_group() {
    let harness = harness(ReadChoice::Profiles).await;
    let rename = OrganizationChange::RenameGroup { group: OPS.to_owned(), to: "Photoshop".to_owned() };
    let join = OrganizationChange::Assign { user: "spare@acme.com".to_owned(), group: "id:11".to_owned() };
    let both = Effect::Change { changes: vec![rename.into(), join.into()] };
    harness.sandbox.inject(Fault::new("members", both).group("11"));
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Partial, 0), "{report:#?}");
    let [(_, detail)] = &skipped(&report, SkipReason::RenamedProfile)[..] else { panic!("{report:#?}") };
    assert!(detail.contains("was renamed to \"Photoshop\""), "{detail}");
    assert_eq!(in_ops(&harness), everybody_of_ops());
}

#[tokio::test]
async fn incident_30_the_confirming_read_stops_additions_and_removals_of_a_renamed_profile() {
    let harness = harness(ReadChoice::Organization).await;
    content_changes(&harness);
    change(&harness, &[Change::assign("spare@acme.com", OPS), Change::unassign(&member(0), OPS)]);
    disturb_ops(&harness, None, &Effect::set_value("/groupName", "Campaign - acme - admin"));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    assert_eq!(changes(&report), CONTENT_CHANGED, "{report:#?}");
    assert_eq!(skipped(&report, SkipReason::RenamedProfile).len(), 1, "{report:#?}");
    assert_eq!(in_ops(&harness), everybody_of_ops());
}

#[tokio::test]
async fn the_spelling_of_a_profile_and_answers_without_a_name_are_no_other_profile() {
    for effect in [
        Effect::omit_key("/groupName"),
        Effect::set_value("/groupName", json!(null)),
        Effect::set_value("/groupName", " campaign - ACME - ops "),
    ] {
        let harness = harness(ReadChoice::Profiles).await;
        change(&harness, &[Change::unassign(&member(0), OPS)]);
        disturb_ops(&harness, None, &effect);
        let report = harness.sync().await;
        assert_eq!(changes(&report), ["applied: remove p00@acme.com from ops"], "{effect:?}: {report:#?}");
    }
}

#[tokio::test]
async fn the_second_read_asks_in_another_way_than_the_first() {
    let plain = "directOnly=false&excludeGroups=true";
    let by_name = format!("Campaign%20-%20acme%20-%20ops?{plain}");
    let harness = harness(ReadChoice::Profiles).await;
    change(&harness, &[Change::unassign(&member(0), OPS)]);
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    let (by_id, other) = (format!("11?{plain}"), format!("12?{plain}"));
    assert_eq!(member_calls(&harness), [by_id.clone(), by_id.clone(), other, by_name.clone(), by_name]);

    let walked = self::harness(ReadChoice::Organization).await;
    change(&walked, &[Change::unassign(&member(0), OPS)]);
    assert_eq!(walked.sync().await.outcome, Outcome::Applied);
    assert_eq!(member_calls(&walked), [by_id.clone(), by_id]);
}

#[tokio::test]
async fn a_profile_that_has_no_other_address_is_read_with_the_groups_of_its_members_the_second_time() {
    let dotted = "Campaign - acme - ops 1.2";
    let rename = OrganizationChange::RenameGroup { group: OPS.to_owned(), to: dotted.to_owned() };
    let harness = harness(ReadChoice::Profiles).await;
    change(&harness, &[rename.into(), Change::unassign(&member(20), CONTENT)]);
    harness.sandbox.inject(Fault::new("members", Effect::status(404)).group(CONTENT).forever());
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    let calls = member_calls(&harness);
    assert_eq!(calls.last().map(String::as_str), Some("12?directOnly=false"), "{calls:?}");
}

#[tokio::test]
async fn the_single_user_call_alone_removes_nobody_whatever_the_configuration_says() {
    let mut harness = harness(ReadChoice::Organization).await;
    harness.options.confirmation = Confirmation::Off;
    harness.sandbox.inject(Fault::new("user", Effect::set_value("/user/groups", json!([]))));
    let report = harness.sync_user(&member(0)).await;
    assert_eq!(changes(&report), ["unconfirmed: remove p00@acme.com from ops"], "{report:#?}");
    assert_eq!(in_ops(&harness), everybody_of_ops());
    change(&harness, &[Change::unassign(&member(0), OPS)]);
    let report = harness.sync_user(&member(0)).await;
    assert_eq!(changes(&report), ["applied: remove p00@acme.com from ops"], "{report:#?}");
    assert!(!member_calls(&harness).is_empty());
    harness.sandbox.inject(Fault::new("members", Effect::status(503)).forever());
    change(&harness, &[Change::unassign(&member(1), OPS)]);
    let report = harness.sync_user(&member(1)).await;
    assert_eq!(changes(&report), ["unconfirmed: remove p01@acme.com from ops"], "{report:#?}");
}
