//! A user whose record cannot be used: counted as received, and neither given nor denied anything.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    page_text::Name,
    profile_names::ProfileNames,
    text_field::{TextField, shortened},
    user_key::{AccountIdentity, UserKey},
    users_page::{Collector, KeptUsers, UserFields, is_in_use},
};

/// Users whose records cannot be used, and what their records leave open.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UnusableUsers {
    /// Users of whom it is known that they have a profile that matters, and not who they are.
    pub(super) members: Vec<UnusableUser>,
    /// The first user whose groups cannot be read, who may have any profile.
    pub(super) without_groups: Option<String>,
    /// Whether a user may have any login.
    pub(super) without_login: bool,
}

/// A user who has profiles and who cannot be identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnusableUser {
    /// Who, as far as the record says it, and what is wrong.
    pub(super) what: String,
    /// Positions of the profiles in the listing of profiles. None for a member of the one profile that a page lists.
    pub(super) profiles: Vec<u32>,
}

impl UnusableUsers {
    /// Adds what another page says.
    pub(super) fn extend(&mut self, page: Self) {
        self.members.extend(page.members);
        self.without_groups = self.without_groups.take().or(page.without_groups);
        self.without_login |= page.without_login;
    }
}

impl Collector<'_, '_, '_> {
    /// Takes over what can be known of one record.
    pub(super) fn take_record(&mut self, record: &Value) {
        let profiles = match &mut self.kept {
            KeptUsers::Everyone => Some(Vec::new()),
            KeptUsers::Matching(names, _) => profiles_of(record, names),
        };
        let is_in_use = !is_out_of_use(record);
        if profiles.is_none() && is_in_use {
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
                let is_member = matches!(self.kept, KeptUsers::Everyone) || !profiles.is_empty();
                let unusable = &mut self.page.unusable;
                unusable.without_login |= is_in_use;
                if is_member && is_in_use {
                    unusable.members.push(UnusableUser { what: format!("{}: {what}", shown(record)), profiles });
                }
            }
        }
    }

    /// Of a record without a usable id nothing may be taken to identify: the whole of it does.
    fn key(&mut self, record: &Value) -> UserKey {
        let whole = record.to_string();
        let id = TextField::of(record, "id").usable("id").ok().flatten();
        self.keys.key(&AccountIdentity { id: id.or(Some(&whole)), ..AccountIdentity::default() })
    }
}

/// The user that a record stands for. What is wrong with type or domain is wrong with neither the person nor the profiles.
fn user(record: &Value) -> Result<UserFields<'_>, String> {
    if !record.is_object() {
        return Err("it is no record".to_owned());
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

/// Positions of the profiles of the user; `None` where the groups, or one of them, cannot be read.
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
            // No profile that can be used has such a name.
            TextField::TooLong(_) => {}
            TextField::Damaged(_) => {
                let before = found.len();
                names.look_up(name, &mut found);
                // It may be the name of any profile, unless the listing has it in the same form.
                if found.len() == before && names.is_matched(name) {
                    return None;
                }
            }
            _ => names.look_up(name, &mut found),
        }
    }
    Some(found)
}

/// Whether the record says so; one whose status cannot be read may be in use.
fn is_out_of_use(record: &Value) -> bool {
    let status = TextField::of(record, "status").usable("status").ok().flatten();
    !is_in_use(status.map(|status| Name(Cow::Borrowed(status))).as_ref())
}

/// What stands for a user in messages.
fn shown(record: &Value) -> String {
    let fields = ["email", "username", "id"].into_iter().map(|field| TextField::of(record, field));
    let name = fields.into_iter().find_map(|field| match field {
        TextField::Usable(text) | TextField::Damaged(text) if !text.trim().is_empty() => Some(text.to_owned()),
        TextField::TooLong(text) => Some(shortened(text)),
        _ => None,
    });
    name.map_or_else(|| "a user without a readable name".to_owned(), |name| format!("the user \"{name}\""))
}
