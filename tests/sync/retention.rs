//! Deleting what is old changes no plan: the same world gets the same answers from a state that keeps everything and
//! from one that keeps as little as the settings allow.

use std::time::Duration;

use campaign_group_sync::{
    domain::{AssociationMask, ChangeOutcome, Outcome, RunId, RunMode, RunReport},
    journal::{MemberDetail, Retention, RetentionPeriod},
    sandbox::{Change, OrganizationChange, campaign::InstanceChange},
};
use regex::Regex;

use super::recording::{Recording as _, RunBegin};
use super::{harness::Harness, reports::report};

const DELIVERY: &str = "Campaign - acme - delivery";
const CONTENT: &str = "Campaign - acme - content";

const NOTHING_KEPT: Retention =
    Retention { runs: RetentionPeriod::For(Duration::ZERO), changes: RetentionPeriod::For(Duration::ZERO) };
const ALL_KEPT: Retention = Retention { runs: RetentionPeriod::Forever, changes: RetentionPeriod::Forever };

/// What happens between two rounds.
enum Step {
    /// Somebody changes something in the Admin Console or in Campaign.
    Changes(Vec<Change>),
    /// What is held is approved.
    Approves,
    /// The last run that applied anything is undone.
    Undoes,
    /// Another mask is configured, and the one from before again.
    Masks(&'static str),
    /// Time passes: more runs than are kept in any case.
    Waits,
}

fn group(change: impl Fn(String, String) -> InstanceChange, login: &str) -> Change {
    Change::instance("production", change("delivery".to_owned(), login.to_owned()))
}

fn steps() -> Vec<Step> {
    use Step::{Approves, Changes, Masks, Undoes, Waits};
    let add = |group, login| InstanceChange::Join { group, login };
    let remove = |group, login| InstanceChange::Leave { group, login };
    let rename = |group: &str, to: &str| OrganizationChange::RenameGroup { group: group.to_owned(), to: to.to_owned() };
    vec![
        Changes(vec![Change::assign("grace@acme.com", DELIVERY)]),
        Waits,
        Undoes,
        Waits,
        Changes(vec![group(remove, "ann@acme.com")]),
        Changes(vec![group(add, "ines@acme.com")]),
        Waits,
        // More than a group may lose at once: held, and later approved.
        Changes(vec![
            Change::unassign("ann@acme.com", DELIVERY),
            Change::unassign("bob@acme.com", DELIVERY),
            Change::unassign("dev@acme.com", DELIVERY),
        ]),
        Waits,
        Approves,
        Waits,
        Changes(vec![Change::assign("ann@acme.com", DELIVERY)]),
        Undoes,
        Waits,
        Masks("Campaign - acme - ([a-z]+)"),
        Changes(vec![Change::unassign("hugo@acme.com", CONTENT)]),
        Waits,
        Approves,
        Masks("Campaign - acme - (.*)"),
        Waits,
        Changes(vec![rename(DELIVERY, "Campaign - acme - letters").into()]),
        Waits,
        Changes(vec![rename("Campaign - acme - letters", DELIVERY).into()]),
        Waits,
    ]
}

/// One state, and what its runs answered.
struct World {
    harness: Harness,
    answers: Vec<String>,
    last: Option<RunReport>,
    runs: usize,
}

impl World {
    async fn with(retention: Retention) -> Self {
        let mut harness = Harness::of("first_day").await;
        harness.options.retention = retention;
        Self { harness, answers: Vec::new(), last: None, runs: 0 }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Changes(changes) => self.harness.sandbox.world().apply(changes).expect("applied"),
            Step::Masks(mask) => {
                for instance in &mut self.harness.options.instances {
                    instance.policy.mask = AssociationMask::parse(mask).expect("a mask");
                }
            }
            Step::Approves => {
                for hold in self.harness.journal.holds().await.expect("readable") {
                    let report = self.harness.sync_approving(hold.digest.as_str()).await;
                    self.note(report);
                }
            }
            Step::Undoes => {
                let run = self.last.as_ref().expect("a run that applied something").run.clone();
                let undone = self.harness.undo(&run, RunMode::Apply).await;
                self.note(undone.expect("known"));
            }
            Step::Waits => {
                for _ in 0..13 {
                    self.waits().await;
                }
            }
        }
        for _ in 0..2 {
            let report = self.harness.sync().await;
            self.note(report);
        }
    }

    /// A run that cannot reach Adobe.
    async fn waits(&mut self) {
        self.runs += 1;
        let (run, now) = (format!("01JWAITS{:018}", self.runs), chrono::Utc::now());
        let begin = RunBegin {
            run: RunId::new(run.as_str()),
            mode: RunMode::Apply,
            scope: None,
            started_at: now,
            instances: Vec::new(),
        };
        self.harness.journal.begin_run(&begin).await.expect("begun");
        let ended = RunReport { outcome: Outcome::Unavailable, ..report(&run, now, Vec::new()) };
        self.harness.journal.end_run(&ended).await.expect("ended");
    }

    /// Keeps all of an answer that is not the name or the time of a run.
    fn note(&mut self, report: RunReport) {
        let told = RunReport { run: String::new(), duration_ms: 0, record: None, ..report.clone() };
        let told = serde_json::to_string_pretty(&told).expect("a report");
        let run = Regex::new("01[0-9A-HJKMNP-TV-Z]{24}").expect("a pattern");
        let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").expect("a pattern");
        self.answers.push(time.replace_all(&run.replace_all(&told, "RUN"), "TIME").into_owned());
        if report.instances.iter().flat_map(|it| &it.changes).any(|change| change.outcome == ChangeOutcome::Applied) {
            self.last = Some(report);
        }
    }
}

#[tokio::test]
async fn retention_changes_no_plan_no_hold_and_no_digest() {
    let (mut keeps, mut forgets) = (World::with(ALL_KEPT).await, World::with(NOTHING_KEPT).await);
    for (number, step) in steps().iter().enumerate() {
        keeps.take(step).await;
        forgets.take(step).await;
        let (kept, forgot) = (std::mem::take(&mut keeps.answers), std::mem::take(&mut forgets.answers));
        assert_eq!(kept, forgot, "after step {number}");
    }
    let left = forgets.harness.journal.runs(1000).await.expect("readable").len();
    let made = keeps.harness.journal.runs(1000).await.expect("readable").len();
    assert!(left < 60 && made > 150, "{left} runs of {made} are left");
    for world in [&keeps, &forgets] {
        let verification = world.harness.journal.verify(None).await.expect("readable");
        assert!(verification.is_whole(), "{verification:#?}");
    }
    let now = chrono::Utc::now();
    let access = async |world: &World| {
        let access = world.harness.journal.access(now, now, MemberDetail::Cause).await.expect("readable");
        serde_json::to_string(&access).expect("a document")
    };
    assert_eq!(access(&keeps).await, access(&forgets).await);
}
