//! Disablements that a run set out to make: known from the first write that takes an operator out of a group until the
//! disablement is seen made, or there is no ground for it any more.

use std::collections::HashSet;

use crate::domain::{
    ChangeKind, ChangeReport, FoldedName, InstanceName, ProductProfileName, RunId, SentChange, UnfinishedDisablement,
};

use super::{
    JournalError,
    database::{Transaction, WriteTransaction, read_error},
};

/// Remembers, of the changes that are being sent, whom the same plan disables once they are made. What is held is not planned
/// to be made; what could not be confirmed is, once it can.
pub(super) async fn remember(
    writer: &mut WriteTransaction,
    run: &RunId,
    instance: &InstanceName,
    sent: &[SentChange],
) -> Result<(), JournalError> {
    let removed: HashSet<&FoldedName> = sent
        .iter()
        .map(|sent| &sent.key)
        .filter(|key| key.kind == ChangeKind::Remove)
        .map(|key| &key.operator)
        .collect();
    if removed.is_empty() {
        return Ok(());
    }
    let sql = "select operator_folded, profile from changes
               where run = $1 and instance = $2 and op = 'disable_operator' and outcome in ('pending', 'unconfirmed')";
    let planned = writer.rows(sql, [run.as_str().into(), instance.as_str().into()]).await?;
    let planned: Vec<(FoldedName, String)> =
        planned.iter().map(|row| Ok((row.folded(0)?, row.text(1)?))).collect::<Result<_, JournalError>>()?;
    let rows = planned
        .into_iter()
        .filter(|(operator, _)| removed.contains(operator))
        .map(|(operator, profile)| [instance.as_str().into(), operator.into(), profile.into()]);
    let head = "insert into unfinished_disablements (instance, operator_folded, profile)";
    writer.insert(head, rows, "on conflict (instance, operator_folded) do update set profile = excluded.profile").await
}

/// Forgets who was seen disabled, and who was seen to join a group.
pub(super) async fn forget_settled(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    changes: &[ChangeReport],
) -> Result<(), JournalError> {
    let ends = |change: &&ChangeReport| {
        change.outcome.is_in_place() && matches!(change.op, ChangeKind::Add | ChangeKind::DisableOperator)
    };
    let ended: Vec<FoldedName> = changes.iter().filter(ends).map(|change| change.key().operator).collect();
    if ended.is_empty() {
        return Ok(());
    }
    // A run may add many, and few were ever to be disabled.
    let sql = "select operator_folded from unfinished_disablements where instance = $1";
    let known: HashSet<FoldedName> = {
        let rows = writer.rows(sql, [instance.as_str().into()]).await?;
        rows.iter().map(|row| row.folded(0)).collect::<Result<_, _>>()?
    };
    for operator in ended.iter().filter(|operator| known.contains(*operator)) {
        forget(writer, instance, operator).await?;
    }
    Ok(())
}

/// Forgets one operator, by folded login.
pub(super) async fn forget(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    operator: &FoldedName,
) -> Result<(), JournalError> {
    let sql = "delete from unfinished_disablements where instance = $1 and operator_folded = $2";
    writer.execute(sql, [instance.as_str().into(), operator.into()]).await
}

/// All of one instance, by folded login.
pub(super) async fn unfinished_disablements(
    reader: &mut Transaction,
    instance: &InstanceName,
) -> Result<Vec<UnfinishedDisablement>, JournalError> {
    let sql = "select operator_folded, profile from unfinished_disablements where instance = $1";
    let rows = reader.rows(sql, [instance.as_str().into()]).await.map_err(read_error)?;
    let unfinished = rows.iter().map(|row| {
        Ok(UnfinishedDisablement { operator: row.folded(0)?, profile: ProductProfileName::new(row.text(1)?) })
    });
    let mut unfinished = unfinished.collect::<Result<Vec<_>, JournalError>>()?;
    // A database sorts texts by rules of its own.
    unfinished.sort();
    Ok(unfinished)
}
