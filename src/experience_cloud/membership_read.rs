//! Builds a snapshot from pages: from all users of the organization, or from the members of each matching profile.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use super::{
    error::ExperienceCloudError,
    first_page::FirstPage,
    groups_listing::ProfileListing,
    members_calls::{self, MembersCall},
    profile_names::{MatchedListing, ProfileNames},
    read_choice::{AnnouncedWalk, ReadChoice},
    umapi::Umapi,
    unusable_user::{UnusableUser, UnusableUsers},
    user_key::{ByUserKey, KeyMaker, UserKey},
    users_page::{self, KeptUsers, UsersPage},
    users_walk::{UsersListing, walk},
};
use crate::domain::{
    AdobeUser, IncompleteRead, LoginSet, MembersListing, Membership, OrganizationId, OrganizationSnapshot,
    ProductProfile, ProductProfileName, ProfileDoubt, ProfileRead, ReadProof, RunStep, Tolerance, WalkEvidence,
};

/// The members of one profile, read completely and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileMembers {
    /// The listed users; shared, because several instances may follow the profile.
    pub users: Arc<[AdobeUser]>,
    /// How many accounts Adobe counts and does not list.
    pub unlisted: u64,
}

/// One read of memberships.
pub(super) struct MembershipRead<'a> {
    pub(super) umapi: &'a Umapi,
    pub(super) organization: &'a OrganizationId,
    pub(super) membership: Membership,
    pub(super) tolerance: Tolerance,
    pub(super) keys: RefCell<KeyMaker>,
}

/// Users and their memberships, each account once.
#[derive(Default)]
struct CollectedMembers {
    users: Vec<AdobeUser>,
    /// The keys of the users, in the same order.
    keys: Vec<UserKey>,
    /// The positions of the first users; those of the rest are added when one is looked up, which most reads never do.
    positions: ByUserKey<u32>,
    /// Pairs of (position in the listing of profiles, position in `users`).
    memberships: Vec<(u32, u32)>,
    /// Users whose record cannot be used, from the most recent listing.
    unusable: UnusableUsers,
}

