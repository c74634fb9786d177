//! The report of a run, for scripts and readers. The field names are fixed: other tools rely on them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::{
    ApprovalNote, Change, ChangeKey, ChangeKind, FoldedName, OperatorGroupName, OperatorLogin, Outcome, Plan, ReadKind,
    SharedText, Skipped, Summary, name_shown,
};

/// The requested mode of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunMode {
    /// Changes are applied.
    Apply,
    /// Changes are planned and reported only.
    DryRun,
}

impl RunMode {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::DryRun => "dry-run",
        }
    }
}

/// What the configuration lets a run do to one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceMode {
    /// Changes are applied.
    Apply,
    /// Changes are planned and reported, never applied.
    Observe,
}

/// The outcome of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// Not applied, because of a dry run or an observed instance.
    Pending,
    /// Applied, and confirmed by reading Campaign afterwards.
    Applied,
    /// Campaign had the wanted state before the write.
    Already,
    /// Waits for an approval.
    Held,
    /// Sent, and not found in Campaign afterwards.
    Failed,
    /// A second read of the profile did not confirm the removal.
    Unconfirmed,
}

impl ChangeOutcome {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Already => "already",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// Whether a run tried the change and determined its outcome.
    pub fn is_seen(self) -> bool {
        match self {
            Self::Applied | Self::Already | Self::Failed => true,
            Self::Pending | Self::Held | Self::Unconfirmed => false,
        }
    }

    /// Whether Campaign has the state that the change was to produce.
    pub fn is_in_place(self) -> bool {
        matches!(self, Self::Applied | Self::Already)
    }
}

/// One change and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// What kind of change.
    pub op: ChangeKind,
    /// The operator that it concerns.
    pub operator: Option<SharedText>,
    /// The operator group that it concerns.
    pub group: Option<SharedText>,
    /// The profile that requires it.
    pub profile: SharedText,
    /// The reason.
    pub reason: SharedText,
    /// The outcome.
    pub outcome: ChangeOutcome,
    /// Why it was held, failed or not confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When its outcome was determined; `None` if it was not tried.
    #[serde(default, serialize_with = "rfc3339_or_null")]
    pub at: Option<DateTime<Utc>>,
    /// The approver, if an approval released it: the users that the kernel reported, and a name that was only claimed.
    #[serde(default)]
    pub approved_by: Option<String>,
}

impl ChangeReport {
    /// A change with its outcome.
    pub fn new(change: &Change, outcome: ChangeOutcome, detail: Option<String>) -> Self {
        Self {
            op: change.kind(),
            operator: change.operator().map(OperatorLogin::to_shared),
            group: change.group().map(OperatorGroupName::to_shared),
            profile: change.profile.to_shared(),
            reason: change.reason.clone(),
            outcome,
            detail,
            at: None,
            approved_by: None,
        }
    }

    /// The key that identifies the change in every run.
    pub fn key(&self) -> ChangeKey {
        let folded = |name: Option<&SharedText>| name.map(FoldedName::of).unwrap_or_default();
        ChangeKey { kind: self.op, group: folded(self.group.as_ref()), operator: folded(self.operator.as_ref()) }
    }

    /// The change as a short sentence.
    pub fn described(&self) -> String {
        let name = |name: Option<&str>| name.map(name_shown).unwrap_or_default().into_owned();
        let (operator, group) = (name(self.operator.as_deref()), name(self.group.as_deref()));
        match self.op {
            ChangeKind::CreateGroup => format!("create operator group {group}"),
            ChangeKind::CreateOperator => format!("create operator {operator}"),
            ChangeKind::Add => format!("add {operator} to {group}"),
            ChangeKind::Remove => format!("remove {operator} from {group}"),
            ChangeKind::DisableOperator => format!("disable operator {operator}"),
        }
    }
}

/// A profile that the mask matches and its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedProfile {
    /// The profile.
    pub profile: String,
    /// The operator group.
    pub group: String,
    /// Number of users in the profile.
    pub members: usize,
}

/// A group that has lost its profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// The operator group.
    pub group: String,
    /// The profile it followed.
    pub profile: String,
    /// Number of members that it still has.
    pub members: usize,
}

/// One instance in the report of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceReport {
    /// The name in the configuration.
    pub name: String,
    /// Whether the configuration permits changes.
    pub mode: InstanceMode,
    /// How it ended.
    pub outcome: Outcome,
    /// The error, if nothing could be planned or applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Warnings for the reader of the report, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The digest of the held changes.
    pub held: Option<String>,
    /// When this digest was first held; `None` if nothing is held, or if a dry run or an observed instance only shows
    /// what would be held.
    #[serde(default, serialize_with = "rfc3339_or_null")]
    pub held_since: Option<DateTime<Utc>>,
    /// The approvals that released changes here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalNote>,
    /// Groups that have lost their profile.
    pub orphaned: Vec<Orphan>,
    /// Profiles that the mask matches.
    pub matched_profiles: Vec<MatchedProfile>,
    /// Every planned change and its outcome.
    pub changes: Vec<ChangeReport>,
    /// What was skipped.
    pub skipped: Vec<Skipped>,
    /// The numbers.
    pub summary: Summary,
}

