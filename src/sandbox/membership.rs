//! Changes of memberships, users and groups that keep every other membership.

use super::organization::{Organization, UmapiGroup, folded};

impl Organization {
    /// The one user of this e-mail address, user name or id.
    pub(super) fn known_user(&self, name: &str) -> Result<usize, String> {
        let wanted = folded(name);
        let mut found = self.users.iter().enumerate().filter(|(_, user)| user.is_called(&wanted));
        match (found.next(), found.next()) {
            (Some((position, _)), None) => Ok(position),
            (None, _) => Err(format!("there is no user {name:?}")),
            (Some(_), Some(_)) => Err(format!("{name:?} means more than one user; use the id")),
        }
    }

    /// The group of this name or `id:NUMBER`.
    pub(super) fn known_group(&self, reference: &str) -> Result<usize, String> {
        self.group_position(reference).ok_or_else(|| format!("there is no group {reference:?}"))
    }

    /// Whether a user is a direct member of a group.
    pub(super) fn is_directly_in(&self, user: usize, group: usize) -> bool {
        let mut groups = self.users.get(user).into_iter().flat_map(|user| &user.groups);
        groups.any(|reference| self.group_position(reference) == Some(group))
    }

    /// Adds a user to a group; does nothing when the user is a member.
    pub(super) fn put(&mut self, user: usize, group: usize) {
        let reference = self.reference(group);
        if self.is_directly_in(user, group) {
            return;
        }
        if let (Some(user), Some(reference)) = (self.users.get_mut(user), reference) {
            user.groups.push(reference);
        }
    }

    /// Removes a user from a group, even if it is listed more than once.
    pub(super) fn take_out(&mut self, user: usize, group: usize) {
        let mut groups = match self.users.get_mut(user) {
            Some(user) => std::mem::take(&mut user.groups),
            None => return,
        };
        groups.retain(|reference| self.group_position(reference) != Some(group));
        if let Some(user) = self.users.get_mut(user) {
            user.groups = groups;
        }
    }

    /// Removes a user from all groups.
    pub(super) fn take_out_of_all(&mut self, user: usize) {
        if let Some(user) = self.users.get_mut(user) {
            user.groups.clear();
        }
    }

    /// Makes a user group a member of a profile.
    pub(super) fn give(&mut self, user_group: usize, profile: usize) {
        let reference = self.reference(profile);
        self.withhold(user_group, profile);
        if let (Some(group), Some(reference)) = (self.groups.get_mut(user_group), reference) {
            group.profiles.push(reference);
        }
    }

    /// Ends the membership of a user group in a profile.
    pub(super) fn withhold(&mut self, user_group: usize, profile: usize) {
        let mut profiles = match self.groups.get_mut(user_group) {
            Some(group) => std::mem::take(&mut group.profiles),
            None => return,
        };
        profiles.retain(|reference| self.group_position(reference) != Some(profile));
        if let Some(group) = self.groups.get_mut(user_group) {
            group.profiles = profiles;
        }
    }

    /// Gives a user another e-mail address, and another user name if that was the address.
    pub(super) fn rename_user(&mut self, user: usize, to: &str) {
        if let Some(user) = self.users.get_mut(user) {
            if user.username == user.email {
                user.username = Some(to.to_owned());
            }
            user.email = Some(to.to_owned());
        }
    }

    /// Removes a group with all memberships of it.
    pub(super) fn remove_group(&mut self, group: usize) {
        self.rewrite_references(group, None);
        if group < self.groups.len() {
            self.groups.remove(group);
        }
    }

    /// Gives a group another name; its members stay.
    pub(super) fn rename_group(&mut self, group: usize, to: &str) {
        // Through the id, because the old name may mean another group from now on.
        let by_id = self.groups.get(group).map(UmapiGroup::reference_by_id);
        self.rewrite_references(group, by_id.as_deref());
        if let Some(group) = self.groups.get_mut(group) {
            to.clone_into(&mut group.name);
        }
        let reference = self.reference(group);
        self.rewrite_references(group, reference.as_deref());
    }

    /// How memberships name a group: by its name, or by id where that name means another group.
    fn reference(&self, position: usize) -> Option<String> {
        let group = self.groups.get(position)?;
        let by_name = self.group_position(&group.name) == Some(position);
        Some(if by_name { group.name.clone() } else { group.reference_by_id() })
    }

    /// Replaces every mention of a group in memberships, or removes it.
    fn rewrite_references(&mut self, group: usize, by: Option<&str>) {
        let positions = self.positions();
        let rewrite = |names: &mut Vec<String>| {
            names.retain_mut(|name| {
                let means_group = positions.get(&folded(name)) == Some(&group);
                if let (true, Some(by)) = (means_group, by) {
                    by.clone_into(name);
                }
                !means_group || by.is_some()
            });
        };
        for user in &mut self.users {
            rewrite(&mut user.groups);
        }
        for group in &mut self.groups {
            rewrite(&mut group.profiles);
        }
    }
}

impl UmapiGroup {
    fn reference_by_id(&self) -> String {
        format!("id:{}", self.group_id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::organization::User;
    use super::*;

    fn twins() -> Organization {
        Organization {
            groups: vec![
                UmapiGroup::profile(1, "P"),
                UmapiGroup::profile(2, "p"),
                UmapiGroup::user_group(3, "team", &["id:2"]),
            ],
            users: vec![User::federated("ann@acme.com", &["P"]), User::federated("bob@acme.com", &["id:2", "team"])],
            ..Organization::default()
        }
    }

    #[test]
    fn of_two_groups_with_one_name_each_keeps_its_members() {
        let mut organization = twins();
        organization.put(0, 1);
        assert_eq!(organization.users[0].groups, ["P", "id:2"]);
        organization.rename_group(0, "Q");
        assert_eq!(organization.users[0].groups, ["Q", "id:2"]);
        assert!(organization.is_directly_in(1, 1) && !organization.is_directly_in(1, 0));
    }

    #[test]
    fn removing_a_group_removes_its_memberships_only() {
        let mut organization = twins();
        organization.remove_group(1);
        assert_eq!(organization.users[1].groups, ["team"]);
        assert!(organization.groups[1].profiles.is_empty(), "the user group gives it no longer");
        assert_eq!(organization.check(), Ok(()));
    }

    #[test]
    fn taking_out_takes_out_every_mention() {
        let mut organization = twins();
        organization.users[0].groups.push("p ".to_owned());
        organization.take_out(0, 0);
        assert!(organization.users[0].groups.is_empty());
    }
}
