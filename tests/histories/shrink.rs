//! Shortens a history that breaks a promise, and prints it as a scenario.

use campaign_group_sync::sandbox::{Change, Effect, Fault, Scenario};

use super::{
    on_this_thread,
    player::{End, Played, Steps, play},
    step::{RunKind, Step},
    verdict::Violation,
};

/// How often a history is played to shorten it.
const ATTEMPTS: usize = 200;

/// A history that breaks a promise, shortened.
pub(super) struct Counterexample {
    pub(super) violation: Violation,
    pub(super) first: Scenario,
    /// The steps, each with the number of requests for page 0 of the groups listing before it.
    pub(super) steps: Vec<(Step, usize)>,
    pub(super) end: End,
}

/// Leaves out steps as long as the same promise is broken.
pub(super) fn shortened(played: Played, end: End) -> Option<Counterexample> {
    let mut best = played;
    let mut violation = best.verdict.clone().err()?;
    let (mut attempts, mut length) = (0, best.steps.len().div_ceil(2));
    while length > 0 {
        let mut from = 0;
        while from < best.steps.len() && attempts < ATTEMPTS {
            let steps: Vec<Step> = best.steps.iter().map(|(step, _)| step.clone()).collect();
            let kept = steps.iter().take(from).chain(steps.iter().skip(from + length)).cloned().collect();
            attempts += 1;
            let again = on_this_thread(play(best.first.clone(), Steps::Given(kept), end));
            match &again.verdict {
                Err(other) if other.promise == violation.promise => {
                    violation = other.clone();
                    best = again;
                }
                _ => from += length,
            }
        }
        length /= 2;
    }
    Some(Counterexample { violation, first: best.first, steps: best.steps, end })
}

impl Counterexample {
    /// What is broken, and the history as the text of a scenario file; what a scenario cannot express is a comment.
    pub(super) fn described(&self) -> String {
        let Violation { promise, sentence } = &self.violation;
        let mut lines = vec![
            format!("# The promise \"{promise}\" is broken: {sentence}."),
            "# Save this as history.toml, serve it with `campaign-group-sync sandbox history.toml`, and do:".to_owned(),
        ];
        let has_run = |step: &Step| matches!(step, Step::Run(_));
        let mut runs = 0;
        for (number, (step, _)) in self.steps.iter().enumerate() {
            lines.push(format!("# {}. {}", number + 1, described(step, runs > 0)));
            runs += usize::from(has_run(step));
        }
        let approved = if self.end.approves { ", each approving what is held" } else { "" };
        lines.push(format!("# Then four runs without faults{approved}, unless the promise was broken before."));
        lines.push(toml::to_string(&self.scenario()).expect("a scenario"));
        lines.join("\n")
    }

    /// The history as a scenario: what happens between runs happens at the first call of the next one.
    pub(super) fn scenario(&self) -> Scenario {
        let mut scenario = self.first.clone();
        let mut has_run = false;
        for (step, listings) in &self.steps {
            match step {
                Step::World { changes, .. } if !has_run => scenario.changes.extend(changes.iter().cloned()),
                Step::World { changes, .. } => scenario.faults.push(later(changes, *listings)),
                Step::Disturb(fault) if !has_run => scenario.faults.push(fault.clone()),
                Step::Run(_) => has_run = true,
                _ => {}
            }
        }
        scenario
    }
}

fn later(changes: &[Change], listings: usize) -> Fault {
    let skip = u32::try_from(listings).expect("few");
    Fault::new("groups", Effect::Change { changes: changes.to_vec() }).page(0).skip(skip)
}

fn described(step: &Step, is_late: bool) -> String {
    match step {
        Step::World { kind, .. } if is_late => format!("{kind}: before the next run, as below"),
        Step::World { kind, .. } => format!("{kind}: as below"),
        Step::Configure(setting) => format!("configure {}", setting.described()),
        Step::Run(kind) => run(kind),
        Step::Approve { back, days_ahead } => {
            let clock = match days_ahead {
                0 => String::new(),
                days => format!(", by a clock that is {days} days ahead"),
            };
            format!("approve {}{clock}", digest(*back))
        }
        Step::Disturb(fault) if is_late => {
            format!("POST /sandbox/faults {{\"faults\": [{}]}}", serde_json::to_string(fault).expect("JSON"))
        }
        Step::Disturb(fault) => format!("the call {} is disturbed: as below", fault.call),
        Step::Calm => "DELETE /sandbox/faults: nothing is disturbed any more".to_owned(),
        Step::LoseState => "overwrite the state with garbage".to_owned(),
        Step::DeleteState => "delete the state".to_owned(),
        Step::Restart => "restart the daemon, where one runs".to_owned(),
    }
}

fn digest(back: usize) -> String {
    match back {
        0 => "the digest that was held last".to_owned(),
        back => format!("the digest that was held {back} digests before the last one"),
    }
}

fn run(kind: &RunKind) -> String {
    match kind {
        RunKind::Full => "--sync-now".to_owned(),
        RunKind::User(login) => format!("--sync-now --user {login}"),
        RunKind::Group(group) => format!("--sync-now --group {group}"),
        RunKind::Dry => "--sync-now --dry-run".to_owned(),
        RunKind::DryThenFull => "--sync-now --dry-run, and --sync-now right after it".to_owned(),
        RunKind::Approving(back) => format!("--sync-now --approve, with {}", digest(*back)),
        RunKind::Killed { call, skip, is_carried_out } => {
            let when =
                if *is_carried_out { "after Adobe or Campaign carried out" } else { "before anything is done by" };
            format!("--sync-now, killed {when} the call {call} (after {skip} of them)")
        }
        RunKind::Undo(back) => format!("undo --apply of the run {back} runs before the last one"),
    }
}
