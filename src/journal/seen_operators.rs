//! The operators of each instance as the last run left them: for queries about one operator, which operators have a login
//! that is or resembles the requested one, and how many members the managed groups have; for access reviews, which are
//! disabled or in no operator group.
//!
//! They are stored in a fixed number of blocks, because a row for each operator took most of the time and space of a first
//! run. A run writes the blocks that changed; a query about one operator reads them all.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::Deserialize;

use crate::domain::{FoldedName, GroupSize, InstanceName, OperatorId, SeenOperator};

use super::{
    Journal, JournalError,
    chain::fingerprint,
    database::ReadTransaction,
    encoding::{from_json, to_json},
};

/// The number of blocks of an instance: the block of an operator is the remainder of its id. Ids are not consecutive,
/// because other records take theirs from the same sequence.
const BLOCKS: i64 = 128;

/// Most blocks that one statement writes.
const BLOCKS_A_STATEMENT: usize = 4;

/// Most blocks that are read at once.
const BLOCKS_AT_ONCE: i64 = 16;

/// The name of a block in errors.
const OPERATORS: &str = "the operators of the last read";

/// One operator in the JSON text of a block: an array of these values. States of earlier versions have an object with
/// these fields, where `disabled` may be missing.
#[derive(Debug, Deserialize)]
pub(super) struct StoredOperator<'a> {
    id: i64,
    pub(super) login: Cow<'a, str>,
    #[serde(default)]
    pub(super) disabled: bool,
    /// Number of operator groups of any kind.
    #[serde(rename = "groups")]
    pub(super) in_groups: u32,
}

impl Journal {
    /// The sizes of the managed groups of one instance, by folded name.
    pub async fn group_sizes(&self, instance: &InstanceName) -> Result<BTreeMap<FoldedName, GroupSize>, JournalError> {
        let sql = "select group_folded, members, managed from group_sizes where instance = $1";
        let rows = self.query().await?.rows(sql, [instance.as_str().into()]).await?;
        let count = |number| usize::try_from(number).unwrap_or_default();
        let size = |members, managed| GroupSize { members: count(members), managed: count(managed) };
        rows.iter().map(|row| Ok((row.folded(0)?, size(row.number(1)?, row.number(2)?)))).collect()
    }

    /// Stores the sizes of these groups; those of other groups stay unchanged.
    pub async fn remember_group_sizes(
        &self,
        instance: &InstanceName,
        sizes: &BTreeMap<FoldedName, GroupSize>,
    ) -> Result<(), JournalError> {
        let known = self.group_sizes(instance).await?;
        let changed: Vec<_> = sizes.iter().filter(|(group, size)| known.get(*group) != Some(*size)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let rows = changed.into_iter().map(|(group, size)| {
            [instance.as_str().into(), group.clone().into(), count(size.members).into(), count(size.managed).into()]
        });
        let head = "insert into group_sizes (instance, group_folded, members, managed)";
        let tail = "on conflict (instance, group_folded) do update set
                        members = excluded.members, managed = excluded.managed";
        let mut writer = self.begin_write().await?;
        writer.insert(head, rows, tail).await?;
        writer.commit().await
    }

    /// The ids of the operators whose login is or resembles one of these names, as the last run read them; `None` if no
    /// run has stored any operator, as in a state of an earlier version.
    pub async fn operators_like(
        &self,
        instance: &InstanceName,
        names: &[FoldedName],
    ) -> Result<Option<Vec<OperatorId>>, JournalError> {
        let mut reader = self.begin_read().await?;
        let names: Vec<_> = names.iter().map(FoldedName::loose).collect();
        let (mut ids, mut is_stored) = (Vec::new(), false);
        let visit = |operator: StoredOperator<'_>| {
            is_stored = true;
            if names.contains(&FoldedName::new(&operator.login).loose()) {
                ids.push(OperatorId(operator.id));
            }
        };
        each_operator(&mut reader, instance.as_str(), visit).await?;
        Ok(is_stored.then_some(ids))
    }

