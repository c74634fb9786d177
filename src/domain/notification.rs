//! Notifications for administrators: created from the events of runs, delivered by command, webhook and mail.
//!
//! The sentence and the remedy name groups and instances, never users or operators: those are in
//! [`Notification::operators`] only, so that they can be withheld from a target.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ChangeKind, ChangeOutcome, ChangeReport, FoldedName, HeldRecord, InstanceName, InstanceReport, RunId, RunReport,
    SkipReason, Summary, all_variants, printable, to_the_second,
};

/// The maximum number of operators in one notification; `counts` has the number of changes.
const MOST_OPERATORS: usize = 100;

/// The maximum number of groups in one notification.
const MOST_GROUPS: usize = 20;

/// How long before the expiry of a credential an administrator is notified: a rotation takes time to organize.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::days(30);

/// What a notification is about. The names are those of `notify.events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// Changes are held under a digest that was not held before.
    Held,
    /// No run has succeeded for too long, or credentials are refused; once for each outage.
    Failed,
    /// The first success after that.
    Recovered,
    /// Changes were applied.
    Applied,
    /// A finding that an administrator should check; once for each finding.
    Finding,
    /// Sent by `check --notify`; not an event.
    Test,
}

impl NotificationKind {
    /// Every kind that can be selected in the configuration.
    pub const EVENTS: [Self; 5] =
        all_variants!(NotificationKind: Held, Failed, Recovered, Applied, Finding; without Test);

    /// The name in the configuration and in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Recovered => "recovered",
            Self::Applied => "applied",
            Self::Finding => "finding",
            Self::Test => "test",
        }
    }
}

/// How a notification reaches its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationTarget {
    /// A program on this host.
    Command,
    /// An HTTP request.
    Webhook,
    /// A message by SMTP.
    Mail,
}

impl NotificationTarget {
    /// Every target.
    pub const ALL: [Self; 3] = all_variants!(NotificationTarget: Command, Webhook, Mail);

    /// The key under `[notify]`, and the name in documents and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Webhook => "webhook",
            Self::Mail => "mail",
        }
    }
}

/// Which notifications are written, and for which targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedNotifications {
    /// The kinds to write.
    pub kinds: BTreeSet<NotificationKind>,
    /// The targets to write for.
    pub targets: BTreeSet<NotificationTarget>,
    /// All configured instances: only a run over all of them ends an outage.
    pub instances: BTreeSet<FoldedName>,
}

impl WantedNotifications {
    /// Whether any notification is wanted.
    pub fn are_any(&self) -> bool {
        !self.targets.is_empty() && !self.kinds.is_empty()
    }
}

/// One notification. The field names are part of the JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// What it is about.
    pub kind: NotificationKind,
    /// When it was created.
    #[serde(serialize_with = "super::rfc3339")]
    pub time: DateTime<Utc>,
    /// The run that caused it, if there is one.
    pub run: Option<String>,
    /// The instance that it is about, if it is about one.
    pub instance: Option<String>,
    /// The digest of the held changes.
    pub digest: Option<String>,
    /// What happened, in one sentence.
    pub text: String,
    /// What to do, or that there is nothing to do.
    pub what_to_do: String,
    /// Numbers of changes by kind and by outcome; none is zero.
    pub counts: BTreeMap<String, usize>,
    /// Operators that the changes are about; at most 100.
    #[serde(default, rename = "people")]
    pub operators: Vec<String>,
}

/// A finding that an administrator is notified of once, and again only after it has disappeared and returned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingTopic {
    /// What kind of finding.
    pub about: FindingKind,
    /// The operator group, or the section of the credential with its day.
    pub subject: String,
}

/// Kinds of findings that cause a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// An operator group that has lost its product profile.
    OrphanedGroup,
    /// A followed operator group that has another name in Campaign.
    RenamedGroup,
    /// A credential that expires soon.
    ExpiringCredential,
}

impl FindingKind {
    /// The name in the state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrphanedGroup => "orphaned_group",
            Self::RenamedGroup => "renamed_group",
            Self::ExpiringCredential => "expiring_credential",
        }
    }
}

impl Notification {
    fn new(kind: NotificationKind, time: DateTime<Utc>, text: String, what_to_do: String) -> Self {
        Self {
            kind,
            time,
            run: None,
            instance: None,
            digest: None,
            text,
            what_to_do,
            counts: BTreeMap::new(),
            operators: Vec::new(),
        }
    }

