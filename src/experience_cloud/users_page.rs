//! One page of users, of the organization or of one product profile, parsed without keeping users that do not matter.

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    error::PageError,
    page_scan::Scanner,
    page_text::{self, Name},
    profile_names::ProfileNames,
    unusable_user::UnusableUsers,
    user_key::{AccountIdentity, KeyMaker, UserKey},
};
use crate::domain::{AdobeUser, LoginSet};

/// The `result` of a valid response.
pub(super) const SUCCESS: &str = "success";

/// Values of `status` of inactive accounts. The organization's listing omits them, so the listings of profiles must
/// omit them as well, or the two would contradict each other. An account with any other value is active.
const INACTIVE: [&str; 3] = ["disabled", "locked", "removed"];

/// Whether an account with this `status` is active.
pub(super) fn is_active(status: Option<&Name<'_>>) -> bool {
    !status.is_some_and(|status| INACTIVE.iter().any(|value| value.eq_ignore_ascii_case(status.as_str())))
}

/// The user with these fields of an account.
pub(super) fn domain_user(id: Option<&Name<'_>>, email: Option<&Name<'_>>, user_name: Option<&Name<'_>>) -> AdobeUser {
    // A user name that equals the address, as most do, would only be looked up a second time.
    let user_name = user_name.filter(|name| Some(*name) != email);
    AdobeUser::new(id.map(Name::as_str), email.map(Name::as_str), user_name.map(Name::as_str))
}

/// Which users of a page are kept.
pub(super) enum KeptUsers<'n, 'm> {
    /// All: the page lists the members of one profile.
    All,
    /// Those whose `groups` name a matching profile, and those whose address or user name is one of the logins.
    Matching(&'n mut ProfileNames<'m>, &'n LoginSet),
}

/// The content of a page.
#[derive(Debug, Default)]
pub(super) struct UsersPage {
    /// `lastPage`; `false` if absent, as in Adobe's own client.
    pub(super) is_last: bool,
    /// `groupName`: the profile whose members the page lists; absent on a page of the organization, and in older
    /// responses.
    pub(super) group_name: Option<String>,
    /// The keys of all accounts on the page.
    pub(super) keys: Vec<UserKey>,
    /// Whether no page before this one had any of these accounts, and none is on it twice; the walk finds that out.
    pub(super) are_new: bool,
    /// The accounts that are kept.
    pub(super) users: Vec<(UserKey, AdobeUser)>,
    /// Pairs of (position in the listing of profiles, position in `users`).
    pub(super) memberships: Vec<(u32, u32)>,
    /// Accounts whose record cannot be used. They are in `keys` as well.
    pub(super) unusable: UnusableUsers,
}

/// Parses a page. `kept` decides which users are kept, and remembers group names.
///
/// A page that cannot be parsed as a whole is parsed again, record by record, so that a record that cannot be used does
/// not affect the others.
pub(super) fn read(body: &[u8], kept: KeptUsers<'_, '_>, keys: &mut KeyMaker) -> Result<UsersPage, PageError> {
    let mut collector = Collector { kept, keys, page: UsersPage::default(), found: Vec::new() };
    let envelope = if let Some(envelope) = Scanner::new(body).and_then(|scanner| collector.scan(scanner)) {
        envelope
    } else {
        collector.page = UsersPage::default();
        page_text::read_text(&page_text::repaired(body), PageSeed(&mut collector))?
    };
    match envelope {
        PageEnvelope { result: Some(result), .. } if result != SUCCESS => {
            Err(PageError::Unusable(format!("the result is \"{result}\"")))
        }
        PageEnvelope { result: None, .. } => Err(PageError::Unusable("the response has no \"result\"".to_owned())),
        PageEnvelope { has_users: false, .. } => Err(PageError::Unusable("the response has no \"users\"".to_owned())),
        PageEnvelope { is_last, group_name, .. } => {
            Ok(UsersPage { is_last: is_last.unwrap_or(false), group_name, ..collector.page })
        }
    }
}

#[derive(Default)]
struct PageEnvelope {
    is_last: Option<bool>,
    result: Option<String>,
    group_name: Option<String>,
    has_users: bool,
}

pub(super) struct Collector<'c, 'n, 'm> {
    pub(super) kept: KeptUsers<'n, 'm>,
    pub(super) keys: &'c mut KeyMaker,
    pub(super) page: UsersPage,
    /// Positions of the matching profiles of the current user.
    pub(super) found: Vec<u32>,
}

