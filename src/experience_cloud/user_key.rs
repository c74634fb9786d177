//! Who is who across pages: a short key for each account, and the set of those already received.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use foldhash::quality::RandomState;

use crate::domain::FoldedName;

/// Stands for one account: 64 bits of a hash over what identifies it. Among a million accounts two share a key with a
/// chance of 1 to 37 million; one would then count as missing, which the tolerance of the proof covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct UserKey(u64);

/// What a page says that identifies an account; any of it may be absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AccountIdentity<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) user_name: Option<&'a str>,
    pub(super) domain: Option<&'a str>,
    pub(super) email: Option<&'a str>,
}

/// Makes keys. Keys of different makers cannot be compared.
#[derive(Debug, Default)]
pub(super) struct KeyMaker {
    state: RandomState,
    scratch: String,
}

impl KeyMaker {
    /// The key of an account: its id, else type, user name and domain, else the e-mail address. The address alone does not
    /// identify: one person may have an Adobe ID and a federated ID with the same (user-sync.py issue 559).
    pub(super) fn key(&mut self, identity: &AccountIdentity<'_>) -> UserKey {
        let parts = match *identity {
            AccountIdentity { id: Some(id), .. } => [Some("id"), Some(id), None, None],
            AccountIdentity { user_name: Some(name), kind, domain, .. } => [Some("name"), kind, Some(name), domain],
            AccountIdentity { email, .. } => [Some("email"), email, None, None],
        };
        self.scratch.clear();
        for part in parts {
            // Neither an absent part nor the border between two can be mistaken for text: JSON texts hold no such sign
            // unescaped, and names with control characters do not exist.
            self.scratch.push(if part.is_some() { '\u{1}' } else { '\u{0}' });
            push_folded(&mut self.scratch, part.unwrap_or_default());
        }
        UserKey(self.state.hash_one(self.scratch.as_bytes()))
    }
}

/// Spellings of one name do not tell accounts apart.
fn push_folded(text: &mut String, part: &str) {
    if part.is_ascii() {
        // The usual case, a million times over: no text of its own for each part.
        let begin = text.len();
        text.push_str(part.trim());
        if let Some(pushed) = text.get_mut(begin..) {
            pushed.make_ascii_lowercase();
        }
    } else {
        text.push_str(FoldedName::new(part).as_str());
    }
}

/// Accounts received so far.
pub(super) type UserKeys = HashSet<UserKey, BuildHasherDefault<KeyHasher>>;

/// Something for each account received so far.
pub(super) type ByUserKey<T> = HashMap<UserKey, T, BuildHasherDefault<KeyHasher>>;

/// Passes a [`UserKey`] on as it is: it is a hash already.
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
    fn the_id_identifies_else_type_name_and_domain_else_the_address() {
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
