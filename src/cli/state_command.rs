//! `state copy`: copies the whole state to another place, and shows what was copied and what to do next. `state assign`:
//! assigns the state to the configured organization.

use std::time::{Duration, Instant};

use anstyle::Style;
use chrono::Utc;
use serde::Serialize;

use crate::{
    daemon::DaemonError,
    domain::{Chain, printable},
    journal::{CopyError, CopyProgress, Journal, LockAttempt, StateCopy, TableCopy, copy_state},
    scheduler::StopSignals,
    settings::{self, Settings, StateLocation},
};

use super::{
    CommandError,
    arguments::{Arguments, OutputFormat},
    bootstrap::bootstrap,
    exit_status::ExitStatus,
    json::json,
    markdown,
    state_arguments::{StateArguments, StateAssignArguments, StateCommand, StateCopyArguments},
    styles::{columns, line, wrapped},
    terminal::{ProgressLine, print, print_warning},
};

/// The tables that an administrator knows, by the names that the program gives to their rows; all others are counted
/// together.
const KNOWN_TABLES: [(&str, &str); 6] = [
    ("runs", "runs"),
    ("changes", "changes"),
    ("events", "events of the record"),
    ("stays", "memberships, present and past"),
    ("given_approvals", "approvals"),
    ("held", "held plans"),
];

/// The time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

pub(super) async fn run(arguments: &Arguments, state: &StateArguments) -> Result<ExitStatus, CommandError> {
    match &state.command {
        StateCommand::Copy(copy) => run_copy(arguments, copy).await,
        StateCommand::Assign(assign) => run_assign(arguments, assign).await,
    }
}

/// Assigns the state to the configured organization, whose id is given again so that no configuration does it by itself.
async fn run_assign(arguments: &Arguments, assign: &StateAssignArguments) -> Result<ExitStatus, CommandError> {
    let (settings, _) = bootstrap(arguments)?;
    let organization = &settings.experience_cloud.options.organization_id;
    if assign.id != organization.as_str() {
        return Err(CommandError::Usage(format!(
            "\"{}\" is not the organization of this configuration, which is {organization} \
             (experience_cloud.organization_id)",
            printable(&assign.id)
        )));
    }
    let work = async |journal: Option<&Journal>| match journal {
        Some(journal) => assigned(journal, &settings).await,
        None => Err(CommandError::Usage("there is no state yet; the first run creates it".to_owned())),
    };
    let before = Journal::with_existing(&settings.journal_options(), work).await??;
    let message = match &before {
        Some(before) => format!(
            "The state belonged to organization {before} and now belongs to {organization}. The next runs hold all removals \
             until an administrator approves them."
        ),
        None => format!("Nothing was changed: the state belongs to no organization other than {organization}."),
    };
    print(&match arguments.output {
        OutputFormat::Text => wrapped(&message, 0) + "\n",
        OutputFormat::Json => json(&Assignment { version: 1, organization: organization.as_str(), before, message })?,
        OutputFormat::Markdown => markdown::cell(&message) + "\n",
    })?;
    Ok(ExitStatus::Done)
}

/// Assigns the state; returns the organization that it belonged to before, if that is another one.
async fn assigned(journal: &Journal, settings: &Settings) -> Result<Option<String>, CommandError> {
    let holder = "state assign";
    let place = settings.journal_options().location.place()?;
    let in_use = |holder, until| CommandError::StateInUse(format!("the state {place} is in use: {holder}; {until}"));
    let daemon = journal.lock_daemon(holder).await?;
    if let Some(LockAttempt::Held(holder)) = daemon {
        return Err(in_use(holder, "stop this daemon, then repeat the command"));
    }
    let lock = match journal.lock(holder).await? {
        LockAttempt::Acquired(lock) => lock,
        LockAttempt::Held(holder) => return Err(in_use(holder, "repeat the command when that has ended")),
    };
    let organization = &settings.experience_cloud.options.organization_id;
    let before = journal.assign_organization(organization, &settings::approver(), Utc::now()).await?;
    drop((lock, daemon));
    Ok(before)
}

/// The JSON form of an assignment.
#[derive(Serialize)]
struct Assignment<'a> {
    version: u32,
    organization: &'a str,
    /// The organization before; null if nothing was changed.
    before: Option<String>,
    message: String,
}

