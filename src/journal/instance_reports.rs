//! Reports about instances, without their changes: runs that say the same share one.

use super::{JournalError, chain::fingerprint, database::WriteTransaction};

/// The report of a row of `plans`.
macro_rules! report_column {
    () => {
        "coalesce((select shared.report from instance_reports shared where shared.digest = plans.report_digest), \
         plans.report)"
    };
}
pub(super) use report_column;

/// Stores a report, unless it is stored, and answers its digest.
pub(super) async fn store(writer: &mut WriteTransaction, report: &str) -> Result<String, JournalError> {
    let digest = fingerprint(report);
    let sql = "insert into instance_reports (digest, report) values ($1, $2) on conflict (digest) do nothing";
    writer.execute(sql, [digest.as_str().into(), report.into()]).await?;
    Ok(digest)
}

/// The digests of the reports of a run, in one instance or in all.
pub(super) async fn of_run(
    writer: &mut WriteTransaction,
    run: &str,
    instance: Option<&str>,
) -> Result<Vec<String>, JournalError> {
    let sql = "select distinct report_digest from plans
               where run = $1 and (cast($2 as text) is null or instance = $2) and report_digest is not null";
    let rows = writer.rows(sql, [run.into(), instance.map(str::to_owned).into()]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Deletes those of these reports that no run shares any more.
pub(super) async fn delete_unused(writer: &mut WriteTransaction, digests: Vec<String>) -> Result<(), JournalError> {
    for digest in digests {
        let sql = "delete from instance_reports
                   where digest = $1 and not exists (select 1 from plans where plans.report_digest = $1)";
        writer.execute(sql, [digest.into()]).await?;
    }
    Ok(())
}
