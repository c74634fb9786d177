//! A situation written as lists of names, and the input of a review for it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use campaign_group_sync::domain::{
    Action, Approval, ApprovalState, ApprovedChange, CampaignSnapshot, Change, DesiredState, EarlierHold,
    FollowedGroup, History, InstanceName, KnownProfiles, Limits, ManagedGroup, NewOperator, OperatorGroup,
    OperatorGroupId, OperatorGroupName, OperatorId, OperatorIds, OperatorLogin, OrphanGroup, Plan, ProductProfile,
    ProductProfileId, ProductProfileName, ProfileRead, Review, ReviewContext, SourceCounts, SourceRead,
    UnlistedAccounts, review,
};

use crate::support::operators::operator;

/// One operator group, its members and the users of its profile.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) profile: String,
    pub(crate) is_there: bool,
    pub(crate) is_orphan: bool,
    pub(crate) current: BTreeSet<String>,
    pub(crate) wanted: BTreeSet<String>,
}

/// Everything one review depends on. Logins that begin with `n` are users without operator.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    pub(crate) instance: String,
    pub(crate) groups: Vec<Group>,
    pub(crate) created: BTreeSet<String>,
    pub(crate) disables_leavers: bool,
    pub(crate) limits: Limits,
    pub(crate) counts: SourceCounts,
    pub(crate) read: Option<SourceRead>,
    pub(crate) history: History,
}

/// Limits that nothing exceeds.
pub(crate) fn wide() -> Limits {
    Limits {
        max_removals: 1000,
        max_removals_percent: 100,
        max_group_removals_percent: 100,
        max_new_operators: 1000,
        max_new_groups: 1000,
        max_source_shrink_percent: 20,
    }
}

fn names(list: &str) -> BTreeSet<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

/// `p1 p2 …`: this many logins.
pub(crate) fn logins(count: usize) -> String {
    (1..=count).map(|n| format!("p{n}")).collect::<Vec<_>>().join(" ")
}

/// A read of 100 users with these matches of (profile id, group).
pub(crate) fn source_read(users: Option<u64>, matched: &[(i64, &str)]) -> SourceRead {
    SourceRead {
        mask: "P - (.*)".into(),
        membership: "effective".into(),
        manage: "ims".into(),
        users,
        matched: matched
            .iter()
            .map(|(id, group)| FollowedGroup {
                group: OperatorGroupName::new(*group),
                group_id: None,
                profile_id: Some(ProductProfileId(*id)),
                profile: ProductProfileName::new(format!("P - {group}")),
            })
            .collect(),
        profiles: matched
            .iter()
            .map(|(id, group)| (ProductProfileId(*id), ProductProfileName::new(format!("P - {group}"))))
            .collect(),
        unlisted: UnlistedAccounts::default(),
    }
}

/// A change as these tests write it: `+ p1 one`, `- p1 one`, `disable p1`, `create n1`, `create group one`.
pub(crate) fn written(change: &Change) -> String {
    match &change.action {
        Action::CreateGroup { group } => format!("create group {group}"),
        Action::CreateOperator { operator, .. } => format!("create {operator}"),
        Action::Add { operator, group, .. } => format!("+ {operator} {group}"),
        Action::Remove { operator, group, .. } => format!("- {operator} {group}"),
        Action::DisableOperator { operator, .. } => format!("disable {operator}"),
    }
}

pub(crate) fn let_through(review: &Review) -> Vec<String> {
    review.approved.changes().iter().map(written).collect()
}

pub(crate) fn held(review: &Review) -> Vec<String> {
    review.held.changes.iter().map(|held| written(&held.change)).collect()
}

impl Fixture {
    /// Groups as (name, present members, desired members), each with a profile `P - name`.
    pub(crate) fn new(groups: &[(&str, &str, &str)]) -> Self {
        let group = |(name, current, wanted): &(&str, &str, &str)| Group {
            name: (*name).to_owned(),
            profile: format!("P - {name}"),
            is_there: true,
            is_orphan: false,
            current: names(current),
            wanted: names(wanted),
        };
        Self {
            instance: "production".into(),
            groups: groups.iter().map(group).collect(),
            created: BTreeSet::new(),
            disables_leavers: false,
            limits: wide(),
            counts: SourceCounts::Proven,
            read: None,
            history: History::default(),
        }
    }

