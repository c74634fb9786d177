//! What a query about one operator needs to know about the others: which operators have a login that is or resembles
//! the requested one, and how many members the managed groups have. As the last run read it.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{FoldedName, GroupSize, InstanceName, Operator, OperatorId};

use super::{Journal, JournalError};

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
        operators: &[Operator],
    ) -> Result<(), JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select id, login from seen_operators where instance = $1";
        let rows = reader.rows(sql, [instance.as_str().into()]).await?;
        drop(reader);
        let mut known: HashMap<i64, String> =
            rows.iter().map(|row| Ok((row.number(0)?, row.text(1)?))).collect::<Result<_, JournalError>>()?;
        let is_new = |operator: &&Operator| known.remove(&operator.id.0).as_deref() != Some(operator.login.as_str());
        let new: Vec<&Operator> = operators.iter().filter(is_new).collect();
        if new.is_empty() && known.is_empty() {
            return Ok(());
        }
        let mut writer = self.begin_write().await?;
        for gone in known.into_keys() {
            let sql = "delete from seen_operators where instance = $1 and id = $2";
            writer.execute(sql, [instance.as_str().into(), gone.into()]).await?;
        }
        let rows = new.into_iter().map(|operator| {
            let loose = operator.login.folded().loose().into_string();
            [instance.as_str().into(), operator.id.0.into(), operator.login.as_str().into(), loose.into()]
        });
        let head = "insert into seen_operators (instance, id, login, login_loose)";
        let tail = "on conflict (instance, id) do update set
                        login = excluded.login, login_loose = excluded.login_loose";
        writer.insert(head, rows, tail).await?;
        writer.commit().await
    }
}
