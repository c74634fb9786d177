//! Disablements that a run has to make: stored at the first write that removes the operator from a group, until the
//! operator is seen disabled or there is no reason for it any more.

use std::collections::HashSet;

use crate::domain::{
    ChangeKind, ChangeReport, FoldedName, InstanceName, ProductProfileName, RunId, SentChange, UnfinishedDisablement,
};

use super::{
    JournalError,
    database::{Transaction, WriteTransaction, read_error},
};

/// Stores which operators the plan of these changes disables after their removal. A disablement that is held is not to
/// be made; one that could not be confirmed is to be made as soon as it is confirmed.
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

/// Deletes operators that were seen disabled, or seen to join a group.
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
    // A run may add many operators, and few of them were to be disabled.
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

/// Deletes one operator, by folded login.
pub(super) async fn forget(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    operator: &FoldedName,
) -> Result<(), JournalError> {
    let sql = "delete from unfinished_disablements where instance = $1 and operator_folded = $2";
    writer.execute(sql, [instance.as_str().into(), operator.into()]).await
}

/// The unfinished disablements of one instance, sorted by folded login.
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
    // The sort order of a database depends on its collation.
    unfinished.sort();
    Ok(unfinished)
}