    /// The same situation after a run that accepted `read`.
    pub(crate) fn accept(&mut self, read: Option<SourceRead>) {
        let matched = read.iter().flat_map(|read| read.matched.clone());
        self.history.known = KnownProfiles::of_groups(matched);
        self.history.accepted = read;
    }

    pub(crate) fn group(&mut self, name: &str) -> &mut Group {
        self.groups.iter_mut().find(|group| group.name == name).expect("a known group")
    }

    fn logins(&self) -> Vec<&str> {
        let of_groups = self.groups.iter().flat_map(|group| group.current.iter().chain(&group.wanted));
        let logins: BTreeSet<_> = of_groups.chain(&self.created).map(String::as_str).collect();
        logins.into_iter().collect()
    }

    fn operator_id(&self, login: &str) -> Option<OperatorId> {
        let is_there = !login.to_lowercase().starts_with('n') || self.created.contains(login);
        let at = self.logins().iter().position(|known| *known == login)?;
        is_there.then(|| OperatorId(1001 + i64::try_from(at).expect("few operators")))
    }

    fn group_id(&self, group: &Group) -> Option<OperatorGroupId> {
        let at = self.groups.iter().position(|known| known.name == group.name)?;
        group.is_there.then(|| OperatorGroupId(5001 + i64::try_from(at).expect("few groups")))
    }

    fn newcomers(&self) -> Vec<&str> {
        let wanted: BTreeSet<_> = self.groups.iter().flat_map(|group| &group.wanted).map(String::as_str).collect();
        wanted.into_iter().filter(|login| self.operator_id(login).is_none()).collect()
    }

    pub(crate) fn campaign(&self) -> CampaignSnapshot {
        let operators = self.logins().into_iter().filter_map(|login| Some((login, self.operator_id(login)?)));
        let groups = self.groups.iter().filter_map(|group| Some((group, self.group_id(group)?)));
        let rows = groups
            .clone()
            .flat_map(|(group, id)| group.current.iter().filter_map(move |login| Some((self.operator_id(login)?, id))));
        CampaignSnapshot::new(
            operators.map(|(login, id)| operator(id.0, login)).collect(),
            groups
                .clone()
                .map(|(group, id)| OperatorGroup {
                    id,
                    name: OperatorGroupName::new(&group.name),
                    label: String::new(),
                })
                .collect(),
            rows,
            OperatorLogin::new("sync"),
        )
    }