    /// Stores all operators of one instance, given by id, and deletes those that are gone.
    pub async fn remember_operators(
        &self,
        instance: &InstanceName,
        mut operators: Vec<SeenOperator<'_>>,
    ) -> Result<(), JournalError> {
        // Within a block, they stay in their order.
        operators.sort_by_cached_key(block_of);
        let blocks = operators.chunk_by(|one, other| block_of(one) == block_of(other));
        let mut blocks: BTreeMap<i64, &[SeenOperator<'_>]> =
            blocks.filter_map(|block| Some((block_of(block.first()?).into(), block))).collect();
        let mut stored: BTreeMap<i64, String> = BTreeMap::new();
        let sql = "select block, digest from operator_blocks where instance = $1";
        for row in self.query().await?.rows(sql, [instance.as_str().into()]).await? {
            stored.insert(row.number(0)?, row.text(1)?);
        }
        let insert = "insert into operator_blocks (instance, block, digest, operators)";
        let update = "on conflict (instance, block) do update set
                          digest = excluded.digest, operators = excluded.operators";
        let delete = "delete from operator_blocks where instance = $1 and block = $2";
        let (mut writer, mut changed) = (None, Vec::new());
        let ids: BTreeSet<i64> = blocks.keys().chain(stored.keys()).copied().collect();
        for block in ids {
            // A few blocks at a time: the text of all is many megabytes.
            let text = blocks.remove(&block).map(block_text).transpose()?;
            let digest = text.as_deref().map(fingerprint);
            if digest == stored.remove(&block) {
                continue;
            }
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(self.begin_write().await?),
            };
            let (name, block) = (instance.as_str().into(), block.into());
            match text.zip(digest) {
                Some((text, digest)) => changed.push([name, block, digest.into(), text.into()]),
                None => writer.execute(delete, [name, block]).await?,
            }
            if changed.len() >= BLOCKS_A_STATEMENT {
                writer.insert(insert, std::mem::take(&mut changed), update).await?;
            }
        }
        let Some(mut writer) = writer else { return Ok(()) };
        writer.insert(insert, changed, update).await?;
        writer.commit().await
    }
}

/// The number of a block fits a byte, which makes the list that is sorted by it small.
fn block_of(seen: &SeenOperator<'_>) -> u8 {
    u8::try_from(seen.operator.id.0.rem_euclid(BLOCKS)).unwrap_or_default()
}

/// The operators of one block as JSON.
fn block_text(operators: &[SeenOperator<'_>]) -> Result<String, JournalError> {
    let stored = operators.iter().map(|SeenOperator { operator, disabled, in_groups }| {
        (operator.id.0, operator.login.as_str(), disabled, in_groups)
    });
    to_json(&stored.collect::<Vec<_>>(), OPERATORS)
}

/// Passes each stored operator of the instance to `visit`.
pub(super) async fn each_operator(
    reader: &mut ReadTransaction,
    instance: &str,
    mut visit: impl FnMut(StoredOperator<'_>),
) -> Result<(), JournalError> {
    let sql = "select block, operators from operator_blocks where instance = $1 and block > $2 order by block limit $3";
    let mut last = i64::MIN;
    loop {
        let rows = reader.rows(sql, [instance.into(), last.into(), BLOCKS_AT_ONCE.into()]).await?;
        for row in &rows {
            last = row.number(0)?;
            let operators: Vec<StoredOperator<'_>> = from_json(&row.text(1)?, OPERATORS)?;
            operators.into_iter().for_each(&mut visit);
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Operator, OperatorLogin, SignInMethod};

    #[test]
    fn the_operators_of_a_block_are_read_as_they_are_written_and_as_earlier_versions_wrote_them() {
        let operator = |id, login: &str| Operator {
            id: OperatorId(id),
            login: OperatorLogin::new(login),
            has_agent_label: false,
            sign_in: SignInMethod::Ims,
            disabled: false,
        };
        let (ann, bob) = (operator(-7, "ann@acme.com"), operator(121, "\"bob\"@acme.com"));
        let seen = |operator, disabled, in_groups| SeenOperator { operator, disabled, in_groups };
        let written = block_text(&[seen(&ann, false, 2), seen(&bob, true, 0)]).expect("text");
        let earlier = r#"[{"id":-7,"login":"ann@acme.com","groups":2},
                          {"id":121,"login":"\"bob\"@acme.com","disabled":true,"groups":0}]"#;
        for text in [&*written, earlier] {
            let operators: Vec<StoredOperator<'_>> = from_json(text, OPERATORS).expect(text);
            let read: Vec<_> = operators.iter().map(|it| (it.id, &*it.login, it.disabled, it.in_groups)).collect();
            assert_eq!(read, [(-7, "ann@acme.com", false, 2), (121, "\"bob\"@acme.com", true, 0)], "{text}");
        }
    }
}
