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
    domain::{Explanation, Finding, OperatorGroupName, Verdict},
    settings::PersonLookup,
};

use super::{
    Asked,
    markup::Html,
    words::{badge, time},
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

/// The form, and below it the answer.
pub(super) fn section(html: &mut Html, asked: &Asked, lookup: PersonLookup, reply: Option<&Reply>) {
    html.raw("<section aria-labelledby=\"person\"><h2 id=\"person\">Why is somebody in a group, or not?</h2>");
    if lookup == PersonLookup::On {
        form(html, asked);
    }
    match reply {
        None => {}
        Some(Err(refusal)) => {
            html.raw("<p class=\"note doubt\" role=\"status\">").raw(refusal.why).raw("</p>");
        }
        Some(Ok(explanation)) => explained(html, explanation),
    }
    html.raw("</section>");
}

fn form(html: &mut Html, asked: &Asked) {
    html.raw("<form method=\"get\" action=\"/\" role=\"search\"><div><label for=\"who\">E-mail address or user name</label>")
        .raw("<input id=\"who\" name=\"person\" required maxlength=\"320\" autocomplete=\"off\" spellcheck=\"false\" value=\"")
        .text(asked.person.as_deref().unwrap_or_default())
        .raw("\"></div><div><label for=\"where\">Operator group (optional)</label>")
        .raw("<input id=\"where\" name=\"group\" maxlength=\"320\" autocomplete=\"off\" spellcheck=\"false\" value=\"")
        .text(&asked.group)
        .raw("\"></div><button>Explain</button></form>");
}

fn explained(html: &mut Html, explanation: &Explanation) {
    html.raw("<h3>").name(&explanation.person).raw("</h3><p class=\"quiet\">Looked up at ");
    time(html, explanation.at);
    html.raw("</p>");
    findings(html, &explanation.findings);
    for instance in &explanation.instances {
        html.raw("<h3>Instance ").name(&instance.name).raw("</h3>");
        findings(html, &instance.findings);
        for group in &instance.groups {
            html.raw("<h4>Operator group ").name(&group.group).raw(": ");
            html.raw(match group.is_member {
                Some(true) => "a member",
                Some(false) => "not a member",
                None => "not known whether a member",
            });
            html.raw("</h4>");
            findings(html, &group.findings);
        }
    }
}

fn findings(html: &mut Html, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    html.raw("<ul class=\"findings\">");
    for finding in findings {
        html.raw("<li>");
        match finding.verdict {
            Verdict::Yes => badge(html, "badge good", "yes"),
            Verdict::No => badge(html, "badge bad", "no"),
            Verdict::Unknown => badge(html, "badge doubt", "unknown"),
            Verdict::Note => badge(html, "badge info", "note"),
        }
        html.raw("<span class=\"quiet\">").raw(finding.station.title()).raw("</span> <span>");
        html.name(&finding.text).raw("</span></li>");
    }
    html.raw("</ul>");
}
