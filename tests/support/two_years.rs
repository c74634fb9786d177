//! Two years of recorded runs, for whatever looks back: joiners and leavers, changes by hand, approvals, reviews every
//! quarter, and a last run that leaves something of every kind to look at.

use std::collections::BTreeMap;

use campaign_group_sync::{
    domain::{
        AccessReview, AfterPlan, Approver, ChangeKind, ChangeOutcome, ChangeReport, Evidence, GroupObservation,
        InstanceMode, InstanceName, InstancePlan, InstanceReport, MatchedProfile, ObservedGroups, Operator,
        OperatorGroupName, OperatorLogin, Orphan, ProductProfileName, RunEvent, RunId, RunMode, RunStart, SeenOperator,
        Sending, SentChange, SettledChanges, SkipReason, Skipped, Summary, SystemUser,
    },
    journal::Journal,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::operators::operator;

/// Who approved some of the removals.
pub(crate) const APPROVER: &str = "root (uid 0, signed in as carol, uid 1004)";

/// A run every three days.
const DAYS_A_RUN: i64 = 3;

/// The number of runs.
const RUNS: i64 = 244;

/// After these runs the access was reviewed.
const REVIEWED_AFTER: [i64; 4] = [60, 120, 180, 213];

/// A name that a spreadsheet would evaluate, and one that a page would run.
pub(crate) const HOSTILE: [&str; 2] =
    ["=cmd('calc')@evil.example", "eve\u{202e}<script>alert(1)</script>@evil.example"];

/// The members of each managed group.
struct World {
    groups: BTreeMap<&'static str, Vec<String>>,
}

/// One change of a run.
struct Step {
    op: ChangeKind,
    login: String,
    group: &'static str,
    approved_by: Option<String>,
}

pub(crate) fn instance() -> InstanceName {
    InstanceName::new("production")
}

fn run_name(number: i64) -> RunId {
    RunId::new(format!("01KC{number:022}"))
}

fn profile(group: &str) -> String {
    format!("Campaign - acme - {group}")
}

impl World {
    fn new() -> Self {
        let of = |logins: &[&str]| logins.iter().map(|login| (*login).to_owned()).collect();
        let groups = [
            ("content", of(&["ann@acme.com", "carla@acme.com", "grace@acme.com", HOSTILE[0]])),
            (
                "delivery",
                of(&[
                    "ann@acme.com",
                    "bob@acme.com",
                    "night.batch",
                    "the.operator.with.a.long.name@subsidiary.acme.com",
                ]),
            ),
            ("legacy", of(&["olaf@acme.com", "petra@acme.com"])),
            ("offers", Vec::new()),
            ("report", of(&["jonas@acme.com"])),
        ];
        Self { groups: groups.into() }
    }

    fn members(&mut self, group: &'static str) -> &mut Vec<String> {
        self.groups.entry(group).or_default()
    }

    /// What operators change in Campaign by themselves before this run.
    fn change_by_hand(&mut self, number: i64) {
        if number % 17 == 9 {
            self.members("content").push(format!("contractor{number}@partner.example"));
        }
        if number % 17 == 16 {
            self.members("content").retain(|login| login != &format!("contractor{}@partner.example", number - 7));
        }
        match number {
            230 => self.members("webshop").push("jonas@acme.com".to_owned()),
            238 => self.members("report").push(HOSTILE[1].to_owned()),
            _ => {}
        }
    }

    /// What this run changes.
    fn steps(&self, number: i64) -> Vec<Step> {
        let group = ["delivery", "content", "report"][usize::try_from(number % 3).expect("small")];
        let mut steps = Vec::new();
        if number % 7 == 1 {
            let login = format!("user{number:03}@acme.com");
            steps.push(Step { op: ChangeKind::Add, login, group, approved_by: None });
        }
        if number % 11 == 5
            && let Some(login) = self.groups[group].iter().find(|login| login.starts_with("user"))
        {
            let approved_by = (number % 2 == 0).then(|| APPROVER.to_owned());
            steps.push(Step { op: ChangeKind::Remove, login: login.clone(), group, approved_by });
        }
        steps
    }

    fn apply(&mut self, step: &Step) {
        let members = self.members(step.group);
        match step.op {
            ChangeKind::Add => members.push(step.login.clone()),
            _ => members.retain(|login| *login != step.login),
        }
    }

    fn observed(&self) -> Vec<GroupObservation> {
        let observation = |(group, members): (&&'static str, &Vec<String>)| GroupObservation {
            group: OperatorGroupName::new(*group),
            profile: ProductProfileName::new(profile(group)),
            members: members.iter().map(|login| OperatorLogin::new(login.as_str())).collect(),
        };
        self.groups.iter().map(observation).collect()
    }
}

fn report(step: &Step, outcome: ChangeOutcome, detail: Option<&str>) -> ChangeReport {
    let reason = match step.op {
        ChangeKind::Add => format!("member of profile {}", profile(step.group)),
        _ => format!("not a member of profile {}", profile(step.group)),
    };
    ChangeReport {
        op: step.op,
        operator: Some(step.login.as_str().into()),
        group: Some(step.group.into()),
        profile: profile(step.group).into(),
        reason: reason.into(),
        outcome,
        detail: detail.map(str::to_owned),
        at: None,
        approved_by: step.approved_by.clone(),
    }
}

/// What the last run leaves: removals that it did not make, and what it could not decide.
fn left_over() -> (Vec<ChangeReport>, Vec<Skipped>) {
    let removal =
        |login: &str, group| Step { op: ChangeKind::Remove, login: login.to_owned(), group, approved_by: None };
    let changes = vec![
        report(&removal("carla@acme.com", "content"), ChangeOutcome::Unconfirmed, Some("a second read found the user")),
        report(&removal("bob@acme.com", "delivery"), ChangeOutcome::Held, Some("more than 34 % of the group")),
    ];
    let kept = Skipped {
        group: Some("delivery".to_owned()),
        ..Skipped::new(
            SkipReason::NotManaged,
            "night.batch",
            "is in group \"delivery\" and does not sign in through Adobe: left alone",
        )
    };
    let doubt =
        Skipped::new(SkipReason::AmbiguousIdentity, "maria@acme.com", "matches the operators \"maria\" and \"Maria\"");
    (changes, vec![kept, doubt])
}

fn instance_report(world: &World, changes: Vec<ChangeReport>, is_last: bool) -> InstanceReport {
    let skipped = if is_last { left_over().1 } else { Vec::new() };
    let matched = world.groups.iter().map(|(group, members)| MatchedProfile {
        profile: profile(group),
        group: (*group).to_owned(),
        members: members.len(),
    });
    let orphan = Orphan { group: "legacy".to_owned(), profile: profile("legacy"), members: 2 };
    InstanceReport {
        name: instance().to_string(),
        mode: InstanceMode::Apply,
        outcome: InstanceReport::outcome_of(&changes, &skipped),
        error: None,
        warnings: Vec::new(),
        held: None,
        held_since: None,
        approvals: Vec::new(),
        orphaned: if is_last { vec![orphan] } else { Vec::new() },
        matched_profiles: matched.filter(|matched| !(is_last && matched.group == "legacy")).collect(),
        summary: Summary::of(&changes, skipped.len(), 20),
        skipped,
        changes,
    }
}

/// Records one run at this time.
async fn run(journal: &Journal, world: &mut World, number: i64, at: DateTime<Utc>) {
    let (run, instance) = (run_name(number), instance());
    let record = async |event: &RunEvent<'_>| journal.record(&run, at, event).await.expect("recorded");
    let start = RunStart { mode: RunMode::Apply, scope: None, started_at: at, instances: vec![instance.clone()] };
    record(&RunEvent::Started(&start)).await;
    let groups = world.observed();
    record(&RunEvent::Observed(&ObservedGroups { instance: &instance, groups: &groups, is_all: true })).await;
    let (steps, is_last) = (world.steps(number), number == RUNS - 1);
    let of = |outcome| steps.iter().map(|step| report(step, outcome, None)).collect::<Vec<_>>();
    let left = if is_last { left_over().0 } else { Vec::new() };
    let planned = [of(ChangeOutcome::Pending), left.clone()].concat();
    let plan = instance_report(world, planned, is_last);
    record(&RunEvent::Planned(&InstancePlan { report: &plan, next: AfterPlan::Apply, new_skips: &[] })).await;
    let made = of(ChangeOutcome::Applied);
    if !made.is_empty() {
        let changes: Vec<_> = made.iter().map(|change| SentChange { key: change.key(), approval: None }).collect();
        record(&RunEvent::Sending(&Sending { instance: &instance, changes: &changes, begun: None })).await;
        let settled = SettledChanges { instance: &instance, changes: &made, evidence: Evidence::ReadBack };
        record(&RunEvent::Settled(&settled)).await;
    }
    for step in &steps {
        world.apply(step);
    }
    let ended = instance_report(world, [made, left].concat(), is_last);
    record(&RunEvent::InstanceEnded(&ended)).await;
    record(&RunEvent::Ended(&super::reports::report(run.as_str(), at, vec![ended]))).await;
}

/// Records a review of everything at this time.
async fn review(journal: &Journal, at: DateTime<Utc>) {
    let record = journal.review_record("production", None).await.expect("readable");
    let document = AccessReview::new("org", at, vec![record.reviewed(at)]);
    let carol = Approver::claimed("carol").as_user(Some(SystemUser { uid: 1004, name: Some("carol".to_owned()) }));
    journal.record_review(&document, &carol, at).await.expect("recorded");
}

/// The operators that the last run saw: some are disabled, some are in no group.
async fn remember_operators(journal: &Journal, world: &World) {
    let members: std::collections::BTreeSet<&String> = world.groups.values().flatten().collect();
    let logins = members.into_iter().map(String::as_str).chain(["lena@acme.com", "retired@acme.com"]);
    let operators: Vec<Operator> = (1..).zip(logins).map(|(id, login)| operator(id, login)).collect();
    let seen = operators.iter().map(|operator| SeenOperator {
        operator,
        disabled: ["olaf@acme.com", "retired@acme.com"].contains(&operator.login.as_str()),
        in_groups: u32::from(!["lena@acme.com", "retired@acme.com"].contains(&operator.login.as_str())),
    });
    journal.remember_operators(&instance(), seen.collect()).await.expect("remembered");
}

/// Records two years of runs that end two hours before `now`.
pub(crate) async fn record_two_years(journal: &Journal, now: DateTime<Utc>) {
    let mut world = World::new();
    let time = |number: i64| now - TimeDelta::hours(2) - TimeDelta::days(DAYS_A_RUN * (RUNS - 1 - number));
    for number in 0..RUNS {
        world.change_by_hand(number);
        run(journal, &mut world, number, time(number)).await;
        if REVIEWED_AFTER.contains(&number) {
            review(journal, time(number) + TimeDelta::hours(1)).await;
        }
    }
    remember_operators(journal, &world).await;
}
