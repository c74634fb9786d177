//! The identity of accounts across pages: a short key for each account, and the set of keys already received.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use foldhash::quality::RandomState;

use crate::domain::FoldedName;

/// The key of one account: a 64-bit hash of its identity. Among a million accounts, two share a key with a probability
/// of 1 in 37 million; one of them would then count as missing, which the tolerance of the proof covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct UserKey(u64);

/// The fields of a record that identify an account; each may be absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AccountIdentity<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) user_name: Option<&'a str>,
    pub(super) domain: Option<&'a str>,
    pub(super) email: Option<&'a str>,
}

/// Creates keys. Keys of different makers cannot be compared.
#[derive(Debug, Default)]
pub(super) struct KeyMaker {
    state: RandomState,
    scratch: String,
}

impl KeyMaker {
    /// The key of an account: from its id; else from type, user name and domain; else from the e-mail address. The
    /// address alone does not identify an account: an Adobe ID and a federated ID may have the same one (user-sync.py
    /// issue 559).
    pub(super) fn key(&mut self, identity: &AccountIdentity<'_>) -> UserKey {
        let parts: &[Option<&str>] = match *identity {
            AccountIdentity { id: Some(id), .. } => &[Some("i"), Some(id)],
            AccountIdentity { user_name: Some(name), kind, domain, .. } => &[Some("n"), kind, Some(name), domain],
            AccountIdentity { email, .. } => &[Some("e"), email],
        };
        self.scratch.clear();
        for part in parts {
            // These control characters mark absent parts and separate parts. No part contains them: JSON texts contain
            // them only as escapes, and no name has control characters.
            self.scratch.push(if part.is_some() { '\u{1}' } else { '\u{0}' });
            push_folded(&mut self.scratch, part.unwrap_or_default());
        }
        UserKey(self.state.hash_one(self.scratch.as_bytes()))
    }
}

/// Appends a part folded, so that the spelling of a name does not distinguish accounts.
fn push_folded(text: &mut String, part: &str) {
    if part.is_ascii() {
        // The usual case, for up to a million accounts: allocates no memory.
        let begin = text.len();
        let is_trimmed =
            [part.as_bytes().first(), part.as_bytes().last()].into_iter().flatten().all(|byte| *byte > b' ');
        text.push_str(if is_trimmed { part } else { part.trim() });
        if let Some(pushed) = text.get_mut(begin..) {
            pushed.make_ascii_lowercase();
        }
    } else {
        text.push_str(FoldedName::new(part).as_str());
    }
}

/// Accounts received so far.
pub(super) type UserKeys = HashSet<UserKey, BuildHasherDefault<KeyHasher>>;

/// A value for each account received so far.
pub(super) type ByUserKey<T> = HashMap<UserKey, T, BuildHasherDefault<KeyHasher>>;

/// Returns a [`UserKey`] unchanged: it is a hash already.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: AccountIdentity<'_> = AccountIdentity {
        id: Some("AB12@acme"),
        kind: Some("federatedID"),
        user_name: Some("ann"),
        domain: Some("acme.com"),
        email: Some("ann@acme.com"),
    };

    fn check(left: &AccountIdentity<'_>, right: &AccountIdentity<'_>, same: bool) {
        let mut maker = KeyMaker::default();
        assert_eq!(maker.key(left) == maker.key(right), same, "{left:?} and {right:?}");
    }

    #[test]
    fn an_account_is_identified_by_id_or_by_type_name_and_domain_or_by_address() {
        check(&ANN, &AccountIdentity { id: Some("ab12@ACME"), ..AccountIdentity::default() }, true);
        check(&ANN, &AccountIdentity { id: Some("ab13@acme"), ..ANN }, false);
        let no_id = AccountIdentity { id: None, ..ANN };
        check(&no_id, &AccountIdentity { kind: Some("federatedId"), email: None, ..no_id }, true);
        check(&no_id, &AccountIdentity { kind: Some("adobeID"), ..no_id }, false);
        check(&no_id, &AccountIdentity { domain: None, ..no_id }, false);
        check(&no_id, &AccountIdentity { user_name: Some("ÄNN"), ..no_id }, false);
        check(
            &AccountIdentity { user_name: Some("ÄNN"), ..no_id },
            &AccountIdentity { user_name: Some("änn"), ..no_id },
            true,
        );
        let only_email = AccountIdentity { email: Some("Ann@acme.com"), ..AccountIdentity::default() };
        check(&only_email, &AccountIdentity { email: Some("ann@acme.com"), ..AccountIdentity::default() }, true);
        check(&only_email, &AccountIdentity { id: Some("ann@acme.com"), ..AccountIdentity::default() }, false);
    }
}
