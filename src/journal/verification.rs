//! Verifies the record: the chain of events is complete and unchanged, and the tables agree with it.

use std::collections::{BTreeMap, HashSet};

use serde::de::DeserializeOwned;

use crate::domain::{FoldedName, Outcome, RunId, to_the_second};

use super::{
    Deletion, Journal, JournalError, RecordHead,
    access_replay::AccessReplay,
    approval_replay::ApprovalReplay,
    chain::{EventKind, digest, fingerprint, hash, hash_without_digest},
    database::{ReadTransaction, Row},
    deletions::deletions,
    encoding::{from_json, from_name, to_json, to_time},
    expected_run::{
        CheckpointBody, EndedBody, ExpectedInstance, ExpectedRun, InstanceEndedBody, PlannedBody, ReportedStart,
    },
    instance_plans::report_column,
    run_report::{Unfinished, run_report},
    runs::ForgottenBody,
    stored_changes::{SettledBody, StoredChange, change_columns, content},
};

/// Events that are read with one statement.
const PAGE: i64 = 1_000;

/// The events after a position, with the digests of those that retention deleted.
const EVENTS: &str = "select position, run, at, kind, body, hash from events where position > $1
     union all
     select position, cast(null as text), cast(0 as bigint), 'deleted', digest, '' from deleted_events
     where position > $1
     order by position limit $2";

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The number of events.
    pub events: i64,
    /// The last event.
    pub head: RecordHead,
    /// How many runs an earlier version recorded before the chain begins; the events do not prove them.
    pub runs_before: i64,
    /// The deletions by retention, in the order of the record.
    pub deletions: Vec<Deletion>,
    /// The differences that were found, in the order of the record.
    pub faults: Vec<RecordFault>,
}

impl Verification {
    /// Whether there are no differences.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A difference between the events, or between the events and the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFault {
    /// The position of the event; `None` if a table differs.
    pub position: Option<i64>,
    /// The run that is affected; `None` if it is none.
    pub run: Option<RunId>,
    /// The difference.
    pub what: String,
}

impl Journal {
    /// Verifies the whole record. `known` is a head of the record that was kept elsewhere at any earlier time: without
    /// one, a record that was rebuilt as a whole, or cut at its end, looks correct.
    pub async fn verify(&self, known: Option<&RecordHead>) -> Result<Verification, JournalError> {
        verify_within(&mut self.begin_read().await?, known).await
    }
}

/// Verifies the chain of events that this transaction sees, without the tables. Its memory does not grow with the record.
pub(super) async fn verify_chain(reader: &mut ReadTransaction) -> Result<Verification, JournalError> {
    let mut verifier = Verifier { scope: VerificationScope::Chain, ..Verifier::begin(reader).await? };
    loop {
        let rows = reader.rows(EVENTS, [verifier.position.into(), PAGE.into()]).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            verifier.check_event(&row, None)?;
        }
    }
    verifier.compare_head(reader, None).await?;
    Ok(verifier.finish())
}

/// Verifies the record that this transaction sees.
async fn verify_within(reader: &mut ReadTransaction, known: Option<&RecordHead>) -> Result<Verification, JournalError> {
    let mut verifier = Verifier::begin(reader).await?;
    loop {
        let rows = reader.rows(EVENTS, [verifier.position.into(), PAGE.into()]).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            verifier.check_event(&row, known)?;
            if verifier.access.is_replayed(verifier.position) {
                verifier.replay(reader, &row).await?;
            }
        }
    }
    verifier.compare_head(reader, known).await?;
    for (run, expected) in std::mem::take(&mut verifier.runs) {
        match verifier.compare_run(reader, &run, &expected).await {
            Err(JournalError::Unreadable { what }) => {
                verifier.add_fault(None, Some(&run), format!("its stored values are invalid: {what}"));
            }
            compared => compared?,
        }
    }
    if verifier.runs_before == 0 && verifier.deleted.is_empty() {
        let faults = match verifier.approvals.compare_held(reader).await {
            Err(JournalError::Unreadable { what }) => vec![format!("a held plan is invalid: {what}")],
            faults => faults?,
        };
        for what in faults {
            verifier.add_fault(None, None, what);
        }
    }
    for what in std::mem::take(&mut verifier.approvals).compare(reader, |event| verifier.is_deleted(event)).await? {
        verifier.add_fault(None, None, what);
    }
    for what in std::mem::take(&mut verifier.access).compare(reader, verifier.runs_before > 0).await? {
        verifier.add_fault(None, None, what);
    }
    Ok(verifier.finish())
}

