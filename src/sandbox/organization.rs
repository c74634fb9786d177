//! The simulated organization: groups, users and memberships.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

/// Type of a product profile in the groups listing.
pub(super) const PRODUCT_PROFILE: &str = "PRODUCT_PROFILE";
/// Type of a user group: the only kind that can itself be a member of product profiles.
pub(super) const USER_GROUP: &str = "USER_GROUP";
/// Type of the system administrators, listed under one name and shown on users under another.
const SYSADMIN_GROUP: &str = "SYSADMIN_GROUP";

/// One organization of the Admin Console, with the credential of its only API client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Organization {
    /// The id that clients put into the path.
    pub id: String,
    /// Client id of the credential, and the only accepted `X-Api-Key`.
    pub client_id: String,
    /// Secret of the credential.
    pub client_secret: String,
    /// How many accounts are counted in `X-Total-Count`, take a place on a page, and are never listed.
    pub technical_accounts: usize,
    /// The place in the listing of the first of them; a page full of them is an empty page.
    pub technical_accounts_from: usize,
    /// User groups, product profiles and admin groups.
    pub groups: Vec<UmapiGroup>,
    /// The users.
    pub users: Vec<User>,
}

impl Default for Organization {
    fn default() -> Self {
        Self {
            id: "0123456789ABCDEF01234567@AdobeOrg".to_owned(),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            technical_accounts: 0,
            technical_accounts_from: 0,
            groups: Vec::new(),
            users: Vec::new(),
        }
    }
}

/// One entry of the groups listing, whatever its type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UmapiGroup {
    /// Adobe's stable id.
    pub group_id: u64,
    /// The name in the listing.
    pub name: String,
    /// `PRODUCT_PROFILE`, `USER_GROUP`, …; production lists some entries without one.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The product a profile belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// Number of licences, written as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_quota: Option<String>,
    /// Of a `USER_ADMIN_GROUP`: the administered user group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_group_name: Option<String>,
    /// Of a `PROFILE_ADMIN_GROUP` or `DEVELOPER_GROUP`: the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_profile_name: Option<String>,
    /// The name its members show, where that differs from the listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_as: Option<String>,
    /// How many accounts hold it that are counted, in `memberCount` and in `X-Total-Count` of its members, and never
    /// listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub technical_accounts: usize,
    /// Of a user group: the profiles all its members get, by name or `id:NUMBER`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl UmapiGroup {
    /// A product profile with nothing but an id and a name.
    pub fn profile(group_id: u64, name: &str) -> Self {
        Self { group_id, name: name.to_owned(), kind: Some(PRODUCT_PROFILE.to_owned()), ..Self::default() }
    }

    /// A user group whose members get the given profiles.
    pub fn user_group(group_id: u64, name: &str, profiles: &[&str]) -> Self {
        Self {
            group_id,
            name: name.to_owned(),
            kind: Some(USER_GROUP.to_owned()),
            profiles: profiles.iter().map(|&profile| profile.to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn is_profile(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == PRODUCT_PROFILE)
    }

    /// The name that `groups[]` of its members carries.
    pub(super) fn name_on_users(&self) -> &str {
        match (&self.shown_as, self.kind.as_deref()) {
            (Some(name), _) => name,
            (None, Some(SYSADMIN_GROUP)) => "_org_admin",
            (None, _) => &self.name,
        }
    }
}

/// One user; every field may be absent, as in production.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    /// The account id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The e-mail address; not unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name used for single sign-on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The directory domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firstname: Option<String>,
    /// Last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lastname: Option<String>,
    /// ISO country code, or `UD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// `adobeID`, `enterpriseID`, `federatedID` or anything else.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `active` or another status; a user who is not active appears in the members of a group only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Direct memberships, by name or `id:NUMBER`; one listed twice is sent twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Names that appear in `groups[]` and nowhere else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ghost_groups: Vec<String>,
    /// Profiles of which the licence is not active (`status=inactive` in the members of a profile).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlicensed: Vec<String>,
}

impl User {
    /// A federated user who signs in with the e-mail address.
    pub fn federated(email: &str, groups: &[&str]) -> Self {
        Self {
            email: Some(email.to_owned()),
            username: Some(email.to_owned()),
            domain: email.split_once('@').map(|(_, domain)| domain.to_owned()),
            kind: Some("federatedID".to_owned()),
            status: Some("active".to_owned()),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status.eq_ignore_ascii_case("active"))
    }

    pub(super) fn is_adobe_id(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("adobeID"))
    }

    /// The directory domain, or the domain of the e-mail address.
    pub(super) fn directory_domain(&self) -> Option<&str> {
        let of_email = || self.email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
        self.domain.as_deref().or_else(of_email)
    }

    /// Whether the text is this user's e-mail address, user name or id.
    pub(super) fn is_called(&self, text: &str) -> bool {
        [&self.email, &self.username, &self.id].into_iter().flatten().any(|own| folded(own) == folded(text))
    }
}

