//! The organization to which a state belongs. The first complete read of a run claims the state for it, and from then on
//! no run of another organization uses it: its users would look like leavers.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{Approver, OrganizationId};

use super::{
    Journal, JournalError,
    chain::{EventKind, append},
    database::{ReadTransaction, WriteTransaction},
};

/// The row of the table `meta` with the id of the organization.
const ORGANIZATION: &str = "organization";

/// The event of a state that an administrator assigned to another organization.
#[derive(Serialize)]
struct Assigned<'a> {
    from: &'a str,
    to: &'a str,
    by: String,
}

impl Journal {
    /// The id of the organization to which this state belongs; `None` before the first complete read.
    pub async fn organization(&self) -> Result<Option<String>, JournalError> {
        stored(&mut self.begin_read().await?).await
    }

    /// Returns an error if this state belongs to another organization than the configured one.
    pub async fn require_organization(&self, configured: &OrganizationId) -> Result<(), JournalError> {
        match self.organization().await? {
            Some(state) if !state.eq_ignore_ascii_case(configured.as_str()) => Err(JournalError::OtherOrganization {
                place: self.location.place()?,
                state,
                configured: configured.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Assigns this state to another organization, because the id of its organization has changed: recorded with who did
    /// it. The memory of all instances counts as lost, so that the next runs hold all removals until they are approved.
    /// Returns the id before; `None` if nothing was changed, because the state belongs to no organization or to this one.
    pub async fn assign_organization(
        &self,
        to: &OrganizationId,
        approver: &Approver,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, JournalError> {
        let mut writer = self.begin_write().await?;
        let Some(from) = stored(writer.reader()).await? else { return Ok(None) };
        if from.eq_ignore_ascii_case(to.as_str()) {
            return Ok(None);
        }
        store(&mut writer, to.as_str()).await?;
        let lost = format!("the state was assigned to organization {to} by {approver}; before, it belonged to {from}");
        let sql = "insert into meta (name, value) values ('memory_lost', $1)
                   on conflict (name) do update set value = excluded.value";
        writer.execute(sql, [lost.into()]).await?;
        writer.execute("delete from accepted_reads", []).await?;
        let body = Assigned { from: &from, to: to.as_str(), by: approver.to_string() };
        append(&mut writer, None, now, EventKind::Assigned, &body).await?;
        writer.commit().await?;
        Ok(Some(from))
    }
}

/// Claims the state for this organization, unless it belongs to one already.
pub(super) async fn claim(writer: &mut WriteTransaction, organization: &str) -> Result<(), JournalError> {
    match stored(writer.reader()).await? {
        Some(_) => Ok(()),
        None => store(writer, organization).await,
    }
}

async fn stored(reader: &mut ReadTransaction) -> Result<Option<String>, JournalError> {
    let rows = reader.rows("select value from meta where name = $1", [ORGANIZATION.into()]).await?;
    rows.first().map(|row| row.text(0)).transpose()
}

async fn store(writer: &mut WriteTransaction, organization: &str) -> Result<(), JournalError> {
    let sql = "insert into meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
    writer.execute(sql, [ORGANIZATION.into(), organization.into()]).await
}
