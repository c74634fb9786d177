//! An access review as a document: who is in each managed group, since when and why, what changed since the last review,
//! and what an administrator should look at. The field names are part of the JSON form. `null` means "not known", an empty
//! list means "none".

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ApprovalNote, Approver, Skipped};

/// How a membership changed that no run changed: an operator did it in Campaign, or Campaign when the user signed in.
const WITHOUT_RUN: &str = "by hand or at a sign-in";

/// The review of one or all instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessReview {
    /// Version of the document format.
    pub version: u32,
    /// The organization.
    pub organization: String,
    /// Its name on this host, where the host serves several; `None` elsewhere.
    #[serde(default)]
    pub organization_name: Option<String>,
    /// When the document was made.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
    /// A digest over the digests of the instances: 64 hexadecimal digits.
    pub digest: String,
    /// Who recorded that this access was reviewed; `None` for a document that only shows it.
    pub recorded: Option<ReviewNote>,
    /// The instances, by name.
    pub instances: Vec<ReviewedInstance>,
    /// Configured instances that no run has read: nothing is known about their access.
    #[serde(default)]
    pub never_read: Vec<String>,
}

/// A review that was recorded as done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewNote {
    /// The digest of the reviewed access.
    pub digest: String,
    /// The user of the process that recorded it; the given name where the kernel reported no user.
    pub by: String,
    /// The id of this user, as the kernel reported it.
    pub uid: Option<u32>,
    /// The name of the user who signed in on the host.
    pub login: Option<String>,
    /// The id of that user.
    pub login_uid: Option<u32>,
    /// The given name, where it is the name of neither of the two users.
    pub claimed: Option<String>,
    /// When it was recorded.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
    /// The reviewer in one line.
    pub reviewed_by: String,
}

/// The access to one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedInstance {
    /// The name in the configuration.
    pub name: String,
    /// The last complete run, whose picture this is; `None` where none is recorded.
    pub read: Option<ReviewedRead>,
    /// The beginning of the period whose changes are listed; `None` for the beginning of the record.
    #[serde(serialize_with = "super::rfc3339_or_null")]
    pub since: Option<DateTime<Utc>>,
    /// Where the beginning of the period comes from.
    pub since_origin: SinceOrigin,
    /// The last review that was recorded; `None` if there is none.
    pub last_review: Option<ReviewNote>,
    /// A digest over the groups, their profiles and their members: 64 hexadecimal digits.
    pub digest: String,
    /// What the reader should know, one sentence each.
    pub notes: Vec<String>,
    /// The managed groups, by name.
    pub groups: Vec<ReviewedGroup>,
    /// Memberships that began in the period.
    pub joined: Vec<ReviewedChange>,
    /// Memberships that ended in the period.
    pub left: Vec<ReviewedChange>,
    /// Groups that are managed since a time in the period: their members are not listed as joined.
    pub new_groups: Vec<String>,
    /// Groups that ceased to be managed in the period: their members are not listed as left.
    pub former_groups: Vec<String>,
    /// Members without the profile of their group; `None` where no complete run is recorded.
    pub without_profile: Option<Vec<WithoutProfile>>,
    /// What the last complete run could not decide or place.
    pub undecided: Option<Vec<Skipped>>,
    /// Enabled operators that are in no operator group, managed or not.
    pub operators_without_group: Option<Vec<String>>,
    /// Disabled operators.
    pub disabled_operators: Option<Vec<DisabledOperator>>,
    /// Managed groups without members.
    pub groups_without_members: Vec<String>,
    /// Profiles that the mask matches and that no user has.
    pub profiles_without_users: Option<Vec<UnusedProfile>>,
}

/// A complete run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedRead {
    /// Its id.
    pub run: String,
    /// When it had read the instance.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
}

