//! The trial of a mask shows what the next run with this mask does.

use std::collections::{BTreeMap, BTreeSet};

use campaign_group_sync::sandbox::campaign::{InstanceWorld, Operator, OperatorGroup};
use campaign_group_sync::{
    domain::{ChangeOutcome, RunReport},
    journal::{Journal, MemberDetail},
    sandbox::{Organization, Scenario, UmapiGroup, User},
};
use chrono::Utc;
use proptest::{prelude::*, test_runner::TestRunner};

use super::harness::{AT_ONCE, Harness, ask, everything, run};

const HEADS: [&str; 4] = ["C - a - ", "C – a - ", "C - b - ", "c -a - "];
const GROUPS: [&str; 3] = ["one", "Two", "three"];
const MASKS: [&str; 7] = [
    "C - a - (.*)",
    "C [-–] a - (.*)",
    "C - (?:a|b) - (.*)",
    "C - b - (o.*|t.*)",
    "C – a - ",
    "C -.*- (one|two)",
    "X - (.*)",
];

/// One random case: profiles and their users, operators and their groups, two masks, and whether there was a run before.
#[derive(Clone, Debug)]
struct Case {
    profiles: BTreeSet<(usize, usize)>,
    has: Vec<(usize, prop::sample::Index)>,
    operators: BTreeSet<usize>,
    rows: BTreeSet<(usize, usize)>,
    masks: (&'static str, &'static str),
    was_run_before: bool,
}

fn any_case() -> impl Strategy<Value = Case> {
    let mask = || prop::sample::select(MASKS.to_vec());
    (
        prop::collection::btree_set((0..HEADS.len(), 0..GROUPS.len()), 1..8),
        prop::collection::vec((0..6_usize, any::<prop::sample::Index>()), 0..16),
        prop::collection::btree_set(0..6_usize, 0..7),
        prop::collection::btree_set((0..6_usize, 0..GROUPS.len()), 0..12),
        (mask(), mask()),
        any::<bool>(),
    )
        .prop_map(|(profiles, has, operators, rows, masks, was_run_before)| Case {
            profiles,
            has,
            operators,
            rows,
            masks,
            was_run_before,
        })
}

impl Case {
    fn scenario(&self) -> Scenario {
        let names: Vec<String> =
            self.profiles.iter().map(|(head, group)| format!("{}{}", HEADS[*head], GROUPS[*group])).collect();
        let login = |number: usize| format!("p{number}@acme.com");
        let groups = (61_001..).zip(&names).map(|(id, name)| {
            let mut group = UmapiGroup::profile(id, name);
            group.kind = Some("PRODUCT_PROFILE".to_owned());
            group
        });
        let users = (0..6).map(|number| {
            let has = self.has.iter().filter(|(who, _)| *who == number).map(|(_, at)| at.get(&names).as_str());
            User::federated(&login(number), &has.collect::<Vec<_>>())
        });
        let operator = |number: &usize| Operator {
            name: login(*number),
            label: login(*number),
            email: login(*number),
            authentication: "ims".to_owned(),
            ..Operator::default()
        };
        let rows = self.rows.iter().filter(|(who, _)| self.operators.contains(who));
        let base = Scenario::named("first_day").expect("a built-in scenario");
        let production = base.campaign.get("production").expect("an instance").clone();
        let world = InstanceWorld {
            association_mask: self.masks.0.to_owned(),
            operators: self.operators.iter().map(operator).collect(),
            groups: GROUPS.map(|name| OperatorGroup { name: name.to_owned(), ..OperatorGroup::default() }).into(),
            memberships: rows.map(|(who, group)| (login(*who), GROUPS[*group].to_owned())).collect(),
            ..production
        };
        let organization = Organization { groups: groups.collect(), users: users.collect(), ..base.organization };
        Scenario { organization, campaign: BTreeMap::from([("production".to_owned(), world)]), ..Scenario::default() }
    }
}

/// The comparable part of a report for each instance: changes, whether they are held, and what was skipped.
fn essence(report: &RunReport) -> Vec<String> {
    let mut lines = Vec::new();
    for instance in &report.instances {
        lines.push(format!("{} {:?}", instance.name, instance.error));
        lines.extend(instance.matched_profiles.iter().map(|matched| format!("{matched:?}")));
        lines.extend(instance.changes.iter().map(|change| {
            let is_held = change.outcome == ChangeOutcome::Held;
            let why = change.detail.as_ref().filter(|_| is_held);
            format!("{} because {} held {why:?}", change.described(), change.reason)
        }));
        lines.extend(instance.skipped.iter().map(|skipped| format!("{skipped:?}")));
        lines.extend(instance.orphaned.iter().map(|orphan| format!("{orphan:?}")));
        lines.extend(instance.warnings.iter().cloned());
    }
    lines
}

#[test]
fn the_trial_of_a_mask_shows_the_plan_of_the_next_run_with_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() });
    let changing = std::cell::Cell::new(0);
    let outcome = runner.run(&any_case(), |case| {
        let (tried, done) = runtime.block_on(tried_and_done(&case));
        changing.set(changing.get() + usize::from(tried.len() > 1));
        prop_assert_eq!(tried, done);
        Ok(())
    });
    outcome.expect("the trial and the run agree");
    assert!(changing.get() > 10, "only {} of the worlds had anything to tell", changing.get());
}

async fn tried_and_done(case: &Case) -> (Vec<String>, Vec<String>) {
    let harness = Harness::of(case.scenario()).await;
    let (configured, tried) = case.masks;
    if case.was_run_before {
        run(&harness.settings(Some(configured), AT_ONCE)).await;
    }
    let before = harness.memberships();
    let answer = ask(&harness.settings(Some(configured), AT_ONCE), &everything(Some(tried))).await.expect("an answer");
    assert_eq!(harness.memberships(), before, "a trial changes nothing");
    let trial = essence(&answer.run.expect("a dry run"));
    let done = essence(&run(&harness.settings(Some(tried), AT_ONCE)).await);
    harness.sandbox.stop().await;
    (trial, done)
}

#[tokio::test]
async fn a_trial_does_not_change_the_access_record() {
    let harness = Harness::of(Scenario::named("first_day").expect("a built-in scenario")).await;
    let settings = harness.settings(None, AT_ONCE);
    run(&settings).await;
    let journal = Journal::open(&settings.journal_options()).await.expect("a journal");
    let before = journal.access(Utc::now(), Utc::now(), MemberDetail::Cause).await.expect("a record");
    let answer = ask(&settings, &everything(Some("Campaign - acme-stage - (.*)"))).await.expect("an answer");
    let report = answer.run.expect("a dry run");
    assert!(report.instances.iter().any(|instance| !instance.changes.is_empty()), "{report:#?}");
    assert!(report.instances.iter().all(|instance| instance.held.is_none()), "there is nothing to approve yet");
    assert_eq!(journal.access(Utc::now(), Utc::now(), MemberDetail::Cause).await.expect("a record"), before);
}
