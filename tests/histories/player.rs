//! Plays a history against the sandbox, and judges every run of it.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use campaign_group_sync::{
    domain::{ChangeOutcome, Digest, OperatorGroupName, Outcome, RunMode, RunReport, Scope, Watcher},
    journal::{Journal, MemberDetail},
    sandbox::{
        Effect, Fault, Organization, Sandbox, Scenario, UmapiGroup, User,
        campaign::{InstanceWorld, Operator, OperatorGroup},
    },
    sync::{self, RunRequest, Stop, SyncOptions},
};
use chrono::{TimeDelta, Utc};
use tempfile::TempDir;

use super::{
    model::{Key, Model},
    random::Random,
    step::{Deck, RunKind, Step, first_changes, first_groups, profile},
    verdict::{Coverage, RunFacts, Violation, key},
    view::{INSTANCE, Pair, View, lower},
};
use crate::{
    support::{options::request, sandbox},
    sync::harness::{open, options},
};

/// How many steps, runs and kinds of steps were played.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) histories: usize,
    pub(super) runs: usize,
    pub(super) writes: usize,
    /// Memberships that runs ended without an approval.
    pub(super) removals: usize,
    pub(super) steps: BTreeMap<&'static str, usize>,
    /// Runs by outcome.
    pub(super) outcomes: BTreeMap<&'static str, usize>,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.runs += other.runs;
        self.writes += other.writes;
        self.removals += other.removals;
        for (kind, number) in &other.steps {
            *self.steps.entry(kind).or_default() += number;
        }
        for (outcome, number) in &other.outcomes {
            *self.outcomes.entry(outcome).or_default() += number;
        }
    }
}

/// A history that was played: its steps, with how many requests for page 0 of the groups listing came before each.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) first: Scenario,
    pub(super) steps: Vec<(Step, usize)>,
    pub(super) counts: Counts,
    pub(super) verdict: Result<(), Violation>,
}

/// What a run made, for an undo.
#[derive(Clone, Debug)]
struct Made {
    run: String,
    gained: std::collections::BTreeSet<Pair>,
    lost: std::collections::BTreeSet<Pair>,
}

struct Player {
    sandbox: Sandbox,
    folder: TempDir,
    journal: Journal,
    options: SyncOptions,
    model: Model,
    made: Vec<Made>,
    /// Digests in the order in which they were held.
    held: Vec<String>,
    is_disturbed: bool,
    /// How often a page of the organization's users came without its users, in the runs so far.
    pages_without_users: u32,
    counts: Counts,
    listings: usize,
}

/// Whether the organization gives this operator this group; `None` if no profile stands for it.
fn is_given(users: &[User], groups: &[UmapiGroup], login: &str, group: &str) -> Option<bool> {
    let name = profile(group);
    let has = |names: &[String]| names.contains(&name);
    groups.iter().find(|group| group.name == name)?;
    let user = users.iter().find(|user| user.email.as_deref() == Some(login));
    let through = |user: &User| groups.iter().any(|group| user.groups.contains(&group.name) && has(&group.profiles));
    Some(user.is_some_and(|user| has(&user.groups) || through(user)))
}

/// The instance of Campaign without its operators and groups.
static BASIS: LazyLock<InstanceWorld> = LazyLock::new(|| {
    let scenario = Scenario::named("first_day").expect("built in");
    scenario.campaign.get(INSTANCE).expect("an instance").clone()
});

