//! Sessions: the two tokens of a `Logon`, and their expiry.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// The tokens that `Logon` returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionTokens {
    /// `___` and a GUID.
    pub(super) session: String,
    /// `@`, letters and digits, `==`.
    pub(super) security: String,
}

#[derive(Debug)]
struct Session {
    operator_id: i64,
    security_token: String,
    ends_at: SystemTime,
}

/// The sessions that are open.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: HashMap<String, Session>,
    issued: u64,
}

impl Sessions {
    /// Opens a session; the tokens follow from the seed, so that a run can be repeated.
    pub(super) fn open(&mut self, operator_id: i64, seed: u64, now: SystemTime, life: Duration) -> SessionTokens {
        self.issued += 1;
        self.open.retain(|_, session| session.ends_at > now);
        let tokens =
            SessionTokens { session: session_token(seed, self.issued), security: security_token(seed, self.issued) };
        let session = Session {
            operator_id,
            security_token: tokens.security.clone(),
            ends_at: now.checked_add(life).unwrap_or(now),
        };
        self.open.insert(tokens.session.clone(), session);
        tokens
    }

    /// The operator of a session that is still open. Without a security token to compare, the session token is enough.
    pub(super) fn operator(&self, session_token: &str, security_token: Option<&str>, now: SystemTime) -> Option<i64> {
        let session = self.open.get(session_token).filter(|session| session.ends_at > now)?;
        security_token.is_none_or(|token| token == session.security_token).then_some(session.operator_id)
    }

    /// Ends one session.
    pub(super) fn close(&mut self, session_token: &str) {
        self.open.remove(session_token);
    }

    /// Ends all sessions.
    pub(super) fn close_all(&mut self) {
        self.open.clear();
    }
}

fn digest(kind: &str, seed: u64, number: u64) -> [u8; 32] {
    Sha256::digest(format!("{kind} {seed} {number}").as_bytes()).into()
}

fn session_token(seed: u64, number: u64) -> String {
    let digest = digest("session", seed, number);
    let guid = digest.first_chunk::<16>().map(|half| u128::from_be_bytes(*half)).unwrap_or_default();
    // The same eight digits first: a search for the tokens of a sandbox finds all of them.
    let mut token = format!("___5e5510c7{:024x}", guid >> 32);
    for at in [23, 19, 15, 11] {
        token.insert(at, '-');
    }
    token
}

fn security_token(seed: u64, number: u64) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut token = "@SandboxSecurityToken".to_owned();
    for block in 0..4 {
        let bytes = digest(&format!("security {block}"), seed, number);
        let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        token.extend(letters.map(|letter| char::from(*letter)));
    }
    token.truncate(107);
    token.push_str("==");
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn tokens_are_shaped_like_those_of_campaign() {
        let tokens = Sessions::default().open(1, 7, SystemTime::UNIX_EPOCH, DAY);
        assert_eq!((tokens.session.len(), tokens.security.len()), (39, 109));
        assert!(
            tokens.session.starts_with("___") && tokens.security.starts_with('@') && tokens.security.ends_with("==")
        );
    }

    #[test]
    fn a_session_expires() {
        let (mut sessions, start) = (Sessions::default(), SystemTime::UNIX_EPOCH);
        let tokens = sessions.open(1, 7, start, DAY);
        assert_eq!(sessions.operator(&tokens.session, None, start + DAY - Duration::from_secs(1)), Some(1));
        assert_eq!(sessions.operator(&tokens.session, None, start + DAY), None);
    }

    #[test]
    fn both_tokens_must_belong_together() {
        let (mut sessions, now) = (Sessions::default(), SystemTime::UNIX_EPOCH);
        let (one, other) = (sessions.open(1, 7, now, DAY), sessions.open(2, 7, now, DAY));
        assert_eq!(sessions.operator(&one.session, Some(&one.security), now), Some(1));
        assert_eq!(sessions.operator(&one.session, Some(&other.security), now), None);
        assert_eq!(sessions.operator(&one.session, Some(""), now), None);
        sessions.close(&one.session);
        assert_eq!(sessions.operator(&one.session, Some(&one.security), now), None);
    }
}
