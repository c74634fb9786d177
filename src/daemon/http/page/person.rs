//! The question about a person, and its answer: why they are, or are not, in a group.

use std::time::Duration;

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

/// The answer, or why there is none; `None` when nothing was asked.
pub(super) async fn answer(
    questions: &mpsc::Sender<Question>,
    asked: &Asked,
) -> Option<Result<Explanation, &'static str>> {
    if asked.person.is_empty() {
        return None;
    }
    if asked.is_foreign {
        return Some(Err("You come from another site: press Explain to have this looked up."));
    }
    if asked.person.len() > LONGEST_NAME || asked.group.len() > LONGEST_NAME {
        return Some(Err("Nobody has so long a name."));
    }
    let (reply, answered) = oneshot::channel();
    let group = (!asked.group.is_empty()).then(|| OperatorGroupName::new(&asked.group));
    let sent = questions.try_send(Question { person: asked.person.clone(), group, reply });
    Some(match sent {
        Ok(()) => match timeout(PATIENCE, answered).await {
            Ok(Ok(explanation)) => Ok(explanation),
            Ok(Err(_)) | Err(_) => Err("No answer: the daemon did not find it out in time. Try again later."),
        },
        Err(TrySendError::Full(_)) => Err("No answer: too many questions wait. Try again later."),
        Err(TrySendError::Closed(_)) => Err("No answer: the daemon is stopping."),
    })
}

/// The form, and below it the answer.
pub(super) fn section(html: &mut Html, asked: &Asked, answer: Option<&Result<Explanation, &'static str>>) {
    html.raw("<section aria-labelledby=\"person\"><h2 id=\"person\">Why is somebody in a group, or not?</h2>")
        .raw("<form method=\"get\" action=\"/\" role=\"search\"><div><label for=\"who\">E-mail address or user name</label>")
        .raw("<input id=\"who\" name=\"person\" required maxlength=\"320\" autocomplete=\"off\" spellcheck=\"false\" value=\"")
        .text(&asked.person)
        .raw("\"></div><div><label for=\"where\">Operator group (optional)</label>")
        .raw("<input id=\"where\" name=\"group\" maxlength=\"320\" autocomplete=\"off\" spellcheck=\"false\" value=\"")
        .text(&asked.group)
        .raw("\"></div><button>Explain</button></form>");
    match answer {
        None => {}
        Some(Err(why)) => {
            html.raw("<p class=\"note doubt\" role=\"status\">").raw(why).raw("</p>");
        }
        Some(Ok(explanation)) => explained(html, explanation),
    }
    html.raw("</section>");
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
