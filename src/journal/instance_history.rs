//! What is stored about one instance: accepted reads, followed groups, which user is which operator.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::{
    ChangeKey, EarlierHold, FoldedName, FollowedGroup, HeldRecord, History, Identities, InstanceName, KnownOperator,
    KnownProfiles, LoginHolders, Memory, OperatorId, RunId, SourceRead,
};

use super::{
    Journal, JournalError,
    approvals::{approvals_in_force, undone},
    database::{ChunkText, ReadTransaction, Row},
    dormant_holds::dormant_holds,
    encoding::{from_json, to_json},
    held_plans::{held_by_runs, held_changes},
    holds::held_since,
    unfinished_disablements::unfinished_disablements,
};

/// Most identities that are read at once.
const IDENTITIES_A_CHUNK: i64 = 10_000;

impl Journal {
    /// Everything that decisions about this instance need, except who has former logins, which belongs to the
    /// organization; of approvals, those that expire after `now` and are not spent.
    pub async fn history(&self, instance: &InstanceName, now: DateTime<Utc>) -> Result<History, JournalError> {
        self.history_for(instance, now, None, None).await
    }

    /// The history for a question about one user: of the identities, only that of the user with this folded id.
    pub async fn history_for_user(
        &self,
        instance: &InstanceName,
        now: DateTime<Utc>,
        user: &FoldedName,
    ) -> Result<History, JournalError> {
        self.history_for(instance, now, None, Some(user)).await
    }

    /// The history for a question about no user.
    pub async fn history_without_identities(
        &self,
        instance: &InstanceName,
        now: DateTime<Utc>,
    ) -> Result<History, JournalError> {
        self.history_for_user(instance, now, &FoldedName::default()).await
    }

    /// The history for an undo of `run`, which continues an earlier undo of that run that was held.
    pub async fn history_for_undo(
        &self,
        instance: &InstanceName,
        now: DateTime<Utc>,
        run: &RunId,
    ) -> Result<History, JournalError> {
        self.history_for(instance, now, Some(run), None).await
    }

    async fn history_for(
        &self,
        instance: &InstanceName,
        now: DateTime<Utc>,
        undone_run: Option<&RunId>,
        user: Option<&FoldedName>,
    ) -> Result<History, JournalError> {
        let mut reader = self.begin_read().await?;
        let accepted = accepted(&mut reader, instance).await?;
        let memory = match (lost(&mut reader).await?, &accepted) {
            (Some(why), None) => Memory::Lost(why),
            _ => Memory::Kept,
        };
        let records = held_by_runs(&mut reader, instance).await?;
        // What an undo holds concerns only that undo: other runs plan other changes.
        let is_heeded = |record: &&HeldRecord| record.undo.as_ref().is_none_or(|undo| Some(&undo.run) == undone_run);
        let known = known_profiles(&mut reader, instance, accepted.as_ref()).await?;
        Ok(History {
            memory,
            accepted,
            identities: match user {
                Some(user) => identity(&mut reader, instance, user).await?,
                None => identities(&mut reader, instance).await?,
            },
            login_holders: LoginHolders::default(),
            known,
            held: held_before(&mut reader, instance, held_changes(records.iter().filter(is_heeded))).await?,
            held_for_undos: records.iter().filter(|record| !is_heeded(record)).map(|one| one.digest.clone()).collect(),
            held_since: held_since(&mut reader, instance).await?,
            undone: undone(reader.transaction(), instance).await?,
            approvals: approvals_in_force(&mut reader, instance, now).await?,
            unfinished_disablements: unfinished_disablements(reader.transaction(), instance).await?,
        })
    }

    /// Writes the accepted read. It ends the loss of a lost memory.
    pub async fn accept_read(
        &self,
        instance: &InstanceName,
        run: &RunId,
        at: DateTime<Utc>,
        read: &SourceRead,
    ) -> Result<(), JournalError> {
        let sql = "insert into accepted_reads (instance, run, at, read, followed) values ($1, $2, $3, $4, '[]')
                   on conflict (instance) do update set run = excluded.run, at = excluded.at, read = excluded.read";
        let values = [
            instance.as_str().into(),
            run.as_str().into(),
            at.timestamp_millis().into(),
            to_json(read, "an accepted read")?.into(),
        ];
        let mut writer = self.begin_write().await?;
        writer.execute(sql, values).await?;
        writer.commit().await
    }

    /// Number of users of the organization at the last accepted read of all users, of any instance. It serves to
    /// estimate costs only.
    pub async fn accepted_users(&self) -> Result<Option<u64>, JournalError> {
        let rows = self.query().await?.rows("select read from accepted_reads order by at desc", []).await?;
        for row in &rows {
            let read: SourceRead = from_json(&row.text(0)?, "an accepted read")?;
            if read.users.is_some() {
                return Ok(read.users);
            }
        }
        Ok(None)
    }

    /// Stores the product profiles that this instance has seen, and their groups.
    pub async fn remember_profiles(&self, instance: &InstanceName, known: &KnownProfiles) -> Result<(), JournalError> {
        let sql = "insert into known_profiles (instance, known) values ($1, $2)
                   on conflict (instance) do update set known = excluded.known";
        let mut writer = self.begin_write().await?;
        writer.execute(sql, [instance.as_str().into(), to_json(known, "known profiles")?.into()]).await?;
        writer.commit().await
    }

