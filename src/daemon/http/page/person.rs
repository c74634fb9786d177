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
    daemon::Question,
    domain::{Explanation, Finding, GroupExplanation, InstanceExplanation, OperatorGroupName, Verdict},
    settings::PersonLookup,
};

use super::{
    Asked,
    parts::{Badge, Clock, Name, Time, badge, name},
};

/// How long an answer is waited for: it costs two calls to the vendor and a look at each instance.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest name that anybody has: an address of e-mail has 254 characters.
const LONGEST_NAME: usize = 320;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// Where it helps: how long to wait before the question is sent again.
    retry_after: Option<Duration>,
    /// One sentence or two, without markup.
    why: &'static str,
}

impl Refusal {
    fn new(status: StatusCode, why: &'static str) -> Self {
        Self { status, retry_after: None, why }
    }

    fn unavailable(why: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

/// The answer to a question, or why there is none.
pub(super) type Reply = Result<Explanation, Refusal>;

/// The answer; `None` when nothing was asked.
pub(super) async fn answer(questions: &mpsc::Sender<Question>, lookup: PersonLookup, asked: &Asked) -> Option<Reply> {
    let person = asked.person.as_deref()?;
    if lookup == PersonLookup::Off {
        // 403 and not 404: the address is right, and the configuration forbids the question.
        let why = "Questions about a person are switched off here (http.person_lookup = \"off\"). The command \
                   \"campaign-group-sync explain\" answers them.";
        return Some(Err(Refusal::new(StatusCode::FORBIDDEN, why)));
    }
    if person.is_empty() {
        return None;
    }
    if asked.is_foreign {
        let why = "You come from another site: press Explain to have this looked up.";
        return Some(Err(Refusal::new(StatusCode::OK, why)));
    }
    if person.len() > LONGEST_NAME || asked.group.len() > LONGEST_NAME {
        return Some(Err(Refusal::new(StatusCode::OK, "Nobody has so long a name.")));
    }
    let (reply, answered) = oneshot::channel();
    let group = (!asked.group.is_empty()).then(|| OperatorGroupName::new(&asked.group));
    let sent = questions.try_send(Question { person: person.to_owned(), group, reply });
    Some(match sent {
        Ok(()) => match timeout(PATIENCE, answered).await {
            Ok(Ok(explanation)) => Ok(explanation),
            Ok(Err(_)) | Err(_) => {
                Err(Refusal::unavailable("No answer: the daemon did not find it out in time. Try again later."))
            }
        },
        Err(TrySendError::Full(_)) => {
            let refusal = Refusal::unavailable("No answer: too many questions wait. Try again later.");
            Err(Refusal { retry_after: Some(PATIENCE), ..refusal })
        }
        Err(TrySendError::Closed(_)) => Err(Refusal::unavailable("No answer: the daemon is stopping.")),
    })
}

/// The status of a page with this reply, and how long to wait before the question is sent again. An answer that has to wait
/// for calls is a 503: the calls are everybody's, and this reader may not have used any.
pub(super) fn status(reply: Option<&Reply>) -> (StatusCode, Option<Duration>) {
    match reply {
        None => (StatusCode::OK, None),
        Some(Err(refusal)) => (refusal.status, refusal.retry_after),
        Some(Ok(explanation)) => match explanation.ask_again_at {
            None => (StatusCode::OK, None),
            Some(at) => (StatusCode::SERVICE_UNAVAILABLE, Some((at - Utc::now()).to_std().unwrap_or_default())),
        },
    }
}

/// The question as the page shows it: its form, and the answer or why there is none.
#[derive(Default)]
pub(super) struct PersonView {
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

impl PersonView {
    /// The form, with nothing in it.
    pub(super) fn unasked() -> Self {
        Self { form: Some(FormView::default()), ..Self::default() }
    }

    /// What was asked, and the reply.
    pub(super) fn new(asked: &Asked, lookup: PersonLookup, reply: &Reply, clock: &Clock) -> Self {
        let person = asked.person.clone().unwrap_or_default();
        let form = (lookup == PersonLookup::On).then(|| FormView { person, group: asked.group.clone() });
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