impl InstanceReport {
    /// The report of an instance for which there is no plan.
    pub fn failed(name: &str, mode: InstanceMode, outcome: Outcome, error: String) -> Self {
        Self {
            name: name.to_owned(),
            mode,
            outcome,
            error: Some(error),
            warnings: Vec::new(),
            held: None,
            held_since: None,
            approvals: Vec::new(),
            orphaned: Vec::new(),
            matched_profiles: Vec::new(),
            changes: Vec::new(),
            skipped: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// The same report without its changes, of which there may be many.
    #[must_use]
    pub fn without_changes(&self) -> Self {
        Self {
            name: self.name.clone(),
            mode: self.mode,
            outcome: self.outcome,
            error: self.error.clone(),
            warnings: self.warnings.clone(),
            held: self.held.clone(),
            held_since: self.held_since,
            approvals: self.approvals.clone(),
            orphaned: self.orphaned.clone(),
            matched_profiles: self.matched_profiles.clone(),
            changes: Vec::new(),
            skipped: self.skipped.clone(),
            summary: self.summary,
        }
    }

    /// Whether every planned change is reported with an outcome.
    pub fn accounts_for(&self, plan: &Plan) -> bool {
        let settled = [
            self.summary.applied,
            self.summary.already,
            self.summary.failed,
            self.summary.held,
            self.summary.unconfirmed,
            self.summary.pending,
        ];
        let planned = plan.changes.iter().map(Change::kind);
        let reported = self.changes.iter().map(|change| change.op);
        planned.eq(reported) && settled.iter().sum::<usize>() == self.summary.planned()
    }

    /// The outcome of an instance with these changes and skipped items.
    pub fn outcome_of(changes: &[ChangeReport], skipped: &[Skipped]) -> Outcome {
        let of_changes = changes.iter().map(|change| match change.outcome {
            ChangeOutcome::Pending => Outcome::ChangesPending,
            ChangeOutcome::Applied | ChangeOutcome::Already => Outcome::Applied,
            ChangeOutcome::Held => Outcome::Held,
            ChangeOutcome::Failed | ChangeOutcome::Unconfirmed => Outcome::Partial,
        });
        let misplaced = skipped.iter().any(|skipped| skipped.reason.could_not_be_placed());
        Outcome::of_all(of_changes.chain(misplaced.then_some(Outcome::Partial)))
    }
}

/// Which calls fetched the memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// All users of the organization were read.
    Organization,
    /// The members of each matching profile were read.
    Profiles,
    /// The users that the run was narrowed to were read one by one.
    Users,
}

impl From<ReadKind> for SourceKind {
    fn from(kind: ReadKind) -> Self {
        match kind {
            ReadKind::Organization => Self::Organization,
            ReadKind::Profiles => Self::Profiles,
        }
    }
}

/// The read of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The organization's id.
    pub organization: String,
    /// Number of distinct users received.
    pub users: u64,
    /// Number of product profiles in the groups listing.
    pub profiles: usize,
    /// Number of calls to the user management API, those of second reads included, those for tokens not.
    pub calls: u64,
    /// Which calls fetched the memberships: `organization` or `profiles`; absent when the read failed.
    pub read: Option<SourceKind>,
    /// Whether everything was read.
    pub complete: bool,
}

impl SourceReport {
    /// The report of an organization that was not read.
    pub fn unread(organization: String, calls: u64) -> Self {
        Self { organization, users: 0, profiles: 0, calls, read: None, complete: false }
    }
}

/// One run, as `--output json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Version of the format of this document.
    pub version: u32,
    /// The id of the run.
    pub run: String,
    /// The requested mode.
    pub mode: RunMode,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the configuration of this host is the cause of the outcome: the exit status is 78.
    #[serde(default, skip_serializing_if = "is_false")]
    pub misconfigured: bool,
    /// The error of the run as a whole: of the organization, the lock or the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Warnings for the reader of the report, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The read of the organization.
    pub source: SourceReport,
    /// The approvals that released changes in any instance.
    #[serde(default)]
    pub approvals: Vec<ApprovalNote>,
    /// Each instance, by name.
    pub instances: Vec<InstanceReport>,
    /// The run that this run undoes, if it is an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<String>,
    /// The number and the hash of the last recorded event after the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

impl RunReport {
    /// The version of the format that this program writes.
    pub const VERSION: u32 = 1;

    /// The same report without its instances.
    #[must_use]
    pub fn without_instances(&self) -> Self {
        Self {
            version: self.version,
            run: self.run.clone(),
            mode: self.mode,
            started_at: self.started_at,
            duration_ms: self.duration_ms,
            outcome: self.outcome,
            misconfigured: self.misconfigured,
            error: self.error.clone(),
            warnings: self.warnings.clone(),
            source: self.source.clone(),
            approvals: self.approvals.clone(),
            instances: Vec::new(),
            undo_of: self.undo_of.clone(),
            record: self.record.clone(),
        }
    }

    /// When it ended, but not after `now`: with a clock that was ahead, a run would otherwise look recent for years.
    pub fn ended_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let length = i64::try_from(self.duration_ms).ok().and_then(TimeDelta::try_milliseconds).unwrap_or_default();
        self.started_at.checked_add_signed(length).unwrap_or(now).min(now)
    }

    /// The numbers of all instances together.
    pub fn total(&self) -> Summary {
        self.instances.iter().map(|instance| instance.summary).fold(Summary::default(), Summary::plus)
    }

    /// The approvals that released changes in these instances, each once.
    pub fn approvals_in(instances: &[InstanceReport]) -> Vec<ApprovalNote> {
        let mut approvals: Vec<ApprovalNote> = Vec::new();
        for approval in instances.iter().flat_map(|instance| &instance.approvals) {
            if !approvals.contains(approval) {
                approvals.push(approval.clone());
            }
        }
        approvals
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A time to the second, in UTC, as reports, log lines and messages write it: `2026-11-22T06:00:00Z`.
pub fn to_the_second(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Serializes a time to the second, in UTC.
pub fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_the_second(*time))
}

/// Serializes a time to the second, in UTC, or `null`.
pub fn rfc3339_or_null<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(to_the_second).serialize(serializer)
}
