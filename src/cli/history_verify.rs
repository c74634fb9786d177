//! `history --verify`: whether the record was changed afterwards.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{rfc3339, to_the_second},
    journal::{Deletion, Journal, KeepSetting, RecordFault, RecordHead, Verification},
};

use super::{
    CommandError, arguments::OutputFormat, exit_status::ExitStatus, json::json, styles::wrapped, terminal::print,
};

/// What a verification without a head cannot detect.
const WITHOUT_HEAD: &str = "Without a head that was stored elsewhere (each run logs one as record.head), this cannot \
                            detect that the record was rebuilt as a whole or truncated at its end: \
                            campaign-group-sync history --verify NUMBER:HASH";

/// Verifies the record. Exits with 1 when it was changed.
pub(super) async fn run(
    journal: Option<&Journal>,
    head: Option<&str>,
    output: OutputFormat,
) -> Result<ExitStatus, CommandError> {
    let known = head.map(parsed).transpose()?;
    let Some(journal) = journal else {
        if known.is_some() {
            print(
                "A head was given, and there is no record at state.url: the state was deleted, or is at another place.\n",
            )?;
            return Ok(ExitStatus::Failure);
        }
        print("No run has been recorded yet.\n")?;
        return Ok(ExitStatus::Done);
    };
    let verification = journal.verify(known.as_ref()).await?;
    print(&match output {
        OutputFormat::Json => json(&Document::of(&verification, known.as_ref()))?,
        OutputFormat::Text | OutputFormat::Markdown => text(&verification, known.as_ref()),
    })?;
    Ok(if verification.is_whole() { ExitStatus::Done } else { ExitStatus::Failure })
}

fn parsed(head: &str) -> Result<RecordHead, CommandError> {
    RecordHead::parse(head).ok_or_else(|| {
        let what =
            "a head is the number of an event, a colon, and 64 hexadecimal digits; each run logs one as record.head";
        CommandError::Usage(format!("\"{}\" is not a head: {what}", crate::domain::printable(head)))
    })
}

/// The JSON form.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    whole: bool,
    events: i64,
    head: String,
    runs_before: i64,
    faults: Vec<Fault<'a>>,
    deletions: Vec<Deleted>,
}

/// A deletion because of age.
#[derive(Serialize)]
struct Deleted {
    event: i64,
    #[serde(serialize_with = "rfc3339")]
    at: DateTime<Utc>,
    setting: &'static str,
    #[serde(serialize_with = "rfc3339")]
    before: DateTime<Utc>,
    runs: usize,
    events: i64,
    /// Whether it was recorded after the given head, which therefore does not cover it; null without a head.
    after_head: Option<bool>,
}

#[derive(Serialize)]
struct Fault<'a> {
    event: Option<i64>,
    run: Option<&'a str>,
    what: &'a str,
}

impl<'a> Document<'a> {
    fn of(verification: &'a Verification, known: Option<&RecordHead>) -> Self {
        let deleted = |deletion: &Deletion| Deleted {
            event: deletion.position,
            at: deletion.at,
            setting: deletion.setting.key(),
            before: deletion.before,
            runs: deletion.runs,
            events: deletion.events,
            after_head: known.map(|known| deletion.position > known.position),
        };
        let fault = |fault: &'a RecordFault| Fault {
            event: fault.position,
            run: fault.run.as_ref().map(crate::domain::RunId::as_str),
            what: &fault.what,
        };
        Self {
            version: 1,
            whole: verification.is_whole(),
            events: verification.events,
            head: verification.head.to_string(),
            runs_before: verification.runs_before,
            faults: verification.faults.iter().map(fault).collect(),
            deletions: verification.deletions.iter().map(deleted).collect(),
        }
    }
}

fn text(verification: &Verification, known: Option<&RecordHead>) -> String {
    let mut out = String::new();
    let verdict = match verification.faults.len() {
        0 => "The record is unchanged".to_owned(),
        1 => "The record was changed in 1 place".to_owned(),
        many => format!("The record was changed in {many} places"),
    };
    let _ = writeln!(out, "{verdict}: {} events.\nIts head is {}", verification.events, verification.head);
    for RecordFault { position, run, what } in &verification.faults {
        let event = position.map(|position| format!("event {position}"));
        let run = run.as_ref().map(|run| format!("run {run}"));
        let place: Vec<String> = event.into_iter().chain(run).collect();
        let place = if place.is_empty() { "the record".to_owned() } else { place.join(", ") };
        let _ = writeln!(out, "{}", wrapped(&format!("- {place}: {what}"), 0));
    }
    if verification.runs_before > 0 {
        let _ = writeln!(
            out,
            "{}",
            wrapped(
                &format!(
                    "{} runs were recorded by an earlier version without a chained record: they are not verified.",
                    verification.runs_before
                ),
                0
            )
        );
    }
    for sentence in deletions_in_words(&verification.deletions, known) {
        let _ = writeln!(out, "{}", wrapped(&sentence, 0));
    }
    if verification.is_whole() && known.is_none() {
        let _ = writeln!(out, "{}", wrapped(WITHOUT_HEAD, 0));
    }
    out
}

/// The deletions because of age: a sentence for each setting, and one for deletions that need a review.
fn deletions_in_words(deletions: &[Deletion], known: Option<&RecordHead>) -> Vec<String> {
    let mut sentences = Vec::new();
    for setting in [KeepSetting::KeepRuns, KeepSetting::KeepChanges] {
        let of_setting = || deletions.iter().filter(|deletion| deletion.setting == setting);
        if let Some(last) = of_setting().next_back() {
            let (runs, events) = of_setting().fold((0, 0), |(runs, events), it| (runs + it.runs, events + it.events));
            let (key, before) = (setting.key(), to_the_second(last.before));
            sentences.push(format!("{key} deleted {runs} runs and the texts of {events} events before {before}."));
        }
    }
    let later = |known: &RecordHead| deletions.iter().filter(|deletion| deletion.position > known.position).count();
    match known.map_or(0, later) {
        0 => {}
        later => sentences.push(format!(
            "{later} of these deletions were recorded after the given head, which does not cover them: compare them with \
             the settings, or give a later head."
        )),
    }
    sentences
}