/// What is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum VerificationScope {
    /// The chain of events, and the tables against the events.
    #[default]
    Record,
    /// The chain of events alone.
    Chain,
}

/// The state of a verification while it reads the chain.
#[derive(Default)]
struct Verifier {
    scope: VerificationScope,
    position: i64,
    hash: String,
    events: i64,
    runs_before: i64,
    is_known_head_found: bool,
    runs: BTreeMap<String, ExpectedRun>,
    /// Runs that were deleted for their age.
    deleted_runs: HashSet<String>,
    deletions: Vec<Deletion>,
    /// Ranges of positions of events that a deletion reduced to their digests: the first and the last of each.
    deleted: Vec<(i64, i64)>,
    access: AccessReplay,
    approvals: ApprovalReplay,
    faults: Vec<RecordFault>,
}

impl Verifier {
    /// Reads all deletions first; their events are verified in their turn like all others.
    async fn begin(reader: &mut ReadTransaction) -> Result<Self, JournalError> {
        let mut verifier = Self::default();
        for (deletion, body) in deletions(reader).await? {
            if let Some(fingerprint) = &body.memberships {
                verifier.access = AccessReplay::left_by(reader, deletion.position, fingerprint).await?;
            }
            verifier.deleted.extend(body.events);
            verifier.deleted_runs.extend(body.runs);
            verifier.deletions.push(deletion);
        }
        verifier.deleted.sort_unstable();
        Ok(verifier)
    }

    fn finish(self) -> Verification {
        let head = RecordHead { position: self.position, hash: self.hash };
        let Self { events, runs_before, deletions, faults, .. } = self;
        Verification { events, head, runs_before, deletions, faults }
    }

    /// Whether a deletion lists the event at this position.
    fn is_deleted(&self, position: i64) -> bool {
        let behind = self.deleted.partition_point(|(first, _)| *first <= position);
        behind.checked_sub(1).is_some_and(|index| self.deleted[index].1 >= position)
    }

    /// The hash of the event, over the hash of the event before it.
    fn hash_of(&self, row: &Row, stored: &str) -> Result<String, JournalError> {
        let (position, run, at) = (row.number(0)?, row.optional_text(1)?, row.number(2)?);
        let (kind, body) = (row.text(3)?, row.text(4)?);
        if kind == EventKind::Deleted.as_str() {
            return Ok(hash(&self.hash, position, &body));
        }
        let made = hash(&self.hash, position, &digest(run.as_deref(), at, &kind, &body));
        if made == stored {
            return Ok(made);
        }
        Ok(hash_without_digest(&self.hash, position, run.as_deref(), at, &kind, &body))
    }

    fn add_fault(&mut self, position: Option<i64>, run: Option<&str>, what: impl Into<String>) {
        self.faults.push(RecordFault { position, run: run.map(RunId::new), what: what.into() });
    }

