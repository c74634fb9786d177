//! What the model remembers of a run: no more than the program has to remember.

use std::collections::BTreeSet;

use campaign_group_sync::domain::{ChangeOutcome, RunReport, SourceKind};

use super::{
    model::{Accepted, Key, Model, Situation},
    verdict::{RunFacts, key},
    view::View,
};

impl Model {
    /// Takes note of what a run saw and did.
    pub(super) fn learn(&mut self, run: &RunFacts<'_>) {
        if !run.is_undo() {
            self.end_contradicted(run.before);
        }
        if run.is_deceived {
            // The run may have seen that the organization does not give it any more.
            self.undone.retain(Key::is_removal);
        }
        self.remember_holds(run);
        if run.is_dry {
            return;
        }
        self.remember_approvals(run);
        self.remember_undone(run);
        if !run.is_full() {
            return;
        }
        if run.report.is_none() {
            // The run may have died after it had accepted what it read.
            if self.surplus(run.before).is_empty() {
                (self.is_lost, self.accepted) = (false, None);
            }
        } else if run.is_success() {
            self.accept(run);
            self.remember_profiles(run);
            self.remember_people(run);
        }
    }

    /// An undo, and an approval in use, end when the organization wants something else.
    fn end_contradicted(&mut self, view: &View) {
        let contradicted = |key: &Key| match key.op.as_str() {
            "add" => !self.gives(view, &key.pair()) || view.members.contains(&key.pair()),
            "remove" => self.may_give(view, &key.pair()) || !view.members.contains(&key.pair()),
            _ => false,
        };
        let ended: Vec<Key> = self.undone.iter().filter(|key| contradicted(key)).cloned().collect();
        for key in ended {
            self.undone.remove(&key);
        }
    }

