//! The answers of a check. The field names are part of the JSON form.

use serde::Serialize;

/// What became of one prerequisite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at, because something it depends on failed or the network is not to be used.
    NotChecked,
    /// Works, and somebody should look at it.
    Warning,
    /// Does not work until somebody mends it.
    Failed,
}

/// What a failure comes from; each has the exit code that a run would end with. The gravest is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCause {
    /// A system does not answer for now (6).
    Unavailable,
    /// A system answers with what cannot be used (5).
    Incomplete,
    /// Credentials, or what they allow, are refused (77).
    Refused,
    /// What is written, here or there, is wrong (78).
    Configuration,
}

/// What a prerequisite is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckSection {
    /// The configuration of this program.
    Configuration,
    /// Adobe's Admin Console and its credentials.
    ExperienceCloud,
    /// One Campaign instance.
    Campaign,
    /// The association mask, and the names on both sides.
    Names,
    /// This host.
    Host,
    /// Who is told what happens.
    Notifications,
}

/// One prerequisite, in the order in which a person would mend them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub section: CheckSection,
    /// The instance it is about; `None` when it is about all of them.
    pub instance: Option<String>,
    /// A short name that does not change: `experience_cloud.token`.
    pub id: &'static str,
    /// What was asked, as people say it.
    pub title: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What a failure comes from; `None` for anything else.
    pub cause: Option<FailureCause>,
    /// The `id` of the prerequisite that has to be mended first, where this one was not looked at for that reason.
    pub waits_for: Option<&'static str>,
    /// What was seen, or why it was not looked at; several lines where two values are compared.
    pub evidence: String,
    /// What to do; empty when nothing is.
    pub remedy: String,
}

/// All prerequisites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Version of this document's form.
    pub version: u32,
    /// Every prerequisite that was thought of.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// The gravest cause of any failure; `None` when nothing failed.
    pub fn gravest(&self) -> Option<FailureCause> {
        self.findings.iter().filter_map(|finding| finding.cause).max()
    }

    /// How many prerequisites have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}
