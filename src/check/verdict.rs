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

/// What a prerequisite is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Adobe's Admin Console and its credentials.
    ExperienceCloud,
    /// One Campaign instance.
    Campaign,
    /// The association mask, and the names on both sides.
    Names,
    /// This host.
    Host,
}

/// One prerequisite, in the order in which a person would mend them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub section: Section,
    /// The instance it is about; `None` when it is about all of them.
    pub instance: Option<String>,
    /// A short name that does not change: `experience_cloud.token`.
    pub id: &'static str,
    /// What was asked, as people say it.
    pub title: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What was seen, or why it was not looked at.
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
