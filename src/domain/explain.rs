//! Builds an explanation from what was read and decided. It decides nothing itself.

use std::collections::{BTreeMap, HashSet};

use super::{
    AccessRecord, AdobeUser, Approval, CampaignSnapshot, Change, ChangeKind, ChangeOutcome, DesiredState, Finding,
    FoldedName, GroupExplanation, HeldChange, History, InstanceExplanation, InstanceMode, LoginSet, MaskMatch, NextRun,
    NextRunAction, Operator, OperatorGroup, OperatorGroupName, OperatorLogin, Plan, Policy, ProductProfile,
    ProductProfileName, Review, Station, Verdict,
    explained_operator::{OperatorFacts, operator_findings},
    identity::{Identity, OperatorIndex, UsersRead},
    to_the_second,
};

/// What is known of the user in the organization.
#[derive(Clone, Copy, Debug)]
pub enum UserKnowledge<'a> {
    /// An active user.
    Active {
        /// The names on the user: product profiles, user groups and administrator groups.
        names: &'a [ProductProfileName],
        /// The names assigned to the user directly, not through a user group; `None` when that is unknown.
        direct: Option<&'a [ProductProfileName]>,
    },
    /// No active user has this e-mail address.
    NoUser,
    /// The organization could not be read.
    NotAsked,
}

/// The user that an explanation is about.
#[derive(Clone, Copy, Debug)]
pub struct ExplainedUser<'a> {
    /// The name in the request.
    pub asked: &'a str,
    /// The user; if the organization has no such user or could not be read, a user with the name in the request.
    pub user: &'a AdobeUser,
    /// What is known of the user in the organization.
    pub knowledge: UserKnowledge<'a>,
    /// All product profiles; empty if no groups listing is stored.
    pub listing: &'a [ProductProfile],
}

impl<'a> ExplainedUser<'a> {
    fn names(&self) -> &'a [ProductProfileName] {
        match self.knowledge {
            UserKnowledge::Active { names, .. } => names,
            UserKnowledge::NoUser | UserKnowledge::NotAsked => &[],
        }
    }
}

/// What was decided about this user in one instance.
#[derive(Clone, Copy, Debug)]
pub struct InstanceDecision<'a> {
    /// The desired state for this user.
    pub desired: &'a DesiredState,
    /// The plan for this user.
    pub plan: &'a Plan,
    /// Which changes of the plan may be applied.
    pub review: &'a Review,
}

/// What is known of one instance.
#[derive(Clone, Copy, Debug)]
pub struct ExplainedInstance<'a> {
    /// The rules of the instance.
    pub policy: &'a Policy,
    /// Whether runs write to it.
    pub mode: InstanceMode,
    /// The instance's operators and groups; `None` if Campaign could not be read.
    pub campaign: Option<&'a CampaignSnapshot>,
    /// What earlier runs read and decided.
    pub history: &'a History,
    /// What was decided, or why nothing could be decided.
    pub decided: Result<InstanceDecision<'a>, &'a str>,
    /// What is recorded about this user.
    pub record: &'a AccessRecord,
}

/// Explains one instance: the requested group, or each group that the user is in, should be in or was in.
pub fn explained(
    subject: &ExplainedUser<'_>,
    instance: &ExplainedInstance<'_>,
    asked: Option<&OperatorGroupName>,
) -> InstanceExplanation {
    let explainer = Explainer::new(subject, instance);
    let groups = asked.map_or_else(|| explainer.groups(), |group| vec![explainer.meant(group)]);
    InstanceExplanation {
        name: instance.policy.instance.to_string(),
        findings: explainer.operator_findings(),
        groups: groups.iter().map(|group| explainer.group(group)).collect(),
        record: instance.record.of_operator(),
    }
}

/// The findings about the user.
pub fn user_findings(subject: &ExplainedUser<'_>) -> Vec<Finding> {
    let (verdict, text) = match subject.knowledge {
        UserKnowledge::NotAsked => return Vec::new(),
        UserKnowledge::NoUser => {
            let text = format!(
                "the organization knows no active user \"{}\": the user was removed or disabled, has another e-mail address \
                 now, or never existed",
                subject.asked
            );
            (Verdict::No, text)
        }
        UserKnowledge::Active { names, .. } => {
            let id = subject.user.id().map(|id| format!(" (id {id})")).unwrap_or_default();
            let has = match names.len() {
                0 => "no profile and no group".to_owned(),
                1 => "1 profile or group".to_owned(),
                count => format!("{count} profiles and groups"),
            };
            (Verdict::Yes, format!("\"{}\" is a user of the organization{id} with {has}", subject.asked))
        }
    };
    vec![finding(Station::User, verdict, text)]
}