/// The world that the history with this seed begins with.
pub(super) fn first_world(random: &mut Random) -> Scenario {
    let (groups, users) = first_changes(random);
    let mut operators = vec![Operator { name: "night.batch".to_owned(), ..Operator::default() }];
    for user in &users {
        if random.percent(85) {
            let name = user.email.clone().unwrap_or_default();
            let authentication = if random.percent(92) { "ims" } else { "" }.to_owned();
            operators.push(Operator { email: name.clone(), name, authentication, ..Operator::default() });
        }
    }
    let names: Vec<&str> = first_groups();
    let kept = names.iter().filter(|name| **name == "admin" || random.percent(85)).copied().collect::<Vec<_>>();
    // Where all is in order, one removal stays below the limits, and nothing but doubts holds it.
    let is_in_order = random.percent(60);
    let mut memberships = Vec::new();
    for operator in &operators {
        for group in &kept {
            let is_given = is_given(&users, &groups, &operator.name, group);
            let percent = match is_given {
                _ if *group == "admin" => 8,
                Some(true) if is_in_order => 97,
                Some(false) if is_in_order => 2,
                _ => 35,
            };
            if random.percent(percent) {
                memberships.push((operator.name.clone(), (*group).to_owned()));
            }
        }
    }
    let groups_of = kept.iter().map(|name| OperatorGroup { name: (*name).to_owned(), ..OperatorGroup::default() });
    let instance = InstanceWorld { operators, groups: groups_of.collect(), memberships, ..BASIS.clone() };
    let technical_accounts = random.below(3);
    let organization = Organization { groups, users, technical_accounts, ..Organization::default() };
    let mut scenario = Scenario {
        title: "A history".to_owned(),
        description: "Made from a seed.".to_owned(),
        organization,
        campaign: [(INSTANCE.to_owned(), instance)].into(),
        ..Scenario::default()
    };
    scenario.pages.users = 2 + random.below(4);
    scenario.pages.groups = 3 + random.below(6);
    scenario
}

fn folder() -> TempDir {
    // A state in memory is the same to the program, and faster.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder")
}

/// Where the steps of a history come from.
pub(super) enum Steps {
    /// They are drawn, so many.
    Drawn(Random, usize),
    /// They are given.
    Given(Vec<Step>),
}

/// How a history ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// What is held is approved.
    pub(super) approves: bool,
    /// Four runs are made; otherwise no more after one that had nothing to do.
    pub(super) is_thorough: bool,
}

/// Plays a history; `end` says how it ends.
pub(super) async fn play(first: Scenario, steps: Steps, end: End) -> Played {
    let mut player = Player::new(first.clone()).await;
    let mut done = Vec::new();
    let verdict = player.all(steps, end, &mut done).await;
    player.counts.histories = 1;
    let Player { counts, sandbox, journal, .. } = player;
    journal.close().await;
    drop(sandbox);
    Played { first, steps: done, counts, verdict }
}

fn broken(promise: &'static str, sentence: String) -> Result<(), Violation> {
    Err(Violation { promise, sentence })
}

/// Whether the fault hides a row or shows another one, or changes the world while a run looks.
fn is_deceiving(fault: &Fault) -> bool {
    use Effect::{Change, MissingUsers, OmitEntry, ReplaceText, SetValue};
    match &fault.effect {
        Change { .. } | MissingUsers { .. } | OmitEntry { .. } | ReplaceText { .. } => true,
        SetValue { pointer, .. } => pointer.ends_with("/groups") && fault.call == "users",
        _ => false,
    }
}

/// Whether the fault makes a page of the organization's users incomplete, wherever it stands.
fn is_without_users(fault: &Fault) -> bool {
    let is_empty = match &fault.effect {
        Effect::EmptyPage => true,
        Effect::OmitKey { pointer } | Effect::SetValue { pointer, .. } => pointer == "/users",
        _ => false,
    };
    fault.call == "users" && is_empty
}

