//! Who approved a held plan: the name that was given, and the user that the kernel reports.

use std::fmt;

use super::printable;

/// Longest name that is kept, in characters: login names have at most 32 (`man 8 useradd`), addresses are longer.
const LONGEST_NAME: usize = 64;

/// Who approved a held plan, for the record.
///
/// The name comes from the client and can be any text: control characters, line breaks and characters that change the
/// direction of text are written as escapes, and a long name is cut, so that a name cannot forge a line of a log or report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    name: String,
    user: Option<SystemUser>,
}

/// The user of a process, as the kernel of its host reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemUser {
    /// The user id.
    pub uid: u32,
    /// The name of this user in the list of accounts of the host, when it is there.
    pub name: Option<String>,
}

impl Approver {
    /// An approver of this name, which nothing confirms.
    pub fn claimed(name: &str) -> Self {
        let name = harmless(name);
        Self { name: if name.is_empty() { "unknown".to_owned() } else { name }, user: None }
    }

    /// The same approver, with the user whose process asked.
    #[must_use]
    pub fn as_user(self, user: Option<SystemUser>) -> Self {
        let user = user.map(|user| SystemUser { name: user.name.as_deref().map(harmless), ..user });
        Self { user, ..self }
    }

    /// The name that was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user whose process asked; `None` when it is not known.
    pub fn user(&self) -> Option<&SystemUser> {
        self.user.as_ref()
    }
}

impl From<&str> for Approver {
    fn from(name: &str) -> Self {
        Self::claimed(name)
    }
}

impl fmt::Display for Approver {
    /// `carol (uid 1004)`; where the name that was given is another, `root (uid 0, who gave the name carol)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(SystemUser { uid, name }) = &self.user else { return f.write_str(&self.name) };
        match name.as_deref() {
            Some(user) if user != self.name => write!(f, "{user} (uid {uid}, who gave the name {})", self.name),
            _ => write!(f, "{} (uid {uid})", self.name),
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
    fn the_user_of_the_process_stands_beside_the_name_that_was_given() {
        let check = |user, expected: &str| {
            assert_eq!(Approver::claimed("carol").as_user(user).to_string(), expected);
        };
        check(None, "carol");
        check(Some(user(1004, Some("carol"))), "carol (uid 1004)");
        check(Some(user(1004, None)), "carol (uid 1004)");
        check(Some(user(0, Some("root"))), "root (uid 0, who gave the name carol)");
    }

    #[test]
    fn incident_41_a_name_cannot_forge_a_line() {
        let check = |name: &str, expected: &str| assert_eq!(Approver::claimed(name).name(), expected, "{name:?}");
        check("zoe\n2026-11-22T06:00:00Z INFO all is well", "zoe\\u{a}2026-11-22T06:00:00Z INFO all is well");
        check("zoe\r\u{1b}[2K", "zoe\\u{d}\\u{1b}[2K");
        check("zoe\u{2028}\u{202e}eve", "zoe\\u{2028}\\u{202e}eve");
        check("  \n ", "unknown");
        check(&"x".repeat(64), &"x".repeat(64));
        check(&"x".repeat(65), &format!("{}…", "x".repeat(64)));
        let lines = Approver::claimed("a").as_user(Some(user(1, Some("b\nc")))).to_string().lines().count();
        assert_eq!(lines, 1);
    }
}
