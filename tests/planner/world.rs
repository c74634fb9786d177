//! An organization and an instance written as lists of names, a policy, and the written form of a plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use campaign_group_sync::domain::{
    Action, AdobeUser, CampaignSnapshot, Change, ChangeKind, DesiredState, FoldedName, HeldPlan, History, Identities,
    KnownOperator, Limits, LoginSet, Membership, Operator, OperatorGroup, OperatorGroupId, OperatorGroupName,
    OperatorId, OperatorLogin, OrganizationId, OrganizationSnapshot, Plan, Policy, ProductProfile, ProductProfileId,
    ProductProfileName, ReadProof, Review, ReviewContext, SignInMethod, SkipReason, SourceCounts, Tolerance,
    WalkEvidence, desired_state, plan, review, source_read,
};

pub(crate) use super::options::limits;

/// The Admin Console and Campaign of one test, which the test can change.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// (profile, e-mails of its members)
    pub(crate) profiles: Vec<(String, Vec<String>)>,
    /// (login, sign-in method)
    pub(crate) operators: Vec<(String, Option<SignInMethod>)>,
    pub(crate) groups: Vec<String>,
    /// (login, group)
    pub(crate) memberships: Vec<(String, String)>,
    /// The `id` of the user with an e-mail address.
    pub(crate) ids: BTreeMap<String, String>,
    /// Logins of disabled operators.
    pub(crate) disabled: BTreeSet<String>,
    pub(crate) history: History,
}