impl Collector<'_, '_, '_> {
    /// Collects the users of a page of which every record can be used; `None` for any other page.
    fn scan(&mut self, mut scanner: Scanner<'_>) -> Option<PageEnvelope> {
        let mut envelope = PageEnvelope::default();
        let owned = |name: Name<'_>| name.0.into_owned();
        scanner.object(|scanner, key| {
            match key {
                b"lastPage" => envelope.is_last = scanner.nullable(Scanner::boolean)?,
                b"result" => envelope.result = scanner.nullable(Scanner::name)?.map(owned),
                b"groupName" => envelope.group_name = scanner.nullable(Scanner::name)?.map(owned),
                // A second list would be read as the rest of the first.
                b"users" if envelope.has_users => return None,
                b"users" => {
                    scanner.array(|scanner| self.scan_user(scanner))?;
                    envelope.has_users = true;
                }
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        scanner.end()?;
        Some(envelope)
    }

    fn scan_user<'a>(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        let mut user = UserFields::default();
        self.found.clear();
        scanner.object(|scanner, key| {
            match key {
                b"id" => user.id = scanner.nullable(Scanner::name)?,
                b"email" => user.email = scanner.nullable(Scanner::name)?,
                b"username" => user.username = scanner.nullable(Scanner::name)?,
                // The id comes first and identifies the account by itself.
                b"domain" | b"type" if user.id.is_some() => scanner.skip()?,
                b"domain" => user.domain = scanner.nullable(Scanner::name)?,
                b"type" => user.kind = scanner.nullable(Scanner::name)?,
                b"status" => user.status = scanner.nullable(Scanner::name)?,
                b"groups" => match &mut self.kept {
                    KeptUsers::Matching(names, _) => {
                        // The last of repeated keys counts, as in every other field.
                        self.found.clear();
                        let groups = |scanner: &mut Scanner<'a>| {
                            scanner.array(|scanner| {
                                names.look_up(scanner.name()?.as_str(), &mut self.found);
                                Some(())
                            })
                        };
                        scanner.nullable(groups)?;
                    }
                    KeptUsers::All => scanner.skip()?,
                },
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        self.take(&user);
        Some(())
    }
}

struct PageSeed<'p, 'c, 'n, 'm>(&'p mut Collector<'c, 'n, 'm>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PageField {
    LastPage,
    Result,
    GroupName,
    Users,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for PageSeed<'_, '_, '_, '_> {
    type Value = PageEnvelope;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_, '_, '_, '_> {
    type Value = PageEnvelope;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a page of users")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut envelope = PageEnvelope::default();
        while let Some(field) = map.next_key()? {
            match field {
                PageField::LastPage => envelope.is_last = map.next_value()?,
                PageField::Result => {
                    let result: Option<Name<'de>> = map.next_value()?;
                    envelope.result = result.map(|name| name.0.into_owned());
                }
                PageField::GroupName => {
                    let name: Option<Name<'de>> = map.next_value()?;
                    envelope.group_name = name.map(|name| name.0.into_owned());
                }
                // A second list would be read as the rest of the first.
                PageField::Users if envelope.has_users => return Err(M::Error::duplicate_field("users")),
                PageField::Users => {
                    map.next_value_seed(UsersSeed(&mut *self.0))?;
                    envelope.has_users = true;
                }
                PageField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(envelope)
    }
}

struct UsersSeed<'p, 'c, 'n, 'm>(&'p mut Collector<'c, 'n, 'm>);

impl<'de> DeserializeSeed<'de> for UsersSeed<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for UsersSeed<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut users: S) -> Result<(), S::Error> {
        while let Some(record) = users.next_element()? {
            self.0.take_record(&record);
        }
        Ok(())
    }
}

/// The fields of one user, without the groups, which go to the collector directly.
#[derive(Default)]
pub(super) struct UserFields<'a> {
    pub(super) id: Option<Name<'a>>,
    pub(super) email: Option<Name<'a>>,
    pub(super) username: Option<Name<'a>>,
    pub(super) domain: Option<Name<'a>>,
    pub(super) kind: Option<Name<'a>>,
    pub(super) status: Option<Name<'a>>,
}

impl Collector<'_, '_, '_> {
    pub(super) fn take(&mut self, user: &UserFields<'_>) {
        let key = self.keys.key(&AccountIdentity {
            id: user.id.as_ref().map(Name::as_str),
            kind: user.kind.as_ref().map(Name::as_str),
            user_name: user.username.as_ref().map(Name::as_str),
            domain: user.domain.as_ref().map(Name::as_str),
            email: user.email.as_ref().map(Name::as_str),
        });
        self.page.keys.push(key);
        let is_active = is_active(user.status.as_ref());
        let matters = || match self.kept {
            KeptUsers::All => true,
            KeptUsers::Matching(_, logins) => {
                let mut names = [&user.email, &user.username].into_iter().flatten();
                !self.found.is_empty() || names.any(|name| logins.contains(name.as_str()))
            }
        };
        if is_active && matters() {
            // The size limit of a page allows far fewer than 2^32 users.
            let position = u32::try_from(self.page.users.len()).unwrap_or(u32::MAX);
            let who = domain_user(user.id.as_ref(), user.email.as_ref(), user.username.as_ref());
            self.page.users.push((key, who));
            self.page.memberships.extend(self.found.iter().map(|profile| (*profile, position)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{AssociationMask, ProductProfile, ProductProfileName},
        experience_cloud::ProfileListing,
    };

    fn read_page(body: &str) -> Result<UsersPage, PageError> {
        let listing = ["Campaign - acme - a", "Campaign - acme - b"].map(|name| ProductProfile {
            id: None,
            name: ProductProfileName::new(name),
            member_count: None,
        });
        let masks = vec![AssociationMask::parse("Campaign - acme - (.*)").expect("a mask")];
        let matched = ProfileListing::remembered(listing.to_vec()).matched_by(masks).expect("a match");
        let mut names = ProfileNames::new(&matched);
        read(body.as_bytes(), KeptUsers::Matching(&mut names, &LoginSet::default()), &mut KeyMaker::default())
    }

    fn page_of(users: &str) -> UsersPage {
        read_page(&format!(r#"{{"lastPage": false, "result": "success", "users": [{users}]}}"#)).expect(users)
    }

    fn kept(users: &str) -> Vec<(Option<String>, Option<String>, Vec<u32>)> {
        let page = page_of(users);
        let text = |name: Option<&str>| name.map(str::to_owned);
        let profiles = |user| page.memberships.iter().filter(move |(_, of)| *of == user).map(|(profile, _)| *profile);
        (0..)
            .zip(&page.users)
            .map(|(at, (_, who))| (text(who.email()), text(who.user_name()), profiles(at).collect()))
            .collect()
    }

    #[test]
    fn only_users_with_a_matching_profile_are_kept_and_all_are_counted() {
        let users = r#"{"id": "1@x", "email": "ann@acme.com", "username": "ann", "domain": "acme.com", "country": "US",
                        "type": "federatedID", "status": "active", "new": [{"a": null}],
                        "groups": ["Photoshop", "campaign - ACME - b", "Campaign - acme - a", "_org_admin"]},
                       {"id": "2@x", "email": "bob@acme.com", "groups": ["Photoshop"]},
                       {"id": "3@x", "email": "cid@acme.com"}, {"id": "4@x", "groups": null}, {},
                       {"groups": ["Campaign - acme - a"], "email": "\u0065va@acme.com"}"#;
        assert_eq!(page_of(users).keys.len(), 6);
        let (ann, eva) = (Some("ann@acme.com".to_owned()), Some("eva@acme.com".to_owned()));
        assert_eq!(kept(users), [(ann, Some("ann".to_owned()), vec![1, 0]), (eva, None, vec![0])]);
    }

    #[test]
    fn of_repeated_groups_the_last_count_in_both_ways_to_read_a_page() {
        let user = r#"{"email": "a@b", "groups": ["Campaign - acme - a"], "groups": ["Campaign - acme - b"]}"#;
        let expected = [(Some("a@b".to_owned()), None, vec![1])];
        assert_eq!(kept(user), expected);
        // A record that cannot be used makes the page be read record by record.
        assert_eq!(kept(&format!("{user}, 7")), expected);
    }

    #[test]
    fn an_inactive_account_is_not_a_member() {
        let user =
            |status: &str| format!(r#"{{"email": "a@b", "status": {status}, "groups": ["Campaign - acme - a"]}}"#);
        for (status, members) in [
            ("\"active\"", 1),
            ("null", 1),
            ("\"pending\"", 1),
            ("\"Disabled\"", 0),
            ("\"locked\"", 0),
            ("\"removed\"", 0),
        ] {
            let page = page_of(&user(status));
            assert_eq!((page.users.len(), page.memberships.len(), page.keys.len()), (members, members, 1), "{status}");
        }
    }

    #[test]
    fn all_users_on_a_page_of_members_are_kept_whatever_their_groups() {
        let body = r#"{"users": [{"email": "a@b"}, {"username": "c", "groups": 7}], "groupName": "P", "lastPage": true,
                       "result": "success"}"#;
        let page = read(body.as_bytes(), KeptUsers::All, &mut KeyMaker::default()).expect("a page");
        assert!(page.is_last);
        assert_eq!((page.users.len(), page.memberships.len()), (2, 0));
    }

    #[test]
    fn a_page_without_last_page_is_not_the_last() {
        assert!(!read_page(r#"{"result": "success", "users": []}"#).expect("a page").is_last);
        assert!(!read_page(r#"{"lastPage": null, "result": "success", "users": []}"#).expect("a page").is_last);
    }

    #[test]
    fn an_unusable_record_is_counted_and_kept_apart_and_does_not_affect_others() {
        let ann = r#"{"email": "ann@acme.com", "groups": ["Campaign - acme - a", "Photoshop"]}"#;
        let long = "x".repeat(100_000);
        for (record, expected) in [
            // Records that do not concern the mask.
            (r#"{"email": 1, "groups": ["Photoshop"]}"#.to_owned(), "a login"),
            (r#"{"email": 1}"#.to_owned(), "a login"),
            (r#"{"email": 1, "status": "disabled", "groups": ["Campaign - acme - a"]}"#.to_owned(), ""),
            (format!(r#"{{"email": "b@acme.com", "groups": ["{long}", "\ud800"]}}"#), ""),
            (format!(r#"{{"email": "b@acme.com", "note": "{long}"}}"#), ""),
            // Records that do.
            (r#"{"email": 1, "groups": ["Campaign - acme - b"]}"#.to_owned(), "a member of [1], a login"),
            (r#"{"username": "\udfff", "groups": ["Campaign - acme - b"]}"#.to_owned(), "a member of [1], a login"),
            (format!(r#"{{"email": "{long}", "groups": ["Campaign - acme - b", "X"]}}"#), "a member of [1], a login"),
            (
                r#"{"email": "b@acme.com", "status": 1, "groups": ["Campaign - acme - a"]}"#.to_owned(),
                "a member of [0], a login",
            ),
            (r#"{"email": "b@acme.com", "groups": "A"}"#.to_owned(), "groups"),
            (r#"{"email": "b@acme.com", "groups": [null]}"#.to_owned(), "groups"),
            (r#"{"email": "b@acme.com", "groups": ["Campaign - acme - \ud800"]}"#.to_owned(), "groups"),
            (r#""ann""#.to_owned(), "groups, a login"),
        ] {
            // A usable record comes first and last: the failed first attempt must leave nothing behind.
            let page = page_of(&format!("{ann}, {record}, {}", ann.replace("ann", "eva")));
            let shown = record.get(..80).unwrap_or(&record);
            assert_eq!((page.keys.len(), page.memberships.len()), (3, 2), "{shown}");
            let UnusableUsers { members, without_groups, without_login } = page.unusable;
            let members = members.iter().map(|user| format!("a member of {:?}", user.profiles));
            let groups = without_groups.map(|_| "groups".to_owned());
            let open: Vec<_> = members.chain(groups).chain(without_login.then(|| "a login".to_owned())).collect();
            assert_eq!(open.join(", "), expected, "{shown}");
        }
    }

    #[test]
    fn an_invalid_name_of_another_group_does_not_remove_a_profile_of_the_user() {
        let users = r#"{"email": "ann@acme.com", "groups": ["Campaign - acme - a", "Foreign \ud800"]}"#;
        assert_eq!(kept(users), [(Some("ann@acme.com".to_owned()), None, vec![0])]);
    }

    #[test]
    fn a_response_that_is_not_a_page_is_an_error() {
        for (body, part) in [
            (r#"{"lastPage": true, "result": "success"}"#, "no \"users\""),
            (r#"{"lastPage": true, "users": []}"#, "no \"result\""),
            (
                r#"{"lastPage": false, "result": "error.group.not_found", "message": "Not found"}"#,
                "error.group.not_found",
            ),
            (r#"{"lastPage": true, "result": "success", "users": null}"#, "invalid type: null"),
            (r#"{"lastPage": true, "result": "success", "users": {}}"#, "invalid type: map"),
            (r#"{"lastPage": 1, "result": "success", "users": []}"#, "invalid type: integer"),
            (r#"{"lastPage": true, "result": "success", "users": [], "users": []}"#, "duplicate field"),
            (r#"{"lastPage": true, "result": "success", "users": ["ann"], "users": []}"#, "duplicate field"),
            ("[]", "expected a page of users"),
        ] {
            match read_page(body) {
                Err(PageError::Unusable(reason)) if reason.contains(part) => {}
                outcome => panic!("{body}: {outcome:?}"),
            }
        }
        for garbled in [r#"{"lastPage": true, "result": "success", "users": [{"email": "a"#, "<html></html>", ""] {
            assert!(matches!(read_page(garbled), Err(PageError::Garbled(_))), "{garbled}");
        }
    }
}