    /// Verifies the next event.
    fn check_event(&mut self, row: &Row, known: Option<&RecordHead>) -> Result<(), JournalError> {
        let (position, run) = (row.number(0)?, row.optional_text(1)?);
        let (kind, body, stored) = (row.text(3)?, row.text(4)?, row.text(5)?);
        if position != self.position + 1 {
            let missing = format!("events {} to {} are missing", self.position + 1, position - 1);
            self.add_fault(Some(position), run.as_deref(), missing);
        }
        let hash = self.hash_of(row, &stored)?;
        let is_deleted = kind == EventKind::Deleted.as_str();
        if is_deleted && !self.is_deleted(position) {
            self.add_fault(Some(position), None, "its text was deleted, and no deletion lists it");
        } else if !is_deleted && hash != stored {
            let what = "the event or the one before it was changed";
            self.add_fault(Some(position), run.as_deref(), what);
        }
        // The hash of a deleted event follows from its digest; for another event, the verification continues with the
        // stored hash.
        let stored = if is_deleted { hash } else { stored };
        if let Some(known) = known.filter(|known| known.position == position) {
            self.is_known_head_found = true;
            if known.hash != stored {
                self.add_fault(Some(position), run.as_deref(), "its hash is not the given one: the record was rebuilt");
            }
        }
        (self.position, self.hash) = (position, stored);
        self.events += 1;
        if self.scope == VerificationScope::Chain {
            return Ok(());
        }
        self.approvals.take(&kind, position, row.number(2)?, &body);
        if let Err(error) = self.note_expected(run.as_deref(), &kind, &body) {
            self.add_fault(Some(position), run.as_deref(), format!("its text is invalid: {error}"));
        }
        Ok(())
    }

    /// Notes what the event records about the tables.
    fn note_expected(&mut self, run: Option<&str>, kind: &str, body: &str) -> Result<(), JournalError> {
        let kind = from_name(kind.to_owned(), "the kind of an event")?;
        if kind == EventKind::Checkpoint {
            self.runs_before = read::<CheckpointBody>(body)?.runs_before;
        }
        let Some(run) = run else { return Ok(()) };
        let expected = self.runs.entry(run.to_owned()).or_default();
        match kind {
            EventKind::Planned => {
                let PlannedBody { instance, changes, content, outcomes } = read(body)?;
                let mut planned = ExpectedInstance { changes, content, ..ExpectedInstance::default() };
                planned.settle(outcomes);
                expected.instances.insert(instance, planned);
            }
            EventKind::Settled => {
                let SettledBody { instance, outcomes } = read(body)?;
                expected.instances.entry(instance).or_default().settle(outcomes);
            }
            EventKind::InstanceEnded => {
                let InstanceEndedBody { instance, report } = read(body)?;
                expected.instances.entry(instance).or_default().report = Some(report);
            }
            EventKind::Started => expected.has_started = true,
            EventKind::Interrupted => expected.outcome = Some(Outcome::Interrupted.as_str().to_owned()),
            EventKind::Ended => {
                let EndedBody { outcome, report } = read(body)?;
                (expected.outcome, expected.report) = (Some(outcome), Some(report));
            }
            EventKind::Forgotten => self.deleted_runs.extend(read::<ForgottenBody>(body)?.runs),
            _ => {}
        }
        Ok(())
    }

    /// Replays an event in the access record. An invalid event is already reported as a fault.
    async fn replay(&mut self, reader: &mut ReadTransaction, row: &Row) -> Result<(), JournalError> {
        let (run, kind, body) = (row.optional_text(1)?, from_name(row.text(3)?, "the kind of an event"), row.text(4)?);
        let taken = match (run.as_deref(), kind) {
            (_, Ok(EventKind::Observed)) => self.access.observed(&body),
            (Some(run), Ok(EventKind::Settled)) => self.access.settled(reader, run, &body).await,
            _ => Ok(()),
        };
        match taken {
            Err(JournalError::Unreadable { .. }) => Ok(()),
            taken => taken,
        }
    }

    /// Compares the last event with the stored head of the chain, and with the head that was kept elsewhere.
    async fn compare_head(
        &mut self,
        reader: &mut ReadTransaction,
        known: Option<&RecordHead>,
    ) -> Result<(), JournalError> {
        let rows = reader.rows("select position, hash from event_head", []).await?;
        let head = rows.first().map(|row| Ok::<_, JournalError>((row.number(0)?, row.text(1)?))).transpose()?;
        if head != Some((self.position, self.hash.clone())) {
            self.add_fault(
                Some(self.position),
                None,
                "it is not the stored end of the record: later events are missing",
            );
        }
        if let Some(known) = known.filter(|_| !self.is_known_head_found) {
            let what = format!("the record has no event {}: it was cut, or it is another record", known.position);
            self.add_fault(None, None, what);
        }
        Ok(())
    }