    /// Stores which operator each of these users is, by UMAPI `id`, if that is new or changed; deletes the users in
    /// `over`.
    pub async fn remember_identities(
        &self,
        instance: &InstanceName,
        identities: &Identities,
        over: &[FoldedName],
    ) -> Result<(), JournalError> {
        if identities.is_empty() && over.is_empty() {
            return Ok(());
        }
        let mut reader = self.begin_read().await?;
        let known = self::identities(&mut reader, instance).await?;
        drop(reader);
        // Rows in the order of their key fill whole pages.
        let mut fresh = identities.except(&known).peekable();
        let over: Vec<&FoldedName> = over.iter().filter(|user| known.of(user).is_some()).collect();
        if fresh.peek().is_none() && over.is_empty() {
            return Ok(());
        }
        let rows = fresh.map(|(user, operator)| {
            let login = operator.login.map(str::to_owned);
            [instance.as_str().into(), user.into(), operator.id.0.into(), login.into()]
        });
        let mut writer = self.begin_write().await?;
        let head = "delete from identities where instance = $1 and user_folded in (";
        writer.for_rows((head, ")"), [instance.as_str().into()], over.into_iter().map(|user| [user.into()])).await?;
        let head = "insert into identities (instance, user_folded, operator, login_folded)";
        let tail = "on conflict (instance, user_folded) do update set
                        operator = excluded.operator, login_folded = excluded.login_folded";
        writer.insert(head, rows, tail).await?;
        writer.commit().await
    }
}

async fn accepted(reader: &mut ReadTransaction, instance: &InstanceName) -> Result<Option<SourceRead>, JournalError> {
    let sql = "select read from accepted_reads where instance = $1";
    let rows = reader.rows(sql, [instance.as_str().into()]).await?;
    rows.first().map(|row| from_json(&row.text(0)?, "an accepted read")).transpose()
}

/// The known profiles. States of earlier versions contain followed groups only; the accepted read is newer.
async fn known_profiles(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
    accepted: Option<&SourceRead>,
) -> Result<KnownProfiles, JournalError> {
    let sql = "select known from known_profiles where instance = $1";
    let rows = reader.rows(sql, [instance.as_str().into()]).await?;
    if let Some(row) = rows.first() {
        return from_json(&row.text(0)?, "known profiles");
    }
    let sql = "select followed from accepted_reads where instance = $1";
    let rows = reader.rows(sql, [instance.as_str().into()]).await?;
    let mut followed: Vec<FollowedGroup> = match rows.first() {
        Some(row) => from_json(&row.text(0)?, "followed groups")?,
        None => Vec::new(),
    };
    followed.extend(accepted.into_iter().flat_map(|read| read.matched.iter().cloned()));
    Ok(KnownProfiles::of_groups(followed))
}

/// The changes that runs hold, and the dormant holds, each change once; what runs hold takes precedence.
async fn held_before(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
    mut held: Vec<EarlierHold>,
) -> Result<Vec<EarlierHold>, JournalError> {
    let known: BTreeSet<ChangeKey> = held.iter().map(|held| held.key.clone()).collect();
    held.extend(
        dormant_holds(reader.transaction(), instance).await?.into_iter().filter(|held| !known.contains(&held.key)),
    );
    held.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(held)
}

/// Why the memory was lost. Every accepted read is newer than the loss.
async fn lost(reader: &mut ReadTransaction) -> Result<Option<String>, JournalError> {
    let rows = reader.rows("select value from meta where name = 'memory_lost'", []).await?;
    rows.first().map(|row| row.text(0)).transpose()
}

async fn identity(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
    user: &FoldedName,
) -> Result<Identities, JournalError> {
    let sql = "select operator, login_folded from identities where instance = $1 and user_folded = $2";
    let rows = reader.rows(sql, [instance.as_str().into(), user.into()]).await?;
    let operator = |row: &Row| -> Result<KnownOperator, JournalError> {
        let login = row.optional_text(1)?.map(FoldedName::stored);
        Ok(KnownOperator { id: OperatorId(row.number(0)?), login })
    };
    let pairs = rows.iter().map(|row| Ok((user.clone(), operator(row)?)));
    Ok(Identities::new(pairs.collect::<Result<Vec<_>, JournalError>>()?))
}

async fn identities(reader: &mut ReadTransaction, instance: &InstanceName) -> Result<Identities, JournalError> {
    let sql = "select user_folded, operator, login_folded from identities where instance = $1 and user_folded > $2
               order by user_folded limit $3";
    let (mut identities, mut last) = (Identities::default(), String::new());
    loop {
        let values = [instance.as_str().into(), last.as_str().into(), IDENTITIES_A_CHUNK.into()];
        let chunk = reader.chunk(("user_folded, operator, login_folded", sql), values).await?;
        let rows: Vec<(ChunkText<'_>, i64, Option<ChunkText<'_>>)> = chunk.rows()?;
        for (user, operator, login) in &rows {
            identities.add(user, OperatorId(*operator), login.as_deref());
        }
        match rows.last() {
            Some((user, ..)) => last = user.to_string(),
            None => return Ok(identities.sorted()),
        }
    }
}
