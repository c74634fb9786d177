//! `review`: the access review, and the record that it was done. Everything comes from the state; neither Adobe nor Campaign
//! is called. Where this user may not read the state, the daemon makes the review.

use chrono::Utc;

use crate::{
    daemon::{
        ReviewQuery, ReviewScope,
        control::{ControlClient, ControlRequest, ControlResponse, ReviewDone},
        record_review, review,
    },
    domain::{AccessReview, shell_word, to_the_second},
    journal::{Journal, JournalOptions},
    settings::{self, PartialSettings, Settings, SettingsError, Sources},
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

/// Shows the review; with `--done`, records it first. Text then says only what was recorded, the other formats contain the
/// whole review with the record of it.
pub(super) async fn run(arguments: &Arguments, asked: &ReviewArguments) -> Result<ExitStatus, CommandError> {
    let sources = arguments.sources();
    let readable = settings::load_partial(&sources);
    let review = match readable.complete() {
        Ok(settings) => {
            start_log(arguments, &settings)?;
            made(&settings, asked).await?
        }
        Err(error) => without_secrets(&readable, error, asked).await?,
    };
    let again = command(&sources, asked.instance.as_deref());
    if asked.done.is_some() && review.recorded.is_none() {
        return Err(CommandError::NotReviewed { digest: review.digest, command: again });
    }
    let to_record = format!("{again} --done {}", review.short_digest());
    if review.instances.is_empty() {
        match arguments.format {
            RequestedFormat::Text | RequestedFormat::Markdown => {
                print(&format!("{}\n", nothing(&readable, asked)))?;
                return Ok(ExitStatus::Done);
            }
            RequestedFormat::Json | RequestedFormat::Csv | RequestedFormat::Html => {
                print_warning(&nothing(&readable, asked));
            }
        }
    }
    let shown = match arguments.format {
        RequestedFormat::Text if asked.done.is_some() => review_text::recorded(&review),
        RequestedFormat::Text => review_text::text(&review, &to_record),
        RequestedFormat::Markdown => review_text::markdown(&review, &to_record),
        RequestedFormat::Json => json(&review)?,
        RequestedFormat::Csv => review_csv::csv(&review),
        RequestedFormat::Html => review_html::html(&review, &to_record)?,
    };
    match print(&shown) {
        Err(error) if review.recorded.is_some() => Err(CommandError::RecordedUnseen(error)),
        outcome => outcome.map(|()| ExitStatus::Done).map_err(CommandError::from),
    }
}

/// What a review says where no run has recorded anything: also where the state is that was read, because a wrong address looks
/// the same.
fn nothing(readable: &PartialSettings, asked: &ReviewArguments) -> String {
    let what = match &asked.instance {
        Some(name) => format!("Nothing is recorded about instance {name}: no run has read it yet."),
        None => "Nothing is recorded: no run has read Campaign yet.".to_owned(),
    };
    let state = readable.state.as_ref().and_then(|state| state.url.journal_location().place().ok());
    let place = state.map(|place| format!(" The state is {place}.")).unwrap_or_default();
    format!("{what}{place} campaign-group-sync --sync-now makes a run.")
}

/// Makes the review in this process where it may read the state, or else has the daemon make it. A review is recorded by the
/// daemon wherever one runs.
async fn made(settings: &Settings, asked: &ReviewArguments) -> Result<AccessReview, CommandError> {
    if asked.done.is_some()
        && let Some(daemon) = connect(settings).await
    {
        return by_daemon(daemon, asked).await;
    }
    match in_place(&settings.journal_options(), &settings.into(), asked).await {
        Err(error @ CommandError::Journal(_)) if asked.done.is_none() => match connect(settings).await {
            Some(daemon) => by_daemon(daemon, asked).await,
            None => Err(error),
        },
        outcome => outcome,
    }
}

/// Makes the review although this user cannot read the secrets, which a review does not need.
async fn without_secrets(
    readable: &PartialSettings,
    error: SettingsError,
    asked: &ReviewArguments,
) -> Result<AccessReview, CommandError> {
    let is_usable = error.is_about_secrets_only();
    match connect_without_secrets(readable, error).await {
        Ok(daemon) => by_daemon(daemon, asked).await,
        // Without a daemon, or where this user may not use its socket: the state is enough, if this user may read it.
        Err(error @ (CommandError::Settings(_) | CommandError::NoAccess { .. })) if is_usable => {
            match (&readable.state, ReviewScope::of_partial(readable)) {
                (Some(state), Some(scope)) => in_place(&state.journal_options(), &scope, asked).await,
                _ => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Makes the review in this process.
async fn in_place(
    state: &JournalOptions,
    scope: &ReviewScope,
    asked: &ReviewArguments,
) -> Result<AccessReview, CommandError> {
    let query = query(asked);
    let Some(digest) = &asked.done else {
        return Ok(review(Journal::open_read_only(state).await?.as_ref(), scope, &query, Utc::now()).await?);
    };
    let recorded = async |journal: Option<&Journal>| {
        record_review(journal, scope, &query, digest.as_deref(), &settings::approver()).await
    };
    Ok(Journal::with_existing(state, recorded).await??)
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

/// The organization, with its name on this host.
pub(super) fn organization(review: &AccessReview) -> String {
    match &review.organization_name {
        Some(name) => format!("{name} ({})", review.organization),
        None => review.organization.clone(),
    }
}

/// The command that makes this review again, with this configuration; `instance` is the one that the review was narrowed to.
fn command(sources: &Sources, instance: Option<&str>) -> String {
    let configuration = match (&sources.file, sources.organization()) {
        (Some(file), _) => format!(" --config {}", shell_word(&file.to_string_lossy())),
        (None, Some(name)) => format!(" --organization {name}"),
        (None, None) => String::new(),
    };
    let narrowed = instance.map(|name| format!(" --instance {}", shell_word(name))).unwrap_or_default();
    format!("campaign-group-sync review{configuration}{narrowed}")
}
