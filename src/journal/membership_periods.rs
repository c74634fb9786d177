//! The periods of memberships in the access record: which a run began and ended.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::{ChangeKey, ChangeKind, ChangeOutcome, ChangeReport, FoldedName, InstanceName, RunId};

use super::{
    JournalError,
    database::{Value, WriteTransaction},
};

/// SQL expressions for the profile and the approver of the change that began or ended a row of `stays`.
macro_rules! of_change {
    ($column:literal, $run:literal, $op:literal) => {
        concat!(
            "(select min(c.",
            $column,
            ") from changes c where c.run = s.",
            $run,
            " and c.instance = s.instance and c.group_folded = s.group_folded
                  and c.operator_folded = s.login_folded and c.op = '",
            $op,
            "')"
        )
    };
}
pub(super) use of_change;

/// Most logins that are read at once.
pub(super) const LOGINS_A_CHUNK: i64 = 10_000;

/// Writes which memberships a run granted and removed.
pub(super) async fn settle(
    writer: &mut WriteTransaction,
    run: &RunId,
    at: DateTime<Utc>,
    instance: &InstanceName,
    changes: &[ChangeReport],
) -> Result<(), JournalError> {
    let mut begun: Vec<[Value; 5]> = Vec::new();
    let mut ended: BTreeMap<(i64, Option<&str>), Vec<Membership>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for change in changes.iter().filter(|change| change.outcome.is_in_place()) {
        let at = change.at.unwrap_or(at).timestamp_millis();
        // A change that Campaign already held before the write was not made by this run.
        let run = (change.outcome == ChangeOutcome::Applied).then(|| run.as_str());
        let key = change.key();
        if !seen.insert(key.clone()) {
            continue;
        }
        let ChangeKey { kind, group, operator } = key;
        let login = change.operator.as_deref().unwrap_or_default();
        match kind {
            ChangeKind::Add => {
                let run = run.map(str::to_owned).into();
                begun.push([group.into(), operator.into(), login.into(), at.into(), run]);
            }
            ChangeKind::Remove => ended.entry((at, run)).or_default().push((group, operator)),
            ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => {}
        }
    }
    begin_periods(writer, instance, begun).await?;
    for ((at, run), memberships) in ended {
        end_periods(writer, instance, memberships, (at, run.map(str::to_owned).into())).await?;
    }
    Ok(())
}

/// The folded names of a group and an operator.
pub(super) type Membership = (FoldedName, FoldedName);

/// Begins the given memberships (group, folded login, login, time, run), unless they are open already.
const BEGIN_PERIODS: (&str, &str) = (
    "insert into stays (instance, group_folded, login_folded, login, since, granted_by)
     select $1, given.column1, given.column2, given.column3, given.column4, given.column5 from (",
    ") as given where not exists (
        select 1 from stays open where open.instance = $1 and open.group_folded = given.column1
            and open.login_folded = given.column2 and open.until is null)",
);

/// Ends the given memberships (group, folded login, instance). If the clock was set back, a period ends when it began,
/// not earlier. The instance is a column of every row: compared with a single value, `SQLite` would rather read every
/// membership of the instance for each row.
const END_PERIODS: (&str, &str) = (
    "update stays set until = case when since > $1 then since else $1 end, ended_by = $2 from (",
    ") as given where instance = given.column3 and until is null
                and group_folded = given.column1 and login_folded = given.column2",
);

/// Begins memberships, by group, folded login, login, time and run; not those that are open already.
async fn begin_periods(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    memberships: Vec<[Value; 5]>,
) -> Result<(), JournalError> {
    writer.for_rows(BEGIN_PERIODS, [instance.as_str().into()], memberships).await.map(drop)
}

/// Ends memberships at this time, by this run.
pub(super) async fn end_periods(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    memberships: Vec<Membership>,
    (at, run): (i64, Value),
) -> Result<(), JournalError> {
    let rows = memberships.into_iter();
    let rows = rows.map(|(group, operator)| [group.into(), operator.into(), instance.as_str().into()]);
    writer.for_rows(END_PERIODS, [at.into(), run], rows).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::{super::database::plans::is_searched_by, *};

    #[tokio::test]
    async fn an_open_membership_is_found_by_its_group_and_login() {
        let index = "stays_open (instance=? AND group_folded=? AND login_folded=?)";
        is_searched_by(index, BEGIN_PERIODS, ["i".into()]).await;
        is_searched_by(index, END_PERIODS, [1.into(), "run".into()]).await;
    }
}