struct Explainer<'a> {
    subject: &'a ExplainedUser<'a>,
    instance: &'a ExplainedInstance<'a>,
    /// Which operator the user is; `None` if Campaign could not be read.
    identity: Option<Identity<'a>>,
}

impl<'a> Explainer<'a> {
    fn new(subject: &'a ExplainedUser<'a>, instance: &'a ExplainedInstance<'a>) -> Self {
        let read = UsersRead { users: std::iter::once(subject.user), logins: &LoginSet::default() };
        let identity = instance.campaign.map(|campaign| {
            let index = OperatorIndex::new(campaign, instance.policy.manage).remembering(instance.history, &read);
            index.identify(subject.user)
        });
        Self { subject, instance, identity }
    }

    /// The operators that belong, or may belong, to the user.
    fn operators(&self) -> Vec<&'a Operator> {
        match &self.identity {
            Some(
                Identity::Operator(operator)
                | Identity::Renamed(operator)
                | Identity::Undecided(operator)
                | Identity::NotManaged(operator),
            ) => vec![operator],
            Some(Identity::Ambiguous(operators) | Identity::LookAlike(operators)) => operators.clone(),
            Some(Identity::Reassigned(_) | Identity::Unknown | Identity::NoLogin) | None => Vec::new(),
        }
    }

    fn operator_findings(&self) -> Vec<Finding> {
        let (Some(identity), Some(campaign)) = (&self.identity, self.instance.campaign) else { return Vec::new() };
        operator_findings(&OperatorFacts {
            user: self.subject.user,
            knowledge: self.subject.knowledge,
            policy: self.instance.policy,
            campaign,
            identity,
        })
    }

    /// The groups that the user's profiles map to, the groups that follow or followed a profile and contain the
    /// operator, and the groups in the access record; by folded name.
    fn groups(&self) -> Vec<OperatorGroupName> {
        let wanted = self.subject.names().iter().filter_map(|name| self.captured(name.as_str()));
        let desired = self.instance.decided.map(|decided| decided.desired).ok();
        let managed = desired.into_iter().flat_map(|desired| desired.groups.iter().map(|group| &group.name));
        let orphaned = desired.into_iter().flat_map(|desired| desired.orphans.iter().map(|orphan| &orphan.name));
        let followed = self.instance.history.known.groups().iter().map(|followed| &followed.group);
        let has = |name: &&OperatorGroupName| self.is_member(name) == Some(true);
        let groups = followed.chain(managed).chain(orphaned).filter(has).cloned();
        let recorded = self.instance.record.groups().into_values();
        let by_name: BTreeMap<FoldedName, OperatorGroupName> =
            recorded.chain(wanted).chain(groups).map(|group| (group.folded(), group)).collect();
        by_name.into_values().collect()
    }

    /// The group for a requested name, which may be the name of a product profile.
    fn meant(&self, asked: &OperatorGroupName) -> OperatorGroupName {
        let is_known = self.target(asked).is_some() || self.instance.record.groups().contains_key(&asked.folded());
        if is_known { asked.clone() } else { self.captured(asked.as_str()).unwrap_or_else(|| asked.clone()) }
    }

    fn captured(&self, profile: &str) -> Option<OperatorGroupName> {
        match self.instance.policy.mask.matches(profile) {
            MaskMatch::Group(group) => Some(group),
            MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
        }
    }

    fn target(&self, name: &OperatorGroupName) -> Option<&'a OperatorGroup> {
        self.instance.campaign?.groups().iter().find(|group| group.name.folded() == name.folded())
    }

    /// Whether one of the operators is in the group; `None` if Campaign could not be read.
    fn is_member(&self, name: &OperatorGroupName) -> Option<bool> {
        let campaign = self.instance.campaign?;
        let Some(group) = self.target(name) else { return Some(false) };
        Some(self.operators().iter().any(|operator| campaign.holds(group.id, operator.id)))
    }

    /// Whether the user has a profile of the group; `None` if the organization could not be read, or no profile maps to
    /// the group.
    fn is_wanted(&self, name: &OperatorGroupName) -> Option<bool> {
        let profiles = self.profiles_of(name);
        let has = |profile: &&ProductProfile| has_name(self.subject.names(), &profile.name);
        match self.subject.knowledge {
            _ if profiles.is_empty() => None,
            UserKnowledge::NotAsked => None,
            UserKnowledge::NoUser => Some(false),
            UserKnowledge::Active { .. } => Some(profiles.iter().any(has)),
        }
    }

    /// The listed profiles that map to a group.
    fn profiles_of(&self, name: &OperatorGroupName) -> Vec<&'a ProductProfile> {
        let stands = |profile: &&ProductProfile| self.stands_for(profile.name.as_str(), name);
        self.subject.listing.iter().filter(stands).collect()
    }

    fn stands_for(&self, profile: &str, name: &OperatorGroupName) -> bool {
        self.captured(profile).is_some_and(|group| group.folded() == name.folded())
    }

    fn group(&self, name: &OperatorGroupName) -> GroupExplanation {
        let mut findings = self.profile_findings(name);
        findings.push(self.group_finding(name));
        let change = self.planned(name);
        findings.extend(change.and_then(|change| self.guard_finding(change)));
        findings.push(self.past_finding(name));
        let next_run = self.next_run(name, change);
        findings.push(finding(Station::NextRun, Verdict::Note, next_run.text.clone()));
        let group = self.target(name).map_or_else(|| name.to_string(), |group| group.name.to_string());
        GroupExplanation {
            group,
            is_member: self.is_member(name),
            is_wanted: self.is_wanted(name),
            findings,
            record: self.instance.record.of_group(&name.folded()),
            next_run,
        }
    }

    /// Findings about the profiles that map to a group: whether and how the user has them, and what the mask maps them
    /// to.
    fn profile_findings(&self, name: &OperatorGroupName) -> Vec<Finding> {
        let profiles = self.profiles_of(name);
        let listed: HashSet<FoldedName> = profiles.iter().map(|profile| profile.name.folded()).collect();
        let mask = self.instance.policy.mask.as_str();
        let mut findings = Vec::new();
        for profile in &profiles {
            findings.push(self.profile_finding(&profile.name));
            let text = format!("the association mask \"{mask}\" maps \"{}\" to \"{name}\"", profile.name);
            findings.push(finding(Station::Mask, Verdict::Yes, text));
        }
        for ghost in self.subject.names() {
            if self.stands_for(ghost.as_str(), name) && !listed.contains(&ghost.folded()) {
                findings.push(self.unlisted_finding(ghost));
            }
        }
        if findings.is_empty() {
            let text =
                format!("no product profile that \"{mask}\" matches stands for group \"{name}\": it is not managed");
            findings.push(finding(Station::Mask, Verdict::No, text));
        }
        findings
    }

    fn unlisted_finding(&self, name: &ProductProfileName) -> Finding {
        if self.subject.listing.is_empty() {
            let text = format!("has \"{name}\"; the first run finds out whether that is a product profile");
            return finding(Station::Profile, Verdict::Unknown, text);
        }
        let text = format!("\"{name}\" is on the user and not in the listing of product profiles: ignored");
        finding(Station::Profile, Verdict::No, text)
    }

    fn profile_finding(&self, profile: &ProductProfileName) -> Finding {
        let (verdict, text) = match self.subject.knowledge {
            UserKnowledge::NotAsked => {
                (Verdict::Unknown, format!("not known whether the user has product profile \"{profile}\""))
            }
            UserKnowledge::Active { names, direct } if has_name(names, profile) => {
                let how = match direct.map(|direct| has_name(direct, profile)) {
                    Some(true) => ", given directly",
                    Some(false) => " through a user group",
                    None => "",
                };
                (Verdict::Yes, format!("has product profile \"{profile}\"{how}"))
            }
            UserKnowledge::Active { .. } | UserKnowledge::NoUser => {
                (Verdict::No, format!("does not have product profile \"{profile}\""))
            }
        };
        finding(Station::Profile, verdict, text)
    }

    fn group_finding(&self, name: &OperatorGroupName) -> Finding {
        let (verdict, text) = match (self.is_member(name), self.target(name)) {
            (None, _) => (Verdict::Unknown, self.last_seen(name)),
            (_, None) => (Verdict::No, format!("Campaign has no operator group \"{name}\"")),
            (Some(true), Some(group)) => (Verdict::Yes, format!("is in operator group \"{}\"", group.name)),
            (Some(false), Some(group)) => (Verdict::No, format!("is not in operator group \"{}\"", group.name)),
        };
        finding(Station::OperatorGroup, verdict, text)
    }

    /// What the access record says about a membership when Campaign could not be read.
    fn last_seen(&self, name: &OperatorGroupName) -> String {
        match self.instance.record.current_period(&name.folded()) {
            Some(stay) => format!(
                "not known now; the last run that read Campaign saw the operator in \"{name}\", a member since {}",
                to_the_second(stay.since)
            ),
            None => format!("not known now; the last run that read Campaign saw no such operator in \"{name}\""),
        }
    }

    /// Folded logins that the plan may use for the user.
    fn logins(&self) -> HashSet<FoldedName> {
        let operators = self.operators();
        let logins = operators.iter().map(|operator| operator.login.folded());
        logins.chain(self.subject.user.names().map(FoldedName::new)).collect()
    }

    fn planned(&self, name: &OperatorGroupName) -> Option<&'a Change> {
        let logins = self.logins();
        let of_user = |change: &&Change| {
            change.group().is_some_and(|group| group.folded() == name.folded())
                && change.operator().is_some_and(|operator| logins.contains(&operator.folded()))
        };
        self.instance.decided.ok()?.plan.changes.iter().find(of_user)
    }

    fn held(&self, change: &Change) -> Option<&'a HeldChange> {
        let held = &self.instance.decided.ok()?.review.held;
        held.changes.iter().find(|held| held.change.key() == change.key())
    }

    fn guard_finding(&self, change: &Change) -> Option<Finding> {
        let held = self.held(change)?;
        Some(finding(Station::Guard, Verdict::No, format!("a guard holds the change: {}", held.why)))
    }

    fn past_finding(&self, name: &OperatorGroupName) -> Finding {
        let Some(past) = self.instance.record.last_change(&name.folded()) else {
            let text = "no run has changed this membership".to_owned();
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

    fn next_run(&self, name: &OperatorGroupName, change: Option<&Change>) -> NextRun {
        if let Err(why) = self.instance.decided {
            return next_run(NextRunAction::Unknown, format!("not known: {why}"));
        }
        let Some(change) = change else { return self.nothing(name) };
        if self.held(change).is_some() {
            return self.waiting(change);
        }
        let operator = change.operator().map(OperatorLogin::as_str).unwrap_or_default();
        let (does, text) = match change.kind() {
            ChangeKind::Remove => {
                let text = format!("removes \"{operator}\", if a second read of the profile confirms it");
                (NextRunAction::Remove, text)
            }
            _ => (NextRunAction::Add, format!("adds \"{operator}\"")),
        };
        match self.instance.mode {
            InstanceMode::Apply => next_run(does, text),
            InstanceMode::Observe => {
                next_run(does, format!("writes nothing (mode = \"observe\"); with \"apply\" it {text}"))
            }
        }
    }

    /// Only a run over everything decides whether an approval releases a held change; this says what was approved.
    fn waiting(&self, change: &Change) -> NextRun {
        let key = change.key();
        let names = |approval: &&Approval| approval.changes.iter().any(|approved| approved.key == key);
        let approved = self.instance.history.approvals.iter().find(names);
        let held = self.instance.record.held_under(&key);
        let text = match (approved, held) {
            (Some(Approval { digest, approver, .. }), _) => {
                format!("makes the change if exactly the situation is still held that {approver} approved as {digest}")
            }
            (None, Some(held)) => format!(
                "nothing, until the change is approved; it is held under {digest} since {since}; if these changes are right: \
                 campaign-group-sync approve {digest}",
                digest = held.digest,
                since = to_the_second(held.since)
            ),
            (None, None) => "holds the change; the report of that run names the digest to approve".to_owned(),
        };
        NextRun {
            digest: held.map(|held| held.digest.to_string()),
            held_since: held.map(|held| held.since),
            ..next_run(NextRunAction::Held, text)
        }
    }

    fn nothing(&self, name: &OperatorGroupName) -> NextRun {
        let (logins, group) = (self.logins(), FoldedName::new(name.as_str()));
        let mut notices = self.instance.decided.into_iter().flat_map(|decided| &decided.plan.skipped);
        let about = notices.find(|skipped| {
            logins.contains(&FoldedName::new(&skipped.subject)) || FoldedName::new(&skipped.subject) == group
        });
        match about {
            Some(skipped) => {
                next_run(NextRunAction::Skipped, format!("nothing ({}): {}", skipped.reason.as_str(), skipped.detail))
            }
            None => next_run(NextRunAction::Nothing, "nothing: it is as it should be".to_owned()),
        }
    }
}

fn has_name(names: &[ProductProfileName], profile: &ProductProfileName) -> bool {
    names.iter().any(|name| name.folded() == profile.folded())
}

fn next_run(does: NextRunAction, text: String) -> NextRun {
    NextRun { does, text, digest: None, held_since: None }
}

fn finding(station: Station, verdict: Verdict, text: String) -> Finding {
    Finding { station, verdict, text }
}
