//! Makes an access review of one instance from what is recorded about it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    ChangeKind, ChangeReport, FoldedName, InstanceReport, SkipReason,
    access_review::{
        DisabledOperator, MembershipCause, MembershipOrigin, ReviewNote, ReviewedChange, ReviewedGroup,
        ReviewedInstance, ReviewedMember, ReviewedRead, SinceOrigin, UnusedProfile, WithoutProfile, digest_of_groups,
    },
    to_the_second,
};

/// A picture that is older than this is pointed out: schedules run several times a day.
const OLD: TimeDelta = TimeDelta::days(2);

/// What is recorded about the access to one instance.
#[derive(Clone, Debug)]
pub struct ReviewRecord {
    /// The name of the instance.
    pub instance: String,
    /// The beginning of the period whose changes are wanted; `None` for the beginning of the record.
    pub since: Option<DateTime<Utc>>,
    /// Where that comes from.
    pub since_origin: SinceOrigin,
    /// The last review that was recorded.
    pub last_review: Option<ReviewNote>,
    /// The groups that are managed now, by folded name.
    pub groups: Vec<GroupRecord>,
    /// Memberships that began or ended in the period, in any order.
    pub periods: Vec<PeriodRecord>,
    /// Groups that ceased to be managed in the period.
    pub former_groups: Vec<String>,
    /// What the last complete run found; `None` where none is recorded.
    pub read: Option<ReadRecord>,
    /// Operators to look at; `None` where no run has stored that of them.
    pub operators: Option<OperatorsRecord>,
    /// Memberships that ended before this time were deleted.
    pub deleted_before: Option<DateTime<Utc>>,
}

/// A managed group.
#[derive(Clone, Debug)]
pub struct GroupRecord {
    /// The folded name.
    pub folded: FoldedName,
    /// The name.
    pub group: String,
    /// The profile that it follows.
    pub profile: String,
    /// When it was first managed.
    pub since: DateTime<Utc>,
    /// Its members, by folded login.
    pub members: Vec<MemberRecord>,
}

/// A membership.
#[derive(Clone, Debug)]
pub struct MemberRecord {
    /// The folded login.
    pub folded: FoldedName,
    /// The login.
    pub login: String,
    /// When it was first seen.
    pub since: DateTime<Utc>,
    /// What made it.
    pub granted: GrantRecord,
}

/// The run that made a change of a membership, if one did.
#[derive(Clone, Debug, Default)]
pub struct GrantRecord {
    /// The run.
    pub run: Option<String>,
    /// The profile for which it made the change.
    pub profile: Option<String>,
    /// Who approved the change.
    pub approved_by: Option<String>,
}

/// One period of a membership.
#[derive(Clone, Debug)]
pub struct PeriodRecord {
    /// The name of the group.
    pub group: String,
    /// The login.
    pub login: String,
    /// When it was first seen.
    pub since: DateTime<Utc>,
    /// When it had ended; `None` while it lasts.
    pub until: Option<DateTime<Utc>>,
    /// Whether it was there when the group was first seen.
    pub is_first_sight: bool,
    /// Whether it ended because the group ceased to be managed.
    pub ended_with_group: bool,
    /// What made it.
    pub granted: GrantRecord,
    /// What ended it.
    pub ended: GrantRecord,
}

/// What the last complete run found.
#[derive(Clone, Debug)]
pub struct ReadRecord {
    /// The run.
    pub run: String,
    /// When it had read the instance.
    pub at: DateTime<Utc>,
    /// Its report, without changes.
    pub report: InstanceReport,
    /// The removals that it planned and did not make.
    pub removals: Vec<ChangeReport>,
}

/// Operators to look at.
#[derive(Clone, Debug)]
pub struct OperatorsRecord {
    /// Enabled operators in no group, by login.
    pub without_group: Vec<String>,
    /// Disabled operators, by login.
    pub disabled: Vec<String>,
}

/// Why memberships are kept without the profile, with a sentence, by folded group and folded login.
type Drift = BTreeMap<(FoldedName, FoldedName), (String, String)>;

/// The digest over groups with their profiles and members: 64 hexadecimal digits. Times are not part of it.
pub fn access_digest(groups: &[GroupRecord]) -> String {
    digest_of_groups(groups.iter().map(|group| {
        let members = group.members.iter().map(|member| member.login.as_str());
        (group.group.as_str(), group.profile.as_str(), members)
    }))
}

