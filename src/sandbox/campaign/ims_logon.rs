//! What Campaign itself does when a person logs on through IMS: the operator comes into being, the mask is applied.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::Instance;
use super::tables::{Membership, Owner, OwnerKind};

/// What a logon does with groups that no profile stands for; no public source says which it is.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LogonSync {
    /// They stay.
    #[default]
    AddOnly,
    /// They go.
    Replace,
}

impl Instance {
    /// Lets a person with these product profiles log on.
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
        // A profile without its group is left alone: groups are never created by a logon.
        let wanted: Vec<i64> = groups.iter().filter_map(|name| self.tables.id_of(OwnerKind::Group, name)).collect();
        if sync == LogonSync::Replace {
            let held: Vec<Membership> = self.tables.memberships(operator_id, operator_id).collect();
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

/// The names of groups that the mask takes out of profile names: what its group captures, or what follows a prefix.
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
