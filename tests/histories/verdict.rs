//! The judgement of one run: each difference that it made in the world is wanted, allowed, and reported.

use std::collections::{BTreeMap, BTreeSet};

use campaign_group_sync::domain::{ChangeOutcome, ChangeReport, Outcome, RunReport};

use super::{
    model::{Key, Model, Situation},
    view::{Pair, View},
};

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Which promise: the same one as long as a history is shortened.
    pub(super) promise: &'static str,
    /// What happened, in a sentence.
    pub(super) sentence: String,
}

/// How much a run covers.
#[derive(Clone, Debug)]
pub(super) enum Coverage {
    Everything,
    User(String),
    Group(String),
    /// An undo of a run that made these differences.
    Undo {
        gained: BTreeSet<Pair>,
        lost: BTreeSet<Pair>,
    },
}

/// A run, seen from outside.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct RunFacts<'a> {
    pub(super) coverage: Coverage,
    pub(super) is_dry: bool,
    pub(super) before: &'a View,
    pub(super) after: &'a View,
    /// `None` if the process died.
    pub(super) report: Option<&'a RunReport>,
    /// Whether calls could be disturbed.
    pub(super) is_disturbed: bool,
    /// Whether a row could be hidden, which no other response tells of.
    pub(super) is_deceived: bool,
    /// Whether a page of the organization's users came without its users.
    pub(super) is_cut: bool,
    pub(super) writes: usize,
}

type Verdict = Result<(), Violation>;

fn broken(promise: &'static str, sentence: String) -> Verdict {
    Err(Violation { promise, sentence })
}

pub(super) fn key(change: &ChangeReport) -> Key {
    let name = |text: Option<&str>| super::view::lower(text.unwrap_or_default());
    Key {
        op: change.op.as_str().to_owned(),
        login: name(change.operator.as_deref()),
        group: name(change.group.as_deref()),
    }
}

impl RunFacts<'_> {
    pub(super) fn changes(&self) -> &[ChangeReport] {
        let instance = self.report.and_then(|report| report.instances.first());
        instance.map_or(&[], |instance| instance.changes.as_slice())
    }

    pub(super) fn gained(&self) -> BTreeSet<Pair> {
        self.after.members.difference(&self.before.members).cloned().collect()
    }

    pub(super) fn lost(&self) -> BTreeSet<Pair> {
        self.before.members.difference(&self.after.members).cloned().collect()
    }

    fn of(&self, key: &Key) -> Option<&ChangeReport> {
        self.changes().iter().find(|change| self::key(change) == *key)
    }

    /// Whether the report names no approval of this change; nothing is known of a run that died.
    pub(super) fn is_free(&self, key: &Key) -> bool {
        self.report.is_some() && !self.is_undo() && self.of(key).is_some_and(|change| change.approved_by.is_none())
    }

    pub(super) fn is_undo(&self) -> bool {
        matches!(self.coverage, Coverage::Undo { .. })
    }

    pub(super) fn is_full(&self) -> bool {
        matches!(self.coverage, Coverage::Everything)
    }

    /// Whether the organization and Campaign were read completely.
    pub(super) fn is_success(&self) -> bool {
        use Outcome::{Applied, ChangesPending, Held, InSync, Partial};
        let outcome = self.report.map(|report| report.outcome);
        outcome.is_some_and(|outcome| [Applied, ChangesPending, Held, InSync, Partial].contains(&outcome))
    }
}

impl Model {
    /// Judges one run.
    pub(super) fn judge(&self, run: &RunFacts<'_>) -> Verdict {
        Self::dry_run(run)?;
        self.incomplete_read(run)?;
        self.memberships(run)?;
        self.operators_and_groups(run)?;
        self.limits(run)?;
        self.approvals(run)?;
        Self::report(run)?;
        self.claims_to_be_in_sync(run)
    }

    fn dry_run(run: &RunFacts<'_>) -> Verdict {
        let campaign = |view: &View| (view.operators.clone(), view.groups.clone(), view.members.clone());
        if run.is_dry && (run.writes > 0 || campaign(run.before) != campaign(run.after)) {
            return broken("a dry run changes nothing", format!("a dry run sent {} writes", run.writes));
        }
        Ok(())
    }

    fn incomplete_read(&self, run: &RunFacts<'_>) -> Verdict {
        let is_used = run.writes > 0 || run.is_success();
        if run.is_cut && run.is_full() && !self.config.read_profiles && is_used {
            let outcome = run.report.map(|report| report.outcome);
            return broken("an incomplete read writes nothing", format!("the run ended as {outcome:?}"));
        }
        Ok(())
    }

