//! What the organization wants: product profiles, the users in them, and the proof that all of it was read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    LoginSet, MembersListing, OrganizationId, ProductProfileId, ProductProfileName, ProfileRead, UnusableProfiles,
    roster::Roster,
};

/// Technical accounts that may be missing from a listing however small the organization is.
const ALWAYS_TOLERATED: u64 = 10;

/// One product profile of the groups listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductProfile {
    /// `groupId`; absent from the listing before 2020 and optional ever since.
    pub id: Option<ProductProfileId>,
    /// `groupName`, as the Admin Console spells it.
    pub name: ProductProfileName,
    /// `memberCount`. Whether users who come through a user group are counted is not documented.
    pub member_count: Option<u64>,
}

/// One user, as far as matching needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdobeUser {
    /// `id`, which survives a change of name; the reference calls it optional.
    pub id: Option<String>,
    /// `email`, as Adobe spells it.
    pub email: Option<String>,
    /// `username`, as Adobe spells it.
    pub user_name: Option<String>,
}

/// Which calls fetched the memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadKind {
    /// Every user of the organization was listed.
    Organization,
    /// The members of each matching profile were listed.
    Profiles,
}

/// How many users may be missing from a complete listing: technical accounts are counted and not listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Share of the total, 0.01 for 1 %; at least 10 users are always tolerated.
    pub share: f64,
}

/// What a walk over the pages of one listing saw; [`ReadProof::of_walk`] judges it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkEvidence {
    /// Pages received, counted from page 0.
    pub pages: u64,
    /// Whether the last page received said `lastPage: true`.
    pub last_page_seen: bool,
    /// `X-Page-Count` of the first page.
    pub page_count: Option<u64>,
    /// `X-Total-Count` of the first page.
    pub total_count: Option<u64>,
    /// `X-Total-Count` of the last page.
    pub total_count_at_end: Option<u64>,
    /// Distinct users received.
    pub users: u64,
}

/// A complete read. It cannot be made from anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProof {
    kind: ReadKind,
    users: u64,
    counted: bool,
    /// Accounts of the organization that were counted and not listed, where its users were walked and counted.
    unlisted: Option<u64>,
    /// By position in the listing of profiles; of a profile that is not in it, the walk knows all members.
    profiles: BTreeMap<u32, ProfileRead>,
}

/// Why a read is not complete. Nothing may be concluded from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncompleteRead {
    /// The listing ended before the pages it announced.
    #[error("incomplete read: {pages} of {announced} pages")]
    Pages {
        /// Pages received.
        pages: u64,
        /// `X-Page-Count`.
        announced: u64,
    },
    /// The last page received did not say that it was the last.
    #[error("incomplete read: no page said lastPage after {pages} pages")]
    NoLastPage {
        /// Pages received.
        pages: u64,
    },
    /// More users are missing than technical accounts can explain.
    #[error("incomplete read: {users} users received, {total} announced, at most {tolerated} may be missing")]
    Users {
        /// Distinct users received.
        users: u64,
        /// `X-Total-Count`.
        total: u64,
        /// How many may be missing.
        tolerated: u64,
    },
    /// More users came than were announced.
    #[error("inconsistent read: {users} users received, only {total} announced")]
    TooMany {
        /// Distinct users received.
        users: u64,
        /// `X-Total-Count`.
        total: u64,
    },
    /// The organization changed under the walk: pages may have shifted.
    #[error("inconsistent read: {first} users announced on the first page, {last} on the last")]
    Changed {
        /// `X-Total-Count` of the first page.
        first: u64,
        /// `X-Total-Count` of the last page.
        last: u64,
    },
    /// A read that was to prove that somebody is absent came without the headers that prove anything.
    #[error("unproven read: the answers carry no X-Page-Count or no X-Total-Count")]
    Uncounted,
    /// An organization without users is a fault, not a wish to remove everybody.
    #[error("the organization has no users: nothing can be concluded from that")]
    NoUsers,
    /// An organization without product profiles, likewise.
    #[error("the groups listing has no product profile: nothing can be concluded from that")]
    NoProfiles,
}

impl ReadProof {
    /// Judges a walk over the users of the organization. `profiles` are those whose members were read by themselves as
    /// well, by position in the listing.
    pub fn of_walk(
        evidence: &WalkEvidence,
        profiles: BTreeMap<u32, ProfileRead>,
        tolerance: Tolerance,
    ) -> Result<Self, IncompleteRead> {
        evidence.judge(tolerance)?;
        if evidence.users == 0 {
            return Err(IncompleteRead::NoUsers);
        }
        Ok(Self {
            kind: ReadKind::Organization,
            users: evidence.users,
            counted: evidence.is_counted(),
            unlisted: evidence.unlisted(),
            profiles,
        })
    }

