//! One user of the Admin Console.

use std::num::NonZeroU32;

/// One user of the Admin Console, with the fields that matching needs. They are one text: an organization may have a
/// million users.
#[derive(Clone, PartialEq, Eq)]
pub struct AdobeUser {
    /// The fields that are present, one after the other.
    text: Box<str>,
    /// The length of each field in bytes, plus 1; `None` if it is absent.
    lengths: [Option<NonZeroU32>; 3],
}

impl AdobeUser {
    /// A user with these fields, as Adobe spells them: `id`, which a change of name does not change and which is
    /// documented as optional, `email` and `username`.
    pub fn new(id: Option<&str>, email: Option<&str>, user_name: Option<&str>) -> Self {
        let fields = [id, email, user_name];
        let mut text = String::with_capacity(fields.iter().flatten().map(|field| field.len()).sum());
        // The size limit of a response is far below 4 GiB.
        let lengths = fields.map(|field| {
            let field = field?;
            text.push_str(field);
            u32::try_from(field.len() + 1).ok().and_then(NonZeroU32::new)
        });
        Self { text: text.into_boxed_str(), lengths }
    }

    /// `id`.
    pub fn id(&self) -> Option<&str> {
        self.field(0)
    }

    /// `email`.
    pub fn email(&self) -> Option<&str> {
        self.field(1)
    }

    /// `username`.
    pub fn user_name(&self) -> Option<&str> {
        self.field(2)
    }

    /// The names that may be the login of an operator: address and user name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [self.email(), self.user_name()].into_iter().flatten()
    }

    fn field(&self, at: usize) -> Option<&str> {
        let length = |stored: NonZeroU32| stored.get() as usize - 1;
        let (before, rest) = self.lengths.split_at_checked(at)?;
        let begin = before.iter().flatten().map(|stored| length(*stored)).sum();
        let own = length((*rest.first()?)?);
        self.text.get(begin..)?.get(..own)
    }
}

impl std::fmt::Debug for AdobeUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdobeUser")
            .field("id", &self.id())
            .field("email", &self.email())
            .field("user_name", &self.user_name())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_field_is_not_an_empty_one() {
        for id in [None, Some(""), Some("A1@acme")] {
            for email in [None, Some(""), Some("änn@acme.com")] {
                for user_name in [None, Some(""), Some("ann")] {
                    let user = AdobeUser::new(id, email, user_name);
                    assert_eq!((user.id(), user.email(), user.user_name()), (id, email, user_name));
                    let names: Vec<_> = email.into_iter().chain(user_name).collect();
                    assert_eq!(user.names().collect::<Vec<_>>(), names);
                }
            }
        }
    }
}
