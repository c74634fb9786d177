//! Reads the organization within Adobe's limits. Each request for a page 0 is recorded before it is sent.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        IncompleteRead, MaskMatch, OrganizationId, OrganizationSnapshot, Outcome, ProductProfileName, ReadKind,
        RunStep, UserSnapshot, Watcher, to_the_second,
    },
    experience_cloud::{ExperienceCloud, ExperienceCloudError, MatchedListing, ProfileListing, ReadChoice, ReadCosts},
    journal::{CallWindows, Journal, JournalError, ListingKind, RememberedListing},
};

use super::{
    pauses::{UNPAUSE, after, wait_out},
    read_chance::{masks, quicker_walk},
    run::{RunRequest, SyncOptions, WaitPolicy},
    source::{Source, SourceContent},
};

/// The longest time that a scheduled run waits for the end of the interval between two reads.
const SCHEDULED_WAIT: Duration = Duration::from_secs(15 * 60);

/// The beginning of the note about a remembered listing.
const LAST_LISTING: &str = "the product profiles are those of the last listing";

/// The end of that note, before the time.
const SEEN_LATER: &str = "new and renamed product profiles will be seen after";

/// Why the organization was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error(transparent)]
    ExperienceCloud(ExperienceCloudError),
    #[error("{0}; --wait waits for it; {UNPAUSE}")]
    PauseAsked(ExperienceCloudError),
    #[error("{what} may be requested again at {}; --wait waits for it", to_the_second(*until))]
    TooEarly { what: &'static str, until: DateTime<Utc> },
    #[error(
        "the members of {profiles} product profiles would take {calls} calls and {minutes} minutes: all users may be listed \
         again at {}, with about {pages} calls; --wait waits for it",
        to_the_second(*until)
    )]
    Dearer { profiles: usize, calls: u64, minutes: u64, pages: u64, until: DateTime<Utc> },
    #[error("Adobe asked for a pause until {}; --wait waits for it; {UNPAUSE}", to_the_second(*until))]
    Paused { until: DateTime<Utc> },
    #[error("the run was stopped")]
    Stopped,
    #[error("another run holds the lock: {holder}")]
    Locked { holder: String },
    #[error("insufficient data")]
    NoProfiles(#[from] IncompleteRead),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl SourceError {
    /// The outcome of a run that fails for this reason.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::ExperienceCloud(error) | Self::PauseAsked(error) => error.failure().into(),
            Self::TooEarly { .. } | Self::Dearer { .. } | Self::Paused { .. } => Outcome::Throttled,
            Self::NoProfiles(_) => Outcome::Incomplete,
            Self::Stopped => Outcome::Interrupted,
            Self::Locked { .. } => Outcome::Locked,
            Self::Journal(_) => Outcome::Failed,
        }
    }
}

impl From<ExperienceCloudError> for SourceError {
    fn from(error: ExperienceCloudError) -> Self {
        match error {
            ExperienceCloudError::RateLimited { pause: Some(_), .. } => Self::PauseAsked(error),
            error => Self::ExperienceCloud(error),
        }
    }
}

/// A listing of the product profiles, and whether this run read it.
pub(super) struct KnownProfiles {
    pub(super) listing: ProfileListing,
    /// When Adobe allows a new read; `None` when this run read the listing.
    pub(super) renewable_at: Option<DateTime<Utc>>,
}

/// A listing of the product profiles in which a mask matches, and the size of the organization.
struct Matched {
    listing: MatchedListing,
    costs: ReadCosts,
}

/// Reads the organization for one run.
pub(super) struct SourceReader<'a> {
    pub(super) options: &'a SyncOptions,
    pub(super) journal: &'a Journal,
    pub(super) request: &'a RunRequest,
    pub(super) experience_cloud: &'a ExperienceCloud,
    pub(super) watcher: &'a Watcher,
}

