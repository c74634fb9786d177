//! Makes an explanation from what was read and decided. Says what is so; decides nothing.

use std::collections::{BTreeMap, HashSet};

use super::{
    Approval, CampaignSnapshot, Change, ChangeKind, ChangeOutcome, DesiredState, Finding, FoldedName, GroupExplanation,
    HeldChange, History, InstanceExplanation, LoginSet, MaskMatch, Operator, OperatorGroup, OperatorGroupName,
    OperatorLogin, PastChange, Person, Plan, Policy, ProductProfile, ProductProfileName, Review, Station, Verdict,
    desired_state::subject,
    folded_name::spelled_out,
    identity::{Identity, OperatorIndex, PeopleRead},
    look_alikes::spellings,
    to_the_second,
};

/// What is known of the person an explanation is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Whom it is about, as asked.
    pub asked: &'a str,
    /// The user; for somebody whom the organization does not know, a person of the name that was asked for.
    pub person: &'a Person,
    /// The names on the user; `None` when the organization does not know the user.
    pub names: Option<&'a [ProductProfileName]>,
    /// Those given to the person, not through a user group; `None` when that is unknown.
    pub direct: Option<&'a [ProductProfileName]>,
    /// All product profiles.
    pub listing: &'a [ProductProfile],
}

/// What was read and decided in one instance.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// Its rules.
    pub policy: &'a Policy,
    /// What it holds.
    pub campaign: &'a CampaignSnapshot,
    /// What earlier runs saw.
    pub history: &'a History,
    /// What it should hold, of this person.
    pub desired: &'a DesiredState,
    /// The plan for this person.
    pub plan: &'a Plan,
    /// What of that may be made.
    pub review: &'a Review,
    /// The last change of each group, by folded name.
    pub past: &'a BTreeMap<FoldedName, PastChange>,
}

/// Explains one instance: the group that was asked for, or each group that the person has, should have or had.
pub fn explained(subject: &Subject<'_>, ground: &Ground<'_>, asked: Option<&OperatorGroupName>) -> InstanceExplanation {
    let explainer = Explainer::new(subject, ground);
    let groups = asked.map_or_else(|| explainer.groups(), |group| vec![group.clone()]);
    InstanceExplanation {
        name: ground.policy.instance.to_string(),
        findings: vec![explainer.operator_finding()],
        groups: groups.iter().map(|group| explainer.group(group)).collect(),
    }
}

/// The findings about the user and each of their profiles that a mask could be about.
pub fn user_findings(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(names) = subject.names else {
        let text = format!("the organization knows no active user \"{}\"", subject.asked);
        return vec![finding(Station::User, Verdict::No, text)];
    };
    let id = subject.person.id.as_deref().map(|id| format!(" (id {id})")).unwrap_or_default();
    let has = match names.len() {
        0 => "no profile and no group".to_owned(),
        1 => "1 profile or group".to_owned(),
        count => format!("{count} profiles and groups"),
    };
    let text = format!("\"{}\" is a user of the organization{id} with {has}", subject.asked);
    vec![finding(Station::User, Verdict::Yes, text)]
}

struct Explainer<'a> {
    subject: &'a Subject<'a>,
    ground: &'a Ground<'a>,
    identity: Identity<'a>,
}

impl<'a> Explainer<'a> {
    fn new(subject: &'a Subject<'a>, ground: &'a Ground<'a>) -> Self {
        let read = PeopleRead { people: std::iter::once(subject.person), logins: &LoginSet::default() };
        let index = OperatorIndex::new(ground.campaign, ground.policy.manage).remembering(ground.history, &read);
        Self { subject, ground, identity: index.identify(subject.person) }
    }

