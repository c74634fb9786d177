//! The page: what the daemon does, did and waits for, readable without JavaScript, in light and in dark.
//!
//! | file | what lives there |
//! |---|---|
//! | `markup` | a writer of HTML that lets no name through as markup |
//! | `words` | times, outcomes and numbers as people read them |
//! | `style` | the style sheet, and the hash by which the browser knows it |
//! | `history` | what is shown of the past, read at most once a second |
//! | `chart` | changes over time |
//! | `sections` | state, held plans, instances, runs |
//! | `person` | the question about a person, and its answer |

mod chart;
mod history;
mod markup;
mod person;
mod sections;
mod style;
mod words;

use std::time::Duration;

use axum::http::StatusCode;
use chrono::Utc;

use super::HttpState;
use crate::settings::PersonLookup;
use history::HistoryReader;
use markup::Html;

/// What the page is asked beside itself; empty when nothing.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// About whom, in a question; `None` when the page is asked for alone.
    pub(super) person: Option<String>,
    /// In which operator group; empty for all.
    pub(super) group: String,
    /// Whether another site sent the browser here: then no question goes on before a person sends it.
    pub(super) is_foreign: bool,
}

/// The page as it is sent.
pub(super) struct Rendered {
    pub(super) status: StatusCode,
    /// How long to wait before a question that has no answer yet is sent again.
    pub(super) retry_after: Option<Duration>,
    /// The HTML document.
    pub(super) body: String,
}

/// The page.
pub(super) struct Page {
    state: HttpState,
    history: HistoryReader,
    style_source: String,
}

impl Page {
    pub(super) fn new(state: HttpState) -> Self {
        Self { state, history: HistoryReader::default(), style_source: style::source() }
    }

    /// How the policy of the answer names the style sheet.
    pub(super) fn style_source(&self) -> &str {
        &self.style_source
    }

    /// The whole document.
    pub(super) async fn rendered(&self, asked: &Asked) -> Rendered {
        let lookup = self.state.board.facts().person_lookup;
        let reply = person::answer(&self.state.questions, lookup, asked).await;
        let facts = self.state.board.facts();
        let history = self.history.history(&self.state.journal, facts.last_report.as_ref()).await;
        let now = Utc::now();
        let mut html = Html::default();
        head(&mut html);
        html.raw("<header><h1>campaign-group-sync</h1>");
        sections::state(&mut html, &facts, now);
        html.raw("</header><main>");
        if let Some(error) = &history.error {
            html.raw("<p class=\"note bad\">").text(error).raw("</p>");
        }
        // The answer stands beside its question, and nobody who asked wants to scroll for it.
        let is_asked = reply.is_some();
        if is_asked {
            person::section(&mut html, asked, lookup, reply.as_ref());
        }
        sections::held(&mut html, &history.held, now);
        sections::approvals(&mut html, &history.approvals);
        sections::instances(&mut html, history.latest.as_deref());
        sections::runs(&mut html, &history.runs);
        if !is_asked && lookup == PersonLookup::On {
            person::section(&mut html, asked, lookup, None);
        }
        html.raw("</main><footer><p>campaign-group-sync ").raw(env!("CARGO_PKG_VERSION")).raw(", as of ");
        words::time(&mut html, now);
        html.raw("; for programs: <a href=\"/status\">status</a>, <a href=\"/metrics\">metrics</a></p></footer></body></html>\n");
        let (status, retry_after) = person::status(reply.as_ref());
        Rendered { status, retry_after, body: html.finish() }
    }
}

fn head(html: &mut Html) {
    html.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>campaign-group-sync</title>")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
        .raw("<meta name=\"color-scheme\" content=\"light dark\"><style>")
        .raw(style::SHEET)
        .raw("</style></head><body>");
}