impl World {
    pub(crate) fn new(
        profiles: &[(&str, &[&str])],
        operators: &[&str],
        groups: &[&str],
        memberships: &[(&str, &str)],
    ) -> Self {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self {
            profiles: profiles.iter().map(|(name, members)| ((*name).to_owned(), owned(members))).collect(),
            operators: operators.iter().map(|login| ((*login).to_owned(), Some(SignInMethod::Ims))).collect(),
            groups: owned(groups),
            memberships: memberships.iter().map(|(o, g)| ((*o).to_owned(), (*g).to_owned())).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn organization(&self) -> OrganizationSnapshot {
        let (mut users, mut memberships) = (Vec::new(), Vec::new());
        for (profile, (_, members)) in (0..).zip(&self.profiles) {
            for email in members {
                memberships.push((profile, u32::try_from(users.len()).expect("few users")));
                users.push(self.user(email));
            }
        }
        let profiles = (1..).zip(&self.profiles).map(|(id, (name, _))| ProductProfile {
            id: Some(ProductProfileId(id)),
            name: ProductProfileName::new(name),
            member_count: None,
        });
        OrganizationSnapshot::new(
            OrganizationId::new("0123456789ABCDEF01234567@AdobeOrg"),
            profiles.collect(),
            users,
            memberships,
            Vec::new(),
            proof(),
        )
        .expect("has profiles")
        .with_holders_of(self.logins())
    }

    /// All logins of operators: the walk keeps every user that has one of them.
    fn logins(&self) -> LoginSet {
        LoginSet::new(self.operators.iter().map(|(login, _)| FoldedName::new(login)))
    }

    pub(crate) fn user(&self, email: &str) -> AdobeUser {
        let id = self.ids.get(email).or_else(|| self.ids.get(&email.to_lowercase()));
        AdobeUser::new(id.map(String::as_str), Some(email), None)
    }

    pub(crate) fn operator_id(&self, login: &str) -> OperatorId {
        let at = self.operators.iter().position(|(name, _)| name == login).expect("a known operator");
        OperatorId(1001 + i64::try_from(at).expect("few operators"))
    }

    pub(crate) fn known_operator(&self, login: &str) -> KnownOperator {
        KnownOperator { id: self.operator_id(login), login: Some(login.into()) }
    }

    /// Gives users ids, and stores their operators as a run over the present world does.
    pub(crate) fn remembering(mut self, known: &[(&str, &str)]) -> Self {
        let pairs = known.iter().map(|(id, login)| ((*id).into(), self.known_operator(login)));
        self.history.identities = Identities::new(pairs.collect::<Vec<_>>());
        self
    }

    pub(crate) fn with_ids(mut self, ids: &[(&str, &str)]) -> Self {
        self.ids = ids.iter().map(|(email, id)| ((*email).to_owned(), (*id).to_owned())).collect();
        self
    }

    /// Sets the history of the next run after the read of this world was accepted.
    pub(crate) fn accept(&mut self, policy: &Policy) {
        let (desired, _) = self.decide(policy);
        let read = source_read(&self.organization().matched_by(&policy.mask), policy, Membership::Effective);
        self.history.known = self.history.known.after(&read, &desired, &self.campaign(), &BTreeSet::new());
        self.history.accepted = Some(read);
    }

    pub(crate) fn campaign(&self) -> CampaignSnapshot {
        let operator_id = |login: &str| self.operator_id(login);
        let group_id = |name: &str| {
            let at = self.groups.iter().position(|group| group == name).expect("a known group");
            OperatorGroupId(5001 + i64::try_from(at).expect("few groups"))
        };
        CampaignSnapshot::new(
            self.operators
                .iter()
                .map(|(login, sign_in)| Operator {
                    id: operator_id(login),
                    login: OperatorLogin::new(login),
                    has_agent_label: false,
                    sign_in: sign_in.unwrap_or(SignInMethod::Native),
                    disabled: self.disabled.contains(login),
                })
                .collect(),
            self.groups
                .iter()
                .map(|name| OperatorGroup {
                    id: group_id(name),
                    name: OperatorGroupName::new(name),
                    label: String::new(),
                })
                .collect(),
            self.memberships.iter().map(|(login, group)| (operator_id(login), group_id(group))),
            OperatorLogin::new("sync@techacct.adobe.com"),
        )
    }

    pub(crate) fn decide(&self, policy: &Policy) -> (DesiredState, Plan) {
        let campaign = self.campaign();
        let desired = desired_state(&self.organization().matched_by(&policy.mask), &campaign, policy, &self.history)
            .expect("a matching profile");
        let plan = plan(&desired, &campaign, policy);
        (desired, plan)
    }

    pub(crate) fn review(&self, policy: &Policy, limits: &Limits, counts: SourceCounts) -> (Vec<String>, HeldPlan) {
        let (desired, plan) = self.decide(policy);
        let Review { approved, held, .. } = review_of(&plan, &desired, &self.campaign(), limits, counts);
        (approved.changes().iter().map(written).collect(), held)
    }

    /// The world after these changes.
    pub(crate) fn after(&self, plan: &Plan) -> Self {
        let mut world = self.clone();
        for change in &plan.changes {
            let row = || {
                let text = |name: Option<&str>| name.expect("named").to_owned();
                (
                    text(change.operator().map(OperatorLogin::as_str)),
                    text(change.group().map(OperatorGroupName::as_str)),
                )
            };
            match &change.action {
                Action::CreateGroup { group } => world.groups.push(group.to_string()),
                Action::CreateOperator { operator, .. } => {
                    world.operators.push((operator.to_string(), Some(SignInMethod::Ims)));
                }
                Action::Add { .. } => world.memberships.push(row()),
                Action::Remove { .. } => world.memberships.retain(|membership| *membership != row()),
                Action::DisableOperator { operator, .. } => drop(world.disabled.insert(operator.to_string())),
            }
        }
        world
    }
}

pub(crate) fn proof() -> ReadProof {
    let walk = WalkEvidence {
        pages: 1,
        last_page_seen: true,
        page_count: Some(1),
        total_count: Some(9),
        total_count_at_end: Some(9),
        users: 9,
    };
    ReadProof::of_walk(&walk, BTreeMap::new(), Tolerance { share: 0.01 }).expect("complete")
}

pub(crate) fn review_of(
    plan: &Plan,
    desired: &DesiredState,
    campaign: &CampaignSnapshot,
    limits: &Limits,
    counts: SourceCounts,
) -> Review {
    review_with(&History::default(), plan, desired, campaign, limits, counts)
}

pub(crate) fn review_with(
    history: &History,
    plan: &Plan,
    desired: &DesiredState,
    campaign: &CampaignSnapshot,
    limits: &Limits,
    counts: SourceCounts,
) -> Review {
    let circumstances = ReviewContext { instance: &policy().instance, limits, counts, read: None, history };
    review(plan, desired, campaign, &circumstances)
}

pub(crate) fn policy() -> Policy {
    /// Properties ask for it in each of their cases: its mask is compiled once.
    static POLICY: LazyLock<Policy> = LazyLock::new(|| super::options::policy("production", "P - (.*)"));
    POLICY.clone()
}

pub(crate) fn written(change: &Change) -> String {
    let sign = match change.kind() {
        ChangeKind::CreateGroup => "create group",
        ChangeKind::CreateOperator => "create operator",
        ChangeKind::Add => "+",
        ChangeKind::Remove => "-",
        ChangeKind::DisableOperator => "disable operator",
    };
    let names = [change.operator().map(OperatorLogin::as_str), change.group().map(OperatorGroupName::as_str)];
    [sign].into_iter().chain(names.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}

#[track_caller]
pub(crate) fn check(world: &World, policy: &Policy, changes: &[&str], skipped: &[(SkipReason, &str)]) {
    let (_, plan) = world.decide(policy);
    assert_eq!(plan.changes.iter().map(written).collect::<Vec<_>>(), changes, "{plan:#?}");
    let found: Vec<_> = plan.skipped.iter().map(|skipped| (skipped.reason, skipped.subject.as_str())).collect();
    assert_eq!(found, skipped);
}