impl MembershipRead<'_> {
    /// Lists all users of the organization and keeps those with a profile that a mask matches, or with one of the
    /// logins. With [`ReadChoice::Auto`] the walk is abandoned after page 0 if the members of each profile cost fewer
    /// calls than the rest.
    pub(super) async fn by_organization(
        &self,
        matched: MatchedListing,
        logins: LoginSet,
        choice: ReadChoice,
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let users = UsersListing::of_organization(self.organization, self.membership);
        let names = RefCell::new(ProfileNames::new(&matched));
        let MatchedListing { listing, positions, .. } = &matched;
        let mut members = CollectedMembers::default();
        let read = |body: &[u8]| {
            let kept = KeptUsers::Matching(&mut names.borrow_mut(), &logins);
            users_page::read(body, kept, &mut self.keys.borrow_mut())
        };
        let mut take = |page: UsersPage, evidence: &WalkEvidence| {
            self.umapi.step(RunStep::UsersPage { page: evidence.pages, pages: evidence.page_count });
            members.add_page(page, None);
        };
        let first = FirstPage::read(self.umapi, &users, &read).await?;
        if choice == ReadChoice::Auto
            && let Some(announced) = AnnouncedWalk::of(&first)
            && let Some((walk, profiles)) = matched.costs().abandoned(announced)
        {
            tracing::info!(
                umapi.read = "profiles",
                umapi.cost.profiles = profiles,
                umapi.cost.organization = walk,
                "memberships are read profile by profile: that takes about {profiles} calls, and the {} {walk} pages",
                users.title()
            );
            drop(names);
            return self.by_profiles(matched).await;
        }
        let evidence = walk(self.umapi, &users, Some(first), self.tolerance, &read, &mut take).await?;
        let shown = members.counts(listing.profiles.len());
        let unusable = std::mem::take(&mut members.unusable);
        if let Some(user) = &unusable.without_groups {
            tracing::warn!(
                "the groups of {user} cannot be read: the members of each matching profile are listed instead"
            );
        }
        let mut profiles = BTreeMap::new();
        for &position in positions {
            let Some(profile) = listing.readable(position) else { continue };
            let mut concerned = unusable.members.iter().filter(|user| user.profiles.contains(&position));
            if let Some(user) = concerned.next() {
                profiles.insert(position, in_doubt(&profile.name, user, concerned.count()));
                continue;
            }
            if listing.is_shared(&profile.name) {
                // A group of another kind has, or may have, the same name, and users show names only.
                members.memberships.retain(|(of, _)| *of != position);
            } else if unusable.without_groups.is_none()
                && !self.is_short(profile, shown.get(position as usize).copied().unwrap_or(0))
            {
                continue;
            }
            // A user listed with the profile stays a member, also if the listing of its members lacks the user: adding
            // a member removes no rights.
            profiles.insert(position, self.read_members(listing, position, profile, &mut members).await?);
        }
        let proof = ReadProof::of_walk(&evidence, profiles, self.tolerance)
            .map_err(|read| ExperienceCloudError::incomplete(users.title(), read))?;
        let unlisted = names.into_inner().into_unlisted();
        let snapshot = self.snapshot(matched.listing, members, unlisted, proof)?;
        // If the login of one user is unknown, the listing does not prove that no user has a login: later, each login
        // is looked up separately.
        Ok(snapshot.with_holders_of(if unusable.without_login { LoginSet::default() } else { logins }))
    }

    /// Whether fewer users list a profile than the groups listing counts. UMAPI has returned incomplete lists of a
    /// user's groups (user-sync.py issues 384 and 536). Technical accounts are counted and not listed, so some are
    /// always missing. A count may include members through user groups, so direct memberships alone cannot be compared
    /// with it.
    fn is_short(&self, profile: &ProductProfile, shown: u64) -> bool {
        let Some(counted) = profile.member_count.filter(|_| self.membership == Membership::Effective) else {
            return false;
        };
        let short = counted.saturating_sub(shown) > self.tolerance.of(counted);
        if short {
            tracing::warn!(
                product_profile.name = %profile.name,
                umapi.members.counted = counted,
                umapi.members.shown = shown,
                "fewer users list this product profile than Adobe counts: its members are listed instead"
            );
        }
        short
    }

    /// Reads the members of each matching profile.
    pub(super) async fn by_profiles(
        &self,
        MatchedListing { listing, positions, .. }: MatchedListing,
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let (mut members, mut profiles) = (CollectedMembers::default(), BTreeMap::new());
        for (done, &position) in positions.iter().enumerate() {
            let Some(profile) = listing.readable(position) else { continue };
            profiles.insert(position, self.read_members(&listing, position, profile, &mut members).await?);
            self.umapi.step(RunStep::ProfileMembers { profile: done + 1, profiles: positions.len() });
        }
        let proof = ReadProof::of_profiles(profiles, members.users.len() as u64);
        self.snapshot(listing, members, Vec::new(), proof)
    }

    /// Reads the members of one profile with another request than `first`, to prove that a user is not one of them.
    pub(super) async fn of_profile(
        &self,
        profile: &ProductProfile,
        first: &ProfileRead,
    ) -> Result<ProfileMembers, ExperienceCloudError> {
        let mut members = CollectedMembers::default();
        let listing =
            self.walk_members(profile, members_calls::second(profile, first.query()), 0, &mut members).await?;
        if let Some(user) = members.unusable.members.first() {
            let (listing, what) = (members_of(profile), user.what.clone());
            return Err(ExperienceCloudError::UnusableUser { listing, what });
        }
        match listing.unlisted().filter(|_| listing.is_counted()) {
            Some(unlisted) => Ok(ProfileMembers { users: members.users.into(), unlisted }),
            None => Err(ExperienceCloudError::incomplete(&members_of(profile), IncompleteRead::Uncounted)),
        }
    }

    /// Reads the members of the profile at `position`. A fault that concerns this profile alone is a doubt, not an
    /// error.
    async fn read_members(
        &self,
        listing: &ProfileListing,
        position: u32,
        profile: &ProductProfile,
        members: &mut CollectedMembers,
    ) -> Result<ProfileRead, ExperienceCloudError> {
        let calls = members_calls::first(profile, listing.is_shared(&profile.name));
        members.unusable = UnusableUsers::default();
        let outcome = self.walk_members(profile, calls, position, members).await;
        if let (Ok(_), Some((user, others))) = (&outcome, members.unusable.members.split_first()) {
            return Ok(in_doubt(&profile.name, user, others.len()));
        }
        match outcome {
            Ok(listing) => Ok(ProfileRead::Complete(Some(listing))),
            Err(error) => {
                let doubt = error.into_profile_doubt(&profile.name)?;
                tracing::warn!(product_profile.name = %profile.name, "{doubt}");
                Ok(ProfileRead::Doubtful(doubt))
            }
        }
    }

    /// Reads the members of a profile with the first of `calls` for which UMAPI finds the profile: Adobe's reference
    /// does not say that UMAPI accepts ids.
    async fn walk_members(
        &self,
        profile: &ProductProfile,
        calls: Vec<MembersCall>,
        position: u32,
        members: &mut CollectedMembers,
    ) -> Result<MembersListing, ExperienceCloudError> {
        let mut outcome = Err(ExperienceCloudError::Unaddressable { profile: profile.name.clone() });
        for MembersCall { asked, address, groups } in calls {
            let listing = UsersListing::of_profile(self.organization, profile, &address, groups, self.membership);
            let read = |body: &[u8]| users_page::read(body, KeptUsers::All, &mut self.keys.borrow_mut());
            let mut take = |page: UsersPage, _: &WalkEvidence| members.add_page(page, Some(position));
            outcome = walk(self.umapi, &listing, None, self.tolerance, &read, &mut take).await.and_then(|walk| {
                MembersListing::new(asked, walk, self.tolerance)
                    .map_err(|read| ExperienceCloudError::incomplete(&members_of(profile), read))
            });
            if !matches!(outcome, Err(ExperienceCloudError::InvalidResponse { status: 404, .. })) {
                break;
            }
        }
        outcome
    }

    fn snapshot(
        &self,
        listing: ProfileListing,
        members: CollectedMembers,
        unlisted: Vec<ProductProfileName>,
        proof: ReadProof,
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let CollectedMembers { mut users, mut memberships, .. } = members;
        // They are kept as long as the run lasts, and have grown by doubling.
        users.shrink_to_fit();
        memberships.shrink_to_fit();
        let ProfileListing { profiles, unusable, .. } = listing;
        OrganizationSnapshot::new(self.organization.clone(), profiles, users, memberships, unlisted, proof)
            .map(|snapshot| snapshot.with_unusable(unusable))
            .map_err(|read| ExperienceCloudError::incomplete("groups of the organization", read))
    }
}