    /// Whether the change was approved, as far as the model knows.
    fn is_released(&self, run: &RunFacts<'_>, key: &Key) -> bool {
        if run.report.is_some() {
            return run.of(key).is_some_and(|change| change.approved_by.is_some());
        }
        let of_digest = |digest: &String| self.situations.get(digest).is_some_and(|held| held.keys.contains(key));
        self.begun.contains(key) || self.given.iter().any(of_digest)
    }

    /// Why the change has to wait for an approval.
    fn must_wait(&self, run: &RunFacts<'_>, key: &Key) -> Option<String> {
        if run.is_undo() {
            return None;
        }
        let view = run.before;
        let counts_users = !self.config.read_profiles && run.is_full();
        let undone = self.undone.contains(key).then(|| "it was undone".to_owned());
        let of_all = || self.doubt_of_all(view, counts_users).filter(|_| key.is_removal());
        let orphan = || {
            let is_orphan = !key.group.is_empty() && !self.claims(view).contains_key(&key.group);
            (key.op == "remove" && is_orphan).then(|| "the profile of the group has vanished".to_owned())
        };
        undone.or_else(of_all).or_else(|| self.doubt_of_group(view, &key.group)).or_else(orphan)
    }

    fn memberships(&self, run: &RunFacts<'_>) -> Verdict {
        let view = run.before;
        for pair in run.lost() {
            let (login, group) = &pair;
            let what = format!("{login} lost {group}");
            self.place(run, &pair, &what)?;
            match &run.coverage {
                Coverage::Undo { gained, .. } if !gained.contains(&pair) => {
                    return broken("an undo takes back what its run made", format!("{what} in an undo"));
                }
                Coverage::Undo { .. } => continue,
                _ => {}
            }
            // The organization may have changed before the second read: that read shows it.
            if self.wants(view, &pair) || self.wants(run.after, &pair) && self.config.confirm_removals {
                return broken("no user loses what the organization gives", what);
            }
            self.waits(run, &Key::remove(&pair), &what)?;
        }
        for pair in run.gained() {
            let (login, group) = &pair;
            let what = format!("{login} gained {group}");
            self.place(run, &pair, &what)?;
            match &run.coverage {
                Coverage::Undo { lost, .. } if !lost.contains(&pair) => {
                    return broken("an undo takes back what its run made", format!("{what} in an undo"));
                }
                Coverage::Undo { .. } => continue,
                _ => {}
            }
            if !self.may_give(view, &pair) && !self.may_give(run.after, &pair) {
                return broken("no user gets what the organization does not give", what);
            }
            self.waits(run, &Key::add(&pair), &what)?;
        }
        Ok(())
    }

    fn waits(&self, run: &RunFacts<'_>, key: &Key, what: &str) -> Verdict {
        match self.must_wait(run, key) {
            Some(why) if !self.is_released(run, key) => {
                broken("what is in doubt waits for an approval", format!("{what} without an approval, though {why}"))
            }
            _ => Ok(()),
        }
    }

