//! What Campaign does when a user signs in through IMS: it creates the operator and applies the mask.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::Instance;
use super::tables::{Membership, Owner, OwnerKind};

/// What a sign-in does with memberships in groups without a product profile; no public source says.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LogonSync {
    /// It keeps them.
    #[default]
    AddOnly,
    /// It removes them.
    Replace,
}

impl Instance {
    /// Signs in a user with these product profiles.
    pub(super) fn ims_logon(&mut self, login: &str, profiles: &[String], sync: LogonSync) -> Result<(), String> {
        let groups = captured(&self.definition.association_mask, profiles)?;
        if groups.is_empty() {
            return Err(format!("{login}: Login does not have any right matching the expression"));
        }
        let operator_id = match self.tables.id_of(OwnerKind::Operator, login) {
            Some(id) => id,
            None => self.insert(Owner {
                label: login.to_owned(),
                email: login.to_owned(),
                authentication: "ims".to_owned(),
                ..Owner::new(OwnerKind::Operator, login)
            })?,
        };
        // A sign-in never creates groups: a profile without its group is ignored.
        let wanted: Vec<i64> = groups.iter().filter_map(|name| self.tables.id_of(OwnerKind::Group, name)).collect();
        if sync == LogonSync::Replace {
            let held: Vec<Membership> = self.tables.held_by(operator_id).collect();
            for membership in held.into_iter().filter(|held| !wanted.contains(&held.group_id)) {
                if self.tables.owner(membership.group_id).is_some_and(|owner| owner.kind == OwnerKind::Group) {
                    self.tables.remove_membership(membership);
                }
            }
        }
        for group_id in wanted {
            self.join(Membership { operator_id, group_id });
        }
        Ok(())
    }
}

/// The group names that the mask takes from profile names: what its group captures, or what follows its prefix.
fn captured(mask: &str, profiles: &[String]) -> Result<Vec<String>, String> {
    let pattern = Regex::new(&format!("^(?:{mask})$")).ok().filter(|pattern| pattern.captures_len() > 1);
    let names = profiles.iter().filter_map(|profile| match &pattern {
        Some(pattern) => pattern.captures(profile)?.get(1).map(|name| name.as_str().to_owned()),
        None => profile.strip_prefix(mask).map(str::to_owned),
    });
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    if mask.is_empty() { Err("the association mask is empty".to_owned()) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mask: &str, profile: &str, expected: Option<&str>) {
        let names = captured(mask, &[profile.to_owned()]).unwrap();
        assert_eq!(names.first().map(String::as_str), expected, "{mask} on {profile}");
    }

    #[test]
    fn a_mask_captures_or_is_a_prefix() {
        check("Campaign - acme - (.*)", "Campaign - acme - delivery", Some("delivery"));
        check("Campaign - acme - (.*)", "campaign - acme - delivery", None);
        check("Campaign - acme - (.*)", "x Campaign - acme - delivery", None);
        check("Campaign - acme - ", "Campaign - acme - delivery", Some("delivery"));
        check("Campaign - acme - ", "Campaign - acme - ", None);
        check("acme.", "acmex", None);
    }
}