impl Player {
    async fn new(first: Scenario) -> Self {
        let sandbox = sandbox::start(first).await;
        let mut options = options(&sandbox.connection());
        // Calls one after the other: the same call is disturbed each time, and one connection carries them.
        options.experience_cloud.parallel_requests = NonZeroU32::MIN;
        let folder = folder();
        let journal = open(&folder.path().join("state.db")).await;
        Self {
            sandbox,
            folder,
            journal,
            options,
            model: Model::default(),
            made: Vec::new(),
            held: Vec::new(),
            is_disturbed: false,
            pages_without_users: 0,
            counts: Counts::default(),
            listings: 0,
        }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    fn view(&self) -> View {
        View::of(&self.sandbox.world())
    }

    async fn all(&mut self, steps: Steps, end: End, played: &mut Vec<(Step, usize)>) -> Result<(), Violation> {
        self.model.look(&self.view());
        match steps {
            Steps::Given(steps) => {
                for step in steps {
                    played.push((step.clone(), self.listings));
                    self.step(&step).await?;
                }
            }
            Steps::Drawn(mut random, count) => {
                let mut fresh = 100;
                for _ in 0..count {
                    let view = self.view();
                    let is_disturbed = self.is_disturbed;
                    let mut deck = Deck { random: &mut random, view: &view, fresh: &mut fresh, is_disturbed };
                    for step in deck.draw() {
                        played.push((step.clone(), self.listings));
                        self.step(&step).await?;
                    }
                }
            }
        }
        self.converge(end).await
    }

    async fn step(&mut self, step: &Step) -> Result<(), Violation> {
        *self.counts.steps.entry(step.kind()).or_default() += 1;
        match step {
            Step::World { changes, .. } => {
                // In a shortened history a change may have become impossible.
                let _ = self.sandbox.world().apply(changes);
                self.model.look(&self.view());
            }
            Step::Configure(setting) => {
                self.model.config.change(setting);
                self.model.config.clone().write_to(&mut self.options);
            }
            Step::Disturb(fault) => {
                self.is_disturbed = true;
                self.sandbox.inject(fault.clone());
            }
            Step::Calm => {
                (self.is_disturbed, self.pages_without_users) = (false, 0);
                self.sandbox.clear_faults();
            }
            Step::Approve { back, days_ahead } => self.approve(*back, *days_ahead).await,
            Step::Restart => self.restart().await,
            Step::LoseState | Step::DeleteState => self.lose_state(*step == Step::LoseState).await,
            Step::Run(kind) => self.run(kind).await?,
        }
        Ok(())
    }

    async fn restart(&mut self) {
        self.journal.close().await;
        self.journal = open(&self.state()).await;
        self.options.clients = sync::Clients::default();
    }

    async fn lose_state(&mut self, is_garbage: bool) {
        self.journal.close().await;
        for name in ["state.db", "state.db-wal", "state.db-shm"] {
            let _ = std::fs::remove_file(self.folder.path().join(name));
        }
        if is_garbage {
            std::fs::write(self.state(), b"not a database at all").expect("written");
        }
        self.journal = open(&self.state()).await;
        self.options.clients = sync::Clients::default();
        self.model.forget(is_garbage);
        self.made.clear();
        self.held.clear();
    }

    fn digest(&self, back: usize) -> Option<String> {
        let position = self.held.len().checked_sub(back + 1)?;
        self.held.get(position).cloned()
    }

    async fn approve(&mut self, back: usize, days_ahead: i64) {
        let Some(text) = self.digest(back) else { return };
        let digest = Digest::parse(&text).expect("a digest");
        let at = Utc::now() + TimeDelta::days(days_ahead);
        let given = self.journal.approve(&digest, &"zoe".into(), at, at + TimeDelta::days(1)).await;
        if given.is_ok() && days_ahead >= 0 {
            self.model.given.insert(text);
        }
    }

    async fn run(&mut self, kind: &RunKind) -> Result<(), Violation> {
        match kind {
            RunKind::Full => self.one(Coverage::Everything, request(RunMode::Apply)).await.map(drop),
            RunKind::User(login) => {
                let scope = Scope { users: vec![login.clone()], groups: Vec::new() };
                let request = RunRequest { scope, ..request(RunMode::Apply) };
                self.one(Coverage::User(lower(login)), request).await.map(drop)
            }
            RunKind::Group(group) => {
                let scope = Scope { users: Vec::new(), groups: vec![OperatorGroupName::new(group.as_str())] };
                let request = RunRequest { scope, ..request(RunMode::Apply) };
                self.one(Coverage::Group(lower(group)), request).await.map(drop)
            }
            RunKind::Dry => self.one(Coverage::Everything, request(RunMode::DryRun)).await.map(drop),
            RunKind::DryThenFull => self.dry_then_full().await,
            RunKind::Approving(back) => {
                let digest = self.digest(*back);
                self.approving(digest).await.map(drop)
            }
            RunKind::Killed { call, skip, is_carried_out } => self.killed(call, *skip, *is_carried_out).await,
            RunKind::Undo(back) => self.undo(*back).await,
        }
    }

    /// One run, judged.
    async fn one(&mut self, coverage: Coverage, request: RunRequest) -> Result<RunReport, Violation> {
        let before = self.view();
        self.sandbox.clear_requests();
        let report = sync::run(&self.options, &self.journal, &request, &Watcher::none()).await;
        let is_full = matches!(coverage, Coverage::Everything);
        self.judged(coverage, request.mode == RunMode::DryRun, &before, Some(&report))?;
        self.recorded(&report, is_full).await?;
        Ok(report)
    }

    /// Judges a run, and takes note of it.
    fn judged(
        &mut self,
        coverage: Coverage,
        is_dry: bool,
        before: &View,
        report: Option<&RunReport>,
    ) -> Result<(), Violation> {
        let after = self.view();
        let faults = self.sandbox.faults();
        let without_users =
            faults.iter().filter(|fault| is_without_users(&fault.fault)).map(|fault| fault.disturbed).sum();
        let is_cut = without_users > std::mem::replace(&mut self.pages_without_users, without_users);
        let requests = self.sandbox.requests();
        let writes = requests.iter().filter(|request| request.call == "write").count();
        self.listings += requests.iter().filter(|request| request.call == "groups" && request.page == Some(0)).count();
        self.counts.runs += 1;
        self.counts.writes += writes;
        let outcome = report.map_or("killed", |report| report.outcome.as_str());
        *self.counts.outcomes.entry(outcome).or_default() += 1;
        let is_disturbed = self.is_disturbed;
        let is_deceived = self.is_disturbed && self.sandbox.faults().iter().any(|fault| is_deceiving(&fault.fault));
        let run =
            RunFacts { coverage, is_dry, before, after: &after, report, is_disturbed, is_deceived, is_cut, writes };
        self.counts.removals += run.lost().iter().filter(|pair| run.is_free(&Key::remove(pair))).count();
        self.model.judge(&run)?;
        self.model.learn(&run);
        if let Some(report) = report {
            let digest = report.instances.first().and_then(|instance| instance.held.clone());
            self.held.extend(digest.filter(|digest| self.held.last() != Some(digest)));
            if !is_dry {
                self.made.push(Made { run: report.run.clone(), gained: run.gained(), lost: run.lost() });
            }
        }
        Ok(())
    }

    /// The history says the same as the report, and the access record the same as the world.
    async fn recorded(&self, report: &RunReport, is_full: bool) -> Result<(), Violation> {
        const PROMISE: &str = "record and report agree";
        let stored = self.journal.run(&report.run).await.expect("readable");
        let Some(stored) = stored else { return broken(PROMISE, format!("run {} is not recorded", report.run)) };
        let lines = |report: &RunReport| -> Vec<_> {
            let changes = report.instances.iter().flat_map(|instance| &instance.changes);
            let mut lines: Vec<_> = changes.map(|change| (key(change), change.outcome.as_str())).collect();
            lines.sort();
            lines
        };
        if lines(report) != lines(&stored) || report.outcome != stored.outcome {
            let (told, stored) = (lines(report), lines(&stored));
            return broken(PROMISE, format!("the report says {told:?}, the history {stored:?}"));
        }
        let is_all = [Outcome::InSync, Outcome::Applied, Outcome::Held, Outcome::Partial].contains(&report.outcome);
        if report.mode != RunMode::Apply || !is_all || self.is_disturbed {
            return Ok(());
        }
        let (view, now) = (self.view(), Utc::now() + TimeDelta::seconds(1));
        let claims = self.model.claims(&view);
        let access = self.journal.access(now, now, MemberDetail::Cause).await.expect("readable");
        let matched = report.instances.iter().flat_map(|instance| &instance.matched_profiles);
        let matched: Vec<String> = matched.map(|profile| lower(&profile.group)).collect();
        for group in access.iter().flat_map(|instance| &instance.groups) {
            let name = lower(&group.group);
            if !matched.contains(&name) || report.undo_of.is_some() || report.source.read.is_none() {
                continue;
            }
            // That a group is gone, or has two profiles and is left alone, is recorded by a run over everything.
            let is_left_alone = claims.get(&name).is_none_or(|profiles| profiles.len() > 1);
            if !is_full && (is_left_alone || !view.groups.contains(&name)) {
                continue;
            }
            let recorded: std::collections::BTreeSet<String> = group.logins().map(lower).collect();
            if recorded != view.members_of(&name) {
                let now = view.members_of(&name);
                return broken(
                    "access record and world agree",
                    format!("{name} has {now:?}, recorded are {recorded:?}"),
                );
            }
        }
        Ok(())
    }

    async fn approving(&mut self, digest: Option<String>) -> Result<RunReport, Violation> {
        let approve: Vec<Digest> = digest.iter().filter_map(|digest| Digest::parse(digest)).collect();
        self.model.given.extend(digest);
        self.one(Coverage::Everything, RunRequest { approve, ..request(RunMode::Apply) }).await
    }

    /// A dry run says what the run right after it does.
    async fn dry_then_full(&mut self) -> Result<(), Violation> {
        let dry = self.one(Coverage::Everything, request(RunMode::DryRun)).await?;
        let real = self.one(Coverage::Everything, request(RunMode::Apply)).await?;
        if self.is_disturbed {
            return Ok(());
        }
        let plan = |report: &RunReport| -> Vec<_> {
            let changes = report.instances.iter().flat_map(|instance| &instance.changes);
            let mut plan: Vec<_> = changes.map(|change| (key(change), change.outcome == ChangeOutcome::Held)).collect();
            plan.sort();
            plan
        };
        let held = |report: &RunReport| report.instances.first().and_then(|instance| instance.held.clone());
        if plan(&dry) == plan(&real) && held(&dry) == held(&real) {
            return Ok(());
        }
        let sentence = format!(
            "the dry run said {:?} ({:?}), the run did {:?} ({:?})",
            plan(&dry),
            held(&dry),
            plan(&real),
            held(&real)
        );
        broken("a dry run says what the next run does", sentence)
    }

    /// A run whose process dies while it waits for a response.
    async fn killed(&mut self, call: &str, skip: u32, is_carried_out: bool) -> Result<(), Violation> {
        const LONG_MS: u64 = 600_000;
        let before = self.view();
        self.sandbox.clear_requests();
        let number = self.sandbox.faults().len();
        let effect = if is_carried_out { Effect::Drip { ms: LONG_MS } } else { Effect::Delay { ms: LONG_MS } };
        self.sandbox.inject(Fault::new(call, effect).skip(skip));
        let report = {
            let request = request(RunMode::Apply);
            let watcher = Watcher::none();
            let run = sync::run(&self.options, &self.journal, &request, &watcher);
            let is_reached = async {
                self.sandbox.until_disturbed(number).await;
                // The rest of the sandbox's work on this call.
                for _ in 0..64 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                report = run => Some(report),
                () = is_reached => None,
            }
        };
        let mut faults = self.sandbox.faults();
        faults.remove(number);
        self.sandbox.clear_faults();
        for fault in faults {
            self.sandbox.inject(fault.fault);
        }
        if report.is_none() {
            self.restart().await;
        }
        self.pages_without_users = 0;
        self.judged(Coverage::Everything, false, &before, report.as_ref())
    }

    async fn undo(&mut self, back: usize) -> Result<(), Violation> {
        let Some(made) = self.made.len().checked_sub(back + 1).and_then(|position| self.made.get(position)).cloned()
        else {
            return Ok(());
        };
        let before = self.view();
        self.sandbox.clear_requests();
        let (stop, watcher) = (Stop::never(), Watcher::none());
        let report = sync::undo(&self.options, &self.journal, &made.run, RunMode::Apply, &stop, &watcher).await;
        let report = report.expect("a recorded run");
        let coverage = Coverage::Undo { gained: made.gained, lost: made.lost };
        self.judged(coverage, false, &before, Some(&report))?;
        self.recorded(&report, false).await
    }

    /// Without faults three runs converge, and the fourth writes nothing; then the record is whole.
    async fn converge(&mut self, end: End) -> Result<(), Violation> {
        self.step(&Step::Calm).await?;
        for number in 0..4 {
            let digest = self.digest(0).filter(|_| end.approves && number < 3);
            let report = self.approving(digest).await?;
            let writes = self.sandbox.requests().iter().filter(|request| request.call == "write").count();
            if number == 3 && writes > 0 {
                let sentence = format!("the fourth run sent {writes} writes: {:?}", report.instances);
                return broken("after faults stop, runs converge", sentence);
            }
            let is_held = end.approves && report.instances.iter().any(|instance| instance.held.is_some());
            if writes == 0 && !is_held && !end.is_thorough {
                break;
            }
        }
        let verification = self.journal.verify(None).await.expect("readable");
        if !verification.is_whole() {
            return broken("the record is whole", format!("{:?}", verification.faults));
        }
        Ok(())
    }
}