impl SourceReader<'_> {
    /// Reads all users, or those that the run is narrowed to. A stop request ends it at once: nothing is in progress
    /// yet.
    pub(super) async fn read(&self) -> Result<Source, SourceError> {
        tokio::select! {
            biased;
            () = self.request.stop.requested() => Err(SourceError::Stopped),
            source = self.read_source() => source,
        }
    }

    async fn read_source(&self) -> Result<Source, SourceError> {
        let windows = self.wait_out_pause().await?;
        if self.request.scope.users.is_empty() {
            self.wait_for_a_cheaper_walk(&windows).await?;
        }
        let profiles = self.profiles(&windows).await?;
        let renewable_at = profiles.renewable_at.map(to_the_second);
        if !self.request.scope.users.is_empty() {
            let notes = renewable_at.map(|at| format!("{LAST_LISTING}; {SEEN_LATER} {at}"));
            return Ok(Source {
                content: self.read_users(profiles.listing).await?,
                notes: notes.into_iter().collect(),
            });
        }
        let matched = self.matched(profiles.listing).await?;
        let notes = renewable_at.map(|at| {
            let (profiles, calls) = (matched.costs.profile_count(), matched.costs.profiles());
            format!(
                "{LAST_LISTING}, and the members of each are listed: about {calls} calls for {profiles} matching product \
                 profiles; {SEEN_LATER} {at}"
            )
        });
        let content = SourceContent::Organization(self.read_organization(matched, &windows).await?);
        Ok(Source { content, notes: notes.into_iter().collect() })
    }

    /// Waits until all users may be listed again, if listing the members of each profile of the remembered listing takes
    /// longer than that. Fails if a run of this kind does not wait for so long: the calls are not spent.
    async fn wait_for_a_cheaper_walk(&self, windows: &CallWindows) -> Result<(), SourceError> {
        match quicker_walk(self.options, self.journal, windows).await? {
            Some((costs, until)) => self.wait_for_walk(&costs, until).await,
            None => Ok(()),
        }
    }

    fn is_waiting_quicker(&self, costs: &ReadCosts, until: DateTime<Utc>) -> bool {
        costs.is_waiting_quicker(remaining(until), self.options.experience_cloud.users_per_minute)
    }

    async fn wait_for_walk(&self, costs: &ReadCosts, until: DateTime<Utc>) -> Result<(), SourceError> {
        let outcome = self.wait(until, "page 0 of the users", self.longest_wait_for_interval()).await;
        outcome.map_err(|error| match error {
            SourceError::TooEarly { .. } => {
                let (calls, per_minute) = (costs.profiles(), self.options.experience_cloud.users_per_minute);
                let minutes = calls.div_ceil(per_minute.get().into());
                SourceError::Dearer {
                    profiles: costs.profile_count(),
                    calls,
                    minutes,
                    pages: costs.organization(),
                    until,
                }
            }
            error => error,
        })
    }

    /// Matches the listing, and estimates what each way to read it costs.
    async fn matched(&self, listing: ProfileListing) -> Result<Matched, SourceError> {
        let users = self.journal.accepted_users().await?;
        let listing = listing.matched_by(masks(self.options))?.in_organization_of(users);
        Ok(Matched { costs: listing.costs(), listing })
    }

    fn organization(&self) -> &OrganizationId {
        &self.options.experience_cloud.organization_id
    }

    /// Reads the groups listing where its page 0 may be requested, and takes the stored one otherwise.
    pub(super) async fn profiles(&self, windows: &CallWindows) -> Result<KnownProfiles, SourceError> {
        let allowed = self.allowed_at(windows, ListingKind::Groups);
        if let Some(until) = allowed.filter(|at| *at > Utc::now()) {
            let remembered = self.journal.listing(self.organization()).await?;
            match remembered.filter(|_| self.may_use_remembered(until)) {
                Some(remembered) => {
                    let listing = ProfileListing::remembered(remembered.profiles);
                    return Ok(KnownProfiles { listing, renewable_at: Some(until) });
                }
                None => self.wait(until, "page 0 of the groups listing", self.longest_wait_for_interval()).await?,
            }
        }
        let read = self.experience_cloud.fetch_listing();
        let listing = self.read_first_page(ListingKind::Groups, windows.groups_first_page, read).await?;
        let masks = masks(self.options);
        let matters =
            |name: &ProductProfileName| masks.iter().any(|mask| mask.matches(name.as_str()) != MaskMatch::NoMatch);
        // A stored listing does not say which of its records are in doubt.
        if listing.unusable().are_foreign(matters) {
            let remembered = RememberedListing { read_at: Utc::now(), profiles: listing.profiles().to_vec() };
            self.journal.remember_listing(self.organization(), &remembered).await?;
        }
        Ok(KnownProfiles { listing, renewable_at: None })
    }

    /// Whether the stored listing is enough, where a new read is allowed at `until`. A scheduled run waits a short time
    /// instead.
    fn may_use_remembered(&self, until: DateTime<Utc>) -> bool {
        if !self.request.scope.users.is_empty() {
            return true;
        }
        let worth_waiting = self.request.wait_policy == WaitPolicy::Scheduled && remaining(until) <= SCHEDULED_WAIT;
        !worth_waiting && !requires_first_page(self.experience_cloud.read_choice(), ListingKind::Groups, true)
    }

    async fn read_organization(
        &self,
        Matched { listing: matched, costs }: Matched,
        windows: &CallWindows,
    ) -> Result<OrganizationSnapshot, SourceError> {
        let mut kind = self.experience_cloud.choose(&matched);
        let allowed = self.allowed_at(windows, ListingKind::Users);
        if let (ReadKind::Organization, Some(until)) = (kind, allowed.filter(|at| *at > Utc::now())) {
            if requires_first_page(self.experience_cloud.read_choice(), ListingKind::Users, true) {
                self.wait(until, "page 0 of the users", self.longest_wait_for_interval()).await?;
            } else if self.is_waiting_quicker(&costs, self.next_walk(until)) {
                self.wait_for_walk(&costs, self.next_walk(until)).await?;
            } else {
                kind = ReadKind::Profiles;
            }
        }
        let logins = self.journal.remembered_logins().await?;
        let read = self.experience_cloud.fetch_memberships(matched, logins, kind);
        if kind == ReadKind::Organization {
            self.read_first_page(ListingKind::Users, windows.users_first_page, read).await
        } else {
            Ok(read.await?)
        }
    }

    /// When this run, or else the next one, can list all users, whose page 0 may be requested at `users`. This run has
    /// just read the groups listing, which the next run may not do within the interval.
    fn next_walk(&self, users: DateTime<Utc>) -> DateTime<Utc> {
        if self.longest_wait_for_interval().is_none_or(|most| remaining(users) <= most) {
            return users;
        }
        users.max(after(self.options.first_page_interval))
    }

    /// Reads the users that the run is narrowed to, with one call each.
    async fn read_users(&self, listing: ProfileListing) -> Result<SourceContent, SourceError> {
        let (mut users, mut unknown) = (Vec::new(), Vec::new());
        for name in &self.request.scope.users {
            match self.experience_cloud.fetch_user(name, self.options.membership()).await? {
                Some(user) => users.push((user.user, user.profiles)),
                None => unknown.push(name.clone()),
            }
        }
        let snapshot = UserSnapshot::new(listing.profiles().to_vec(), users)?;
        let snapshot = snapshot.with_unusable(listing.unusable().clone());
        Ok(SourceContent::Users { snapshot, unknown })
    }

    /// Reads a listing from its page 0 on. Each request for page 0 is recorded before it is sent, so that a run that
    /// dies in between counts; the record is removed when the request cannot have reached Adobe.
    async fn read_first_page<T>(
        &self,
        listing: ListingKind,
        before: Option<DateTime<Utc>>,
        read: impl Future<Output = Result<T, ExperienceCloudError>>,
    ) -> Result<T, SourceError> {
        let outcome = read.await;
        if let Err(error) = &outcome
            && !error.was_sent()
        {
            self.journal.set_first_page(self.organization(), listing, before).await?;
        }
        Ok(outcome?)
    }

    /// The groups listing for a command that only shows it: the stored one wherever Adobe's limits forbid a call now.
    pub(super) async fn profiles_for_display(&self) -> Result<KnownProfiles, SourceError> {
        let windows = self.journal.call_windows(self.organization(), Utc::now()).await?;
        let renewable_at = self.allowed_at(&windows, ListingKind::Groups).max(windows.not_before);
        if let Some(until) = renewable_at.filter(|at| *at > Utc::now())
            && let Some(remembered) = self.journal.listing(self.organization()).await?
        {
            let listing = ProfileListing::remembered(remembered.profiles);
            return Ok(KnownProfiles { listing, renewable_at: Some(until) });
        }
        let windows = self.wait_out_pause().await?;
        self.profiles(&windows).await
    }

    /// When page 0 of a listing may be requested again; `None` when it never was.
    fn allowed_at(&self, windows: &CallWindows, listing: ListingKind) -> Option<DateTime<Utc>> {
        windows.first_page_allowed_at(listing, self.options.first_page_interval)
    }

    /// The longest wait for the end of a pause that Adobe asked for; `None` for any length.
    fn longest_wait(&self) -> Option<Duration> {
        match self.request.wait_policy {
            WaitPolicy::Bounded | WaitPolicy::Scheduled => Some(self.options.experience_cloud.retry.max_wait),
            WaitPolicy::Unbounded => None,
        }
    }

    /// The longest wait for the end of the interval between two reads; `None` for any length.
    fn longest_wait_for_interval(&self) -> Option<Duration> {
        match self.request.wait_policy {
            WaitPolicy::Scheduled => Some(SCHEDULED_WAIT),
            WaitPolicy::Bounded | WaitPolicy::Unbounded => self.longest_wait(),
        }
    }

    /// Waits until the pause that Adobe asked for ends or is forgotten; answers the recorded times of the calls.
    async fn wait_out_pause(&self) -> Result<CallWindows, SourceError> {
        // Read before the pause: a pause that is forgotten in between is then noticed.
        let before = self.journal.cancelled_pause_count(self.organization()).await?;
        let windows = self.journal.call_windows(self.organization(), Utc::now()).await?;
        let Some(until) = windows.not_before else { return Ok(windows) };
        let length = remaining(until);
        if self.longest_wait().is_some_and(|most| length > most) {
            return Err(SourceError::Paused { until });
        }
        if !length.is_zero() {
            let shown = to_the_second(until);
            tracing::info!(umapi.until = %shown, "waiting until {shown}: Adobe asked for a pause until then; {UNPAUSE}");
            self.watcher.step(RunStep::WaitingUntil { until, length });
            wait_out(self.journal, self.organization(), length, Some(before)).await;
        }
        Ok(windows)
    }

    /// Waits until `until`; fails where that is longer than `most`.
    async fn wait(&self, until: DateTime<Utc>, what: &'static str, most: Option<Duration>) -> Result<(), SourceError> {
        let length = remaining(until);
        if most.is_some_and(|most| length > most) {
            return Err(SourceError::TooEarly { what, until });
        }
        if !length.is_zero() {
            tracing::info!(umapi.until = %to_the_second(until), "waiting until {}: {what} may not be requested before", to_the_second(until));
            self.watcher.step(RunStep::WaitingUntil { until, length });
            tokio::time::sleep(length).await;
        }
        Ok(())
    }
}

/// Whether a read needs page 0 of this listing: with `read = "organization"` always; otherwise only the groups listing,
/// while none is stored, because profiles can be read one by one.
pub(super) fn requires_first_page(choice: ReadChoice, listing: ListingKind, has_stored_groups: bool) -> bool {
    choice == ReadChoice::Organization || listing == ListingKind::Groups && !has_stored_groups
}

/// The time until `until`; zero when it is past.
pub(super) fn remaining(until: DateTime<Utc>) -> Duration {
    (until - Utc::now()).to_std().unwrap_or_default()
}
