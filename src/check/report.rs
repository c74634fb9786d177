//! The report of a check. The field names are part of the JSON form.

use serde::Serialize;

/// The verdict on one prerequisite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The prerequisite is met.
    Ok,
    /// Not checked, because something it depends on failed or the network may not be used.
    NotChecked,
    /// Works, and needs the attention of an administrator.
    Warning,
    /// Does not work until an administrator fixes it.
    Failed,
}

/// The cause of a failure; each has the exit status that a run would have. The most serious is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCause {
    /// Adobe, Campaign or a service is temporarily unavailable (6).
    Unavailable,
    /// Adobe or Campaign sends a response that cannot be used (5).
    Incomplete,
    /// Credentials are refused, or lack a permission (77).
    Refused,
    /// The configuration is wrong, here or in Campaign (78).
    Configuration,
}

/// The topic of a prerequisite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckSection {
    /// The configuration of this program.
    Configuration,
    /// Adobe's Admin Console and its credentials.
    ExperienceCloud,
    /// One Campaign instance.
    Campaign,
    /// The association mask, and the names of product profiles and operator groups.
    Names,
    /// This host.
    Host,
    /// The targets of notifications.
    Notifications,
}

/// The result for one prerequisite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its topic.
    pub section: CheckSection,
    /// The instance that it concerns; `None` when it concerns all of them.
    pub instance: Option<String>,
    /// A short name that does not change between versions: `experience_cloud.token`.
    pub id: &'static str,
    /// The prerequisite as a sentence.
    pub title: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The cause of a failure; `None` for other verdicts.
    pub cause: Option<FailureCause>,
    /// The `id` of the prerequisite that has to be fixed first, where this one was not checked for that reason.
    pub waits_for: Option<&'static str>,
    /// What was found, or why it was not checked; several lines where two values are compared.
    pub evidence: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
}

/// The results for all prerequisites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Version of this document's form.
    pub version: u32,
    /// Every prerequisite, in the order in which an administrator would fix them.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// The most serious cause of a failure; `None` when nothing failed.
    pub fn gravest(&self) -> Option<FailureCause> {
        self.findings.iter().filter_map(|finding| finding.cause).max()
    }

    /// How many prerequisites have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}