    fn of_instance(self, run: &RunId, instance: &str) -> Self {
        Self { run: Some(run.to_string()), instance: Some(instance.to_owned()), ..self }
    }

    /// A run holds changes.
    pub fn held(run: &RunId, time: DateTime<Utc>, record: &HeldRecord) -> Self {
        let HeldRecord { instance, digest, changes, undo, .. } = record;
        let releases = undo.as_ref().map_or_else(
            || "releases them".to_owned(),
            |undo| format!("and then campaign-group-sync undo {} --apply release them", undo.run),
        );
        let text = format!(
            "{instance}: {} held, waiting for approval of digest {digest}",
            counted(changes.len(), "change is", "changes are")
        );
        let what_to_do = format!(
            "campaign-group-sync history {run} lists them: compare them with the Admin Console; if they are right, \
             campaign-group-sync approve {digest} {releases}"
        );
        let mut counts = BTreeMap::from([("held".to_owned(), changes.len())]);
        for change in changes {
            *counts.entry(change.key.kind.as_str().to_owned()).or_default() += 1;
        }
        let operators = named(changes.iter().map(|change| change.key.operator.as_str()));
        let digest = Some(digest.to_string());
        let held = Self::new(NotificationKind::Held, time, text, what_to_do);
        Self { digest, counts, operators, ..held }.of_instance(run, instance.as_str())
    }

    /// A run applied changes in one instance; `None` if it applied none.
    pub fn applied(run: &RunId, time: DateTime<Utc>, report: &InstanceReport) -> Option<Self> {
        Self::made(run, time, &report.name, &report.changes, report.summary)
    }

    /// A later run found changes that a run had applied and could not report; `None` if there are none.
    pub fn seen_later(
        run: &RunId,
        time: DateTime<Utc>,
        instance: &InstanceName,
        changes: &[ChangeReport],
    ) -> Option<Self> {
        let made = Self::made(run, time, instance.as_str(), changes, Summary::of(changes, 0, 0))?;
        let text = format!("{}; a later run confirmed it", made.text);
        Some(Self { text, ..made })
    }

    fn made(
        run: &RunId,
        time: DateTime<Utc>,
        instance: &str,
        changes: &[ChangeReport],
        summary: Summary,
    ) -> Option<Self> {
        let made = changes.iter().filter(|change| change.outcome == ChangeOutcome::Applied);
        let count = made.clone().count();
        if count == 0 {
            return None;
        }
        let text = format!("{instance}: {} applied", counted(count, "change was", "changes were"));
        let what_to_do = format!("nothing; campaign-group-sync history {run} lists them");
        let applied = Self::new(NotificationKind::Applied, time, text, what_to_do);
        let operators = named(made.filter_map(|change| change.operator.as_deref()));
        Some(Self { counts: counts(&summary), operators, ..applied }.of_instance(run, instance))
    }

    /// Credentials are refused.
    pub fn refused(time: DateTime<Utc>, report: &RunReport) -> Self {
        let of_instance = || report.instances.iter().find_map(|instance| instance.error.as_deref());
        let error = report.error.as_deref().or_else(of_instance).unwrap_or("the run did not record by which system");
        let text = format!("credentials are refused: {}", printable(error));
        let what_to_do = "campaign-group-sync check says which credential is refused and what to do; nothing that needs it is \
                          changed until then";
        let refused = Self::new(NotificationKind::Failed, time, text, what_to_do.to_owned());
        Self { run: Some(report.run.clone()), ..refused }
    }

    /// No run has succeeded for too long. `within` is the maximum age of the last success, for readers.
    pub fn overdue(time: DateTime<Utc>, last_success: Option<DateTime<Utc>>, within: &str) -> Self {
        let since = last_success.map_or_else(
            || "no run has succeeded yet".to_owned(),
            |last| format!("no run has succeeded since {}", to_the_second(last)),
        );
        let text = format!("{since}; on this schedule a success is at most {within} old");
        let what_to_do = "campaign-group-sync status says why, and campaign-group-sync check what to do; until then, users who \
                          lost a product profile keep their rights in Campaign";
        Self::new(NotificationKind::Failed, time, text, what_to_do.to_owned())
    }