/// Copies the state. Exits with 3 where the chain of events was broken before: the copy is equal to its source.
async fn run_copy(arguments: &Arguments, copy: &StateCopyArguments) -> Result<ExitStatus, CommandError> {
    let [from, to] = copy.locations.as_slice() else {
        let given = copy.locations.len();
        return Err(CommandError::Usage(format!(
            "state copy needs two addresses, FROM and TO (given: {given}); for example: campaign-group-sync state \
             copy sqlite:///var/lib/campaign-group-sync/state.db postgres://user@host/database"
        )));
    };
    let (from, to) = (location("FROM", from)?, location("TO", to)?);
    let begin = Instant::now();
    let progress = ProgressLine::new();
    let mut signals = StopSignals::listen().map_err(DaemonError::Signals)?;
    let copied = {
        let (from, to) = (from.journal_location(), to.journal_location());
        let mut shown_at = None;
        let show = |step: CopyProgress| {
            if shown_at.is_none_or(|at: Instant| at.elapsed() >= PROGRESS_INTERVAL) {
                shown_at = Some(Instant::now());
                progress.show_text(&progress_text(&step));
            }
        };
        tokio::select! {
            biased;
            () = signals.come() => Err(CommandError::CopyStopped(to.place()?)),
            copied = copy_state(&from, &to, show) => copied.map_err(not_copied),
        }
    };
    progress.finish();
    let (copied, duration) = (copied?, begin.elapsed());
    print(&match arguments.output {
        OutputFormat::Text => text(&copied, duration, &to),
        OutputFormat::Json => json(&Document::of(&copied, duration))?,
        OutputFormat::Markdown => markdown_text(&copied, duration, &to),
    })?;
    Ok(if copied.faults == 0 { ExitStatus::Done } else { ExitStatus::Partial })
}

/// The address of a state. The error does not repeat it, because it may contain a password.
fn location(argument: &str, text: &str) -> Result<StateLocation, CommandError> {
    let location = StateLocation::parse(text).map_err(|wrong| CommandError::Usage(format!("{argument} {wrong}")))?;
    // An option of the address may have an invalid value.
    let place = location.journal_location().place();
    place.map_err(|wrong| CommandError::Usage(format!("{argument}: {}", Chain(&wrong))))?;
    if location.has_password() {
        print_warning(&format!(
            "{argument} contains a password, and other users of this host can see the arguments of a process; use \
             ~/.pgpass or the variable PGPASSWORD instead"
        ));
    }
    Ok(location)
}

/// The exit status of a copy that was not made.
pub(super) fn exit_of(error: &CopyError) -> ExitStatus {
    match error {
        CopyError::SameState { .. } | CopyError::NothingThere { .. } | CopyError::Occupied { .. } => ExitStatus::Usage,
        CopyError::InUse { .. } => ExitStatus::Locked,
        CopyError::OlderSource { .. } | CopyError::OtherTables { .. } => ExitStatus::Configuration,
        CopyError::Journal(error) if error.is_of_configuration() => ExitStatus::Configuration,
        CopyError::NullCharacter { .. }
        | CopyError::Full { .. }
        | CopyError::Differs { .. }
        | CopyError::Unsure { .. }
        | CopyError::Journal(_) => ExitStatus::Failure,
    }
}

/// What the failure means for the target.
fn not_copied(source: CopyError) -> CommandError {
    let what = match source {
        CopyError::Unsure { .. } => "whether the state was copied is not known",
        _ => "the state was not copied, and TO is as it was before",
    };
    CommandError::Copy { what, source }
}

fn progress_text(step: &CopyProgress) -> String {
    match step {
        CopyProgress::Copying(table, rows) => format!("copying {}: {rows}", rows_of(table)),
        CopyProgress::ReadingBack(table, rows) => format!("reading back {}: {rows}", rows_of(table)),
        CopyProgress::VerifyingChain => "verifying the chain of events".to_owned(),
    }
}

/// What the rows of a table are, in words.
fn rows_of(table: &str) -> &str {
    KNOWN_TABLES.iter().find(|(known, _)| *known == table).map_or("other rows", |(_, words)| words)
}

