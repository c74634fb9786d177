//! From pages to a snapshot: by a walk over the organization, or by the members of each matching profile.

use std::cell::RefCell;

use super::{
    Progress,
    error::ExperienceCloudError,
    groups_listing::ProfileListing,
    profile_names::ProfileNames,
    umapi::Umapi,
    user_key::{ByUserKey, KeyMaker, UserKey},
    users_page::{self, Kept, UsersPage},
    users_walk::{UsersListing, walk},
};
use crate::domain::{
    AssociationMask, IncompleteRead, LoginSet, Membership, OrganizationId, OrganizationSnapshot, Person,
    ProductProfile, ProductProfileName, ReadProof, Tolerance, WalkEvidence,
};

/// One read of memberships, and what it needs.
pub(super) struct MembershipRead<'a> {
    pub(super) umapi: &'a Umapi,
    pub(super) organization: &'a OrganizationId,
    pub(super) membership: Membership,
    pub(super) tolerance: Tolerance,
    pub(super) progress: &'a dyn Fn(Progress),
    pub(super) keys: RefCell<KeyMaker>,
}

/// People and what they are members of, each account once.
#[derive(Default)]
struct Members {
    positions: ByUserKey<u32>,
    people: Vec<Person>,
    /// Pairs of (position in the listing of profiles, position in `people`).
    memberships: Vec<(u32, u32)>,
}

impl MembershipRead<'_> {
    /// Walks the organization and keeps those who have a profile that one of the masks matches, or one of the logins.
    pub(super) async fn by_organization(
        &self,
        listing: ProfileListing,
        matched: &[u32],
        masks: &[AssociationMask],
        logins: LoginSet,
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let users = UsersListing::of_organization(self.organization, self.membership);
        let names = RefCell::new(ProfileNames::new(&listing.profiles, masks));
        let mut members = Members::default();
        let read = |body: &[u8]| {
            let kept = Kept::Matching(&mut names.borrow_mut(), &logins);
            users_page::read(body, kept, &mut self.keys.borrow_mut())
        };
        let mut take = |page: UsersPage, evidence: &WalkEvidence| {
            (self.progress)(Progress::Users { page: evidence.pages, pages: evidence.page_count });
            members.add_page(page, None);
        };
        let evidence = walk(self.umapi, &users, self.tolerance, self.progress, &read, &mut take).await?;
        let proof = ReadProof::of_walk(&evidence, self.tolerance)
            .map_err(|read| ExperienceCloudError::incomplete(users.title(), read))?;
        let shown = members.counts(listing.profiles.len());
        for &position in matched {
            let Some(profile) = listing.profiles.get(position as usize) else { continue };
            if listing.is_shared(&profile.name) {
                // A group of another kind has, or may have, the same name, and users show names only.
                members.memberships.retain(|(of, _)| *of != position);
                self.read_members(profile, position, &mut members).await?;
            } else if self.is_short(profile, shown.get(position as usize).copied().unwrap_or(0)) {
                // Whoever was shown with the profile stays a member: more people lose nothing by that.
                self.read_members(profile, position, &mut members).await?;
            }
        }
        let snapshot = self.snapshot(listing.profiles, members, names.into_inner().into_unlisted(), proof)?;
        Ok(snapshot.with_holders_of(logins))
    }

    /// Whether fewer people show a profile than the groups listing counts. The list of groups of a user was seen cut short
    /// (user-sync.py issues 384 and 536). Technical accounts are counted and not listed: some are always missing. A count
    /// may comprise those who come through a user group, so that direct memberships alone cannot be compared with it.
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
                "fewer users show this product profile than are counted: its members are read by themselves"
            );
        }
        short
    }

    /// Reads the members of each of the profiles at `matched`.
    pub(super) async fn by_profiles(
        &self,
        listing: ProfileListing,
        matched: &[u32],
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let (mut members, mut walks) = (Members::default(), Vec::new());
        for (done, &position) in matched.iter().enumerate() {
            let Some(profile) = listing.profiles.get(position as usize) else { continue };
            walks.push(self.read_members(profile, position, &mut members).await?);
            (self.progress)(Progress::ProfileMembers { profile: done + 1, profiles: matched.len() });
        }
        let users = members.people.len() as u64;
        let proof = ReadProof::of_profiles(&walks, users, self.tolerance)
            .map_err(|read| ExperienceCloudError::incomplete("members of the matching product profiles", read))?;
        self.snapshot(listing.profiles, members, Vec::new(), proof)
    }

    /// Reads the members of one profile, for a proof that somebody is not among them.
    pub(super) async fn of_profile(&self, profile: &ProductProfile) -> Result<Vec<Person>, ExperienceCloudError> {
        let mut members = Members::default();
        let evidence = self.read_members(profile, 0, &mut members).await?;
        if !evidence.is_counted() {
            let title = format!("members of the product profile \"{}\"", profile.name);
            return Err(ExperienceCloudError::incomplete(&title, IncompleteRead::Uncounted));
        }
        Ok(members.people)
    }

    /// Walks over the members of the profile at `position`, by its id; by its name when there is no id or UMAPI does not
    /// know it: that ids are taken is not in the reference.
    async fn read_members(
        &self,
        profile: &ProductProfile,
        position: u32,
        members: &mut Members,
    ) -> Result<WalkEvidence, ExperienceCloudError> {
        let name = Some(profile.name.as_str()).filter(|name| is_addressable(name));
        let by_id = match profile.id {
            Some(id) => self.walk_members(profile, &id.to_string(), position, members).await,
            None => Err(ExperienceCloudError::Unaddressable { profile: profile.name.clone() }),
        };
        match (by_id, name) {
            (
                Err(ExperienceCloudError::Unaddressable { .. } | ExperienceCloudError::WrongAnswer { status: 404, .. }),
                Some(name),
            ) => self.walk_members(profile, name, position, members).await,
            (outcome, _) => outcome,
        }
    }

    async fn walk_members(
        &self,
        profile: &ProductProfile,
        address: &str,
        position: u32,
        members: &mut Members,
    ) -> Result<WalkEvidence, ExperienceCloudError> {
        let listing = UsersListing::of_profile(self.organization, profile, address, self.membership);
        let read = |body: &[u8]| users_page::read(body, Kept::Everyone, &mut self.keys.borrow_mut());
        let mut take = |page: UsersPage, _: &WalkEvidence| members.add_page(page, Some(position));
        walk(self.umapi, &listing, self.tolerance, self.progress, &read, &mut take).await
    }

    fn snapshot(
        &self,
        profiles: Vec<ProductProfile>,
        members: Members,
        unlisted: Vec<ProductProfileName>,
        proof: ReadProof,
    ) -> Result<OrganizationSnapshot, ExperienceCloudError> {
        let Members { people, memberships, .. } = members;
        OrganizationSnapshot::new(self.organization.clone(), profiles, people, memberships, unlisted, proof)
            .map_err(|read| ExperienceCloudError::incomplete("groups of the organization", read))
    }
}