    /// Compares the tables of a run with its events.
    async fn compare_run(
        &mut self,
        reader: &mut ReadTransaction,
        run: &str,
        expected: &ExpectedRun,
    ) -> Result<(), JournalError> {
        let sql = "select report, outcome, summary, started_at from runs where run = $1";
        let rows = reader.rows(sql, [run.into()]).await?;
        let Some(row) = rows.first() else {
            if expected.has_started && !self.deleted_runs.contains(run) {
                self.add_fault(None, Some(run), "it is missing from the history");
            }
            return Ok(());
        };
        if row.optional_text(1)? != expected.outcome {
            self.add_fault(None, Some(run), "its outcome is not the one that was recorded");
        }
        let report = run_report(reader.transaction(), run, Unfinished::Dead).await?;
        let counted = report.as_ref().map(|report| to_json(&report.total(), "a summary")).transpose()?;
        if expected.outcome.is_some() && counted != Some(row.text(2)?) {
            self.add_fault(None, Some(run), "its totals are not those of its recorded changes");
        }
        if let Some(report) = &expected.report
            && row.optional_text(0)?.is_none_or(|text| fingerprint(&text) != *report)
        {
            self.add_fault(None, Some(run), "its report is not the one that was recorded");
        }
        if let Some(text) = row.optional_text(0)?.filter(|text| !text.is_empty())
            && to_the_second(to_time(row.number(3)?)?) != from_json::<ReportedStart>(&text, "a report")?.started_at
        {
            self.add_fault(None, Some(run), "its start in the history is not that of its report");
        }
        for (instance, expected) in &expected.instances {
            self.compare_instance(reader, run, instance, expected).await?;
        }
        Ok(())
    }

    async fn compare_instance(
        &mut self,
        reader: &mut ReadTransaction,
        run: &str,
        instance: &str,
        expected: &ExpectedInstance,
    ) -> Result<(), JournalError> {
        let sql = concat!(
            "select ",
            report_column!(),
            ", coalesce(same_as, run) from plans where run = $1 and instance = $2"
        );
        let rows = reader.rows(sql, [run.into(), instance.into()]).await?;
        let Some(row) = rows.first() else {
            self.add_fault(None, Some(run), format!("what it planned in instance {instance} is missing"));
            return Ok(());
        };
        let (report, rows_of) = (row.text(0)?, row.text(1)?);
        if expected.report.as_ref().is_some_and(|expected| fingerprint(&report) != *expected) {
            self.add_fault(
                None,
                Some(run),
                format!("its report of instance {instance} is not the one that was recorded"),
            );
        }
        let sql = concat!(
            "select ",
            change_columns!(),
            ", position, operator_folded, group_folded from changes where run = $1 and instance = $2 order by position"
        );
        let mut changes = Vec::new();
        for row in reader.rows(sql, [rows_of.into(), instance.into()]).await? {
            let (change, position) = (StoredChange::read(&row)?.report, row.number(10)?);
            let stored = (change.outcome, change.detail.clone(), change.approved_by.clone());
            if expected.outcomes.get(&position) != Some(&stored) {
                let what = format!(
                    "the outcome of \"{}\" in instance {instance} is not the one that was recorded",
                    change.described()
                );
                self.add_fault(None, Some(run), what);
            }
            let is_found_by =
                |name: Option<&str>, folded: FoldedName| FoldedName::new(name.unwrap_or_default()) == folded;
            let (operator, group) = (change.operator.as_deref(), change.group.as_deref());
            if !is_found_by(operator, row.folded(11)?) || !is_found_by(group, row.folded(12)?) {
                let what = format!("\"{}\" in instance {instance} is stored under another name", change.described());
                self.add_fault(None, Some(run), what);
            }
            changes.push(change);
        }
        if changes.len() != expected.changes || content(&changes) != expected.content {
            self.add_fault(
                None,
                Some(run),
                format!("its changes in instance {instance} are not those that were recorded"),
            );
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, JournalError> {
    from_json(body, "an event")
}
