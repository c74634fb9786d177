//! Users whose record cannot be used: they count as received, and the program neither adds nor removes them.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    page_text::Name,
    profile_names::ProfileNames,
    text_field::{TextField, shortened},
    user_key::{AccountIdentity, UserKey},
    users_page::{Collector, KeptUsers, UserFields, is_active},
};

/// Users whose records cannot be used, and what is unknown because of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UnusableUsers {
    /// Users that have a matching profile but cannot be identified.
    pub(super) members: Vec<UnusableUser>,
    /// The first user whose groups cannot be read, and who may have any profile.
    pub(super) without_groups: Option<String>,
    /// Whether there is a user whose login is unknown.
    pub(super) without_login: bool,
}

/// A user that has profiles but cannot be identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnusableUser {
    /// The user, as far as the record says, and what is wrong.
    pub(super) what: String,
    /// Positions of the profiles in the listing of profiles. Empty for a member of the one profile that a page lists.
    pub(super) profiles: Vec<u32>,
}

impl UnusableUsers {
    /// Adds the users of another page.
    pub(super) fn extend(&mut self, page: Self) {
        self.members.extend(page.members);
        self.without_groups = self.without_groups.take().or(page.without_groups);
        self.without_login |= page.without_login;
    }
}

impl Collector<'_, '_, '_> {
    /// Adds the user of one record, as far as the record can be used.
    pub(super) fn take_record(&mut self, record: &Value) {
        let profiles = match &mut self.kept {
            KeptUsers::All => Some(Vec::new()),
            KeptUsers::Matching(names, _) => profiles_of(record, names),
        };
        let is_active = !is_inactive(record);
        if profiles.is_none() && is_active {
            self.page.unusable.without_groups.get_or_insert_with(|| shown(record));
        }
        let profiles = profiles.unwrap_or_default();
        match user(record) {
            Ok(user) => {
                self.found = profiles;
                self.take(&user);
            }
            Err(what) => {
                let key = self.key(record);
                self.page.keys.push(key);
                let is_member = matches!(self.kept, KeptUsers::All) || !profiles.is_empty();
                let unusable = &mut self.page.unusable;
                unusable.without_login |= is_active;
                if is_member && is_active {
                    unusable.members.push(UnusableUser { what: format!("{}: {what}", shown(record)), profiles });
                }
            }
        }
    }

    /// The key of a record that cannot be used: from its id, or else from the whole record.
    fn key(&mut self, record: &Value) -> UserKey {
        let whole = record.to_string();
        let id = TextField::of(record, "id").usable("id").ok().flatten();
        self.keys.key(&AccountIdentity { id: id.or(Some(&whole)), ..AccountIdentity::default() })
    }
}

/// The user of a record. An invalid type or domain is ignored: neither identity nor profiles depend on it.
fn user(record: &Value) -> Result<UserFields<'_>, String> {
    if !record.is_object() {
        return Err("it is not an object".to_owned());
    }
    let text =
        |field| Ok::<_, String>(TextField::of(record, field).usable(field)?.map(|text| Name(Cow::Borrowed(text))));
    let or_none = |field| text(field).unwrap_or(None);
    Ok(UserFields {
        id: text("id")?,
        email: text("email")?,
        username: text("username")?,
        status: text("status")?,
        domain: or_none("domain"),
        kind: or_none("type"),
    })
}

/// Positions of the profiles of the user; `None` if the groups, or one of them, cannot be read.
fn profiles_of(record: &Value, names: &mut ProfileNames<'_>) -> Option<Vec<u32>> {
    let groups = match record.as_object()?.get("groups") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(groups)) => groups,
        Some(_) => return None,
    };
    let mut found = Vec::new();
    for group in groups {
        let name = group.as_str()?;
        match TextField::judged(name) {
            // No usable profile has such a name.
            TextField::TooLong(_) => {}
            TextField::Damaged(_) => {
                let before = found.len();
                names.look_up(name, &mut found);
                // It may be the name of any profile, unless the listing has the same damaged name.
                if found.len() == before && names.is_matched(name) {
                    return None;
                }
            }
            _ => names.look_up(name, &mut found),
        }
    }
    Some(found)
}

/// Whether the record says that the account is inactive. If the status cannot be read, the account may be active.
fn is_inactive(record: &Value) -> bool {
    let status = TextField::of(record, "status").usable("status").ok().flatten();
    !is_active(status.map(|status| Name(Cow::Borrowed(status))).as_ref())
}

/// The name of a user in messages.
fn shown(record: &Value) -> String {
    let fields = ["email", "username", "id"].into_iter().map(|field| TextField::of(record, field));
    let name = fields.into_iter().find_map(|field| match field {
        TextField::Usable(text) | TextField::Damaged(text) if !text.trim().is_empty() => Some(text.to_owned()),
        TextField::TooLong(text) => Some(shortened(text)),
        _ => None,
    });
    name.map_or_else(|| "a user without a readable name".to_owned(), |name| format!("the user \"{name}\""))
}