/// Where the beginning of the period comes from. The names are part of the JSON form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinceOrigin {
    /// The last review that was recorded.
    LastReview,
    /// The reader gave it.
    Given,
    /// No review is recorded: the beginning of the record.
    Beginning,
}

/// A managed group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedGroup {
    /// The operator group.
    pub group: String,
    /// The product profile that it follows.
    pub profile: String,
    /// Its members, by login.
    pub members: Vec<ReviewedMember>,
}

/// A membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedMember {
    /// The operator.
    pub login: String,
    /// When it was first seen.
    #[serde(serialize_with = "super::rfc3339")]
    pub since: DateTime<Utc>,
    /// How it came about.
    #[serde(flatten)]
    pub cause: MembershipCause,
    /// Why it is kept without the profile, as in [`WithoutProfile::why`]; `None` where nothing is known against it.
    pub without_profile: Option<String>,
    /// Whether the operator is disabled; `None` where that is not known.
    pub disabled: Option<bool>,
}

/// How a membership began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipCause {
    /// The kind of cause.
    pub origin: MembershipOrigin,
    /// The profile for which a run made the change; `None` if no run made it, or if the change is not recorded any more.
    pub profile: Option<String>,
    /// The run that made it.
    pub run: Option<String>,
    /// Who approved it, if an approval released it.
    pub approved_by: Option<String>,
}

/// What made a change of a membership. The names are part of the JSON form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembershipOrigin {
    /// A run, for a profile.
    Run,
    /// Not a run: an operator in Campaign, or Campaign itself when a user signed in.
    Campaign,
    /// The membership was there when a run first saw the group.
    Before,
}

/// A membership that began or ended in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedChange {
    /// The operator.
    pub login: String,
    /// The operator group.
    pub group: String,
    /// When that was seen.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
    /// How it came about.
    #[serde(flatten)]
    pub cause: MembershipCause,
}

/// A member without the profile of the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithoutProfile {
    /// The operator.
    pub login: String,
    /// The operator group.
    pub group: String,
    /// Why the membership is kept: the outcome of the planned removal (`held`, `pending`, `unconfirmed`, `failed`), the
    /// reason for skipping it (`not-managed`, `protected`, `protected-minimum`), or `profile-gone`.
    pub why: String,
    /// The same as a sentence.
    pub detail: String,
}

/// A disabled operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisabledOperator {
    /// The operator.
    pub login: String,
    /// The managed groups that it is a member of.
    pub groups: Vec<String>,
}

/// A profile that no user has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedProfile {
    /// The product profile.
    pub profile: String,
    /// The operator group that it maps to.
    pub group: String,
}

impl AccessReview {
    /// The version of the format that this program writes.
    const VERSION: u32 = 1;

    /// How many digits of a digest identify it on paper and on the command line.
    pub const SHORT_DIGEST: usize = 16;

    /// The document about these instances.
    pub fn new(organization: &str, at: DateTime<Utc>, instances: Vec<ReviewedInstance>) -> Self {
        let parts = instances.iter().flat_map(|instance| [instance.name.as_str(), instance.digest.as_str()]);
        Self {
            version: Self::VERSION,
            organization: organization.to_owned(),
            organization_name: None,
            at,
            digest: digest_of(parts),
            recorded: None,
            instances,
            never_read: Vec::new(),
        }
    }

    /// Whether the digest of the document begins with these digits, of which there must be enough.
    pub fn has_digest(&self, digits: &str) -> bool {
        let digits = digits.trim().to_ascii_lowercase();
        digits.len() >= Self::SHORT_DIGEST && self.digest.starts_with(&digits)
    }

    /// The first digits of the digest.
    pub fn short_digest(&self) -> &str {
        self.digest.get(..Self::SHORT_DIGEST).unwrap_or(&self.digest)
    }
}

