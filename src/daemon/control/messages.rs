//! The messages of the control socket: one JSON object a line, requests of the command line and responses of the
//! daemon.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{AccessReview, Explanation, RunMode, RunReport},
    sync::WaitPolicy,
};

use super::{
    super::{ApprovalAnswer, Status, UnpauseAnswer},
    addressee::Addressee,
};

/// A line of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AddressedRequest {
    /// The request.
    #[serde(flatten)]
    pub(super) request: ControlRequest,
    /// The daemon that the client means: another one refuses the request.
    #[serde(default)]
    pub(super) to: Addressee,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum ControlRequest {
    /// The status of the daemon. The response is a status.
    Status,
    /// A run now. The responses are any number of progress lines and a report.
    SyncNow {
        /// The run.
        order: RunOrder,
    },
    /// The approval of a held plan for the next run. The response is an approval.
    Approve {
        /// The digest of the plan: 16 hexadecimal digits.
        digest: String,
        /// The name that the approver gives: a note for the record, beside the user that the kernel reports.
        approver: String,
        /// When the run begins that uses the approval.
        #[serde(default)]
        run: RunAfterApproval,
    },
    /// Why a user is, or is not, a member of groups. The response is an explanation.
    Explain {
        /// E-mail address, user name, or login of the operator.
        #[serde(rename = "person")]
        user: String,
        /// The operator group to explain; `None` for all.
        #[serde(default)]
        group: Option<String>,
    },
    /// The access review of what is recorded. The response is a review.
    Review {
        /// The beginning of the period whose changes are listed; `None` for the last review.
        #[serde(default)]
        since: Option<DateTime<Utc>>,
        /// Only this instance.
        #[serde(default)]
        instance: Option<String>,
        /// Set to record the review as done.
        #[serde(default)]
        done: Option<ReviewDone>,
    },
    /// The request to forget a pause that Adobe asked for. The response is an unpause document.
    Unpause {
        /// The name that the administrator gives: a note for the record, beside the user that the kernel reports.
        approver: String,
    },
}

/// That the access was reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewDone {
    /// The first digits of the digest of the reviewed access; `None` for the access as it is.
    #[serde(default)]
    pub digest: Option<String>,
    /// The name that the reviewer gives: a note for the record, beside the user that the kernel reports.
    pub reviewer: String,
}

/// When the run begins that uses an approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunAfterApproval {
    /// At once, where Adobe's limits allow it.
    #[default]
    AtOnce,
    /// At its scheduled time.
    AsScheduled,
}

/// The parameters of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOrder {
    /// Whether anything is written.
    pub mode: RunMode,
    /// Only these instances; empty for all.
    #[serde(default)]
    pub instances: Vec<String>,
    /// Only these users; empty for all.
    #[serde(default, rename = "people")]
    pub users: Vec<String>,
    /// Only these operator groups; empty for all.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Digests of held plans to approve for the run.
    #[serde(default)]
    pub approve: Vec<String>,
    /// The name that the requester gives.
    pub approver: String,
    /// How long the run waits while Adobe's limits forbid a call.
    #[serde(default, rename = "throttle")]
    pub wait_policy: WaitPolicy,
}

impl RunOrder {
    /// Whether the run covers everything and may write: only the outcome of such a run decides the state of the daemon.
    pub(in super::super) fn is_whole(&self) -> bool {
        let is_narrowed = !(self.instances.is_empty() && self.users.is_empty() && self.groups.is_empty());
        self.mode == RunMode::Apply && !is_narrowed
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum ControlResponse {
    /// The status of the daemon.
    Status {
        /// The document.
        status: Box<Status>,
    },
    /// The progress of the run.
    Progress {
        /// In words.
        text: String,
    },
    /// The run ended.
    Report {
        /// Its report.
        report: Box<RunReport>,
    },
    /// The result of an approval.
    Approval {
        /// The document.
        approval: Box<ApprovalAnswer>,
    },
    /// Why a user is, or is not, a member of groups.
    Explanation {
        /// The document.
        explanation: Box<Explanation>,
    },
    /// The access review.
    Review {
        /// The document.
        review: Box<AccessReview>,
    },
    /// The result of a request to forget a pause.
    Unpause {
        /// The document.
        unpause: Box<UnpauseAnswer>,
    },
    /// The request was refused, and nothing was done.
    Refused {
        /// In a word.
        reason: RefusalReason,
        /// In a sentence.
        message: String,
    },
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The line is too long, is not JSON, or is not a known request.
    NotUnderstood,
    /// A name or a digest is invalid.
    Usage,
    /// The daemon is stopping, or failed.
    Failed,
    /// The user of the client may not use the socket.
    Forbidden,
    /// The client means another daemon.
    OtherDaemon,
}

impl ControlResponse {
    pub(super) fn refused(reason: RefusalReason, message: impl Into<String>) -> Self {
        Self::Refused { reason, message: message.into() }
    }
}
