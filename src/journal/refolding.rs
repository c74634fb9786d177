//! Computes the stored folded names again after the rule for folding has changed: a migration that SQL cannot do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::domain::FoldedName;

use super::{
    JournalError,
    database::{Value, WriteTransaction},
    encoding::{from_json, to_json},
};

/// The columns that hold a folded name beside its spelling: how the rows are found, and how they are updated.
const SPELLED: [(&str, &str); 4] = [
    (
        "select distinct operator_folded, operator from changes
         where operator is not null and octet_length(operator) <> length(operator)",
        "update changes set operator_folded = $1 where operator_folded = $2 and operator = $3",
    ),
    (
        "select distinct group_folded, group_name from changes
         where group_name is not null and octet_length(group_name) <> length(group_name)",
        "update changes set group_folded = $1 where group_folded = $2 and group_name = $3",
    ),
    (
        "select distinct group_folded, group_name from managed_groups
         where octet_length(group_name) <> length(group_name)",
        "update managed_groups set group_folded = $1 where group_folded = $2 and group_name = $3",
    ),
    (
        "select distinct login_folded, login from stays where octet_length(login) <> length(login)",
        "update stays set login_folded = $1 where login_folded = $2 and login = $3",
    ),
];

/// Computes the folded names again of all names with characters beyond ASCII; all other names fold alike in every
/// version, and their rows are not changed. Rows that become equal are merged.
pub(super) async fn refold(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    for (find, update) in SPELLED {
        for row in writer.rows(find, []).await? {
            let (before, name) = (row.text(0)?, row.text(1)?);
            let after = FoldedName::new(&name);
            if after.as_str() != before {
                writer.execute(update, [after.into(), before.into(), name.into()]).await?;
            }
        }
    }
    groups_of_periods(writer).await?;
    merge_periods(writer).await?;
    identities(writer).await?;
    unfinished_disablements(writer).await?;
    keyed_changes(writer).await?;
    held_plans(writer).await
}

/// The group of a membership period is only stored folded.
async fn groups_of_periods(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    let sql = "select distinct group_folded from stays where octet_length(group_folded) <> length(group_folded)";
    for row in writer.rows(sql, []).await? {
        let before = row.text(0)?;
        let sql = "update stays set group_folded = $1 where group_folded = $2";
        writer.execute(sql, [FoldedName::new(&before).into(), before.into()]).await?;
    }
    Ok(())
}

/// Of open membership periods that have become equal, the one that began first is kept.
async fn merge_periods(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    let sql = "select instance, group_folded, login_folded, min(since) from stays where until is null
               group by instance, group_folded, login_folded having count(*) > 1";
    for row in writer.rows(sql, []).await? {
        let key = || -> Result<[Value; 3], JournalError> {
            Ok([row.text(0)?.into(), row.text(1)?.into(), row.text(2)?.into()])
        };
        let [instance, group, login] = key()?;
        let sql = "select login from stays where until is null
                     and instance = $1 and group_folded = $2 and login_folded = $3 and since = $4
                   order by login limit 1";
        let kept = writer.rows(sql, [instance, group, login, row.number(3)?.into()]).await?;
        let Some(kept) = kept.first().map(|row| row.text(0)).transpose()? else { continue };
        let [instance, group, login] = key()?;
        let sql = "delete from stays where until is null
                     and instance = $1 and group_folded = $2 and login_folded = $3 and not (since = $4 and login = $5)";
        writer.execute(sql, [instance, group, login, row.number(3)?.into(), kept.into()]).await?;
    }
    Ok(())
}

/// A user whose id had two spellings with two different operators is forgotten: from now on its present login decides.
async fn identities(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    let sql = "select instance, user_folded, operator from identities";
    let mut known: BTreeMap<(String, FoldedName), BTreeSet<i64>> = BTreeMap::new();
    let mut stale = Vec::new();
    for row in writer.rows(sql, []).await? {
        let (instance, before) = (row.text(0)?, row.text(1)?);
        let after = FoldedName::new(&before);
        if after.as_str() != before {
            stale.push((instance.clone(), before));
        }
        known.entry((instance, after)).or_default().insert(row.number(2)?);
    }
    if stale.is_empty() {
        return Ok(());
    }
    let touched: BTreeSet<_> = stale.iter().map(|(instance, user)| (instance.clone(), FoldedName::new(user))).collect();
    let delete = "delete from identities where instance = $1 and user_folded = $2";
    for (instance, user) in &stale {
        writer.execute(delete, [instance.as_str().into(), user.as_str().into()]).await?;
    }
    for (instance, user) in touched {
        writer.execute(delete, [instance.as_str().into(), (&user).into()]).await?;
        let operators = known.remove(&(instance.clone(), user.clone())).unwrap_or_default();
        if let (Some(operator), 1) = (operators.first(), operators.len()) {
            let sql = "insert into identities (instance, user_folded, operator) values ($1, $2, $3)";
            writer.execute(sql, [instance.into(), user.into(), (*operator).into()]).await?;
        }
    }
    Ok(())
}