    /// The members of each matching profile, by position in the listing. `users` are distinct users. Nobody at all is an
    /// answer: each listing proves by itself that it is empty.
    pub fn of_profiles(profiles: BTreeMap<u32, ProfileRead>, users: u64) -> Self {
        let counted = profiles.values().filter_map(ProfileRead::listing).all(MembersListing::is_counted);
        Self { kind: ReadKind::Profiles, users, counted, unlisted: None, profiles }
    }

    /// Accounts of the organization that were counted and not listed; `None` where that was not counted.
    pub fn unlisted(&self) -> Option<u64> {
        self.unlisted
    }

    /// Which calls fetched the memberships.
    pub fn kind(&self) -> ReadKind {
        self.kind
    }

    /// Distinct users received.
    pub fn users(&self) -> u64 {
        self.users
    }

    /// Whether the answers carried the counts that prove completeness. Without them nobody may be removed.
    pub fn is_counted(&self) -> bool {
        self.counted
    }
}

impl WalkEvidence {
    /// Whether the answers carried the counts that prove completeness. Without them nobody may be removed.
    pub fn is_counted(&self) -> bool {
        self.page_count.is_some() && self.total_count.is_some()
    }

    /// Accounts that were counted and not listed; `None` without counts.
    pub fn unlisted(&self) -> Option<u64> {
        self.total_count.map(|total| total.saturating_sub(self.users))
    }

    /// Whether this is all of one listing, however many users it holds.
    pub fn judge(&self, tolerance: Tolerance) -> Result<(), IncompleteRead> {
        if !self.last_page_seen {
            return Err(match self.page_count {
                Some(announced) if announced > self.pages => IncompleteRead::Pages { pages: self.pages, announced },
                _ => IncompleteRead::NoLastPage { pages: self.pages },
            });
        }
        // An empty listing still has its page 0, whatever the header says of it.
        if let Some(announced) = self.page_count.map(|count| count.max(1)).filter(|count| *count != self.pages) {
            return Err(IncompleteRead::Pages { pages: self.pages, announced });
        }
        if let (Some(first), Some(last)) = (self.total_count, self.total_count_at_end)
            && first != last
        {
            return Err(IncompleteRead::Changed { first, last });
        }
        let Some(total) = self.total_count else { return Ok(()) };
        if self.users > total {
            return Err(IncompleteRead::TooMany { users: self.users, total });
        }
        let tolerated = tolerance.of(total);
        if total - self.users > tolerated {
            return Err(IncompleteRead::Users { users: self.users, total, tolerated });
        }
        Ok(())
    }
}

impl Tolerance {
    /// How many of `total` may be missing.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share between 0 and 1 of a count of users"
    )]
    pub fn of(self, total: u64) -> u64 {
        ((total as f64 * self.share) as u64).max(ALWAYS_TOLERATED)
    }
}

/// Everything read from the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationSnapshot {
    organization: OrganizationId,
    roster: Roster,
    proof: ReadProof,
}

impl OrganizationSnapshot {
    /// Puts a complete read together.
    ///
    /// `profiles` are all product profiles of the listing; `memberships` are pairs (position in `profiles`, position in
    /// `users`); `unlisted` are names that a mask matches and that were seen on users only.
    pub fn new(
        organization: OrganizationId,
        profiles: Vec<ProductProfile>,
        users: Vec<AdobeUser>,
        memberships: Vec<(u32, u32)>,
        unlisted: Vec<ProductProfileName>,
        proof: ReadProof,
    ) -> Result<Self, IncompleteRead> {
        if profiles.is_empty() {
            return Err(IncompleteRead::NoProfiles);
        }
        let reads = proof.profiles.clone();
        let roster = Roster::new(profiles, users, memberships, unlisted).with_reads(reads);
        Ok(Self { organization, roster, proof })
    }

    /// The same read, where the records of some product profiles cannot be used.
    #[must_use]
    pub fn with_unusable(self, unusable: UnusableProfiles) -> Self {
        Self { roster: self.roster.with_unusable(unusable), ..self }
    }

    /// The same read, where `users` holds also everybody without a matching profile who has one of these logins.
    #[must_use]
    pub fn with_holders_of(self, logins: LoginSet) -> Self {
        Self { roster: self.roster.with_holders_of(logins), ..self }
    }

