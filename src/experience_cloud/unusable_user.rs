//! A user whose record cannot be used: counted as received, and neither given nor denied anything.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    page_text::Name,
    profile_names::ProfileNames,
    record::{TextField, shortened},
    user_key::{Identity, UserKey},
    users_page::{Collector, Kept, User, is_in_use},
};

/// A user whose record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnusableUser {
    /// Who, as far as the record says it, and what is wrong.
    pub(super) what: String,
    /// The profiles that the user may have.
    pub(super) may_have: MayHave,
}

/// Profiles that a user may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MayHave {
    /// Those at these positions in the listing of profiles, and no other.
    These(Vec<u32>),
    /// Any: the list of groups cannot be read, or names of it.
    Any,
}

impl MayHave {
    /// Whether the profile at this position is among them.
    pub(super) fn includes(&self, position: u32) -> bool {
        match self {
            Self::These(positions) => positions.contains(&position),
            Self::Any => true,
        }
    }
}

impl Collector<'_, '_, '_> {
    /// Takes over one record, or sets it aside.
    pub(super) fn take_record(&mut self, record: &Value) {
        self.found.clear();
        let may_have = match &mut self.kept {
            _ if !record.is_object() => MayHave::Any,
            Kept::Everyone => MayHave::These(Vec::new()),
            Kept::Matching(names) => profiles_of(record, names),
        };
        match user(record) {
            Ok(user) if may_have != MayHave::Any => {
                if let MayHave::These(positions) = may_have {
                    self.found = positions;
                }
                self.take(&user);
            }
            outcome => {
                let key = self.key(record);
                self.page.keys.push(key);
                let matters = matches!(self.kept, Kept::Everyone) || may_have != MayHave::These(Vec::new());
                if matters && !is_out_of_use(record) {
                    let what = outcome.err().unwrap_or_else(|| "its \"groups\" cannot be read".to_owned());
                    self.page.unusable.push(UnusableUser { what: format!("{}: {what}", shown(record)), may_have });
                }
            }
        }
    }

    /// Of a record without a usable id nothing may be taken to identify: the whole of it does.
    fn key(&mut self, record: &Value) -> UserKey {
        let whole = record.to_string();
        let id = TextField::of(record, "id").usable("id").ok().flatten();
        self.keys.key(&Identity { id: id.or(Some(&whole)), ..Identity::default() })
    }
}

/// The user that a record stands for. What is wrong with type or domain is wrong with neither the person nor the profiles.
fn user(record: &Value) -> Result<User<'_>, String> {
    if !record.is_object() {
        return Err("it is no record".to_owned());
    }
    let text =
        |field| Ok::<_, String>(TextField::of(record, field).usable(field)?.map(|text| Name(Cow::Borrowed(text))));
    let or_none = |field| text(field).unwrap_or(None);
    Ok(User {
        id: text("id")?,
        email: text("email")?,
        username: text("username")?,
        status: text("status")?,
        domain: or_none("domain"),
        kind: or_none("type"),
    })
}

fn profiles_of(record: &Value, names: &mut ProfileNames<'_>) -> MayHave {
    let groups = match record.get("groups") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(groups)) => groups,
        Some(_) => return MayHave::Any,
    };
    let mut found = Vec::new();
    for group in groups {
        let Some(name) = group.as_str() else { return MayHave::Any };
        match TextField::judged(name) {
            // No profile that can be used has such a name.
            TextField::TooLong(_) => {}
            TextField::Damaged(_) => {
                let before = found.len();
                names.look_up(name, &mut found);
                // It may be the name of any profile, unless the listing has it in the same form.
                if found.len() == before && names.is_matched(name) {
                    return MayHave::Any;
                }
            }
            _ => names.look_up(name, &mut found),
        }
    }
    MayHave::These(found)
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