impl ReviewNote {
    /// A review of the access with this digest.
    pub fn new(digest: &str, reviewer: &Approver, at: DateTime<Utc>) -> Self {
        let ApprovalNote { digest, by, uid, login, login_uid, claimed, at, described } =
            ApprovalNote::new(digest, reviewer, at);
        Self { digest, by, uid, login, login_uid, claimed, at, reviewed_by: described }
    }
}

impl MembershipOrigin {
    /// The name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Campaign => "campaign",
            Self::Before => "before",
        }
    }
}

impl MembershipCause {
    /// How a membership of a group that follows `profile` began, in words.
    pub fn began(&self, profile: &str) -> String {
        match (self.origin, &self.profile) {
            (MembershipOrigin::Run, Some(granted_for)) if granted_for != profile => {
                format!("by profile {granted_for}")
            }
            (MembershipOrigin::Run, _) => "by profile".to_owned(),
            (MembershipOrigin::Campaign, _) => WITHOUT_RUN.to_owned(),
            (MembershipOrigin::Before, _) => "already a member".to_owned(),
        }
    }

    /// How a membership began in the period, in words.
    pub fn joined(&self) -> String {
        self.with_run("by profile")
    }

    /// How a membership ended in the period, in words.
    pub fn left(&self) -> String {
        self.with_run("no longer in profile")
    }

    fn with_run(&self, by: &str) -> String {
        match (&self.run, &self.profile) {
            (Some(run), Some(profile)) => format!("{by} {profile}, run {run}"),
            (Some(run), None) => format!("by run {run}"),
            (None, _) => WITHOUT_RUN.to_owned(),
        }
    }
}

/// The digest over the access to an instance: each group with its profile and its members, in this order.
pub(super) fn digest_of_groups<'a, M>(groups: impl IntoIterator<Item = (&'a str, &'a str, M)>) -> String
where
    M: IntoIterator<Item = &'a str, IntoIter: ExactSizeIterator>,
{
    let mut hasher = Sha256::new();
    for (group, profile, members) in groups {
        let members = members.into_iter();
        add_text(&mut hasher, group);
        add_text(&mut hasher, profile);
        add_text(&mut hasher, &members.len().to_string());
        members.for_each(|login| add_text(&mut hasher, login));
    }
    hexadecimal(hasher)
}

fn digest_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    texts.into_iter().for_each(|text| add_text(&mut hasher, text));
    hexadecimal(hasher)
}

/// The text after its length in bytes, so that different lists never give the same bytes.
fn add_text(hasher: &mut Sha256, text: &str) {
    hasher.update(text.len().to_string());
    hasher.update(":");
    hasher.update(text);
}

fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_differs_where_any_member_group_or_profile_differs() {
        let of = |groups: &[(&'static str, &'static str, &[&'static str])]| {
            digest_of_groups(groups.iter().map(|(group, profile, members)| (*group, *profile, members.iter().copied())))
        };
        let access = of(&[("a", "p", &["ann", "bob"]), ("b", "q", &[])]);
        assert_eq!(access, of(&[("a", "p", &["ann", "bob"]), ("b", "q", &[])]));
        assert_eq!(access.len(), 64);
        for other in [
            of(&[("a", "p", &["ann"]), ("b", "q", &["bob"])]),
            of(&[("a", "p", &["annb", "ob"]), ("b", "q", &[])]),
            of(&[("a", "q", &["ann", "bob"]), ("b", "q", &[])]),
            of(&[("a", "p", &["ann", "bob"])]),
            of(&[("a", "p", &["ann", "bob", "b", "q"])]),
            of(&[]),
        ] {
            assert_ne!(access, other);
        }
    }

    #[test]
    fn the_first_sixteen_digits_are_enough_and_fewer_are_not() {
        let review = AccessReview::new("org", DateTime::default(), Vec::new());
        assert!(review.has_digest(review.short_digest()) && review.has_digest(&review.digest.to_uppercase()));
        assert!(!review.has_digest(&review.digest[..15]) && !review.has_digest("0123456789abcdef"));
    }
}