impl Members {
    /// Takes over who is on a page: members of the profile at `of`, or of those that the page names.
    fn add_page(&mut self, page: UsersPage, of: Option<u32>) {
        let positions: Vec<u32> = page.people.into_iter().map(|(key, person)| self.add(key, person)).collect();
        match of {
            Some(profile) => self.memberships.extend(positions.into_iter().map(|person| (profile, person))),
            None => self.memberships.extend(
                page.memberships
                    .into_iter()
                    .filter_map(|(profile, person)| Some((profile, *positions.get(person as usize)?))),
            ),
        }
    }

    /// How many members of each of so many profiles were seen.
    fn counts(&self, profiles: usize) -> Vec<u64> {
        let mut counts = vec![0; profiles];
        for (profile, _) in &self.memberships {
            if let Some(count) = counts.get_mut(*profile as usize) {
                *count += 1;
            }
        }
        counts
    }

    fn add(&mut self, key: UserKey, person: Person) -> u32 {
        let people = &mut self.people;
        *self.positions.entry(key).or_insert_with(|| {
            // An organization has fewer than 2^32 users.
            let position = u32::try_from(people.len()).unwrap_or(u32::MAX);
            people.push(person);
            position
        })
    }
}

/// Whether UMAPI finds a profile by this name. A name in a path was cut at its last dot, whatever its encoding
/// (umapi-documentation issue 53): the rest may be the name of another profile.
fn is_addressable(name: &str) -> bool {
    !name.contains('.')
}
