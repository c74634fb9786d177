//! The question about a person, and its answer: why they are, or are not, in a group.

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

/// How long an answer is waited for: it costs two calls to the vendor and a look at each instance.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest name that anybody has: an address of e-mail has 254 characters.
const LONGEST_NAME: usize = 320;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExplainRefusal {
    status: StatusCode,
    /// Where it helps: how long to wait before the question is sent again.
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

/// The answer to a question, or why there is none.
pub(super) type ExplainReply = Result<Explanation, ExplainRefusal>;

/// The answer; `None` when nothing was asked.
pub(super) async fn answer(
    explain_requests: &mpsc::Sender<ExplainRequest>,
    lookup: PersonLookup,
    query: &PageQuery,
) -> Option<ExplainReply> {
    let person = query.person.as_deref()?;
    if lookup == PersonLookup::Off {
        // 403 and not 404: the address is right, and the configuration forbids the question.
        let why = "Questions about a person are switched off here (http.person_lookup = \"off\"). The command \
                   \"campaign-group-sync explain\" answers them.";
        return Some(Err(ExplainRefusal::new(StatusCode::FORBIDDEN, why)));
    }
    if person.is_empty() {
        return None;
    }
    if query.is_foreign {
        let why = "You come from another site: press Explain to have this looked up.";
        return Some(Err(ExplainRefusal::new(StatusCode::OK, why)));
    }
    if person.len() > LONGEST_NAME || query.group.len() > LONGEST_NAME {
        return Some(Err(ExplainRefusal::new(StatusCode::OK, "Nobody has so long a name.")));
    }
    let (reply, answered) = oneshot::channel();
    let group = (!query.group.is_empty()).then(|| OperatorGroupName::new(&query.group));
    let sent = explain_requests.try_send(ExplainRequest { person: person.to_owned(), group, reply });
    Some(match sent {
        Ok(()) => match timeout(TIMEOUT, answered).await {
            Ok(Ok(explanation)) => Ok(explanation),
            Ok(Err(_)) | Err(_) => {
                Err(ExplainRefusal::unavailable("No answer: the daemon did not find it out in time. Try again later."))
            }
        },
        Err(TrySendError::Full(_)) => {
            let refusal = ExplainRefusal::unavailable("No answer: too many questions wait. Try again later.");
            Err(ExplainRefusal { retry_after: Some(TIMEOUT), ..refusal })
        }
        Err(TrySendError::Closed(_)) => Err(ExplainRefusal::unavailable("No answer: the daemon is stopping.")),
    })
}

/// The status of a page with this reply, and how long to wait before the question is sent again. An answer that has to wait
/// for calls is a 503: the calls are everybody's, and this reader may not have used any.
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

/// The question as the page shows it: its form, and the answer or why there is none.
#[derive(Default)]
pub(super) struct ExplainView {
    /// `None` where questions are switched off.
    pub(super) form: Option<FormView>,
    pub(super) refusal: Option<&'static str>,
    pub(super) answer: Option<AnswerView>,
}

/// What stands in the fields.
#[derive(Default)]
pub(super) struct FormView {
    pub(super) person: String,
    pub(super) group: String,
}

pub(super) struct AnswerView {
    pub(super) person: Name,
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
    /// The form, with nothing in it.
    pub(super) fn unasked() -> Self {
        Self { form: Some(FormView::default()), ..Self::default() }
    }

    /// What was asked, and the reply.
    pub(super) fn new(query: &PageQuery, lookup: PersonLookup, reply: &ExplainReply, clock: &Clock) -> Self {
        let person = query.person.clone().unwrap_or_default();
        let form = (lookup == PersonLookup::On).then(|| FormView { person, group: query.group.clone() });
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
            person: name(&explanation.user),
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
