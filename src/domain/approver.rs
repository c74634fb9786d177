//! Who approved a held plan: the name that the client gave, and the users that the kernel reports.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::printable;

/// Longest name that is kept, in characters: login names have at most 32 (`man 8 useradd`), e-mail addresses are
/// longer.
const LONGEST_NAME: usize = 64;

/// The approver of a held plan, for the record.
///
/// The name comes from the client and can be any text. Control characters, line breaks and characters that change the
/// direction of text are escaped, and a long name is cut: a name cannot forge a line of a log or report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    name: String,
    user: Option<SystemUser>,
    login: Option<SystemUser>,
}

/// The user of a process, as the kernel of its host reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemUser {
    /// The user id.
    pub uid: u32,
    /// The name of this user in the account database of the host; `None` when it has none.
    pub name: Option<String>,
}

impl Approver {
    /// An approver with this name, which is not confirmed.
    pub fn claimed(name: &str) -> Self {
        let name = harmless(name);
        Self { name: if name.is_empty() { "unknown".to_owned() } else { name }, user: None, login: None }
    }

    /// The same approver, with the user of the process that sent the approval.
    #[must_use]
    pub fn as_user(self, user: Option<SystemUser>) -> Self {
        Self { user: user.map(SystemUser::harmless), ..self }
    }

    /// The same approver, with the user who signed in on the host.
    #[must_use]
    pub fn signed_in_as(self, login: Option<SystemUser>) -> Self {
        Self { login: login.map(SystemUser::harmless), ..self }
    }

    /// The name that the client gave.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user of the process that sent the approval; `None` when it is not known.
    pub fn user(&self) -> Option<&SystemUser> {
        self.user.as_ref()
    }

    /// The user who signed in on the host; `None` when it is not known.
    pub fn login(&self) -> Option<&SystemUser> {
        self.login.as_ref()
    }

    /// The name that the client gave, where it is the name of neither the process user nor the sign-in user.
    pub fn unconfirmed_name(&self) -> Option<&str> {
        let users = [self.user.as_ref(), self.login.as_ref()];
        let is_confirmed = users.into_iter().flatten().any(|user| user.name.as_ref() == Some(&self.name));
        (!is_confirmed && self.user.is_some()).then_some(self.name.as_str())
    }
}

impl SystemUser {
    fn harmless(self) -> Self {
        Self { name: self.name.as_deref().map(harmless), ..self }
    }
}

impl From<&str> for Approver {
    fn from(name: &str) -> Self {
        Self::claimed(name)
    }
}

impl fmt::Display for Approver {
    /// `carol (uid 1004)`; through `sudo`, `root (uid 0, signed in as carol, uid 1004)`; where the given name is that
    /// of none of these users, `root (uid 0, who gave the name zoe)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(user) = &self.user else { return f.write_str(&self.name) };
        let name = user.name.as_ref().unwrap_or(&self.name);
        write!(f, "{name} (uid {}", user.uid)?;
        if let Some(SystemUser { uid, name }) = self.login.as_ref().filter(|login| login.uid != user.uid) {
            match name {
                Some(name) => write!(f, ", signed in as {name}, uid {uid}")?,
                None => write!(f, ", signed in as uid {uid}")?,
            }
        }
        match self.unconfirmed_name().filter(|claimed| *claimed != name) {
            Some(claimed) => write!(f, ", who gave the name {claimed})"),
            None => f.write_str(")"),
        }
    }
}

/// An approval in reports and lists. The field names are part of the JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalNote {
    /// The digest of the held plan that was approved.
    pub digest: String,
    /// The user of the process that sent the approval; the given name where the kernel reported no user, or the host
    /// has no name for that user.
    pub by: String,
    /// The id of this user, as the kernel reported it.
    pub uid: Option<u32>,
    /// The name of the user who signed in on the host (the login user id of the kernel, which survives `sudo`).
    pub login: Option<String>,
    /// The id of that user.
    pub login_uid: Option<u32>,
    /// The given name, where it is the name of neither of the two users.
    pub claimed: Option<String>,
    /// When it was approved.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
    /// The approver in one line.
    #[serde(rename = "approved_by")]
    pub described: String,
}