    /// A change concerns an operator and a group that the run may change.
    fn place(&self, run: &RunFacts<'_>, (login, group): &Pair, what: &str) -> Verdict {
        let view = run.before;
        let claims = self.claims(view);
        let is_followed = self.follows.contains_key(group) && self.config.empty_orphans;
        if claims.get(group).is_some_and(|ids| ids.len() > 1) && !run.is_undo() {
            return broken("a group of two profiles is left alone", what.to_owned());
        }
        if !claims.contains_key(group) && !is_followed && !run.is_undo() {
            return broken("foreign groups are untouched", what.to_owned());
        }
        let is_known = view.operators.contains_key(login);
        if self.is_protected(login) || is_known && !self.is_managed(view, login) {
            return broken("protected operators are untouched", what.to_owned());
        }
        match &run.coverage {
            Coverage::User(only) if only != login && !self.is_same_person(view, only, login) => {
                broken("a narrowed run changes nothing else", format!("{what} in a run over {only}"))
            }
            Coverage::Group(only) if only != group => {
                broken("a narrowed run changes nothing else", format!("{what} in a run over {only}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether one account has the first login now and had the second one before.
    fn is_same_person(&self, view: &View, now: &str, before: &str) -> bool {
        let of_person = view.people.iter().filter(|person| person.login == now);
        of_person.filter_map(|person| self.former.get(&person.id)).any(|logins| logins.contains(before))
    }

    fn operators_and_groups(&self, run: &RunFacts<'_>) -> Verdict {
        let (before, after) = (run.before, run.after);
        for group in after.groups.symmetric_difference(&before.groups) {
            let is_created = self.config.create_groups && after.groups.contains(group);
            if !is_created || !self.claims(before).contains_key(group) {
                return broken("foreign groups are untouched", format!("the group {group} came or went"));
            }
        }
        for (login, operator) in &after.operators {
            let Some(earlier) = before.operators.get(login) else {
                let is_given = before.people.iter().any(|person| person.is_active && person.login == *login);
                if !self.config.create_operators || !is_given {
                    return broken("no user gets what the organization does not give", format!("operator {login}"));
                }
                continue;
            };
            if earlier == operator {
                continue;
            }
            let what = format!("operator {login} was changed from {earlier:?} to {operator:?}");
            let is_member = after.members.iter().any(|(of, _)| of == login);
            let mut groups = before.groups.iter();
            let is_wanted = groups.any(|group| self.wants(before, &(login.clone(), group.clone())));
            if !self.config.disable_without_groups || !operator.is_disabled || is_member || is_wanted {
                return broken("operators change only where the configuration says so", what);
            }
            if !self.is_managed(before, login) || !earlier.is_ims {
                return broken("protected operators are untouched", what);
            }
            let key = Key { op: "disable_operator".to_owned(), login: login.clone(), group: String::new() };
            self.waits(run, &key, &what)?;
        }
        match before.operators.keys().find(|login| !after.operators.contains_key(*login)) {
            Some(login) => broken("operators are never deleted", format!("operator {login} is gone")),
            None => Ok(()),
        }
    }

    /// The numeric limits, of what went without an approval.
    fn limits(&self, run: &RunFacts<'_>) -> Verdict {
        let view = run.before;
        let claims = self.claims(view);
        let is_free = |key: &Key| !self.is_released(run, key);
        let lost: Vec<Pair> = run.lost().into_iter().filter(|pair| is_free(&Key::remove(pair))).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let planned = run.changes().iter().filter(|change| change.outcome != ChangeOutcome::Unconfirmed);
        let planned = planned.map(key).filter(Key::is_removal).count().max(lost.len());
        let managed = view.members.iter().filter(|(login, group)| {
            self.is_managed(view, login) && (claims.contains_key(group) || self.follows.contains_key(group))
        });
        let (managed, config) = (managed.count(), &self.config);
        let what = format!("{lost:?} went without an approval");
        if planned > config.max_removals {
            return broken("limits hold removals", format!("{what}: {planned} removals, max_removals is exceeded"));
        }
        if planned >= 4 && planned * 100 > config.removals_percent * managed && !run.is_undo() {
            return broken("limits hold removals", format!("{what}: {planned} removals of {managed} memberships"));
        }
        let mut by_group: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, group) in &lost {
            *by_group.entry(group).or_default() += 1;
        }
        for (group, leaving) in by_group {
            let members: Vec<_> =
                view.members_of(group).into_iter().filter(|login| self.is_managed(view, login)).collect();
            let comes = run.changes().iter().map(key).any(|key| key.op == "add" && key.group == group);
            let is_emptied = leaving >= members.len() && !comes && run.report.is_some();
            if is_emptied {
                return broken("limits hold removals", format!("{what}: {group} lost its last managed member"));
            }
            if members.len() >= 3 && leaving * 100 > config.group_percent * members.len() {
                return broken("limits hold removals", format!("{what}: {leaving} of {} in {group}", members.len()));
            }
        }
        Ok(())
    }

    /// The world as the run would have left it without approvals.
    fn without_released(&self, run: &RunFacts<'_>) -> View {
        let is_free = |key: &Key| !self.is_released(run, key);
        let mut view = run.before.clone();
        view.members.retain(|pair| !run.lost().contains(pair) || !is_free(&Key::remove(pair)));
        view.members.extend(run.gained().into_iter().filter(|pair| is_free(&Key::add(pair))));
        for (login, operator) in &run.after.operators {
            let key = Key { op: "create_operator".to_owned(), login: login.clone(), group: String::new() };
            if !view.operators.contains_key(login) && is_free(&key) {
                view.operators.insert(login.clone(), operator.clone());
            }
        }
        view
    }

    /// What was approved is what the digest stood for.
    fn approvals(&self, run: &RunFacts<'_>) -> Verdict {
        let Some(instance) = run.report.and_then(|report| report.instances.first()) else { return Ok(()) };
        let released = instance.changes.iter().filter(|change| change.approved_by.is_some());
        for change in released.filter(|change| change.outcome != ChangeOutcome::Held) {
            let key = key(change);
            if self.begun.contains(&key) {
                continue;
            }
            let notes = instance.approvals.iter().map(|note| &note.digest);
            let known: Vec<(&String, &Situation)> = notes
                .filter_map(|digest| self.situations.get_key_value(digest))
                .filter(|(_, held)| held.keys.contains(&key))
                .collect();
            if !known.iter().any(|(digest, _)| self.given.contains(*digest)) {
                let sentence = format!("{key:?} was released, and no valid approval names it");
                return broken("an approval releases what its digest stands for", sentence);
            }
            // A digest stands for the members as they are after the other changes of the run.
            let others = self.without_released(run);
            let is_as_held = |(_, held): &&(&String, &Situation)| {
                held.groups.iter().all(|(group, picture)| self.picture(&others, group) == *picture)
            };
            // A dry run makes none of its other changes.
            let is_comparable = !run.is_disturbed && !run.is_dry;
            if is_comparable && !known.iter().any(|one| is_as_held(&one)) {
                let groups = known.iter().flat_map(|(_, held)| held.groups.keys());
                let now: Vec<_> = groups.map(|group| (group, self.picture(&others, group))).collect();
                let sentence = format!(
                    "{key:?} was released, and the members of its group are not those that were approved: {known:?} in place \
                     of {now:?}"
                );
                return broken("an approval releases what its digest stands for", sentence);
            }
        }
        Ok(())
    }

    /// The report says what happened in the world.
    fn report(run: &RunFacts<'_>) -> Verdict {
        use ChangeOutcome::{Already, Applied, Failed, Held};
        const PROMISE: &str = "report and world agree";
        if run.report.is_none() || run.is_dry {
            return Ok(());
        }
        let differences =
            run.gained().iter().map(Key::add).chain(run.lost().iter().map(Key::remove)).collect::<Vec<_>>();
        for key in &differences {
            let outcome = run.of(key).map(|change| change.outcome);
            let is_told = match outcome {
                Some(Applied) => true,
                Some(Already | Failed) => run.is_disturbed,
                _ => false,
            };
            if !is_told {
                return broken(PROMISE, format!("{key:?} was made, and the report says {outcome:?}"));
            }
        }
        for change in run.changes() {
            let key = key(change);
            let (is_made, is_so) = match key.op.as_str() {
                "add" => (run.gained().contains(&key.pair()), run.after.members.contains(&key.pair())),
                "remove" => (run.lost().contains(&key.pair()), !run.after.members.contains(&key.pair())),
                "create_operator" => {
                    let exists = |view: &View| view.operators.contains_key(&key.login);
                    (!exists(run.before) && exists(run.after), exists(run.after))
                }
                "create_group" => {
                    let exists = |view: &View| view.groups.contains(&key.group);
                    (!exists(run.before) && exists(run.after), exists(run.after))
                }
                _ => {
                    let is_disabled = |view: &View| view.operators.get(&key.login).is_some_and(|one| one.is_disabled);
                    (!is_disabled(run.before) && is_disabled(run.after), is_disabled(run.after))
                }
            };
            let is_true = match change.outcome {
                Applied => is_made,
                Already => is_so,
                Held => !is_made,
                Failed if !run.is_disturbed => !is_so,
                _ => true,
            };
            if !is_true {
                return broken(PROMISE, format!("the report says {:?} of {key:?}, which is not so", change.outcome));
            }
        }
        let is_seen = |change: &ChangeReport| change.outcome.is_seen();
        if run.writes > 0 && !run.is_disturbed && !run.changes().iter().any(is_seen) {
            return broken(PROMISE, format!("{} writes were sent, and the report tells of none", run.writes));
        }
        Ok(())
    }

    /// A run that claims that all is done has done all.
    fn claims_to_be_in_sync(&self, run: &RunFacts<'_>) -> Verdict {
        let outcome = run.report.map(|report| report.outcome);
        let is_claimed = outcome == Some(Outcome::InSync) || outcome == Some(Outcome::Applied);
        if !is_claimed || !run.is_full() || run.is_dry || run.is_deceived {
            return Ok(());
        }
        let (missing, surplus) = (self.missing(run.after), self.surplus(run.after));
        if missing.is_empty() && surplus.is_empty() {
            return Ok(());
        }
        broken(
            "a run that says that all is done has done all",
            format!("the run says {outcome:?}; missing are {missing:?}, surplus are {surplus:?}"),
        )
    }
}