    /// The first success after a failure that was reported at `failed_at`.
    pub fn recovered(time: DateTime<Utc>, report: &RunReport, failed_at: DateTime<Utc>) -> Self {
        let text = format!(
            "a run has succeeded again ({}); the failure was reported at {}",
            report.outcome.as_str(),
            to_the_second(failed_at)
        );
        let what_to_do = format!("nothing; campaign-group-sync history {} shows the run", report.run);
        let recovered = Self::new(NotificationKind::Recovered, time, text, what_to_do);
        Self { run: Some(report.run.clone()), counts: counts(&report.total()), ..recovered }
    }

    /// New findings of one kind in one instance; `groups` is not empty.
    pub fn found(run: &RunId, time: DateTime<Utc>, instance: &str, about: FindingKind, groups: &[String]) -> Self {
        let listed = listed(groups);
        let (text, what_to_do) = match about {
            FindingKind::RenamedGroup => (
                format!("{instance}: operator groups that follow a product profile were renamed in Campaign: {listed}"),
                format!("campaign-group-sync history {run} says for each which name it had and what to do"),
            ),
            FindingKind::OrphanedGroup | FindingKind::ExpiringCredential => (
                format!("{instance}: operator groups have lost their product profile: {listed}"),
                "if a profile was deleted or renamed by mistake, restore it in the Admin Console; otherwise decide what the \
                 members keep: with orphaned_group = \"empty\" their removal is held until it is approved"
                    .to_owned(),
            ),
        };
        let found = Self::new(NotificationKind::Finding, time, text, what_to_do);
        let counts = BTreeMap::from([(about.as_str().to_owned(), groups.len())]);
        Self { counts, ..found }.of_instance(run, instance)
    }

    /// A credential expires soon, with its topic; `None` if it does not. `section` is its section in the configuration.
    pub fn expiring(time: DateTime<Utc>, section: &str, last_day: NaiveDate) -> Option<(FindingTopic, Self)> {
        if last_day - time.date_naive() >= EXPIRY_NOTICE {
            return None;
        }
        let text = format!("{section}.client_secret expires after {last_day} (UTC)");
        let what_to_do = format!(
            "add a second secret to the credential in the Developer Console, put it where {section}.client_secret is read \
             from, and write its day to {section}.client_secret_expires; campaign-group-sync check proves it"
        );
        let topic =
            FindingTopic { about: FindingKind::ExpiringCredential, subject: format!("{section} until {last_day}") };
        Some((topic, Self::new(NotificationKind::Finding, time, text, what_to_do)))
    }

    /// What `check --notify` sends.
    pub fn test(time: DateTime<Utc>) -> Self {
        let text = "this is a test notification: campaign-group-sync check --notify was run".to_owned();
        Self::new(NotificationKind::Test, time, text, "nothing: the target works".to_owned())
    }
}

/// The findings of a run over a whole instance, each of which causes one notification.
pub fn findings(report: &InstanceReport) -> BTreeSet<FindingTopic> {
    let orphaned = report.orphaned.iter().map(|orphan| (FindingKind::OrphanedGroup, &orphan.group));
    let renamed = report.skipped.iter().filter(|skipped| skipped.reason == SkipReason::RenamedGroup);
    let renamed = renamed.map(|skipped| (FindingKind::RenamedGroup, &skipped.subject));
    orphaned.chain(renamed).map(|(about, subject)| FindingTopic { about, subject: subject.clone() }).collect()
}

fn counts(summary: &Summary) -> BTreeMap<String, usize> {
    let numbers = [
        (ChangeKind::Add.as_str(), summary.add),
        (ChangeKind::Remove.as_str(), summary.remove),
        (ChangeKind::CreateOperator.as_str(), summary.create_operator),
        (ChangeKind::CreateGroup.as_str(), summary.create_group),
        (ChangeKind::DisableOperator.as_str(), summary.disable_operator),
        ("applied", summary.applied),
        ("already", summary.already),
        ("failed", summary.failed),
        ("held", summary.held),
        ("unconfirmed", summary.unconfirmed),
        ("pending", summary.pending),
        ("skipped", summary.skipped),
    ];
    numbers.into_iter().filter(|(_, number)| *number > 0).map(|(name, number)| (name.to_owned(), number)).collect()
}

/// Each name once, without empty names.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
    names.into_iter().take(MOST_OPERATORS).map(str::to_owned).collect()
}

fn listed(groups: &[String]) -> String {
    let shown: Vec<_> = groups.iter().take(MOST_GROUPS).map(|group| printable(group)).collect();
    match groups.len().saturating_sub(MOST_GROUPS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    let word = if count == 1 { one } else { many };
    format!("{count} {word}")
}