    /// The operators that the person is, or may be.
    fn operators(&self) -> Vec<&'a Operator> {
        match &self.identity {
            Identity::Operator(operator)
            | Identity::Renamed(operator)
            | Identity::Undecided(operator)
            | Identity::NotManaged(operator) => vec![operator],
            Identity::Ambiguous(operators) | Identity::LookAlike(operators) => operators.clone(),
            Identity::PassedOn(_) | Identity::Unknown | Identity::NoLogin => Vec::new(),
        }
    }

    fn operator_finding(&self) -> Finding {
        let (verdict, text) = match &self.identity {
            Identity::Operator(operator) => {
                let state = if operator.disabled { ", which is disabled" } else { "" };
                (Verdict::Yes, format!("is operator \"{}\"{state}", operator.login))
            }
            Identity::Renamed(operator) => {
                (Verdict::Yes, format!("was operator \"{}\" before a change of login, and still is", operator.login))
            }
            Identity::Undecided(operator) => {
                let text = format!(
                    "was operator \"{}\" before a change of login; whether another active user has that login now is not \
                     known yet, and the next run asks",
                    operator.login
                );
                (Verdict::Unknown, text)
            }
            Identity::PassedOn(operator) => {
                let text = format!(
                    "was operator \"{}\" before a change of login; another active user has that login now, so the operator \
                     is that user's",
                    operator.login
                );
                (Verdict::No, text)
            }
            Identity::NotManaged(operator) => {
                let text = format!("operator \"{}\" does not log on through Adobe: never touched", operator.login);
                (Verdict::No, text)
            }
            Identity::Ambiguous(operators) => {
                let logins = operators.iter().map(|operator| format!("\"{}\"", operator.login)).collect::<Vec<_>>();
                (Verdict::No, format!("answers to several operators: {}; none of them is touched", logins.join(", ")))
            }
            Identity::LookAlike(operators) => {
                let logins: Vec<_> = operators.iter().map(|operator| operator.login.as_str()).collect();
                let text = format!(
                    "no operator has this login, {}; {} looks the same and is not taken for it",
                    spelled_out(&subject(self.subject.person)),
                    spellings(&logins)
                );
                (Verdict::No, text)
            }
            Identity::Unknown => (Verdict::No, "no operator has this login: the first logon creates it".to_owned()),
            Identity::NoLogin => (Verdict::No, "the user has neither e-mail address nor user name".to_owned()),
        };
        finding(Station::Operator, verdict, text)
    }

    /// The groups that the person's profiles stand for, the managed ones that the operator is in, and those whose membership
    /// a run changed or tried to change; by folded name.
    fn groups(&self) -> Vec<OperatorGroupName> {
        let wanted = self.subject.names.unwrap_or_default().iter().filter_map(|name| self.captured(name.as_str()));
        let managed = self.ground.desired.groups.iter().map(|group| &group.name);
        let orphaned = self.ground.desired.orphans.iter().map(|orphan| &orphan.name);
        let past =
            self.ground.past.values().filter_map(|past| past.change.group.as_deref()).map(OperatorGroupName::new);
        let has = |name: &&OperatorGroupName| self.is_member(name);
        let groups = managed.chain(orphaned).filter(has).cloned();
        let by_name: BTreeMap<FoldedName, OperatorGroupName> =
            past.chain(wanted).chain(groups).map(|group| (group.folded(), group)).collect();
        by_name.into_values().collect()
    }

    fn captured(&self, profile: &str) -> Option<OperatorGroupName> {
        match self.ground.policy.mask.matches(profile) {
            MaskMatch::Group(group) => Some(group),
            MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
        }
    }

    fn target(&self, name: &OperatorGroupName) -> Option<&'a OperatorGroup> {
        self.ground.campaign.groups().iter().find(|group| group.name.folded() == name.folded())
    }

    fn is_member(&self, name: &OperatorGroupName) -> bool {
        let Some(group) = self.target(name) else { return false };
        self.operators().iter().any(|operator| self.ground.campaign.holds(group.id, operator.id))
    }

    fn group(&self, name: &OperatorGroupName) -> GroupExplanation {
        let mut findings = self.profile_findings(name);
        findings.push(self.group_finding(name));
        let change = self.planned(name);
        findings.extend(change.and_then(|change| self.guard_finding(change)));
        findings.push(self.past_finding(name));
        findings.push(self.next_run(name, change));
        let is_member = Some(self.is_member(name));
        let group = self.target(name).map_or_else(|| name.to_string(), |group| group.name.to_string());
        GroupExplanation { group, is_member, findings }
    }

    /// The profiles that stand for a group: whether the person has them, how, and what the mask makes of their names.
    fn profile_findings(&self, name: &OperatorGroupName) -> Vec<Finding> {
        let stands = |profile: &str| self.captured(profile).is_some_and(|group| group.folded() == name.folded());
        let profiles: Vec<_> = self.subject.listing.iter().filter(|profile| stands(profile.name.as_str())).collect();
        let listed: HashSet<FoldedName> = profiles.iter().map(|profile| profile.name.folded()).collect();
        let mut findings = Vec::new();
        for profile in &profiles {
            findings.push(self.profile_finding(&profile.name));
            let mask = self.ground.policy.mask.as_str();
            let text = format!("the association mask \"{mask}\" makes group \"{name}\" of \"{}\"", profile.name);
            findings.push(finding(Station::Mask, Verdict::Yes, text));
        }
        for ghost in self.subject.names.unwrap_or_default() {
            if stands(ghost.as_str()) && !listed.contains(&ghost.folded()) {
                let text = format!("\"{ghost}\" is on the user and not in the listing of product profiles: ignored");
                findings.push(finding(Station::Profile, Verdict::No, text));
            }
        }
        if findings.is_empty() {
            let mask = self.ground.policy.mask.as_str();
            let text =
                format!("no product profile that \"{mask}\" matches stands for group \"{name}\": it is not managed");
            findings.push(finding(Station::Mask, Verdict::No, text));
        }
        findings
    }

    fn profile_finding(&self, profile: &ProductProfileName) -> Finding {
        let on = |names: &[ProductProfileName]| names.iter().any(|name| name.folded() == profile.folded());
        let (verdict, text) = match (self.subject.names.is_some_and(on), self.subject.direct.map(on)) {
            (false, _) => (Verdict::No, format!("does not have product profile \"{profile}\"")),
            (true, Some(true)) => (Verdict::Yes, format!("has product profile \"{profile}\", given directly")),
            (true, Some(false)) => (Verdict::Yes, format!("has product profile \"{profile}\" through a user group")),
            (true, None) => (Verdict::Yes, format!("has product profile \"{profile}\"")),
        };
        finding(Station::Profile, verdict, text)
    }

    fn group_finding(&self, name: &OperatorGroupName) -> Finding {
        let (verdict, text) = match self.target(name) {
            None => (Verdict::No, format!("Campaign has no operator group \"{name}\"")),
            Some(group) if self.is_member(name) => (Verdict::Yes, format!("is in operator group \"{}\"", group.name)),
            Some(group) => (Verdict::No, format!("is not in operator group \"{}\"", group.name)),
        };
        finding(Station::OperatorGroup, verdict, text)
    }

    /// Folded logins under which the plan may speak of the person.
    fn logins(&self) -> HashSet<FoldedName> {
        let names = [&self.subject.person.email, &self.subject.person.user_name];
        let operators = self.operators();
        let logins = operators.iter().map(|operator| operator.login.folded());
        logins.chain(names.into_iter().flatten().map(|name| FoldedName::new(name))).collect()
    }

    fn planned(&self, name: &OperatorGroupName) -> Option<&'a Change> {
        let logins = self.logins();
        let of_person = |change: &&Change| {
            change.group().is_some_and(|group| group.folded() == name.folded())
                && change.operator().is_some_and(|operator| logins.contains(&operator.folded()))
        };
        self.ground.plan.changes.iter().find(of_person)
    }

    fn held(&self, change: &Change) -> Option<&'a HeldChange> {
        self.ground.review.held.changes.iter().find(|held| held.change.key() == change.key())
    }

    fn guard_finding(&self, change: &Change) -> Option<Finding> {
        let held = self.held(change)?;
        Some(finding(Station::Guard, Verdict::No, format!("a guard holds the change: {}", held.why)))
    }

    fn past_finding(&self, name: &OperatorGroupName) -> Finding {
        let Some(past) = self.ground.past.get(&name.folded()) else {
            let text = "the journal knows no change of this membership".to_owned();
            return finding(Station::LastChange, Verdict::Note, text);
        };
        let (change, at) = (&past.change, to_the_second(past.at));
        let what = match (change.op, change.outcome) {
            (ChangeKind::Add, ChangeOutcome::Applied) => "added".to_owned(),
            (ChangeKind::Remove, ChangeOutcome::Applied) => "removed".to_owned(),
            (op, outcome) => format!("{} {}", op.as_str(), outcome.as_str()),
        };
        let approved = change.approved_by.as_ref().map(|by| format!(", approved by {by}")).unwrap_or_default();
        let text = format!("{what} at {at} by run {}{approved}: {}", past.run, change.reason);
        finding(Station::LastChange, Verdict::Note, text)
    }

    fn next_run(&self, name: &OperatorGroupName, change: Option<&Change>) -> Finding {
        let Some(change) = change else {
            return finding(Station::NextRun, Verdict::Note, self.why_nothing(name));
        };
        let operator = change.operator().map(OperatorLogin::as_str).unwrap_or_default();
        let text = match (change.kind(), self.held(change)) {
            (_, Some(_)) => self.why_waiting(change),
            (ChangeKind::Remove, None) => {
                format!("removes \"{operator}\", if a second read of the profile bears it out")
            }
            (_, None) => format!("adds \"{operator}\""),
        };
        finding(Station::NextRun, Verdict::Note, text)
    }

    /// Whether a held change is approved is decided by a run over everything, so that this says only what was approved.
    fn why_waiting(&self, change: &Change) -> String {
        let key = change.key();
        let names = |approval: &&Approval| approval.changes.iter().any(|approved| approved.key == key);
        match self.ground.history.approvals.iter().find(names) {
            Some(Approval { digest, approver, .. }) => {
                format!("makes the change if exactly the situation is still held that {approver} approved as {digest}")
            }
            None => "nothing, until the held change is approved".to_owned(),
        }
    }

    fn why_nothing(&self, name: &OperatorGroupName) -> String {
        let (logins, group) = (self.logins(), FoldedName::new(name.as_str()));
        let mut notices = self.ground.plan.skipped.iter();
        let about = notices.find(|skipped| {
            logins.contains(&FoldedName::new(&skipped.subject)) || FoldedName::new(&skipped.subject) == group
        });
        match about {
            Some(skipped) => format!("nothing ({}): {}", skipped.reason.as_str(), skipped.detail),
            None => "nothing: it is as it should be".to_owned(),
        }
    }
}

fn finding(station: Station, verdict: Verdict, text: String) -> Finding {
    Finding { station, verdict, text }
}