async fn unfinished_disablements(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    let sql = "select instance, operator_folded, profile from unfinished_disablements
               where octet_length(operator_folded) <> length(operator_folded)";
    for row in writer.rows(sql, []).await? {
        let (instance, before, profile) = (row.text(0)?, row.text(1)?, row.text(2)?);
        let sql = "delete from unfinished_disablements where instance = $1 and operator_folded = $2";
        writer.execute(sql, [instance.as_str().into(), before.as_str().into()]).await?;
        let sql = "insert into unfinished_disablements (instance, operator_folded, profile) values ($1, $2, $3)
                   on conflict (instance, operator_folded) do nothing";
        writer.execute(sql, [instance.into(), FoldedName::new(&before).into(), profile.into()]).await?;
    }
    Ok(())
}

/// The changes that approvals and undos name. Two changes that become equal are approved, or undone, once.
async fn keyed_changes(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    let find = "select instance, digest, op, group_folded, operator_folded, profile from approved_changes
                where octet_length(group_folded || operator_folded) <> length(group_folded || operator_folded)";
    for row in writer.rows(find, []).await? {
        let [instance, digest, op, group, operator, profile] = texts::<6>(&row)?;
        let key = [&instance, &digest, &op, &group, &operator].map(|text| text.as_str().into());
        let sql = "delete from approved_changes where instance = $1 and digest = $2 and op = $3
                     and group_folded = $4 and operator_folded = $5";
        writer.execute(sql, key).await?;
        let sql = "insert into approved_changes (instance, digest, op, group_folded, operator_folded, profile)
                   values ($1, $2, $3, $4, $5, $6)
                   on conflict (instance, digest, op, group_folded, operator_folded) do nothing";
        let (group, operator) = (FoldedName::new(&group), FoldedName::new(&operator));
        let values = [instance.into(), digest.into(), op.into(), group.into(), operator.into(), profile.into()];
        writer.execute(sql, values).await?;
    }
    let find = "select instance, op, group_folded, operator_folded, run from undone
                where octet_length(group_folded || operator_folded) <> length(group_folded || operator_folded)";
    for row in writer.rows(find, []).await? {
        let [instance, op, group, operator, run] = texts::<5>(&row)?;
        let key = [&instance, &op, &group, &operator].map(|text| text.as_str().into());
        let sql = "delete from undone where instance = $1 and op = $2 and group_folded = $3 and operator_folded = $4";
        writer.execute(sql, key).await?;
        let sql = "insert into undone (instance, op, group_folded, operator_folded, run) values ($1, $2, $3, $4, $5)
                   on conflict (instance, op, group_folded, operator_folded) do nothing";
        let (group, operator) = (FoldedName::new(&group), FoldedName::new(&operator));
        writer.execute(sql, [instance.into(), op.into(), group.into(), operator.into(), run.into()]).await?;
    }
    Ok(())
}

fn texts<const N: usize>(row: &super::database::Row) -> Result<[String; N], JournalError> {
    let mut texts = [const { String::new() }; N];
    for (column, text) in texts.iter_mut().enumerate() {
        *text = row.text(column)?;
    }
    Ok(texts)
}

/// Held plans are JSON with the keys of changes: objects with a kind, a group and an operator.
async fn held_plans(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    let sql = "select instance, digest, record from held where octet_length(record) <> length(record)";
    for row in writer.rows(sql, []).await? {
        let [instance, digest, record] = texts::<3>(&row)?;
        let mut record: Json = from_json(&record, "a held plan")?;
        for list in ["changes", "held"] {
            let entries = record.get_mut(list).and_then(Json::as_array_mut);
            for key in entries.into_iter().flatten().filter_map(|entry| entry.get_mut("key")) {
                refold_key(key);
            }
        }
        let sql = "update held set record = $1 where instance = $2 and digest = $3";
        writer.execute(sql, [to_json(&record, "a held plan")?.into(), instance.into(), digest.into()]).await?;
    }
    Ok(())
}

fn refold_key(key: &mut Json) {
    for field in ["group", "operator"] {
        if let Some(Json::String(text)) = key.get_mut(field) {
            *text = FoldedName::new(text).into_string();
        }
    }
}