impl GrantRecord {
    fn cause(&self, origin_without_run: MembershipOrigin) -> MembershipCause {
        let origin = if self.run.is_some() { MembershipOrigin::Run } else { origin_without_run };
        MembershipCause {
            origin,
            profile: self.profile.clone().filter(|_| self.run.is_some()),
            run: self.run.clone(),
            approved_by: self.approved_by.clone(),
        }
    }
}

impl ReviewRecord {
    /// The review as of `now`.
    pub fn reviewed(&self, now: DateTime<Utc>) -> ReviewedInstance {
        let drift = self.drift();
        let disabled: Option<BTreeSet<FoldedName>> =
            self.operators.as_ref().map(|known| known.disabled.iter().map(|login| FoldedName::new(login)).collect());
        let is_new = |group: &&GroupRecord| self.since.is_some_and(|since| group.since > since);
        let report = self.read.as_ref().map(|read| &read.report);
        ReviewedInstance {
            name: self.instance.clone(),
            read: self.read.as_ref().map(|read| ReviewedRead { run: read.run.clone(), at: read.at }),
            since: self.since,
            since_origin: self.since_origin,
            last_review: self.last_review.clone(),
            digest: access_digest(&self.groups),
            notes: self.notes(now),
            groups: self.groups.iter().map(|group| reviewed_group(group, &drift, disabled.as_ref())).collect(),
            joined: self.joined(),
            left: self.left(),
            new_groups: self.groups.iter().filter(is_new).map(|group| group.group.clone()).collect(),
            former_groups: self.former_groups.clone(),
            without_profile: report.map(|_| self.without_profile(&drift)),
            undecided: report
                .map(|report| report.skipped.iter().filter(|skipped| is_undecided(skipped.reason)).cloned().collect()),
            operators_without_group: self.operators.as_ref().map(|known| known.without_group.clone()),
            disabled_operators: self.operators.as_ref().map(|known| self.disabled_operators(&known.disabled)),
            groups_without_members: self
                .groups
                .iter()
                .filter(|group| group.members.is_empty())
                .map(|group| group.group.clone())
                .collect(),
            profiles_without_users: report.map(unused_profiles),
        }
    }

    /// The memberships that began in the period, without those that were there when the group was first seen.
    fn joined(&self) -> Vec<ReviewedChange> {
        let began = self
            .periods
            .iter()
            .filter(|period| !period.is_first_sight && self.since.is_none_or(|since| period.since > since));
        let change = |period: &PeriodRecord| ReviewedChange {
            login: period.login.clone(),
            group: period.group.clone(),
            at: period.since,
            cause: period.granted.cause(MembershipOrigin::Campaign),
        };
        in_order(began.map(change).collect())
    }

    /// The memberships that ended in the period, without those of groups that ceased to be managed.
    fn left(&self) -> Vec<ReviewedChange> {
        let ended = self.periods.iter().filter(|period| !period.ended_with_group).filter_map(|period| {
            let until = period.until.filter(|until| self.since.is_none_or(|since| *until > since))?;
            Some(ReviewedChange {
                login: period.login.clone(),
                group: period.group.clone(),
                at: until,
                cause: period.ended.cause(MembershipOrigin::Campaign),
            })
        });
        in_order(ended.collect())
    }

    /// Everything that the last complete run knew against memberships.
    fn drift(&self) -> Drift {
        let Some(read) = &self.read else { return Drift::new() };
        let mut drift = Drift::new();
        let orphaned: BTreeMap<FoldedName, &str> =
            read.report.orphaned.iter().map(|orphan| (FoldedName::new(&orphan.group), &*orphan.profile)).collect();
        for group in &self.groups {
            let Some(profile) = orphaned.get(&group.folded) else { continue };
            for member in &group.members {
                let detail = format!("profile {profile}, which the group followed, is gone");
                let why = ("profile-gone".to_owned(), detail);
                drift.insert((group.folded.clone(), member.folded.clone()), why);
            }
        }
        for skipped in &read.report.skipped {
            if let Some(group) = &skipped.group {
                let key = (FoldedName::new(group), FoldedName::new(&skipped.subject));
                drift.insert(key, (skipped.reason.as_str().to_owned(), skipped.detail.clone()));
            }
        }
        for change in read.removals.iter().filter(|change| change.op == ChangeKind::Remove) {
            let key = change.key();
            let detail = match &change.detail {
                Some(detail) => format!("{}: {detail}", change.reason.as_str()),
                None => change.reason.as_str().to_owned(),
            };
            drift.insert((key.group, key.operator), (change.outcome.as_str().to_owned(), detail));
        }
        drift
    }

