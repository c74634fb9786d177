//! The operators of each instance as the last run left them: for queries about one operator, which operators have a login
//! that is or resembles the requested one, and how many members the managed groups have; for access reviews, which are
//! disabled or in no operator group.

use std::{borrow::Cow, collections::BTreeMap};

use crate::domain::{FoldedName, GroupSize, InstanceName, OperatorId, SeenOperator};

use super::{Journal, JournalError, chain::fingerprint_of};

/// Most operators that are read at once.
const OPERATORS_A_CHUNK: i64 = 10_000;

impl Journal {
    /// The sizes of the managed groups of one instance, by folded name.
    pub async fn group_sizes(&self, instance: &InstanceName) -> Result<BTreeMap<FoldedName, GroupSize>, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select group_folded, members, managed from group_sizes where instance = $1";
        let rows = reader.rows(sql, [instance.as_str().into()]).await?;
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
        let sql = "select id from seen_operators where instance = $1 limit 1";
        if reader.rows(sql, [instance.as_str().into()]).await?.is_empty() {
            return Ok(None);
        }
        let mut ids = Vec::new();
        for name in names {
            let sql = "select id from seen_operators where instance = $1 and login_loose = $2 order by id";
            let rows = reader.rows(sql, [instance.as_str().into(), name.loose().into_string().into()]).await?;
            for row in &rows {
                ids.push(OperatorId(row.number(0)?));
            }
        }
        Ok(Some(ids))
    }

    /// Stores all operators of one instance, and deletes those that are gone.
    pub async fn remember_operators(
        &self,
        instance: &InstanceName,
        operators: &[SeenOperator<'_>],
    ) -> Result<(), JournalError> {
        let mut operators: Vec<&SeenOperator<'_>> = operators.iter().collect();
        operators.sort_unstable_by_key(|operator| operator.id);
        let digest = digest(&operators);
        let mut reader = self.begin_read().await?;
        let sql = "select digest from seen_operator_digests where instance = $1";
        let rows = reader.rows(sql, [instance.as_str().into()]).await?;
        if rows.first().is_some_and(|row| row.text(0).is_ok_and(|stored| stored == digest)) {
            return Ok(());
        }
        let columns = "id, login, coalesce(disabled, -1), coalesce(in_groups, -1)";
        let sql = "select id, login, disabled, in_groups from seen_operators
                   where instance = $1 and id > $2 order by id limit $3";
        let (mut is_stored, mut gone, mut last) = (vec![false; operators.len()], Vec::new(), i64::MIN);
        loop {
            let values = [instance.as_str().into(), last.into(), OPERATORS_A_CHUNK.into()];
            let rows: Vec<(i64, String, i64, i64)> = reader.chunk((columns, sql), values).await?;
            for (id, login, disabled, in_groups) in &rows {
                let at = operators.binary_search_by_key(id, |operator| operator.id.0).ok();
                match at.and_then(|at| operators.get(at).zip(is_stored.get_mut(at))) {
                    Some((operator, is_stored)) => {
                        let stored = (login.as_str(), *disabled, *in_groups);
                        *is_stored = stored == (operator.login.as_str(), disabled_of(operator), groups_of(operator));
                    }
                    None => gone.push(*id),
                }
            }
            match rows.last() {
                Some((id, ..)) => last = *id,
                None => break,
            }
        }
        drop(reader);
        let new =
            operators.into_iter().zip(is_stored).filter(|(_, is_stored)| !is_stored).map(|(operator, _)| operator);
        let mut writer = self.begin_write().await?;
        let sql = "insert into seen_operator_digests (instance, digest) values ($1, $2)
                   on conflict (instance) do update set digest = excluded.digest";
        writer.execute(sql, [instance.as_str().into(), digest.into()]).await?;
        let head = "delete from seen_operators where instance = $1 and id in (";
        writer.for_rows((head, ")"), [instance.as_str().into()], gone.into_iter().map(|id| [id.into()])).await?;
        let rows = new.map(|operator| {
            let loose = operator.login.folded().loose().into_string();
            let (disabled, in_groups) = (disabled_of(operator).into(), groups_of(operator).into());
            let login = operator.login.as_str().into();
            [instance.as_str().into(), operator.id.0.into(), login, loose.into(), disabled, in_groups]
        });
        let head = "insert into seen_operators (instance, id, login, login_loose, disabled, in_groups)";
        let tail = "on conflict (instance, id) do update set
                        login = excluded.login, login_loose = excluded.login_loose,
                        disabled = excluded.disabled, in_groups = excluded.in_groups";
        writer.insert(head, rows, tail).await?;
        writer.commit().await
    }
}

/// A digest over operators in the order of their ids: equal where nothing of them is stored differently.
fn digest(operators: &[&SeenOperator<'_>]) -> String {
    let fields = operators.iter().flat_map(|operator| {
        let state = format!("{} {}", disabled_of(operator), groups_of(operator));
        [Cow::Owned(operator.id.0.to_string()), Cow::Borrowed(operator.login.as_str()), Cow::Owned(state)]
    });
    fingerprint_of(fields)
}

fn disabled_of(operator: &SeenOperator<'_>) -> i64 {
    i64::from(operator.disabled)
}

fn groups_of(operator: &SeenOperator<'_>) -> i64 {
    i64::from(operator.in_groups)
}
