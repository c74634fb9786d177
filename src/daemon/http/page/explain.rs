//! Explains on the page why a user is, or is not, a member of a group: the form and the answer.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::Utc;
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::timeout,
};

use crate::{
    daemon::ExplainRequest,
    domain::{Explanation, Finding, GroupExplanation, InstanceExplanation, OperatorGroupName, Verdict},
    settings::PersonLookup,
};

use super::{
    PageQuery,
    parts::{Badge, Clock, Name, Time, badge, name},
};

/// How long the page waits for an answer: it costs two calls to Adobe and a read of each instance.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest name that is accepted, in bytes: an e-mail address has at most 254 characters.
const LONGEST_NAME: usize = 320;

/// Why a lookup was refused or failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExplainRefusal {
    status: StatusCode,
    /// How long to wait before a retry, where a retry can help.
    retry_after: Option<Duration>,
    /// One sentence or two, without markup.
    why: &'static str,
}

impl ExplainRefusal {
    fn new(status: StatusCode, why: &'static str) -> Self {
        Self { status, retry_after: None, why }
    }

    fn unavailable(why: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

/// The answer, or why there is none.
pub(super) type ExplainReply = Result<Explanation, ExplainRefusal>;

/// The answer to the query; `None` without a query.
pub(super) async fn answer(
    explain_requests: &mpsc::Sender<ExplainRequest>,
    lookup: PersonLookup,
    query: &PageQuery,
) -> Option<ExplainReply> {
    let user = query.user.as_deref()?;
    if lookup == PersonLookup::Off {
        // 403 and not 404: the URL exists, and the configuration forbids the lookup.
        let why = "This page does not look up users, because http.person_lookup is \"off\". Use the command \
                   \"campaign-group-sync explain\".";
        return Some(Err(ExplainRefusal::new(StatusCode::FORBIDDEN, why)));
    }
    if user.is_empty() {
        return None;
    }
    if query.is_foreign {
        let why = "Another web site opened this page. Press Explain to look up the user.";
        return Some(Err(ExplainRefusal::new(StatusCode::OK, why)));
    }
    if user.len() > LONGEST_NAME || query.group.len() > LONGEST_NAME {
        return Some(Err(ExplainRefusal::new(StatusCode::OK, "The name is too long: the limit is 320 bytes.")));
    }
    let (reply, answered) = oneshot::channel();
    let group = (!query.group.is_empty()).then(|| OperatorGroupName::new(&query.group));
    let sent = explain_requests.try_send(ExplainRequest { user: user.to_owned(), group, reply });
    Some(match sent {
        Ok(()) => match timeout(TIMEOUT, answered).await {
            Ok(Ok(explanation)) => Ok(explanation),
            Ok(Err(_)) | Err(_) => Err(ExplainRefusal::unavailable("The lookup timed out. Retry later.")),
        },
        Err(TrySendError::Full(_)) => {
            let refusal = ExplainRefusal::unavailable("Too many lookups wait. Retry later.");
            Err(ExplainRefusal { retry_after: Some(TIMEOUT), ..refusal })
        }
        Err(TrySendError::Closed(_)) => Err(ExplainRefusal::unavailable("The daemon is stopping.")),
    })
}

/// The HTTP status of a page with this reply, and how long to wait before a retry. An answer that lacks calls is a 503 and not
/// a 429, because all clients share the calls.
pub(super) fn status(reply: Option<&ExplainReply>) -> (StatusCode, Option<Duration>) {
    match reply {
        None => (StatusCode::OK, None),
        Some(Err(refusal)) => (refusal.status, refusal.retry_after),
        Some(Ok(explanation)) => match explanation.retry_at {
            None => (StatusCode::OK, None),
            Some(at) => (StatusCode::SERVICE_UNAVAILABLE, Some((at - Utc::now()).to_std().unwrap_or_default())),
        },
    }
}

/// The part of the page that explains memberships: the form, and the answer or why there is none.
#[derive(Default)]
pub(super) struct ExplainView {
    /// `None` where lookups are off.
    pub(super) form: Option<FormView>,
    pub(super) refusal: Option<&'static str>,
    pub(super) answer: Option<AnswerView>,
}

/// The values of the fields.
#[derive(Default)]
pub(super) struct FormView {
    pub(super) user: String,
    pub(super) group: String,
}

pub(super) struct AnswerView {
    pub(super) user: Name,
    pub(super) at: Time,
    pub(super) findings: Vec<FindingView>,
    pub(super) instances: Vec<InstanceAnswer>,
}

pub(super) struct InstanceAnswer {
    pub(super) name: Name,
    pub(super) findings: Vec<FindingView>,
    pub(super) groups: Vec<GroupAnswer>,
}

pub(super) struct GroupAnswer {
    pub(super) name: Name,
    pub(super) membership: &'static str,
    pub(super) findings: Vec<FindingView>,
}

pub(super) struct FindingView {
    pub(super) badge: Badge,
    pub(super) station: &'static str,
    pub(super) text: Name,
}

impl ExplainView {
    /// An empty form.
    pub(super) fn unasked() -> Self {
        Self { form: Some(FormView::default()), ..Self::default() }
    }

    /// The query and the reply.
    pub(super) fn new(query: &PageQuery, lookup: PersonLookup, reply: &ExplainReply, clock: &Clock) -> Self {
        let user = query.user.clone().unwrap_or_default();
        let form = (lookup == PersonLookup::On).then(|| FormView { user, group: query.group.clone() });
        match reply {
            Ok(explanation) => Self { form, answer: Some(AnswerView::new(explanation, clock)), refusal: None },
            Err(refusal) => Self { form, answer: None, refusal: Some(refusal.why) },
        }
    }
}

impl AnswerView {
    fn new(explanation: &Explanation, clock: &Clock) -> Self {
        let instance = |it: &InstanceExplanation| InstanceAnswer {
            name: name(&it.name),
            findings: findings(&it.findings),
            groups: it.groups.iter().map(GroupAnswer::new).collect(),
        };
        Self {
            user: name(&explanation.user),
            at: clock.time(explanation.at),
            findings: findings(&explanation.findings),
            instances: explanation.instances.iter().map(instance).collect(),
        }
    }
}

impl GroupAnswer {
    fn new(group: &GroupExplanation) -> Self {
        let membership = match group.is_member {
            Some(true) => "a member",
            Some(false) => "not a member",
            None => "not known whether a member",
        };
        Self { name: name(&group.group), membership, findings: findings(&group.findings) }
    }
}

fn findings(findings: &[Finding]) -> Vec<FindingView> {
    let view = |finding: &Finding| FindingView {
        badge: match finding.verdict {
            Verdict::Yes => badge("good", "yes"),
            Verdict::No => badge("bad", "no"),
            Verdict::Unknown => badge("doubt", "unknown"),
            Verdict::Note => badge("info", "note"),
        },
        station: finding.station.title(),
        text: name(&finding.text),
    };
    findings.iter().map(view).collect()
}
