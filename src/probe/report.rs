//! The report of a probe.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{Failure, InstanceAnswers, rfc3339};

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeOutcome {
    /// Every question was settled, and every scratch record was removed.
    Settled,
    /// A question was not settled, or a scratch record could not be removed.
    Partial,
    /// The instance must not be probed; nothing was written.
    NotAllowed,
    /// A run or another probe is in progress; nothing was written.
    Locked,
    /// The probe was stopped by a signal.
    Interrupted,
    /// Campaign could not be read completely.
    Incomplete,
    /// Campaign asked for a pause.
    Throttled,
    /// Campaign could not be reached, timed out, or had a temporary fault.
    Unavailable,
    /// Campaign refused the credentials.
    Refused,
    /// The configuration of this host prevents access to Campaign.
    Misconfigured,
    /// An unexpected failure, such as one of the state.
    Failed,
}

impl From<Failure> for ProbeOutcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Misconfigured => Self::Misconfigured,
            Failure::Incomplete => Self::Incomplete,
            Failure::Throttled { .. } => Self::Throttled,
            Failure::Unavailable => Self::Unavailable,
            Failure::Unexpected => Self::Failed,
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeStep {
    /// Its id, `T1` to `T9`.
    pub id: &'static str,
    /// What was tried.
    pub tried: String,
    /// What Campaign answered, with the code of a fault.
    pub answer: String,
    /// What that settles.
    pub settles: String,
}

/// The report of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    /// Version of this document.
    pub version: u32,
    /// Id of the probe, which the labels of its scratch records contain.
    pub probe: String,
    /// Name of the instance in the configuration.
    pub instance: String,
    /// Address of the instance.
    pub address: String,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: ProbeOutcome,
    /// Why it ended early; `None` if it did not.
    pub error: Option<String>,
    /// The steps, in the order in which they were made.
    pub steps: Vec<ProbeStep>,
    /// What is known about the instance now.
    pub answers: InstanceAnswers,
    /// The scratch records that could not be removed or may still appear; the next probe removes them.
    pub left: Vec<String>,
    /// The steps of T8, which an administrator makes: `probe` has no user who could sign in.
    pub by_hand: [&'static str; 5],
}

/// T8: what Campaign's own synchronization does when a user signs in. It needs a test user who can sign in through IMS.
pub const SIGN_IN_STEPS: [&str; 5] = [
    "In the Admin Console, give a test user product profile A, which the mask maps to group A, and no other.",
    "In Campaign, make the user's operator a member of group A, of a group B that the mask could yield but that has no \
     product profile, and of a group C that the mask cannot yield.",
    "Have the user sign in to Campaign, then read the operator's groups: if B is gone, the sign-in replaces the groups \
     within the mask; if C is gone as well, it replaces all groups; if both stay, it only adds.",
    "In the Admin Console, exchange profile A for a profile D, which the mask maps to group D.",
    "Have the user sign in again, then read the groups: D is new; whether A is gone confirms the result of the first \
     sign-in.",
];