    /// Logins of which everybody who has one is among [`Self::users`].
    pub fn logins(&self) -> &LoginSet {
        self.roster.logins()
    }

    /// Whose users these are.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// All product profiles of the listing.
    pub fn profiles(&self) -> &[ProductProfile] {
        self.roster.profiles()
    }

    /// The users who have at least one matching profile, and those who have one of [`Self::logins`].
    pub fn users(&self) -> &[AdobeUser] {
        self.roster.users()
    }

    /// The users in the profile at this position of [`Self::profiles`].
    pub fn members(&self, profile: usize) -> impl ExactSizeIterator<Item = &AdobeUser> {
        self.roster.members(profile).map(|(_, user)| user).collect::<Vec<_>>().into_iter()
    }

    /// Names that a mask matches, seen on users and absent from the listing: never profiles.
    pub fn unlisted(&self) -> &[ProductProfileName] {
        self.roster.unlisted()
    }

    /// That all of it was read.
    pub fn proof(&self) -> &ReadProof {
        &self.proof
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }
}

#[cfg(test)]
mod tests {
    use super::{super::MembersQuery, *};

    fn whole() -> WalkEvidence {
        WalkEvidence {
            pages: 4,
            last_page_seen: true,
            page_count: Some(4),
            total_count: Some(6100),
            total_count_at_end: Some(6100),
            users: 6095,
        }
    }

    fn of_walk(evidence: &WalkEvidence) -> Result<ReadProof, IncompleteRead> {
        ReadProof::of_walk(evidence, BTreeMap::new(), Tolerance { share: 0.01 })
    }

    fn check(disturb: impl FnOnce(&mut WalkEvidence), expected: Option<&str>) {
        let mut evidence = whole();
        disturb(&mut evidence);
        let verdict = of_walk(&evidence).map_err(|error| error.to_string());
        match (verdict, expected) {
            (Ok(_), None) => {}
            (Err(message), Some(part)) => assert!(message.contains(part), "{evidence:?}: {message}"),
            (verdict, _) => panic!("{evidence:?}: {verdict:?}"),
        }
    }

    #[test]
    fn a_read_is_complete_only_when_every_sign_agrees() {
        check(|_| {}, None);
        check(|walk| (walk.pages, walk.last_page_seen) = (1, false), Some("incomplete read: 1 of 4 pages"));
        check(|walk| walk.pages = 1, Some("incomplete read: 1 of 4 pages"));
        check(|walk| walk.pages = 5, Some("5 of 4 pages"));
        check(|walk| walk.last_page_seen = false, Some("no page said lastPage"));
        check(|walk| walk.users = 4000, Some("4000 users received, 6100 announced"));
        check(|walk| walk.users = 6101, Some("only 6100 announced"));
        check(|walk| walk.total_count_at_end = Some(6099), Some("6099 on the last"));
        check(|walk| walk.users = 0, Some("0 users received"));
    }

    #[test]
    fn technical_accounts_may_be_missing_up_to_the_share_or_ten() {
        check(|walk| walk.users = 6039, None);
        check(|walk| walk.users = 6038, Some("at most 61 may be missing"));
        let small = |users| WalkEvidence {
            pages: 1,
            page_count: Some(1),
            total_count: Some(30),
            total_count_at_end: Some(30),
            users,
            ..whole()
        };
        assert!(small(20).judge(Tolerance { share: 0.01 }).is_ok());
        assert!(small(19).judge(Tolerance { share: 0.01 }).is_err());
    }

    #[test]
    fn an_organization_of_nobody_is_never_believed() {
        let empty = WalkEvidence { pages: 1, last_page_seen: true, ..WalkEvidence::default() };
        assert_eq!(of_walk(&empty), Err(IncompleteRead::NoUsers));
    }

    #[test]
    fn profiles_of_nobody_are_an_answer() {
        let empty = WalkEvidence {
            pages: 1,
            last_page_seen: true,
            page_count: Some(1),
            total_count: Some(0),
            total_count_at_end: Some(0),
            users: 0,
        };
        let listing = MembersListing::new(MembersQuery::ById, empty, Tolerance { share: 0.01 }).expect("complete");
        let proof = ReadProof::of_profiles([(0, ProfileRead::Complete(Some(listing)))].into(), 0);
        assert!(proof.is_counted());
    }

    #[test]
    fn without_counts_a_read_may_be_complete_and_is_not_counted() {
        let bare = WalkEvidence { page_count: None, total_count: None, total_count_at_end: None, ..whole() };
        let proof = of_walk(&bare).expect("complete");
        assert!(!proof.is_counted());
    }
}
