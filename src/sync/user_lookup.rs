//! Looks up one user in the Admin Console: with one call, or with two where it matters how a profile was assigned.

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        self, CallPurpose, ExplainedUser, Identities, MaskMatch, OperatorQuery, Outcome, ProductProfile,
        ProductProfileName, UnansweredPart, UserKnowledge, Watcher, to_the_second,
    },
    experience_cloud::{ExperienceCloudError, Membership, RequestedPause, UserRead},
    journal::{Journal, JournalError},
    observability::Chain,
};

use super::{explain::unanswered, pauses::UNPAUSE, run::SyncOptions};

/// Why the user could not be looked up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    #[error("the user could not be looked up in the Admin Console: {}", Chain(.0))]
    ExperienceCloud(ExperienceCloudError),
    #[error("the user was not looked up in the Admin Console, because the state could not be read: {}", Chain(.0))]
    Journal(JournalError),
    #[error(
        "the user was not looked up in the Admin Console, because Adobe asked for a pause until {}; retry after that, or {UNPAUSE}",
        to_the_second(*.0)
    )]
    NotBefore(DateTime<Utc>),
    #[error(
        "\"{0}\" is not an e-mail address, and Adobe finds users by e-mail address only: the profiles of the user are not \
         known; give the e-mail address of the user"
    )]
    NoAddress(String),
}

impl From<ExperienceCloudError> for LookUpError {
    fn from(error: ExperienceCloudError) -> Self {
        Self::ExperienceCloud(error)
    }
}

impl From<JournalError> for LookUpError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl LookUpError {
    /// When the lookup may be retried, where no call may be sent before.
    pub(super) fn retry_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::NotBefore(at)
            | Self::ExperienceCloud(
                ExperienceCloudError::UsedUp { until: at, .. }
                | ExperienceCloudError::RateLimited { pause: Some(RequestedPause { until: at, .. }), .. },
            ) => Some(*at),
            Self::ExperienceCloud(_) | Self::Journal(_) | Self::NoAddress(_) => None,
        }
    }

    /// The missing part of the answer; `None` where Adobe cannot answer at all.
    pub(super) fn unanswered(&self) -> Option<UnansweredPart> {
        let outcome = match self {
            Self::ExperienceCloud(error) => error.failure().into(),
            Self::Journal(_) => Outcome::Failed,
            Self::NotBefore(_) => Outcome::Throttled,
            Self::NoAddress(_) => return None,
        };
        Some(unanswered("Experience Cloud", outcome, &self.to_string()))
    }
}

/// What Adobe answered about the user.
#[derive(Debug)]
pub(super) enum UserAnswer {
    Active(UserRead),
    NoUser,
    NotAsked,
}

/// What Adobe and the state say about a user.
#[derive(Debug)]
pub(super) struct UserLookup {
    pub(super) user: domain::AdobeUser,
    pub(super) answer: UserAnswer,
    direct: Option<UserRead>,
    pub(super) listing: Vec<ProductProfile>,
}

impl UserLookup {
    /// Looks the user up; also answers why that failed.
    pub(super) async fn look_up(
        options: &SyncOptions,
        journal: Option<&Journal>,
        asked: &str,
    ) -> (Self, Option<LookUpError>) {
        let mut lookup = Self {
            user: domain::AdobeUser::new(None, Some(asked), None),
            answer: UserAnswer::NotAsked,
            direct: None,
            listing: Vec::new(),
        };
        let error = lookup.complete(options, journal, asked).await.err();
        (lookup, error)
    }

    async fn complete(
        &mut self,
        options: &SyncOptions,
        journal: Option<&Journal>,
        asked: &str,
    ) -> Result<(), LookUpError> {
        let organization = &options.experience_cloud.organization_id;
        let mut paused_until = None;
        if let Some(journal) = journal {
            self.listing = journal.listing(organization).await?.map(|listing| listing.profiles).unwrap_or_default();
            paused_until = journal.call_windows(organization, Utc::now()).await?.not_before;
        }
        if !asked.contains('@') {
            return Err(LookUpError::NoAddress(asked.to_owned()));
        }
        if let Some(until) = paused_until.filter(|at| *at > Utc::now()) {
            return Err(LookUpError::NotBefore(until));
        }
        let client =
            options.clients.client(options.experience_cloud.clone(), journal, CallPurpose::Lookup, &Watcher::none())?;
        let mut found = None;
        for spelling in spellings(asked) {
            found = client.fetch_user(&spelling, Membership::Effective).await?;
            if found.is_some() {
                break;
            }
        }
        let Some(user) = found else {
            self.answer = UserAnswer::NoUser;
            return Ok(());
        };
        self.user = user.user.clone();
        // Adobe does not document that the single-user call distinguishes direct memberships: without an answer the
        // explanation leaves this open.
        if user.profiles.iter().any(|name| is_matched(options, name)) {
            self.direct = client.fetch_user(asked, Membership::Direct).await.ok().flatten();
        }
        self.answer = UserAnswer::Active(user);
        Ok(())
    }

    /// The product profiles of the user.
    pub(super) fn names(&self) -> &[ProductProfileName] {
        match &self.answer {
            UserAnswer::Active(user) => &user.profiles,
            UserAnswer::NoUser | UserAnswer::NotAsked => &[],
        }
    }

    pub(super) fn subject<'a>(&'a self, asked: &'a str) -> ExplainedUser<'a> {
        let knowledge = match &self.answer {
            UserAnswer::Active(user) => UserKnowledge::Active {
                names: &user.profiles,
                direct: self.direct.as_ref().map(|user| user.profiles.as_slice()),
            },
            UserAnswer::NoUser => UserKnowledge::NoUser,
            UserAnswer::NotAsked => UserKnowledge::NotAsked,
        };
        ExplainedUser { asked, user: &self.user, knowledge, listing: &self.listing }
    }
}

/// The spellings under which Adobe may know the address: as given, and with the domain in its other form (Unicode or
/// ASCII).
fn spellings(asked: &str) -> Vec<String> {
    let user = domain::AdobeUser::new(None, Some(asked), None);
    let sought = OperatorQuery::of(&user, &Identities::default(), Vec::new());
    let mut spellings = vec![asked.to_owned()];
    for other in sought.logins.iter().map(ToString::to_string) {
        if !spellings.iter().any(|known| known.to_lowercase() == other.to_lowercase()) {
            spellings.push(other);
        }
    }
    spellings
}

fn is_matched(options: &SyncOptions, name: &ProductProfileName) -> bool {
    let matches = |mask: &domain::AssociationMask| mask.matches(name.as_str()) != MaskMatch::NoMatch;
    options.instances.iter().any(|instance| matches(&instance.policy.mask))
}
