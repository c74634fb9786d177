//! A read of the organization: product profiles, their users, and the proof that the read is complete.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    AdobeUser, LoginSet, MembersListing, OrganizationId, ProductProfileId, ProductProfileName, ProfileRead,
    UnusableProfiles, roster::Roster,
};

/// How many technical accounts may be missing from a listing, however small the organization is.
const ALWAYS_TOLERATED: u64 = 10;

/// One product profile of the groups listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductProfile {
    /// `groupId`; Adobe added it to the listing in 2020 and documents it as optional.
    pub id: Option<ProductProfileId>,
    /// `groupName`, as the Admin Console spells it.
    pub name: ProductProfileName,
    /// `memberCount`. Adobe does not document whether it includes users that have the profile through a user group.
    pub member_count: Option<u64>,
}

/// Which calls fetched the memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadKind {
    /// Every user of the organization was listed.
    Organization,
    /// The members of each matching profile were listed.
    Profiles,
}

/// How many users may be missing from a complete listing: Adobe counts technical accounts and does not list them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Share of the total, 0.01 for 1 %; at least 10 users are always tolerated.
    pub share: f64,
}

/// What a walk over the pages of one listing found; [`ReadProof::of_walk`] checks it.
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
    /// `X-Total-Count` of the last page, or of the first page on which it differs from that of page 0.
    pub total_count_at_end: Option<u64>,
    /// Distinct users received.
    pub users: u64,
}

/// Proof of a complete read. It cannot be created from an incomplete one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProof {
    kind: ReadKind,
    users: u64,
    counted: bool,
    /// Accounts of the organization that were counted and not listed, where its users were walked and counted.
    unlisted: Option<u64>,
    /// By position in the listing of profiles; all members of profiles without an entry are known from the walk.
    profiles: BTreeMap<u32, ProfileRead>,
}

/// Why a read is not complete. No decision may rest on such a read.
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
    /// The listing contained more users than announced.
    #[error("inconsistent read: {users} users received, only {total} announced")]
    TooMany {
        /// Distinct users received.
        users: u64,
        /// `X-Total-Count`.
        total: u64,
    },
    /// The organization changed during the walk: users may have moved between pages.
    #[error("inconsistent read: {first} users announced on the first page, {last} on a later one")]
    Changed {
        /// `X-Total-Count` of the first page.
        first: u64,
        /// `X-Total-Count` of the last page, or of the first page on which it differs from that of page 0.
        last: u64,
    },
    /// A read that had to prove that a user is absent came without the headers that prove it.
    #[error("unproven read: the responses carry no X-Page-Count or no X-Total-Count")]
    Uncounted,
    /// An organization without users is a fault. It does not mean that all memberships are to be removed.
    #[error("the organization has no users: nothing can be concluded from that")]
    NoUsers,
    /// An organization without product profiles is a fault as well.
    #[error("the groups listing has no product profile: nothing can be concluded from that")]
    NoProfiles,
}

impl ReadProof {
    /// Checks a walk over the users of the organization. `profiles` are the profiles whose members were also read
    /// separately, by position in the listing.
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

    /// The proof for reads of the members of each matching profile, by position in the listing. `users` is the number
    /// of distinct users; it may be 0, because each listing proves by itself that it is empty.
    pub fn of_profiles(profiles: BTreeMap<u32, ProfileRead>, users: u64) -> Self {
        let counted = profiles.values().filter_map(ProfileRead::listing).all(MembersListing::is_counted);
        Self { kind: ReadKind::Profiles, users, counted, unlisted: None, profiles }
    }

    /// Accounts of the organization that were counted and not listed; `None` if they were not counted.
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

    /// Whether the responses carried the counts that prove completeness. Without them removals are held.
    pub fn is_counted(&self) -> bool {
        self.counted
    }
}

impl WalkEvidence {
    /// Whether the responses carried the counts that prove completeness. Without them removals are held.
    pub fn is_counted(&self) -> bool {
        self.page_count.is_some() && self.total_count.is_some()
    }

    /// Accounts that were counted and not listed; `None` without counts.
    pub fn unlisted(&self) -> Option<u64> {
        self.total_count.map(|total| total.saturating_sub(self.users))
    }

    /// Checks that this is all of one listing, which may be empty.
    pub fn judge(&self, tolerance: Tolerance) -> Result<(), IncompleteRead> {
        if !self.last_page_seen {
            return Err(match self.page_count {
                Some(announced) if announced > self.pages => IncompleteRead::Pages { pages: self.pages, announced },
                _ => IncompleteRead::NoLastPage { pages: self.pages },
            });
        }
        // An empty listing has a page 0, even if the header says 0 pages.
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
    /// Builds the snapshot of a complete read.
    ///
    /// `profiles` are all product profiles of the listing; `memberships` are pairs (position in `profiles`, position in
    /// `users`); `unlisted` are names that a mask matches and that only users carry.
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

    /// The same read, where `users` also contains all users without a matching profile that have one of these logins.
    #[must_use]
    pub fn with_holders_of(self, logins: LoginSet) -> Self {
        Self { roster: self.roster.with_holders_of(logins), ..self }
    }

    /// Logins whose holders are all among [`Self::users`].
    pub fn logins(&self) -> &LoginSet {
        self.roster.logins()
    }

    /// The organization that was read.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// All product profiles of the listing.
    pub fn profiles(&self) -> &[ProductProfile] {
        self.roster.profiles()
    }

    /// The users that have at least one matching profile, and those that have one of [`Self::logins`].
    pub fn users(&self) -> &[AdobeUser] {
        self.roster.users()
    }

    /// The users in the profile at this position of [`Self::profiles`].
    pub fn members(&self, profile: usize) -> impl ExactSizeIterator<Item = &AdobeUser> {
        self.roster.members(profile).map(|(_, user)| user).collect::<Vec<_>>().into_iter()
    }

    /// Names that a mask matches, that users carry, and that are not in the listing: they never count as profiles.
    pub fn unlisted(&self) -> &[ProductProfileName] {
        self.roster.unlisted()
    }

    /// The proof that the read is complete.
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
    fn a_read_is_complete_only_if_page_flags_and_counts_agree() {
        check(|_| {}, None);
        check(|walk| (walk.pages, walk.last_page_seen) = (1, false), Some("incomplete read: 1 of 4 pages"));
        check(|walk| walk.pages = 1, Some("incomplete read: 1 of 4 pages"));
        check(|walk| walk.pages = 5, Some("5 of 4 pages"));
        check(|walk| walk.last_page_seen = false, Some("no page said lastPage"));
        check(|walk| walk.users = 4000, Some("4000 users received, 6100 announced"));
        check(|walk| walk.users = 6101, Some("only 6100 announced"));
        check(|walk| walk.total_count_at_end = Some(6099), Some("6099 on a later one"));
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
    fn an_organization_without_users_is_an_incomplete_read() {
        let empty = WalkEvidence { pages: 1, last_page_seen: true, ..WalkEvidence::default() };
        assert_eq!(of_walk(&empty), Err(IncompleteRead::NoUsers));
    }

    #[test]
    fn profiles_without_members_are_a_complete_read() {
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
