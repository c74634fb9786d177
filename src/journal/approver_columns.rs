//! Who approved something, or asked for it, as columns: the name that was given, the user of the process, and the user who
//! signed in.

use crate::domain::{Approver, SystemUser};

use super::{
    JournalError,
    database::{Row, Value},
};

/// The five values, in the order name, uid, user, login uid, login user.
pub(super) fn values(approver: &Approver) -> [Value; 5] {
    let uid = |user: Option<&SystemUser>| user.map(|user| i64::from(user.uid)).into();
    let name = |user: Option<&SystemUser>| user.and_then(|user| user.name.clone()).into();
    let (user, login) = (approver.user(), approver.login());
    [approver.name().into(), uid(user), name(user), uid(login), name(login)]
}

/// Reads the five columns from the position `at` on.
pub(super) fn read(row: &Row, at: usize) -> Result<Approver, JournalError> {
    let user = |at: usize| {
        let (uid, name) = (row.optional_number(at)?, row.optional_text(at + 1)?);
        Ok::<_, JournalError>(uid.and_then(|uid| u32::try_from(uid).ok()).map(|uid| SystemUser { uid, name }))
    };
    Ok(Approver::claimed(&row.text(at)?).as_user(user(at + 1)?).signed_in_as(user(at + 3)?))
}