impl ApprovalNote {
    /// The approval of this digest by `approver` at the time `at`.
    pub fn new(digest: &str, approver: &Approver, at: DateTime<Utc>) -> Self {
        let name = approver.user().and_then(|user| user.name.as_deref());
        Self {
            digest: digest.to_owned(),
            by: name.unwrap_or(approver.name()).to_owned(),
            uid: approver.user().map(|user| user.uid),
            login: approver.login().and_then(|login| login.name.clone()),
            login_uid: approver.login().map(|login| login.uid),
            claimed: approver.unconfirmed_name().map(str::to_owned),
            at,
            described: approver.to_string(),
        }
    }
}

fn harmless(name: &str) -> String {
    let name = name.trim();
    let cut = if name.chars().nth(LONGEST_NAME).is_some() { "…" } else { "" };
    let kept: String = name.chars().take(LONGEST_NAME).collect();
    format!("{}{cut}", printable(&kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, name: Option<&str>) -> SystemUser {
        SystemUser { uid, name: name.map(str::to_owned) }
    }

    #[test]
    fn the_user_of_the_process_is_shown_with_the_given_name() {
        let check = |user, expected: &str| {
            assert_eq!(Approver::claimed("carol").as_user(user).to_string(), expected);
        };
        check(None, "carol");
        check(Some(user(1004, Some("carol"))), "carol (uid 1004)");
        check(Some(user(1004, None)), "carol (uid 1004)");
        check(Some(user(0, Some("root"))), "root (uid 0, who gave the name carol)");
    }

    #[test]
    fn incident_41_the_sign_in_user_is_shown_with_the_process_user_and_a_forged_name_only_as_a_claim() {
        let check = |uid: (u32, &str), login: (u32, Option<&str>), claimed: &str, expected: &str| {
            let approver = Approver::claimed(claimed).as_user(Some(user(uid.0, Some(uid.1))));
            assert_eq!(approver.signed_in_as(Some(user(login.0, login.1))).to_string(), expected);
        };
        let carol = (1004, Some("carol"));
        check((0, "root"), carol, "carol", "root (uid 0, signed in as carol, uid 1004)");
        check((0, "root"), carol, "zoe", "root (uid 0, signed in as carol, uid 1004, who gave the name zoe)");
        check((0, "root"), (1004, None), "root", "root (uid 0, signed in as uid 1004)");
        check((1004, "carol"), carol, "carol", "carol (uid 1004)");
        check((1004, "carol"), carol, "zoe", "carol (uid 1004, who gave the name zoe)");
    }

    #[test]
    fn an_approval_note_separates_the_users_of_the_kernel_from_a_claimed_name() {
        let at = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        let sudo = Approver::claimed("carol").as_user(Some(user(0, Some("root"))));
        let sudo = ApprovalNote::new("0123456789abcdef", &sudo.signed_in_as(Some(user(1004, Some("carol")))), at);
        assert_eq!((sudo.by.as_str(), sudo.uid, sudo.login.as_deref()), ("root", Some(0), Some("carol")));
        assert_eq!((sudo.login_uid, sudo.claimed), (Some(1004), None));
        let forged = Approver::claimed("zoe").as_user(Some(user(1004, Some("carol"))));
        let forged = ApprovalNote::new("0123456789abcdef", &forged, at);
        assert_eq!((forged.by.as_str(), forged.claimed.as_deref()), ("carol", Some("zoe")));
        let unknown = ApprovalNote::new("0123456789abcdef", &"ann".into(), at);
        assert_eq!((unknown.by.as_str(), unknown.uid, unknown.claimed), ("ann", None, None));
    }

    #[test]
    fn incident_41_a_name_cannot_forge_a_line() {
        let check = |name: &str, expected: &str| assert_eq!(Approver::claimed(name).name(), expected, "{name:?}");
        check("zoe\n2026-11-22T06:00:00Z INFO all is well", "zoe\\n2026-11-22T06:00:00Z INFO all is well");
        check("zoe\r\u{1b}[2K", "zoe\\r\\u{1b}[2K");
        check("zoe\u{2028}\u{202e}eve", "zoe\\u{2028}\\u{202e}eve");
        check("  \n ", "unknown");
        check(&"x".repeat(64), &"x".repeat(64));
        check(&"x".repeat(65), &format!("{}…", "x".repeat(64)));
        let lines = Approver::claimed("a").as_user(Some(user(1, Some("b\nc")))).to_string().lines().count();
        assert_eq!(lines, 1);
    }
}
