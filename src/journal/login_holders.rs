//! Who has a login that an operator had before the name of a user changed: the results of single-user calls, and the
//! logins that the next read of all users looks for.

use chrono::{DateTime, Utc};

use crate::domain::{FoldedName, LoginHolder, LoginHolders, LoginSet, OperatorLogin, OrganizationId};

use super::{Journal, JournalError, database::ChunkText};

/// Most logins that are read at once.
const LOGINS_A_CHUNK: i64 = 10_000;

impl Journal {
    /// The stored logins of the operators of users, over all instances.
    pub async fn remembered_logins(&self) -> Result<LoginSet, JournalError> {
        let mut reader = self.begin_read().await?;
        // In the order of the primary key. Users of several instances occur several times.
        let sql = "select login_folded, instance, user_folded from identities
                   where (instance, user_folded) > ($1, $2) order by instance, user_folded limit $3";
        let (mut logins, mut last) = (LoginSet::default(), (String::new(), String::new()));
        loop {
            let values = [last.0.as_str().into(), last.1.as_str().into(), LOGINS_A_CHUNK.into()];
            let chunk = reader.chunk(("login_folded, instance, user_folded", sql), values).await?;
            let rows: Vec<(Option<ChunkText<'_>>, ChunkText<'_>, ChunkText<'_>)> = chunk.rows()?;
            rows.iter().filter_map(|(login, ..)| login.as_deref()).for_each(|login| logins.insert(login));
            match rows.last() {
                Some((_, instance, user)) => last = (instance.to_string(), user.to_string()),
                None => return Ok(logins),
            }
        }
    }

    /// The results from `since` to `until`. A later one was written by a wrong clock: its age is not known, and it does
    /// not count.
    pub async fn login_holders(
        &self,
        organization: &OrganizationId,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<LoginHolders, JournalError> {
        let sql = "select login_folded, user_folded from login_holders
                   where organization = $1 and read_at >= $2 and read_at <= $3";
        let (since, until) = (since.timestamp_millis(), until.timestamp_millis());
        let rows = self.query().await?.rows(sql, [organization.as_str().into(), since.into(), until.into()]).await?;
        let answers = rows.iter().map(|row| {
            let holder = match row.optional_text(1)? {
                None => LoginHolder::NoUser,
                Some(unidentified) if unidentified.is_empty() => LoginHolder::Others,
                Some(user) => LoginHolder::User(FoldedName::stored(user)),
            };
            Ok((row.folded(0)?, holder))
        });
        Ok(LoginHolders::new(answers.collect::<Result<Vec<_>, JournalError>>()?))
    }

    /// Stores one result, read at `at`, and deletes those before `since`.
    pub async fn remember_login_holder(
        &self,
        organization: &OrganizationId,
        login: &OperatorLogin,
        holder: &LoginHolder,
        at: DateTime<Utc>,
        since: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let user = match holder {
            LoginHolder::NoUser => None,
            LoginHolder::User(user) => Some(user.as_str().to_owned()),
            LoginHolder::Others => Some(String::new()),
        };
        let mut writer = self.begin_write().await?;
        let sql = "delete from login_holders where organization = $1 and read_at < $2";
        writer.execute(sql, [organization.as_str().into(), since.timestamp_millis().into()]).await?;
        let sql = "insert into login_holders (organization, login_folded, user_folded, read_at) values ($1, $2, $3, $4)
                   on conflict (organization, login_folded) do update set
                       user_folded = excluded.user_folded, read_at = excluded.read_at";
        let values = [organization.as_str().into(), login.folded().into(), user.into(), at.timestamp_millis().into()];
        writer.execute(sql, values).await?;
        writer.commit().await
    }
}