    fn remember_holds(&mut self, run: &RunFacts<'_>) {
        let Some(instance) = run.report.and_then(|report| report.instances.first()) else { return };
        let Some(digest) = &instance.held else { return };
        let of = |outcomes: &'static [ChangeOutcome]| {
            instance.changes.iter().filter(move |change| outcomes.contains(&change.outcome)).map(key)
        };
        let keys: BTreeSet<Key> = of(&[ChangeOutcome::Held]).collect();
        // A digest stands for the members after all other changes of the plan: those of a dry run, and removals that a second
        // read did not confirm, are not made yet.
        let mut view = run.after.clone();
        let planned = of(&[ChangeOutcome::Pending]).filter(|_| run.is_dry).chain(of(&[ChangeOutcome::Unconfirmed]));
        for key in planned {
            match key.op.as_str() {
                "add" => drop(view.members.insert(key.pair())),
                "remove" => drop(view.members.remove(&key.pair())),
                _ => {}
            }
        }
        // What a deceived run saw is not known: its digest stands for other members.
        let groups = keys.iter().map(|key| &key.group).filter(|group| !group.is_empty() && !run.is_deceived);
        let groups = groups.map(|group| (group.clone(), self.picture(&view, group))).collect();
        self.situations.insert(digest.clone(), Situation { keys, groups });
    }

    fn remember_approvals(&mut self, run: &RunFacts<'_>) {
        let made: BTreeSet<Key> = match run.report {
            Some(_) => run.changes().iter().filter(|change| change.outcome.is_in_place()).map(key).collect(),
            None => run.gained().iter().map(Key::add).chain(run.lost().iter().map(Key::remove)).collect(),
        };
        let used: Vec<String> = self
            .given
            .iter()
            .filter(|digest| match run.report {
                Some(_) => is_used(run.report, digest),
                None => self.situations.get(*digest).is_some_and(|held| !held.keys.is_disjoint(&made)),
            })
            .cloned()
            .collect();
        for digest in used {
            if let Some(held) = self.situations.get(&digest) {
                self.begun.extend(held.keys.iter().cloned());
            }
            let is_begun = run.changes().iter().any(|change| change.approved_by.is_some() && change.outcome.is_seen());
            if run.report.is_some() && is_begun {
                self.given.remove(&digest);
            }
        }
        if run.report.is_some() && !run.is_disturbed {
            self.begun.retain(|key| !made.contains(key));
        }
        self.undone.retain(|key| !made.contains(key));
    }

    fn remember_undone(&mut self, run: &RunFacts<'_>) {
        if !run.is_undo() || run.report.is_none() {
            return;
        }
        for change in run.changes().iter().filter(|change| change.outcome == ChangeOutcome::Applied) {
            let key = key(change);
            match key.op.as_str() {
                "add" => drop(self.undone.insert(Key::remove(&key.pair()))),
                "remove" => drop(self.undone.insert(Key::add(&key.pair()))),
                _ => {}
            }
        }
    }

    fn accept(&mut self, run: &RunFacts<'_>) {
        let counts_users = run.report.is_some_and(|report| report.source.read == Some(SourceKind::Organization));
        let waits = |change: &&campaign_group_sync::domain::ChangeReport| {
            let is_released = change.approved_by.is_some();
            key(change).is_removal()
                && !is_released
                && matches!(change.outcome, ChangeOutcome::Held | ChangeOutcome::Unconfirmed)
        };
        let is_waiting = run.changes().iter().any(|change| waits(&change));
        if is_waiting && self.doubt_of_all(run.before, counts_users).is_some() {
            return;
        }
        let before = self.accepted.take();
        self.is_lost = false;
        self.accepted = Some(Accepted {
            mask: self.config.mask.text(),
            direct_only: self.config.direct_only,
            manage_all: self.config.manage_all,
            users: if counts_users { Some(run.before.users()) } else { before.and_then(|before| before.users) },
            profiles: self.claims(run.before).values().map(BTreeSet::len).sum(),
        });
    }

    fn remember_profiles(&mut self, run: &RunFacts<'_>) {
        let view = run.before;
        let waiting: BTreeSet<String> = run
            .changes()
            .iter()
            .filter(|change| matches!(change.outcome, ChangeOutcome::Held | ChangeOutcome::Unconfirmed))
            .map(|change| key(change).group)
            .collect();
        let passed: BTreeSet<String> = run
            .changes()
            .iter()
            .filter(|change| change.approved_by.is_some() || change.outcome.is_seen())
            .map(|change| key(change).group)
            .collect();
        for (id, name) in &view.profiles {
            let group = self.config.mask.group(name).filter(|group| view.groups.contains(group));
            let is_new = !self.names.contains_key(id);
            match group {
                Some(group) if self.profile_of(view, &group) == Some(*id) => {
                    let is_doubted = self.doubt_of_group(view, &group).is_some();
                    let is_settled = passed.contains(&group) && !waiting.contains(&group);
                    if !is_doubted || is_settled {
                        self.follows.insert(group, *id);
                        self.names.insert(*id, name.clone());
                    }
                }
                _ if is_new => drop(self.names.insert(*id, name.clone())),
                _ => {}
            }
        }
    }

    fn remember_people(&mut self, run: &RunFacts<'_>) {
        let view = run.before;
        let claimed: BTreeSet<u64> = self.claims(view).into_values().flatten().collect();
        for person in view.people.iter().filter(|person| person.is_active) {
            let has_profile = person.direct.iter().any(|id| claimed.contains(id));
            // A run that was deceived may have seen no profile.
            if has_profile && !run.is_deceived && self.is_managed(view, &person.login) {
                self.stands.insert(person.id.clone(), person.login.clone());
            }
        }
        // The operator belongs to the account that was seen with its login last.
        let is_passed_on = |id: &String, login: &String| {
            view.people.iter().any(|person| person.is_active && person.login == *login && person.id != *id)
        };
        self.stands.retain(|id, login| !is_passed_on(id, login));
    }
}

fn is_used(report: Option<&RunReport>, digest: &str) -> bool {
    let instance = report.and_then(|report| report.instances.first());
    instance.is_some_and(|instance| instance.approvals.iter().any(|note| note.digest == digest))
}
