//! What goes over the control socket: one JSON object a line, asked by the command line and answered by the daemon.

use serde::{Deserialize, Serialize};

use crate::domain::{Explanation, RunMode, RunReport};

use super::super::{ApprovalAnswer, Status, UnpauseAnswer};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum ControlRequest {
    /// What the daemon is doing. Answered by a status.
    Status,
    /// One run now. Answered by any number of progress lines and a report.
    SyncNow {
        /// What is asked of the run.
        order: RunOrder,
    },
    /// The approval of a held plan for the next run. Answered by what became of it.
    Approve {
        /// Names the plan: 16 hexadecimal digits.
        digest: String,
        /// The name that the approver gives: a note for the record, beside the user that the kernel reports.
        approver: String,
        /// When the run begins that uses the approval.
        #[serde(default)]
        run: RunAfterApproval,
    },
    /// Why a person is, or is not, in groups. Answered by an explanation.
    Explain {
        /// E-mail address, user name, or login of the operator.
        person: String,
        /// The only operator group that is asked about; `None` for all.
        #[serde(default)]
        group: Option<String>,
    },
    /// The request to forget a pause that Adobe asked for. Answered by what became of it.
    Unpause {
        /// The name that the administrator gives: a note for the record, beside the user that the kernel reports.
        approver: String,
    },
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

/// One run, as it is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOrder {
    /// Whether anything is written.
    pub mode: RunMode,
    /// Only these instances; empty for all.
    #[serde(default)]
    pub instances: Vec<String>,
    /// Only these people; empty for everybody.
    #[serde(default)]
    pub people: Vec<String>,
    /// Only these operator groups; empty for all.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Digests of held plans that the run may make.
    #[serde(default)]
    pub approve: Vec<String>,
    /// Who asks.
    pub approver: String,
    /// What is done about a throttle.
    #[serde(default)]
    pub throttle: Throttle,
}

/// What a run does about a throttle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// It leaves when the wait would be longer than one call may wait.
    #[default]
    Leave,
    /// It waits as long as it takes.
    WaitOut,
}

impl RunOrder {
    /// Whether the run is about everything and may write: only such a run says how it stands with the whole.
    pub(in super::super) fn is_whole(&self) -> bool {
        let is_narrowed = !(self.instances.is_empty() && self.people.is_empty() && self.groups.is_empty());
        self.mode == RunMode::Apply && !is_narrowed
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum ControlResponse {
    /// What the daemon is doing.
    Status {
        /// The document.
        status: Box<Status>,
    },
    /// How far the run is.
    Progress {
        /// In words.
        text: String,
    },
    /// The run ended.
    Report {
        /// Its report.
        report: Box<RunReport>,
    },
    /// What became of an approval.
    Approval {
        /// The document.
        approval: Box<ApprovalAnswer>,
    },
    /// Why a person is, or is not, in groups.
    Explanation {
        /// The document.
        explanation: Box<Explanation>,
    },
    /// What became of a request to forget a pause.
    Unpause {
        /// The document.
        unpause: Box<UnpauseAnswer>,
    },
    /// Nothing was done.
    Refused {
        /// In a word.
        reason: RefusalReason,
        /// In a sentence.
        message: String,
    },
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The line is too long, no JSON, or asks for what nobody knows.
    NotUnderstood,
    /// A name or a digest is wrong.
    Usage,
    /// The daemon ends, or failed.
    Failed,
    /// Whoever asks may not.
    Forbidden,
}

impl ControlResponse {
    pub(super) fn refused(reason: RefusalReason, message: impl Into<String>) -> Self {
        Self::Refused { reason, message: message.into() }
    }
}