/// A name as UMAPI compares names.
pub(super) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Organization {
    /// The position of a group, by either of its names in any letter case or by `id:NUMBER`; of two with one name, the
    /// first.
    pub(super) fn group_position(&self, reference: &str) -> Option<usize> {
        if let Some(id) = reference.strip_prefix("id:").and_then(|id| id.parse::<u64>().ok()) {
            return self.groups.iter().position(|group| group.group_id == id);
        }
        let wanted = folded(reference);
        let is_called = |group: &UmapiGroup| folded(&group.name) == wanted || folded(group.name_on_users()) == wanted;
        self.groups.iter().position(is_called)
    }

    /// Checks the organization; the error names what is inconsistent.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut ids = BTreeSet::new();
        if let Some(twice) = self.groups.iter().find(|group| !ids.insert(group.group_id)) {
            return Err(format!("two groups have the id {}; give {:?} another", twice.group_id, twice.name));
        }
        let known = self.positions();
        for group in &self.groups {
            for profile in &group.profiles {
                if !known.contains_key(&folded(profile)) {
                    return Err(format!("the user group {:?} is in {profile:?}, which is no group", group.name));
                }
            }
        }
        for user in &self.users {
            if let Some(unknown) = user.groups.iter().find(|name| !known.contains_key(&folded(name))) {
                let who = user.email.as_deref().or(user.username.as_deref()).unwrap_or("a user without a name");
                return Err(format!(
                    "{who} is in {unknown:?}, which is no group; use ghost_groups if that is intended"
                ));
            }
        }
        Ok(())
    }

    /// Group positions by folded name and by `id:NUMBER`.
    pub(super) fn positions(&self) -> HashMap<String, usize> {
        let mut positions = HashMap::with_capacity(self.groups.len() * 2);
        for (position, group) in self.groups.iter().enumerate() {
            positions.entry(folded(&group.name)).or_insert(position);
            positions.entry(folded(group.name_on_users())).or_insert(position);
            positions.insert(format!("id:{}", group.group_id), position);
        }
        positions
    }
}

/// The memberships, resolved once for a state of the organization.
#[derive(Debug, Default)]
pub(super) struct MembershipIndex {
    /// By user: positions of the groups the user was put into, duplicates included.
    direct: Vec<Vec<usize>>,
    /// By group: positions of the direct members, ascending.
    members: Vec<Vec<usize>>,
    /// By group: positions of the members through a user group as well, ascending.
    effective_members: Vec<Vec<usize>>,
    /// By group: positions of the profiles a user group gives.
    gives: Vec<Vec<usize>>,
}

/// Whether memberships through a user group count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MembershipScope {
    /// Only the user's own (`directOnly=true`).
    Direct,
    /// Also those through a user group.
    Effective,
}

impl MembershipIndex {
    /// Resolves the memberships.
    pub(super) fn of(organization: &Organization) -> Self {
        let positions = organization.positions();
        let resolve = |names: &[String]| -> Vec<usize> {
            names.iter().filter_map(|name| positions.get(&folded(name)).copied()).collect()
        };
        let direct: Vec<Vec<usize>> = organization.users.iter().map(|user| resolve(&user.groups)).collect();
        let gives: Vec<Vec<usize>> = organization.groups.iter().map(|group| resolve(&group.profiles)).collect();
        let count = organization.groups.len();
        let mut members = vec![Vec::new(); count];
        let mut effective_members = vec![Vec::new(); count];
        for (user, groups) in direct.iter().enumerate() {
            for &group in groups.iter().collect::<BTreeSet<_>>() {
                push(&mut members, group, user);
            }
            for group in effective(groups, &gives) {
                push(&mut effective_members, group, user);
            }
        }
        Self { direct, members, effective_members, gives }
    }

    /// Positions of a group's members, ascending.
    pub(super) fn members(&self, group: usize, scope: MembershipScope) -> &[usize] {
        let table = match scope {
            MembershipScope::Direct => &self.members,
            MembershipScope::Effective => &self.effective_members,
        };
        table.get(group).map_or(&[], Vec::as_slice)
    }

    /// Positions of a user's groups: those given, in their order, then those inherited.
    pub(super) fn groups(&self, user: usize, scope: MembershipScope) -> Vec<usize> {
        let direct = self.direct.get(user).map_or(&[][..], Vec::as_slice);
        let mut groups = direct.to_vec();
        if scope == MembershipScope::Effective {
            groups.extend(effective(direct, &self.gives).into_iter().filter(|group| !direct.contains(group)));
        }
        groups
    }
}

/// The given groups and the profiles they give in turn.
fn effective(direct: &[usize], gives: &[Vec<usize>]) -> BTreeSet<usize> {
    let inherited = direct.iter().filter_map(|&group| gives.get(group)).flatten();
    direct.iter().chain(inherited).copied().collect()
}

fn push(table: &mut [Vec<usize>], group: usize, user: usize) {
    if let Some(members) = table.get_mut(group) {
        members.push(user);
    }
}