/// How many rows of each kind were copied, the kinds in the order of [`KNOWN_TABLES`], then all others.
fn counted(copied: &StateCopy) -> Vec<(u64, String)> {
    let is_known = |table: &TableCopy| KNOWN_TABLES.iter().any(|(known, _)| *known == table.table);
    let rows = |name: &str| copied.tables.iter().filter(|table| table.table == name).map(|table| table.rows).sum();
    let mut counted: Vec<_> = KNOWN_TABLES.iter().map(|(table, words)| (rows(table), (*words).to_owned())).collect();
    let others = || copied.tables.iter().filter(|table| !is_known(table));
    counted.push((others().map(|table| table.rows).sum(), format!("other rows in {} tables", others().count())));
    counted
}

/// What was found about the record, and what to do next.
fn sentences(copied: &StateCopy, duration: Duration, to: &StateLocation) -> Vec<String> {
    let mut sentences = vec![
        format!(
            "Every row was read back from the copy and is equal: digest {}. It took {} s.",
            copied.digest,
            duration.as_secs()
        ),
        match copied.faults {
            0 => format!("The chain of its {} events is unbroken; its head is {}.", copied.events, copied.head),
            faults => format!(
                "The chain of its events was broken before the copy, {faults} times, and the copy is as the source. \
                 campaign-group-sync history --verify lists them."
            ),
        },
    ];
    let set = match to {
        StateLocation::Sqlite(path) => format!("set url = \"sqlite://{}\" in [state]", path.display()),
        StateLocation::Postgres(_) => "set url in [state] to the address of the copy on every node (with a password: \
             CAMPAIGN_GROUP_SYNC__STATE__URL)"
            .to_owned(),
    };
    sentences.push(format!(
        "Next: {set}, and start the daemon. Keep {} until the first run with the copy has succeeded, and let no daemon use \
         it again: what is recorded there later is not in the copy.",
        copied.from
    ));
    sentences
}

fn text(copied: &StateCopy, duration: Duration, to: &StateLocation) -> String {
    let mut out = String::new();
    line(&mut out, &wrapped(&format!("Copied {} to {}.", copied.from, copied.to), 0));
    line(&mut out, "");
    let rows = counted(copied).into_iter().map(|(rows, words)| (Style::new(), vec![rows.to_string(), words]));
    columns(&mut out, "  ", rows);
    for sentence in sentences(copied, duration, to) {
        line(&mut out, "");
        line(&mut out, &wrapped(&sentence, 0));
    }
    out
}

fn markdown_text(copied: &StateCopy, duration: Duration, to: &StateLocation) -> String {
    let rows = counted(copied).into_iter().map(|(rows, words)| [words, rows.to_string()]);
    let table = markdown::table(["copied", "number"], rows);
    let mut paragraphs = vec![markdown::cell(&format!("Copied {} to {}.", copied.from, copied.to)), table];
    paragraphs.extend(sentences(copied, duration, to).iter().map(|sentence| markdown::cell(sentence)));
    paragraphs.join("\n\n") + "\n"
}

/// The JSON form.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    from: &'a str,
    to: &'a str,
    rows: u64,
    digest: &'a str,
    events: i64,
    /// The last event of the record, as `history --verify` and the log of a run write it.
    record: String,
    /// Breaks of the chain, in the copy as in the source.
    record_faults: usize,
    duration_ms: u64,
    tables: Vec<TableDocument<'a>>,
}

#[derive(Serialize)]
struct TableDocument<'a> {
    table: &'a str,
    rows: u64,
    digest: &'a str,
}

impl<'a> Document<'a> {
    fn of(copied: &'a StateCopy, duration: Duration) -> Self {
        let table =
            |table: &'a TableCopy| TableDocument { table: &table.table, rows: table.rows, digest: &table.digest };
        Self {
            version: 1,
            from: &copied.from,
            to: &copied.to,
            rows: copied.tables.iter().map(|table| table.rows).sum(),
            digest: &copied.digest,
            events: copied.events,
            record: copied.head.to_string(),
            record_faults: copied.faults,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            tables: copied.tables.iter().map(table).collect(),
        }
    }
}
