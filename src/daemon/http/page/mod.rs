//! The status page of the daemon, and the page of each run.
//!
//! | file | what lives there |
//! |---|---|
//! | `templates` | the HTML, by section; `askama.toml` says how it is read |
//! | `escape` | the escaper that every value passes |
//! | `parts` | times, names, links and badges, which render themselves |
//! | `history` | the history, read at most once a second |
//! | `status_page` | the page `/` |
//! | `sections` | its parts: state, held plans, approvals, instances, runs |
//! | `chart` | the chart of the last runs |
//! | `explain` | the form and the answer that explain the memberships of a user |
//! | `run_page` | the page of a run |
//! | `style` | the style sheet, and the hash that allows it |
//! | `page.js` | refreshes the page in place; the page also works without it |

mod chart;
mod escape;
mod explain;
mod history;
mod parts;
mod run_page;
mod sections;
mod status_page;
mod style;

use std::time::Duration;

use askama::{Template, filters::Safe};
use axum::http::StatusCode;
use chrono::Utc;
use tokio::{sync::Mutex, time::timeout};

use super::HttpState;
use crate::{
    domain::RunReport,
    journal::{FindRunError, RunEntry},
    observability::Chain,
};
pub(crate) use escape::PageText;
use explain::ExplainView;
use history::HistoryReader;
use parts::{Clock, Time};
use run_page::{NoRunPage, RunPage};
use status_page::StatusPage;

/// The script of every page.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// The media type of a page.
const HTML: &str = "text/html; charset=utf-8";

/// How long reading one run may take.
const RUN_DEADLINE: Duration = Duration::from_secs(10);

/// Longest id of a run.
const LONGEST_ID: usize = 26;

/// The query of the page.
#[derive(Debug, Default)]
pub(super) struct PageQuery {
    /// The user to explain; `None` without a query.
    pub(super) user: Option<String>,
    /// The operator group to explain; empty for all.
    pub(super) group: String,
    /// Whether another site sent the browser here: then the user must send the form first.
    pub(super) is_foreign: bool,
}

/// The requested form of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunForm {
    /// The page for a browser.
    Page,
    /// The report for programs.
    Json,
}

/// A response before its headers.
pub(super) struct HttpAnswer {
    pub(super) status: StatusCode,
    /// How long to wait before a retry, where a retry can help.
    pub(super) retry_after: Option<Duration>,
    pub(super) media_type: &'static str,
    pub(super) body: String,
}

/// The parts that all pages share.
struct Layout {
    style: Safe<&'static str>,
    version: &'static str,
    as_of: Time,
}

/// The page of the daemon and those of the runs.
pub(super) struct Page {
    state: HttpState,
    history: HistoryReader,
    /// Held while a run is read: reports may be long, and many at a time would fill the memory.
    reading_run: Mutex<()>,
    style_source: String,
}

impl Layout {
    fn new(clock: &Clock) -> Self {
        Self { style: Safe(style::SHEET), version: env!("CARGO_PKG_VERSION"), as_of: clock.time(clock.now) }
    }
}

impl HttpAnswer {
    fn page(status: StatusCode, page: &impl Template) -> Self {
        match page.render() {
            Ok(body) => Self { status, retry_after: None, media_type: HTML, body },
            Err(error) => Self::internal_error(&error.to_string()),
        }
    }

    fn json(report: &RunReport) -> Self {
        match serde_json::to_string(report) {
            Ok(json) => {
                let body = json + "\n";
                Self { status: StatusCode::OK, retry_after: None, media_type: "application/json", body }
            }
            Err(error) => Self::internal_error(&error.to_string()),
        }
    }

    fn internal_error(why: &str) -> Self {
        let (status, body) = (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n"));
        Self { status, retry_after: None, media_type: "text/plain; charset=utf-8", body }
    }
}

impl Page {
    pub(super) fn new(state: HttpState) -> Self {
        let (history, reading_run) = (HistoryReader::default(), Mutex::default());
        Self { state, history, reading_run, style_source: style::source() }
    }

    /// The expression for the style sheet in the Content Security Policy.
    pub(super) fn style_source(&self) -> &str {
        &self.style_source
    }

    fn clock(&self) -> Clock {
        Clock { now: Utc::now(), zone: self.state.daemon_state.facts().timezone }
    }

    /// The page `/`.
    pub(super) async fn status(&self, query: &PageQuery) -> HttpAnswer {
        let lookup = self.state.daemon_state.facts().person_lookup;
        let reply = explain::answer(&self.state.explain_requests, lookup, query).await;
        let facts = self.state.daemon_state.facts();
        let history = self.history.history(&self.state.journal, facts.last_report.as_ref()).await;
        let clock = self.clock();
        let answer = reply.as_ref().map(|reply| ExplainView::new(query, lookup, reply, &clock));
        let page = StatusPage::new(&facts, &history, answer, &clock);
        let (status, retry_after) = explain::status(reply.as_ref());
        HttpAnswer { retry_after, ..HttpAnswer::page(status, &page) }
    }

    /// The page `/runs/RUN`, or the report of that run.
    pub(super) async fn run(&self, id: &str, form: RunForm) -> HttpAnswer {
        let found = timeout(RUN_DEADLINE, self.find_run(id)).await;
        let clock = self.clock();
        let (status, page) = match found {
            Ok(Ok((report, _))) if form == RunForm::Json => return HttpAnswer::json(&report),
            Ok(Ok((report, entry))) => {
                let held = self.state.daemon_state.facts().status.held;
                let page = RunPage::new(&report, entry.as_ref(), &held, &clock);
                return HttpAnswer::page(StatusCode::OK, &page);
            }
            Ok(Err(FindRunError::Unknown(id))) => (StatusCode::NOT_FOUND, NoRunPage::unknown(&id, &clock)),
            Ok(Err(FindRunError::Ambiguous { id, candidates, more })) => {
                (StatusCode::NOT_FOUND, NoRunPage::ambiguous(&id, &candidates, more, &clock))
            }
            Ok(Err(deleted @ FindRunError::Deleted { .. })) => {
                (StatusCode::NOT_FOUND, NoRunPage::new("Deleted run", format!("{deleted}."), &clock))
            }
            Ok(Err(FindRunError::Journal(error))) => {
                let why = format!("The history cannot be read: {}.", Chain(&error));
                (StatusCode::SERVICE_UNAVAILABLE, NoRunPage::new("The run cannot be shown", why, &clock))
            }
            Err(_) => {
                let waited = RUN_DEADLINE.as_secs();
                let why =
                    format!("The read timed out after {waited} s, or another run is being read. Reload the page.");
                (StatusCode::SERVICE_UNAVAILABLE, NoRunPage::new("The run cannot be shown now", why, &clock))
            }
        };
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RUN_DEADLINE);
        HttpAnswer { retry_after, ..HttpAnswer::page(status, &page) }
    }

    async fn find_run(&self, id: &str) -> Result<(RunReport, Option<RunEntry>), FindRunError> {
        // Ids consist of letters and digits: any other id is not looked up in the journal.
        if id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(FindRunError::Unknown(id.chars().take(LONGEST_ID).collect()));
        }
        let _turn = self.reading_run.lock().await;
        let report = self.state.journal.find_run(id).await?;
        let entry = self.state.journal.run_entry(&report.run).await?;
        Ok((report, entry))
    }
}
