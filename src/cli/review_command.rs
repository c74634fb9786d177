//! `review`: the access review, and the record that it was done. Everything comes from the state; neither Adobe nor Campaign
//! is called. Where this user may not read the state, the daemon makes the review.

use chrono::Utc;

use crate::{
    daemon::{
        ReviewQuery,
        control::{ControlClient, ControlRequest, ControlResponse, ReviewDone},
        record_review, review,
    },
    domain::{AccessReview, shell_word, to_the_second},
    journal::Journal,
    settings::{self, Settings},
};

use super::{
    CommandError,
    arguments::{Arguments, RequestedFormat, ReviewArguments},
    bootstrap::start_log,
    daemon_client::{connect, connect_without_secrets, unexpected_answer},
    exit_status::ExitStatus,
    json::json,
    review_csv, review_html, review_text,
    terminal::{print, print_warning},
};

/// What a review says where no run has recorded anything.
const NOTHING_RECORDED: &str =
    "Nothing is recorded: no run has read Campaign yet. campaign-group-sync --sync-now makes a run.";

/// Shows the review; with `--done`, records it first. Text then says only what was recorded, the other formats contain the
/// whole review with the record of it.
pub(super) async fn run(arguments: &Arguments, asked: &ReviewArguments) -> Result<ExitStatus, CommandError> {
    let sources = arguments.sources();
    let review = match settings::load(&sources) {
        Ok(settings) => {
            start_log(arguments, &settings)?;
            made(&settings, asked).await?
        }
        Err(error) => by_daemon(connect_without_secrets(&sources, error).await?, asked).await?,
    };
    if asked.done.is_some() && review.recorded.is_none() {
        return Err(CommandError::NotReviewed { digest: review.digest });
    }
    if review.instances.is_empty() {
        match arguments.format {
            RequestedFormat::Text | RequestedFormat::Markdown => {
                print(&format!("{}\n", nothing(asked)))?;
                return Ok(ExitStatus::Done);
            }
            RequestedFormat::Json | RequestedFormat::Csv | RequestedFormat::Html => print_warning(&nothing(asked)),
        }
    }
    let instance = asked.instance.as_deref();
    print(&match arguments.format {
        RequestedFormat::Text if asked.done.is_some() => review_text::recorded(&review),
        RequestedFormat::Text => review_text::text(&review, instance),
        RequestedFormat::Markdown => review_text::markdown(&review, instance),
        RequestedFormat::Json => json(&review)?,
        RequestedFormat::Csv => review_csv::csv(&review),
        RequestedFormat::Html => review_html::html(&review, instance)?,
    })?;
    Ok(ExitStatus::Done)
}

fn nothing(asked: &ReviewArguments) -> String {
    match &asked.instance {
        Some(name) => format!(
            "Nothing is recorded about instance {name}: no run has read it yet. campaign-group-sync --sync-now makes a run."
        ),
        None => NOTHING_RECORDED.to_owned(),
    }
}

/// Makes the review in this process where it may use the state, or else has the daemon make it. A review is recorded by the
/// daemon wherever one runs.
async fn made(settings: &Settings, asked: &ReviewArguments) -> Result<AccessReview, CommandError> {
    let query = query(asked);
    if let Some(digest) = &asked.done {
        if let Some(daemon) = connect(settings).await {
            return by_daemon(daemon, asked).await;
        }
        let journal = Journal::open_existing(&settings.journal_options()).await?;
        let reviewer = settings::approver();
        return Ok(record_review(journal.as_ref(), settings, &query, digest.as_deref(), &reviewer).await?);
    }
    match Journal::open_read_only(&settings.journal_options()).await {
        Ok(journal) => Ok(review(journal.as_ref(), settings, &query, Utc::now()).await?),
        Err(error) => match connect(settings).await {
            Some(daemon) => by_daemon(daemon, asked).await,
            None => Err(error.into()),
        },
    }
}

fn query(asked: &ReviewArguments) -> ReviewQuery {
    ReviewQuery { since: asked.since, instance: asked.instance.clone() }
}

async fn by_daemon(mut daemon: ControlClient, asked: &ReviewArguments) -> Result<AccessReview, CommandError> {
    let ReviewQuery { since, instance } = query(asked);
    let done = asked.done.clone().map(|digest| ReviewDone { digest, reviewer: settings::approver().name().to_owned() });
    daemon.send(&ControlRequest::Review { since, instance, done }).await.map_err(CommandError::Control)?;
    match daemon.receive().await.map_err(CommandError::Control)? {
        ControlResponse::Review { review } => Ok(*review),
        other => Err(unexpected_answer(other)),
    }
}

/// The record of the review, if it was recorded.
pub(super) fn record(review: &AccessReview) -> Option<String> {
    let recorded = review.recorded.as_ref()?;
    Some(format!("Recorded as reviewed by {} at {}.", recorded.reviewed_by, to_the_second(recorded.at)))
}

/// The command that records that exactly this access was reviewed; `instance` is the one that the review was narrowed to.
pub(super) fn command_to_record(review: &AccessReview, instance: Option<&str>) -> String {
    let narrowed = instance.map(|name| format!(" --instance {}", shell_word(name))).unwrap_or_default();
    format!("campaign-group-sync review --done {}{narrowed}", review.short_digest())
}