    pub(crate) fn desired(&self) -> DesiredState {
        let newcomers = self.newcomers();
        let ids = |logins: &BTreeSet<String>| logins.iter().filter_map(|login| self.operator_id(login)).collect();
        let managed = self.groups.iter().filter(|group| !group.is_orphan).map(|group| ManagedGroup {
            name: OperatorGroupName::new(&group.name),
            id: self.group_id(group),
            profile: ProductProfile { id: None, name: ProductProfileName::new(&group.profile), member_count: None },
            read: ProfileRead::default(),
            members: ids(&group.wanted),
            new_members: (0..newcomers.len()).filter(|at| group.wanted.contains(newcomers[*at])).collect(),
            undecided: OperatorIds::default(),
            look_alikes: Vec::new(),
        });
        let orphans = self.groups.iter().filter(|group| group.is_orphan).map(|group| OrphanGroup {
            name: OperatorGroupName::new(&group.name),
            id: self.group_id(group).expect("an orphan exists"),
            profile: ProductProfileName::new(&group.profile),
            members: ids(&group.current),
            undecided: OperatorIds::default(),
        });
        DesiredState {
            matched: Vec::new(),
            groups: managed.collect(),
            new_operators: newcomers
                .iter()
                .map(|login| NewOperator { login: OperatorLogin::new(*login), email: (*login).to_owned() })
                .collect(),
            orphans: orphans.collect(),
            skipped: Vec::new(),
            keep_enabled: HashSet::new(),
            pending_disablements: Vec::new(),
            reassigned: BTreeMap::new(),
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        let mut changes = Vec::new();
        for group in &self.groups {
            let name = OperatorGroupName::new(&group.name);
            let group_id = self.group_id(group);
            if group_id.is_none() {
                changes.push(change(Action::CreateGroup { group: name.clone() }, group));
            }
            for login in group.wanted.difference(&group.current) {
                let (operator, operator_id) = (OperatorLogin::new(login), self.operator_id(login));
                changes.push(change(Action::Add { operator, operator_id, group: name.clone(), group_id }, group));
            }
            for login in group.current.difference(&group.wanted) {
                let operator = OperatorLogin::new(login);
                let operator_id = self.operator_id(login).expect("a member is an operator");
                let group_id = group_id.expect("a group with members exists");
                changes.push(change(Action::Remove { operator, operator_id, group: name.clone(), group_id }, group));
            }
        }
        for login in self.newcomers() {
            let group =
                self.groups.iter().find(|group| group.wanted.contains(login)).expect("a group for the operator");
            let (operator, email) = (OperatorLogin::new(login), login.to_owned());
            changes.push(change(Action::CreateOperator { operator, email }, group));
        }
        if self.disables_leavers {
            changes.extend(self.leavers());
        }
        changes.sort_by_cached_key(Change::key);
        let there = self.groups.iter().filter(|group| group.is_there);
        let managed_members: BTreeMap<_, _> =
            there.map(|group| (OperatorGroupName::new(&group.name), group.current.len())).collect();
        Plan { changes, managed_members, ..Plan::default() }
    }

    /// Disablements of the operators that this plan leaves in no group.
    fn leavers(&self) -> impl Iterator<Item = Change> {
        self.logins().into_iter().filter_map(|login| {
            let operator_id = self.operator_id(login)?;
            let is_wanted = self.groups.iter().any(|group| group.wanted.contains(login));
            let left = self.groups.iter().find(|group| group.current.contains(login)).filter(|_| !is_wanted)?;
            Some(change(Action::DisableOperator { operator: OperatorLogin::new(login), operator_id }, left))
        })
    }

    pub(crate) fn review(&self) -> Review {
        self.review_of(&self.plan(), &self.desired())
    }

    pub(crate) fn review_of(&self, plan: &Plan, desired: &DesiredState) -> Review {
        let instance = InstanceName::new(&self.instance);
        let circumstances = ReviewContext {
            instance: &instance,
            limits: &self.limits,
            counts: self.counts,
            read: self.read.as_ref(),
            history: &self.history,
        };
        review(plan, desired, &self.campaign(), &circumstances)
    }

    /// The planned change that is written as `text`.
    pub(crate) fn planned(&self, text: &str) -> Change {
        self.plan().changes.into_iter().find(|change| written(change) == text).expect("a planned change")
    }

    /// The same situation after these changes.
    #[must_use]
    pub(crate) fn after(&self, changes: &[Change]) -> Self {
        let mut after = self.clone();
        for change in changes {
            let operator = change.operator().map(ToString::to_string).unwrap_or_default();
            let group = change.group().and_then(|name| after.groups.iter_mut().find(|g| g.name == name.as_str()));
            match (&change.action, group) {
                (Action::CreateGroup { .. }, Some(group)) => group.is_there = true,
                (Action::CreateOperator { .. }, _) => drop(after.created.insert(operator)),
                (Action::Add { .. }, Some(group)) => drop(group.current.insert(operator)),
                (Action::Remove { .. }, Some(group)) => drop(group.current.remove(&operator)),
                _ => {}
            }
        }
        after
    }

    /// The same situation, where an earlier run held the changes that this review holds.
    #[must_use]
    pub(crate) fn remembering(mut self, review: &Review) -> Self {
        let record = |held: &campaign_group_sync::domain::HeldChange| EarlierHold {
            key: held.change.key(),
            why: held.why.clone(),
            limits: self.limits.clone(),
        };
        self.history.held = review.held.changes.iter().map(record).collect();
        self
    }

    /// The same situation, where a run has begun to apply the approvals.
    #[must_use]
    pub(crate) fn in_use(mut self) -> Self {
        self.history.approvals.iter_mut().for_each(|approval| approval.state = ApprovalState::InUse);
        self
    }

    /// The same situation, where the changes that this review holds are approved.
    #[must_use]
    pub(crate) fn approving(mut self, review: &Review) -> Self {
        self.history.approvals = vec![Approval {
            digest: review.held.digest.clone().expect("something is held"),
            approver: "ann".into(),
            given_at: chrono::DateTime::from_timestamp(1_795_000_000, 0),
            state: ApprovalState::Given,
            changes: review.held.changes.iter().map(|held| named(&held.change)).collect(),
        }];
        self
    }
}

/// The change as an approval names it.
pub(crate) fn named(change: &Change) -> ApprovedChange {
    ApprovedChange { key: change.key(), profile: change.profile.clone() }
}

fn change(action: Action, group: &Group) -> Change {
    Change { action, profile: ProductProfileName::new(&group.profile), reason: "as wanted".into() }
}