impl CollectedMembers {
    /// Adds the users of a page, as members of the profile at `of`, or else of the profiles that the page names.
    fn add_page(&mut self, page: UsersPage, of: Option<u32>) {
        self.unusable.extend(page.unusable);
        // No earlier page had these users of the organization, and no other listing was read before.
        let are_new = page.are_new && of.is_none();
        let add = |(key, user)| if are_new { self.append(key, user) } else { self.add(key, user) };
        let positions: Vec<u32> = page.users.into_iter().map(add).collect();
        match of {
            Some(profile) => self.memberships.extend(positions.into_iter().map(|user| (profile, user))),
            None => self.memberships.extend(
                page.memberships
                    .into_iter()
                    .filter_map(|(profile, user)| Some((profile, *positions.get(user as usize)?))),
            ),
        }
    }

    /// The number of members of each profile.
    fn counts(&self, profiles: usize) -> Vec<u64> {
        let mut counts = vec![0; profiles];
        for (profile, _) in &self.memberships {
            if let Some(count) = counts.get_mut(*profile as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// The position of this user, who is added if no listing had it before.
    fn add(&mut self, key: UserKey, user: AdobeUser) -> u32 {
        for (at, key) in self.keys.iter().enumerate().skip(self.positions.len()) {
            self.positions.insert(*key, position(at));
        }
        match self.positions.get(&key) {
            Some(position) => *position,
            None => self.append(key, user),
        }
    }

    /// Adds a user that no listing had before.
    fn append(&mut self, key: UserKey, user: AdobeUser) -> u32 {
        let position = position(self.users.len());
        self.users.push(user);
        self.keys.push(key);
        position
    }
}

/// An organization has fewer than 2^32 users.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The doubtful read of a profile with a member whose record cannot be used, and with `others` more of them.
fn in_doubt(profile: &ProductProfileName, user: &UnusableUser, others: usize) -> ProfileRead {
    let others = if others == 0 { String::new() } else { format!(", and {others} more") };
    let why = format!("the record of a user cannot be used ({}){others}: correct it in the Admin Console", user.what);
    let doubt = ProfileDoubt::Incomplete { profile: profile.clone(), why };
    tracing::warn!(product_profile.name = %profile, "{doubt}");
    ProfileRead::Doubtful(doubt)
}

fn members_of(profile: &ProductProfile) -> String {
    format!("members of the product profile \"{}\"", profile.name)
}