    /// The members of the groups that have something against them.
    fn without_profile(&self, drift: &Drift) -> Vec<WithoutProfile> {
        let members = self.groups.iter().flat_map(|group| group.members.iter().map(move |member| (group, member)));
        let without = members.filter_map(|(group, member)| {
            let (why, detail) = drift.get(&(group.folded.clone(), member.folded.clone()))?;
            Some(WithoutProfile {
                login: member.login.clone(),
                group: group.group.clone(),
                why: why.clone(),
                detail: detail.clone(),
            })
        });
        without.collect()
    }

    /// The disabled operators with the managed groups that they are in; those in a group come first.
    fn disabled_operators(&self, disabled: &[String]) -> Vec<DisabledOperator> {
        let mut groups: BTreeMap<FoldedName, Vec<String>> =
            disabled.iter().map(|login| (FoldedName::new(login), Vec::new())).collect();
        for group in &self.groups {
            for member in &group.members {
                if let Some(of_operator) = groups.get_mut(&member.folded) {
                    of_operator.push(group.group.clone());
                }
            }
        }
        let operator = |login: &String| DisabledOperator {
            login: login.clone(),
            groups: groups.get(&FoldedName::new(login)).cloned().unwrap_or_default(),
        };
        let mut operators: Vec<DisabledOperator> = disabled.iter().map(operator).collect();
        operators.sort_by_key(|operator| operator.groups.is_empty());
        operators
    }

    fn notes(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut notes = Vec::new();
        match &self.read {
            None => notes.push(
                "No complete run of this instance is recorded: which members lack the profile, and which profiles no user \
                 has, is not known. campaign-group-sync --sync-now makes a run."
                    .to_owned(),
            ),
            Some(read) if now - read.at > OLD => notes.push(format!(
                "The last complete run read this instance {} days ago, at {}: this is the access of that time. \
                 campaign-group-sync --sync-now makes a run.",
                (now - read.at).num_days(),
                to_the_second(read.at)
            )),
            Some(_) => {}
        }
        if self.operators.is_none() {
            notes.push(
                "Disabled operators, operators without a group, and members that runs leave alone are not known before \
                 the next run: no run of this version has read the operators."
                    .to_owned(),
            );
        }
        if let Some(deleted) = self.deleted_before.filter(|deleted| self.since.is_none_or(|since| since < *deleted)) {
            notes.push(format!(
                "Memberships that ended before {} were deleted (state.keep_changes): they are not listed.",
                to_the_second(deleted)
            ));
        }
        if let (Some(since), Some(last)) = (self.since, &self.last_review)
            && self.since_origin == SinceOrigin::Given
            && since > last.at
        {
            notes.push(format!(
                "The last review was at {}: changes between it and {} are not listed.",
                to_the_second(last.at),
                to_the_second(since)
            ));
        }
        notes
    }
}

/// By group, login and time.
fn in_order(mut changes: Vec<ReviewedChange>) -> Vec<ReviewedChange> {
    changes.sort_by(|one, other| {
        (FoldedName::new(&one.group), &one.login, one.at).cmp(&(FoldedName::new(&other.group), &other.login, other.at))
    });
    changes
}

fn reviewed_group(group: &GroupRecord, drift: &Drift, disabled: Option<&BTreeSet<FoldedName>>) -> ReviewedGroup {
    let member = |member: &MemberRecord| {
        let origin = if member.since == group.since { MembershipOrigin::Before } else { MembershipOrigin::Campaign };
        ReviewedMember {
            login: member.login.clone(),
            since: member.since,
            cause: member.granted.cause(origin),
            without_profile: drift.get(&(group.folded.clone(), member.folded.clone())).map(|(why, _)| why.clone()),
            disabled: disabled.map(|disabled| disabled.contains(&member.folded)),
        }
    };
    ReviewedGroup {
        group: group.group.clone(),
        profile: group.profile.clone(),
        members: group.members.iter().map(member).collect(),
    }
}

fn unused_profiles(report: &InstanceReport) -> Vec<UnusedProfile> {
    let unused = report.matched_profiles.iter().filter(|matched| matched.members == 0);
    unused.map(|it| UnusedProfile { profile: it.profile.clone(), group: it.group.clone() }).collect()
}

/// Whether this reason leaves open who belongs in a group. A minimum of members is a rule, not a doubt.
fn is_undecided(reason: SkipReason) -> bool {
    reason == SkipReason::Renamed || (reason.could_not_be_placed() && reason != SkipReason::ProtectedMinimum)
}
